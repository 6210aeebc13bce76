/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts for subscriptions.  Noting, under the lock, keeps what a representation is made of (contents are immutable and
 * counted, so is the list of subscriptions); criteria are judged and representations made once the lock is free.
 */
#include "cse/core/event.h"

#include <stdlib.h>

#include "cse/base/conf.h"
#include "cse/core/event_priv.h"
#include "cse/core/out.h"
#include "cse/core/steps.h"

/* --- noting -------------------------------------------------------------------------------------------------------- */

static struct event *note(struct events *es, struct arena *a, struct subs *subs, enum net net, const struct event_of *of)
{
	struct event *ev = ARENA_NEW(a, struct event);

	*ev = (struct event){ .subs = subs_ref(subs), .net = net, .of = *of };
	if (of->res)
		res_ref(of->res);
	if (of->body)
		body_ref(of->body);
	*(es->last ? &es->last->next : &es->first) = ev;
	es->last = ev;
	return ev;
}

static struct event_of of_shown(const struct request *r)
{
	return (struct event_of){ .ti = r->shown_ti, .res = r->shown, .is_inst = r->shown_inst, .inst = r->inst,
		.end = r->inst_et, .counters = r->counters, .names = { r->ri, r->pi, r->rn },
		.body = r->shown_inst && !r->shown ? r->body : NULL };
}

static struct event_of of_node(const struct gate *g, struct arena *a, struct tx *tx, const struct node *n)
{
	struct event_of of = { .ti = gate_type(g, n->type->ty), .res = node_res(tx, n) };

	node_counters(tx, n, &of.counters);
	of.names.ri = arena_str(a, node_ri(tx, n));
	of.names.pi = n->parent ? arena_str(a, node_ri(tx, n->parent)) : STR("");
	of.names.rn = arena_str(a, node_rn(tx, n));
	return of;
}

void event_drop(struct events *es)
{
	for (struct event *ev = es->first; ev; ev = ev->next) {
		subs_unref(ev->subs);
		res_unref(ev->of.res);
		res_unref(ev->before);
		if (ev->of.body)
			body_unref(ev->of.body);
		for (unsigned i = 0; i < ARRAY_LEN(ev->reps); i++)
			rep_unref(ev->reps[i]);
	}
	while (es->lives) {
		struct life *l = es->lives;

		es->lives = l->next;
		life_free(l);
	}
	*es = (struct events){ .first = NULL };
}

static unsigned acop_of(const struct request *r)
{
	static const unsigned acop[] = { [OP_CREATE] = ACOP_C, [OP_RETRIEVE] = ACOP_R, [OP_UPDATE] = ACOP_U,
		[OP_DELETE] = ACOP_D, [OP_NOTIFY] = ACOP_N };

	return r->prim.op == OP_RETRIEVE && r->prim.fc && r->prim.fc->fu == 1 ? ACOP_DISC : acop[r->prim.op];
}

void event_access(struct request *r)
{
	const struct node *n = r->target.node;
	struct event_of of;
	struct event *ev;

	if (!n || !n->subs || r->target.is_inst || r->target.virt != V_NONE || r->events.access)
		return;
	of = of_node(r->gate, &r->arena, r->tx, n);
	ev = note(&r->events, &r->arena, n->subs, 0, &of);
	ev->op = r->prim.op;
	ev->acop = acop_of(r);
	ev->from = r->origin.from;
	ev->stem = r->origin.stem;
	ev->reads = n->rid;
	ev->now = tx_now(r->tx);
	r->events.access = ev;
}

/* A child that is a resource of its own is told only to those who may read it. */
void event_child_made(struct request *r)
{
	const struct node *parent = r->target.node, *child = r->shown_inst ? NULL : r->change.node;
	struct event_of of = of_shown(r);
	struct event *ev;

	if (parent->subs && !(child && parent->subs->n == 1 && parent->subs->v[0].rid == child->rid)) {
		ev = note(&r->events, &r->arena, parent->subs, NET_CREATE_CHILD, &of);
		ev->except = child ? child->rid : 0;
		ev->reads = child ? child->rid : parent->rid;
		ev->now = tx_now(r->tx);
	}
	if (child && child->type->ty == TY_SUB)
		life_note(&r->events, r->gate, LIFE_MADE, child->rid, node_res(r->tx, child), NULL);
	if (life_is_scheduled(parent, child))
		life_note(&r->events, r->gate, LIFE_SCHEDULED, parent->rid, NULL, NULL);
}

void event_updated(struct request *r)
{
	const struct node *n = r->target.node;
	struct event_of of = of_shown(r);
	struct event *ev;

	if (n->subs) {
		ev = note(&r->events, &r->arena, n->subs, NET_UPDATE, &of);
		ev->before = res_ref(r->before);
		ev->counters_before = r->counters_before;
		ev->asked = r->change.asked;
		ev->reads = n->rid;
		ev->now = tx_now(r->tx);
		if (r->events.access) {
			res_unref(r->events.access->of.res);
			r->events.access->of = of;
			res_ref(of.res);
		}
	}
	if (n->type->ty == TY_SUB)
		life_note(&r->events, r->gate, LIFE_CHANGED, n->rid, node_res(r->tx, n), r->before);
	if (life_is_scheduled(n->parent, n))
		life_note(&r->events, r->gate, LIFE_SCHEDULED, n->parent->rid, NULL, NULL);
}

/* Judged now, while there is something to judge. */
static void note_readers(struct gate *g, struct arena *a, struct tx *tx, struct event *ev, const struct node *child)
{
	ev->readers = arena_alloc(a, ev->subs->n * sizeof(bool));
	for (uint32_t i = 0; i < ev->subs->n; i++) {
		const struct val *owner = res_get(ev->subs->v[i].res, &attr_owner);

		ev->readers[i] = ev->subs->v[i].rid != child->rid && owner && event_may_read(g, a, tx, owner->s, child);
	}
}

void event_removing(struct request *r)
{
	const struct node *n = r->target.node, *parent = r->target.is_inst ? n : n->parent;
	struct event_of of = of_shown(r);
	struct event *ev;

	if (!r->target.is_inst && r->events.access) {
		r->events.access->reads = 0;
		note_readers(r->gate, &r->arena, r->tx, r->events.access, n);
	}
	if (!r->target.is_inst && life_is_scheduled(parent, n))
		life_note(&r->events, r->gate, LIFE_SCHEDULED, parent->rid, NULL, NULL);
	if (!parent || !parent->subs)
		return;
	ev = note(&r->events, &r->arena, parent->subs, NET_DELETE_CHILD, &of);
	ev->now = tx_now(r->tx);
	if (r->target.is_inst)
		ev->reads = n->rid;
	else
		note_readers(r->gate, &r->arena, r->tx, ev, n);
}

void event_childless(struct request *r)
{
	const struct node *n = r->target.node;
	struct counters k;
	struct event_of of;
	struct event *ev;

	if (!n->subs || n->type->ty != TY_CNT || r->events.childless)
		return;
	node_counters(r->tx, n, &k);
	if (k.cni)
		return;
	of = of_node(r->gate, &r->arena, r->tx, n);
	ev = note(&r->events, &r->arena, n->subs, NET_RETRIEVE_CHILDLESS, &of);
	ev->reads = n->rid;
	ev->now = tx_now(r->tx);
	r->events.childless = true;
}

void event_note_removal(struct events *es, struct gate *g, struct tx *tx, const struct node *n)
{
	struct arena *a = tx_arena(tx);
	struct event_of of;
	struct event *ev;

	if (life_is_scheduled(n->parent, n))
		life_note(es, g, LIFE_SCHEDULED, n->parent->rid, NULL, NULL);
	if (!n->parent || !n->parent->subs)
		return;
	of = of_node(g, a, tx, n);
	ev = note(es, a, n->parent->subs, NET_DELETE_CHILD, &of);
	ev->now = tx_now(tx);
	note_readers(g, a, tx, ev, n);
}

void event_note_update(struct events *es, struct gate *g, struct tx *tx, const struct node *n, const struct res *before,
                       const struct counters *counters)
{
	static const struct obj nothing = { .n = 0 };
	struct event_of of;
	struct event *ev;

	if (!n->subs)
		return;
	of = of_node(g, tx_arena(tx), tx, n);
	ev = note(es, tx_arena(tx), n->subs, NET_UPDATE, &of);
	ev->before = res_ref(before);
	ev->counters_before = *counters;
	ev->asked = &nothing;
	ev->reads = n->rid;
	ev->now = tx_now(tx);
}

void event_note_inst(struct events *es, struct gate *g, struct tx *tx, const struct node *cnt, const struct inst *i,
                     int64_t end, struct body *body)
{
	struct event_of of = { .ti = gate_type(g, cnt->type->ty)->inst, .is_inst = true, .inst = *i, .end = end, .body = body };
	struct event *ev;

	of.names.ri = inst_ri(tx, cnt, i->id);
	of.names.rn = inst_rn(tx, cnt, i->id);
	of.names.pi = node_ri(tx, cnt);
	ev = note(es, tx_arena(tx), cnt->subs, NET_DELETE_CHILD, &of);
	ev->reads = cnt->rid;
	ev->now = tx_now(tx);
}

const struct sub *event_blocking(const struct request *r)
{
	const struct subs *l = r->target.node->subs;
	const struct attr *at = r->gate->known.at[AT_SUB_ENC];

	for (uint32_t i = 0; l && i < l->n; i++) {
		const struct val *v = res_get(l->v[i].res, at);
		struct enc e;

		enc_read(v && v->kind == K_OBJ ? v->o : NULL, &e);
		if (!enc_has_net(&e, NET_BLOCKING) || res_stamp(l->v[i].res, &attr_et, INT64_MAX) <= tx_now(r->tx))
			continue;
		for (uint32_t k = 0; k < r->change.asked->n; k++)
			if (!e.atr || val_list_has(e.atr, str_of(r->change.asked->m[k].attr->sn)))
				return &l->v[i];
	}
	return NULL;
}

/* --- judging --------------------------------------------------------------------------------------------------------- */

/* Everything that it shows, as an object in the arena; NULL: a body that cannot be read. */
static struct obj *view(const struct gate *g, struct arena *a, struct event *ev)
{
	const struct event_of *of = &ev->of;
	const struct res *res = of->res;
	struct res *unpacked;

	if (ev->all)
		return ev->all;
	if (!res && of->body && res_unpack(a, str_make(of->body->bytes, of->body->n), &unpacked) == 0)
		res = unpacked;
	if (!res)
		return NULL;
	ev->all = of->is_inst ? view_own_inst(a, of->ti, res, &of->inst, of->end, &of->names)
	                      : view_own(g, a, of->ti, res, &of->counters, &of->names);
	return ev->all;
}

/* What an UPDATE gave or changed; what is gone as null. */
static struct obj *modified(const struct gate *g, struct arena *a, struct event *ev)
{
	struct obj *after, *before, *o;

	if (ev->modified)
		return ev->modified;
	after = view(g, a, ev);
	before = view_own(g, a, ev->of.ti, ev->before, &ev->counters_before, &ev->of.names);
	o = ev->modified = obj_new(a, after->n);
	for (uint32_t i = 0; i < after->n; i++) {
		const struct member *m = &after->m[i];
		const struct val *was = obj_get(before, m->attr);

		if (obj_get(ev->asked, m->attr) || !was || !val_eq(was, &m->v))
			*obj_add(a, o, m->attr) = m->v;
	}
	for (uint32_t i = 0; i < before->n; i++)
		if (!obj_get(after, before->m[i].attr))
			*obj_add(a, o, before->m[i].attr) = val_null();
	return o;
}

static bool touches(const struct gate *g, struct arena *a, struct event *ev, const struct val *atr)
{
	const struct obj *o;

	if (!atr)
		return true;
	o = modified(g, a, ev);
	for (uint32_t i = 0; i < o->n; i++)
		if (val_list_has(atr, str_of(o->m[i].attr->sn)))
			return true;
	return false;
}

static struct enc_subject subject(const struct gate *g, struct arena *a, struct event *ev)
{
	const struct obj *o = view(g, a, ev);
	const struct val *v;
	struct enc_subject s = { .et = INT64_MAX };

	if (!o)
		return s;
	if ((v = obj_get(o, &attr_ct)))
		s.ct = v->i;
	if ((v = obj_get(o, &attr_lt)))
		s.lt = v->i;
	if ((v = obj_get(o, &attr_et)) && v->kind == K_STAMP)
		s.et = v->i;
	if ((v = obj_get(o, &attr_st))) {
		s.has_st = true;
		s.st = v->u;
	}
	if (ev->of.ti->cs && (v = obj_get(o, ev->of.ti->cs))) {
		s.has_size = true;
		s.size = v->u;
	}
	return s;
}

static bool meets(const struct gate *g, struct arena *a, struct event *ev, const struct enc *e)
{
	struct enc_subject s;

	if (!e->has)
		return true;
	s = subject(g, a, ev);
	return enc_meets(e, &s);
}

static bool matches(const struct gate *g, struct arena *a, struct event *ev, const struct enc *e)
{
	if (ev->net == 0)
		return e->om && enc_monitors(e, ev->acop, ev->from, ev->stem) && meets(g, a, ev, e);
	if (!enc_has_net(e, ev->net))
		return false;
	if ((ev->net == NET_CREATE_CHILD || ev->net == NET_DELETE_CHILD) && !enc_wants_child(e, ev->of.ti->type->ty))
		return false;
	if (ev->net == NET_UPDATE && !touches(g, a, ev, e->atr))
		return false;
	return meets(g, a, ev, e);
}

/* --- facts ------------------------------------------------------------------------------------------------------------ */

/* One representation for all subscriptions that want the same. */
static struct rep *represent(const struct gate *g, struct arena *a, struct event *ev, unsigned nct)
{
	struct rep **rep = &ev->reps[nct == NCT_ID ? 2 : nct == NCT_MODIFIED && ev->before ? 1 : 0];
	struct obj *o;
	struct val v;

	if (*rep)
		return rep_ref(*rep);
	if (rep == &ev->reps[2]) {
		v = val_str(K_URI, ev->of.names.ri);
		*rep = rep_keep(g->root_uri, &v);
		return rep_ref(*rep);
	}
	o = rep == &ev->reps[1] ? modified(g, a, ev) : view(g, a, ev);
	if (!o)
		return NULL;
	v = val_obj(o);
	*rep = rep_keep(ev->of.ti->type->root, &v);
	return rep_ref(*rep);
}

static void drop(struct emit *e)
{
	fact_free(CONTAINER_OF(e, struct fact, emit));
}

/* On the subscription's loop. */
static void deliver(struct loop *l, struct loop_task *t)
{
	struct fact *f = CONTAINER_OF(t, struct fact, emit.task);

	(void)l;
	CHECK(f, FACT);
	f->withheld = f->last ? !event_read_last(f->gate, f->last_sub, f->last)
	                      : f->reads && !event_reads_still(f->gate, f->sub, f->reads);
	notify_take(f->gate->notify, f);
}

void event_post(struct gate *g, struct fact *f)
{
	f->gate = g;
	f->emit = (struct emit){ .task = { .fn = deliver }, .loop = notify_loop(g, f->sub), .drop = drop };
	loop_post(f->emit.loop, &f->emit.task, deliver);
}

struct fact *event_fact(struct gate *g, struct arena *a, struct event *ev, uint32_t sub, const struct res *res, bool bare)
{
	const struct val *nct = res_get(res, g->known.at[AT_SUB_NCT]);
	struct rep *rep = bare ? NULL : represent(g, a, ev, nct ? (unsigned)nct->i : NCT_ALL);
	struct fact *f;

	if (!rep && !bare)
		return NULL;
	f = calloc(1, sizeof(*f));
	REQUIRE(f);
	*f = (struct fact){ .emit = { .task = { .fn = deliver }, .loop = notify_loop(g, sub), .drop = drop },
		.magic = FACT_MAGIC, .gate = g, .sub = sub, .net = ev->net, .op = ev->op, .monitor = ev->net == 0, .rep = rep,
		.when = ev->now, .reads = ev->reads, .size = sizeof(*f) + (rep ? rep->bytes : 0) };
	if (f->monitor) {
		f->originator = malloc(ev->from.n + 1);
		REQUIRE(f->originator);
		memcpy(f->originator, ev->from.p, ev->from.n);
		f->originator[ev->from.n] = '\0';
		f->size += ev->from.n + 1;
	}
	return f;
}

bool event_wants(const struct gate *g, struct arena *a, struct event *ev, const struct res *res)
{
	const struct val *v = res_get(res, g->known.at[AT_SUB_ENC]);
	struct enc e;

	enc_read(v && v->kind == K_OBJ ? v->o : NULL, &e);
	return matches(g, a, ev, &e);
}

/* *index: of the facts of this commit.  *feeds: one of the subscriptions that hear of it, a pressed one if there is one. */
static void judge(struct gate *g, struct arena *a, struct event *ev, struct commit *c, unsigned *index, bool bare, uint32_t *feeds)
{
	for (uint32_t i = 0; i < ev->subs->n; i++) {
		const struct sub *s = &ev->subs->v[i];
		struct fact *f;

		if (s->rid == ev->except || (ev->readers && !ev->readers[i]) ||
		    res_stamp(s->res, &attr_et, INT64_MAX) <= ev->now || !event_wants(g, a, ev, s->res))
			continue;
		f = event_fact(g, a, ev, s->rid, s->res, bare);
		if (!f)
			continue;
		if (!*feeds || out_is_pressed(g->out, s->rid))
			*feeds = s->rid;
		if (c) {
			notify_keep(g->notify, c, (*index)++, f);
			store_emit(c, &f->emit);
		} else {
			loop_post(f->emit.loop, &f->emit.task, deliver);
		}
	}
}

void event_tell(struct request *r, bool refused)
{
	struct events *es = &r->events;
	struct commit *c = r->durable_later ? &r->commit : NULL;
	unsigned index = 0;

	if (!refused)
		life_tell(es, c);
	for (struct event *ev = es->first; ev; ev = ev->next)
		if (!refused || ev == es->access)
			judge(r->gate, &r->arena, ev, c, &index, refused, &r->feeds);
	event_drop(es);
}

void event_tell_commit(struct events *es, struct gate *g, struct arena *a, struct commit *c)
{
	unsigned index = 0;
	uint32_t feeds = 0;

	life_tell(es, c);
	for (struct event *ev = es->first; ev; ev = ev->next)
		judge(g, a, ev, c, &index, false, &feeds);
	event_drop(es);
}
