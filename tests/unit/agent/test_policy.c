/* SPDX-License-Identifier: Apache-2.0 */
/* What may leave, what is taken, who may speak at all (security-model 3.2, 3.5). */
#include <check.h>
#include <stdlib.h>

#include "agent/book.h"
#include "agent/conf.h"
#include "agent/door_priv.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"

static const struct addr_self self = { { "troth.example", 13 }, { "id-in", 5 }, { "cse-in", 6 } };

START_TEST(patterns)
{
	static const struct {
		const char *pattern, *address;
		bool yes;
	} rows[] = {
		{ "*", "anything/at/all", true }, { "cse-in/a", "cse-in/a", true }, { "cse-in/a", "cse-in/a/b", false }, { "cse-in/a/*", "cse-in/a", true },
		{ "cse-in/a/*", "cse-in/a/b/c", true }, { "cse-in/a/*", "cse-in/ab", false }, { "cse-in/a/*", "cse-in", false }, { "-/a", "cse-in/a", true },
		{ "cse-in/a", "-/a", true }, { "cse-in/a", "/id-in/cse-in/a", true }, { "/id-in/cse-in/a", "cse-in/a", true }, { "cse-in/a", "//troth.example/id-in/cse-in/a", true },
		{ "cse-in/a", "/mn/cse-in/a", false }, { "/mn/*", "/mn/base/x", true }, { "/mn/*", "/mnx/base", false }, { "/mn/*", "mn/base", false },
		{ "cse-in/a", "//other.example/id-in/cse-in/a", false }, { "cse-in/a/*", "cnt12", false }, { "cse-in/a/*", "", false }, { "cse-in/*", "cse-in/a", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(policy_matches(str_of(rows[i].pattern), str_of(rows[i].address), &self) == rows[i].yes, "%s against %s", rows[i].pattern, rows[i].address);
	ck_assert(policy_is_pattern(STR("*")) && policy_is_pattern(STR("a/*")) && policy_is_pattern(STR("a")));
	ck_assert(!policy_is_pattern(STR("")) && !policy_is_pattern(STR("a*")) && !policy_is_pattern(STR("a/*/b")) && !policy_is_pattern(STR("/*")) &&
	          !policy_is_pattern(STR("a b")));
}
END_TEST

static struct agent agent;
static struct policy *policy;
static struct conf *conf;
static struct why why;

static void open_policy(const char *const *sets)
{
	struct conf_why w;

	why = (struct why){ 0 };
	conf = conf_defaults_of(&conf_agent);
	for (; *sets; sets++)
		ck_assert_msg(conf_set(conf, *sets, &w) == 0, "%s", w.text);
	agent.conf = conf;
	agent.rnd = rnd_new_seeded(1);
	ck_assert(book_open(&agent, NULL, &agent.book, &why) == 0);
	ck_assert_msg(policy_open(&agent, &policy, &why) == 0, "%s", why.text);
}

static void end_policy(void)
{
	policy_close(policy);
	book_close(agent.book);
	rnd_free(agent.rnd);
	conf_unref(conf);
}

START_TEST(what_leaves)
{
	static const char *const sets[] = { "policy.originators=CDev1,Cx*", "policy.leave=/id-in/cse-in/CDev1/*", NULL };
	struct policy_request r = { .op = OP_CREATE, .ty = TY_CIN, .from = STR("CDev1"), .to = STR("/id-in/cse-in/CDev1/box") };

	open_policy(sets);
	ck_assert_int_eq(policy_leaves(policy, &r, &why), RSC_NONE);
	r.from = STR("CAdmin");
	why = (struct why){ 0 };
	ck_assert_int_eq(policy_leaves(policy, &r, &why), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	r.from = STR("Cx99");
	ck_assert_int_eq(policy_leaves(policy, &r, &why), RSC_NONE);
	r.from = STR_NONE;
	ck_assert_int_eq(policy_leaves(policy, &r, &why), RSC_NONE);
	r.to = STR("/id-in/cse-in/other");
	why = (struct why){ 0 };
	ck_assert_int_eq(policy_leaves(policy, &r, &why), RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
	r.op = OP_RETRIEVE;
	ck_assert_int_eq(policy_leaves(policy, &r, &why), RSC_NONE);
	end_policy();
}
END_TEST

START_TEST(what_is_taken)
{
	static const char *const sets[] = { "policy.take=own,/id-in/cse-in/x/*", "policy.take_types=m2m:cin", "policy.take_bytes=100", NULL };
	struct policy_notice n = { .sur = STR("/id-in/cse-in/a/s"), .root = STR("m2m:cin"), .bytes = 100, .own = true };

	open_policy(sets);
	ck_assert_int_eq(policy_takes(policy, &n, &why), RSC_NONE);
	n.own = false;
	ck_assert_int_eq(policy_takes(policy, &n, &why), RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
	n.sur = STR("/id-in/cse-in/x/s");
	ck_assert_int_eq(policy_takes(policy, &n, &why), RSC_NONE);
	n.root = STR("m2m:ae");
	ck_assert_int_eq(policy_takes(policy, &n, &why), RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
	n.root = STR_NONE;
	ck_assert_int_eq(policy_takes(policy, &n, &why), RSC_NONE);
	n.bytes = 101;
	ck_assert_int_eq(policy_takes(policy, &n, &why), RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
	end_policy();
}
END_TEST

START_TEST(a_pattern_that_is_none_is_refused)
{
	struct conf_why w;
	struct policy *p = NULL;

	why = (struct why){ 0 };
	agent.conf = conf_defaults_of(&conf_agent);
	ck_assert(conf_set(agent.conf, "policy.leave=cse-in/a*", &w) == 0);
	ck_assert(policy_open(&agent, &p, &why) == E_CONF && strstr(why.text, "policy.leave") && p == NULL);
	conf_unref(agent.conf);
}
END_TEST

/* --- the heads that browsers, rebound names and clients send ---------------------------------------------------------------- */

START_TEST(hosts_and_origins)
{
	static const char *const sets[] = { "agent.origins=https://console.example", NULL };
	static const struct {
		const char *target, *fields;
		unsigned status;
	} rows[] = {
		{ "/cse-in", "Host: 127.0.0.1:8080\r\n", 0 }, { "/cse-in", "Host: localhost\r\n", 0 }, { "/cse-in", "host: LocalHost:1\r\n", 0 },
		{ "/cse-in", "Host: [::1]:8080\r\n", 0 }, { "http://127.0.0.1:8080/cse-in", "Host: 127.0.0.1:8080\r\n", 0 },
		{ "/cse-in", "Host: rebound.example\r\n", 421 }, { "/cse-in", "Host: 127.0.0.1.nip.example\r\n", 421 }, { "/cse-in", "Host: localhost.example:8080\r\n", 421 },
		{ "/cse-in", "Host: 127.0.0.2\r\n", 421 }, { "/cse-in", "Host: 192.168.1.7:8080\r\n", 421 }, { "/cse-in", "Host: [::]:8080\r\n", 421 },
		{ "/cse-in", "Host: 0.0.0.0:8080\r\n", 421 }, { "/cse-in", "Host: localhost.\r\n", 421 }, { "/cse-in", "Host: \r\n", 421 }, { "/cse-in", "Host: localhost:http\r\n", 421 },
		{ "http://evil.example/cse-in", "Host: 127.0.0.1\r\n", 421 }, { "/cse-in", "Host: 127.0.0.1\r\nOrigin: https://evil.example\r\n", 403 },
		{ "/cse-in", "Host: 127.0.0.1\r\nOrigin: null\r\n", 403 }, { "/cse-in", "Host: 127.0.0.1\r\nSec-Fetch-Site: cross-site\r\n", 403 },
		{ "/cse-in", "Host: 127.0.0.1\r\nSec-Fetch-Site: none\r\n", 403 }, { "/cse-in", "Host: 127.0.0.1\r\nSec-Fetch-Site: same-origin\r\nOrigin: http://127.0.0.1\r\n", 403 },
		{ "/cse-in", "Host: 127.0.0.1\r\norigin: https://console.example\r\nsec-fetch-site: cross-site\r\n", 0 },
		{ "/cse-in", "Host: 127.0.0.1\r\nOrigin: https://console.example.evil.example\r\n", 403 }, { "*", "Host: 127.0.0.1\r\n", 405 },
	};
	static const struct http1_limits limits = { 1000, 4000, 1000, 16 };
	struct http1_field fields[16];

	open_policy(sets);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[500];
		size_t n = (size_t)snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\n%s\r\n", rows[i].target[0] == '*' ? "OPTIONS" : "GET", rows[i].target, rows[i].fields);
		struct http1 h;
		struct str origin;
		const char *reason = "";
		enum http1_result r;

		http1_init(&h, HTTP1_REQUEST, &limits, fields);
		r = http1_parse(&h, text, &n);
		/* What HTTP itself refuses need not be refused again. */
		if (r == HTTP1_BAD && rows[i].status != 0)
			continue;
		ck_assert_msg(r == HTTP1_DONE, "%s", text);
		ck_assert_msg(door_host_check(&h, text, policy, &origin, &reason) == rows[i].status, "%s: %s", text, reason);
	}
	end_policy();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy");
	TCase *t = tcase_create("policy");
	SRunner *r;
	int failed;

	tcase_add_test(t, patterns);
	tcase_add_test(t, what_leaves);
	tcase_add_test(t, what_is_taken);
	tcase_add_test(t, a_pattern_that_is_none_is_refused);
	tcase_add_test(t, hosts_and_origins);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
