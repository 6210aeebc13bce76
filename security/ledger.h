/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must never move backwards (security-model 5.3): revocations, suspensions, used codes, locks and the head of the event
 * chain, in a file of the state folder that no backup holds and no restore replaces, with an epoch that only grows.  Each record
 * is authenticated by a key of the keystore.  A start compares: an older store begins with all device credentials suspended.
 */
#ifndef SECURITY_LEDGER_H
#define SECURITY_LEDGER_H

#include "security/security.h"

struct ledger;
enum ledger_kind { LEDGER_REVOKED, LEDGER_SUSPENDED, LEDGER_RESUMED, LEDGER_CODE_USED, LEDGER_LOCKED, LEDGER_RELEASED,
	           LEDGER_GENERATION, LEDGER_HEAD, LEDGER_KINDS };

/* dir NULL: in memory only (tests).  E_CORRUPT when a record does not verify. */
int ledger_open(const char *dir, struct keystore *ks, struct ledger **out, struct why *why);
void ledger_close(struct ledger *l);
/* Notes a fact before the change that it tells of is acknowledged; key: credential id or handle; value: generation, number of
 * the event.  Thread-safe, never waits: it is on disk when ledger_sync has come back. */
void ledger_note(struct ledger *l, enum ledger_kind kind, struct str key, uint64_t value);
/* All that was noted is on disk.  Not on a loop. */
int ledger_sync(struct ledger *l);
/* The latest fact of that kind for the key. */
bool ledger_says(const struct ledger *l, enum ledger_kind kind, struct str key, uint64_t *value);
uint64_t ledger_epoch(const struct ledger *l);

#endif
