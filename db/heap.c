/* SPDX-License-Identifier: Apache-2.0 */
/* The heap of moments: place i has its children at 2i+1 and 2i+2. */
#include "db/heap_priv.h"

#include "db/mem_priv.h"

enum { HEAP_SEG = 512 };

static struct heap_item **at(const struct heap *h, uint32_t i)
{
	return &h->seg[i / HEAP_SEG][i % HEAP_SEG];
}

static void place(struct heap *h, uint32_t i, struct heap_item *it)
{
	*at(h, i) = it;
	it->pos = i + 1;
}

void heap_init(struct heap *h)
{
	*h = (struct heap){ .n = 0 };
}

void heap_fini(struct heap *h)
{
	for (uint32_t i = 0; i < h->nseg; i++)
		mem_put(h->seg[i]);
	mem_put(h->seg);
	heap_init(h);
}

static void up(struct heap *h, uint32_t i, struct heap_item *it)
{
	while (i) {
		uint32_t p = (i - 1) / 2;
		struct heap_item *above = *at(h, p);
		if (above->key <= it->key)
			break;
		place(h, i, above);
		i = p;
	}
	place(h, i, it);
}

static void down(struct heap *h, uint32_t i, struct heap_item *it)
{
	for (;;) {
		uint32_t c = 2 * i + 1;
		if (c >= h->n)
			break;
		struct heap_item *below = *at(h, c);
		if (c + 1 < h->n && (*at(h, c + 1))->key < below->key)
			below = *at(h, ++c);
		if (it->key <= below->key)
			break;
		place(h, i, below);
		i = c;
	}
	place(h, i, it);
}

void heap_add(struct heap *h, struct heap_item *it, int64_t key)
{
	REQUIRE(it->pos == 0);
	if (h->n == h->nseg * HEAP_SEG) {
		if (h->nseg == h->capseg) {
			h->capseg = h->capseg ? h->capseg * 2 : 4;
			h->seg = mem_resize(h->seg, h->capseg, sizeof(*h->seg));
		}
		h->seg[h->nseg++] = mem_get(HEAP_SEG * sizeof(struct heap_item *));
	}
	it->key = key;
	up(h, h->n++, it);
}

void heap_del(struct heap *h, struct heap_item *it)
{
	if (!it->pos)
		return;

	uint32_t i = it->pos - 1;
	struct heap_item *last = *at(h, --h->n);

	it->pos = 0;
	if (last == it)
		return;
	if (i && (*at(h, (i - 1) / 2))->key > last->key)
		up(h, i, last);
	else
		down(h, i, last);
}

struct heap_item *heap_min(const struct heap *h)
{
	return h->n ? *at(h, 0) : NULL;
}

void heap_each_upto(const struct heap *h, int64_t bound, uint32_t visits, int (*fn)(void *, struct heap_item *), void *arg)
{
	uint32_t todo[64]; /* depth first: one waiting sibling per level, 32 levels */
	unsigned n = 0;

	if (h->n)
		todo[n++] = 0;
	while (n && visits--) {
		uint32_t i = todo[--n];
		struct heap_item *it = *at(h, i);
		if (it->key > bound)
			continue;
		if (!fn(arg, it))
			return;
		if (2 * (uint64_t)i + 2 < h->n)
			todo[n++] = 2 * i + 2;
		if (2 * (uint64_t)i + 1 < h->n)
			todo[n++] = 2 * i + 1;
	}
}
