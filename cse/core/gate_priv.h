/* SPDX-License-Identifier: Apache-2.0 */
/* The gate's own parts, for the other files of this folder. */
#ifndef CORE_GATE_PRIV_H
#define CORE_GATE_PRIV_H

#include "cse/core/request.h"

struct expire;
struct out;
struct polling;
struct notify;
struct gids;
struct replays;
struct aggregates;
struct regroup;
struct event_room;
struct block;

/* What the procedures ask of a supported type, made once of its table so that no request searches it. */
struct typeinfo {
	const struct type *type;
	const struct behaviour *b;
	const struct attr *member;          /* root element, and member among the children of its parent */
	const struct attr *must[16];        /* mandatory in CREATE */
	unsigned n_must;
	const struct attr *cni, *cbs, *cs;  /* NULL when the type has none */
	const struct typeinfo *inst;        /* type of the instances that it holds, or NULL */
};

/* Options as numbers.  A reload makes a new set; old ones stay until the gate ends, as requests may still read them. */
struct settings {
	struct settings *older;
	struct conf *conf;
	struct codec_limits limits;
	int64_t deadline_ns, group_wait_ns, et_us;
	uint64_t depth, ae_resources, ae_instances, ae_bytes, tree_bytes, reply_resources, reply_bytes, group_members, fanout_requests;
	bool is_in;                         /* the infrastructure node's CSE */
	int64_t notify_timeout_ns, notify_pause_ns;
	uint64_t notify_queue, notify_queue_bytes;
};

/* What belongs to one loop. */
struct lane {
	struct gate *gate;
	struct loop *loop;
	struct stats *stats;
	struct request *free, *all;
	unsigned n_free;
};

/* Members of m2m:rsp, looked up once. */
enum fan_name { FAN_RSC, FAN_RQI, FAN_FR, FAN_RVI, FAN_PC, FAN_CNST, FAN_CNOT, FAN_NAMES };
struct fan_names {
	const struct attr *at[FAN_NAMES];
};

enum { GATE_TYPES = 32, GATE_POOL = 1024, GATE_ARENA = 8192 };

#define GATE_MAGIC 0x67617465u
struct gate {
	uint32_t magic;
	struct gate_opts o;
	struct lane *lanes;
	_Atomic(struct settings *) settings;
	struct known known;
	uint32_t refused[OP_NOTIFY + 1];    /* parameters that an operation may not carry, as bits of prim.has */
	struct typeinfo types[GATE_TYPES];
	unsigned n_types;
	/* m2m: elements that are no resources */
	const struct attr *root_uri, *root_rce, *root_uril, *root_rrl, *root_dbg, *root_rqp, *root_rsp, *root_agrp, *root_agr;
	_Atomic bool *congested;
	_Atomic bool constant;
	_Atomic bool tree_full;             /* set by the timer of expire.c */
	struct peer *self_peer;
	struct origin self;                 /* the CSE's own work */
	struct expire *expire;
	struct gids *gids;                  /* identifiers of group requests */
	struct replays *replays;            /* requests that are pending */
	struct regroup *regroup;            /* groups that could not be judged */
	struct aggregates *aggregates;      /* notifications through groups */
	struct fan_names fan_names;
	struct out *out;                    /* requests that we send */
	struct polling *polling;            /* those that wait to be asked for; made before `out` */
	struct notify *notify;              /* what becomes of facts */
	struct event_room *event;           /* life.c */
	struct block *blocks;               /* block.c; in a tx */
	bool ending;                        /* nobody is called back any more */
};

static inline const struct settings *gate_settings(const struct gate *g)
{
	return atomic_load_explicit(&g->settings, memory_order_acquire);
}
/* NULL when the type is not supported. */
const struct typeinfo *gate_type(const struct gate *g, unsigned ty);
/* Back into the pool; everything that the request holds is let go. */
void gate_recycle(struct request *r);
struct lane *gate_lane(const struct request *r);

#endif
