/* SPDX-License-Identifier: Apache-2.0 */
/* Worker threads: one queue, first in first out, results back through the loop's inbox. */
#include "cse/base/work.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cse/base/check.h"

enum { NICE = 5 }; /* the loops go first */

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t wanted; /* a job waits, or the end has come */
	struct work *first, **last;
	bool ending;
	unsigned n;
	pthread_t threads[];
};

static void finished(struct loop *l, struct loop_task *t)
{
	struct work *job = CONTAINER_OF(t, struct work, task);

	(void)l;
	job->done(job);
}

/* The next job, or NULL at the end. */
static struct work *take(struct workers *w)
{
	struct work *job = NULL;

	pthread_mutex_lock(&w->lock);
	while (!w->ending && w->first == NULL)
		pthread_cond_wait(&w->wanted, &w->lock);
	if (!w->ending) {
		job = w->first;
		w->first = job->next;
		if (w->first == NULL)
			w->last = &w->first;
	}
	pthread_mutex_unlock(&w->lock);
	return job;
}

static void *work_thread(void *arg)
{
	struct workers *w = arg;
	struct work *job;

	/* Linux: of this thread alone. */
	(void)!nice(NICE);
	pthread_setname_np(pthread_self(), "troth-work");
	while ((job = take(w))) {
		/* Without done() the job may free itself. */
		void (*done)(struct work *) = job->done;

		job->run(job);
		if (done)
			loop_post(job->loop, &job->task, finished);
	}
	return NULL;
}

struct workers *workers_new(unsigned threads)
{
	struct workers *w = calloc(1, sizeof(*w) + threads * sizeof(w->threads[0]));
	sigset_t all, before;

	REQUIRE(w != NULL && threads > 0);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wanted, NULL);
	w->last = &w->first;
	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (w->n < threads && pthread_create(&w->threads[w->n], NULL, work_thread, w) == 0)
		w->n++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (w->n < threads) {
		workers_free(w);
		return NULL;
	}
	return w;
}

static void drop(struct work *job)
{
	if (job->drop)
		job->drop(job);
}

void workers_end(struct workers *w)
{
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_broadcast(&w->wanted);
	pthread_mutex_unlock(&w->lock);
	for (; w->n > 0; w->n--)
		pthread_join(w->threads[w->n - 1], NULL);
	/* No thread is left, and none comes in: nobody else looks at the queue. */
	for (struct work *job = w->first, *next; job; job = next) {
		next = job->next;
		drop(job);
	}
	w->first = NULL;
	w->last = &w->first;
}

void workers_free(struct workers *w)
{
	if (w == NULL)
		return;
	workers_end(w);
	pthread_cond_destroy(&w->wanted);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void workers_submit(struct workers *w, struct work *job)
{
	REQUIRE(job->run != NULL && (job->done == NULL || job->loop != NULL));
	job->next = NULL;
	job->task = (struct loop_task){ 0 };
	pthread_mutex_lock(&w->lock);
	bool ending = w->ending;
	if (!ending) {
		*w->last = job;
		w->last = &job->next;
		pthread_cond_signal(&w->wanted);
	}
	pthread_mutex_unlock(&w->lock);
	if (ending)
		drop(job);
}
