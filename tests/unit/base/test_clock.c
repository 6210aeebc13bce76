/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks: the machine's against the C library, the fake one against its rules. */
#include "cse/base/clock.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

START_TEST(the_machines_clock_goes)
{
	struct clock *c = clock_new();
	int64_t before = clock_mono_ns(c), wall = clock_wall_us(c), now = (int64_t)time(NULL) * 1000000;

	ck_assert(!clock_is_fake(c));
	ck_assert_int_ge(clock_mono_ns(c), before);
	ck_assert_int_gt(before, 0);
	ck_assert_int_ge(now, wall - 1000000);
	ck_assert_int_le(now, wall + 60 * INT64_C(1000000));
	clock_free(c);
}
END_TEST

START_TEST(a_fake_clock_is_moved)
{
	struct clock *c = clock_new_fake(5000000);

	ck_assert(clock_is_fake(c));
	ck_assert_int_eq(clock_wall_us(c), 5000000);
	ck_assert_int_eq(clock_mono_ns(c), 1000000000);
	clock_advance_us(c, 7);
	ck_assert_int_eq(clock_wall_us(c), 5000007);
	ck_assert_int_eq(clock_mono_ns(c), 1000007000);
	clock_jump_us(c, -1000000);
	ck_assert_int_eq(clock_wall_us(c), 4000007);
	ck_assert_int_eq(clock_mono_ns(c), 1000007000);
	clock_free(c);
	clock_free(NULL);
}
END_TEST

START_TEST(monotonic_time_does_not_go_back)
{
	struct clock *c = clock_new_fake(0);

	clock_advance_us(c, -1);
}
END_TEST

START_TEST(the_machines_clock_is_not_moved)
{
	struct clock *c = clock_new();

	clock_jump_us(c, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/clock");
	TCase *t = tcase_create("clock");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, the_machines_clock_goes);
	tcase_add_test(t, a_fake_clock_is_moved);
	tcase_add_test_raise_signal(t, monotonic_time_does_not_go_back, SIGABRT);
	tcase_add_test_raise_signal(t, the_machines_clock_is_not_moved, SIGABRT);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
