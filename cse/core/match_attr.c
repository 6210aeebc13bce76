/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions on attributes by name and value, TS-0004 7.3.3.17.9. */
#include "cse/core/match.h"

#include <stdlib.h>

#include "cse/core/match_priv.h"
#include "cse/model/any.h"
#include "cse/model/stamp.h"

bool match_is_open(struct str name)
{
	return str_eqz(name, "rn") || str_eqz(name, "ri") || str_eqz(name, "pi") || str_eqz(name, "cr");
}

static struct str piece(struct str pattern, size_t *at)
{
	struct str rest = str_from(pattern, *at), first = str_first(rest, str_index(rest, '*'));

	*at += first.n + 1;
	return first;
}

bool match_wild(struct str pattern, struct str text)
{
	size_t at = 0;
	struct str head = piece(pattern, &at);

	if (at > pattern.n)
		return str_eq(pattern, text);
	if (!str_starts(text, head))
		return false;
	text = str_from(text, head.n);
	for (;;) {
		struct str p = piece(pattern, &at);
		const char *found;

		if (at > pattern.n)
			return str_ends(text, p);
		if (!p.n)
			continue;
		found = text.n >= p.n ? memmem(text.p, text.n, p.p, p.n) : NULL;
		if (!found)
			return false;
		text = str_from(text, (size_t)(found - text.p) + p.n);
	}
}

static bool text_matches(struct str text, struct str value, bool wild)
{
	return wild ? match_wild(value, text) : str_eq(value, text);
}

/* Numbers are compared as such; a pattern sees them in their shortest form. */
static bool number_matches(uint64_t magnitude, bool negative, struct str value, bool wild)
{
	bool minus = value.n && value.p[0] == '-';
	char text[24], *p = text + sizeof(text);
	uint64_t u;

	if (!wild || str_index(value, '*') == value.n)
		return str_u64(str_from(value, minus), &u) == 0 && u == magnitude && (minus == negative || u == 0);
	do
		*--p = (char)('0' + magnitude % 10);
	while ((magnitude /= 10));
	if (negative)
		*--p = '-';
	return match_wild(value, str_make(p, (size_t)(text + sizeof(text) - p)));
}

static bool float_matches(double f, struct str value)
{
	enum { LONGEST = 64 };
	char copy[LONGEST + 1], *end;
	double asked;

	if (!value.n || value.n > LONGEST)
		return false;
	memcpy(copy, value.p, value.n);
	copy[value.n] = '\0';
	asked = strtod(copy, &end);
	return *end == '\0' && !(asked < f) && !(asked > f);
}

static bool stamp_matches(int64_t us, struct str value, bool wild)
{
	char text[STAMP_MAX];
	int64_t asked;

	if (!wild || str_index(value, '*') == value.n)
		return stamp_parse(value, &asked) == 0 && asked == us;
	return match_wild(value, str_make(text, stamp_format(us, text)));
}

static bool value_matches(struct arena *a, const struct val *v, struct str value, bool wild)
{
	switch (v->kind) {
	case K_BOOL:
		return text_matches(v->b ? STR("true") : STR("false"), value, wild);
	case K_INT:
	case K_ENUM:
		return number_matches(v->i < 0 ? 0 - (uint64_t)v->i : (uint64_t)v->i, v->i < 0, value, wild);
	case K_UINT:
		return number_matches(v->u, false, value, wild);
	case K_FLOAT:
		return float_matches(v->f, value);
	case K_STAMP:
		return stamp_matches(v->i, value, wild);
	case K_ANY:
		return text_matches(any_text(a, v->s), value, wild);
	case K_LIST:
		for (size_t i = 0; i < v->list.n; i++)
			if (value_matches(a, &v->list.v[i], value, wild))
				return true;
		return false;
	case K_NULL:
	case K_OBJ:
		return false;
	default:
		return text_matches(v->s, value, wild);
	}
}

bool match_pair(struct arena *a, const struct source *s, const struct filter_pair *p, bool wild)
{
	const struct attr *at = type_attr(s->ti->type, p->name);
	const struct val *v;

	if (!at || at->flags & AF_HIDDEN)
		return false;
	if (at == &attr_rn)
		return text_matches(s->rn, p->value, wild);
	if (at == &attr_ri)
		return text_matches(s->ri, p->value, wild);
	if (at == &attr_pi)
		return text_matches(s->pi, p->value, wild);
	if (s->k && at == s->ti->cni)
		return number_matches(s->k->cni, false, p->value, wild);
	if (s->k && at == s->ti->cbs)
		return number_matches(s->k->cbs, false, p->value, wild);
	v = res_get(s->res, at);
	return v && value_matches(a, v, p->value, wild);
}
