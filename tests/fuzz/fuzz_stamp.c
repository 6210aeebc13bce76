/* SPDX-License-Identifier: Apache-2.0 */
/* Timestamps against timegm, relative times against strtoll, durations against a second reading of their parts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "cse/model/stamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* YYYYMMDDThhmmss and perhaps a fraction; the calendar is not looked at. */
static bool has_form(struct str s)
{
	if (s.n < 15 || s.n == 16 || s.n > 22)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		bool digit = s.p[i] >= '0' && s.p[i] <= '9';

		if (i == 8 ? s.p[i] != 'T' : i == 15 ? s.p[i] != ',' : !digit)
			return false;
	}
	return true;
}

static int number(struct str s, size_t from, size_t n)
{
	char text[8] = { 0 };

	memcpy(text, s.p + from, n);
	return (int)strtol(text, NULL, 10);
}

static void check_stamp(struct str s)
{
	struct tm tm, same;
	int64_t us = -1, again;
	char out[STAMP_MAX];
	time_t t;
	int err = stamp_parse(s, &us);

	if (!has_form(s)) {
		REQUIRE(err == E_SYNTAX && us == -1);
		return;
	}
	tm = (struct tm){ .tm_year = number(s, 0, 4) - 1900, .tm_mon = number(s, 4, 2) - 1, .tm_mday = number(s, 6, 2),
		          .tm_hour = number(s, 9, 2), .tm_min = number(s, 11, 2), .tm_sec = number(s, 13, 2) };
	same = tm;
	t = timegm(&tm);
	/* timegm makes another date of one that does not exist. */
	if (t < 0 || tm.tm_year != same.tm_year || tm.tm_mon != same.tm_mon || tm.tm_mday != same.tm_mday ||
	    tm.tm_hour != same.tm_hour || tm.tm_min != same.tm_min || tm.tm_sec != same.tm_sec) {
		REQUIRE(err == E_RANGE && us == -1);
		return;
	}
	REQUIRE(err == 0 && us / 1000000 == t);
	REQUIRE(stamp_parse(str_make(out, stamp_format(us, out)), &again) == 0 && again == us);
}

static void check_relative(struct str s)
{
	char text[64];
	int64_t us = -1, now = INT64_C(1412335232000000);
	long long ms;
	int err = stamp_absrel(s, now, &us);

	if ((s.n > 8 && s.p[8] == 'T') || s.n >= sizeof text)
		return;
	memcpy(text, s.n ? s.p : "", s.n);
	text[s.n] = '\0';
	errno = 0;
	ms = strtoll(text, NULL, 10);
	if (err == 0)
		REQUIRE(!errno && us == now + ms * 1000);
	else
		REQUIRE(us == -1);
}

static void check_duration(struct str s)
{
	char minus[64];
	int64_t us, other;

	if (stamp_duration(s, &us) || s.n >= sizeof minus || s.p[0] == '-')
		return;
	REQUIRE(us >= 0);
	minus[0] = '-';
	memcpy(minus + 1, s.p, s.n);
	REQUIRE(stamp_duration(str_make(minus, s.n + 1), &other) == 0 && other == -us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_make((const char *)data, size);
	char out[STAMP_MAX];
	int64_t us, again;

	check_stamp(s);
	check_relative(s);
	check_duration(s);
	/* Any number of µs has a text that reads as the nearest time. */
	if (size >= sizeof us) {
		memcpy(&us, data, sizeof us);
		REQUIRE(stamp_parse(str_make(out, stamp_format(us, out)), &again) == 0);
		REQUIRE(us < 0 ? again == 0 : us <= again || again == INT64_C(253402300799999999));
	}
	return 0;
}
