/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gives way when a subscriber's share is used up.  A heap over those of its subscriptions that hold something, made when it is
 * first asked for: most subscribers never need one.  A place in it may be too early, for a subscription moves back as what it holds
 * leaves; that is looked at when its turn has come.
 */
#include "cse/core/notify_priv.h"

#include <stdlib.h>

struct rank {
	struct nsub *s;
	uint64_t priority;
	int64_t since_ns, when; /* of the oldest: when it came, when it was changed */
};

/* The oldest that a subscription holds back: what waits to be sent is older than what is being collected. */
static struct items *oldest_of(struct nsub *s)
{
	return s->held.first ? &s->held : s->batch.first ? &s->batch : NULL;
}

static struct rank rank_of(struct nsub *s)
{
	const struct item *it = oldest_of(s)->first;

	return (struct rank){ s, s->p.priority, it->since_ns, it->fact->when };
}

/* TS-0001 9.6.8, 9.6.3: lower notificationStoragePriority goes first, then what came first. */
static bool is_before(const struct rank *a, const struct rank *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority;
	if (a->since_ns != b->since_ns)
		return a->since_ns < b->since_ns;
	return a->when != b->when ? a->when < b->when : a->s->rid < b->s->rid;
}

static void place(struct holder *h, size_t i, struct rank r)
{
	h->ranks[i] = r;
	r.s->rank = i + 1;
}

static void rise(struct holder *h, size_t i)
{
	struct rank r = h->ranks[i];

	for (; i > 0 && is_before(&r, &h->ranks[(i - 1) / 2]); i = (i - 1) / 2)
		place(h, i, h->ranks[(i - 1) / 2]);
	place(h, i, r);
}

static void sink(struct holder *h, size_t i)
{
	struct rank r = h->ranks[i];
	size_t k;

	while ((k = 2 * i + 1) < h->n_ranks) {
		if (k + 1 < h->n_ranks && is_before(&h->ranks[k + 1], &h->ranks[k]))
			k++;
		if (!is_before(&h->ranks[k], &r))
			break;
		place(h, i, h->ranks[k]);
		i = k;
	}
	place(h, i, r);
}

static void add(struct nsub *s)
{
	struct holder *h = s->holder;

	if (h->n_ranks == h->cap_ranks) {
		h->cap_ranks = h->cap_ranks ? 2 * h->cap_ranks : 64;
		h->ranks = realloc(h->ranks, h->cap_ranks * sizeof(*h->ranks));
		REQUIRE(h->ranks);
	}
	h->ranks[h->n_ranks] = rank_of(s);
	rise(h, h->n_ranks++);
}

void rank_add(struct nsub *s)
{
	if (s->holder->ranks && !s->rank)
		add(s);
}

void rank_leave(struct nsub *s)
{
	struct holder *h = s->holder;
	size_t i = s->rank;
	struct rank last;

	if (i == 0)
		return;
	s->rank = 0;
	last = h->ranks[--h->n_ranks];
	if (--i == h->n_ranks)
		return;
	place(h, i, last);
	rise(h, i);
	sink(h, last.s->rank - 1);
}

void rank_again(struct nsub *s)
{
	if (s->rank == 0)
		return;
	rank_leave(s);
	if (oldest_of(s))
		add(s);
}

static struct nsub *least(struct holder *h)
{
	if (!h->ranks)
		for (struct nsub *s = h->subs; s; s = s->kin)
			if (oldest_of(s))
				add(s);
	for (;;) {
		REQUIRE(h->n_ranks > 0);
		struct nsub *s = h->ranks[0].s;

		if (!oldest_of(s)) {
			rank_leave(s);
			continue;
		}
		struct rank now = rank_of(s);
		if (!is_before(&h->ranks[0], &now))
			return s;
		place(h, 0, now);
		sink(h, 0);
	}
}

void item_bound(struct notify *n, struct holder *h)
{
	while (h->n > n->max_held || (h->bytes > n->max_bytes && h->n > 1)) {
		struct nsub *s = least(h);

		item_drop(s, item_take(s, oldest_of(s)));
	}
}
