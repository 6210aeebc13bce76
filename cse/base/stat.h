/* SPDX-License-Identifier: Apache-2.0 */
/* Counters and durations of stat.def.  One block per loop, summed when read; adding is one relaxed atomic add. */
#ifndef BASE_STAT_H
#define BASE_STAT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum stat_id {
#define STAT(name, metric, text) name,
#include "cse/base/stat.def"
	STAT_COUNT
};

enum stat_times_id {
#define TIMES(name, metric, label, text) name,
#include "cse/base/stat.def"
	TIMES_COUNT
};

enum stat_gauge_id {
#define GAUGE(name, metric, text) name,
#include "cse/base/stat.def"
	GAUGE_COUNT
};

/* Series of a histogram (value of its label, 0 .. STAT_SERIES - 1), steps of it, and codes of answers. */
enum { STAT_SERIES = 6, STAT_STEPS = 20, STAT_CODES = 96 };

struct stat_times {
	_Atomic uint64_t n[STAT_STEPS]; /* not cumulated; the last: all that are longer */
	_Atomic uint64_t ns;
};

struct stats {
	_Atomic uint64_t v[STAT_COUNT];
	struct stat_times times[TIMES_COUNT][STAT_SERIES];
	_Atomic uint64_t answers[STAT_SERIES][STAT_CODES]; /* by operation and the code's place in its table (rsc_place) */
};

static inline void stat_add(struct stats *s, enum stat_id id, uint64_t n)
{
	if (s)
		atomic_fetch_add_explicit(&s->v[id], n, memory_order_relaxed);
}

/* For what one thread writes and others read: no locked instruction. */
static inline void stat_bump(_Atomic uint64_t *v, uint64_t n)
{
	atomic_store_explicit(v, atomic_load_explicit(v, memory_order_relaxed) + n, memory_order_relaxed);
}

/* On the thread of the block's loop. */
static inline void stat_answer(struct stats *s, unsigned series, unsigned code)
{
	if (s)
		stat_bump(&s->answers[series][code], 1);
}

/* A duration of that series of a histogram, each of which one thread writes in this block. */
void stat_time(struct stats *s, enum stat_times_id id, unsigned series, int64_t ns);
/* Upper end of a step in nanoseconds; INT64_MAX for the last. */
int64_t stat_step_ns(unsigned step);

/* The counter's name as in metrics ("troth_requests_total") and its help text. */
const char *stat_name(enum stat_id id);
const char *stat_help(enum stat_id id);

/* Name, label ("" for none) and text of a histogram or gauge. */
struct stat_row {
	const char *name, *label, *help;
};
const struct stat_row *stat_times_row(enum stat_times_id id);
const struct stat_row *stat_gauge_row(enum stat_gauge_id id);

#endif
