/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the outgoing side: queues (out.c), where a target leads (out_route.c), what is said (out_prim.c), the
 * way to our own gate (out_self.c). */
#ifndef CORE_OUT_PRIV_H
#define CORE_OUT_PRIV_H

#include "cse/core/gate_priv.h"
#include "cse/core/out.h"

/* A ring through its members. */
struct out_link {
	struct out_link *prev, *next;
};
static inline void out_ring(struct out_link *l) { l->prev = l->next = l; }
static inline bool out_ring_empty(const struct out_link *l) { return l->next == l; }
/* In front of `at`: with the head of a ring, at its end. */
static inline void out_link_before(struct out_link *at, struct out_link *x)
{
	x->prev = at->prev;
	x->next = at;
	at->prev->next = x;
	at->prev = x;
}
/* Harmless when it is in none. */
static inline void out_unlink(struct out_link *x)
{
	if (!x->next)
		return;
	x->prev->next = x->next;
	x->next->prev = x->prev;
	x->prev = x->next = NULL;
}

/* --- where a target leads ------------------------------------------------------------------------------------------ */

enum { OUT_POINTS = 8, OUT_STEMS = 1000 };

struct out_point {
	const struct carrier_kind *kind;
	void *ctx;
	struct str url;
	struct url at;
	struct str cred;
	struct strs names;
	uint16_t zone;
	bool patient;            /* an attempt lasts as long as the message may */
};

/* Made in a transaction; holds while what it was made of is unchanged.  Counted, as attempts fly on it. */
struct out_route {
	unsigned refs;
	struct arena mem;
	int err;                 /* 0, E_DENIED, E_ABSENT */
	struct out_point points[OUT_POINTS];
	unsigned n;
	enum rvi rvi;            /* that the target understands */
	struct str to;           /* of the primitive */
	uint32_t rid;            /* of the AE whose points they are; 0: none */
	struct res *ae;          /* its content, counted */
	uint64_t epoch;          /* of credentials and rules */
	bool judged;             /* the creator's right to notify is asked for each message */
};
void out_route_unref(struct out_route *r); /* NULL: nothing */
struct out_target;
/* Makes or checks t->route, whose err says. */
void out_route_take(struct out *o, struct out_target *t);

/* --- queues -------------------------------------------------------------------------------------------------------- */

enum job_state {
	JOB_READY,  /* in its target's ready or urgent ring */
	JOB_HELD,   /* behind another of its order */
	JOB_FLYING,
	JOB_FAILED, /* `once`: its sender is told when the time of an attempt is over */
	JOB_OVER    /* in the lane's ring `over`: its sender is told at the end of the turn */
};

struct out_group;
struct out_flight;
struct out_job {
	struct out_job *next;       /* pool */
	struct out_link all, turn;
	struct out_msg *m;
	struct out_target *target;
	struct out_group *group;    /* NULL: in any order */
	struct out_flight *flight;
	enum job_state state;
	uint64_t seq;               /* in order of sending */
	bool pressing;
	int err;                    /* JOB_OVER */
	size_t bytes;
	int64_t end_ns;             /* when its sender is told in any case; 0: never */
	struct loop_timer timer;
};

/* Messages of one target and order, of which one may fly. */
struct out_group {
	struct out_group *next;     /* bucket, pool */
	struct out_target *target;
	uint64_t order;
	struct out_link held;
};

/* An attempt. */
struct out_flight {
	struct out_flight *next;    /* pool */
	struct out_job *job;
	struct out_route *route;    /* counted */
	struct arena mem;
	struct prim prim;
	struct carry carry;
	unsigned point;             /* that is being tried */
	int64_t end_ns;             /* 0: as long as the message may */
	struct loop_timer timer;
};

#define OUT_TARGET_MAGIC 0x6f746774u
struct out_target {
	uint32_t magic;
	struct out_target *next;    /* bucket */
	struct out_link all;        /* of the lane, least recently used first */
	struct out_link dirty;
	struct out_lane *lane;
	struct str name, creator;   /* behind the struct */
	uint64_t hash;
	struct out_link jobs;       /* all, oldest first */
	struct out_link ready, urgent;
	unsigned n_jobs, flying, patient; /* attempts; those that last as long as their message may */
	size_t bytes;
	unsigned failures;          /* in a row */
	int64_t last_ns, next_ns, used_ns; /* last attempt; next of what is not urgent while it fails; last use */
	struct loop_timer retry;
	struct out_route *route;
};

enum { OUT_BUCKETS = 1024, OUT_PRESSED = 4096, OUT_CARRIERS = 6, OUT_CONNS = 16, OUT_PATIENT = 4096 };

struct out_lane {
	struct out *out;
	struct loop *loop;
	struct out_target *targets[OUT_BUCKETS];
	struct out_group *groups[OUT_BUCKETS];
	struct out_link all, dirty, over;
	struct arena scratch;       /* of one look at the tree */
	struct out_job *jobs;       /* pools */
	struct out_group *spare_groups;
	struct out_flight *flights;
	unsigned n_jobs, n_flights; /* in the pools */
	unsigned n_targets;
	uint64_t seq;               /* of messages; in their request identifiers, too */
	uint64_t dropped, told_dropped;
	int64_t told_ns;
	struct loop_task task;
	struct loop_timer watch;
	bool ending;
};

struct out_carrier {
	const struct carrier_kind *kind;
	void *ctx;
};

#define OUT_MAGIC 0x6f757421u
struct out {
	uint32_t magic;
	struct gate *gate;
	uint64_t seed[2], start;    /* of hashes; of request identifiers */
	struct str cse;             /* "/id-in" */
	struct out_carrier carriers[OUT_CARRIERS];
	unsigned n_carriers;
	_Atomic unsigned in_flight, waiting;
	_Atomic uint32_t pressed[OUT_PRESSED];
	unsigned n_lanes;
	struct out_lane lanes[];
};

/* The carrier of a scheme, or NULL. */
const struct out_carrier *out_carrier_of(const struct out *o, struct str scheme);
/* Fills the primitive of a message for that route, in the flight's arena. */
void out_prim_make(struct out_lane *lane, struct out_flight *f, const struct out_msg *m, const struct out_route *r);
/* To our own gate as the CSE itself; ctx is the gate. */
extern const struct carrier_kind out_self_carrier;
/* "CDev1", "Sdev", "/mn1" of an absolute identifier; empty when it is none of this service provider. */
struct str out_name_of(const struct addr_self *self, struct str absolute);

#endif
