/* SPDX-License-Identifier: Apache-2.0 */
/* The content of a message: chunked (RFC 9112 7.1), of a given length, or up to the end of the connection. */
#include "bindings/http1_priv.h"

enum { MAX_DIGITS = 16, MAX_EXT = 1024 };

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum http1_turn on_size(struct http1 *h, const char *p, size_t n)
{
	int d;

	while (h->pos < n && (d = hex(p[h->pos])) >= 0) {
		h->chunk = h->chunk * 16 + (unsigned)d;
		if (++h->digits > MAX_DIGITS)
			return http1_turn_bad(h, 400, "a chunk size has too many digits");
		if (h->chunk > h->lim->body - h->body_n)
			return http1_turn_bad(h, 413, "the content is larger than this server takes");
		h->pos++;
	}
	if (h->pos == n)
		return T_WAIT;
	if (h->digits == 0)
		return http1_turn_bad(h, 400, "a chunk does not begin with its size");
	h->state = p[h->pos] == '\r' ? S_SIZE_LF : S_EXT_BWS;
	if (h->state == S_SIZE_LF)
		h->pos++;
	return T_GO;
}

static enum http1_turn on_ext(struct http1 *h, const char *p, size_t n)
{
	while (h->pos < n && p[h->pos] != '\r') {
		char c = p[h->pos];

		if (++h->ext > MAX_EXT)
			return http1_turn_bad(h, 400, "chunk extensions are too long");
		if (!http1_is(c, C_VALUE))
			return http1_turn_bad(h, 400, "a chunk extension holds a control character");
		if (h->state == S_EXT_BWS && c == ';')
			h->state = S_EXT;
		else if (h->state == S_EXT_BWS && c != ' ' && c != '\t')
			return http1_turn_bad(h, 400, "a chunk size is not a hexadecimal number");
		h->pos++;
	}
	if (h->pos == n)
		return T_WAIT;
	if (h->state == S_EXT_BWS)
		return http1_turn_bad(h, 400, "a chunk size is followed by white space");
	h->pos++;
	h->state = S_SIZE_LF;
	return T_GO;
}

static enum http1_turn on_size_lf(struct http1 *h, const char *p)
{
	if (http1_need_lf(h, p) == T_BAD)
		return T_BAD;
	h->digits = 0;
	if (h->chunk > 0) {
		h->state = S_DATA;
		return T_GO;
	}
	h->trailers = true;
	h->head_cap = h->pos + h->lim->head;
	http1_begin_line(h);
	h->state = S_NAME_FIRST;
	return T_GO;
}

static enum http1_turn on_data(struct http1 *h, char *p, size_t n)
{
	size_t w = h->head_n + h->body_n, take = http1_min(n - h->pos, h->chunk);

	if (w != h->pos)
		memmove(p + w, p + h->pos, take);
	h->pos += take;
	h->body_n += take;
	h->chunk -= take;
	if (h->chunk > 0)
		return T_WAIT;
	h->state = S_DATA_CR;
	return T_GO;
}

enum http1_turn http1_chunk_turn(struct http1 *h, char *p, size_t n)
{
	switch (h->state) {
	case S_SIZE:
		return on_size(h, p, n);
	case S_EXT_BWS:
	case S_EXT:
		return on_ext(h, p, n);
	case S_SIZE_LF:
		return on_size_lf(h, p);
	case S_DATA:
		return on_data(h, p, n);
	case S_DATA_CR:
		if (p[h->pos] != '\r')
			return http1_turn_bad(h, 400, "a chunk is longer than its size");
		h->pos++;
		h->state = S_DATA_LF;
		return T_GO;
	default:
		h->state = S_SIZE;
		return http1_need_lf(h, p);
	}
}

enum http1_turn http1_plain_turn(struct http1 *h, size_t n)
{
	size_t have = n - h->head_n;

	if (h->state == S_UNTIL_CLOSE) {
		if (have > h->lim->body)
			return http1_turn_bad(h, 413, "the content is too large");
		h->body_n = have;
		h->pos = n;
		return T_WAIT;
	}
	h->body_n = have < h->length ? have : (size_t)h->length;
	h->pos = h->head_n + h->body_n;
	if (h->body_n < h->length)
		return T_WAIT;
	h->state = S_DONE;
	return T_GO;
}
