/* SPDX-License-Identifier: Apache-2.0 */
/* Time windows: m2m:scheduleEntry (TS-0004 table 7.4.9.1-4), seven fields, UTC, as bit masks. */
#ifndef MODEL_WINDOW_H
#define MODEL_WINDOW_H

#include "cse/base/arena.h"

enum { WINDOW_MAX_BYTES = 512, WINDOW_MAX_YEARS = 16 };

struct window {
	uint64_t second, minute;
	uint32_t hour, day;
	uint16_t month;
	uint8_t weekday; /* bit 0: Sunday */
	uint8_t n_years; /* 0: every year from 2000 to 9999 */
	struct window_years {
		uint16_t first, last, step;
	} *years;
};

/* Years go into the arena.  six: a text of six fields is read too, as one for every year.
 * 0, E_SYNTAX, E_RANGE or E_LIMIT; nothing is written then. */
int window_parse(struct arena *a, struct str s, bool six, struct window *out);
/* Every field must hold the time (µs since 1970); times before 2000 are in no window. */
bool window_holds(const struct window *w, int64_t us);
/* The first moment not before us that the window holds; INT64_MAX: never again. */
int64_t window_next(const struct window *w, int64_t us);
/* us is in the window: a later moment before which all is in it, too (it may go on there); INT64_MAX: it never ends. */
int64_t window_until(const struct window *w, int64_t us);

#endif
