/* SPDX-License-Identifier: Apache-2.0 */
/* The rig's store and security under a second gate, on real time and several loops, each with a thread of its own. */
#ifndef TESTS_CORE_STORM_H
#define TESTS_CORE_STORM_H

#include <pthread.h>

#include "tests/unit/core/rig.h"

enum { STORM_MOST = 8 };

struct storm_gale {
	struct clock *clock;
	struct gate *gate;
	struct loop *loops[STORM_MOST];
	struct stats *stats[STORM_MOST]; /* none */
	pthread_t threads[STORM_MOST];
	unsigned n;
};

static inline void storm_open(struct storm_gale *s, struct rig *g, unsigned n)
{
	struct gate_opts go = { .conf = g->conf, .rnd = g->rnd, .self = rig_self(), .store = g->store, .security = g->security,
		                    .workers = g->workers, .n_loops = n, .clock = g->clock, .loops = s->loops, .stats = s->stats };
	struct why why = { .rsc = RSC_NONE };

	ck_assert_uint_le(n, STORM_MOST);
	s->n = n;
	s->clock = clock_new();
	for (unsigned i = 0; i < n; i++)
		s->loops[i] = loop_new(s->clock, i, NULL);
	ck_assert_msg(gate_new(&go, &s->gate, &why) == 0, "%s", why.text);
}

static inline void *storm_thread(void *loop)
{
	loop_run(loop);
	return NULL;
}

/* Each loop begins with its task; tasks[i] belongs to loop i, `stride` bytes apart. */
static inline void storm_begin(struct storm_gale *s, void *tasks, size_t stride, loop_task_fn *begin)
{
	for (unsigned i = 0; i < s->n; i++) {
		loop_post(s->loops[i], (struct loop_task *)(void *)((char *)tasks + i * stride), begin);
		ck_assert_int_eq(pthread_create(&s->threads[i], NULL, storm_thread, s->loops[i]), 0);
	}
}

/* Until every loop has been stopped by its own. */
static inline void storm_wait(struct storm_gale *s)
{
	for (unsigned i = 0; i < s->n; i++)
		pthread_join(s->threads[i], NULL);
}

/* What is on its way between loops and the writer arrives. */
static inline void storm_settle(struct storm_gale *s, struct rig *g, unsigned rounds)
{
	for (unsigned k = 0; k < rounds; k++) {
		store_flush(g->store);
		for (unsigned i = 0; i < s->n; i++)
			loop_turn(s->loops[i], 0);
	}
}

/* A request to that gate.  Its identifier is that of who asks: one at a time. */
static inline struct prim *storm_ask(struct storm_gale *s, struct loop *l, const void *who, enum op op, struct str to, struct str fr,
                                     struct request **r)
{
	struct prim *p = request_prim(*r = gate_open(s->gate, l));

	p->op = op;
	p->to = arena_str(p->arena, to);
	p->fr = arena_str(p->arena, fr);
	p->rqi = arena_printf(p->arena, "%p", who);
	p->rvi_text = STR("3");
	p->has = 1u << P_OP | 1u << P_TO | 1u << P_FR | 1u << P_RQI | 1u << P_RVI;
	return p;
}

/* Its content in JSON; ty 0: none is said. */
static inline void storm_content(struct storm_gale *s, struct prim *p, unsigned ty, struct str json)
{
	p->has |= 1u << P_PC | (ty ? 1u << P_TY : 0);
	p->ty = ty;
	ck_assert_int_eq(codec_json.decode_content(p->arena, arena_str(p->arena, json), gate_limits(s->gate), &p->pc, &p->why), RSC_NONE);
}

static inline void storm_close(struct storm_gale *s)
{
	gate_free(s->gate);
	for (unsigned i = 0; i < s->n; i++)
		loop_free(s->loops[i]);
	clock_free(s->clock);
}

#endif
