/* SPDX-License-Identifier: Apache-2.0 */
/* What walk.c collects and gather.c puts into an answer. */
#ifndef CORE_WALK_PRIV_H
#define CORE_WALK_PRIV_H

#include "cse/core/walk.h"

/* Children of one type in a nested answer. */
struct bucket {
	struct bucket *next;
	const struct attr *member;
	struct val list;
	size_t n; /* filled so far */
};

/* A resource that goes into the answer. */
struct item {
	struct item *next;
	struct item *parent;   /* NULL: a child of the target */
	const struct typeinfo *ti;
	bool is_inst;
	struct str ri, pi, rn, addr;
	struct counters counters;
	struct inst inst;
	int64_t end;           /* of an instance, by its container's rules */
	struct res *res;       /* counted; nested answers only */
	struct body *body;     /* counted; nested answers only */
	struct obj *o;         /* its view, made after the tx */
	struct bucket *buckets;
};

/* A node whose children are being visited.  Re-entered by id, as the tree changes between slices. */
struct frame {
	uint32_t rid, after;   /* children with a greater rid are to come */
	uint64_t after_inst;
	bool nodes_done;
	struct item *item;     /* NULL: the target */
	struct str path;       /* structured address, made when needed */
};

struct walk {
	bool done, nested, discovery;
	uint32_t root;         /* rid of the target */
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
};

/* After the tx of a slice: views of what it collected. */
void gather_views(struct request *r);

#endif
