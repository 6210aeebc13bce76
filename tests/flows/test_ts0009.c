/* SPDX-License-Identifier: Apache-2.0 */
/* The flows' own reading of TS-0009, against the examples of its tables. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/flows/ts0009.h"

static json_t *prim(const char *relaxed)
{
	struct scope sc = { json_object(), 0 };
	struct fail f = { 0 };
	json_t *p = relaxed_value(relaxed, &sc, &f);
	ck_assert_msg(p != NULL, "%s", f.text);
	json_decref(sc.vars);
	return p;
}

/* The request line of a primitive. */
static void line_is(const char *relaxed, const char *line)
{
	struct fail f = { 0 };
	json_t *p = prim(relaxed);
	size_t n;
	char *t = ts0009_request(p, "host", &n, &f);
	ck_assert_msg(t != NULL, "%s", f.text);
	*strstr(t, "\r\n") = 0;
	ck_assert_str_eq(t, line);
	free(t);
	json_decref(p);
}

static void has(const char *relaxed, const char *part)
{
	struct fail f = { 0 };
	json_t *p = prim(relaxed);
	size_t n;
	char *t = ts0009_request(p, "host", &n, &f);
	ck_assert_msg(t && strstr(t, part), "%s\nis not in\n%s", part, t ? t : f.text);
	ck_assert_uint_eq(strlen(t), n);
	free(t);
	json_decref(p);
}

START_TEST(paths_of_table_6_2_2_1_1)
{
	line_is("{op: 2, to: CSEBase/ae12/cont27}", "GET /CSEBase/ae12/cont27 HTTP/1.1");
	line_is("{op: 2, to: cin00856}", "GET /cin00856 HTTP/1.1");
	line_is("{op: 2, to: /CSE178/CSEBase/ae12}", "GET /~/CSE178/CSEBase/ae12 HTTP/1.1");
	line_is("{op: 2, to: /CSE178/cin00856}", "GET /~/CSE178/cin00856 HTTP/1.1");
	line_is("{op: 2, to: //mym2msp.org/CSE178/cin00856}", "GET /_/mym2msp.org/CSE178/cin00856 HTTP/1.1");
	line_is("{op: 2, to: \"a b%\"}", "GET /a%20b%25 HTTP/1.1");
}
END_TEST

START_TEST(methods_and_queries)
{
	line_is("{op: 1, to: a, ty: 3}", "POST /a HTTP/1.1");
	line_is("{op: 3, to: a}", "PUT /a HTTP/1.1");
	line_is("{op: 4, to: a, rcn: 0}", "DELETE /a?rcn=0 HTTP/1.1");
	line_is("{op: 5, to: a}", "POST /a HTTP/1.1");
	line_is("{op: 2, to: /C/R, rt: {rtv: 1}, rp: P1Y}", "GET /~/C/R?rp=P1Y&rt=1 HTTP/1.1");
	line_is("{op: 2, to: /C/R, fc: {ty: 3, atr: [{nm: cr, val: Sam}], fu: 1}}", "GET /~/C/R?ty=3&cr=Sam&fu=1 HTTP/1.1");
	line_is("{op: 2, to: a, fc: {ty: [2, 3, 4], lbl: [\"k:v\", \"a b\"]}}", "GET /a?ty=2+3+4&lbl=k%3Av+a%20b HTTP/1.1");
	line_is("{op: 2, to: //example.net/myCSE/-/Cont1, pc: {m2m:atrl: [ri, lbl, rr]}}",
	        "GET /_/example.net/myCSE/-/Cont1?atrl=ri+lbl+rr HTTP/1.1");
	line_is("{op: 2, to: //example.net/myCSE/-/Cont1#rr}", "GET /_/example.net/myCSE/-/Cont1?atrl=rr HTTP/1.1");
	line_is("{op: 2, to: a, drt: 2, tqi: true}", "GET /a?drt=2&tqi=true HTTP/1.1");
}
END_TEST

START_TEST(fields_and_content)
{
	static const char all[] = "{op: 1, to: a, ty: 3, fr: CAe, rqi: r2, rvi: 2a, vsi: v, rqet: \"5000\", rset: s, oet: o, ot: t, ec: 2,"
	                          " gid: g, tkns: [a.b.c, d.e.f], pc: {m2m:cnt: {mni: 1}}}";
	static const char *const parts[] = {
		"\r\nHost: host\r\n", "\r\nX-M2M-Origin: CAe\r\n", "\r\nX-M2M-RI: r2\r\n", "\r\nX-M2M-RVI: 2a\r\n", "\r\nX-M2M-VSI: v\r\n",
		"\r\nX-M2M-RET: 5000\r\n", "\r\nX-M2M-RST: s\r\n", "\r\nX-M2M-OET: o\r\n", "\r\nX-M2M-OT: t\r\n", "\r\nX-M2M-EC: 2\r\n",
		"\r\nX-M2M-GID: g\r\n", "\r\nAuthorization: a.b.c+d.e.f\r\n", "\r\nContent-Type: application/json;ty=3\r\n",
		"\r\nContent-Length: 21\r\n", "\r\n\r\n{\"m2m:cnt\":{\"mni\":1}}",
	};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		has(all, parts[i]);
	has("{op: 2, to: a, fr: CAe, rqi: r1}", "\r\nx-m2m-origin: CAe\r\nx-m2m-ri: r1\r\n");
	has("{op: 3, to: a, rqi: r2, pc: {a: \"\u00fc\"}}", "{\"a\":\"\xc3\xbc\"}");
	has("{op: 3, to: a, rqi: r1, pc: {a: \"\u00fc\"}}", "{\"a\":\"\\u00FC\"}");
	has("{op: 3, to: a, pc: {m2m:cnt: {}}}", "\r\nContent-Type: application/vnd.onem2m-res+json\r\n");
	has("{op: 5, to: a, pc: {m2m:sgn: {}}}", "\r\nContent-Type: application/vnd.onem2m-ntfy+json\r\n");
	struct fail f = { 0 };
	json_t *p = prim("{op: 9, to: a}");
	size_t n;
	ck_assert_ptr_null(ts0009_request(p, "host", &n, &f));
	json_decref(p);
}
END_TEST

static json_t *answered(const char *fields, const char *body, unsigned status, bool reason, const char *request, struct fail *f)
{
	struct ts0009_answer a = { .status = status, .has_reason = reason, .fields = prim(fields), .body = strdup(body),
		                 .body_n = strlen(body) };
	json_t *r = prim(request), *p = ts0009_response(&a, r, f);
	json_decref(r);
	ts0009_answer_fini(&a);
	return p;
}

START_TEST(responses_become_primitives)
{
	struct fail f = { 0 };
	json_t *p = answered("{x-m2m-rsc: [\"2000\"], x-m2m-ri: [r1], x-m2m-rvi: [\"3\"], x-m2m-cts: [\"1\"], x-m2m-cto: [\"4\"],"
	                     "content-type: [application/json], content-length: [\"19\"]}",
	                     "{\"m2m:cnt\":{\"st\":1}}", 200, false, "{op: 2}", &f);
	json_t *want = prim("{rsc: 2000, rqi: r1, rvi: \"3\", cnst: 1, cnot: 4, pc: {m2m:cnt: {st: 1}}}");
	ck_assert_str_eq(f.text, "Content-Length is 19, the body has 20 bytes");
	ck_assert(json_equal(p, want));
	json_decref(p);
	json_decref(want);
}
END_TEST

static void complains(const char *fields, const char *body, unsigned status, bool reason, const char *request, const char *why)
{
	struct fail f = { 0 };
	json_t *p = answered(fields, body, status, reason, request, &f);
	ck_assert_msg(why[0] ? strstr(f.text, why) != NULL : f.text[0] == 0, "'%s' does not say '%s'", f.text, why);
	json_decref(p);
}

START_TEST(violations_are_told)
{
	complains("{x-m2m-rsc: [\"4004\"]}", "", 404, false, "{op: 2}", "");
	complains("{x-m2m-rsc: [\"4004\"]}", "", 400, false, "{op: 2}", "is HTTP status 404, came 400");
	complains("{x-m2m-rsc: [\"5207\"]}", "", 406, false, "{op: 2}", "");
	complains("{x-m2m-rsc: [\"4105\"]}", "", 403, false, "{op: 1}", "is HTTP status 409");
	complains("{x-m2m-rsc: [\"2000\"]}", "", 200, true, "{op: 2}", "reason phrase");
	complains("{x-m2m-rsc: [\"2000\", \"2000\"]}", "", 200, false, "{op: 2}", "more than once");
	complains("{x-m2m-rsc: [ok]}", "", 200, false, "{op: 2}", "no number");
	complains("{x-m2m-ri: [a]}", "gone", 400, false, "{op: 2}", "without X-M2M-RSC");
	complains("{x-m2m-rsc: [\"2000\"]}", "{}", 200, false, "{op: 2}", "content type");
	complains("{x-m2m-rsc: [\"2000\"], content-type: [application/json]}", "[1]", 200, false, "{op: 2}", "no JSON object");
	complains("{x-m2m-rsc: [\"2001\"], content-type: [application/json]}", "{\"m2m:uri\":\"a/b\"}", 201, false, "{op: 1}",
	          "Content-Location is missing");
	complains("{x-m2m-rsc: [\"2001\"], content-type: [application/json], content-location: [/a/b]}", "{\"m2m:uri\":\"a/b\"}", 201,
	          false, "{op: 1}", "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("flows: HTTP by TS-0009");
	TCase *tc = tcase_create("all");
	tcase_add_test(tc, paths_of_table_6_2_2_1_1);
	tcase_add_test(tc, methods_and_queries);
	tcase_add_test(tc, fields_and_content);
	tcase_add_test(tc, responses_become_primitives);
	tcase_add_test(tc, violations_are_told);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
