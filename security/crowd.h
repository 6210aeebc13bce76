/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions that may enrol only, counted so that nobody takes the room of all others: in total, from one site, by one code or ended
 * certificate. */
#ifndef SECURITY_CROWD_H
#define SECURITY_CROWD_H

#include <stdatomic.h>

#include "security/security.h"

enum {
	CROWD_SLOTS = 1024,
	CROWD_SITES = 8,    /* one site has at most one part of so many, */
	CROWD_OF_SITE = 64, /* but not fewer than these */
	CROWD_OF_ONE = 16,  /* sessions of one code, or of one key whose certificate has ended: a device needs one */
};

/* The memory is fixed, however many sites come: each is counted in a slot of two rows, and the lower count is its own or more than that.
 * Which slots those are nobody outside can know. */
struct crowd_rows {
	_Atomic unsigned n[2][CROWD_SLOTS];
};
struct crowd {
	uint64_t key[2];
	_Atomic unsigned all;
	struct crowd_rows sites, owners;
};

/* Of a session: where from (/24, /56), and by what. */
struct crowd_place {
	uint64_t site, owner;
};

void crowd_init(struct crowd *c, struct rnd *rnd);
/* owner: the code's handle or the key's fingerprint. */
struct crowd_place crowd_place(const struct crowd *c, const struct ipaddr *from, struct str owner);
/* NULL: it is counted, until crowd_leave; else for whom there are as many as may be (of `max` in total), a constant.  Thread-safe. */
const char *crowd_enter(struct crowd *c, const struct crowd_place *p, unsigned max);
void crowd_leave(struct crowd *c, const struct crowd_place *p);

#endif
