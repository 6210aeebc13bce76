/* SPDX-License-Identifier: Apache-2.0 */
/* A resource's content: in an arena, and kept in one heap block that is shared by counting. */
#include "cse/model/res.h"

#include <stdlib.h>

struct res *res_new(struct arena *a, const struct type *t, uint32_t cap)
{
	struct res *r = ARENA_NEW(a, struct res);

	r->magic = RES_MAGIC;
	r->type = t;
	r->o.cap = cap;
	r->o.m = cap ? arena_alloc(a, cap * sizeof *r->o.m) : NULL;
	return r;
}

struct res *res_edit(struct arena *a, const struct res *r)
{
	struct res *copy;

	CHECK(r, RES);
	REQUIRE(r->o.n < UINT32_MAX - 4);
	copy = res_new(a, r->type, r->o.n + 4);
	copy->o.n = r->o.n;
	if (r->o.n)
		memcpy(copy->o.m, r->o.m, r->o.n * sizeof *r->o.m);
	return copy;
}

/* A kept block: struct res, then structs (all multiples of 8 bytes), then text. */
struct space {
	size_t structs, text;
};
struct cursor {
	char *structs, *text;
};

static void measure_obj(const struct obj *o, struct space *s);

static void measure(const struct val *v, struct space *s)
{
	if (v->kind == K_OBJ) {
		s->structs += sizeof(struct obj);
		measure_obj(v->o, s);
	} else if (v->kind == K_LIST) {
		s->structs += v->list.n * sizeof *v->list.v;
		for (size_t i = 0; i < v->list.n; i++)
			measure(&v->list.v[i], s);
	} else if (val_is_text(v->kind)) {
		s->text += v->s.n;
	}
}

static void measure_obj(const struct obj *o, struct space *s)
{
	s->structs += o->n * sizeof *o->m;
	for (uint32_t i = 0; i < o->n; i++)
		measure(&o->m[i].v, s);
}

static void *take(struct cursor *c, size_t n)
{
	void *p = c->structs;

	c->structs += n;
	return p;
}

static void fill_obj(struct cursor *c, struct obj *to, const struct obj *from);

static void fill(struct cursor *c, struct val *to, const struct val *from)
{
	*to = *from;
	if (from->kind == K_OBJ) {
		to->o = take(c, sizeof *to->o);
		fill_obj(c, to->o, from->o);
	} else if (from->kind == K_LIST) {
		to->list.v = take(c, from->list.n * sizeof *to->list.v);
		for (size_t i = 0; i < from->list.n; i++)
			fill(c, &to->list.v[i], &from->list.v[i]);
	} else if (val_is_text(from->kind)) {
		to->s.p = c->text;
		if (from->s.n)
			memcpy(c->text, from->s.p, from->s.n);
		c->text += from->s.n;
	}
}

static void fill_obj(struct cursor *c, struct obj *to, const struct obj *from)
{
	to->n = to->cap = from->n;
	to->m = take(c, from->n * sizeof *to->m);
	for (uint32_t i = 0; i < from->n; i++) {
		to->m[i].attr = from->m[i].attr;
		fill(c, &to->m[i].v, &from->m[i].v);
	}
}

struct res *res_keep(const struct res *r)
{
	struct space s = { 0 };
	struct cursor c;
	struct res *k;
	size_t bytes;

	CHECK(r, RES);
	measure_obj(&r->o, &s);
	bytes = sizeof *k + s.structs + s.text;
	k = malloc(bytes);
	REQUIRE(k != NULL);
	k->magic = RES_MAGIC;
	atomic_init(&k->refs, 1);
	k->type = r->type;
	k->bytes = bytes;
	c.structs = (char *)(k + 1);
	c.text = c.structs + s.structs;
	fill_obj(&c, &k->o, &r->o);
	return k;
}

struct res *res_ref(const struct res *r)
{
	struct res *counted = (struct res *)(uintptr_t)r;

	CHECK(r, RES);
	if (atomic_load_explicit(&counted->refs, memory_order_relaxed))
		atomic_fetch_add_explicit(&counted->refs, 1, memory_order_relaxed);
	return counted;
}

void res_unref(const struct res *r)
{
	struct res *counted = (struct res *)(uintptr_t)r;

	if (!r)
		return;
	CHECK(r, RES);
	if (!atomic_load_explicit(&counted->refs, memory_order_relaxed))
		return;
	if (atomic_fetch_sub_explicit(&counted->refs, 1, memory_order_acq_rel) == 1) {
		counted->magic = 0;
		free(counted);
	}
}

uint64_t res_uint(const struct res *r, const char *sn, uint64_t absent)
{
	const struct val *v = res_find(r, sn);

	if (!v)
		return absent;
	if (v->kind == K_UINT)
		return v->u;
	return (v->kind == K_INT || v->kind == K_ENUM || v->kind == K_STAMP) && v->i >= 0 ? (uint64_t)v->i : absent;
}

bool res_bool(const struct res *r, const char *sn, bool absent)
{
	const struct val *v = res_find(r, sn);

	return v && v->kind == K_BOOL ? v->b : absent;
}

struct str res_str(const struct res *r, const char *sn)
{
	const struct val *v = res_find(r, sn);

	return v && val_is_text(v->kind) ? v->s : STR_NONE;
}

int64_t res_stamp(const struct res *r, const struct attr *at, int64_t absent)
{
	const struct val *v = res_get(r, at);

	return v && v->kind == K_STAMP ? v->i : absent;
}
