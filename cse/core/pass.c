/* SPDX-License-Identifier: Apache-2.0 */
/* The request waits while its primitive is on its way to the AE; the AE's answer is its answer. */
#include "cse/core/pass.h"

#include "cse/base/err.h"
#include "cse/core/event.h"
#include "cse/core/out.h"

struct passing {
	struct request *r;
	struct out_msg m;
};

static void passed(struct out_msg *m, const struct out_result *result)
{
	struct passing *p = m->arg;
	struct request *r = p->r;

	if (result->err != 0) {
		/* TS-0004 7.3.3.9.1: one answer for all that keeps it from being reached. */
		prim_fail(&r->prim, RSC_TARGET_NOT_REACHABLE, "the AE cannot be reached at any of its points of access (poa)");
		request_unpark(r, UNPARK_REFUSE);
		return;
	}
	r->resp.rsc = result->rsc;
	if (result->pc && (result->pc->kind == PC_ROOT || result->pc->kind == PC_RES)) {
		r->resp.has_pc = true;
		r->resp.root = result->pc->kind == PC_ROOT ? result->pc->root : result->pc->res->type->root;
		r->resp.pc = result->pc->kind == PC_ROOT ? val_copy(&r->arena, &result->pc->v)
		                                         : val_obj(val_copy(&r->arena, &(struct val){ .kind = K_OBJ, .o = &result->pc->res->o }).o);
	}
	request_unpark(r, UNPARK_RESULT);
}

static void leave(struct request *r)
{
	struct passing *p = r->parker;

	out_cancel(r->gate->out, &p->m);
}

const struct obj *pass_verification(const struct request *r)
{
	const struct content *pc = &r->prim.pc;
	const struct val *vrq;

	if (r->prim.op != OP_NOTIFY || pc->kind != PC_ROOT || strcmp(pc->root->sn, "m2m:sgn") != 0)
		return NULL;
	vrq = obj_find(pc->v.o, "vrq");
	return vrq && vrq->b ? pc->v.o : NULL;
}

/* TS-0004 7.5.1.2.3, Receiver: whether somebody may be subscribed to for this target depends on the creator's own right. */
static enum rsc check_creator(struct request *r)
{
	const struct obj *sgn = r->origin.self ? NULL : pass_verification(r);
	const struct val *creator = sgn ? obj_find(sgn, "cr") : NULL;
	struct str who;

	if (!creator)
		return RSC_NONE;
	if (addr_entity(&r->arena, creator->s, &r->gate->o.self, &who, &r->prim.why))
		return r->prim.why.rsc;
	if (event_may(r->gate, &r->arena, r->tx, who, OP_NOTIFY, r->target.node))
		return RSC_NONE;
	return prim_fail(&r->prim, RSC_SUBSCRIPTION_CREATOR_HAS_NO_PRIVILEGE,
	                 "verificationRequest (vrq): the creator (cr) of the subscription may not notify this %s", r->ti->type->ln);
}

static enum step_result to_ae(struct request *r)
{
	struct passing *p = arena_zalloc(&r->arena, sizeof(*p));

	p->r = r;
	p->m = (struct out_msg){ .magic = OUT_MSG_MAGIC, .target = arena_str(&r->arena, node_ri(r->tx, r->target.node)), .forward = &r->prim,
		                 .once = true, .deadline_ns = r->deadline_ns, .done = passed, .arg = p };
	r->parker = p;
	request_park(r, 0, leave);
	out_send(r->gate->out, r->loop, &p->m);
	return STEP_WAIT;
}

/* TS-0004 7.3.3.9.2: what is told to the CSE itself needs nothing done. */
static enum rsc to_cse(struct request *r)
{
	const struct content *pc = &r->prim.pc;

	if (pc->kind != PC_ROOT || strcmp(pc->root->sn, "m2m:sgn") != 0)
		return prim_fail(&r->prim, RSC_NOT_IMPLEMENTED, "this CSE does not take this kind of notification");
	r->resp.rsc = RSC_OK;
	return RSC_NONE;
}

enum step_result pass_notify(struct request *r)
{
	enum rsc rsc = check_creator(r);

	if (rsc)
		return request_fail(rsc);
	if (r->ti->type->ty == TY_AE)
		return to_ae(r);
	return request_fail(to_cse(r));
}
