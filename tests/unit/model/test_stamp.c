/* SPDX-License-Identifier: Apache-2.0 */
/* Timestamps against the C library's calendar and against TS-0004 6.3.3; durations by XML Schema part 2, 3.2.6. */
#include "cse/model/stamp.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cse/base/check.h"
#include "cse/base/err.h"

#define S INT64_C(1000000)

static const struct {
	const char *text;
	int err;
	int64_t us;
} parse_cases[] = {
	{ "19700101T000000", 0, 0 },
	/* python3: datetime(2014, 10, 3, 11, 20, 32, tzinfo=timezone.utc).timestamp() */
	{ "20141003T112032", 0, 1412335232 * S },
	{ "20141003T112032,5", 0, 1412335232 * S + 500000 },
	{ "20141003T112032,123456", 0, 1412335232 * S + 123456 },
	{ "20141003T112032,000001", 0, 1412335232 * S + 1 },
	{ "20240229T235959", 0, 1709251199 * S },
	{ "20000229T000000", 0, 951782400 * S },
	{ "99991231T235959,999999", 0, INT64_C(253402300800) * S - 1 },
	{ "20230229T000000", E_RANGE, 0 },
	{ "21000229T000000", E_RANGE, 0 },
	{ "20141301T000000", E_RANGE, 0 },
	{ "20140001T000000", E_RANGE, 0 },
	{ "20140100T000000", E_RANGE, 0 },
	{ "20140431T000000", E_RANGE, 0 },
	{ "20140101T240000", E_RANGE, 0 },
	{ "20140101T006000", E_RANGE, 0 },
	{ "20140101T000060", E_RANGE, 0 },
	{ "19691231T235959", E_RANGE, 0 },
	{ "", E_SYNTAX, 0 },
	{ "20141003", E_SYNTAX, 0 },
	{ "20141003T1120", E_SYNTAX, 0 },
	{ "20141003 112032", E_SYNTAX, 0 },
	{ "20141003t112032", E_SYNTAX, 0 },
	{ "2014-10-03T11:20:32", E_SYNTAX, 0 },
	{ "20141003T112032Z", E_SYNTAX, 0 },
	{ "20141003T112032.5", E_SYNTAX, 0 },
	{ "20141003T112032,", E_SYNTAX, 0 },
	{ "20141003T112032,1234567", E_SYNTAX, 0 },
	{ "20141003T112032,12a", E_SYNTAX, 0 },
	{ "2014100 T112032", E_SYNTAX, 0 },
	{ "+0141003T112032", E_SYNTAX, 0 },
};

START_TEST(parses)
{
	int64_t us = 42;

	ck_assert_int_eq(stamp_parse(str_of(parse_cases[_i].text), &us), parse_cases[_i].err);
	ck_assert_int_eq(us, parse_cases[_i].err ? 42 : parse_cases[_i].us);
}
END_TEST

/* Every day of 400 years and some of the rest, by the C library. */
START_TEST(agrees_with_libc)
{
	char want[64], got[STAMP_MAX];

	for (int64_t day = 0; day < INT64_C(2932897); day += day < 150000 ? 1 : 997) {
		int64_t t = day * 86400 + day * 7919 % 86400, us;
		time_t tt = t;
		struct tm tm;
		size_t n;

		ck_assert_ptr_nonnull(gmtime_r(&tt, &tm));
		ck_assert_int_eq(snprintf(want, sizeof want, "%04d%02d%02dT%02d%02d%02d", tm.tm_year + 1900, tm.tm_mon + 1,
		                          tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec),
		                 15);
		n = stamp_format(t * S, got);
		ck_assert(str_eq(str_make(got, n), str_of(want)));
		ck_assert_int_eq(stamp_parse(str_of(want), &us), 0);
		ck_assert_int_eq(us, t * S);
	}
}
END_TEST

START_TEST(formats_fractions)
{
	char out[STAMP_MAX];

	ck_assert(str_eq(str_make(out, stamp_format(0, out)), STR("19700101T000000")));
	ck_assert(str_eq(str_make(out, stamp_format(1, out)), STR("19700101T000000,000001")));
	ck_assert(str_eq(str_make(out, stamp_format(120000, out)), STR("19700101T000000,120000")));
	ck_assert(str_eq(str_make(out, stamp_format(INT64_MIN, out)), STR("19700101T000000")));
	ck_assert(str_eq(str_make(out, stamp_format(INT64_MAX, out)), STR("99991231T235959,999999")));
}
END_TEST

static const struct {
	const char *text;
	int64_t now, us;
	int err;
} absrel_cases[] = {
	{ "20141003T112032", 5, 1412335232 * S, 0 },
	{ "3600000", 10 * S, 3610 * S, 0 },
	{ "-1000", 10 * S, 9 * S, 0 },
	{ "0", 7, 7, 0 },
	{ "1", 0, 1000, 0 },
	{ "9223372036854775807", 0, 0, E_RANGE },
	{ "9223372036854775", INT64_MAX, 0, E_RANGE },
	{ "99999999999999999999", 0, 0, E_RANGE },
	{ "", 0, 0, E_SYNTAX },
	{ "-", 0, 0, E_SYNTAX },
	{ "1.5", 0, 0, E_SYNTAX },
	{ "1s", 0, 0, E_SYNTAX },
	{ "20141003T", 0, 0, E_SYNTAX },
};

START_TEST(absolute_or_relative)
{
	int64_t us = 42;

	ck_assert_int_eq(stamp_absrel(str_of(absrel_cases[_i].text), absrel_cases[_i].now, &us), absrel_cases[_i].err);
	ck_assert_int_eq(us, absrel_cases[_i].err ? 42 : absrel_cases[_i].us);
}
END_TEST

static const struct {
	const char *text;
	int err;
	int64_t us;
} duration_cases[] = {
	{ "PT1S", 0, S },
	{ "PT0.5S", 0, S / 2 },
	{ "PT1.0000019S", 0, S + 1 },
	{ "PT1M", 0, 60 * S },
	{ "PT1H2M3S", 0, 3723 * S },
	{ "P1D", 0, 86400 * S },
	{ "P1DT1H", 0, 90000 * S },
	{ "-P1D", 0, -86400 * S },
	{ "P1Y", 0, 365 * 86400 * S },
	{ "P1M", 0, 30 * 86400 * S },
	{ "P1Y2M3DT4H5M6.789S", 0, ((365 + 60 + 3) * 86400 + 4 * 3600 + 5 * 60 + 6) * S + 789000 },
	{ "P0D", 0, 0 },
	{ "P300000Y", E_RANGE, 0 },
	{ "PT9223372036855S", E_RANGE, 0 },
	{ "PT99999999999999999999S", E_RANGE, 0 },
	{ "", E_SYNTAX, 0 },
	{ "P", E_SYNTAX, 0 },
	{ "PT", E_SYNTAX, 0 },
	{ "P1DT", E_SYNTAX, 0 },
	{ "P1", E_SYNTAX, 0 },
	{ "1D", E_SYNTAX, 0 },
	{ "P1S", E_SYNTAX, 0 },
	{ "P1H", E_SYNTAX, 0 },
	{ "PT1D", E_SYNTAX, 0 },
	{ "PT1M1H", E_SYNTAX, 0 },
	{ "PT1M1M", E_SYNTAX, 0 },
	{ "P1D1D", E_SYNTAX, 0 },
	{ "PT.5S", E_SYNTAX, 0 },
	{ "PT1.S", E_SYNTAX, 0 },
	{ "PT1.5M", E_SYNTAX, 0 },
	{ "PTT1S", E_SYNTAX, 0 },
	{ "P-1D", E_SYNTAX, 0 },
	{ "+P1D", E_SYNTAX, 0 },
	{ "P1W", E_SYNTAX, 0 },
};

START_TEST(durations)
{
	int64_t us = 42;

	ck_assert_int_eq(stamp_duration(str_of(duration_cases[_i].text), &us), duration_cases[_i].err);
	ck_assert_int_eq(us, duration_cases[_i].err ? 42 : duration_cases[_i].us);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model/stamp");
	TCase *t = tcase_create("stamp");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, parses, 0, ARRAY_LEN(parse_cases));
	tcase_add_test(t, agrees_with_libc);
	tcase_add_test(t, formats_fractions);
	tcase_add_loop_test(t, absolute_or_relative, 0, ARRAY_LEN(absrel_cases));
	tcase_add_loop_test(t, durations, 0, ARRAY_LEN(duration_cases));
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
