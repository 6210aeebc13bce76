/* SPDX-License-Identifier: Apache-2.0 */
/* Address blocks against the C library's inet_pton and against arithmetic done the long way. */
#include "security/block.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"

static struct ipaddr ip(const char *text)
{
	struct ipaddr a = { .family = 4 };

	if (inet_pton(AF_INET, text, a.b) == 1)
		return a;
	a.family = 6;
	ck_assert_int_eq(inet_pton(AF_INET6, text, a.b), 1);
	return a;
}

static bool holds(const char *block, unsigned family, const char *address)
{
	struct ipaddr a = ip(address);
	struct block b;

	ck_assert_msg(block_parse(str_of(block), family, &b) == 0, "%s", block);
	return block_holds(&b, &a);
}

/* Examples of TS-0004 table 6.3.2-1. */
START_TEST(examples_of_the_specification)
{
	ck_assert(holds("10.125.0.0/16", 4, "10.125.255.1"));
	ck_assert(!holds("10.125.0.0/16", 4, "10.126.0.0"));
	ck_assert(holds("122.77.12.1", 4, "122.77.12.1"));
	ck_assert(!holds("122.77.12.1", 4, "122.77.12.2"));
	ck_assert(holds("::/0", 6, "2001:db8::1"));
	ck_assert(holds("Fadf:ddd0::/32", 6, "fadf:ddd0:1::"));
	ck_assert(!holds("Fadf:ddd0::/32", 6, "fadf:ddd1::"));
	ck_assert(holds("abcd:ffff:abb0:aaaa::/64", 6, "abcd:ffff:abb0:aaaa:1:2:3:4"));
}
END_TEST

START_TEST(families_do_not_mix)
{
	struct ipaddr none = { 0 };
	struct block b;

	ck_assert(!holds("0.0.0.0/0", 4, "::1"));
	ck_assert(!holds("::/0", 6, "10.0.0.1"));
	/* A mapped address is the IPv4 address. */
	ck_assert(holds("10.0.0.0/8", 4, "::ffff:10.0.0.1"));
	ck_assert(!holds("::/0", 6, "::ffff:10.0.0.1"));
	ck_assert_int_eq(block_parse(STR("0.0.0.0/0"), 4, &b), 0);
	ck_assert(!block_holds(&b, &none));
}
END_TEST

START_TEST(refused)
{
	static const char *const v4[] = { "", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4/", "1.2.3.4/33",
		"1.2.3.4/08", "1.2.3.4/-1", "1.2.3.4/8/8", " 1.2.3.4", "1.2.3.4 ", "1..3.4", "::1", "*", "1.2.3.4/a", "+1.2.3.4" };
	static const char *const v6[] = { "", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::",
		"::/129", "::/", "::1%lo", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1.2.3.4", "1.2.3.4::", "::1.2.3", "::256.1.1.1",
		"::1.2.3.4:5", "[::1]", "1:", ":1" };
	struct block b;
	size_t i;

	for (i = 0; i < ARRAY_LEN(v4); i++)
		ck_assert_msg(block_parse(str_of(v4[i]), 4, &b) < 0, "accepted: %s", v4[i]);
	for (i = 0; i < ARRAY_LEN(v6); i++)
		ck_assert_msg(block_parse(str_of(v6[i]), 6, &b) < 0, "accepted: %s", v6[i]);
}
END_TEST

static const char alphabet[] = "0123456789abcdefF::::....1";

/* Random texts near the syntax: what inet_pton reads we read alike, what it refuses we refuse.  "1::2:3:4:5:6:7:8", where
 * "::" stands for nothing, is refused by both. */
START_TEST(reads_as_the_library)
{
	struct rnd *r = rnd_new_seeded(11);
	char text[48];
	int i, ok = 0;

	for (i = 0; i < 2000000; i++) {
		size_t n = 1 + rnd_below(r, 12), k;
		unsigned family = i % 2 ? 4 : 6;
		unsigned char b[16] = { 0 };
		struct block mine;
		int theirs;

		for (k = 0; k < n; k++)
			text[k] = alphabet[rnd_below(r, sizeof(alphabet) - 1)];
		text[n] = '\0';
		theirs = inet_pton(family == 4 ? AF_INET : AF_INET6, text, b);
		ck_assert_msg((block_parse(str_make(text, n), family, &mine) == 0) == (theirs == 1), "%s", text);
		if (theirs == 1) {
			ck_assert_msg(memcmp(mine.b, b, 16) == 0, "%s", text);
			ok++;
		}
	}
	ck_assert_int_gt(ok, 1000);
	rnd_free(r);
}
END_TEST

/* Full addresses in the library's own spelling, and prefixes bit by bit. */
START_TEST(prefixes)
{
	struct rnd *r = rnd_new_seeded(13);
	int i;

	for (i = 0; i < 20000; i++) {
		struct ipaddr a = { .family = i % 2 ? 4 : 6 }, probe;
		unsigned size = a.family == 4 ? 32 : 128, bits = (unsigned)rnd_below(r, size + 1), flip, k;
		char text[64], with[72];
		struct block b;

		rnd_bytes(r, a.b, size / 8);
		if (a.family == 6 && i % 8 == 0)
			memset(a.b + 4, 0, 8);
		ck_assert(inet_ntop(a.family == 4 ? AF_INET : AF_INET6, a.b, text, sizeof(text)) != NULL);
		snprintf(with, sizeof(with), "%s/%u", text, bits);
		ck_assert_msg(block_parse(str_of(with), a.family, &b) == 0, "%s", with);
		ck_assert(block_holds(&b, &a));
		probe = a;
		flip = (unsigned)rnd_below(r, size);
		probe.b[flip / 8] ^= (uint8_t)(0x80u >> (flip % 8));
		ck_assert_int_eq(block_holds(&b, &probe), flip >= bits);
		for (k = bits; k < size; k++)
			ck_assert_int_eq(b.b[k / 8] & (0x80u >> (k % 8)), 0);
	}
	rnd_free(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("block");
	TCase *t = tcase_create("block");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, examples_of_the_specification);
	tcase_add_test(t, families_do_not_mix);
	tcase_add_test(t, refused);
	tcase_add_test(t, reads_as_the_library);
	tcase_add_test(t, prefixes);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
