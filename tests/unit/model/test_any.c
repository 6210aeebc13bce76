/* SPDX-License-Identifier: Apache-2.0 */
/* Raw JSON values (RFC 8259): what is one, what it says, how many bytes of content it is. */
#include "cse/model/any.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cse/base/err.h"

static const struct {
	const char *text;
	bool ok;
} value_cases[] = {
	{ "null", true },
	{ "true", true },
	{ "false", true },
	{ "0", true },
	{ "-0", true },
	{ "-12.5e+3", true },
	{ "1E400", true },
	{ "123456789012345678901234567890", true },
	{ "\"\"", true },
	{ "\"a\\n\\u00e4\\ud83d\\ude00/\\/\"", true },
	{ "\"\xc3\xa4\xf0\x9f\x98\x80\"", true },
	{ "\"0123456789012345678901234567890123456789\"", true },
	{ "[]", true },
	{ "[1, 2 ,[3]]", true },
	{ "{}", true },
	{ "{ \"a\" : 1 , \"b\":{\"a\":2}}", true },
	{ "{\"\":1}", true },
	{ "", false },
	{ " 1", false },
	{ "1 ", false },
	{ "01", false },
	{ "+1", false },
	{ ".5", false },
	{ "1.", false },
	{ "1e", false },
	{ "1e+", false },
	{ "-", false },
	{ "--1", false },
	{ "0x10", false },
	{ "NaN", false },
	{ "Infinity", false },
	{ "nul", false },
	{ "nulll", false },
	{ "True", false },
	{ "'a'", false },
	{ "\"", false },
	{ "\"a", false },
	{ "\"\\\"", false },
	{ "\"\\x41\"", false },
	{ "\"\\u12\"", false },
	{ "\"\\u12g4\"", false },
	{ "\"\\u0000\"", false },
	{ "\"\\ud800\"", false },
	{ "\"\\ud800\\u0041\"", false },
	{ "\"\\udc00\"", false },
	{ "\"a\tb\"", false },
	{ "\"01234567\n0123456\"", false },
	{ "\"\xc3\"", false },
	{ "\"\xc0\x80\"", false },
	{ "\"\xed\xa0\x80\"", false },
	{ "\"01234567\xff\"", false },
	{ "[1,]", false },
	{ "[,1]", false },
	{ "[1 2]", false },
	{ "[1", false },
	{ "]", false },
	{ "{\"a\":1,}", false },
	{ "{\"a\"}", false },
	{ "{\"a\":}", false },
	{ "{a:1}", false },
	{ "{1:1}", false },
	{ "{\"a\":1", false },
	{ "[1]]", false },
	{ "/*a*/1", false },
};

START_TEST(knows_values)
{
	ck_assert_int_eq(any_is_value(str_of(value_cases[_i].text)), value_cases[_i].ok);
}
END_TEST

static int pass(const char *text, size_t depth, size_t values)
{
	struct arena a;
	struct any x = { .p = text, .end = text + strlen(text), .a = &a, .depth = depth, .values = values };
	int err;

	arena_init(&a, 4096);
	err = any_value(&x);
	ck_assert(err || x.p == x.end);
	ck_assert(!err || x.fault);
	arena_fini(&a);
	return err;
}

START_TEST(names_are_unique)
{
	char many[40 * 16] = "{", *p = many + 1;

	ck_assert_int_eq(pass("{\"a\":1,\"b\":2}", 9, 99), 0);
	ck_assert_int_eq(pass("{\"a\":1,\"a\":2}", 9, 99), E_SYNTAX);
	ck_assert_int_eq(pass("{\"a\":1,\"b\":2,\"\\u0061\":2}", 9, 99), E_SYNTAX);
	ck_assert_int_eq(pass("{\"\":1,\"\":2}", 9, 99), E_SYNTAX);
	ck_assert_int_eq(pass("{\"a\":{\"a\":1},\"b\":{\"a\":1}}", 9, 99), 0);
	ck_assert_int_eq(pass("[{\"a\":{\"x\":1,\"x\":1}}]", 9, 99), E_SYNTAX);
	/* More than fit the short way, once unique and once not. */
	for (int i = 0; i < 39; i++)
		p += snprintf(p, 16, "\"n%d\":%d,", (i * 7) % 39, i);
	memcpy(p, "\"z\":0}", sizeof("\"z\":0}"));
	ck_assert_int_eq(pass(many, 9, 99), 0);
	memcpy(p, "\"n5\":0}", sizeof("\"n5\":0}"));
	ck_assert_int_eq(pass(many, 9, 99), E_SYNTAX);
}
END_TEST

START_TEST(limits_hold)
{
	ck_assert_int_eq(pass("[[[1]]]", 3, 4), 0);
	ck_assert_int_eq(pass("[[[1]]]", 2, 9), E_LIMIT);
	ck_assert_int_eq(pass("[[[1]]]", 9, 3), E_LIMIT);
	ck_assert_int_eq(pass("{\"a\":{\"a\":1}}", 1, 9), E_LIMIT);
	ck_assert_int_eq(pass("[1,2,3,4,5,6]", 9, 6), E_LIMIT);
	ck_assert_int_eq(pass("[1,2,3,4,5,6]", 9, 7), 0);
}
END_TEST

static const struct {
	const char *raw, *text;
} text_cases[] = {
	{ "\"\"", "" },
	{ "\"plain\"", "plain" },
	{ "\"a\\\"b\\\\c\\/d\\b\\f\\n\\r\\t\"", "a\"b\\c/d\b\f\n\r\t" },
	{ "\"\\u0041\\u00e4\\u20AC\\ud83d\\ude00\\u007f\"", "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\x7f" },
	{ "\"\\ud800\\udc00\\udbff\\udfff\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
	{ "12.50", "12.50" },
	{ "{\"a\": 1}", "{\"a\": 1}" },
};

START_TEST(says_its_text)
{
	struct arena a;

	arena_init(&a, 4096);
	ck_assert(any_is_value(str_of(text_cases[_i].raw)));
	ck_assert(str_eqz(any_text(&a, str_of(text_cases[_i].raw)), text_cases[_i].text));
	ck_assert_uint_eq(any_size(str_of(text_cases[_i].raw)), strlen(text_cases[_i].text));
	arena_fini(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model/any");
	TCase *t = tcase_create("any");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, knows_values, 0, ARRAY_LEN(value_cases));
	tcase_add_test(t, names_are_unique);
	tcase_add_test(t, limits_hold);
	tcase_add_loop_test(t, says_its_text, 0, ARRAY_LEN(text_cases));
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
