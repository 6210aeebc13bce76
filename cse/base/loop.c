/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop: one epoll, one eventfd that other threads ring, a heap of timers, deferred calls. */
#include "cse/base/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cse/base/check.h"
#include "cse/base/clock.h"
#include "cse/base/err.h"

#define LOOP_MAGIC 0x100b10e5u

enum {
	BATCH = 256,        /* events taken from the kernel per turn */
	HEAP_FIRST = 64,
	HEAP_ARITY = 4,     /* half as deep as a binary heap, and the children share a cache line */
	NS_PER_MS = 1000000,
	FAKE_WAIT_MS = 1,   /* a fake clock may be moved by another thread meanwhile */
};

/* key may be earlier than timer->at_ns: arming a timer anew for later (every message on every connection does) only
 * changes at_ns, and the entry is put right when its turn comes. */
struct heap_entry {
	int64_t key;
	struct loop_timer *timer;
};

struct task_queue {
	struct loop_task *first, **last;
};

struct loop {
	uint32_t magic;
	unsigned index;
	void *user;
	struct clock *clock;
	bool fake;
	int epoll_fd, wake_fd;
	int64_t now_ns;

	struct heap_entry *heap;
	size_t n_timers, heap_cap;

	struct task_queue deferred, running;

	/* The batch in hand; entries whose handle is removed meanwhile lose their pointer. */
	struct epoll_event events[BATCH];
	int n_events, next_event;

	/* Other threads write below: not on the cache lines of the above. */
	_Alignas(64) _Atomic(struct loop_task *) inbox; /* newest first */
	_Atomic bool sleeping;                          /* waits in the kernel, or is about to */
	_Atomic bool stop;
};

/* --- task queues ------------------------------------------------------------------------------------------------- */

static void queue_init(struct task_queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

static void queue_add(struct task_queue *q, struct loop_task *t)
{
	t->next = NULL;
	*q->last = t;
	q->last = &t->next;
}

static struct loop_task *queue_pop(struct task_queue *q)
{
	struct loop_task *t = q->first;

	if (t == NULL)
		return NULL;
	q->first = t->next;
	if (q->first == NULL)
		q->last = &q->first;
	t->next = NULL;
	return t;
}

static bool queue_remove(struct task_queue *q, struct loop_task *t)
{
	for (struct loop_task **at = &q->first; *at; at = &(*at)->next) {
		if (*at != t)
			continue;
		*at = t->next;
		if (*at == NULL)
			q->last = at;
		t->next = NULL;
		return true;
	}
	return false;
}

/* --- life -------------------------------------------------------------------------------------------------------- */

struct loop *loop_new(struct clock *clock, unsigned index, void *user)
{
	struct epoll_event wake = { .events = EPOLLIN | EPOLLET };
	struct loop *l = aligned_alloc(_Alignof(struct loop), sizeof(*l));

	REQUIRE(l != NULL && clock != NULL);
	*l = (struct loop){ .magic = LOOP_MAGIC, .index = index, .user = user, .clock = clock };
	l->fake = clock_is_fake(clock);
	l->now_ns = clock_mono_ns(clock);
	queue_init(&l->deferred);
	queue_init(&l->running);
	atomic_init(&l->inbox, NULL);
	atomic_init(&l->sleeping, false);
	atomic_init(&l->stop, false);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* Edge-triggered: each ring is one event, and the eventfd need never be read. */
	if (l->epoll_fd < 0 || l->wake_fd < 0 || epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &wake) != 0) {
		loop_free(l);
		return NULL;
	}
	return l;
}

void loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	CHECK(l, LOOP);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	free(l->heap);
	l->magic = 0;
	free(l);
}

unsigned loop_index(const struct loop *l)
{
	return l->index;
}

void *loop_user(const struct loop *l)
{
	return l->user;
}

struct clock *loop_clock(const struct loop *l)
{
	return l->clock;
}

int64_t loop_now_ns(const struct loop *l)
{
	return l->now_ns;
}

/* --- descriptors ------------------------------------------------------------------------------------------------- */

static struct epoll_event ask_for(struct loop_io *io, unsigned events)
{
	struct epoll_event e = { .data.ptr = io };

	if (events & LOOP_READ)
		e.events |= EPOLLIN;
	if (events & LOOP_WRITE)
		e.events |= EPOLLOUT;
	if (events & LOOP_HUP)
		e.events |= EPOLLRDHUP;
	return e;
}

int loop_io_add(struct loop *l, struct loop_io *io, int fd, unsigned events, loop_io_fn *fn)
{
	struct epoll_event e = ask_for(io, events);

	REQUIRE(!io->on && fd >= 0 && fn != NULL);
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0)
		return E_SYS;
	io->fd = fd;
	io->events = events;
	io->fn = fn;
	io->on = true;
	return 0;
}

int loop_io_mod(struct loop *l, struct loop_io *io, unsigned events)
{
	struct epoll_event e = ask_for(io, events);

	REQUIRE(io->on);
	if (io->events == events)
		return 0;
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, io->fd, &e) != 0)
		return E_SYS;
	io->events = events;
	return 0;
}

void loop_io_del(struct loop *l, struct loop_io *io)
{
	if (!io->on)
		return;
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL);
	io->on = false;
	io->fd = -1;
	/* At most one entry per descriptor, and few are left as a rule. */
	for (int i = l->next_event; i < l->n_events; i++) {
		if (l->events[i].data.ptr == io) {
			l->events[i].data.ptr = NULL;
			break;
		}
	}
}

static unsigned told_by(const struct epoll_event *e, const struct loop_io *io)
{
	unsigned events = 0;

	if (e->events & EPOLLIN)
		events |= LOOP_READ;
	if (e->events & EPOLLOUT)
		events |= LOOP_WRITE;
	if (e->events & EPOLLRDHUP)
		events |= LOOP_HUP;
	/* An error is found by trying what one waits for. */
	if (e->events & (EPOLLERR | EPOLLHUP))
		events |= LOOP_READ | LOOP_WRITE | LOOP_HUP;
	/* What is no longer asked for since this turn began is not told. */
	return events & (io->events | LOOP_HUP);
}

static int run_events(struct loop *l)
{
	int calls = 0;

	for (l->next_event = 0; l->next_event < l->n_events;) {
		struct epoll_event *e = &l->events[l->next_event++];
		struct loop_io *io = e->data.ptr;
		unsigned events;

		if (io == NULL)
			continue;
		events = told_by(e, io);
		if (events == 0)
			continue;
		io->fn(l, io, events);
		calls++;
	}
	l->n_events = 0;
	return calls;
}

/* --- timers ------------------------------------------------------------------------------------------------------ */

static void heap_place(struct loop *l, size_t i, struct heap_entry e)
{
	l->heap[i] = e;
	e.timer->pos = i + 1;
}

static void sift_up(struct loop *l, size_t i, struct heap_entry e)
{
	while (i > 0) {
		size_t parent = (i - 1) / HEAP_ARITY;

		if (l->heap[parent].key <= e.key)
			break;
		heap_place(l, i, l->heap[parent]);
		i = parent;
	}
	heap_place(l, i, e);
}

static void sift_down(struct loop *l, size_t i, struct heap_entry e)
{
	for (;;) {
		size_t child = i * HEAP_ARITY + 1, end = child + HEAP_ARITY, least = child;

		if (child >= l->n_timers)
			break;
		if (end > l->n_timers)
			end = l->n_timers;
		while (++child < end)
			if (l->heap[child].key < l->heap[least].key)
				least = child;
		if (l->heap[least].key >= e.key)
			break;
		heap_place(l, i, l->heap[least]);
		i = least;
	}
	heap_place(l, i, e);
}

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t at_ns, loop_timer_fn *fn)
{
	REQUIRE(fn != NULL);
	t->fn = fn;
	t->at_ns = at_ns;
	if (t->pos) {
		size_t i = t->pos - 1;

		if (at_ns < l->heap[i].key)
			sift_up(l, i, (struct heap_entry){ at_ns, t });
		return;
	}
	if (l->n_timers == l->heap_cap) {
		l->heap_cap = l->heap_cap ? l->heap_cap * 2 : HEAP_FIRST;
		l->heap = reallocarray(l->heap, l->heap_cap, sizeof(*l->heap));
		REQUIRE(l->heap != NULL);
	}
	sift_up(l, l->n_timers++, (struct heap_entry){ at_ns, t });
}

void loop_timer_cancel(struct loop *l, struct loop_timer *t)
{
	struct heap_entry last;
	size_t i;

	if (t->pos == 0)
		return;
	i = t->pos - 1;
	t->pos = 0;
	last = l->heap[--l->n_timers];
	if (last.timer == t)
		return;
	if (i > 0 && l->heap[(i - 1) / HEAP_ARITY].key > last.key)
		sift_up(l, i, last);
	else
		sift_down(l, i, last);
}

/* Puts the first entry right until it is the timer that is due first. */
static const struct heap_entry *first_timer(struct loop *l)
{
	while (l->n_timers) {
		struct heap_entry e = l->heap[0];

		if (e.timer->at_ns <= e.key)
			return &l->heap[0];
		e.key = e.timer->at_ns;
		sift_down(l, 0, e);
	}
	return NULL;
}

static int run_timers(struct loop *l)
{
	const struct heap_entry *e;
	/* One that arms itself for now again waits for the next turn: descriptors want theirs. */
	size_t most = l->n_timers;
	int calls = 0;

	while (most-- && (e = first_timer(l)) && e->key <= l->now_ns) {
		struct loop_timer *t = e->timer;

		loop_timer_cancel(l, t);
		t->fn(l, t);
		calls++;
	}
	return calls;
}

/* --- tasks ------------------------------------------------------------------------------------------------------- */

void loop_defer(struct loop *l, struct loop_task *t, loop_task_fn *fn)
{
	REQUIRE(fn != NULL);
	t->fn = fn;
	if (t->queued)
		return;
	t->queued = true;
	queue_add(&l->deferred, t);
}

void loop_defer_cancel(struct loop *l, struct loop_task *t)
{
	if (!t->queued)
		return;
	REQUIRE(queue_remove(&l->deferred, t) || queue_remove(&l->running, t));
	t->queued = false;
}

static int run_queue(struct loop *l, struct task_queue *q)
{
	struct loop_task *t;
	int calls = 0;

	while ((t = queue_pop(q))) {
		t->queued = false;
		t->fn(l, t);
		calls++;
	}
	return calls;
}

static int run_deferred(struct loop *l)
{
	if (l->deferred.first == NULL)
		return 0;
	/* What these defer in turn comes at the end of the next turn. */
	l->running.first = l->deferred.first;
	l->running.last = l->deferred.last;
	queue_init(&l->deferred);
	return run_queue(l, &l->running);
}

static void wake(struct loop *l)
{
	const uint64_t one = 1;
	ssize_t n;

	do {
		n = write(l->wake_fd, &one, sizeof(one));
	} while (n < 0 && errno == EINTR);
}

/* Only who finds the loop asleep rings; the order of the two accesses on either side makes that safe. */
static void wake_if_asleep(struct loop *l)
{
	if (atomic_load(&l->sleeping) && atomic_exchange(&l->sleeping, false))
		wake(l);
}

void loop_post(struct loop *l, struct loop_task *t, loop_task_fn *fn)
{
	t->fn = fn;
	loop_post_chain(l, t, t);
}

void loop_post_chain(struct loop *l, struct loop_task *first, struct loop_task *last)
{
	struct loop_task *t = first, *newest = NULL, *head;

	/* The inbox is newest first. */
	last->next = NULL;
	while (t) {
		struct loop_task *next = t->next;

		REQUIRE(!t->queued && t->fn != NULL);
		t->queued = true;
		t->next = newest;
		newest = t;
		t = next;
	}
	head = atomic_load_explicit(&l->inbox, memory_order_relaxed);
	do {
		first->next = head;
	} while (!atomic_compare_exchange_weak(&l->inbox, &head, newest));
	wake_if_asleep(l);
}

static int run_inbox(struct loop *l)
{
	struct loop_task *t, *oldest = NULL;
	int calls = 0;

	if (atomic_load_explicit(&l->inbox, memory_order_relaxed) == NULL)
		return 0;
	t = atomic_exchange_explicit(&l->inbox, NULL, memory_order_acquire);
	while (t) {
		struct loop_task *next = t->next;

		t->next = oldest;
		oldest = t;
		t = next;
	}
	while ((t = oldest)) {
		oldest = t->next;
		t->next = NULL;
		t->queued = false;
		t->fn(l, t);
		calls++;
	}
	return calls;
}

/* --- turns ------------------------------------------------------------------------------------------------------- */

/* How long the kernel may wait, in ms; -1: for ever. */
static int wait_time(struct loop *l, int wait_ms)
{
	const struct heap_entry *e;
	int64_t ms;

	if (wait_ms == 0 || l->deferred.first)
		return 0;
	if (l->fake && (wait_ms < 0 || wait_ms > FAKE_WAIT_MS))
		wait_ms = FAKE_WAIT_MS;
	e = first_timer(l);
	if (e == NULL)
		return wait_ms;
	l->now_ns = clock_mono_ns(l->clock);
	if (e->key <= l->now_ns)
		return 0;
	if (l->fake)
		return wait_ms;
	/* Rounded up: waking early would be a turn for nothing. */
	ms = (e->key - l->now_ns + NS_PER_MS - 1) / NS_PER_MS;
	if (ms > INT_MAX)
		ms = INT_MAX;
	return wait_ms < 0 || ms < wait_ms ? (int)ms : wait_ms;
}

static void wait_for_events(struct loop *l, int ms)
{
	int n;

	if (ms != 0) {
		atomic_store(&l->sleeping, true);
		if (atomic_load(&l->inbox) != NULL || atomic_load(&l->stop))
			ms = 0;
	}
	n = epoll_wait(l->epoll_fd, l->events, BATCH, ms);
	atomic_store_explicit(&l->sleeping, false, memory_order_relaxed);
	REQUIRE(n >= 0 || errno == EINTR);
	l->n_events = n < 0 ? 0 : n;
}

int loop_turn(struct loop *l, int wait_ms)
{
	int calls;

	CHECK(l, LOOP);
	wait_for_events(l, wait_time(l, wait_ms));
	l->now_ns = clock_mono_ns(l->clock);
	calls = run_events(l);
	calls += run_inbox(l);
	calls += run_timers(l);
	calls += run_deferred(l);
	return calls;
}

int loop_settle(struct loop *l)
{
	int calls;

	CHECK(l, LOOP);
	calls = run_inbox(l);
	return calls + run_deferred(l);
}

void loop_run(struct loop *l)
{
	while (!atomic_load_explicit(&l->stop, memory_order_relaxed))
		loop_turn(l, -1);
	atomic_store(&l->stop, false);
}

void loop_stop(struct loop *l)
{
	atomic_store(&l->stop, true);
	wake_if_asleep(l);
}
