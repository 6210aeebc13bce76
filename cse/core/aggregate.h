/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notifications of subscriptions that were made through a group with notificationForwardingURI: they come to the group's
 * fanOutPoint, wait there for each other, and go on as one.  TS-0004 7.4.14.2.3, 7.4.14.2.5, 7.5.1.2.6.
 */
#ifndef CORE_AGGREGATE_H
#define CORE_AGGREGATE_H

#include "cse/core/gate_priv.h"

struct aggregates;
struct aggregates *aggregates_new(struct gate *g);
/* Loops have stopped, nobody is parked any more, nothing is sent any more. */
void aggregates_free(struct aggregates *a);

/*
 * r is granted at the fanOutPoint, in r->tx.  A CREATE of a subscription with nfu: its content with our address as nu and with
 * gpi, in the arena; NULL: the members get what was asked.
 */
struct res *aggregate_subscription(struct request *r);
/* Is that the address that a group has given to r's subscription?  Then nobody is asked whether he wants it. */
bool aggregate_is_own(const struct request *r);
/* NOTIFY at a fanOutPoint, in r->tx: waits until its notifications have gone on; answers what their target did. */
enum step_result aggregate_take(struct request *r);

#endif
