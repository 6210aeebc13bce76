/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications on real connections: a CSE that the agent knows by its certificate, and strangers, on one side; on the other a local
 * client's own little server, which is there, is gone, is another user's, and answers well, badly or not at all (security-model 3.3 to 3.5). */
#include "agent/notice.h"

#include "tests/unit/agent/told.h"

/* --- what is told -------------------------------------------------------------------------------------------------------- */

START_TEST(is_told_at_its_own_url)
{
	struct test t;
	struct client cse, local;
	char host[64];

	begin(&t, NULL);
	cse = call(&t);
	notify(&cse, t.token, "n1", "User-Agent: troth\r\n", SGN);
	local = listen_in(&t);
	ck_assert_int_eq(strncmp(local.text, "POST /in?x=1 HTTP/1.1\r\n", 23), 0);
	snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%u\r\n", t.port);
	ck_assert(client_said(&local, host) && client_said(&local, "X-M2M-RI: n1\r\n") && client_said(&local, "X-M2M-Origin: /id-in\r\n"));
	ck_assert(client_said(&local, "Content-Type: application/vnd.onem2m-ntfy+json\r\n"));
	ck_assert(!client_said(&local, "secret") && !client_said(&local, "User-Agent"));
	ck_assert(client_holds(&local, SGN));
	ck_assert(client_is_quiet(&cse));
	client_say(&local, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	ck_assert_uint_eq(client_answer(&cse), 200);
	ck_assert(client_said(&cse, "X-M2M-RSC: 2000\r\n") && client_said(&cse, "X-M2M-RI: n1\r\n"));
	/* The next on the same two connections. */
	notify(&cse, t.token, "n2", "", SGN);
	client_next(&local);
	ck_assert(client_said(&local, "X-M2M-RI: n2\r\n"));
	ck_assert(nobody_is_told(&t));
	client_say(&local, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	ck_assert_uint_eq(client_answer(&cse), 200);
	client_close(&local);
	client_close(&cse);
	finish(&t);
}
END_TEST

/* RFC 9112 9.3.2: one after the other, in order; the second may even begin in the middle. */
START_TEST(pipelined_notifications)
{
	struct test t;
	struct client cse, local;

	begin(&t, NULL);
	cse = call(&t);
	notify(&cse, t.token, "n1", "", SGN);
	notify(&cse, t.token, "n2", "", SGN);
	client_say(&cse, "POST /");
	local = listen_in(&t);
	ck_assert(client_said(&local, "X-M2M-RI: n1\r\n"));
	ck_assert(client_is_quiet(&local) && nobody_is_told(&t));
	client_say(&local, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	client_next(&local);
	ck_assert(client_said(&local, "X-M2M-RI: n2\r\n"));
	client_say(&local, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	ck_assert_uint_eq(client_answer(&cse), 200);
	ck_assert(client_said(&cse, "X-M2M-RI: n1\r\n"));
	ck_assert_uint_eq(client_answer(&cse), 200);
	ck_assert(client_said(&cse, "X-M2M-RI: n2\r\n"));
	client_close(&local);
	client_close(&cse);
	finish(&t);
}
END_TEST

static const struct {
	const char *text;
	bool ends;           /* it closes behind that */
	unsigned status;
	const char *says, *holds;
} replies[] = {
	/* TS-0009 6.3.2: OK is 200, and what many small servers say means it */
	{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false, 200, "X-M2M-RSC: 2000\r\n", NULL },
	{ "HTTP/1.1 204 No Content\r\n\r\n", false, 200, "X-M2M-RSC: 2000\r\n", NULL },
	{ "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", false, 200, "X-M2M-RSC: 2000\r\n", NULL },
	{ "HTTP/1.1 204 No Content\r\nX-M2M-RSC: 2000\r\nX-M2M-RI: n1\r\n\r\n", false, 200, "X-M2M-RSC: 2000\r\n", NULL },
	{ "HTTP/1.1 403 \r\nX-M2M-RSC: 4103\r\nX-M2M-RI: n1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", false, 403,
	  "X-M2M-RSC: 4103\r\n", "{}" },
	/* RFC 9112 6.3, 7.1; RFC 9110 15.2 */
	{ "HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", false, 200,
	  "Content-Length: 2\r\n", "{}" },
	{ "HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nContent-Type: application/json\r\n\r\n{}", true, 200, "Content-Length: 2\r\n", "{}" },
	{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, 200, "X-M2M-RSC: 2000\r\n", NULL },
	/* It has heard, and cannot now: no word of oneM2M, so the CSE tries again */
	{ "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops", false, 500, NULL, NULL },
	/* What is no answer */
	{ "", true, 503, NULL, NULL },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", true, 503, NULL, NULL },
	{ "HTTP/1.1 200 OK\r\nContent-Le", true, 503, NULL, NULL },
	{ "SSH-2.0-nonsense\r\n\r\n", false, 503, NULL, NULL },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", false, 503, NULL, NULL },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, 503, NULL, NULL },
	{ "HTTP/1.1 101 Switching Protocols\r\n\r\n", true, 503, NULL, NULL },
};

START_TEST(answers_of_local_clients)
{
	struct test t;
	struct client cse, local;

	begin(&t, NULL);
	cse = call(&t);
	notify(&cse, t.token, "n1", "", SGN);
	local = listen_in(&t);
	client_say(&local, replies[_i].text);
	if (replies[_i].ends)
		client_close(&local);
	ck_assert_uint_eq(client_answer(&cse), replies[_i].status);
	ck_assert(!replies[_i].says || client_said(&cse, replies[_i].says));
	ck_assert(!replies[_i].says || replies[_i].holds || client_said(&cse, "X-M2M-RI: n1\r\n"));
	ck_assert(replies[_i].says || !client_said(&cse, "X-M2M-RSC"));
	ck_assert(!replies[_i].holds || client_holds(&cse, replies[_i].holds));
	ck_assert(replies[_i].holds || replies[_i].status == 503 || cse.body_n == 0);
	ck_assert(client_is_quiet(&cse));
	if (!replies[_i].ends)
		client_close(&local);
	client_close(&cse);
	tells(&t);
	finish(&t);
}
END_TEST

START_TEST(a_local_client_that_is_silent)
{
	struct test t;
	struct client cse, local;

	begin(&t, NULL);
	cse = call(&t);
	notify(&cse, t.token, "n1", "", SGN);
	local = listen_in(&t);
	client_say(&local, "HTTP/1.1 200 OK\r\n");
	desk_later(&t.d, 19 * US_PER_S);
	client_say(&local, "X: y\r\n");
	ck_assert(client_is_quiet(&cse));
	desk_later(&t.d, US_PER_S);
	ck_assert_uint_eq(client_answer(&cse), 503);
	ck_assert(!client_said(&cse, "X-M2M-RSC"));
	client_ends(&local);
	client_close(&local);
	client_close(&cse);
	tells(&t);
	finish(&t);
}
END_TEST

START_TEST(nobody_listens)
{
	struct test t;
	struct client cse;

	begin(&t, NULL);
	close(t.ear);
	t.ear = -1;
	cse = call(&t);
	for (int i = 0; i < 2; i++) {
		notify(&cse, t.token, "n1", "", SGN);
		ck_assert_uint_eq(client_answer(&cse), 503);
		ck_assert(!client_said(&cse, "X-M2M-RSC"));
	}
	client_close(&cse);
	finish(&t);
}
END_TEST

/* security-model 3.2 for the way in: a process of another user hears nothing, whatever port it took. */
START_TEST(another_user_listens)
{
	enum { OTHER = 4242 };
	struct test t;
	struct client cse;

	if (geteuid() != 0)
		return; /* nobody else can be played */
	begin(&t, NULL);
	close(t.ear);
	ck_assert_int_eq(seteuid(OTHER), 0);
	t.ear = listen_v4(&t.port);
	ck_assert_int_eq(seteuid(0), 0);
	know(&t, BOOK_SUB, "127.0.0.1");
	cse = call(&t);
	notify(&cse, t.token, "n1", "", SGN);
	ck_assert_uint_eq(client_answer(&cse), 503);
	ck_assert(nobody_is_told(&t));
	client_close(&cse);
	finish(&t);
}
END_TEST

/* A server may end a kept connection at any time (RFC 9112 9.3.1, 9.5): the notification is not lost for that. */
START_TEST(a_kept_connection_that_ends)
{
	struct test t;
	struct client cse, local;

	begin(&t, NULL);
	cse = call(&t);
	for (int i = 0; i < 3; i++) {
		notify(&cse, t.token, "n", "", SGN);
		local = listen_in(&t);
		client_say(&local, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		ck_assert_uint_eq(client_answer(&cse), 200);
		if (i == 0) { /* seen before the next one comes */
			client_close(&local);
			continue;
		}
		/* Closed with the next one on its way: the agent has not turned meanwhile. */
		notify(&cse, t.token, "again", "", SGN);
		client_next(&local);
		client_close(&local);
		local = listen_in(&t);
		ck_assert(client_said(&local, "X-M2M-RI: again\r\n"));
		/* Once. */
		client_close(&local);
		ck_assert_uint_eq(client_answer(&cse), 503);
	}
	client_close(&cse);
	finish(&t);
}
END_TEST

START_TEST(an_idle_local_connection_is_left)
{
	struct test t;
	struct client cse, local;

	begin(&t, NULL);
	cse = call(&t);
	notify(&cse, t.token, "n", "", SGN);
	local = listen_in(&t);
	client_say(&local, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	ck_assert_uint_eq(client_answer(&cse), 200);
	desk_later(&t.d, 29 * US_PER_S);
	ck_assert(client_is_quiet(&local));
	desk_later(&t.d, US_PER_S);
	client_ends(&local);
	client_close(&local);
	tells(&t);
	client_close(&cse);
	finish(&t);
}
END_TEST

START_TEST(localhost_is_tried_at_both_addresses)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct test t;
	struct client cse, local;

	begin(&t, NULL);
	close(t.ear);
	t.ear = listen_at((struct sockaddr *)&in6, sizeof(in6), &t.port);
	if (t.ear >= 0) { /* a machine with IPv6 */
		know(&t, BOOK_SUB, "localhost");
		cse = call(&t);
		notify(&cse, t.token, "n", "", SGN);
		local = listen_in(&t);
		client_say(&local, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		ck_assert_uint_eq(client_answer(&cse), 200);
		client_close(&local);
		client_close(&cse);
	}
	finish(&t);
}
END_TEST

/* --- whom it is told of -------------------------------------------------------------------------------------------------- */

/* security-model 3.5: at a point of access only what an own subscription asked for. */
START_TEST(only_what_was_asked_for)
{
	struct test t;
	struct client cse, local;

	begin(&t, NULL);
	know(&t, BOOK_POA, "127.0.0.1");
	cse = call(&t);
	notify(&cse, t.token, "n1", "", SGN);
	ck_assert_uint_eq(client_answer(&cse), 403);
	ck_assert(client_said(&cse, "X-M2M-RSC: 4103\r\n") && client_said(&cse, "X-M2M-RI: n1\r\n"));
	ck_assert(client_holds(&cse, "{\"m2m:dbg\":\""));
	notify(&cse, t.token, "n2", "", "{\"m2m:sgn\":{\"vrq\":true,\"cr\":\"COther\",\"sur\":\"/id-in/sub9\"}}");
	ck_assert_uint_eq(client_answer(&cse), 403);
	ck_assert(nobody_is_told(&t));
	ck_assert_int_eq(book_add_sub(t.d.a->book, STR("/id-in/sub1"), identity_cse(t.d.a->identity)), 0);
	notify(&cse, t.token, "n3", "", SGN);
	local = listen_in(&t);
	ck_assert(client_said(&local, "X-M2M-RI: n3\r\n"));
	client_close(&local);
	ck_assert_uint_eq(client_answer(&cse), 503);
	client_close(&cse);
	finish(&t);
}
END_TEST

START_TEST(a_policy_bounds_type_and_size)
{
	static const char *const sets[] = { "policy.take_types=m2m:cin", "policy.take_bytes=200", NULL };
	struct test t;
	struct client cse;
	char body[301];

	memset(body, ' ', 300);
	memcpy(body, SGN, sizeof(SGN) - 1);
	body[300] = 0;
	begin(&t, sets);
	cse = call(&t);
	notify(&cse, t.token, "n", "", "{\"m2m:sgn\":{\"sur\":\"/id-in/sub1\",\"nev\":{\"rep\":{\"m2m:cnt\":{}}}}}");
	ck_assert_uint_eq(client_answer(&cse), 403);
	notify(&cse, t.token, "n", "", body);
	ck_assert_uint_eq(client_answer(&cse), 403);
	ck_assert(nobody_is_told(&t));
	tells(&t);
	client_close(&cse);
	finish(&t);
}
END_TEST

START_TEST(nobody_is_known_there)
{
	static const char *const paths[] = { "", "x", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaaaaaaaaa", "%61aaaaaaaaaaaaaaaaaaaaaaa" };
	struct test t;
	struct client cse;
	char query[64];

	begin(&t, NULL);
	cse = call(&t);
	snprintf(query, sizeof(query), "%s?x", t.token);
	for (unsigned i = 0; i <= ARRAY_LEN(paths); i++) {
		notify(&cse, i < ARRAY_LEN(paths) ? paths[i] : query, "n", "", SGN);
		ck_assert_uint_eq(client_answer(&cse), 404);
		ck_assert(client_said(&cse, "X-M2M-RSC: 4004\r\n"));
	}
	ck_assert(nobody_is_told(&t));
	client_close(&cse);
	finish(&t);
}
END_TEST

/* Another device's certificate is of the same authority (security-model 3.3, agent/README). */
START_TEST(only_the_cse_is_heard)
{
	struct test t;
	struct client c;
	SSL_CTX *device, *none = SSL_CTX_new(TLS_client_method());

	begin(&t, NULL);
	device = context(&t.d, "CDev2");
	for (int i = 0; i < 2; i++) {
		c = call_with(&t, i ? none : device);
		if (!c.end)
			notify(&c, t.token, "n", "", SGN);
		client_ends(&c);
		ck_assert_uint_eq(c.n, 0);
		client_close(&c);
	}
	ck_assert(nobody_is_told(&t));
	tells(&t);
	SSL_CTX_free(device);
	SSL_CTX_free(none);
	finish(&t);
}
END_TEST

/* --- what is no notification ------------------------------------------------------------------------------------------------ */

static const struct {
	const char *text;
	unsigned status;
	const char *says;
	bool stays;
} odd[] = {
	{ "GET /x HTTP/1.1\r\nHost: x\r\n\r\n", 405, "Allow: POST\r\n", true },
	{ "DELETE /x HTTP/1.1\r\nHost: x\r\n\r\n", 405, "Allow: POST\r\n", true },
	{ "POST /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", 417, NULL, false },
	{ "POST /x HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 2\r\n\r\n", 417, NULL, false },
	{ "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1025\r\n\r\n", 413, NULL, false },
	{ "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n", 413, NULL, false },
	{ "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n", 400, NULL, false },
	{ "POST /x HTTP/1.1\r\n\r\n", 400, NULL, false },
	{ "nonsense\r\n\r\n", 400, NULL, false },
};

START_TEST(is_not_told)
{
	static const char *const small[] = { "agent.max_body=1024", NULL };
	struct test t;
	struct client cse;

	begin(&t, small);
	cse = call(&t);
	client_say(&cse, odd[_i].text);
	ck_assert_uint_eq(client_answer(&cse), odd[_i].status);
	ck_assert(!odd[_i].says || client_said(&cse, odd[_i].says));
	ck_assert(!client_said(&cse, "X-M2M-RSC"));
	if (odd[_i].stays)
		ck_assert(client_is_quiet(&cse));
	else
		client_ends(&cse);
	ck_assert(nobody_is_told(&t));
	client_close(&cse);
	tells(&t);
	finish(&t);
}
END_TEST

START_TEST(heads_up_to_the_bound)
{
	struct test t;
	struct client cse, local;
	char field[NOTICE_LINE + 4];

	begin(&t, NULL);
	for (unsigned more = 0; more < 2; more++) {
		memset(field, 'x', sizeof(field));
		memcpy(field, "X-M2M-F:", 8);
		memcpy(field + NOTICE_LINE + more, "\r\n", 3);
		cse = call(&t);
		client_say(&cse, "POST /");
		client_say(&cse, t.token);
		client_say(&cse, " HTTP/1.1\r\nHost: x\r\nX-M2M-RI: n\r\n");
		client_say(&cse, field);
		client_say(&cse, "Content-Length: 2\r\n\r\n{}");
		if (!more) {
			local = listen_in(&t);
			ck_assert(client_holds(&local, "{}"));
			client_close(&local);
		}
		ck_assert_uint_eq(client_answer(&cse), more ? 431 : 503);
		client_close(&cse);
	}
	finish(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("agent/notice");
	TCase *t = tcase_create("notice");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, is_told_at_its_own_url);
	tcase_add_test(t, pipelined_notifications);
	tcase_add_loop_test(t, answers_of_local_clients, 0, (int)ARRAY_LEN(replies));
	tcase_add_test(t, a_local_client_that_is_silent);
	tcase_add_test(t, nobody_listens);
	tcase_add_test(t, another_user_listens);
	tcase_add_test(t, a_kept_connection_that_ends);
	tcase_add_test(t, an_idle_local_connection_is_left);
	tcase_add_test(t, localhost_is_tried_at_both_addresses);
	tcase_add_test(t, only_what_was_asked_for);
	tcase_add_test(t, a_policy_bounds_type_and_size);
	tcase_add_test(t, nobody_is_known_there);
	tcase_add_test(t, only_the_cse_is_heard);
	tcase_add_loop_test(t, is_not_told, 0, (int)ARRAY_LEN(odd));
	tcase_add_test(t, heads_up_to_the_bound);
	suite_add_tcase(s, t);
	return desk_run(s);
}
