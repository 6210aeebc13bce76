/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to members: sent in slices, so many at a time; what they answer is copied into the arena of the request that asked. */
#include "cse/core/fanout_priv.h"

#include "cse/base/clock.h"
#include "cse/base/rand.h"
#include "cse/core/aggregate.h"
#include "cse/core/event.h"
#include "cse/core/gid.h"
#include "cse/core/walk.h"

enum { WINDOW = 256, SLICE = 64, MAX_DEPTH = 8 };
#define SLICE_NS INT64_C(500000)
/* A member that answers only that it has expired has not answered: it is forgotten before. */
#define GRACE_NS INT64_C(5000000000)

/* Parameters of the request that go on to the members.  Times do not: the deadline is ours. */
#define KEPT (1u << P_OP | 1u << P_TO | 1u << P_FR | 1u << P_RQI | 1u << P_TY | 1u << P_PC | 1u << P_RCN | 1u << P_EC | 1u << P_FC | \
              1u << P_DRT | 1u << P_RVI | 1u << P_VSI | 1u << P_GID)

static void slice(struct loop *l, struct loop_task *t);

/* --- answers ------------------------------------------------------------------------------------------------------- */

static void add(struct arena *a, struct obj *o, const struct fan_names *names, enum fan_name name, struct val v)
{
	*obj_add(a, o, names->at[name]) = v;
}

/* What does not fit into the answer is told by its code; a RETRIEVE that shows nothing has failed. */
static void put_content(struct fan *f, struct obj *o, struct fan_answer *an, const struct resp *resp)
{
	struct arena *a = &f->r->arena;
	size_t before = a->used;
	struct obj *pc;

	if (f->bytes >= f->max_bytes) {
		if (f->r->prim.op == OP_RETRIEVE)
			an->rsc = RSC_NOT_ACCEPTABLE;
		return;
	}
	pc = obj_new(a, 1);
	*obj_add(a, pc, resp->root) = val_copy(a, &resp->pc);
	add(a, o, &f->r->gate->fan_names, FAN_PC, val_obj(pc));
	if (resp->cnst) {
		add(a, o, &f->r->gate->fan_names, FAN_CNST, val_enum(resp->cnst));
		add(a, o, &f->r->gate->fan_names, FAN_CNOT, val_uint(resp->cnot));
	}
	f->bytes += a->used - before;
}

static void prepare(void *arg, const struct resp *resp)
{
	struct fan_call *c = arg;
	struct fan *f = c->fan;
	struct arena *a = &f->r->arena;
	struct fan_answer *an = &f->answers[c->index];
	const struct fan_names *names = &f->r->gate->fan_names;

	an->o = obj_new(a, 6);
	an->rsc = resp->rsc;
	if (resp->has_pc)
		put_content(f, an->o, an, resp);
	add(a, an->o, names, FAN_RSC, val_enum(an->rsc));
	add(a, an->o, names, FAN_RQI, val_str(K_STR, f->r->prim.rqi));
	add(a, an->o, names, FAN_FR, val_str(K_ID, fan_id(f, c->index)));
	if (f->r->prim.rvi != RVI_1)
		add(a, an->o, names, FAN_RVI, val_str(K_STR, f->r->prim.rvi_text));
}

static void release(void *arg)
{
	struct fan_call *c = arg;
	struct fan *f = c->fan;

	CHECK(f, FAN);
	f->answers[c->index].came = true;
	c->r = NULL;
	c->next = f->idle;
	f->idle = c;
	f->in_flight--;
	f->done++;
	if (!f->running)
		loop_defer(f->r->loop, &f->task, slice);
}

void fanout_result(struct request *r)
{
	struct fan *f = r->fan;
	const struct complex *agr = r->gate->root_agr->of;
	struct obj *o = obj_new(&r->arena, 1);
	struct val list = val_list(&r->arena, f->n);

	list.list.n = 0;
	for (size_t i = 0; i < f->n; i++)
		if (f->answers[i].came)
			list.list.v[list.list.n++] = val_obj(f->answers[i].o);
	*obj_add(&r->arena, o, complex_attr(agr, STR("m2m:rsp"))) = list;
	r->resp.rsc = RSC_OK;
	r->resp.has_pc = true;
	r->resp.root = r->gate->root_agr;
	r->resp.pc = val_obj(o);
}

/* --- the end ------------------------------------------------------------------------------------------------------- */

static void stop(struct fan *f)
{
	loop_timer_cancel(f->r->loop, &f->timer);
	loop_defer_cancel(f->r->loop, &f->task);
	for (size_t i = 0; i < f->n_calls; i++) {
		struct request *in = f->calls[i].r;

		f->calls[i].r = NULL;
		if (in)
			gate_abandon(in);
	}
	f->in_flight = 0;
}

void fanout_free(struct request *r)
{
	struct fan *f = r->fan;

	if (!f)
		return;
	loop_timer_cancel(r->loop, &f->timer);
	loop_defer_cancel(r->loop, &f->task);
	res_unref(f->group);
	f->magic = 0;
	r->fan = NULL;
}

static enum rsc no_answer(struct request *r)
{
	return prim_fail(&r->prim, RSC_GROUP_MEMBERS_NOT_RESPONDED, "no member has answered in time");
}

/* Nobody waits any more, or (as a last resort) the request has expired. */
static void leave(struct request *r)
{
	stop(r->fan);
	no_answer(r);
}

static bool is_virtual(struct str id)
{
	return str_ends(id, STR("/fopt")) || str_ends(id, STR("/la")) || str_ends(id, STR("/ol"));
}

/* Identifiers of members that are gone: references to nothing, TS-0004 7.4.14.3.5.  Made before the lock is taken. */
struct deleted {
	uint32_t *slots; /* index of the answer + 1 */
	size_t mask, n;
	uint64_t key[2];
};

static size_t deleted_slot(const struct fan *f, const struct deleted *g, struct str id)
{
	size_t i = str_hash(id, g->key) & g->mask;

	while (g->slots[i] && !str_eq(fan_id(f, g->slots[i] - 1), id))
		i = (i + 1) & g->mask;
	return i;
}

static void find_deleted(struct fan *f, struct deleted *g)
{
	struct rnd *rnd = f->r->gate->o.rnd;
	size_t slots = 16;

	while (slots < 2 * f->n)
		slots *= 2;
	*g = (struct deleted){ .mask = slots - 1, .key = { rnd_u64(rnd), rnd_u64(rnd) } };
	for (size_t i = 0; i < f->n; i++) {
		if (!f->answers[i].came || f->answers[i].rsc != RSC_DELETED || is_virtual(fan_id(f, i)))
			continue;
		if (g->n++ == 0)
			g->slots = arena_array(&f->r->arena, slots, sizeof(*g->slots));
		g->slots[deleted_slot(f, g, fan_id(f, i))] = (uint32_t)i + 1;
	}
}

static struct val remaining(struct fan *f, const struct deleted *g, const struct val *mid)
{
	struct val left = val_list(&f->r->arena, mid->list.n);

	left.list.n = 0;
	for (size_t i = 0; i < mid->list.n; i++)
		if (!g->slots[deleted_slot(f, g, mid->list.v[i].s)])
			left.list.v[left.list.n++] = mid->list.v[i];
	return left;
}

static bool drop_deleted(struct fan *f)
{
	struct request *r = f->r;
	const struct known *k = &r->gate->known;
	struct ask q = { .prim = &r->prim, .origin = &r->gate->self, .acop = ACOP_U, .internal = true };
	struct counters counters;
	struct tx *tx;
	struct res *res;
	const struct res *old;
	struct val left;
	struct deleted deleted;

	if (r->prim.op != OP_DELETE || f->suffix.n)
		return false;
	find_deleted(f, &deleted);
	if (deleted.n == 0)
		return false;
	tx = store_begin(r->gate->o.store, &r->arena, TX_WRITE);
	q.node = store_by_rid(tx, f->rid);
	if (!q.node || q.node->type->ty != TY_GRP) {
		store_end(tx);
		return false;
	}
	REQUIRE(grant_covers(authz_decide(r->gate->o.security, tx, &q), tx, q.node, ACOP_U));
	old = res_ref(node_res(tx, q.node));
	node_counters(tx, q.node, &counters);
	res = res_edit(&r->arena, old);
	left = remaining(f, &deleted, res_get(res, k->at[AT_GRP_MID]));
	*obj_put(&r->arena, &res->o, k->at[AT_GRP_CNM]) = val_uint(left.list.n);
	*obj_put(&r->arena, &res->o, k->at[AT_GRP_MID]) = left;
	store_update(tx, q.node, res, false);
	event_note_update(&r->events, r->gate, tx, q.node, old, &counters);
	res_unref(old);
	r->tx = tx;
	r->changed = true;
	return true;
}

static void finish(struct fan *f)
{
	struct request *r = f->r;
	size_t came = f->done;

	stop(f);
	if (came == 0) {
		no_answer(r);
		request_unpark(r, UNPARK_REFUSE);
		return;
	}
	request_unpark(r, drop_deleted(f) ? UNPARK_COMMIT : UNPARK_RESULT);
}

static void time_out(struct loop *l, struct loop_timer *t)
{
	struct fan *f = CONTAINER_OF(t, struct fan, timer);

	(void)l;
	CHECK(f, FAN);
	finish(f);
}

/* --- sending ------------------------------------------------------------------------------------------------------- */

static struct str address(struct request *in, const struct fan *f, size_t i)
{
	struct str id = fan_id(f, i);
	char *p;

	if (f->suffix.n == 0)
		return id;
	p = arena_alloc(&in->arena, id.n + f->suffix.n);
	memcpy(p, id.p, id.n);
	memcpy(p + id.n, f->suffix.p, f->suffix.n);
	return str_make(p, id.n + f->suffix.n);
}

static void call(struct fan *f)
{
	static const struct gate_reply reply = { prepare, release };
	const struct prim *o = &f->r->prim;
	struct request *in = gate_open(f->r->gate, f->r->loop);
	struct fan_call *c = f->idle;
	struct prim *p = &in->prim;
	struct arena *a = p->arena;

	f->idle = c->next;
	c->index = f->next++;
	c->r = in;
	*p = *o;
	p->arena = a;
	p->has &= KEPT;
	p->to = address(in, f, c->index);
	p->rset = p->rqet = p->oet = p->rp = p->ot = STR_NONE;
	p->grtm = f->picked ? f->picked[c->index].grtm : (struct strs){ NULL, 0 };
	if (p->grtm.n)
		p->has |= 1u << P_GRTM;
	if (f->gid.n) {
		p->gid = f->gid;
		p->has |= 1u << P_GID;
	}
	if (f->content)
		p->pc.res = f->content;
	in->up = f;
	in->bound_ns = f->deadline_ns + GRACE_NS;
	f->in_flight++;
	gate_submit(in, f->r->peer, &reply, c);
}

static void slice(struct loop *l, struct loop_task *t)
{
	struct fan *f = CONTAINER_OF(t, struct fan, task);
	const struct clock *clock = f->r->gate->o.clock;
	int64_t until = clock_mono_ns(clock) + SLICE_NS;

	CHECK(f, FAN);
	f->running = true;
	for (int i = 0; i < SLICE && f->next < f->n && f->idle; i++) {
		if (f->in_flight && gate_is_congested(f->r->gate))
			break;
		call(f);
		if (clock_mono_ns(clock) >= until)
			break;
	}
	f->running = false;
	if (f->done == f->n)
		finish(f);
	else if (f->next < f->n && f->idle && !(f->in_flight && gate_is_congested(f->r->gate)))
		loop_defer(l, t, slice);
}

/* --- the beginning ------------------------------------------------------------------------------------------------- */

static enum rsc refuse(struct request *r, enum rsc rsc, const char *text)
{
	return prim_fail(&r->prim, rsc, "%s", text);
}

/* May a resource of the asked type be a child of such members?  TS-0004 7.4.14.2.1. */
static enum rsc check_child_type(struct request *r, const struct fan *f)
{
	const struct val *mt = res_get(f->group, r->gate->known.at[AT_GRP_MT]);
	const struct type *t;

	if (r->prim.op != OP_CREATE || f->suffix.n || !mt || mt->i == 0)
		return RSC_NONE;
	t = type_by_ty((unsigned)mt->i);
	if (t && type_may_have_child(t, (unsigned)r->prim.ty))
		return RSC_NONE;
	return refuse(r, RSC_INVALID_CHILD_RESOURCE_TYPE, "resources of this type cannot be children of the group's memberType (mt)");
}

static enum rsc check_bounds(struct request *r, struct fan *f)
{
	if (f->n == 0)
		return refuse(r, RSC_NO_MEMBERS, "the group has no members");
	if (f->depth > MAX_DEPTH)
		return refuse(r, RSC_NOT_ACCEPTABLE, "groups are nested too deeply");
	if (f->n > f->root->budget)
		return refuse(r, RSC_NOT_ACCEPTABLE, "the request would lead to more requests to members than this CSE allows");
	f->root->budget -= f->n;
	return RSC_NONE;
}

static struct str join(struct arena *a, const struct str *v, size_t n)
{
	size_t len = 0, at = 0;
	char *p;

	for (size_t i = 0; i < n; i++)
		len += 1 + v[i].n;
	p = arena_alloc(a, len);
	for (size_t i = 0; i < n; i++) {
		p[at++] = '/';
		memcpy(p + at, v[i].p, v[i].n);
		at += v[i].n;
	}
	return str_make(p, len);
}

static bool meets_sub_group(const struct fan *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (str_ends(fan_id(f, i), STR("/fopt")))
			return true;
	return memmem(f->suffix.p, f->suffix.n, "/fopt", 5) != NULL;
}

/* A nested one answers before the one that waits for it gives up. */
static int64_t deadline_of(const struct request *r)
{
	return r->up ? r->up->deadline_ns - (r->up->deadline_ns - loop_now_ns(r->loop)) / 8 : r->deadline_ns;
}

static struct fan *start(struct request *r)
{
	struct fan *f = ARENA_NEW(&r->arena, struct fan);
	const struct settings *s = gate_settings(r->gate);

	f->magic = FAN_MAGIC;
	f->r = r;
	f->root = r->up ? r->up->root : f;
	f->depth = r->up ? r->up->depth + 1 : 1;
	f->budget = (size_t)s->fanout_requests;
	f->max_bytes = (size_t)s->reply_bytes;
	f->deadline_ns = deadline_of(r);
	f->rid = r->target.node->rid;
	f->group = res_ref(node_durable(r->tx, r->target.node));
	f->mid = res_get(f->group, r->gate->known.at[AT_GRP_MID]);
	f->n = f->mid->list.n;
	f->suffix = join(&r->arena, r->target.rest, r->target.n_rest);
	r->fan = f;
	return f;
}

static void prepare_calls(struct fan *f)
{
	struct arena *a = &f->r->arena;

	f->answers = arena_array(a, f->n, sizeof(*f->answers));
	f->n_calls = f->n < WINDOW ? f->n : WINDOW;
	f->calls = arena_array(a, f->n_calls, sizeof(*f->calls));
	for (size_t i = 0; i < f->n_calls; i++) {
		f->calls[i].fan = f;
		f->calls[i].next = f->idle;
		f->idle = &f->calls[i];
	}
}

enum step_result fanout_run(struct request *r)
{
	struct fan *f = start(r);

	f->content = aggregate_subscription(r);
	/* The content is counted: what follows needs no lock. */
	request_end(r);
	if (check_child_type(r, f) || (r->prim.grtm.n && fanout_pick(f)) || check_bounds(r, f))
		return STEP_ANSWER;
	if (prim_has(&r->prim, P_GID))
		f->gid = r->prim.gid;
	else if (meets_sub_group(f))
		f->gid = gid_make(r);
	prepare_calls(f);
	loop_timer_set(r->loop, &f->timer, f->deadline_ns, time_out);
	loop_defer(r->loop, &f->task, slice);
	/* Our own timer comes first: what has been answered by then is an answer. */
	r->deadline_ns = f->deadline_ns + GRACE_NS;
	return request_park(r, 0, leave);
}
