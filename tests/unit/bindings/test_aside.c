/* SPDX-License-Identifier: Apache-2.0 */
/* Paths beside primitives on a real HTTPS connection: what is told, how it is answered, and that no resource is hidden. */
#include "tests/unit/bindings/web.h"

static struct web w;
static struct client c;
static struct answer a;
static struct aside_ask *asked; /* not yet answered */
static unsigned n_asked;

#define HOST "Host: localhost\r\n"
#define WHO HOST "X-M2M-Origin: CAe\r\nX-M2M-RVI: 3\r\n"

static void ask(void *arg, struct aside_ask *q)
{
	ck_assert_ptr_eq(arg, &w);
	ck_assert_ptr_nonnull(q->ssl);
	ck_assert_ptr_null(asked);
	asked = q;
	n_asked++;
}

static const char *const paths[] = { "/-/live", "/-/room/", NULL };
static const struct aside aside = { .paths = paths, .ask = ask, .arg = &w };

static void setup(void)
{
	asked = NULL;
	n_asked = 0;
	web_open_with(&w, NULL, &aside);
	client_open(&c, &w);
	client_ask(&c, "GET /cse-in HTTP/1.1\r\n" WHO "X-M2M-RI: 0\r\n\r\n", 403, &a);
}

static void teardown(void)
{
	answer_free(&a);
	client_close(&c);
	web_close(&w);
}

static void reply(unsigned status, const char *body)
{
	struct aside_ask *q = asked;

	ck_assert_ptr_nonnull(q);
	asked = NULL;
	aside_answer(q, status, STR("text/x"), STR("X-One: 1\r\n"), str_of(body));
}

START_TEST(asked_and_answered)
{
	client_send(&c, "POST /-/room/a/b?x=1&y HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc"
	                "GET /-/live HTTP/1.1\r\n" HOST "\r\n");
	client_turns(&c, 50);
	ck_assert_uint_eq(n_asked, 1);
	ck_assert_int_eq((int)asked->method, HTTP1_POST);
	ck_assert(str_eqz(asked->path, "/-/room/a/b"));
	ck_assert(str_eqz(asked->query, "x=1&y"));
	ck_assert(str_eqz(asked->content_type, "text/plain"));
	ck_assert(str_eqz(asked->body, "abc"));
	ck_assert(!asked->from_page);
	ck_assert(peer_is_credential(asked->peer, w.cred_id));
	reply(201, "made");
	ck_assert(client_answer(&c, &a));
	ck_assert_uint_eq(a.h.status, 201);
	ck_assert(str_eqz(a.body, "made"));
	ck_assert(str_eqz(answer_field(&a, "content-type"), "text/x"));
	ck_assert(str_eqz(answer_field(&a, "x-one"), "1"));
	ck_assert(str_eqz(answer_field(&a, "cache-control"), "no-store"));
	/* The next message waited for its turn. */
	client_turns(&c, 50);
	ck_assert_uint_eq(n_asked, 2);
	ck_assert(str_eqz(asked->path, "/-/live"));
	reply(200, "");
	ck_assert(client_answer(&c, &a));
	ck_assert_uint_eq(a.h.status, 200);
	ck_assert_uint_eq(a.body.n, 0);
}
END_TEST

/* "-" stands for the CSEBase's name (TS-0001 9.3.1): such a path may be a resource, and X-M2M-RI says so. */
START_TEST(primitives_are_not_hidden)
{
	client_ask(&c, "GET /-/live HTTP/1.1\r\n" WHO "X-M2M-RI: 1\r\n\r\n", 404, &a);
	ck_assert(str_eqz(answer_field(&a, "x-m2m-rsc"), "4004"));
	ck_assert_uint_eq(n_asked, 0);
}
END_TEST

START_TEST(other_paths)
{
	static const char *const others[] = { "/-/liv", "/-/live/", "/-/lives", "/-/room", "/-/room/", "/-", "/", "/~/id-in" };
	char text[200];

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n" HOST "\r\n", others[i]);
		client_send(&c, text);
		ck_assert(client_answer(&c, &a));
	}
	ck_assert_uint_eq(n_asked, 0);
}
END_TEST

START_TEST(browsers)
{
	static const struct {
		const char *head;
		bool page;
	} cases[] = { { "Origin: https://evil.example\r\n", true },
		      { "Origin: null\r\n", true },
		      { "Sec-Fetch-Site: cross-site\r\n", true },
		      { "Sec-Fetch-Site: same-origin\r\n", true },
		      { "Sec-Fetch-Site: none\r\n", false } };
	char text[200];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text), "GET /-/live HTTP/1.1\r\n" HOST "%s\r\n", cases[i].head);
		client_send(&c, text);
		client_turns(&c, 50);
		ck_assert_int_eq(asked->from_page, cases[i].page);
		reply(200, "x");
		ck_assert(client_answer(&c, &a));
	}
}
END_TEST

START_TEST(head_and_close)
{
	client_send(&c, "HEAD /-/live HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
	client_turns(&c, 50);
	ck_assert_int_eq((int)asked->method, HTTP1_HEAD);
	reply(200, "four");
	client_turns(&c, 50);
	buf_putc(&c.in, '\0');
	ck_assert_ptr_nonnull(strstr(c.in.p, "Content-Length: 4\r\n"));
	ck_assert_ptr_nonnull(strstr(c.in.p, "Connection: close\r\n"));
	ck_assert_str_eq(strstr(c.in.p, "\r\n\r\n"), "\r\n\r\n");
	ck_assert(c.clean);
}
END_TEST

/* The one who asked is gone: the answer goes nowhere, and nothing is touched that is no more. */
START_TEST(nobody_waits)
{
	struct client other;

	client_open(&other, &w);
	client_ask(&other, "GET /cse-in HTTP/1.1\r\n" WHO "X-M2M-RI: 0\r\n\r\n", 403, &a);
	client_send(&other, "GET /-/live HTTP/1.1\r\n" HOST "\r\n");
	client_turns(&other, 5);
	ck_assert_uint_eq(n_asked, 1);
	/* Nothing is read while a question is open: a reset is heard nevertheless. */
	struct linger hard = { 1, 0 };
	setsockopt(other.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	client_close(&other);
	for (int i = 0; i < 20; i++)
		loop_turn(w.g.loop, 1);
	ck_assert_ptr_null(asked->conn);
	reply(200, "late");
	client_ask(&c, "GET /cse-in HTTP/1.1\r\n" WHO "X-M2M-RI: 1\r\n\r\n", 403, &a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("aside");
	TCase *t = tcase_create("aside");

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, asked_and_answered);
	tcase_add_test(t, primitives_are_not_hidden);
	tcase_add_test(t, other_paths);
	tcase_add_test(t, browsers);
	tcase_add_test(t, head_and_close);
	tcase_add_test(t, nobody_waits);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
