/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: descriptors (epoll), timers, deferred calls and an inbox for other threads.
 * A loop belongs to the thread that runs it; only loop_post and loop_stop may come from elsewhere.
 * All handles are embedded in the caller's structs and begin as zero bytes; the loop allocates nothing per event.
 * A turn: wait, descriptors, inbox, timers, deferred calls.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct clock;

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_HUP = 4 };

struct loop_io;
typedef void loop_io_fn(struct loop *, struct loop_io *, unsigned events);
/* Level-triggered.  LOOP_HUP asks to be told of the peer's half-close too; errors and full hang-ups are told always, as
 * LOOP_HUP and what was asked for, until the handle is removed. */
struct loop_io {
	int fd;          /* -1 once removed */
	unsigned events; /* what is asked for */
	loop_io_fn *fn;
	bool on;         /* registered */
};

struct loop_timer;
typedef void loop_timer_fn(struct loop *, struct loop_timer *);
struct loop_timer {
	int64_t at_ns;   /* monotonic; meaningful while armed */
	size_t pos;      /* the loop's: place in the heap + 1; 0 = not armed */
	loop_timer_fn *fn;
};

struct loop_task;
typedef void loop_task_fn(struct loop *, struct loop_task *);
struct loop_task {
	struct loop_task *next;
	loop_task_fn *fn;
	bool queued;
};

/* index: the loop's number, 0 .. N-1; user: what loop_user returns.  NULL when the kernel refuses. */
struct loop *loop_new(struct clock *clock, unsigned index, void *user);
void loop_free(struct loop *l);
unsigned loop_index(const struct loop *l);
void *loop_user(const struct loop *l);
struct clock *loop_clock(const struct loop *l);
/* Monotonic time of this turn: read once per turn. */
int64_t loop_now_ns(const struct loop *l);

/* Turns until loop_stop. */
void loop_run(struct loop *l);
/* One turn; waits at most wait_ms (0: not at all; -1: until something happens).  Number of callbacks made.
 * With a fake clock timers fire by that clock, and the wait is never longer than 1 ms. */
int loop_turn(struct loop *l, int wait_ms);
/* What was posted and deferred and nothing else: no descriptor, no timer.  For an end, once the loop turns no more, so that
 * nothing that was handed over is lost.  Number of callbacks made. */
int loop_settle(struct loop *l);
/* Thread-safe, and may be called in a signal handler.  A stop that comes before loop_run ends that run at once. */
void loop_stop(struct loop *l);

/* 0, or E_SYS.  The handle must stay where it is until loop_io_del. */
int loop_io_add(struct loop *l, struct loop_io *io, int fd, unsigned events, loop_io_fn *fn);
int loop_io_mod(struct loop *l, struct loop_io *io, unsigned events);
/* Before fd is closed (which is the caller's).  No event of this turn arrives any more.  Harmless when not registered. */
void loop_io_del(struct loop *l, struct loop_io *io);

/* (Re)arms; fires once at or after at_ns, the earlier one first.  Arming anew for later costs nothing. */
void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t at_ns, loop_timer_fn *fn);
/* Harmless when not armed. */
void loop_timer_cancel(struct loop *l, struct loop_timer *t);

/* Runs fn at the end of this turn (deferred by a deferred call: of the next), on this loop's thread.  While it waits,
 * deferring it again changes only fn. */
void loop_defer(struct loop *l, struct loop_task *t, loop_task_fn *fn);
/* Takes a deferred (not a posted) task back.  Harmless when it does not wait; looks through all that wait. */
void loop_defer_cancel(struct loop *l, struct loop_task *t);
/* Thread-safe: runs fn on the loop's thread soon, in the order of posting per poster.  Wakes the loop once
 * however many tasks wait.  The task is the loop's until fn is called. */
void loop_post(struct loop *l, struct loop_task *t, loop_task_fn *fn);
/* The same for a chain linked by `next` whose fn are set (a batch of completions): one wake. */
void loop_post_chain(struct loop *l, struct loop_task *first, struct loop_task *last);

#endif
