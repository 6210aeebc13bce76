/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job: what one transaction changes, in order.  Applied to pending state at once; then either published (durable state
 * follows) or undone in reverse order.  Jobs are pooled and keep the memory of their sealed bytes.
 */
#ifndef DB_JOB_PRIV_H
#define DB_JOB_PRIV_H

#include "db/tree_priv.h"

enum op_kind {
	OP_CREATE,
	OP_UPDATE,
	OP_TOUCH,
	OP_REMOVE,
	OP_APPEND,
	OP_KILL, /* one instance that is not the oldest */
	OP_TRIM, /* the head moves */
	OP_REC,
	OP_FORGET /* rows of a subscription that is gone: its last word is a record of somebody else's now */
};

struct row_head;

struct op {
	uint8_t kind;
	uint16_t ty;
	uint32_t rid, pid;  /* copies: sealing happens outside the lock */
	struct tnode *n;
	uint64_t seq;
	uint64_t st, old_st;
	int64_t lt, old_lt;
	uint64_t old_pseq;
	uint32_t off, len;  /* sealed bytes in the job */
	union {
		struct {
			const struct res *res, *old; /* a reference each */
			struct row_head *head;       /* the node may be gone before it is sealed */
		} content;
		struct {
			const struct res *r;         /* the owner's, until store_ready returns */
			struct body *body;
			struct side *side;
			struct inst_raw raw;
		} append;
		struct {
			const struct res *res;       /* a reference; NULL: nobody is to be told */
			struct row_head *head;
			char *value;                 /* of the record, once it is sealed */
			uint32_t value_n;
		} gone;
		struct {
			bool alone;
		} forget;
		struct {
			uint64_t id, size;
		} kill;
		struct {
			struct trim t;
			uint64_t old_head;
		} trim;
		struct {
			char *kv;                    /* key, then value */
			uint32_t key_n, value_n;
			uint8_t table;
		} rec;
	};
};

enum { JOB_INLINE = 4 };

struct job {
	struct job *next, *prev;
	struct commit *commit;
	struct loop_task *emits, *emits_last; /* of struct emit */
	uint64_t seq;
	int err;            /* set under the lock; what was refused or undone */
	atomic_bool ready;
	bool growth;        /* not allowed while the store is read-only */
	uint32_t n_ops, cap_ops;
	struct op *ops, inl[JOB_INLINE];
	struct buf sealed;
	size_t weight;      /* for the queue's bound in bytes */
};

/* Under the lock. */
struct job *job_get(struct store *s);
void job_put(struct store *s, struct job *j);
/* A whole chain; false: the pool is full, it stays the caller's. */
bool jobs_put(struct store *s, struct job *first, struct job *last, unsigned n);
void job_undo(struct store *s, struct job *j);
/* `freed`: bodies that are pinned no more, to be put into the cache when the lock is let go; at most one per op. */
void job_publish(struct store *s, struct job *j, struct body **freed, unsigned *n_freed);
/* Outside of the lock: drops what the ops hold. */
void job_clear(struct job *j);
void job_free(struct job *j);
/* Packs and seals. */
void job_seal(struct store *s, struct job *j, struct buf *scratch);

/* Of the record of a removed resource. */
enum { JOB_GONE_KEY = 4 };
void job_gone_key(char key[JOB_GONE_KEY], uint32_t rid);

/* A new op of this transaction, with the node's state before; the caller fills the rest. */
struct op *job_op(struct tx *tx, enum op_kind kind, struct tnode *n);

#endif
