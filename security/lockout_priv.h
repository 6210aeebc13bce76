/* SPDX-License-Identifier: Apache-2.0 */
/* What counts against credentials, in memory and as records. */
#ifndef SECURITY_LOCKOUT_PRIV_H
#define SECURITY_LOCKOUT_PRIV_H

#include "security/lockout.h"
#include "security/record.h"
#include "security/security_priv.h"

enum {
	PAIRS_MAX = 1024, /* of gateways and originators; the oldest gives way: a false name is refused anyway */
	LOCK_KEY = CRED_MAX_ID + 17,
};

/* A credential, or a gateway (or CSE) and an originator that it named. */
struct foul {
	struct str key;             /* behind the struct; of the record and the map */
	struct str cred, originator; /* originator: empty, or the name in the form that its credential lists */
	struct foul *prev, *next;   /* pairs, oldest first */
	enum strike why;            /* the last that counted */
	unsigned strikes;
	unsigned mistakes;          /* since the last that were long enough apart */
	int64_t since_us;           /* wall clock: when the lock began */
	int64_t until_ns, last_ns;  /* monotonic; until 0: not locked, INT64_MAX: until it is released */
	unsigned releasing;         /* strikes when its release was put into a transaction */
	bool dirty;                 /* the record says something else */
	bool stored;                /* there may be a record */
	bool rewritten;             /* since that transaction its record was written */
	bool gone;                  /* let go: stays until its record is removed */
};

struct lockout {
	pthread_mutex_t lock; /* guards all below; taken inside a tx, never around one */
	struct strmap fouls;
	struct foul pairs;    /* head of the list */
	_Atomic size_t n_pairs;
	int64_t first_ns, longest_ns, forget_ns;
	unsigned mistakes;
	_Atomic bool dirty;
};

struct lockout *lockout_new(struct security *sec, const struct conf *c);
void lockout_free(struct lockout *l);
void lockout_reload(struct lockout *l, const struct conf *c);
/* Reads the records.  After the credentials. */
int lockout_attach(struct security *sec, struct store *store, struct why *why);
/* Is there something that the store does not know? */
bool lockout_is_dirty(struct security *sec);
/* Stores it.  On the thread of the events: waits for the disk. */
void lockout_write(struct security *sec);
/* Under the lock. */
struct foul *foul_of(struct lockout *l, struct str cred, struct str originator, bool make);
/* The record must be gone, or there be none. */
void foul_drop(struct lockout *l, struct foul *f);
static inline bool foul_holds(const struct foul *f, int64_t now_ns)
{
	return f->until_ns > now_ns;
}

/* The record of a lock (lockout_rec.c): value only.  until_us 0: until released. */
void lock_pack(const struct lock_info *l, struct buf *out);
int lock_unpack(struct str in, struct lock_info *out);

#endif
