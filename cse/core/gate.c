/* SPDX-License-Identifier: Apache-2.0 */
/* The one door: requests from a pool per loop, their limits, and the ways in and out that a binding uses. */
#include "cse/core/gate.h"

#include <stdlib.h>

#include "cse/base/conf.h"
#include "cse/base/err.h"
#include "cse/base/log.h"
#include "cse/base/stat.h"
#include "cse/core/block.h"
#include "cse/core/event.h"
#include "cse/core/aggregate.h"
#include "cse/core/expire.h"
#include "cse/core/fanout.h"
#include "cse/core/members.h"
#include "cse/core/gid.h"
#include "cse/core/polling.h"
#include "cse/core/regroup.h"
#include "cse/core/replay.h"
#include "cse/core/notify.h"
#include "cse/core/out.h"
#include "cse/core/steps.h"
#include "cse/core/match.h"
#include "cse/core/walk.h"

enum { SETTLE_ROUNDS = 1000 };

void known_init(struct known *k)
{
	static const struct {
		uint16_t ty;
		const char *sn;
	} rows[KNOWN_COUNT] = {
#define KNOWN(id, ty, sn) [id] = { ty, sn },
#include "cse/core/known.def"
#undef KNOWN
	};

	for (size_t i = 0; i < KNOWN_COUNT; i++) {
		k->at[i] = type_attr(type_by_ty(rows[i].ty), str_of(rows[i].sn));
		REQUIRE(k->at[i]);
	}
}

/* --- types ------------------------------------------------------------------------------------------------------- */

static void typeinfo_init(struct typeinfo *ti, uint16_t ty)
{
	const struct attr *at;

	*ti = (struct typeinfo){ .type = type_by_ty(ty), .b = behaviour_of(ty) };
	REQUIRE(ti->type && ti->b);
	ti->member = type_as_member(ti->type);
	for (size_t i = 0; (at = type_attr_at(ti->type, i)); i++) {
		if (at->create != M)
			continue;
		REQUIRE(ti->n_must < ARRAY_LEN(ti->must));
		ti->must[ti->n_must++] = at;
	}
	ti->cni = type_attr(ti->type, STR("cni"));
	ti->cbs = type_attr(ti->type, STR("cbs"));
	ti->cs = type_attr(ti->type, STR("cs"));
}

static void types_init(struct gate *g)
{
	const uint16_t *ty;
	size_t n;

	ty = behaviour_types(&n);
	REQUIRE(n <= GATE_TYPES);
	g->n_types = (unsigned)n;
	for (size_t i = 0; i < n; i++)
		typeinfo_init(&g->types[i], ty[i]);
	for (size_t i = 0; i < n; i++) {
		for (const uint16_t *c = g->types[i].type->children; c && *c; c++) {
			const struct typeinfo *child = gate_type(g, *c);

			if (child && (child->type->flags & TYPE_INSTANCE))
				g->types[i].inst = child;
		}
	}
}

const struct typeinfo *gate_type(const struct gate *g, unsigned ty)
{
	for (unsigned i = 0; i < g->n_types; i++)
		if (g->types[i].type->ty == ty)
			return &g->types[i];
	return NULL;
}

static void fan_names_init(struct fan_names *n)
{
	static const char *const sn[FAN_NAMES] = { "rsc", "rqi", "fr", "rvi", "pc", "cnst", "cnot" };
	const struct complex *rsp = type_root_attr(STR("m2m:rsp"))->of;

	for (size_t i = 0; i < FAN_NAMES; i++) {
		n->at[i] = complex_attr(rsp, str_of(sn[i]));
		REQUIRE(n->at[i]);
	}
}

/* --- settings ---------------------------------------------------------------------------------------------------- */

static struct settings *settings_new(struct conf *c)
{
	struct settings *s = calloc(1, sizeof(*s));

	REQUIRE(s);
	s->conf = conf_ref(c);
	s->limits.depth = (size_t)conf_num(c, CONF_JSON_DEPTH);
	s->limits.values = (size_t)conf_num(c, CONF_JSON_VALUES);
	s->deadline_ns = conf_num(c, CONF_CSE_DEADLINE) * 1000000;
	s->group_wait_ns = conf_num(c, CONF_NTF_GROUP) * 1000000;
	s->et_us = conf_num(c, CONF_CSE_ET) * 1000;
	s->depth = (uint64_t)conf_num(c, CONF_CSE_DEPTH);
	s->ae_resources = (uint64_t)conf_num(c, CONF_LIM_AE_RES);
	s->ae_instances = (uint64_t)conf_num(c, CONF_LIM_AE_INST);
	s->ae_bytes = (uint64_t)conf_num(c, CONF_LIM_AE_BYTES);
	s->tree_bytes = (uint64_t)conf_num(c, CONF_LIM_TREE);
	s->reply_resources = (uint64_t)conf_num(c, CONF_LIM_REPLY);
	s->reply_bytes = (uint64_t)conf_num(c, CONF_LIM_REPLY_B);
	s->group_members = (uint64_t)conf_num(c, CONF_LIM_MEMBERS);
	s->fanout_requests = (uint64_t)conf_num(c, CONF_LIM_FANOUT);
	s->notify_timeout_ns = conf_num(c, CONF_NOTIFY_TIMEOUT) * 1000000;
	s->notify_pause_ns = conf_num(c, CONF_NOTIFY_BACKOFF) * 1000000;
	s->notify_queue = (uint64_t)conf_num(c, CONF_NOTIFY_QUEUE);
	s->notify_queue_bytes = (uint64_t)conf_num(c, CONF_NOTIFY_QUEUE_B);
	s->is_in = !strcmp(conf_str(c, CONF_CSE_TYPE), "in");
	return s;
}

void gate_reload(struct gate *g, struct conf *c)
{
	struct settings *s;

	CHECK(g, GATE);
	s = settings_new(c);
	s->older = atomic_load(&g->settings);
	while (!atomic_compare_exchange_weak(&g->settings, &s->older, s))
		;
	security_reload(g->o.security, c);
}

const struct codec_limits *gate_limits(const struct gate *g)
{
	return &gate_settings(g)->limits;
}

/* --- life of the gate -------------------------------------------------------------------------------------------- */

int gate_new(const struct gate_opts *o, struct gate **out, struct why *why)
{
	struct gate *g;
	int r;

	g = calloc(1, sizeof(*g));
	REQUIRE(g);
	g->magic = GATE_MAGIC;
	g->o = *o;
	g->congested = calloc(1, sizeof(*g->congested));
	g->lanes = calloc(o->n_loops, sizeof(*g->lanes));
	REQUIRE(g->congested && g->lanes && o->n_loops > 0);
	for (unsigned i = 0; i < o->n_loops; i++) {
		g->lanes[i].gate = g;
		g->lanes[i].loop = o->loops[i];
		g->lanes[i].stats = o->stats ? o->stats[i] : NULL;
	}
	atomic_init(&g->settings, settings_new(o->conf));
	known_init(&g->known);
	types_init(g);
	check_init(g);
	g->root_uri = type_root_attr(STR("m2m:uri"));
	g->root_rce = type_root_attr(STR("m2m:rce"));
	g->root_uril = type_root_attr(STR("m2m:uril"));
	g->root_rrl = type_root_attr(STR("m2m:rrl"));
	g->root_dbg = type_root_attr(STR("m2m:dbg"));
	g->root_rqp = type_root_attr(STR("m2m:rqp"));
	g->root_rsp = type_root_attr(STR("m2m:rsp"));
	g->root_agrp = type_root_attr(STR("m2m:agrp"));
	REQUIRE(g->root_rqp && g->root_rsp && g->root_agrp);
	g->root_agr = type_root_attr(STR("m2m:agr"));
	fan_names_init(&g->fan_names);
	g->gids = gids_new(o->rnd);
	g->replays = replays_new(o->rnd);
	g->aggregates = aggregates_new(g);
	REQUIRE(g->root_agr && g->root_uri && g->root_rce && g->root_uril && g->root_rrl && g->root_dbg);
	g->self_peer = peer_self(o->security);
	g->self = (struct origin){ .authenticated = true, .self = true, .peer = g->self_peer };
	g->regroup = regroup_new(g);
	r = polling_new(g, &g->polling, why);
	if (r == 0)
		r = expire_new(g, &g->expire);
	if (r == 0)
		r = out_new(g, &g->out, why);
	if (r == 0)
		r = notify_new(g, &g->notify, why);
	if (r == 0)
		r = notify_restore(g->notify, why);
	if (r != 0) {
		why_set(why, (enum rsc)err_rsc(r), "the timers of the gate cannot be made: %s", err_text(r));
		gate_free(g);
		return r;
	}
	*out = g;
	return 0;
}

static void request_free(struct request *r)
{
	*r->all_prev = r->all_next;
	if (r->all_next)
		r->all_next->all_prev = r->all_prev;
	arena_fini(&r->arena);
	r->magic = 0;
	free(r);
}

/* Whatever the request holds outside its arena. */
static void let_go(struct request *r)
{
	REQUIRE(!r->tx);
	loop_timer_cancel(r->loop, &r->timer);
	replay_end(r, false);
	walk_free(r);
	event_drop(&r->events);
	block_release(r);
	members_free(r);
	fanout_free(r);
	match_free(r);
	res_unref(r->shown_ref);
	res_unref(r->before);
	request_drop_body(&r->body);
	request_drop_body(&r->fetch.body);
	if (r->peer)
		peer_unref(r->peer);
}

/* Whoever parked a request forgets it while all that it uses is there. */
static void leave_all(struct gate *g)
{
	for (unsigned i = 0; i < g->o.n_loops; i++)
		for (struct request *r = g->lanes[i].all; r; r = r->all_next)
			if (r->in_use && r->wait == WAIT_PARKED) {
				r->wait = WAIT_NONE;
				r->leave(r);
			}
}

/* Commits that were under way tell of themselves, and what that brings about in turn, until nothing moves: what lies in a
 * loop's inbox belongs to nobody else.  Deletions that go on end with their slice (`ending`); the bound is for what no one
 * foresaw. */
static void settle(struct gate *g)
{
	int calls = 1;

	for (unsigned rounds = 0; calls > 0 && rounds < SETTLE_ROUNDS; rounds++) {
		calls = 0;
		store_flush(g->o.store);
		for (unsigned i = 0; i < g->o.n_loops; i++)
			calls += loop_settle(g->o.loops[i]);
	}
}

void gate_free(struct gate *g)
{
	if (!g)
		return;
	CHECK(g, GATE);
	g->ending = true;
	event_stop(g);
	settle(g);
	leave_all(g);
	notify_free(g->notify);
	/* What it still sends may be a request to this gate. */
	out_free(g->out);
	expire_free(g->expire);
	regroup_free(g->regroup);
	polling_free(g->polling);
	for (unsigned i = 0; i < g->o.n_loops; i++) {
		for (struct request *r; (r = g->lanes[i].all);) {
			if (r->in_use)
				let_go(r);
			request_free(r);
		}
	}
	for (struct settings *s = atomic_load(&g->settings), *older; s; s = older) {
		older = s->older;
		conf_unref(s->conf);
		free(s);
	}
	peer_unref(g->self_peer);
	gids_free(g->gids);
	replays_free(g->replays);
	aggregates_free(g->aggregates);
	free(g->lanes);
	free(g->congested);
	g->magic = 0;
	free(g);
}

struct out *gate_out(struct gate *g)
{
	CHECK(g, GATE);
	return g->out;
}

void gate_answer_constant(struct gate *g)
{
	CHECK(g, GATE);
	atomic_store(&g->constant, true);
}

void gate_notify_usage(const struct gate *g, struct notify_usage *out)
{
	CHECK(g, GATE);
	notify_usage(g->notify, out);
	out->waiting = out_waiting(g->out);
	out->sending = out_in_flight(g->out);
}

bool gate_is_congested(const struct gate *g)
{
	bool was = atomic_load_explicit(g->congested, memory_order_relaxed);
	bool is = was ? !store_is_relaxed(g->o.store) : store_is_congested(g->o.store);

	if (is != was)
		atomic_store_explicit(g->congested, is, memory_order_relaxed);
	return is;
}

/* --- the pool ---------------------------------------------------------------------------------------------------- */

struct lane *gate_lane(const struct request *r)
{
	return &r->gate->lanes[loop_index(r->loop)];
}

struct request *gate_open(struct gate *g, struct loop *l)
{
	struct lane *lane;
	struct request *r;

	CHECK(g, GATE);
	REQUIRE(loop_index(l) < g->o.n_loops);
	lane = &g->lanes[loop_index(l)];
	r = lane->free;
	if (r) {
		lane->free = r->next;
		lane->n_free--;
	} else {
		r = calloc(1, sizeof(*r));
		REQUIRE(r);
		r->magic = REQUEST_MAGIC;
		r->gate = g;
		r->loop = l;
		arena_init(&r->arena, GATE_ARENA);
		r->all_next = lane->all;
		r->all_prev = &lane->all;
		if (r->all_next)
			r->all_next->all_prev = &r->all_next;
		lane->all = r;
	}
	r->in_use = true;
	prim_init(&r->prim, &r->arena);
	return r;
}

void gate_recycle(struct request *r)
{
	struct lane *lane = gate_lane(r);

	REQUIRE(r->in_use);
	let_go(r);
	if (lane->n_free >= GATE_POOL) {
		request_free(r);
		return;
	}
	arena_reset(&r->arena);
	memset(&r->peer, 0, sizeof(*r) - offsetof(struct request, peer));
	r->next = lane->free;
	lane->free = r;
	lane->n_free++;
}

struct prim *request_prim(struct request *r)
{
	CHECK(r, REQUEST);
	return &r->prim;
}

struct arena *request_arena(struct request *r)
{
	CHECK(r, REQUEST);
	return &r->arena;
}

void gate_discard(struct request *r)
{
	CHECK(r, REQUEST);
	gate_recycle(r);
}

/* --- in and out -------------------------------------------------------------------------------------------------- */

static void begin(struct request *r, const struct gate_reply *reply, void *arg)
{
	CHECK(r, REQUEST);
	REQUIRE(r->in_use && !r->reply && reply);
	r->reply = reply;
	r->arg = arg;
	r->begin_ns = loop_now_ns(r->loop);
	stat_add(gate_lane(r)->stats, STAT_REQUESTS, 1);
}

void gate_submit(struct request *r, struct peer *peer, const struct gate_reply *reply, void *arg)
{
	begin(r, reply, arg);
	r->peer = peer_ref(peer);
	if (atomic_load_explicit(&r->gate->constant, memory_order_relaxed))
		steps_answer_constant(r);
	else
		steps_run(r);
}

void gate_refuse(struct request *r, const struct gate_reply *reply, void *arg)
{
	begin(r, reply, arg);
	check_release(r);
	steps_refuse(r);
}

void gate_abandon(struct request *r)
{
	CHECK(r, REQUEST);
	REQUIRE(r->in_use);
	r->reply = NULL;
	if (r->wait == WAIT_COMMIT || r->wait == WAIT_SLOW)
		replay_lost(r);
	if (r->wait == WAIT_PARKED)
		r->leave(r);
	if (r->wait == WAIT_SLOW)
		replay_end(r, true);
	if (r->wait == WAIT_TIME || r->wait == WAIT_PARKED || r->wait == WAIT_SLOW)
		gate_recycle(r);
}
