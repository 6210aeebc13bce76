/* SPDX-License-Identifier: Apache-2.0 */
/* Timestamps, relative times and durations as text and as µs. */
#include "cse/model/stamp.h"

#include "cse/base/err.h"

enum { FIRST_YEAR = 1970, LAST_YEAR = 9999 };
#define US_PER_S INT64_C(1000000)
#define US_PER_DAY (INT64_C(86400) * US_PER_S)
/* 9999-12-31T23:59:59,999999 */
#define LAST_US (INT64_C(253402300800) * US_PER_S - 1)

/* Days since 1970-01-01 of a date of the Gregorian calendar; years begin in March here, so that the leap day is last. */
static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
	unsigned y = month <= 2 ? year - 1 : year;
	unsigned era = y / 400, yoe = y % 400;
	unsigned doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return (int64_t)era * 146097 + doe - 719468;
}

static void date_of(uint32_t days, unsigned *year, unsigned *month, unsigned *day)
{
	uint32_t z = days + 719468, era = z / 146097, doe = z % 146097;
	uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	uint32_t mp = (5 * doy + 2) / 153;

	*day = doy - (153 * mp + 2) / 5 + 1;
	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = yoe + era * 400 + (*month <= 2);
}

static unsigned days_in_month(unsigned year, unsigned month)
{
	static const uint8_t days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* n decimal digits; false when one is none. */
static bool digits(const char *p, unsigned n, unsigned *out)
{
	unsigned v = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned d = (unsigned)(unsigned char)p[i] - '0';

		if (d > 9)
			return false;
		v = v * 10 + d;
	}
	*out = v;
	return true;
}

/* ",d" to ",dddddd" as µs. */
static int fraction(struct str s, unsigned *us)
{
	unsigned v;

	if (s.n < 2 || s.n > 7 || s.p[0] != ',' || !digits(s.p + 1, (unsigned)s.n - 1, &v))
		return E_SYNTAX;
	for (size_t n = s.n; n < 7; n++)
		v *= 10;
	*us = v;
	return 0;
}

int stamp_parse(struct str s, int64_t *us)
{
	unsigned year, month, day, hour, minute, second, frac = 0;
	int err;

	if (s.n < 15 || s.p[8] != 'T' || !digits(s.p, 4, &year) || !digits(s.p + 4, 2, &month) || !digits(s.p + 6, 2, &day) ||
	    !digits(s.p + 9, 2, &hour) || !digits(s.p + 11, 2, &minute) || !digits(s.p + 13, 2, &second))
		return E_SYNTAX;
	if (s.n > 15 && (err = fraction(str_from(s, 15), &frac)) != 0)
		return err;
	if (year < FIRST_YEAR || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
		return E_RANGE;
	if (hour > 23 || minute > 59 || second > 59)
		return E_RANGE;
	*us = (days_of(year, month, day) * 86400 + (int64_t)(hour * 3600 + minute * 60 + second)) * US_PER_S + frac;
	return 0;
}

static char *put2(char *p, unsigned v)
{
	p[0] = (char)('0' + v / 10);
	p[1] = (char)('0' + v % 10);
	return p + 2;
}

size_t stamp_format(int64_t us, char out[STAMP_MAX])
{
	uint64_t t = us < 0 ? 0 : us > LAST_US ? (uint64_t)LAST_US : (uint64_t)us;
	uint32_t days = (uint32_t)(t / (uint64_t)US_PER_DAY);
	uint64_t rest = t % (uint64_t)US_PER_DAY;
	uint32_t second = (uint32_t)(rest / (uint64_t)US_PER_S), frac = (uint32_t)(rest % (uint64_t)US_PER_S);
	unsigned year, month, day;
	char *p = out;

	date_of(days, &year, &month, &day);
	p = put2(p, year / 100);
	p = put2(p, year % 100);
	p = put2(p, month);
	p = put2(p, day);
	*p++ = 'T';
	p = put2(p, second / 3600);
	p = put2(p, second / 60 % 60);
	p = put2(p, second % 60);
	if (frac) {
		*p++ = ',';
		p = put2(p, frac / 10000);
		p = put2(p, frac / 100 % 100);
		p = put2(p, frac % 100);
	}
	return (size_t)(p - out);
}

int stamp_absrel(struct str s, int64_t now_us, int64_t *us)
{
	int64_t ms, v;
	int err;

	if (s.n > 8 && s.p[8] == 'T')
		return stamp_parse(s, us);
	err = str_i64(s, &ms);
	if (err)
		return err;
	if (__builtin_mul_overflow(ms, INT64_C(1000), &v) || __builtin_add_overflow(v, now_us, &v))
		return E_RANGE;
	*us = v;
	return 0;
}

/* One field of a duration: digits, for seconds a fraction, then its letter.  *rest begins behind it. */
static int duration_field(struct str *rest, char *letter, uint64_t *whole, unsigned *frac)
{
	size_t n = 0, from;
	int err;

	*frac = 0;
	while (n < rest->n && rest->p[n] >= '0' && rest->p[n] <= '9')
		n++;
	err = str_u64(str_first(*rest, n), whole);
	if (err)
		return err;
	if (n < rest->n && rest->p[n] == '.') {
		from = ++n;
		while (n < rest->n && rest->p[n] >= '0' && rest->p[n] <= '9')
			n++;
		if (n == from)
			return E_SYNTAX;
		/* What is finer than a µs does not count. */
		for (size_t i = 0; i < 6; i++)
			*frac = *frac * 10 + (from + i < n ? (unsigned)(rest->p[from + i] - '0') : 0);
		if (n == rest->n || rest->p[n] != 'S')
			return E_SYNTAX;
	}
	if (n == rest->n)
		return E_SYNTAX;
	*letter = rest->p[n];
	*rest = str_from(*rest, n + 1);
	return 0;
}

int stamp_duration(struct str s, int64_t *us)
{
	/* In the order in which they may stand; a T is before the time part. */
	static const struct {
		char letter;
		bool time;
		int64_t seconds;
	} units[] = { { 'Y', false, 365 * 86400 }, { 'M', false, 30 * 86400 }, { 'D', false, 86400 },
		      { 'H', true, 3600 },         { 'M', true, 60 },          { 'S', true, 1 } };
	bool minus = s.n && s.p[0] == '-', time = false;
	struct str rest = str_from(s, minus);
	uint64_t sum = 0;
	size_t unit = 0;

	if (rest.n < 3 || rest.p[0] != 'P')
		return E_SYNTAX;
	for (rest = str_from(rest, 1); rest.n;) {
		uint64_t v, part;
		unsigned frac;
		char letter;
		int err;

		if (!time && rest.p[0] == 'T') {
			time = true;
			rest = str_from(rest, 1);
		}
		err = duration_field(&rest, &letter, &v, &frac);
		if (err)
			return err;
		while (unit < 6 && (units[unit].letter != letter || units[unit].time != time))
			unit++;
		if (unit == 6)
			return E_SYNTAX;
		if (__builtin_mul_overflow(v, (uint64_t)(units[unit].seconds * US_PER_S), &part) ||
		    __builtin_add_overflow(sum, part, &sum) || __builtin_add_overflow(sum, frac, &sum) || sum > INT64_MAX)
			return E_RANGE;
		unit++;
	}
	*us = minus ? -(int64_t)sum : (int64_t)sum;
	return 0;
}
