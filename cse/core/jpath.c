/* SPDX-License-Identifier: Apache-2.0 */
/* Content queries: the reader. */
#include "cse/core/jpath.h"

#include "cse/core/jpath_priv.h"

struct reader {
	struct arena *a;
	const char *begin, *p, *end;
	struct why *w;
	unsigned parts, depth;
};

static struct test *read_or(struct reader *r);
static bool read_path(struct reader *r, struct operand *o);

/* --- characters -------------------------------------------------------------------------------------------------- */

static bool bad(struct reader *r, const char *what)
{
	why_set(r->w, RSC_BAD_REQUEST, "contentFilterQuery (cfq), character %zu: %s", (size_t)(r->p - r->begin) + 1, what);
	return false;
}

static bool part(struct reader *r)
{
	return ++r->parts <= JPATH_PARTS || bad(r, "the query has too many parts");
}

static void blank(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

static bool is(const struct reader *r, const char *z)
{
	return str_starts(str_make(r->p, (size_t)(r->end - r->p)), str_of(z));
}

static bool eat(struct reader *r, const char *z)
{
	if (!is(r, z))
		return false;
	r->p += strlen(z);
	return true;
}

static bool in_name(char c)
{
	unsigned char u = (unsigned char)c;

	return (u >= '0' && u <= '9') || (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || u == '_' || u == '-' || u == ':' ||
	       u >= 0x80;
}

static bool eat_word(struct reader *r, const char *word)
{
	size_t n = strlen(word);

	if (!is(r, word) || (r->p + n < r->end && in_name(r->p[n])))
		return false;
	r->p += n;
	return true;
}

/* Between quotes of either kind; a backslash takes the next character as it is, or is one of JSON's escapes for white space. */
static bool read_quoted(struct reader *r, struct str *out)
{
	char quote = *r->p++, *p;
	size_t n = 0, len = 0;

	while (r->p + len < r->end && r->p[len] != quote)
		len += 1 + (r->p[len] == '\\');
	if (r->p + len >= r->end)
		return bad(r, "a quote is not closed");
	p = arena_alloc(r->a, len);
	for (; *r->p != quote; r->p++) {
		char c = *r->p;

		if (c == '\\') {
			c = *++r->p;
			if (c == 'u')
				return bad(r, "\\u is not supported; write the character itself");
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'b' ? '\b' : c == 'f' ? '\f' : c;
		}
		p[n++] = c;
	}
	r->p++;
	*out = str_make(p, n);
	return true;
}

static bool read_integer(struct reader *r, int64_t *out)
{
	const char *from = r->p;

	if (r->p < r->end && *r->p == '-')
		r->p++;
	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	if (str_i64(str_make(from, (size_t)(r->p - from)), out) || *out > INT32_MAX || *out < -INT32_MAX)
		return bad(r, "a position in an array must be an integer");
	return true;
}

/* --- paths ------------------------------------------------------------------------------------------------------- */

static bool read_slice(struct reader *r, struct selector *s)
{
	s->pick = PICK_INDEX;
	s->step = 1;
	if (!is(r, ":")) {
		if (!read_integer(r, &s->from))
			return false;
		s->has_from = true;
		s->index = s->from;
	}
	blank(r);
	if (!eat(r, ":"))
		return true;
	s->pick = PICK_SLICE;
	blank(r);
	if (r->p < r->end && (*r->p == '-' || (*r->p >= '0' && *r->p <= '9'))) {
		if (!read_integer(r, &s->to))
			return false;
		s->has_to = true;
	}
	blank(r);
	if (!eat(r, ":"))
		return true;
	blank(r);
	return is(r, "]") || is(r, ",") || read_integer(r, &s->step);
}

static bool read_selector(struct reader *r, struct selector *s)
{
	blank(r);
	if (r->p == r->end)
		return bad(r, "a bracket is not closed");
	if (*r->p == '"' || *r->p == '\'') {
		s->pick = PICK_NAME;
		return read_quoted(r, &s->name);
	}
	if (eat(r, "*")) {
		s->pick = PICK_ALL;
		return true;
	}
	if (eat(r, "?")) {
		s->pick = PICK_FILTER;
		s->filter = read_or(r);
		return s->filter != NULL;
	}
	return read_slice(r, s);
}

static bool read_brackets(struct reader *r, struct segment *seg)
{
	struct selector **at = &seg->first;

	if (++r->depth > JPATH_DEPTH)
		return bad(r, "brackets lie too deep");
	do {
		if (!part(r))
			return false;
		*at = ARENA_NEW(r->a, struct selector);
		if (!read_selector(r, *at))
			return false;
		at = &(*at)->next;
		blank(r);
	} while (eat(r, ","));
	r->depth--;
	return eat(r, "]") || bad(r, "a bracket is not closed");
}

/* What follows a dot: a name, a quoted name (J.2), or all. */
static bool read_dotted(struct reader *r, struct segment *seg)
{
	struct selector *s = seg->first = ARENA_NEW(r->a, struct selector);
	const char *from = r->p;

	if (eat(r, "*")) {
		s->pick = PICK_ALL;
		return true;
	}
	s->pick = PICK_NAME;
	if (is(r, "\""))
		return read_quoted(r, &s->name);
	while (r->p < r->end && in_name(*r->p))
		r->p++;
	s->name = str_make(from, (size_t)(r->p - from));
	return s->name.n || bad(r, "a name must follow a dot");
}

static bool read_segment(struct reader *r, struct segment *seg)
{
	if (eat(r, "["))
		return read_brackets(r, seg);
	return read_dotted(r, seg);
}

/* p is behind $ or @. */
static bool read_path(struct reader *r, struct operand *o)
{
	struct segment **at = &o->path;

	o->kind = OPERAND_PATH;
	o->singular = true;
	while (is(r, ".") || is(r, "[")) {
		struct segment *seg = *at = ARENA_NEW(r->a, struct segment);

		if (!part(r))
			return false;
		if (eat(r, ".."))
			seg->deep = true;
		else
			eat(r, ".");
		if (!read_segment(r, seg))
			return false;
		o->singular = o->singular && !seg->deep && !seg->first->next &&
		              (seg->first->pick == PICK_NAME || seg->first->pick == PICK_INDEX);
		at = &seg->next;
	}
	return true;
}

/* --- tests ------------------------------------------------------------------------------------------------------- */

static bool is_number(struct str s)
{
	size_t i = s.n && s.p[0] == '-', digits = 0;

	for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		digits++;
	if (i < s.n && s.p[i] == '.' && digits)
		for (digits = 0, i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
			digits++;
	if (digits && i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
		i++;
		i += i < s.n && (s.p[i] == '+' || s.p[i] == '-');
		for (digits = 0; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
			digits++;
	}
	return digits && i == s.n && s.n < 64;
}

/* bare: behind a keyword of J.2 a word without quotes is text, too. */
static bool read_operand(struct reader *r, struct operand *o, bool bare)
{
	static const struct {
		const char *word;
		enum operand_kind kind;
	} words[] = { { "true", OPERAND_TRUE }, { "false", OPERAND_FALSE }, { "null", OPERAND_NULL } };
	const char *from;

	*o = (struct operand){ .kind = OPERAND_TEXT };
	if (!part(r))
		return false;
	blank(r);
	if (r->p < r->end && (*r->p == '"' || *r->p == '\''))
		return read_quoted(r, &o->text);
	if (is(r, "$") || is(r, "@")) {
		o->current = *r->p++ == '@';
		return read_path(r, o);
	}
	from = r->p;
	while (r->p < r->end && (in_name(*r->p) || *r->p == '.' || *r->p == '+'))
		r->p++;
	o->text = str_make(from, (size_t)(r->p - from));
	if (is_number(o->text)) {
		o->kind = OPERAND_NUMBER;
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eqz(o->text, words[i].word)) {
			o->kind = words[i].kind;
			return true;
		}
	return (bare && o->text.n) || bad(r, "a path, a number or a text between quotes must stand here");
}

static bool read_comparison(struct reader *r, struct test *t)
{
	static const struct {
		const char *sign;
		enum compare cmp;
	} signs[] = { { "==", CMP_EQ }, { "!=", CMP_NE }, { "<=", CMP_LE }, { ">=", CMP_GE }, { "<", CMP_LT }, { ">", CMP_GT } },
	  words[] = { { "EQ", CMP_EQ }, { "NE", CMP_NE }, { "LE", CMP_LE }, { "GE", CMP_GE },
		          { "LT", CMP_LT }, { "GT", CMP_GT }, { "MATCH", CMP_MATCH } };

	blank(r);
	t->kind = TEST_COMPARE;
	for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
		if (!eat(r, signs[i].sign))
			continue;
		t->cmp = signs[i].cmp;
		if (!read_operand(r, &t->right, false))
			return false;
		if ((t->left.kind == OPERAND_PATH && !t->left.singular) || (t->right.kind == OPERAND_PATH && !t->right.singular))
			return bad(r, "a comparison needs paths that lead to one value (names and positions only)");
		return true;
	}
	if (t->left.kind == OPERAND_PATH)
		for (size_t i = 0; i < ARRAY_LEN(words); i++) {
			if (!eat_word(r, words[i].sign))
				continue;
			t->cmp = words[i].cmp;
			t->any = true;
			if (!read_operand(r, &t->right, true))
				return false;
			return t->right.kind != OPERAND_PATH || bad(r, "behind a keyword stands a number or a text");
		}
	t->kind = TEST_EXISTS;
	return t->left.kind == OPERAND_PATH || bad(r, "a comparison must follow");
}

static struct test *read_one(struct reader *r)
{
	struct test *t;

	blank(r);
	if (!part(r))
		return NULL;
	if (eat(r, "(")) {
		if (++r->depth > JPATH_DEPTH) {
			bad(r, "brackets lie too deep");
			return NULL;
		}
		t = read_or(r);
		r->depth--;
		if (t && !eat(r, ")")) {
			bad(r, "a bracket is not closed");
			return NULL;
		}
		return t;
	}
	t = ARENA_NEW(r->a, struct test);
	if (is(r, "!") && !is(r, "!=")) {
		eat(r, "!");
		if (++r->depth > JPATH_DEPTH) {
			bad(r, "brackets lie too deep");
			return NULL;
		}
		t->kind = TEST_NOT;
		t->a = read_one(r);
		r->depth--;
		return t->a ? t : NULL;
	}
	return read_operand(r, &t->left, false) && read_comparison(r, t) ? t : NULL;
}

static struct test *join(struct reader *r, enum test_kind kind, struct test *a, struct test *b)
{
	struct test *t;

	if (!b)
		return NULL;
	t = ARENA_NEW(r->a, struct test);
	*t = (struct test){ .kind = kind, .a = a, .b = b };
	return t;
}

static struct test *read_and(struct reader *r)
{
	struct test *t = read_one(r);

	for (blank(r); t && (eat(r, "&&") || eat_word(r, "AND")); blank(r))
		t = join(r, TEST_AND, t, read_one(r));
	return t;
}

static struct test *read_or(struct reader *r)
{
	struct test *t = read_and(r);

	for (blank(r); t && (eat(r, "||") || eat_word(r, "OR")); blank(r))
		t = join(r, TEST_OR, t, read_and(r));
	return t;
}

enum rsc jpath_parse(struct arena *a, struct str text, struct jpath **out, struct why *w)
{
	struct jpath *q = ARENA_NEW(a, struct jpath);
	struct reader r = { a, text.p, text.p, text.p + text.n, w, 0, 0 };

	if (text.n > JPATH_BYTES)
		return why_set(w, RSC_BAD_REQUEST, "contentFilterQuery (cfq) must not be longer than %d bytes", JPATH_BYTES);
	if (!text.n)
		return why_set(w, RSC_BAD_REQUEST, "contentFilterQuery (cfq) must hold a query");
	q->test = read_or(&r);
	if (!q->test)
		return w->rsc;
	if (r.p != r.end) {
		bad(&r, "the query should end here, or go on with AND or OR");
		return w->rsc;
	}
	*out = q;
	return RSC_NONE;
}
