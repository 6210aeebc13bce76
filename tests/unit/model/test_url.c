/* SPDX-License-Identifier: Apache-2.0 */
/* URLs by RFC 3986, less what two readers could take in two ways; default ports of TS-0008 to TS-0010, TS-0020. */
#include <check.h>
#include <stdlib.h>

#include "cse/model/url.h"

static struct url good(const char *text)
{
	struct url u;
	struct why w = { 0 };

	ck_assert_msg(url_parse(str_of(text), &u, &w) == RSC_NONE, "%s: %s", text, w.text);
	return u;
}

START_TEST(parts_are_told)
{
	struct url u = good("https://127.0.0.1:8443/in/box?x=%20");

	ck_assert_int_eq(u.scheme, URL_HTTPS);
	ck_assert(str_eqz(u.host, "127.0.0.1") && u.port == 8443 && str_eqz(u.path, "/in/box?x=%20") && !u.ip6);
	u = good("HTTPS://Dev.Example");
	ck_assert(str_eqz(u.host, "Dev.Example") && u.port == 443 && u.path.n == 0);
	u = good("coaps+tcp://[2001:db8::1]?q");
	ck_assert(u.ip6 && str_eqz(u.host, "2001:db8::1") && u.port == 5684 && str_eqz(u.path, "?q"));
	ck_assert_uint_eq(good("mqtts://b").port, 8883);
	ck_assert(!url_is_plaintext(&u));
}
END_TEST

START_TEST(plaintext_is_told)
{
	static const char *const plain[] = { "http://a", "ws://a", "coap://a", "coap+tcp://a", "mqtt://a" };
	static const uint16_t ports[] = { 80, 80, 5683, 5683, 1883 };

	for (size_t i = 0; i < 5; i++) {
		struct url u = good(plain[i]);

		ck_assert(url_is_plaintext(&u));
		ck_assert_uint_eq(u.port, ports[i]);
	}
}
END_TEST

START_TEST(what_could_be_read_twice_is_none)
{
	static const char *const bad[] = {
		"", "https", "https:/a", "https://", "https:///x", "https://user@host/", "https://a:b@c", "https://a:0", "https://a:65536", "https://a:",
		"https://a:-1", "https://a:443x", "https://a/x#y", "https://a/ b", "https://a/\n", "https://a/%2", "https://a/%zz", "https://a%2eb/",
		"https://[::1", "https://[::1]x", "https://[::1%25lo]/", "https://[]/", "ftp://a", "://a", "1https://a", "https://a\\b", "https://\xc3\xa4/",
		"https://a/\xc3\xa4", "https://a..b@c", "cse-in/app1", "/id-in/x", "//sp/cse/x" };
	struct url u;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct why w = { 0 };

		ck_assert_msg(url_parse(str_of(bad[i]), &u, &w) == RSC_BAD_REQUEST && w.text[0], "%s", bad[i]);
	}
	ck_assert(url_is(STR("https://x")) && !url_is(STR("cse-in/a")) && !url_is(STR("//sp/x")) && !url_is(STR("CDev1")));
}
END_TEST

START_TEST(authorities_compare)
{
	struct url a = good("https://Dev.example/x"), b = good("https://dev.EXAMPLE:443/y"), c = good("wss://dev.example:443"),
	           d = good("https://dev.example:444");

	ck_assert(url_same_authority(&a, &b) && !url_same_authority(&a, &c) && !url_same_authority(&a, &d));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("url");
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, parts_are_told);
	tcase_add_test(tc, plaintext_is_told);
	tcase_add_test(tc, what_could_be_read_twice_is_none);
	tcase_add_test(tc, authorities_compare);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
