/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in the tables of types, structured types and enumerations. */
#include "cse/model/type.h"

#include "cse/base/check.h"
#include "cse/model/index_priv.h"
#include "cse/model/tables_priv.h"

#define ENUMERATION(id, long_name, from, to, ...) \
	static const int32_t values_##id[] = { __VA_ARGS__ }; \
	const struct enumeration enum_##id = { long_name, values_##id, ARRAY_LEN(values_##id), from, to };
#include "cse/model/enum.def"
#undef ENUMERATION

const struct type *type_by_ty(unsigned ty)
{
	if (ty < table_low_n)
		return table_low[ty];
	if (ty >= 10000 && ty - 10000 < table_high_n)
		return table_high[ty - 10000];
	return NULL;
}

static const struct root_entry *root_find(struct str root)
{
	unsigned at = index_find(&table_root_index, root);
	const struct root_entry *e = at ? &table_roots[at - 1] : NULL;

	return e && memcmp(e->sn, root.p, root.n) == 0 ? e : NULL;
}

const struct type *type_by_root(struct str root)
{
	const struct root_entry *e = root_find(root);

	return e ? e->type : NULL;
}

const struct attr *type_root_attr(struct str root)
{
	const struct root_entry *e = root_find(root);

	if (!e)
		return NULL;
	return e->type ? e->type->root : e->attr;
}

const struct type *const *type_all(size_t *n)
{
	*n = table_types_n;
	return table_types;
}

int type_attr_pos(const struct type *t, struct str sn)
{
	unsigned at = index_find(t->index, sn);

	return at && memcmp(t->all[at - 1]->sn, sn.p, sn.n) == 0 ? (int)at - 1 : -1;
}

const struct attr *type_attr(const struct type *t, struct str sn)
{
	int at = type_attr_pos(t, sn);

	return at < 0 ? NULL : t->all[at];
}

const struct attr *type_attr_at(const struct type *t, size_t i)
{
	return i < t->n_all ? t->all[i] : NULL;
}

bool type_may_have_child(const struct type *parent, unsigned ty)
{
	for (const uint16_t *c = parent->children; *c; c++)
		if (*c == ty)
			return true;
	return false;
}

bool type_has_virtual(const struct type *t, enum virtual_child v)
{
	for (const uint8_t *c = t->virtuals; c && *c; c++)
		if (*c == v)
			return true;
	return false;
}

const struct attr *type_as_member(const struct type *t)
{
	return t->member;
}

bool enum_has(const struct enumeration *e, int64_t v)
{
	size_t lo = 0, hi = e->n;

	if (e->hi && v >= e->lo && v <= e->hi)
		return true;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (e->values[mid] == v)
			return true;
		if (e->values[mid] < v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

int complex_attr_pos(const struct complex *c, struct str sn)
{
	unsigned at = index_find(c->index, sn);

	return at && memcmp(c->attrs[at - 1].sn, sn.p, sn.n) == 0 ? (int)at - 1 : -1;
}

const struct attr *complex_attr(const struct complex *c, struct str sn)
{
	int at = complex_attr_pos(c, sn);

	return at < 0 ? NULL : &c->attrs[at];
}
