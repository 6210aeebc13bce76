/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of a container's instances: 14 bytes each, in blocks of up to 512, ascending by id.  Everything here is
 * done under the tree's lock.
 *
 * An instance is alive when its id is not below the head and it bears no dead mark.  Head and marks exist twice, pending
 * and durable; what is not durable yet lies behind `tail_d`.  Counters of a block ignore the head: a block that lies
 * below it as a whole is not touched when the head passes, so that moving the head far is cheap.
 */
#ifndef DB_INST_PRIV_H
#define DB_INST_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/heap_priv.h"

struct body;
struct side;
struct tnode;

enum { BLOCK_MIN = 8, BLOCK_MAX = 512 };

struct ent {
	uint32_t id, size, ms; /* id and ms against the block's base */
	uint16_t st;           /* against the block's base */
} __attribute__((packed));

struct block {
	uint64_t id0, st0;
	int64_t ms0;
	uint16_t n, cap;
	uint64_t *dead; /* two bitmaps of BLOCK_MAX bits, pending and durable; NULL: no mark */
	struct ent e[];
};

struct bdir {
	struct block *b;
	uint64_t bytes_p; /* of the entries that are not dead (pending) */
	uint16_t live_p;  /* their number */
	uint16_t live_d;  /* not dead (durable); counts what is not durable yet */
};

struct insts {
	struct bdir *dir; /* dn entries from d0 on */
	uint32_t d0, dn, dcap;
	uint32_t n_sides, n_et;      /* side entries; those with an own et */
	struct side *sides;
	uint64_t head_p, head_d;     /* ids below are gone */
	uint64_t tail_p, tail_d;     /* highest id given, highest durable one */
	uint64_t cni_p, cbs_p, cni_d, cbs_d;
	struct body *latest;         /* pinned; NULL when it is not in memory */
	struct tnode *node;
	int64_t mia_us;              /* maxInstanceAge, 0: none (pending) */
	struct heap_item mia;        /* no instance is older than mia before key */
	size_t bytes;                /* memory of blocks and directory */
};

/* What is seen: durable state; what a mutation may find; what a mutation is judged on. */
enum inst_view { VIEW_DURABLE, VIEW_FOUND, VIEW_PENDING };

struct ipos {
	uint32_t d, e; /* directory entry (from d0 on) and entry in the block */
};

struct inst_raw {
	uint64_t id, size, st;
	int64_t ms;
};

struct insts *insts_new(struct tnode *n);
/* Frees blocks and directory, not sides nor the pinned body. */
void insts_free(struct insts *in);

void insts_push(struct insts *in, const struct inst_raw *r);
/* Takes back the newest one (undo). */
void insts_pop(struct insts *in);

struct inst_raw insts_at(const struct insts *in, struct ipos p);
bool insts_find(const struct insts *in, enum inst_view v, uint64_t id, struct ipos *out);
/* First with id > after; the last one; the next one before p. */
bool insts_first(const struct insts *in, enum inst_view v, uint64_t after, struct ipos *out);
bool insts_last(const struct insts *in, enum inst_view v, struct ipos *out);
bool insts_next(const struct insts *in, enum inst_view v, struct ipos *p);
bool insts_prev(const struct insts *in, enum inst_view v, struct ipos *p);

/* The highest id that was given before a moment (ms), 0: none, whatever has become of it. */
uint64_t insts_before(const struct insts *in, int64_t ms);

/* How far the head must move: what goes. */
struct trim {
	uint64_t head; /* new head */
	uint64_t n, bytes;
};
struct trim insts_trim(struct insts *in, uint64_t max_n, uint64_t max_bytes, int64_t not_before_ms);
struct trim insts_trim_all(struct insts *in);
struct trim insts_trim_below(struct insts *in, uint64_t head);
/* Back to old_head: takes back the newest trim. */
void insts_untrim(struct insts *in, uint64_t old_head, const struct trim *t);
/* Pending mark on an instance that is alive, and its undoing. */
void insts_kill(struct insts *in, struct ipos p);
void insts_unkill(struct insts *in, uint64_t id);

/* --- durable side; `gone` is called for each id whose row may be swept, `gone_block` for a whole block (given away) - */
struct inst_sink {
	void (*gone)(void *arg, uint64_t id);
	void (*gone_block)(void *arg, struct block *b);
	void *arg;
};
void insts_durable_head(struct insts *in, uint64_t head, const struct inst_sink *sink);
void insts_durable_kill(struct insts *in, uint64_t id, const struct inst_sink *sink);

void block_free(struct block *b);
static inline uint64_t block_id(const struct block *b, unsigned i) { return b->id0 + b->e[i].id; }
size_t block_bytes(const struct block *b);

#endif
