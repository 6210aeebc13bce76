/* SPDX-License-Identifier: Apache-2.0 */
/* JSON (RFC 8259, TS-0004 8.4): one pass over the text; names and strings are copied only when they hold escapes. */
#include "cse/codec/json_priv.h"

#include <stdlib.h>

#include "cse/base/err.h"
#include "cse/codec/walk_priv.h"
#include "cse/model/any.h"

/* A number longer than this is none that a double or 64 bits could hold apart. */
enum { MAX_NUMBER = 400 };

struct json {
	struct src src; /* first */
	struct any x;
	const char *begin;
};

static struct json *json_of(struct src *s)
{
	return CONTAINER_OF(s, struct json, src);
}

static enum rsc faulty(struct json *j, const char *fault)
{
	return why_set(j->src.w, RSC_BAD_REQUEST, "JSON at byte %zu: %s", (size_t)(j->x.p - j->begin), fault);
}

static enum tok peek(struct src *s)
{
	const struct any *x = &json_of(s)->x;

	if (x->p == x->end)
		return TOK_NONE;
	switch (*x->p) {
	case '"':
		return TOK_TEXT;
	case '{':
		return TOK_OBJ;
	case '[':
		return TOK_LIST;
	case 't':
	case 'f':
		return TOK_BOOL;
	case 'n':
		return TOK_NULL;
	case '-':
		return TOK_NUM;
	default:
		return *x->p >= '0' && *x->p <= '9' ? TOK_NUM : TOK_NONE;
	}
}

static enum rsc fault(struct src *s)
{
	return faulty(json_of(s), "no value where one must be");
}

static bool spend(struct json *j)
{
	if (j->x.values == 0) {
		faulty(j, "too many values");
		return false;
	}
	j->x.values--;
	return true;
}

static bool any(struct src *s, struct str *raw)
{
	struct json *j = json_of(s);
	const char *begin = j->x.p;

	if (any_value(&j->x)) {
		faulty(j, j->x.fault);
		return false;
	}
	*raw = str_make(begin, (size_t)(j->x.p - begin));
	return true;
}

static bool null(struct src *s)
{
	struct str raw;

	return any(s, &raw);
}

static bool boolean(struct src *s, bool *out)
{
	struct str raw;

	if (!any(s, &raw))
		return false;
	*out = raw.p[0] == 't';
	return true;
}

static bool text(struct src *s, struct str *out)
{
	struct json *j = json_of(s);
	bool escaped;

	if (!spend(j))
		return false;
	j->x.p++;
	if (any_string(&j->x, out, &escaped)) {
		faulty(j, j->x.fault);
		return false;
	}
	if (escaped)
		*out = any_unescape(s->a, *out);
	return true;
}

static bool number(struct src *s, struct num *out)
{
	struct json *j = json_of(s);
	const char *begin = j->x.p;
	char copy[MAX_NUMBER + 1];
	struct str t;

	if (!spend(j))
		return false;
	*out = (struct num){ 0 };
	if (any_number(&j->x, &t, &out->integer)) {
		faulty(j, j->x.fault);
		return false;
	}
	out->negative = t.p[0] == '-';
	if (out->integer && str_u64(str_from(t, out->negative), &out->mag) == 0)
		return true;
	out->integer = false;
	if (t.n <= MAX_NUMBER) {
		memcpy(copy, t.p, t.n);
		copy[t.n] = '\0';
		out->f = strtod(copy, NULL);
		if (out->f - out->f == 0)
			return true;
	}
	j->x.p = begin;
	faulty(j, "a number that is too large");
	return false;
}

static bool open(struct src *s)
{
	struct json *j = json_of(s);

	if (!spend(j))
		return false;
	if (j->x.depth == 0) {
		faulty(j, "nested too deeply");
		return false;
	}
	j->x.depth--;
	j->x.p++;
	return true;
}

/* Before a member or element: 1 there is one, 0 the end was passed over, -1. */
static int separate(struct json *j, bool first, char end)
{
	struct any *x = &j->x;

	any_blank(x);
	if (x->p < x->end && *x->p == end) {
		x->p++;
		x->depth++;
		return 0;
	}
	if (!first) {
		if (x->p == x->end || *x->p != ',') {
			faulty(j, end == '}' ? "an object without end" : "a list without end");
			return -1;
		}
		x->p++;
		any_blank(x);
	}
	return 1;
}

static int member(struct src *s, bool first, struct str *name)
{
	struct json *j = json_of(s);
	struct any *x = &j->x;
	int more = separate(j, first, '}');
	bool escaped;

	if (more <= 0)
		return more;
	if (x->p == x->end || *x->p != '"') {
		faulty(j, "no name where one must be");
		return -1;
	}
	x->p++;
	if (any_string(x, name, &escaped)) {
		faulty(j, x->fault);
		return -1;
	}
	if (escaped)
		*name = any_unescape(s->a, *name);
	any_blank(x);
	if (x->p == x->end || *x->p != ':') {
		faulty(j, "no colon behind a name");
		return -1;
	}
	x->p++;
	any_blank(x);
	return 1;
}

static int element(struct src *s, bool first)
{
	return separate(json_of(s), first, ']');
}

static void mark(const struct src *s, struct mark *m)
{
	const struct json *j = (const struct json *)(const void *)s;

	*m = (struct mark){ j->x.p, j->x.depth, j->x.values };
}

static void back(struct src *s, const struct mark *m)
{
	struct json *j = json_of(s);

	j->x.p = m->p;
	j->x.depth = m->depth;
	j->x.values = m->values;
}

static const struct src_ops ops = { peek, null, boolean, number, text, any, open, member, element, mark, back, fault };

static void begin(struct json *j, struct arena *a, struct str in, const struct codec_limits *lim, struct why *w)
{
	*j = (struct json){
		.src = { .ops = &ops, .a = a, .w = w },
		.x = { .p = in.p, .end = in.p + in.n, .a = a, .depth = lim->depth, .values = lim->values },
		.begin = in.p,
	};
	any_blank(&j->x);
}

/* Nothing but white space may follow. */
static enum rsc end(struct json *j)
{
	any_blank(&j->x);
	return j->x.p == j->x.end ? RSC_NONE : faulty(j, "more behind the end");
}

static enum rsc decode_content(struct arena *a, struct str in, const struct codec_limits *lim, struct content *out,
                               struct why *w)
{
	struct content c;
	struct json j;
	enum rsc rsc;

	begin(&j, a, in, lim, w);
	rsc = walk_content(&j.src, &c);
	if (!rsc)
		rsc = end(&j);
	if (!rsc)
		*out = c;
	return rsc;
}

static enum rsc decode_request(struct arena *a, struct str in, const struct codec_limits *lim, struct prim *out)
{
	struct json j;
	enum rsc rsc;

	CHECK(out, PRIM);
	begin(&j, a, in, lim, &out->why);
	rsc = walk_request(&j.src, out);
	return rsc ? rsc : end(&j);
}

const struct codec codec_json = {
	.name = "json",
	.media = "application/json",
	.suffix = "json",
	.decode_content = decode_content,
	.decode_request = decode_request,
	.encode_content = json_write_content,
	.encode_response = json_write_response,
	.encode_request = json_write_request,
};
