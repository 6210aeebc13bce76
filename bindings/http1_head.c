/* SPDX-License-Identifier: Apache-2.0 */
/* Judges what a head says: version, target, framing, and what could be understood in two ways. */
#include "bindings/http1_priv.h"

static const struct {
	const char *name;
	enum http1_method method;
} methods[] = {
	{ "GET", HTTP1_GET }, { "POST", HTTP1_POST }, { "PUT", HTTP1_PUT }, { "DELETE", HTTP1_DELETE }, { "HEAD", HTTP1_HEAD },
	{ "OPTIONS", HTTP1_OPTIONS }, { "PATCH", HTTP1_PATCH }, { "CONNECT", HTTP1_CONNECT }, { "TRACE", HTTP1_TRACE },
};

/* Letters of `lit` must be small.  Setting bit 5 maps no other character of a token or value on a letter or '-',
 * control characters excepted, which never get here. */
static bool same_nocase(struct str s, const char *lit, size_t n)
{
	if (s.n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((s.p[i] | 0x20) != lit[i])
			return false;
	return true;
}
#define SAME(s, lit) same_nocase((s), (lit), sizeof(lit) - 1)

bool http1_method_done(struct http1 *h, const char *p)
{
	struct str m = http1_str(p, h->method_text);

	h->method = HTTP1_OTHER;
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (str_eqz(m, methods[i].name))
			h->method = methods[i].method;
	return true;
}

/* host [ ":" port ], RFC 9110 4.2 and 7.2: not empty, no user information, port of digits. */
static bool is_authority(struct str a)
{
	size_t i = 0, port;

	if (a.n == 0)
		return false;
	if (a.p[0] == '[') {
		while (i < a.n && a.p[i] != ']')
			i++;
		if (i < 3 || i == a.n)
			return false;
		i++;
	} else {
		while (i < a.n && a.p[i] != ':' && a.p[i] != '[' && a.p[i] != ']' && http1_is(a.p[i], C_HOST))
			i++;
		if (i == 0)
			return false;
	}
	for (size_t k = 0; k < i; k++)
		if (!http1_is(a.p[k], C_HOST))
			return false;
	if (i == a.n)
		return true;
	if (a.p[i++] != ':')
		return false;
	for (port = i; i < a.n && a.p[i] >= '0' && a.p[i] <= '9';)
		i++;
	return i == a.n && i - port <= 5;
}

static struct http1_span cut(struct http1_span s, size_t from, size_t to)
{
	return (struct http1_span){ s.at + (uint32_t)from, (uint32_t)(to - from) };
}

/* Path, query and fragment of what is left of the target from `from` on. */
static void split_path(struct http1 *h, struct str t, size_t from)
{
	size_t i = from, q;

	while (i < t.n && t.p[i] != '?' && t.p[i] != '#')
		i++;
	h->path = cut(h->target, from, i);
	if (i < t.n && t.p[i] == '?') {
		h->has_query = true;
		for (q = ++i; i < t.n && t.p[i] != '#';)
			i++;
		h->query = cut(h->target, q, i);
	}
	if (i < t.n) {
		h->has_fragment = true;
		h->fragment = cut(h->target, i + 1, t.n);
	}
}

bool http1_target_done(struct http1 *h, const char *p)
{
	struct str t = http1_str(p, h->target);
	size_t from, i;

	if (h->method == HTTP1_CONNECT) {
		h->form = HTTP1_AUTHORITY;
		h->authority = h->target;
		return is_authority(t) || http1_bad(h, 400, "CONNECT needs a host and a port");
	}
	if (t.p[0] == '/') {
		h->form = HTTP1_ORIGIN;
		split_path(h, t, 0);
		return true;
	}
	if (t.n == 1 && t.p[0] == '*' && h->method == HTTP1_OPTIONS) {
		h->form = HTTP1_ASTERISK;
		return true;
	}
	from = t.n > 7 && SAME(str_make(t.p, 7), "http://") ? 7 : t.n > 8 && SAME(str_make(t.p, 8), "https://") ? 8 : 0;
	if (from == 0)
		return http1_bad(h, str_eqz(t, "*") && str_eqz(http1_str(p, h->method_text), "PRI") ? 505 : 400,
		                 "the request target must begin with a slash, http:// or https://");
	for (i = from; i < t.n && t.p[i] != '/' && t.p[i] != '?' && t.p[i] != '#';)
		i++;
	if (!is_authority(str_make(t.p + from, i - from)))
		return http1_bad(h, 400, "the request target has no valid host");
	h->form = HTTP1_ABSOLUTE;
	h->authority = cut(h->target, from, i);
	split_path(h, t, i);
	return true;
}

bool http1_version_done(struct http1 *h, struct str v)
{
	if (v.n != 8 || memcmp(v.p, "HTTP/", 5) != 0 || v.p[5] < '0' || v.p[5] > '9' || v.p[6] != '.' || v.p[7] < '0' ||
	    v.p[7] > '9')
		return http1_bad(h, 400, "the start line names no HTTP version");
	/* A later minor version speaks 1.1 with us (RFC 9110 2.5). */
	if (v.p[5] == '1' && v.p[7] >= '1')
		return true;
	if (v.p[5] == '1' && h->kind == HTTP1_RESPONSE) {
		h->old = true;
		h->keep_alive = false;
		return true;
	}
	return http1_bad(h, 505, "HTTP/1.1 is needed");
}

bool http1_status_done(struct http1 *h, struct str s)
{
	unsigned v = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.n != 3 || s.p[i] < '0' || s.p[i] > '9')
			return http1_bad(h, 400, "the status is no number of three digits");
		v = v * 10 + (unsigned)(s.p[i] - '0');
	}
	if (v < 100 || v > 599)
		return http1_bad(h, 400, "the status is not in 100 to 599");
	h->status = v;
	return true;
}

static bool on_length(struct http1 *h, struct str v)
{
	uint64_t n = 0;

	if (h->has_length)
		return http1_bad(h, 400, "Content-Length is given twice");
	if (v.n == 0 || v.n > 19)
		return http1_bad(h, 400, "Content-Length is no number");
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return http1_bad(h, 400, "Content-Length is no number");
		n = n * 10 + (unsigned)(v.p[i] - '0');
	}
	h->has_length = true;
	h->length = n;
	return true;
}

static bool on_encoding(struct http1 *h, struct str v)
{
	if (h->has_te)
		return http1_bad(h, 400, "Transfer-Encoding is given twice");
	h->has_te = true;
	/* RFC 9112 6.1 */
	if (!SAME(v, "chunked"))
		return http1_bad(h, 501, "the only transfer coding is chunked");
	h->chunked = true;
	return true;
}

static bool on_host(struct http1 *h, struct str v)
{
	if (h->kind == HTTP1_RESPONSE)
		return true;
	if (h->has_host)
		return http1_bad(h, 400, "Host is given twice");
	h->has_host = true;
	return is_authority(v) || http1_bad(h, 400, "Host is not a host and port");
}

static bool on_connection(struct http1 *h, struct str v)
{
	size_t i = 0, end;

	while (i < v.n) {
		while (i < v.n && (v.p[i] == ' ' || v.p[i] == '\t' || v.p[i] == ','))
			i++;
		for (end = i; end < v.n && http1_is(v.p[end], C_TOKEN);)
			end++;
		struct str tok = str_make(v.p + i, end - i);
		if (SAME(tok, "close"))
			h->keep_alive = false;
		if (end == i && i < v.n)
			return http1_bad(h, 400, "Connection is not a list of names");
		i = end;
	}
	return true;
}

static bool on_expect(struct http1 *h, struct str v)
{
	if (SAME(v, "100-continue"))
		h->expect_continue = true;
	else
		h->expect_other = true;
	return true;
}

bool http1_field_done(struct http1 *h, const char *p, const struct http1_field *f)
{
	struct str name = http1_str(p, f->name), v = http1_str(p, f->value);

	switch (name.n) {
	case 4:
		return SAME(name, "host") ? on_host(h, v) : true;
	case 6:
		return SAME(name, "expect") ? on_expect(h, v) : true;
	case 10:
		return SAME(name, "connection") ? on_connection(h, v) : true;
	case 14:
		return SAME(name, "content-length") ? on_length(h, v) : true;
	case 17:
		return SAME(name, "transfer-encoding") ? on_encoding(h, v) : true;
	default:
		return true;
	}
}

bool http1_head_done(struct http1 *h)
{
	bool response = h->kind == HTTP1_RESPONSE;

	if (h->has_te && h->has_length)
		return http1_bad(h, 400, "both Transfer-Encoding and Content-Length are given");
	/* RFC 9112 6.1: HTTP/1.0 knows no transfer coding, so the framing is not to be trusted. */
	if (h->has_te && h->old)
		return http1_bad(h, 400, "HTTP/1.0 has no Transfer-Encoding");
	if (!response && !h->has_host)
		return http1_bad(h, 400, "Host is missing");
	/* RFC 9112 6.3, 1 */
	if (response && (h->to_head || h->status < 200 || h->status == 204 || h->status == 304)) {
		h->chunked = h->has_length = false;
		h->state = S_DONE;
		return true;
	}
	if (h->has_length && h->length > h->lim->body)
		return http1_bad(h, 413, "the content is larger than this server takes");
	if (h->chunked) {
		h->state = S_SIZE;
	} else if (h->has_length) {
		h->state = h->length > 0 ? S_LENGTH : S_DONE;
	} else if (response) {
		h->until_close = true;
		h->keep_alive = false;
		h->state = S_UNTIL_CLOSE;
	} else {
		h->state = S_DONE;
	}
	return true;
}

struct str http1_field(const struct http1 *h, const char *p, struct str name, bool *found)
{
	for (unsigned i = 0; i < h->n_fields; i++) {
		if (h->fields[i].name.n == name.n && str_eq_nocase(http1_str(p, h->fields[i].name), name)) {
			if (found)
				*found = true;
			return http1_str(p, h->fields[i].value);
		}
	}
	if (found)
		*found = false;
	return STR_NONE;
}

bool http1_is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!http1_is(s.p[i], C_VALUE))
			return false;
	return true;
}

bool http1_is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!http1_is(s.p[i], C_TOKEN))
			return false;
	return s.n > 0;
}

void http1_put_status(struct buf *b, unsigned status)
{
	char line[] = "HTTP/1.1 000 \r\n";

	REQUIRE(status >= 100 && status <= 599);
	line[9] = (char)('0' + status / 100);
	line[10] = (char)('0' + status / 10 % 10);
	line[11] = (char)('0' + status % 10);
	buf_put(b, line, sizeof(line) - 1);
}

void http1_put_field(struct buf *b, struct str name, struct str value)
{
	REQUIRE(http1_is_value(value));
	buf_str(b, name);
	BUF_LIT(b, ": ");
	buf_str(b, value);
	BUF_LIT(b, "\r\n");
}

void http1_put_length(struct buf *b, size_t n)
{
	BUF_LIT(b, "Content-Length: ");
	buf_u64(b, n);
	BUF_LIT(b, "\r\n");
}
