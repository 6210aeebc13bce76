/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verification of subscriptions.  Requests to all targets leave at once; the first refusal ends it, the last consent lets
 * the request go on.  It counts neither in expirationCounter nor in batches: it is no notification of the subscription.
 */
#include "cse/core/verify.h"

#include "cse/base/err.h"
#include "cse/core/aggregate.h"
#include "cse/core/event.h"
#include "cse/core/out.h"
#include "cse/core/validate.h"
#include "cse/model/enc.h"

struct verify;
struct query {
	struct out_msg msg;
	struct verify *v;
	bool out;                  /* its answer is awaited */
};

struct verify {
	struct request *r;
	struct str name;           /* of a new subscription that is given none: it is made before its targets are asked, who are told it */
	struct strs agreed;        /* targets, as they stand in nu */
	struct query *query;
	size_t n, waiting;
};

static struct str creator_of(const struct request *r)
{
	return r->origin.stem.n ? r->origin.stem : r->prim.fr;
}

/* --- asking ------------------------------------------------------------------------------------------------------------ */

static void cancel(struct verify *v)
{
	for (size_t i = 0; i < v->n; i++) {
		if (v->query[i].out)
			out_cancel(v->r->gate->out, &v->query[i].msg);
		v->query[i].out = false;
	}
	v->n = v->waiting = 0;
}

static enum rsc failed(struct request *r, struct str target, const char *how)
{
	return prim_fail(&r->prim, RSC_SUBSCRIPTION_VERIFICATION_INITIATION_FAILED, "notificationURI (nu): %.*s %s",
	                 target.n > 100 ? 100 : (int)target.n, target.p, how);
}

static void leave(struct request *r)
{
	struct verify *v = r->parker;

	if (v->waiting)
		failed(r, v->query[0].msg.target, "and perhaps others did not answer the verification in time");
	cancel(v);
}

static void answered(struct out_msg *m, const struct out_result *res)
{
	struct query *q = CONTAINER_OF(m, struct query, msg);
	struct verify *v = q->v;
	struct request *r = v->r;

	q->out = false;
	v->waiting--;
	if (res->err || !rsc_is_ok(res->rsc)) {
		failed(r, m->target, res->err ? "cannot be asked whether it wants this subscription"
		                              : "does not agree to this subscription");
		cancel(v);
		request_unpark(r, UNPARK_REFUSE);
		return;
	}
	strs_add(&r->arena, &v->agreed, m->target);
	if (v->waiting == 0)
		request_unpark(r, UNPARK_RESOLVE);
}

/* Where the subscription is or will be. */
static struct str reference(struct request *r)
{
	struct change *c = &r->change;
	struct str at = node_path(r->tx, c->node ? c->node : c->parent);

	if (c->node)
		return at;
	if (c->rn.n == 0)
		c->rn = ((struct verify *)r->parker)->name = store_make_name(r->tx, c->parent, r->ti->type);
	return arena_printf(&r->arena, "%.*s/%.*s", STR_ARG(at), STR_ARG(c->rn));
}

/* The name that the targets were told is the one it gets; somebody else may have taken it while they were asked, then they have agreed to
 * nothing. */
static void keep_name(struct request *r, struct verify *v)
{
	if (v->name.n == 0)
		return;
	if (!store_name_taken(r->tx, r->change.parent, v->name)) {
		r->change.rn = v->name;
		return;
	}
	v->name = STR_NONE;
	v->agreed = (struct strs){ NULL, 0 };
}

static struct val request_of(struct request *r, struct str sur, struct str creator)
{
	struct arena *a = &r->arena;
	const struct complex *sgn = type_root_attr(STR("m2m:sgn"))->of;
	struct obj *o = obj_new(a, 3);

	*obj_add(a, o, complex_attr(sgn, STR("vrq"))) = val_bool(true);
	*obj_add(a, o, complex_attr(sgn, STR("sur"))) = val_str(K_URI, sur);
	*obj_add(a, o, complex_attr(sgn, STR("cr"))) = val_str(K_ID, creator);
	return val_obj(o);
}

static enum step_result ask(struct request *r, const struct strs *targets)
{
	struct gate *g = r->gate;
	struct verify *v = r->parker;
	const struct val *owner = res_get(r->change.res, &attr_owner);
	struct val pc = request_of(r, reference(r), creator_of(r));
	struct str by = arena_str(&r->arena, owner ? owner->s : r->origin.from);

	v->n = v->waiting = targets->n;
	v->query = arena_alloc(&r->arena, targets->n * sizeof(*v->query));
	for (size_t i = 0; i < targets->n; i++)
		v->query[i] = (struct query){ .v = v, .out = true, .msg = { .magic = OUT_MSG_MAGIC,
			.target = arena_str(&r->arena, targets->v[i]), .creator = by, .root = type_root_attr(STR("m2m:sgn")), .pc = pc,
			.once = true, .deadline_ns = r->deadline_ns, .done = answered } };
	request_park(r, 0, leave);
	for (size_t i = 0; i < v->n; i++)
		out_send(g->out, r->loop, &v->query[i].msg);
	return STEP_WAIT;
}

/* --- judging ----------------------------------------------------------------------------------------------------------- */

static bool is_url(struct str s)
{
	return str_index(s, ':') < s.n;
}

static bool has(const struct strs *l, struct str s)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->v[i], s))
			return true;
	return false;
}

/* Whom to notify of the end, where to send what a group gathers: they may be named, nobody asks them. */
static enum rsc check_others(struct request *r)
{
	static const enum known_attr ids[] = { AT_SUB_SU, AT_SUB_NFU };

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		const struct val *v = obj_get(r->change.asked, r->gate->known.at[ids[i]]);
		enum rsc rsc;
		bool self;

		if (v && v->kind == K_URI && (rsc = out_check_target(r->gate, r->tx, &r->origin, v->s, &self, &r->prim.why)))
			return rsc;
	}
	return RSC_NONE;
}

static bool is_blocking(const struct request *r)
{
	const struct val *v = res_get(r->change.res, r->gate->known.at[AT_SUB_ENC]);
	struct enc e;

	enc_read(v && v->kind == K_OBJ ? v->o : NULL, &e);
	return enc_has_net(&e, NET_BLOCKING);
}

/* Whoever decides on an UPDATE must be allowed to make one.  TS-0001 table 10.2.10.2-1. */
static enum rsc check_decider(struct request *r, struct str target, bool self)
{
	struct addr ad;
	const struct node *ae;
	const struct val *name = NULL;
	struct str who = r->origin.from;

	if (!self) {
		if (addr_parse(&r->arena, target, &ad, &r->prim.why))
			return r->prim.why.rsc;
		ae = addr_is_local(&ad, &r->gate->o.self) ? resolve_node(r, &ad) : NULL;
		name = ae && ae->type->ty == TY_AE ? res_get(node_res(r->tx, ae), &attr_owner) : NULL;
		if (!name)
			return RSC_NONE; /* nobody to ask: the verification will say so */
		who = name->s;
	}
	if (event_may(r->gate, &r->arena, r->tx, who, OP_UPDATE, r->change.parent))
		return RSC_NONE;
	return prim_fail(&r->prim, RSC_ORIGINATOR_HAS_NO_PRIVILEGE,
	                 "notificationEventType (net) 7: the target has no right to UPDATE the resource on which it would decide");
}

static void set_creator(struct request *r)
{
	struct change *c = &r->change;

	if (!res_get(c->res, &attr_cr))
		*obj_add(c->arena, &c->res->o, &attr_cr) = val_str(K_ID, creator_of(r));
}

enum step_result verify_targets(struct request *r)
{
	const struct attr *at = r->gate->known.at[AT_SUB_NU];
	const struct val *nu = res_get(r->change.res, at), *old = r->change.old ? res_get(r->change.old, at) : NULL;
	struct verify *v = r->parker;
	struct strs targets = { NULL, 0 };
	bool blocking = is_blocking(r);
	enum rsc rsc = check_others(r);

	if (rsc || !obj_get(r->change.asked, at) || aggregate_is_own(r))
		return request_fail(rsc);
	if (!v) {
		v = r->parker = ARENA_NEW(&r->arena, struct verify);
		v->r = r;
	}
	keep_name(r, v);
	for (size_t i = 0; i < nu->list.n; i++) {
		struct str t = nu->list.v[i].s;
		bool self;

		if ((rsc = out_check_target(r->gate, r->tx, &r->origin, t, &self, &r->prim.why)) ||
		    (blocking && (rsc = check_decider(r, t, self))))
			return request_fail(rsc);
		if (self)
			continue;
		set_creator(r);
		if (!is_url(t) && !(old && val_list_has(old, t)) && !has(&v->agreed, t) && !has(&targets, t))
			strs_add(&r->arena, &targets, t);
	}
	return targets.n ? ask(r, &targets) : STEP_NEXT;
}
