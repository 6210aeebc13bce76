/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks: one per resource whose UPDATE waits for a notification target, in a list that the tree's lock guards (it is only
 * touched in a tx).  A block belongs to its request from the notification until the answer leaves, so that whoever waits is
 * judged on what came of it.
 */
#include "cse/core/block.h"

#include <stdlib.h>

#include "cse/base/err.h"
#include "cse/core/event.h"
#include "cse/core/out_priv.h"
#include "cse/core/validate.h"
#include "cse/model/enc.h"

/* A request that waits for a block's end.  It may be gone before it is called back. */
struct waiter {
	struct loop_task task; /* first */
	struct waiter *next;
	struct request *r;     /* NULL: gone; on its loop */
	struct loop *loop;
};

struct block {
	struct block *next;
	struct request *r;
	uint32_t rid;          /* of the resource */
	bool agreed, out;
	struct out_msg msg;    /* what it points to is in the request's arena */
	struct waiter *waiters, **waiters_end;
};

static struct block *find(const struct gate *g, uint32_t rid)
{
	struct block *b = g->blocks;

	while (b && b->rid != rid)
		b = b->next;
	return b;
}

/* --- waiting for another one -------------------------------------------------------------------------------------------- */

static void wake(struct loop *l, struct loop_task *t)
{
	struct waiter *w = CONTAINER_OF(t, struct waiter, task);
	struct request *r = w->r;

	(void)l;
	free(w);
	if (!r)
		return;
	r->waiter = NULL;
	request_unpark(r, UNPARK_RESOLVE);
}

static void end(struct waiter *w)
{
	if (w->r)
		w->r->waiter = NULL;
	free(w);
}

/* The block still has it, and frees it. */
static void leave_waiting(struct request *r)
{
	if (r->waiter)
		r->waiter->r = NULL;
	r->waiter = NULL;
}

static enum step_result wait_for(struct request *r, struct block *b)
{
	struct waiter *w = calloc(1, sizeof(*w));

	REQUIRE(w);
	w->r = r;
	w->loop = r->loop;
	r->waiter = w;
	*b->waiters_end = w;
	b->waiters_end = &w->next;
	return request_park(r, 0, leave_waiting);
}

void block_release(struct request *r)
{
	struct block *b = r->block, **at;
	struct waiter *w, *next;
	struct arena a;
	struct tx *tx;

	if (!b)
		return;
	r->block = NULL;
	if (b->out)
		out_cancel(r->gate->out, &b->msg);
	arena_init(&a, 256);
	tx = store_begin(r->gate->o.store, &a, TX_READ);
	for (at = &r->gate->blocks; *at != b; at = &(*at)->next)
		continue;
	*at = b->next;
	store_end(tx);
	arena_fini(&a);
	for (w = b->waiters; w; w = next) {
		next = w->next;
		if (r->gate->ending)
			end(w);
		else
			loop_post(w->loop, &w->task, wake);
	}
	free(b);
}

/* --- asking --------------------------------------------------------------------------------------------------------------- */

static void refuse(struct request *r, const struct out_result *res)
{
	if (res && !res->err && res->rsc != RSC_TARGET_NOT_REACHABLE)
		prim_fail(&r->prim, RSC_OPERATION_DENIED_BY_REMOTE_ENTITY,
		          "the UPDATE is subject to the consent of another entity, which refused it");
	else
		prim_fail(&r->prim, RSC_REMOTE_ENTITY_NOT_REACHABLE,
		          "the UPDATE is subject to the consent of another entity, which did not answer");
}

static void leave(struct request *r)
{
	refuse(r, NULL);
	block_release(r);
}

static void answered(struct out_msg *m, const struct out_result *res)
{
	struct block *b = CONTAINER_OF(m, struct block, msg);
	struct request *r = b->r;

	b->out = false;
	if (!res->err && rsc_is_ok(res->rsc)) {
		b->agreed = true;
		request_unpark(r, UNPARK_RESOLVE);
		return;
	}
	refuse(r, res);
	request_unpark(r, UNPARK_REFUSE);
}

/* m2m:sgn with what the UPDATE asks for. */
static struct val request_of(struct request *r, const struct sub *s)
{
	const struct complex *sgn = type_root_attr(STR("m2m:sgn"))->of;
	const struct attr *nev = complex_attr(sgn, STR("nev")), *rep = complex_attr(nev->of, STR("rep"));
	const struct node *n = store_by_rid(r->tx, s->rid);
	const struct val *cr = res_get(s->res, &attr_cr);
	struct arena *a = &r->arena;
	struct obj *o = obj_new(a, 3), *e = obj_new(a, 2), *w = obj_new(a, 1);

	*obj_add(a, w, r->change.res->type->root) = val_obj(&r->prim.pc.res->o);
	*obj_add(a, e, rep) = val_obj(w);
	*obj_add(a, e, complex_attr(nev->of, STR("net"))) = val_enum(NET_BLOCKING);
	*obj_add(a, o, nev) = val_obj(e);
	*obj_add(a, o, complex_attr(sgn, STR("sur"))) =
	    val_str(K_URI, n ? arena_str(a, node_path(r->tx, n)) : arena_str(a, node_path(r->tx, r->target.node)));
	if (cr)
		*obj_add(a, o, complex_attr(sgn, STR("cr"))) = val_str(K_ID, arena_str(a, cr->s));
	return val_obj(o);
}

static enum step_result begin(struct request *r, const struct sub *s)
{
	struct gate *g = r->gate;
	const struct val *nu = res_get(s->res, g->known.at[AT_SUB_NU]), *owner = res_get(s->res, &attr_owner);
	struct block *b = calloc(1, sizeof(*b));

	REQUIRE(b);
	b->r = r;
	b->rid = r->target.node->rid;
	b->waiters_end = &b->waiters;
	b->msg = (struct out_msg){ .magic = OUT_MSG_MAGIC, .target = arena_str(&r->arena, nu->list.v[0].s),
		.creator = owner ? arena_str(&r->arena, owner->s) : STR_NONE, .root = type_root_attr(STR("m2m:sgn")),
		.pc = request_of(r, s), .once = true, .deadline_ns = r->deadline_ns, .done = answered };
	b->next = g->blocks;
	g->blocks = b;
	r->block = b;
	request_park(r, 0, leave);
	b->out = true;
	out_send(g->out, r->loop, &b->msg);
	return STEP_WAIT;
}

/* The entity whose credential is active may do that to the target. */
static bool may(struct request *r, struct str entity, enum op op)
{
	struct gate *g = r->gate;
	struct cred_info c;
	struct str name = out_name_of(&g->o.self, entity);

	return name.n && cred_of_name(g->o.security, &r->arena, name, &c) && cred_state_speaks(c.state) &&
	       event_may(g, &r->arena, r->tx, entity, op, r->target.node);
}

/* Rights that were withdrawn since end the consent: the creator's to read what is told, the target's to UPDATE (TS-0001 table
 * 10.2.10.2-1).  Nobody keeps a veto, or sees what others write, by having asked in time. */
static bool may_decide(struct request *r, const struct sub *s)
{
	const struct val *nu = res_get(s->res, r->gate->known.at[AT_SUB_NU]), *owner = res_get(s->res, &attr_owner), *who;
	const struct node *ae;
	struct why ignored = { .rsc = RSC_NONE };
	struct addr ad;

	if (!owner || !may(r, owner->s, OP_RETRIEVE))
		return false;
	if (addr_parse(&r->arena, nu->list.v[0].s, &ad, &ignored) || !addr_is_local(&ad, &r->gate->o.self))
		return true; /* not reachable: the clause says what follows */
	ae = resolve_node(r, &ad);
	who = ae && ae->type->ty == TY_AE ? res_get(node_res(r->tx, ae), &attr_owner) : NULL;
	return !who || event_may(r->gate, &r->arena, r->tx, who->s, OP_UPDATE, r->target.node);
}

enum step_result block_check(struct request *r)
{
	const struct sub *s;
	struct block *b = r->gate->blocks ? find(r->gate, r->target.node->rid) : NULL;

	if (b && b != r->block)
		return wait_for(r, b);
	if (b || r->prim.op != OP_UPDATE || !r->target.node->subs)
		return STEP_NEXT;
	s = event_blocking(r);
	return s && may_decide(r, s) ? begin(r, s) : STEP_NEXT;
}
