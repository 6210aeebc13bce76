/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only room that says yes: struct grant is complete here and nowhere else.  Order of TS-0001 10.2.3.1 and TS-0004
 * 7.3.3.15: an ACP is judged by its own pvs; a type without acpi by its parent; acpi by the pv of each ACP; a resource
 * without acpi by its creator, or by the nearest ancestor with one (access.without_acpi).
 */
#include "security/authz_priv.h"

#define GRANT_MAGIC 0x6772616eu
struct grant {
	uint32_t magic;
	bool meta; /* type, size and times only */
	unsigned acop;
	const struct node *node;
	const struct tx *tx;
	uint64_t epoch;
};

static const struct grant *make(struct tx *tx, const struct node *node, unsigned acop, bool meta)
{
	struct grant *g = ARENA_NEW(tx_arena(tx), struct grant);

	*g = (struct grant){ .magic = GRANT_MAGIC, .meta = meta, .acop = acop, .node = node, .tx = tx, .epoch = tx_epoch(tx) };
	return g;
}

bool grant_covers(const struct grant *g, const struct tx *tx, const struct node *node, unsigned acop)
{
	return g && g->magic == GRANT_MAGIC && g->tx == tx && g->epoch == tx_epoch(tx) && g->node == node && acop != 0 &&
	       (g->acop & acop) == acop && !g->meta;
}

bool grant_covers_meta(const struct grant *g, const struct tx *tx, const struct node *node)
{
	return g && g->magic == GRANT_MAGIC && g->tx == tx && g->epoch == tx_epoch(tx) && g->node == node &&
	       (g->acop & ACOP_R) != 0;
}

/* --- facts --------------------------------------------------------------------------------------------------------- */

static struct str text_of(const struct val *v)
{
	return v && (v->kind == K_URI || v->kind == K_STR) ? v->s : STR_NONE;
}

/* What a new resource says of its specialization: TS-0003 7.1.5. */
static void specialization(const struct ask *q, struct acp_facts *f)
{
	const struct res *content = q->prim && q->prim->pc.kind == PC_RES ? q->prim->pc.res : NULL;
	const struct val *mgd;

	if (content == NULL || (q->create_ty != TY_FCNT && q->create_ty != TY_MGO))
		return;
	f->cnd = text_of(res_find(content, "cnd"));
	mgd = res_find(content, "mgd");
	f->has_mgd = mgd && (mgd->kind == K_ENUM || mgd->kind == K_UINT);
	if (f->has_mgd)
		f->mgd = mgd->kind == K_UINT ? mgd->u : (uint64_t)mgd->i;
}

static void gather(struct look *l)
{
	const struct origin *o = l->q->origin;
	const struct cred *c = peer_cred(o->peer);

	l->f = (struct acp_facts){ .acop = l->q->acop, .from = o->from, .from_hash = acp_hash(o->from),
		.authenticated = o->authenticated, .ip = &o->peer->from, .clock_doubtful = clockguard_doubtful(l->sec),
		.clock = l->sec->clock, .now_us = ACP_NO_TIME, .target_ty = l->q->node->type->ty,
		.create_ty = l->q->create_ty, .in_group = authz_in_group, .arg = l };
	if (c) {
		l->f.has_location = c->info.has_location;
		l->f.lat = c->info.lat;
		l->f.lon = c->info.lon;
		l->f.country = c->country;
	}
	specialization(l->q, &l->f);
}

/* --- policies ------------------------------------------------------------------------------------------------------ */

static void say_unevaluable(struct look *l, const struct node *acp, const struct acp *p)
{
	size_t rule;
	bool self;
	const char *text = acp_complaint(p, &self, &rule);

	if (text)
		audit(l->sec, EV_RULE_UNEVALUABLE, NULL, STR_NONE, EVENT_RI " %s rule %zu: %s", EVENT_RI_ARG(acp),
		      self ? "pvs" : "pv", rule + 1, text);
}

static bool ask_policy(struct look *l, const struct node *acp, bool self)
{
	const struct res *res = node_durable(l->tx, acp);
	const struct acp_rules *rules;
	struct acp *p;
	size_t rule = 0;
	bool fresh, yes;

	if (res == NULL)
		return false;
	p = acp_cache_get(l->sec->cache, acp->rid, res, &fresh);
	if (fresh)
		say_unevaluable(l, acp, p);
	l->acp = acp;
	rules = self ? &p->pvs : &p->pv;
	yes = acp_ask(rules, &l->f, &rule);
	if (l->trace)
		explain_policy(l, acp, self, p, yes ? (int)rule : -1);
	acp_unref(p);
	return yes;
}

/* An ACP by any address form; NULL when there is none here.  *remote: it would be elsewhere. */
static const struct node *find_policy(struct look *l, struct str id, bool *remote)
{
	const struct node *n;

	*remote = false;
	n = str_index(id, '/') == id.n ? store_by_ri(l->tx, id) : look_by_address(l, id, remote);
	return n && n->type->ty == TY_ACP ? n : NULL;
}

/* YES or NO of the linked policies; NONE when not one of them is there any more. */
static enum verdict ask_linked(struct look *l, const struct val *acpi, bool self)
{
	enum verdict v = VERDICT_NONE;
	size_t i;

	for (i = 0; i < acpi->list.n && i < AUTHZ_MAX_ACPI; i++) {
		bool remote;
		const struct node *acp = find_policy(l, acpi->list.v[i].s, &remote);

		if (acp && ask_policy(l, acp, self))
			return VERDICT_YES;
		if (acp || remote)
			v = VERDICT_NO;
		if (acp == NULL && l->trace)
			explain_missing(l, remote);
	}
	if (i < acpi->list.n) {
		v = VERDICT_NO;
		audit(l->sec, EV_RULE_UNEVALUABLE, NULL, STR_NONE, "more than %d policies on " EVENT_RI, AUTHZ_MAX_ACPI,
		      EVENT_RI_ARG(l->q->node));
	}
	return v;
}

static const struct val *acpi_of(const struct res *res)
{
	const struct val *v = res_get(res, &attr_acpi);

	return v && v->kind == K_LIST && v->list.n ? v : NULL;
}

/* --- without acpi -------------------------------------------------------------------------------------------------- */

/* TS-0001 9.6.1.3.2; a custodian takes the creator's place (Release 4). */
static bool creator_may(struct look *l, const struct res *res)
{
	const struct val *cstn = res_get(res, &attr_cstn), *owner = res_get(res, &attr_owner);
	struct str from = l->q->origin->from;
	struct who w;
	bool yes;

	if (cstn)
		yes = cstn->kind == K_ID && who_parse(tx_arena(l->tx), cstn->s, &l->sec->self, false, &w) == 0 &&
		      w.kind == WHO_ENTITY && str_eq(w.abs, from);
	else
		yes = owner && from.n && str_eq(owner->s, from);
	if (l->trace)
		explain_creator(l, cstn != NULL, yes);
	return yes;
}

/* UPDATE of acpi alone (TS-0001 table 9.6.1.3.2-1): pvs of the policies linked now; the creator when none is. */
static bool may_link(struct look *l)
{
	const struct res *res = node_durable(l->tx, l->q->node);
	const struct val *acpi;
	enum verdict v = VERDICT_NONE;

	if (res == NULL)
		return false;
	gather(l);
	acpi = acpi_of(res);
	if (acpi)
		v = ask_linked(l, acpi, true);
	return v == VERDICT_NONE ? creator_may(l, res) : v == VERDICT_YES;
}

static bool same_links(const struct val *a, const struct val *b)
{
	if (a == b)
		return true;
	if (a->list.n != b->list.n)
		return false;
	for (size_t i = 0; i < a->list.n; i++)
		if (!str_eq(a->list.v[i].s, b->list.v[i].s))
			return false;
	return true;
}

/* Nothing but the list, the type and what stays the same for a request decides here; policies do not change within a hold. */
static bool may_by(struct look *l, const struct val *acpi)
{
	const struct ask *q = l->q;
	struct authz_memo *m = q->create_ty || l->trace ? NULL : q->memo;
	bool yes;

	if (m && m->epoch == tx_epoch(l->tx) && m->acop == q->acop && m->type == q->node->type && m->origin == q->origin &&
	    same_links(m->acpi, acpi))
		return m->yes;
	gather(l);
	yes = ask_linked(l, acpi, false) == VERDICT_YES;
	if (m)
		*m = (struct authz_memo){ tx_epoch(l->tx), q->origin, q->node->type, q->acop, acpi, yes };
	return yes;
}

static bool may(struct look *l)
{
	bool by_parent = atomic_load_explicit(&l->sec->without_acpi_parent, memory_order_relaxed);
	const struct node *n;

	for (n = l->q->node; n; n = n->parent) {
		const struct res *res = node_durable(l->tx, n);
		const struct val *acpi;

		if (res == NULL)
			return false;
		if (n->type->ty == TY_ACP) {
			gather(l);
			return ask_policy(l, n, true);
		}
		if ((n->type->sets & SET_ACPI) == 0)
			continue;
		acpi = acpi_of(res);
		if (acpi)
			return may_by(l, acpi);
		if (!by_parent)
			return creator_may(l, res);
	}
	return false;
}

/* --- the decision -------------------------------------------------------------------------------------------------- */

/* security-model 1.4: the administrator may delete anything, and see type, size and times. */
static bool may_override(const struct ask *q)
{
	return q->origin->admin && (q->acop == ACOP_D || (q->acop == ACOP_R && q->meta));
}

/* A polling channel is for the AE that it belongs to, whatever a policy says: TS-0004 7.4.21.2, 7.4.22.2. */
static bool owns_channel(struct look *l)
{
	const struct node *n = l->q->node, *ae = n->type->ty == TY_PCH ? n->parent : n;
	const struct res *res = node_durable(l->tx, ae);
	const struct val *owner = res && ae->type->ty == TY_AE ? res_get(res, &attr_owner) : NULL;
	struct str from = l->q->origin->from;
	bool yes = owner && from.n && str_eq(owner->s, from);

	if (l->trace)
		buf_printf(l->trace, "a polling channel is its owner's alone: the originator is %sthe AE\n", yes ? "" : "not ");
	return yes;
}

static bool judge(struct look *l)
{
	if (l->q->policies) {
		gather(l);
		return ask_linked(l, l->q->policies, false) == VERDICT_YES;
	}
	if (l->q->node->type->ty == TY_PCH || (l->q->create_ty == TY_PCH && l->q->node->type->ty == TY_AE))
		return owns_channel(l);
	return l->q->acpi_update ? may_link(l) : may(l);
}

static const char *op_name(unsigned acop)
{
	switch (acop) {
	case ACOP_C:
		return "CREATE";
	case ACOP_R:
		return "RETRIEVE";
	case ACOP_U:
		return "UPDATE";
	case ACOP_D:
		return "DELETE";
	case ACOP_N:
		return "NOTIFY";
	default:
		return "DISCOVER";
	}
}

const struct grant *authz_decide(struct security *sec, struct tx *tx, const struct ask *q)
{
	struct look l = { .sec = sec, .tx = tx, .q = q };
	const struct origin *o = q->origin;

	CHECK(sec, SECURITY);
	REQUIRE(q->node != NULL && o->peer != NULL && (q->acop & (q->acop - 1)) == 0 && q->acop && q->acop <= ACOP_ALL);
	if (q->internal) {
		REQUIRE(o->self && o->peer->self);
		audit(sec, EV_SELF, NULL, STR_NONE, "%s", op_name(q->acop));
		return make(tx, q->node, q->acop, false);
	}
	if (judge(&l))
		return make(tx, q->node, q->acop, false);
	if (may_override(q)) {
		if (!q->walk)
			audit(sec, EV_ADMIN_OVERRIDE, o->peer, o->from, "%s " EVENT_RI, op_name(q->acop), EVENT_RI_ARG(q->node));
		return make(tx, q->node, q->acop, q->acop == ACOP_R);
	}
	if (!q->quiet && q->acop != ACOP_DISC)
		audit(sec, EV_DENIED, o->peer, o->from, "%s " EVENT_RI, op_name(q->acop), EVENT_RI_ARG(q->node));
	return NULL;
}

struct str authz_explain(struct security *sec, struct tx *tx, const struct ask *q)
{
	struct look l = { .sec = sec, .tx = tx, .q = q };
	struct buf trace;
	struct str out;

	CHECK(sec, SECURITY);
	buf_init(&trace, 4096);
	l.trace = &trace;
	if (judge(&l))
		buf_z(&trace, "permitted");
	else
		buf_z(&trace, may_override(q) ? "permitted to the administrator, as an event" : "denied");
	out = arena_str(tx_arena(tx), buf_as_str(&trace));
	buf_fini(&trace);
	return out;
}

enum rsc authz_register_ae(struct security *sec, struct tx *tx, struct prim *p, const struct origin *o, struct str app_id,
                           struct str *stem, const struct grant **out)
{
	struct str chosen;
	enum rsc rsc;

	CHECK(sec, SECURITY);
	REQUIRE(tx_mode(tx) == TX_WRITE && o->registering);
	rsc = stem_choose(sec, tx, p, o, app_id, &chosen);
	if (rsc != RSC_NONE)
		return rsc;
	*stem = chosen;
	*out = make(tx, store_root(tx), ACOP_C, false);
	return RSC_NONE;
}
