/* SPDX-License-Identifier: Apache-2.0 */
/* Telling apart and normalising entity identifiers. */
#include "security/who.h"

#include "cse/base/err.h"

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == '_' || c == '~';
}

bool who_is_name(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++) {
		if (!is_unreserved(s.p[i]))
			return false;
	}
	return s.n > 0;
}

/* Elements between slashes: not empty, unreserved or '*'. */
static int check_elements(struct str s, bool *star)
{
	bool more = true;

	*star = false;
	while (more) {
		struct str e = str_cut(&s, '/', &more);
		size_t i;

		if (e.n == 0)
			return E_SYNTAX;
		for (i = 0; i < e.n; i++) {
			if (e.p[i] == '*')
				*star = true;
			else if (!is_unreserved(e.p[i]))
				return E_SYNTAX;
		}
	}
	return 0;
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

static struct str join(struct arena *a, struct str sp, struct str cse, struct str stem)
{
	size_t n = 2 + sp.n + (cse.n ? 1 + cse.n : 0) + (stem.n ? 1 + stem.n : 0);
	char *p = arena_alloc(a, n), *at = p;

	*at++ = '/';
	*at++ = '/';
	memcpy(at, sp.p, sp.n);
	at += sp.n;
	if (cse.n) {
		*at++ = '/';
		memcpy(at, cse.p, cse.n);
		at += cse.n;
	}
	if (stem.n) {
		*at++ = '/';
		memcpy(at, stem.p, stem.n);
	}
	return str_make(p, n);
}

static int entity(struct arena *a, const struct addr_self *self, bool star, struct str sp, struct str cse, struct str stem,
                  struct who *out)
{
	struct str abs;
	bool ours = str_eq(sp, self->sp) && (cse.n == 0 || str_eq(cse, self->cse));

	/* An S stem is unique in the whole domain: its registrar is no part of the identifier. */
	if (cse.n && stem.n && stem.p[0] == 'S' && ours)
		cse = STR_NONE;
	/* "//sp/Sxyz" is written as a CSE-ID is. */
	if (stem.n == 0 && cse.p[0] == 'S') {
		stem = cse;
		cse = STR_NONE;
		ours = str_eq(sp, self->sp);
	}
	abs = join(a, sp, cse, stem);
	*out = (struct who){ .kind = WHO_ENTITY, .star = star, .abs = abs };
	if (ours && stem.n && !star)
		out->stem = str_from(abs, abs.n - stem.n);
	return 0;
}

/* sp/e0, sp/e0/e1 or longer. */
static int read_path(struct arena *a, const struct addr_self *self, bool star, struct str s, struct str sp, struct str rest,
                     struct who *out)
{
	bool more;
	struct str e0 = str_cut(&rest, '/', &more), e1;

	if (!more)
		return entity(a, self, star, sp, e0, STR_NONE, out);
	e1 = str_cut(&rest, '/', &more);
	if (!more && (e1.p[0] == 'C' || (star && e1.p[0] == '*') ||
	              (e1.p[0] == 'S' && str_eq(sp, self->sp) && str_eq(e0, self->cse))))
		return entity(a, self, star, sp, e0, e1, out);
	if (star)
		return E_SYNTAX;
	*out = (struct who){ .kind = WHO_GROUP, .abs = s };
	return 0;
}

/* Without a leading slash: relative to this CSE. */
static int read_bare(struct arena *a, const struct addr_self *self, bool star, struct str s, struct who *out)
{
	if (str_index(s, '/') == s.n && s.p[0] == 'C')
		return entity(a, self, star, self->sp, self->cse, s, out);
	if (str_index(s, '/') == s.n && s.p[0] == 'S')
		return entity(a, self, star, self->sp, STR_NONE, s, out);
	if (star)
		return E_SYNTAX;
	*out = (struct who){ .kind = WHO_GROUP, .abs = s };
	return 0;
}

int who_parse(struct arena *a, struct str s, const struct addr_self *self, bool stars, struct who *out)
{
	size_t slashes = 0;
	struct str rest, sp = self->sp;
	bool star, more = true;
	int err;

	if (s.n == 0)
		return E_SYNTAX;
	if (s.n > WHO_MAX_BYTES)
		return E_LIMIT;
	if (str_eq(s, STR("all"))) {
		*out = (struct who){ .kind = WHO_ALL, .abs = s };
		return 0;
	}
	if (str_index(s, '@') < s.n)
		return read_role(s, out);
	while (slashes < 2 && slashes < s.n && s.p[slashes] == '/')
		slashes++;
	rest = str_from(s, slashes);
	err = check_elements(rest, &star);
	if (err || (star && !stars))
		return err ? err : E_SYNTAX;
	if (slashes == 0)
		return read_bare(a, self, star, s, out);
	if (slashes == 2)
		sp = str_cut(&rest, '/', &more);
	if (more)
		return read_path(a, self, star, s, sp, rest, out);
	if (star)
		return E_SYNTAX;
	*out = (struct who){ .kind = WHO_DOMAIN, .abs = s };
	return 0;
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
