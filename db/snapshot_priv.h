/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log written anew from memory, so that its old rows may go.  Runs in slices beside everything else, on the writer's
 * thread: facts are absolute, so that each container may be written at a moment of its own.
 */
#ifndef DB_SNAPSHOT_PRIV_H
#define DB_SNAPSHOT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cse/base/buf.h"

struct disk;
struct journal;

enum snapshot_state {
	SNAP_NONE,
	SNAP_WRITE,  /* nodes are being written */
	SNAP_SWEEP,  /* all are; what went before must be swept first */
	SNAP_VOID    /* it counts; older rows are being removed */
};

enum { SNAP_CHAIN = 64 };

struct snapshot {
	enum snapshot_state state;
	uint64_t min_garbage;   /* facts of the past that are always kept */
	uint64_t upto;          /* batches up to this one will be void */
	uint64_t from, next;    /* rows written: from .. next - 1 */
	uint64_t facts_before;  /* in the log when it began */
	uint64_t facts;         /* written */
	uint64_t sweep_to;      /* batch that must be swept */
	/* where the walk is: a bucket of the index by row id, its nodes, one of them, its instances */
	uint64_t bucket, after;
	uint32_t rid[SNAP_CHAIN];
	unsigned n, i;
	bool touched;           /* the node itself was written */
	struct buf buf;         /* the row in the making */
	bool wrote;             /* in the running transaction */
};

void snapshot_init(struct snapshot *sn);
void snapshot_fini(struct snapshot *sn);
/* Begins one when the log holds too much of the past. */
void snapshot_check(struct journal *j);
/* Inside a transaction: a slice of about `facts`. */
int snapshot_step(struct journal *j, struct disk *d, unsigned facts);
void snapshot_committed(struct journal *j);
void snapshot_rolled_back(struct journal *j);
/* Is there something to do in an idle moment? */
bool snapshot_is_due(const struct journal *j);

#endif
