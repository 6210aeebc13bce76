/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of base: errors, counters, and what ends a process. */
#include <check.h>
#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "cse/base/stat.h"

static const int errors[] = {
#define ERR(name, value, rsc, text) name,
#include "cse/base/err.def"
#undef ERR
};

START_TEST(errors_have_a_text_and_a_code)
{
	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		ck_assert_int_lt(errors[i], 0);
		ck_assert_str_ne(err_text(errors[i]), err_text(1));
		ck_assert_int_ge(err_rsc(errors[i]), 4000);
		ck_assert_int_lt(err_rsc(errors[i]), 6000);
		for (size_t k = 0; k < i; k++) {
			ck_assert_int_ne(errors[i], errors[k]);
			ck_assert_str_ne(err_text(errors[i]), err_text(errors[k]));
		}
	}
	ck_assert_ptr_nonnull(err_text(0));
	ck_assert_ptr_nonnull(err_text(-9999));
	/* TS-0004 6.6.3.5, 6.6.3.6 */
	ck_assert_int_eq(err_rsc(E_ABSENT), 4004);
	ck_assert_int_eq(err_rsc(E_DENIED), 4103);
	ck_assert_int_eq(err_rsc(E_EXISTS), 4105);
	ck_assert_int_eq(err_rsc(-9999), 5000);
}
END_TEST

/* https://prometheus.io/docs/practices/naming: lower case, underscores, _total for counters. */
START_TEST(counters_have_a_name_and_a_help)
{
	for (unsigned i = 0; i < STAT_COUNT; i++) {
		const char *name = stat_name((enum stat_id)i);

		ck_assert_int_eq(strncmp(name, "troth_", 6), 0);
		ck_assert_str_eq(name + strlen(name) - 6, "_total");
		for (const char *c = name; *c; c++)
			ck_assert(islower((unsigned char)*c) || *c == '_');
		ck_assert_uint_gt(strlen(stat_help((enum stat_id)i)), 3);
		for (unsigned k = 0; k < i; k++)
			ck_assert_str_ne(name, stat_name((enum stat_id)k));
	}
}
END_TEST

START_TEST(counters_add)
{
	static struct stats s;

	stat_add(&s, STAT_JOBS, 2);
	stat_add(&s, STAT_JOBS, 3);
	stat_add(NULL, STAT_JOBS, 3);
	ck_assert_uint_eq(atomic_load(&s.v[STAT_JOBS]), 5);
	ck_assert_uint_eq(atomic_load(&s.v[STAT_EVENTS]), 0);
}
END_TEST

/* A step holds what is at most its upper end (the `le` of Prometheus), and none is lost. */
START_TEST(durations_have_their_step)
{
	static struct stats s;
	static const struct {
		int64_t ns;
		unsigned step;
	} cases[] = { { -5, 0 }, { 0, 0 }, { 10000, 0 }, { 10001, 1 }, { 25000, 1 }, { 1000000, 6 }, { 10000000000, 18 },
		      { 10000000001, 19 }, { INT64_MAX, 19 } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t before = atomic_load(&s.times[TIMES_REQUEST][1].n[cases[i].step]);

		stat_time(&s, TIMES_REQUEST, 1, cases[i].ns);
		ck_assert_msg(atomic_load(&s.times[TIMES_REQUEST][1].n[cases[i].step]) == before + 1, "%zu", i);
	}
	stat_time(NULL, TIMES_REQUEST, 1, 1);
	for (unsigned i = 1; i < STAT_STEPS; i++)
		ck_assert_int_gt(stat_step_ns(i), stat_step_ns(i - 1));
	ck_assert_uint_eq(atomic_load(&s.times[TIMES_REQUEST][0].n[0]), 0);
	for (int i = 0; i < TIMES_COUNT; i++)
		ck_assert_ptr_nonnull(strstr(stat_times_row((enum stat_times_id)i)->name, "_seconds"));
}
END_TEST

START_TEST(a_broken_contract_ends_the_process)
{
	REQUIRE(_i == 1);
}
END_TEST

START_TEST(an_unknown_counter_ends_the_process)
{
	stat_name(STAT_COUNT);
}
END_TEST

struct thing {
	uint32_t magic;
};
#define THING_MAGIC 0x7417605u

START_TEST(a_wrong_magic_ends_the_process)
{
	struct thing t = { THING_MAGIC };

	CHECK(&t, THING);
	t.magic = 0;
	CHECK(&t, THING);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/tables");
	TCase *t = tcase_create("tables");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, errors_have_a_text_and_a_code);
	tcase_add_test(t, counters_have_a_name_and_a_help);
	tcase_add_test(t, counters_add);
	tcase_add_test(t, durations_have_their_step);
	tcase_add_test_raise_signal(t, a_broken_contract_ends_the_process, SIGABRT);
	tcase_add_test_raise_signal(t, an_unknown_counter_ends_the_process, SIGABRT);
	tcase_add_test_raise_signal(t, a_wrong_magic_ends_the_process, SIGABRT);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
