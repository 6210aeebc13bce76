/* SPDX-License-Identifier: Apache-2.0 */
/* Why a decision was as it was (`trothctl acp why`), and finding a policy by a longer address. */
#include "security/authz_priv.h"

static const char *const reasons[] = {
	[ACP_YES] = "matches",
	[ACP_NEVER] = "never matches",
	[ACP_ORIGINATOR] = "does not name the originator (acor)",
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
	if (!str_eq(ad.seg[0], self->base) && !str_eq(ad.seg[0], STR("-")))
		return ad.n == 1 ? store_by_ri(l->tx, ad.seg[0]) : NULL;
	for (n = store_root(l->tx); n && i < ad.n; i++)
		n = store_child(l->tx, n, ad.seg[i]);
	return n;
}
