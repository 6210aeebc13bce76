/* SPDX-License-Identifier: Apache-2.0 */
/* Telling apart and normalising entity identifiers. */
#include "security/who.h"

#include "cse/base/err.h"

bool who_is_name(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
		      c == '~'))
			return false;
	}
	return s.n > 0;
}

/* TS-0004 table 6.3.3-1, m2m:roleID. */
static int read_role(struct str s, struct who *out)
{
	struct str issuer = s;
	bool more;
	struct str name = str_cut(&issuer, '@', &more);

	if (!who_is_name(name) || !who_is_name(issuer))
		return E_SYNTAX;
	*out = (struct who){ .kind = WHO_ROLE, .abs = s };
	return 0;
}

/* "//sp/Sstem", and "//sp/cse/Cstem" of this CSE. */
static struct str stem_of(struct str abs, const struct addr_self *self)
{
	struct str rest = str_from(abs, 2), first;
	bool more;

	if (!str_eq_nocase(str_cut(&rest, '/', &more), self->sp))
		return STR_NONE;
	first = str_cut(&rest, '/', &more);
	if (!more)
		return first.p[0] == 'S' ? first : STR_NONE;
	return str_eq(first, self->cse) ? rest : STR_NONE;
}

/* "//sp" alone: what the model accepts before a CSE-ID. */
static int read_domain(struct arena *a, struct str s, const struct addr_self *self, struct who *out)
{
	struct why why = { 0 };
	struct str abs;

	if (addr_entity(a, arena_printf(a, "%.*s/x", STR_ARG(s)), self, &abs, &why) != RSC_NONE)
		return E_SYNTAX;
	*out = (struct who){ .kind = WHO_DOMAIN, .abs = str_first(abs, abs.n - 2) };
	return 0;
}

static int read_resource(struct arena *a, struct str s, struct who *out)
{
	struct why why = { 0 };
	struct addr ad;

	if (addr_parse(a, s, &ad, &why) != RSC_NONE || ad.attr.n)
		return E_SYNTAX;
	*out = (struct who){ .kind = WHO_GROUP, .abs = s };
	return 0;
}

int who_parse(struct arena *a, struct str s, const struct addr_self *self, bool stars, struct who *out)
{
	struct who w = { .kind = WHO_ENTITY, .star = str_index(s, '*') < s.n };
	struct why why = { 0 };
	enum rsc rsc;

	if (s.n == 0 || s.n > WHO_MAX_BYTES)
		return s.n ? E_LIMIT : E_SYNTAX;
	if (str_eq(s, STR("all"))) {
		*out = (struct who){ .kind = WHO_ALL, .abs = s };
		return 0;
	}
	if (str_index(s, '@') < s.n)
		return read_role(s, out);
	if (w.star && !stars)
		return E_SYNTAX;
	rsc = w.star ? addr_entity_pattern(a, s, self, &w.abs, &why) : addr_entity(a, s, self, &w.abs, &why);
	if (rsc == RSC_NONE) {
		w.stem = w.star ? STR_NONE : stem_of(w.abs, self);
		*out = w;
		return 0;
	}
	if (w.star)
		return E_SYNTAX;
	if (str_starts(s, STR("//")) && str_index(str_from(s, 2), '/') == s.n - 2)
		return read_domain(a, s, self, out);
	return read_resource(a, s, out);
}

/* One path element.  Leftmost places for what stands between stars are enough, so this is linear. */
static bool element_matches(struct str pattern, struct str text)
{
	bool more, first = true;

	do {
		struct str part = str_cut(&pattern, '*', &more);
		const char *at;

		if (first && !more)
			return str_eq(part, text);
		if (first) {
			if (!str_starts(text, part))
				return false;
			text = str_from(text, part.n);
		} else if (!more) {
			return str_ends(text, part);
		} else if (part.n) {
			at = memmem(text.p, text.n, part.p, part.n);
			if (at == NULL)
				return false;
			text = str_from(text, (size_t)(at - text.p) + part.n);
		}
		first = false;
	} while (more);
	return true;
}

bool who_matches(struct str pattern, struct str abs)
{
	bool more, more_text;

	do {
		struct str p = str_cut(&pattern, '/', &more), t = str_cut(&abs, '/', &more_text);

		if (more != more_text || !element_matches(p, t))
			return false;
	} while (more);
	return true;
}

bool who_in_domain(struct str domain, struct str abs)
{
	return abs.n > domain.n && abs.p[domain.n] == '/' && memcmp(abs.p, domain.p, domain.n) == 0;
}
