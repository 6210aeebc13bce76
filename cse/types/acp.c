/* SPDX-License-Identifier: Apache-2.0 */
/* accessControlPolicy, TS-0004 7.4.2: rules that cannot be evaluated are refused when they are written. */
#include "cse/types/behaviour.h"

#include "cse/base/conf.h"
#include "security/security.h"

/* selfPrivileges must hold a rule, or nobody could ever change the policy: TS-0004 7.4.2.2.1, 7.4.2.2.3. */
static enum rsc check(struct change *c)
{
	const struct val *pvs = res_get(c->res, c->known->at[AT_ACP_PVS]);
	const struct val *acr = pvs && pvs->kind == K_OBJ ? obj_find(pvs->o, "acr") : NULL;

	if (!acr || acr->kind != K_LIST || acr->list.n == 0)
		return why_set(c->why, RSC_BAD_REQUEST, "selfPrivileges (pvs) must hold at least one accessControlRule (acr)");
	return acp_validate(&c->res->o, c->self, conf_bool(c->conf, CONF_ACC_SIX), c->why);
}

const struct behaviour behaviour_acp = {
	.create = check,
	.update = check,
};
