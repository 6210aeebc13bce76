/* SPDX-License-Identifier: Apache-2.0 */
/* Why a decision was as it was (`trothctl acp why`), and finding a policy by a longer address. */
#include "security/authz_priv.h"

static const char *const reasons[] = {
	[ACP_YES] = "matches",
	[ACP_NEVER] = "never matches",
	[ACP_ORIGINATOR] = "does not name the originator, or names a group that cannot be read (acor)",
	[ACP_OPERATION] = "does not name the operation (acop)",
	[ACP_AUTHENTICATION] = "asks for an originator that proved itself (acaf)",
	[ACP_CONTEXT] = "holds in no context (acco)",
	[ACP_DETAIL] = "does not name the type to be created (acod)",
};

void explain_policy(struct look *l, const struct node *acp, bool self, const struct acp *p, int rule)
{
	const struct acp_rules *rules = self ? &p->pvs : &p->pv;
	struct str ri = node_ri(l->tx, acp);
	size_t i;

	if (!self && p->never)
		buf_printf(l->trace, "%.*s: %s\n", STR_ARG(ri), p->never);
	for (i = 0; i < rules->n && (rule < 0 || i <= (size_t)rule); i++) {
		enum acp_reason why = acp_ask_rule(&rules->v[i], &l->f);

		buf_printf(l->trace, "%.*s %s rule %zu %s", STR_ARG(ri), self ? "pvs" : "pv", i + 1, reasons[why]);
		if (why == ACP_NEVER)
			buf_printf(l->trace, ": %s", rules->v[i].never);
		buf_putc(l->trace, '\n');
	}
	if (rules->n == 0)
		buf_printf(l->trace, "%.*s %s has no rule\n", STR_ARG(ri), self ? "pvs" : "pv");
}

void explain_missing(struct look *l, bool remote)
{
	buf_z(l->trace, remote ? "a linked policy is at another CSE and cannot be read\n" : "a linked policy does not exist\n");
}

void explain_creator(struct look *l, bool custodian, bool yes)
{
	buf_printf(l->trace, "no policy is linked: the originator is %s%s\n", yes ? "" : "not ",
	           custodian ? "the custodian" : "the creator");
}

/* --- acp why --------------------------------------------------------------------------------------------------------- */

/* The resource, or what holds the instance or virtual resource that is meant. */
static const struct node *target_of(struct security *sec, struct tx *tx, const struct addr *ad, bool *below)
{
	const struct node *n = store_root(tx), *next;
	struct inst inst;
	size_t i = 1;

	*below = false;
	if (ad->n > 0 && !str_eq(ad->seg[0], sec->self.base) && !str_eq(ad->seg[0], STR("-"))) {
		n = store_by_ri(tx, ad->seg[0]);
		*below = !n && store_inst_by_ri(tx, ad->seg[0], &n, &inst);
	}
	for (; n && i < ad->n && !*below; i++, n = next) {
		next = store_child(tx, n, ad->seg[i]);
		if (next || i + 1 < ad->n)
			continue;
		for (unsigned v = V_LA; v <= V_SFOP && !*below; v++)
			*below = type_has_virtual(n->type, (enum virtual_child)v) && !addr_is_rn(ad->seg[i]);
		*below = *below || store_inst_by_name(tx, n, ad->seg[i], &inst);
		if (*below)
			return n;
	}
	return i < ad->n ? NULL : n;
}

static enum rsc ask_why(struct security *sec, struct arena *a, const struct authz_question *q, const struct addr *ad,
                        const struct origin *o, struct str *out, struct why *why)
{
	struct tx *tx = store_begin(sec->store, a, TX_READ);
	struct ask ask = { .origin = o, .acop = q->acop, .create_ty = q->create_ty, .quiet = true };
	enum rsc rsc = RSC_NONE;

	ask.node = target_of(sec, tx, ad, &ask.on_instance);
	if (!ask.node)
		rsc = why_set(why, RSC_NOT_FOUND, "there is no such resource");
	else if (!zone_allows(sec, o, ask.node->zone))
		*out = arena_printf(a, "zone %u of the originator does not reach zone %u of the resource: it looks absent\ndenied",
		                    o->zone, ask.node->zone);
	else
		*out = authz_explain(sec, tx, &ask);
	store_end(tx);
	return rsc;
}

enum rsc authz_why(struct security *sec, struct arena *a, const struct authz_question *q, struct str *out, struct why *why)
{
	struct origin o = { .authenticated = true };
	struct cred_info cred;
	struct peer *peer;
	struct addr ad;
	struct who w;
	enum rsc rsc;

	CHECK(sec, SECURITY);
	if (who_parse(a, q->originator, &sec->self, false, &w) != 0 || w.kind != WHO_ENTITY)
		return why_set(why, RSC_BAD_REQUEST, "the originator must be an AE-ID or a CSE-ID");
	if (addr_parse(a, q->to, &ad, why) || !addr_is_local(&ad, &sec->self) || ad.attr.n)
		return why_set(why, RSC_BAD_REQUEST, "the target must be the address of a resource of this CSE");
	if (!cred_of_name(sec, a, w.stem.n ? w.stem : q->originator, &cred))
		return why_set(why, RSC_NOT_FOUND, "no credential names this originator: nobody can send as it");
	if (!cred_state_speaks(cred.state) || peer_of_credential(sec, cred.id, NULL, &peer) != 0) {
		*out = arena_printf(a, "credential %.*s is not active: whatever it sends is refused\ndenied", STR_ARG(cred.id));
		return RSC_NONE;
	}
	o.from = w.abs;
	o.stem = w.stem;
	o.authenticated = cred.kind != CRED_GATEWAY;
	o.admin = cred.kind == CRED_ADMIN;
	o.zone = cred.zone;
	o.peer = peer;
	rsc = ask_why(sec, a, q, &ad, &o, out, why);
	peer_unref(peer);
	return rsc;
}

const struct node *look_by_address(struct look *l, struct str id, bool *remote)
{
	const struct addr_self *self = &l->sec->self;
	const struct node *n;
	struct addr ad;
	struct why w = { 0 };
	size_t i = 1;

	if (addr_parse(tx_arena(l->tx), id, &ad, &w) != RSC_NONE)
		return NULL;
	*remote = !addr_is_local(&ad, self);
	if (*remote || ad.n == 0)
		return NULL;
	n = str_eq(ad.seg[0], self->base) || str_eq(ad.seg[0], STR("-")) ? store_root(l->tx) : store_by_ri(l->tx, ad.seg[0]);
	for (; n && i < ad.n; i++)
		n = store_child(l->tx, n, ad.seg[i]);
	return n;
}
