/* SPDX-License-Identifier: Apache-2.0 */
/* Is the target ours?  TS-0004 7.3.2.8, 7.3.2.6. */
#include "cse/core/steps.h"

enum step_result route_target(struct request *r)
{
	struct prim *p = &r->prim;

	if (r->oet_done)
		return STEP_NEXT; /* the second time, at its execution time */
	if (addr_parse(&r->arena, p->to, &r->to, &p->why))
		return STEP_ANSWER;
	if (r->to.attr.n) {
		struct str *name = arena_alloc(&r->arena, sizeof(*name));

		if (p->op != OP_RETRIEVE || p->atrl.n || r->rcn != RCN_ATTRS) {
			prim_fail(p, RSC_BAD_REQUEST,
			          "an attribute behind # in to needs a RETRIEVE with resultContent (rcn) 1 and no list of attributes");
			return STEP_ANSWER;
		}
		*name = r->to.attr;
		p->atrl = (struct strs){ name, 1 };
	}
	if (addr_is_local(&r->to, &r->gate->o.self))
		return STEP_NEXT;
	if (p->op == OP_CREATE && (p->ty == TY_AE || p->ty == TY_CSR))
		prim_fail(p, RSC_BAD_REQUEST, "a registration must be sent to the CSE that is registered with");
	else if (gate_settings(r->gate)->is_in && !r->up)
		prim_fail(p, RSC_NOT_FOUND, "no CSE with that CSE-ID is registered here");
	else
		prim_fail(p, RSC_TARGET_NOT_REACHABLE, "there is no way to the CSE that to names");
	return STEP_ANSWER;
}
