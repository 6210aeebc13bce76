/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content queries: asked of one content.  Nothing is built of the content: a path is followed by passing over the text of the
 * values that are not chosen, and every byte that is passed over is counted.
 */
#include "cse/core/jpath.h"

#include <stdlib.h>

#include "cse/core/jpath_priv.h"
#include "cse/model/any.h"

struct eval {
	struct arena *a;
	struct str root;
	size_t work;
};

/* What becomes of a value that a path leads to; true: enough is known. */
typedef bool found_fn(struct eval *e, struct str value, void *arg);

static bool follow(struct eval *e, const struct segment *seg, struct str value, found_fn *found, void *arg);
static bool holds(struct eval *e, const struct test *t, struct str current);

static bool spent(const struct eval *e)
{
	return e->work > JPATH_WORK;
}

/* --- the parts of a value ---------------------------------------------------------------------------------------- */

struct parts {
	struct any x;
	bool object;
	struct str name;    /* between its quotes */
	bool escaped;
	struct str value;
	int64_t index;      /* of the part that next() gave last */
};

static bool parts_begin(struct parts *p, struct str value)
{
	if (!value.n || (value.p[0] != '{' && value.p[0] != '['))
		return false;
	*p = (struct parts){ .x = { .p = value.p + 1, .end = value.p + value.n, .depth = SIZE_MAX, .values = SIZE_MAX }, .index = -1 };
	p->object = value.p[0] == '{';
	return true;
}

static bool parts_next(struct eval *e, struct parts *p)
{
	struct any *x = &p->x;
	const char *from = x->p;

	any_blank(x);
	if (spent(e) || x->p == x->end || *x->p == '}' || *x->p == ']')
		return false;
	if (*x->p == ',')
		x->p++;
	any_blank(x);
	if (p->object) {
		x->p++;
		if (any_string(x, &p->name, &p->escaped))
			return false;
		any_blank(x);
		x->p++;
		any_blank(x);
	}
	p->value.p = x->p;
	if (any_value(x))
		return false;
	p->value.n = (size_t)(x->p - p->value.p);
	p->index++;
	e->work += (size_t)(x->p - from);
	return true;
}

static bool has_name(struct eval *e, const struct parts *p, struct str name)
{
	return str_eq(p->escaped ? any_unescape(e->a, p->name) : p->name, name);
}

static int64_t count(struct eval *e, struct str array)
{
	struct parts p;
	int64_t n = 0;

	if (parts_begin(&p, array))
		while (parts_next(e, &p))
			n++;
	return n;
}

/* --- selectors --------------------------------------------------------------------------------------------------- */

/* Does a slice hold the position?  RFC 9535 2.3.4.2.2. */
static bool in_slice(const struct selector *s, int64_t n, int64_t i)
{
	int64_t from = s->has_from ? s->from : s->step > 0 ? 0 : n - 1, to = s->has_to ? s->to : s->step > 0 ? n : -n - 1;

	from += from < 0 && s->has_from ? n : 0;
	to += to < 0 ? n : 0;
	if (s->step == 0)
		return false;
	if (s->step > 0) {
		from = from < 0 ? 0 : from;
		return i >= from && i < to && (i - from) % s->step == 0;
	}
	from = from > n - 1 ? n - 1 : from;
	return i <= from && i > to && (from - i) % -s->step == 0;
}

static bool selects(struct eval *e, const struct selector *s, const struct parts *p, int64_t n)
{
	switch (s->pick) {
	case PICK_NAME:
		return p->object && has_name(e, p, s->name);
	case PICK_INDEX:
		return !p->object && p->index == (s->index < 0 ? s->index + n : s->index);
	case PICK_SLICE:
		return !p->object && in_slice(s, n, p->index);
	case PICK_ALL:
		return true;
	case PICK_FILTER:
		return holds(e, s->filter, p->value);
	}
	UNREACHABLE();
}

static bool needs_count(const struct selector *s)
{
	return s->pick == PICK_SLICE || (s->pick == PICK_INDEX && s->index < 0);
}

static bool choose(struct eval *e, const struct segment *seg, struct str value, found_fn *found, void *arg)
{
	int64_t n = -1;
	struct parts p;

	for (const struct selector *s = seg->first; s; s = s->next) {
		if (!parts_begin(&p, value))
			return false;
		if (!p.object && n < 0 && needs_count(s))
			n = count(e, value);
		while (parts_next(e, &p)) {
			if (selects(e, s, &p, n) && follow(e, seg->next, p.value, found, arg))
				return true;
			if (s->pick == PICK_NAME && p.object && has_name(e, &p, s->name))
				break;
		}
	}
	return false;
}

/* Recursion is bounded by the depth of the content. */
static bool choose_deep(struct eval *e, const struct segment *seg, struct str value, found_fn *found, void *arg)
{
	struct parts p;

	if (choose(e, seg, value, found, arg))
		return true;
	if (parts_begin(&p, value))
		while (parts_next(e, &p))
			if (choose_deep(e, seg, p.value, found, arg))
				return true;
	return false;
}

static bool follow(struct eval *e, const struct segment *seg, struct str value, found_fn *found, void *arg)
{
	if (!seg)
		return found(e, value, arg);
	return seg->deep ? choose_deep(e, seg, value, found, arg) : choose(e, seg, value, found, arg);
}

/* --- comparisons ------------------------------------------------------------------------------------------------- */

enum { LESS = -1, EQUAL, GREATER, UNEQUAL };

static bool is_text(struct str raw)
{
	return raw.p[0] == '"';
}

static bool is_number(struct str raw)
{
	return raw.p[0] == '-' || (raw.p[0] >= '0' && raw.p[0] <= '9');
}

static int compare_numbers(struct str a, struct str b)
{
	enum { LONGEST = 128 };
	char text[2][LONGEST + 1];
	double x, y;
	int64_t i, k;

	if (str_i64(a, &i) == 0 && str_i64(b, &k) == 0)
		return i < k ? LESS : i > k ? GREATER : EQUAL;
	if (a.n > LONGEST || b.n > LONGEST)
		return str_eq(a, b) ? EQUAL : UNEQUAL;
	memcpy(text[0], a.p, a.n);
	memcpy(text[1], b.p, b.n);
	text[0][a.n] = text[1][b.n] = '\0';
	x = strtod(text[0], NULL);
	y = strtod(text[1], NULL);
	return x < y ? LESS : x > y ? GREATER : EQUAL;
}

static int compare_texts(struct str a, struct str b)
{
	int c = str_cmp(a, b);

	return c < 0 ? LESS : c > 0 ? GREATER : EQUAL;
}

/* One side of a comparison: absent, or a raw value, or a literal. */
struct side {
	bool absent, literal;
	enum operand_kind kind;
	struct str text; /* raw, or a literal's */
};

static struct str text_of(struct eval *e, const struct side *s)
{
	return s->literal ? s->text : any_text(e->a, s->text);
}

/* Arrays and objects compare as they are written: RFC 9535's equality of structured values is not needed for conditions. */
static int compare(struct eval *e, const struct side *a, const struct side *b)
{
	if (a->absent || b->absent)
		return a->absent && b->absent ? EQUAL : UNEQUAL;
	if (a->kind != b->kind)
		return UNEQUAL;
	switch (a->kind) {
	case OPERAND_TEXT:
		e->work += a->text.n;
		return compare_texts(text_of(e, a), text_of(e, b));
	case OPERAND_NUMBER:
		return compare_numbers(a->text, b->text);
	case OPERAND_PATH:
		return str_eq(a->text, b->text) ? EQUAL : UNEQUAL;
	default:
		return EQUAL;
	}
}

static struct side side_of(struct str raw)
{
	struct side s = { .text = raw, .kind = OPERAND_PATH };

	if (is_text(raw))
		s.kind = OPERAND_TEXT;
	else if (is_number(raw))
		s.kind = OPERAND_NUMBER;
	else if (raw.p[0] == 't' || raw.p[0] == 'f')
		s.kind = raw.p[0] == 't' ? OPERAND_TRUE : OPERAND_FALSE;
	else if (raw.p[0] == 'n')
		s.kind = OPERAND_NULL;
	return s;
}

static bool take_first(struct eval *e, struct str value, void *arg)
{
	(void)e;
	*(struct str *)arg = value;
	return true;
}

static struct side resolve(struct eval *e, const struct operand *o, struct str current)
{
	struct str found = STR_NONE;

	if (o->kind != OPERAND_PATH)
		return (struct side){ .literal = true, .kind = o->kind, .text = o->text };
	if (!follow(e, o->path, o->current ? current : e->root, take_first, &found))
		return (struct side){ .absent = true };
	return side_of(found);
}

static bool satisfies(enum compare cmp, int c)
{
	switch (cmp) {
	case CMP_EQ:
		return c == EQUAL;
	case CMP_NE:
		return c != EQUAL;
	case CMP_LT:
		return c == LESS;
	case CMP_GT:
		return c == GREATER;
	case CMP_LE:
		return c == LESS || c == EQUAL;
	case CMP_GE:
		return c == GREATER || c == EQUAL;
	case CMP_MATCH:
		break;
	}
	return false;
}

/* A keyword of J.2 asks for what the table there says it applies to: strings, or numbers. */
static bool keyword(struct eval *e, struct str value, void *arg)
{
	const struct test *t = arg;
	struct side a = side_of(value), b = { .literal = true, .kind = t->right.kind, .text = t->right.text };

	if (t->cmp == CMP_MATCH) {
		struct str text;

		if (a.kind != OPERAND_TEXT)
			return false;
		text = text_of(e, &a);
		e->work += text.n;
		return !b.text.n || memmem(text.p, text.n, b.text.p, b.text.n) != NULL;
	}
	if (a.kind == OPERAND_PATH || (t->cmp != CMP_EQ && t->cmp != CMP_NE && a.kind != OPERAND_NUMBER))
		return false;
	return satisfies(t->cmp, compare(e, &a, &b));
}

static bool anything(struct eval *e, struct str value, void *arg)
{
	(void)e, (void)value, (void)arg;
	return true;
}

static bool compares(struct eval *e, const struct test *t, struct str current)
{
	struct side a, b;

	if (t->any) {
		union {
			const struct test *c;
			void *p;
		} arg = { t };

		return follow(e, t->left.path, t->left.current ? current : e->root, keyword, arg.p);
	}
	a = resolve(e, &t->left, current);
	b = resolve(e, &t->right, current);
	return satisfies(t->cmp, compare(e, &a, &b));
}

/* Recursion is bounded by the brackets of the query. */
static bool holds(struct eval *e, const struct test *t, struct str current)
{
	if (spent(e))
		return false;
	switch (t->kind) {
	case TEST_OR:
		return holds(e, t->a, current) || holds(e, t->b, current);
	case TEST_AND:
		return holds(e, t->a, current) && holds(e, t->b, current);
	case TEST_NOT:
		return !holds(e, t->a, current);
	case TEST_EXISTS:
		return follow(e, t->left.path, t->left.current ? current : e->root, anything, NULL);
	case TEST_COMPARE:
		return compares(e, t, current);
	}
	UNREACHABLE();
}

bool jpath_match(const struct jpath *q, struct arena *a, struct str raw)
{
	struct eval e = { .a = a, .root = raw };

	REQUIRE(raw.n > 0);
	return holds(&e, q->test, raw) && !spent(&e);
}
