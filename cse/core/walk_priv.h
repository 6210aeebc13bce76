/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a walk share, and what gather.c puts into an answer. */
#ifndef CORE_WALK_PRIV_H
#define CORE_WALK_PRIV_H

#include "cse/core/match.h"
#include "cse/core/walk.h"

/* Children of one type in a nested answer. */
struct bucket {
	struct bucket *next;
	const struct attr *member;
	struct val list;
	size_t n; /* filled so far */
};

/* A resource that goes into the answer.  Flat answers need the first four only, and have no more than these. */
struct item {
	struct item *next;
	const struct typeinfo *ti;
	struct str rn, addr;
	struct item *parent;   /* NULL: a child of the target */
	bool is_inst;
	struct str ri, pi;
	struct counters counters;
	struct inst inst;
	int64_t end;           /* of an instance, by its container's rules */
	struct res *res;       /* counted */
	struct body *body;     /* counted */
	struct obj *o;         /* its view, made after the tx */
	struct bucket *buckets;
};

enum { CHILDREN_AHEAD = 16 };

/* A node whose children are being visited.  Re-entered by id, as the tree changes between slices. */
struct frame {
	uint32_t rid, after;   /* children with a greater rid are to come */
	uint64_t after_inst;
	bool nodes_done;
	struct item *item;     /* NULL: the target */
	/* Good for one hold of the lock. */
	uint64_t epoch;
	const struct node *node;
	const struct node *child[CHILDREN_AHEAD];
	unsigned n, i;         /* children that were asked for, those of them that were visited */
	uint32_t ahead;        /* how far was asked */
};

/* A resource that an index led to and that matches, with its place in pre-order: the row ids on the way from the target to it;
 * for an instance then UINT32_MAX (instances come behind nodes) and the two halves of its id. */
struct found {
	uint32_t rid;
	uint32_t n;
	uint64_t id;           /* 0: a node */
	const uint32_t *key;
};
enum { FOUND_A_CHUNK = 256 };
struct found_chunk {
	struct found_chunk *next;
	unsigned n;
	struct found f[FOUND_A_CHUNK];
};

enum visit {
	VISIT_ON,    /* there is more */
	VISIT_END,   /* all has been visited */
	VISIT_FULL,  /* the answer holds no more */
	VISIT_AGAIN, /* enough for this hold of the lock */
	VISIT_THINK, /* match_think first */
	VISIT_MISS,  /* a body must be fetched first */
	VISIT_SORT   /* walk_sort first */
};

/* A walk goes through the tree, or through what an index names; then what matches is sorted as the tree would have given it. */
enum phase { WALK_TREE, WALK_REFS, WALK_SORT, WALK_EMIT };
enum plan { PLAN_TREE, PLAN_LABELS, PLAN_TYPES, PLAN_RECENT };

struct walk {
	bool done, nested, discovery;
	enum phase phase;
	enum plan plan;        /* the index that takes over when `budget` resources of the tree did not suffice */
	uint64_t budget;
	uint32_t root;         /* rid of the target */
	unsigned acop;         /* right that makes a resource visible */
	uint64_t limit, offset, max_bytes;
	unsigned level;        /* deepest level */
	uint64_t matched;      /* resources (flat) or children of the target (nested) that fit, taken or skipped */
	uint64_t rest;
	uint64_t count, bytes;
	struct item *first, **tail;
	struct item **cut;     /* nested: where the current child of the target begins */
	uint64_t cut_count;
	struct frame *stack;
	unsigned top, room;    /* frames in use, allocated */
	struct arena scratch;  /* one slice */

	uint32_t path_rid;     /* structured address of the node that was needed last */
	struct str path;

	/* WALK_REFS: which list of the index, and how far. */
	size_t list;
	struct store_ref at;
	struct store_recent recent;
	uint32_t head, stop;   /* rids of the newest node when this pass of the list began, and when the one before did */
	unsigned passes;
	int64_t since;         /* µs: what matches was made or changed since; INT64_MIN: no such condition */
	uint64_t looked_at, patience; /* PLAN_RECENT: resources, and how many before the tree is asked instead */
	struct found_chunk *chunks, *last;
	size_t n_found;
	bool disorder;
	struct found **order, **spare; /* WALK_SORT */
	size_t width, sorted, next;

	/* applyRelativePath: what is in the answer already, open addressing, a power of two. */
	struct store_ref *taken;
	size_t n_taken, room_taken;
};

/* walk_tree.c: in pre-order from where it stands. */
enum visit walk_tree(struct request *r, struct walk *w, unsigned *left);
/* Into the answer, when there is room: a node with its own place (nested: below `parent`), or an instance. */
enum visit walk_take_node(struct request *r, struct walk *w, const struct node *n, struct item *parent, bool direct,
                          struct item **taken);
enum visit walk_take_inst(struct request *r, struct walk *w, const struct node *cnt, const struct inst *inst, struct item *parent,
                          bool direct);
/* match's answer as a visit's: VISIT_END says "no", VISIT_ON "yes". */
enum visit walk_asked(enum match m);
/* May the request see it, and has it all operations (ops) that the filter asks for? */
bool walk_permits(struct request *r, const struct walk *w, const struct node *n, bool on_instance);
/* An AE that is not there for the moment is not discovered, nor what it has.  TS-0004 7.3.3.14. */
bool walk_is_inactive(struct request *r, const struct node *n);

/* walk_index.c: chooses, and goes on from where it stands. */
void walk_plan(struct request *r, struct walk *w);
enum visit walk_index(struct request *r, struct walk *w, unsigned *left);
/* Outside of the tx: some thousand steps of sorting; true: done. */
bool walk_sort(struct request *r, struct walk *w);

/* walk.c: in a slice, what belongs to the limits. */
enum visit walk_admit(struct walk *w, bool direct, bool *skip);
struct item *walk_append(struct request *r, struct walk *w, const struct item *it, size_t bytes);
void walk_push(struct request *r, struct walk *w, uint32_t rid, struct item *item);
/* Nothing is in the answer any more. */
void walk_restart(struct walk *w);
/* Out of the slice's memory into the request's. */
static inline struct str walk_keep(struct request *r, struct str s) { return arena_str(&r->arena, s); }

/* gather.c: after the tx of a slice, views of what it collected. */
void gather_views(struct request *r);

#endif
