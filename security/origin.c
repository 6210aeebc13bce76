/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does this channel speak for the originator that From names?  TS-0004 7.3.2.1, TS-0003 7.2.1, security-model 1.1, 1.3.
 * A false claim is 4106, an event and a strike; a name in the wrong form is 4000.
 */
#include "security/lockout.h"
#include "security/security_priv.h"

static enum rsc form_refused(struct prim *p)
{
	return prim_fail(p, RSC_BAD_REQUEST, "From must be the AE-ID stem as registered, or a CSE-ID");
}

/* The CSE-ID in "//sp/mn1" and "//sp/mn1/Cxyz" as listed ("/mn1"), in the arena; empty when it is of another domain. */
static struct str cse_part(struct arena *a, struct str abs, const struct addr_self *self)
{
	struct str rest = str_from(abs, 2);
	bool more;
	struct str sp = str_cut(&rest, '/', &more), cse = str_cut(&rest, '/', &more);

	return str_eq_nocase(sp, self->sp) ? arena_printf(a, "/%.*s", STR_ARG(cse)) : STR_NONE;
}

/* The name of an AE or a CSE, or of none. */
static bool is_anothers(struct security *sec, struct arena *a, const struct cred *c, const struct who *w)
{
	struct str cse;
	enum owner owner;

	if (w->kind != WHO_ENTITY)
		return false;
	if (w->stem.n)
		return str_eq(w->stem, sec->administrator) || registry_owner(sec, c, w->stem) != OWNER_NOBODY;
	cse = cse_part(a, w->abs, &sec->self);
	if (cse.n == 0)
		return false;
	owner = registry_owner(sec, c, cse);
	return str_eq(str_from(cse, 1), sec->self.cse) || (owner != OWNER_NOBODY && owner != OWNER_SELF);
}

/* Somebody's name is an attack; one that nobody has is a mistake. */
static enum rsc claim_refused(struct security *sec, struct prim *p, const struct peer *peer, const struct who *w)
{
	bool attack = is_anothers(sec, p->arena, peer_cred(peer), w);

	lockout_strike(sec, peer, attack ? STRIKE_FALSE_ORIGINATOR : STRIKE_UNKNOWN_NAME, p->fr);
	return prim_fail(p, RSC_ORIGINATOR_NOT_AUTHENTICATED, "%s",
	                 attack ? "From is another's; a credential that says so is locked until an administrator releases it"
	                        : "From is not an originator that this credential names");
}

static void accept_ae(const struct security *sec, struct str abs, struct str stem, bool authenticated, struct origin *o)
{
	const struct cred *c = peer_cred(o->peer);

	o->from = abs;
	o->stem = stem;
	o->authenticated = authenticated;
	o->admin = c->info.kind == CRED_ADMIN && str_eq(stem, sec->administrator);
}

static const struct entity_name *find_name(const struct entity_names *names, struct str text)
{
	size_t i;

	for (i = 0; i < names->n; i++) {
		if (str_eq(names->v[i].text, text))
			return &names->v[i];
	}
	return NULL;
}

static bool vouched_by_list(const struct cred *c, struct str stem)
{
	size_t i;

	for (i = 0; i < c->ae.n; i++) {
		struct str name = c->ae.v[i].text;

		if (str_eq(name, stem) || (str_ends(name, STR("*")) && str_starts(stem, str_first(name, name.n - 1))))
			return true;
	}
	return false;
}

/* A stem that nobody has may still be asked for at registration: authz_register_ae says 4126 when it may not. */
static bool may_ask(struct security *sec, const struct cred *c, struct str stem, const struct origin *o)
{
	enum owner owner = registry_owner(sec, c, stem);

	return owner == OWNER_SELF || (owner == OWNER_NOBODY && o->registering);
}

/* Devices and administrators: the stems that the credential lists or that were bound to it, as stems (after registration). */
static enum rsc check_device(struct security *sec, struct prim *p, const struct cred *c, struct origin *o)
{
	const struct entity_name *e = find_name(&c->ae, p->fr);
	struct who w;

	if (e) {
		accept_ae(sec, e->abs, e->text, true, o);
		return RSC_NONE;
	}
	if (who_parse(p->arena, p->fr, &sec->self, false, &w) != 0)
		return form_refused(p);
	if (w.kind != WHO_ENTITY || w.stem.n == 0 || !may_ask(sec, c, w.stem, o))
		return claim_refused(sec, p, o->peer, &w);
	if (!o->registering && p->fr.n != w.stem.n)
		return form_refused(p);
	accept_ae(sec, w.abs, w.stem, true, o);
	return RSC_NONE;
}

/* Never for the administrator, for an originator with a credential of its own, or for a CSE that is not listed. */
static enum rsc check_gateway(struct security *sec, struct prim *p, const struct cred *c, struct origin *o)
{
	const struct entity_name *cse;
	enum owner owner;
	struct who w;

	if (who_parse(p->arena, p->fr, &sec->self, false, &w) != 0)
		return form_refused(p);
	if (w.kind != WHO_ENTITY)
		return claim_refused(sec, p, o->peer, &w);
	cse = find_name(&c->cse, p->fr);
	if (cse && w.stem.n == 0 && registry_owner(sec, c, p->fr) == OWNER_NOBODY) {
		o->from = cse->abs;
		return RSC_NONE;
	}
	owner = w.stem.n ? registry_owner(sec, c, w.stem) : OWNER_OTHER;
	if (owner == OWNER_OTHER || str_eq(w.stem, sec->administrator) ||
	    (owner != OWNER_SELF && !vouched_by_list(c, w.stem)))
		return claim_refused(sec, p, o->peer, &w);
	if (!o->registering && p->fr.n != w.stem.n)
		return form_refused(p);
	accept_ae(sec, w.abs, w.stem, false, o);
	return RSC_NONE;
}

/* Names that another CSE may not bring: ours, those of our registrees, those of other CSEs known here.  A C stem here is an AE of
 * ours, whether there is one or not; an S stem may be. */
static bool is_known_here(struct security *sec, struct arena *a, const struct cred *c, const struct who *w)
{
	return (w->stem.n && w->stem.p[0] == 'C') || is_anothers(sec, a, c, w);
}

/* A CSE speaks for itself, and forwards what others asked. */
static enum rsc check_cse(struct security *sec, struct prim *p, const struct cred *c, struct origin *o)
{
	struct who w;
	size_t i;

	if (who_parse(p->arena, p->fr, &sec->self, false, &w) != 0)
		return form_refused(p);
	if (w.kind != WHO_ENTITY || p->fr.p[0] != '/' || is_known_here(sec, p->arena, c, &w))
		return claim_refused(sec, p, o->peer, &w);
	o->from = w.abs;
	for (i = 0; i < c->cse.n; i++)
		o->authenticated |= str_eq(c->cse.v[i].abs, w.abs);
	return RSC_NONE;
}

/* What a gateway or a CSE lied about once, it may not say until that is released. */
static enum rsc check_pair(struct security *sec, struct prim *p, struct origin *o)
{
	if (!lockout_pair(sec, o->peer, o->stem.n ? o->stem : o->from))
		return RSC_NONE;
	audit(sec, EV_DEAD_CREDENTIAL, o->peer, p->fr, "%s", "locked for this gateway");
	return prim_fail(p, RSC_ORIGINATOR_NOT_AUTHENTICATED,
	                 "this originator is locked for this gateway until an administrator releases it");
}

static enum rsc check_others(struct security *sec, struct prim *p, const struct cred *c, struct origin *o)
{
	enum rsc rsc = c->info.kind == CRED_CSE ? check_cse(sec, p, c, o) : check_gateway(sec, p, c, o);

	return rsc == RSC_NONE ? check_pair(sec, p, o) : rsc;
}

static enum rsc check_claim(struct security *sec, struct prim *p, const struct proof *proof, struct origin *o)
{
	const struct cred *c = proof->cred;

	switch (c->info.kind) {
	case CRED_DEVICE:
	case CRED_ADMIN:
		return check_device(sec, p, c, o);
	case CRED_GATEWAY:
	case CRED_CSE:
		return check_others(sec, p, c, o);
	}
	UNREACHABLE();
}

/* The CSE itself asks: it is its own proof. */
static enum rsc check_self(const struct security *sec, struct origin *o)
{
	o->from = sec->self_abs;
	o->self = true;
	o->authenticated = true;
	return RSC_NONE;
}

/* The kernel said who opened the administrator's socket: security-model 1.4. */
static enum rsc check_administrator(struct security *sec, struct prim *p, struct origin *o)
{
	struct who w;

	if (o->registering || !str_eq(p->fr, sec->administrator) || who_parse(p->arena, p->fr, &sec->self, false, &w) != 0)
		return prim_fail(p, RSC_ORIGINATOR_NOT_AUTHENTICATED, "the administrator's socket speaks for the administrator only");
	o->from = w.abs;
	o->stem = w.stem;
	o->authenticated = true;
	o->admin = true;
	return RSC_NONE;
}

enum rsc origin_check(struct security *sec, struct prim *p, const struct peer *peer, struct origin *out)
{
	struct origin o = { .peer = peer };
	bool absent;
	enum rsc rsc;

	CHECK(sec, SECURITY);
	CHECK(peer, PEER);
	o.registering = p->op == OP_CREATE && prim_has(p, P_TY) && p->ty == TY_AE;
	o.zone = peer_zone(peer);
	absent = !prim_has(p, P_FR) || p->fr.n == 0;
	if (absent && !o.registering)
		return prim_fail(p, RSC_BAD_REQUEST, "From is missing");
	if (peer->self) {
		rsc = check_self(sec, &o);
	} else if (peer->administers) {
		rsc = check_administrator(sec, p, &o);
	} else if (peer->n == 0) {
		rsc = prim_fail(p, absent || p->fr.p[0] != '/' ? RSC_ORIGINATOR_NOT_AUTHENTICATED : RSC_SECURITY_ASSOCIATION_REQUIRED,
		                "this connection proved nothing");
	} else if (!peer_is_live(sec, peer)) {
		audit(sec, EV_DEAD_CREDENTIAL, peer, STR_NONE, "%s", "");
		rsc = prim_fail(p, RSC_ORIGINATOR_NOT_AUTHENTICATED, "the credential of this connection is not valid any more");
	} else if (o.registering && (absent || str_eq(p->fr, STR("C")) || str_eq(p->fr, STR("S")))) {
		/* TS-0001 10.2.2.2: the stem is chosen by authz_register_ae. */
		o.authenticated = peer->proof[0].kind != PROOF_GATEWAY;
		rsc = RSC_NONE;
	} else {
		rsc = check_claim(sec, p, &peer->proof[peer->n - 1], &o);
	}
	if (rsc == RSC_NONE)
		*out = o;
	return rsc;
}
