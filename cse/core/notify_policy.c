/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a notification goes: batches, rate, schedules, the newest only, what is pending.  TS-0004 7.5.1.2.2 steps 2 to 7,
 * TS-0001 10.2.10.7.  One queue: what left its batch waits in it, in order, until nothing holds it back.
 */
#include "cse/core/notify_priv.h"

#include "cse/base/clock.h"
#include "cse/core/event_priv.h"

/* Shots of one subscription on their way while their order counts; a wait for the wall clock is looked at so often. */
enum { WINDOW = 16 };
#define LOOK_NS INT64_C(60000000000)

/* --- the queue ------------------------------------------------------------------------------------------------------- */

/* How many items go together at the front. */
static size_t front(const struct items *q)
{
	size_t n = 0;

	for (const struct item *it = q->first; it && it->batch == q->first->batch; it = it->next) {
		n++;
		if (!it->batch)
			break;
	}
	return n;
}

/* Only the newest one that goes out stays. */
static void keep_newest(struct nsub *s, bool latest)
{
	size_t n;

	while ((n = front(&s->held)) < s->held.n)
		while (n--)
			item_drop(s, item_take(s, &s->held));
	for (struct item *it = s->held.first; it; it = it->next)
		it->latest |= latest;
}

/* Those that were kept because a schedule did not let them pass. */
static void drop_pending(struct nsub *s)
{
	struct items all = s->held;

	s->held = (struct items){ .first = NULL };
	while (all.first) {
		struct item *it = all.first;

		all.first = it->next;
		it->next = NULL;
		if (it->pending) {
			item_uncount(s, it);
			item_drop(s, it);
		} else {
			item_put(&s->held, it);
		}
	}
}

static void hold(struct nsub *s, struct item *it, uint64_t batch)
{
	it->batch = batch;
	item_add(s, &s->held, it);
}

void notify_policy_flush(struct nsub *s)
{
	uint64_t number = ++s->batches;

	for (struct item *it; (it = item_take(s, &s->batch));)
		hold(s, it, number);
	s->batch_events = 0;
	s->batch_end_ns = 0;
}

static void collect(struct nsub *s, struct item *it)
{
	if (s->p.latest)
		items_drop(s, &s->batch);
	item_add(s, &s->batch, it);
	if (s->batch_events++ == 0)
		s->batch_end_ns = loop_now_ns(s->lane->loop) + s->p.duration_ns;
	if (s->p.num && s->batch_events >= s->p.num)
		notify_policy_flush(s);
}

/* --- what holds back ------------------------------------------------------------------------------------------------- */

struct look {
	int64_t now_ns, wake_ns; /* wake: INT64_MAX: nothing but an event can change it */
	uint64_t targets;        /* that can be reached */
};

static void wake_at(struct look *k, int64_t at_ns)
{
	if (at_ns < k->wake_ns)
		k->wake_ns = at_ns;
}

static void drop_old(struct nsub *s, struct look *k)
{
	if (!s->p.age_ns)
		return;
	while (s->held.first && s->held.first->since_ns + s->p.age_ns <= k->now_ns)
		item_drop(s, item_take(s, &s->held));
	while (s->batch.first && s->batch.first->since_ns + s->p.age_ns <= k->now_ns)
		item_drop(s, item_take(s, &s->batch));
	if (!s->batch.first) {
		s->batch_events = 0;
		s->batch_end_ns = 0;
	}
	if (s->held.first)
		wake_at(k, s->held.first->since_ns + s->p.age_ns);
}

/* Steps 3 and 4: what may not be sent now is kept as pendingNotification says, or goes.  What is kept waits for all of its
 * targets. */
static bool closed(struct nsub *s, struct look *k)
{
	int64_t now = clock_wall_us(s->lane->n->gate->o.clock), wait;
	struct reach r;

	notify_reach_look(s, now, &r);
	k->targets = r.targets;
	if (r.at <= now || (s->p.pending == PENDING_NONE && r.own && r.targets))
		return false;
	if (s->p.pending == PENDING_NONE) {
		items_drop(s, &s->held);
		return true;
	}
	if (s->p.pending == PENDING_LATEST)
		keep_newest(s, true);
	for (struct item *it = s->held.first; it; it = it->next)
		it->pending = true;
	wait = r.at - now < LOOK_NS / 1000 ? (r.at - now) * 1000 : LOOK_NS;
	wake_at(k, k->now_ns + wait);
	return true;
}

/* Windows follow one another; one begins with the first notification behind the last. */
static bool too_many(struct nsub *s, struct look *k)
{
	if (!s->p.limited)
		return false;
	if (s->window_end_ns <= k->now_ns) {
		s->in_window = 0;
		s->window_end_ns = 0;
	}
	if (s->in_window < s->p.max)
		return false;
	wake_at(k, s->window_end_ns ? s->window_end_ns : INT64_MAX);
	return true;
}

static bool is_ordered(const struct nsub *s)
{
	return s->p.batch || s->p.pending != PENDING_NONE;
}

static bool must_wait(struct nsub *s, struct look *k)
{
	/* Each shot on its way may be the last one that counts. */
	if (s->p.counted && s->n_shots >= s->left)
		return true;
	if (s->last)
		return false;
	if (is_ordered(s) && s->n_shots >= WINDOW)
		return true;
	/* A queue for each target is no bound for who names many. */
	if (s->holder->flying >= s->lane->n->max_held) {
		s->holder->full = true;
		return true;
	}
	if (notify_store_stalls(s))
		return true;
	return too_many(s, k);
}

/* What has waited may be no longer for its creator's eyes. */
static bool may_be_told(const struct item *it, const struct look *k)
{
	const struct fact *f = it->fact;

	return !f->reads || it->since_ns == k->now_ns || event_reads_still(f->gate, f->sub, f->reads);
}

static void send_front(struct nsub *s, struct look *k)
{
	size_t n = 0;
	struct item *first = NULL, **at = &first, *it;
	bool batch = s->held.first->batch != 0, latest = s->p.latest;

	for (size_t left = front(&s->held); left > 0; left--) {
		it = item_take(s, &s->held);
		if (!may_be_told(it, k)) {
			item_drop(s, it);
			continue;
		}
		latest |= it->latest;
		*at = it;
		at = &it->next;
		n++;
	}
	if (n == 0)
		return;
	if (s->p.limited) {
		if (!s->window_end_ns)
			s->window_end_ns = k->now_ns + s->p.window_ns;
		s->in_window += n;
	}
	notify_send(s, first, n, batch, latest ? EC_LATEST : s->p.ec, k->targets);
}

static void wake(struct loop *l, struct loop_timer *t)
{
	struct nsub *s = CONTAINER_OF(t, struct nsub, wake);

	(void)l;
	CHECK(s, NSUB);
	notify_policy_run(s);
}

void notify_policy_run(struct nsub *s)
{
	struct look k = { .now_ns = loop_now_ns(s->lane->loop), .wake_ns = INT64_MAX };

	if (s->gone || s->silent || s->ending)
		return;
	if (s->batch_end_ns && s->batch_end_ns <= k.now_ns)
		notify_policy_flush(s);
	drop_old(s, &k);
	if (s->held.first && !closed(s, &k)) {
		while (s->held.first && !must_wait(s, &k))
			send_front(s, &k);
		if (s->held.first && (s->p.latest || (s->holder->full && !is_ordered(s) && !s->p.limited)))
			keep_newest(s, false);
	}
	if (s->batch_end_ns)
		wake_at(&k, s->batch_end_ns);
	if (k.wake_ns == INT64_MAX)
		loop_timer_cancel(s->lane->loop, &s->wake);
	else
		loop_timer_set(s->lane->loop, &s->wake, k.wake_ns, wake);
}

/* --- events ---------------------------------------------------------------------------------------------------------- */

void notify_policy_take(struct nsub *s, struct item *it)
{
	/* Nothing will come behind the last word, and nobody will be there to wait. */
	s->last = it->fact->gone;
	if (s->p.pending != PENDING_NONE && !it->stored && !s->last)
		notify_store_put(s, it);
	if (s->p.batch)
		collect(s, it);
	else
		hold(s, it, 0);
	if (s->last && s->batch.first)
		notify_policy_flush(s);
	item_bound(s->lane->n, s->holder);
	notify_policy_run(s);
}

void notify_policy_restore(struct nsub *s, struct item *it)
{
	if (s->p.batch)
		collect(s, it);
	else
		hold(s, it, 0);
	/* The record of the one before may still have been there. */
	if (s->p.pending == PENDING_LATEST && s->held.first)
		keep_newest(s, true);
	item_bound(s->lane->n, s->holder);
	loop_timer_set(s->lane->loop, &s->wake, loop_now_ns(s->lane->loop), wake);
}

/* TS-0004 7.4.8.2.3, TS-0001 10.2.10.4. */
void notify_policy_changed(struct nsub *s, const struct npolicy *before)
{
	const struct npolicy *p = &s->p;

	if (p->priority != before->priority)
		rank_again(s);
	if (before->pending != PENDING_NONE && p->pending == PENDING_NONE)
		drop_pending(s);
	if (s->held.first && ((before->pending == PENDING_ALL && p->pending == PENDING_LATEST) ||
	                      (!before->latest && p->latest)))
		keep_newest(s, p->latest);
	if (s->batch.first && !before->latest && p->latest)
		while (s->batch.n > 1)
			item_drop(s, item_take(s, &s->batch));
	if (s->batch.first && (!p->batch || (p->num && s->batch_events >= p->num)))
		notify_policy_flush(s);
	if (s->batch.first && p->duration_ns != before->duration_ns)
		s->batch_end_ns = loop_now_ns(s->lane->loop) + p->duration_ns;
	if (p->limited != before->limited || p->max != before->max || p->window_ns != before->window_ns) {
		s->window_end_ns = 0;
		s->in_window = 0;
	}
	notify_policy_run(s);
}
