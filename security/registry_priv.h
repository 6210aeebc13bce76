/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the registry: versions (registry.c), look-ups (registry_look.c), names that are about to be given (registry_claim.c). */
#ifndef SECURITY_REGISTRY_PRIV_H
#define SECURITY_REGISTRY_PRIV_H

#include "security/security_priv.h"

#define NS_PER_S INT64_C(1000000000)
enum { CLAIM_S = 60 }; /* that an unapplied change keeps its names */

/* Names that belong to their credential alone: not those of gateways, not App-IDs. */
static inline bool registry_owns_names(const struct cred *c)
{
	return c->info.kind != CRED_GATEWAY && c->info.state != CRED_REVOKED;
}

static inline bool registry_is_gateways(const struct stem *s)
{
	return s->holder->cred && s->holder->cred->info.kind == CRED_GATEWAY;
}

/* registry_claim.c, under the lock: forgets those of the credential up to that change, and all that are older than that. */
void registry_drop_claims(struct registry *r, struct str id, uint64_t seq, int64_t before_ns);

#endif
