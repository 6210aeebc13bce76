/* SPDX-License-Identifier: Apache-2.0 */
/* Workers: jobs run elsewhere, results come home to the loop. */
#include "cse/base/work.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cse/base/check.h"
#include "cse/base/clock.h"

struct job {
	struct work work;
	pthread_t ran_on, done_on;
	int nice, runs, dones, drops;
	sem_t *begun, *go;
	unsigned *left;
};

static void run(struct work *w)
{
	struct job *j = CONTAINER_OF(w, struct job, work);

	j->runs++;
	j->ran_on = pthread_self();
	j->nice = getpriority(PRIO_PROCESS, (id_t)gettid());
	if (j->begun)
		sem_post(j->begun);
	if (j->go)
		while (sem_wait(j->go) != 0 && errno == EINTR)
			;
}

static void done(struct work *w)
{
	struct job *j = CONTAINER_OF(w, struct job, work);

	j->dones++;
	j->done_on = pthread_self();
	if (--*j->left == 0)
		loop_stop(w->loop);
}

static void dropped(struct work *w)
{
	CONTAINER_OF(w, struct job, work)->drops++;
}

START_TEST(results_come_home)
{
	enum { N = 500 };
	struct clock *clk = clock_new();
	struct loop *loop = loop_new(clk, 0, NULL);
	struct workers *w = workers_new(3);
	struct job *jobs = calloc(N, sizeof(*jobs));
	unsigned left = N;
	int mine = getpriority(PRIO_PROCESS, 0), expect = mine + 5 > 19 ? 19 : mine + 5;

	ck_assert_ptr_nonnull(w);
	for (int i = 0; i < N; i++) {
		jobs[i].work = (struct work){ .run = run, .done = done, .loop = loop };
		jobs[i].left = &left;
		workers_submit(w, &jobs[i].work);
	}
	loop_run(loop);
	for (int i = 0; i < N; i++) {
		ck_assert_int_eq(jobs[i].runs, 1);
		ck_assert_int_eq(jobs[i].dones, 1);
		ck_assert(!pthread_equal(jobs[i].ran_on, pthread_self()));
		ck_assert(pthread_equal(jobs[i].done_on, pthread_self()));
		ck_assert_int_eq(jobs[i].nice, expect);
	}
	workers_free(w);
	free(jobs);
	loop_free(loop);
	clock_free(clk);
}
END_TEST

static void *end_workers(void *w)
{
	workers_free(w);
	return NULL;
}

START_TEST(what_waits_is_dropped_what_runs_ends)
{
	struct workers *w = workers_new(1);
	struct job running = { .work = { .run = run } }, waiting = { .work = { .run = run, .drop = dropped } };
	sem_t begun, go;
	pthread_t thread;

	sem_init(&begun, 0, 0);
	sem_init(&go, 0, 0);
	running.begun = &begun;
	running.go = &go;
	workers_submit(w, &running.work);
	sem_wait(&begun);
	workers_submit(w, &waiting.work);
	ck_assert_int_eq(pthread_create(&thread, NULL, end_workers, w), 0);
	/* The end is on its way or here; the second job may begin only if it overtook the end. */
	sem_post(&go);
	pthread_join(thread, NULL);
	ck_assert_int_eq(running.runs, 1);
	ck_assert_int_eq(waiting.runs + waiting.drops, 1);
	workers_free(NULL);
}
END_TEST

/* For an end at which others still hand over jobs. */
START_TEST(what_comes_after_the_end_is_dropped)
{
	struct workers *w = workers_new(2);
	struct job late = { .work = { .run = run, .drop = dropped } };

	workers_end(w);
	workers_submit(w, &late.work);
	workers_end(w);
	workers_free(w);
	ck_assert_int_eq(late.runs, 0);
	ck_assert_int_eq(late.drops, 1);
}
END_TEST

static void free_itself(struct work *w)
{
	free(CONTAINER_OF(w, struct job, work));
}

START_TEST(a_job_without_done_may_free_itself)
{
	struct workers *w = workers_new(2);

	for (int i = 0; i < 100; i++) {
		struct job *j = calloc(1, sizeof(*j));

		j->work.run = free_itself;
		workers_submit(w, &j->work);
	}
	/* Runs behind all others of the queue. */
	struct job last[2] = { { .work = { .run = run } }, { .work = { .run = run } } };
	sem_t begun;

	sem_init(&begun, 0, 0);
	last[0].begun = last[1].begun = &begun;
	workers_submit(w, &last[0].work);
	workers_submit(w, &last[1].work);
	sem_wait(&begun);
	sem_wait(&begun);
	workers_free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/work");
	TCase *t = tcase_create("work");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, results_come_home);
	tcase_add_test(t, what_waits_is_dropped_what_runs_ends);
	tcase_add_test(t, what_comes_after_the_end_is_dropped);
	tcase_add_test(t, a_job_without_done_may_free_itself);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
