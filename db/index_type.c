/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes by type, in the order of row ids, which is that of their creation. */
#include "db/tree_priv.h"

static struct kset *set_of(struct store *s, unsigned ty)
{
	if (ty < INDEX_LOW)
		return &s->index.types[ty];
	REQUIRE(ty >= INDEX_HIGH && ty - INDEX_HIGH < INDEX_LOW);
	return &s->index.types[INDEX_LOW + ty - INDEX_HIGH];
}

void index_type_add(struct store *s, const struct tnode *n)
{
	s->tree_bytes += (uint64_t)kset_add(set_of(s, n->pub.type->ty), n->pub.rid);
}

void index_type_del(struct store *s, const struct tnode *n)
{
	s->tree_bytes += (uint64_t)kset_del(set_of(s, n->pub.type->ty), n->pub.rid);
}

static bool is_indexed(unsigned ty)
{
	return ty < INDEX_LOW || (ty >= INDEX_HIGH && ty - INDEX_HIGH < INDEX_LOW);
}

uint64_t store_typed_count(struct tx *tx, unsigned ty)
{
	return is_indexed(ty) ? set_of(tx->s, ty)->n : 0;
}

size_t store_typed(struct tx *tx, unsigned ty, uint32_t after, struct store_ref *out, size_t max)
{
	enum { BATCH = 64 };
	uint64_t key[BATCH];
	size_t n = is_indexed(ty) ? kset_above(set_of(tx->s, ty), after, key, max < BATCH ? max : BATCH) : 0;

	for (size_t i = 0; i < n; i++)
		out[i] = (struct store_ref){ (uint32_t)key[i], 0 };
	return n;
}

uint64_t store_below(struct tx *tx, const struct node *n)
{
	const struct usage *u = &tnode_of(n)->sum;

	(void)tx;
	return u->resources + u->instances;
}
