/* SPDX-License-Identifier: Apache-2.0 */
/* What the administrator's requests say: members, durations, queries; each refusal names what is wrong. */
#include "admin/ask.h"

#include <check.h>
#include <stdlib.h>

#include "cse/base/err.h"

#define MIN "\"csr\":\"x\",\"names\":[\"CDev1\"]"

START_TEST(a_whole_request)
{
	struct arena a;
	struct ask_issue q;
	struct why why = { 0 };

	arena_init(&a, 1024);
	ck_assert_int_eq(ask_read_issue(&a, STR("{" MIN "}"), &q, &why), RSC_NONE);
	ck_assert(str_eqz(q.csr, "x") && q.kind == CRED_DEVICE && q.names.n == 1 && q.zone == ZONE_DEFAULT && q.life_us == 0);
	ck_assert(q.max_ae == 1 && !q.random_stems && !q.replace && !q.has_location && q.country.n == 0);
	ck_assert_int_eq(ask_read_issue(&a,
	                                STR("{\"csr\":\"y\",\"kind\":\"gateway\",\"names\":[\"C*\",\"/mn1\"],\"zone\":7,"
	                                    "\"life\":\"2h\",\"maxAe\":9,\"randomStems\":true,\"replace\":true,"
	                                    "\"location\":{\"lat\":37.5,\"lon\":127,\"country\":\"KR\"}}"),
	                                &q, &why),
	                 RSC_NONE);
	ck_assert(q.kind == CRED_GATEWAY && q.names.n == 2 && str_eqz(q.names.v[1], "/mn1") && q.zone == 7);
	ck_assert_int_eq(q.life_us, INT64_C(7200000000));
	ck_assert(q.max_ae == 9 && q.random_stems && q.replace && q.has_location && str_eqz(q.country, "KR"));
	ck_assert_double_eq(q.lat, 37.5);
	ck_assert_double_eq(q.lon, 127);
	arena_fini(&a);
}
END_TEST

static const struct {
	const char *body, *says;
} bad[] = {
	{ "", "no JSON object" },
	{ "[]", "no JSON object" },
	{ "{" MIN, "no JSON object" },
	{ "{" MIN "} x", "no JSON object" },
	{ "{" MIN ",\"csr\":\"z\"}", "no JSON object" },
	{ "{\"csr\":\"x\"}", "names is missing" },
	{ "{\"names\":[\"C1\"]}", "csr is missing" },
	{ "{\"csr\":1,\"names\":[\"C1\"]}", "csr must be" },
	{ "{\"csr\":\"x\",\"names\":[]}", "names must be" },
	{ "{\"csr\":\"x\",\"names\":\"C1\"}", "names must be" },
	{ "{\"csr\":\"x\",\"names\":[1]}", "names must be" },
	{ "{\"csr\":\"x\",\"names\":[\"\"]}", "names must be" },
	{ "{\"csr\":\"x\",\"names\":[\"C1\",\"C1\"]}", "without repetition" },
	{ "{" MIN ",\"kind\":\"king\"}", "kind must be" },
	{ "{" MIN ",\"kind\":1}", "kind must be" },
	{ "{" MIN ",\"zone\":0}", "zone must be" },
	{ "{" MIN ",\"zone\":65536}", "zone must be" },
	{ "{" MIN ",\"zone\":1.5}", "zone must be" },
	{ "{" MIN ",\"life\":\"24\"}", "life must be" },
	{ "{" MIN ",\"life\":\"0s\"}", "life must be" },
	{ "{" MIN ",\"life\":24}", "life must be" },
	{ "{" MIN ",\"maxAe\":0}", "maxAe must be" },
	{ "{" MIN ",\"randomStems\":1}", "randomStems must be" },
	{ "{" MIN ",\"replace\":\"yes\"}", "replace must be" },
	{ "{" MIN ",\"location\":{\"lat\":1}}", "location must be" },
	{ "{" MIN ",\"location\":{}}", "location must be" },
	{ "{" MIN ",\"location\":{\"lat\":\"1\",\"lon\":2}}", "location must be" },
	{ "{" MIN ",\"location\":{\"country\":\"KOR\"}}", "country must be" },
	{ "{" MIN ",\"location\":{\"country\":\"KR\",\"x\":1}}", "location must be" },
	{ "{" MIN ",\"csrr\":1}", "not known" },
};

START_TEST(refusals_name_the_member)
{
	struct arena a;
	struct ask_issue q;
	struct why why = { 0 };

	arena_init(&a, 1024);
	ck_assert_int_eq(ask_read_issue(&a, str_of(bad[_i].body), &q, &why), RSC_BAD_REQUEST);
	ck_assert_msg(strstr(why.text, bad[_i].says) != NULL, "%s: %s", bad[_i].body, why.text);
	arena_fini(&a);
}
END_TEST

START_TEST(many_names)
{
	struct arena a;
	struct ask_issue q;
	struct why why = { 0 };
	struct buf b;

	arena_init(&a, 1024);
	for (unsigned n = ASK_NAMES; n <= ASK_NAMES + 1; n++) {
		buf_init(&b, 65536);
		BUF_LIT(&b, "{\"csr\":\"x\",\"names\":[\"C0\"");
		for (unsigned i = 1; i < n; i++)
			buf_printf(&b, ",\"C%u\"", i);
		BUF_LIT(&b, "]}");
		ck_assert_int_eq(ask_read_issue(&a, buf_as_str(&b), &q, &why), n == ASK_NAMES ? RSC_NONE : RSC_BAD_REQUEST);
		buf_fini(&b);
	}
	arena_fini(&a);
}
END_TEST

START_TEST(durations)
{
	static const struct {
		const char *text;
		int64_t seconds;
		int err;
	} d[] = { { "1s", 1, 0 }, { "15m", 900, 0 }, { "24h", 86400, 0 }, { "36500d", INT64_C(3153600000), 0 },
		  { "36501d", 0, E_RANGE }, { "999999999h", 0, E_RANGE }, { "1", 0, E_SYNTAX }, { "h", 0, E_SYNTAX },
		  { "1w", 0, E_SYNTAX }, { "-1s", 0, E_SYNTAX }, { "1 s", 0, E_SYNTAX }, { "1234567890s", 0, E_SYNTAX }, { "", 0, E_SYNTAX } };
	for (size_t i = 0; i < ARRAY_LEN(d); i++) {
		int64_t us = 0;
		ck_assert_msg(ask_duration(str_of(d[i].text), &us) == d[i].err, "%s", d[i].text);
		ck_assert_int_eq(us, d[i].seconds * 1000000);
	}
}
END_TEST

START_TEST(queries)
{
	uint64_t v = 1;
	ck_assert_int_eq(ask_query(STR("from=12&reveal=1"), "reveal", 0, &v), 0);
	ck_assert_uint_eq(v, 1);
	ck_assert_int_eq(ask_query(STR("from=12&reveal=1"), "from", 0, &v), 0);
	ck_assert_uint_eq(v, 12);
	ck_assert_int_eq(ask_query(STR("fromx=12"), "from", 5, &v), 0);
	ck_assert_uint_eq(v, 5);
	ck_assert_int_eq(ask_query(STR(""), "from", 6, &v), 0);
	ck_assert_uint_eq(v, 6);
	ck_assert_int_eq(ask_query(STR("from="), "from", 0, &v), E_SYNTAX);
	ck_assert_int_eq(ask_query(STR("from"), "from", 0, &v), E_SYNTAX);
	ck_assert_int_eq(ask_query(STR("from=x"), "from", 0, &v), E_SYNTAX);
	ck_assert_uint_eq(v, 6);
}
END_TEST

START_TEST(texts_of_queries)
{
	static const struct {
		const char *query, *text;
	} good[] = {
		{ "from=cse-in/dev1&depth=2", "cse-in/dev1" }, { "a=b&from=x%20y", "x y" },    { "from=%2Fid-in%2f-", "/id-in/-" },
		{ "from=%c3%A4", "\xc3\xa4" },               { "from=a=b", "a=b" },           { "from=a&from=b", "a" },
	};
	static const char *const wrong[] = { "from=", "from", "from=%", "from=%4", "from=%4g", "from=%00", "from=%1f", "from=%ff", "from=%7F" };
	struct str s = STR_NONE;
	struct arena a;

	arena_init(&a, 256);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		ck_assert_int_eq(ask_query_text(&a, str_of(good[i].query), "from", &s), 0);
		ck_assert(str_eqz(s, good[i].text));
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		ck_assert_int_eq(ask_query_text(&a, str_of(wrong[i]), "from", &s), E_SYNTAX);
	ck_assert_int_eq(ask_query_text(&a, STR("fro=x&fromm=y"), "from", &s), E_ABSENT);
	ck_assert_int_eq(ask_query_text(&a, STR_NONE, "from", &s), E_ABSENT);
	char *large = arena_alloc(&a, 5 + ASK_TEXT_BYTES + 1);
	memcpy(large, "from=", 5);
	memset(large + 5, 'x', ASK_TEXT_BYTES + 1);
	ck_assert_int_eq(ask_query_text(&a, str_make(large, 5 + ASK_TEXT_BYTES), "from", &s), 0);
	ck_assert_int_eq(ask_query_text(&a, str_make(large, 5 + ASK_TEXT_BYTES + 1), "from", &s), E_SYNTAX);
	arena_fini(&a);
}
END_TEST

START_TEST(limits)
{
	static const struct {
		const char *body, *why;
	} refused[] = {
		{ "", "JSON object" },           { "[]", "JSON object" },        { "{}", "JSON object" },
		{ "{\"json_depth\": 1.5}", "limits.json_depth must be" },        { "{\"json_depth\": true}", "must be" },
		{ "{\"https.listen\": \"x\"}", "no limit" },                     { "{\"cse.loops\": 2}", "no limit" },
		{ "{\"max_body\": 2}", "no limit" },                             { "{\"access.without_acpi\": \"parent\"}", "no limit" },
		{ "{\"json_depth\": 9, \"limits.json_depth\": 9}", "twice" },    { "{\"json_depth\": 9, \"json_depth\": 9}", "JSON object" },
	};
	struct cse_option v[CONF_COUNT];
	struct arena a;
	size_t n = 0;

	arena_init(&a, 1024);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct why why = { 0 };
		ck_assert_int_eq(ask_read_limits(&a, str_of(refused[i].body), v, &n, &why), RSC_BAD_REQUEST);
		ck_assert_msg(strstr(why.text, refused[i].why) != NULL, "%s: %s", refused[i].body, why.text);
	}
	ck_assert_uint_eq(n, 0);
	struct why why = { 0 };
	struct str body = STR("{\"json_depth\": 40, \"https.max_body\": \"2M\", \"https.max_head\": null}");
	ck_assert_int_eq(ask_read_limits(&a, body, v, &n, &why), RSC_NONE);
	ck_assert_uint_eq(n, 3);
	for (size_t i = 0; i < n; i++) {
		if (v[i].id == CONF_JSON_DEPTH)
			ck_assert_str_eq(v[i].assignment, "limits.json_depth=40");
		else if (v[i].id == CONF_HTTP_BODY)
			ck_assert_str_eq(v[i].assignment, "https.max_body=2M");
		else
			ck_assert(v[i].id == CONF_HTTP_HEAD && v[i].assignment == NULL);
	}
	arena_fini(&a);
}
END_TEST

START_TEST(levels)
{
	static const char *const wrong[] = { "", "{}", "{\"level\":1}", "{\"level\":\"loud\"}", "{\"level\":\"\"}", "\"info\"" };
	enum log_level level = LOG_WARN;
	struct why why = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		ck_assert_int_eq(ask_read_level(str_of(wrong[i]), &level, &why), RSC_BAD_REQUEST);
	ck_assert_int_eq((int)level, LOG_WARN);
	ck_assert_int_eq(ask_read_level(STR("{\"level\":\"debug\"}"), &level, &why), RSC_NONE);
	ck_assert_int_eq((int)level, LOG_DEBUG);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ask");
	TCase *tc = tcase_create("ask");
	tcase_add_test(tc, a_whole_request);
	tcase_add_loop_test(tc, refusals_name_the_member, 0, (int)ARRAY_LEN(bad));
	tcase_add_test(tc, many_names);
	tcase_add_test(tc, durations);
	tcase_add_test(tc, queries);
	tcase_add_test(tc, texts_of_queries);
	tcase_add_test(tc, limits);
	tcase_add_test(tc, levels);
	suite_add_tcase(suite, tc);
	SRunner *r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
