/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of stat.def.  One block per loop, summed when read: adding is a plain add on the owner's thread. */
#ifndef BASE_STAT_H
#define BASE_STAT_H

#include <stdatomic.h>
#include <stdint.h>

enum stat_id {
#define STAT(name, metric, text) name,
#include "cse/base/stat.def"
#undef STAT
	STAT_COUNT
};

struct stats {
	_Atomic uint64_t v[STAT_COUNT];
};

static inline void stat_add(struct stats *s, enum stat_id id, uint64_t n)
{
	if (s)
		atomic_fetch_add_explicit(&s->v[id], n, memory_order_relaxed);
}

/* The counter's name as in metrics ("troth_requests_total") and its help text. */
const char *stat_name(enum stat_id id);
const char *stat_help(enum stat_id id);

#endif
