/* SPDX-License-Identifier: Apache-2.0 */
/* Counting without a list of who is there: two rows of counters, of which the lower one is believed. */
#include "security/crowd.h"

#include "cse/base/rand.h"
#include "security/block.h"

void crowd_init(struct crowd *c, struct rnd *rnd)
{
	rnd_bytes(rnd, c->key, sizeof(c->key));
}

struct crowd_place crowd_place(const struct crowd *c, const struct ipaddr *from, struct str owner)
{
	struct ipaddr site = ipaddr_site(from);

	return (struct crowd_place){ str_hash(str_make((const char *)&site, sizeof(site)), c->key), str_hash(owner, c->key) };
}

static _Atomic unsigned *slot(struct crowd_rows *r, unsigned row, uint64_t hash)
{
	return &r->n[row][(row ? hash >> 32 : hash) % CROWD_SLOTS];
}

static void leave(struct crowd_rows *r, uint64_t hash)
{
	for (unsigned row = 0; row < 2; row++)
		atomic_fetch_sub_explicit(slot(r, row, hash), 1, memory_order_relaxed);
}

static bool enter(struct crowd_rows *r, uint64_t hash, unsigned most)
{
	unsigned a = atomic_fetch_add_explicit(slot(r, 0, hash), 1, memory_order_relaxed);
	unsigned b = atomic_fetch_add_explicit(slot(r, 1, hash), 1, memory_order_relaxed);

	if (a < most || b < most)
		return true;
	leave(r, hash);
	return false;
}

/* One code alone never fills it. */
static unsigned part(unsigned max)
{
	return max / CROWD_SITES > CROWD_OF_SITE ? max / CROWD_SITES : CROWD_OF_SITE;
}

const char *crowd_enter(struct crowd *c, const struct crowd_place *p, unsigned max)
{
	if (!enter(&c->owners, p->owner, CROWD_OF_ONE))
		return "of one code or ended certificate";
	if (!enter(&c->sites, p->site, part(max))) {
		leave(&c->owners, p->owner);
		return "from one site";
	}
	if (atomic_fetch_add_explicit(&c->all, 1, memory_order_relaxed) < max)
		return NULL;
	crowd_leave(c, p);
	return "in all";
}

void crowd_leave(struct crowd *c, const struct crowd_place *p)
{
	leave(&c->owners, p->owner);
	leave(&c->sites, p->site);
	atomic_fetch_sub_explicit(&c->all, 1, memory_order_relaxed);
}
