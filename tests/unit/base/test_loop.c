/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: order of a turn, no event after removal, timers by a clock that the test moves, posts from other threads. */
#include "cse/base/loop.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cse/base/check.h"
#include "cse/base/clock.h"
#include "cse/base/rand.h"

enum { MS = 1000000 };

static struct clock *clk;
static struct loop *loop;

static void setup(void)
{
	clk = clock_new_fake(0);
	loop = loop_new(clk, 3, &clk);
	ck_assert_ptr_nonnull(loop);
}

static void setup_real(void)
{
	clk = clock_new();
	loop = loop_new(clk, 0, NULL);
	ck_assert_ptr_nonnull(loop);
}

static void teardown(void)
{
	loop_free(loop);
	clock_free(clk);
}

START_TEST(knows_itself)
{
	ck_assert_uint_eq(loop_index(loop), 3);
	ck_assert_ptr_eq(loop_user(loop), &clk);
	ck_assert_ptr_eq(loop_clock(loop), clk);
	ck_assert_int_eq(loop_now_ns(loop), clock_mono_ns(clk));
	ck_assert_int_eq(loop_turn(loop, 0), 0);
	ck_assert_int_eq(loop_turn(loop, -1), 0);
}
END_TEST

/* --- descriptors */

struct end {
	struct loop_io io;
	int fds[2];
	unsigned told, calls;
	struct end *removes;
	unsigned asks; /* set on call */
};

static void on_end(struct loop *l, struct loop_io *io, unsigned events)
{
	struct end *e = CONTAINER_OF(io, struct end, io);

	e->told = events;
	e->calls++;
	if (e->removes)
		loop_io_del(l, &e->removes->io);
	if (e->asks)
		ck_assert_int_eq(loop_io_mod(l, io, e->asks), 0);
}

static void end_open(struct end *e, unsigned events)
{
	*e = (struct end){ 0 };
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, e->fds), 0);
	ck_assert_int_eq(loop_io_add(loop, &e->io, e->fds[0], events, on_end), 0);
}

static void end_close(struct end *e)
{
	loop_io_del(loop, &e->io);
	loop_io_del(loop, &e->io);
	ck_assert_int_eq(e->io.fd, -1);
	close(e->fds[0]);
	close(e->fds[1]);
}

START_TEST(tells_what_is_asked)
{
	struct end e;
	char c;

	end_open(&e, LOOP_READ);
	ck_assert_int_eq(loop_turn(loop, 0), 0);
	ck_assert_int_eq(write(e.fds[1], "xy", 2), 2);
	ck_assert_int_eq(loop_turn(loop, 0), 1);
	ck_assert_uint_eq(e.told, LOOP_READ);
	ck_assert_int_eq(read(e.fds[0], &c, 1), 1);
	/* Level-triggered: the rest is told again. */
	ck_assert_int_eq(loop_turn(loop, 0), 1);
	ck_assert_int_eq(loop_io_mod(loop, &e.io, LOOP_WRITE), 0);
	ck_assert_int_eq(loop_turn(loop, 0), 1);
	ck_assert_uint_eq(e.told, LOOP_WRITE);
	ck_assert_int_eq(loop_io_mod(loop, &e.io, LOOP_READ | LOOP_WRITE), 0);
	loop_turn(loop, 0);
	ck_assert_uint_eq(e.told, LOOP_READ | LOOP_WRITE);
	ck_assert_int_eq(loop_io_mod(loop, &e.io, 0), 0);
	ck_assert_int_eq(loop_turn(loop, 0), 0);
	end_close(&e);
}
END_TEST

START_TEST(tells_hang_up)
{
	struct end e;

	end_open(&e, LOOP_HUP);
	shutdown(e.fds[1], SHUT_WR);
	ck_assert_int_eq(loop_turn(loop, 0), 1);
	ck_assert_uint_eq(e.told, LOOP_HUP);
	/* A full hang-up is told even to whom asks for nothing. */
	ck_assert_int_eq(loop_io_mod(loop, &e.io, 0), 0);
	ck_assert_int_eq(loop_turn(loop, 0), 0);
	close(e.fds[1]);
	ck_assert_int_eq(loop_turn(loop, 0), 1);
	ck_assert_uint_eq(e.told, LOOP_HUP);
	ck_assert_int_eq(loop_io_mod(loop, &e.io, LOOP_READ), 0);
	loop_turn(loop, 0);
	ck_assert_uint_eq(e.told, LOOP_HUP | LOOP_READ);
	e.fds[1] = -1;
	end_close(&e);
}
END_TEST

START_TEST(no_event_after_removal)
{
	struct end a, b;

	end_open(&a, LOOP_WRITE);
	end_open(&b, LOOP_WRITE);
	/* Whichever comes first removes the other. */
	a.removes = &b;
	b.removes = &a;
	ck_assert_int_eq(loop_turn(loop, 0), 1);
	ck_assert_uint_eq(a.calls + b.calls, 1);
	end_close(&a);
	end_close(&b);
}
END_TEST

static struct end replaced;

/* The descriptor of a removed handle is used by another one at once: no event of the old one reaches it. */
static void on_replace(struct loop *l, struct loop_io *io, unsigned events)
{
	struct end *e = CONTAINER_OF(io, struct end, io);
	struct end *other = e->removes;

	(void)events;
	e->calls++;
	if (!other->io.on || other->calls)
		return;
	loop_io_del(l, &other->io);
	close(other->fds[0]);
	close(other->fds[1]);
	end_open(&replaced, LOOP_READ);
	ck_assert(replaced.fds[0] == other->fds[0] || replaced.fds[0] == other->fds[1]);
}

START_TEST(no_event_of_a_closed_descriptor_for_its_heir)
{
	struct end a, b;

	end_open(&a, LOOP_WRITE);
	end_open(&b, LOOP_WRITE);
	a.io.fn = b.io.fn = on_replace;
	a.removes = &b;
	b.removes = &a;
	loop_turn(loop, 0);
	ck_assert_uint_eq(a.calls + b.calls, 1);
	ck_assert_uint_eq(replaced.calls, 0);
	ck_assert_int_eq(loop_turn(loop, 0), 1);
	ck_assert_uint_eq(replaced.calls, 0);
	end_close(&replaced);
	loop_io_del(loop, a.calls ? &a.io : &b.io);
}
END_TEST

START_TEST(no_event_that_is_asked_no_more)
{
	struct end a, b;

	end_open(&a, LOOP_WRITE);
	end_open(&b, LOOP_WRITE);
	a.asks = b.asks = LOOP_READ;
	ck_assert_int_eq(loop_turn(loop, 0), 2);
	ck_assert_int_eq(loop_turn(loop, 0), 0);
	end_close(&a);
	end_close(&b);
}
END_TEST

START_TEST(refuses_a_descriptor_that_cannot_wait)
{
	struct loop_io io = { 0 };
	int fd = open("/dev/null", O_RDONLY);

	ck_assert_int_lt(loop_io_add(loop, &io, fd, LOOP_READ, on_end), 0);
	ck_assert(!io.on);
	close(fd);
}
END_TEST

/* --- timers */

struct alarm {
	struct loop_timer timer;
	unsigned calls;
	int64_t fired_at, again;
	unsigned *order, rank;
};

static void on_alarm(struct loop *l, struct loop_timer *t)
{
	struct alarm *a = CONTAINER_OF(t, struct alarm, timer);

	a->calls++;
	a->fired_at = loop_now_ns(l);
	if (a->order)
		a->rank = (*a->order)++;
	if (a->again) /* now, when 1 */
		loop_timer_set(l, t, loop_now_ns(l) + a->again - 1, on_alarm);
}

START_TEST(timers_fire_once_and_in_order)
{
	struct alarm a[3] = { 0 };
	unsigned order = 0;
	int64_t now = loop_now_ns(loop);

	for (int i = 0; i < 3; i++) {
		a[i].order = &order;
		loop_timer_set(loop, &a[i].timer, now + (3 - i) * MS, on_alarm);
	}
	ck_assert_int_eq(loop_turn(loop, 0), 0);
	clock_advance_us(clk, 999);
	ck_assert_int_eq(loop_turn(loop, 0), 0);
	clock_advance_us(clk, 1);
	ck_assert_int_eq(loop_turn(loop, 0), 1);
	ck_assert_uint_eq(a[2].calls, 1);
	clock_advance_us(clk, 5000);
	ck_assert_int_eq(loop_turn(loop, 0), 2);
	ck_assert_uint_eq(a[1].rank, 1);
	ck_assert_uint_eq(a[0].rank, 2);
	clock_advance_us(clk, 5000);
	ck_assert_int_eq(loop_turn(loop, 0), 0);
}
END_TEST

START_TEST(timers_are_moved)
{
	struct alarm a = { 0 }, b = { 0 };
	int64_t now = loop_now_ns(loop);

	loop_timer_set(loop, &a.timer, now + 1 * MS, on_alarm);
	loop_timer_set(loop, &b.timer, now + 2 * MS, on_alarm);
	/* Later, later, then earlier than that but later than at first. */
	loop_timer_set(loop, &a.timer, now + 5 * MS, on_alarm);
	loop_timer_set(loop, &a.timer, now + 9 * MS, on_alarm);
	loop_timer_set(loop, &a.timer, now + 4 * MS, on_alarm);
	clock_advance_us(clk, 2000);
	loop_turn(loop, 0);
	ck_assert_uint_eq(a.calls, 0);
	ck_assert_uint_eq(b.calls, 1);
	clock_advance_us(clk, 2000);
	loop_turn(loop, 0);
	ck_assert_uint_eq(a.calls, 1);
	/* Earlier. */
	loop_timer_set(loop, &a.timer, now + 90 * MS, on_alarm);
	loop_timer_set(loop, &a.timer, now + 5 * MS, on_alarm);
	clock_advance_us(clk, 1000);
	loop_turn(loop, 0);
	ck_assert_uint_eq(a.calls, 2);
	loop_timer_cancel(loop, &a.timer);
	loop_timer_set(loop, &a.timer, now + 6 * MS, on_alarm);
	loop_timer_cancel(loop, &a.timer);
	clock_advance_us(clk, 9000);
	ck_assert_int_eq(loop_turn(loop, 0), 0);
}
END_TEST

START_TEST(a_timer_that_arms_itself_does_not_starve_the_turn)
{
	struct alarm a = { .again = 1 };

	loop_timer_set(loop, &a.timer, 0, on_alarm);
	ck_assert_int_eq(loop_turn(loop, -1), 1);
	ck_assert_int_eq(loop_turn(loop, -1), 1);
	loop_timer_cancel(loop, &a.timer);
}
END_TEST

/* Against a plain list: set, moved and cancelled at random, the same ones fire in each turn, in order of time. */
START_TEST(timers_agree_with_a_list)
{
	enum { N = 200, ROUNDS = 1000 };
	static struct alarm a[N];
	static int64_t due[N];
	struct rnd *r = rnd_new_seeded(7);

	for (int round = 0; round < ROUNDS; round++) {
		int64_t now = clock_mono_ns(clk), last = 0;
		unsigned order = 0;

		for (int k = 0; k < 20; k++) {
			size_t i = rnd_below(r, N);

			if (rnd_below(r, 4) == 0) {
				loop_timer_cancel(loop, &a[i].timer);
				due[i] = 0;
			} else {
				due[i] = now + (int64_t)rnd_below(r, 100 * MS) + 1;
				loop_timer_set(loop, &a[i].timer, due[i], on_alarm);
			}
		}
		clock_advance_us(clk, (int64_t)rnd_below(r, 20000));
		now = clock_mono_ns(clk);
		for (int i = 0; i < N; i++) {
			a[i].order = &order;
			a[i].calls = 0;
		}
		loop_turn(loop, 0);
		for (unsigned rank = 0; rank < order; rank++)
			for (int i = 0; i < N; i++)
				if (a[i].calls && a[i].rank == rank) {
					ck_assert_int_ge(due[i], last);
					last = due[i];
				}
		for (int i = 0; i < N; i++) {
			bool must = due[i] && due[i] <= now;

			ck_assert_uint_eq(a[i].calls, must);
			if (must)
				due[i] = 0;
		}
	}
	rnd_free(r);
}
END_TEST

START_TEST(waits_for_the_timer)
{
	struct alarm a = { 0 };
	int64_t at = clock_mono_ns(clk) + 3 * MS;

	loop_timer_set(loop, &a.timer, at, on_alarm);
	ck_assert_int_eq(loop_turn(loop, -1), 1);
	ck_assert_int_ge(clock_mono_ns(clk), at);
	ck_assert_int_ge(a.fired_at, at);
}
END_TEST

/* --- tasks */

struct job {
	struct loop_task task;
	unsigned calls, rank, *order;
	struct job *defers, *cancels;
};

static void on_job(struct loop *l, struct loop_task *t)
{
	struct job *j = CONTAINER_OF(t, struct job, task);

	j->calls++;
	if (j->order)
		j->rank = (*j->order)++;
	if (j->defers)
		loop_defer(l, &j->defers->task, on_job);
	if (j->cancels)
		loop_defer_cancel(l, &j->cancels->task);
}

START_TEST(deferred_calls_come_at_the_end_of_the_turn)
{
	struct job a = { 0 }, b = { 0 };
	struct alarm timer = { 0 };
	unsigned order = 0;

	a.order = b.order = timer.order = &order;
	loop_defer(loop, &b.task, on_job);
	loop_defer(loop, &a.task, on_job);
	loop_defer(loop, &b.task, on_job);
	loop_timer_set(loop, &timer.timer, 0, on_alarm);
	ck_assert_int_eq(loop_turn(loop, -1), 3);
	ck_assert_uint_eq(timer.rank, 0);
	ck_assert_uint_eq(b.rank, 1);
	ck_assert_uint_eq(a.rank, 2);
	ck_assert_int_eq(loop_turn(loop, 0), 0);
}
END_TEST

START_TEST(a_deferred_call_that_defers_comes_in_the_next_turn)
{
	struct job a = { 0 };

	a.defers = &a;
	loop_defer(loop, &a.task, on_job);
	ck_assert_int_eq(loop_turn(loop, -1), 1);
	ck_assert_int_eq(loop_turn(loop, -1), 1);
	ck_assert_uint_eq(a.calls, 2);
	loop_defer_cancel(loop, &a.task);
	ck_assert_int_eq(loop_turn(loop, 0), 0);
}
END_TEST

START_TEST(deferred_calls_are_taken_back)
{
	struct job a = { 0 }, b = { 0 }, c = { 0 };

	loop_defer(loop, &a.task, on_job);
	loop_defer(loop, &b.task, on_job);
	loop_defer(loop, &c.task, on_job);
	loop_defer_cancel(loop, &c.task);
	loop_defer_cancel(loop, &c.task);
	loop_defer(loop, &c.task, on_job);
	/* While the queue runs, too. */
	a.cancels = &c;
	ck_assert_int_eq(loop_turn(loop, 0), 2);
	ck_assert_uint_eq(b.calls, 1);
	ck_assert_uint_eq(c.calls, 0);
}
END_TEST

START_TEST(posts_come_in_order)
{
	struct job j[5] = { 0 };
	unsigned order = 0;

	for (int i = 0; i < 5; i++)
		j[i].order = &order;
	loop_post(loop, &j[0].task, on_job);
	for (int i = 1; i < 4; i++) {
		j[i].task.fn = on_job;
		j[i].task.next = &j[i + 1].task;
	}
	loop_post_chain(loop, &j[1].task, &j[3].task);
	loop_post(loop, &j[4].task, on_job);
	ck_assert_int_eq(loop_turn(loop, -1), 5);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_uint_eq(j[i].rank, i);
}
END_TEST

enum { POSTERS = 4, POSTS = 20000 };

struct poster {
	unsigned seen; /* by the loop */
	struct note {
		struct loop_task task;
		struct poster *from;
		unsigned number;
	} notes[POSTS];
};

static void on_note(struct loop *l, struct loop_task *t)
{
	struct note *n = CONTAINER_OF(t, struct note, task);
	unsigned *total = loop_user(l);

	ck_assert_uint_eq(n->number, n->from->seen);
	n->from->seen++;
	if (++*total == POSTERS * POSTS)
		loop_stop(l);
}

static struct loop *target;

static void *post_all(void *arg)
{
	struct poster *p = arg;

	for (unsigned i = 0; i < POSTS; i++) {
		p->notes[i].from = p;
		p->notes[i].number = i;
		loop_post(target, &p->notes[i].task, on_note);
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

START_TEST(posts_of_threads_all_come)
{
	pthread_t threads[POSTERS];
	struct poster *posters = calloc(POSTERS, sizeof(*posters));
	unsigned total = 0;

	target = loop_new(clk, 0, &total);
	for (int i = 0; i < POSTERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, post_all, &posters[i]), 0);
	loop_run(target);
	for (int i = 0; i < POSTERS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(total, POSTERS * POSTS);
	loop_free(target);
	free(posters);
}
END_TEST

static void *stop_it(void *arg)
{
	loop_stop(arg);
	return NULL;
}

START_TEST(stops)
{
	pthread_t thread;

	/* Before the run. */
	loop_stop(loop);
	loop_run(loop);
	/* By another thread, now or while it sleeps. */
	for (int i = 0; i < 200; i++) {
		ck_assert_int_eq(pthread_create(&thread, NULL, stop_it, loop), 0);
		loop_run(loop);
		pthread_join(thread, NULL);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/loop");
	TCase *t = tcase_create("fake clock"), *real = tcase_create("real clock");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, knows_itself);
	tcase_add_test(t, tells_what_is_asked);
	tcase_add_test(t, tells_hang_up);
	tcase_add_test(t, no_event_after_removal);
	tcase_add_test(t, no_event_of_a_closed_descriptor_for_its_heir);
	tcase_add_test(t, no_event_that_is_asked_no_more);
	tcase_add_test(t, refuses_a_descriptor_that_cannot_wait);
	tcase_add_test(t, timers_fire_once_and_in_order);
	tcase_add_test(t, timers_are_moved);
	tcase_add_test(t, a_timer_that_arms_itself_does_not_starve_the_turn);
	tcase_add_test(t, timers_agree_with_a_list);
	tcase_add_test(t, deferred_calls_come_at_the_end_of_the_turn);
	tcase_add_test(t, a_deferred_call_that_defers_comes_in_the_next_turn);
	tcase_add_test(t, deferred_calls_are_taken_back);
	tcase_add_test(t, posts_come_in_order);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(real, setup_real, teardown);
	tcase_set_timeout(real, 60);
	tcase_add_test(real, waits_for_the_timer);
	tcase_add_test(real, posts_of_threads_all_come);
	tcase_add_test(real, stops);
	suite_add_tcase(s, real);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
