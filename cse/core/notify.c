/* SPDX-License-Identifier: Apache-2.0 */
/* The door of notify: subscriptions of each loop by their number, their life, and credentials that change. */
#include "cse/core/notify.h"

#include <stdlib.h>

#include "cse/base/conf.h"
#include "cse/base/rand.h"
#include "cse/base/stat.h"
#include "cse/core/notify_priv.h"

enum { BUCKETS = 64, LOOK_BUCKETS = 32 };

/* --- subscriptions of a loop ----------------------------------------------------------------------------------------- */

static struct nsub **bucket(const struct nlane *l, uint32_t rid)
{
	return &l->table[(rid / l->n->n_lanes) & (l->buckets - 1)];
}

struct nsub *notify_find(struct nlane *l, uint32_t rid)
{
	struct nsub *s = *bucket(l, rid);

	while (s && s->rid != rid)
		s = s->next;
	return s;
}

static void grow(struct nlane *l)
{
	struct nsub **old = l->table;
	size_t n = l->buckets;

	l->buckets = 2 * n;
	l->table = calloc(l->buckets, sizeof(*l->table));
	REQUIRE(l->table);
	for (size_t i = 0; i < n; i++)
		for (struct nsub *s = old[i], *next; s; s = next) {
			struct nsub **at = bucket(l, s->rid);

			next = s->next;
			s->next = *at;
			*at = s;
		}
	free(old);
}

/* Known already, or made anew with what the tree says of it. */
static struct nsub *add(struct nlane *l, struct tx *tx, uint32_t rid, const struct res *r)
{
	struct nsub *s = notify_find(l, rid), **at;

	if (s)
		return s;
	if (l->count >= l->buckets)
		grow(l);
	s = notify_sub_new(l, rid, r);
	at = bucket(l, rid);
	s->next = *at;
	*at = s;
	l->count++;
	notify_sub_place(s, tx);
	notify_sub_silence(s, notify_sub_is_silent(s, tx));
	return s;
}

static void forget(struct nsub *s)
{
	struct nsub **at = bucket(s->lane, s->rid);

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->lane->count--;
}

static struct nlane *lane_of(struct notify *n, uint32_t sub)
{
	CHECK(n, NOTIFY);
	return &n->lanes[sub % n->n_lanes];
}

static struct tx *begin(struct nlane *l)
{
	arena_reset(&l->arena);
	return store_begin(l->n->gate->o.store, &l->arena, TX_READ);
}

/* --- life of a subscription ------------------------------------------------------------------------------------------ */

void notify_created(struct notify *n, uint32_t sub, const struct res *r)
{
	struct nlane *l = lane_of(n, sub);
	struct tx *tx = begin(l);

	add(l, tx, sub, r);
	store_end(tx);
}

void notify_updated(struct notify *n, uint32_t sub, const struct res *before, const struct res *after)
{
	struct nlane *l = lane_of(n, sub);
	struct nsub *s = notify_find(l, sub);
	struct npolicy old;
	uint64_t left, taken;
	struct tx *tx;
	bool silent;

	if (!s)
		return;
	old = s->p;
	left = s->left;
	taken = s->taken;
	notify_sub_set(s, after);
	/* A counter that nobody set goes on where it is, not where it was written last. */
	if (old.counted && s->p.counted && res_uint(before, "exc", 0) == res_uint(after, "exc", 0)) {
		s->left = left;
		s->taken = taken;
	}
	notify_sub_statistics(s, &old);
	tx = begin(l);
	silent = notify_sub_is_silent(s, tx);
	store_end(tx);
	notify_sub_silence(s, silent);
	notify_policy_changed(s, &old);
}

/* One that the tree knows no more, as it was. */
static struct nsub *add_gone(struct nlane *l, uint32_t sub, const struct res *r, struct str path)
{
	struct tx *tx = begin(l);
	struct nsub *s = add(l, tx, sub, r);

	if (!s->sur)
		notify_sub_place_at(s, path);
	store_end(tx);
	return s;
}

/* TS-0004 7.4.8.2.4, 7.5.1.2.4. */
void notify_deleted(struct notify *n, uint32_t sub, const struct res *r, const struct notify_end *e)
{
	struct nlane *l = lane_of(n, sub);
	struct nsub *s = notify_find(l, sub);
	struct str su = res_str(r, "su");

	/* The CSE ends: what has a record is told after the next start. */
	if (n->gate->ending && e->kept)
		return;
	if (!s && e->kept)
		s = add_gone(l, sub, r, e->path);
	if (!s)
		return;
	forget(s);
	notify_sub_empty(s);
	s->gone = true;
	if (!s->sur) {
		s->sur = strndup(e->ri.p, e->ri.n);
		REQUIRE(s->sur);
	}
	if (su.n && !s->silent && !e->quiet)
		notify_send_end(s, su, e->kept);
	else if (e->kept)
		notify_store_end(l, sub);
	if (!s->shots) {
		notify_sub_free(s);
		return;
	}
	s->next = l->leaving;
	l->leaving = s;
}

void notify_left(struct nsub *s)
{
	struct nsub **at = &s->lane->leaving;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	notify_sub_free(s);
}

void notify_scheduled(struct notify *n, uint32_t sub)
{
	struct nsub *s = notify_find(lane_of(n, sub), sub);

	if (s)
		notify_policy_run(s);
}

/* --- facts ----------------------------------------------------------------------------------------------------------- */

/* The CSE ends: what has a record, or is to have one, is told after the next start; the rest ends like all that waits. */
static void leave(struct nsub *s, struct fact *f)
{
	struct item it = { .fact = f };

	if (s && !f->kept && !f->withheld && !f->gone && s->p.pending != PENDING_NONE) {
		f->no = ++s->last_no;
		notify_store_put(s, &it);
	}
	fact_free(f);
}

void notify_take(struct notify *n, struct fact *f)
{
	struct nlane *l = lane_of(n, f->sub);
	struct nsub *s = notify_find(l, f->sub);
	struct item *it;

	CHECK(f, FACT);
	if (n->gate->ending) {
		leave(s, f);
		return;
	}
	if (!s && f->gone && f->last_sub)
		s = add_gone(l, f->sub, f->last_sub, str_of(f->path));
	if (!s) {
		notify_discard(n, f);
		return;
	}
	it = item_new(s, f);
	if (s->silent || s->ending || !s->sur || f->withheld) {
		item_drop(s, it);
		return;
	}
	for (size_t i = 0; s->p.stats && i < s->p.n_targets; i++)
		s->p.target[i].events++;
	if (s->p.stats)
		notify_own_touch(s);
	notify_policy_take(s, it);
}

/* --- credentials ------------------------------------------------------------------------------------------------------ */

struct news {
	struct loop_task task; /* first */
	struct nlane *lane;
};

static void look_on(struct loop *loop, struct loop_task *t);

/* Some buckets a turn, so that no loop stops for it. */
static void look(struct nlane *l)
{
	struct tx *tx;

	for (size_t i = 0; i < LOOK_BUCKETS && l->sweep < l->buckets; i++, l->sweep++) {
		for (struct nsub *s = l->table[l->sweep]; s; s = s->next) {
			bool silent;

			tx = begin(l);
			silent = notify_sub_is_silent(s, tx);
			store_end(tx);
			notify_sub_silence(s, silent);
		}
	}
	if (l->sweep < l->buckets)
		loop_defer(l->loop, &l->look, look_on);
}

static void look_on(struct loop *loop, struct loop_task *t)
{
	(void)loop;
	look(CONTAINER_OF(t, struct nlane, look));
}

static void news_came(struct loop *loop, struct loop_task *t)
{
	struct news *e = CONTAINER_OF(t, struct news, task);
	struct nlane *l = e->lane;

	(void)loop;
	free(e);
	l->sweep = 0;
	look(l);
}

static void credential_changed(void *arg, struct str id)
{
	notify_credential(arg, id);
}

void notify_credential(struct notify *n, struct str cred)
{
	(void)cred;
	CHECK(n, NOTIFY);
	for (unsigned i = 0; i < n->n_lanes; i++) {
		struct news *e = calloc(1, sizeof(*e));

		REQUIRE(e);
		e->lane = &n->lanes[i];
		loop_post(n->lanes[i].loop, &e->task, news_came);
	}
}

void notify_usage(const struct notify *n, struct notify_usage *out)
{
	CHECK(n, NOTIFY);
	*out = (struct notify_usage){ .subscriptions = atomic_load(&n->subs), .silent = atomic_load(&n->silent),
		.held = atomic_load(&n->held), .stored = atomic_load(&n->stored), .dropped = atomic_load(&n->dropped) };
}

/* --- life ------------------------------------------------------------------------------------------------------------- */

static const struct attr *member(const struct attr *of, const char *sn)
{
	const struct attr *at = complex_attr(of->of, str_of(sn));

	REQUIRE(at);
	return at;
}

static void attrs_init(struct notify *n)
{
	struct notify_attrs *a = &n->at;

	n->sgn = type_root_attr(STR("m2m:sgn"));
	n->agn = type_root_attr(STR("m2m:agn"));
	REQUIRE(n->sgn && n->agn);
	a->nev = member(n->sgn, "nev");
	a->sur = member(n->sgn, "sur");
	a->cr = member(n->sgn, "cr");
	a->nfu = member(n->sgn, "nfu");
	a->sud = member(n->sgn, "sud");
	a->rep = member(a->nev, "rep");
	a->om = member(a->nev, "om");
	a->net = member(a->nev, "net");
	a->op = member(a->om, "op");
	a->or = member(a->om, "or");
	a->list = member(n->agn, "m2m:sgn");
	a->exc = type_attr(type_by_ty(TY_SUB), STR("exc"));
	a->nsi = type_attr(type_by_ty(TY_SUB), STR("nsi"));
	REQUIRE(a->exc && a->nsi);
}

static void lane_init(struct notify *n, unsigned i)
{
	struct nlane *l = &n->lanes[i];

	l->magic = NLANE_MAGIC;
	l->n = n;
	l->loop = n->gate->o.loops[i];
	l->stats = n->gate->o.stats ? n->gate->o.stats[i] : NULL;
	arena_init(&l->arena, 4096);
	l->buckets = BUCKETS;
	l->table = calloc(l->buckets, sizeof(*l->table));
	REQUIRE(l->table);
}

int notify_new(struct gate *g, struct notify **out, struct why *why)
{
	struct notify *n = calloc(1, sizeof(*n));
	const struct conf *c = g->o.conf;

	(void)why;
	REQUIRE(n);
	n->magic = NOTIFY_MAGIC;
	n->gate = g;
	n->n_lanes = g->o.n_loops;
	n->batch_ns = conf_num(c, CONF_NTF_BATCH) * 1000000;
	n->max_held = (size_t)conf_num(c, CONF_NTF_HELD);
	n->max_bytes = (size_t)conf_num(c, CONF_NTF_HELD_B);
	rnd_bytes(g->o.rnd, n->key, sizeof(n->key));
	atomic_init(&n->base, 1);
	pthread_mutex_init(&n->lock, NULL);
	attrs_init(n);
	n->lanes = calloc(n->n_lanes, sizeof(*n->lanes));
	REQUIRE(n->lanes);
	for (unsigned i = 0; i < n->n_lanes; i++)
		lane_init(n, i);
	cred_watch(g->o.security, credential_changed, n);
	*out = n;
	return 0;
}

static void restore_sub(void *arg, struct tx *tx, const struct node *sub)
{
	struct notify *n = arg;
	const struct res *r = node_durable(tx, sub);

	arena_reset(&lane_of(n, sub->rid)->arena);
	if (r)
		add(lane_of(n, sub->rid), tx, sub->rid, r);
}

int notify_restore(struct notify *n, struct why *why)
{
	CHECK(n, NOTIFY);
	store_each_sub(n->gate->o.store, restore_sub, n);
	return notify_store_restore(n, why);
}

/* Records stay: what waits goes out after the next start. */
static void lane_fini(struct nlane *l)
{
	for (size_t i = 0; i < l->buckets; i++)
		while (l->table[i]) {
			struct nsub *s = l->table[i];

			forget(s);
			notify_send_leave(s);
			items_leave(s, &s->batch);
			items_leave(s, &s->held);
			notify_sub_free(s);
		}
	while (l->leaving) {
		notify_send_leave(l->leaving);
		notify_left(l->leaving);
	}
	notify_send_fini(l);
	notify_store_fini(l);
	notify_own_fini(l);
	loop_defer_cancel(l->loop, &l->look);
	free(l->table);
	arena_fini(&l->arena);
	l->magic = 0;
}

void notify_free(struct notify *n)
{
	if (!n)
		return;
	CHECK(n, NOTIFY);
	cred_watch(n->gate->o.security, NULL, n);
	for (unsigned i = 0; i < n->n_lanes; i++)
		lane_fini(&n->lanes[i]);
	free(n->lanes);
	free(n->keeping);
	pthread_mutex_destroy(&n->lock);
	n->magic = 0;
	free(n);
}
