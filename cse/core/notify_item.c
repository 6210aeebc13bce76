/* SPDX-License-Identifier: Apache-2.0 */
/* What waits: items in their queues, and what one subscriber's subscriptions may hold back together. */
#include "cse/core/notify_priv.h"

#include <stdlib.h>

#include "cse/base/log.h"
#include "cse/base/stat.h"

/* Once in this time the log tells how many were dropped. */
#define SAY_NS INT64_C(10000000000)

/* --- items ------------------------------------------------------------------------------------------------------- */

static size_t bytes_of(const struct item *it)
{
	return sizeof(*it) + sizeof(*it->fact) + it->fact->size;
}

struct item *item_new(struct nsub *s, struct fact *f)
{
	struct item *it = malloc(sizeof(*it));

	REQUIRE(it);
	*it = (struct item){ .fact = f, .since_ns = loop_now_ns(s->lane->loop), .stored = f->kept };
	/* A record has its number for good; what was not told of by a commit comes behind what was. */
	if (f->no <= s->last_no && !f->kept)
		f->no = s->last_no + 1;
	if (f->no > s->last_no)
		s->last_no = f->no;
	if (it->stored)
		atomic_fetch_add_explicit(&s->lane->n->stored, 1, memory_order_relaxed);
	return it;
}

void item_put(struct items *q, struct item *it)
{
	it->next = NULL;
	*(q->last ? &q->last->next : &q->first) = it;
	q->last = it;
	q->n++;
	q->bytes += bytes_of(it);
}

void item_add(struct nsub *s, struct items *q, struct item *it)
{
	item_put(q, it);
	rank_add(s);
	s->holder->n++;
	s->holder->bytes += bytes_of(it);
	atomic_fetch_add_explicit(&s->lane->n->held, 1, memory_order_relaxed);
}

void item_uncount(struct nsub *s, const struct item *it)
{
	s->holder->n--;
	s->holder->bytes -= bytes_of(it);
	atomic_fetch_sub_explicit(&s->lane->n->held, 1, memory_order_relaxed);
}

struct item *item_take(struct nsub *s, struct items *q)
{
	struct item *it = q->first;

	if (!it)
		return NULL;
	q->first = it->next;
	if (!q->first)
		q->last = NULL;
	q->n--;
	q->bytes -= bytes_of(it);
	item_uncount(s, it);
	it->next = NULL;
	return it;
}

void item_done(struct nsub *s, struct item *it)
{
	if (it->stored)
		notify_store_remove(s, it);
	fact_free(it->fact);
	free(it);
}

void items_leave(struct nsub *s, struct items *q)
{
	for (struct item *it; (it = item_take(s, q));) {
		fact_free(it->fact);
		free(it);
	}
}

static void say(struct nlane *l)
{
	int64_t now = loop_now_ns(l->loop);

	l->unsaid++;
	if (l->said_ns && now - l->said_ns < SAY_NS)
		return;
	log_write(l->n->gate->o.log, LOG_NOTIFY_DROPPED, "%llu that subscriptions held back were too many (notify.max_held) since the last such line",
	          (unsigned long long)l->unsaid);
	l->said_ns = now;
	l->unsaid = 0;
}

void item_drop(struct nsub *s, struct item *it)
{
	struct nlane *l = s->lane;

	atomic_fetch_add_explicit(&l->n->dropped, 1, memory_order_relaxed);
	stat_add(l->stats, STAT_NTF_ENDED, 1);
	say(l);
	item_done(s, it);
}

void items_drop(struct nsub *s, struct items *q)
{
	for (struct item *it; (it = item_take(s, q));)
		item_drop(s, it);
}

/* --- subscribers --------------------------------------------------------------------------------------------------- */

struct holder *holder_get(struct nlane *l, struct str name)
{
	struct holder **at = &l->holders[str_hash(name, l->n->key) % NLANE_HOLDERS], *h;

	for (h = *at; h; h = h->next)
		if (str_eq(str_make(h->name, h->name_n), name))
			return h;
	h = malloc(sizeof(*h) + name.n);
	REQUIRE(h);
	*h = (struct holder){ .next = *at, .name_n = name.n };
	if (name.n)
		memcpy(h->name, name.p, name.n);
	*at = h;
	return h;
}

void holder_put(struct nlane *l, struct holder *h)
{
	struct holder **at = &l->holders[str_hash(str_make(h->name, h->name_n), l->n->key) % NLANE_HOLDERS];

	if (h->subs)
		return;
	REQUIRE(h->n == 0 && h->bytes == 0 && h->flying == 0);
	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	free(h->ranks);
	free(h);
}
