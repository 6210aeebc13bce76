/* SPDX-License-Identifier: Apache-2.0 */
/* Notes on their way into the event table. */
#ifndef SECURITY_AUDIT_PRIV_H
#define SECURITY_AUDIT_PRIV_H

#include "security/audit_row.h"
#include "security/security_priv.h"

/* Strangers have repeats of their own: however many come, they take none from those who proved something. */
enum { NOTES = 1024, REPEATS_OF_STRANGERS = 128, REPEATS_OF_KNOWN = 128, REPEATS = REPEATS_OF_STRANGERS + REPEATS_OF_KNOWN };

/* Of who waits for its note (audit_first); under the lock. */
struct awaited {
	bool done;
	int err;
	uint64_t seq;
};

struct note {
	struct awaited *awaited; /* NULL: nobody waits */
	int64_t time_us;
	enum sec_event ev;
	uint32_t n;
	bool stranger;
	uint8_t n_who, n_cred, n_detail;
	struct ipaddr prefix;
	char who[128], cred[AUDIT_ID_MAX], detail[AUDIT_DETAIL_MAX];
};

/* Something that was noted and may come again before until_ns.  Apart from its note, so that looking for it is quick. */
struct repeat {
	uint64_t hash;
	int64_t until_ns; /* 0: free */
	uint32_t n;       /* how often since it was noted */
};

struct audit {
	struct security *sec;
	uint64_t seed[2]; /* of hashes of repeats */
	_Atomic size_t max_bytes;
	pthread_mutex_t lock; /* guards notes and repeats */
	pthread_cond_t wake, idle;
	pthread_t thread;
	bool running, stop, busy;
	bool poked; /* there is work beside the notes */
	size_t first, n;
	uint32_t lost;
	uint64_t left, given;   /* notes so far; those of them that the store has */
	struct audit_wait *waits;
	uint64_t stored_n;      /* handed to the store: how many, and the hash of the last */
	unsigned char stored[AUDIT_HASH];
	struct note notes[NOTES];
	struct repeat repeats[REPEATS + AUDIT_COUNT]; /* the last ones: anything else of that event */
	struct note repeated[REPEATS + AUDIT_COUNT];
	/* The thread's own: */
	bool has_key;
	unsigned char key[AUDIT_HASH], head[AUDIT_HASH];
	struct buf row;
	struct arena mem; /* of one row */
};

/* Under the lock.  True: to be noted now; false: counted with the one before. */
bool repeat_is_first(struct audit *a, const struct note *n, int64_t now_ns);
/* Under the lock: counts of what is over are noted. */
void repeat_close(struct audit *a, int64_t now_ns);
void audit_leave(struct audit *a, const struct note *n);
/* An originator in the form that its credential lists. */
struct str audit_canonical(struct arena *a, const struct addr_self *self, struct str s);

#endif
