/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The batch log as the writer keeps it: one row a commit, small rows joined to larger ones, reservation of ids.  All on
 * the writer's thread.
 */
#ifndef DB_JOURNAL_PRIV_H
#define DB_JOURNAL_PRIV_H

#include "db/batch_priv.h"
#include "db/disk.h"
#include "db/job_priv.h"
#include "db/snapshot_priv.h"

struct journal {
	struct store *s;
	uint64_t next;            /* number of the next batch */
	struct buf part;          /* of the running transaction */
	struct batch_writer w;

	struct buf open;          /* parts of the small rows at the end */
	uint64_t open_from;
	unsigned open_rows, join_rows; /* joined when there are so many */
	bool joined;              /* the running transaction joins them */

	uint64_t ids, rids;       /* reserved: below these */
	uint64_t new_ids, new_rids;
	uint64_t top_id, top_rid; /* used by the running transaction: below these */
	uint64_t facts;           /* in log and snapshot together */
	uint64_t batch_from;      /* older rows are void */
	uint64_t snap_from, snap_to; /* rows of the snapshot that count */
	struct snapshot snap;
};

void journal_init(struct journal *j, struct store *s);
void journal_fini(struct journal *j);
void journal_begin(struct journal *j);
/* What an op says about counters and lists; `next` may be the trim that an append causes: true when it was said too. */
bool journal_op(struct journal *j, const struct op *op, const struct op *next);
void journal_fact(struct journal *j, const struct fact *f);
/* Writes the row and what is due with it. */
int journal_end(struct journal *j, struct disk *d);
void journal_committed(struct journal *j);
void journal_rolled_back(struct journal *j);

#endif
