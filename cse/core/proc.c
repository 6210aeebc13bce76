/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The procedures: CREATE, RETRIEVE, UPDATE, DELETE, NOTIFY on the Hosting CSE.  TS-0004 7.3.3.5 to 7.3.3.9.
 * Each begins with the grant; whatever the answer will show is copied or counted before the tx ends.
 */
#include "cse/core/steps.h"

#include "cse/base/err.h"
#include "cse/core/arp.h"
#include "cse/core/block.h"
#include "cse/core/aggregate.h"
#include "cse/core/change.h"
#include "cse/core/event.h"
#include "cse/core/fanout.h"
#include "cse/core/filter.h"
#include "cse/core/match.h"
#include "cse/core/pass.h"
#include "cse/core/polling_priv.h"
#include "cse/core/verify.h"
#include "cse/core/walk.h"

static void covered(const struct request *r, const struct grant *g, const struct node *n, unsigned acop)
{
	REQUIRE(g && grant_covers(g, r->tx, n, acop));
}

/* --- what the answer shows --------------------------------------------------------------------------------------- */

static void show_node(struct request *r, const struct node *n, const struct res *res, const struct typeinfo *ti)
{
	r->shown_ti = ti;
	r->shown = res;
	r->shown_inst = false;
	node_counters(r->tx, n, &r->counters);
	r->ri = node_ri(r->tx, n);
	r->pi = n->parent ? node_ri(r->tx, n->parent) : STR("");
	r->rn = arena_str(&r->arena, node_rn(r->tx, n));
	if (r->rcn == RCN_ADDR || r->rcn == RCN_ADDR_ATTRS)
		r->path = node_path(r->tx, n);
}

int64_t proc_inst_end(const struct request *r, const struct node *cnt, int64_t ct)
{
	const struct typeinfo *ti = gate_type(r->gate, cnt->type->ty);
	const struct res *res = node_res(r->tx, cnt);
	int64_t et = res_stamp(res, &attr_et, INT64_MAX);
	int64_t age = ti->b->instance_age ? ti->b->instance_age(&r->gate->known, res) : INT64_MAX;

	return age < et - ct ? ct + age : et;
}

/* rn: as given by the originator; empty: as made. */
static void show_inst(struct request *r, const struct node *cnt, const struct inst *inst, const struct typeinfo *ti,
                      struct str rn)
{
	r->shown_ti = ti;
	r->shown_inst = true;
	r->inst = *inst;
	r->inst_et = proc_inst_end(r, cnt, inst->ct);
	r->ri = inst_ri(r->tx, cnt, inst->id);
	r->pi = node_ri(r->tx, cnt);
	r->rn = rn.n ? rn : inst_rn(r->tx, cnt, inst->id);
	if (r->rcn == RCN_ADDR || r->rcn == RCN_ADDR_ATTRS) {
		struct str parent = node_path(r->tx, cnt);
		char *p = arena_alloc(&r->arena, parent.n + 1 + r->rn.n);

		memcpy(p, parent.p, parent.n);
		p[parent.n] = '/';
		memcpy(p + parent.n + 1, r->rn.p, r->rn.n);
		r->path = str_make(p, parent.n + 1 + r->rn.n);
	}
}

/* --- limits ------------------------------------------------------------------------------------------------------ */

/* Of the AE (or whatever lies directly below the CSEBase) that the new resource will belong to. */
static enum rsc check_limits(struct request *r, bool inst, uint64_t size)
{
	const struct settings *s = gate_settings(r->gate);
	const struct node *top = r->target.node;
	uint64_t resources, instances, bytes;

	if (atomic_load_explicit(&r->gate->tree_full, memory_order_relaxed))
		return prim_fail(&r->prim, RSC_NOT_ACCEPTABLE,
		                 "the CSE's memory for resources is used up; delete what is not needed, or ask its operator");
	while (top->depth > 1)
		top = top->parent;
	if (top->depth == 0)
		return RSC_NONE;
	store_subtree_usage(r->tx, top, &resources, &instances, &bytes);
	if (inst ? instances >= s->ae_instances || size > s->ae_bytes || bytes > s->ae_bytes - size
	         : resources > s->ae_resources) /* the AE itself is counted, too */
		return prim_fail(&r->prim, RSC_NOT_ACCEPTABLE, "the limit of %s below one AE is reached; delete what is not needed",
		                 !inst ? "resources" : instances >= s->ae_instances ? "instances" : "bytes");
	return RSC_NONE;
}

/* --- CREATE ------------------------------------------------------------------------------------------------------ */

static enum rsc taken(struct request *r)
{
	return prim_fail(&r->prim, RSC_CONFLICT, "resourceName (rn) is taken among the children of the parent");
}

/* An expirationTime of its own is kept only when it comes before the end that the container gives. */
static void own_et(struct request *r)
{
	const struct val *v = obj_get(r->change.asked, &attr_et);

	if (!v || v->kind != K_STAMP || v->i >= proc_inst_end(r, r->target.node, r->change.now))
		return;
	r->append.own_et = v->i;
	*obj_add(&r->arena, &r->change.res->o, &attr_et) = val_stamp(v->i);
}

static enum rsc create_inst(struct request *r)
{
	const struct node *cnt = r->target.node;
	const struct typeinfo *holder = gate_type(r->gate, cnt->type->ty);
	struct change *c = &r->change;
	enum rsc rsc;

	own_et(r);
	r->append.r = c->res;
	r->append.rn = c->rn;
	r->append.labelled = res_get(c->res, &attr_lbl) != NULL;
	c->append = &r->append;
	if (r->ti->b->create && (rsc = r->ti->b->create(c)))
		return rsc;
	if ((rsc = check_limits(r, true, r->append.size)))
		return rsc;
	switch (store_append(r->tx, cnt, &r->append)) {
	case 0:
		break;
	case E_EXISTS:
		return taken(r);
	default:
		return prim_fail(&r->prim, RSC_NOT_ACCEPTABLE, "content (con) is too large");
	}
	r->changed = true;
	if (holder->b->child_added)
		holder->b->child_added(c);
	r->shown = c->res;
	show_inst(r, cnt, &r->append.out, r->ti, c->rn);
	if (cnt->subs)
		event_child_made(r);
	return RSC_NONE;
}

static enum step_result create_node(struct request *r)
{
	const struct node *parent = r->target.node;
	const struct typeinfo *holder = gate_type(r->gate, parent->type->ty);
	struct change *c = &r->change;
	enum step_result s;

	if (check_limits(r, false, 0))
		return STEP_ANSWER;
	/* A registration binds its stem here, which holds even when the name is taken. */
	if (r->ti->b->create && r->ti->b->create(c))
		return STEP_ANSWER;
	if (c->rn.n && store_name_taken(r->tx, parent, c->rn))
		return request_fail(taken(r));
	/* Its targets may have to be asked: then all is judged again. */
	if (r->ti->type->ty == TY_SUB && (s = verify_targets(r)) != STEP_NEXT)
		return s;
	covered(r, c->grant, parent, ACOP_C);
	r->changed = true;
	if (store_create(r->tx, parent, c->res, c->rn, c->ri, c->zone, &c->node) != 0)
		return request_fail(r->ti->type->ty == TY_AE ? prim_fail(&r->prim, RSC_ORIGINATOR_HAS_ALREADY_REGISTERED,
		                                                         "this AE-ID is registered already")
		                                             : taken(r));
	if (holder->b->child_added)
		holder->b->child_added(c);
	show_node(r, c->node, c->res, r->ti);
	if (parent->subs || parent->type->ty == TY_SUB)
		event_child_made(r);
	return STEP_NEXT;
}

static enum step_result proc_create(struct request *r)
{
	struct change *c = &r->change;

	if (r->ti->type->ty != TY_AE)
		covered(r, r->grant, r->target.node, ACOP_C);
	change_init(r);
	c->parent = r->target.node;
	r->append = (struct append){ .r = NULL };
	change_make(r, r->ti);
	r->resp.rsc = RSC_CREATED;
	return r->ti->type->flags & TYPE_INSTANCE ? request_fail(create_inst(r)) : create_node(r);
}

/* --- RETRIEVE ---------------------------------------------------------------------------------------------------- */

/* The body of the target, for answers and conditions on it.  STEP_WAIT: it comes from the disk. */
static enum step_result take_body(struct request *r)
{
	uint64_t id = r->target.inst.id;

	if (r->body && r->body->id == id)
		return STEP_NEXT;
	request_drop_body(&r->body);
	return request_body(r, r->target.node, id, &r->body) == 0 ? STEP_NEXT : request_fetch(r, id);
}

static enum step_result show_target(struct request *r)
{
	const struct target *t = &r->target;

	if (t->is_inst) {
		show_inst(r, t->node, &t->inst, r->ti, STR_NONE);
		return take_body(r);
	}
	if (!r->shown_ref) {
		r->shown_ref = res_ref(node_res(r->tx, t->node));
		show_node(r, t->node, r->shown_ref, r->ti);
	}
	return STEP_NEXT;
}

static enum step_result proc_retrieve(struct request *r)
{
	enum step_result s;

	if (r->target.virt == V_PCU) {
		covered(r, r->grant, r->target.node, ACOP_R);
		return polling_retrieve(r);
	}
	r->resp.rsc = RSC_OK;
	if (!walk_is_discovery(r)) {
		if (r->meta)
			REQUIRE(grant_covers_meta(r->grant, r->tx, r->target.node));
		else
			covered(r, r->grant, r->target.node, ACOP_R);
		if ((s = show_target(r)) != STEP_NEXT)
			return s;
	}
	if (r->target.node->subs && walk_wanted(r) && (r->rcn == RCN_ATTRS_CHILDREN || r->rcn == RCN_CHILDREN))
		event_childless(r);
	return walk_wanted(r) && !walk_is_done(r) ? walk_slice(r) : STEP_NEXT;
}

/* --- UPDATE ------------------------------------------------------------------------------------------------------ */

static enum step_result proc_update(struct request *r)
{
	const struct node *n = r->target.node;
	struct change *c = &r->change;
	enum step_result s;

	covered(r, r->grant, n, ACOP_U);
	change_init(r);
	c->parent = n->parent;
	c->node = n;
	c->old = node_res(r->tx, n);
	change_merge(r);
	if (r->ti->b->update && r->ti->b->update(c))
		return STEP_ANSWER;
	if (n->type->ty == TY_SUB && (s = verify_targets(r)) != STEP_NEXT)
		return s;
	if ((s = block_check(r)) != STEP_NEXT)
		return s;
	if (r->rcn == RCN_MODIFIED || n->subs || n->type->ty == TY_SUB) {
		r->before = res_ref(c->old);
		node_counters(r->tx, n, &r->counters_before);
	}
	/* What was not changed lies in the content before, and the answer may be set aside (replay.c) when that is no more. */
	REQUIRE(!r->shown_ref);
	r->shown_ref = res_ref(c->old);
	r->changed = true;
	store_update(r->tx, n, c->res, (r->ti->type->sets & SET_ST) != 0);
	if (r->ti->b->updated)
		r->ti->b->updated(c);
	r->resp.rsc = RSC_UPDATED;
	show_node(r, n, c->res, r->ti);
	if (n->subs || n->type->ty == TY_SUB || n->type->ty == TY_SCH)
		event_updated(r);
	return STEP_NEXT;
}

/* --- DELETE ------------------------------------------------------------------------------------------------------ */

/* Whoever is subscribed to the parent is shown what goes; the target's own subscriptions go with it (life.c). */
static bool is_watched(const struct target *t)
{
	const struct node *parent = t->is_inst ? t->node : t->node->parent;

	return (parent && (parent->subs || parent->type->ty == TY_SUB)) || (!t->is_inst && t->node->subs);
}

static enum step_result proc_delete(struct request *r)
{
	const struct target *t = &r->target;
	const struct node *parent = t->node->parent;
	enum step_result s;

	covered(r, r->grant, t->node, ACOP_D);
	r->resp.rsc = RSC_DELETED;
	if ((r->rcn != RCN_NOTHING || is_watched(t)) && (s = show_target(r)) != STEP_NEXT)
		return s;
	if (walk_wanted(r) && !walk_is_done(r)) {
		/* Read first; the DELETE itself is a turn of its own. */
		s = walk_slice(r);
		return s == STEP_NEXT ? request_next_turn(r) : s;
	}
	if (!t->is_inst && (s = block_check(r)) != STEP_NEXT)
		return s;
	r->changed = true;
	if (is_watched(t))
		event_removing(r);
	if (t->is_inst) {
		store_inst_remove(r->tx, t->node, t->inst.id);
	} else {
		store_remove(r->tx, t->node);
		if (parent && (parent->type->sets & SET_ST))
			store_touch(r->tx, parent);
	}
	return STEP_NEXT;
}

/* --- NOTIFY ------------------------------------------------------------------------------------------------------ */

static enum step_result proc_notify(struct request *r)
{
	covered(r, r->grant, r->target.node, ACOP_N);
	if (r->target.virt == V_PCU)
		return request_fail(polling_notify(r));
	return pass_notify(r);
}

/* --- all --------------------------------------------------------------------------------------------------------- */

/* The path leads from the target that matches to the one that is meant: everything is judged again for that one. */
static enum step_result move(struct request *r)
{
	struct target t = r->target;

	if (!arp_move(r, &t)) {
		prim_fail(&r->prim, RSC_NOT_FOUND, "applyRelativePath (arp) leads from the resource to nothing");
		return STEP_ANSWER;
	}
	r->moved = true;
	r->to = (struct addr){ .n = 1, .seg = ARENA_NEW(&r->arena, struct str) };
	*r->to.seg = arena_str(&r->arena, t.is_inst ? inst_ri(r->tx, t.node, t.inst.id) : node_ri(r->tx, t.node));
	request_end(r);
	return STEP_AGAIN;
}

/* Filter criteria select among targets: one that does not match is not there.  TS-0004 7.3.3.1.  What has children in its
 * answer is filtered there. */
static enum step_result check_condition(struct request *r)
{
	enum { LOOKED_AT = 256 };
	const struct filter *f = r->prim.fc;
	const struct target *t = &r->target;
	unsigned left = LOOKED_AT;

	if (!f || r->moved || (r->prim.op == OP_RETRIEVE && walk_wanted(r)))
		return STEP_NEXT;
	switch (t->is_inst ? match_inst(r, t->node, &t->inst, true) : match_node(r, t->node, &left)) {
	case MATCH_YES:
		return filter_has(f, FC_ARP) ? move(r) : STEP_NEXT;
	case MATCH_NO:
		break;
	case MATCH_AGAIN:
		return request_next_turn(r);
	case MATCH_THINK:
		request_end(r);
		match_think(r);
		return STEP_AGAIN;
	case MATCH_MISS:
		return request_fetch(r, r->fetch.id);
	}
	prim_fail(&r->prim, RSC_NOT_FOUND, "the resource does not match the filter criteria");
	return STEP_ANSWER;
}

enum step_result proc_run(struct request *r)
{
	enum step_result s;

	if (r->target.virt == V_FOPT) {
		covered(r, r->grant, r->target.node, access_fanout_acop(r));
		return r->prim.op == OP_NOTIFY ? aggregate_take(r) : fanout_run(r);
	}
	s = check_condition(r);
	if (s != STEP_NEXT)
		return s;
	switch (r->prim.op) {
	case OP_CREATE:
		return proc_create(r);
	case OP_RETRIEVE:
		return proc_retrieve(r);
	case OP_UPDATE:
		return proc_update(r);
	case OP_DELETE:
		return proc_delete(r);
	default:
		return proc_notify(r);
	}
}
