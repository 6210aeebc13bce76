/* SPDX-License-Identifier: Apache-2.0 */
/* Worker threads at lower priority for what must not stop a loop; results come back as a task on a loop. */
#ifndef BASE_WORK_H
#define BASE_WORK_H

#include "cse/base/loop.h"

struct workers;
struct work {
	struct loop_task task;          /* first: the way back */
	struct work *next;
	void (*run)(struct work *);     /* on a worker thread; without done() it may free the job */
	void (*done)(struct work *);    /* on `loop`; may be NULL */
	void (*drop)(struct work *);    /* instead of both, when the end comes first; may be NULL */
	struct loop *loop;
};

/* NULL when the kernel gives no threads.  They take no signals. */
struct workers *workers_new(unsigned threads);
/* The threads end: waits for what runs.  What still waits, and what is submitted from now on, is dropped: drop() is called and neither run()
 * nor done(). */
void workers_end(struct workers *w);
/* Ends them when that was not done. */
void workers_free(struct workers *w);
/* The job is the workers' until done() is called. First in, first out. */
void workers_submit(struct workers *w, struct work *job);

#endif
