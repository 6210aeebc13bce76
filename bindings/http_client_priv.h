/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the HTTPS carrier: its pool (http_client.c), its connections (http_client_conn.c), where they lead
 * (http_client_addr.c). */
#ifndef BINDINGS_HTTP_CLIENT_PRIV_H
#define BINDINGS_HTTP_CLIENT_PRIV_H

#include "bindings/conn.h"
#include "bindings/http_client.h"
#include "cse/base/work.h"

enum {
	CLIENT_BUCKETS = 256, CLIENT_CONNS = 16 /* per target, all loops together */, CLIENT_FIELDS = 64, CLIENT_ADDRESSES = 8,
	CLIENT_HEAD = 16384, CLIENT_LINE = 8192, CLIENT_KEEP = 16384, CLIENT_POOL = 256,
};

struct client_lane;
struct client_conn;

/* An attempt of the core's. */
struct errand {
	struct errand *next;        /* pool */
	struct conn_link link;      /* waits at its endpoint */
	struct endpoint *at;
	struct carry *carry;
	struct client_conn *conn;   /* that carries it */
	bool again;                 /* a kept connection was closed under it: it had its second chance */
};

/* Where connections go, and whose proof is asked for. */
struct endpoint {
	struct endpoint *next;      /* bucket */
	struct client_lane *lane;
	uint64_t hash;
	struct str host, proof;     /* behind the struct; proof: credential, or names joined by blanks */
	bool by_names, ip6;
	uint16_t port, zone;
	struct conn_link waiting, idle; /* errands; client_conns */
	unsigned n_conns, n_waiting;
	unsigned pins;              /* callers that still need it */
	bool dialing;               /* an address is being looked up, or a handshake is under way */
	int64_t not_before_ns;      /* after a failure: the next connection */
	struct lookup *lookup;      /* under way */
	struct conn_link dirty;     /* of the lane, to be looked after in its task */
};

struct client_conn {
	struct conn conn;           /* first */
	struct endpoint *at;
	struct conn_link idle;
	struct errand *errand;
	struct buf in, out;
	struct http1 h;
	struct http1_field *fields; /* while an answer is read */
	unsigned interim;           /* 1xx answers before the real one */
	bool open, used, heard;     /* ready to carry; has carried; bytes of the present answer have come */
};

/* A name being looked up on a worker. */
struct lookup {
	struct work work;           /* first */
	struct lookup *all_next, **all_prev;
	struct client_lane *lane;
	struct endpoint *at;        /* NULL: nobody waits any more */
	char host[256];
	uint16_t port;
	struct sockaddr_storage found[CLIENT_ADDRESSES];
	socklen_t found_n[CLIENT_ADDRESSES];
	unsigned n;
};

struct http_client;
struct client_lane {
	struct conn_lane lane;      /* first */
	struct http_client *client;
	struct endpoint *endpoints[CLIENT_BUCKETS];
	struct errand *errands;     /* pool */
	unsigned n_errands;
	struct lookup *lookups;
	struct conn_link dirty;
	struct loop_task task;
	struct buf body;            /* content being encoded */
	struct arena answer;        /* content that was decoded */
	_Atomic unsigned total;
};

#define HTTP_CLIENT_MAGIC 0x68636c74u
struct http_client {
	uint32_t magic;
	struct carrier_opts o;
	BIO_METHOD *bio;
	struct conn_times times;
	struct http1_limits limits;
	int64_t idle_ns;
	struct client_lane **lanes;
};

/* http_client_addr.c: finds an address that may be connected to and calls client_connect, at once or later. */
void client_find(struct endpoint *e);
void client_lookup_end(struct lookup *l);
/* http_client_conn.c */
extern const struct conn_user client_user;
/* A connection to that address; false: it was refused at once. */
bool client_connect(struct endpoint *e, const struct sockaddr *to, socklen_t n);
/* The errand goes out on an open connection with nothing on it. */
void client_carry(struct client_conn *cc, struct errand *x);
/* http_client.c: no connection could be made; something has changed (which may free the endpoint). */
void client_unreachable(struct endpoint *e);
void client_next(struct endpoint *e);
void client_wait(struct errand *x, bool first);
/* Tells the core; the errand is gone. */
void client_finish(struct errand *x, const struct out_result *r);

static inline struct client_lane *client_lane_of(const struct client_conn *cc)
{
	return (struct client_lane *)(void *)cc->conn.lane;
}

#endif
