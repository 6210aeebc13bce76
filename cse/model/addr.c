/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of resources and identifiers of entities (TS-0004 6.2.3, 6.2.4). */
#include "cse/model/addr.h"

/* An identifier: a domain name of 253, twice an element of 200, slashes. */
enum { MAX_RN = 200, MAX_ID = 200, MAX_ENTITY = 657, MAX_ATTR = 32 };

/* RFC 3986, 2.3; a superset of what TS-0004 6.2.3 calls unreserved. */
static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

/* A path element: not empty, unreserved characters (and '*' in a pattern), neither "." nor "..", which other software
 * would resolve. */
static bool is_element(struct str s, bool pattern)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_unreserved(s.p[i]) && !(pattern && s.p[i] == '*'))
			return false;
	return s.n && !str_eqz(s, ".") && !str_eqz(s, "..");
}

/* LABEL *( "." LABEL ), by RFC 1123; letters of either case are read, small ones are meant. */
static bool is_fqdn(struct str s)
{
	bool more = true;

	if (s.n == 0 || s.n > 253)
		return false;
	while (more) {
		struct str label = str_cut(&s, '.', &more);

		if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!is_unreserved(label.p[i]) || label.p[i] == '_' || label.p[i] == '~')
				return false;
	}
	return true;
}

static enum rsc bad(struct why *w, const char *what)
{
	return why_set(w, RSC_BAD_REQUEST, "address: %s", what);
}

static enum rsc cut_attr(struct str *s, struct str *attr, struct why *w)
{
	size_t at = str_index(*s, '#');

	*attr = STR_NONE;
	if (at == s->n)
		return RSC_NONE;
	*attr = str_from(*s, at + 1);
	*s = str_first(*s, at);
	if (attr->n == 0 || attr->n > MAX_ATTR)
		return bad(w, "an attribute's short name must follow #");
	for (size_t i = 0; i < attr->n; i++)
		if (!is_unreserved(attr->p[i]))
			return bad(w, "an attribute's short name must follow #");
	return RSC_NONE;
}

/* Splits what follows the CSE-ID. */
static enum rsc split(struct arena *a, struct str s, struct addr *out, struct why *w)
{
	bool more = true;
	size_t n = 1;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '/';
	if (n > ADDR_MAX_SEGMENTS)
		return bad(w, "it has more path elements than a tree is deep");
	out->seg = arena_array(a, n, sizeof *out->seg);
	out->n = n;
	for (size_t i = 0; more; i++) {
		struct str seg = str_cut(&s, '/', &more);

		if (!is_element(seg, false))
			return bad(w, "each path element is one or more of letters, digits, - . _ ~");
		out->seg[i] = seg;
	}
	return RSC_NONE;
}

enum rsc addr_parse(struct arena *a, struct str s, struct addr *out, struct why *w)
{
	struct addr ad = { .scope = ADDR_CSE };
	enum rsc rsc;
	bool more;

	if (s.n == 0)
		return bad(w, "it must not be empty");
	if (s.n > ADDR_MAX_BYTES)
		return bad(w, "it is longer than 4096 bytes");
	rsc = cut_attr(&s, &ad.attr, w);
	if (rsc)
		return rsc;
	if (str_starts(s, STR("//"))) {
		s = str_from(s, 2);
		ad.sp = str_cut(&s, '/', &more);
		if (!is_fqdn(ad.sp))
			return bad(w, "a domain name must follow //");
		if (!more)
			return bad(w, "a CSE-ID must follow the service provider's name");
		ad.scope = ADDR_ABS;
	} else if (str_starts(s, STR("/"))) {
		s = str_from(s, 1);
		ad.scope = ADDR_SP;
	}
	if (ad.scope != ADDR_CSE) {
		ad.cse = str_cut(&s, '/', &more);
		if (!is_element(ad.cse, false))
			return bad(w, "a CSE-ID is one or more of letters, digits, - . _ ~");
	}
	if (ad.scope == ADDR_CSE || more) {
		rsc = split(a, s, &ad, w);
		if (rsc)
			return rsc;
	}
	*out = ad;
	return RSC_NONE;
}

bool addr_is_rn(struct str s)
{
	static const char *const taken[] = { "la", "ol", "fopt", "sfop", "pcu", "ntsr", "smv", "msp", "-" };

	if (s.n > MAX_RN || !is_element(s, false))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(taken); i++)
		if (str_eqz(s, taken[i]))
			return false;
	return true;
}

bool addr_is_local(const struct addr *ad, const struct addr_self *self)
{
	if (ad->scope == ADDR_CSE)
		return true;
	if (ad->scope == ADDR_ABS && !str_eq_nocase(ad->sp, self->sp))
		return false;
	return str_eq(ad->cse, self->cse);
}

static char *put(char *p, struct str s)
{
	if (s.n)
		memcpy(p, s.p, s.n);
	return p + s.n;
}

/* "//sp/first" or "//sp/first/second". */
static struct str join(struct arena *a, struct str sp, struct str first, struct str second)
{
	char *text = arena_alloc(a, 4 + sp.n + first.n + second.n), *p = text;

	p = put(p, STR("//"));
	for (size_t i = 0; i < sp.n; i++)
		*p++ = (char)(sp.p[i] >= 'A' && sp.p[i] <= 'Z' ? sp.p[i] + ('a' - 'A') : sp.p[i]);
	*p++ = '/';
	p = put(p, first);
	if (second.n) {
		*p++ = '/';
		p = put(p, second);
	}
	return str_make(text, (size_t)(p - text));
}

static bool is_stem(struct str s, bool pattern)
{
	if (!is_element(s, pattern) || s.n > MAX_ID)
		return false;
	return (s.n > 1 && (s.p[0] == 'C' || s.p[0] == 'S')) || (pattern && s.p[0] == '*');
}

/* The absolute form of an identifier, or false: it is none. */
static bool normalise(struct arena *a, struct str id, const struct addr_self *self, bool pattern, struct str *out)
{
	struct str rest = str_from(id, 1), sp = self->sp, first;
	bool more;

	if (id.p[0] != '/') {
		/* A bare '*' would be everybody: a pattern stays inside one path element. */
		if (!is_stem(id, pattern) || id.p[0] == '*')
			return false;
		*out = id.p[0] == 'S' ? join(a, self->sp, id, STR_NONE) : join(a, self->sp, self->cse, id);
		return true;
	}
	if (str_starts(rest, STR("/"))) {
		rest = str_from(rest, 1);
		sp = str_cut(&rest, '/', &more);
		/* TS-0003 table 7.1.3-2 has CSEs of any service provider: "//" "*" "/mn1". */
		if (!(is_fqdn(sp) || (pattern && str_index(sp, '*') < sp.n && is_element(sp, true))) || !more)
			return false;
	}
	first = str_cut(&rest, '/', &more);
	if (!is_element(first, pattern) || first.n > MAX_ID)
		return false;
	if (!more) {
		*out = join(a, sp, first, STR_NONE);
		return true;
	}
	if (!is_stem(rest, pattern))
		return false;
	if (rest.p[0] != 'S') {
		*out = join(a, sp, first, rest);
		return true;
	}
	/* S-stems are SP-wide: a CSE-ID before one is only what some clients write of their own registrar. */
	if (!str_eq_nocase(sp, self->sp) || !str_eq(first, self->cse))
		return false;
	*out = join(a, sp, rest, STR_NONE);
	return true;
}

static enum rsc entity(struct arena *a, struct str id, const struct addr_self *self, bool pattern, struct str *out,
                       struct why *w)
{
	if (id.n == 0 || id.n > MAX_ENTITY)
		return why_set(w, RSC_BAD_REQUEST, "an AE-ID or CSE-ID has 1 to 200 bytes, and more only with its service provider");
	if (!normalise(a, id, self, pattern, out))
		return why_set(w, RSC_BAD_REQUEST,
		               "no AE-ID or CSE-ID: it is a stem that begins with C or S, /cse-id, /cse-id/Cstem or /Sstem, "
		               "or one of these behind //sp");
	return RSC_NONE;
}

enum rsc addr_entity(struct arena *a, struct str id, const struct addr_self *self, struct str *out, struct why *w)
{
	return entity(a, id, self, false, out, w);
}

enum rsc addr_entity_pattern(struct arena *a, struct str id, const struct addr_self *self, struct str *out, struct why *w)
{
	return entity(a, id, self, true, out, w);
}
