/* SPDX-License-Identifier: Apache-2.0 */
/* NOTIFY to what is registered here: passed on to an AE's points of access, or taken by the CSE itself. */
#ifndef CORE_PASS_H
#define CORE_PASS_H

#include "cse/core/gate_priv.h"

/* The notification asks whether its target wants a subscription (verificationRequest); NULL: it is another request. */
const struct obj *pass_verification(const struct request *r);
/* The procedure, with the grant checked; TS-0004 7.3.3.9. */
enum step_result pass_notify(struct request *r);

#endif
