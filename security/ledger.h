/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must never move backwards (security-model 5.3): revocations, suspensions, used codes, locks and the head of the event
 * chain, in a file of the state folder that no backup holds and no restore replaces, with an epoch that only grows.  Each record
 * is authenticated by a key of the keystore.  A start compares: an older store begins with all device credentials suspended.
 */
#ifndef SECURITY_LEDGER_H
#define SECURITY_LEDGER_H

#include "cse/base/loop.h"
#include "security/security.h"

struct ledger;
struct rnd;
/* The numbers are those of the file: new kinds go to the end. */
enum ledger_kind { LEDGER_REVOKED, LEDGER_SUSPENDED, LEDGER_RESUMED, LEDGER_CODE_USED, LEDGER_LOCKED, LEDGER_RELEASED,
	           LEDGER_GENERATION, LEDGER_HEAD, LEDGER_EPOCH, LEDGER_HELD, LEDGER_ACCEPTED, LEDGER_KINDS };
enum { LEDGER_KEY_MAX = 128 };
/* The value of LEDGER_HELD: why devices are held back (security/rollback.h) until LEDGER_ACCEPTED. */
enum ledger_hold { HOLD_NONE, HOLD_COPIED, HOLD_STORE, HOLD_LEDGER, HOLD_MISSING, HOLD_RESTORED, HOLD_COUNT };
/* The ledger itself came from a copy, or is gone: what it says is not all. */
static inline bool ledger_hold_is_blind(enum ledger_hold h)
{
	return h == HOLD_COPIED || h == HOLD_LEDGER || h == HOLD_MISSING;
}
/* What was there when it was opened. */
enum ledger_found {
	LEDGER_NEW,    /* nothing */
	LEDGER_SAME,   /* the file that was written */
	LEDGER_COPIED, /* a copy of it: the folder was copied, or came back from a copy; LEDGER_HELD is noted */
	LEDGER_VOLATILE, /* in memory only */
};

/* dir NULL: in memory only (tests; ks is not used).  A record that does not verify ends what is read, which the start finds by
 * ledger_seq.  E_CORRUPT: the head does not verify; E_NEWER; E_LIMIT; E_IO. */
int ledger_open(const char *dir, struct keystore *ks, struct rnd *rnd, struct ledger **out, struct why *why);
/* What was noted is written first.  NULL: nothing. */
void ledger_close(struct ledger *l);
/* Notes a fact before the change that it tells of is acknowledged; key: credential id or handle, at most LEDGER_KEY_MAX bytes;
 * value: generation, number of the event.  Of LEDGER_HEAD (key: the hash, value: how many events) and those behind it (no key) there
 * is one each.  Thread-safe, never waits: it is on disk when ledger_sync has come back. */
void ledger_note(struct ledger *l, enum ledger_kind kind, struct str key, uint64_t value);
/* All that was noted is on disk; else E_FULL, E_IO: it is tried again every second.  Not on a loop. */
int ledger_sync(struct ledger *l);
/* Once a second: what could not be written is tried again. */
void ledger_tick(struct ledger *l);
/* The same for a loop: done runs there.  The struct is the ledger's until then. */
struct ledger_wait {
	struct loop_task task; /* first */
	struct ledger_wait *next;
	struct loop *loop;
	uint64_t seq;
	int err;
	void (*done)(struct ledger_wait *w);
};
void ledger_after(struct ledger *l, struct ledger_wait *w, struct loop *loop, void (*done)(struct ledger_wait *w));

/* The latest fact of that kind for the key.  Thread-safe, as are those below. */
bool ledger_says(const struct ledger *l, enum ledger_kind kind, struct str key, uint64_t *value);
/* Its number among all facts; 0: none.  What has the higher one came later. */
uint64_t ledger_when(const struct ledger *l, enum ledger_kind kind, struct str key);
/* The one of LEDGER_HEAD: how many events, and the hash of the last; 0: none. */
uint64_t ledger_head(const struct ledger *l, unsigned char hash[32]);
/* Every key of that kind; fn must not call the ledger. */
void ledger_each(const struct ledger *l, enum ledger_kind kind, void (*fn)(void *arg, struct str key, uint64_t value), void *arg);
/* The hold that nobody has accepted yet. */
enum ledger_hold ledger_pending(const struct ledger *l);
uint64_t ledger_epoch(const struct ledger *l);
/* Number of the last fact that is on disk. */
uint64_t ledger_seq(const struct ledger *l);
enum ledger_found ledger_found(const struct ledger *l);
/* The last writing failed: the error, else 0. */
int ledger_error(const struct ledger *l);

#endif
