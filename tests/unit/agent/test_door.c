/* SPDX-License-Identifier: Apache-2.0 */
/* Local clients at the agent's door: real connections, a real CSE behind TLS; messages whole, in pieces, in rows, too large, and too
 * slow, and what the other end of each hears (RFC 9110, RFC 9112, security-model 3.2). */
#include "agent/door.h"

#include "tests/unit/agent/calls.h"

enum { BODY = 1024 };
#define SMALL "agent.max_body=1024"

static const char *const small[] = { SMALL, NULL };

/* --- what is carried ----------------------------------------------------------------------------------------------------- */

START_TEST(carries_what_onem2m_knows)
{
	struct desk d;
	struct client c;
	char host[64];

	desk_open(&d, echo, NULL);
	c = client_open(&d);
	client_say(&c, HEAD("POST", "/cse-in/CDev1", "1") "User-Agent: curl\r\nCookie: secret\r\nAccept: application/json\r\nVia: 1.1 x\r\n"
	               "Content-Type: application/json;ty=3\r\nContent-Length: 13\r\n\r\n{\"m2m:cnt\":{}");
	ck_assert_uint_eq(client_answer(&c), 200);
	snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%u\r\n", d.cse.port);
	ck_assert(client_holds(&c, "POST /cse-in/CDev1 HTTP/1.1\r\n"));
	ck_assert(client_holds(&c, host));
	ck_assert(client_holds(&c, "X-M2M-Origin: CDev1\r\n"));
	ck_assert(client_holds(&c, "Accept: application/json\r\n"));
	ck_assert(client_holds(&c, "Content-Type: application/json;ty=3\r\n"));
	ck_assert(client_holds(&c, "\r\n\r\n{\"m2m:cnt\":{}"));
	ck_assert(!client_holds(&c, "curl") && !client_holds(&c, "secret") && !client_holds(&c, "Via"));
	/* The same for the way back. */
	ck_assert(client_said(&c, "X-M2M-RSC: 2000\r\n"));
	ck_assert(!client_said(&c, "Server") && !client_said(&c, "Cookie") && !client_said(&c, "Connection"));
	ck_assert(client_is_quiet(&c));
	client_close(&c);
	desk_close(&d);
}
END_TEST

/* RFC 9112 9.3.2: in the order in which they came. */
START_TEST(pipelined_requests_are_answered_in_order)
{
	static const char three[] = GET("1") HEAD("POST", "/cse-in/CDev1", "2") "Content-Length: 4\r\n\r\n{\"a\"" GET("3");
	static const char *const ri[] = { "X-M2M-RI: 1\r\n", "X-M2M-RI: 2\r\n", "X-M2M-RI: 3\r\n" };
	struct desk d;
	struct client c;

	desk_open(&d, echo, NULL);
	c = client_open(&d);
	for (int round = 0; round < 2; round++) {
		client_say(&c, three);
		for (unsigned i = 0; i < ARRAY_LEN(ri); i++) {
			ck_assert_uint_eq(client_answer(&c), 200);
			ck_assert(client_said(&c, ri[i]));
		}
		ck_assert(client_is_quiet(&c));
	}
	ck_assert_uint_eq(d.cse.requests, 6);
	client_close(&c);
	desk_close(&d);
}
END_TEST

START_TEST(a_long_row_of_requests)
{
	enum { ROW = 300 };
	struct desk d;
	struct client c;
	char text[256];

	desk_open(&d, echo, NULL);
	c = client_open(&d);
	for (int i = 0; i < ROW; i++) {
		snprintf(text, sizeof(text), HEAD("PATCH", "/cse-in", "%d") "\r\n", i);
		client_say(&c, text);
	}
	for (int i = 0; i < ROW; i++)
		ck_assert_uint_eq(client_answer(&c), 405);
	client_say(&c, GET("last"));
	ck_assert_uint_eq(client_answer(&c), 200);
	client_close(&c);
	desk_close(&d);
}
END_TEST

/* RFC 9112 9.6: what comes behind a request that ends the connection is not a request any more. */
START_TEST(nothing_behind_the_last_request_is_carried)
{
	struct desk d;
	struct client c;

	desk_open(&d, echo, NULL);
	c = client_open(&d);
	client_say(&c, HEAD("GET", "/cse-in", "1") "Connection: close\r\n\r\n" GET("2"));
	ck_assert_uint_eq(client_answer(&c), 200);
	ck_assert(client_said(&c, "X-M2M-RI: 1\r\n") && client_said(&c, "Connection: close\r\n"));
	client_ends(&c);
	ck_assert_uint_eq(d.cse.requests, 1);
	client_close(&c);
	goes_on(&d);
	desk_close(&d);
}
END_TEST

START_TEST(bytes_come_one_by_one)
{
	static const char text[] = HEAD("POST", "/cse-in/CDev1", "1") "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n4\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n" GET("2");
	struct desk d;
	struct client c;

	desk_open(&d, echo, NULL);
	c = client_open(&d);
	for (size_t i = 0; i + 1 < sizeof(text); i++)
		client_put(&c, text + i, 1);
	ck_assert_uint_eq(client_answer(&c), 200);
	/* The framing is the agent's own. */
	ck_assert(client_holds(&c, "Content-Length: 7\r\n\r\nabcdefg"));
	ck_assert(!client_holds(&c, "Trailer") && !client_holds(&c, "chunked"));
	ck_assert_uint_eq(client_answer(&c), 200);
	ck_assert(client_said(&c, "X-M2M-RI: 2\r\n"));
	client_close(&c);
	desk_close(&d);
}
END_TEST

static const char *hold_first(struct served *s, unsigned c, unsigned n, const char *request)
{
	return strstr(request, "{first}") ? "" : echo(s, c, n, request);
}

/* TS-0001 7.1.7, agent/README: many clients call every request "1"; two that differ are told apart. */
START_TEST(clients_may_use_one_identifier)
{
#define POST_1 HEAD("POST", "/cse-in/CDev1", "1") "Content-Length: "
	struct desk d;
	struct client a, b;

	desk_open(&d, hold_first, NULL);
	goes_on(&d); /* before an answer has come, the line tries one connection only */
	a = client_open(&d);
	b = client_open(&d);
	client_say(&a, POST_1 "7\r\n\r\n{first}");
	while (d.cse.requests < 2)
		loop_turn(d.a->loop, 1);
	client_say(&b, POST_1 "8\r\n\r\n{second}");
	ck_assert_uint_eq(client_answer(&b), 200);
	ck_assert(client_said(&b, "X-M2M-RI: 1\r\n"));
	ck_assert(client_holds(&b, "{second}") && !client_holds(&b, "X-M2M-RI: 1\r\n"));
	/* The first is lost: as long as the CSE may remember it, its identifier is not used for anything else. */
	client_close(&a);
	client_say(&b, POST_1 "7\r\n\r\n{third}");
	ck_assert_uint_eq(client_answer(&b), 200);
	ck_assert(client_said(&b, "X-M2M-RI: 1\r\n") && !client_holds(&b, "X-M2M-RI: 1\r\n"));
	client_close(&b);
	desk_close(&d);
}
END_TEST

/* --- time ---------------------------------------------------------------------------------------------------------------- */

/* What an agent before this one had under way at the CSE is remembered there for ten minutes at most. */
START_TEST(a_new_agent_avoids_identifiers_of_the_one_before)
{
	static const char later[] = HEAD("POST", "/cse-in/CDev1?rt=2", "mine") "Content-Length: 2\r\n\r\n{}";
	char sent[2][64] = { "", "" };
	struct desk d;
	struct client c;

	for (unsigned i = 0; i < 2; i++) {
		desk_open(&d, echo, NULL);
		c = client_open(&d);
		client_say(&c, POST_1 "2\r\n\r\n{}");
		ck_assert_uint_eq(client_answer(&c), 200);
		/* The answer is the client's, the request as it came to the CSE is its content. */
		ck_assert(client_said(&c, "X-M2M-RI: 1\r\n") && !client_holds(&c, "X-M2M-RI: 1\r\n"));
		ck_assert_int_eq(sscanf(strstr(c.text + c.at + c.head_n, "X-M2M-RI: ") + 10, "%63[^\r]", sent[i]), 1);
		/* Its answer would name it. */
		client_say(&c, later);
		ck_assert_uint_eq(client_answer(&c), 200);
		ck_assert(client_holds(&c, "X-M2M-RI: mine\r\n"));
		client_close(&c);
		desk_later(&d, 601 * US_PER_S);
		c = client_open(&d);
		client_say(&c, POST_1 "2\r\n\r\n{}");
		ck_assert_uint_eq(client_answer(&c), 200);
		ck_assert(client_said(&c, "X-M2M-RI: 1\r\n") && client_holds(&c, "X-M2M-RI: 1\r\n"));
		client_close(&c);
		desk_close(&d);
	}
	/* The same request is the same to the CSE, whichever agent carries it. */
	ck_assert_str_eq(sent[0], sent[1]);
}
END_TEST

START_TEST(who_says_nothing_is_left)
{
	struct desk d;
	struct client c;

	desk_open(&d, echo, NULL);
	c = client_open(&d);
	ck_assert_uint_eq(connections(&d), 1);
	desk_later(&d, 10 * US_PER_S - 1000);
	ck_assert(client_is_quiet(&c));
	desk_later(&d, 1000);
	client_ends(&c);
	client_close(&c);
	goes_on(&d);
	desk_close(&d);
}
END_TEST

START_TEST(half_a_head_has_its_time)
{
	struct desk d;
	struct client c;

	desk_open(&d, echo, NULL);
	c = client_open(&d);
	/* A byte now and then wins nothing. */
	client_say(&c, "GET /cse-in HTTP/1.1\r\nHost: 127.0.0.1\r\nX-M2M-RI: ");
	for (int i = 0; i < 9; i++) {
		desk_later(&d, US_PER_S);
		client_say(&c, "1");
		ck_assert(client_is_quiet(&c));
	}
	desk_later(&d, US_PER_S);
	ck_assert_uint_eq(client_answer(&c), 408);
	ck_assert(client_said(&c, "Connection: close\r\n"));
	client_ends(&c);
	client_close(&c);
	ck_assert_uint_eq(d.cse.requests, 0);
	goes_on(&d);
	desk_close(&d);
}
END_TEST

START_TEST(half_a_body_has_its_time)
{
	struct desk d;
	struct client c;

	desk_open(&d, echo, NULL);
	c = client_open(&d);
	client_say(&c, HEAD("POST", "/cse-in", "1") "Content-Length: 100\r\n\r\n{");
	for (int i = 0; i < 29; i++) {
		desk_later(&d, US_PER_S);
		client_say(&c, " ");
		ck_assert(client_is_quiet(&c));
	}
	desk_later(&d, US_PER_S);
	ck_assert_uint_eq(client_answer(&c), 408);
	client_ends(&c);
	client_close(&c);
	ck_assert_uint_eq(d.cse.requests, 0);
	goes_on(&d);
	desk_close(&d);
}
END_TEST

START_TEST(a_kept_connection_rests_for_five_minutes)
{
	struct desk d;
	struct client c;

	desk_open(&d, echo, NULL);
	c = client_open(&d);
	for (int i = 0; i < 2; i++) {
		client_say(&c, GET("1"));
		ck_assert_uint_eq(client_answer(&c), 200);
		desk_later(&d, 299 * US_PER_S);
		ck_assert(client_is_quiet(&c));
	}
	desk_later(&d, US_PER_S);
	client_ends(&c);
	client_close(&c);
	goes_on(&d);
	desk_close(&d);
}
END_TEST

/* --- bounds -------------------------------------------------------------------------------------------------------------- */

/* A request whose filler field line is `line` bytes long, CRLF not counted, repeated. */
static void ask_large(struct client *c, size_t line, unsigned lines)
{
	char *filler = malloc(line + 3);

	memset(filler, 'x', line);
	memcpy(filler, "X-M2M-F:", 8);
	memcpy(filler + line, "\r\n", 3);
	client_say(c, HEAD("GET", "/cse-in", "1"));
	for (unsigned i = 0; i < lines; i++)
		client_say(c, filler);
	client_say(c, "\r\n");
	free(filler);
}

START_TEST(lines_up_to_the_bound)
{
	static const struct {
		size_t line;
		unsigned lines, status;
	} rows[] = {
		{ DOOR_LINE, 1, 200 }, { DOOR_LINE + 1, 1, 431 },
		/* The head as a whole. */
		{ 5000, 3, 200 }, { 5500, 3, 431 },
		/* Four fields are there already. */
		{ 20, DOOR_FIELDS - 4, 200 }, { 20, DOOR_FIELDS - 3, 431 },
	};
	struct desk d;
	struct client c;

	desk_open(&d, echo, NULL);
	c = client_open(&d);
	ask_large(&c, rows[_i].line, rows[_i].lines);
	ck_assert_uint_eq(client_answer(&c), rows[_i].status);
	if (rows[_i].status != 200)
		client_ends(&c);
	ck_assert_uint_eq(d.cse.requests, rows[_i].status == 200);
	client_close(&c);
	goes_on(&d);
	desk_close(&d);
}
END_TEST

/* RFC 9110 15.5.15 */
START_TEST(targets_up_to_the_bound)
{
	char line[DOOR_LINE + 16];
	struct desk d;
	struct client c;

	desk_open(&d, echo, NULL);
	for (int more = 0; more < 2; more++) {
		size_t n = DOOR_LINE + (size_t)more;

		c = client_open(&d);
		memset(line, 'x', sizeof(line));
		memcpy(line, "GET /cse-in/", 12);
		memcpy(line + n - 9, " HTTP/1.1\r\n", 12);
		client_say(&c, line);
		client_say(&c, "Host: localhost\r\nX-M2M-Origin: CDev1\r\nX-M2M-RI: 1\r\n\r\n");
		ck_assert_uint_eq(client_answer(&c), more ? 414 : 200);
		client_close(&c);
	}
	ck_assert_uint_eq(d.cse.requests, 1);
	goes_on(&d);
	desk_close(&d);
}
END_TEST

static void ask_body(struct client *c, size_t n, bool chunked)
{
	char head[64], *body = malloc(n + 1);

	memset(body, 'b', n);
	body[n] = 0;
	client_say(c, HEAD("POST", "/cse-in/CDev1", "1"));
	snprintf(head, sizeof(head), chunked ? "Transfer-Encoding: chunked\r\n\r\n%zX\r\n" : "Content-Length: %zu\r\n\r\n", n);
	client_say(c, head);
	client_say(c, body);
	if (chunked)
		client_say(c, "\r\n0\r\n\r\n");
	free(body);
}

START_TEST(bodies_up_to_the_bound)
{
	struct desk d;
	struct client c;

	desk_open(&d, echo, small);
	c = client_open(&d);
	ask_body(&c, BODY, _i);
	ck_assert_uint_eq(client_answer(&c), 200);
	ck_assert(client_holds(&c, "Content-Length: 1024\r\n"));
	ask_body(&c, BODY + 1, _i);
	ck_assert_uint_eq(client_answer(&c), 413);
	ck_assert(client_said(&c, "Connection: close\r\n"));
	client_ends(&c);
	ck_assert_uint_eq(d.cse.requests, 1);
	client_close(&c);
	goes_on(&d);
	desk_close(&d);
}
END_TEST

START_TEST(chunks_have_a_bound_together)
{
	struct desk d;
	struct client c;

	desk_open(&d, echo, small);
	c = client_open(&d);
	client_say(&c, HEAD("POST", "/cse-in/CDev1", "1") "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i <= BODY / 16 && !client_has(&c); i++)
		client_say(&c, "10\r\n0123456789abcdef\r\n");
	ck_assert_uint_eq(client_answer(&c), 413);
	client_close(&c);
	ck_assert_uint_eq(d.cse.requests, 0);
	goes_on(&d);
	desk_close(&d);
}
END_TEST

START_TEST(a_large_answer_waits_for_a_slow_client)
{
	struct desk d;
	struct client c;
	char *body = malloc(REQUEST_MAX);

	desk_open(&d, echo, NULL);
	c = client_open(&d);
	memset(body, 'y', REQUEST_MAX);
	body[60000] = 0;
	client_say(&c, HEAD("POST", "/cse-in/CDev1", "1") "Content-Length: 60000\r\n\r\n");
	client_say(&c, body);
	ck_assert_uint_eq(client_answer(&c), 200);
	ck_assert_uint_gt(c.body_n, 60000);
	ck_assert_int_eq(memcmp(c.text + c.at + c.head_n + c.body_n - 60000, body, 60000), 0);
	client_close(&c);
	free(body);
	desk_close(&d);
}
END_TEST

START_TEST(so_many_connections_and_no_more)
{
	static const char *const two[] = { "agent.connections=2", NULL };
	struct desk d;
	struct client c[3];

	desk_open(&d, echo, two);
	for (int i = 0; i < 3; i++)
		c[i] = client_open(&d);
	ck_assert_uint_eq(connections(&d), 2);
	client_ends(&c[2]);
	client_close(&c[0]);
	client_close(&c[2]);
	c[2] = client_open(&d);
	client_say(&c[2], GET("1"));
	ck_assert_uint_eq(client_answer(&c[2]), 200);
	client_close(&c[1]);
	client_close(&c[2]);
	desk_close(&d);
}
END_TEST

/* --- what is no request -------------------------------------------------------------------------------------------------- */

static const struct {
	const char *text;
	unsigned status;
	const char *says;
	bool stays; /* the connection is good for another request */
} odd[] = {
	/* RFC 9112 6.1, 6.3: what two recipients could read in two ways */
	{ HEAD("POST", "/cse-in", "1") "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400, NULL, false },
	{ HEAD("POST", "/cse-in", "1") "Content-Length: 5\r\nContent-Length: 6\r\n\r\n{    }", 400, NULL, false },
	{ HEAD("POST", "/cse-in", "1") "Content-Length: +5\r\n\r\n{   }", 400, NULL, false },
	{ HEAD("POST", "/cse-in", "1") "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, NULL, false },
	{ HEAD("POST", "/cse-in", "1") "Transfer-Encoding: chunked\r\n\r\nx\r\n", 400, NULL, false },
	{ HEAD("GET", "/cse-in", "1") "X-M2M-RVI : 3\r\n\r\n", 400, NULL, false },
	{ HEAD("GET", "/cse-in", "1") " folded\r\n\r\n", 400, NULL, false },
	/* RFC 9112 3.2 */
	{ "GET /cse-in HTTP/1.1\r\nX-M2M-RI: 1\r\n\r\n", 400, NULL, false },
	{ HEAD("GET", "/cse-in", "1") "Host: localhost\r\n\r\n", 400, NULL, false },
	{ "GET /cse-in HTTP/2.0\r\nHost: localhost\r\n\r\n", 505, NULL, false },
	{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, NULL, false },
	{ "\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03\r\n\r\n", 400, NULL, false }, /* TLS */
	/* security-model 3.2: DNS rebinding, web pages */
	{ "GET /cse-in HTTP/1.1\r\nHost: attacker.example\r\nX-M2M-RI: 1\r\n\r\n", 421, NULL, false },
	{ "GET http://attacker.example/cse-in HTTP/1.1\r\nHost: localhost\r\nX-M2M-RI: 1\r\n\r\n", 421, NULL, false },
	{ HEAD("GET", "/cse-in", "1") "Origin: https://attacker.example\r\n\r\n", 403, NULL, false },
	{ HEAD("GET", "/cse-in", "1") "Sec-Fetch-Site: cross-site\r\n\r\n", 403, NULL, false },
	/* RFC 9110 9.1, 15.5.6, 9.3.2 */
	{ HEAD("PATCH", "/cse-in", "1") "Content-Length: 2\r\n\r\n{}", 405, "Allow: GET, POST, PUT, DELETE\r\n", true },
	{ HEAD("BREW", "/cse-in", "1") "\r\n", 405, "Allow: ", true },
	{ HEAD("OPTIONS", "*", "1") "\r\n", 405, NULL, false },
	{ "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n", 405, NULL, false },
	/* RFC 9110 10.1.1 */
	{ HEAD("POST", "/cse-in", "1") "Expect: 200-ok\r\nContent-Length: 2\r\n\r\n", 417, NULL, false },
	/* TS-0009 6.4: what is judged is there once; and whom this device does not speak for (security-model 3.5) */
	{ HEAD("GET", "/cse-in", "1") "X-M2M-Origin: COther\r\n\r\n", 400, "X-M2M-RSC: 4000\r\n", true },
	{ "GET /cse-in HTTP/1.1\r\nHost: [::1]\r\nX-M2M-Origin: COther\r\nX-M2M-RI: 77\r\n\r\n", 403, "X-M2M-RSC: 4106\r\n", true },
	{ HEAD("GET", "/cse%zz", "1") "\r\n", 400, "X-M2M-RSC: 4000\r\n", true },
};

START_TEST(is_not_carried)
{
	struct desk d;
	struct client c;

	desk_open(&d, echo, NULL);
	c = client_open(&d);
	client_say(&c, odd[_i].text);
	ck_assert_uint_eq(client_answer(&c), odd[_i].status);
	ck_assert_msg(!odd[_i].says || client_said(&c, odd[_i].says), "%s", c.text);
	ck_assert_uint_eq(d.cse.requests, 0);
	if (odd[_i].stays) {
		ck_assert(client_is_quiet(&c));
		client_say(&c, GET("2"));
		ck_assert_uint_eq(client_answer(&c), 200);
		ck_assert(client_said(&c, "X-M2M-RI: 2\r\n"));
	} else {
		ck_assert(client_said(&c, "Connection: close\r\n"));
		client_say(&c, GET("2"));
		client_ends(&c);
	}
	client_close(&c);
	goes_on(&d);
	desk_close(&d);
}
END_TEST

/* security-model 3.2, Fetch standard 3.2: a page of an origin that the operator named, and of no other. */
START_TEST(a_page_that_may)
{
	static const char *const sets[] = { "agent.origins=https://console.example", NULL };
	struct desk d;
	struct client c;

	desk_open(&d, echo, sets);
	c = client_open(&d);
	client_say(&c, "OPTIONS /cse-in HTTP/1.1\r\nHost: localhost:8080\r\nOrigin: https://console.example\r\nAccess-Control-Request-Method: POST\r\n"
	               "Access-Control-Request-Headers: x-m2m-ri\r\n\r\n");
	ck_assert_uint_eq(client_answer(&c) / 100, 2);
	ck_assert(client_said(&c, "Access-Control-Allow-Origin: https://console.example\r\n") && client_said(&c, "Access-Control-Allow-Methods: "));
	ck_assert_uint_eq(d.cse.requests, 0);
	client_say(&c, HEAD("GET", "/cse-in", "1") "Origin: https://console.example\r\nSec-Fetch-Site: cross-site\r\n\r\n");
	ck_assert_uint_eq(client_answer(&c), 200);
	ck_assert(client_said(&c, "Access-Control-Allow-Origin: https://console.example\r\n") && client_said(&c, "Vary: Origin\r\n"));
	ck_assert(!client_holds(&c, "console.example"));
	/* What is no page needs no such fields. */
	client_say(&c, GET("2"));
	ck_assert_uint_eq(client_answer(&c), 200);
	ck_assert(!client_said(&c, "Access-Control"));
	client_say(&c, HEAD("GET", "/cse-in", "3") "Origin: https://console.example.attacker.example\r\n\r\n");
	ck_assert_uint_eq(client_answer(&c), 403);
	ck_assert(!client_said(&c, "Access-Control"));
	client_ends(&c);
	client_close(&c);
	desk_close(&d);
}
END_TEST

/* RFC 9110 9.3.2: no content, whatever the head of the answer says. */
START_TEST(a_head_request_is_answered_without_content)
{
	struct desk d;
	struct client c;

	desk_open(&d, echo, NULL);
	c = client_open(&d);
	client_say(&c, HEAD("HEAD", "/cse-in", "1") "Connection: close\r\n\r\n");
	while (!c.end) {
		client_hear(&c);
		loop_turn(d.a->loop, 1);
	}
	ck_assert_int_eq(strncmp(c.text, "HTTP/1.1 405 ", 13), 0);
	ck_assert_str_eq(strstr(c.text, "\r\n\r\n"), "\r\n\r\n");
	client_close(&c);
	desk_close(&d);
}
END_TEST

/* --- Expect (RFC 9110 10.1.1) --------------------------------------------------------------------------------------------- */

START_TEST(goes_on_when_asked)
{
	struct desk d;
	struct client c;

	desk_open(&d, echo, NULL);
	c = client_open(&d);
	for (int i = 0; i < 2; i++) {
		client_say(&c, HEAD("POST", "/cse-in/CDev1", "1") "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
		ck_assert_uint_eq(client_answer(&c), 100);
		ck_assert_uint_eq(d.cse.requests, (unsigned)i);
		client_say(&c, "{}");
		ck_assert_uint_eq(client_answer(&c), 200);
		ck_assert(client_holds(&c, "\r\n\r\n{}") && !client_holds(&c, "Expect"));
	}
	/* Content that is there needs no word. */
	client_say(&c, HEAD("POST", "/cse-in/CDev1", "2") "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}");
	ck_assert_uint_eq(client_answer(&c), 200);
	client_close(&c);
	desk_close(&d);
}
END_TEST

START_TEST(asks_for_nothing_that_it_will_not_hear)
{
	static const char *const texts[] = {
		"POST / HTTP/1.1\r\nHost: attacker.example\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
		HEAD("POST", "/", "1") "Expect: 100-continue\r\nContent-Length: 1025\r\n\r\n",
		HEAD("POST", "/", "1") "Expect: 100-continue\r\nSec-Fetch-Site: same-site\r\nContent-Length: 2\r\n\r\n",
	};
	static const unsigned status[] = { 421, 413, 403 };
	struct desk d;
	struct client c;

	desk_open(&d, echo, small);
	c = client_open(&d);
	client_say(&c, texts[_i]);
	ck_assert_uint_eq(client_answer(&c), status[_i]);
	client_ends(&c);
	client_close(&c);
	desk_close(&d);
}
END_TEST

START_TEST(who_does_not_go_on_has_his_time)
{
	struct desk d;
	struct client c;

	desk_open(&d, echo, NULL);
	c = client_open(&d);
	client_say(&c, HEAD("POST", "/cse-in/CDev1", "1") "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	ck_assert_uint_eq(client_answer(&c), 100);
	desk_later(&d, 30 * US_PER_S);
	ck_assert_uint_eq(client_answer(&c), 408);
	client_ends(&c);
	client_close(&c);
	goes_on(&d);
	desk_close(&d);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("agent/door");
	TCase *t = tcase_create("door");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, carries_what_onem2m_knows);
	tcase_add_test(t, pipelined_requests_are_answered_in_order);
	tcase_add_test(t, a_long_row_of_requests);
	tcase_add_test(t, nothing_behind_the_last_request_is_carried);
	tcase_add_test(t, bytes_come_one_by_one);
	tcase_add_test(t, clients_may_use_one_identifier);
	tcase_add_test(t, a_new_agent_avoids_identifiers_of_the_one_before);
	tcase_add_test(t, who_says_nothing_is_left);
	tcase_add_test(t, half_a_head_has_its_time);
	tcase_add_test(t, half_a_body_has_its_time);
	tcase_add_test(t, a_kept_connection_rests_for_five_minutes);
	tcase_add_loop_test(t, lines_up_to_the_bound, 0, 6);
	tcase_add_test(t, targets_up_to_the_bound);
	tcase_add_loop_test(t, bodies_up_to_the_bound, 0, 2);
	tcase_add_test(t, chunks_have_a_bound_together);
	tcase_add_test(t, a_large_answer_waits_for_a_slow_client);
	tcase_add_test(t, so_many_connections_and_no_more);
	tcase_add_loop_test(t, is_not_carried, 0, (int)ARRAY_LEN(odd));
	tcase_add_test(t, a_page_that_may);
	tcase_add_test(t, a_head_request_is_answered_without_content);
	tcase_add_test(t, goes_on_when_asked);
	tcase_add_loop_test(t, asks_for_nothing_that_it_will_not_hear, 0, 3);
	tcase_add_test(t, who_does_not_go_on_has_his_time);
	suite_add_tcase(s, t);
	return desk_run(s);
}
