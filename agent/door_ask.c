/* SPDX-License-Identifier: Apache-2.0 */
/* A local client's request as it is carried to the CSE: judged by the policy, its points of access rewritten, and only the fields that
 * oneM2M knows (TS-0009 6.4): what else a client says of itself stays on this machine. */
#include "agent/door_priv.h"

#include "bindings/http_map.h"
#include "cse/base/clock.h"
#include "cse/model/stamp.h"

enum { SLACK_S = 5, LONG_POLL_S = 3600 };
#define NS_PER_S INT64_C(1000000000)

static const struct str passed[] = {
	{ "accept", 6 }, { "content-type", 12 }, { "authorization", 13 }, { "if-match", 8 }, { "if-none-match", 13 },
};

static bool is_passed(struct str name)
{
	if (str_eq_nocase(str_first(name, 6), STR("x-m2m-")))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(passed); i++)
		if (str_eq_nocase(name, passed[i]))
			return true;
	return false;
}

/* TS-0009 6.2.2.1: the parameter To of a path. */
static enum rsc read_to(struct door_conn *dc, struct why *why)
{
	struct str s;

	if (!http_unescape(&dc->door->arena, http1_str(door_message(dc), dc->h.path), false, &s))
		return why_set(why, RSC_BAD_REQUEST, "the path holds bad percent-encoding or what is no UTF-8 text");
	if (str_starts(s, STR("/~/"))) {
		s = str_from(s, 2);
	} else if (str_starts(s, STR("/_/"))) {
		char *to = arena_alloc(&dc->door->arena, s.n - 1);

		to[0] = '/';
		memcpy(to + 1, s.p + 2, s.n - 2);
		s = str_make(to, s.n - 1);
	} else {
		s = str_from(s, 1);
	}
	dc->to = s;
	return RSC_NONE;
}

/* TS-0001 10.2.5.18: a polling channel is asked and says nothing until there is something. */
static bool is_poll(const struct door_conn *dc)
{
	return dc->op == OP_RETRIEVE && str_ends(dc->to, STR("/pcu"));
}

/* The client's own bound (TS-0009 6.4.5), and a moment for the way. */
static int64_t deadline_of(const struct door_conn *dc, struct str ret)
{
	const struct agent *a = dc->door->agent;
	int64_t now = clock_wall_us(a->clock), at;

	if (ret.n > 0 && stamp_absrel(ret, now, &at) == 0) {
		int64_t left_us = at - now;

		if (left_us < 0)
			left_us = 0;
		if (left_us > LONG_POLL_S * INT64_C(1000000))
			left_us = LONG_POLL_S * INT64_C(1000000);
		return loop_now_ns(a->loop) + left_us * 1000 + SLACK_S * NS_PER_S;
	}
	if (is_poll(dc))
		return loop_now_ns(a->loop) + LONG_POLL_S * NS_PER_S;
	return 0;
}

/* What the policy looks at is there once: the CSE must not read another one than was judged. */
enum once { ONCE_ORIGIN, ONCE_RI, ONCE_RET, ONCE_RTU, ONCE_TYPE, ONCES };
static const struct str once_name[ONCES] = {
	{ "x-m2m-origin", 12 }, { "x-m2m-ri", 8 }, { "x-m2m-ret", 9 }, { "x-m2m-rtu", 9 }, { "content-type", 12 },
};
struct facts {
	struct str value[ONCES];
	bool has[ONCES];
	struct http_content_type type;
	bool typed;
};

static enum once which(struct str name)
{
	unsigned i = 0;

	while (i < ONCES && !str_eq_nocase(name, once_name[i]))
		i++;
	return (enum once)i;
}

static enum rsc read_facts(struct door_conn *dc, struct facts *f, struct why *why)
{
	const char *base = door_message(dc);

	for (unsigned i = 0; i < dc->h.n_fields; i++) {
		enum once o = which(http1_str(base, dc->h.fields[i].name));

		if (o == ONCES)
			continue;
		if (f->has[o])
			return why_set(why, RSC_BAD_REQUEST, "%s is given twice", once_name[o].p);
		f->has[o] = true;
		f->value[o] = http1_str(base, dc->h.fields[i].value);
	}
	dc->rqi = f->value[ONCE_RI];
	f->typed = f->has[ONCE_TYPE] && http_content_type(f->value[ONCE_TYPE], &f->type);
	return RSC_NONE;
}

static void put_field(struct buf *out, struct str name, struct str value)
{
	buf_str(out, name);
	BUF_LIT(out, ": ");
	buf_str(out, value);
	BUF_LIT(out, "\r\n");
}

/* rqi: under which the request goes. */
static enum rsc put_fields(struct door_conn *dc, struct str rqi, struct why *why)
{
	const char *base = door_message(dc);
	struct buf *out = &dc->ask;

	for (unsigned i = 0; i < dc->h.n_fields; i++) {
		struct str name = http1_str(base, dc->h.fields[i].name), value = http1_str(base, dc->h.fields[i].value);
		bool changed = false;

		if (!is_passed(name))
			continue;
		switch (which(name)) {
		case ONCE_RI:
			put_field(out, name, rqi);
			break;
		case ONCE_RTU:
			buf_str(out, name);
			BUF_LIT(out, ": ");
			/* The authority is configured, the token is ours, the rest was a field's value. */
			if (rewrite_rtu(&dc->door->rewrite, value, out, &changed, why) != RSC_NONE)
				return why->rsc;
			if (!changed)
				buf_str(out, value);
			BUF_LIT(out, "\r\n");
			break;
		default:
			put_field(out, name, value);
			break;
		}
	}
	return RSC_NONE;
}

static unsigned op_of(const struct door_conn *dc, const struct facts *f)
{
	switch (dc->h.method) {
	case HTTP1_GET:
		return OP_RETRIEVE;
	case HTTP1_PUT:
		return OP_UPDATE;
	case HTTP1_DELETE:
		return OP_DELETE;
	default:
		return f->typed && f->type.has_ty ? OP_CREATE : OP_NOTIFY;
	}
}

/* May the content hold points of access?  Instances, which are most of what is sent, never do. */
static bool is_rewritten(const struct door_conn *dc)
{
	return dc->op == OP_UPDATE || (dc->op == OP_CREATE && (dc->ty == TY_AE || dc->ty == TY_CSR || dc->ty == TY_SUB));
}

/* rt: nonBlockingRequestAsynch or flexBlocking (TS-0004 6.3.4.2.7). */
static bool is_answered_later(struct str query)
{
	bool more = true;

	while (more) {
		struct str pair = str_cut(&query, '&', &more);

		if (str_eqz(pair, "rt=2") || str_eqz(pair, "rt=4"))
			return true;
	}
	return false;
}

/* The target, the address and the content, as they go, one behind the other in dc->ask. */
struct parts {
	size_t target, to, content;
	bool changed; /* the content is there, not in the message */
};

static enum rsc put_parts(struct door_conn *dc, struct parts *at, struct why *why)
{
	const char *base = door_message(dc);
	struct buf *out = &dc->ask;
	struct rewrite *w = &dc->door->rewrite;

	/* The absolute form may have none: RFC 9112 3.2.1. */
	if (dc->h.path.n == 0)
		buf_putc(out, '/');
	buf_str(out, http1_str(base, dc->h.path));
	if (dc->h.has_query) {
		buf_putc(out, '?');
		rewrite_query(w, &dc->door->arena, http1_str(base, dc->h.query), out);
	}
	if (dc->h.has_fragment) {
		buf_putc(out, '#');
		buf_str(out, http1_str(base, dc->h.fragment));
	}
	at->target = out->n;
	/* Something is learned from the answer, when the message is still there but the arena is not. */
	buf_str(out, dc->to);
	at->to = out->n;
	if (is_rewritten(dc) &&
	    rewrite_content(w, http1_body(&dc->h, base), dc->op == OP_CREATE && dc->ty == TY_AE, out, &at->changed, why) != RSC_NONE)
		return why->rsc;
	at->content = out->n;
	return RSC_NONE;
}

static enum rsc judge(struct door_conn *dc, struct facts *f, struct why *why)
{
	struct policy_request q;
	enum rsc rsc = read_facts(dc, f, why);

	if (rsc != RSC_NONE)
		return rsc;
	dc->op = op_of(dc, f);
	dc->ty = dc->op == OP_CREATE && f->type.ty <= UINT16_MAX ? (unsigned)f->type.ty : 0;
	rsc = read_to(dc, why);
	q = (struct policy_request){ .op = dc->op, .ty = dc->ty, .from = f->value[ONCE_ORIGIN], .to = dc->to };
	return rsc != RSC_NONE ? rsc : policy_leaves(dc->door->agent->policy, &q, why);
}

enum rsc door_ask(struct door_conn *dc, struct why *why)
{
	const char *base = door_message(dc);
	struct facts f = { .typed = false };
	struct parts at = { .changed = false };
	struct door_once once;
	char fresh[BOOK_TOKEN];
	struct str rqi, body = http1_body(&dc->h, base);
	int64_t deadline;
	enum rsc rsc;
	bool later;

	dc->named = dc->renamed = false;
	/* Slices of the message before. */
	dc->rqi = dc->to = STR_NONE;
	rsc = judge(dc, &f, why);
	if (rsc == RSC_NONE)
		rsc = put_parts(dc, &at, why);
	if (rsc != RSC_NONE)
		return rsc;
	deadline = deadline_of(dc, f.value[ONCE_RET]);
	if (at.changed)
		body = str_make(dc->ask.p + at.to, at.content - at.to);
	later = dc->h.has_query && is_answered_later(http1_str(base, dc->h.query));
	once = (struct door_once){ f.value[ONCE_ORIGIN], f.value[ONCE_TYPE], str_first(buf_as_str(&dc->ask), at.target), body, later };
	rqi = dc->op == OP_RETRIEVE ? dc->rqi : door_once_name(dc, &once, fresh);
	if (later && rqi.n > 0)
		door_ask_later(dc->door, rqi);
	rsc = put_fields(dc, rqi, why);
	if (rsc != RSC_NONE)
		return rsc;
	if (dc->ask.over)
		return why_set(why, RSC_BAD_REQUEST, "the message is too large for the agent");
	dc->to = str_make(dc->ask.p + at.target, at.to - at.target);
	if (at.changed)
		body = str_make(dc->ask.p + at.to, at.content - at.to);
	dc->carriage = (struct carriage){
		.method = http1_str(base, dc->h.method_text),
		.target = str_make(dc->ask.p, at.target),
		.fields = str_make(dc->ask.p + at.content, dc->ask.n - at.content),
		.body = body,
		.deadline_ns = deadline,
		.poll = is_poll(dc),
	};
	return RSC_NONE;
}
