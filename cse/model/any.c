/* SPDX-License-Identifier: Apache-2.0 */
/* Passing over JSON text: strings, numbers, values with unique names; escapes. */
#include "cse/model/any.h"

#include "cse/base/err.h"

/* Eight bytes of `c`. */
#define EACH(c) (UINT64_C(0x0101010101010101) * (uint64_t)(c))

static int fail(struct any *x, const char *at, const char *fault)
{
	x->p = at;
	x->fault = fault;
	return E_SYNTAX;
}

static int limit(struct any *x, const char *fault)
{
	x->fault = fault;
	return E_LIMIT;
}

/* The first byte from p on that is a quote, a backslash, a control character or not ASCII; end if there is none. */
static inline const char *plain_end(const char *p, const char *end)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	for (; end - p >= 8; p += 8) {
		uint64_t v, quote, slash, hit;

		memcpy(&v, p, 8);
		quote = v ^ EACH('"');
		slash = v ^ EACH('\\');
		/* A borrow only makes bytes above the first hit look like hits. */
		hit = ((v - EACH(0x20)) | (quote - EACH(1)) | (slash - EACH(1)) | v) & EACH(0x80);
		if (hit)
			return p + (__builtin_ctzll(hit) >> 3);
	}
#endif
	while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return p;
}

static int hex4(const char *p, const char *end, unsigned *out)
{
	unsigned v = 0;

	if (end - p < 4)
		return E_SYNTAX;
	for (int i = 0; i < 4; i++) {
		unsigned c = (unsigned char)p[i], d = c - '0';

		if (d > 9) {
			d = (c | 0x20) - 'a';
			if (d > 5)
				return E_SYNTAX;
			d += 10;
		}
		v = v * 16 + d;
	}
	*out = v;
	return 0;
}

/* p at the backslash; its length in *len, its character in *point. */
static int escape(const char *p, const char *end, size_t *len, unsigned *point)
{
	static const char letters[] = "\"\\/bfnrt", meaning[] = "\"\\/\b\f\n\r\t";
	const char *at;
	unsigned hi, lo;

	if (end - p < 2)
		return E_SYNTAX;
	if (p[1] != 'u') {
		at = p[1] ? strchr(letters, p[1]) : NULL;
		if (!at)
			return E_SYNTAX;
		*len = 2;
		*point = (unsigned char)meaning[at - letters];
		return 0;
	}
	if (hex4(p + 2, end, &hi) || hi == 0 || (hi >= 0xdc00 && hi <= 0xdfff))
		return E_SYNTAX;
	*len = 6;
	*point = hi;
	if (hi < 0xd800 || hi > 0xdfff)
		return 0;
	if (end - p < 12 || p[6] != '\\' || p[7] != 'u' || hex4(p + 8, end, &lo) || lo < 0xdc00 || lo > 0xdfff)
		return E_SYNTAX;
	*len = 12;
	*point = 0x10000 + ((hi - 0xd800) << 10) + (lo - 0xdc00);
	return 0;
}

int any_string(struct any *x, struct str *inner, bool *escaped)
{
	const char *p = x->p;
	unsigned point;
	size_t len;

	*escaped = false;
	for (;;) {
		p = plain_end(p, x->end);
		if (p == x->end)
			return fail(x, p, "a string without end");
		if (*p == '"')
			break;
		if (*p == '\\') {
			if (escape(p, x->end, &len, &point))
				return fail(x, p, "a bad escape");
			*escaped = true;
		} else if ((unsigned char)*p < 0x20) {
			return fail(x, p, "a control character in a string");
		} else {
			len = str_utf8_len(p, (size_t)(x->end - p));
			if (len == 0)
				return fail(x, p, "bytes that are not UTF-8");
		}
		p += len;
	}
	*inner = str_make(x->p, (size_t)(p - x->p));
	x->p = p + 1;
	return 0;
}

static size_t utf8_put(char *p, unsigned c)
{
	if (c < 0x80) {
		p[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		p[0] = (char)(0xc0 | c >> 6);
		p[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		p[0] = (char)(0xe0 | c >> 12);
		p[1] = (char)(0x80 | (c >> 6 & 0x3f));
		p[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	p[0] = (char)(0xf0 | c >> 18);
	p[1] = (char)(0x80 | (c >> 12 & 0x3f));
	p[2] = (char)(0x80 | (c >> 6 & 0x3f));
	p[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

struct str any_unescape(struct arena *a, struct str inner)
{
	/* An escape is never shorter than what it stands for. */
	char *out = arena_alloc(a, inner.n), *w = out;
	const char *p = inner.p, *end = inner.p + inner.n;

	while (p < end) {
		const char *slash = memchr(p, '\\', (size_t)(end - p));
		size_t run = (size_t)((slash ? slash : end) - p), len;
		unsigned point;

		memcpy(w, p, run);
		w += run;
		p += run;
		if (p == end)
			break;
		REQUIRE(escape(p, end, &len, &point) == 0);
		w += utf8_put(w, point);
		p += len;
	}
	return str_make(out, (size_t)(w - out));
}

static inline bool is_digit(const char *p, const char *end)
{
	return p < end && *p >= '0' && *p <= '9';
}

int any_number(struct any *x, struct str *text, bool *integer)
{
	const char *p = x->p, *end = x->end;

	*integer = true;
	if (p < end && *p == '-')
		p++;
	if (!is_digit(p, end))
		return fail(x, p, "a number without digits");
	if (*p == '0')
		p++;
	else
		while (is_digit(p, end))
			p++;
	if (p < end && *p == '.') {
		*integer = false;
		if (!is_digit(++p, end))
			return fail(x, p, "a number without digits behind its point");
		while (is_digit(p, end))
			p++;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		*integer = false;
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if (!is_digit(p, end))
			return fail(x, p, "a number without digits in its exponent");
		while (is_digit(p, end))
			p++;
	}
	*text = str_make(x->p, (size_t)(p - x->p));
	x->p = p;
	return 0;
}

/* Names of one object while it is passed over. */
struct names {
	struct str few[16], *v;
	size_t n, cap;
};

static void names_add(struct any *x, struct names *s, struct str name)
{
	if (s->n == s->cap) {
		struct str *more = arena_array(x->a, s->cap * 2, sizeof *more);

		memcpy(more, s->v, s->n * sizeof *more);
		s->v = more;
		s->cap *= 2;
	}
	s->v[s->n++] = name;
}

/* By length first: cheap for names that differ, and nothing that a sender chooses makes it slow. */
static int names_order(struct str a, struct str b)
{
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return a.n ? memcmp(a.p, b.p, a.n) : 0;
}

static void names_sort(struct arena *a, struct str *v, size_t n)
{
	struct str *from = v, *to = arena_array(a, n, sizeof *to);

	for (size_t width = 1; width < n; width *= 2) {
		struct str *swap;

		for (size_t lo = 0; lo < n; lo += 2 * width) {
			size_t mid = lo + width < n ? lo + width : n, hi = lo + 2 * width < n ? lo + 2 * width : n;
			size_t i = lo, j = mid;

			for (size_t k = lo; k < hi; k++)
				to[k] = i < mid && (j == hi || names_order(from[i], from[j]) <= 0) ? from[i++] : from[j++];
		}
		swap = from;
		from = to;
		to = swap;
	}
	if (from != v)
		memcpy(v, from, n * sizeof *v);
}

static bool names_unique(struct any *x, struct names *s)
{
	if (s->n <= ARRAY_LEN(s->few)) {
		for (size_t i = 1; i < s->n; i++)
			for (size_t j = 0; j < i; j++)
				if (str_eq(s->v[i], s->v[j]))
					return false;
		return true;
	}
	names_sort(x->a, s->v, s->n);
	for (size_t i = 1; i < s->n; i++)
		if (str_eq(s->v[i - 1], s->v[i]))
			return false;
	return true;
}

/* p behind the brace. */
static int object(struct any *x)
{
	struct names names = { .v = names.few, .cap = ARRAY_LEN(names.few) };
	bool escaped;
	int err;

	any_blank(x);
	if (x->p < x->end && *x->p == '}') {
		x->p++;
		return 0;
	}
	for (;;) {
		struct str name;

		any_blank(x);
		if (x->p == x->end || *x->p != '"')
			return fail(x, x->p, "no name where one must be");
		x->p++;
		err = any_string(x, &name, &escaped);
		if (err)
			return err;
		if (x->a)
			names_add(x, &names, escaped ? any_unescape(x->a, name) : name);
		any_blank(x);
		if (x->p == x->end || *x->p != ':')
			return fail(x, x->p, "no colon behind a name");
		x->p++;
		any_blank(x);
		err = any_value(x);
		if (err)
			return err;
		any_blank(x);
		if (x->p == x->end || (*x->p != ',' && *x->p != '}'))
			return fail(x, x->p, "an object without end");
		if (*x->p++ == '}')
			break;
	}
	if (x->a && !names_unique(x, &names))
		return fail(x, x->p, "a name that stands twice in an object");
	return 0;
}

/* p behind the bracket. */
static int list(struct any *x)
{
	any_blank(x);
	if (x->p < x->end && *x->p == ']') {
		x->p++;
		return 0;
	}
	for (;;) {
		int err;

		any_blank(x);
		err = any_value(x);
		if (err)
			return err;
		any_blank(x);
		if (x->p == x->end || (*x->p != ',' && *x->p != ']'))
			return fail(x, x->p, "a list without end");
		if (*x->p++ == ']')
			return 0;
	}
}

static int word(struct any *x, const char *z, size_t n)
{
	if ((size_t)(x->end - x->p) < n || memcmp(x->p, z, n) != 0)
		return fail(x, x->p, "no value where one must be");
	x->p += n;
	return 0;
}

int any_value(struct any *x)
{
	struct str text;
	bool flag;
	int err;

	if (x->p == x->end)
		return fail(x, x->p, "no value where one must be");
	if (x->values == 0)
		return limit(x, "too many values");
	x->values--;
	switch (*x->p) {
	case '{':
	case '[':
		if (x->depth == 0)
			return limit(x, "nested too deeply");
		x->depth--;
		err = *x->p++ == '{' ? object(x) : list(x);
		x->depth++;
		return err;
	case '"':
		x->p++;
		return any_string(x, &text, &flag);
	case 't':
		return word(x, "true", 4);
	case 'f':
		return word(x, "false", 5);
	case 'n':
		return word(x, "null", 4);
	default:
		if (*x->p == '-' || (*x->p >= '0' && *x->p <= '9'))
			return any_number(x, &text, &flag);
		return fail(x, x->p, "no value where one must be");
	}
}

bool any_is_value(struct str raw)
{
	/* No more values than bytes; depth as the deepest that configuration may allow. */
	struct any x = { .p = raw.p, .end = raw.p + raw.n, .depth = 128, .values = raw.n };

	return raw.n && any_value(&x) == 0 && x.p == x.end;
}

struct str any_text(struct arena *a, struct str raw)
{
	struct str inner;

	if (raw.n < 2 || raw.p[0] != '"')
		return raw;
	inner = str_make(raw.p + 1, raw.n - 2);
	return str_index(inner, '\\') == inner.n ? inner : any_unescape(a, inner);
}

uint64_t any_size(struct str raw)
{
	const char *p, *end;
	uint64_t n = 0;

	if (raw.n < 2 || raw.p[0] != '"')
		return raw.n;
	end = raw.p + raw.n - 1;
	for (p = raw.p + 1; p < end;) {
		const char *slash = memchr(p, '\\', (size_t)(end - p));
		char out[4];
		size_t len;
		unsigned point;

		n += (uint64_t)((slash ? slash : end) - p);
		if (!slash)
			break;
		REQUIRE(escape(slash, end, &len, &point) == 0);
		n += utf8_put(out, point);
		p = slash + len;
	}
	return n;
}
