/* SPDX-License-Identifier: Apache-2.0 */
/* The parser's states: every byte of a message is looked at once, however the bytes arrive. */
#include "bindings/http1.h"

#include "bindings/http1_priv.h"

#define ALL (C_TOKEN | C_TARGET | C_HOST | C_VALUE)
#define URI (C_TARGET | C_HOST | C_VALUE)
const unsigned char http1_class[256] = {
	['\t'] = C_VALUE, [' '] = C_VALUE, ['!'] = ALL, ['"'] = C_VALUE, ['#'] = C_TOKEN | C_TARGET | C_VALUE,
	['$' ... '\''] = ALL, ['('] = URI, [')'] = URI, ['*'] = ALL, ['+'] = ALL, [','] = URI, ['-'] = ALL, ['.'] = ALL,
	['/'] = C_TARGET | C_VALUE, ['0' ... '9'] = ALL, [':'] = URI, [';'] = URI, ['<'] = C_VALUE, ['='] = URI,
	['>'] = C_VALUE, ['?'] = C_TARGET | C_VALUE, ['@'] = C_TARGET | C_VALUE, ['A' ... 'Z'] = ALL, ['['] = URI,
	['\\'] = C_VALUE, [']'] = URI, ['^'] = C_TOKEN | C_VALUE, ['_'] = ALL, ['`'] = C_TOKEN | C_VALUE,
	['a' ... 'z'] = ALL, ['{'] = C_VALUE, ['|'] = C_TOKEN | C_VALUE, ['}'] = C_VALUE, ['~'] = ALL,
	[0x80 ... 0xff] = C_VALUE,
};

bool http1_bad(struct http1 *h, unsigned status, const char *why)
{
	h->state = S_BAD;
	h->status = status;
	h->why = why;
	return false;
}

enum http1_turn http1_turn_bad(struct http1 *h, unsigned status, const char *why)
{
	http1_bad(h, status, why);
	return T_BAD;
}

void http1_begin_line(struct http1 *h)
{
	h->cap = http1_min(h->pos + h->lim->line + 2, h->head_cap);
}

void http1_init(struct http1 *h, enum http1_kind kind, const struct http1_limits *lim, struct http1_field *fields)
{
	*h = (struct http1){ .kind = kind, .lim = lim, .fields = fields, .keep_alive = true, .head_cap = lim->head };
	http1_begin_line(h);
}

void http1_answers_head(struct http1 *h)
{
	h->to_head = true;
}

/* First byte at or behind pos that is not of the class. */
static size_t skip(const char *p, size_t pos, size_t end, unsigned cls)
{
	while (pos < end && http1_is(p[pos], cls))
		pos++;
	return pos;
}

/* The same for C_VALUE, eight bytes at a time: a control character shows as a byte below 0x20 or equal to 0x7f. */
static size_t skip_value(const char *p, size_t pos, size_t end)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;

	for (;;) {
		while (end - pos >= 8) {
			uint64_t x, d;

			memcpy(&x, p + pos, 8);
			d = x ^ (ones * 0x7f);
			if ((((x - ones * 0x20) & ~x) | ((d - ones) & ~d)) & high)
				break;
			pos += 8;
		}
		size_t stop = http1_min(end, pos + 8), at = skip(p, pos, stop, C_VALUE);
		if (at < stop || at == end)
			return at;
		pos = at;
	}
}

static struct http1_span span(size_t at, size_t end)
{
	return (struct http1_span){ (uint32_t)at, (uint32_t)(end - at) };
}

enum http1_turn http1_need_lf(struct http1 *h, const char *p)
{
	if (p[h->pos] != '\n')
		return http1_turn_bad(h, 400, "a carriage return is not followed by a line feed");
	h->pos++;
	http1_begin_line(h);
	return T_GO;
}

static enum http1_turn on_start(struct http1 *h, const char *p)
{
	/* RFC 9112 2.2: one empty line ahead of a request line is tolerated. */
	if (p[h->pos] == '\r' && h->kind == HTTP1_REQUEST && h->blank++ == 0) {
		h->pos++;
		h->state = S_START_LF;
		return T_GO;
	}
	h->mark = h->pos;
	h->state = h->kind == HTTP1_REQUEST ? S_METHOD : S_R_VERSION;
	return T_GO;
}

static enum http1_turn on_method(struct http1 *h, const char *p, size_t end)
{
	h->pos = skip(p, h->pos, end, C_TOKEN);
	if (h->pos == end)
		return T_WAIT;
	if (p[h->pos] != ' ' || h->pos == h->mark)
		return http1_turn_bad(h, 400, "the request line does not begin with a method and one space");
	h->method_text = span(h->mark, h->pos);
	if (!http1_method_done(h, p))
		return T_BAD;
	h->mark = ++h->pos;
	h->state = S_TARGET;
	return T_GO;
}

static enum http1_turn on_target(struct http1 *h, const char *p, size_t end)
{
	h->pos = skip(p, h->pos, end, C_TARGET);
	if (h->pos == end)
		return T_WAIT;
	if (p[h->pos] != ' ' || h->pos == h->mark)
		return http1_turn_bad(h, 400, "the request target holds a character that must be percent-encoded, or is empty");
	h->target = span(h->mark, h->pos);
	if (!http1_target_done(h, p))
		return T_BAD;
	h->mark = ++h->pos;
	h->state = S_VERSION;
	return T_GO;
}

static enum http1_turn on_version(struct http1 *h, const char *p, size_t end, char ends_with, unsigned next)
{
	h->pos = skip(p, h->pos, end, C_TARGET);
	if (h->pos == end)
		return T_WAIT;
	if (p[h->pos] != ends_with)
		return http1_turn_bad(h, 400, "the start line is not well formed");
	if (!http1_version_done(h, http1_str(p, span(h->mark, h->pos))))
		return T_BAD;
	h->mark = ++h->pos;
	h->state = next;
	return T_GO;
}

static enum http1_turn on_status(struct http1 *h, const char *p, size_t end)
{
	h->pos = skip(p, h->pos, end, C_TOKEN);
	if (h->pos == end)
		return T_WAIT;
	/* TS-0009 6.3.3: without a reason phrase; some senders then forget the space, too. */
	if (p[h->pos] != ' ' && p[h->pos] != '\r')
		return http1_turn_bad(h, 400, "the status line is not well formed");
	if (!http1_status_done(h, http1_str(p, span(h->mark, h->pos))))
		return T_BAD;
	h->state = p[h->pos++] == ' ' ? S_R_REASON : S_LINE_LF;
	return T_GO;
}

static enum http1_turn on_reason(struct http1 *h, const char *p, size_t end)
{
	h->pos = skip_value(p, h->pos, end);
	if (h->pos == end)
		return T_WAIT;
	if (p[h->pos] != '\r')
		return http1_turn_bad(h, 400, "the reason phrase holds a control character");
	h->pos++;
	h->state = S_LINE_LF;
	return T_GO;
}

static enum http1_turn on_name_first(struct http1 *h, const char *p)
{
	char c = p[h->pos];

	if (c == '\r') {
		h->pos++;
		h->state = S_END_LF;
		return T_GO;
	}
	if (c == ' ' || c == '\t')
		return http1_turn_bad(h, 400, "a field line begins with white space (folded lines are refused)");
	if (h->n_fields + h->n_trailers >= h->lim->fields)
		return http1_turn_bad(h, 431, "too many field lines");
	h->mark = h->pos;
	h->state = S_NAME;
	return T_GO;
}

static enum http1_turn on_name(struct http1 *h, const char *p, size_t end)
{
	h->pos = skip(p, h->pos, end, C_TOKEN);
	if (h->pos == end)
		return T_WAIT;
	if (p[h->pos] != ':' || h->pos == h->mark)
		return http1_turn_bad(h, 400, "a field line does not begin with a name and a colon");
	if (!h->trailers)
		h->fields[h->n_fields].name = span(h->mark, h->pos);
	h->pos++;
	h->state = S_OWS;
	return T_GO;
}

static enum http1_turn on_ows(struct http1 *h, const char *p, size_t end)
{
	while (h->pos < end && (p[h->pos] == ' ' || p[h->pos] == '\t'))
		h->pos++;
	if (h->pos == end)
		return T_WAIT;
	h->mark = h->pos;
	h->state = S_VALUE;
	return T_GO;
}

static enum http1_turn on_value(struct http1 *h, const char *p, size_t end)
{
	size_t stop;

	h->pos = skip_value(p, h->pos, end);
	if (h->pos == end)
		return T_WAIT;
	if (p[h->pos] != '\r')
		return http1_turn_bad(h, 400, "a field's value holds a control character");
	if (!h->trailers) {
		for (stop = h->pos; stop > h->mark && (p[stop - 1] == ' ' || p[stop - 1] == '\t'); stop--)
			;
		h->fields[h->n_fields].value = span(h->mark, stop);
	}
	h->pos++;
	h->state = S_FIELD_LF;
	return T_GO;
}

static enum http1_turn on_field_lf(struct http1 *h, const char *p)
{
	if (http1_need_lf(h, p) == T_BAD)
		return T_BAD;
	h->state = S_NAME_FIRST;
	if (h->trailers) {
		h->n_trailers++;
		return T_GO;
	}
	/* Counted before it is judged, so that a judge may look at all so far. */
	h->n_fields++;
	return http1_field_done(h, p, &h->fields[h->n_fields - 1]) ? T_GO : T_BAD;
}

static enum http1_turn on_end_lf(struct http1 *h, const char *p)
{
	if (http1_need_lf(h, p) == T_BAD)
		return T_BAD;
	if (h->trailers) {
		h->state = S_DONE;
		return T_GO;
	}
	h->head_n = h->pos;
	return http1_head_done(h) ? T_GO : T_BAD;
}

/* States of the head and of trailers, one line after the other; end: bytes there are, or the limit. */
static enum http1_turn head_turn(struct http1 *h, const char *p, size_t end)
{
	switch (h->state) {
	case S_START:
		return on_start(h, p);
	case S_START_LF:
		h->state = S_START;
		return http1_need_lf(h, p);
	case S_METHOD:
		return on_method(h, p, end);
	case S_TARGET:
		return on_target(h, p, end);
	case S_VERSION:
		return on_version(h, p, end, '\r', S_LINE_LF);
	case S_R_VERSION:
		return on_version(h, p, end, ' ', S_R_STATUS);
	case S_R_STATUS:
		return on_status(h, p, end);
	case S_R_REASON:
		return on_reason(h, p, end);
	case S_LINE_LF:
		h->state = S_NAME_FIRST;
		return http1_need_lf(h, p);
	case S_NAME_FIRST:
		return on_name_first(h, p);
	case S_NAME:
		return on_name(h, p, end);
	case S_OWS:
		return on_ows(h, p, end);
	case S_VALUE:
		return on_value(h, p, end);
	case S_FIELD_LF:
		return on_field_lf(h, p);
	default:
		return on_end_lf(h, p);
	}
}

static enum http1_turn take(struct http1 *h, char *p, size_t n)
{
	if (h->state == S_LENGTH || h->state == S_UNTIL_CLOSE)
		return http1_plain_turn(h, n);
	if (h->pos == n)
		return T_WAIT;
	if (h->state > S_END_LF)
		return http1_chunk_turn(h, p, n);

	size_t end = http1_min(n, h->cap);
	enum http1_turn t = head_turn(h, p, end);
	/* A line that was completed has set a new limit. */
	if (t != T_BAD && h->state <= S_END_LF && h->pos >= h->cap)
		return h->state <= S_LINE_LF ? http1_turn_bad(h, 414, "the start line is too long")
		                              : http1_turn_bad(h, 431, "a field line or the head is too long");
	return t;
}

/* Removes the framing bytes that have been taken, so that content is in one piece. */
static void close_gap(struct http1 *h, char *p, size_t *n)
{
	size_t w = h->head_n + h->body_n, gap = h->pos - w;

	if (gap == 0)
		return;
	memmove(p + w, p + h->pos, *n - h->pos);
	*n -= gap;
	h->pos = w;
	/* In a trailer these count from pos; elsewhere they are set before they are used. */
	h->mark -= gap;
	h->cap -= gap;
	h->head_cap -= gap;
}

enum http1_result http1_parse(struct http1 *h, char *p, size_t *n)
{
	bool in_head = h->head_n == 0;
	enum http1_turn t = T_GO;

	REQUIRE(h->lim != NULL && *n >= h->pos);
	while (t == T_GO && h->state < S_DONE) {
		t = take(h, p, *n);
		if (in_head && h->head_n > 0 && t == T_GO && h->state < S_DONE)
			return HTTP1_HEAD_DONE;
	}
	if (h->chunked && h->head_n > 0)
		close_gap(h, p, n);
	if (h->state == S_BAD)
		return HTTP1_BAD;
	return h->state == S_DONE ? HTTP1_DONE : HTTP1_MORE;
}

enum http1_result http1_eof(struct http1 *h)
{
	if (h->state == S_UNTIL_CLOSE)
		h->state = S_DONE;
	if (h->state == S_DONE)
		return HTTP1_DONE;
	if (h->state == S_START && h->blank == 0)
		return HTTP1_MORE;
	if (h->state != S_BAD)
		http1_bad(h, 400, "the message ends before it is complete");
	return HTTP1_BAD;
}

size_t http1_wants(const struct http1 *h, size_t have)
{
	size_t all;

	if (h->state != S_LENGTH)
		return 0;
	all = h->head_n + (size_t)h->length;
	return have < all ? all - have : 0;
}
