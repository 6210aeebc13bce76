/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children and descendants, in pre-order, for rcn 4, 5, 6, 8 and discovery.  TS-0001 8.1.2, TS-0004 7.3.3.14.
 * A slice visits at most SLICE resources in one hold of the lock.  Nodes come in order of creation, then instances.
 *
 * Nested answers (rcn 4, 8) count offset in children of the target, and a child that does not fit with all below it is
 * left for the next answer; flat ones (5, 6, discovery) count every resource.  A resource that the originator may not
 * see is left out; in flat answers what lies below it is still looked at.
 */
#include "cse/core/walk.h"

#include "cse/core/filter.h"
#include "cse/core/steps.h"
#include "cse/core/walk_priv.h"

enum { SLICE = 256, BATCH = 64 };
enum visit { VISIT_ON, VISIT_FULL, VISIT_MISS };

bool walk_is_discovery(const struct request *r)
{
	return r->prim.op == OP_RETRIEVE && filter_has(r->prim.fc, FC_FU) && r->prim.fc->fu == 1;
}

bool walk_wanted(const struct request *r)
{
	return walk_is_discovery(r) || r->rcn == RCN_ATTRS_CHILDREN || r->rcn == RCN_ATTRS_REFS || r->rcn == RCN_REFS ||
	       r->rcn == RCN_CHILDREN;
}

bool walk_is_done(const struct request *r)
{
	return r->walk && r->walk->done;
}

struct arena *walk_arena(struct request *r)
{
	return r->walk && !r->walk->done ? &r->walk->scratch : &r->arena;
}

uint64_t walk_rest(const struct request *r)
{
	return r->walk ? r->walk->rest : 0;
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static void push(struct request *r, struct walk *w, uint32_t rid, struct item *item)
{
	if (w->top == w->room) {
		struct frame *f = arena_array(&r->arena, w->room ? 2 * (size_t)w->room : 16, sizeof(*f));

		if (w->top)
			memcpy(f, w->stack, w->top * sizeof(*f));
		w->stack = f;
		w->room = w->room ? 2 * w->room : 16;
	}
	w->stack[w->top++] = (struct frame){ .rid = rid, .item = item };
}

static struct walk *start(struct request *r)
{
	const struct settings *s = gate_settings(r->gate);
	const struct filter *f = r->prim.fc;
	struct walk *w = ARENA_NEW(&r->arena, struct walk);

	w->discovery = walk_is_discovery(r);
	w->nested = !w->discovery && (r->rcn == RCN_ATTRS_CHILDREN || r->rcn == RCN_CHILDREN);
	w->limit = filter_has(f, FC_LIM) && f->lim < s->reply_resources ? f->lim : s->reply_resources;
	w->offset = filter_has(f, FC_OFST) ? f->ofst : 1;
	w->level = filter_has(f, FC_LVL) && f->lvl < UINT16_MAX ? (unsigned)f->lvl : UINT16_MAX;
	w->max_bytes = s->reply_bytes;
	w->root = r->target.node->rid;
	w->tail = &w->first;
	arena_init(&w->scratch, 4096);
	r->walk = w;
	if (!r->target.is_inst)
		push(r, w, w->root, NULL);
	return w;
}

static void drop_items(struct item *it)
{
	for (; it; it = it->next) {
		res_unref(it->res);
		request_drop_body(&it->body);
	}
}

void walk_free(struct request *r)
{
	if (!r->walk)
		return;
	drop_items(r->walk->first);
	arena_fini(&r->walk->scratch);
	r->walk = NULL;
}

/* --- may it be seen, does it match ------------------------------------------------------------------------------- */

static bool allowed(struct request *r, const struct node *n, bool on_instance)
{
	struct ask q = { .prim = &r->prim, .origin = &r->origin, .acop = r->walk->discovery ? ACOP_DISC : ACOP_R, .node = n,
		             .on_instance = on_instance, .quiet = true };

	return authz_decide(r->gate->o.security, r->tx, &q) != NULL;
}

/* Labels of a content, in the arena of the tx. */
static struct strs labels(struct request *r, const struct res *res)
{
	const struct val *v = res_get(res, &attr_lbl);
	struct strs out = { NULL, 0 };

	if (!v || v->kind != K_LIST)
		return out;
	out.v = arena_array(tx_arena(r->tx), v->list.n, sizeof(*out.v));
	for (out.n = 0; out.n < v->list.n; out.n++)
		out.v[out.n] = v->list.v[out.n].s;
	return out;
}

static bool match_node(struct request *r, const struct node *n)
{
	const struct res *res = node_res(r->tx, n);
	struct filter_subject s = { .ty = n->type->ty, .has_st = (n->type->sets & SET_ST) != 0 };
	struct counters k;

	if (!filter_selects(r->prim.fc))
		return true;
	node_counters(r->tx, n, &k);
	s.ct = res_stamp(res, &attr_ct, 0);
	s.et = res_stamp(res, &attr_et, INT64_MAX);
	s.lt = k.lt;
	s.st = k.st;
	if (filter_needs_labels(r->prim.fc))
		s.lbl = labels(r, res);
	return filter_match(r->prim.fc, &s);
}

static bool match_inst(struct request *r, const struct node *cnt, const struct item *it, const struct body *body)
{
	enum { LABELS = 512 };
	struct str lbl[LABELS];
	struct filter_subject s = { .ty = it->ti->type->ty, .has_st = true, .has_size = true };
	struct res *res;

	if (!filter_selects(r->prim.fc))
		return true;
	s.ct = s.lt = it->inst.ct;
	s.et = it->end;
	s.st = it->inst.st;
	s.size = it->inst.size;
	if (filter_needs_labels(r->prim.fc))
		s.lbl = (struct strs){ lbl, store_inst_labels(r->tx, cnt, it->inst.id, lbl, LABELS) };
	if (body && res_unpack(tx_arena(r->tx), str_make(body->bytes, body->n), &res) == 0) {
		int64_t own = res_stamp(res, &attr_et, INT64_MAX);

		s.et = own < s.et ? own : s.et;
	}
	return filter_match(r->prim.fc, &s);
}

bool walk_target_matches(struct request *r)
{
	const struct target *t = &r->target;
	struct item it = { .ti = r->ti, .inst = t->inst };

	if (!t->is_inst)
		return match_node(r, t->node);
	it.end = proc_inst_end(r, t->node, t->inst.ct);
	return match_inst(r, t->node, &it, r->body);
}

/* --- limits ------------------------------------------------------------------------------------------------------ */

/* The answer is full.  Nested: what belongs to a child of the target that does not fit as a whole goes out again, but
 * for the first one, so that each answer makes progress. */
static enum visit stop(struct walk *w, bool direct)
{
	if (!w->nested) {
		w->rest = w->offset + w->count;
		return VISIT_FULL;
	}
	if (direct) {
		w->rest = w->matched;
	} else if (w->cut_count == 0) {
		w->rest = w->matched + 1;
	} else {
		w->rest = w->matched;
		drop_items(*w->cut);
		*w->cut = NULL;
		w->tail = w->cut;
		w->count = w->cut_count;
	}
	return VISIT_FULL;
}

static bool is_full(const struct walk *w)
{
	return w->count >= w->limit || (w->count && w->bytes >= w->max_bytes);
}

/* A resource that fits: is it before the offset, or one too many?  *skip: goes on without it. */
static enum visit admit(struct walk *w, bool direct, bool *skip)
{
	*skip = false;
	if (direct || !w->nested)
		w->matched++;
	if ((direct || !w->nested) && w->matched < w->offset) {
		*skip = true;
		return VISIT_ON;
	}
	if (is_full(w))
		return stop(w, direct);
	if (direct) {
		w->cut = w->tail;
		w->cut_count = w->count;
	}
	return VISIT_ON;
}

static struct item *append(struct request *r, struct walk *w, const struct item *it, size_t bytes)
{
	struct item *new = arena_alloc(&r->arena, sizeof(*new));

	*new = *it;
	*w->tail = new;
	w->tail = &new->next;
	w->count++;
	w->bytes += bytes + 200;
	return new;
}

/* --- visiting ---------------------------------------------------------------------------------------------------- */

/* An AE that is not there for the moment is not discovered, nor what it has.  TS-0004 7.3.3.14. */
static bool is_inactive(struct request *r, const struct node *n)
{
	enum { INACTIVE = 2 };
	const struct val *v = n->type->ty == TY_AE ? res_get(node_res(r->tx, n), r->gate->known.at[AT_AE_REGS]) : NULL;

	return v && v->i == INACTIVE;
}

static bool structured(const struct request *r)
{
	return !prim_has(&r->prim, P_DRT) || r->prim.drt == 1;
}

/* Out of the slice's memory into the request's. */
static struct str keep(struct request *r, struct str s)
{
	return arena_str(&r->arena, s);
}

static struct str inst_addr(struct request *r, struct frame *f, const struct node *cnt, struct str rn)
{
	char *p;

	if (f->path.n == 0)
		f->path = keep(r, node_path(r->tx, cnt));
	p = arena_alloc(&r->arena, f->path.n + 1 + rn.n);
	memcpy(p, f->path.p, f->path.n);
	p[f->path.n] = '/';
	memcpy(p + f->path.n + 1, rn.p, rn.n);
	return str_make(p, f->path.n + 1 + rn.n);
}

static enum visit visit_node(struct request *r, struct walk *w, const struct node *n)
{
	struct frame *f = &w->stack[w->top - 1];
	struct item it = { .parent = f->item, .ti = gate_type(r->gate, n->type->ty) };
	struct item *taken = NULL;
	bool direct = w->top == 1, skip;
	size_t bytes = 0;

	if (!it.ti || !zone_allows(r->gate->o.security, &r->origin, n->zone) || (w->discovery && is_inactive(r, n)))
		return VISIT_ON;
	if (match_node(r, n) && allowed(r, n, false)) {
		enum visit v = admit(w, direct, &skip);

		if (v != VISIT_ON)
			return v;
		if (!skip) {
			it.ri = keep(r, node_ri(r->tx, n));
			it.rn = keep(r, node_rn(r->tx, n));
			if (w->nested) {
				it.pi = keep(r, node_ri(r->tx, n->parent));
				it.res = res_ref(node_res(r->tx, n));
				bytes = it.res->bytes;
				node_counters(r->tx, n, &it.counters);
			} else {
				it.addr = structured(r) ? keep(r, node_path(r->tx, n)) : it.ri;
			}
			taken = append(r, w, &it, bytes);
		} else if (w->nested) {
			return VISIT_ON;
		}
	} else if (w->nested) {
		return VISIT_ON;
	}
	if (w->top < w->level)
		push(r, w, n->rid, taken);
	return VISIT_ON;
}

static enum visit visit_inst(struct request *r, struct walk *w, const struct node *cnt, const struct inst *inst)
{
	struct frame *f = &w->stack[w->top - 1];
	struct item it = { .parent = f->item, .ti = gate_type(r->gate, cnt->type->ty)->inst, .is_inst = true, .inst = *inst };
	bool skip;
	enum visit v;

	it.end = proc_inst_end(r, cnt, inst->ct);
	if ((w->nested || filter_needs_body(r->prim.fc)) && request_body(r, cnt, inst->id, &it.body) != 0)
		return VISIT_MISS;
	if (!match_inst(r, cnt, &it, it.body)) {
		request_drop_body(&it.body);
		return VISIT_ON;
	}
	v = admit(w, w->top == 1, &skip);
	if (v != VISIT_ON || skip) {
		request_drop_body(&it.body);
		return v;
	}
	if (!w->nested) {
		request_drop_body(&it.body);
	}
	it.ri = keep(r, inst_ri(r->tx, cnt, inst->id));
	it.rn = keep(r, inst_rn(r->tx, cnt, inst->id));
	if (w->nested)
		it.pi = keep(r, node_ri(r->tx, cnt));
	else
		it.addr = structured(r) ? inst_addr(r, f, cnt, it.rn) : it.ri;
	append(r, w, &it, it.body ? it.body->n : 0);
	return VISIT_ON;
}

/* Instances of the topmost node; VISIT_ON with none left takes its frame away. */
static enum visit visit_insts(struct request *r, struct walk *w, const struct node *cnt, unsigned *left)
{
	struct frame *f = &w->stack[w->top - 1];
	const struct typeinfo *ti = gate_type(r->gate, cnt->type->ty);
	struct why why = { .rsc = RSC_NONE };
	struct inst inst[BATCH];
	size_t n = 0;

	if (ti->inst && (!ti->b->instances_open || !ti->b->instances_open(&r->gate->known, node_res(r->tx, cnt), &why)) &&
	    allowed(r, cnt, true))
		n = store_instances(r->tx, cnt, f->after_inst, inst, *left < BATCH ? *left : BATCH);
	for (size_t i = 0; i < n; i++) {
		enum visit v = visit_inst(r, w, cnt, &inst[i]);

		if (v == VISIT_MISS) {
			r->fetch.id = inst[i].id;
			return v;
		}
		if (v != VISIT_ON)
			return v;
		f->after_inst = inst[i].id;
		--*left;
	}
	if (n == 0)
		w->top--;
	return VISIT_ON;
}

static enum visit visit_next(struct request *r, struct walk *w, unsigned *left)
{
	struct frame *f = &w->stack[w->top - 1];
	const struct node *n = store_by_rid(r->tx, f->rid), *child;

	if (!n) {
		w->top--;
		return VISIT_ON;
	}
	if (!f->nodes_done) {
		--*left;
		if (store_children(r->tx, n, f->after, &child, 1) == 1) {
			f->after = child->rid;
			return visit_node(r, w, child);
		}
		f->nodes_done = true;
	}
	return visit_insts(r, w, n, left);
}

enum step_result walk_slice(struct request *r)
{
	struct walk *w = r->walk ? r->walk : start(r);
	unsigned left = SLICE;
	enum visit v = VISIT_ON;

	if (w->root != r->target.node->rid) {
		prim_fail(&r->prim, RSC_NOT_FOUND, "the resource was deleted while its children were being read");
		return STEP_ANSWER;
	}
	while (w->top && left && v == VISIT_ON)
		v = visit_next(r, w, &left);
	request_end(r);
	gather_views(r);
	arena_reset(&w->scratch);
	if (v == VISIT_MISS)
		return request_fetch(r, r->fetch.id);
	if (v == VISIT_ON && w->top)
		return request_next_turn(r);
	w->done = true;
	return STEP_NEXT;
}
