/* SPDX-License-Identifier: Apache-2.0 */
/* A resource's content: in an arena, and kept in one heap block that is shared by counting. */
#include "cse/model/res.h"

#include <stdlib.h>

#include "cse/model/keep.h"

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

size_t res_room(const struct res *r)
{
	struct keep_space s = { 0 };

	CHECK(r, RES);
	keep_measure_obj(&r->o, &s);
	return sizeof *r + s.structs + s.text;
}

struct res *res_keep(const struct res *r)
{
	void *none = NULL;

	return res_keep_in(r, &none, 0);
}

struct res *res_keep_in(const struct res *r, void **block, size_t n)
{
	struct keep_space s = { 0 };
	struct keep_cursor c;
	struct res *k;
	size_t bytes;

	CHECK(r, RES);
	keep_measure_obj(&r->o, &s);
	bytes = sizeof *k + s.structs + s.text;
	if (*block && bytes <= n && bytes >= n / 2) {
		k = *block;
		*block = NULL;
	} else {
		k = malloc(bytes);
	}
	REQUIRE(k != NULL);
	k->magic = RES_MAGIC;
	atomic_init(&k->refs, 1);
	k->type = r->type;
	k->bytes = bytes;
	c.structs = (char *)(k + 1);
	c.text = c.structs + s.structs;
	keep_fill_obj(&c, &k->o, &r->o);
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
