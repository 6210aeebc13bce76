/* SPDX-License-Identifier: Apache-2.0 */
/* Schedules against TS-0004 7.4.9.1 and its examples. */
#include "cse/model/schedule.h"

#include <check.h>
#include <stdlib.h>
#include <time.h>

#include "cse/model/type.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 1024);
}

static void teardown(void)
{
	arena_fini(&arena);
}

static int64_t at(int day, int hour, int minute, int second)
{
	struct tm tm = { .tm_year = 126, .tm_mon = 10, .tm_mday = day, .tm_hour = hour, .tm_min = minute, .tm_sec = second };

	return (int64_t)timegm(&tm) * 1000000;
}

static struct val schedule(const char *const *entries, size_t n)
{
	const struct attr *se = type_attr(type_by_ty(TY_SCH), STR("se"));
	struct obj *o = obj_new(&arena, 1);
	struct val list = val_list(&arena, n);

	for (size_t i = 0; i < n; i++)
		list.list.v[i] = val_str(K_STR, str_of(entries[i]));
	*obj_add(&arena, o, complex_attr(se->of, STR("sce"))) = list;
	return val_obj(o);
}

static enum rsc check(const char *const *entries, size_t n, bool six, struct why *w)
{
	struct val se = schedule(entries, n);

	*w = (struct why){ .rsc = RSC_NONE };
	return schedule_check(&arena, &se, six, w);
}

/* Example 2: nothing between the hours of 20:00 (its hour is in) and 8:00. */
START_TEST(one_entry)
{
	struct val se = schedule((const char *const[]){ "* * 8-20 * * * *" }, 1);

	ck_assert_int_eq(schedule_next(&arena, &se, at(20, 7, 59, 59)), at(20, 8, 0, 0));
	ck_assert_int_eq(schedule_next(&arena, &se, at(20, 12, 1, 2) + 77), at(20, 12, 1, 2) + 77);
	ck_assert_int_eq(schedule_next(&arena, &se, at(20, 21, 0, 0)), at(21, 8, 0, 0));
	ck_assert_int_eq(schedule_until(&arena, &se, at(20, 9, 30, 5)), at(20, 21, 0, 0));
	ck_assert_int_eq(schedule_until(&arena, &se, at(20, 21, 30, 5)), at(20, 21, 30, 5));
}
END_TEST

START_TEST(several_entries)
{
	struct val se = schedule((const char *const[]){ "* 10-19 9 * * * *", "* 20-29 9 * * * *", "0-29 0 12 * * * *" }, 3);

	ck_assert_int_eq(schedule_next(&arena, &se, at(20, 9, 0, 0)), at(20, 9, 10, 0));
	ck_assert_int_eq(schedule_until(&arena, &se, at(20, 9, 10, 0)), at(20, 9, 30, 0));
	ck_assert_int_eq(schedule_next(&arena, &se, at(20, 9, 30, 0)), at(20, 12, 0, 0));
	ck_assert_int_eq(schedule_until(&arena, &se, at(20, 12, 0, 3)), at(20, 12, 0, 30));
}
END_TEST

START_TEST(always_and_never)
{
	struct val always = schedule((const char *const[]){ "0 0 0 1 1 * 2000", "* * * * * * *" }, 2);
	struct val never = schedule((const char *const[]){ "* * * * * * 2001-2025" }, 1), none = val_obj(obj_new(&arena, 0));

	ck_assert(schedule_until(&arena, &always, at(20, 1, 0, 0)) == INT64_MAX);
	ck_assert(schedule_next(&arena, &never, at(20, 1, 0, 0)) == INT64_MAX);
	ck_assert(schedule_next(&arena, &none, at(20, 1, 0, 0)) == INT64_MAX);
}
END_TEST

START_TEST(what_is_refused)
{
	const char *many[SCHEDULE_ENTRIES + 1];
	struct why w;

	for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++)
		many[i] = "* * * * * * *";
	ck_assert_int_eq(check(many, SCHEDULE_ENTRIES, false, &w), RSC_NONE);
	ck_assert_int_eq(check(many, SCHEDULE_ENTRIES + 1, false, &w), RSC_BAD_REQUEST);
	ck_assert_int_eq(check(many, 0, false, &w), RSC_BAD_REQUEST);
	many[1] = "* * * * * *";
	ck_assert_int_eq(check(many, 2, false, &w), RSC_BAD_REQUEST);
	ck_assert_msg(strstr(w.text, "entry 2"), "%s", w.text);
	ck_assert_int_eq(check(many, 2, true, &w), RSC_NONE);
	many[0] = "";
	ck_assert_int_eq(check(many, 1, true, &w), RSC_BAD_REQUEST);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("schedule");
	TCase *t = tcase_create("schedule");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, one_entry);
	tcase_add_test(t, several_entries);
	tcase_add_test(t, always_and_never);
	tcase_add_test(t, what_is_refused);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
