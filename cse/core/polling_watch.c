/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Once a second on loop 0, in slices: a channel that was deleted or has expired ends with all that waits in it, and so does
 * what waits for an owner whose credential is not active any more (security-model 2.5).
 */
#include "cse/core/polling.h"

#include "cse/base/err.h"
#include "cse/core/polling_priv.h"

enum { SLICE = 128 };
#define PERIOD_NS INT64_C(1000000000)

/* --- one channel --------------------------------------------------------------------------------------------------- */

static void end_errands(struct channel *c, int err)
{
	for (bool more = c->first != NULL; more;) {
		more = c->n_errands > 1;
		polling_end(c->first, err); /* with the last one and no poll the channel goes */
	}
}

/* Deleted: the polls find out by themselves. */
static void end_channel(struct polling *p, struct channel *c)
{
	while (c->polls)
		polling_wake_one(c->polls);
	if (c->first)
		end_errands(c, E_ABSENT);
	else
		polling_tidy(p, c);
}

static void wake_dead(struct polling *p, struct channel *c)
{
	for (struct poll *w = c->polls, *next; w; w = next) {
		next = w->next;
		if (!peer_is_live(p->gate->o.security, w->r->peer))
			polling_wake_one(w);
	}
}

/* What was found of a channel in the tree. */
struct finding {
	uint32_t rid;
	bool errands, gone, dead;
};

static void look_up(struct polling *p, struct tx *tx, struct finding *f)
{
	const struct node *n = store_by_rid(tx, f->rid);
	struct cred_info cred;

	f->gone = !n || n->type->ty != TY_PCH;
	if (!f->gone && f->errands && cred_of_name(p->gate->o.security, &p->arena, node_ri(tx, n->parent), &cred))
		f->dead = !cred_state_speaks(cred.state);
}

static void act(struct polling *p, const struct finding *f)
{
	struct channel *c = polling_find(p, f->rid, false);

	if (!c)
		return;
	if (f->gone) {
		end_channel(p, c);
		return;
	}
	wake_dead(p, c);
	polling_wake(c); /* for one that was woken and went */
	if (f->dead && c->first)
		end_errands(c, E_DENIED);
	else
		polling_tidy(p, c);
}

/* --- all of them --------------------------------------------------------------------------------------------------- */

/* Channels of whole buckets, so that none is left out; *more: too many, the rest at the next turn. */
static size_t collect(struct polling *p, struct finding *out, size_t max)
{
	size_t n = 0;

	for (; p->at < POLLING_BUCKETS; p->at++) {
		size_t have = n;

		for (const struct channel *c = p->bucket[p->at]; c; c = c->next) {
			if (n == max)
				return have ? have : n;
			out[n++] = (struct finding){ .rid = c->rid, .errands = c->first != NULL };
		}
	}
	return n;
}

static void slice(struct loop *l, struct loop_task *t);
static void tick(struct loop *l, struct loop_timer *t);

static void step(struct polling *p)
{
	struct loop *l = p->loop;
	struct finding found[SLICE];
	unsigned before = p->at;
	struct tx *tx;
	size_t n;

	pthread_mutex_lock(&p->lock);
	n = collect(p, found, SLICE);
	pthread_mutex_unlock(&p->lock);
	if (n > 0) {
		arena_reset(&p->arena);
		tx = store_begin(p->gate->o.store, &p->arena, TX_READ);
		for (size_t i = 0; i < n; i++)
			look_up(p, tx, &found[i]);
		store_end(tx);
		pthread_mutex_lock(&p->lock);
		for (size_t i = 0; i < n; i++)
			act(p, &found[i]);
		pthread_mutex_unlock(&p->lock);
	}
	/* A bucket with more than a slice: its rest must wait for those before to go. */
	p->at += p->at == before && p->at < POLLING_BUCKETS;
	if (p->at < POLLING_BUCKETS)
		loop_post(l, &p->turn, slice);
	else
		loop_timer_set(l, &p->timer, loop_now_ns(l) + PERIOD_NS, tick);
}

static void slice(struct loop *l, struct loop_task *t)
{
	(void)l;
	step(CONTAINER_OF(t, struct polling, turn));
}

static void tick(struct loop *l, struct loop_timer *t)
{
	struct polling *p = CONTAINER_OF(t, struct polling, timer);

	(void)l;
	p->at = 0;
	step(p);
}

void polling_watch(struct polling *p)
{
	p->loop = p->gate->o.loops[0];
	loop_timer_set(p->loop, &p->timer, loop_now_ns(p->loop) + PERIOD_NS, tick);
}

void polling_watch_end(struct polling *p)
{
	loop_timer_cancel(p->loop, &p->timer);
}
