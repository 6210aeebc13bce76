/* SPDX-License-Identifier: Apache-2.0 */
/* Filter criteria (TS-0004 6.3.5.8): filled from typed values or from text. */
#include "cse/model/prim.h"

#include "cse/model/any.h"
#include "cse/model/stamp.h"

enum shape { STAMP, NUMBER, NUMBERS, TEXT, TEXTS, PAIRS };
/* Where each condition lies in struct filter; for NUMBERS and PAIRS the count lies at `n`. */
static const struct row {
	const char *sn;
	enum shape shape;
	size_t at, n;
} rows[FC_COUNT] = {
#define ONE(id, sn, shape) [FC_##id] = { #sn, shape, offsetof(struct filter, sn), 0 }
#define MANY(id, sn, shape) [FC_##id] = { #sn, shape, offsetof(struct filter, sn), offsetof(struct filter, n_##sn) }
	ONE(CRB, crb, STAMP),
	ONE(CRA, cra, STAMP),
	ONE(MS, ms, STAMP),
	ONE(US, us, STAMP),
	ONE(STS, sts, NUMBER),
	ONE(STB, stb, NUMBER),
	ONE(EXB, exb, STAMP),
	ONE(EXA, exa, STAMP),
	ONE(LBL, lbl, TEXTS),
	ONE(CLBL, clbl, TEXTS),
	ONE(PALB, palb, TEXTS),
	ONE(LBQ, lbq, TEXT),
	MANY(TY, ty, NUMBERS),
	MANY(CHTY, chty, NUMBERS),
	MANY(PTY, pty, NUMBERS),
	ONE(SZA, sza, NUMBER),
	ONE(SZB, szb, NUMBER),
	ONE(CTY, cty, TEXTS),
	MANY(ATR, atr, PAIRS),
	MANY(CATR, catr, PAIRS),
	MANY(PATR, patr, PAIRS),
	ONE(SMF, smf, TEXTS),
	ONE(FU, fu, NUMBER),
	ONE(FO, fo, NUMBER),
	ONE(LIM, lim, NUMBER),
	ONE(LVL, lvl, NUMBER),
	ONE(OFST, ofst, NUMBER),
	ONE(ARP, arp, TEXT),
	ONE(CFS, cfs, NUMBER),
	ONE(CFQ, cfq, TEXT),
	ONE(GMTY, gmty, NUMBER),
	ONE(GEOM, geom, TEXT),
	ONE(GSF, gsf, NUMBER),
	ONE(OPS, ops, NUMBER),
#undef ONE
#undef MANY
};

/* The descriptor of a condition: what JSON may say, text may say. */
static const struct attr *attr_of(enum fc id)
{
	return complex_attr(param_complex()->attrs[P_FC].of, str_of(rows[id].sn));
}

void filter_init(struct filter *f)
{
	*f = (struct filter){ .fo = 1, .lim = UINT64_MAX, .lvl = UINT64_MAX, .ofst = 1 };
}

int filter_by_sn(struct str sn)
{
	for (int i = 0; i < FC_COUNT; i++)
		if (str_eqz(sn, rows[i].sn))
			return i;
	return -1;
}

static void *field(struct filter *f, size_t at)
{
	return (char *)f + at;
}

/* Room for one more of n elements: arrays double, so a new one is needed only at powers of two. */
static void *more(struct arena *a, void *v, size_t n, size_t size)
{
	void *grown;

	if (n & (n - 1))
		return v;
	grown = arena_array(a, n ? n * 2 : 1, size);
	if (n)
		memcpy(grown, v, n * size);
	return grown;
}

void strs_add(struct arena *a, struct strs *l, struct str s)
{
	l->v = more(a, l->v, l->n, sizeof *l->v);
	l->v[l->n++] = s;
}

static void add_number(struct arena *a, struct filter *f, const struct row *r, uint64_t u)
{
	uint64_t **v = field(f, r->at);
	size_t *n = field(f, r->n);

	*v = more(a, *v, *n, sizeof **v);
	(*v)[(*n)++] = u;
}

void filter_add(struct arena *a, struct filter *f, enum fc id, struct str name, struct str value)
{
	struct filter_pair **v;
	size_t *n;

	REQUIRE((unsigned)id < FC_COUNT && rows[id].shape == PAIRS);
	v = field(f, rows[id].at);
	n = field(f, rows[id].n);
	*v = more(a, *v, *n, sizeof **v);
	(*v)[(*n)++] = (struct filter_pair){ name, value };
	f->has |= UINT64_C(1) << id;
}

static uint64_t number(const struct val *v)
{
	return v->kind == K_UINT ? v->u : (uint64_t)v->i;
}

static void take_pairs(struct arena *a, struct filter *f, enum fc id, const struct val *v)
{
	for (size_t i = 0; i < v->list.n; i++) {
		const struct val *nm = obj_find(v->list.v[i].o, "nm"), *value = obj_find(v->list.v[i].o, "val");

		filter_add(a, f, id, nm->s, any_text(a, value->s));
	}
}

static void take(struct arena *a, struct filter *f, enum fc id, const struct val *v)
{
	const struct row *r = &rows[id];
	void *at = field(f, r->at);

	switch (r->shape) {
	case STAMP:
		*(int64_t *)at = v->i;
		break;
	case NUMBER:
		*(uint64_t *)at = number(v);
		break;
	case NUMBERS:
		for (size_t i = 0; i < v->list.n; i++)
			add_number(a, f, r, number(&v->list.v[i]));
		break;
	case TEXT:
		*(struct str *)at = v->s;
		break;
	case TEXTS:
		for (size_t i = 0; i < v->list.n; i++)
			strs_add(a, at, v->list.v[i].s);
		break;
	case PAIRS:
		take_pairs(a, f, id, v);
		break;
	}
	f->has |= UINT64_C(1) << id;
}

/* The members of a condition on an attribute must both be there; nothing else can be missing. */
static bool pairs_are_whole(const struct val *v)
{
	for (size_t i = 0; i < v->list.n; i++)
		if (!obj_find(v->list.v[i].o, "nm") || !obj_find(v->list.v[i].o, "val"))
			return false;
	return true;
}

enum rsc filter_take(struct arena *a, struct filter *f, const struct obj *o, struct why *w)
{
	for (uint32_t i = 0; i < o->n; i++) {
		const char *sn = o->m[i].attr->sn;
		int id = filter_by_sn(str_of(sn));

		if (id < 0)
			return why_set(w, RSC_NOT_IMPLEMENTED, "fc: %s is not supported", sn);
		if (rows[id].shape == PAIRS && !pairs_are_whole(&o->m[i].v))
			return why_set(w, RSC_BAD_REQUEST, "fc: each %s must hold nm and val", sn);
		/* An empty list asks for nothing. */
		if (o->m[i].v.kind != K_LIST || o->m[i].v.list.n)
			take(a, f, (enum fc)id, &o->m[i].v);
	}
	return RSC_NONE;
}

static enum rsc read_number(const struct attr *at, struct str text, uint64_t *u, struct why *w)
{
	int err = str_u64(text, u);

	if (at->kind == K_ENUM) {
		const struct enumeration *e = at->of;

		if (err || *u > INT64_MAX || !enum_has(e, (int64_t)*u))
			return why_set(w, RSC_BAD_REQUEST, "%s must be a value of %s", at->sn, e->name);
	} else if (err || (at->max && (*u < (uint64_t)at->min || *u > (uint64_t)at->max))) {
		return why_set(w, RSC_BAD_REQUEST, "%s must be an integer from %lld", at->sn, (long long)at->min);
	}
	return RSC_NONE;
}

enum rsc filter_read(struct arena *a, struct filter *f, enum fc id, struct str text, struct why *w)
{
	const struct row *r;
	bool again;
	uint64_t u;
	int64_t us;

	REQUIRE((unsigned)id < FC_COUNT && rows[id].shape != PAIRS);
	r = &rows[id];
	again = f->has >> id & 1;
	if (again && r->shape != NUMBERS && r->shape != TEXTS)
		return why_set(w, RSC_BAD_REQUEST, "%s must stand once", r->sn);
	switch (r->shape) {
	case STAMP:
		if (stamp_parse(text, &us))
			return why_set(w, RSC_BAD_REQUEST, "%s must be a time like 20261120T101539", r->sn);
		*(int64_t *)field(f, r->at) = us;
		break;
	case NUMBER:
	case NUMBERS:
		if (read_number(attr_of(id), text, &u, w))
			return w->rsc;
		if (r->shape == NUMBER)
			*(uint64_t *)field(f, r->at) = u;
		else
			add_number(a, f, r, u);
		break;
	default:
		if (!str_is_utf8(text) || str_index(text, '\0') != text.n)
			return why_set(w, RSC_BAD_REQUEST, "%s must be UTF-8 text", r->sn);
		if (r->shape == TEXT)
			*(struct str *)field(f, r->at) = text;
		else
			strs_add(a, field(f, r->at), text);
	}
	f->has |= UINT64_C(1) << id;
	return RSC_NONE;
}

static struct val pairs_value(struct arena *a, const struct complex *c, const struct filter_pair *v, size_t n)
{
	struct val list = val_list(a, n);

	for (size_t i = 0; i < n; i++) {
		struct obj *o = obj_new(a, 2);

		*obj_add(a, o, complex_attr(c, STR("nm"))) = val_str(K_NCNAME, v[i].name);
		*obj_add(a, o, complex_attr(c, STR("val"))) = val_str(K_STR, v[i].value);
		list.list.v[i] = val_obj(o);
	}
	return list;
}

static struct val value(struct arena *a, const struct filter *f, const struct row *r, const struct attr *attr)
{
	const void *at = (const char *)f + r->at;
	const size_t *n = (const void *)((const char *)f + r->n);
	struct val v;

	switch (r->shape) {
	case STAMP:
		return val_stamp(*(const int64_t *)at);
	case NUMBER:
		return val_uint(*(const uint64_t *)at);
	case NUMBERS:
		v = val_list(a, *n);
		for (size_t i = 0; i < *n; i++)
			v.list.v[i] = val_uint((*(uint64_t *const *)at)[i]);
		return v;
	case TEXT:
		return val_str(K_STR, *(const struct str *)at);
	case TEXTS:
		v = val_list(a, ((const struct strs *)at)->n);
		for (size_t i = 0; i < v.list.n; i++)
			v.list.v[i] = val_str(K_STR, ((const struct strs *)at)->v[i]);
		return v;
	case PAIRS:
		return pairs_value(a, attr->of, *(struct filter_pair *const *)at, *n);
	}
	UNREACHABLE();
}

struct obj *filter_obj(struct arena *a, const struct filter *f)
{
	struct obj *o = obj_new(a, 8);

	for (unsigned i = 0; i < FC_COUNT; i++)
		if (f->has >> i & 1) {
			const struct attr *attr = attr_of((enum fc)i);

			*obj_add(a, o, attr) = value(a, f, &rows[i], attr);
		}
	return o;
}
