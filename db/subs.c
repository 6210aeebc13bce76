/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subscriptions of each resource, so that a change knows them without a look at the other children.  A list follows
 * pending state; readers hold it beyond the lock, so one that is shared is copied before it changes.
 */
#include "db/store.h"

#include "db/tree_priv.h"

enum { SUBS_FIRST = 4 };

static size_t list_bytes(uint32_t cap)
{
	return sizeof(struct subs) + cap * sizeof(struct sub);
}

struct subs *subs_ref(struct subs *l)
{
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
	return l;
}

void subs_unref(struct subs *l)
{
	if (!l || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (uint32_t i = 0; i < l->n; i++)
		res_unref(l->v[i].res);
	mem_put(l);
}

/* A list of our own with room for one more. */
static struct subs *own(struct store *s, struct tnode *p)
{
	struct subs *l = p->pub.subs, *copy;
	uint32_t cap = !l ? SUBS_FIRST : l->n < l->cap ? l->cap : 2 * l->cap;

	/* Others only let go of it: who else would take a reference needs the lock. */
	if (l && l->n < l->cap && atomic_load_explicit(&l->refs, memory_order_acquire) == 1)
		return l;
	copy = mem_get(list_bytes(cap));
	atomic_init(&copy->refs, 1);
	copy->n = l ? l->n : 0;
	copy->cap = cap;
	for (uint32_t i = 0; i < copy->n; i++)
		copy->v[i] = (struct sub){ l->v[i].rid, res_ref(l->v[i].res) };
	s->tree_bytes += list_bytes(cap) - (l ? list_bytes(l->cap) : 0);
	subs_unref(l);
	return p->pub.subs = copy;
}

/* Where it is, or would be. */
static uint32_t place(const struct subs *l, uint32_t rid)
{
	uint32_t lo = 0, hi = l ? l->n : 0;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (l->v[mid].rid < rid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void subs_put(struct store *s, struct tnode *n)
{
	struct tnode *p;
	struct subs *l;
	uint32_t i;

	if (!is_sub(n))
		return;
	p = tnode_of(n->pub.parent);
	l = own(s, p);
	i = place(l, n->pub.rid);
	if (i < l->n && l->v[i].rid == n->pub.rid) {
		res_unref(l->v[i].res);
	} else {
		memmove(&l->v[i + 1], &l->v[i], (l->n - i) * sizeof(*l->v));
		l->n++;
	}
	l->v[i] = (struct sub){ n->pub.rid, res_ref(n->pend) };
}

void subs_del(struct store *s, struct tnode *n)
{
	struct tnode *p;
	struct subs *l;
	uint32_t i;

	if (!is_sub(n))
		return;
	p = tnode_of(n->pub.parent);
	l = p->pub.subs;
	i = place(l, n->pub.rid);
	if (!l || i == l->n || l->v[i].rid != n->pub.rid)
		return;
	l = own(s, p);
	res_unref(l->v[i].res);
	memmove(&l->v[i], &l->v[i + 1], (l->n - i - 1) * sizeof(*l->v));
	if (--l->n)
		return;
	s->tree_bytes -= list_bytes(l->cap);
	p->pub.subs = NULL;
	subs_unref(l);
}

void subs_drop(struct store *s, struct tnode *n)
{
	if (!n->pub.subs)
		return;
	s->tree_bytes -= list_bytes(n->pub.subs->cap);
	subs_unref(n->pub.subs);
	n->pub.subs = NULL;
}

void store_each_sub(struct store *s, void (*fn)(void *arg, struct tx *tx, const struct node *sub), void *arg)
{
	struct arena a;

	arena_init(&a, 4096);
	for (uint64_t i = 0; i < htab_buckets(&s->by_rid); i++) {
		struct tx *tx = store_begin(s, &a, TX_READ);

		for (struct hlink *l = htab_bucket(&s->by_rid, i), *next; l; l = next) {
			struct tnode *n = CONTAINER_OF(l, struct tnode, by_rid);
			next = l->next;
			if (is_sub(n) && store_by_rid(tx, n->pub.rid))
				fn(arg, tx, &n->pub);
		}
		store_end(tx);
		arena_reset(&a);
	}
	arena_fini(&a);
}
