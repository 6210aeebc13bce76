/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP/1.1 parser against RFC 9112 and RFC 9110: each row is a message and what the clause makes of it. */
#include "bindings/http1.h"

#include <check.h>
#include <stdlib.h>

enum { ROOM = 70000 };

static const struct http1_limits limits = { .line = 200, .head = 1000, .body = 5000, .fields = 12 };

struct outcome {
	enum http1_result result;
	unsigned status;     /* HTTP1_BAD */
	size_t used;         /* bytes of input that belong to the message */
	char body[ROOM];
	size_t body_n;
	struct http1 h;
	struct http1_field fields[12];
	char text[ROOM];     /* the message as the parser left it */
};

/* Feeds `step` bytes at a time; 0: all at once.  The bytes live in a block of exactly their size. */
static void parse(struct outcome *o, enum http1_kind kind, struct str in, size_t step)
{
	size_t have = 0, fed = 0, heads = 0;
	char *p = malloc(in.n + 1);

	memset(o, 0, sizeof(*o));
	http1_init(&o->h, kind, &limits, o->fields);
	do {
		size_t more = step == 0 || fed + step > in.n ? in.n - fed : step;

		memcpy(p + have, in.p + fed, more);
		have += more;
		fed += more;
		o->result = http1_parse(&o->h, p, &have);
		if (o->result == HTTP1_HEAD_DONE) {
			ck_assert_uint_eq(++heads, 1);
			o->result = http1_parse(&o->h, p, &have);
		}
	} while (o->result == HTTP1_MORE && fed < in.n);
	o->status = o->result == HTTP1_BAD ? o->h.status : 0;
	if (o->result == HTTP1_DONE) {
		o->used = fed - (have - o->h.head_n - o->h.body_n);
		o->body_n = o->h.body_n;
		memcpy(o->body, p + o->h.head_n, o->body_n);
	}
	memcpy(o->text, p, have);
	free(p);
}

static struct outcome a, b;

/* The way in which bytes arrive must not matter. */
static void parse_both(enum http1_kind kind, struct str in)
{
	static const size_t steps[] = { 1, 2, 7 };

	parse(&a, kind, in, 0);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		parse(&b, kind, in, steps[i]);
		ck_assert_int_eq(a.result, b.result);
		ck_assert_uint_eq(a.status, b.status);
		if (a.result != HTTP1_DONE)
			continue;
		ck_assert_uint_eq(a.used, b.used);
		ck_assert_uint_eq(a.body_n, b.body_n);
		ck_assert_mem_eq(a.body, b.body, a.body_n);
		ck_assert_uint_eq(a.h.n_fields, b.h.n_fields);
		ck_assert_uint_eq(a.h.head_n, b.h.head_n);
		ck_assert_mem_eq(a.text, b.text, a.h.head_n);
	}
}

#define H "Host: cse.example\r\n"

struct row {
	struct str in;
	unsigned status; /* 0: a complete message */
	const char *clause;
};
#define ROW(lit, st, cl) { { (lit), sizeof(lit) - 1 }, (st), (cl) }

static const struct row requests[] = {
	ROW("GET / HTTP/1.1\r\n" H "\r\n", 0, "9112 3"),
	ROW("\r\nGET / HTTP/1.1\r\n" H "\r\n", 0, "9112 2.2"),
	ROW("\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", 400, "9112 2.2: one is tolerated"),
	ROW("\nGET / HTTP/1.1\r\n" H "\r\n", 400, "9112 2.2"),
	ROW("GET / HTTP/1.1\r\nHost:\tcse.example \t\r\n\r\n", 0, "9112 5.1"),
	/* Ends of lines. */
	ROW("GET / HTTP/1.1\nHost: x\r\n\r\n", 400, "9112 2.2: bare LF"),
	ROW("GET / HTTP/1.1\r\nHost: x\n\r\n", 400, "9112 2.2: bare LF"),
	ROW("GET / HTTP/1.1\r\nHost: x\r\n\n", 400, "9112 2.2: bare LF"),
	ROW("GET / HTTP/1.1\rHost: x\r\n\r\n", 400, "9112 2.2: bare CR"),
	ROW("GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", 400, "9112 2.2: bare CR"),
	ROW("GET / HTTP/1.1\r\nHost: x\r\n\rA: b\r\n", 400, "9112 2.2: bare CR"),
	ROW("GET / HTTP/1.1\r\r\nHost: x\r\n\r\n", 400, "9112 2.2: bare CR"),
	/* Request line. */
	ROW(" GET / HTTP/1.1\r\n" H "\r\n", 400, "9112 3"),
	ROW("GET  / HTTP/1.1\r\n" H "\r\n", 400, "9112 3: one space"),
	ROW("GET /  HTTP/1.1\r\n" H "\r\n", 400, "9112 3: one space"),
	ROW("GET\t/ HTTP/1.1\r\n" H "\r\n", 400, "9112 3"),
	ROW("GET / HTTP/1.1 \r\n" H "\r\n", 400, "9112 3"),
	ROW("GET /\r\n" H "\r\n", 400, "9112 3: HTTP/0.9"),
	ROW("GET\r\n\r\n", 400, "9112 3"),
	ROW("G@T / HTTP/1.1\r\n" H "\r\n", 400, "9110 9.1"),
	ROW("(GET) / HTTP/1.1\r\n" H "\r\n", 400, "9110 9.1"),
	ROW("BREW / HTTP/1.1\r\n" H "\r\n", 0, "9110 9.1: known or not is not the parser's business"),
	ROW("GET /a b HTTP/1.1\r\n" H "\r\n", 400, "9112 3.2"),
	ROW("GET /a\x01 HTTP/1.1\r\n" H "\r\n", 400, "9112 3.2"),
	ROW("GET /a\x00 HTTP/1.1\r\n" H "\r\n", 400, "9112 3.2"),
	ROW("GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", 400, "3986 2.1"),
	ROW("GET /a\x7f HTTP/1.1\r\n" H "\r\n", 400, "3986 2.1"),
	ROW("GET /a\"b HTTP/1.1\r\n" H "\r\n", 400, "3986 2"),
	ROW("GET /a<b HTTP/1.1\r\n" H "\r\n", 400, "3986 2"),
	ROW("GET /a\\b HTTP/1.1\r\n" H "\r\n", 400, "3986 2"),
	ROW("GET /a?b=%20&c=[1] HTTP/1.1\r\n" H "\r\n", 0, "3986 3.4, brackets tolerated"),
	/* Versions. */
	ROW("GET / HTTP/1.0\r\n" H "\r\n", 505, "9110 15.6.6"),
	ROW("GET / HTTP/0.9\r\n" H "\r\n", 505, "9110 15.6.6"),
	ROW("GET / HTTP/2.0\r\n" H "\r\n", 505, "9110 15.6.6"),
	ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "9113 3.4"),
	ROW("GET / HTTP/1.2\r\n" H "\r\n", 0, "9110 2.5"),
	ROW("GET / http/1.1\r\n" H "\r\n", 400, "9112 2.3"),
	ROW("GET / HTTP/1.10\r\n" H "\r\n", 400, "9112 2.3"),
	ROW("GET / HTTP/11\r\n" H "\r\n", 400, "9112 2.3"),
	ROW("GET / HTTP/1,1\r\n" H "\r\n", 400, "9112 2.3"),
	ROW("GET / ICY/1.1\r\n" H "\r\n", 400, "9112 2.3"),
	/* Forms of the target. */
	ROW("GET * HTTP/1.1\r\n" H "\r\n", 400, "9112 3.2.4"),
	ROW("OPTIONS * HTTP/1.1\r\n" H "\r\n", 0, "9112 3.2.4"),
	ROW("GET http://cse.example/a?b HTTP/1.1\r\n" H "\r\n", 0, "9112 3.2.2"),
	ROW("GET HTTPS://cse.example:8443 HTTP/1.1\r\n" H "\r\n", 0, "9112 3.2.2"),
	ROW("GET https:///a HTTP/1.1\r\n" H "\r\n", 400, "9110 4.2.2: empty host"),
	ROW("GET https://u:p@cse.example/a HTTP/1.1\r\n" H "\r\n", 400, "9110 4.2.4"),
	ROW("GET ftp://cse.example/a HTTP/1.1\r\n" H "\r\n", 400, "9112 3.2"),
	ROW("GET cse.example:8443 HTTP/1.1\r\n" H "\r\n", 400, "9112 3.2.3: for CONNECT only"),
	ROW("GET a/b HTTP/1.1\r\n" H "\r\n", 400, "9112 3.2"),
	ROW("CONNECT cse.example:8443 HTTP/1.1\r\n" H "\r\n", 0, "9112 3.2.3"),
	ROW("CONNECT /a HTTP/1.1\r\n" H "\r\n", 400, "9112 3.2.3"),
	/* Fields. */
	ROW("GET / HTTP/1.1\r\n" H "A : b\r\n\r\n", 400, "9112 5.1: space before the colon"),
	ROW("GET / HTTP/1.1\r\n" H "A\t: b\r\n\r\n", 400, "9112 5.1"),
	ROW("GET / HTTP/1.1\r\n" H ": b\r\n\r\n", 400, "9110 5.1: empty name"),
	ROW("GET / HTTP/1.1\r\n" H "A\r\n\r\n", 400, "9112 5: no colon"),
	ROW("GET / HTTP/1.1\r\n" H " A: b\r\n\r\n", 400, "9112 5.2"),
	ROW("GET / HTTP/1.1\r\n A: b\r\n" H "\r\n", 400, "9112 2.2"),
	ROW("GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", 400, "9112 5.2: folded"),
	ROW("GET / HTTP/1.1\r\n" H "A: b\r\n\tc\r\n\r\n", 400, "9112 5.2: folded"),
	ROW("GET / HTTP/1.1\r\n" H "A(): b\r\n\r\n", 400, "9110 5.1"),
	ROW("GET / HTTP/1.1\r\n" H "A\x80: b\r\n\r\n", 400, "9110 5.1"),
	ROW("GET / HTTP/1.1\r\n" H "A: b\x00" "c\r\n\r\n", 400, "9110 5.5: NUL"),
	ROW("GET / HTTP/1.1\r\n" H "A: b\x1b" "c\r\n\r\n", 400, "9110 5.5: control character"),
	ROW("GET / HTTP/1.1\r\n" H "A: bcdefghij\x7f" "c\r\n\r\n", 400, "9110 5.5: DEL"),
	ROW("GET / HTTP/1.1\r\n" H "A: bcdefghijklmnop\x0b\r\n\r\n", 400, "9110 5.5: VT"),
	ROW("GET / HTTP/1.1\r\n" H "A: b\tc d \xc3\xa4\r\nB:\r\n\r\n", 0, "9110 5.5"),
	/* Host. */
	ROW("GET / HTTP/1.1\r\n\r\n", 400, "9112 3.2: Host is missing"),
	ROW("GET / HTTP/1.1\r\n" H H "\r\n", 400, "9112 3.2: twice"),
	ROW("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400, "9112 3.2: twice"),
	ROW("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "9112 3.2"),
	ROW("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "9112 3.2"),
	ROW("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, "9112 3.2"),
	ROW("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 0, "3986 3.2.2: a comma is a sub-delimiter"),
	ROW("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "9110 4.2.1: empty"),
	ROW("GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400, "9110 4.2.1"),
	ROW("GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n", 400, "3986 3.2.3"),
	ROW("GET / HTTP/1.1\r\nHost: a:8443\r\n\r\n", 0, "9112 3.2"),
	ROW("GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n", 0, "9112 3.2"),
	ROW("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400, "3986 3.2.2"),
	ROW("GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", 400, "3986 3.2.2"),
	ROW("GET / HTTP/1.1\r\nHost: a]\r\n\r\n", 400, "3986 3.2.2"),
	/* Framing. */
	ROW("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello", 0, "9112 6.2"),
	ROW("POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 0, "9112 6.2"),
	ROW("POST / HTTP/1.1\r\n" H "Content-Length: 005\r\n\r\nhello", 0, "9110 8.6: 1*DIGIT"),
	ROW("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400, "9112 6.3"),
	ROW("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400, "9112 6.3"),
	ROW("POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\nhello", 400, "9112 6.3"),
	ROW("POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\nhello", 400, "9110 8.6"),
	ROW("POST / HTTP/1.1\r\n" H "Content-Length: -5\r\n\r\nhello", 400, "9110 8.6"),
	ROW("POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\nhello", 400, "9110 8.6"),
	ROW("POST / HTTP/1.1\r\n" H "Content-Length: 5 0\r\n\r\nhello", 400, "9110 8.6"),
	ROW("POST / HTTP/1.1\r\n" H "Content-Length: \r\n\r\nhello", 400, "9110 8.6"),
	ROW("POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n", 400, "9110 8.6: overflow"),
	ROW("POST / HTTP/1.1\r\n" H "Content-Length: 5001\r\n\r\n", 413, "9110 15.5.14"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400, "9112 6.1"),
	ROW("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "9112 6.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, "9112 6.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501, "9112 6.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", 501, "9112 6.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501, "9112 6.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", 501, "9112 6.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 501, "9112 6.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n", 501, "9112 6.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, "9112 5.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding:\x0b" "chunked\r\n\r\n0\r\n\r\n", 400, "9110 5.5"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "9112 6.1"),
	ROW("POST / HTTP/1.1\r\n" H "TRANSFER-ENCODING: Chunked\r\n\r\n0\r\n\r\n", 0, "9112 7: without case"),
	/* Chunks. */
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 0, "9112 7.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5;a=b;c=\"d\"\r\nhello\r\n0\r\n\r\n", 0, "9112 7.1.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5 ; a\r\nhello\r\n0\r\n\r\n", 0, "9112 7.1.1: BWS"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", 400, "9112 7.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n", 400, "9112 7.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", 400, "9112 7.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", 400, "9112 7.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5g\r\nhello\r\n0\r\n\r\n", 400, "9112 7.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n", 400, "9112 7.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 400, "9112 7.1: bare LF"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n", 400, "9112 7.1.1: bare LF"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloo\r\n0\r\n\r\n", 400, "9112 7.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n", 400, "9112 7.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n", 400, "9112 7.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1389\r\n", 413, "9110 15.5.14: 5001"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 413, "9112 7.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n00000000000000005\r\nhello", 400, "9112 7.1: digits"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\nC: d\r\n\r\n", 0, "9112 7.1.2"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\n\r\n", 0, "9112 7.1.2: dropped"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\nA : b\r\n\r\n", 400, "9112 5.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n: b\r\n\r\n", 400, "9112 5.1"),
	ROW("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\n\r\n", 400, "9112 2.2"),
	/* Connection. */
	ROW("GET / HTTP/1.1\r\n" H "Connection: keep-alive, , x\r\n\r\n", 0, "9110 5.6.1"),
	ROW("GET / HTTP/1.1\r\n" H "Connection: a b=c\r\n\r\n", 400, "9110 7.6.1"),
};

static const struct row responses[] = {
	ROW("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", 0, "9112 4"),
	ROW("HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nab", 0, "TS-0009 6.3.3"),
	ROW("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nab", 0, "a forgotten space"),
	ROW("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", 0, "9112 2.3"),
	ROW("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "9112 6.1"),
	ROW("HTTP/1.1 204 \r\nContent-Length: 2\r\n\r\n", 0, "9112 6.3"),
	ROW("HTTP/1.1 304 \r\nTransfer-Encoding: chunked\r\n\r\n", 0, "9112 6.3"),
	ROW("HTTP/1.1 100 Continue\r\n\r\n", 0, "9110 15.2"),
	ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 0, "9112 7.1"),
	ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400, "9112 6.3"),
	ROW("\r\nHTTP/1.1 200 OK\r\n\r\n", 400, "9112 4"),
	ROW("HTTP/2 200\r\n\r\n", 400, "9112 2.3"),
	ROW("HTTP/1.1 20 OK\r\n\r\n", 400, "9112 4"),
	ROW("HTTP/1.1 2000 OK\r\n\r\n", 400, "9112 4"),
	ROW("HTTP/1.1 2x0 OK\r\n\r\n", 400, "9112 4"),
	ROW("HTTP/1.1 099 OK\r\n\r\n", 400, "9110 15"),
	ROW("HTTP/1.1 600 OK\r\n\r\n", 400, "9110 15"),
	ROW("HTTP/1.1  200 OK\r\n\r\n", 400, "9112 4"),
	ROW("HTTP/1.1 200 O\nK\r\n\r\n", 400, "9112 4"),
	ROW("HTTP/1.1 200 O\x7f\r\n\r\n", 400, "9112 4"),
};

static void check_row(enum http1_kind kind, const struct row *r)
{
	parse_both(kind, r->in);
	ck_assert_msg(a.status == r->status && (r->status || a.result == HTTP1_DONE), "%s: status %u instead of %u (%s): %.*s",
	              r->clause, a.status, r->status, a.h.why ? a.h.why : "", STR_ARG(r->in));
	if (r->status == 0)
		ck_assert_uint_eq(a.used, r->in.n);
}

START_TEST(request_rows)
{
	check_row(HTTP1_REQUEST, &requests[_i]);
}
END_TEST

START_TEST(response_rows)
{
	check_row(HTTP1_RESPONSE, &responses[_i]);
}
END_TEST

/* A message cut anywhere is not complete and not refused. */
START_TEST(every_prefix_waits)
{
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		if (requests[i].status)
			continue;
		for (size_t n = 0; n < requests[i].in.n; n++) {
			parse(&a, HTTP1_REQUEST, str_make(requests[i].in.p, n), 0);
			ck_assert_int_eq(a.result, HTTP1_MORE);
			ck_assert_int_eq(http1_eof(&a.h), n ? HTTP1_BAD : HTTP1_MORE);
		}
	}
}
END_TEST

static void expect_span(struct http1_span s, const char *want)
{
	ck_assert_msg(str_eqz(http1_str(a.text, s), want), "%.*s instead of %s", STR_ARG(http1_str(a.text, s)), want);
}

START_TEST(head_is_told)
{
	parse_both(HTTP1_REQUEST, STR("PUT /cse-in/ae/cnt?ty=3&lbl=a#ri HTTP/1.1\r\nhOsT: x\r\nX-M2M-Origin:  CAe \r\n"
	                              "Connection: Close\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n{}GET"));
	ck_assert_int_eq(a.result, HTTP1_DONE);
	ck_assert_int_eq(a.h.method, HTTP1_PUT);
	ck_assert_int_eq(a.h.form, HTTP1_ORIGIN);
	expect_span(a.h.path, "/cse-in/ae/cnt");
	expect_span(a.h.query, "ty=3&lbl=a");
	expect_span(a.h.fragment, "ri");
	expect_span(a.h.fields[1].name, "X-M2M-Origin");
	expect_span(a.h.fields[1].value, "CAe");
	ck_assert(!a.h.keep_alive && a.h.expect_continue && !a.h.expect_other);
	ck_assert(str_eqz(http1_field(&a.h, a.text, STR("x-m2m-origin"), NULL), "CAe"));
	ck_assert_uint_eq(a.body_n, 2);
	/* The next request's bytes stay. */
	ck_assert_mem_eq(a.text + a.h.head_n + a.h.body_n, "GET", 3);
}
END_TEST

START_TEST(absolute_form_is_taken_apart)
{
	parse_both(HTTP1_REQUEST, STR("GET https://[::1]:8443/~/id-in/x?a HTTP/1.1\r\nHost: other\r\n\r\n"));
	ck_assert_int_eq(a.h.form, HTTP1_ABSOLUTE);
	expect_span(a.h.authority, "[::1]:8443");
	expect_span(a.h.path, "/~/id-in/x");
	expect_span(a.h.query, "a");
	parse_both(HTTP1_REQUEST, STR("GET http://h?a HTTP/1.1\r\nHost: other\r\n\r\n"));
	expect_span(a.h.path, "");
	expect_span(a.h.query, "a");
}
END_TEST

START_TEST(chunks_become_one_piece)
{
	parse_both(HTTP1_REQUEST, STR("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n00A;x\r\n0123456789\r\n"
	                              "2\r\nbc\r\n0\r\nT: u\r\nV: w\r\n\r\nGET / HTTP/1.1\r\n"));
	ck_assert_int_eq(a.result, HTTP1_DONE);
	ck_assert_uint_eq(a.body_n, 13);
	ck_assert_mem_eq(a.body, "a0123456789bc", 13);
	ck_assert_mem_eq(a.text + a.h.head_n + a.h.body_n, "GET / HTTP/1.1\r\n", 16);
}
END_TEST

START_TEST(response_ends_with_the_connection)
{
	parse_both(HTTP1_RESPONSE, STR("HTTP/1.1 200 \r\n\r\nabc"));
	ck_assert_int_eq(a.result, HTTP1_MORE);
	ck_assert_int_eq(http1_eof(&a.h), HTTP1_DONE);
	ck_assert_uint_eq(a.h.body_n, 3);
	ck_assert(!a.h.keep_alive);
}
END_TEST

START_TEST(answer_to_head_has_no_content)
{
	char p[] = "HTTP/1.1 200 \r\nContent-Length: 7\r\n\r\nHTTP";
	size_t n = sizeof(p) - 1;

	http1_init(&a.h, HTTP1_RESPONSE, &limits, a.fields);
	http1_answers_head(&a.h);
	ck_assert_int_eq(http1_parse(&a.h, p, &n), HTTP1_DONE);
	ck_assert_uint_eq(a.h.head_n, n - 4);
}
END_TEST

/* One byte more than a limit is refused, the limit itself is not. */
static void limit_case(const char *before, char fill, size_t count, const char *after, unsigned status)
{
	static char text[ROOM];
	size_t n = strlen(before);

	memcpy(text, before, n);
	memset(text + n, fill, count);
	memcpy(text + n + count, after, strlen(after));
	parse_both(HTTP1_REQUEST, str_make(text, n + count + strlen(after)));
	ck_assert_uint_eq(a.status, status);
	if (status == 0)
		ck_assert_int_eq(a.result, HTTP1_DONE);
}

START_TEST(limits_are_exact)
{
	/* Request line: "GET /" + n + " HTTP/1.1". */
	limit_case("GET /", 'a', 200 - 14, " HTTP/1.1\r\n" H "\r\n", 0);
	limit_case("GET /", 'a', 200 - 13, " HTTP/1.1\r\n" H "\r\n", 414);
	limit_case("", 'G', 300, " / HTTP/1.1\r\n" H "\r\n", 414);
	limit_case("GET / HTTP/1.1\r\n" H "A: ", 'b', 197, "\r\n\r\n", 0);
	limit_case("GET / HTTP/1.1\r\n" H "A: ", 'b', 198, "\r\n\r\n", 431);
	limit_case("GET / HTTP/1.1\r\n" H "A: ", ' ', 198, "\r\n\r\n", 431);
	limit_case("GET / HTTP/1.1\r\n" H, 'n', 201, ": b\r\n\r\n", 431);
	limit_case("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\nA: ", 'b', 197, "\r\n\r\n", 0);
	limit_case("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\nA: ", 'b', 198, "\r\n\r\n", 431);
	limit_case("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0;", 'b', 1023, "\r\n\r\n", 0);
	limit_case("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0;", 'b', 1024, "\r\n\r\n", 400);
	limit_case("POST / HTTP/1.1\r\n" H "Content-Length: 5000\r\n\r\n", 'b', 5000, "", 0);
	limit_case("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1388\r\n", 'b', 5000, "\r\n0\r\n\r\n", 0);
}
END_TEST

static void field_lines(struct buf *t, unsigned n, const char *line)
{
	for (unsigned i = 0; i < n; i++)
		buf_z(t, line);
}

START_TEST(head_and_fields_are_bounded)
{
	struct buf t;

	buf_init(&t, ROOM);
	/* 12 fields with Host and one trailer or the thirteenth. */
	for (unsigned n = 11; n <= 12; n++) {
		buf_reset(&t);
		buf_z(&t, "GET / HTTP/1.1\r\n" H);
		field_lines(&t, n, "a: b\r\n");
		buf_z(&t, "\r\n");
		parse_both(HTTP1_REQUEST, buf_as_str(&t));
		ck_assert_uint_eq(a.status, n == 11 ? 0 : 431);
	}
	for (unsigned n = 10; n <= 11; n++) {
		buf_reset(&t);
		buf_z(&t, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n");
		field_lines(&t, n, "a: b\r\n");
		buf_z(&t, "\r\n");
		parse_both(HTTP1_REQUEST, buf_as_str(&t));
		ck_assert_uint_eq(a.status, n == 10 ? 0 : 431);
	}
	/* 16 + 19 + 9 * 100 + 63 + 2 = 1000 bytes of head, and one more. */
	for (unsigned more = 0; more <= 1; more++) {
		buf_reset(&t);
		buf_z(&t, "GET / HTTP/1.1\r\n" H);
		for (unsigned i = 0; i < 9; i++)
			buf_printf(&t, "a: %095d\r\n", 0);
		buf_printf(&t, "a: %0*d\r\n\r\n", (int)(58 + more), 0);
		ck_assert_uint_eq(t.n, 1000 + more);
		parse_both(HTTP1_REQUEST, buf_as_str(&t));
		ck_assert_uint_eq(a.status, more ? 431 : 0);
	}
	buf_fini(&t);
}
END_TEST

/* Many tiny chunks leave no gaps behind: the memory that a message takes is bounded by head and content. */
START_TEST(tiny_chunks_do_not_pile_up)
{
	static const char head[] = "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n";
	char p[sizeof(head) + 5100];
	size_t n = sizeof(head) - 1;
	enum http1_result r;

	memcpy(p, head, n);
	http1_init(&a.h, HTTP1_REQUEST, &limits, a.fields);
	ck_assert_int_eq(http1_parse(&a.h, p, &n), HTTP1_HEAD_DONE);
	for (unsigned i = 0; i < 5000; i++) {
		memcpy(p + n, "1\r\nx\r\n", 6);
		n += 6;
		ck_assert_int_eq(http1_parse(&a.h, p, &n), HTTP1_MORE);
		ck_assert_uint_eq(n, a.h.head_n + i + 1);
	}
	memcpy(p + n, "0\r\n\r\n", 5);
	n += 5;
	r = http1_parse(&a.h, p, &n);
	ck_assert_int_eq(r, HTTP1_DONE);
	ck_assert_uint_eq(a.h.body_n, 5000);
}
END_TEST

START_TEST(writes)
{
	struct buf t;

	buf_init(&t, 1000);
	http1_put_status(&t, 201);
	http1_put_field(&t, STR("A"), STR("b c"));
	http1_put_length(&t, 1234567);
	ck_assert(str_eqz(buf_as_str(&t), "HTTP/1.1 201 \r\nA: b c\r\nContent-Length: 1234567\r\n"));
	ck_assert(http1_is_value(STR("a b\tc")) && !http1_is_value(STR("a\r\nb")) && !http1_is_value(STR("a\0b")));
	ck_assert(http1_is_token(STR("X-M2M-RI")) && !http1_is_token(STR("")) && !http1_is_token(STR("a b")));
	buf_fini(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http1");
	TCase *t = tcase_create("http1");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, request_rows, 0, (int)ARRAY_LEN(requests));
	tcase_add_loop_test(t, response_rows, 0, (int)ARRAY_LEN(responses));
	tcase_add_test(t, every_prefix_waits);
	tcase_add_test(t, head_is_told);
	tcase_add_test(t, absolute_form_is_taken_apart);
	tcase_add_test(t, chunks_become_one_piece);
	tcase_add_test(t, response_ends_with_the_connection);
	tcase_add_test(t, answer_to_head_has_no_content);
	tcase_add_test(t, limits_are_exact);
	tcase_add_test(t, head_and_fields_are_bounded);
	tcase_add_test(t, tiny_chunks_do_not_pile_up);
	tcase_add_test(t, writes);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
