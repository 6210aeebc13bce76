/* SPDX-License-Identifier: Apache-2.0 */
/* May the originator do this to that?  The question is put here; security/authz.c answers it.  TS-0004 7.3.3.15. */
#include "cse/core/steps.h"

#include "cse/core/event.h"
#include "cse/core/fanout.h"
#include "cse/core/pass.h"
#include "cse/core/walk.h"

static const unsigned acop_of[] = { [OP_CREATE] = ACOP_C, [OP_RETRIEVE] = ACOP_R, [OP_UPDATE] = ACOP_U,
	                                [OP_DELETE] = ACOP_D, [OP_NOTIFY] = ACOP_N };
static const char *const acop_names[] = { "", "CREATE", "RETRIEVE", "UPDATE", "DELETE", "NOTIFY" };

/* TS-0004 7.4.22.2: a pollingChannelURI is polled and answered, nothing else; what is asked for is no representation. */
static enum rsc check_polling(struct request *r)
{
	struct prim *p = &r->prim;

	if (p->op != OP_RETRIEVE && p->op != OP_NOTIFY)
		return prim_fail(p, RSC_OPERATION_NOT_ALLOWED, "%s is never possible on a pollingChannelURI (pcu)", acop_names[p->op]);
	if (p->op == OP_RETRIEVE && (p->fc || p->atrl.n || r->rcn != RCN_ATTRS))
		return prim_fail(p, RSC_BAD_REQUEST,
		                 "a RETRIEVE of a pollingChannelURI (pcu) polls; leave filter criteria, attributes and rcn out");
	return RSC_NONE;
}

/* Operations that a type never allows whoever asks (the "Recv-1.0" remarks of TS-0004 7.4.x). */
static enum rsc check_possible(struct request *r)
{
	struct prim *p = &r->prim;
	bool is_virtual = r->target.virt != V_NONE;

	if (r->target.virt == V_PCU)
		return check_polling(r);
	if (r->target.virt == V_FOPT)
		return RSC_NONE;
	if ((r->ti->b->refuses & acop_of[p->op]) || (is_virtual && p->op != OP_RETRIEVE && p->op != OP_DELETE))
		return prim_fail(p, RSC_OPERATION_NOT_ALLOWED, "%s is never possible on %s", acop_names[p->op],
		                 is_virtual ? "latest (la) and oldest (ol)" : r->ti->type->ln);
	if (p->op == OP_NOTIFY && !(r->ti->type->ty == TY_AE || r->ti->type->ty == TY_CB))
		return prim_fail(p, RSC_OPERATION_NOT_ALLOWED, "NOTIFY is only possible on an AE and on the CSEBase");
	return RSC_NONE;
}

/* la and ol stand for an instance; whether there is one is told to those who may read it. */
static enum rsc check_instance(struct request *r)
{
	struct target *t = &r->target;
	const struct typeinfo *holder;

	if (t->virt == V_LA || t->virt == V_OL) {
		if (!(t->virt == V_LA ? store_latest(r->tx, t->node, &t->inst) : store_oldest(r->tx, t->node, &t->inst)))
			return prim_fail(&r->prim, RSC_NOT_FOUND, "the %s has no %s", t->node->type->ln, r->ti->type->ln);
		t->is_inst = true;
	}
	if (!t->is_inst || (r->prim.op != OP_RETRIEVE && r->prim.op != OP_DELETE))
		return RSC_NONE;
	holder = gate_type(r->gate, t->node->type->ty);
	return holder->b->instances_open
	           ? holder->b->instances_open(&r->gate->known, node_res(r->tx, t->node), &r->prim.why)
	           : RSC_NONE;
}

/* Most requests go to what lies below the originator's own AE: then it needs no look-up. */
static bool in_own_tree(const struct request *r)
{
	const struct node *top = r->target.node;
	const struct res *res;
	const struct val *aei;

	while (top->depth > 1)
		top = top->parent;
	res = top->type->ty == TY_AE ? node_durable(r->tx, top) : NULL;
	aei = res ? res_get(res, r->gate->known.at[AT_AE_AEI]) : NULL;
	return aei && str_eq(aei->s, r->origin.stem);
}

/* An AE speaks here only while it is registered here, whatever a policy says of its name.  TS-0004 7.3.2.1. */
static enum rsc check_registered(struct request *r)
{
	const struct origin *o = &r->origin;
	const struct node *ae;

	if (o->stem.n == 0 || o->admin || o->self || (r->prim.op == OP_CREATE && r->prim.ty == TY_AE))
		return RSC_NONE;
	if (in_own_tree(r))
		return RSC_NONE;
	ae = store_by_ri(r->tx, o->stem);
	if (ae && ae->type->ty == TY_AE)
		return RSC_NONE;
	return prim_fail(&r->prim, RSC_ORIGINATOR_NOT_AUTHENTICATED, "the originator (fr) is not registered here; create its AE first");
}

static const struct grant *ask(struct request *r, unsigned acop, bool quiet, bool meta)
{
	const struct prim *p = &r->prim;
	struct ask q = { .prim = p, .origin = &r->origin, .acop = acop, .node = r->target.node, .quiet = quiet,
		             .meta = meta };

	/* Of its own it deletes (an expirationCounter at zero); what it sends to its own resources is judged. */
	q.internal = r->origin.self && p->op == OP_DELETE;
	q.on_instance = r->target.is_inst || r->target.virt != V_NONE;
	q.acpi_update = acop == ACOP_U && p->pc.kind == PC_RES && res_get(p->pc.res, &attr_acpi);
	q.create_ty = acop == ACOP_C ? (unsigned)p->ty : 0;
	return authz_decide(r->gate->o.security, r->tx, &q);
}

unsigned access_fanout_acop(const struct request *r)
{
	return walk_is_discovery(r) ? ACOP_DISC : acop_of[r->prim.op];
}

const struct grant *fanout_ask(struct request *r, const struct node *group, bool quiet)
{
	const struct prim *p = &r->prim;
	struct ask q = { .prim = p, .origin = &r->origin, .acop = access_fanout_acop(r), .node = group, .quiet = quiet,
		             .create_ty = p->op == OP_CREATE ? (unsigned)p->ty : 0 };
	const struct val *macp = res_get(node_durable(r->tx, group), r->gate->known.at[AT_GRP_MACP]);

	if (macp && macp->kind == K_LIST)
		q.policies = macp;
	return authz_decide(r->gate->o.security, r->tx, &q);
}

/* The administrator's RETRIEVE without a policy shows type, size and times: security-model 1.4. */
static bool may_see_meta(const struct request *r)
{
	return r->origin.admin && r->prim.op == OP_RETRIEVE && r->rcn == RCN_ATTRS && r->target.virt != V_PCU;
}

/* Who asks for a subscription whether its target wants it is told that it is he who lacks the right: TS-0004 7.5.1.2.3, Receiver. */
static enum rsc denied(struct request *r, unsigned op)
{
	if (r->target.virt == V_NONE && pass_verification(r))
		return prim_fail(&r->prim, RSC_SUBSCRIPTION_HOST_HAS_NO_PRIVILEGE,
		                 "verificationRequest (vrq): no accessControlPolicy gives the CSE of the subscription NOTIFY on this %s",
		                 r->ti->type->ln);
	return prim_fail(&r->prim, RSC_ORIGINATOR_HAS_NO_PRIVILEGE,
	                 "no accessControlPolicy gives this originator %s on this %s", acop_names[op], r->ti->type->ln);
}

/* A NOTIFY is one of a member's subscription, which this CSE sends to itself: TS-0004 7.5.1.2.6. */
static enum step_result access_fanout(struct request *r)
{
	struct ask q = { .prim = &r->prim, .origin = &r->origin, .acop = ACOP_N, .node = r->target.node, .internal = true };

	if (r->prim.op != OP_NOTIFY)
		r->grant = fanout_ask(r, r->target.node, false);
	else if (r->origin.self)
		r->grant = authz_decide(r->gate->o.security, r->tx, &q);
	return r->grant ? STEP_NEXT : request_fail(denied(r, r->prim.op));
}

enum step_result access_decide(struct request *r)
{
	struct prim *p = &r->prim;

	event_access(r);
	if (check_registered(r) || check_possible(r))
		return STEP_ANSWER;
	r->may_read = true;
	r->meta = false;
	r->grant = NULL;
	if (r->target.virt == V_FOPT)
		return access_fanout(r);
	if (p->op == OP_CREATE && p->ty == TY_AE)
		return STEP_NEXT; /* a registration: authz_register_ae decides by the credential, TS-0004 7.4.5.2.1 */
	if (walk_is_discovery(r))
		return STEP_NEXT; /* each resource is asked for, the root is not: TS-0004 7.3.3.14 */
	r->grant = ask(r, acop_of[p->op], may_see_meta(r), false);
	if (!r->grant && may_see_meta(r)) {
		r->grant = ask(r, ACOP_R, false, true);
		r->meta = true;
	}
	if (!r->grant)
		return request_fail(denied(r, p->op));
	/* Who subscribes is told what he could read.  TS-0004 7.4.8.2.1. */
	if (p->op == OP_CREATE && p->ty == TY_SUB && !ask(r, ACOP_R, false, false))
		return request_fail(denied(r, OP_RETRIEVE));
	/* What an answer shows is read: a right to change or delete alone does not show more than was sent. */
	if (r->rcn != RCN_NOTHING && (p->op == OP_UPDATE || p->op == OP_DELETE))
		r->may_read = ask(r, ACOP_R, true, false) != NULL;
	if (!r->may_read && p->op == OP_DELETE) {
		prim_fail(p, RSC_ORIGINATOR_HAS_NO_PRIVILEGE,
		          "resultContent (rcn) of this DELETE shows the resource, which needs the right to RETRIEVE; use rcn 0");
		return STEP_ANSWER;
	}
	return request_fail(check_instance(r));
}
