/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and asking time windows.  A day must fit in day of month AND day of week: TS-0004 7.4.9.1 knows no "or". */
#include "security/window.h"

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

static bool year_holds(const struct window *w, unsigned year)
{
	unsigned i;

	if (year < YEAR_MIN || year > YEAR_MAX)
		return false;
	for (i = 0; i < w->n_years; i++) {
		const struct window_years *y = &w->years[i];

		if (year >= y->first && year <= y->last && (year - y->first) % y->step == 0)
			return true;
	}
	return w->n_years == 0;
}

bool window_holds(const struct window *w, int64_t us)
{
	int64_t seconds = us / 1000000, days, era, yoe, doy, mp;
	unsigned in_day, year, month, day;

	if (us < 0)
		return false;
	days = seconds / 86400;
	in_day = (unsigned)(seconds % 86400);
	if (!((w->second >> (in_day % 60)) & (w->minute >> (in_day / 60 % 60)) & (w->hour >> (in_day / 3600)) & 1))
		return false;
	/* 1970-01-01 was a Thursday. */
	if (!((w->weekday >> ((days + 4) % 7)) & 1))
		return false;
	/* Days into years of the proleptic Gregorian calendar that begin in March: leap days come last. */
	days += 719468;
	era = days / 146097;
	days %= 146097;
	yoe = (days - days / 1460 + days / 36524 - days / 146096) / 365;
	doy = days - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	year = (unsigned)(yoe + era * 400 + (month <= 2));
	return ((w->day >> day) & 1) && ((w->month >> month) & 1) && year_holds(w, year);
}
