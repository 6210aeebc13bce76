/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UPDATE that a subscription blocks until its target has agreed (TS-0004 7.5.1.2.19, 7.3.2.9, TS-0001 10.2.10.7).
 * Meanwhile other UPDATE and DELETE requests to the same resource wait.
 */
#ifndef CORE_BLOCK_H
#define CORE_BLOCK_H

#include "cse/core/gate_priv.h"

struct block;

/* UPDATE (r->change made) and DELETE, before anything changes, in r->tx.  STEP_WAIT: the request is parked, to be judged
 * again; STEP_NEXT: go on. */
enum step_result block_check(struct request *r);
/* The request is over, or will be parked no more: others may go on.  Outside a tx. */
void block_release(struct request *r);

#endif
