/* SPDX-License-Identifier: Apache-2.0 */
/* Channels with what waits in them, for polling.c (requests come in) and longpoll.c (they are asked for and answered). */
#ifndef CORE_POLLING_PRIV_H
#define CORE_POLLING_PRIV_H

#include <pthread.h>

#include "cse/core/gate_priv.h"
#include "cse/core/polling.h"

enum {
	POLLING_POLLS = 4,          /* waiting polls of a channel */
	POLLING_QUEUE = 4096,       /* requests of a channel; engine.md 4.4 */
	POLLING_QUEUE_BYTES = 8 << 20,
	POLLING_BYTES = 64 << 20,   /* of all channels */
	POLLING_AT_ONCE = 256,      /* requests in an aggregated answer ... */
	POLLING_AT_ONCE_BYTES = 1 << 20,
	POLLING_BUCKETS = 1024
};
/* From its delivery a request is answered within this time. */
#define POLLING_ANSWER_NS INT64_C(60000000000)

/* QUEUED: nobody has asked for it; GIVEN: delivered, its answer is awaited; ENDED: out of its channel, done() is due. */
enum errand_state { ERRAND_QUEUED, ERRAND_GIVEN, ERRAND_ENDED };

/* A request on its way.  Made and freed on its sender's loop; between, under the lock. */
struct errand {
	struct loop_task task;   /* first: back to the sender's loop */
	struct polling *polling;
	struct loop *loop;
	struct errand *all_next, **all_prev;
	struct errand *next, **prev; /* of the channel, oldest first */
	struct channel *channel;
	enum errand_state state;
	bool posted;
	size_t bytes;
	struct arena a;
	struct val rqp;          /* m2m:rqp, in `a` */
	struct str rqi;
	/* the sender's loop only */
	struct carry *carry;     /* NULL: nobody waits for the result any more */
	struct loop_timer timer;
	/* once ENDED */
	struct out_result result;
	struct content pc;       /* of the answer, in `a` */
};

/* A long poll that waits.  Outlives its request when it was woken at the same moment as the request went. */
struct poll {
	struct loop_task task;   /* first: to the request's loop */
	struct polling *polling;
	struct loop *loop;
	struct poll *next, **prev; /* of the channel, newest first; prev NULL: out of it */
	struct channel *channel;
	struct request *r;       /* NULL: gone */
	bool posted, surplus;    /* woken; answered early, for there are too many */
};

/* Exists while something waits. */
struct channel {
	struct channel *next, **prev; /* of its bucket */
	uint32_t rid;            /* of the <pollingChannel> */
	struct errand *first, **end;
	struct poll *polls;
	unsigned n_errands, n_polls;
	size_t bytes;
};

#define POLLING_MAGIC 0x706f6c6cu
struct polling {
	uint32_t magic;
	struct gate *gate;
	pthread_mutex_t lock;    /* after the tree's lock where both are held; everything below */
	struct channel *bucket[POLLING_BUCKETS];
	struct errand *all;
	size_t bytes;
	struct poll *woken;      /* out of their channels, task on its way */
	/* polling_watch.c's */
	struct loop *loop;       /* 0 */
	struct loop_timer timer;
	struct loop_task turn;
	struct arena arena;
	unsigned at;             /* next bucket to be looked at */
};

/* All under the lock. */
struct channel *polling_find(struct polling *p, uint32_t rid, bool make);
/* Frees a channel in which nothing waits. */
void polling_tidy(struct polling *p, struct channel *c);
/* Out of its channel, which may be gone then; done() will get the result. */
void polling_end(struct errand *e, int err);
/* Its sender's loop looks at it. */
void polling_poke(struct errand *e);
/* As many of the newest polls as there are requests to be asked for. */
void polling_wake(struct channel *c);
void polling_wake_one(struct poll *w);

/* longpoll.c */
enum step_result polling_retrieve(struct request *r);
enum rsc polling_notify(struct request *r);
/* polling_watch.c: once a second, what became of channels, owners and their credentials. */
void polling_watch(struct polling *p);
void polling_watch_end(struct polling *p);

#endif
