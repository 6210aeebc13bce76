/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Store and ledger against each other (security-model 5.3).  The ledger knows how far the store had come, the store how far the
 * ledger had: whichever came back from a copy falls behind the other.  Then all credentials are held (suspended in memory, the store
 * keeps their states) until the administrator accepts; his own are not, unless it is the ledger that lost something.  Single facts of the ledger
 * win always: what it calls revoked or suspended is so, and a key older than the newest generation stays suspended.
 */
#ifndef SECURITY_ROLLBACK_H
#define SECURITY_ROLLBACK_H

#include "security/security.h"

/* Why devices are held, as a sentence; NULL: they are not.  Thread-safe. */
const char *rollback_reason(const struct security *sec);
/* The administrator says that this store is to go on.  Waits for durability: not on a loop.  E_ABSENT: nothing is held. */
int rollback_accept(struct security *sec, struct why *why);

/* The room's own: at start behind registry and events; every second; at the end. */
void rollback_attach(struct security *sec, struct store *store);
void rollback_tick(struct security *sec);
void rollback_end(struct security *sec);
/* Before a change of a credential is acknowledged. */
void rollback_note(struct security *sec, const struct cred_info *before, const struct cred_info *after);

#endif
