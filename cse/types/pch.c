/* SPDX-License-Identifier: Apache-2.0 */
/* pollingChannel, TS-0004 7.4.21: one below an AE, for that AE (security/authz.c).  What passes it is cse/core/polling.c's. */
#include "cse/types/behaviour.h"

static enum rsc create(struct change *c)
{
	const struct val *aei = res_get(node_res(c->tx, c->parent), c->known->at[AT_AE_AEI]);

	if (!aei)
		return why_set(c->why, RSC_INVALID_CHILD_RESOURCE_TYPE, "a pollingChannel belongs below an AE");
	c->ri = polling_ri(c->arena, aei->s);
	if (store_ri_taken(c->tx, c->ri))
		return why_set(c->why, RSC_CONFLICT, "the AE has a pollingChannel already, it can have one only");
	return RSC_NONE;
}

const struct behaviour behaviour_pch = {
	.create = create,
};
