/* SPDX-License-Identifier: Apache-2.0 */
/* A subscription as notify sees it: what its attributes ask for, whom it tells, and whether those may still hear. */
#include "cse/core/notify_priv.h"

#include <stdlib.h>

#include "cse/model/stamp.h"

/* --- what the attributes ask for ----------------------------------------------------------------------------------- */

static int64_t duration_ns(const struct obj *o, const char *sn, int64_t absent)
{
	const struct val *v = o ? obj_find(o, sn) : NULL;
	int64_t us;

	if (!v || v->kind != K_DURATION || stamp_duration(v->s, &us) != 0 || us <= 0)
		return absent;
	return us > INT64_MAX / 2000 ? INT64_MAX / 2 : us * 1000;
}

static uint64_t number(const struct obj *o, const char *sn, uint64_t absent)
{
	const struct val *v = o ? obj_find(o, sn) : NULL;

	return v && v->kind == K_UINT ? v->u : absent;
}

static const struct obj *object(const struct res *r, const char *sn)
{
	const struct val *v = res_find(r, sn);

	return v && v->kind == K_OBJ ? v->o : NULL;
}

/* The indication of a serialization is no part of the target: TS-0004 7.5.1.2.2, step 2.5. */
static struct str without_ct(struct str nu)
{
	static const char *const names[] = { "ct=json", "ct=cbor", "ct=xml" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct str end = str_of(names[i]);
		size_t at = nu.n - end.n - 1;

		if (nu.n > end.n + 1 && str_ends(nu, end) && (nu.p[at] == '?' || nu.p[at] == '&'))
			return str_first(nu, at);
	}
	return nu;
}

/* What a target has had goes on under its name. */
static void take_over(struct ntarget *t, const struct npolicy *old)
{
	for (size_t i = 0; i < old->n_targets; i++) {
		const struct ntarget *o = &old->target[i];

		if (!str_eq(o->listed, t->listed))
			continue;
		t->sent = o->sent;
		t->answered = o->answered;
		t->events = o->events;
	}
}

static void read_targets(struct npolicy *p, const struct res *r, const struct npolicy *old)
{
	const struct val *nu = res_find(r, "nu");
	size_t n = nu && nu->kind == K_LIST ? nu->list.n : 0;

	p->target = calloc(n ? n : 1, sizeof(*p->target));
	REQUIRE(p->target);
	p->n_targets = n;
	for (size_t i = 0; i < n; i++) {
		p->target[i].listed = nu->list.v[i].s;
		p->target[i].to = without_ct(nu->list.v[i].s);
		take_over(&p->target[i], old);
	}
}

/* What was told before a restart. */
static void read_statistics(struct npolicy *p, const struct res *r)
{
	const struct val *nsi = res_find(r, "nsi");

	for (size_t i = 0; nsi && nsi->kind == K_LIST && i < nsi->list.n; i++) {
		const struct obj *o = nsi->list.v[i].o;
		const struct val *tg = obj_find(o, "tg");

		for (size_t k = 0; tg && k < p->n_targets; k++) {
			struct ntarget *t = &p->target[k];

			if (!str_eq(t->listed, tg->s))
				continue;
			t->sent = number(o, "rqs", 0);
			t->answered = number(o, "rsr", 0);
			t->events = number(o, "noec", 0);
		}
	}
}

static void read_policy(struct nsub *s, struct npolicy *p, const struct res *r, const struct npolicy *old)
{
	const struct obj *bn = object(r, "bn"), *rl = object(r, "rl");
	const struct val *exc = res_find(r, "exc");
	int64_t age;

	*p = (struct npolicy){ .batch = bn != NULL, .latest = res_bool(r, "ln", false), .stats = res_bool(r, "nse", false),
		.limited = rl != NULL, .counted = exc && exc->kind == K_UINT };
	p->pending = (uint8_t)res_uint(r, "pn", PENDING_NONE);
	p->ec = (uint16_t)res_uint(r, "nec", 0);
	p->num = number(bn, "num", 0);
	p->duration_ns = duration_ns(bn, "dur", s->lane->n->batch_ns);
	p->max = number(rl, "mnn", 0);
	p->window_ns = duration_ns(rl, "tww", 0);
	p->limited = p->limited && p->window_ns > 0;
	p->priority = res_uint(r, "nsp", 0);
	age = 0;
	if (res_find(r, "ma") && stamp_duration(res_str(r, "ma"), &age) == 0 && age > 0)
		p->age_ns = age > INT64_MAX / 2000 ? INT64_MAX / 2 : age * 1000;
	p->creator = res_find(r, "cr") ? res_find(r, "cr")->s : STR_NONE;
	p->forward = res_str(r, "nfu");
	p->owner = res_get(r, &attr_owner) ? res_get(r, &attr_owner)->s : STR_NONE;
	read_targets(p, r, old);
	if (!old->target)
		read_statistics(p, r);
}

void notify_sub_set(struct nsub *s, const struct res *r)
{
	struct npolicy old = s->p;
	const struct res *old_res = s->res;

	s->res = res_ref(r);
	read_policy(s, &s->p, s->res, &old);
	s->left = s->p.counted ? res_uint(r, "exc", 0) : 0;
	s->taken = 0;
	/* Kept with the change that they tell of: all that pendingNotification speaks of. */
	notify_keep_set(s->lane->n, s->rid, s->p.pending != PENDING_NONE);
	free(old.target);
	res_unref(old_res);
}

void notify_sub_statistics(struct nsub *s, const struct npolicy *before)
{
	if (!s->p.stats || before->stats)
		return;
	for (size_t i = 0; i < s->p.n_targets; i++)
		s->p.target[i].sent = s->p.target[i].answered = s->p.target[i].events = 0;
	notify_own_touch(s);
}

/* --- who speaks, who hears ------------------------------------------------------------------------------------------- */

/* As the registry of credentials knows it: AE-ID stem, or CSE-ID with its slash. */
static struct str credential_name(struct arena *a, struct str abs)
{
	struct str rest = str_from(abs, 2), cse;
	bool more;

	(void)str_cut(&rest, '/', &more);
	cse = str_cut(&rest, '/', &more);
	if (more)
		return rest;
	return cse.n && cse.p[0] == 'S' ? cse : arena_printf(a, "/%.*s", STR_ARG(cse));
}

static bool is_live(struct nlane *l, struct str abs)
{
	const struct gate_opts *o = &l->n->gate->o;
	struct cred_info info;
	struct str name;

	if (abs.n < 3)
		return true; /* the CSE's own */
	name = credential_name(&l->arena, abs);
	if (name.n > 1 && name.p[0] == '/' && str_eq(str_from(name, 1), o->self.cse))
		return true;
	return cred_of_name(o->security, &l->arena, name, &info) && cred_state_speaks(info.state);
}

const struct node *notify_sub_find(struct nlane *l, struct tx *tx, struct str id, unsigned ty)
{
	const struct addr_self *self = &l->n->gate->o.self;
	const struct node *n;
	struct why why = { .rsc = RSC_NONE };
	struct addr ad;

	if (str_index(id, ':') < id.n || addr_parse(&l->arena, id, &ad, &why) || !addr_is_local(&ad, self) || ad.n == 0)
		return NULL;
	n = str_eq(ad.seg[0], self->base) || str_eq(ad.seg[0], STR("-")) ? store_root(tx) : store_by_ri(tx, ad.seg[0]);
	for (size_t i = 1; n && i < ad.n; i++)
		n = store_child(tx, n, ad.seg[i]);
	return n && n->type->ty == ty ? n : NULL;
}

static bool target_is_live(struct nlane *l, struct tx *tx, struct str id)
{
	const struct node *ae = notify_sub_find(l, tx, id, TY_AE);
	const struct res *r = ae ? node_durable(tx, ae) : NULL;
	const struct val *owner = r ? res_get(r, &attr_owner) : NULL;

	return !owner || is_live(l, owner->s);
}

bool notify_sub_is_silent(struct nsub *s, struct tx *tx)
{
	if (!is_live(s->lane, s->p.owner))
		return true;
	for (size_t i = 0; i < s->p.n_targets; i++)
		if (target_is_live(s->lane, tx, s->p.target[i].to))
			return false;
	return s->p.n_targets > 0;
}

void notify_sub_silence(struct nsub *s, bool silent)
{
	struct notify *n = s->lane->n;

	if (s->silent == silent)
		return;
	s->silent = silent;
	if (silent) {
		atomic_fetch_add(&n->silent, 1);
		notify_sub_empty(s);
		notify_send_cancel(s);
	} else {
		atomic_fetch_sub(&n->silent, 1);
	}
	/* By creator: one that has thousands is told of once, with a count. */
	audit(n->gate->o.security, EV_SUBSCRIPTION, NULL, s->p.owner, "%s",
	      silent ? "silent: its creator or its targets have no active credential" : "speaks again");
}

/* Does another CSE have to understand the address? */
static bool is_foreign(struct nlane *l, struct str id)
{
	struct why why = { .rsc = RSC_NONE };
	struct addr ad;

	return str_index(id, ':') == id.n && addr_parse(&l->arena, id, &ad, &why) == RSC_NONE &&
	       !addr_is_local(&ad, &l->n->gate->o.self);
}

void notify_sub_place(struct nsub *s, struct tx *tx)
{
	const struct node *n = store_by_rid(tx, s->rid);

	if (n)
		notify_sub_place_at(s, node_path(tx, n));
}

void notify_sub_place_at(struct nsub *s, struct str path)
{
	const struct addr_self *self = &s->lane->n->gate->o.self;
	bool foreign = false;

	for (size_t i = 0; i < s->p.n_targets; i++)
		foreign |= is_foreign(s->lane, s->p.target[i].to);
	free(s->sur);
	/* TS-0001 7.2: what leaves the CSE is SP-relative. */
	if (foreign)
		path = arena_printf(&s->lane->arena, "/%.*s/%.*s", STR_ARG(self->cse), STR_ARG(path));
	s->sur = strndup(path.p, path.n);
	REQUIRE(s->sur);
}

/* --- life ------------------------------------------------------------------------------------------------------------ */

struct nsub *notify_sub_new(struct nlane *l, uint32_t rid, const struct res *r)
{
	struct nsub *s = calloc(1, sizeof(*s));

	REQUIRE(s);
	s->magic = NSUB_MAGIC;
	s->rid = rid;
	s->lane = l;
	notify_sub_set(s, r);
	s->holder = holder_get(l, s->p.owner);
	s->kin = s->holder->subs;
	s->kin_prev = &s->holder->subs;
	if (s->kin)
		s->kin->kin_prev = &s->kin;
	s->holder->subs = s;
	atomic_fetch_add(&l->n->subs, 1);
	return s;
}

void notify_sub_empty(struct nsub *s)
{
	items_drop(s, &s->batch);
	items_drop(s, &s->held);
	s->batch_events = 0;
	s->batch_end_ns = 0;
	loop_timer_cancel(s->lane->loop, &s->wake);
}

void notify_sub_free(struct nsub *s)
{
	struct nlane *l = s->lane;

	CHECK(s, NSUB);
	REQUIRE(!s->shots && !s->batch.first && !s->held.first);
	loop_timer_cancel(l->loop, &s->wake);
	notify_own_forget(s);
	notify_store_forget(s);
	notify_keep_set(l->n, s->rid, false);
	rank_leave(s);
	*s->kin_prev = s->kin;
	if (s->kin)
		s->kin->kin_prev = s->kin_prev;
	holder_put(l, s->holder);
	atomic_fetch_sub(&l->n->subs, 1);
	if (s->silent)
		atomic_fetch_sub(&l->n->silent, 1);
	free(s->p.target);
	free(s->sur);
	res_unref(s->res);
	s->magic = 0;
	free(s);
}
