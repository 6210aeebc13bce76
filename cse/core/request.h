/* SPDX-License-Identifier: Apache-2.0 */
/* A request on its way through the steps of steps.c.  For cse/core only; hooks see struct change (hook.h). */
#ifndef CORE_REQUEST_H
#define CORE_REQUEST_H

#include "cse/core/gate.h"
#include "cse/core/hook.h"

enum step_result { STEP_NEXT, STEP_ANSWER, STEP_WAIT };

/* What `to` led to. */
struct target {
	const struct node *node;     /* the resource; container of an instance, la, ol */
	enum virtual_child virt;
	bool is_inst;
	struct inst inst;
	struct str attr;             /* one attribute behind '#' */
};

#define REQUEST_MAGIC 0x72657175u
struct request {
	uint32_t magic;
	struct request *next;        /* free list */
	struct gate *gate;
	struct loop *loop;
	struct arena arena;
	struct prim prim;
	struct peer *peer;
	const struct gate_reply *reply;
	void *arg;
	unsigned step;               /* row of steps.c */
	bool abandoned, prepared;

	struct addr to;
	struct origin origin;
	int64_t deadline_ns;         /* monotonic */
	int64_t begin_ns;
	struct loop_timer timer;

	struct tx *tx;               /* between resolve and the end of the procedure */
	struct target target;
	const struct grant *grant;
	struct change change;
	struct append append;
	struct commit commit;
	struct fetch fetch;
	struct body *body;           /* of the instance that is answered */

	struct resp resp;
	enum rsc rsc;                /* outcome of the procedure */
	const struct res *shown;     /* what rcn 1, 3, 9 show; counted by `shown_ref` */
	struct res *shown_ref;
	struct counters counters;
	struct str ri, pi, rn, path; /* of the shown resource */
	struct walk *walk;           /* children being collected (rcn 4, 5, 6, 8) */
};

#endif
