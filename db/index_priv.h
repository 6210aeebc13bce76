/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indexes over the whole tree: resources by label, by type and by their last change.  They follow durable state and may name a little more than it:
 * instances are in as soon as they are pending.  All under the tree's lock.
 */
#ifndef DB_INDEX_PRIV_H
#define DB_INDEX_PRIV_H

#include "db/htab_priv.h"
#include "db/kset_priv.h"

struct res;
struct side;
struct store;
struct tnode;

enum { INDEX_LOW = 128, INDEX_HIGH = 10000, INDEX_TYPES = 2 * INDEX_LOW };

/* Types as they are numbered: 0 to 127, and their announced kin from 10000 on. */
struct index {
	struct htab labels;
	struct kset types[INDEX_TYPES];
	struct tnode *newest;
	int64_t recent_from; /* µs: changes up to this one are in no list */
};

void index_init(struct store *s);
void index_fini(struct store *s);
/* Its content has become durable.  old: what was durable before, or NULL. */
void index_node(struct store *s, struct tnode *n, const struct res *old);
/* It leaves the tree. */
void index_node_gone(struct store *s, struct tnode *n);
void index_side(struct store *s, struct side *sd);
void index_side_gone(struct store *s, struct side *sd);

/* index_time.c: n->lt_d was `before`. */
void index_time_changed(struct store *s, struct tnode *n, int64_t before);
void index_time_gone(struct store *s, struct tnode *n);
/* index_type.c, for the functions above. */
void index_type_add(struct store *s, const struct tnode *n);
void index_type_del(struct store *s, const struct tnode *n);

#endif
