/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of TS-0009: notifications as HTTP requests (6.2 to 6.5), answers as results.  Connections: flows and tests/fault. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "bindings/http_client.h"
#include "cse/base/err.h"

static struct arena a;

static char *head_of(const struct prim *p, const char *url, size_t body)
{
	struct url at;
	struct why w = { 0 };
	struct buf b;
	char *text;

	ck_assert_int_eq(url_parse(str_of(url), &at, &w), RSC_NONE);
	buf_init(&b, 65536);
	http_client_head(&b, p, &at, body);
	ck_assert(!b.over);
	text = strndup(b.p, b.n);
	buf_fini(&b);
	return text;
}

static struct prim notify(void)
{
	struct prim p;

	prim_init(&p, &a);
	p.op = OP_NOTIFY;
	p.fr = STR("/id-in");
	p.rqi = STR("r-1");
	p.rvi_text = STR("3");
	return p;
}

START_TEST(a_notification_is_a_post)
{
	struct prim p = notify();
	char *t = head_of(&p, "https://dev.example:8443/in/box?x=1", 17);

	/* 6.2.1, 6.2.2.1, 6.4.1, 6.4.3; a Notify has no ty. */
	ck_assert_str_eq(t, "POST /in/box?x=1 HTTP/1.1\r\nHost: dev.example:8443\r\nX-M2M-Origin: /id-in\r\nX-M2M-RI: r-1\r\nX-M2M-RVI: 3\r\n"
	                    "Accept: application/json\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n");
	free(t);
	t = head_of(&p, "https://[2001:db8::1]", 0);
	ck_assert(strncmp(t, "POST / HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n", 42) == 0);
	free(t);
	t = head_of(&p, "https://dev.example?q", 0);
	ck_assert(strncmp(t, "POST /?q HTTP/1.1\r\n", 19) == 0);
	free(t);
}
END_TEST

START_TEST(parameters_are_fields)
{
	struct prim p = notify();
	char *t;

	p.ec = 2;
	p.has |= 1u << P_EC | 1u << P_VSI;
	p.rqet = STR("20261120T100005");
	p.ot = STR("20261120T100000");
	p.gid = STR("g1");
	p.vsi = STR("vendor");
	t = head_of(&p, "https://h/", 1);
	ck_assert(strstr(t, "\r\nX-M2M-EC: 2\r\n") && strstr(t, "\r\nX-M2M-RET: 20261120T100005\r\n") && strstr(t, "\r\nX-M2M-OT: 20261120T100000\r\n") &&
	          strstr(t, "\r\nX-M2M-GID: g1\r\n") && strstr(t, "\r\nX-M2M-VSI: vendor\r\n"));
	free(t);
	/* Release 1: TS-0004 7.3.2.6. */
	p.rvi_text = STR_NONE;
	t = head_of(&p, "https://h/", 1);
	ck_assert(!strstr(t, "X-M2M-RVI"));
	free(t);
	/* What another channel brought must not become a field of its own. */
	p.fr = STR("C1\r\nX-M2M-RI: other");
	t = head_of(&p, "https://h/", 1);
	ck_assert(!strstr(t, "other") && !strstr(t, "X-M2M-Origin"));
	free(t);
}
END_TEST

static struct content pc;

static struct out_result answer(const char *text)
{
	static const struct http1_limits lim = { .line = 1000, .head = 4000, .body = 4000, .fields = 20 };
	struct http1_field fields[20];
	struct http1 h;
	size_t n = strlen(text);
	char *copy = arena_alloc(&a, n + 1);
	struct out_result r = { .err = 1 };
	enum http1_result parsed;

	memcpy(copy, text, n + 1);
	http1_init(&h, HTTP1_RESPONSE, &lim, fields);
	while ((parsed = http1_parse(&h, copy, &n)) == HTTP1_HEAD_DONE)
		;
	ck_assert_int_eq(parsed, HTTP1_DONE);
	http_client_answer(&a, &h, copy, STR("r-1"), &codec_limits_default, &r, &pc);
	return r;
}
#define ANSWER(fields, length, body) answer("HTTP/1.1 200 OK\r\n" fields "Content-Length: " length "\r\n\r\n" body)

START_TEST(answers_have_a_code_and_our_identifier)
{
	struct out_result r = ANSWER("X-M2M-RSC: 2000\r\nX-M2M-RI: r-1\r\n", "0", "");

	ck_assert(r.err == 0 && r.rsc == RSC_OK && r.pc == NULL);
	r = answer("HTTP/1.1 403 \r\nx-m2m-ri:r-1\r\nx-m2m-rsc:4101\r\nContent-Length: 0\r\n\r\n");
	ck_assert(r.err == 0 && r.rsc == RSC_SUBSCRIPTION_CREATOR_HAS_NO_PRIVILEGE);
	static const char *const bad[] = { "X-M2M-RSC: 2000\r\n", "X-M2M-RI: r-1\r\n", "X-M2M-RSC: 2000\r\nX-M2M-RI: r-2\r\n",
		                           "X-M2M-RSC: 200\r\nX-M2M-RI: r-1\r\n", "X-M2M-RSC: 20000\r\nX-M2M-RI: r-1\r\n",
		                           "X-M2M-RSC: 0200\r\nX-M2M-RI: r-1\r\n", "X-M2M-RSC: 2x00\r\nX-M2M-RI: r-1\r\n", "" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char text[300];

		snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n%sContent-Length: 0\r\n\r\n", bad[i]);
		r = answer(text);
		ck_assert_msg(r.err == E_CLOSED && r.pc == NULL, "%s", bad[i]);
	}
	r = answer("HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n");
	ck_assert_int_eq(r.err, E_CLOSED);
}
END_TEST

#define MINE "X-M2M-RSC: 2000\r\nX-M2M-RI: r-1\r\n"

START_TEST(content_is_decoded)
{
	struct out_result r = ANSWER(MINE "Content-Type: application/json\r\n", "17", "{\"m2m:dbg\": \"no\"}");

	ck_assert(r.err == 0 && r.pc == &pc && pc.kind == PC_ROOT && str_eqz(pc.v.s, "no"));
	r = ANSWER(MINE "Content-Type: application/vnd.onem2m-res+json\r\n", "24", "{\"m2m:cnt\": {\"mni\": 10}}");
	ck_assert(r.err == 0 && pc.kind == PC_RES && pc.res->type->ty == TY_CNT);
	ck_assert_int_eq(ANSWER(MINE, "17", "{\"m2m:dbg\": \"no\"}").err, E_CLOSED);
	ck_assert_int_eq(ANSWER(MINE "Content-Type: text/html\r\n", "17", "{\"m2m:dbg\": \"no\"}").err, E_CLOSED);
	ck_assert_int_eq(ANSWER(MINE "Content-Type: application/json\r\n", "5", "{\"m2m").err, E_CLOSED);
	ck_assert_int_eq(ANSWER(MINE "Content-Type: application/json\r\n", "13", "{\"x:y\": true}").err, E_CLOSED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http client");
	TCase *tc = tcase_create("all");

	arena_init(&a, 4096);
	tcase_add_test(tc, a_notification_is_a_post);
	tcase_add_test(tc, parameters_are_fields);
	tcase_add_test(tc, answers_have_a_code_and_our_identifier);
	tcase_add_test(tc, content_is_decoded);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	arena_fini(&a);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
