/* SPDX-License-Identifier: Apache-2.0 */
/* The query component (TS-0009 6.2.2.2): parameters, filter criteria and attribute conditions. */
#include "bindings/http_map.h"

static const struct str query_name[PARAM_COUNT] = {
#define PARAM(id, sn, ln, kind, list, header, query) [id] = { query, sizeof(query) - 1 },
#include "cse/model/param.def"
#undef PARAM
};

/* How '+' is meant: between the elements of a list, or as the space that many clients make of it in free text. */
enum plus { PLUS_PLAIN, PLUS_LIST, PLUS_SPACE };

/* Criteria that are not single values.  Those that TS-0009 V3.9.1 names no field for go by their short names, too. */
static const uint8_t criterion_plus[FC_COUNT] = {
	[FC_LBL] = PLUS_LIST,  [FC_CLBL] = PLUS_LIST, [FC_PALB] = PLUS_LIST, [FC_TY] = PLUS_LIST,   [FC_CHTY] = PLUS_LIST,
	[FC_PTY] = PLUS_LIST,  [FC_CTY] = PLUS_LIST,  [FC_SMF] = PLUS_SPACE, [FC_LBQ] = PLUS_SPACE, [FC_CFQ] = PLUS_SPACE,
	[FC_GEOM] = PLUS_SPACE,
};

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool http_unescape(struct arena *a, struct str s, bool plus, struct str *out)
{
	size_t i = 0, n = 0;
	char *p;

	while (i < s.n && s.p[i] != '%' && !(plus && s.p[i] == '+'))
		i++;
	if (i == s.n) {
		*out = s;
		return true;
	}
	p = arena_alloc(a, s.n);
	for (i = 0; i < s.n; i++) {
		int c = (unsigned char)s.p[i];

		if (c == '%') {
			int hi = s.n - i > 2 ? hex(s.p[i + 1]) : -1, lo = s.n - i > 2 ? hex(s.p[i + 2]) : -1;

			c = hi * 16 + lo;
			if (hi < 0 || lo < 0 || c < 0x20 || c == 0x7f)
				return false;
			i += 2;
		} else if (plus && c == '+') {
			c = ' ';
		}
		p[n++] = (char)c;
	}
	*out = str_make(p, n);
	return str_is_utf8(*out);
}

static enum rsc bad_escape(struct prim *p)
{
	return prim_fail(p, RSC_BAD_REQUEST, "the query holds bad percent-encoding, or what is no UTF-8 text");
}

/* One element to where it belongs: a parameter, a criterion, or the list of attributes. */
struct where {
	enum { AT_PARAM, AT_CRITERION, AT_ATRL } kind;
	int id;
};

static struct filter *filter_of(struct prim *p)
{
	if (p->fc == NULL) {
		p->fc = ARENA_NEW(p->arena, struct filter);
		filter_init(p->fc);
		p->has |= (uint32_t)1 << P_FC;
	}
	return p->fc;
}

static enum rsc put(struct prim *p, struct where at, struct str raw, bool plus_is_space)
{
	struct str v;

	if (!http_unescape(p->arena, raw, plus_is_space, &v))
		return bad_escape(p);
	if (v.n == 0)
		return prim_fail(p, RSC_BAD_REQUEST, "a field of the query has an empty value");
	switch (at.kind) {
	case AT_PARAM:
		return prim_read(p, (enum param)at.id, v);
	case AT_CRITERION:
		return filter_read(p->arena, filter_of(p), (enum fc)at.id, v, &p->why);
	default:
		strs_add(p->arena, &p->atrl, v);
		return RSC_NONE;
	}
}

static enum rsc put_list(struct prim *p, struct where at, struct str raw)
{
	bool more = true;
	enum rsc rsc = RSC_NONE;

	while (more && rsc == RSC_NONE)
		rsc = put(p, at, str_cut(&raw, '+', &more), false);
	return rsc;
}

enum rsc http_query_atrl(struct prim *p, struct str value)
{
	return put_list(p, (struct where){ AT_ATRL, 0 }, value);
}

/* name=value, c.name=value, p.name=value: a condition on an attribute. */
static enum rsc read_attribute(struct prim *p, struct str name, struct str raw)
{
	struct str value, attr = name;
	enum fc id = FC_ATR;

	if (str_starts(name, STR("c.")) || str_starts(name, STR("p."))) {
		attr = str_from(name, 2);
		id = name.p[0] == 'c' ? FC_CATR : FC_PATR;
	}
	if (!http1_is_token(attr))
		return prim_fail(p, RSC_BAD_REQUEST, "the query holds a field whose name is neither a parameter nor an attribute");
	if (!http_unescape(p->arena, raw, true, &value))
		return bad_escape(p);
	filter_add(p->arena, filter_of(p), id, attr, value);
	return RSC_NONE;
}

static int param_by_query(struct str name)
{
	for (int i = 0; i < PARAM_COUNT; i++)
		if (query_name[i].n == name.n && str_eq(query_name[i], name))
			return i;
	return -1;
}

static enum rsc read_pair(struct prim *p, struct str pair)
{
	size_t eq = str_index(pair, '=');
	struct str name, raw = str_from(pair, eq + 1);
	int id;

	if (!http_unescape(p->arena, str_first(pair, eq), false, &name))
		return bad_escape(p);
	if (name.n == 0 || eq == pair.n)
		return prim_fail(p, RSC_BAD_REQUEST, "each field of the query must be name=value");
	if (str_eqz(name, "atrl"))
		return http_query_atrl(p, raw);
	id = param_by_query(name);
	if (id >= 0 && param_row((enum param)id)->list)
		return put_list(p, (struct where){ AT_PARAM, id }, raw);
	if (id >= 0)
		return put(p, (struct where){ AT_PARAM, id }, raw, false);
	id = filter_by_sn(name);
	if (id == FC_ATR || id == FC_CATR || id == FC_PATR)
		return prim_fail(p, RSC_BAD_REQUEST,
		                 "atr, catr and patr are not used in a query; write name=value, c.name=value or p.name=value");
	if (id >= 0 && criterion_plus[id] == PLUS_LIST)
		return put_list(p, (struct where){ AT_CRITERION, id }, raw);
	if (id >= 0)
		return put(p, (struct where){ AT_CRITERION, id }, raw, criterion_plus[id] == PLUS_SPACE);
	return read_attribute(p, name, raw);
}

enum rsc http_query_read(struct prim *p, struct str query)
{
	bool more = true;
	enum rsc rsc = RSC_NONE;

	while (more && rsc == RSC_NONE) {
		struct str pair = str_cut(&query, '&', &more);

		if (pair.n > 0)
			rsc = read_pair(p, pair);
	}
	return rsc;
}
