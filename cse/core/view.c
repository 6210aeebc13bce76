/* SPDX-License-Identifier: Apache-2.0 */
/* A resource as an answer shows it. */
#include "cse/core/view.h"

#include "cse/core/change.h"

enum { UNIVERSAL = 10 };

static void add(struct request *r, struct obj *o, const struct attr *at, struct val v)
{
	*obj_add(&r->arena, o, at) = v;
}

static struct obj *begin(struct arena *a, const struct typeinfo *ti, const struct res *res, int64_t lt,
                         const struct view_names *names)
{
	struct obj *o = obj_new(a, res->o.n + UNIVERSAL);

	*obj_add(a, o, &attr_rn) = val_str(K_STR, names->rn);
	*obj_add(a, o, &attr_ty) = val_enum(ti->type->ty);
	*obj_add(a, o, &attr_ri) = val_str(K_ID, names->ri);
	*obj_add(a, o, &attr_pi) = val_str(K_URI, names->pi);
	*obj_add(a, o, &attr_lt) = val_stamp(lt);
	return o;
}

static void copy(struct arena *a, struct obj *o, const struct res *res)
{
	for (uint32_t i = 0; i < res->o.n; i++)
		if (!(res->o.m[i].attr->flags & AF_HIDDEN))
			*obj_add(a, o, res->o.m[i].attr) = res->o.m[i].v;
}

/* Attributes of a resource that the CSE knows at this moment (CSEBase). */
static const struct res *fresh(const struct gate *g, struct arena *a, struct request *r, const struct typeinfo *ti,
                               const struct res *res)
{
	struct change c = { .arena = a, .conf = gate_settings(g)->conf, .security = g->o.security, .self = &g->o.self,
		                .known = &g->known, .res = res_edit(a, res) };

	if (r) {
		c.prim = &r->prim;
		c.origin = &r->origin;
		c.why = &r->prim.why;
	}
	ti->b->show(&c);
	return c.res;
}

static struct obj *node(const struct gate *g, struct arena *a, struct request *r, const struct typeinfo *ti,
                        const struct res *res, const struct counters *k, const struct view_names *names)
{
	struct obj *o;

	if (ti->b->show)
		res = fresh(g, a, r, ti, res);
	o = begin(a, ti, res, k->lt, names);
	copy(a, o, res);
	if (ti->type->sets & SET_ST)
		*obj_add(a, o, &attr_st) = val_uint(k->st);
	if (ti->cni)
		*obj_add(a, o, ti->cni) = val_uint(k->cni);
	if (ti->cbs)
		*obj_add(a, o, ti->cbs) = val_uint(k->cbs);
	return o;
}

struct obj *view_node(struct request *r, const struct typeinfo *ti, const struct res *res, const struct counters *k,
                      const struct view_names *names)
{
	return node(r->gate, &r->arena, r, ti, res, k, names);
}

struct obj *view_own(const struct gate *g, struct arena *a, const struct typeinfo *ti, const struct res *res,
                     const struct counters *k, const struct view_names *names)
{
	return node(g, a, NULL, ti, res, k, names);
}

struct obj *view_own_inst(struct arena *a, const struct typeinfo *ti, const struct res *res, const struct inst *inst,
                          int64_t end, const struct view_names *names)
{
	struct obj *o = begin(a, ti, res, inst->ct, names);

	copy(a, o, res);
	if (ti->type->sets & SET_ST)
		*obj_add(a, o, &attr_st) = val_uint(inst->st);
	if (ti->cs)
		*obj_add(a, o, ti->cs) = val_uint(inst->size);
	if (end < res_stamp(res, &attr_et, INT64_MAX))
		*obj_put(a, o, &attr_et) = val_stamp(end);
	return o;
}

struct obj *view_inst(struct request *r, const struct typeinfo *ti, const struct res *res, const struct inst *inst,
                      int64_t end, const struct view_names *names)
{
	return view_own_inst(&r->arena, ti, res, inst, end, names);
}

enum rsc view_part(struct request *r, const struct typeinfo *ti, const struct strs *names, struct obj **o)
{
	struct obj *part = obj_new(&r->arena, (uint32_t)names->n);

	for (size_t i = 0; i < names->n; i++) {
		const struct attr *at = type_attr(ti->type, names->v[i]);
		const struct val *v;

		if (!at)
			return prim_fail(&r->prim, RSC_BAD_REQUEST, "the list of attributes: entry %zu is no attribute of %s", i + 1,
			                 ti->type->ln);
		v = obj_get(*o, at);
		if (v && !obj_get(part, at))
			add(r, part, at, *v);
	}
	*o = part;
	return RSC_NONE;
}

struct obj *view_modified(struct request *r, const struct obj *after, const struct obj *before, const struct obj *asked)
{
	struct obj *o = obj_new(&r->arena, after->n);

	for (uint32_t i = 0; i < after->n; i++) {
		const struct member *m = &after->m[i];
		const struct val *want = obj_get(asked, m->attr), *was = before ? obj_get(before, m->attr) : NULL;

		if (!(want ? val_eq(want, &m->v) : was && val_eq(was, &m->v)))
			add(r, o, m->attr, m->v);
	}
	for (uint32_t i = 0; before && i < before->n; i++) {
		const struct attr *at = before->m[i].attr;

		if (!obj_get(after, at) && !obj_get(asked, at))
			add(r, o, at, val_null());
	}
	return o;
}

struct obj *view_asked(struct request *r, const struct obj *after, const struct obj *asked)
{
	struct obj *o = obj_new(&r->arena, asked->n);

	for (uint32_t i = 0; i < after->n; i++)
		if (obj_get(asked, after->m[i].attr))
			add(r, o, after->m[i].attr, after->m[i].v);
	return o;
}

struct obj *view_meta(struct request *r, const struct typeinfo *ti, const struct obj *after)
{
	const struct attr *const shown[] = { &attr_ty, &attr_ct, &attr_lt, &attr_et, ti->cs, ti->cni, ti->cbs };
	struct obj *o = obj_new(&r->arena, ARRAY_LEN(shown));

	for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
		const struct val *v = shown[i] ? obj_get(after, shown[i]) : NULL;

		if (v)
			add(r, o, shown[i], *v);
	}
	return o;
}
