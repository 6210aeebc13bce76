/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions on attributes: asterisks (TS-0004 7.3.3.17.9) and values of every kind. */
#include "cse/core/match_priv.h"

#include <check.h>
#include <stdlib.h>

START_TEST(asterisks)
{
	static const struct {
		const char *pattern, *text;
		bool yes;
	} rows[] = {
		{ "", "", true }, { "", "a", false }, { "*", "", true }, { "*", "abc", true }, { "**", "", true }, { "a*", "a", true }, { "a*", "abc", true },
		{ "a*", "ba", false }, { "*a", "a", true }, { "*a", "ba", true }, { "*a", "ab", false }, { "*b*", "abc", true }, { "*b*", "ac", false },
		{ "a*c", "ac", true }, { "a*c", "abc", true }, { "a*c", "abd", false }, { "a*b*c", "aXbYc", true }, { "a*b*c", "acb", false },
		{ "ab*ba", "aba", false }, { "ab*ba", "abba", true }, { "*aab", "aaab", true }, { "*ab*ab*", "abab", true }, { "*ab*ab*", "aab", false },
		{ "a**b", "ab", true }, { "abc", "abc", true }, { "abc", "abcd", false }, { "CAE-ID*", "CAE-ID7", true }, { "*ID123", "CAE-ID123", true }
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(match_wild(str_of(rows[i].pattern), str_of(rows[i].text)) == rows[i].yes, "%s on %s", rows[i].pattern, rows[i].text);
}
END_TEST

static struct arena arena;

static bool is(const struct attr *at, struct val v, const char *value, bool wild)
{
	struct typeinfo ti = { .type = type_by_ty(TY_CNT) };
	struct res *r = res_new(&arena, ti.type, 4);
	struct source s = { .ti = &ti, .res = r, .rn = STR("box"), .ri = STR("cnt1"), .pi = STR("CDev1") };
	struct filter_pair p = { str_of(at->sn), str_of(value) };

	*obj_add(&arena, &r->o, at) = v;
	return match_pair(&arena, &s, &p, wild);
}

START_TEST(values)
{
	const struct type *cnt = type_by_ty(TY_CNT);
	const struct attr *mni = type_attr(cnt, STR("mni")), *disr = type_attr(cnt, STR("disr")), *or = type_attr(cnt, STR("or"));
	struct val list;

	arena_init(&arena, 1024);
	list = val_list(&arena, 2);
	list.list.v[0] = val_str(K_URI, STR("acp1"));
	list.list.v[1] = val_str(K_URI, STR("acp2"));
	ck_assert(is(mni, val_uint(12), "12", false) && is(mni, val_uint(12), "012", false) && !is(mni, val_uint(12), "1", false));
	ck_assert(is(mni, val_uint(12), "1*", true) && !is(mni, val_uint(12), "1*", false) && !is(mni, val_uint(12), "-12", false));
	ck_assert(is(mni, val_uint(0), "-0", false) && is(mni, val_uint(UINT64_MAX), "18446744073709551615", true));
	ck_assert(is(mni, val_int(-5), "-5", false) && !is(mni, val_int(-5), "5", false) && is(mni, val_int(INT64_MIN), "-9223372036854775808", true));
	ck_assert(is(disr, val_bool(true), "true", false) && !is(disr, val_bool(true), "1", false) && is(disr, val_bool(false), "f*", true));
	ck_assert(is(or, val_str(K_URI, STR("http://x")), "http://x", false) && !is(or, val_str(K_URI, STR("http://x")), "HTTP://x", false));
	ck_assert(is(or, (struct val){ .kind = K_FLOAT, .f = 2.5 }, "2.50", false) && !is(or, (struct val){ .kind = K_FLOAT, .f = 2.5 }, "2.5x", false));
	ck_assert(!is(or, (struct val){ .kind = K_FLOAT, .f = 2.5 }, "", false));
	ck_assert(is(or, val_str(K_ANY, STR("\"a\\\"b\"")), "a\"b", false) && is(or, val_str(K_ANY, STR("42")), "42", false));
	ck_assert(is(&attr_acpi, list, "acp2", false) && is(&attr_acpi, list, "*1", true) && !is(&attr_acpi, list, "acp3", false));
	ck_assert(is(or, val_stamp(INT64_C(1795168800000000)), "20261120T100000", false) && is(or, val_stamp(INT64_C(1795168800000000)), "20261120*", true));
	ck_assert(!is(or, val_null(), "*", true) && !is(or, val_obj(obj_new(&arena, 1)), "*", true));
	arena_fini(&arena);
}
END_TEST

START_TEST(names_and_what_is_hidden)
{
	arena_init(&arena, 1024);
	ck_assert(is(&attr_rn, val_null(), "b*", true) && is(&attr_ri, val_null(), "cnt1", false) && is(&attr_pi, val_null(), "CDev1", false));
	ck_assert(!is(&attr_owner, val_str(K_ID, STR("//x/y")), "*", true));
	ck_assert(match_is_open(STR("cr")) && match_is_open(STR("rn")) && !match_is_open(STR("con")));
	arena_fini(&arena);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("match");
	TCase *t = tcase_create("attributes");
	SRunner *sr;
	int failed;

	tcase_add_test(t, asterisks);
	tcase_add_test(t, values);
	tcase_add_test(t, names_and_what_is_hidden);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
