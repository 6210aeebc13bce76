/* SPDX-License-Identifier: Apache-2.0 */
/* What a walk has collected, as it goes into the answer: nested children, or references to them. */
#include "cse/core/walk.h"

#include "cse/core/view.h"
#include "cse/core/walk_priv.h"

/* --- nested ------------------------------------------------------------------------------------------------------ */

static void view(struct request *r, struct item *it)
{
	struct view_names names = { it->ri, it->pi, it->rn };
	struct res *res;

	if (!it->is_inst)
		it->o = view_node(r, it->ti, it->res, &it->counters, &names);
	else if (res_unpack(&r->arena, str_make(it->body->bytes, it->body->n), &res) == 0)
		it->o = view_inst(r, it->ti, res, &it->inst, it->end, &names);
}

void gather_views(struct request *r)
{
	struct walk *w = r->walk;

	if (!w->nested)
		return;
	for (struct item *it = w->first; it; it = it->next)
		if (!it->o)
			view(r, it);
}

static struct bucket *bucket(struct request *r, struct bucket **list, const struct attr *member)
{
	struct bucket *b;

	for (; *list; list = &(*list)->next)
		if ((*list)->member == member)
			return *list;
	b = ARENA_NEW(&r->arena, struct bucket);
	b->member = member;
	*list = b;
	return b;
}

static void fill(struct request *r, struct obj *o, struct bucket *list)
{
	for (struct bucket *b = list; b; b = b->next) {
		b->list = val_list(&r->arena, b->n);
		b->n = 0;
		*obj_add(&r->arena, o, b->member) = b->list;
	}
}

static void nest(struct request *r, struct obj *o)
{
	struct walk *w = r->walk;
	struct bucket *root = NULL;

	for (struct item *it = w->first; it; it = it->next)
		if (it->o)
			bucket(r, it->parent ? &it->parent->buckets : &root, it->ti->member)->n++;
	fill(r, o, root);
	for (struct item *it = w->first; it; it = it->next)
		if (it->o)
			fill(r, it->o, it->buckets);
	for (struct item *it = w->first; it; it = it->next) {
		struct bucket *b;

		if (!it->o)
			continue;
		b = bucket(r, it->parent ? &it->parent->buckets : &root, it->ti->member);
		b->list.list.v[b->n++] = val_obj(it->o);
	}
}

/* --- references -------------------------------------------------------------------------------------------------- */

static struct val refs(struct request *r)
{
	const struct complex *ref = attr_ch.of;
	const struct attr *val = complex_attr(ref, STR("val")), *nm = complex_attr(ref, STR("nm")),
	                  *typ = complex_attr(ref, STR("typ"));
	struct val list = val_list(&r->arena, r->walk->count);
	size_t n = 0;

	for (const struct item *it = r->walk->first; it; it = it->next) {
		struct obj *o = obj_new(&r->arena, 3);

		*obj_add(&r->arena, o, nm) = val_str(K_STR, it->rn);
		*obj_add(&r->arena, o, typ) = val_enum(it->ti->type->ty);
		*obj_add(&r->arena, o, val) = val_str(K_URI, it->addr);
		list.list.v[n++] = val_obj(o);
	}
	return list;
}

void walk_into(struct request *r, struct obj *o)
{
	if (r->walk->nested)
		nest(r, o);
	else
		*obj_add(&r->arena, o, &attr_ch) = refs(r);
}

struct val walk_list(struct request *r)
{
	struct val list;
	size_t n = 0;

	if (r->rcn == RCN_REFS)
		return refs(r);
	list = val_list(&r->arena, r->walk->count);
	for (const struct item *it = r->walk->first; it; it = it->next)
		list.list.v[n++] = val_str(K_URI, it->addr);
	return list;
}
