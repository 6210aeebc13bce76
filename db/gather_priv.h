/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the writer should wait for more before it writes.  A sync for four times as many costs each of them a third; but
 * where all who are busy wait for this one already, waiting only holds them up.  Who they are is not known here, so both ways are
 * tried and the better one is kept: time goes in spans, and each span has one way.
 */
#ifndef DB_GATHER_PRIV_H
#define DB_GATHER_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gather {
	bool on;           /* the way of this span: waiting */
	unsigned spans;    /* so many so far */
	int64_t since_ns;  /* begin of this span */
	uint64_t jobs;     /* written in it */
	unsigned batches;
	uint64_t rate[2];  /* jobs a second of late without and with waiting; 0: not known */
};

/* Should it wait while n are ready? */
bool gather_wants(const struct gather *g, size_t n);
/* n were written; now_ns is the monotonic clock's. */
void gather_count(struct gather *g, size_t n, int64_t now_ns);

#endif
