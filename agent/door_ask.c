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

/* The client's own bound (TS-0009 6.4.5), and a moment for the way. */
static int64_t deadline_of(const struct door_conn *dc, struct str ret)
{
	const struct agent *a = dc->door->agent;
	int64_t now = clock_wall_us(a->clock), at;
	struct str to = dc->to;

	if (ret.n > 0 && stamp_absrel(ret, now, &at) == 0) {
		int64_t left_us = at - now;

		if (left_us < 0)
			left_us = 0;
		if (left_us > LONG_POLL_S * INT64_C(1000000))
			left_us = LONG_POLL_S * INT64_C(1000000);
		return loop_now_ns(a->loop) + left_us * 1000 + SLACK_S * NS_PER_S;
	}
	/* A polling channel is asked and says nothing until there is something. */
	if (dc->op == OP_RETRIEVE && str_ends(to, STR("/pcu")))
		return loop_now_ns(a->loop) + LONG_POLL_S * NS_PER_S;
	return 0;
}

struct facts {
	struct str from, ret;
	struct http_content_type type;
	bool typed, has_from, has_type;
};

/* What the policy looks at is there once: the CSE must not read another one than was judged. */
static enum rsc take_once(bool *has, const char *name, struct why *why)
{
	if (*has)
		return why_set(why, RSC_BAD_REQUEST, "%s is given twice", name);
	*has = true;
	return RSC_NONE;
}

/* One field of the message; what is passed on stands in dc->ask. */
static enum rsc put_field(struct door_conn *dc, struct str name, struct str value, struct facts *f, struct why *why)
{
	struct buf *out = &dc->ask;
	size_t mark = out->n;
	bool changed = false;
	enum rsc rsc = RSC_NONE;

	if (str_eq_nocase(name, STR("x-m2m-origin"))) {
		f->from = value;
		rsc = take_once(&f->has_from, "X-M2M-Origin", why);
	} else if (str_eq_nocase(name, STR("x-m2m-ri"))) {
		dc->rqi = value;
	} else if (str_eq_nocase(name, STR("x-m2m-ret"))) {
		f->ret = value;
	} else if (str_eq_nocase(name, STR("content-type"))) {
		f->typed = http_content_type(value, &f->type);
		rsc = take_once(&f->has_type, "Content-Type", why);
	}
	if (rsc != RSC_NONE)
		return rsc;
	buf_str(out, name);
	BUF_LIT(out, ": ");
	if (str_eq_nocase(name, STR("x-m2m-rtu"))) {
		rsc = rewrite_rtu(&dc->door->rewrite, value, out, &changed, why);
		/* The authority is configured, the token is ours, the rest was a field's value. */
		if (rsc != RSC_NONE)
			out->n = mark;
	}
	if (!changed)
		buf_str(out, value);
	BUF_LIT(out, "\r\n");
	return rsc;
}

static enum rsc put_fields(struct door_conn *dc, struct facts *f, struct why *why)
{
	const char *base = door_message(dc);

	for (unsigned i = 0; i < dc->h.n_fields; i++) {
		struct str name = http1_str(base, dc->h.fields[i].name), value = http1_str(base, dc->h.fields[i].value);
		enum rsc rsc = is_passed(name) ? put_field(dc, name, value, f, why) : RSC_NONE;

		if (rsc != RSC_NONE)
			return rsc;
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

enum rsc door_ask(struct door_conn *dc, struct why *why)
{
	const char *base = door_message(dc);
	struct str body = http1_body(&dc->h, base), path = http1_str(base, dc->h.path), query = http1_str(base, dc->h.query);
	struct facts f = { .typed = false };
	struct policy_request question;
	bool changed = false;
	size_t fields, target;
	enum rsc rsc;

	dc->rqi = STR_NONE;
	rsc = put_fields(dc, &f, why);
	fields = dc->ask.n;
	dc->op = op_of(dc, &f);
	dc->ty = dc->op == OP_CREATE && f.type.ty <= UINT16_MAX ? (unsigned)f.type.ty : 0;
	if (rsc == RSC_NONE)
		rsc = read_to(dc, why);
	question = (struct policy_request){ .op = dc->op, .ty = dc->ty, .from = f.from, .to = dc->to };
	if (rsc == RSC_NONE)
		rsc = policy_leaves(dc->door->agent->policy, &question, why);
	if (rsc != RSC_NONE)
		return rsc;
	buf_str(&dc->ask, path);
	if (dc->h.has_query) {
		buf_putc(&dc->ask, '?');
		rewrite_query(&dc->door->rewrite, &dc->door->arena, query, &dc->ask);
	}
	target = dc->ask.n;
	/* Learned from its answer, when the message is still there but the arena is not. */
	buf_str(&dc->ask, dc->to);
	if (is_rewritten(dc)) {
		size_t mark = dc->ask.n;

		rsc = rewrite_content(&dc->door->rewrite, body, dc->op == OP_CREATE && dc->ty == TY_AE, &dc->ask, &changed, why);
		if (rsc != RSC_NONE)
			return rsc;
		dc->to = str_make(dc->ask.p + target, mark - target);
		if (changed)
			body = str_make(dc->ask.p + mark, dc->ask.n - mark);
	} else {
		dc->to = str_make(dc->ask.p + target, dc->ask.n - target);
	}
	if (dc->h.has_query && dc->rqi.n > 0 && is_answered_later(query))
		door_ask_later(dc->door, dc->rqi);
	if (dc->ask.over)
		return why_set(why, RSC_BAD_REQUEST, "the message is too large for the agent");
	dc->carriage = (struct carriage){
		.method = http1_str(base, dc->h.method_text),
		.target = str_make(dc->ask.p + fields, target - fields),
		.fields = str_make(dc->ask.p, fields),
		.body = body,
		.deadline_ns = deadline_of(dc, f.ret),
	};
	return RSC_NONE;
}
