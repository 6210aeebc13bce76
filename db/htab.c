/* SPDX-License-Identifier: Apache-2.0 */
/* Linear hashing over segments: growing splits one bucket, nothing is ever moved at large. */
#include "db/htab_priv.h"

#include "db/mem_priv.h"

enum { HTAB_SEG = 256 };

static struct hlink **bucket(const struct htab *t, uint64_t i)
{
	return &t->seg[i / HTAB_SEG][i % HTAB_SEG];
}

static struct hlink **bucket_of(const struct htab *t, uint64_t hash)
{
	uint64_t i = hash & t->mask;

	if (i < t->split)
		i = hash & (t->mask * 2 + 1);
	return bucket(t, i);
}

static void add_segment(struct htab *t)
{
	if (t->nseg == t->capseg) {
		t->capseg = t->capseg ? t->capseg * 2 : 4;
		t->seg = mem_resize(t->seg, t->capseg, sizeof(*t->seg));
	}
	t->seg[t->nseg++] = mem_zget(HTAB_SEG * sizeof(struct hlink *));
}

void htab_init(struct htab *t)
{
	*t = (struct htab){ .mask = HTAB_SEG - 1 };
	add_segment(t);
}

void htab_fini(struct htab *t)
{
	for (uint32_t i = 0; i < t->nseg; i++)
		mem_put(t->seg[i]);
	mem_put(t->seg);
	*t = (struct htab){ .seg = NULL };
}

static void split(struct htab *t)
{
	uint64_t to = t->mask + 1 + t->split;

	if (to / HTAB_SEG >= t->nseg)
		add_segment(t);

	struct hlink **keep = bucket(t, t->split), **move = bucket(t, to);
	while (*keep) {
		struct hlink *l = *keep;
		if (l->hash & (t->mask + 1)) {
			*keep = l->next;
			l->next = *move;
			*move = l;
		} else {
			keep = &l->next;
		}
	}
	if (++t->split == t->mask + 1) {
		t->mask = t->mask * 2 + 1;
		t->split = 0;
	}
}

void htab_add(struct htab *t, struct hlink *l, uint64_t hash)
{
	struct hlink **b = bucket_of(t, hash);

	l->hash = hash;
	l->next = *b;
	*b = l;
	if (++t->n > t->mask + 1 + t->split)
		split(t);
}

void htab_del(struct htab *t, struct hlink *l)
{
	struct hlink **b = bucket_of(t, l->hash);

	while (*b != l) {
		REQUIRE(*b != NULL);
		b = &(*b)->next;
	}
	*b = l->next;
	l->next = NULL;
	t->n--;
}

struct hlink *htab_find(const struct htab *t, uint64_t hash)
{
	struct hlink *l = *bucket_of(t, hash);

	while (l && l->hash != hash)
		l = l->next;
	return l;
}

struct hlink *htab_next(const struct hlink *l)
{
	uint64_t hash = l->hash;
	struct hlink *n = l->next;

	while (n && n->hash != hash)
		n = n->next;
	return n;
}

uint64_t htab_buckets(const struct htab *t)
{
	return t->mask + 1 + t->split;
}

struct hlink *htab_bucket(const struct htab *t, uint64_t i)
{
	return *bucket(t, i);
}

size_t htab_bytes(const struct htab *t)
{
	return t->nseg * (size_t)HTAB_SEG * sizeof(struct hlink *) + t->capseg * sizeof(*t->seg);
}
