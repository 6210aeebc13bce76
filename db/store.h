/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: the resource tree in memory, the truth on disk, one lock, one writer.  The rules are those of db/README.
 *
 * A transaction (struct tx) is one hold of the tree's lock: short, without waiting, without disk, without crypto.
 * TX_READ sees durable state only.  TX_WRITE judges on pending state and changes it; store_commit lets the lock go and
 * puts the changes into the writer's queue; the owner then encodes its answer, calls store_ready, and is called back on
 * its loop when all of it is durable.  Nothing obtained from a tx is valid after its end, except what is counted
 * (struct res by res_ref, struct body by body_ref) or copied.
 */
#ifndef DB_STORE_H
#define DB_STORE_H

#include "cse/base/loop.h"
#include "cse/base/work.h"
#include "cse/model/addr.h"
#include "cse/model/res.h"

struct store;
struct tx;
struct clock;
struct rnd;
struct log;
struct stats;
struct seal;

enum tx_mode { TX_READ, TX_WRITE };

/* What a container (or any node) counts.  For nodes without instances cni and cbs are 0. */
struct counters {
	uint64_t cni, cbs, st;
	int64_t lt; /* µs */
};

/* A resource in the tree.  Opaque but for what every step needs at once; read-only outside db/. */
#define NODE_MAGIC 0x6e6f6465u
struct node {
	uint32_t magic;
	uint32_t rid;              /* row id, never reused; the resourceID is made of it (or is the AE-ID, CSE-ID) */
	const struct type *type;
	struct node *parent;       /* NULL for the CSEBase */
	uint16_t zone;             /* of the subtree that the node is in */
	uint16_t depth;            /* CSEBase 0 */
	struct subs *subs;         /* what is subscribed to it, in pending state; NULL: nothing; in a tx */
};

/* The subscriptions of a resource in order of creation, with what they say.  Counted; a list that somebody holds does not
 * change: the tree makes itself another one.  Thread-safe. */
struct sub {
	uint32_t rid;
	const struct res *res;     /* a reference of the list */
};
struct subs {
	_Atomic uint32_t refs;
	uint32_t n, cap;
	struct sub v[];
};
struct subs *subs_ref(struct subs *l);
void subs_unref(struct subs *l); /* NULL: nothing */

/* --- life of the store ------------------------------------------------------------------------------------------ */

struct store_opts {
	struct clock *clock;
	struct rnd *rnd;
	struct log *log;         /* may be NULL */
	struct stats *stats;     /* may be NULL */
	struct seal *seal;       /* seals rows, bodies and records; the memory store needs none and uses none */
	struct workers *workers; /* for body misses and backup; may be NULL with the memory store */
	struct addr_self self;   /* copied */
	const char *dir;         /* state folder; NULL: memory store, nothing is kept */
	size_t cache_bytes, batch_max, queue_max, queue_max_bytes, ballast_bytes;
	unsigned loops;          /* number of loops that will use it */
};

/* Opens or makes it, migrates, reads resources and the batch log into memory.  A new store holds a CSEBase node whose
 * content is `base` (type m2m:cb, ct and et set).  E_NEWER: made by a newer program (why names the versions);
 * E_CORRUPT: a row does not verify (why says which table). */
int store_open(const struct store_opts *o, const struct res *base, struct store **out, struct why *why);
/* Ends the writer after the queue is empty, writes snapshots, closes.  Loops must have stopped. */
void store_close(struct store *s);
/* Every row is read, unsealed and compared with memory, beside all traffic; 0 and how many rows (may be NULL), or E_CORRUPT and why.
 * Not on a loop.  For `trothctl store check`. */
int store_check(struct store *s, uint64_t *rows, struct why *why);
/* Consistent copy into a new file; on the caller's thread (use a worker).  E_FULL when free space is short. */
int store_backup(struct store *s, const char *file, struct why *why);
bool store_is_readonly(const struct store *s);
/* Above the queue's bound: loops stop reading from sockets until store_is_relaxed (half of the bound). */
bool store_is_congested(const struct store *s);
bool store_is_relaxed(const struct store *s);

/* --- transactions ----------------------------------------------------------------------------------------------- */

/* Never fails; takes the lock.  `a` receives what the tx returns. */
struct tx *store_begin(struct store *s, struct arena *a, enum tx_mode mode);
/* Ends a TX_READ, or drops a TX_WRITE with all it changed (a TX_WRITE may also end here when it changed nothing). */
void store_end(struct tx *tx);
/* Counts holds of the lock: a grant carries it and is refused in another. */
uint64_t tx_epoch(const struct tx *tx);
enum tx_mode tx_mode(const struct tx *tx);
struct arena *tx_arena(const struct tx *tx);
/* µs; max(wall clock, last given), whole milliseconds: ct and lt come from here. */
int64_t tx_now(const struct tx *tx);
/* µs, whole milliseconds: the wall clock itself, which may be behind tx_now once it was turned.  What ends by time ends by this. */
int64_t tx_wall(const struct tx *tx);
/* May something end by time now?  Not while that pauses, nor when the clock was turned since the last store_pause_expiry. */
bool tx_expires(const struct tx *tx);
struct store *tx_store(const struct tx *tx);

#define COMMIT_MAGIC 0x636d6974u
struct commit;
typedef void commit_fn(struct commit *, int err);
/* Embedded in the owner's request; owned by the store between store_commit and done(). */
struct commit {
	struct loop_task task; /* first */
	uint32_t magic;
	struct loop *loop;     /* where done() runs; NULL: on the writer's thread (tests, start-up) */
	commit_fn *done;       /* err 0: durable.  Otherwise nothing of it happened: E_FULL, E_IO, E_READONLY */
	int err;
	void *job;             /* the store's */
};
/* Lets the lock go.  1: waits for durability; the caller must call store_ready soon, then done() will run.
 * 0: nothing was changed and all that was judged on is durable: the answer may leave at once, done() will not run,
 * store_ready must not be called.  Used for refusals too (CONFLICT judged on pending state). */
int store_commit(struct tx *tx, struct commit *c);
/* Packs and seals what the commit appends (outside the lock) and hands it to the writer. */
void store_ready(struct store *s, struct commit *c);
/* Waits until all that is queued is durable (or failed) and what is told of it is on its way to the loops; for start, stop
 * and tests, never on a loop. */
void store_flush(struct store *s);

/* Something to be told on a loop once a commit is durable: in the order of commits, before the answers of the same batch.
 * drop() is called instead when nothing of the commit happened. */
struct emit {
	struct loop_task task; /* first; fn is the owner's to set */
	struct loop *loop;
	void (*drop)(struct emit *);
};
/* Between store_commit (that returned 1) and store_ready. */
void store_emit(struct commit *c, struct emit *e);

/* --- reading ---------------------------------------------------------------------------------------------------- */

const struct node *store_root(struct tx *tx);
/* By resourceID (not of instances); NULL: absent, expired, or not visible in this mode. In a TX_WRITE a node must be both
 * durable and not removed in pending state to be found: nobody can know of what is not durable yet. */
const struct node *store_by_ri(struct tx *tx, struct str ri);
const struct node *store_by_rid(struct tx *tx, uint32_t rid);
/* Child by resource name; instances are not found here. */
const struct node *store_child(struct tx *tx, const struct node *parent, struct str rn);
/* Is the name taken among the children (instances included), in pending state?  Judging a CREATE. */
bool store_name_taken(struct tx *tx, const struct node *parent, struct str rn);
/* Is the resourceID taken, in pending state?  Judging a registration. */
bool store_ri_taken(struct tx *tx, struct str ri);
/* Visible children in order of creation: those with rid > *after, at most max into out; how many.  *after becomes the last one
 * that was looked at, or STORE_LAST behind the last of all: a call looks at some more than max, however many have expired, so
 * that 0 is not the end. */
#define STORE_LAST UINT32_MAX
size_t store_children(struct tx *tx, const struct node *parent, uint32_t *after, const struct node **out, size_t max);

/* At start: every subscription, each in a TX_READ of its own. */
void store_each_sub(struct store *s, void (*fn)(void *arg, struct tx *tx, const struct node *sub), void *arg);

/*
 * Indexes over the whole tree, for searches: who bears a label, nodes of a type.  They follow durable state and may name what a
 * search does not see (pending, removed, expired, of another subtree): the caller looks at each.
 */
struct store_ref {
	uint32_t rid;  /* the node, or the container of the instance */
	uint64_t id;   /* 0: a node */
};
/* Nodes in the order of rid, then instances in that of id, those behind `after` ({0, 0}: from the first on); at most max (and
 * 64) into out; how many. */
size_t store_labelled(struct tx *tx, struct str label, struct store_ref after, struct store_ref *out, size_t max);
uint64_t store_labelled_count(struct tx *tx, struct str label);
/* Nodes of a type with rid > after, likewise. */
size_t store_typed(struct tx *tx, unsigned ty, uint32_t after, struct store_ref *out, size_t max);
uint64_t store_typed_count(struct tx *tx, unsigned ty);
/* Nodes whose lt is not before a moment, and some more of its second: newest first, from where `at` (cleared for the first call) ended, at
 * most max; 0: there are no more.  One that changes between two calls moves to the newer end, and one that ended a call then makes the
 * next begin there again; at->lost: that has happened too often. */
struct store_recent {
	uint32_t rid;
	unsigned restarts;
	bool lost;
	int64_t second;
};
size_t store_recent(struct tx *tx, struct store_recent *at, int64_t since, uint32_t *rid, size_t max);
/* Only changes since the start of the store are known so. */
bool store_recent_covers(struct tx *tx, int64_t since);
/* Resources and instances below n, pending ones included. */
uint64_t store_below(struct tx *tx, const struct node *n);

/* Has it certainly neither children nor instances? */
bool store_is_leaf(const struct tx *tx, const struct node *n);
struct str node_ri(struct tx *tx, const struct node *n);   /* in the arena */
struct str node_rn(const struct tx *tx, const struct node *n); /* borrowed */
/* The content: durable in TX_READ; pending in TX_WRITE (what an UPDATE builds on).  Borrowed for the tx; res_ref keeps it. */
const struct res *node_res(const struct tx *tx, const struct node *n);
/* Durable content whatever the mode: authorization reads this one. NULL when the node is not durable yet. */
const struct res *node_durable(const struct tx *tx, const struct node *n);
void node_counters(const struct tx *tx, const struct node *n, struct counters *out);
/* Structured path "cse-in/a/b" in the arena. */
struct str node_path(struct tx *tx, const struct node *n);

/* --- content instances ------------------------------------------------------------------------------------------ */

/* What memory knows of an instance without its body. */
struct inst {
	uint64_t id;
	uint64_t size; /* contentSize */
	uint64_t st;
	int64_t ct;    /* µs */
};

/* Body of an instance: the packed resource (res_unpack).  Counted, immutable, thread-safe. */
struct body {
	_Atomic uint32_t refs;
	uint32_t n;
	uint64_t id;
	char bytes[];
};
struct body *body_ref(struct body *b);
void body_unref(struct body *b); /* NULL: nothing */

/* Visible instances.  false: none. */
bool store_latest(struct tx *tx, const struct node *cnt, struct inst *out);
bool store_oldest(struct tx *tx, const struct node *cnt, struct inst *out);
bool store_inst(struct tx *tx, const struct node *cnt, uint64_t id, struct inst *out);
/* By resourceID ("cin" forms carry the container) or by name. The container in *cnt. */
bool store_inst_by_ri(struct tx *tx, struct str ri, const struct node **cnt, struct inst *out);
bool store_inst_by_name(struct tx *tx, const struct node *cnt, struct str rn, struct inst *out);
/* Ascending by id from `after` (exclusive), at most max. */
size_t store_instances(struct tx *tx, const struct node *cnt, uint64_t after, struct inst *out, size_t max);
/* An id below which all instances were made before ct (µs): store_instances from there on gives those made since. */
uint64_t store_inst_before(struct tx *tx, const struct node *cnt, int64_t ct);
struct str inst_ri(struct tx *tx, const struct node *cnt, uint64_t id);
struct str inst_rn(struct tx *tx, const struct node *cnt, uint64_t id);

/* Labels of an instance that was appended as `labelled`; borrowed for the tx.  At most max into out; how many there are. */
size_t store_inst_labels(struct tx *tx, const struct node *cnt, uint64_t id, struct str *out, size_t max);
/* The expirationTime that the instance was appended with, INT64_MAX: none of its own. */
int64_t store_inst_et(struct tx *tx, const struct node *cnt, uint64_t id);
/* The body with a reference for the caller, or E_MISS: then end the tx, store_fetch, and resume at "resolve". */
int store_body(struct tx *tx, const struct node *cnt, uint64_t id, struct body **out);
struct fetch {
	struct work work; /* first */
	struct store *store;
	uint64_t id;
	int err;          /* 0: it is in the cache now (pinned by `body` until the owner unrefs it), E_ABSENT, E_CORRUPT, E_IO */
	struct body *body;
	void (*done)(struct fetch *); /* on `loop` */
};
void store_fetch(struct store *s, struct fetch *f, uint64_t id, struct loop *loop, void (*done)(struct fetch *));

/* --- changing (TX_WRITE only) ----------------------------------------------------------------------------------- */

/* For the content of the next CREATE or UPDATE of this transaction: a block as res_keep_in takes it, so that the pages of a
 * large one are not made under the lock. */
void store_room(struct tx *tx, void **block, size_t n);
/*
 * New child.  rn empty: a name is made (from the resourceID).  ri_given: for AE the AE-ID stem, else empty.  The content
 * is kept (res_keep) by the store; ct and lt are set to tx_now, st to 0.  zone 0: the parent's.
 * E_EXISTS: name or resourceID taken (pending state).
 */
int store_create(struct tx *tx, const struct node *parent, const struct res *r, struct str rn, struct str ri_given,
                 uint16_t zone, const struct node **out);
/* A name as store_create makes them, in the arena: for who has to say it before the child is there.  It uses up a row id, which makes
 * no second one; nothing keeps the name free until then. */
struct str store_make_name(struct tx *tx, const struct node *parent, const struct type *type);
/* New content; lt = now, st + 1 when `bump`. */
void store_update(struct tx *tx, const struct node *n, const struct res *r, bool bump);
/* lt = now, st + 1: a child came or went. */
void store_touch(struct tx *tx, const struct node *n);
/* The node with all below it; O(1) under the lock, swept later. */
void store_remove(struct tx *tx, const struct node *n);

/* A subscription that is gone for good: by itself, or with the resource that it watched (then as it was at its end). */
struct gone {
	uint32_t rid;
	struct str ri, path;       /* of the subscription: identifier, structured path */
	const struct res *res;
	bool alone;                /* what it watched has not gone with it: nothing below is set */
	uint32_t parent;           /* rid */
	struct str parent_ri, parent_pi, parent_rn;
	const struct res *parent_res;
	struct counters counters;
};
/* Told of every such subscription once that is durable, in the order of removals, behind what the commits emitted.  On the
 * writer's thread, without the lock; all that it is shown is gone when it returns.  Set before service. */
typedef void gone_fn(void *arg, const struct gone *g);
/* What was not told yet when the process ended is on disk with the removal itself, and told from here on: again, unless it was taken. */
void store_on_gone(struct store *s, gone_fn *fn, void *arg);
/* In fn, in a TX_WRITE whose commit has no loop: with that commit the store forgets what it keeps of `g` (the owner has put records
 * of his own).  Its done() calls store_gone_taken, whatever became of it; until then nothing more is swept. */
void store_gone_take(struct tx *tx, const struct gone *g);
void store_gone_taken(struct store *s);

/*
 * A new instance.  `r` (arena; ct, et and con in it; must live until store_ready returns) gets id, st and ct; the
 * container's st grows first and is copied, lt = now, cni and cbs follow.  `size`: contentSize.
 * own_et: the instance carries an et of its own (side entry), else 0.  E_EXISTS: name taken.
 */
struct append {
	const struct res *r;
	struct str rn;   /* empty: made */
	uint64_t size;
	int64_t own_et;  /* µs, 0 = lives as long as container and mia allow */
	bool labelled;   /* keeps a side entry for discovery */
	struct inst out; /* result */
};
int store_append(struct tx *tx, const struct node *cnt, struct append *ap);
/* One instance; st and lt of the container move. */
void store_inst_remove(struct tx *tx, const struct node *cnt, uint64_t id);
/* Evicts from the oldest until at most max_n instances and max_bytes are left (UINT64_MAX: no bound) and none is older
 * than not_before (µs, INT64_MIN: no bound).  No st, no lt: an eviction belongs to what caused it. */
void store_trim(struct tx *tx, const struct node *cnt, uint64_t max_n, uint64_t max_bytes, int64_t not_before);
/* All instances at once (disableRetrieval switched off). */
void store_clear(struct tx *tx, const struct node *cnt);

/* Expiration: nodes whose et has passed, at most max (pending state); the caller removes them. */
size_t store_expired(struct tx *tx, int64_t now_us, const struct node **out, size_t max);
/* When the next node expires (µs), INT64_MAX: never. */
int64_t store_next_expiry(struct tx *tx);
/* Containers that hold instances to be expired by mia or own et before now: at most max. */
size_t store_stale(struct tx *tx, int64_t now_us, const struct node **out, size_t max);
/* Removes instances of such a container that are older than its mia or past their own et, at most max; how many.
 * No st, no lt. */
size_t store_expire(struct tx *tx, const struct node *cnt, int64_t now_us, size_t max);
/* Those that it would remove, in its order. */
size_t store_expiring(struct tx *tx, const struct node *cnt, int64_t now_us, struct inst *out, size_t max);
/* While the clock is doubtful nothing expires and nothing is invisible by et, nor is its time kept as seen.  Said once a second. */
void store_pause_expiry(struct store *s, bool paused);
/* Latest wall time of a commit on disk, µs; 0 for a new store. */
int64_t store_last_seen(const struct store *s);

/* --- records: what the security room keeps beside the tree ----------------------------------------------------- */

enum rec_table { REC_CREDENTIAL, REC_STEM, REC_ZONE, REC_DEVICE, REC_ANCHOR, REC_META, REC_PENDING, REC_LOCK,
	REC_GONE, /* the store's own: removed resources whose subscriptions are still to be told of */
	REC_TABLES };
enum { STORE_REC_MAX = 4 << 20 };
/* Part of the tx, sealed, durable with it.  key at most 128 bytes, value at most STORE_REC_MAX.  An empty value removes. */
void store_rec_put(struct tx *tx, enum rec_table t, struct str key, struct str value);
/* One more record of a commit, between store_commit (that returned 1) and store_ready. */
void store_rec_add(struct store *s, struct commit *c, enum rec_table t, struct str key, struct str value);
/* The commit's place among all of this run, growing; after store_commit returned 1. */
uint64_t store_commit_seq(const struct commit *c);
/* At start: every record, in the order of keys. */
int store_rec_each(struct store *s, enum rec_table t, int (*fn)(void *arg, struct str key, struct str value), void *arg);
/* The security event log: appended in order, hash-chained by the caller; durable soon (with the next batch).
 * Thread-safe, outside any tx.  E_FULL when the table is at its bound. */
int store_event_append(struct store *s, struct str row);
/* done runs on the loop when all that was appended before is on disk, or could not be written this time (err: it is tried again).  The
 * struct is the store's until then.  Thread-safe. */
struct event_wait {
	struct loop_task task; /* first */
	struct event_wait *next;
	struct loop *loop;
	uint64_t seq;
	int err;
	void (*done)(struct event_wait *w);
};
void store_event_after(struct store *s, struct event_wait *w, struct loop *loop, void (*done)(struct event_wait *w));
/* Its bound in bytes; none before the first call.  Thread-safe. */
void store_event_bound(struct store *s, uint64_t bytes);
int store_event_each(struct store *s, uint64_t from, int (*fn)(void *arg, uint64_t seq, struct str row), void *arg);
uint64_t store_event_bytes(const struct store *s);
/* Number of the last row that is on disk. */
uint64_t store_event_durable(const struct store *s);
/* Number that the next row will have: the newest row is the one before. */
uint64_t store_event_next(const struct store *s);

/* --- measuring --------------------------------------------------------------------------------------------------- */

struct store_usage {
	uint64_t nodes, instances, tree_bytes, cache_bytes, queue, queue_bytes, unswept, longest_hold_ns;
};
void store_usage(struct store *s, struct store_usage *out);
/* A node with all that lies below it (an AE, for limits): pending state; what a DELETE took is given back at once. */
void store_subtree_usage(struct tx *tx, const struct node *n, uint64_t *resources, uint64_t *instances, uint64_t *bytes);

#endif
