/* SPDX-License-Identifier: Apache-2.0 */
/* Label queries: a reader of words, a table of operators, and the test of each against a resource's labels. */
#include "cse/core/labelq.h"

enum test { LQ_KEY, LQ_NT, LQ_EQ, LQ_NE, LQ_IN, LQ_NI };
struct expression {
	enum test test;
	struct str key;
	struct strs values;
};
struct labelq {
	struct expression *v;
	size_t n, values;
};

static const struct {
	const char *word;
	enum test test;
} operators[] = { { "EQ", LQ_EQ }, { "NE", LQ_NE }, { "IN", LQ_IN }, { "NI", LQ_NI } };

struct reader {
	struct arena *a;
	struct str rest;
	struct labelq *q;
	struct why *w;
};

static enum rsc bad(struct reader *r, const char *what)
{
	return why_set(r->w, RSC_BAD_REQUEST, "labelsQuery (lbq), expression %zu: %s", r->q->n + 1, what);
}

static void blank(struct reader *r)
{
	while (r->rest.n && (r->rest.p[0] == ' ' || r->rest.p[0] == '\t'))
		r->rest = str_from(r->rest, 1);
}

static bool sign(struct reader *r, char c)
{
	blank(r);
	if (!r->rest.n || r->rest.p[0] != c)
		return false;
	r->rest = str_from(r->rest, 1);
	return true;
}

static enum rsc quoted(struct reader *r, struct str *out)
{
	char *p = arena_alloc(r->a, r->rest.n);
	size_t n = 0, i = 1;

	for (; i < r->rest.n && r->rest.p[i] != '"'; i++) {
		if (r->rest.p[i] == '\\' && ++i == r->rest.n)
			break;
		p[n++] = r->rest.p[i];
	}
	if (i >= r->rest.n)
		return bad(r, "a quote is not closed");
	*out = str_make(p, n);
	r->rest = str_from(r->rest, i + 1);
	return RSC_NONE;
}

/* Empty, without a quote: there is none. */
static enum rsc word(struct reader *r, struct str *out, bool *in_quotes)
{
	size_t n = 0;

	blank(r);
	*in_quotes = r->rest.n && r->rest.p[0] == '"';
	if (*in_quotes)
		return quoted(r, out);
	while (n < r->rest.n && !memchr(" \t,()\"", r->rest.p[n], 6))
		n++;
	*out = str_first(r->rest, n);
	r->rest = str_from(r->rest, n);
	return RSC_NONE;
}

static enum rsc value(struct reader *r, struct expression *e)
{
	struct str v;
	bool in_quotes;
	enum rsc rsc = word(r, &v, &in_quotes);

	if (rsc)
		return rsc;
	if (!v.n && !in_quotes)
		return bad(r, "a value is missing");
	if (++r->q->values > LABELQ_VALUES)
		return bad(r, "there are more than 256 values");
	strs_add(r->a, &e->values, v);
	return RSC_NONE;
}

static enum rsc list(struct reader *r, struct expression *e)
{
	enum rsc rsc;

	if (!sign(r, '('))
		return bad(r, "IN and NI need values in brackets, like IN (red, green)");
	do {
		if ((rsc = value(r, e)))
			return rsc;
	} while (sign(r, ','));
	return sign(r, ')') ? RSC_NONE : bad(r, "a bracket is not closed");
}

/* What follows the key. */
static enum rsc operation(struct reader *r, struct expression *e)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(operators); i++) {
		struct str at = r->rest;

		if (str_starts(at, str_of(operators[i].word)) && (at.n == 2 || memchr(" \t(\"", at.p[2], 4)))
			break;
	}
	if (i == ARRAY_LEN(operators))
		return bad(r, "after a key comes EQ, NE, IN or NI; what holds spaces is quoted");
	e->test = operators[i].test;
	r->rest = str_from(r->rest, 2);
	return e->test == LQ_IN || e->test == LQ_NI ? list(r, e) : value(r, e);
}

static enum rsc expression(struct reader *r, struct expression *e)
{
	bool in_quotes;
	enum rsc rsc = word(r, &e->key, &in_quotes);
	size_t colon;

	if (rsc)
		return rsc;
	if (!in_quotes && str_eqz(e->key, "NT")) {
		e->test = LQ_NT;
		if ((rsc = word(r, &e->key, &in_quotes)))
			return rsc;
	}
	if (!e->key.n)
		return bad(r, "a key is missing");
	blank(r);
	if (e->test == LQ_NT || (!in_quotes && str_index(e->key, ':') < e->key.n)) {
		colon = str_index(e->key, ':');
		if (colon == e->key.n)
			return RSC_NONE;
		if (e->test == LQ_NT || colon == 0)
			return bad(r, "a key holds no colon");
		strs_add(r->a, &e->values, str_from(e->key, colon + 1));
		e->key = str_first(e->key, colon);
		e->test = LQ_EQ;
		return RSC_NONE;
	}
	if (str_index(e->key, ':') < e->key.n)
		return bad(r, "a key holds no colon");
	return r->rest.n && r->rest.p[0] != ',' ? operation(r, e) : RSC_NONE;
}

enum rsc labelq_parse(struct arena *a, struct str text, struct labelq **out, struct why *w)
{
	struct labelq *q = ARENA_NEW(a, struct labelq);
	struct reader r = { a, text, q, w };
	enum rsc rsc;

	if (text.n > LABELQ_BYTES)
		return why_set(w, RSC_BAD_REQUEST, "labelsQuery (lbq) must not be longer than %d bytes", LABELQ_BYTES);
	q->v = arena_array(a, LABELQ_EXPRESSIONS, sizeof(*q->v));
	do {
		if (q->n == LABELQ_EXPRESSIONS)
			return why_set(w, RSC_BAD_REQUEST, "labelsQuery (lbq) must not hold more than %d expressions",
			               LABELQ_EXPRESSIONS);
		if ((rsc = expression(&r, &q->v[q->n])))
			return rsc;
		q->n++;
	} while (sign(&r, ','));
	if (r.rest.n)
		return why_set(w, RSC_BAD_REQUEST, "labelsQuery (lbq): a comma or an end must follow expression %zu", q->n);
	*out = q;
	return RSC_NONE;
}

/* --- matching ---------------------------------------------------------------------------------------------------- */

static bool listed(const struct expression *e, struct str v)
{
	for (size_t i = 0; i < e->values.n; i++)
		if (str_eq(e->values.v[i], v))
			return true;
	return false;
}

static bool holds(const struct expression *e, const struct strs *labels)
{
	bool key = false, pair = false, hit = false;

	for (size_t i = 0; i < labels->n; i++) {
		struct str l = labels->v[i];
		size_t colon = str_index(l, ':');

		if (!str_eq(str_first(l, colon), e->key))
			continue;
		key = true;
		if (colon == l.n)
			continue;
		pair = true;
		hit = hit || listed(e, str_from(l, colon + 1));
	}
	switch (e->test) {
	case LQ_KEY:
		return key;
	case LQ_NT:
		return !key;
	case LQ_EQ:
	case LQ_IN:
		return hit;
	case LQ_NE:
	case LQ_NI:
		return pair && !hit;
	}
	UNREACHABLE();
}

bool labelq_match(const struct labelq *q, const struct strs *labels)
{
	for (size_t i = 0; i < q->n; i++)
		if (holds(&q->v[i], labels))
			return true;
	return false;
}
