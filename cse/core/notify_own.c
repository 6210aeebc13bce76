/* SPDX-License-Identifier: Apache-2.0 */
/* What the CSE changes in a subscription by itself: expirationCounter, notificationStatsInfo, and its end at zero. */
#include "cse/core/notify_priv.h"

#include <stdlib.h>

#include "cse/core/gate.h"

#define RETRY_NS INT64_C(1000000000)

static void flush(struct nlane *l);

/* --- counters ------------------------------------------------------------------------------------------------------- */

static void flush_soon(struct loop *loop, struct loop_task *t)
{
	(void)loop;
	flush(CONTAINER_OF(t, struct nlane, own_task));
}

void notify_own_touch(struct nsub *s)
{
	struct nlane *l = s->lane;

	if (s->dirty || s->gone)
		return;
	s->dirty = true;
	s->dirty_next = l->dirty;
	l->dirty = s;
	if (!l->own_busy)
		loop_defer(l->loop, &l->own_task, flush_soon);
}

void notify_own_forget(struct nsub *s)
{
	struct nlane *l = s->lane;

	for (struct nsub **at = &l->dirty; *at; at = &(*at)->dirty_next)
		if (*at == s) {
			*at = s->dirty_next;
			break;
		}
	for (unsigned i = 0; i < l->n_written; i++)
		if (l->written[i].sub == s)
			l->written[i].sub = NULL;
}

static struct val statistics(struct arena *a, const struct npolicy *p, const struct attr *nsi)
{
	const struct complex *c = nsi->of;
	struct val list = val_list(a, p->n_targets);

	for (size_t i = 0; i < p->n_targets; i++) {
		const struct ntarget *t = &p->target[i];
		struct obj *o = obj_new(a, 4);

		*obj_add(a, o, complex_attr(c, STR("tg"))) = val_str(K_ID, t->listed);
		*obj_add(a, o, complex_attr(c, STR("rqs"))) = val_uint(t->sent);
		*obj_add(a, o, complex_attr(c, STR("rsr"))) = val_uint(t->answered);
		*obj_add(a, o, complex_attr(c, STR("noec"))) = val_uint(t->events);
		list.list.v[i] = val_obj(o);
	}
	return list;
}

/* Onto what the resource says now, which somebody may have changed meanwhile. */
static void write_one(struct nlane *l, struct tx *tx, struct nsub *s)
{
	const struct node *n = store_by_rid(tx, s->rid);
	const struct attr *exc = l->n->at.exc, *nsi = l->n->at.nsi;
	const struct val *now;
	struct res *r;

	s->dirty = false;
	if (!n)
		return;
	r = res_edit(&l->arena, node_res(tx, n));
	now = res_get(r, exc);
	if (s->taken && now && now->kind == K_UINT)
		*obj_put(&l->arena, &r->o, exc) = val_uint(now->u > s->taken ? now->u - s->taken : 1);
	if (s->p.stats)
		*obj_put(&l->arena, &r->o, nsi) = statistics(&l->arena, &s->p, nsi);
	store_update(tx, n, r, false);
	l->written[l->n_written].sub = s;
	l->written[l->n_written++].taken = s->taken;
	s->taken = 0;
}

static void retry(struct loop *loop, struct loop_timer *t)
{
	(void)loop;
	flush(CONTAINER_OF(t, struct nlane, own_retry));
}

static void written(struct commit *c, int err)
{
	struct nlane *l = CONTAINER_OF(c, struct nlane, own_commit);

	CHECK(l, NLANE);
	l->own_busy = false;
	for (unsigned i = 0; err && i < l->n_written; i++) {
		struct nsub *s = l->written[i].sub;

		if (!s)
			continue;
		s->taken += l->written[i].taken;
		if (!s->dirty) {
			s->dirty = true;
			s->dirty_next = l->dirty;
			l->dirty = s;
		}
	}
	l->n_written = 0;
	if (err)
		loop_timer_set(l->loop, &l->own_retry, loop_now_ns(l->loop) + RETRY_NS, retry);
	else if (l->dirty)
		loop_defer(l->loop, &l->own_task, flush_soon);
}

static void flush(struct nlane *l)
{
	struct store *store = l->n->gate->o.store;
	struct tx *tx;

	if (l->own_busy || !l->dirty)
		return;
	arena_reset(&l->arena);
	tx = store_begin(store, &l->arena, TX_WRITE);
	while (l->dirty && l->n_written < ARRAY_LEN(l->written)) {
		struct nsub *s = l->dirty;

		l->dirty = s->dirty_next;
		write_one(l, tx, s);
	}
	l->own_commit = (struct commit){ .magic = COMMIT_MAGIC, .loop = l->loop, .done = written };
	l->own_busy = store_commit(tx, &l->own_commit) != 0;
	if (l->own_busy)
		store_ready(store, &l->own_commit);
	else
		l->n_written = 0;
}

/* What is not written is lost: with the last turns nothing was sent any more. */
void notify_own_fini(struct nlane *l)
{
	REQUIRE(!l->dirty);
	loop_timer_cancel(l->loop, &l->own_retry);
	loop_defer_cancel(l->loop, &l->own_task);
}

/* --- the end --------------------------------------------------------------------------------------------------------- */

struct own_end {
	struct nlane *lane;
	uint32_t rid;
	enum rsc rsc;
};

static void answered(void *arg, const struct resp *r)
{
	((struct own_end *)arg)->rsc = r->rsc;
}

static void again(struct loop *loop, struct loop_timer *t)
{
	struct nsub *s = CONTAINER_OF(t, struct nsub, wake);

	(void)loop;
	CHECK(s, NSUB);
	if (!s->gone && s->p.counted && s->left == 0)
		notify_own_end(s);
}

static void ended(void *arg)
{
	struct own_end *e = arg;
	struct nsub *s = notify_find(e->lane, e->rid);

	if (s && !rsc_is_ok(e->rsc)) {
		s->ending = false;
		loop_timer_set(e->lane->loop, &s->wake, loop_now_ns(e->lane->loop) + RETRY_NS, again);
	}
	free(e);
}

void notify_own_end(struct nsub *s)
{
	static const struct gate_reply reply = { answered, ended };
	struct gate *g = s->lane->n->gate;
	struct request *r = gate_open(g, s->lane->loop);
	struct prim *p = request_prim(r);
	struct own_end *e = malloc(sizeof(*e));

	REQUIRE(e);
	*e = (struct own_end){ .lane = s->lane, .rid = s->rid };
	s->ending = true;
	p->op = OP_DELETE;
	REQUIRE(prim_read(p, P_TO, arena_str(p->arena, str_of(s->sur))) == RSC_NONE &&
	        prim_read(p, P_FR, arena_printf(p->arena, "/%.*s", STR_ARG(g->o.self.cse))) == RSC_NONE &&
	        prim_read(p, P_RQI, STR("own")) == RSC_NONE && prim_read(p, P_RVI, STR("3")) == RSC_NONE &&
	        prim_read(p, P_RCN, STR("0")) == RSC_NONE);
	gate_submit(r, g->self_peer, &reply, e);
}
