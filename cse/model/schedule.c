/* SPDX-License-Identifier: Apache-2.0 */
/* Schedules: a moment is in when one of the entries holds it. */
#include "cse/model/schedule.h"

#include "cse/model/window.h"

/* How many boundaries are looked at before schedule_until is content with what it knows. */
enum { BOUNDARIES = 1024 };

/* The list of entries; n 0: none. */
static struct val entries(const struct val *se)
{
	const struct val *list = se && se->kind == K_OBJ ? obj_find(se->o, "sce") : NULL;

	return list && list->kind == K_LIST ? *list : (struct val){ .kind = K_LIST };
}

enum rsc schedule_check(struct arena *a, const struct val *se, bool six, struct why *w)
{
	struct val list = entries(se);
	struct window win;

	if (list.list.n == 0)
		return why_set(w, RSC_BAD_REQUEST, "scheduleElement (se) must hold at least one scheduleEntry (sce)");
	if (list.list.n > SCHEDULE_ENTRIES)
		return why_set(w, RSC_BAD_REQUEST, "scheduleElement (se) may hold at most %d entries (sce)", SCHEDULE_ENTRIES);
	for (size_t i = 0; i < list.list.n; i++)
		if (!val_is_text(list.list.v[i].kind) || window_parse(a, list.list.v[i].s, six, &win) != 0)
			return why_set(w, RSC_BAD_REQUEST, "scheduleElement (se): entry %zu must be seven fields: second minute hour "
			               "day month weekday year, each *, numbers, ranges or steps (TS-0004 7.4.9.1)", i + 1);
	return RSC_NONE;
}

/* Those that can be read; how many. */
static size_t read_all(struct arena *a, const struct val *se, struct window *out)
{
	struct val list = entries(se);
	size_t n = 0;

	for (size_t i = 0; i < list.list.n && i < SCHEDULE_ENTRIES; i++)
		if (val_is_text(list.list.v[i].kind) && window_parse(a, list.list.v[i].s, true, &out[n]) == 0)
			n++;
	return n;
}

int64_t schedule_next(struct arena *a, const struct val *se, int64_t us)
{
	struct window w[SCHEDULE_ENTRIES];
	size_t n = read_all(a, se, w);
	int64_t best = INT64_MAX;

	for (size_t i = 0; i < n && best > us; i++) {
		int64_t t = window_next(&w[i], us);

		if (t < best)
			best = t;
	}
	return best;
}

int64_t schedule_until(struct arena *a, const struct val *se, int64_t us)
{
	struct window w[SCHEDULE_ENTRIES];
	size_t n = read_all(a, se, w);
	bool more = true;

	for (int k = 0; more && k < BOUNDARIES && us != INT64_MAX; k++) {
		int64_t end = us;

		for (size_t i = 0; i < n; i++) {
			int64_t t = window_holds(&w[i], us) ? window_until(&w[i], us) : us;

			if (t > end)
				end = t;
		}
		more = end > us;
		us = end;
	}
	return us;
}
