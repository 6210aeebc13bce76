/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that wait in polling channels: their queue, bounds and results.  TS-0001 10.2.5.17. */
#include "cse/core/polling.h"

#include <stdlib.h>

#include "cse/base/err.h"
#include "cse/core/polling_priv.h"

/* --- channels ---------------------------------------------------------------------------------------------------- */

struct channel *polling_find(struct polling *p, uint32_t rid, bool make)
{
	struct channel **bucket = &p->bucket[(rid * UINT32_C(2654435761)) >> 22], *c = *bucket;

	while (c && c->rid != rid)
		c = c->next;
	if (c || !make)
		return c;
	c = calloc(1, sizeof(*c));
	REQUIRE(c);
	c->rid = rid;
	c->end = &c->first;
	c->next = *bucket;
	c->prev = bucket;
	if (c->next)
		c->next->prev = &c->next;
	*bucket = c;
	return c;
}

void polling_tidy(struct polling *p, struct channel *c)
{
	(void)p;
	if (c->n_errands || c->n_polls)
		return;
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	free(c);
}

/* --- errands ----------------------------------------------------------------------------------------------------- */

static void take_out(struct errand *e)
{
	struct channel *c = e->channel;

	*e->prev = e->next;
	if (e->next)
		e->next->prev = e->prev;
	else
		c->end = e->prev;
	c->n_errands--;
	c->bytes -= e->bytes;
	e->polling->bytes -= e->bytes;
	e->channel = NULL;
	e->state = ERRAND_ENDED;
	polling_tidy(e->polling, c);
}

static void put_in(struct channel *c, struct errand *e)
{
	e->channel = c;
	e->prev = c->end;
	*c->end = e;
	c->end = &e->next;
	c->n_errands++;
	c->bytes += e->bytes;
	e->polling->bytes += e->bytes;
}

static void errand_free(struct errand *e)
{
	loop_timer_cancel(e->loop, &e->timer);
	*e->all_prev = e->all_next;
	if (e->all_next)
		e->all_next->all_prev = e->all_prev;
	arena_fini(&e->a);
	free(e);
}

/* On its loop, ENDED and no task of it on its way. */
static void finish(struct errand *e)
{
	struct carry *carry = e->carry;
	struct polling *p = e->polling;

	if (carry) {
		carry->state = NULL;
		carry->done(carry, &e->result);
	}
	pthread_mutex_lock(&p->lock);
	errand_free(e);
	pthread_mutex_unlock(&p->lock);
}

static void expired(struct loop *l, struct loop_timer *t)
{
	struct errand *e = CONTAINER_OF(t, struct errand, timer);
	bool over;

	(void)l;
	pthread_mutex_lock(&e->polling->lock);
	if (e->state != ERRAND_ENDED) {
		e->result = (struct out_result){ .err = E_TIMEOUT };
		take_out(e);
	}
	over = !e->posted;
	pthread_mutex_unlock(&e->polling->lock);
	if (over)
		finish(e);
}

/* Something happened to it elsewhere. */
static void looked_at(struct loop *l, struct loop_task *t)
{
	struct errand *e = CONTAINER_OF(t, struct errand, task);
	enum errand_state state;
	int64_t end = loop_now_ns(l) + POLLING_ANSWER_NS;

	pthread_mutex_lock(&e->polling->lock);
	e->posted = false;
	state = e->state;
	pthread_mutex_unlock(&e->polling->lock);
	if (state == ERRAND_ENDED)
		finish(e);
	else if (state == ERRAND_GIVEN && (!e->timer.pos || e->timer.at_ns > end))
		loop_timer_set(l, &e->timer, end, expired);
}

void polling_poke(struct errand *e)
{
	if (e->posted)
		return;
	e->posted = true;
	loop_post(e->loop, &e->task, looked_at);
}

void polling_end(struct errand *e, int err)
{
	e->result = (struct out_result){ .err = err };
	take_out(e);
	polling_poke(e);
}

/* --- the carrier ------------------------------------------------------------------------------------------------- */

/* The request primitive as it will stand in the answer, TS-0004 7.2.1.2. */
static struct val request_value(struct arena *a, const struct prim *p)
{
	const struct complex *rqp = param_complex();
	struct obj *o = obj_new(a, 12), *pc;
	struct val v;

	for (unsigned id = 0; id < PARAM_COUNT; id++) {
		if (!prim_has(p, (enum param)id))
			continue;
		if (id != P_PC) {
			v = prim_value(p, (enum param)id);
			*obj_add(a, o, &rqp->attrs[id]) = val_copy(a, &v);
			continue;
		}
		pc = obj_new(a, 1);
		v = p->pc.kind == PC_RES ? val_obj(&p->pc.res->o) : p->pc.v;
		if (p->pc.kind != PC_NONE)
			*obj_add(a, pc, p->pc.kind == PC_RES ? p->pc.res->type->root : p->pc.root) = val_copy(a, &v);
		*obj_add(a, o, &rqp->attrs[id]) = val_obj(pc);
	}
	return val_obj(o);
}

static struct errand *errand_new(struct polling *p, struct loop *l, struct carry *c)
{
	struct errand *e = calloc(1, sizeof(*e));

	REQUIRE(e);
	e->polling = p;
	e->loop = l;
	e->carry = c;
	arena_init(&e->a, 1024);
	e->rqp = request_value(&e->a, c->prim);
	e->rqi = arena_str(&e->a, c->prim->rqi);
	e->bytes = sizeof(*e) + e->a.used;
	return e;
}

static bool has_room(const struct polling *p, const struct channel *c, size_t more)
{
	return c->n_errands < POLLING_QUEUE && c->bytes + more <= POLLING_QUEUE_BYTES && p->bytes + more <= POLLING_BYTES;
}

static struct errand *oldest_queued(const struct channel *c)
{
	struct errand *e = c->first;

	while (e && e->state != ERRAND_QUEUED)
		e = e->next;
	return e;
}

/* At the end the oldest that nobody asked for makes room, engine.md 4.4. */
static void enter(struct polling *p, uint32_t rid, struct errand *e)
{
	struct channel *c = polling_find(p, rid, true);
	struct errand *old;

	e->all_next = p->all;
	e->all_prev = &p->all;
	if (e->all_next)
		e->all_next->all_prev = &e->all_next;
	p->all = e;
	while (!has_room(p, c, e->bytes) && c->n_errands > 1 && (old = oldest_queued(c)))
		polling_end(old, E_FULL);
	if (!has_room(p, c, e->bytes)) {
		e->state = ERRAND_ENDED;
		e->result = (struct out_result){ .err = E_FULL };
		polling_poke(e);
		polling_tidy(p, c);
		return;
	}
	put_in(c, e);
	polling_wake(c);
}

/* "pch:17", of polling_poa. */
static bool rid_of(struct str url, uint32_t *rid)
{
	uint64_t v;

	if (!str_starts(url, STR("pch:")) || str_u64(str_from(url, 4), &v) != 0 || v > UINT32_MAX)
		return false;
	*rid = (uint32_t)v;
	return true;
}

static void carry_send(void *ctx, struct loop *l, struct carry *c)
{
	struct polling *p = ctx;
	struct errand *e;
	uint32_t rid = 0;
	bool known;

	CHECK(p, POLLING);
	CHECK(c, CARRY);
	known = rid_of(c->url, &rid);
	e = errand_new(p, l, c);
	c->state = e;
	if (c->deadline_ns)
		loop_timer_set(l, &e->timer, c->deadline_ns, expired);
	pthread_mutex_lock(&p->lock);
	REQUIRE(known);
	enter(p, rid, e);
	pthread_mutex_unlock(&p->lock);
}

static void carry_cancel(void *ctx, struct carry *c)
{
	struct polling *p = ctx;
	struct errand *e = c->state;

	CHECK(p, POLLING);
	if (!e)
		return;
	c->state = NULL;
	e->carry = NULL;
	pthread_mutex_lock(&p->lock);
	if (e->state != ERRAND_ENDED)
		take_out(e);
	if (!e->posted)
		errand_free(e);
	pthread_mutex_unlock(&p->lock);
}

const struct carrier_kind polling_carrier = { .scheme = "pch", .send = carry_send, .cancel = carry_cancel };

/* --- life -------------------------------------------------------------------------------------------------------- */

struct str polling_ri(struct arena *a, struct str stem)
{
	return arena_printf(a, "pch-%.*s", STR_ARG(stem));
}

struct str polling_poa(struct tx *tx, const struct node *ae)
{
	const struct node *n;

	if (ae->type->ty != TY_AE)
		return STR_NONE;
	n = store_by_ri(tx, polling_ri(tx_arena(tx), node_ri(tx, ae)));
	return n && n->type->ty == TY_PCH && n->parent == ae ? arena_printf(tx_arena(tx), "pch:%u", n->rid) : STR_NONE;
}

int polling_new(struct gate *g, struct polling **out, struct why *why)
{
	struct polling *p = calloc(1, sizeof(*p));

	(void)why;
	REQUIRE(p);
	p->magic = POLLING_MAGIC;
	p->gate = g;
	REQUIRE(pthread_mutex_init(&p->lock, NULL) == 0);
	arena_init(&p->arena, 4096);
	polling_watch(p);
	*out = p;
	return 0;
}

void polling_free(struct polling *p)
{
	if (!p)
		return;
	CHECK(p, POLLING);
	polling_watch_end(p);
	while (p->all)
		errand_free(p->all);
	for (unsigned i = 0; i < POLLING_BUCKETS; i++) {
		for (struct channel *c = p->bucket[i], *next; c; c = next) {
			next = c->next;
			for (struct poll *w = c->polls, *n; w; w = n) {
				n = w->next;
				free(w);
			}
			free(c);
		}
	}
	for (struct poll *w = p->woken, *n; w; w = n) {
		n = w->next;
		free(w);
	}
	arena_fini(&p->arena);
	pthread_mutex_destroy(&p->lock);
	p->magic = 0;
	free(p);
}
