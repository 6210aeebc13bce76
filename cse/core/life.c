/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions that come, change and go, for notify.c; and what their creators may still read. */
#include "cse/core/event.h"

#include <stdlib.h>

#include "cse/base/clock.h"
#include "cse/core/event_priv.h"
#include "cse/core/notify_record.h"
#include "cse/core/out_priv.h"

/* --- messages to the subscription's loop ------------------------------------------------------------------------------- */

void life_free(struct life *l)
{
	res_unref(l->res);
	res_unref(l->before);
	free(l);
}

static void drop(struct emit *e)
{
	life_free(CONTAINER_OF(e, struct life, emit));
}

static void deliver(struct loop *loop, struct loop_task *t)
{
	struct life *l = CONTAINER_OF(t, struct life, emit.task);
	struct notify *n = l->gate->notify;

	(void)loop;
	switch (l->kind) {
	case LIFE_MADE:
		notify_created(n, l->sub, l->res);
		break;
	case LIFE_CHANGED:
		notify_updated(n, l->sub, l->before, l->res);
		break;
	case LIFE_ENDED:
		notify_deleted(n, l->sub, l->res, &(struct notify_end){ l->ri, l->path, l->kept, l->quiet });
		break;
	case LIFE_SCHEDULED:
		notify_scheduled(n, l->sub);
		break;
	}
	life_free(l);
}

static struct life *make(struct gate *g, enum life_kind kind, uint32_t sub, const struct res *res, const struct res *before,
                         struct str ri, struct str path)
{
	struct life *l = malloc(sizeof(*l) + ri.n + path.n);
	char *text = (char *)(l + 1);

	REQUIRE(l);
	*l = (struct life){ .emit = { .task = { .fn = deliver }, .loop = notify_loop(g, sub), .drop = drop }, .gate = g,
		.kind = kind, .sub = sub, .res = res ? res_ref(res) : NULL,
		.before = before ? res_ref(before) : NULL };
	if (ri.n)
		memcpy(text, ri.p, ri.n);
	if (path.n)
		memcpy(text + ri.n, path.p, path.n);
	l->ri = str_make(text, ri.n);
	l->path = str_make(text + ri.n, path.n);
	return l;
}

bool life_is_scheduled(const struct node *parent, const struct node *child)
{
	return parent && parent->type->ty == TY_SUB && child && child->type->ty == TY_SCH;
}

void life_note(struct events *es, struct gate *g, enum life_kind kind, uint32_t sub, const struct res *res,
               const struct res *before)
{
	struct life *l = make(g, kind, sub, res, before, STR_NONE, STR_NONE), **at = &es->lives;

	while (*at)
		at = &(*at)->next;
	*at = l;
}

void life_tell(struct events *es, struct commit *c)
{
	struct life *l = es->lives, *next;

	es->lives = NULL;
	for (; l; l = next) {
		next = l->next;
		if (c)
			store_emit(c, &l->emit);
		else
			loop_post(l->emit.loop, &l->emit.task, deliver);
	}
}

/* --- those that go --------------------------------------------------------------------------------------------------------- */

/* The writer's thread alone uses it: the resource that the last one watched, shown once for all. */
struct event_room {
	struct arena a;
	struct event ev;
	uint32_t parent;
};

static void forget(struct event_room *room)
{
	struct events es = { .first = room->parent ? &room->ev : NULL };

	event_drop(&es);
	room->parent = 0;
	arena_reset(&room->a);
}

static struct event *removal(struct gate *g, const struct gone *d)
{
	struct event_room *room = g->event;

	if (room->parent == d->parent)
		return &room->ev;
	forget(room);
	room->parent = d->parent;
	room->ev = (struct event){ .net = NET_DELETE, .op = OP_DELETE };
	room->ev.of = (struct event_of){ .ti = gate_type(g, d->parent_res->type->ty), .res = res_ref(d->parent_res),
		.counters = d->counters };
	room->ev.of.names = (struct view_names){ arena_str(&room->a, d->parent_ri), arena_str(&room->a, d->parent_pi),
		arena_str(&room->a, d->parent_rn) };
	room->ev.now = clock_wall_us(g->o.clock);
	return &room->ev;
}

static struct fact *last_fact(struct gate *g, const struct gone *d)
{
	struct event *ev = removal(g, d);
	struct fact *f = event_wants(g, &g->event->a, ev, d->res) ? event_fact(g, &g->event->a, ev, d->rid, d->res, false) : NULL;

	if (!f)
		return NULL;
	f->gone = true;
	f->last_sub = res_ref(d->res);
	f->last = res_ref(d->parent_res);
	f->path = strndup(d->path.p, d->path.n);
	REQUIRE(f->path);
	return f;
}

static void post(struct life *l)
{
	loop_post(l->emit.loop, &l->emit.task, deliver);
}

/* What a subscription that is gone has still to say is a record until it has been said: there before the store forgets it. */
struct word {
	struct commit commit; /* first */
	struct gate *gate;
	struct fact *fact;    /* or NULL */
	struct life *life;
	struct arena a;
};

/* On the writer's thread.  Without a record it is told all the same. */
static void word_kept(struct commit *c, int err)
{
	struct word *w = CONTAINER_OF(c, struct word, commit);
	struct store *store = w->gate->o.store;

	if (w->fact) {
		w->fact->kept = w->fact->kept && !err;
		event_post(w->gate, w->fact);
	}
	w->life->kept = w->life->kept && !err;
	post(w->life);
	arena_fini(&w->a);
	free(w);
	store_gone_taken(store);
}

/* Written before the lock is taken. */
struct put_word {
	struct buf value;
	char key[NOTIFY_KEY];
	bool on;
};

static bool word_write(struct put_word *p, uint32_t sub, uint64_t no, const struct notify_last *last)
{
	buf_init(&p->value, STORE_REC_MAX);
	notify_record_write_last(last, &p->value);
	notify_key(p->key, sub, no);
	p->on = !p->value.over;
	if (!p->on)
		buf_fini(&p->value);
	return p->on;
}

static void word_put(struct tx *tx, const struct put_word *p)
{
	if (p->on)
		store_rec_put(tx, REC_PENDING, str_make(p->key, sizeof(p->key)), buf_as_str(&p->value));
}

static void keep_word(struct gate *g, const struct gone *d, struct fact *f, struct life *l)
{
	struct word *w = calloc(1, sizeof(*w));
	struct notify_last last = { .sub = d->res, .watched = d->parent_res, .path = d->path, .ri = d->ri };
	struct put_word end = { .on = false }, said = { .on = false };
	struct tx *tx;

	REQUIRE(w);
	*w = (struct word){ .commit = { .magic = COMMIT_MAGIC, .done = word_kept }, .gate = g, .fact = f, .life = l };
	arena_init(&w->a, 1024);
	if (res_str(d->res, "su").n)
		l->kept = word_write(&end, d->rid, NOTIFY_END, &last);
	if (f) {
		last.fact = f;
		f->no = NOTIFY_LAST;
		f->kept = word_write(&said, d->rid, NOTIFY_LAST, &last);
	}
	tx = store_begin(g->o.store, &w->a, TX_WRITE);
	word_put(tx, &end);
	word_put(tx, &said);
	store_gone_take(tx, d);
	REQUIRE(store_commit(tx, &w->commit) == 1);
	store_ready(g->o.store, &w->commit);
	if (end.on)
		buf_fini(&end.value);
	if (said.on)
		buf_fini(&said.value);
}

static void on_gone(void *arg, const struct gone *d)
{
	struct gate *g = arg;
	struct fact *f = d->alone ? NULL : last_fact(g, d);
	struct life *l = make(g, LIFE_ENDED, d->rid, d->res, NULL, d->ri, d->path);

	if (f || res_str(d->res, "su").n)
		keep_word(g, d, f, l);
	else
		post(l);
}

void life_restore(struct gate *g, uint32_t sub, const struct notify_last *w)
{
	struct res *r = res_keep(w->sub);
	struct life *l = make(g, LIFE_ENDED, sub, r, NULL, w->ri, w->path);
	struct fact *f = w->fact;

	l->kept = !f;
	l->quiet = f != NULL;
	if (f) {
		f->sub = sub;
		f->no = NOTIFY_LAST;
		f->kept = f->gone = true;
		f->last_sub = res_ref(r);
		f->last = res_keep(w->watched);
		f->path = strndup(w->path.p, w->path.n);
		REQUIRE(f->path);
		event_post(g, f);
	}
	res_unref(r);
	post(l);
}

/* --- start and end ------------------------------------------------------------------------------------------------------------ */

void event_start(struct gate *g)
{
	g->event = calloc(1, sizeof(*g->event));
	REQUIRE(g->event);
	arena_init(&g->event->a, 4096);
	store_on_gone(g->o.store, on_gone, g);
}

void event_stop(struct gate *g)
{
	if (!g->event)
		return;
	/* What is still to be told becomes a record first. */
	store_flush(g->o.store);
	store_on_gone(g->o.store, NULL, NULL);
	store_flush(g->o.store);
	forget(g->event);
	arena_fini(&g->event->a);
	free(g->event);
	g->event = NULL;
}

/* --- what creators may read --------------------------------------------------------------------------------------------------- */

/* The part of an absolute identifier that is an AE-ID stem here: behind our CSE-ID, or an S-stem behind the provider. */
static struct str stem_of(const struct gate *g, struct str owner)
{
	struct str rest = str_starts(owner, STR("//")) ? str_from(owner, 2) : STR_NONE, sp, part;
	bool more;

	sp = str_cut(&rest, '/', &more);
	if (!more || !str_eq(sp, g->o.self.sp))
		return STR_NONE;
	part = str_cut(&rest, '/', &more);
	if (!more)
		return part.n && part.p[0] == 'S' ? part : STR_NONE;
	return str_eq(part, g->o.self.cse) ? rest : STR_NONE;
}

/* Whom a gateway vouches for is not authenticated: security-model 1.3. */
static bool is_authenticated(struct gate *g, struct arena *a, struct str owner)
{
	struct str name = out_name_of(&g->o.self, owner);
	struct cred_info c;

	return !(name.n && cred_of_name(g->o.security, a, name, &c) && c.kind == CRED_GATEWAY);
}

bool event_may(struct gate *g, struct arena *a, struct tx *tx, struct str owner, enum op op, const struct node *n)
{
	struct prim p;
	struct origin o = { .from = owner, .stem = stem_of(g, owner), .peer = g->self_peer };
	unsigned acop = op == OP_UPDATE ? ACOP_U : op == OP_NOTIFY ? ACOP_N : ACOP_R;
	struct ask q = { .prim = &p, .origin = &o, .acop = acop, .node = n, .quiet = true };
	const struct node *ae = o.stem.n ? store_by_ri(tx, o.stem) : NULL;

	if (ae) {
		o.zone = ae->zone;
		if (!zone_allows(g->o.security, &o, n->zone))
			return false;
	}
	prim_init(&p, a);
	p.op = op;
	/* Few rules ask how the creator is known: it is looked up for those only. */
	if (authz_decide(g->o.security, tx, &q))
		return true;
	o.authenticated = is_authenticated(g, a, owner);
	return o.authenticated && authz_decide(g->o.security, tx, &q) != NULL;
}

bool event_reads_still(struct gate *g, uint32_t sub, uint32_t rid)
{
	struct arena a;
	struct tx *tx;
	const struct node *s, *n;
	const struct val *owner;
	bool yes;

	arena_init(&a, 1024);
	tx = store_begin(g->o.store, &a, TX_READ);
	s = store_by_rid(tx, sub);
	n = s && s->parent->rid == rid ? s->parent : store_by_rid(tx, rid);
	owner = s ? res_get(node_res(tx, s), &attr_owner) : NULL;
	/* What is gone meanwhile was told of while it was there. */
	yes = !s || (owner && (!n || event_may_read(g, &a, tx, owner->s, n)));
	store_end(tx);
	arena_fini(&a);
	return yes;
}

/* A policy that the resource named, by any form of its address. */
static const struct node *policy_at(struct gate *g, struct tx *tx, struct str id)
{
	struct why ignored = { .rsc = RSC_NONE };
	const struct node *n;
	struct addr ad;

	if (addr_parse(tx_arena(tx), id, &ad, &ignored) || !addr_is_local(&ad, &g->o.self) || ad.n == 0)
		return NULL;
	n = str_eq(ad.seg[0], g->o.self.base) || str_eq(ad.seg[0], STR("-")) ? store_root(tx) : store_by_ri(tx, ad.seg[0]);
	for (size_t i = 1; n && i < ad.n; i++)
		n = store_child(tx, n, ad.seg[i]);
	return n && n->type->ty == TY_ACP ? n : NULL;
}

static bool by_policies(struct gate *g, struct tx *tx, struct str owner, const struct val *acpi)
{
	struct prim p;
	struct origin o = { .from = owner, .stem = stem_of(g, owner), .peer = g->self_peer };
	struct ask q = { .prim = &p, .origin = &o, .acop = ACOP_R, .node = store_root(tx), .quiet = true, .policies = acpi };
	bool any = false;

	for (size_t i = 0; i < acpi->list.n; i++)
		any |= policy_at(g, tx, acpi->list.v[i].s) != NULL;
	if (!any)
		return true;
	prim_init(&p, tx_arena(tx));
	p.op = OP_RETRIEVE;
	o.authenticated = is_authenticated(g, tx_arena(tx), owner);
	return authz_decide(g->o.security, tx, &q) != NULL;
}

bool event_read_last(struct gate *g, const struct res *sub, const struct res *last)
{
	const struct val *owner = res_get(sub, &attr_owner), *acpi = res_get(last, &attr_acpi);
	struct arena a;
	struct tx *tx;
	bool yes;

	if (!owner || !acpi || acpi->kind != K_LIST || acpi->list.n == 0)
		return owner != NULL;
	arena_init(&a, 1024);
	tx = store_begin(g->o.store, &a, TX_READ);
	yes = by_policies(g, tx, owner->s, acpi);
	store_end(tx);
	arena_fini(&a);
	return yes;
}
