/* SPDX-License-Identifier: Apache-2.0 */
/* The request waits while its primitive is on its way to the AE; the AE's answer is its answer. */
#include "cse/core/pass.h"

#include "cse/base/err.h"
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

/* TS-0004 7.3.3.9.2, 7.5.1.2.3: what is told to the CSE itself needs nothing done; asked whether it takes notifications, it
 * looks at the creator's right. */
static enum rsc to_cse(struct request *r)
{
	const struct content *pc = &r->prim.pc;
	const struct val *vrq, *creator;
	struct origin o = r->origin;
	struct ask q = { .prim = &r->prim, .origin = &o, .acop = ACOP_N, .node = r->target.node, .quiet = true };

	if (pc->kind != PC_ROOT || strcmp(pc->root->sn, "m2m:sgn") != 0)
		return prim_fail(&r->prim, RSC_NOT_IMPLEMENTED, "this CSE does not take this kind of notification");
	vrq = obj_find(pc->v.o, "vrq");
	creator = obj_find(pc->v.o, "cr");
	if (vrq && vrq->b && creator && !o.self) {
		if (addr_entity(&r->arena, creator->s, &r->gate->o.self, &o.from, &r->prim.why))
			return r->prim.why.rsc;
		if (!authz_decide(r->gate->o.security, r->tx, &q))
			return prim_fail(&r->prim, RSC_SUBSCRIPTION_CREATOR_HAS_NO_PRIVILEGE, "the creator may not notify this CSE");
	}
	r->resp.rsc = RSC_OK;
	return RSC_NONE;
}

enum step_result pass_notify(struct request *r)
{
	if (r->ti->type->ty == TY_AE)
		return to_ae(r);
	return request_fail(to_cse(r));
}
