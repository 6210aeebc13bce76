/* SPDX-License-Identifier: Apache-2.0 */
/* Filter criteria against TS-0004 table 7.3.3.17.0-1. */
#include "cse/core/filter.h"

#include <check.h>
#include <stdlib.h>

#define HAS(id) (UINT64_C(1) << (id))

static struct filter_subject subject(void)
{
	return (struct filter_subject){ .ty = 4, .ct = 100, .lt = 200, .et = 300, .has_st = true, .st = 5, .has_size = true,
		                            .size = 10 };
}

START_TEST(intervals_are_closed_below_and_open_above)
{
	struct filter_subject s = subject();
	struct filter f = { .has = HAS(FC_CRA) | HAS(FC_CRB), .cra = 100, .crb = 101 };

	ck_assert(filter_match(&f, &s));
	f.crb = 100;
	ck_assert(!filter_match(&f, &s));
	f = (struct filter){ .has = HAS(FC_MS), .ms = 200 };
	ck_assert(filter_match(&f, &s));
	f.ms = 201;
	ck_assert(!filter_match(&f, &s));
	f = (struct filter){ .has = HAS(FC_US), .us = 200 };
	ck_assert(!filter_match(&f, &s));
	f = (struct filter){ .has = HAS(FC_EXA), .exa = 300 };
	ck_assert(filter_match(&f, &s));
	f = (struct filter){ .has = HAS(FC_EXB), .exb = 300 };
	ck_assert(!filter_match(&f, &s));
	f = (struct filter){ .has = HAS(FC_STB) | HAS(FC_STS), .stb = 5, .sts = 6 };
	ck_assert(filter_match(&f, &s));
	f.sts = 5;
	ck_assert(!filter_match(&f, &s));
	f = (struct filter){ .has = HAS(FC_SZA) | HAS(FC_SZB), .sza = 10, .szb = 11 };
	ck_assert(filter_match(&f, &s));
	f.sza = 11;
	ck_assert(!filter_match(&f, &s));
}
END_TEST

START_TEST(what_a_resource_does_not_have_does_not_match)
{
	struct filter_subject s = subject();
	struct filter f = { .has = HAS(FC_SZA), .sza = 0 };

	s.has_size = s.has_st = false;
	ck_assert(!filter_match(&f, &s));
	f = (struct filter){ .has = HAS(FC_STB), .stb = 0 };
	ck_assert(!filter_match(&f, &s));
}
END_TEST

START_TEST(one_kind_is_or_different_kinds_are_and)
{
	uint64_t ty[] = { 3, 4 };
	struct str labels[] = { STR("floor1"), STR("floor2") };
	struct str own = STR("floor2");
	struct filter_subject s = subject();
	struct filter f = { .has = HAS(FC_TY), .ty = ty, .n_ty = 2 };

	s.lbl = (struct strs){ &own, 1 };
	ck_assert(filter_match(&f, &s));
	f.has |= HAS(FC_LBL);
	f.lbl = (struct strs){ labels, 2 };
	ck_assert(filter_match(&f, &s));
	f.lbl.n = 1;
	ck_assert(!filter_match(&f, &s));
	f.has |= HAS(FC_FO);
	f.fo = 2;
	ck_assert(filter_match(&f, &s));
	f.n_ty = 1;
	ck_assert(!filter_match(&f, &s));
}
END_TEST

START_TEST(only_handling_conditions_select_everything)
{
	struct filter_subject s = subject();
	struct filter f = { .has = HAS(FC_LIM) | HAS(FC_FU) | HAS(FC_FO), .lim = 1, .fu = 1, .fo = 2 };

	ck_assert(!filter_selects(&f));
	ck_assert(!filter_selects(NULL));
	ck_assert(filter_match(&f, &s));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("filter");
	TCase *t = tcase_create("match");
	SRunner *sr;
	int failed;

	tcase_add_test(t, intervals_are_closed_below_and_open_above);
	tcase_add_test(t, what_a_resource_does_not_have_does_not_match);
	tcase_add_test(t, one_kind_is_or_different_kinds_are_and);
	tcase_add_test(t, only_handling_conditions_select_everything);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
