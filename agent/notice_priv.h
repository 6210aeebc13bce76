/* SPDX-License-Identifier: Apache-2.0 */
/* Between the CSE's side of notifications (notice.c, notice_conn.c), their judgement (notice_ask.c) and the client's (notice_local.c). */
#ifndef AGENT_NOTICE_PRIV_H
#define AGENT_NOTICE_PRIV_H

#include "agent/book.h"
#include "agent/notice.h"
#include "agent/plain.h"
#include "agent/policy.h"
#include "agent/rewrite.h"
#include "agent/sockdiag.h"
#include "bindings/conn.h"
#include "bindings/http1.h"
#include "bindings/listen.h"

enum {
	NOTICE_FIELDS = 64, NOTICE_HEAD = 16384, NOTICE_LINE = 8192, NOTICE_CONNS = 256, NOTICE_ADDRESSES = 8, NOTICE_KEEP = 8192,
	NOTICE_IDLE_LOCAL = 32, /* kept connections to local clients */
	NOTICE_OUT = 80 << 20,
};

struct local;

#define NOTICE_MAGIC 0x6e6f7463u
struct notice {
	uint32_t magic;
	struct agent *agent;
	struct conn_lane lane;
	struct conn_lane *lanes[1];
	struct conn_times times;
	BIO_METHOD *bio;
	_Atomic unsigned total;
	struct listen_set listen;
	struct http1_limits limits;
	char authority[300];
	struct sockdiag diag;
	struct conn_link idle; /* connections to local clients, the one used last at the end */
	unsigned n_idle;
	int64_t told_ns;
	unsigned untold;
};

enum notice_phase { NOTICE_IDLE, NOTICE_READING, NOTICE_CARRIED, NOTICE_SENDING };

struct notice_conn {
	struct conn conn; /* first */
	enum notice_phase phase;
	bool closing;
	size_t used;      /* bytes of `in` that belong to messages that are over */
	int64_t born_ns;
	struct buf in, out;
	struct buf ask;   /* the request to the local client */
	struct http1 h;
	struct http1_field *fields; /* while there is a message */
	struct local *local;        /* NOTICE_CARRIED */
	struct rewrite_place place; /* of the URL, which `url` holds */
	bool other;       /* "localhost" at its second address */
	bool again;       /* a kept connection was closed under it: its second chance */
	struct str rqi;   /* slice of the message */
};

static inline struct notice_conn *notice_conn_of(struct conn *c) { return (struct notice_conn *)(void *)c; }
static inline struct notice *notice_of(const struct notice_conn *nc) { return CONTAINER_OF(nc->conn.lane, struct notice, lane); }
static inline const char *notice_message(const struct notice_conn *nc) { return nc->in.p + nc->used; }

/* A line of the log at most once a second. */
void notice_refused(struct notice *n, const char *why);

/* notice_ask.c: judges the complete message; RSC_NONE: nc->ask is the request to the local client at nc->place. */
enum rsc notice_ask(struct notice_conn *nc, struct why *why);

/* notice_conn.c */
extern const struct conn_user notice_user;
/* The local client's answer; h NULL: there is none, and the CSE shall try again. */
void notice_conn_done(struct notice_conn *nc, const struct http1 *h, const char *base);

/* notice_local.c: sends nc->ask and calls notice_conn_done, never at once. */
void notice_local_send(struct notice_conn *nc);
/* notice_conn_done is not called any more. */
void notice_local_cancel(struct notice_conn *nc);
void notice_local_end(struct notice *n);

#endif
