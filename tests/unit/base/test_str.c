/* SPDX-License-Identifier: Apache-2.0 */
/* Slices, numbers, SipHash (vectors of the paper), UTF-8 (RFC 3629). */
#include "cse/base/str.h"

#include <check.h>
#include <stdlib.h>

#include "cse/base/check.h"
#include "cse/base/err.h"

START_TEST(compares)
{
	ck_assert(str_eq(STR("abc"), STR("abc")));
	ck_assert(!str_eq(STR("abc"), STR("abd")));
	ck_assert(!str_eq(STR("abc"), STR("ab")));
	ck_assert(str_eq(STR_NONE, STR("")));
	ck_assert(str_eqz(STR("x"), "x"));
	ck_assert(str_eq_nocase(STR("Content-TYPE"), STR("content-type")));
	ck_assert(!str_eq_nocase(STR("a@"), STR("a`")));
	ck_assert(!str_eq_nocase(STR("[x"), STR("{x")));
	ck_assert(!str_eq_nocase(STR("\xc3\x84"), STR("\xc3\xa4")));
	ck_assert_int_eq(str_cmp(STR("a"), STR("a")), 0);
	ck_assert_int_lt(str_cmp(STR("a"), STR("ab")), 0);
	ck_assert_int_gt(str_cmp(STR("b"), STR("ab")), 0);
	ck_assert_int_gt(str_cmp(STR("\xff"), STR("a")), 0);
	ck_assert_int_lt(str_cmp(STR_NONE, STR("a")), 0);
}
END_TEST

START_TEST(cuts)
{
	struct str rest = STR("a/b//");
	bool more;

	ck_assert(str_eqz(str_cut(&rest, '/', &more), "a") && more);
	ck_assert(str_eqz(str_cut(&rest, '/', &more), "b") && more);
	ck_assert(str_eqz(str_cut(&rest, '/', &more), "") && more);
	ck_assert(str_eqz(str_cut(&rest, '/', &more), "") && !more);
	rest = STR_NONE;
	ck_assert(str_eqz(str_cut(&rest, '/', &more), "") && !more);
	ck_assert(str_starts(STR("abc"), STR("ab")) && !str_starts(STR("a"), STR("ab")) && str_starts(STR("a"), STR_NONE));
	ck_assert(str_ends(STR("abc"), STR("bc")) && !str_ends(STR("c"), STR("bc")) && str_ends(STR(""), STR_NONE));
	ck_assert_uint_eq(str_index(STR("abc"), 'c'), 2);
	ck_assert_uint_eq(str_index(STR("abc"), 'x'), 3);
	ck_assert_uint_eq(str_index(STR_NONE, 'x'), 0);
	ck_assert(str_eqz(str_from(STR("abc"), 1), "bc") && str_eqz(str_from(STR("abc"), 9), ""));
	ck_assert(str_eqz(str_first(STR("abc"), 1), "a") && str_eqz(str_first(STR("abc"), 9), "abc"));
	ck_assert(str_eqz(str_trim(STR(" \t a b\t ")), "a b") && str_eqz(str_trim(STR(" \t ")), ""));
}
END_TEST

static const struct {
	const char *text;
	int err;
	uint64_t v;
} unsigned_cases[] = {
	{ "0", 0, 0 },
	{ "007", 0, 7 },
	{ "18446744073709551615", 0, UINT64_MAX },
	{ "00000000000000000000000018446744073709551615", 0, UINT64_MAX },
	{ "18446744073709551616", E_RANGE, 0 },
	{ "99999999999999999999999999", E_RANGE, 0 },
	{ "99999999999999999999999999x", E_SYNTAX, 0 },
	{ "", E_SYNTAX, 0 },
	{ "-1", E_SYNTAX, 0 },
	{ "+1", E_SYNTAX, 0 },
	{ " 1", E_SYNTAX, 0 },
	{ "1 ", E_SYNTAX, 0 },
	{ "1.0", E_SYNTAX, 0 },
	{ "0x1", E_SYNTAX, 0 },
	{ "/", E_SYNTAX, 0 },
	{ ":", E_SYNTAX, 0 },
};

START_TEST(reads_unsigned)
{
	uint64_t v = 4711;
	int err = str_u64(str_of(unsigned_cases[_i].text), &v);

	ck_assert_int_eq(err, unsigned_cases[_i].err);
	ck_assert_uint_eq(v, err ? 4711 : unsigned_cases[_i].v);
}
END_TEST

static const struct {
	const char *text;
	int err;
	int64_t v;
} signed_cases[] = {
	{ "0", 0, 0 },
	{ "-0", 0, 0 },
	{ "-1", 0, -1 },
	{ "9223372036854775807", 0, INT64_MAX },
	{ "9223372036854775808", E_RANGE, 0 },
	{ "-9223372036854775808", 0, INT64_MIN },
	{ "-9223372036854775809", E_RANGE, 0 },
	{ "-18446744073709551616", E_RANGE, 0 },
	{ "-", E_SYNTAX, 0 },
	{ "--1", E_SYNTAX, 0 },
	{ "+1", E_SYNTAX, 0 },
	{ "", E_SYNTAX, 0 },
};

START_TEST(reads_signed)
{
	int64_t v = 4711;
	int err = str_i64(str_of(signed_cases[_i].text), &v);

	ck_assert_int_eq(err, signed_cases[_i].err);
	ck_assert_int_eq(v, err ? 4711 : signed_cases[_i].v);
}
END_TEST

/* Key 00 01 .. 0f, input 00 01 .. n-1: the table of the authors' reference implementation (vectors_sip64). */
static const struct {
	size_t n;
	uint64_t hash;
} sip_cases[] = {
	{ 0, 0x726fdb47dd0e0e31u }, { 1, 0x74f839c593dc67fdu }, { 2, 0x0d6c8009d9a94f5au },
	{ 7, 0xab0200f58b01d137u }, { 8, 0x93f5f5799a932462u }, { 15, 0xa129ca6149be45e5u },
};

START_TEST(hashes)
{
	const uint64_t key[2] = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };
	char in[16];

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (char)i;
	ck_assert_uint_eq(str_hash(str_make(in, sip_cases[_i].n), key), sip_cases[_i].hash);
}
END_TEST

static const struct {
	const char *text;
	bool ok;
} utf8_cases[] = {
	{ "", true },
	{ "plain ascii that is longer than eight bytes", true },
	{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", true },
	{ "\x7f", true },
	{ "\xc2\x80", true },
	{ "\xdf\xbf", true },
	{ "\xe0\xa0\x80", true },
	{ "\xed\x9f\xbf", true },
	{ "\xee\x80\x80", true },
	{ "\xef\xbf\xbf", true },
	{ "\xf0\x90\x80\x80", true },
	{ "\xf4\x8f\xbf\xbf", true },
	{ "\x80", false },
	{ "\xbf", false },
	{ "\xc0\x80", false },
	{ "\xc1\xbf", false },
	{ "\xe0\x9f\xbf", false },
	{ "\xed\xa0\x80", false },
	{ "\xed\xbf\xbf", false },
	{ "\xf0\x8f\xbf\xbf", false },
	{ "\xf4\x90\x80\x80", false },
	{ "\xf5\x80\x80\x80", false },
	{ "\xff", false },
	{ "\xc3", false },
	{ "\xe2\x82", false },
	{ "\xf0\x9f\x98", false },
	{ "\xe2\x28\xa1", false },
	{ "\xf0\x9f\x28\x80", false },
	{ "12345678\xc3", false },
	{ "1234567\xc3\xa4", true },
	{ "1234567\xc3(", false },
};

START_TEST(knows_utf8)
{
	ck_assert_int_eq(str_is_utf8(str_of(utf8_cases[_i].text)), utf8_cases[_i].ok);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/str");
	TCase *t = tcase_create("str");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, compares);
	tcase_add_test(t, cuts);
	tcase_add_loop_test(t, reads_unsigned, 0, ARRAY_LEN(unsigned_cases));
	tcase_add_loop_test(t, reads_signed, 0, ARRAY_LEN(signed_cases));
	tcase_add_loop_test(t, hashes, 0, ARRAY_LEN(sip_cases));
	tcase_add_loop_test(t, knows_utf8, 0, ARRAY_LEN(utf8_cases));
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
