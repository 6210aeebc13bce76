/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queues of what is to be sent: one for each target and loop.  What fails is tried again after a growing pause, one attempt
 * at a time; what somebody waits for is tried once, and its failure is told at the same time whatever the cause, so that
 * nobody learns by asking what lies behind an address (security-model 3.4, engine.md 4.4).
 */
#include "cse/core/out_priv.h"

#include <stdlib.h>

#include "cse/base/err.h"
#include "cse/base/log.h"
#include "cse/base/rand.h"
#include "cse/base/stat.h"
#include "security/target.h"

enum { POOL_JOBS = 4096, POOL_FLIGHTS = 64, FLIGHT_ARENA = 1024, WATCH_MS = 1000, IDLE_MS = 60000, TELL_MS = 1000 };
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

static void on_task(struct loop *l, struct loop_task *t);
static void on_watch(struct loop *l, struct loop_timer *t);
static void on_retry(struct loop *l, struct loop_timer *t);
static void on_job_timer(struct loop *l, struct loop_timer *t);
static void fly(struct out_job *j);

static int64_t now_of(const struct out_lane *lane)
{
	return loop_now_ns(lane->loop);
}

static struct stats *stats_of(const struct out_lane *lane)
{
	return lane->out->gate->lanes[loop_index(lane->loop)].stats;
}

/* --- what feeds a full queue ---------------------------------------------------------------------------------------- */

static _Atomic uint32_t *pressed_at(struct out *o, uint32_t feeder)
{
	return &o->pressed[feeder % OUT_PRESSED];
}

bool out_is_pressed(const struct out *o, uint32_t feeder)
{
	return feeder && atomic_load_explicit(&o->pressed[feeder % OUT_PRESSED], memory_order_relaxed) > 0;
}

static void unpress(struct out_lane *lane, struct out_job *j)
{
	if (!j->pressing)
		return;
	j->pressing = false;
	atomic_fetch_sub_explicit(pressed_at(lane->out, j->m->feeder), 1, memory_order_relaxed);
}

/* --- targets -------------------------------------------------------------------------------------------------------- */

static struct out_target *target_of(struct out_lane *lane, const struct out_msg *m)
{
	struct out *o = lane->out;
	uint64_t h = str_hash(m->target, o->seed) ^ (m->creator.n ? str_hash(m->creator, o->seed) * 31 : 0);
	struct out_target **bucket = &lane->targets[h % OUT_BUCKETS], *t;

	for (t = *bucket; t; t = t->next)
		if (t->hash == h && str_eq(t->name, m->target) && str_eq(t->creator, m->creator))
			return t;
	t = calloc(1, sizeof(*t) + m->target.n + m->creator.n);
	REQUIRE(t != NULL);
	t->magic = OUT_TARGET_MAGIC;
	t->lane = lane;
	t->hash = h;
	memcpy(t + 1, m->target.p, m->target.n);
	if (m->creator.n)
		memcpy((char *)(t + 1) + m->target.n, m->creator.p, m->creator.n);
	t->name = str_make((char *)(t + 1), m->target.n);
	t->creator = str_make((char *)(t + 1) + m->target.n, m->creator.n);
	out_ring(&t->jobs);
	out_ring(&t->ready);
	out_ring(&t->urgent);
	t->next = *bucket;
	*bucket = t;
	lane->n_targets++;
	out_link_before(&lane->all, &t->all);
	if (!lane->watch.pos)
		loop_timer_set(lane->loop, &lane->watch, now_of(lane) + WATCH_MS * NS_PER_MS, on_watch);
	return t;
}

static void target_free(struct out_target *t)
{
	struct out_lane *lane = t->lane;
	struct out_target **at = &lane->targets[t->hash % OUT_BUCKETS];

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	lane->n_targets--;
	out_unlink(&t->all);
	out_unlink(&t->dirty);
	loop_timer_cancel(lane->loop, &t->retry);
	out_route_unref(t->route);
	t->magic = 0;
	free(t);
}

static void wake(struct out_target *t)
{
	struct out_lane *lane = t->lane;

	CHECK(t, OUT_TARGET);
	if (!t->dirty.next)
		out_link_before(&lane->dirty, &t->dirty);
	loop_defer(lane->loop, &lane->task, on_task);
}

/* --- orders --------------------------------------------------------------------------------------------------------- */

static struct out_group **group_at(struct out_lane *lane, const struct out_target *t, uint64_t order)
{
	struct out_group **at = &lane->groups[(t->hash ^ order * UINT64_C(0x9e3779b97f4a7c15)) % OUT_BUCKETS];

	while (*at && ((*at)->target != t || (*at)->order != order))
		at = &(*at)->next;
	return at;
}

/* Into its target's ring, or behind another of its order. */
static void line_up(struct out_job *j)
{
	struct out_target *t = j->target;
	struct out_lane *lane = t->lane;
	struct out_group **at;

	if (j->m->order) {
		at = group_at(lane, t, j->m->order);
		if (*at) {
			j->group = *at;
			j->state = JOB_HELD;
			out_link_before(&j->group->held, &j->turn);
			return;
		}
		j->group = lane->spare_groups;
		if (j->group)
			lane->spare_groups = j->group->next;
		else
			j->group = malloc(sizeof(*j->group));
		REQUIRE(j->group != NULL);
		*j->group = (struct out_group){ .target = t, .order = j->m->order };
		out_ring(&j->group->held);
		*at = j->group;
	}
	j->state = JOB_READY;
	out_link_before(j->m->once ? &t->urgent : &t->ready, &j->turn);
}

/* The next of its order has its turn. */
static void leave_group(struct out_job *j)
{
	struct out_group *g = j->group;
	struct out_target *t = j->target;
	struct out_lane *lane = t->lane;

	j->group = NULL;
	if (!g || j->state == JOB_HELD)
		return;
	if (out_ring_empty(&g->held)) {
		struct out_group **at = group_at(lane, t, g->order);

		*at = g->next;
		g->next = lane->spare_groups;
		lane->spare_groups = g;
		return;
	}
	struct out_job *next = CONTAINER_OF(g->held.next, struct out_job, turn);
	out_unlink(&next->turn);
	next->state = JOB_READY;
	out_link_before(next->m->once ? &t->urgent : &t->ready, &next->turn);
}

/* --- the end of a message ------------------------------------------------------------------------------------------- */

static void land(struct out_job *j)
{
	struct out_flight *f = j->flight;
	struct out_target *t = j->target;
	struct out_lane *lane = t->lane;

	j->flight = NULL;
	t->flying--;
	t->patient -= f->end_ns == 0;
	atomic_fetch_sub_explicit(&lane->out->in_flight, 1, memory_order_relaxed);
	loop_timer_cancel(lane->loop, &f->timer);
	out_route_unref(f->route);
	f->route = NULL;
	if (lane->n_flights >= POOL_FLIGHTS) {
		arena_fini(&f->mem);
		free(f);
		return;
	}
	arena_reset(&f->mem);
	f->next = lane->flights;
	lane->flights = f;
	lane->n_flights++;
}

/* Takes the job out of everything but its message. */
static void withdraw(struct out_job *j)
{
	struct out_target *t = j->target;
	struct out_lane *lane = t->lane;

	if (j->flight) {
		const struct out_point *p = &j->flight->route->points[j->flight->point];

		p->kind->cancel(p->ctx, &j->flight->carry);
		land(j);
	}
	unpress(lane, j);
	leave_group(j);
	out_unlink(&j->turn);
	out_unlink(&j->all);
	loop_timer_cancel(lane->loop, &j->timer);
	if (j->state != JOB_OVER) {
		t->n_jobs--;
		t->bytes -= j->bytes;
		atomic_fetch_sub_explicit(&lane->out->waiting, 1, memory_order_relaxed);
	}
}

static void recycle(struct out_lane *lane, struct out_job *j)
{
	if (lane->n_jobs >= POOL_JOBS) {
		free(j);
		return;
	}
	j->next = lane->jobs;
	lane->jobs = j;
	lane->n_jobs++;
}

/* Tells the sender.  The message is gone afterwards. */
static void finish(struct out_job *j, const struct out_result *r)
{
	struct out_target *t = j->target;
	struct out_msg *m = j->m;

	withdraw(j);
	recycle(t->lane, j);
	m->state = NULL;
	wake(t);
	m->done(m, r);
}

/* The same at the end of this turn, for callers in whose midst the sender must not be called. */
static void finish_later(struct out_job *j, int err)
{
	struct out_target *t = j->target;
	struct out_lane *lane = t->lane;

	withdraw(j);
	j->state = JOB_OVER;
	j->err = err;
	out_link_before(&lane->over, &j->turn);
	wake(t);
}

/* --- attempts ------------------------------------------------------------------------------------------------------- */

/* The target has failed: a pause before what is next. */
static void falter(struct out_target *t)
{
	struct out_lane *lane = t->lane;
	int64_t pause = NS_PER_S, now = now_of(lane), most = gate_settings(lane->out->gate)->notify_pause_ns;

	/* Several attempts that fail together are one failure. */
	if (t->failures && now < t->next_ns)
		return;
	if (t->failures == 0)
		for (struct out_link *l = t->jobs.next; l != &t->jobs; l = l->next)
			unpress(lane, CONTAINER_OF(l, struct out_job, all));
	for (unsigned i = 0; i < t->failures && pause < most; i++)
		pause *= 2;
	if (pause > most)
		pause = most;
	t->failures++;
	/* Targets that failed together do not come back together. */
	t->next_ns = now + pause + (int64_t)rnd_below(lane->out->gate->o.rnd, (uint64_t)pause / 4 + 1);
}

/* The attempt is over without an answer. */
static void attempt_failed(struct out_job *j, int err)
{
	struct out_target *t = j->target;
	struct out_lane *lane = t->lane;

	land(j);
	if (err == E_ABSENT || err == E_FULL || err == E_TIMEOUT) {
		/* A polling channel that ended, that is full, or whose owner did not answer. */
		struct out_result r = { .err = err };

		finish(j, &r);
		return;
	}
	falter(t);
	stat_add(stats_of(lane), STAT_NOTIFY_FAILED, 1);
	if (j->m->once) {
		j->state = JOB_FAILED;
		if (j->end_ns > now_of(lane))
			return;
		finish(j, &(struct out_result){ .err = E_CLOSED });
		return;
	}
	/* Back to its place: those that failed with it may have been older. */
	struct out_link *at = t->ready.next;
	while (at != &t->ready && CONTAINER_OF(at, struct out_job, turn)->seq < j->seq)
		at = at->next;
	j->state = JOB_READY;
	out_link_before(at, &j->turn);
	wake(t);
}

/* The next point of access, when there is one and time. */
static bool try_next(struct out_flight *f)
{
	if (f->point + 1 >= f->route->n || (f->end_ns && now_of(f->job->target->lane) >= f->end_ns))
		return false;
	f->point++;
	fly(f->job);
	return true;
}

static void on_done(struct carry *c, const struct out_result *r)
{
	struct out_job *j = c->arg;
	struct out_flight *f = j->flight;
	struct out_target *t = j->target;

	CHECK(c, CARRY);
	REQUIRE(f && &f->carry == c);
	if (r->err != 0) {
		/* TS-0004 7.3.3.9.1: the next address when this one cannot be reached. */
		if (!try_next(f))
			attempt_failed(j, r->err);
		return;
	}
	t->failures = 0;
	stat_add(stats_of(t->lane), STAT_NOTIFY_SENT, 1);
	land(j);
	finish(j, r);
}

static void on_attempt_end(struct loop *l, struct loop_timer *timer)
{
	struct out_flight *f = CONTAINER_OF(timer, struct out_flight, timer);
	const struct out_point *p = &f->route->points[f->point];

	(void)l;
	p->kind->cancel(p->ctx, &f->carry);
	if (!try_next(f))
		attempt_failed(f->job, E_CLOSED);
}

/* Over the flight's present point of access. */
static void fly(struct out_job *j)
{
	struct out_flight *f = j->flight;
	const struct out_point *p = &f->route->points[f->point];
	struct out_lane *lane = j->target->lane;

	f->carry = (struct carry){ .magic = CARRY_MAGIC, .url = p->url, .at = p->at, .prim = &f->prim, .cred = p->cred,
		                   .names = p->names, .zone = p->zone, .deadline_ns = f->end_ns ? f->end_ns : j->end_ns,
		                   .done = on_done, .arg = j };
	/* Each address gets its part of the time that is left. */
	if (f->end_ns) {
		int64_t now = now_of(lane), left = (f->end_ns - now) / (int64_t)(f->route->n - f->point);

		f->carry.deadline_ns = now + left;
		loop_timer_set(lane->loop, &f->timer, f->carry.deadline_ns, on_attempt_end);
	}
	p->kind->send(p->ctx, lane->loop, &f->carry);
}

static struct out_flight *flight_new(struct out_lane *lane)
{
	struct out_flight *f = lane->flights;

	if (f) {
		lane->flights = f->next;
		lane->n_flights--;
		return f;
	}
	f = calloc(1, sizeof(*f));
	REQUIRE(f != NULL);
	arena_init(&f->mem, FLIGHT_ARENA);
	return f;
}

/* The job has its turn. */
static void launch(struct out_job *j)
{
	struct out_target *t = j->target;
	struct out_lane *lane = t->lane;
	int64_t now = now_of(lane);
	struct out_flight *f;

	out_route_take(lane->out, t);
	if (t->route->err) {
		finish(j, &(struct out_result){ .err = t->route->err });
		return;
	}
	out_unlink(&j->turn);
	j->state = JOB_FLYING;
	f = j->flight = flight_new(lane);
	f->job = j;
	f->point = 0;
	f->route = t->route;
	f->route->refs++;
	f->end_ns = t->route->points[0].patient ? 0 : now + gate_settings(lane->out->gate)->notify_timeout_ns;
	if (f->end_ns && j->end_ns && j->end_ns < f->end_ns)
		f->end_ns = j->end_ns;
	if (f->end_ns == 0 && j->end_ns != j->m->deadline_ns) {
		/* Whoever polls is waited for as long as the message may last. */
		j->end_ns = j->m->deadline_ns;
		loop_timer_cancel(lane->loop, &j->timer);
		if (j->end_ns)
			loop_timer_set(lane->loop, &j->timer, j->end_ns, on_job_timer);
	}
	t->flying++;
	t->patient += f->end_ns == 0;
	t->last_ns = now;
	atomic_fetch_add_explicit(&lane->out->in_flight, 1, memory_order_relaxed);
	out_prim_make(lane, f, j->m, f->route);
	fly(j);
}

/* --- turns ---------------------------------------------------------------------------------------------------------- */

static struct out_job *first_of(const struct out_link *ring)
{
	return out_ring_empty(ring) ? NULL : CONTAINER_OF(ring->next, struct out_job, turn);
}

/* Who may fly now; NULL: nobody, and the retry timer is set when only time is missing. */
static struct out_job *whose_turn(struct out_target *t)
{
	struct out_lane *lane = t->lane;
	struct out_job *urgent = first_of(&t->urgent), *ready = first_of(&t->ready);
	unsigned most = OUT_CONNS / lane->out->n_lanes;
	int64_t now = now_of(lane), at;

	if (!urgent && !ready)
		return NULL;
	if (t->failures == 0)
		return t->flying - t->patient < (most ? most : 1) && t->patient < OUT_PATIENT ? (urgent ? urgent : ready) : NULL;
	/* One attempt a second at most while it fails, and one at a time. */
	if (t->flying)
		return NULL;
	if (urgent && now >= t->last_ns + NS_PER_S)
		return urgent;
	if (ready && now >= t->next_ns)
		return ready;
	at = ready ? t->next_ns : INT64_MAX;
	if (urgent && t->last_ns + NS_PER_S < at)
		at = t->last_ns + NS_PER_S;
	loop_timer_set(lane->loop, &t->retry, at, on_retry);
	return NULL;
}

static void on_retry(struct loop *l, struct loop_timer *timer)
{
	(void)l;
	wake(CONTAINER_OF(timer, struct out_target, retry));
}

static void on_task(struct loop *l, struct loop_task *task)
{
	struct out_lane *lane = CONTAINER_OF(task, struct out_lane, task);
	struct out_link over, dirty;

	(void)l;
	/* What comes while this goes on has its turn in the next. */
	out_ring(&over);
	out_ring(&dirty);
	while (!out_ring_empty(&lane->over)) {
		struct out_link *x = lane->over.next;

		out_unlink(x);
		out_link_before(&over, x);
	}
	while (!out_ring_empty(&lane->dirty)) {
		struct out_link *x = lane->dirty.next;

		out_unlink(x);
		out_link_before(&dirty, x);
	}
	for (struct out_job *j; (j = first_of(&over)); finish(j, &(struct out_result){ .err = j->err }))
		;
	while (!out_ring_empty(&dirty)) {
		struct out_target *t = CONTAINER_OF(dirty.next, struct out_target, dirty);

		out_unlink(&t->dirty);
		out_unlink(&t->all);
		out_link_before(&lane->all, &t->all);
		t->used_ns = now_of(lane);
		for (struct out_job *j; (j = whose_turn(t));)
			launch(j);
	}
}

static void on_job_timer(struct loop *l, struct loop_timer *timer)
{
	struct out_job *j = CONTAINER_OF(timer, struct out_job, timer);
	bool late = j->m->deadline_ns && loop_now_ns(l) >= j->m->deadline_ns;

	if (j->state == JOB_FLYING && j->flight->end_ns)
		falter(j->target);
	finish(j, &(struct out_result){ .err = late ? E_TIMEOUT : E_CLOSED });
}

/* Queues of who may no longer be reached, or whose creator may no longer speak, are not kept (security-model 2.5, 3.4). */
static void drop_denied(struct out_target *t)
{
	struct out_lane *lane = t->lane;

	if (t->n_jobs == 0 || !t->route || t->route->err || t->route->epoch == security_epoch(lane->out->gate->o.security))
		return;
	out_route_take(lane->out, t);
	while (t->route->err && !out_ring_empty(&t->jobs))
		finish_later(CONTAINER_OF(t->jobs.next, struct out_job, all), t->route->err);
}

static void tell_dropped(struct out_lane *lane)
{
	if (lane->dropped == lane->told_dropped)
		return;
	log_write(lane->out->gate->o.log, LOG_NOTIFY_DROPPED, "%llu notifications left full queues since the last such line",
	          (unsigned long long)(lane->dropped - lane->told_dropped));
	lane->told_dropped = lane->dropped;
}

static void on_watch(struct loop *l, struct loop_timer *timer)
{
	struct out_lane *lane = CONTAINER_OF(timer, struct out_lane, watch);
	int64_t now = loop_now_ns(l);

	for (struct out_link *x = lane->all.next, *next; x != &lane->all; x = next) {
		struct out_target *t = CONTAINER_OF(x, struct out_target, all);

		next = x->next;
		drop_denied(t);
		/* How it failed is remembered for a while. */
		if (t->n_jobs == 0 && out_ring_empty(&t->jobs) && !t->dirty.next &&
		    now - t->used_ns >= IDLE_MS * NS_PER_MS + (t->failures ? t->next_ns - t->last_ns : 0))
			target_free(t);
	}
	tell_dropped(lane);
	if (!out_ring_empty(&lane->all))
		loop_timer_set(l, timer, now + WATCH_MS * NS_PER_MS, on_watch);
}

/* --- from and to the senders ---------------------------------------------------------------------------------------- */

static void make_room(struct out_target *t)
{
	struct out_lane *lane = t->lane;
	const struct settings *s = gate_settings(lane->out->gate);

	/* The oldest that is not on its way already. */
	for (struct out_link *x = t->jobs.next, *next; x != &t->jobs; x = next) {
		struct out_job *j = CONTAINER_OF(x, struct out_job, all);

		if (t->n_jobs <= s->notify_queue && t->bytes <= s->notify_queue_bytes)
			return;
		next = x->next;
		if (j->state == JOB_FLYING)
			continue;
		lane->dropped++;
		stat_add(stats_of(lane), STAT_NOTIFY_DROPPED, 1);
		finish_later(j, E_FULL);
	}
}

static void press(struct out_job *j)
{
	struct out_target *t = j->target;
	struct out *o = t->lane->out;
	const struct settings *s = gate_settings(o->gate);

	if (!j->m->feeder || t->failures || (t->n_jobs < s->notify_queue / 2 && t->bytes < s->notify_queue_bytes / 2))
		return;
	j->pressing = true;
	atomic_fetch_add_explicit(pressed_at(o, j->m->feeder), 1, memory_order_relaxed);
}

void out_send(struct out *o, struct loop *l, struct out_msg *m)
{
	struct out_lane *lane;
	struct out_target *t;
	struct out_job *j;

	CHECK(o, OUT);
	CHECK(m, OUT_MSG);
	REQUIRE(m->target.n && m->done && (m->forward || m->root));
	lane = &o->lanes[loop_index(l)];
	t = target_of(lane, m);
	j = lane->jobs;
	if (j) {
		lane->jobs = j->next;
		lane->n_jobs--;
	} else {
		j = malloc(sizeof(*j));
		REQUIRE(j != NULL);
	}
	*j = (struct out_job){ .m = m, .target = t, .seq = ++lane->seq,
		                .bytes = m->bytes ? m->bytes : OUT_MSG_BYTES, .end_ns = m->deadline_ns };
	m->lane = lane;
	m->state = j;
	if (m->once) {
		int64_t end = now_of(lane) + gate_settings(o->gate)->notify_timeout_ns;

		if (!j->end_ns || end < j->end_ns)
			j->end_ns = end;
	}
	if (j->end_ns)
		loop_timer_set(l, &j->timer, j->end_ns, on_job_timer);
	out_link_before(&t->jobs, &j->all);
	t->n_jobs++;
	t->bytes += j->bytes;
	atomic_fetch_add_explicit(&o->waiting, 1, memory_order_relaxed);
	line_up(j);
	press(j);
	make_room(t);
	wake(t);
}

void out_cancel(struct out *o, struct out_msg *m)
{
	struct out_job *j = m->state;

	CHECK(o, OUT);
	if (!j)
		return;
	withdraw(j);
	wake(j->target);
	recycle(m->lane, j);
	m->state = NULL;
}

/* --- life ----------------------------------------------------------------------------------------------------------- */

unsigned out_in_flight(const struct out *o)
{
	return atomic_load_explicit(&o->in_flight, memory_order_relaxed);
}

unsigned out_waiting(const struct out *o)
{
	return atomic_load_explicit(&o->waiting, memory_order_relaxed);
}

const struct out_carrier *out_carrier_of(const struct out *o, struct str scheme)
{
	for (unsigned i = 0; i < o->n_carriers; i++)
		if (str_eqz(scheme, o->carriers[i].kind->scheme))
			return &o->carriers[i];
	return NULL;
}

void out_add_carrier(struct out *o, const struct carrier_kind *kind, void *ctx)
{
	CHECK(o, OUT);
	REQUIRE(o->n_carriers < OUT_CARRIERS);
	o->carriers[o->n_carriers++] = (struct out_carrier){ kind, ctx };
}

int out_new(struct gate *g, struct out **out, struct why *why)
{
	struct out *o = calloc(1, sizeof(*o) + g->o.n_loops * sizeof(o->lanes[0]));
	char *cse = malloc(g->o.self.cse.n + 1);

	(void)why;
	REQUIRE(o != NULL && cse != NULL);
	o->magic = OUT_MAGIC;
	o->gate = g;
	o->n_lanes = g->o.n_loops;
	o->seed[0] = rnd_u64(g->o.rnd);
	o->seed[1] = rnd_u64(g->o.rnd);
	o->start = rnd_u64(g->o.rnd);
	cse[0] = '/';
	memcpy(cse + 1, g->o.self.cse.p, g->o.self.cse.n);
	o->cse = str_make(cse, g->o.self.cse.n + 1);
	for (unsigned i = 0; i < o->n_lanes; i++) {
		struct out_lane *lane = &o->lanes[i];

		lane->out = o;
		lane->loop = g->o.loops[i];
		arena_init(&lane->scratch, FLIGHT_ARENA);
		out_ring(&lane->all);
		out_ring(&lane->dirty);
		out_ring(&lane->over);
	}
	*out = o;
	return 0;
}

static void lane_fini(struct out_lane *lane)
{
	while (!out_ring_empty(&lane->all)) {
		struct out_target *t = CONTAINER_OF(lane->all.next, struct out_target, all);

		while (!out_ring_empty(&t->jobs)) {
			struct out_job *j = CONTAINER_OF(t->jobs.next, struct out_job, all);

			j->m->state = NULL;
			withdraw(j);
			free(j);
		}
		target_free(t);
	}
	for (struct out_job *j; (j = first_of(&lane->over)); free(j)) {
		j->m->state = NULL;
		out_unlink(&j->turn);
	}
	for (struct out_job *j; (j = lane->jobs); free(j))
		lane->jobs = j->next;
	for (struct out_group *x; (x = lane->spare_groups); free(x))
		lane->spare_groups = x->next;
	for (struct out_flight *f; (f = lane->flights); free(f)) {
		lane->flights = f->next;
		arena_fini(&f->mem);
	}
	arena_fini(&lane->scratch);
	loop_timer_cancel(lane->loop, &lane->watch);
	loop_defer_cancel(lane->loop, &lane->task);
}

void out_free(struct out *o)
{
	if (!o)
		return;
	CHECK(o, OUT);
	for (unsigned i = 0; i < o->n_lanes; i++)
		lane_fini(&o->lanes[i]);
	free((char *)(uintptr_t)o->cse.p);
	o->magic = 0;
	free(o);
}
