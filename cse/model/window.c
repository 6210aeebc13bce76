/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and asking time windows.  A day must fit in day of month AND day of week: TS-0004 7.4.9.1 knows no "or". */
#include "cse/model/window.h"

#include "cse/base/err.h"

enum { YEAR_MIN = 2000, YEAR_MAX = 9999, FIELDS = 7, YEAR = 6 };

/* TS-0004 table 7.4.9.1-4. */
static const struct {
	uint16_t min, max;
} range[FIELDS] = { { 0, 59 }, { 0, 59 }, { 0, 23 }, { 1, 31 }, { 1, 12 }, { 0, 6 }, { YEAR_MIN, YEAR_MAX } };

/* Digits at the front of *s: at most four, so that every number fits; leading zeros are read ("05"). */
static int read_number(struct str *s, uint16_t *out)
{
	uint16_t v = 0;
	size_t n = 0;

	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9') {
		if (n == 4)
			return E_RANGE;
		v = (uint16_t)(v * 10 + (s->p[n] - '0'));
		n++;
	}
	if (n == 0)
		return E_SYNTAX;
	*s = str_from(*s, n);
	*out = v;
	return 0;
}

static bool skip(struct str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = str_from(*s, 1);
	return true;
}

/* "a", "a-b", "a-b/n", "*", "*" "/n". */
static int read_element(struct str s, unsigned field, bool star, struct window_years *out)
{
	struct window_years e = { range[field].min, range[field].max, 1 };
	bool wide = true;
	int err;

	if (!(star && skip(&s, '*'))) {
		err = read_number(&s, &e.first);
		if (err)
			return err;
		wide = skip(&s, '-');
		e.last = e.first;
		if (wide && (err = read_number(&s, &e.last)) != 0)
			return err;
	}
	if (wide && skip(&s, '/') && (err = read_number(&s, &e.step)) != 0)
		return err;
	if (s.n)
		return E_SYNTAX;
	if (e.first < range[field].min || e.last > range[field].max || e.first > e.last || e.step == 0)
		return E_RANGE;
	*out = e;
	return 0;
}

static void set_bits(uint64_t *bits, const struct window_years *e)
{
	unsigned i;

	for (i = e->first; i <= e->last; i += e->step)
		*bits |= UINT64_C(1) << i;
}

/* years: room for WINDOW_MAX_YEARS; bits: of the other fields. */
static int read_field(struct str s, unsigned field, uint64_t *bits, struct window_years *years, uint8_t *n_years)
{
	bool star = s.n && s.p[0] == '*', more = true;
	struct window_years e;

	*bits = 0;
	while (more) {
		int err = read_element(str_cut(&s, ',', &more), field, star, &e);

		if (err)
			return err;
		/* "*" stands alone, not in a list. */
		if (star && more)
			return E_SYNTAX;
		if (field != YEAR) {
			set_bits(bits, &e);
		} else if (!star || e.step > 1) {
			if (*n_years == WINDOW_MAX_YEARS)
				return E_LIMIT;
			years[(*n_years)++] = e;
		}
	}
	return 0;
}

int window_parse(struct arena *a, struct str s, bool six, struct window *out)
{
	struct window_years years[WINDOW_MAX_YEARS];
	struct str field[FIELDS] = { [YEAR] = STR("*") };
	uint64_t bits[FIELDS];
	uint8_t n_years = 0;
	bool more = true;
	size_t n = 0, i;

	if (s.n > WINDOW_MAX_BYTES)
		return E_LIMIT;
	while (more) {
		struct str f = str_cut(&s, ' ', &more);

		if (f.n == 0)
			continue;
		if (n == FIELDS)
			return E_SYNTAX;
		field[n++] = f;
	}
	if (n != FIELDS && !(six && n == FIELDS - 1))
		return E_SYNTAX;
	for (i = 0; i < FIELDS; i++) {
		int err = read_field(field[i], (unsigned)i, &bits[i], years, &n_years);

		if (err)
			return err;
	}
	*out = (struct window){ .second = bits[0], .minute = bits[1], .hour = (uint32_t)bits[2], .day = (uint32_t)bits[3],
		.month = (uint16_t)bits[4], .weekday = (uint8_t)bits[5], .n_years = n_years };
	if (n_years) {
		out->years = arena_array(a, n_years, sizeof(*out->years));
		memcpy(out->years, years, n_years * sizeof(*years));
	}
	return 0;
}

/* --- the calendar -------------------------------------------------------------------------------------------------- */

enum { DAY = 86400 };

struct date {
	unsigned year, month, day;
};

/* Days since 1970 into a date, and back.  Years of the proleptic Gregorian calendar that begin in March: leap days come last. */
static struct date date_of(int64_t days)
{
	int64_t era, yoe, doy, mp;
	struct date d;

	days += 719468;
	era = days / 146097;
	days %= 146097;
	yoe = (days - days / 1460 + days / 36524 - days / 146096) / 365;
	doy = days - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	d.day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	d.month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	d.year = (unsigned)(yoe + era * 400 + (d.month <= 2));
	return d;
}

static int64_t days_of(const struct date *d)
{
	int64_t y = (int64_t)d->year - (d->month <= 2), era = y / 400, yoe = y % 400;
	int64_t mp = d->month > 2 ? d->month - 3 : d->month + 9, doy = (153 * mp + 2) / 5 + d->day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static unsigned month_days(const struct date *d)
{
	static const uint8_t days[13] = { 0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = d->year % 4 == 0 && (d->year % 100 != 0 || d->year % 400 == 0);

	return d->month == 2 && leap ? 29 : days[d->month];
}

/* 1970-01-01 was a Thursday. */
static unsigned weekday_of(int64_t days)
{
	return (unsigned)((days + 4) % 7);
}

/* --- asking -------------------------------------------------------------------------------------------------------- */

/* The first year not before this one that fits; 0: none. */
static unsigned next_year(const struct window *w, unsigned year)
{
	unsigned best = 0, i;

	if (year < YEAR_MIN)
		year = YEAR_MIN;
	if (w->n_years == 0)
		return year <= YEAR_MAX ? year : 0;
	for (i = 0; i < w->n_years; i++) {
		const struct window_years *y = &w->years[i];
		unsigned k = year <= y->first ? 0 : (year - y->first + y->step - 1u) / y->step, at = y->first + k * y->step;

		if (at <= y->last && (best == 0 || at < best))
			best = at;
	}
	return best;
}

static bool day_holds(const struct window *w, int64_t days)
{
	struct date d;

	if (!((w->weekday >> weekday_of(days)) & 1))
		return false;
	d = date_of(days);
	return ((w->day >> d.day) & 1) && ((w->month >> d.month) & 1) && next_year(w, d.year) == d.year;
}

bool window_holds(const struct window *w, int64_t us)
{
	int64_t seconds = us / 1000000;
	unsigned in_day = (unsigned)(seconds % DAY);

	if (us < 0)
		return false;
	if (!((w->second >> (in_day % 60)) & (w->minute >> (in_day / 60 % 60)) & (w->hour >> (in_day / 3600)) & 1))
		return false;
	return day_holds(w, seconds / DAY);
}

/* Of a bit field, the first that is set from `from` on; -1: none. */
static int next_bit(uint64_t bits, unsigned from)
{
	bits = from < 64 ? bits >> from << from : 0;
	return bits ? __builtin_ctzll(bits) : -1;
}

/* The first second of the day not before this one; -1: none. */
static int64_t next_in_day(const struct window *w, unsigned in_day)
{
	unsigned h = in_day / 3600, m = in_day / 60 % 60, s = in_day % 60;
	int hour = next_bit(w->hour, h), minute, second;

	if (hour == (int)h) {
		minute = next_bit(w->minute, m);
		if (minute == (int)m && (second = next_bit(w->second, s)) >= 0)
			return (int64_t)h * 3600 + m * 60 + (unsigned)second;
		if (minute == (int)m)
			minute = next_bit(w->minute, m + 1);
		if (minute >= 0)
			return (int64_t)h * 3600 + minute * 60 + next_bit(w->second, 0);
		hour = next_bit(w->hour, h + 1);
	}
	return hour < 0 ? -1 : (int64_t)hour * 3600 + next_bit(w->minute, 0) * 60 + next_bit(w->second, 0);
}

/* A day of this month from d on; 0: none. */
static unsigned next_in_month(const struct window *w, const struct date *d)
{
	unsigned len = month_days(d), day;
	int64_t first;

	if (!((w->month >> d->month) & 1) || !(w->day & ((UINT64_C(2) << len) - 2)))
		return 0;
	first = days_of(d) - d->day;
	for (day = d->day; day <= len; day++)
		if (((w->day >> day) & 1) && ((w->weekday >> weekday_of(first + day)) & 1))
			return day;
	return 0;
}

/* The first day not before this one that fits; -1: none. */
static int64_t next_day(const struct window *w, int64_t days)
{
	struct date d = date_of(days);
	unsigned year;

	while ((year = next_year(w, d.year)) != 0) {
		if (year != d.year)
			d = (struct date){ year, 1, 1 };
		for (; d.month <= 12; d.month++, d.day = 1) {
			unsigned day = next_in_month(w, &d);

			if (day) {
				d.day = day;
				return days_of(&d);
			}
		}
		d = (struct date){ year + 1, 1, 1 };
	}
	return -1;
}

int64_t window_next(const struct window *w, int64_t us)
{
	int64_t seconds, days, in_day = -1;

	if (us < 0)
		us = 0;
	if (window_holds(w, us))
		return us;
	seconds = us / 1000000;
	days = seconds / DAY;
	if (day_holds(w, days))
		in_day = next_in_day(w, (unsigned)(seconds % DAY));
	if (in_day < 0) {
		days = next_day(w, days + 1);
		if (days < 0)
			return INT64_MAX;
		in_day = next_in_day(w, 0);
	}
	return (days * DAY + in_day) * 1000000;
}

/* Is every value of the field in it? */
static bool is_full(uint64_t bits, unsigned field)
{
	unsigned i;

	for (i = range[field].min; i <= range[field].max; i++)
		if (!((bits >> i) & 1))
			return false;
	return true;
}

int64_t window_until(const struct window *w, int64_t us)
{
	int64_t seconds = us / 1000000, step = 1;

	if (is_full(w->second, 0)) {
		step = 60;
		if (is_full(w->minute, 1))
			step = is_full(w->hour, 2) ? DAY : 3600;
	}
	if (step == DAY && w->n_years == 0 && is_full(w->day, 3) && is_full(w->month, 4) && is_full(w->weekday, 5))
		return INT64_MAX;
	return (seconds / step + 1) * step * 1000000;
}
