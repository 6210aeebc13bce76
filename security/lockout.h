/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strikes and lockout (security-model 4.1).  A strike needs proof: a completed handshake with that credential's key.  Proven
 * attacks lock until an administrator releases; mistakes lock for a growing time, 5 s to 10 min.  Behind a gateway the pair of
 * gateway and claimed originator is locked, never the gateway nor the originator itself.
 */
#ifndef SECURITY_LOCKOUT_H
#define SECURITY_LOCKOUT_H

#include "security/security.h"

enum strike {
#define STRIKE(name, is_attack, event, text) name,
#include "security/strike.def"
#undef STRIKE
	STRIKE_COUNT
};
/* "STRIKE_REPLAY", and the sentence of strike.def. */
const char *strike_name(enum strike what);
const char *strike_text(enum strike what);
/* What peer's channel proved did that; `claimed`: the originator that it named (may be empty).  Records the event, and EV_LOCKED when it locks; a lock is in
 * effect (live connections of the credential close, requests are refused) before the caller's answer leaves and is durable soon
 * after.  Thread-safe, never waits. */
void lockout_strike(struct security *sec, const struct peer *peer, enum strike what, struct str claimed);
/* The same for a credential that did it without a peer of a request (a clone, a used code).  Thread-safe. */
void lockout_strike_credential(struct security *sec, struct str cred_id, enum strike what);
/* Is the pair of gateway and originator (in any form) locked at present? */
bool lockout_pair(struct security *sec, const struct peer *gateway, struct str originator);
/* Is the credential, or are pairs of it, locked at present? */
bool lockout_is_locked(struct security *sec, struct str cred_id);
/* Part of a TX_WRITE, then lockout_apply_release when it is durable.  E_ABSENT: it is not locked. */
int lockout_release(struct security *sec, struct tx *tx, struct str cred_id, struct why *why);
void lockout_apply_release(struct security *sec, struct str cred_id);
struct lock_info {
	struct str cred_id, originator; /* originator: of a gateway's pair */
	enum strike why;
	unsigned strikes;
	int64_t since_us, until_us;     /* until 0: until released */
};
/* Locks in force.  Copies into the arena. */
void lockout_each(struct security *sec, struct arena *a, void (*fn)(void *arg, const struct lock_info *l), void *arg);

#endif
