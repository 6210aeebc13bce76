/* SPDX-License-Identifier: Apache-2.0 */
/* Time windows against TS-0004 7.4.9.1 and against the C library's calendar. */
#include "cse/model/window.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"

static int64_t at(int year, int month, int day, int hour, int minute, int second)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute,
		.tm_sec = second };

	return (int64_t)timegm(&tm) * 1000000;
}

static bool holds(const char *text, int64_t us)
{
	struct arena a;
	struct window w;
	bool yes;

	arena_init(&a, 256);
	ck_assert_msg(window_parse(&a, str_of(text), false, &w) == 0, "%s", text);
	yes = window_holds(&w, us);
	arena_fini(&a);
	return yes;
}

static int parse(const char *text, bool six)
{
	struct arena a;
	struct window w;
	int err;

	arena_init(&a, 256);
	err = window_parse(&a, str_of(text), six, &w);
	arena_fini(&a);
	return err;
}

/* The example of TS-0004 7.4.9.1: 2:00 to 2:05, 6:00 to 6:05, 10:00 to 10:05 every day. */
START_TEST(example_of_the_specification)
{
	const char *w = "* 0-5 2,6,10 * * * *";

	ck_assert(holds(w, at(2026, 11, 20, 2, 0, 0)));
	ck_assert(holds(w, at(2026, 11, 20, 2, 5, 59)));
	ck_assert(!holds(w, at(2026, 11, 20, 2, 6, 0)));
	ck_assert(holds(w, at(2026, 11, 20, 6, 3, 0)));
	ck_assert(holds(w, at(2026, 11, 20, 10, 0, 0)));
	ck_assert(!holds(w, at(2026, 11, 20, 10, 59, 0)));
	ck_assert(!holds(w, at(2026, 11, 20, 1, 59, 59)));
}
END_TEST

/* Table 7.4.9.1-4: each field has its place, range and meaning; 0 is Sunday. */
START_TEST(each_field_counts)
{
	int64_t t = at(2026, 11, 20, 13, 14, 15); /* a Friday */

	ck_assert(holds("15 14 13 20 11 5 2026", t));
	ck_assert(!holds("16 14 13 20 11 5 2026", t));
	ck_assert(!holds("15 15 13 20 11 5 2026", t));
	ck_assert(!holds("15 14 12 20 11 5 2026", t));
	ck_assert(!holds("15 14 13 21 11 5 2026", t));
	ck_assert(!holds("15 14 13 20 10 5 2026", t));
	ck_assert(!holds("15 14 13 20 11 6 2026", t));
	ck_assert(!holds("15 14 13 20 11 5 2025", t));
	ck_assert(holds("* * * * * 0 *", at(2026, 11, 22, 0, 0, 0)));
	ck_assert(holds("* * * * * 1-5 2026-2027,2030", at(2030, 11, 20, 0, 0, 0)));
	ck_assert(!holds("* * * * * * 2026-2027,2030", at(2029, 11, 20, 0, 0, 0)));
	/* Day of month AND day of week. */
	ck_assert(!holds("* * * 20 * 1 *", t));
}
END_TEST

/* "0-23/2" is every second hour from 0; a step may follow an asterisk. */
START_TEST(steps)
{
	unsigned h;

	for (h = 0; h < 24; h++) {
		ck_assert_int_eq(holds("* * 0-23/2 * * * *", at(2026, 1, 1, (int)h, 0, 0)), h % 2 == 0);
		ck_assert_int_eq(holds("* * */5 * * * *", at(2026, 1, 1, (int)h, 0, 0)), h % 5 == 0);
		ck_assert_int_eq(holds("* * 3-9/4 * * * *", at(2026, 1, 1, (int)h, 0, 0)), h == 3 || h == 7);
	}
	/* The month's range begins at 1. */
	ck_assert(holds("* * * * */3 * *", at(2026, 4, 1, 0, 0, 0)));
	ck_assert(!holds("* * * * */3 * *", at(2026, 3, 1, 0, 0, 0)));
	ck_assert(holds("* * * * * * */7", at(2007, 3, 1, 0, 0, 0)));
	ck_assert(!holds("* * * * * * */7", at(2008, 3, 1, 0, 0, 0)));
}
END_TEST

/* Years are 2000 to 9999: an asterisk matches all valid values, and a clock at its epoch is not one. */
START_TEST(years_are_bounded)
{
	ck_assert(!holds("* * * * * * *", at(1999, 12, 31, 23, 59, 59)));
	ck_assert(!holds("* * * * * * *", 0));
	ck_assert(!holds("* * * * * * *", -1));
	ck_assert(holds("* * * * * * *", at(2000, 1, 1, 0, 0, 0)));
	ck_assert(holds("* * * * * * *", at(9999, 12, 31, 23, 59, 59)));
	ck_assert(!holds("* * * * * * *", at(10000, 1, 1, 0, 0, 0)));
}
END_TEST

START_TEST(refused)
{
	static const char *const bad[] = { "", "*", "* * * * * *", "* * * * * * * *", "60 * * * * * *", "* 60 * * * * *",
		"* * 24 * * * *", "* * * 0 * * *", "* * * 32 * * *", "* * * * 0 * *", "* * * * 13 * *", "* * * * * 7 *",
		"* * * * * * 1999", "* * * * * * 10000", "5-3 * * * * * *", "1,, * * * * * *", ",1 * * * * * *",
		"1-2-3 * * * * * *", "-1 * * * * * *", "1- * * * * * *", "*/0 * * * * * *", "1/2 * * * * * *",
		"1-5/0 * * * * * *", "*,5 * * * * * *", "5,* * * * * * *", "** * * * * * *", "*/ * * * * * *", "a * * * * * *",
		"* * * * MON * *", "*\t* * * * * *", "1-5/2/3 * * * * * *", "00001 * * * * * *", "* * * * * * * " "*" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(parse(bad[i], false) < 0, "accepted: %s", bad[i]);
	ck_assert_int_eq(parse("  05   * * * * * 2026 ", false), 0);
}
END_TEST

/* conformance-rules 10: six fields only by option, as one for every year. */
START_TEST(six_fields_by_option)
{
	struct arena a;
	struct window w;

	ck_assert_int_lt(parse("* 0-5 2 * * *", false), 0);
	ck_assert_int_lt(parse("* 0-5 2 * *", true), 0);
	ck_assert_int_eq(parse("* 0-5 2 * * * 2026", true), 0);
	arena_init(&a, 256);
	ck_assert_int_eq(window_parse(&a, STR("* 0-5 2 * * *"), true, &w), 0);
	ck_assert(window_holds(&w, at(2001, 1, 1, 2, 5, 0)) && !window_holds(&w, at(2001, 1, 1, 3, 5, 0)));
	arena_fini(&a);
}
END_TEST

START_TEST(bounds)
{
	char text[WINDOW_MAX_BYTES + 2];
	struct arena a;
	struct window w;

	memset(text, ' ', sizeof(text));
	memcpy(text, "* * * * * * *", 13);
	arena_init(&a, 256);
	ck_assert_int_eq(window_parse(&a, str_make(text, WINDOW_MAX_BYTES), false, &w), 0);
	ck_assert_int_eq(window_parse(&a, str_make(text, WINDOW_MAX_BYTES + 1), false, &w), E_LIMIT);
	ck_assert_int_eq(window_parse(&a, STR("* * * * * * 2000,2001,2002,2003,2004,2005,2006,2007,2008,2009,2010,2011,2012,"
	                                      "2013,2014,2015"), false, &w), 0);
	ck_assert_int_eq(window_parse(&a, STR("* * * * * * 2000,2001,2002,2003,2004,2005,2006,2007,2008,2009,2010,2011,2012,"
	                                      "2013,2014,2015,2016"), false, &w), E_LIMIT);
	arena_fini(&a);
}
END_TEST

static int64_t next(const char *text, int64_t us)
{
	struct arena a;
	struct window w;
	int64_t t;

	arena_init(&a, 256);
	ck_assert_msg(window_parse(&a, str_of(text), false, &w) == 0, "%s", text);
	t = window_next(&w, us);
	arena_fini(&a);
	return t;
}

START_TEST(next_moment)
{
	const char *w = "* 0-5 2,6,10 * * * *";
	int64_t inside = at(2026, 11, 20, 2, 3, 4) + 567;

	ck_assert_int_eq(next(w, inside), inside);
	ck_assert_int_eq(next(w, at(2026, 11, 20, 2, 6, 0)), at(2026, 11, 20, 6, 0, 0));
	ck_assert_int_eq(next(w, at(2026, 11, 20, 1, 59, 59) + 999999), at(2026, 11, 20, 2, 0, 0));
	ck_assert_int_eq(next(w, at(2026, 11, 20, 10, 6, 0)), at(2026, 11, 21, 2, 0, 0));
	ck_assert_int_eq(next("30 * * * * * *", at(2026, 11, 20, 23, 59, 31)), at(2026, 11, 21, 0, 0, 30));
	ck_assert_int_eq(next("5 10 * * * * *", at(2026, 11, 20, 23, 10, 6)), at(2026, 11, 21, 0, 10, 5));
	ck_assert_int_eq(next("0 0 0 29 2 * *", at(2026, 11, 20, 0, 0, 0)), at(2028, 2, 29, 0, 0, 0));
	ck_assert_int_eq(next("0 0 0 29 2 * *", at(2097, 1, 1, 0, 0, 0)), at(2104, 2, 29, 0, 0, 0));
	/* The 13th of a month that is a Friday. */
	ck_assert_int_eq(next("* * * 13 * 5 *", at(2026, 11, 14, 0, 0, 0)), at(2027, 8, 13, 0, 0, 0));
	ck_assert_int_eq(next("* * * * * * 2030,2040-2050/5", at(2031, 1, 1, 0, 0, 0)), at(2040, 1, 1, 0, 0, 0));
	ck_assert_int_eq(next("* * * * * * *", 0), at(2000, 1, 1, 0, 0, 0));
	ck_assert_int_eq(next("* * * * * * *", -5), at(2000, 1, 1, 0, 0, 0));
	ck_assert(next("* * * 30 2 * *", at(2026, 1, 1, 0, 0, 0)) == INT64_MAX);
	ck_assert(next("* * * * * * 2025", at(2026, 1, 1, 0, 0, 0)) == INT64_MAX);
	ck_assert(next("* * * 29 2 * 2001-9999/4", at(2026, 1, 1, 0, 0, 0)) == INT64_MAX);
	ck_assert(next("* * * * * * *", at(10000, 1, 1, 0, 0, 0)) == INT64_MAX);
}
END_TEST

/* Second by second, nothing is left out and nothing is said too early. */
START_TEST(next_against_plain_search)
{
	static const char *const texts[] = { "*/7 1-50/3 * * * * *", "0 0 */5 * * * *", "59 59 23 * * * *", "0,30 */20 0-3 * * * *",
		"* * * */2 * * *", "10-20 * * * * 6 *" };
	struct rnd *r = rnd_new_seeded(11);

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		for (int k = 0; k < 20; k++) {
			int64_t t = at(2026, 11, 20, 0, 0, 0) + (int64_t)rnd_below(r, 86400 * 40) * 1000000, n = next(texts[i], t), s = t;

			while (!holds(texts[i], s) && s < t + INT64_C(4000000000))
				s += 1000000;
			if (holds(texts[i], s))
				ck_assert_int_eq(n, s);
			else
				ck_assert_int_ge(n, s);
		}
	}
	rnd_free(r);
}
END_TEST

START_TEST(until)
{
	static const struct {
		const char *text;
		int64_t from, to;
	} rows[] = {
		{ "* * 8-20 * * * *", 10 * 3600 + 61, 11 * 3600 }, { "* 0-5 2 * * * *", 2 * 3600 + 62, 2 * 3600 + 120 },
		{ "5-7 * * * * * *", 6, 7 }, { "* * * 20 * * *", 77, 86400 }, { "* * * * * * 2026", 77, 86400 },
	};
	int64_t midnight = at(2026, 11, 20, 0, 0, 0);
	struct arena a;
	struct window w;

	arena_init(&a, 256);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_int_eq(window_parse(&a, str_of(rows[i].text), false, &w), 0);
		ck_assert_int_eq(window_until(&w, midnight + rows[i].from * 1000000), midnight + rows[i].to * 1000000);
	}
	ck_assert_int_eq(window_parse(&a, STR("* * * * * * *"), false, &w), 0);
	ck_assert(window_until(&w, midnight) == INT64_MAX);
	arena_fini(&a);
}
END_TEST

/* Every field is told from a random instant as the C library does it. */
START_TEST(calendar_of_the_library)
{
	struct rnd *r = rnd_new_seeded(7);
	char text[128];
	int i;

	for (i = 0; i < 20000; i++) {
		int64_t seconds = 946684800 + (int64_t)rnd_below(r, 252455616000 - 1);
		time_t t = (time_t)seconds;
		struct tm tm;

		gmtime_r(&t, &tm);
		snprintf(text, sizeof(text), "%d %d %d %d %d %d %d", tm.tm_sec, tm.tm_min, tm.tm_hour, tm.tm_mday, tm.tm_mon + 1,
		         tm.tm_wday, tm.tm_year + 1900);
		ck_assert_msg(holds(text, seconds * 1000000 + 999999), "%s", text);
		ck_assert_msg(!holds(text, (seconds + 1) * 1000000), "%s", text);
	}
	rnd_free(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("window");
	TCase *t = tcase_create("window");
	SRunner *r;
	int failed;

	tcase_add_test(t, example_of_the_specification);
	tcase_add_test(t, each_field_counts);
	tcase_add_test(t, steps);
	tcase_add_test(t, years_are_bounded);
	tcase_add_test(t, refused);
	tcase_add_test(t, six_fields_by_option);
	tcase_add_test(t, bounds);
	tcase_add_test(t, next_moment);
	tcase_add_test(t, next_against_plain_search);
	tcase_add_test(t, until);
	tcase_add_test(t, calendar_of_the_library);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
