/* SPDX-License-Identifier: Apache-2.0 */
/* Time windows: "WINDOW|SECONDS".  What is read is asked against a plain second reading by the C library. */
#include <stdlib.h>
#include <time.h>

#include "cse/base/err.h"
#include "cse/model/window.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Fields of a text that was accepted are numbers, '-', '/', '*' and ',' in their places. */
static bool field_holds(const char *field, int value, int min, int max)
{
	const char *p = field;
	bool hit = false;

	while (*p && *p != ' ') {
		long first = min, last = max, step = 1;
		char *end;

		if (*p == '*') {
			p++;
		} else {
			first = last = strtol(p, &end, 10);
			if (*end == '-')
				last = strtol(end + 1, &end, 10);
			p = end;
		}
		if (*p == '/') {
			step = strtol(p + 1, &end, 10);
			p = end;
		}
		REQUIRE(first >= min && last <= max && first <= last && step > 0);
		hit |= value >= first && value <= last && (value - first) % step == 0;
		REQUIRE(*p == '\0' || *p == ' ' || *p == ',');
		p += *p == ',';
	}
	return hit;
}

static bool naive_holds(const char *text, int64_t seconds, int fields)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	int i;

	REQUIRE(gmtime_r(&t, &tm) != NULL);
	int value[7] = { tm.tm_sec, tm.tm_min, tm.tm_hour, tm.tm_mday, tm.tm_mon + 1, tm.tm_wday, tm.tm_year + 1900 };
	static const int min[7] = { 0, 0, 0, 1, 1, 0, 2000 }, max[7] = { 59, 59, 23, 31, 12, 6, 9999 };

	if (value[6] < 2000 || value[6] > 9999)
		return false;
	for (i = 0; i < fields; i++) {
		text += strspn(text, " ");
		if (!field_holds(text, value[i], min[i], max[i]))
			return false;
		text += strcspn(text, " ");
	}
	return true;
}

/* What comes next is in the window, nothing between is, and it lasts as long as is said. */
static void check_next(const struct window *w, int64_t us)
{
	int64_t next = window_next(w, us), i;

	REQUIRE(next >= us && (next == us) == window_holds(w, us));
	for (i = us; i < next && i < us + INT64_C(300000000); i += 1000000)
		REQUIRE(!window_holds(w, i));
	if (next == INT64_MAX)
		return;
	REQUIRE(window_holds(w, next));
	for (i = next; i < window_until(w, next) && i < next + INT64_C(300000000); i += 1000000)
		REQUIRE(window_holds(w, i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_make((const char *)data, size), text;
	char copy[WINDOW_MAX_BYTES + 1];
	uint64_t seconds = 1795169739;
	struct window w, w6;
	struct arena a;
	bool more;

	text = str_cut(&rest, '|', &more);
	(void)str_u64(rest, &seconds);
	seconds %= UINT64_C(300000000000);
	arena_init(&a, 256);
	if (window_parse(&a, text, true, &w6) == 0) {
		bool seven = window_parse(&a, text, false, &w) == 0;

		REQUIRE(text.n <= WINDOW_MAX_BYTES && w6.n_years <= WINDOW_MAX_YEARS);
		memcpy(copy, text.p, text.n);
		copy[text.n] = '\0';
		REQUIRE(window_holds(&w6, (int64_t)seconds * 1000000) == naive_holds(copy, (int64_t)seconds, seven ? 7 : 6));
		check_next(&w6, (int64_t)seconds * 1000000);
		REQUIRE(!seven || window_holds(&w, (int64_t)seconds * 1000000) == window_holds(&w6, (int64_t)seconds * 1000000));
	} else {
		REQUIRE(window_parse(&a, text, false, &w) != 0);
	}
	arena_fini(&a);
	return 0;
}
