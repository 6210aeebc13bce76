/* SPDX-License-Identifier: Apache-2.0 */
/* The LRU of instance bodies.  A cached body carries its links in front of it, in the same block of memory. */
#include "db/cache_priv.h"

#include <pthread.h>
#include <stddef.h>

#include "db/htab_priv.h"
#include "db/mem_priv.h"

enum { SHARDS = 16, RUN = 64, EVICT_TRIES = 32 };

struct cached {
	struct hlink link;
	struct cached *older, *younger;
	uint64_t in; /* 1: the cache holds a reference */
	struct body body;
};

struct shard {
	_Alignas(64) pthread_mutex_t lock;
	struct htab tab;
	struct cached *oldest, *youngest;
	size_t max;
	_Atomic size_t bytes;
};

struct cache {
	struct shard sh[SHARDS];
};

static struct cached *cached_of(struct body *b)
{
	return CONTAINER_OF(b, struct cached, body);
}

size_t body_bytes(const struct body *b)
{
	return sizeof(struct cached) + b->n;
}

struct body *body_alloc(uint64_t id, size_t n)
{
	struct cached *c = mem_get(sizeof(*c) + n);

	REQUIRE(n <= UINT32_MAX);
	*c = (struct cached){ .in = 0 };
	c->body.id = id;
	c->body.n = (uint32_t)n;
	atomic_init(&c->body.refs, 1);
	return &c->body;
}

struct body *body_new(uint64_t id, struct str packed)
{
	struct body *b = body_alloc(id, packed.n);

	memcpy(b->bytes, packed.p, packed.n);
	return b;
}

struct body *body_ref(struct body *b)
{
	atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}

void body_unref(struct body *b)
{
	if (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
		mem_put(cached_of(b));
}

struct cache *cache_new(size_t max_bytes)
{
	struct cache *c = aligned_alloc(64, sizeof(*c));

	REQUIRE(c != NULL);
	memset(c, 0, sizeof(*c));
	for (unsigned i = 0; i < SHARDS; i++) {
		struct shard *sh = &c->sh[i];
		REQUIRE(pthread_mutex_init(&sh->lock, NULL) == 0);
		htab_init(&sh->tab);
		sh->max = max_bytes / SHARDS;
	}
	return c;
}

/* Ids are ours and consecutive: as they are they fill buckets evenly, and what is young or old together lies together. */
static uint64_t hash_of(uint64_t id)
{
	return id / (RUN * SHARDS) * RUN + id % RUN;
}

static struct shard *shard_of(struct cache *c, uint64_t id)
{
	return &c->sh[id / RUN % SHARDS];
}

static struct cached *find(const struct shard *sh, uint64_t id, uint64_t hash)
{
	for (struct hlink *l = htab_find(&sh->tab, hash); l; l = htab_next(l)) {
		struct cached *e = CONTAINER_OF(l, struct cached, link);
		if (e->body.id == id)
			return e;
	}
	return NULL;
}

static void unchain(struct shard *sh, struct cached *e)
{
	*(e->older ? &e->older->younger : &sh->oldest) = e->younger;
	*(e->younger ? &e->younger->older : &sh->youngest) = e->older;
}

static void chain(struct shard *sh, struct cached *e)
{
	e->younger = NULL;
	e->older = sh->youngest;
	*(sh->youngest ? &sh->youngest->younger : &sh->oldest) = e;
	sh->youngest = e;
}

static void take_out(struct shard *sh, struct cached *e)
{
	htab_del(&sh->tab, &e->link);
	unchain(sh, e);
	e->in = 0;
	atomic_store_explicit(&sh->bytes, sh->bytes - body_bytes(&e->body), memory_order_relaxed);
}

struct body *cache_get(struct cache *c, uint64_t id)
{
	uint64_t hash = hash_of(id);
	struct shard *sh = shard_of(c, id);
	struct body *b = NULL;

	pthread_mutex_lock(&sh->lock);
	struct cached *e = find(sh, id, hash);
	if (e) {
		if (e != sh->youngest) {
			unchain(sh, e);
			chain(sh, e);
		}
		b = body_ref(&e->body);
	}
	pthread_mutex_unlock(&sh->lock);
	return b;
}

void cache_put(struct cache *c, struct body *b)
{
	struct cached *e = cached_of(b), *out = NULL;
	uint64_t hash = hash_of(b->id);
	struct shard *sh = shard_of(c, b->id);

	pthread_mutex_lock(&sh->lock);
	if (e->in || find(sh, b->id, hash)) {
		pthread_mutex_unlock(&sh->lock);
		body_unref(b);
		return;
	}
	htab_add(&sh->tab, &e->link, hash);
	chain(sh, e);
	e->in = 1;
	atomic_store_explicit(&sh->bytes, sh->bytes + body_bytes(b), memory_order_relaxed);
	for (unsigned tries = 0; sh->bytes > sh->max && sh->oldest != e && tries < EVICT_TRIES; tries++) {
		struct cached *old = sh->oldest;
		if (atomic_load_explicit(&old->body.refs, memory_order_relaxed) > 1) {
			/* Somebody fetched it and is on the way to it. */
			unchain(sh, old);
			chain(sh, old);
			continue;
		}
		take_out(sh, old);
		old->link.next = out ? &out->link : NULL;
		out = old;
	}
	pthread_mutex_unlock(&sh->lock);

	while (out) {
		struct cached *next = out->link.next ? CONTAINER_OF(out->link.next, struct cached, link) : NULL;
		body_unref(&out->body);
		out = next;
	}
}

void cache_drop(struct cache *c, uint64_t id)
{
	uint64_t hash = hash_of(id);
	struct shard *sh = shard_of(c, id);

	pthread_mutex_lock(&sh->lock);
	struct cached *e = find(sh, id, hash);
	if (e)
		take_out(sh, e);
	pthread_mutex_unlock(&sh->lock);
	if (e)
		body_unref(&e->body);
}

size_t cache_bytes(const struct cache *c)
{
	size_t n = 0;

	for (unsigned i = 0; i < SHARDS; i++)
		n += atomic_load_explicit(&c->sh[i].bytes, memory_order_relaxed);
	return n;
}

void cache_free(struct cache *c)
{
	for (unsigned i = 0; i < SHARDS; i++) {
		struct shard *sh = &c->sh[i];
		while (sh->oldest) {
			struct cached *e = sh->oldest;
			take_out(sh, e);
			body_unref(&e->body);
		}
		htab_fini(&sh->tab);
		pthread_mutex_destroy(&sh->lock);
	}
	free(c);
}
