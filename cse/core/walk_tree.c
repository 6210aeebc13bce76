/* SPDX-License-Identifier: Apache-2.0 */
/* A walk through the tree in pre-order, and how a resource gets into the answer. */
#include "cse/core/walk.h"

#include "cse/core/arp.h"
#include "cse/core/filter.h"
#include "cse/core/match.h"
#include "cse/core/steps.h"
#include "cse/core/walk_priv.h"

enum { BATCH = 64 };

bool walk_is_inactive(struct request *r, const struct node *n)
{
	enum { INACTIVE = 2 };
	const struct val *v = n->type->ty == TY_AE ? res_get(node_res(r->tx, n), r->gate->known.at[AT_AE_REGS]) : NULL;

	return v && v->i == INACTIVE;
}

bool walk_permits(struct request *r, const struct walk *w, const struct node *n, bool on_instance)
{
	const struct filter *f = r->prim.fc;
	unsigned ops = filter_has(f, FC_OPS) ? (unsigned)f->ops : 0;

	if (!match_allowed(r, n, on_instance, w->acop))
		return false;
	for (; ops; ops &= ops - 1)
		if (!match_allowed(r, n, on_instance, ops & -ops))
			return false;
	return true;
}

enum visit walk_asked(enum match m)
{
	switch (m) {
	case MATCH_YES:
		return VISIT_ON;
	case MATCH_NO:
		return VISIT_END;
	case MATCH_AGAIN:
		return VISIT_AGAIN;
	case MATCH_THINK:
		return VISIT_THINK;
	case MATCH_MISS:
		return VISIT_MISS;
	}
	UNREACHABLE();
}

/* --- into the answer --------------------------------------------------------------------------------------------- */

static bool structured(const struct request *r)
{
	return !prim_has(&r->prim, P_DRT) || r->prim.drt == 1;
}

static struct str path_of(struct request *r, struct walk *w, const struct node *n)
{
	if (w->path_rid != n->rid) {
		w->path = walk_keep(r, node_path(r->tx, n));
		w->path_rid = n->rid;
	}
	return w->path;
}

static struct str inst_addr(struct request *r, struct walk *w, const struct node *cnt, struct str rn)
{
	struct str path = path_of(r, w, cnt);
	char *p = arena_alloc(&r->arena, path.n + 1 + rn.n);

	memcpy(p, path.p, path.n);
	p[path.n] = '/';
	memcpy(p + path.n + 1, rn.p, rn.n);
	return str_make(p, path.n + 1 + rn.n);
}

enum visit walk_take_node(struct request *r, struct walk *w, const struct node *n, struct item *parent, bool direct,
                          struct item **taken)
{
	struct item it = { .parent = parent, .ti = gate_type(r->gate, n->type->ty) };
	size_t bytes = 0;
	bool skip;
	enum visit v = walk_admit(w, direct, &skip);

	*taken = NULL;
	if (v != VISIT_ON || skip)
		return v;
	if (w->nested || r->rcn == RCN_REFS || r->rcn == RCN_ATTRS_REFS)
		it.rn = walk_keep(r, node_rn(r->tx, n));
	if (w->nested) {
		it.ri = walk_keep(r, node_ri(r->tx, n));
		it.pi = walk_keep(r, node_ri(r->tx, n->parent));
		it.res = res_ref(node_res(r->tx, n));
		bytes = it.res->bytes;
		node_counters(r->tx, n, &it.counters);
	} else {
		it.addr = walk_keep(r, structured(r) ? node_path(r->tx, n) : node_ri(r->tx, n));
	}
	*taken = walk_append(r, w, &it, bytes);
	return VISIT_ON;
}

enum visit walk_take_inst(struct request *r, struct walk *w, const struct node *cnt, const struct inst *inst, struct item *parent,
                          bool direct)
{
	struct item it = { .parent = parent, .ti = gate_type(r->gate, cnt->type->ty)->inst, .is_inst = true, .inst = *inst };
	bool skip;
	enum visit v;

	/* First what may have to be fetched, for what was admitted is counted. */
	if (w->nested && request_body(r, cnt, inst->id, &it.body) != 0) {
		r->fetch.id = inst->id;
		return VISIT_MISS;
	}
	v = walk_admit(w, direct, &skip);
	if (v != VISIT_ON || skip) {
		request_drop_body(&it.body);
		return v;
	}
	it.end = proc_inst_end(r, cnt, inst->ct);
	it.rn = walk_keep(r, inst_rn(r->tx, cnt, inst->id));
	if (w->nested) {
		it.ri = walk_keep(r, inst_ri(r->tx, cnt, inst->id));
		it.pi = walk_keep(r, node_ri(r->tx, cnt));
	} else {
		it.addr = structured(r) ? inst_addr(r, w, cnt, it.rn) : walk_keep(r, inst_ri(r->tx, cnt, inst->id));
	}
	walk_append(r, w, &it, it.body ? it.body->n : 0);
	return VISIT_ON;
}

/* --- visiting ---------------------------------------------------------------------------------------------------- */

static enum visit visit_node(struct request *r, struct walk *w, const struct node *n, unsigned *left)
{
	struct frame *f = &w->stack[w->top - 1];
	struct item *taken = NULL;
	enum visit v;

	if (!gate_type(r->gate, n->type->ty) || !zone_allows(r->gate->o.security, &r->origin, n->zone) ||
	    (w->discovery && walk_is_inactive(r, n))) {
		f->after = n->rid;
		f->i++;
		return VISIT_ON;
	}
	v = walk_asked(match_node(r, n, left));
	if (v == VISIT_ON && walk_permits(r, w, n, false)) {
		v = filter_has(r->prim.fc, FC_ARP) ? arp_take(r, w, n, NULL)
		                                   : walk_take_node(r, w, n, f->item, w->top == 1, &taken);
	} else if (v == VISIT_ON) {
		v = VISIT_END;
	}
	if (v != VISIT_ON && v != VISIT_END)
		return v;
	f->after = n->rid;
	f->i++;
	if (w->nested && !taken)
		return VISIT_ON;
	if (w->top < w->level && !store_is_leaf(r->tx, n))
		walk_push(r, w, n->rid, taken);
	return VISIT_ON;
}

static enum visit visit_inst(struct request *r, struct walk *w, const struct node *cnt, const struct inst *inst)
{
	struct frame *f = &w->stack[w->top - 1];
	enum visit v = walk_asked(match_inst(r, cnt, inst, false));

	if (v == VISIT_END)
		return VISIT_ON;
	if (v != VISIT_ON)
		return v;
	if (filter_has(r->prim.fc, FC_ARP))
		return arp_take(r, w, cnt, inst);
	return walk_take_inst(r, w, cnt, inst, f->item, w->top == 1);
}

/* Conditions that all instances of a container fail need not look at each of them: of another type, or older than its last
 * change.  Only when all conditions must hold. */
static bool none_matches(struct request *r, const struct walk *w, const struct node *cnt)
{
	const struct filter *f = r->prim.fc;
	struct counters k;

	if (filter_has(f, FC_TY) && (!filter_has(f, FC_FO) || f->fo == 1) &&
	    !filter_typed(f->ty, f->n_ty, gate_type(r->gate, cnt->type->ty)->inst->type->ty))
		return true;
	if (w->since == INT64_MIN)
		return false;
	node_counters(r->tx, cnt, &k);
	return k.lt < w->since;
}

/* Instances of the topmost node; VISIT_ON with none left takes its frame away. */
static enum visit visit_insts(struct request *r, struct walk *w, const struct node *cnt, unsigned *left)
{
	struct frame *f = &w->stack[w->top - 1];
	struct inst inst[BATCH];
	size_t n = 0;

	if (gate_type(r->gate, cnt->type->ty)->inst && !none_matches(r, w, cnt)) {
		if (w->since != INT64_MIN && !f->after_inst)
			f->after_inst = store_inst_before(r->tx, cnt, w->since);
		n = store_instances(r->tx, cnt, f->after_inst, inst, *left < BATCH ? *left : BATCH);
		if (n && !(match_instances(r, cnt, w->acop) && walk_permits(r, w, cnt, true)))
			n = 0;
	}
	for (size_t i = 0; i < n && *left; i++) {
		enum visit v = visit_inst(r, w, cnt, &inst[i]);

		if (v != VISIT_ON)
			return v;
		f->after_inst = inst[i].id;
		--*left;
	}
	if (n == 0)
		w->top--;
	return VISIT_ON;
}

/* The frame's node in this hold; NULL: it is gone. */
static const struct node *enter(struct request *r, struct frame *f)
{
	if (f->epoch != tx_epoch(r->tx)) {
		f->epoch = tx_epoch(r->tx);
		f->node = store_by_rid(r->tx, f->rid);
		f->n = f->i = 0;
		f->ahead = f->after;
	}
	return f->node;
}

/* NULL: all have been visited (f->ahead is STORE_LAST), or nothing is left of this hold. */
static const struct node *next_child(struct request *r, struct frame *f, unsigned *left)
{
	while (f->i == f->n && f->ahead != STORE_LAST && *left) {
		f->i = 0;
		f->n = (unsigned)store_children(r->tx, f->node, &f->ahead, f->child, CHILDREN_AHEAD);
		if (f->n == 0 && f->ahead != STORE_LAST) {
			/* Only expired ones: they need not be passed again. */
			f->after = f->ahead;
			--*left;
		}
	}
	return f->i < f->n ? f->child[f->i] : NULL;
}

static enum visit visit_next(struct request *r, struct walk *w, unsigned *left)
{
	struct frame *f = &w->stack[w->top - 1];
	const struct node *n = enter(r, f), *child;

	if (!n) {
		w->top--;
		return VISIT_ON;
	}
	if (!f->nodes_done) {
		child = next_child(r, f, left);
		if (child) {
			--*left;
			return visit_node(r, w, child, left);
		}
		if (f->ahead != STORE_LAST)
			return VISIT_ON;
		f->nodes_done = true;
	}
	return visit_insts(r, w, n, left);
}

enum visit walk_tree(struct request *r, struct walk *w, unsigned *left)
{
	unsigned had = *left;
	enum visit v = VISIT_ON;

	while (w->top && *left && v == VISIT_ON)
		v = visit_next(r, w, left);
	if (v == VISIT_ON && !w->top)
		return VISIT_END;
	if (v == VISIT_FULL || w->plan == PLAN_TREE)
		return v;
	had -= *left;
	w->budget -= had < w->budget ? had : w->budget;
	if (w->budget == 0) {
		walk_restart(w);
		w->phase = WALK_REFS;
	}
	return v;
}
