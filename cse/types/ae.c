/* SPDX-License-Identifier: Apache-2.0 */
/* AE, TS-0004 7.4.5: its CREATE is a registration, which the credential allows and not a policy. */
#include "cse/types/behaviour.h"

#include "cse/model/url.h"
#include "security/security.h"

/* App-ID: R registered, N free, r as Release 3 still allows.  TS-0001 7.2, TS-0004 7.4.5.2.1. */
static enum rsc check_app_id(struct change *c, struct str *api)
{
	*api = res_get(c->res, c->known->at[AT_AE_API])->s;
	if (api->n >= 2 && (api->p[0] == 'R' || api->p[0] == 'N' || api->p[0] == 'r'))
		return RSC_NONE;
	return why_set(c->why, RSC_BAD_REQUEST, "App-ID (api) must begin with R, r or N and have a name behind it");
}

/* security-model 3.3: what is sent there would leave in the clear.  A local client's plaintext URL is the agent's to carry,
 * which shows the client its own text again. */
static enum rsc check_poa(struct change *c)
{
	const struct val *poa = res_get(c->res, c->known->at[AT_AE_POA]);

	for (size_t i = 0; poa && poa->kind == K_LIST && i < poa->list.n; i++)
		if (url_names_plaintext(poa->list.v[i].s))
			return why_set(c->why, RSC_BAD_REQUEST,
			               "pointOfAccess (poa): entry %zu is plaintext; give an encrypted one (https, wss, coaps, mqtts), or connect "
			               "the client through the agent", i + 1);
	return RSC_NONE;
}

static enum rsc create(struct change *c)
{
	struct str api, stem, owner;
	enum rsc rsc;

	if ((rsc = check_app_id(c, &api)) || (rsc = check_poa(c)) ||
	    (rsc = authz_register_ae(c->security, c->tx, c->prim, c->origin, api, &stem, &c->grant)) ||
	    (rsc = addr_entity(c->arena, stem, c->self, &owner, c->why)))
		return rsc;
	c->ri = stem;
	c->zone = c->origin->zone;
	*obj_add(c->arena, &c->res->o, c->known->at[AT_AE_AEI]) = val_str(K_ID, stem);
	*obj_add(c->arena, &c->res->o, &attr_owner) = val_str(K_ID, owner);
	return RSC_NONE;
}

/* Where notifications go is worth a record: security-model 3.4. */
static enum rsc update(struct change *c)
{
	enum rsc rsc;

	if (!obj_get(c->asked, c->known->at[AT_AE_POA]))
		return RSC_NONE;
	rsc = check_poa(c);
	if (rsc == RSC_NONE)
		audit(c->security, EV_POA, c->origin->peer, c->origin->from, "ae-%u", c->node->rid);
	return rsc;
}

const struct behaviour behaviour_ae = {
	.create = create,
	.update = update,
};
