/* SPDX-License-Identifier: Apache-2.0 */
/* Shares of a life: each is told once, in order, and a look that comes late tells the latest only. */
#include "security/lifespan.h"

#include <check.h>
#include <stdlib.h>

static const int64_t day = INT64_C(86400) * 1000000, from = INT64_C(1795169739) * 1000000;

START_TEST(stages)
{
	int64_t to = from + day;

	ck_assert_int_eq(lifespan_stage(from, to, from), LIFE_YOUNG);
	ck_assert_int_eq(lifespan_stage(from, to, from + day / 2 - 1), LIFE_YOUNG);
	ck_assert_int_eq(lifespan_stage(from, to, from + day / 2), LIFE_HALF);
	ck_assert_int_eq(lifespan_stage(from, to, from + day / 4 * 3), LIFE_LATE);
	ck_assert_int_eq(lifespan_stage(from, to, from + day / 10 * 9 - 1), LIFE_LATE);
	ck_assert_int_eq(lifespan_stage(from, to, from + day / 10 * 9), LIFE_LAST);
	ck_assert_int_eq(lifespan_stage(from, to, to - 1), LIFE_LAST);
	ck_assert_int_eq(lifespan_stage(from, to, to), LIFE_ENDED);
	/* A clock that stands before the beginning. */
	ck_assert_int_eq(lifespan_stage(from, to, 0), LIFE_YOUNG);
	/* A life that is none. */
	ck_assert_int_eq(lifespan_stage(to, from, from), LIFE_ENDED);
	ck_assert_int_eq(lifespan_stage(from, from, from), LIFE_ENDED);
}
END_TEST

START_TEST(long_lives_fit)
{
	int64_t to = INT64_C(253402300799) * 1000000; /* the year 9999 */

	ck_assert_int_eq(lifespan_stage(0, to, to / 2 - day), LIFE_YOUNG);
	ck_assert_int_eq(lifespan_stage(0, to, to / 2 + day), LIFE_HALF);
	ck_assert_int_eq(lifespan_share_us(0, to, 0) < day, true);
	ck_assert_int_eq(lifespan_share_us(0, to, 100), to);
}
END_TEST

START_TEST(told_once)
{
	struct lifespan l = { from, from + day, LIFE_YOUNG };
	enum lifespan_stage s = LIFE_YOUNG;

	ck_assert(!lifespan_tell(&l, from + day / 4, &s));
	ck_assert(lifespan_tell(&l, from + day / 2, &s));
	ck_assert_int_eq(s, LIFE_HALF);
	ck_assert(!lifespan_tell(&l, from + day / 2 + 1, &s));
	/* Nobody looked at 75 %. */
	ck_assert(lifespan_tell(&l, from + day / 100 * 95, &s));
	ck_assert_int_eq(s, LIFE_LAST);
	/* The clock goes back: said is said. */
	ck_assert(!lifespan_tell(&l, from + day / 100 * 80, &s));
	ck_assert(lifespan_tell(&l, from + 2 * day, &s));
	ck_assert_int_eq(s, LIFE_ENDED);
	ck_assert(!lifespan_tell(&l, from + 3 * day, &s));
	ck_assert_str_eq(lifespan_text(LIFE_LATE), "75 % of its life");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lifespan");
	TCase *tc = tcase_create("lifespan");
	tcase_add_test(tc, stages);
	tcase_add_test(tc, long_lives_fit);
	tcase_add_test(tc, told_once);
	suite_add_tcase(suite, tc);
	SRunner *r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
