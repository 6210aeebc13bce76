/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits for the sweeper: ids whose body rows may go, whole lists of removed containers, removed subtrees, and rows
 * of resources.  Filled under the tree's lock when a batch is published, emptied by the writer's thread in slices.
 */
#ifndef DB_SWEEP_PRIV_H
#define DB_SWEEP_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block;
struct disk;
struct insts;
struct store;
struct tnode;

enum { SWEEP_CHUNK = 2046 };

/* Ids of single instances, in the order in which they went. */
struct sweep_chunk {
	struct sweep_chunk *next;
	uint32_t n, pos, mark; /* mark: where the running transaction began */
	uint64_t batch;        /* of its first id */
	uint64_t ids[SWEEP_CHUNK];
};

/* A block without its container, or the whole list of a removed one. */
struct sweep_list {
	struct sweep_list *next;
	struct block *b;
	struct insts *in;
	uint32_t rid;          /* of the removed container */
	bool over;             /* the transaction came to its end */
	uint32_t d, e, mark_d, mark_e;
	uint64_t left, taken;  /* rows that are waited for; of the running transaction */
	uint64_t batch;
};

/* Filled by publishing, emptied by sweeping: both on the writer's thread (at start: on the opener's). */
struct sweep {
	struct sweep_chunk *first, *last, *run; /* run: sorted, in work */
	struct sweep_list *lists, **lists_end;
	struct tnode *trees, **trees_end;       /* removed subtrees, linked by `left` */
	struct tnode *late, **late_end;         /* of a run before: wait until there is somebody to tell */
	_Atomic enum sweep_late { LATE_NONE, LATE_WAITS, LATE_HEARD } late_state;
	unsigned words;                         /* last words that are to be durable before anything more is swept */
	uint64_t n_kept_roots;                  /* removed resources that have a record; under the lock */
	uint32_t *kept;                         /* those that are swept, in order: their records may go */
	size_t n_kept, cap_kept, at_kept, mark_kept;
	_Atomic bool telling;                   /* there are such */
	uint32_t *rids;                         /* rows of resources below a removed one */
	size_t n_rids, cap_rids, mark_rids;
	_Atomic uint64_t n_waiting;             /* rows */
	uint64_t batch;                         /* being published */
};

void sweep_init(struct store *s);
void sweep_fini(struct store *s);
/* Under the lock, while a batch is published. */
void sweep_id(void *store, uint64_t id);
void sweep_block(void *store, struct block *b);
void sweep_tree(struct store *s, struct tnode *n);
/* The same, read at a start. */
void sweep_add_late(struct store *s, struct tnode *n);
/* A row of a resource that nothing leads to any more. */
void sweep_res(struct store *s, uint32_t rid);
/* Takes the lock for one slice: frees nodes of removed subtrees.  false: nothing to do. */
bool sweep_memory(struct store *s);
/* Inside a transaction: at most `max` rows; how many, or an error.  `all`: a chunk that is not full is taken too.
 * *swept_rid: a container of which nothing is left now, or 0. */
int sweep_rows(struct store *s, struct disk *d, unsigned max, bool all, uint32_t *swept_rid);
void sweep_committed(struct store *s);
void sweep_rolled_back(struct store *s);
/* Rows of all instances that went in batches up to this one are gone; `now`: the newest published. */
uint64_t sweep_mark(const struct store *s, uint64_t now);
bool sweep_is_idle(const struct store *s);
/* Gives back sides, pinned body and list of a node. */
void sweep_drop_insts(struct store *s, struct tnode *n);

#endif
