/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one door.  A binding opens a request, fills its primitive, submits it with what the channel proved, and is told
 * first to prepare (encode) the answer and then to release (send) it.  Between the two the answer waits for durability.
 */
#ifndef CORE_GATE_H
#define CORE_GATE_H

#include "cse/model/prim.h"
#include "security/security.h"

struct gate;
struct request; /* of the gate; bound to one loop */
struct conf;

struct gate_opts {
	struct conf *conf;      /* counted */
	struct clock *clock;
	struct rnd *rnd;
	struct log *log;
	struct stats *const *stats; /* one block per loop */
	struct addr_self self;
	struct store *store;
	struct security *security;
	struct workers *workers;
	struct loop *const *loops;
	unsigned n_loops;
};
/* Makes the gate and its timers (expiration, clock) on loop 0. */
int gate_new(const struct gate_opts *o, struct gate **out, struct why *why);
/* Loops have stopped, bindings are closed, workers have ended and the store is flushed: nobody else holds a request. */
void gate_free(struct gate *g);
/* Content of a new CSEBase, in the arena; for store_open.  TS-0004 7.4.3. */
struct res *gate_make_base(struct arena *a, const struct conf *c, const struct addr_self *self, int64_t now_us);
/* First start of a new store: the administrator's access-control policy and the default policy.  Once, before service. */
int gate_bootstrap(struct gate *g, struct why *why);
void gate_reload(struct gate *g, struct conf *c);
struct out;
/* Where ways out are added (out.h). */
struct out *gate_out(struct gate *g);

struct gate_reply {
	/* The answer is known: encode it now; r and all it points to are gone when this returns. May be called a second time
	 * (when the commit failed) before release. */
	void (*prepare)(void *arg, const struct resp *r);
	/* Send what was prepared.  Called exactly once unless the request was abandoned; the request is gone then. */
	void (*release)(void *arg);
};

/* A fresh request with an empty primitive on this loop (pooled; never NULL). */
struct request *gate_open(struct gate *g, struct loop *l);
struct prim *request_prim(struct request *r);
struct arena *request_arena(struct request *r);
/* Limits for decoding, from the configuration. */
const struct codec_limits *gate_limits(const struct gate *g);
/* Judges and carries out.  peer is referenced for as long as needed.  reply may run before this returns. */
void gate_submit(struct request *r, struct peer *peer, const struct gate_reply *reply, void *arg);
/* The binding could not make a primitive that may be judged (e.g. a body that does not decode): answers p->why with the
 * same parameters as any answer (rqi, rvi), through prepare and release. */
void gate_refuse(struct request *r, const struct gate_reply *reply, void *arg);
/* The channel is gone: reply will not be called any more.  What is in the writer's queue still happens. */
void gate_abandon(struct request *r);
/* A request that was opened and will not be submitted. */
void gate_discard(struct request *r);
/* For tests/bench only: from now on every request is answered at the door with a constant OK. */
void gate_answer_constant(struct gate *g);
/* What subscriptions hold, for operators.  Thread-safe. */
struct notify_usage {
	uint64_t subscriptions, silent; /* silent: whose creator or targets have no active credential */
	uint64_t held;                  /* notifications that wait for their batch, rate or schedule */
	uint64_t stored;                /* ... or are on their way, and survive a crash */
	uint64_t dropped;               /* since the start */
	uint64_t waiting, sending;      /* requests of ours that are queued; of them, those on their way now */
};
void gate_notify_usage(const struct gate *g, struct notify_usage *out);
/* True while bindings should stop reading requests (the writer's queue is full). */
bool gate_is_congested(const struct gate *g);

#endif
