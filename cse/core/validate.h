/* SPDX-License-Identifier: Apache-2.0 */
/* What the procedures need to know of the checks on a representation. */
#ifndef CORE_VALIDATE_H
#define CORE_VALIDATE_H

#include "cse/core/steps.h"

/* Accepted in a request and answered as absent. */
bool validate_is_dropped(const struct attr *at);
/* What a local address leads to in r->tx; false: nothing (resolve.c). */
bool resolve_find(struct request *r, const struct addr *ad, struct target *t);
/* The node that a local address leads to in r->tx, NULL: none, or no node (resolve.c). */
const struct node *resolve_node(struct request *r, const struct addr *ad);

#endif
