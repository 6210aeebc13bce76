/* SPDX-License-Identifier: Apache-2.0 */
/* Random bytes from the kernel, fetched by the page and handed out per thread. */
#include "cse/base/rand.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "cse/base/check.h"

enum {
	POOL_BYTES = 1024, /* fetched at once */
	POOL_LARGEST = 256, /* larger requests go to the kernel directly */
};

/* One thread's bytes.  They lie in a page that a fork() finds empty (left is then 0), so that parent and child never
 * hand out the same ones. */
struct pool_page {
	size_t left;
	unsigned char bytes[POOL_BYTES];
};

struct pool {
	struct rnd *owner;
	struct pool *next, **back;
	struct pool_page *page;
};

struct rnd {
	bool seeded;
	_Atomic uint64_t state; /* of the seeded generator */
	pthread_key_t key;      /* this thread's pool */
	pthread_mutex_t lock;   /* guards the list */
	struct pool *pools;
};

static void from_kernel(void *p, size_t n)
{
	unsigned char *at = p;

	while (n) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		REQUIRE(got > 0);
		at += got;
		n -= (size_t)got;
	}
}

static void pool_release(struct pool *pool)
{
	explicit_bzero(pool->page, sizeof(*pool->page));
	munmap(pool->page, sizeof(*pool->page));
	free(pool);
}

/* A thread ends before the generator does. */
static void pool_end(void *arg)
{
	struct pool *pool = arg;
	struct rnd *r = pool->owner;

	pthread_mutex_lock(&r->lock);
	*pool->back = pool->next;
	if (pool->next)
		pool->next->back = pool->back;
	pthread_mutex_unlock(&r->lock);
	pool_release(pool);
}

static struct pool *pool_new(struct rnd *r)
{
	struct pool *pool = malloc(sizeof(*pool));
	struct pool_page *page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(pool != NULL && page != MAP_FAILED);
	REQUIRE(madvise(page, sizeof(*page), MADV_WIPEONFORK) == 0);
	pool->owner = r;
	pool->page = page;
	pthread_mutex_lock(&r->lock);
	pool->next = r->pools;
	pool->back = &r->pools;
	if (pool->next)
		pool->next->back = &pool->next;
	r->pools = pool;
	pthread_mutex_unlock(&r->lock);
	REQUIRE(pthread_setspecific(r->key, pool) == 0);
	return pool;
}

static struct rnd *make(bool seeded, uint64_t seed)
{
	struct rnd *r = calloc(1, sizeof(*r));

	REQUIRE(r != NULL);
	r->seeded = seeded;
	atomic_init(&r->state, seed);
	REQUIRE(pthread_key_create(&r->key, pool_end) == 0);
	REQUIRE(pthread_mutex_init(&r->lock, NULL) == 0);
	return r;
}

struct rnd *rnd_new(void)
{
	return make(false, 0);
}

struct rnd *rnd_new_seeded(uint64_t seed)
{
	return make(true, seed);
}

void rnd_free(struct rnd *r)
{
	if (r == NULL)
		return;
	pthread_key_delete(r->key);
	while (r->pools) {
		struct pool *pool = r->pools;

		r->pools = pool->next;
		pool_release(pool);
	}
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. */
static uint64_t splitmix(struct rnd *r)
{
	uint64_t z = atomic_fetch_add_explicit(&r->state, 0x9e3779b97f4a7c15u, memory_order_relaxed) + 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void seeded_bytes(struct rnd *r, unsigned char *p, size_t n)
{
	while (n) {
		uint64_t v = splitmix(r);
		size_t part = n < sizeof(v) ? n : sizeof(v);

		memcpy(p, &v, part);
		p += part;
		n -= part;
	}
}

void rnd_bytes(struct rnd *r, void *p, size_t n)
{
	struct pool *pool;
	struct pool_page *page;

	if (n == 0)
		return;
	if (r->seeded) {
		seeded_bytes(r, p, n);
		return;
	}
	if (n > POOL_LARGEST) {
		from_kernel(p, n);
		return;
	}
	pool = pthread_getspecific(r->key);
	if (pool == NULL)
		pool = pool_new(r);
	page = pool->page;
	if (page->left < n) {
		from_kernel(page->bytes, POOL_BYTES);
		page->left = POOL_BYTES;
	}
	page->left -= n;
	memcpy(p, page->bytes + page->left, n);
	/* What was handed out cannot be read here again. */
	explicit_bzero(page->bytes + page->left, n);
}

uint64_t rnd_u64(struct rnd *r)
{
	uint64_t v;

	rnd_bytes(r, &v, sizeof(v));
	return v;
}

uint64_t rnd_below(struct rnd *r, uint64_t bound)
{
	uint64_t v, reject;

	REQUIRE(bound > 0);
	/* The lowest 2^64 mod bound values would make small results more likely. */
	reject = (0 - bound) % bound;
	do {
		v = rnd_u64(r);
	} while (v < reject);
	return v % bound;
}
