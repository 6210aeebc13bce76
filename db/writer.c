/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's thread.  A turn: take the queue as a whole, write what is ready at its front in one transaction, publish
 * it, answer.  What it took and could not write yet stays in its own list, so that order never changes.
 */
#include "db/writer_priv.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/base/log.h"
#include "cse/base/stat.h"
#include "db/cache_priv.h"

enum {
	PUBLISH_OPS = 48, /* a hold of the lock: some µs */
	UNDO_JOBS = 256,
	IDLE_MS = 20,     /* quiet for so long: idle */
	PROBE_FIRST_MS = 20,
	PROBE_MAX_MS = 1000,
	PROBE_TURNS = 32, /* where it is never quiet */
	LEAN_MS = 1000,   /* of quiet, or so many turns, until the ballast is asked for again */
	LEAN_TURNS = 1024,
	GATHER_NS = 700000,
};

/* --- waking and waiting ------------------------------------------------------------------------------------------- */

void writer_call(struct writer *w)
{
	atomic_fetch_add(&w->calls, 1);
	/* One waker for each sleep: until it is awake, which takes a while on a busy machine, the others need not ask the kernel.  A
	 * sleep is known by its number, so that nobody takes back the flag of a later one. */
	uint64_t sleep = atomic_load(&w->sleep);
	if (sleep && atomic_compare_exchange_strong(&w->sleep, &sleep, 0))
		syscall(SYS_futex, &w->calls, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void writer_ready(struct writer *w, struct job *j)
{
	atomic_store_explicit(&j->ready, true, memory_order_release);
	writer_call(w);
}

/* Until somebody calls after `calls` was read, at most ms (0: without end).  false: the time was over. */
static bool wait_for_call(struct writer *w, uint32_t calls, unsigned ms)
{
	struct timespec rel = { ms / 1000, (long)(ms % 1000) * 1000000 };

	atomic_store(&w->sleep, ++w->sleeps);
	if (atomic_load(&w->calls) == calls)
		syscall(SYS_futex, &w->calls, FUTEX_WAIT_PRIVATE, calls, ms ? &rel : NULL, NULL, 0);
	atomic_store(&w->sleep, 0);
	return atomic_load(&w->calls) != calls || !ms;
}

/* --- the queue ---------------------------------------------------------------------------------------------------- */

static void free_used(struct writer *w)
{
	while (w->used) {
		struct job *j = w->used;
		w->used = j->next;
		job_free(j);
	}
	w->n_used = 0;
}

/* One hold: used jobs go back to the pool, queued ones come over. */
static void take(struct writer *w)
{
	struct store *s = w->s;

	tree_lock(s);
	if (w->used && jobs_put(s, w->used, w->used_last, w->n_used))
		w->used = NULL;
	if (s->q_first) {
		s->q_first->prev = w->last;
		*(w->last ? &w->last->next : &w->first) = s->q_first;
		w->last = s->q_last;
		s->q_first = s->q_last = NULL;
	}
	tree_unlock(s);
	free_used(w);
}

/* The front up to the first job that is not ready. */
static size_t ready_front(const struct writer *w, const struct job **end)
{
	size_t n = 0;
	const struct job *j = w->first;

	while (j && n < w->s->o.batch_max && atomic_load_explicit(&j->ready, memory_order_acquire)) {
		n++;
		j = j->next;
	}
	*end = j;
	return n;
}

/* --- afterwards --------------------------------------------------------------------------------------------------- */

static void publish_slice(struct writer *w, struct job **at, const struct job *end)
{
	struct store *s = w->s;
	unsigned ops = 0, n = 0;
	const struct job *stop = *at;

	while (stop != end && (ops < PUBLISH_OPS || stop == *at)) {
		ops += stop->n_ops;
		stop = stop->next;
	}
	if (ops > w->cap_freed) {
		w->cap_freed = ops;
		w->freed = mem_resize(w->freed, ops, sizeof(struct body *));
	}
	tree_lock(s);
	for (; *at != stop; *at = (*at)->next) {
		if ((*at)->err)
			s->done = (*at)->seq;
		else
			job_publish(s, *at, w->freed, &n);
	}
	tree_unlock(s);
	for (unsigned i = 0; i < n; i++)
		cache_put(s->cache, w->freed[i]);
}

static void commit_run(struct loop *l, struct loop_task *t)
{
	struct commit *c = CONTAINER_OF(t, struct commit, task);

	(void)l;
	CHECK(c, COMMIT);
	c->done(c, c->err);
}

static void chain_add(struct writer *w, struct loop *l, struct loop_task *t)
{
	struct chain *ch = &w->chains[loop_index(l)];

	t->next = NULL;
	*(ch->first ? &ch->last->next : &ch->first) = t;
	ch->last = t;
	ch->loop = l;
}

/* What is to be told of it, or nothing when nothing happened. */
static void emit(struct writer *w, struct job *j)
{
	for (struct loop_task *t = j->emits, *next; t; t = next) {
		struct emit *e = CONTAINER_OF(t, struct emit, task);
		next = t->next;
		if (j->err)
			e->drop(e);
		else
			chain_add(w, e->loop, t);
	}
	j->emits = j->emits_last = NULL;
}

static void answer(struct writer *w, struct job *j)
{
	struct commit *c = j->commit;

	emit(w, j);
	c->err = j->err;
	atomic_fetch_sub_explicit(&w->s->q_jobs, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&w->s->q_bytes, j->weight, memory_order_relaxed);
	job_clear(j);
	if (!w->used)
		w->used_last = j;
	j->next = w->used;
	w->used = j;
	w->n_used++;
	if (!c->loop) {
		c->done(c, c->err);
		return;
	}
	c->task.fn = commit_run;
	chain_add(w, c->loop, &c->task);
}

/* Everything up to `end` is durable or undone: durable state follows, the answers leave. */
static void finish(struct writer *w, const struct job *end, size_t n)
{
	struct store *s = w->s;
	uint64_t seq = 0;

	for (struct job *j = w->first; j != end;)
		publish_slice(w, &j, end);
	stat_add(s->o.stats, STAT_JOBS, n);
	for (struct job *j = w->first, *next; j != end; j = next) {
		next = j->next;
		seq = j->seq;
		w->first = next;
		answer(w, j);
	}
	if (w->first)
		w->first->prev = NULL;
	else
		w->last = NULL;
	for (unsigned i = 0; i < s->o.loops; i++) {
		struct chain *ch = &w->chains[i];
		if (ch->first)
			loop_post_chain(ch->loop, ch->first, ch->last);
		ch->first = NULL;
	}
	pthread_mutex_lock(&w->lock);
	if (seq)
		w->finished = seq;
	pthread_cond_broadcast(&w->done);
	pthread_mutex_unlock(&w->lock);
}

/* engine.md 2.2: everything queued was built on what is lost, so all of it is undone, newest first. */
static void fail(struct writer *w, int err)
{
	struct store *s = w->s;
	struct job *j;

	stat_add(s->o.stats, STAT_COMMIT_FAILED, 1);
	if (!atomic_exchange_explicit(&s->readonly, true, memory_order_relaxed))
		log_write(s->o.log, LOG_STORE_READONLY, "%s", err_text(err));
	w->probe_ms = PROBE_FIRST_MS;
	if (err == E_FULL) {
		w->disk->ops->relieve(w->disk);
		w->lean = true;
	}
	tree_lock(s);
	s->draining = true;
	tree_unlock(s);
	take(w);
	for (j = w->last; j;) {
		tree_lock(s);
		for (unsigned i = 0; i < UNDO_JOBS && j; i++, j = j->prev) {
			if (j->err)
				continue;
			job_undo(s, j);
			j->err = err;
		}
		tree_unlock(s);
	}
	tree_lock(s);
	s->draining = false;
	tree_unlock(s);
	pthread_mutex_lock(&w->lock);
	pthread_cond_broadcast(&w->done);
	pthread_mutex_unlock(&w->lock);
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

static bool only_failed(const struct writer *w, const struct job *end)
{
	for (const struct job *j = w->first; j != end; j = j->next)
		if (!j->err && j->n_ops)
			return false;
	return true;
}

/* Nodes that are gone are freed, and their subscriptions told of; store_flush waits for the last one. */
static bool sweep_tree_slice(struct writer *w)
{
	if (!sweep_memory(w->s))
		return false;
	if (!atomic_load_explicit(&w->s->sweep.telling, memory_order_relaxed)) {
		pthread_mutex_lock(&w->lock);
		pthread_cond_broadcast(&w->done);
		pthread_mutex_unlock(&w->lock);
	}
	return true;
}

/* The front that is ready now, or in a moment where that is better. */
static size_t gathered_front(struct writer *w, const struct job **end)
{
	static const struct timespec pause = { 0, GATHER_NS };
	uint32_t never = 0;
	size_t n;

	take(w);
	n = ready_front(w, end);
	if (!gather_wants(&w->gather, n))
		return n;
	syscall(SYS_futex, &never, FUTEX_WAIT_PRIVATE, 0, &pause, NULL, 0);
	take(w);
	return ready_front(w, end);
}

/* true: something was written or answered. */
static bool turn(struct writer *w)
{
	const struct job *end;
	bool events = event_take(w);
	size_t n = gathered_front(w, &end);
	int err = 0;

	if (!n && !events)
		return false;
	if (events || !only_failed(w, end)) {
		int64_t begin = clock_mono_ns(w->s->o.clock);
		err = commit_write(w, end, false);
		event_done(w, !err);
		int64_t now = clock_mono_ns(w->s->o.clock);
		stat_time(w->s->o.stats, TIMES_COMMIT, 0, now - begin);
		gather_count(&w->gather, n, now);
		stat_add(w->s->o.stats, STAT_COMMITS, !err);
	}
	if (err) {
		fail(w, err);
		/* All is undone, so the answers leave; events alone must not turn in a circle on a full disk. */
		n = ready_front(w, &end);
		if (!n)
			return false;
	}
	finish(w, end, n);
	sweep_tree_slice(w);
	return true;
}

static void probe(struct writer *w)
{
	w->ro_turns = 0;
	w->probe_ms = w->probe_ms < PROBE_MAX_MS / 2 ? w->probe_ms * 2 : PROBE_MAX_MS;
	if (w->disk->ops->probe(w->disk))
		return;
	atomic_store_explicit(&w->s->readonly, false, memory_order_relaxed);
	log_write(w->s->o.log, LOG_STORE_RECOVERED, "the probe write succeeded");
}

static bool has_work(const struct writer *w)
{
	return !sweep_is_idle(w->s) || snapshot_is_due(&w->journal);
}

/* After a recovery by room inside of the file the ballast comes back when there is room outside. */
static void restock(struct writer *w)
{
	w->lean_turns = 0;
	w->lean = !w->disk->ops->restock(w->disk);
}

static unsigned patience(const struct writer *w, bool ro)
{
	return ro ? w->probe_ms : has_work(w) ? IDLE_MS : w->lean ? LEAN_MS : 0;
}

/* A slice of what may wait.  false: nothing is left. */
static bool idle(struct writer *w)
{
	if (sweep_tree_slice(w))
		return true;
	if (!has_work(w) || w->s->sweep.words)
		return false;
	int err = commit_write(w, w->first, true);
	/* On a full disk, too: what was deleted is the room that is missing.  Where that fails the next probe is soon enough. */
	if (err && !store_is_readonly(w->s))
		fail(w, err);
	return !err;
}

static void *run(void *arg)
{
	struct writer *w = arg;

	for (;;) {
		uint32_t calls = atomic_load(&w->calls);
		if (turn(w)) {
			if (store_is_readonly(w->s) && ++w->ro_turns >= PROBE_TURNS) {
				probe(w);
				idle(w);
			} else if (w->lean && !store_is_readonly(w->s) && ++w->lean_turns >= LEAN_TURNS) {
				restock(w);
			}
			continue;
		}
		if (atomic_load(&w->stop) && !w->first)
			break;
		bool ro = store_is_readonly(w->s);
		if (wait_for_call(w, calls, patience(w, ro)))
			continue;
		if (ro)
			probe(w);
		else if (w->lean)
			restock(w);
		while (atomic_load(&w->calls) == calls && idle(w))
			continue;
	}
	return NULL;
}

void writer_flush(struct writer *w)
{
	struct store *s = w->s;
	uint64_t seq, ev;

	tree_lock(s);
	seq = s->seq;
	tree_unlock(s);
	writer_call(w);
	pthread_mutex_lock(&w->lock);
	ev = w->ev_in;
	while (w->finished < seq || (w->ev_out < ev && !store_is_readonly(s)) ||
	       atomic_load_explicit(&s->sweep.telling, memory_order_acquire))
		pthread_cond_wait(&w->done, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

struct writer *writer_new(struct store *s)
{
	struct writer *w = mem_zget(sizeof(*w));

	w->s = s;
	w->disk = s->disk;
	w->lean = true;
	w->chains = mem_zget((s->o.loops + 1) * sizeof(*w->chains));
	w->ev_stored = s->disk->ops->event_bytes(s->disk, &w->ev_in);
	w->ev_out = w->ev_in;
	journal_init(&w->journal, s);
	REQUIRE(pthread_mutex_init(&w->lock, NULL) == 0);
	REQUIRE(pthread_cond_init(&w->done, NULL) == 0);
	return w;
}

void writer_start(struct writer *w)
{
	/* What was read from disk is durable. */
	w->finished = w->s->seq;
	REQUIRE(pthread_create(&w->thread, NULL, run, w) == 0);
	w->running = true;
}

/* What was reserved and not used is given back. */
static void unreserve(struct writer *w)
{
	struct disk *d = w->disk;
	int err = d->ops->begin(d);

	if (!err)
		err = d->ops->put_meta(d, META_IDS, w->s->next_id);
	if (!err)
		err = d->ops->put_meta(d, META_RIDS, w->s->next_rid);
	if (!err)
		err = d->ops->commit(d);
	if (err)
		d->ops->rollback(d);
}

void writer_stop(struct writer *w)
{
	atomic_store(&w->stop, true);
	writer_call(w);
	pthread_join(w->thread, NULL);
	w->running = false;
	if (!store_is_readonly(w->s))
		unreserve(w);
}

void writer_free(struct writer *w)
{
	if (w->running)
		writer_stop(w);
	free_used(w);
	event_fini(w);
	journal_fini(&w->journal);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->done);
	mem_put(w->freed);
	mem_put(w->chains);
	mem_put(w);
}
