/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the local port: listeners (door.c), connections (door_conn.c), what a request becomes (door_ask.c), what its answer
 * becomes (door_answer.c), who may speak at all (door_host.c). */
#ifndef AGENT_DOOR_PRIV_H
#define AGENT_DOOR_PRIV_H

#include "agent/book.h"
#include "agent/door.h"
#include "agent/plain.h"
#include "agent/policy.h"
#include "agent/rewrite.h"
#include "agent/sockdiag.h"
#include "agent/upstream.h"
#include "bindings/conn.h"
#include "bindings/http1.h"
#include "cse/base/arena.h"

enum { DOOR_FIELDS = 64, DOOR_HEAD = 16384, DOOR_LINE = 8192, DOOR_LISTENERS = 9, DOOR_OUT = 80 << 20, DOOR_KEEP = 8192,
	DOOR_ASKED = 256, DOOR_PENDING = 256, DOOR_LOST = 64 };

struct door_listener {
	struct loop_io io;
	struct loop_timer retry;
	struct door *door;
	bool is_unix;
};

/* A request whose answer did not come. */
struct door_lost {
	uint64_t key, digest;
	int64_t until_ns;
};

#define DOOR_MAGIC 0x646f6f72u
struct door {
	uint32_t magic;
	struct agent *agent;
	struct sockdiag diag;
	uid_t uid;
	struct http1_limits limits;
	struct door_listener listeners[DOOR_LISTENERS];
	unsigned n_listeners, port;
	uint16_t own_ports[DOOR_LISTENERS];
	char socket_path[108];
	struct rewrite rewrite;
	struct conn_link all; /* connections */
	unsigned n_conns, max_conns;
	struct arena arena;   /* of the request being judged */
	uint64_t key[2];
	int64_t begin_ns;
	uint64_t asked[DOOR_ASKED]; /* identifiers of requests that are answered by a notification (TS-0001 8.2.2.2), by their hash */
	unsigned n_asked;
	struct door_conn *pending[DOOR_PENDING]; /* under way, by identifier */
	struct door_lost lost[DOOR_LOST];
	unsigned n_lost;
	int64_t told_ns;      /* when a refused connection or message was logged last */
	unsigned untold;
};

enum door_phase { DOOR_IDLE, DOOR_READING, DOOR_CARRIED, DOOR_SENDING };

struct door_conn {
	struct plain plain; /* first */
	struct door *door;
	struct conn_link all;
	enum door_phase phase;
	bool running;       /* run is on the stack */
	bool interim;       /* DOOR_SENDING: 100 Continue */
	bool in_body;
	bool closing;       /* after the present answer */
	bool is_unix;
	size_t used;        /* bytes of plain.in that belong to messages that are over */
	struct http1 h;
	struct http1_field fields[DOOR_FIELDS];
	struct str origin;  /* a configured browser's origin of the present request (a slice of the message), or empty */
	struct buf ask;     /* fields, target and content as they are carried */
	struct buf out;     /* the answer */
	struct carriage carriage;
	unsigned op, ty;    /* of the present request, for what is learned from its answer */
	uint64_t key, digest; /* of its identifier, of what it asks */
	struct door_conn *next_pending;
	bool named, renamed, pending;
	struct str to, rqi; /* slices of the message or of `ask` */
};

static inline struct door_conn *door_conn_of(struct plain *p) { return (struct door_conn *)(void *)p; }
static inline const char *door_message(const struct door_conn *dc) { return dc->plain.in.p + dc->used; }

/* door_conn.c: takes a socket whose other end is this user's. */
void door_conn_take(struct door *d, int fd, bool is_unix);
/* Sends dc->out and goes on. */
void door_conn_answer(struct door_conn *dc);
/* A line of the log at most once a second. */
void door_refused(struct door *d, const char *why);

/* door_host.c, RFC 9110 7.2, Fetch standard 3.2: "127.0.0.1", "[::1]" or "localhost", with any port. */
bool door_host_is_local(struct str authority);
/* HTTP status and sentence when the message must not be heard, 0 when it may.  *origin: a browser's origin that may. */
unsigned door_host_check(const struct http1 *h, const char *base, const struct policy *policy, struct str *origin, const char **why);

/* door_ask.c: the complete message as dc->carriage.  RSC_NONE: carry it. */
enum rsc door_ask(struct door_conn *dc, struct why *why);

void door_ask_later(struct door *d, struct str rqi);

/* door_once.c: the identifier under which a request goes that is no RETRIEVE: its own, or another one. */
struct door_once {
	struct str from, type, target, body;
	bool later; /* its answer comes as a notification */
};
struct str door_once_name(struct door_conn *dc, const struct door_once *q, char fresh[BOOK_TOKEN]);
void door_once_sent(struct door_conn *dc);
/* Harmless when it was not sent.  lost: without an answer. */
void door_once_done(struct door_conn *dc, bool lost);

/* door_answer.c: each fills dc->out. */
void door_answer_put(struct door_conn *dc, const struct http1 *h, const char *base);
void door_answer_refuse(struct door_conn *dc, enum rsc rsc, const char *text);
void door_answer_plain(struct door_conn *dc, unsigned status, const char *text);
void door_answer_preflight(struct door_conn *dc);
/* What the book keeps of an answer. */
void door_answer_learn(struct door_conn *dc, const struct http1 *h, const char *base);

#endif
