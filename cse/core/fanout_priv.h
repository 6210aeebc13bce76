/* SPDX-License-Identifier: Apache-2.0 */
/* A fan-out on its way: fanout.c sends and collects, target_members.c says to which members. */
#ifndef CORE_FANOUT_PRIV_H
#define CORE_FANOUT_PRIV_H

#include "cse/core/fanout.h"
#include "cse/core/steps.h"

/* One request to a member, under way or idle. */
struct fan_call {
	struct fan *fan;
	struct request *r;  /* NULL: idle */
	size_t index;
	struct fan_call *next;
};

struct fan_answer {
	struct obj *o;      /* m2m:rsp */
	enum rsc rsc;
	bool came;          /* durable */
};

/* A member that groupRequestTargetMembers has chosen; grtm: what of it lies in that sub-group. */
struct fan_pick {
	struct str id;
	struct strs grtm;
};

#define FAN_MAGIC 0x66616e6fu
struct fan {
	uint32_t magic;
	struct request *r;         /* parked; all lies in its arena */
	struct fan *root;          /* of the request that came from outside */
	unsigned depth;
	size_t budget;             /* root: requests to members that may still be made */
	uint32_t rid;              /* of the group */
	struct res *group;         /* counted */
	const struct val *mid;
	struct fan_pick *picked;   /* n of them; NULL: all of mid */
	size_t n, next, done, in_flight;
	struct str suffix;         /* what was appended to fopt, with its slash */
	struct str gid;
	struct res *content;       /* instead of the request's own; NULL: that */
	struct fan_answer *answers;
	struct fan_call *calls, *idle;
	size_t n_calls, bytes, max_bytes;
	int64_t deadline_ns;
	struct loop_timer timer;
	struct loop_task task;
	bool running;              /* the slice is on the stack */
};

static inline struct str fan_id(const struct fan *f, size_t i)
{
	return f->picked ? f->picked[i].id : f->mid->list.v[i].s;
}

/* target_members.c: f->picked and f->n by the request's groupRequestTargetMembers.  BAD_REQUEST for one that is no member. */
enum rsc fanout_pick(struct fan *f);

#endif
