/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the store share: the store itself, nodes, side entries of instances, and a transaction.
 * Everything in here is read and changed under the tree's lock unless it says otherwise.
 */
#ifndef DB_TREE_PRIV_H
#define DB_TREE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "db/heap_priv.h"
#include "db/htab_priv.h"
#include "db/index_priv.h"
#include "db/inst_priv.h"
#include "db/mem_priv.h"
#include "db/store.h"
#include "db/sweep_priv.h"

struct cache;
struct disk;
struct job;
struct writer;

enum node_flag {
	N_DURABLE = 1, /* its creation is on disk */
	N_GONE_P = 2,  /* removed in pending state */
	N_GONE_D = 4,  /* removed for good: out of the indexes, waits for the sweeper */
	N_LISTED = 8,  /* among those that changed since the start (index_time.c) */
	N_KEPT = 16    /* removed, with a record of REC_GONE */
};

/* A resourceID that was given (AE-ID stem, CSE-ID); the others are computed from the row id. */
struct given {
	struct hlink link;
	struct tnode *node;
	uint16_t n;
	char ri[];
};

/* A node with all that lies below it, pending. */
struct usage {
	uint64_t resources, instances, bytes;
};

struct tnode {
	struct node pub; /* first */
	struct hlink by_rid, by_name;
	struct given *given;
	struct tnode *left, *right; /* treap of the siblings, by rid */
	struct tnode *newer, *older; /* by last change: index_time.c */
	struct tnode *kids;         /* root of the children's treap */
	const struct res *dur, *pend;
	uint64_t st_d, st_p;
	int64_t lt_d, lt_p;
	int64_t et_d;
	struct heap_item et;        /* pending; INT64_MAX: no end, in no heap */
	uint64_t pseq;              /* newest change; durable when not above store.done */
	struct insts *in;           /* NULL before the first instance */
	struct usage sum;           /* what is removed in pending state is in no sum above it */
	uint16_t flags, rn_n;
	char rn[];
};

/* What an instance has beyond its entry: a name, labels, an et of its own. */
struct side {
	struct hlink by_id, by_name; /* by_name only when name_n */
	struct heap_item et;
	struct insts *in;
	struct side *prev, *next;    /* of the container */
	uint64_t id;
	int64_t own_et;              /* 0: none */
	uint32_t labels_n;           /* bytes: each label as two bytes of length and its text */
	uint16_t name_n, n_labels;
	char text[];                 /* name, labels */
};

struct tx {
	struct store *s;
	struct arena *a;
	enum tx_mode mode;
	bool saw;      /* something pending was looked at: the answer must wait */
	int64_t wall;  /* µs; what expires is judged by it */
	int64_t now;   /* whole ms, never backwards */
	struct job *job;
	void **room;   /* store_room's; NULL: none */
	size_t room_n;
};

/* Upper bounds that are reserved on disk, and how far they are moved at a time. */
enum { RESERVE_IDS = 1 << 20, RESERVE_RIDS = 1 << 12 };

#define STORE_MAGIC 0x73746f72u
struct store {
	uint32_t magic;
	struct store_opts o;
	char *self_text; /* backs o.self */
	uint64_t hkey[2];

	pthread_mutex_t lock; /* touched in tree.c only */
	uint64_t epoch;
	int64_t held_since, longest_hold;
	struct tx tx;

	struct htab by_rid, by_name, by_ri, side_id, side_name;
	struct heap expiry, stale, inst_expiry;
	struct index index;
	struct tnode *root;
	uint32_t next_rid;
	uint64_t next_id;
	uint64_t seq, done;   /* newest sequence given; newest durable one */
	int64_t last_now;
	uint64_t n_nodes, n_insts, tree_bytes;
	struct sweep sweep;
	gone_fn *gone;
	void *gone_arg;

	struct job *q_first, *q_last; /* the writer takes it as a whole */
	struct job *jobs_free;
	unsigned n_jobs_free;
	bool draining;                /* a commit failed and its followers are being undone */

	atomic_bool readonly, paused;
	atomic_uint_fast64_t q_jobs, q_bytes; /* given to the writer and not answered yet */
	_Atomic int64_t said;      /* wall clock when store_pause_expiry was called last; 0: never */
	_Atomic int64_t last_seen;

	struct buf *scratch; /* one per loop: packing */
	struct cache *cache; /* own locks */
	struct disk *disk;
	struct writer *writer;
};

/* --- tree.c: the lock ---------------------------------------------------------------------------------------------- */

void tree_init(struct store *s);
void tree_fini(struct store *s);
void tree_lock(struct store *s);
void tree_unlock(struct store *s);
/* The wall clock to be kept as seen: as long as it is trusted. */
int64_t tree_seen(const struct store *s);

/* --- node.c -------------------------------------------------------------------------------------------------------- */

static inline struct tnode *tnode_of(const struct node *n)
{
	/* The tree owns what others see as const. */
	union {
		const struct node *c;
		struct tnode *t;
	} u = { n };

	CHECK(n, NODE);
	return u.t;
}

struct node_spec {
	struct tnode *parent;
	const struct type *type;
	uint32_t rid;
	uint16_t zone; /* 0: the parent's */
	struct str rn, ri_given;
};
/* A new node, linked into all indexes, without content; flags 0. */
struct tnode *node_new(struct store *s, const struct node_spec *spec);
/* Out of all indexes and the parent's children. */
void node_unlink(struct store *s, struct tnode *n);
/* The sums from here upwards change, up to one that is removed: what is above has given it back at once. */
void node_count(struct tnode *n, int64_t resources, int64_t instances, int64_t bytes);
/* All that lies in n leaves the sums above it (sign -1, before N_GONE_P), or comes back (1, after). */
void node_count_tree(struct tnode *n, int sign);
/* Unlinked, childless, without list of instances: it counts no more.  Then, outside of the lock, its memory goes. */
void node_forget(struct store *s, struct tnode *n);
void node_release(struct tnode *n);
void node_set_content(struct store *s, struct tnode *n, const struct res *r);
struct tnode *node_by_rid(const struct store *s, uint32_t rid);
struct insts *node_insts(struct store *s, struct tnode *n);
/* Any child by name whatever its state: the first, then the next. */
struct tnode *node_named(struct store *s, const struct tnode *parent, struct str rn, struct tnode *after);
/* Is it removed in pending state, itself or by an ancestor? */
bool node_is_gone(const struct tnode *n);
/* Notes that something pending was looked at. */
static inline void tx_saw(struct tx *tx, const struct tnode *n)
{
	if (n->pseq > tx->s->done)
		tx->saw = true;
}
int64_t res_mia_us(const struct res *r);
int64_t res_et(const struct res *r);
void node_mia_changed(struct store *s, struct tnode *n);

/* --- ident.c: generated names and resourceIDs --------------------------------------------------------------------- */

enum { IDENT_MAX = 48 };
size_t ident_node(char out[IDENT_MAX], const struct type *t, uint32_t rid);
size_t ident_inst_ri(char out[IDENT_MAX], uint32_t rid, uint64_t id);
size_t ident_inst_rn(char out[IDENT_MAX], uint64_t id);
/* Row ids that a generated resourceID may mean, at most 8 (prefixes and digits share their letters). */
unsigned ident_node_parse(struct str ri, uint32_t out[8]);
bool ident_inst_ri_parse(struct str ri, uint32_t *rid, uint64_t *id);
bool ident_inst_rn_parse(struct str rn, uint64_t *id);

/* --- subs.c: the parent's list follows its subscriptions ------------------------------------------------------------ */

static inline bool is_sub(const struct tnode *n)
{
	return n->pub.type->ty == TY_SUB;
}
/* It is there, with its pending content.  No-ops on other nodes. */
void subs_put(struct store *s, struct tnode *n);
/* It is not there any more. */
void subs_del(struct store *s, struct tnode *n);
/* The list of a node that goes. */
void subs_drop(struct store *s, struct tnode *n);

/* --- side.c --------------------------------------------------------------------------------------------------------- */

struct side_spec {
	uint64_t id;
	struct str rn, labels; /* labels: packed as in struct side */
	uint16_t n_labels;
	int64_t own_et;
};
struct side *side_new(struct store *s, struct insts *in, const struct side_spec *sp);
void side_free(struct store *s, struct side *sd);
struct side *side_by_id(const struct store *s, const struct insts *in, uint64_t id);
struct side *side_named(struct store *s, const struct insts *in, struct str rn, struct side *after);
/* Packs the labels of a resource into the arena. */
struct str side_pack_labels(struct arena *a, const struct res *r, uint16_t *n);

/* --- change.c --------------------------------------------------------------------------------------------------------- */

/* The CSEBase of a new store. */
void change_create_root(struct tx *tx, const struct res *base);

#endif
