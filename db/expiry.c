/* SPDX-License-Identifier: Apache-2.0 */
/* What has outlived its time, by three heaps: nodes, containers with a maximum age, instances with an et of their own. */
#include "db/tree_priv.h"

enum { VISITS = 1024 };

struct found {
	struct tx *tx;
	const struct node **out;
	size_t n, max;
};

static int expired_node(void *arg, struct heap_item *it)
{
	struct found *f = arg;
	const struct tnode *n = CONTAINER_OF(it, struct tnode, et);

	tx_saw(f->tx, n);
	if (n->flags & N_DURABLE && !node_is_gone(n))
		f->out[f->n++] = &n->pub;
	return f->n < f->max;
}

size_t store_expired(struct tx *tx, int64_t now_us, const struct node **out, size_t max)
{
	struct found f = { .tx = tx, .out = out, .max = max };

	if (max && !atomic_load_explicit(&tx->s->paused, memory_order_relaxed))
		heap_each_upto(&tx->s->expiry, now_us, VISITS, expired_node, &f);
	return f.n;
}

static int64_t sooner(const struct heap *h, int64_t than)
{
	const struct heap_item *it = heap_min(h);

	return it && it->key < than ? it->key : than;
}

int64_t store_next_expiry(struct tx *tx)
{
	struct store *s = tx->s;

	return sooner(&s->expiry, sooner(&s->stale, sooner(&s->inst_expiry, INT64_MAX)));
}

static bool add(struct found *f, const struct tnode *n)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->out[i] == &n->pub)
			return true;
	if (f->n == f->max)
		return false;
	f->out[f->n++] = &n->pub;
	return true;
}

static int expired_instance(void *arg, struct heap_item *it)
{
	struct found *f = arg;
	const struct side *sd = CONTAINER_OF(it, struct side, et);
	struct ipos p;

	if (!sd->in->node)
		return true;
	tx_saw(f->tx, sd->in->node);
	if (sd->in->node->in != sd->in || !insts_find(sd->in, VIEW_PENDING, sd->id, &p) || node_is_gone(sd->in->node))
		return true;
	return add(f, sd->in->node);
}

/* A key is the earliest moment at which the oldest may be too old; here it is found out and corrected. */
static void stale_containers(struct found *f, int64_t now_us)
{
	struct store *s = f->tx->s;
	struct insts *again[64];
	unsigned n_again = 0;
	struct heap_item *it;
	struct ipos p;

	while (f->n < f->max && n_again < 64 && (it = heap_min(&s->stale)) && it->key <= now_us) {
		struct insts *in = CONTAINER_OF(it, struct insts, mia);
		int64_t key;
		heap_del(&s->stale, it);
		tx_saw(f->tx, in->node);
		if (!insts_first(in, VIEW_PENDING, 0, &p))
			continue;
		key = insts_at(in, p).ms * 1000 + in->mia_us;
		if (key > now_us) {
			heap_add(&s->stale, it, key);
			continue;
		}
		again[n_again++] = in;
		if (!node_is_gone(in->node))
			add(f, in->node);
		it->key = key;
	}
	while (n_again) {
		struct insts *in = again[--n_again];
		heap_add(&s->stale, &in->mia, in->mia.key);
	}
}

size_t store_stale(struct tx *tx, int64_t now_us, const struct node **out, size_t max)
{
	struct found f = { .tx = tx, .out = out, .max = max };

	if (!max || atomic_load_explicit(&tx->s->paused, memory_order_relaxed))
		return 0;
	stale_containers(&f, now_us);
	heap_each_upto(&tx->s->inst_expiry, now_us, VISITS, expired_instance, &f);
	return f.n;
}
