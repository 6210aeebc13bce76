/* SPDX-License-Identifier: Apache-2.0 */
/* The targets of a subscription: whether they may be named, and whether they want it.  TS-0004 7.4.8.2.1, 7.5.1.2.3. */
#ifndef CORE_VERIFY_H
#define CORE_VERIFY_H

#include "cse/core/gate_priv.h"

/*
 * CREATE and UPDATE of a subscription, r->change.res complete and not stored: judges nu, su and nfu, sets creator, and asks
 * every new target that is neither the originator nor a URL (the tx is ended then; on resuming all is judged again and those
 * that agreed are not asked twice).
 */
enum step_result verify_targets(struct request *r);

#endif
