/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the CSE may call, security-model 3.4: the administrator's list, and addresses by the registries of IANA (RFC 6890). */
#include "security/target.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>

#include "tests/unit/security/room.h"

static struct ipaddr ip(const char *text)
{
	struct ipaddr a = { .family = strchr(text, ':') ? 6 : 4 };

	ck_assert_int_eq(inet_pton(a.family == 6 ? AF_INET6 : AF_INET, text, a.b), 1);
	return a;
}

static bool allowed(struct room *r, unsigned zone, const char *address, bool own)
{
	struct ipaddr a = ip(address);

	return target_address_allowed(r->sec, (uint16_t)zone, &a, own);
}

START_TEST(addresses_of_nobody_and_of_ourselves_are_refused)
{
	static const char *const refused[] = { "127.0.0.1", "127.255.255.254", "169.254.169.254", "::1", "fe80::1", "febf::1", "::ffff:127.0.0.1",
		                               "::ffff:169.254.1.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "::", "ff02::1" };
	static const char *const taken[] = { "198.51.100.7", "10.1.2.3", "2001:db8::1", "fec0::1", "128.0.0.1", "169.253.1.1", "::2" };
	struct room r;
	struct ipaddr none = { .family = 0 };

	room_init(&r);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		ck_assert_msg(!allowed(&r, 1, refused[i], false), "%s", refused[i]);
	for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
		ck_assert_msg(allowed(&r, 1, taken[i], false), "%s", taken[i]);
		ck_assert_msg(!allowed(&r, 1, taken[i], true), "own %s", taken[i]);
	}
	ck_assert(!target_address_allowed(r.sec, 1, &none, false));
	room_fini(&r);
}
END_TEST

START_TEST(prefixes_open_and_bind)
{
	struct room r;

	room_init_with(&r, "notify.allowed_prefixes=127.0.0.0/8,10.2.0.0/16 zone=2,fd00::/8 zone=2,0.0.0.0/0 zone=3");
	ck_assert(allowed(&r, 1, "127.0.0.1", true) && allowed(&r, 2, "127.9.9.9", false) && !allowed(&r, 1, "::1", true));
	ck_assert(allowed(&r, 1, "198.51.100.7", false));
	/* A zone with prefixes of its own reaches no others. */
	ck_assert(allowed(&r, 2, "10.2.3.4", false) && allowed(&r, 2, "10.2.3.4", true) && allowed(&r, 2, "fd01::1", false));
	ck_assert(!allowed(&r, 2, "10.3.0.1", false) && !allowed(&r, 2, "2001:db8::1", false) && !allowed(&r, 2, "169.254.1.1", false));
	/* Nothing opens what is nobody's. */
	ck_assert(!allowed(&r, 3, "224.0.0.1", false) && !allowed(&r, 3, "0.0.0.0", false) && allowed(&r, 3, "169.254.1.1", false));
	room_fini(&r);
}
END_TEST

START_TEST(listed_targets_are_found)
{
	struct room r;
	struct str identity = STR_NONE;
	uint64_t epoch;
	struct conf_why cw;

	room_init_with(&r, "notify.allowed_targets=https://App.example:8443 Capp,https://[2001:db8::1] /mn1,https://192.0.2.1 name.example");
	ck_assert(target_listed(r.sec, &r.a, STR("https"), STR("app.EXAMPLE"), 8443, &identity) && str_eqz(identity, "Capp"));
	ck_assert(target_listed(r.sec, &r.a, STR("https"), STR("2001:db8::1"), 443, &identity) && str_eqz(identity, "/mn1"));
	ck_assert(target_listed(r.sec, &r.a, STR("https"), STR("192.0.2.1"), 443, &identity) && str_eqz(identity, "name.example"));
	ck_assert(!target_listed(r.sec, &r.a, STR("https"), STR("app.example"), 443, &identity));
	ck_assert(!target_listed(r.sec, &r.a, STR("wss"), STR("app.example"), 8443, &identity));
	ck_assert(!target_listed(r.sec, &r.a, STR("https"), STR("app.example.evil"), 8443, &identity));
	/* A reload counts, and what was known before is to be looked at anew. */
	epoch = security_epoch(r.sec);
	ck_assert_int_eq(conf_set(r.conf, "notify.allowed_targets=", &cw), 0);
	security_reload(r.sec, r.conf);
	ck_assert(security_epoch(r.sec) != epoch);
	ck_assert(!target_listed(r.sec, &r.a, STR("https"), STR("app.example"), 8443, &identity));
	room_fini(&r);
}
END_TEST

START_TEST(forms_of_the_options)
{
	static const char *const good[] = { "https://a Cx", "https://a:1 /mn1", "https://[::1]:65535 a.b" };
	static const char *const bad[] = { "", "https://a", "https://a ", "https:// Cx", "http://a Cx", "https://a:0 Cx", "https://a:65536 Cx", "https://a/ Cx",
		                           "https://a@b Cx", "https://[::1 Cx", "https://a Cx Cy", "https://[::1]x Cx" };
	static const char *const prefixes[] = { "10.0.0.0/8", "127.0.0.1", "::1/128", "fd00::/8 zone=2" };
	static const char *const none[] = { "", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "10.0.0.0/8 zone=0", "10.0.0.0/8 zone=70000", "10.0.0.0/8 zon=2",
		                            "10.0.0.0/8 ", "x" };

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_msg(target_is_listing(str_of(good[i])), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(!target_is_listing(str_of(bad[i])), "%s", bad[i]);
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
		ck_assert_msg(target_is_prefix(str_of(prefixes[i])), "%s", prefixes[i]);
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		ck_assert_msg(!target_is_prefix(str_of(none[i])), "%s", none[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("target");
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, addresses_of_nobody_and_of_ourselves_are_refused);
	tcase_add_test(tc, prefixes_open_and_bind);
	tcase_add_test(tc, listed_targets_are_found);
	tcase_add_test(tc, forms_of_the_options);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
