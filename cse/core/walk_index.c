/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over what an index names: labels, types, or what changed lately.  It is chosen when that is much less than what lies below the target, so that
 * a small subtree does not pay for a large index; nor does a small limit, for which the tree is tried first.  What matches is
 * brought into the order that the tree would have given.
 */
#include "cse/core/walk.h"

#include "cse/core/arp.h"
#include "cse/core/filter.h"
#include "cse/core/match.h"
#include "cse/core/steps.h"
#include "cse/core/walk_priv.h"

enum { BATCH = 32, MOVES = 8192, WORTH_IT = 64 };

/* --- choosing ---------------------------------------------------------------------------------------------------- */

/* Conditions on labels or types that each resource in the answer must meet. */
static bool must(const struct filter *f, enum filter_kind k)
{
	return filter_kinds(f) & KIND(k) && (!filter_has(f, FC_FO) || f->fo == 1 || filter_kinds(f) == KIND(k));
}

static bool are_nodes(const struct filter *f)
{
	for (size_t i = 0; i < f->n_ty; i++) {
		const struct type *t = type_by_ty((unsigned)f->ty[i]);

		if (!t || t->flags & TYPE_INSTANCE)
			return false;
	}
	return true;
}

static uint64_t plan_of(struct request *r, struct walk *w)
{
	const struct filter *f = r->prim.fc;
	uint64_t best = UINT64_MAX, n = 0;

	if (must(f, KD_LBL)) {
		for (size_t i = 0; i < f->lbl.n; i++)
			n += store_labelled_count(r->tx, f->lbl.v[i]);
		best = n;
		w->plan = PLAN_LABELS;
	}
	if (must(f, KD_TY) && are_nodes(f)) {
		n = 0;
		for (size_t i = 0; i < f->n_ty; i++)
			n += store_typed_count(r->tx, (unsigned)f->ty[i]);
		if (n < best) {
			best = n;
			w->plan = PLAN_TYPES;
		}
	}
	return best;
}

/* What is made or changed before this cannot match.  An instance does not change. */
static int64_t since_of(const struct filter *f)
{
	int64_t since = INT64_MIN;

	if (f && must(f, KD_CT) && filter_has(f, FC_CRA))
		since = f->cra;
	if (f && must(f, KD_LT) && filter_has(f, FC_MS) && f->ms > since)
		since = f->ms;
	return since;
}

void walk_plan(struct request *r, struct walk *w)
{
	uint64_t named, below = store_below(r->tx, r->target.node), needed;

	w->plan = PLAN_TREE;
	w->since = since_of(r->prim.fc);
	if (w->nested || !r->prim.fc)
		return;
	named = plan_of(r, w);
	if (named >= below / 4) {
		w->plan = PLAN_TREE;
		if (w->since != INT64_MIN && below > WORTH_IT && store_recent_covers(r->tx, w->since)) {
			w->plan = PLAN_RECENT;
			w->patience = below / 2;
			w->phase = WALK_REFS;
		}
		return;
	}
	/* A small limit may end a walk through the tree early: it is tried first, for as long as the index would take. */
	needed = w->offset < below && named ? (w->offset + w->limit) * (below / named) : below;
	w->budget = needed < named ? named : 0;
	if (!w->budget)
		w->phase = WALK_REFS;
}

/* --- looking at what is named ------------------------------------------------------------------------------------ */

/* Is it below the target, not too deep, and is nothing on the way from there hidden or absent? */
static bool below_target(struct request *r, const struct walk *w, const struct node *n, bool inst)
{
	unsigned level = inst;

	for (; n && n->rid != w->root; n = n->parent, level++)
		if (!gate_type(r->gate, n->type->ty) || !zone_allows(r->gate->o.security, &r->origin, n->zone) ||
		    (w->discovery && walk_is_inactive(r, n)))
			return false;
	return n && level && level <= w->level;
}

static const uint32_t *key_of(struct request *r, const struct walk *w, const struct node *n, uint64_t id, uint32_t *len)
{
	uint32_t k = 0, *key;

	for (const struct node *a = n; a->rid != w->root; a = a->parent)
		k++;
	*len = k + (id ? 3 : 0);
	key = arena_alloc(&r->arena, *len * sizeof(*key));
	if (id) {
		key[k] = UINT32_MAX;
		key[k + 1] = (uint32_t)(id >> 32);
		key[k + 2] = (uint32_t)id;
	}
	for (const struct node *a = n; a->rid != w->root; a = a->parent)
		key[--k] = a->rid;
	return key;
}

static int compare(const struct found *a, const struct found *b)
{
	uint32_t n = a->n < b->n ? a->n : b->n;

	for (uint32_t i = 0; i < n; i++)
		if (a->key[i] != b->key[i])
			return a->key[i] < b->key[i] ? -1 : 1;
	return a->n < b->n ? -1 : a->n > b->n;
}

static void add_found(struct request *r, struct walk *w, const struct node *n, uint64_t id)
{
	struct found f = { .rid = n->rid, .id = id }, *before = w->last ? &w->last->f[w->last->n - 1] : NULL;

	f.key = key_of(r, w, n, id, &f.n);
	if (before && compare(before, &f) >= 0)
		w->disorder = true;
	if (!w->last || w->last->n == FOUND_A_CHUNK) {
		struct found_chunk *c = arena_alloc(&r->arena, sizeof(*c));

		c->next = NULL;
		c->n = 0;
		*(w->last ? &w->last->next : &w->chunks) = c;
		w->last = c;
	}
	w->last->f[w->last->n++] = f;
	w->n_found++;
}

/* Both: the resource is below the target. */
static enum visit look_at_node(struct request *r, struct walk *w, const struct node *n, unsigned *left)
{
	enum visit v = walk_asked(match_node(r, n, left));

	if (v == VISIT_ON && walk_permits(r, w, n, false))
		add_found(r, w, n, 0);
	return v == VISIT_END ? VISIT_ON : v;
}

static enum visit look_at_inst(struct request *r, struct walk *w, const struct node *cnt, const struct inst *inst)
{
	enum visit v = walk_asked(match_inst(r, cnt, inst, true));

	if (v == VISIT_ON && match_instances(r, cnt, w->acop) && walk_permits(r, w, cnt, true))
		add_found(r, w, cnt, inst->id);
	return v == VISIT_END ? VISIT_ON : v;
}

static enum visit look_at(struct request *r, struct walk *w, const struct store_ref *ref, unsigned *left)
{
	const struct node *n = store_by_rid(r->tx, ref->rid);
	struct inst inst;

	if (!n || !below_target(r, w, n, ref->id != 0))
		return VISIT_ON;
	if (!ref->id)
		return look_at_node(r, w, n, left);
	return store_inst(r->tx, n, ref->id, &inst) ? look_at_inst(r, w, n, &inst) : VISIT_ON;
}

/* What comes next in the list that is being read; 0: it has ended. */
static size_t read_list(struct request *r, struct walk *w, struct store_ref *ref, size_t max)
{
	const struct filter *f = r->prim.fc;

	return w->plan == PLAN_LABELS ? store_labelled(r->tx, f->lbl.v[w->list], w->at, ref, max)
	                              : store_typed(r->tx, (unsigned)f->ty[w->list], w->at.rid, ref, max);
}

/* Instances of a container that were made since. */
static enum visit collect_insts(struct request *r, struct walk *w, const struct node *cnt, unsigned *left)
{
	struct inst inst[BATCH];
	size_t n;

	if (!w->at.id)
		w->at.id = store_inst_before(r->tx, cnt, w->since);
	do {
		n = store_instances(r->tx, cnt, w->at.id, inst, *left < BATCH ? *left : BATCH);
		for (size_t i = 0; i < n; i++) {
			enum visit v = look_at_inst(r, w, cnt, &inst[i]);

			if (v != VISIT_ON)
				return v;
			w->at.id = inst[i].id;
			w->looked_at++;
			*left -= *left != 0;
		}
	} while (n && *left);
	return n ? VISIT_AGAIN : VISIT_ON;
}

/* A node that changed, then its instances.  w->at.rid: the node itself has been looked at. */
static enum visit look_at_recent(struct request *r, struct walk *w, uint32_t rid, unsigned *left)
{
	const struct node *n = store_by_rid(r->tx, rid);
	enum visit v = VISIT_ON;

	if (!n)
		return VISIT_ON;
	if (w->at.rid != rid) {
		if (below_target(r, w, n, false))
			v = look_at_node(r, w, n, left);
		if (v != VISIT_ON)
			return v;
		w->at = (struct store_ref){ rid, 0 };
		w->looked_at++;
		*left -= *left != 0;
	}
	if (store_is_leaf(r->tx, n) || !gate_type(r->gate, n->type->ty) || !gate_type(r->gate, n->type->ty)->inst ||
	    !below_target(r, w, n, true))
		return VISIT_ON;
	return *left ? collect_insts(r, w, n, left) : VISIT_AGAIN;
}

static uint32_t newest(struct request *r, const struct walk *w)
{
	struct store_recent first = { 0 };
	uint32_t rid = 0;

	return store_recent(r->tx, &first, w->since, &rid, 1) ? rid : 0;
}

/* What changes while the list is read goes to its newer end, which has been passed: so it is read again from there to where the last pass
 * began, until nothing has changed meanwhile.  false: it never comes to rest. */
static bool next_pass(struct request *r, struct walk *w)
{
	enum { PASSES = 16 };

	w->stop = w->head;
	w->head = newest(r, w);
	w->recent = (struct store_recent){ 0 };
	return ++w->passes <= PASSES;
}

static enum visit collect_recent(struct request *r, struct walk *w, unsigned *left)
{
	if (!w->passes)
		next_pass(r, w);
	for (; *left; *left -= *left != 0) {
		struct store_recent next = w->recent;
		bool more = true;
		uint32_t rid;
		enum visit v;

		if (store_recent(r->tx, &next, w->since, &rid, 1) == 0 || rid == w->stop) {
			if (!next.lost && newest(r, w) == w->head) {
				w->phase = WALK_SORT;
				return VISIT_SORT;
			}
			more = !next.lost && next_pass(r, w);
			next = w->recent;
		} else {
			v = look_at_recent(r, w, rid, left);
			if (v != VISIT_ON)
				return v;
		}
		w->recent = next;
		if (!more || w->looked_at > w->patience) {
			w->plan = PLAN_TREE;
			w->phase = WALK_TREE;
			return VISIT_ON;
		}
	}
	return VISIT_ON;
}

static enum visit collect(struct request *r, struct walk *w, unsigned *left)
{
	const struct filter *f = r->prim.fc;
	size_t lists = w->plan == PLAN_LABELS ? f->lbl.n : f->n_ty, n;
	struct store_ref ref[BATCH];

	while (w->list < lists && *left) {
		n = read_list(r, w, ref, *left < BATCH ? *left : BATCH);
		if (n == 0) {
			w->list++;
			w->at = (struct store_ref){ 0 };
			--*left;
		}
		for (size_t i = 0; i < n && *left; i++) {
			enum visit v = look_at(r, w, &ref[i], left);

			if (v != VISIT_ON)
				return v;
			w->at = ref[i];
			*left -= *left != 0;
		}
	}
	if (w->list < lists)
		return VISIT_ON;
	w->phase = WALK_SORT;
	return VISIT_SORT;
}

/* --- order ------------------------------------------------------------------------------------------------------- */

static void list_up(struct request *r, struct walk *w)
{
	size_t n = 0;

	w->order = arena_alloc(&r->arena, (w->n_found + 1) * sizeof(struct found *));
	w->spare = arena_alloc(&r->arena, (w->n_found + 1) * sizeof(struct found *));
	for (struct found_chunk *c = w->chunks; c; c = c->next)
		for (unsigned i = 0; i < c->n; i++)
			w->order[n++] = &c->f[i];
	w->width = 1;
}

static void merge(struct walk *w)
{
	size_t end = w->n_found, a = w->sorted, to = a;
	size_t mid = end - a < w->width ? end : a + w->width, stop = end - mid < w->width ? end : mid + w->width, b = mid;

	while (a < mid || b < stop)
		w->spare[to++] = b == stop || (a < mid && compare(w->order[a], w->order[b]) <= 0) ? w->order[a++] : w->order[b++];
	w->sorted = stop;
}

/* Merges from the bottom up, some thousand moves at a time; once the runs are long, one of them. */
bool walk_sort(struct request *r, struct walk *w)
{
	size_t begin;

	if (!w->order)
		list_up(r, w);
	if (!w->disorder || w->width >= w->n_found)
		return true;
	for (begin = w->sorted; w->sorted < w->n_found && w->sorted - begin < MOVES;)
		merge(w);
	if (w->sorted == w->n_found) {
		struct found **swap = w->order;

		w->order = w->spare;
		w->spare = swap;
		w->sorted = 0;
		w->width *= 2;
	}
	return w->width >= w->n_found;
}

/* --- into the answer --------------------------------------------------------------------------------------------- */

static enum visit take(struct request *r, struct walk *w, const struct found *f)
{
	const struct node *n = store_by_rid(r->tx, f->rid);
	bool arp = filter_has(r->prim.fc, FC_ARP);
	struct item *item;
	struct inst inst;

	if (!n || (f->id && !store_inst(r->tx, n, f->id, &inst)))
		return VISIT_ON;
	if (arp)
		return arp_take(r, w, n, f->id ? &inst : NULL);
	return f->id ? walk_take_inst(r, w, n, &inst, NULL, false) : walk_take_node(r, w, n, NULL, false, &item);
}

static enum visit emit(struct request *r, struct walk *w, unsigned *left)
{
	for (; w->next < w->n_found && *left; --*left, w->next++) {
		enum visit v;

		if (w->next && compare(w->order[w->next - 1], w->order[w->next]) == 0)
			continue;
		v = take(r, w, w->order[w->next]);
		if (v != VISIT_ON)
			return v;
	}
	return w->next < w->n_found ? VISIT_ON : VISIT_END;
}

enum visit walk_index(struct request *r, struct walk *w, unsigned *left)
{
	switch (w->phase) {
	case WALK_REFS:
		return w->plan == PLAN_RECENT ? collect_recent(r, w, left) : collect(r, w, left);
	case WALK_SORT:
		return VISIT_SORT;
	case WALK_EMIT:
		return emit(r, w, left);
	case WALK_TREE:
		break;
	}
	UNREACHABLE();
}
