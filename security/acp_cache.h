/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled policies by row id, valid for exactly one version of their content: the res pointer, which the cache counts so
 * that no other version can take its address.  Bounded in number and bytes; thread-safe. */
#ifndef SECURITY_ACP_CACHE_H
#define SECURITY_ACP_CACHE_H

#include "cse/model/res.h"
#include "security/acp.h"

struct acp_cache;
struct acp_cache *acp_cache_new(const struct addr_self *self, bool six);
void acp_cache_free(struct acp_cache *c);
/* The compiled policy with a reference for the caller; *fresh: it was compiled just now. */
struct acp *acp_cache_get(struct acp_cache *c, uint32_t rid, const struct res *res, bool *fresh);

#endif
