/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children and descendants for rcn 4, 5, 6, 8 and discovery.  TS-0001 8.1.2, TS-0004 7.3.3.14.
 * A slice visits some resources in one hold of the lock, a turn of the loop some slices.  The order is pre-order: nodes in order
 * of creation, then instances; it is the same whether the tree or an index was asked, so that offsets hold.
 *
 * Nested answers (rcn 4, 8) count offset in children of the target, and a child that does not fit with all below it is
 * left for the next answer; flat ones (5, 6, discovery) count every resource.  A resource that the originator may not
 * see is left out; in flat answers what lies below it is still looked at.
 */
#include "cse/core/walk.h"

#include "cse/core/filter.h"
#include "cse/core/match.h"
#include "cse/core/steps.h"
#include "cse/core/walk_priv.h"

/* Resources in one hold of the lock.  Between two of them the loop takes a turn, and others wait for one hold at most. */
enum { HOLD = 256 };

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

void walk_push(struct request *r, struct walk *w, uint32_t rid, struct item *item)
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
	w->acop = match_acop(r);
	w->limit = filter_has(f, FC_LIM) && f->lim < s->reply_resources ? f->lim : s->reply_resources;
	w->offset = filter_has(f, FC_OFST) ? f->ofst : 1;
	w->level = filter_has(f, FC_LVL) && f->lvl < UINT16_MAX ? (unsigned)f->lvl : UINT16_MAX;
	w->max_bytes = s->reply_bytes;
	w->root = r->target.node->rid;
	w->tail = &w->first;
	arena_init(&w->scratch, 4096);
	r->walk = w;
	/* An instance has no children, nor has what la and ol stand for: they are no other name of the container. */
	if (!r->target.is_inst && r->target.virt == V_NONE) {
		walk_push(r, w, w->root, NULL);
		walk_plan(r, w);
	}
	return w;
}

static void drop_items(const struct walk *w, struct item *it)
{
	for (; w->nested && it; it = it->next) {
		res_unref(it->res);
		request_drop_body(&it->body);
	}
}

void walk_free(struct request *r)
{
	if (!r->walk)
		return;
	drop_items(r->walk, r->walk->first);
	arena_fini(&r->walk->scratch);
	r->walk = NULL;
}

void walk_restart(struct walk *w)
{
	drop_items(w, w->first);
	w->first = NULL;
	w->tail = &w->first;
	w->matched = w->count = w->bytes = 0;
	w->n_taken = 0;
	if (w->room_taken)
		memset(w->taken, 0, w->room_taken * sizeof(*w->taken));
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
		drop_items(w, *w->cut);
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
enum visit walk_admit(struct walk *w, bool direct, bool *skip)
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

struct item *walk_append(struct request *r, struct walk *w, const struct item *it, size_t bytes)
{
	size_t size = w->nested ? sizeof(*it) : offsetof(struct item, parent);
	struct item *new = arena_alloc(&r->arena, size);

	memcpy(new, it, size);
	*w->tail = new;
	w->tail = &new->next;
	w->count++;
	w->bytes += bytes + 200;
	return new;
}

/* --- slices ------------------------------------------------------------------------------------------------------ */

enum step_result walk_slice(struct request *r)
{
	struct walk *w = r->walk ? r->walk : start(r);
	unsigned left = HOLD;
	enum visit v;

	if (w->root != r->target.node->rid) {
		prim_fail(&r->prim, RSC_NOT_FOUND, "the resource was deleted while its children were being read");
		return STEP_ANSWER;
	}
	v = w->phase == WALK_TREE ? walk_tree(r, w, &left) : walk_index(r, w, &left);
	request_end(r);
	gather_views(r);
	arena_reset(&w->scratch);
	switch (v) {
	case VISIT_MISS:
		return request_fetch(r, r->fetch.id);
	case VISIT_THINK:
		match_think(r);
		return request_next_turn(r);
	case VISIT_SORT:
		if (walk_sort(r, w))
			w->phase = WALK_EMIT;
		return request_next_turn(r);
	case VISIT_ON:
	case VISIT_AGAIN:
		return request_next_turn(r);
	case VISIT_END:
	case VISIT_FULL:
		break;
	}
	w->done = true;
	return STEP_NEXT;
}
