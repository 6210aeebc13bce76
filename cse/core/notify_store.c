/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notifications that must not be lost are records until they have been delivered: written with the very change that they
 * tell of, read at the next start in their order.  What was delivered and not removed yet when the CSE ended goes out again.
 */
#include "cse/core/notify_priv.h"

#include <stdlib.h>

#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/core/event_priv.h"
#include "cse/core/notify_record.h"

/* Records in one transaction: a short hold of the tree's lock. */
enum { RECORDS = 128, RECORD_BYTES = 256 << 10, SUB_FACTS = 256, REMOVALS = 256 };
#define RETRY_NS INT64_C(1000000000)

/* --- whose notifications are kept ------------------------------------------------------------------------------------ */

static size_t slot_of(const struct notify *n, uint32_t rid)
{
	size_t i = (rid * 2654435761u) & (n->keeping_cap - 1);

	while (n->keeping[i] && n->keeping[i] != rid)
		i = (i + 1) & (n->keeping_cap - 1);
	return i;
}

static void grow(struct notify *n)
{
	uint32_t *old = n->keeping;
	size_t cap = n->keeping_cap;

	n->keeping_cap = cap ? 2 * cap : 64;
	n->keeping = calloc(n->keeping_cap, sizeof(*n->keeping));
	REQUIRE(n->keeping);
	for (size_t i = 0; i < cap; i++)
		if (old[i])
			n->keeping[slot_of(n, old[i])] = old[i];
	free(old);
}

/* Those behind it in the same run move up, so that none is cut off. */
static void take_out(struct notify *n, size_t i)
{
	size_t mask = n->keeping_cap - 1;

	n->keeping[i] = 0;
	for (i = (i + 1) & mask; n->keeping[i]; i = (i + 1) & mask) {
		uint32_t rid = n->keeping[i];

		n->keeping[i] = 0;
		n->keeping[slot_of(n, rid)] = rid;
	}
}

void notify_keep_set(struct notify *n, uint32_t rid, bool on)
{
	size_t i;

	pthread_mutex_lock(&n->lock);
	if (2 * (n->n_keeping + 1) > n->keeping_cap)
		grow(n);
	i = slot_of(n, rid);
	if (on && !n->keeping[i]) {
		n->keeping[i] = rid;
		n->n_keeping++;
	} else if (!on && n->keeping[i]) {
		take_out(n, i);
		n->n_keeping--;
	}
	atomic_store_explicit(&n->any_keeping, n->n_keeping, memory_order_relaxed);
	pthread_mutex_unlock(&n->lock);
}

static bool keeps(struct notify *n, uint32_t rid)
{
	bool yes = false;

	if (!atomic_load_explicit(&n->any_keeping, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&n->lock);
	if (n->keeping_cap)
		yes = n->keeping[slot_of(n, rid)] == rid;
	pthread_mutex_unlock(&n->lock);
	return yes;
}

/* --- records --------------------------------------------------------------------------------------------------------- */

void notify_key(char key[NOTIFY_KEY], uint32_t rid, uint64_t no)
{
	for (int i = 0; i < 4; i++)
		key[i] = (char)(rid >> (24 - 8 * i));
	for (int i = 0; i < 8; i++)
		key[4 + i] = (char)(no >> (56 - 8 * i));
}

void notify_keep(struct notify *n, struct commit *c, unsigned index, struct fact *f)
{
	struct buf value;
	char key[NOTIFY_KEY];

	CHECK(n, NOTIFY);
	f->no = atomic_load_explicit(&n->base, memory_order_relaxed) + store_commit_seq(c) * SUB_FACTS + index % SUB_FACTS;
	if (f->gone || !keeps(n, f->sub))
		return;
	buf_init(&value, STORE_REC_MAX);
	notify_record_write(f, &value);
	if (!value.over) {
		notify_key(key, f->sub, f->no);
		store_rec_add(n->gate->o.store, c, REC_PENDING, str_make(key, sizeof(key)), buf_as_str(&value));
		f->kept = true;
	}
	buf_fini(&value);
}

/* --- those that the loop writes --------------------------------------------------------------------------------------- */

static void flush(struct nlane *l);

static void flush_soon(struct loop *loop, struct loop_task *t)
{
	(void)loop;
	flush(CONTAINER_OF(t, struct nlane, rec_task));
}

static void retry(struct loop *loop, struct loop_timer *t)
{
	(void)loop;
	flush(CONTAINER_OF(t, struct nlane, rec_retry));
}

static void append(struct rec_jobs *q, struct rec_job *j)
{
	j->next = NULL;
	*(q->last ? &q->last->next : &q->first) = j;
	q->last = j;
}

static struct rec_job *take(struct rec_jobs *q)
{
	struct rec_job *j = q->first;

	if (j && !(q->first = j->next))
		q->last = NULL;
	return j;
}

static void clear(struct nlane *l, struct rec_jobs *q)
{
	for (struct rec_job *j; (j = take(q));) {
		l->n_recs--;
		if (j->counted)
			atomic_fetch_sub_explicit(&l->n->stored, 1, memory_order_relaxed);
		free(j);
	}
}

static struct rec_job *add_job(struct nlane *l, uint32_t rid, uint64_t no, struct str value)
{
	struct rec_job *j = malloc(sizeof(*j) + value.n);

	REQUIRE(j);
	notify_key(j->key, rid, no);
	j->n = value.n;
	j->counted = false;
	if (value.n)
		memcpy(j->value, value.p, value.n);
	append(&l->recs, j);
	l->n_recs++;
	if (!l->rec_busy)
		loop_defer(l->loop, &l->rec_task, flush_soon);
	return j;
}

bool notify_store_stalls(struct nsub *s)
{
	struct nlane *l = s->lane;

	if (s->p.pending == PENDING_NONE || l->n_recs < REMOVALS)
		return false;
	if (!s->stalled) {
		s->stalled = true;
		s->stalled_next = l->stalled;
		l->stalled = s;
	}
	return true;
}

void notify_store_forget(struct nsub *s)
{
	for (struct nsub **at = &s->lane->stalled; *at; at = &(*at)->stalled_next)
		if (*at == s) {
			*at = s->stalled_next;
			return;
		}
}

static void go_on(struct nlane *l)
{
	struct nsub *s = l->stalled, *next;

	l->stalled = NULL;
	for (; s; s = next) {
		next = s->stalled_next;
		s->stalled = false;
		notify_policy_run(s);
	}
}

static void recorded(struct commit *c, int err)
{
	struct nlane *l = CONTAINER_OF(c, struct nlane, rec_commit);

	CHECK(l, NLANE);
	l->rec_busy = false;
	if (err) {
		/* In front of those that came since: the order of one record's jobs counts. */
		struct rec_jobs later = l->recs;

		l->recs = l->writing;
		l->writing = (struct rec_jobs){ .first = NULL };
		for (struct rec_job *j; (j = take(&later));)
			append(&l->recs, j);
		loop_timer_set(l->loop, &l->rec_retry, loop_now_ns(l->loop) + RETRY_NS, retry);
		return;
	}
	clear(l, &l->writing);
	if (l->recs.first)
		loop_defer(l->loop, &l->rec_task, flush_soon);
	if (l->n_recs < REMOVALS)
		go_on(l);
}

static struct tx *put_some(struct nlane *l)
{
	struct tx *tx;
	size_t bytes = 0;

	arena_reset(&l->arena);
	tx = store_begin(l->n->gate->o.store, &l->arena, TX_WRITE);
	for (size_t i = 0; i < RECORDS && bytes < RECORD_BYTES && l->recs.first; i++) {
		struct rec_job *j = take(&l->recs);

		store_rec_put(tx, REC_PENDING, str_make(j->key, sizeof(j->key)), str_make(j->value, j->n));
		bytes += j->n;
		append(&l->writing, j);
	}
	return tx;
}

static void flush(struct nlane *l)
{
	struct tx *tx;

	if (l->rec_busy || !l->recs.first)
		return;
	tx = put_some(l);
	l->rec_commit = (struct commit){ .magic = COMMIT_MAGIC, .loop = l->loop, .done = recorded };
	l->rec_busy = store_commit(tx, &l->rec_commit) != 0;
	REQUIRE(l->rec_busy);
	store_ready(l->n->gate->o.store, &l->rec_commit);
}

void notify_store_put(struct nsub *s, struct item *it)
{
	struct buf value;

	buf_init(&value, STORE_REC_MAX);
	notify_record_write(it->fact, &value);
	if (!value.over) {
		add_job(s->lane, s->rid, it->fact->no, buf_as_str(&value));
		it->stored = true;
		atomic_fetch_add_explicit(&s->lane->n->stored, 1, memory_order_relaxed);
	}
	buf_fini(&value);
}

void notify_store_remove(struct nsub *s, struct item *it)
{
	add_job(s->lane, s->rid, it->fact->no, STR_NONE)->counted = true;
}

static void stored(struct commit *c, int err)
{
	(void)c;
	(void)err;
}

void notify_store_fini(struct nlane *l)
{
	struct store *store = l->n->gate->o.store;

	loop_timer_cancel(l->loop, &l->rec_retry);
	loop_defer_cancel(l->loop, &l->rec_task);
	/* The loops have stopped: what is under way is known to be done. */
	clear(l, &l->writing);
	while (l->recs.first) {
		struct commit c = { .magic = COMMIT_MAGIC, .done = stored };
		struct tx *tx = put_some(l);

		REQUIRE(store_commit(tx, &c) != 0);
		store_ready(store, &c);
		store_flush(store);
		clear(l, &l->writing);
	}
}

void notify_store_end(struct nlane *l, uint32_t rid)
{
	add_job(l, rid, NOTIFY_END, STR_NONE);
}

void notify_discard(struct notify *n, struct fact *f)
{
	CHECK(f, FACT);
	if (f->kept)
		add_job(&n->lanes[f->sub % n->n_lanes], f->sub, f->no, STR_NONE);
	fact_free(f);
}

/* --- a start --------------------------------------------------------------------------------------------------------- */

struct restoring {
	struct notify *n;
	uint64_t last;
};

/* Since the change; for maxAge, which no restart makes longer. */
static int64_t waited_ns(const struct notify *n, const struct fact *f)
{
	int64_t us = clock_wall_us(n->gate->o.clock) - f->when;

	return us > 0 && us < INT64_MAX / 2000 ? us * 1000 : 0;
}

/* It goes the way of one that has just been deleted. */
static int restore_last(struct notify *n, struct nlane *l, uint32_t rid, struct str value)
{
	struct notify_last w;
	int err;

	arena_reset(&l->arena);
	err = notify_record_read_last(&l->arena, value, &w);
	if (err)
		return err;
	life_restore(n->gate, rid, &w);
	return 0;
}

static int restore_one(void *arg, struct str key, struct str value)
{
	struct restoring *r = arg;
	struct notify *n = r->n;
	struct nlane *l;
	struct nsub *s;
	struct fact *f;
	struct item *it;
	uint64_t rid = 0, no = 0;

	if (key.n != NOTIFY_KEY)
		return E_CORRUPT;
	for (size_t i = 0; i < 4; i++)
		rid = rid << 8 | (unsigned char)key.p[i];
	for (size_t i = 4; i < NOTIFY_KEY; i++)
		no = no << 8 | (unsigned char)key.p[i];
	l = &n->lanes[rid % n->n_lanes];
	if (no >= NOTIFY_LAST)
		return restore_last(n, l, (uint32_t)rid, value);
	if (no > r->last)
		r->last = no;
	s = notify_find(l, (uint32_t)rid);
	if (!s || s->silent || s->p.pending == PENDING_NONE) {
		add_job(l, (uint32_t)rid, no, STR_NONE);
		return 0;
	}
	arena_reset(&l->arena);
	if (notify_record_read(&l->arena, value, &f) != 0)
		return E_CORRUPT;
	f->gate = n->gate;
	f->sub = (uint32_t)rid;
	f->no = no;
	f->kept = true;
	it = item_new(s, f);
	it->since_ns -= waited_ns(n, f);
	notify_policy_restore(s, it);
	return 0;
}

int notify_store_restore(struct notify *n, struct why *why)
{
	struct restoring r = { .n = n };
	int err = store_rec_each(n->gate->o.store, REC_PENDING, restore_one, &r);

	if (err)
		why_set(why, (enum rsc)err_rsc(err), "the notifications that are kept cannot be read: %s", err_text(err));
	atomic_store(&n->base, r.last + SUB_FACTS);
	return err;
}
