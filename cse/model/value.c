/* SPDX-License-Identifier: Apache-2.0 */
/* Typed values: objects and their members, lists, comparing, copying. */
#include "cse/model/value.h"

#include "cse/model/stamp.h"
#include "cse/model/type.h"

struct obj *obj_new(struct arena *a, uint32_t cap)
{
	struct obj *o = ARENA_NEW(a, struct obj);

	o->cap = cap;
	o->m = cap ? arena_alloc(a, cap * sizeof *o->m) : NULL;
	return o;
}

static void obj_grow(struct arena *a, struct obj *o)
{
	uint32_t cap = o->cap ? o->cap * 2 : 4;
	struct member *m;

	REQUIRE(cap > o->cap);
	m = arena_alloc(a, cap * sizeof *m);
	if (o->n)
		memcpy(m, o->m, o->n * sizeof *m);
	o->m = m;
	o->cap = cap;
}

struct val *obj_add(struct arena *a, struct obj *o, const struct attr *attr)
{
	struct member *m;

	if (o->n == o->cap)
		obj_grow(a, o);
	m = &o->m[o->n++];
	*m = (struct member){ .attr = attr };
	return &m->v;
}

static inline bool named(const struct attr *attr, const char *sn)
{
	return attr->sn == sn || (attr->sn[0] == sn[0] && strcmp(attr->sn, sn) == 0);
}

static struct member *find(const struct obj *o, const char *sn)
{
	for (uint32_t i = 0; i < o->n; i++)
		if (named(o->m[i].attr, sn))
			return &o->m[i];
	return NULL;
}

const struct val *obj_get(const struct obj *o, const struct attr *attr)
{
	const struct member *m;

	for (uint32_t i = 0; i < o->n; i++)
		if (o->m[i].attr == attr)
			return &o->m[i].v;
	/* The announced variant of a type describes the same attribute by another row. */
	m = find(o, attr->sn);
	return m ? &m->v : NULL;
}

const struct val *obj_find(const struct obj *o, const char *sn)
{
	const struct member *m = find(o, sn);

	return m ? &m->v : NULL;
}

struct val *obj_put(struct arena *a, struct obj *o, const struct attr *attr)
{
	struct member *m = find(o, attr->sn);

	return m ? &m->v : obj_add(a, o, attr);
}

bool obj_del(struct obj *o, const struct attr *attr)
{
	struct member *m = find(o, attr->sn);
	uint32_t behind;

	if (!m)
		return false;
	behind = o->n - 1 - (uint32_t)(m - o->m);
	if (behind)
		memmove(m, m + 1, behind * sizeof *m);
	o->n--;
	return true;
}

struct val val_list(struct arena *a, size_t n)
{
	return (struct val){ .kind = K_LIST, .list = { n ? arena_array(a, n, sizeof(struct val)) : NULL, n } };
}

static bool obj_eq(const struct obj *a, const struct obj *b)
{
	if (a->n != b->n)
		return false;
	/* Names are unique, so the same number and each found is the same set. */
	for (uint32_t i = 0; i < a->n; i++) {
		const struct val *other = obj_get(b, a->m[i].attr);

		if (!other || !val_eq(&a->m[i].v, other))
			return false;
	}
	return true;
}

bool val_eq(const struct val *a, const struct val *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case K_NULL:
		return true;
	case K_BOOL:
		return a->b == b->b;
	case K_INT:
	case K_STAMP:
	case K_ENUM:
		return a->i == b->i;
	case K_UINT:
		return a->u == b->u;
	case K_FLOAT:
		return !(a->f < b->f) && !(a->f > b->f);
	case K_OBJ:
		return obj_eq(a->o, b->o);
	case K_LIST:
		if (a->list.n != b->list.n)
			return false;
		for (size_t i = 0; i < a->list.n; i++)
			if (!val_eq(&a->list.v[i], &b->list.v[i]))
				return false;
		return true;
	default:
		return str_eq(a->s, b->s);
	}
}

struct val val_copy(struct arena *a, const struct val *v)
{
	struct val out = *v;

	switch (v->kind) {
	case K_NULL:
	case K_BOOL:
	case K_INT:
	case K_STAMP:
	case K_ENUM:
	case K_UINT:
	case K_FLOAT:
		break;
	case K_OBJ:
		out.o = obj_new(a, v->o->n);
		for (uint32_t i = 0; i < v->o->n; i++)
			*obj_add(a, out.o, v->o->m[i].attr) = val_copy(a, &v->o->m[i].v);
		break;
	case K_LIST:
		out = val_list(a, v->list.n);
		for (size_t i = 0; i < v->list.n; i++)
			out.list.v[i] = val_copy(a, &v->list.v[i]);
		break;
	default:
		out.s = arena_str(a, v->s);
	}
	return out;
}

bool val_list_has(const struct val *list, struct str s)
{
	for (size_t i = 0; i < list->list.n; i++)
		if (str_eq(list->list.v[i].s, s))
			return true;
	return false;
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

/* Names in XML, without a colon; what is not ASCII is taken as a letter. */
static bool is_ncname(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;

		if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '-' || c == '.')))
			return false;
	}
	return s.n != 0;
}

static bool is_base64(struct str s)
{
	size_t pad = s.n && s.p[s.n - 1] == '=' ? 1 + (s.n > 1 && s.p[s.n - 2] == '=') : 0;

	for (size_t i = 0; i < s.n - pad; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/'))
			return false;
	}
	return s.n % 4 == 0;
}

const char *val_text_fault(enum kind k, struct str s)
{
	int64_t us;

	switch (k) {
	case K_NCNAME:
		return is_ncname(s) ? NULL : "a name: letters, digits, - . _, beginning with a letter or _";
	case K_TOKEN:
	case K_URI:
	case K_ID:
		return has_control(s) ? "text without control characters" : NULL;
	case K_ABSREL:
		return stamp_absrel(s, 0, &us) ? "a time like 20261120T101539, or milliseconds from now" : NULL;
	case K_DURATION:
		return stamp_duration(s, &us) ? "a duration like PT30S or P1DT12H" : NULL;
	case K_BASE64:
		return is_base64(s) ? NULL : "base64";
	default:
		return NULL;
	}
}
