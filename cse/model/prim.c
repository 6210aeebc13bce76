/* SPDX-License-Identifier: Apache-2.0 */
/* Request primitives: the rows of param.def, and filling a primitive parameter by parameter. */
#include "cse/model/prim.h"

#include <stdarg.h>
#include <stdio.h>

#include "cse/model/stamp.h"
#include "cse/model/tables_priv.h"

static const struct param_row rows[PARAM_COUNT] = {
#define PARAM(id, sn, ln, kind, list, header, query) { sn, ln, header, query, kind, list },
#include "cse/model/param.def"
#undef PARAM
};

/* Where the value of each parameter of a plain kind lies in struct prim. */
enum field { F_OTHER, F_STR, F_STRS, F_UINT, F_BOOL };
static const struct {
	enum field field;
	size_t at;
} places[PARAM_COUNT] = {
	[P_TO] = { F_STR, offsetof(struct prim, to) },       [P_FR] = { F_STR, offsetof(struct prim, fr) },
	[P_RQI] = { F_STR, offsetof(struct prim, rqi) },     [P_TY] = { F_UINT, offsetof(struct prim, ty) },
	[P_RIDS] = { F_STRS, offsetof(struct prim, rids) },  [P_RQET] = { F_STR, offsetof(struct prim, rqet) },
	[P_RSET] = { F_STR, offsetof(struct prim, rset) },   [P_OET] = { F_STR, offsetof(struct prim, oet) },
	[P_RP] = { F_STR, offsetof(struct prim, rp) },       [P_RCN] = { F_UINT, offsetof(struct prim, rcn) },
	[P_EC] = { F_UINT, offsetof(struct prim, ec) },      [P_DA] = { F_BOOL, offsetof(struct prim, da) },
	[P_GID] = { F_STR, offsetof(struct prim, gid) },     [P_DRT] = { F_UINT, offsetof(struct prim, drt) },
	[P_TKNS] = { F_STRS, offsetof(struct prim, tkns) },  [P_TIDS] = { F_STRS, offsetof(struct prim, tids) },
	[P_LTIDS] = { F_STRS, offsetof(struct prim, ltids) }, [P_TQI] = { F_BOOL, offsetof(struct prim, tqi) },
	[P_GRTM] = { F_STRS, offsetof(struct prim, grtm) },  [P_ASI] = { F_BOOL, offsetof(struct prim, asi) },
	[P_AUS] = { F_STRS, offsetof(struct prim, aus) },    [P_AURI] = { F_BOOL, offsetof(struct prim, auri) },
	[P_SQI] = { F_BOOL, offsetof(struct prim, sqi) },    [P_VSI] = { F_STR, offsetof(struct prim, vsi) },
};

const struct param_row *param_row(enum param p)
{
	REQUIRE((unsigned)p < PARAM_COUNT);
	return &rows[p];
}

const struct complex *param_complex(void)
{
	return &complex_requestPrimitive;
}

int param_by_sn(struct str sn)
{
	return complex_attr_pos(&complex_requestPrimitive, sn);
}

void prim_init(struct prim *p, struct arena *a)
{
	*p = (struct prim){ .magic = PRIM_MAGIC, .arena = a };
}

enum rsc prim_fail(struct prim *p, enum rsc rsc, const char *fmt, ...)
{
	char text[sizeof p->why.text];
	va_list ap;

	CHECK(p, PRIM);
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return why_set(&p->why, rsc, "%s", text);
}

static void *place(struct prim *p, enum param id)
{
	return (char *)p + places[id].at;
}

static enum rsc take_rvi(struct prim *p, struct str text)
{
	/* TS-0004 6.3.3 and conformance: 4 and 5 are releases whose primitives this one can read. */
	static const char *const names[] = { [RVI_1] = "1", [RVI_2] = "2", [RVI_2A] = "2a",
					     [RVI_3] = "3", [RVI_4] = "4", [RVI_5] = "5" };

	p->rvi_text = text;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eqz(text, names[i])) {
			p->rvi = (enum rvi)i;
			return RSC_NONE;
		}
	return prim_fail(p, RSC_RELEASE_VERSION_NOT_SUPPORTED, "rvi must be 1, 2, 2a, 3, 4 or 5");
}

static enum rsc take_rt(struct prim *p, const struct obj *o)
{
	const struct val *rtv = obj_find(o, "rtv"), *nu = obj_find(o, "nu");

	if (!rtv)
		return prim_fail(p, RSC_BAD_REQUEST, "rt must hold rtv");
	p->rtv = (uint64_t)rtv->i;
	for (size_t i = 0; nu && i < nu->list.n; i++)
		strs_add(p->arena, &p->rt_nu, nu->list.v[i].s);
	return RSC_NONE;
}

static enum rsc take_fc(struct prim *p, const struct obj *o)
{
	struct filter *f = ARENA_NEW(p->arena, struct filter);
	enum rsc rsc;

	filter_init(f);
	rsc = filter_take(p->arena, f, o, &p->why);
	if (!rsc)
		p->fc = f;
	return rsc;
}

static struct str stamp_text(struct arena *a, int64_t us)
{
	char out[STAMP_MAX];

	return arena_str(a, str_make(out, stamp_format(us, out)));
}

static enum rsc take(struct prim *p, enum param id, const struct val *v)
{
	switch (id) {
	case P_OP:
		p->op = (enum op)v->i;
		return RSC_NONE;
	case P_OT:
		p->ot = stamp_text(p->arena, v->i);
		return RSC_NONE;
	case P_RVI:
		return take_rvi(p, v->s);
	case P_RT:
		return take_rt(p, v->o);
	case P_FC:
		return take_fc(p, v->o);
	default:
		break;
	}
	switch (places[id].field) {
	case F_STR:
		*(struct str *)place(p, id) = v->s;
		return RSC_NONE;
	case F_STRS:
		for (size_t i = 0; i < v->list.n; i++)
			strs_add(p->arena, place(p, id), v->list.v[i].s);
		return RSC_NONE;
	case F_UINT:
		*(uint64_t *)place(p, id) = v->u;
		return RSC_NONE;
	case F_BOOL:
		*(bool *)place(p, id) = v->b;
		return RSC_NONE;
	default:
		UNREACHABLE();
	}
}

enum rsc prim_take(struct prim *p, enum param id, const struct val *v)
{
	enum rsc rsc;

	CHECK(p, PRIM);
	REQUIRE((unsigned)id < PARAM_COUNT && id != P_PC);
	if (prim_has(p, id))
		return prim_fail(p, RSC_BAD_REQUEST, "%s must stand once", rows[id].sn);
	rsc = take(p, id, v);
	if (!rsc)
		p->has |= UINT32_C(1) << id;
	return rsc;
}

/* A value of the parameter's kind. */
static enum rsc read_value(struct prim *p, enum param id, struct str text, struct val *v)
{
	const struct param_row *row = &rows[id];
	const char *fault;

	switch (row->kind) {
	case K_ENUM: /* op */
	case K_UINT:
		*v = val_uint(0);
		if (str_u64(text, &v->u) || (id == P_OP && (v->u < OP_CREATE || v->u > OP_NOTIFY)))
			return prim_fail(p, RSC_BAD_REQUEST, "%s must be %s", row->sn, id == P_OP ? "1 to 5" : "a number");
		return RSC_NONE;
	case K_BOOL:
		*v = val_bool(str_eqz(text, "true") || str_eqz(text, "1"));
		if (!v->b && !str_eqz(text, "false") && !str_eqz(text, "0"))
			return prim_fail(p, RSC_BAD_REQUEST, "%s must be true or false", row->sn);
		return RSC_NONE;
	case K_STAMP:
		*v = val_stamp(0);
		if (stamp_parse(text, &v->i))
			return prim_fail(p, RSC_BAD_REQUEST, "%s must be a time like 20261120T101539", row->sn);
		return RSC_NONE;
	default:
		*v = val_str(row->kind, text);
		fault = val_text_fault(row->kind, text);
		if (fault || !str_is_utf8(text))
			return prim_fail(p, RSC_BAD_REQUEST, "%s must be %s", row->sn, fault ? fault : "UTF-8");
		return RSC_NONE;
	}
}

enum rsc prim_read(struct prim *p, enum param id, struct str text)
{
	struct val v;
	enum rsc rsc;

	CHECK(p, PRIM);
	REQUIRE((unsigned)id < PARAM_COUNT && id != P_PC && id != P_FC);
	if (id == P_RT) {
		if (prim_has(p, id))
			return prim_fail(p, RSC_BAD_REQUEST, "rt must stand once");
		if (str_u64(text, &p->rtv) || p->rtv < 1 || p->rtv > 5)
			return prim_fail(p, RSC_BAD_REQUEST, "rt must be 1 to 5");
		p->has |= UINT32_C(1) << P_RT;
		return RSC_NONE;
	}
	rsc = read_value(p, id, text, &v);
	if (rsc)
		return rsc;
	if (rows[id].list) {
		strs_add(p->arena, place(p, id), text);
		p->has |= UINT32_C(1) << id;
		return RSC_NONE;
	}
	return prim_take(p, id, &v);
}

static struct val list_of(struct arena *a, enum kind kind, const struct strs *l)
{
	struct val v = val_list(a, l->n);

	for (size_t i = 0; i < l->n; i++)
		v.list.v[i] = val_str(kind, l->v[i]);
	return v;
}

static struct val rt_value(const struct prim *p)
{
	const struct complex *c = param_complex()->attrs[P_RT].of;
	struct obj *o = obj_new(p->arena, 2);

	*obj_add(p->arena, o, complex_attr(c, STR("rtv"))) = val_enum((int64_t)p->rtv);
	if (p->rt_nu.n)
		*obj_add(p->arena, o, complex_attr(c, STR("nu"))) = list_of(p->arena, K_URI, &p->rt_nu);
	return val_obj(o);
}

struct val prim_value(const struct prim *p, enum param id)
{
	const char *at;

	CHECK(p, PRIM);
	REQUIRE((unsigned)id < PARAM_COUNT && id != P_PC && prim_has(p, id));
	at = (const char *)p + places[id].at;
	switch (id) {
	case P_OP:
		return val_enum(p->op);
	case P_OT:
		return val_str(K_STR, p->ot);
	case P_RVI:
		return val_str(K_STR, p->rvi_text);
	case P_RT:
		return rt_value(p);
	case P_FC:
		return val_obj(filter_obj(p->arena, p->fc));
	default:
		break;
	}
	switch (places[id].field) {
	case F_STR:
		return val_str(rows[id].kind, *(const struct str *)(const void *)at);
	case F_STRS:
		return list_of(p->arena, rows[id].kind, (const struct strs *)(const void *)at);
	case F_UINT:
		return val_uint(*(const uint64_t *)(const void *)at);
	case F_BOOL:
		return val_bool(*(const bool *)(const void *)at);
	default:
		UNREACHABLE();
	}
}
