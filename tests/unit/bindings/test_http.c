/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP over real sockets and TLS to the real gate: order, keep-alive, expectations, limits, times, ends. */
#include "tests/unit/bindings/web.h"

static struct web w;
static struct client c;
static struct answer a;

#define HOST "Host: localhost\r\n"
#define WHO HOST "X-M2M-Origin: CAe\r\nX-M2M-RVI: 3\r\n"
#define GET "GET /cse-in/ae HTTP/1.1\r\n" WHO "X-M2M-RI: g\r\n\r\n"
#define REGISTER \
	"POST /cse-in HTTP/1.1\r\n" WHO "X-M2M-RI: r\r\nContent-Type: application/json;ty=2\r\nContent-Length: 66\r\n\r\n" \
	"{\"m2m:ae\":{\"rn\":\"ae\",\"api\":\"Napp\",\"rr\":false,\"srv\":[\"3\"]}}        "
#define CONTAINER \
	"POST /cse-in/ae HTTP/1.1\r\n" WHO "X-M2M-RI: c\r\nContent-Type: application/json;ty=3\r\nContent-Length: 28\r\n\r\n" \
	"{\"m2m:cnt\":{\"rn\":\"c\"}}      "

static void open_with(const char *const *sets)
{
	web_open(&w, sets);
	client_open(&c, &w);
	client_ask(&c, REGISTER, 201, &a);
	ck_assert(str_eqz(answer_field(&a, "X-M2M-RSC"), "2001"));
}

static void setup(void)
{
	open_with(NULL);
}

static void teardown(void)
{
	answer_free(&a);
	client_close(&c);
	web_close(&w);
}

START_TEST(operations)
{
	client_ask(&c, CONTAINER, 201, &a);
	ck_assert(str_eqz(answer_field(&a, "x-m2m-ri"), "c"));
	ck_assert(str_eqz(answer_field(&a, "x-m2m-rvi"), "3"));
	ck_assert(str_eqz(answer_field(&a, "content-type"), "application/json"));
	ck_assert(str_starts(a.body, STR("{\"m2m:cnt\":{")));
	client_ask(&c, "PUT /cse-in/ae/c HTTP/1.1\r\n" WHO "X-M2M-RI: u\r\nContent-Type: application/json\r\nContent-Length: 23\r\n\r\n"
	               "{\"m2m:cnt\":{\"mni\":5}}  ", 200, &a);
	ck_assert(str_eqz(answer_field(&a, "x-m2m-rsc"), "2004"));
	client_ask(&c, "GET /~/id-in/cse-in/ae/c HTTP/1.1\r\n" WHO "X-M2M-RI: g\r\nAccept: application/vnd.onem2m-res+json\r\n\r\n", 200,
	           &a);
	ck_assert(str_eqz(answer_field(&a, "content-type"), "application/vnd.onem2m-res+json"));
	client_ask(&c, "DELETE /cse-in/ae/c HTTP/1.1\r\n" WHO "X-M2M-RI: d\r\n\r\n", 200, &a);
	ck_assert(str_eqz(answer_field(&a, "x-m2m-rsc"), "2002"));
	client_ask(&c, "GET /cse-in/ae/c HTTP/1.1\r\n" WHO "X-M2M-RI: g2\r\n\r\n", 404, &a);
	ck_assert(str_eqz(answer_field(&a, "x-m2m-ri"), "g2"));
	ck_assert_uint_eq(web_stat(&w, STAT_CONN_ACCEPTED), 1);
}
END_TEST

/* The address of what was created, when the content has it (rcn 2). */
START_TEST(content_location)
{
	client_ask(&c, "POST /cse-in/ae?rcn=2 HTTP/1.1\r\n" WHO "X-M2M-RI: c\r\nContent-Type: application/json;ty=3\r\n"
	               "Content-Length: 22\r\n\r\n{\"m2m:cnt\":{\"rn\":\"c\"}}", 201, &a);
	ck_assert(str_eqz(answer_field(&a, "content-location"), "/cse-in/ae/c"));
}
END_TEST

/* Requests that come in one piece are answered in their order. */
START_TEST(pipelining)
{
	char text[32768];
	size_t n = 0;

	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "GET /cse-in/ae%s HTTP/1.1\r\n" WHO "X-M2M-RI: p%d\r\n\r\n",
		                      i % 3 ? "" : "/none", i);
	client_send(&c, text);
	for (int i = 0; i < 100; i++) {
		char want[8];

		snprintf(want, sizeof(want), "p%d", i);
		ck_assert(client_answer(&c, &a));
		ck_assert(str_eqz(answer_field(&a, "x-m2m-ri"), want));
		ck_assert_uint_eq(a.h.status, i % 3 ? 200 : 404);
	}
	ck_assert_uint_eq(web_stat(&w, STAT_HTTP_REQUESTS), 101);
}
END_TEST

/* A create waits for its commit; what comes behind it waits, too. */
START_TEST(pipelining_with_creates)
{
	client_send(&c, CONTAINER CONTAINER GET);
	ck_assert(client_answer(&c, &a));
	ck_assert_uint_eq(a.h.status, 201);
	ck_assert(client_answer(&c, &a));
	ck_assert_uint_eq(a.h.status, 409);
	ck_assert(client_answer(&c, &a));
	ck_assert_uint_eq(a.h.status, 200);
}
END_TEST

START_TEST(byte_by_byte)
{
	for (const char *p = GET; *p; p++) {
		client_send_n(&c, p, 1);
		client_turns(&c, 1);
	}
	ck_assert(client_answer(&c, &a));
	ck_assert_uint_eq(a.h.status, 200);
}
END_TEST

START_TEST(chunked_upload)
{
	client_ask(&c, "POST /cse-in/ae HTTP/1.1\r\n" WHO "X-M2M-RI: c\r\nContent-Type: application/json;ty=3\r\n"
	               "Transfer-Encoding: chunked\r\n\r\n8\r\n{\"m2m:cn\r\n1;x=y\r\nt\r\nD\r\n\":{\"rn\":\"c\"}}\r\n0\r\nA: b\r\n\r\n" GET,
	           201, &a);
	ck_assert(client_answer(&c, &a));
	ck_assert_uint_eq(a.h.status, 200);
}
END_TEST

/* RFC 9110 10.1.1 */
START_TEST(expectations)
{
	client_send(&c, "POST /cse-in/ae HTTP/1.1\r\n" WHO "X-M2M-RI: c\r\nContent-Type: application/json;ty=3\r\n"
	                "Expect: 100-continue\r\nContent-Length: 22\r\n\r\n");
	ck_assert(client_answer(&c, &a));
	ck_assert_uint_eq(a.h.status, 100);
	client_ask(&c, "{\"m2m:cnt\":{\"rn\":\"c\"}}", 201, &a);
	/* Content that is there already needs no invitation. */
	client_ask(&c, "PUT /cse-in/ae/c HTTP/1.1\r\n" WHO "X-M2M-RI: c\r\nContent-Type: application/json\r\n"
	               "Expect: 100-continue\r\nContent-Length: 21\r\n\r\n{\"m2m:cnt\":{\"mni\":1}}", 200, &a);
	client_ask(&c, "PUT /cse-in/ae/c HTTP/1.1\r\n" WHO "Expect: tea\r\nContent-Length: 21\r\n\r\n", 417, &a);
	ck_assert(!a.h.keep_alive);
}
END_TEST

/* A message that cannot be understood: one sentence, then the end of the connection. */
START_TEST(bad_message)
{
	client_ask(&c, "GET /cse-in HTTP/1.1\r\nHost : x\r\n\r\n" GET, 400, &a);
	ck_assert(str_eqz(answer_field(&a, "connection"), "close"));
	ck_assert(str_starts(answer_field(&a, "content-type"), STR("text/plain")));
	ck_assert_uint_gt(a.body.n, 10);
	client_turns(&c, 20);
	ck_assert(c.eof && c.clean && c.in.n == 0);
	ck_assert_uint_eq(web_stat(&w, STAT_HTTP_REFUSED), 1);
}
END_TEST

START_TEST(old_versions)
{
	client_ask(&c, "GET /cse-in HTTP/1.0\r\n\r\n", 505, &a);
	client_close(&c);
	client_open(&c, &w);
	client_ask(&c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, &a);
}
END_TEST

START_TEST(other_methods)
{
	client_ask(&c, "PATCH /cse-in HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}", 405, &a);
	ck_assert(str_eqz(answer_field(&a, "allow"), "GET, POST, PUT, DELETE"));
	client_ask(&c, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 405, &a);
	client_ask(&c, "BREW /cse-in HTTP/1.1\r\n" HOST "\r\n", 405, &a);
	client_send(&c, "HEAD /cse-in HTTP/1.1\r\n" HOST "\r\n");
	client_turns(&c, 5);
	ck_assert(str_starts(buf_as_str(&c.in), STR("HTTP/1.1 405 ")) && str_ends(buf_as_str(&c.in), STR("\r\n\r\n")));
	buf_reset(&c.in);
	/* The connection is still in step. */
	client_ask(&c, GET, 200, &a);
}
END_TEST

START_TEST(refusals_before_the_gate)
{
	client_ask(&c, "GET /cse-in/a%2fb HTTP/1.1\r\n" WHO "X-M2M-RI: 5\r\n\r\n", 400, &a);
	ck_assert(str_eqz(answer_field(&a, "x-m2m-rsc"), "4000") && str_eqz(answer_field(&a, "x-m2m-ri"), "5"));
	ck_assert(str_starts(a.body, STR("{\"m2m:dbg\":\"")));
	client_ask(&c, "GET /cse-in HTTP/1.1\r\n" WHO "X-M2M-RI: 5\r\nAccept: text/html\r\n\r\n", 406, &a);
	ck_assert(str_eqz(answer_field(&a, "x-m2m-rsc"), "5207"));
	client_ask(&c, "POST /cse-in HTTP/1.1\r\n" WHO "X-M2M-RI: 5\r\nContent-Type: application/xml;ty=3\r\nContent-Length: 4\r\n\r\n<a/>",
	           415, &a);
	ck_assert(str_eqz(answer_field(&a, "x-m2m-rsc"), "4015"));
	client_ask(&c, "POST /cse-in HTTP/1.1\r\n" WHO "X-M2M-RI: 5\r\nContent-Type: application/json;ty=3\r\nContent-Length: 2\r\n\r\n{]",
	           400, &a);
	/* A Release 1 request is answered without rvi. */
	client_ask(&c, "GET /cse-in/ae HTTP/1.1\r\n" HOST "X-M2M-Origin: CAe\r\nX-M2M-RI: 6\r\n\r\n", 200, &a);
	ck_assert(answer_field(&a, "x-m2m-rvi").n == 0);
	/* And whom the channel does not prove is nobody. */
	client_ask(&c, "GET /cse-in/ae HTTP/1.1\r\n" HOST "X-M2M-Origin: CEvil\r\nX-M2M-RVI: 3\r\nX-M2M-RI: 6\r\n\r\n", 403, &a);
	ck_assert(str_eqz(answer_field(&a, "x-m2m-rsc"), "4106"));
}
END_TEST

START_TEST(connection_close)
{
	client_ask(&c, "GET /cse-in/ae HTTP/1.1\r\n" WHO "X-M2M-RI: g\r\nConnection: close\r\n\r\n" GET, 200, &a);
	ck_assert(str_eqz(answer_field(&a, "connection"), "close"));
	client_turns(&c, 20);
	ck_assert(c.eof && c.clean && c.in.n == 0);
	ck_assert_uint_eq(https_connections(w.b, 0), 1); /* waits a moment for the client's own end */
	client_close(&c);
	for (int i = 0; i < 5; i++)
		web_turn(&w);
	ck_assert_uint_eq(https_connections(w.b, 0), 0);
	client_open(&c, &w);
}
END_TEST

/* The client ends its side behind its request, as TLS 1.3 allows: it still gets its answer. */
START_TEST(half_close)
{
	client_send(&c, CONTAINER);
	SSL_shutdown(c.ssl);
	shutdown(c.fd, SHUT_WR);
	ck_assert(client_answer(&c, &a));
	ck_assert_uint_eq(a.h.status, 201);
	client_turns(&c, 10);
	ck_assert(c.eof && c.clean);
	ck_assert_uint_eq(https_connections(w.b, 0), 0);
}
END_TEST

/* A connection cut short (no goodbye) loses what is under way, and nothing else. */
START_TEST(cut_while_judged)
{
	struct linger hard = { 1, 0 };

	client_send(&c, CONTAINER);
	setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	client_close(&c);
	for (int i = 0; i < 10; i++)
		web_turn(&w);
	ck_assert_uint_eq(https_connections(w.b, 0), 0);
	client_open(&c, &w);
	client_ask(&c, GET, 200, &a);
}
END_TEST

static const char *const slow[] = { "https.idle_timeout=60s", "https.head_timeout=10s", "https.body_timeout=20s",
	"https.handshake_timeout=5s", "https.send_timeout=15s", NULL };

START_TEST(idle_ends)
{
	web_advance(&w, 59000);
	client_ask(&c, GET, 200, &a);
	web_advance(&w, 59000);
	client_turns(&c, 3);
	ck_assert(!c.eof);
	web_advance(&w, 2000);
	client_turns(&c, 3);
	ck_assert(c.eof && c.clean);
}
END_TEST

/* The time of a head runs from its first byte, however the others trickle. */
START_TEST(slow_head)
{
	client_send(&c, "GET /cse");
	client_turns(&c, 2);
	for (int i = 0; i < 9; i++) {
		web_advance(&w, 1000);
		client_send(&c, "x");
		client_turns(&c, 1);
		ck_assert_uint_eq(c.in.n, 0);
	}
	web_advance(&w, 1500);
	ck_assert(client_answer(&c, &a));
	ck_assert_uint_eq(a.h.status, 408);
	client_turns(&c, 10);
	ck_assert(c.eof && c.clean);
}
END_TEST

START_TEST(slow_body)
{
	client_send(&c, "POST /cse-in HTTP/1.1\r\n" WHO "X-M2M-RI: 1\r\nContent-Type: application/json;ty=3\r\nContent-Length: 90\r\n\r\n");
	client_turns(&c, 2);
	for (int i = 0; i < 19; i++) {
		web_advance(&w, 1000);
		client_send(&c, " ");
		client_turns(&c, 1);
		ck_assert_uint_eq(c.in.n, 0);
	}
	web_advance(&w, 1500);
	ck_assert(client_answer(&c, &a));
	ck_assert_uint_eq(a.h.status, 408);
}
END_TEST

/* Who does not read what it asked for is let go: here an answer of some megabytes. */
START_TEST(slow_reader)
{
	char item[40000];

	client_ask(&c, CONTAINER, 201, &a);
	memset(item, 'x', sizeof(item));
	for (int i = 0; i < 200; i++) {
		char head[400];
		int n = snprintf(head, sizeof(head), "POST /cse-in/ae/c HTTP/1.1\r\n" WHO "X-M2M-RI: i%d\r\nContent-Type: application/json;ty=4\r\n"
		                 "Content-Length: %zu\r\n\r\n{\"m2m:cin\":{\"con\":\"", i, sizeof(item) + 22);

		client_send_n(&c, head, (size_t)n);
		client_send_n(&c, item, sizeof(item));
		client_send(&c, "\"}}");
		ck_assert(client_answer(&c, &a));
		ck_assert_uint_eq(a.h.status, 201);
	}
	client_close(&c);
	client_connect(&c, &w, 4096);
	ck_assert(client_shake(&c, w.ctx));
	client_send(&c, "GET /cse-in/ae/c?rcn=4 HTTP/1.1\r\n" WHO "X-M2M-RI: all\r\n\r\n");
	for (int i = 0; i < 50; i++)
		web_turn(&w);
	web_advance(&w, 14000);
	ck_assert_uint_eq(https_connections(w.b, 0), 1);
	/* As long as it takes something, it may go on. */
	for (int i = 0; i < 5; i++) {
		char p[16384];
		size_t n;

		for (int k = 0; k < 4; k++)
			SSL_read_ex(c.ssl, p, sizeof(p), &n);
		web_advance(&w, 10000);
	}
	/* What the kernel still takes, perhaps at its own next probe, counts as progress. */
	for (int i = 0; i < 400; i++)
		web_turn(&w);
	ck_assert_uint_eq(https_connections(w.b, 0), 1);
	/* Its buffers are bounded: a probe may move what fits, a few times at most. */
	for (int i = 0; i < 20 && https_connections(w.b, 0) > 0; i++)
		web_advance(&w, 16000);
	ck_assert_uint_eq(https_connections(w.b, 0), 0);
}
END_TEST

/* A large answer arrives whole. */
START_TEST(large_answer)
{
	client_ask(&c, CONTAINER, 201, &a);
	for (int i = 0; i < 60; i++) {
		char text[22000];
		int n = snprintf(text, sizeof(text), "POST /cse-in/ae/c HTTP/1.1\r\n" WHO "X-M2M-RI: i\r\nContent-Type: application/json;ty=4\r\n"
		                 "Content-Length: 20022\r\n\r\n{\"m2m:cin\":{\"con\":\"%020000d\"}}", i);

		client_send_n(&c, text, (size_t)n);
		ck_assert(client_answer(&c, &a));
		ck_assert_uint_eq(a.h.status, 201);
	}
	client_ask(&c, "GET /cse-in/ae/c?rcn=4 HTTP/1.1\r\n" WHO "X-M2M-RI: all\r\n\r\n", 200, &a);
	ck_assert_uint_gt(a.body.n, 60 * 20000);
	ck_assert(str_ends(a.body, STR("}")));
	client_ask(&c, GET, 200, &a);
}
END_TEST

static const char *const tight[] = { "https.max_body=64k", "limits.reply_bytes=64k", NULL };

/* Memory that slow peers hold is bounded for all together: here four times 128 kB.  Who waits longest makes room. */
START_TEST(slow_peers_share_a_bound)
{
	enum { N = 12 };
	static char part[50000];
	struct client d[N];
	int left = 0;

	memset(part, ' ', sizeof(part));
	for (int i = 0; i < N; i++) {
		client_open(&d[i], &w);
		client_send(&d[i], "POST /cse-in/ae HTTP/1.1\r\n" WHO "X-M2M-RI: c\r\nContent-Type: application/json;ty=3\r\n"
		                   "Content-Length: 60000\r\n\r\n");
		client_send_n(&d[i], part, sizeof(part));
		client_turns(&d[i], 8);
	}
	for (int i = 0; i < N; i++) {
		client_turns(&d[i], 2);
		ck_assert_msg(left == 0 || !d[i].eof, "%d went before an older one", i);
		left += !d[i].eof;
	}
	ck_assert_int_ge(left, 6);
	ck_assert_int_le(left, 8);
	client_ask(&c, GET, 200, &a);
	/* The newest can still complete what it began. */
	part[0] = '{';
	part[1] = '}';
	client_send_n(&d[N - 1], part, 10000);
	ck_assert(client_answer(&d[N - 1], &a));
	ck_assert_uint_eq(a.h.status, 400);
	for (int i = 0; i < N; i++)
		client_close(&d[i]);
}
END_TEST

START_TEST(too_large)
{
	char head[2000];

	client_ask(&c, "POST /cse-in HTTP/1.1\r\n" WHO "Content-Length: 1048577\r\n\r\n", 413, &a);
	client_turns(&c, 10);
	ck_assert(c.eof && c.clean);
	client_close(&c);
	client_open(&c, &w);
	snprintf(head, sizeof(head), "GET /%01000d HTTP/1.1\r\n", 1);
	for (int i = 0; i < 9; i++)
		client_send_n(&c, head + 5, 1000);
	(void)head;
	client_turns(&c, 10);
	ck_assert(client_answer(&c, &a));
	ck_assert_uint_eq(a.h.status, 414);
}
END_TEST

static const char *const browsers[] = { "https.cors_origins=https://a.example,https://b.example:8080", NULL };

START_TEST(cors)
{
	client_ask(&c, "OPTIONS /cse-in HTTP/1.1\r\n" HOST "Origin: https://b.example:8080\r\nAccess-Control-Request-Method: POST\r\n\r\n", 204,
	           &a);
	ck_assert(str_eqz(answer_field(&a, "access-control-allow-origin"), "https://b.example:8080"));
	client_ask(&c, "OPTIONS /cse-in HTTP/1.1\r\n" HOST "Origin: https://c.example\r\nAccess-Control-Request-Method: POST\r\n\r\n", 405, &a);
	ck_assert(answer_field(&a, "access-control-allow-origin").n == 0);
	client_ask(&c, "GET /cse-in/ae HTTP/1.1\r\n" WHO "X-M2M-RI: g\r\nOrigin: https://a.example\r\n\r\n", 200, &a);
	ck_assert(str_eqz(answer_field(&a, "access-control-allow-origin"), "https://a.example"));
	ck_assert(answer_field(&a, "access-control-expose-headers").n > 0);
	client_ask(&c, "GET /cse-in/ae HTTP/1.1\r\n" WHO "X-M2M-RI: g\r\nOrigin: null\r\n\r\n", 200, &a);
	ck_assert(answer_field(&a, "access-control-allow-origin").n == 0);
}
END_TEST

/* Suspended: the idle connection ends within a second, a new one gets nowhere. */
START_TEST(suspended)
{
	struct client d;
	struct cred_info info;

	ck_assert(cred_find(w.g.security, &w.g.arena, w.cred_id, &info));
	info.state = CRED_SUSPENDED;
	cred_apply(w.g.security, &info);
	web_advance(&w, 500);
	web_advance(&w, 500);
	client_turns(&c, 3);
	ck_assert(c.eof);
	ck_assert_uint_eq(https_connections(w.b, 0), 0);
	client_connect(&d, &w, 0);
	client_shake(&d, w.ctx);
	client_turns(&d, 10);
	ck_assert(d.eof);
	client_close(&d);
}
END_TEST

/* Suspended between two requests of one connection: the second is not carried out. */
START_TEST(suspended_at_once)
{
	struct cred_info info;

	ck_assert(cred_find(w.g.security, &w.g.arena, w.cred_id, &info));
	info.state = CRED_SUSPENDED;
	cred_apply(w.g.security, &info);
	client_send(&c, GET);
	ck_assert(!client_answer(&c, &a));
	ck_assert(c.eof);
}
END_TEST

/* No time passes: the loops are told.  More than a turn cuts off, and many more than it closes. */
START_TEST(many_end_together)
{
	enum { N = 150 };
	struct client many[N];
	struct cred_info info;

	for (int i = 0; i < N; i++)
		client_open(&many[i], &w);
	ck_assert_uint_eq(https_connections(w.b, 0), N + 1);
	ck_assert(cred_find(w.g.security, &w.g.arena, w.cred_id, &info));
	info.state = CRED_SUSPENDED;
	cred_apply(w.g.security, &info);
	client_turns(&c, 5);
	ck_assert(c.eof);
	for (int i = 0; i < N; i++) {
		client_read(&many[i]);
		ck_assert_msg(many[i].eof, "%d", i);
	}
	client_turns(&c, 100);
	ck_assert_uint_eq(https_connections(w.b, 0), 0);
	for (int i = 0; i < N; i++)
		client_close(&many[i]);
}
END_TEST

/* security-model 4.1: the liar reads why, its other connections end, a new one gets nowhere until an administrator releases it. */
START_TEST(a_liar)
{
	struct client other, d;

	client_open(&other, &w);
	client_ask(&c, "GET /cse-in HTTP/1.1\r\nHost: x\r\nX-M2M-Origin: CAdmin\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\n\r\n", 403, &a);
	ck_assert(str_eqz(answer_field(&a, "x-m2m-rsc"), "4106"));
	ck_assert(str_eq_nocase(answer_field(&a, "connection"), STR("close")));
	client_turns(&c, 3);
	ck_assert(c.eof);
	client_turns(&other, 3);
	ck_assert(other.eof);
	client_close(&other);
	client_connect(&d, &w, 0);
	client_shake(&d, w.ctx);
	client_turns(&d, 10);
	ck_assert(d.eof);
	client_close(&d);
}
END_TEST

START_TEST(reload)
{
	struct conf_why cw;
	struct conf *next = conf_defaults();

	ck_assert_int_eq(conf_set(next, "https.max_body=2k", &cw), 0);
	binding_https.reload(w.b, next, w.tls);
	conf_unref(next);
	web_turn(&w);
	client_ask(&c, GET, 200, &a);
	client_ask(&c, "POST /cse-in HTTP/1.1\r\n" WHO "Content-Length: 3000\r\n\r\n", 413, &a);
}
END_TEST

/* At the end, answers that are due still leave. */
START_TEST(graceful_end)
{
	client_send(&c, CONTAINER);
	loop_turn(w.g.loop, 0);
	loop_turn(w.g.loop, 0);
	store_flush(w.g.store);
	binding_https.close(w.b);
	w.b = NULL;
	ck_assert(client_answer(&c, &a));
	ck_assert_uint_eq(a.h.status, 201);
	client_turns(&c, 3);
	ck_assert(c.eof && c.clean);
}
END_TEST

static TCase *with(Suite *s, const char *name, void (*up)(void))
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, up, teardown);
	tcase_set_timeout(t, 30);
	suite_add_tcase(s, t);
	return t;
}

static void setup_slow(void)
{
	open_with(slow);
}

static void setup_tight(void)
{
	open_with(tight);
}

static void setup_browsers(void)
{
	open_with(browsers);
}

int main(void)
{
	Suite *s = suite_create("http");
	TCase *t = with(s, "messages", setup);
	SRunner *r;
	int failed;

	tcase_add_test(t, operations);
	tcase_add_test(t, content_location);
	tcase_add_test(t, pipelining);
	tcase_add_test(t, pipelining_with_creates);
	tcase_add_test(t, byte_by_byte);
	tcase_add_test(t, chunked_upload);
	tcase_add_test(t, expectations);
	tcase_add_test(t, bad_message);
	tcase_add_test(t, old_versions);
	tcase_add_test(t, other_methods);
	tcase_add_test(t, refusals_before_the_gate);
	tcase_add_test(t, connection_close);
	tcase_add_test(t, half_close);
	tcase_add_test(t, cut_while_judged);
	tcase_add_test(t, large_answer);
	tcase_add_test(t, too_large);
	tcase_add_test(t, suspended);
	tcase_add_test(t, suspended_at_once);
	tcase_add_test(t, many_end_together);
	tcase_add_test(t, a_liar);
	tcase_add_test(t, reload);
	tcase_add_test(t, graceful_end);
	t = with(s, "times", setup_slow);
	tcase_add_test(t, idle_ends);
	tcase_add_test(t, slow_head);
	tcase_add_test(t, slow_body);
	tcase_add_test(t, slow_reader);
	t = with(s, "memory", setup_tight);
	tcase_add_test(t, slow_peers_share_a_bound);
	t = with(s, "browsers", setup_browsers);
	tcase_add_test(t, cors);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
