/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service layer long polling: requests for an AE that cannot be reached wait in its <pollingChannel> until it asks for them,
 * and its answers find their way back to the senders.  TS-0004 7.4.21, 7.4.22, TS-0001 10.2.5.12 to 10.2.5.19.
 * To the outgoing side (out.h) a channel is one more point of access, and this file a carrier.
 */
#ifndef CORE_POLLING_H
#define CORE_POLLING_H

#include "cse/core/out.h"

struct polling;
struct gate;
struct request;

int polling_new(struct gate *g, struct polling **out, struct why *why);
/* Loops have stopped and nothing is being sent any more; what still waits here is dropped without done(). */
void polling_free(struct polling *p);

/* Scheme "pch"; its ctx is the gate's struct polling (no open, no close).  carry.deadline_ns is the expiration of the request, 0:
 * none; it waits until then, or until the channel ends (E_ABSENT) or is full (E_FULL); no answer within a time of the
 * delivery is E_TIMEOUT. */
extern const struct carrier_kind polling_carrier;

/* The point of access of an AE that has a channel, in the tx's arena: "pch:" and an identifier.  It is then its only one,
 * whatever poa says (TS-0004 7.3.3.9.1).  Empty: none. */
struct str polling_poa(struct tx *tx, const struct node *ae);

#endif
