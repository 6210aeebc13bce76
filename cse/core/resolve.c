/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an address to a resource, in one tx that goes on until the procedure has ended.  TS-0004 7.3.3.1, TS-0001 7.2.
 * What does not exist and what another zone holds are answered alike.
 */
#include "cse/core/steps.h"

#include "cse/base/loop.h"
#include "cse/core/validate.h"
#include "cse/core/walk.h"

static enum step_result not_found(struct request *r)
{
	prim_fail(&r->prim, RSC_NOT_FOUND, "there is no such resource");
	return STEP_ANSWER;
}

/* A DELETE that shows children reads them first. */
static enum tx_mode mode_of(const struct request *r)
{
	switch (r->prim.op) {
	case OP_RETRIEVE:
	case OP_NOTIFY:
		return TX_READ;
	case OP_DELETE:
		return walk_wanted(r) && !walk_is_done(r) ? TX_READ : TX_WRITE;
	default:
		return TX_WRITE;
	}
}

static enum virtual_child virtual_by_name(struct str name)
{
	if (str_eq(name, STR("la")))
		return V_LA;
	if (str_eq(name, STR("ol")))
		return V_OL;
	if (str_eq(name, STR("fopt")))
		return V_FOPT;
	if (str_eq(name, STR("pcu")))
		return V_PCU;
	return V_NONE;
}

/* The first segment: the CSEBase by name, "-" or resourceID, or a resourceID. */
static bool first(struct request *r, struct str seg, struct target *t)
{
	if (str_eq(seg, r->gate->o.self.base) || str_eq(seg, STR("-"))) {
		t->node = store_root(r->tx);
		return true;
	}
	t->node = store_by_ri(r->tx, seg);
	if (t->node)
		return true;
	t->is_inst = store_inst_by_ri(r->tx, seg, &t->node, &t->inst);
	return t->is_inst;
}

/* A resource name below what has been found. */
static bool next(struct request *r, struct str seg, struct target *t)
{
	const struct node *child;
	enum virtual_child v;

	if (t->is_inst || t->virt != V_NONE)
		return false;
	child = store_child(r->tx, t->node, seg);
	if (child) {
		t->node = child;
		return true;
	}
	v = virtual_by_name(seg);
	if (v != V_NONE && type_has_virtual(t->node->type, v)) {
		t->virt = v;
		return true;
	}
	t->is_inst = store_inst_by_name(r->tx, t->node, seg, &t->inst);
	return t->is_inst;
}

bool resolve_find(struct request *r, const struct addr *ad, struct target *t)
{
	*t = (struct target){ .virt = V_NONE };
	if (ad->n == 0)
		t->node = store_root(r->tx);
	else if (!first(r, ad->seg[0], t))
		return false;
	for (size_t i = 1; i < ad->n; i++) {
		if (!next(r, ad->seg[i], t))
			return false;
		if (t->virt == V_FOPT) { /* what follows is looked for below each member: TS-0004 7.4.14.1 */
			t->rest = ad->seg + i + 1;
			t->n_rest = ad->n - i - 1;
			return true;
		}
	}
	return true;
}

const struct node *resolve_node(struct request *r, const struct addr *ad)
{
	struct target t;

	return resolve_find(r, ad, &t) && !t.is_inst && t.virt == V_NONE ? t.node : NULL;
}

enum step_result resolve_target(struct request *r)
{
	struct target t;

	if (loop_now_ns(r->loop) >= r->deadline_ns) {
		prim_fail(&r->prim, RSC_REQUEST_TIMEOUT, "the request expired before it could be carried out");
		return STEP_ANSWER;
	}
	r->tx = store_begin(r->gate->o.store, walk_arena(r), mode_of(r));
	if (!resolve_find(r, &r->to, &t))
		return not_found(r);
	if (prim_has(&r->prim, P_GRTM) && t.virt != V_FOPT) {
		prim_fail(&r->prim, RSC_BAD_REQUEST, "groupRequestTargetMembers (grtm) belongs to a request to a group's fopt");
		return STEP_ANSWER;
	}
	r->target = t;
	r->ti = gate_type(r->gate, t.node->type->ty);
	REQUIRE(r->ti);
	if (t.is_inst || t.virt == V_LA || t.virt == V_OL)
		r->ti = r->ti->inst;
	REQUIRE(r->ti);
	return STEP_NEXT;
}

enum step_result resolve_zone(struct request *r)
{
	if (zone_allows(r->gate->o.security, &r->origin, r->target.node->zone))
		return STEP_NEXT;
	audit(r->gate->o.security, EV_ZONE, r->peer, r->origin.from, "from zone %u to zone %u", r->origin.zone,
	      r->target.node->zone);
	return not_found(r);
}
