/* SPDX-License-Identifier: Apache-2.0 */
/* Names and help texts of what is counted and measured, from stat.def; durations into their steps. */
#include "cse/base/stat.h"

#include "cse/base/check.h"

static const struct stat_row counters[] = {
#define STAT(id, metric, text) [id] = { "troth_" #metric "_total", "", text },
#include "cse/base/stat.def"
};

static const struct stat_row times[] = {
#define TIMES(id, metric, label, text) [id] = { "troth_" #metric "_seconds", label, text },
#include "cse/base/stat.def"
};

static const struct stat_row gauges[] = {
#define GAUGE(id, metric, text) [id] = { "troth_" #metric, "", text },
#include "cse/base/stat.def"
};

const char *stat_name(enum stat_id id)
{
	REQUIRE((unsigned)id < STAT_COUNT);
	return counters[id].name;
}

const char *stat_help(enum stat_id id)
{
	REQUIRE((unsigned)id < STAT_COUNT);
	return counters[id].help;
}

const struct stat_row *stat_times_row(enum stat_times_id id)
{
	REQUIRE((unsigned)id < TIMES_COUNT);
	return &times[id];
}

const struct stat_row *stat_gauge_row(enum stat_gauge_id id)
{
	REQUIRE((unsigned)id < GAUGE_COUNT);
	return &gauges[id];
}

/* 10 us to 10 s, three to a decade: a retrieve takes tens of microseconds, a commit hundreds, a bad day seconds. */
#define DECADE(unit) 10 * (unit), 25 * (unit), 50 * (unit)
static const int64_t steps[STAT_STEPS] = {
	DECADE(INT64_C(1000)), DECADE(INT64_C(10000)), DECADE(INT64_C(100000)), DECADE(INT64_C(1000000)),
	DECADE(INT64_C(10000000)), DECADE(INT64_C(100000000)), INT64_C(10000000000), INT64_MAX,
};

int64_t stat_step_ns(unsigned step)
{
	REQUIRE(step < STAT_STEPS);
	return steps[step];
}

void stat_time(struct stats *s, enum stat_times_id id, unsigned series, int64_t ns)
{
	unsigned i = 0;

	if (s == NULL)
		return;
	if (ns < 0)
		ns = 0;
	while (ns > steps[i])
		i++;
	struct stat_times *t = &s->times[id][series];
	stat_bump(&t->n[i], 1);
	stat_bump(&t->ns, (uint64_t)ns);
}
