/* SPDX-License-Identifier: Apache-2.0 */
/* AE, TS-0004 7.4.5: its CREATE is a registration, which the credential allows and not a policy. */
#include "cse/types/behaviour.h"

#include "security/security.h"

/* App-ID: R registered, N free, r as Release 3 still allows.  TS-0001 7.2, TS-0004 7.4.5.2.1. */
static enum rsc check_app_id(struct change *c, struct str *api)
{
	*api = res_get(c->res, c->known->at[AT_AE_API])->s;
	if (api->n >= 2 && (api->p[0] == 'R' || api->p[0] == 'N' || api->p[0] == 'r'))
		return RSC_NONE;
	return why_set(c->why, RSC_BAD_REQUEST, "App-ID (api) must begin with R, r or N and have a name behind it");
}

static enum rsc create(struct change *c)
{
	struct str api, stem, owner;
	enum rsc rsc;

	if ((rsc = check_app_id(c, &api)) ||
	    (rsc = authz_register_ae(c->security, c->tx, c->prim, c->origin, api, &stem, &c->grant)) ||
	    (rsc = addr_entity(c->arena, stem, c->self, &owner, c->why)))
		return rsc;
	c->ri = stem;
	c->zone = c->origin->zone;
	*obj_add(c->arena, &c->res->o, c->known->at[AT_AE_AEI]) = val_str(K_ID, stem);
	*obj_add(c->arena, &c->res->o, &attr_owner) = val_str(K_ID, owner);
	return RSC_NONE;
}

const struct behaviour behaviour_ae = {
	.create = create,
};
