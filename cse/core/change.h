/* SPDX-License-Identifier: Apache-2.0 */
/* The content that a CREATE or UPDATE leads to. */
#ifndef CORE_CHANGE_H
#define CORE_CHANGE_H

#include "cse/core/gate_priv.h"

/* Fills r->change for the tx that has begun. */
void change_init(struct request *r);
/* CREATE: c->res and c->rn of what was asked; universal attributes, creator, owner and et are set. */
void change_make(struct request *r, const struct typeinfo *ti);
/* UPDATE: c->res is c->old with what was asked. */
void change_merge(struct request *r);

#endif
