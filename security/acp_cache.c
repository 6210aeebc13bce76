/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of a few entries, each guarded by one of some locks; the entry of a set that was not used longest gives way. */
#include "security/acp_cache.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	SETS = 4096,
	WAYS = 8,
	LOCKS = 64,
	MAX_BYTES = 64 * 1024 * 1024, /* of compiled rules */
	OVERHEAD = 1024,              /* of one: its first block */
};

struct entry {
	const struct res *res; /* counted; NULL: free */
	struct acp *acp;
	uint32_t rid;
	uint32_t used; /* turn of the set when it was last asked for */
};

struct set {
	uint32_t turn;
	struct entry e[WAYS];
};

struct acp_cache {
	struct addr_self self;
	bool six;
	_Atomic size_t bytes;
	_Atomic unsigned hand; /* set to be thinned out next */
	pthread_mutex_t lock[LOCKS];
	struct set sets[SETS];
};

struct acp_cache *acp_cache_new(const struct addr_self *self, bool six)
{
	struct acp_cache *c = calloc(1, sizeof(*c));
	size_t i;

	REQUIRE(c != NULL);
	c->self = *self;
	c->six = six;
	for (i = 0; i < LOCKS; i++)
		REQUIRE(pthread_mutex_init(&c->lock[i], NULL) == 0);
	return c;
}

static size_t weight(const struct acp *p)
{
	return p->mem.used + OVERHEAD;
}

static void clear(struct acp_cache *c, struct entry *e)
{
	if (e->res == NULL)
		return;
	atomic_fetch_sub_explicit(&c->bytes, weight(e->acp), memory_order_relaxed);
	res_unref(e->res);
	acp_unref(e->acp);
	*e = (struct entry){ 0 };
}

void acp_cache_free(struct acp_cache *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < SETS * WAYS; i++)
		clear(c, &c->sets[i / WAYS].e[i % WAYS]);
	for (i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&c->lock[i]);
	free(c);
}

static struct entry *oldest(struct set *s)
{
	struct entry *old = &s->e[0];
	size_t i;

	for (i = 0; i < WAYS; i++) {
		struct entry *e = &s->e[i];

		if (e->res == NULL)
			return e;
		if (s->turn - e->used > s->turn - old->used)
			old = e;
	}
	return old;
}

/* Lets go of some entries anywhere until the bound holds again; a few at a time, so that no request pays for all. */
static void thin_out(struct acp_cache *c)
{
	int i;

	for (i = 0; i < 4 && atomic_load_explicit(&c->bytes, memory_order_relaxed) > MAX_BYTES; i++) {
		unsigned n = atomic_fetch_add_explicit(&c->hand, 1, memory_order_relaxed) % SETS;
		size_t k;

		pthread_mutex_lock(&c->lock[n % LOCKS]);
		for (k = 0; k < WAYS; k++)
			clear(c, &c->sets[n].e[k]);
		pthread_mutex_unlock(&c->lock[n % LOCKS]);
	}
}

static struct acp *find(struct set *s, uint32_t rid, const struct res *res)
{
	size_t i;

	for (i = 0; i < WAYS; i++) {
		struct entry *e = &s->e[i];

		if (e->rid != rid || e->res != res)
			continue;
		e->used = s->turn++;
		atomic_fetch_add_explicit(&e->acp->refs, 1, memory_order_relaxed);
		return e->acp;
	}
	return NULL;
}

/* Another version of the same policy gives way first. */
static struct entry *place(struct set *s, uint32_t rid)
{
	size_t i;

	for (i = 0; i < WAYS; i++) {
		if (s->e[i].res && s->e[i].rid == rid)
			return &s->e[i];
	}
	return oldest(s);
}

static void keep(struct acp_cache *c, struct set *s, uint32_t rid, const struct res *res, struct acp *p)
{
	struct entry *e = place(s, rid);

	clear(c, e);
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&c->bytes, weight(p), memory_order_relaxed);
	*e = (struct entry){ .res = res_ref(res), .acp = p, .rid = rid, .used = s->turn++ };
}

struct acp *acp_cache_get(struct acp_cache *c, uint32_t rid, const struct res *res, bool *fresh)
{
	struct set *s = &c->sets[rid % SETS];
	pthread_mutex_t *lock = &c->lock[rid % LOCKS];
	struct acp *p;

	pthread_mutex_lock(lock);
	p = find(s, rid, res);
	pthread_mutex_unlock(lock);
	*fresh = p == NULL;
	if (p)
		return p;
	p = acp_new(&res->o, &c->self, c->six);
	pthread_mutex_lock(lock);
	/* Two threads may have compiled it; the second version of the same replaces the first. */
	keep(c, s, rid, res, p);
	pthread_mutex_unlock(lock);
	if (atomic_load_explicit(&c->bytes, memory_order_relaxed) > MAX_BYTES)
		thin_out(c);
	return p;
}
