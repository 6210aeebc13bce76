/* SPDX-License-Identifier: Apache-2.0 */
/* The <pollingChannelURI>: RETRIEVE asks for a request and waits for one, NOTIFY brings its answer.  TS-0004 7.4.22. */
#include "cse/core/polling.h"

#include <stdlib.h>

#include "cse/base/err.h"
#include "cse/core/polling_priv.h"

/* --- waiting polls ----------------------------------------------------------------------------------------------- */

static void unlink_poll(struct poll *w)
{
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->prev = NULL;
}

static void link_poll(struct poll **at, struct poll *w)
{
	w->next = *at;
	w->prev = at;
	if (w->next)
		w->next->prev = &w->next;
	*at = w;
}

/* Its turn on its own loop: everything is judged again there, TS-0004 7.2.2.2. */
static void woken(struct loop *l, struct loop_task *t)
{
	struct poll *w = CONTAINER_OF(t, struct poll, task);
	struct request *r;

	(void)l;
	pthread_mutex_lock(&w->polling->lock);
	r = w->r;
	unlink_poll(w);
	pthread_mutex_unlock(&w->polling->lock);
	if (r) {
		r->parker = NULL;
		if (w->surplus)
			prim_fail(&r->prim, RSC_REQUEST_TIMEOUT, "newer polls of this channel wait already; this one ends early");
		request_unpark(r, w->surplus ? UNPARK_REFUSE : UNPARK_RESOLVE);
	}
	free(w);
}

void polling_wake_one(struct poll *w)
{
	struct channel *c = w->channel;

	unlink_poll(w);
	c->n_polls--;
	w->channel = NULL;
	w->posted = true;
	link_poll(&w->polling->woken, w);
	loop_post(w->loop, &w->task, woken);
}

void polling_wake(struct channel *c)
{
	unsigned n = 0;

	for (const struct errand *e = c->first; e && n < c->n_polls; e = e->next)
		n += e->state == ERRAND_QUEUED;
	while (n-- > 0)
		polling_wake_one(c->polls);
}

/* The request has expired, or nobody waits for its answer any more. */
static void leave(struct request *r)
{
	struct poll *w = r->parker;
	struct polling *p = r->gate->polling;
	struct channel *c;

	if (!w)
		return;
	r->parker = NULL;
	pthread_mutex_lock(&p->lock);
	w->r = NULL;
	c = w->channel;
	if (c) {
		unlink_poll(w);
		c->n_polls--;
		free(w);
		polling_tidy(p, c);
	}
	pthread_mutex_unlock(&p->lock);
	prim_fail(&r->prim, RSC_REQUEST_TIMEOUT, "no request came on the channel while this one waited; poll again");
}

/*
 * TS-0004 7.4.22.2.2 lets every poll wait until it expires.  The newest is served first, as the connection of an older one
 * may be dead without anybody knowing; where there are too many the oldest ends as if it had expired.
 */
static void add_poll(struct polling *p, struct channel *c, struct request *r)
{
	struct poll *w = calloc(1, sizeof(*w)), *old;

	REQUIRE(w);
	w->polling = p;
	w->loop = r->loop;
	w->channel = c;
	w->r = r;
	r->parker = w;
	link_poll(&c->polls, w);
	if (++c->n_polls <= POLLING_POLLS)
		return;
	for (old = c->polls; old->next; old = old->next)
		continue;
	old->surplus = true;
	polling_wake_one(old);
}

/* --- RETRIEVE ---------------------------------------------------------------------------------------------------- */

static void give(struct request *r, struct errand *e, struct val *out)
{
	*out = val_copy(&r->arena, &e->rqp);
	e->state = ERRAND_GIVEN;
	polling_poke(e);
}

static struct errand *next_queued(struct errand *e)
{
	while (e && e->state != ERRAND_QUEUED)
		e = e->next;
	return e;
}

/* One request, or with requestAggregation (rqag, Release 4) all that fit. */
static void answer(struct request *r, struct channel *c, bool aggregate)
{
	const struct gate *g = r->gate;
	struct errand *e = next_queued(c->first);
	struct val v, list;
	size_t n = 0, bytes = 0;

	r->resp.rsc = RSC_OK;
	r->resp.has_pc = true;
	if (!aggregate) {
		r->resp.root = g->root_rqp;
		give(r, e, &r->resp.pc);
		return;
	}
	for (struct errand *k = e; k && n < POLLING_AT_ONCE && bytes < POLLING_AT_ONCE_BYTES; k = next_queued(k->next), n++)
		bytes += k->bytes;
	list = val_list(&r->arena, n);
	for (size_t i = 0; i < n; i++, e = next_queued(e)) {
		struct obj *o = obj_new(&r->arena, 1);

		give(r, e, &v);
		*obj_add(&r->arena, o, g->root_rqp) = v;
		list.list.v[i] = val_obj(o);
	}
	r->resp.root = g->root_agrp;
	r->resp.pc = list;
}

enum step_result polling_retrieve(struct request *r)
{
	struct polling *p = r->gate->polling;
	const struct node *n = r->target.node;
	const struct val *rqag = res_get(node_res(r->tx, n), r->gate->known.at[AT_PCH_RQAG]);
	struct channel *c;

	/* Time has passed since the originator was checked. */
	if (!peer_is_live(r->gate->o.security, r->peer)) {
		prim_fail(&r->prim, RSC_ORIGINATOR_NOT_AUTHENTICATED, "the credential of this connection is not valid any more");
		return STEP_ANSWER;
	}
	pthread_mutex_lock(&p->lock);
	c = polling_find(p, n->rid, true);
	if (next_queued(c->first)) {
		answer(r, c, rqag && rqag->kind == K_BOOL && rqag->b);
		pthread_mutex_unlock(&p->lock);
		return STEP_NEXT;
	}
	add_poll(p, c, r);
	pthread_mutex_unlock(&p->lock);
	return request_park(r, 0, leave);
}

/* --- NOTIFY ------------------------------------------------------------------------------------------------------ */

static struct errand *awaiting(struct channel *c, struct str rqi)
{
	struct errand *e = c ? c->first : NULL;

	while (e && (e->state != ERRAND_GIVEN || !str_eq(e->rqi, rqi)))
		e = e->next;
	return e;
}

static void take_answer(struct errand *e, const struct val *rsc, const struct val *pc)
{
	const struct member *m = pc && pc->kind == K_OBJ && pc->o->n ? &pc->o->m[0] : NULL;

	if (m)
		e->pc = (struct content){ .kind = PC_ROOT, .root = m->attr, .v = val_copy(&e->a, &m->v) };
	polling_end(e, 0);
	e->result.rsc = (enum rsc)rsc->i;
	e->result.pc = m ? &e->pc : NULL;
}

enum rsc polling_notify(struct request *r)
{
	struct prim *prim = &r->prim;
	struct polling *p = r->gate->polling;
	const struct val *rqi, *rsc;
	struct errand *e;

	if (prim->pc.kind != PC_ROOT || prim->pc.root != r->gate->root_rsp)
		return prim_fail(prim, RSC_BAD_REQUEST,
		                 "a NOTIFY to pcu must hold the response (m2m:rsp) to a request that came from the channel");
	rqi = obj_find(prim->pc.v.o, "rqi");
	rsc = obj_find(prim->pc.v.o, "rsc");
	if (!rqi || !rsc)
		return prim_fail(prim, RSC_BAD_REQUEST, "the response (m2m:rsp) must name requestIdentifier (rqi) and "
		                                        "responseStatusCode (rsc)");
	pthread_mutex_lock(&p->lock);
	e = awaiting(polling_find(p, r->target.node->rid, false), rqi->s);
	if (e)
		take_answer(e, rsc, obj_find(prim->pc.v.o, "pc"));
	pthread_mutex_unlock(&p->lock);
	if (!e)
		return prim_fail(prim, RSC_NOT_FOUND,
		                 "no request with the requestIdentifier (rqi) of this response awaits one on this channel");
	r->resp.rsc = RSC_OK;
	return RSC_NONE;
}
