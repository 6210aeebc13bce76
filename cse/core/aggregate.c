/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes is judged on the loop where it comes and gathered on the loop of its group.  The address that a group gives itself
 * names the groups above it, so that nothing has to be remembered: "grpB/fopt/grpA" is gathered by B and sent to "grpA/fopt".
 */
#include "cse/core/aggregate.h"

#include <pthread.h>
#include <stdlib.h>

#include "cse/base/conf.h"
#include "cse/base/err.h"
#include "cse/core/fanout_priv.h"
#include "cse/core/members.h"
#include "cse/core/out.h"
#include "cse/core/validate.h"
#include "cse/model/stamp.h"

enum { BUCKETS = 256, MAX_GATHERED = 4096, MAX_BYTES = 1 << 20, ARENA = 1024 };

/* One NOTIFY: goes to the loop of its group, and back with the answer. */
#define GATHERED_MAGIC 0x67617468u
struct gathered {
	struct loop_task task;
	uint32_t magic;
	struct aggregates *all;
	struct gathered *next;               /* in its batch */
	struct gathered *reg_next, **reg_prev;
	struct request *r;                   /* home loop only; NULL: nobody waits */
	struct loop *home;
	struct arena mem;
	uint32_t group;                      /* rid */
	struct str to, creator;              /* where it goes on, on whose behalf */
	struct val *sgn;
	size_t n;
	uint64_t num;                        /* of the group's notifyAggregation, as it was when this came */
	int64_t until_ns;                    /* when it must go on at the latest */
	uint16_t ec;
	enum rsc rsc;
};

/* What waits together, then what is on its way together. */
#define BATCH_MAGIC 0x62617463u
struct batch {
	uint32_t magic;
	struct aggregates *all;
	struct lane_of *lane;
	struct batch *next, **prev;          /* bucket, or sent */
	struct gathered *first, **tail;
	size_t n, bytes;
	struct loop_timer timer;
	struct out_msg msg;
	struct obj agn;
	struct member m_agn;
};

struct lane_of {
	struct loop *loop;
	struct batch *waiting[BUCKETS], *sent;
};

struct aggregates {
	struct gate *gate;
	const struct attr *root, *sgn;       /* m2m:agn and its list */
	pthread_mutex_t lock;
	struct gathered *first;              /* all there are; guarded */
	struct lane_of *lanes;
};

/* --- life ---------------------------------------------------------------------------------------------------------- */

struct aggregates *aggregates_new(struct gate *g)
{
	struct aggregates *a = calloc(1, sizeof(*a));

	REQUIRE(a && pthread_mutex_init(&a->lock, NULL) == 0);
	a->gate = g;
	a->root = type_root_attr(STR("m2m:agn"));
	a->sgn = complex_attr(a->root->of, STR("m2m:sgn"));
	a->lanes = calloc(g->o.n_loops, sizeof(*a->lanes));
	REQUIRE(a->root && a->sgn && a->lanes);
	for (unsigned i = 0; i < g->o.n_loops; i++)
		a->lanes[i].loop = g->o.loops[i];
	return a;
}

static struct gathered *gathered_new(struct aggregates *a)
{
	struct gathered *x = calloc(1, sizeof(*x));

	REQUIRE(x);
	x->magic = GATHERED_MAGIC;
	x->all = a;
	arena_init(&x->mem, ARENA);
	pthread_mutex_lock(&a->lock);
	x->reg_next = a->first;
	x->reg_prev = &a->first;
	if (x->reg_next)
		x->reg_next->reg_prev = &x->reg_next;
	a->first = x;
	pthread_mutex_unlock(&a->lock);
	return x;
}

static void gathered_free(struct gathered *x)
{
	pthread_mutex_lock(&x->all->lock);
	*x->reg_prev = x->reg_next;
	if (x->reg_next)
		x->reg_next->reg_prev = x->reg_prev;
	pthread_mutex_unlock(&x->all->lock);
	arena_fini(&x->mem);
	x->magic = 0;
	free(x);
}

static void batch_unlink(struct batch *b)
{
	*b->prev = b->next;
	if (b->next)
		b->next->prev = b->prev;
}

static void batch_link(struct batch *b, struct batch **head)
{
	b->next = *head;
	b->prev = head;
	if (b->next)
		b->next->prev = &b->next;
	*head = b;
}

static void batch_free(struct batch *b)
{
	loop_timer_cancel(b->lane->loop, &b->timer);
	batch_unlink(b);
	free(b->m_agn.v.list.v);
	b->magic = 0;
	free(b);
}

void aggregates_free(struct aggregates *a)
{
	if (!a)
		return;
	for (unsigned i = 0; i < a->gate->o.n_loops; i++) {
		for (int k = 0; k < BUCKETS; k++)
			while (a->lanes[i].waiting[k])
				batch_free(a->lanes[i].waiting[k]);
		while (a->lanes[i].sent)
			batch_free(a->lanes[i].sent);
	}
	while (a->first)
		gathered_free(a->first);
	pthread_mutex_destroy(&a->lock);
	free(a->lanes);
	free(a);
}

/* --- going on ------------------------------------------------------------------------------------------------------ */

/* On the home loop. */
static void back(struct loop *l, struct loop_task *t)
{
	struct gathered *x = CONTAINER_OF(t, struct gathered, task);
	struct request *r = x->r;
	enum rsc rsc = x->rsc;

	(void)l;
	CHECK(x, GATHERED);
	gathered_free(x);
	if (!r)
		return;
	r->parker = NULL;
	if (rsc == RSC_NONE) {
		prim_fail(&r->prim, RSC_TARGET_NOT_REACHABLE, "the target of the aggregated notification cannot be reached");
		request_unpark(r, UNPARK_REFUSE);
		return;
	}
	r->resp.rsc = rsc;
	request_unpark(r, UNPARK_RESULT);
}

/* TS-0004 7.5.1.2.6: the response is sent separately for each of the members' requests. */
static void answered(struct out_msg *m, const struct out_result *result)
{
	struct batch *b = m->arg;

	CHECK(b, BATCH);
	for (struct gathered *x = b->first, *next; x; x = next) {
		next = x->next;
		x->rsc = result->err ? RSC_NONE : result->rsc;
		loop_post(x->home, &x->task, back);
	}
	b->first = NULL;
	batch_free(b);
}

static void send_on(struct batch *b)
{
	struct aggregates *a = b->all;
	const struct gathered *first = b->first;
	struct val *all = calloc(b->n, sizeof(*all));
	size_t n = 0;

	REQUIRE(all);
	loop_timer_cancel(b->lane->loop, &b->timer);
	batch_unlink(b);
	batch_link(b, &b->lane->sent);
	for (const struct gathered *x = first; x; x = x->next)
		for (size_t i = 0; i < x->n; i++)
			all[n++] = x->sgn[i];
	b->m_agn = (struct member){ a->sgn, { .kind = K_LIST, .list = { .v = all, .n = n } } };
	b->agn = (struct obj){ .n = 1, .cap = 1, .m = &b->m_agn };
	b->msg = (struct out_msg){ .magic = OUT_MSG_MAGIC, .target = first->to, .creator = first->creator, .root = a->root,
		                   .pc = val_obj(&b->agn), .ec = first->ec, .bytes = b->bytes, .done = answered, .arg = b,
		                   .deadline_ns = loop_now_ns(b->lane->loop) + gate_settings(a->gate)->deadline_ns };
	out_send(a->gate->out, b->lane->loop, &b->msg);
}

static void time_over(struct loop *l, struct loop_timer *t)
{
	(void)l;
	send_on(CONTAINER_OF(t, struct batch, timer));
}

static struct batch *batch_of(struct lane_of *lane, const struct gathered *x)
{
	struct batch **head = &lane->waiting[x->group % BUCKETS], *b;

	for (b = *head; b; b = b->next)
		if (b->first->group == x->group && str_eq(b->first->to, x->to) && str_eq(b->first->creator, x->creator))
			return b;
	b = calloc(1, sizeof(*b));
	REQUIRE(b);
	b->magic = BATCH_MAGIC;
	b->all = x->all;
	b->lane = lane;
	b->tail = &b->first;
	batch_link(b, head);
	return b;
}

/* On the group's loop.  The first one starts the time. */
static void arrive(struct loop *l, struct loop_task *t)
{
	struct gathered *x = CONTAINER_OF(t, struct gathered, task);
	struct batch *b;

	CHECK(x, GATHERED);
	b = batch_of(&x->all->lanes[loop_index(l)], x);
	*b->tail = x;
	b->tail = &x->next;
	b->n += x->n;
	b->bytes += x->mem.used;
	if (b->n >= x->num || b->n >= MAX_GATHERED || b->bytes >= MAX_BYTES)
		send_on(b);
	else if (!b->timer.pos || x->until_ns < b->timer.at_ns)
		loop_timer_set(l, &b->timer, x->until_ns, time_over);
}

/* --- judging ------------------------------------------------------------------------------------------------------- */

static enum rsc foreign(struct request *r)
{
	return prim_fail(&r->prim, RSC_ORIGINATOR_HAS_NO_PRIVILEGE,
	                 "this is no notification of a subscription that was made through this group");
}

static const struct node *node_at(struct request *r, struct str id)
{
	struct why why = { .rsc = RSC_NONE };
	struct addr ad;

	if (addr_parse(&r->arena, id, &ad, &why) || ad.attr.n || !addr_is_local(&ad, &r->gate->o.self))
		return NULL;
	return resolve_node(r, &ad);
}

/* Is one of the members above this resource, or the resource itself? */
static bool is_below_member(struct request *r, const struct val *mid, const struct node *n)
{
	struct str id[2 * 64];
	const struct node *above[64];
	size_t k = 0;

	for (const struct node *a = n; a && k < ARRAY_LEN(above); a = a->parent, k++) {
		above[k] = a;
		id[2 * k] = node_ri(r->tx, a);
		id[2 * k + 1] = node_path(r->tx, a);
	}
	for (size_t i = 0; i < mid->list.n; i++)
		for (size_t j = 0; j < 2 * k; j++)
			if (str_eq(mid->list.v[i].s, id[j]))
				return true;
	/* Other forms of an address, which are rare. */
	for (size_t i = 0; i < mid->list.n; i++) {
		struct str s = mid->list.v[i].s;
		bool other = str_index(s, '/') < s.n && !str_starts(s, r->gate->o.self.base) && !str_ends(s, STR("/fopt"));
		const struct node *m = other ? node_at(r, s) : NULL;

		for (size_t j = 0; m && j < k; j++)
			if (above[j] == m)
				return true;
	}
	return false;
}

static bool has_sub_group(struct request *r, const struct val *mid, struct str ri)
{
	const struct node *want = node_at(r, ri);

	for (size_t i = 0; want && i < mid->list.n; i++) {
		struct str s = mid->list.v[i].s;

		if (str_ends(s, STR("/fopt")) && node_at(r, str_first(s, s.n - 5)) == want)
			return true;
	}
	return false;
}

/* "grpB/fopt/grpA" as "grpB/grpA": the groups through which a subscription was made, from the members upwards. */
static struct str chain_of(struct arena *a, struct str address)
{
	size_t at = str_index(address, '/');
	struct str rest = str_from(address, at);

	if (!str_starts(rest, STR("/fopt")))
		return STR_NONE;
	return arena_printf(a, "%.*s%.*s", STR_ARG(str_first(address, at)), STR_ARG(str_from(rest, 5)));
}

static struct str own_chain(struct request *r)
{
	struct str chain = node_ri(r->tx, r->target.node);

	for (size_t i = 0; i < r->target.n_rest; i++)
		chain = arena_printf(&r->arena, "%.*s/%.*s", STR_ARG(chain), STR_ARG(r->target.rest[i]));
	return chain;
}

/* The subscription that sent it, when it was made through this group and is one of a member. */
static const struct res *sender_of(struct request *r, const struct val *sgn, const struct val *mid)
{
	const struct known *k = &r->gate->known;
	const struct val *sur = sgn->kind == K_OBJ ? obj_find(sgn->o, "sur") : NULL, *nu, *gpi, *vrq;
	const struct node *sub = sur && (sur->kind == K_URI) ? node_at(r, sur->s) : NULL;
	const struct res *res = sub && sub->type->ty == TY_SUB ? node_durable(r->tx, sub) : NULL;
	struct str chain, own = own_chain(r), below;

	vrq = sgn->kind == K_OBJ ? obj_find(sgn->o, "vrq") : NULL;
	nu = res ? res_get(res, k->at[AT_SUB_NU]) : NULL;
	gpi = res ? res_get(res, k->at[AT_SUB_GPI]) : NULL;
	if (!nu || !gpi || vrq || nu->list.n != 1)
		return NULL;
	chain = chain_of(&r->arena, nu->list.v[0].s);
	if (!str_eq(str_first(chain, str_index(chain, '/')), gpi->s))
		return NULL;
	if (str_eq(chain, own))
		return is_below_member(r, mid, sub->parent) ? res : NULL;
	if (chain.n <= own.n + 1 || !str_ends(chain, own) || chain.p[chain.n - own.n - 1] != '/')
		return NULL;
	below = str_first(chain, chain.n - own.n - 1);
	for (size_t i = str_index(below, '/'); i < below.n; i = str_index(below, '/'))
		below = str_from(below, i + 1);
	return has_sub_group(r, mid, below) ? res : NULL;
}

/* --- taking -------------------------------------------------------------------------------------------------------- */

/* Nobody waits for the answer any more: what was gathered goes on all the same. */
static void leave(struct request *r)
{
	struct gathered *x = r->parker;

	if (x)
		x->r = NULL;
	r->parker = NULL;
}

static void take_policy(struct request *r, struct gathered *x, const struct res *group)
{
	const struct known *k = &r->gate->known;
	const struct settings *s = gate_settings(r->gate);
	const struct val *nar = res_get(group, k->at[AT_GRP_NAR]), *cnm = res_get(group, k->at[AT_GRP_CNM]);
	const struct val *num = nar && nar->kind == K_OBJ ? obj_find(nar->o, "num") : NULL;
	const struct val *dur = nar && nar->kind == K_OBJ ? obj_find(nar->o, "dur") : NULL;
	int64_t us = 0, now = loop_now_ns(r->loop), wait = s->group_wait_ns, left = r->deadline_ns - now;

	/* TS-0004 7.4.14.2.5: without notifyAggregation as many as there are members. */
	x->num = num ? num->u : nar || !cnm ? UINT64_MAX : cnm->u;
	if (dur && stamp_duration(dur->s, &us) == 0)
		wait = us > INT64_C(86400000000) ? INT64_C(86400000000000) : us * 1000;
	/* A sender that says how long it waits is answered before. */
	if (r->prim.has & (1u << P_RQET | 1u << P_RSET))
		wait = wait < left / 2 ? wait : left / 2;
	else
		r->deadline_ns = now + wait + 3 * s->deadline_ns;
	x->until_ns = now + wait;
}

static struct str next_target(struct request *r, struct arena *a, const struct res *sub)
{
	const struct target *t = &r->target;
	struct str to;

	if (t->n_rest == 0)
		return arena_str(a, res_get(sub, r->gate->known.at[AT_SUB_NFU])->s);
	to = arena_printf(a, "%.*s/fopt", STR_ARG(t->rest[0]));
	for (size_t i = 1; i < t->n_rest; i++)
		to = arena_printf(a, "%.*s/%.*s", STR_ARG(to), STR_ARG(t->rest[i]));
	return to;
}

/* All of one NOTIFY have one target and one creator, as they come of one subscription or of one batch of a sub-group. */
static enum rsc judge(struct request *r, const struct val *sgn, size_t n, const struct val *mid, const struct res **sub)
{
	const struct attr *nfu = r->gate->known.at[AT_SUB_NFU];

	*sub = NULL;
	for (size_t i = 0; i < n; i++) {
		const struct res *s = sender_of(r, &sgn[i], mid);
		const struct val *to = s ? res_get(s, nfu) : NULL, *owner = s ? res_get(s, &attr_owner) : NULL;

		if (!to || !owner || to->kind != K_URI)
			return foreign(r);
		if (*sub && (!val_eq(to, res_get(*sub, nfu)) || !val_eq(owner, res_get(*sub, &attr_owner))))
			return prim_fail(&r->prim, RSC_BAD_REQUEST, "the notifications of one request must have one notificationForwardingURI (nfu)");
		*sub = s;
	}
	return *sub ? RSC_NONE : foreign(r);
}

enum step_result aggregate_take(struct request *r)
{
	const struct content *pc = &r->prim.pc;
	const struct aggregates *a = r->gate->aggregates;
	const struct res *group = node_durable(r->tx, r->target.node), *sub;
	const struct val *list = NULL;
	struct gathered *x;

	if (!r->origin.self || pc->kind != PC_ROOT)
		return request_fail(foreign(r));
	if (pc->root == a->root)
		list = obj_get(pc->v.o, a->sgn);
	else if (strcmp(pc->root->sn, "m2m:sgn") != 0)
		return request_fail(foreign(r));
	if (judge(r, list ? list->list.v : &pc->v, list ? list->list.n : 1, res_get(group, r->gate->known.at[AT_GRP_MID]), &sub))
		return STEP_ANSWER;
	x = gathered_new(r->gate->aggregates);
	x->r = r;
	x->home = r->loop;
	x->group = r->target.node->rid;
	x->to = next_target(r, &x->mem, sub);
	x->creator = arena_str(&x->mem, res_get(sub, &attr_owner)->s);
	x->ec = prim_has(&r->prim, P_EC) ? (uint16_t)r->prim.ec : 0;
	x->n = list ? list->list.n : 1;
	x->sgn = arena_array(&x->mem, x->n, sizeof(*x->sgn));
	take_policy(r, x, group);
	r->parker = x;
	request_park(r, 0, leave);
	for (size_t i = 0; i < x->n; i++)
		x->sgn[i] = val_copy(&x->mem, list ? &list->list.v[i] : &pc->v);
	loop_post(r->gate->o.loops[x->group % r->gate->o.n_loops], &x->task, arrive);
	return STEP_WAIT;
}

/* --- subscribing --------------------------------------------------------------------------------------------------- */

bool aggregate_is_own(const struct request *r)
{
	return r->up && r->up->content && r->prim.pc.kind == PC_RES && r->prim.pc.res == r->up->content;
}

struct res *aggregate_subscription(struct request *r)
{
	const struct prim *p = &r->prim;
	const struct known *k = &r->gate->known;
	const struct val *nfu, *nu;
	struct res *res;
	struct str ri = node_ri(r->tx, r->target.node), address;
	struct val list;

	if (p->op != OP_CREATE || p->ty != TY_SUB || p->pc.kind != PC_RES || p->pc.res->type->ty != TY_SUB)
		return NULL;
	nfu = res_get(p->pc.res, k->at[AT_SUB_NFU]);
	nu = res_get(p->pc.res, k->at[AT_SUB_NU]);
	if (!nfu || nfu->kind != K_URI)
		return NULL;
	address = arena_printf(&r->arena, "%.*s/fopt", STR_ARG(ri));
	if (aggregate_is_own(r))
		address = arena_printf(&r->arena, "%.*s/%.*s", STR_ARG(address), STR_ARG(chain_of(&r->arena, nu->list.v[0].s)));
	list = val_list(&r->arena, 1);
	list.list.v[0] = val_str(K_URI, address);
	res = res_edit(&r->arena, p->pc.res);
	*obj_put(&r->arena, &res->o, k->at[AT_SUB_NU]) = list;
	*obj_put(&r->arena, &res->o, k->at[AT_SUB_GPI]) = val_str(K_URI, ri);
	return res;
}
