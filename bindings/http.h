/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 on connections: from bytes to the gate and back. */
#ifndef BINDINGS_HTTP_H
#define BINDINGS_HTTP_H

#include "bindings/aside.h"
#include "bindings/conn.h"
#include "bindings/http1.h"
#include "bindings/http_map.h"
#include "cse/core/gate.h"

/* Options as numbers, fixed once made; a reload makes a new set. */
struct http_set {
	struct http_set *older;
	struct conf *conf;        /* counted; cors_origins lie in it */
	struct http1_limits limits;
	int64_t head_ns, body_ns, idle_ns;
	size_t held_max;          /* per lane: bytes of messages that wait for their peers */
	struct conn_times times;
	unsigned max_handshakes;  /* per lane */
	unsigned max_of_one;      /* connections of one credential */
};

/* What a message needs while it is on its way; kept in a pool, so that idle connections have none. */
struct http_exchange {
	struct http_exchange *next;
	const struct http_set *set; /* whose limits it keeps */
	struct buf in;            /* what the peer sent, from the present message on */
	size_t used;              /* bytes of `in` that belong to messages that are over */
	struct http1 h;
	struct buf out;           /* the answer: a gap for the head, then the content */
	size_t from;              /* where the answer begins in it */
	struct http_wish wish;
	unsigned n_fields;        /* room */
	struct http1_field fields[];
};

/* What the connections of one loop share. */
struct http_lane {
	struct conn_lane lane;    /* first */
	struct gate *gate;
	const struct aside *asides; /* a list, may be NULL */
	const struct http_set *set;
	struct http_exchange *pool;
	unsigned n_pool;
	struct buf head;          /* an answer's head being made */
	struct conn_link waiting; /* connections that may not submit, or not be read: the store is congested */
	struct loop_timer retry;
	struct conn_link held;    /* connections that wait for their peer in the middle of a message, longest first */
	size_t held_bytes;
	bool ending;              /* each answer is its connection's last */
	int64_t told_ns;          /* when a refused message was logged last */
	unsigned untold;
};

enum http_phase {
	HTTP_IDLE,    /* between messages */
	HTTP_READING, /* a message has begun: x->h has seen a part of it */
	HTTP_WAITING, /* it is complete, the store is congested */
	HTTP_JUDGED,  /* the gate has it */
	HTTP_SENDING, /* its answer is being sent */
};

struct http_conn {
	struct conn conn;         /* first */
	enum http_phase phase;
	bool running;             /* run is on the stack */
	bool interim;             /* HTTP_SENDING: 100 Continue, not the answer */
	bool in_body;             /* HTTP_READING: the head is complete */
	bool closing;             /* after the present answer */
	unsigned asked;           /* messages of a limited session */
	int64_t limit_ns;         /* its end; 0: it has none */
	int64_t deadline_ns;      /* HTTP_READING: of the head, then of the content */
	struct request *request;  /* HTTP_JUDGED, */
	struct aside_ask *aside;  /* or this */
	struct http_exchange *x;  /* NULL when idle */
	struct loop_task again;   /* other connections get their turn first */
	struct conn_link waiting, held;
	size_t held_bytes;
};

extern const struct conn_user http_user;

static inline struct http_conn *http_conn_of(struct conn *c) { return (struct http_conn *)(void *)c; }
static inline struct http_lane *http_lane_of(const struct http_conn *hc)
{
	return (struct http_lane *)(void *)hc->conn.lane;
}

enum { HTTP_KEEP = 65536 /* larger buffers do not stay in the pool */ };
/* Sends the answer that stands in hc->x->out behind `from`, and goes on with what has come. */
void http_send(struct http_conn *hc);
/* Sets hc->x. */
void http_exchange_take(struct http_conn *hc);
/* Clears it.  Harmless when there is none. */
void http_exchange_give(struct http_conn *hc);
/* The message waits for its peer: its memory counts, and when the lane has too much of that, who waits longest is closed
 * (which may be this one).  Called again when it has grown. */
void http_hold(struct http_conn *hc);
void http_release(struct http_conn *hc);

struct http_set *http_set_new(struct conf *c, unsigned n_lanes);
void http_set_free(struct http_set *s);
void http_lane_init(struct http_lane *hl, struct gate *gate, const struct http_set *set);
void http_lane_fini(struct http_lane *hl);
/* A graceful end begins: idle connections are closed, the others after their present answer. */
void http_lane_end(struct http_lane *hl);
/* Connections of the lane with a request under way. */
unsigned http_lane_busy(const struct http_lane *hl);

#endif
