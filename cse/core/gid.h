/* SPDX-License-Identifier: Apache-2.0 */
/* Group request identifiers that this CSE has seen, with whom and what they were for: a request that comes to the same target
 * a second time through groups is refused.  TS-0004 7.3.3.2, TS-0001 10.2.7.1 step 004. */
#ifndef CORE_GID_H
#define CORE_GID_H

#include "cse/core/steps.h"

/* Bounded: when it is full the oldest gives way.  Thread-safe. */
struct gids;
struct gids *gids_new(struct rnd *rnd);
void gids_free(struct gids *g);

/* The step between zone and authorization: GROUP_REQUEST_IDENTIFIER_EXISTS for a second request of the same originator with the
 * same identifier to the same target. */
enum step_result gid_check(struct request *r);
/* A fresh identifier in the request's arena, noted for the request's own target. */
struct str gid_make(struct request *r);

#endif
