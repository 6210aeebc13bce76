/* SPDX-License-Identifier: Apache-2.0 */
/* The tree's lock, and transactions, which are holds of it.  No other file touches the lock. */
#include "db/tree_priv.h"

#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "db/job_priv.h"
#include "db/writer_priv.h"

#define TURNED_US (600 * INT64_C(1000000)) /* between two seconds: nobody waits so long */

void tree_init(struct store *s)
{
	pthread_mutexattr_t attr;

	/* Holds are shorter than a switch of threads: a waiter spins first. */
	REQUIRE(pthread_mutexattr_init(&attr) == 0);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
	REQUIRE(pthread_mutex_init(&s->lock, &attr) == 0);
	pthread_mutexattr_destroy(&attr);

	s->hkey[0] = rnd_u64(s->o.rnd);
	s->hkey[1] = rnd_u64(s->o.rnd);
	htab_init(&s->by_rid);
	htab_init(&s->by_name);
	htab_init(&s->by_ri);
	htab_init(&s->side_id);
	htab_init(&s->side_name);
	index_init(s);
	heap_init(&s->expiry);
	heap_init(&s->stale);
	heap_init(&s->inst_expiry);
	s->next_rid = 1;
	s->next_id = 1;
}

/* All nodes, whatever their state; at the end of the store. */
void tree_fini(struct store *s)
{
	for (uint64_t i = 0; i < htab_buckets(&s->by_rid); i++) {
		for (struct hlink *l = htab_bucket(&s->by_rid, i), *next; l; l = next) {
			struct tnode *n = CONTAINER_OF(l, struct tnode, by_rid);
			next = l->next;
			sweep_drop_insts(s, n);
			n->kids = NULL;
			n->pub.parent = NULL;
			node_forget(s, n);
			node_release(n);
		}
	}
	while (s->jobs_free) {
		struct job *j = s->jobs_free;
		s->jobs_free = j->next;
		job_free(j);
	}
	index_fini(s);
	htab_fini(&s->by_rid);
	htab_fini(&s->by_name);
	htab_fini(&s->by_ri);
	htab_fini(&s->side_id);
	htab_fini(&s->side_name);
	heap_fini(&s->expiry);
	heap_fini(&s->stale);
	heap_fini(&s->inst_expiry);
	pthread_mutex_destroy(&s->lock);
}

void tree_lock(struct store *s)
{
	REQUIRE(pthread_mutex_lock(&s->lock) == 0);
	s->epoch++;
#ifdef DEBUG_CHECKS
	/* Of the processor: who is not running holds it no longer by his own doing. */
	s->held_since = clock_cpu_ns();
#endif
}

void tree_unlock(struct store *s)
{
#ifdef DEBUG_CHECKS
	int64_t held = clock_cpu_ns() - s->held_since;
	if (held > s->longest_hold)
		s->longest_hold = held;
#endif
	REQUIRE(pthread_mutex_unlock(&s->lock) == 0);
}

/* --- transactions ------------------------------------------------------------------------------------------------- */

struct tx *store_begin(struct store *s, struct arena *a, enum tx_mode mode)
{
	int64_t wall = clock_wall_us(s->o.clock), now = wall - wall % 1000;

	CHECK(s, STORE);
	tree_lock(s);
	if (now < s->last_now)
		now = s->last_now;
	else if (mode == TX_WRITE)
		s->last_now = now;
	s->tx = (struct tx){ .s = s, .a = a, .mode = mode, .wall = wall, .now = now };
	return &s->tx;
}

void store_end(struct tx *tx)
{
	struct store *s = tx->s;
	struct job *j = tx->job;

	if (j) {
		job_undo(s, j);
		job_clear(j);
		job_put(s, j);
	}
	*tx = (struct tx){ .s = NULL };
	tree_unlock(s);
}

uint64_t tx_epoch(const struct tx *tx)
{
	return tx->s->epoch;
}

enum tx_mode tx_mode(const struct tx *tx)
{
	return tx->mode;
}

struct arena *tx_arena(const struct tx *tx)
{
	return tx->a;
}

void store_room(struct tx *tx, void **block, size_t n)
{
	tx->room = block;
	tx->room_n = n;
}

int64_t tx_now(const struct tx *tx)
{
	return tx->now;
}

int64_t tx_wall(const struct tx *tx)
{
	return tx->wall - tx->wall % 1000;
}

/* Time that passed since somebody looked whether the clock is right; nobody has, in tests. */
static bool is_trusted(const struct store *s, int64_t wall_us)
{
	int64_t said = atomic_load_explicit(&s->said, memory_order_relaxed);

	return !atomic_load_explicit(&s->paused, memory_order_relaxed) &&
	       (said == 0 || (wall_us - said < TURNED_US && said - wall_us < TURNED_US));
}

bool tx_expires(const struct tx *tx)
{
	return is_trusted(tx->s, tx->wall);
}

int64_t tree_seen(const struct store *s)
{
	int64_t wall_us = clock_wall_us(s->o.clock), before = store_last_seen(s);

	return is_trusted(s, wall_us) || before == 0 ? wall_us : before;
}

struct store *tx_store(const struct tx *tx)
{
	return tx->s;
}

/* What may not happen now is taken back at once: it is the newest. */
static int refusal(const struct store *s, const struct job *j)
{
	if (s->draining)
		return E_IO;
	return j->growth && atomic_load_explicit(&s->readonly, memory_order_relaxed) ? E_READONLY : 0;
}

int store_commit(struct tx *tx, struct commit *c)
{
	struct store *s = tx->s;
	struct job *j = tx->job;

	if (!j && !(tx->saw && tx->mode == TX_WRITE)) {
		store_end(tx);
		return 0;
	}
	if (!j)
		j = job_get(s);
	c->magic = COMMIT_MAGIC;
	c->err = 0;
	c->job = j;
	j->commit = c;
	j->err = refusal(s, j);
	if (j->err)
		job_undo(s, j);
	j->seq = ++s->seq;
	j->prev = s->q_last;
	*(s->q_last ? &s->q_last->next : &s->q_first) = j;
	s->q_last = j;
	atomic_fetch_add_explicit(&s->q_jobs, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->q_bytes, j->weight, memory_order_relaxed);
	*tx = (struct tx){ .s = NULL };
	tree_unlock(s);
	return 1;
}

void store_emit(struct commit *c, struct emit *e)
{
	struct job *j = c->job;

	CHECK(c, COMMIT);
	REQUIRE(e->loop && e->drop);
	e->task.next = NULL;
	*(j->emits ? &j->emits_last->next : &j->emits) = &e->task;
	j->emits_last = &e->task;
}

void store_ready(struct store *s, struct commit *c)
{
	struct job *j = c->job;

	CHECK(c, COMMIT);
	if (c->loop) {
		REQUIRE(loop_index(c->loop) < s->o.loops);
		job_seal(s, j, &s->scratch[loop_index(c->loop)]);
	} else {
		struct buf own;
		buf_init(&own, SCRATCH_MAX);
		job_seal(s, j, &own);
		buf_fini(&own);
	}
	writer_ready(s->writer, j);
}

bool store_is_readonly(const struct store *s)
{
	return atomic_load_explicit(&s->readonly, memory_order_relaxed);
}

bool store_is_congested(const struct store *s)
{
	return atomic_load_explicit(&s->q_jobs, memory_order_relaxed) >= s->o.queue_max ||
	       atomic_load_explicit(&s->q_bytes, memory_order_relaxed) >= s->o.queue_max_bytes;
}

bool store_is_relaxed(const struct store *s)
{
	return atomic_load_explicit(&s->q_jobs, memory_order_relaxed) <= s->o.queue_max / 2 &&
	       atomic_load_explicit(&s->q_bytes, memory_order_relaxed) <= s->o.queue_max_bytes / 2;
}

void store_pause_expiry(struct store *s, bool paused)
{
	atomic_store_explicit(&s->paused, paused, memory_order_relaxed);
	atomic_store_explicit(&s->said, clock_wall_us(s->o.clock), memory_order_relaxed);
}

int64_t store_last_seen(const struct store *s)
{
	return atomic_load_explicit(&s->last_seen, memory_order_relaxed);
}
