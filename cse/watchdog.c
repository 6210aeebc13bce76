/* SPDX-License-Identifier: Apache-2.0 */
/* Loop 0 asks the others whether they turn, and tells the service manager when all have said so. */
#include "cse/watchdog.h"

#include <stdlib.h>

#include "cse/base/sd.h"

enum { IN_TIME = 4 /* signs within the time in which one is wanted */ };

struct sign {
	struct loop_task task;
	_Atomic bool due; /* posted, and not yet carried out */
};

struct watchdog {
	struct cse *cse;
	struct loop_timer timer;
	int64_t step_ns;
	struct sign sign[]; /* one for each loop */
};

static void turned(struct loop *l, struct loop_task *t)
{
	(void)l;
	atomic_store_explicit(&CONTAINER_OF(t, struct sign, task)->due, false, memory_order_release);
}

static void ask(struct loop *l, struct loop_timer *t)
{
	struct watchdog *w = CONTAINER_OF(t, struct watchdog, timer);
	bool all = true;

	for (unsigned i = 0; i < w->cse->n_loops; i++)
		all &= !atomic_load_explicit(&w->sign[i].due, memory_order_acquire);
	if (all) {
		sd_alive(w->cse->sd);
		for (unsigned i = 0; i < w->cse->n_loops; i++) {
			atomic_store_explicit(&w->sign[i].due, true, memory_order_relaxed);
			loop_post(w->cse->loops[i], &w->sign[i].task, turned);
		}
	}
	loop_timer_set(l, t, loop_now_ns(l) + w->step_ns, ask);
}

struct watchdog *watchdog_new(struct cse *c)
{
	if (!c->sd || c->sd->watchdog_ns == 0)
		return NULL;
	struct watchdog *w = calloc(1, sizeof(*w) + c->n_loops * sizeof(w->sign[0]));
	REQUIRE(w);
	w->cse = c;
	w->step_ns = c->sd->watchdog_ns / IN_TIME;
	loop_timer_set(c->loops[0], &w->timer, loop_now_ns(c->loops[0]) + w->step_ns, ask);
	return w;
}

void watchdog_free(struct watchdog *w)
{
	if (!w)
		return;
	loop_timer_cancel(w->cse->loops[0], &w->timer);
	for (unsigned i = 0; i < w->cse->n_loops; i++)
		loop_settle(w->cse->loops[i]);
	free(w);
}
