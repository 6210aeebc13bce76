/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a notification target leads, and whether it may be reached (security-model 3.4): an AE's points of access in order
 * (TS-0004 7.3.3.9.1), a URL that belongs to the creator's own credential or that the administrator lists, or our own gate.
 * Judged when an attribute names the target and again for each message.
 */
#include "cse/core/out_priv.h"

#include <stdlib.h>

#include "cse/base/err.h"
#include "cse/core/polling.h"
#include "security/target.h"

enum { ROUTE_ARENA = 1024 };

struct str out_name_of(const struct addr_self *self, struct str absolute)
{
	struct str rest = str_from(absolute, 2);
	bool more;

	if (!str_starts(absolute, STR("//")) || !str_eq(str_cut(&rest, '/', &more), self->sp) || !more || rest.n == 0)
		return STR_NONE;
	if (str_starts(rest, self->cse) && rest.n > self->cse.n && rest.p[self->cse.n] == '/')
		return str_from(rest, self->cse.n + 1);
	/* An S-stem, or a CSE-ID with its slash. */
	return rest.p[0] == 'S' ? rest : str_make(rest.p - 1, rest.n + 1);
}

void out_route_unref(struct out_route *r)
{
	if (!r || --r->refs > 0)
		return;
	res_unref(r->ae);
	arena_fini(&r->mem);
	free(r);
}

/* --- whose is it? -------------------------------------------------------------------------------------------------- */

/* The active credential of an entity; false when there is none. */
static bool credential_of(struct gate *g, struct arena *a, struct str absolute, struct cred_info *out)
{
	struct str name = out_name_of(&g->o.self, absolute);

	return name.n && cred_of_name(g->o.security, a, name, out) && cred_state_speaks(out->state);
}

/* The serialization of a URL in nu ("?ct=json", "&ct=json") belongs to us and not to the target: TS-0004 7.4.8, 7.5.1.2.2. */
static bool strip_ct(struct str url, struct str *out)
{
	size_t q = str_index(url, '?');
	struct str rest = str_from(url, q + 1), last = rest;
	bool more = q < url.n;

	while (more)
		last = str_cut(&rest, '&', &more);
	if (q == url.n || !str_starts(last, STR("ct="))) {
		*out = url;
		return true;
	}
	*out = str_first(url, (size_t)(last.p - url.p) - 1);
	return str_eq(last, STR("ct=json"));
}

static const struct val *list_of(const struct res *r, const struct attr *at)
{
	const struct val *v = r ? res_get(r, at) : NULL;

	return v && v->kind == K_LIST ? v : NULL;
}

/* Is the URL's authority one of the AE's points of access? */
static bool has_authority(const struct gate *g, const struct res *ae, const struct url *u)
{
	const struct val *poa = list_of(ae, g->known.at[AT_AE_POA]);

	for (size_t i = 0; poa && i < poa->list.n; i++) {
		struct url p;
		struct why ignored = { 0 };

		if (url_parse(poa->list.v[i].s, &p, &ignored) == RSC_NONE && url_same_authority(&p, u))
			return true;
	}
	return false;
}

/* An AE of the credential that has this authority among its points of access; *c is the creator's credential. */
static const struct node *ae_of_authority(struct gate *g, struct tx *tx, struct str creator, const struct url *u, struct cred_info *c)
{
	struct strs stems;

	if (!creator.n || !credential_of(g, tx_arena(tx), creator, c))
		return NULL;
	stems = cred_stems(g->o.security, tx_arena(tx), c->id, OUT_STEMS);
	for (size_t i = 0; i < stems.n; i++) {
		const struct node *n = store_by_ri(tx, stems.v[i]);

		if (n && n->type->ty == TY_AE && has_authority(g, node_durable(tx, n), u))
			return n;
	}
	return NULL;
}

/* --- resources ----------------------------------------------------------------------------------------------------- */

/* *whole: the address leads to this node, not below it.  NULL: not even its beginning is here. */
static const struct node *find(struct gate *g, struct tx *tx, const struct addr *ad, bool *whole)
{
	const struct node *n = store_root(tx), *child;
	size_t i = 1;

	*whole = true;
	if (ad->n && !str_eq(ad->seg[0], g->o.self.base) && !str_eq(ad->seg[0], STR("-")))
		n = store_by_ri(tx, ad->seg[0]);
	for (; n && i < ad->n; i++) {
		child = store_child(tx, n, ad->seg[i]);
		if (!child) {
			*whole = false;
			return n;
		}
		n = child;
	}
	return n;
}

/* May the creator send notifications to that AE?  Its own credential's AEs always; others by NOTIFY privilege. */
static bool may_notify(struct gate *g, struct tx *tx, struct str creator, const struct node *ae, const struct cred_info *c, bool *judged)
{
	struct str stem = out_name_of(&g->o.self, creator), ri = node_ri(tx, ae);
	/* Whom a gateway vouches for is not authenticated: security-model 1.3. */
	struct origin o = { .from = creator, .stem = stem, .authenticated = c->kind != CRED_GATEWAY, .zone = c->zone };
	struct prim none = { .magic = PRIM_MAGIC, .op = OP_NOTIFY };
	struct ask q = { .prim = &none, .origin = &o, .acop = ACOP_N, .node = ae, .quiet = true };
	struct cred_info its;
	struct peer *p;
	bool yes;

	*judged = false;
	o.admin = c->kind == CRED_ADMIN;
	if (!zone_allows(g->o.security, &o, ae->zone))
		return false;
	if (str_eq(stem, ri) || (cred_of_name(g->o.security, tx_arena(tx), ri, &its) && str_eq(its.id, c->id)))
		return true;
	*judged = true;
	if (peer_of_credential(g->o.security, c->id, NULL, &p) != 0)
		return false;
	o.peer = p;
	yes = authz_decide(g->o.security, tx, &q) != NULL;
	peer_unref(p);
	return yes;
}

/* --- making a route ------------------------------------------------------------------------------------------------ */

static void add_point(struct out *o, struct out_route *r, struct str url, const struct url *at, struct str cred, struct strs names, uint16_t zone)
{
	const struct out_carrier *c = out_carrier_of(o, url_scheme_name(at->scheme));
	struct why ignored = { 0 };
	struct out_point *p;

	if (!c || r->n == OUT_POINTS)
		return;
	p = &r->points[r->n++];
	*p = (struct out_point){ .kind = c->kind, .ctx = c->ctx, .url = arena_str(&r->mem, url), .cred = arena_str(&r->mem, cred), .zone = zone };
	REQUIRE(url_parse(p->url, &p->at, &ignored) == RSC_NONE);
	for (size_t i = 0; i < names.n; i++)
		strs_add(&r->mem, &p->names, arena_str(&r->mem, names.v[i]));
}

/* The latest release that both sides know; an AE that says nothing is taken for one of ours. */
static enum rvi release_of(const struct gate *g, const struct res *ae)
{
	const struct val *srv = list_of(ae, g->known.at[AT_AE_SRV]);

	if (!srv || val_list_has(srv, STR("3")))
		return RVI_3;
	if (val_list_has(srv, STR("2a")))
		return RVI_2A;
	if (val_list_has(srv, STR("2")))
		return RVI_2;
	return val_list_has(srv, STR("1")) ? RVI_1 : RVI_3;
}

/* Does the AE read JSON?  TS-0004 7.5.1.1. */
static bool reads_json(const struct gate *g, const struct res *ae)
{
	const struct val *csz = list_of(ae, g->known.at[AT_AE_CSZ]);
	bool any = csz == NULL;

	for (size_t i = 0; csz && i < csz->list.n; i++)
		any = any || str_ends(csz->list.v[i].s, STR("json"));
	return any;
}

/* What an AE says of itself. */
static void take_ae(struct gate *g, struct tx *tx, struct out_route *r, const struct node *ae)
{
	r->rid = ae->rid;
	r->ae = res_ref(node_durable(tx, ae));
	r->rvi = release_of(g, r->ae);
}

static int route_to_ae(struct out *o, struct tx *tx, struct out_route *r, const struct node *ae)
{
	struct gate *g = o->gate;
	const struct val *poa;
	struct cred_info c;
	struct strs nobody = { NULL, 0 };
	struct str channel;

	take_ae(g, tx, r, ae);
	r->to = arena_str(&r->mem, node_ri(tx, ae));
	if (!cred_of_name(g->o.security, tx_arena(tx), r->to, &c))
		return E_ABSENT;
	if (!cred_state_speaks(c.state))
		return E_DENIED;
	/* TS-0004 7.3.3.9.1: who has a polling channel is not retargeted to. */
	channel = polling_poa(tx, ae);
	if (channel.n) {
		r->points[r->n++] = (struct out_point){ .kind = &polling_carrier, .ctx = g->polling, .url = arena_str(&r->mem, channel),
			                                .cred = arena_str(&r->mem, c.id), .zone = ae->zone, .patient = true };
		return 0;
	}
	poa = list_of(r->ae, g->known.at[AT_AE_POA]);
	for (size_t i = 0; poa && reads_json(g, r->ae) && i < poa->list.n; i++) {
		struct url at;
		struct why ignored = { 0 };

		if (url_parse(poa->list.v[i].s, &at, &ignored) == RSC_NONE)
			add_point(o, r, poa->list.v[i].s, &at, c.id, nobody, ae->zone);
	}
	return r->n ? 0 : E_ABSENT;
}

static int route_to_self(struct out *o, struct out_route *r, struct str target)
{
	r->to = arena_str(&r->mem, target);
	r->points[0] = (struct out_point){ .kind = &out_self_carrier, .ctx = o->gate, .url = r->to, .patient = r->points[0].patient };
	r->n = 1;
	return 0;
}

static int route_to_resource(struct out *o, struct tx *tx, struct out_route *r, struct str target, struct str creator)
{
	struct gate *g = o->gate;
	const struct node *n;
	struct why ignored = { 0 };
	struct cred_info c = { .zone = ZONE_COMMON };
	struct addr ad;
	bool whole;

	if (addr_parse(tx_arena(tx), target, &ad, &ignored) || ad.attr.n || !addr_is_local(&ad, &g->o.self))
		return E_ABSENT;
	if (creator.n && !credential_of(g, tx_arena(tx), creator, &c))
		return E_DENIED;
	n = find(g, tx, &ad, &whole);
	if (!n)
		return E_ABSENT;
	if (n->type->ty != TY_AE || !whole) {
		/* A group answers when what it gathers has gone on. */
		r->points[0].patient = n->type->ty == TY_GRP && !whole;
		return route_to_self(o, r, target);
	}
	if (creator.n && !may_notify(g, tx, creator, n, &c, &r->judged))
		return E_DENIED;
	return route_to_ae(o, tx, r, n);
}

/* Who a listed identity is: a credential when one has that name, else a name that the certificate must carry. */
static int route_to_listed(struct out *o, struct tx *tx, struct out_route *r, struct str url, const struct url *at)
{
	struct str identity;
	struct cred_info c;
	struct strs names = { &identity, 1 }, nobody = { NULL, 0 };

	if (!target_listed(o->gate->o.security, tx_arena(tx), url_scheme_name(at->scheme), at->host, at->port, &identity))
		return E_DENIED;
	if (cred_of_name(o->gate->o.security, tx_arena(tx), identity, &c)) {
		if (!cred_state_speaks(c.state))
			return E_DENIED;
		add_point(o, r, url, at, c.id, nobody, c.zone);
	} else {
		add_point(o, r, url, at, STR_NONE, names, ZONE_DEFAULT);
	}
	return r->n ? 0 : E_DENIED;
}

static int route_to_url(struct out *o, struct tx *tx, struct out_route *r, struct str target, struct str creator)
{
	const struct node *ae;
	struct why ignored = { 0 };
	struct cred_info c;
	struct strs nobody = { NULL, 0 };
	struct str url;
	struct url at;

	if (!strip_ct(target, &url) || url_parse(url, &at, &ignored) || url_is_plaintext(&at))
		return E_DENIED;
	r->to = arena_str(&r->mem, url);
	if (creator.n && !credential_of(o->gate, tx_arena(tx), creator, &c))
		return E_DENIED;
	ae = ae_of_authority(o->gate, tx, creator, &at, &c);
	if (!ae)
		return route_to_listed(o, tx, r, url, &at);
	take_ae(o->gate, tx, r, ae);
	add_point(o, r, url, &at, c.id, nobody, c.zone);
	return r->n ? 0 : E_DENIED;
}

/* --- checking ------------------------------------------------------------------------------------------------------ */

static bool still_holds(struct out *o, struct tx *tx, const struct out_route *r)
{
	const struct node *ae;

	/* A refusal is looked at anew each time, as what was missing may have come; and a channel, which is no content of its AE. */
	if (!r || r->err || r->judged || r->points[0].patient || r->epoch != security_epoch(o->gate->o.security))
		return false;
	ae = r->rid ? store_by_rid(tx, r->rid) : NULL;
	return r->rid == 0 || (ae && node_durable(tx, ae) == r->ae);
}

static struct out_route *route_new(struct out *o)
{
	struct out_route *r = calloc(1, sizeof(*r));

	REQUIRE(r != NULL);
	r->refs = 1;
	r->rvi = RVI_3;
	r->epoch = security_epoch(o->gate->o.security);
	arena_init(&r->mem, ROUTE_ARENA);
	return r;
}

void out_route_take(struct out *o, struct out_target *t)
{
	struct out_route *r = NULL;
	struct arena *a = &t->lane->scratch;
	struct tx *tx = store_begin(o->gate->o.store, a, TX_READ);

	if (!still_holds(o, tx, t->route)) {
		r = route_new(o);
		r->err = url_is(t->name) ? route_to_url(o, tx, r, t->name, t->creator) : route_to_resource(o, tx, r, t->name, t->creator);
	}
	store_end(tx);
	arena_reset(a);
	if (r) {
		out_route_unref(t->route);
		t->route = r;
	}
}

/* --- when an attribute names it ------------------------------------------------------------------------------------ */

static enum rsc check_url(struct gate *g, struct tx *tx, const struct origin *o, struct str target, struct why *w)
{
	struct str url, identity;
	struct cred_info c;
	struct url at;
	enum rsc rsc;

	if (!strip_ct(target, &url))
		return why_set(w, RSC_BAD_REQUEST, "a notification can be serialized as JSON (ct=json) only");
	if ((rsc = url_parse(url, &at, w)))
		return rsc;
	if (url_is_plaintext(&at))
		return why_set(w, RSC_BAD_REQUEST, "a notification never leaves unencrypted: use https, or the AE-ID as the target");
	if (!out_carrier_of(g->out, url_scheme_name(at.scheme)))
		return why_set(w, RSC_BAD_REQUEST, "this CSE sends no notifications over %s; use https, or the AE-ID as the target",
		               url_scheme_name(at.scheme).p);
	if (ae_of_authority(g, tx, o->from, &at, &c) ||
	    target_listed(g->o.security, tx_arena(tx), url_scheme_name(at.scheme), at.host, at.port, &identity))
		return RSC_NONE;
	return why_set(w, RSC_BAD_REQUEST,
	               "a URL must be at a point of access (poa) of an AE of the originator's own credential, or be allowed by the operator; use an AE-ID");
}

enum rsc out_check_target(struct gate *g, struct tx *tx, const struct origin *o, struct str target, bool *self, struct why *w)
{
	const struct node *n;
	struct addr ad;
	bool whole;
	enum rsc rsc;

	*self = false;
	if (url_is(target))
		return check_url(g, tx, o, target, w);
	if ((rsc = addr_parse(tx_arena(tx), target, &ad, w)))
		return rsc;
	if (!addr_is_local(&ad, &g->o.self))
		return RSC_NONE;
	n = find(g, tx, &ad, &whole);
	*self = n && whole && n->type->ty == TY_AE && o->stem.n && str_eq(node_ri(tx, n), o->stem);
	return RSC_NONE;
}
