/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted sets of numbers: a directory of blocks, each with a base that its numbers are counted from. */
#include "db/kset_priv.h"

#include <string.h>

#include "cse/base/check.h"
#include "db/mem_priv.h"

enum { KBLOCK_MIN = 4, KBLOCK_MAX = 256 };

struct kblock {
	uint64_t base;
	uint16_t n, cap;
	uint32_t k[];
};

static size_t block_size(unsigned cap)
{
	return sizeof(struct kblock) + cap * sizeof(uint32_t);
}

static uint64_t at(const struct kblock *b, unsigned i)
{
	return b->base + b->k[i];
}

void kset_fini(struct kset *k)
{
	for (uint32_t i = 0; k->n > 1 && i < k->n_dir; i++)
		mem_put(k->dir[i]);
	if (k->n > 1)
		mem_put(k->dir);
	*k = (struct kset){ .n = 0 };
}

/* --- searching --------------------------------------------------------------------------------------------------- */

/* The last block whose first number is not above key; the first block when there is none. */
static uint32_t find_block(const struct kset *k, uint64_t key)
{
	uint32_t low = 0, high = k->n_dir;

	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (at(k->dir[mid], 0) <= key)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* Numbers of the block that are below key. */
static unsigned below(const struct kblock *b, uint64_t key)
{
	unsigned low = 0, high = b->n;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (at(b, mid) < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

size_t kset_above(const struct kset *k, uint64_t after, uint64_t *out, size_t max)
{
	size_t n = 0;

	if (k->n <= 1) {
		if (k->n && max && k->one > after)
			out[n++] = k->one;
		return n;
	}
	for (uint32_t d = find_block(k, after); d < k->n_dir && n < max; d++) {
		const struct kblock *b = k->dir[d];

		for (unsigned i = after == UINT64_MAX ? b->n : below(b, after + 1); i < b->n && n < max; i++)
			out[n++] = at(b, i);
	}
	return n;
}

/* --- changing ---------------------------------------------------------------------------------------------------- */

static ptrdiff_t dir_insert(struct kset *k, uint32_t i, struct kblock *b)
{
	ptrdiff_t grown = 0;

	if (k->n_dir == k->cap_dir) {
		uint32_t cap = k->cap_dir ? k->cap_dir * 2 : 1;

		k->dir = mem_resize(k->dir, cap, sizeof(*k->dir));
		grown = (ptrdiff_t)((cap - k->cap_dir) * sizeof(*k->dir));
		k->cap_dir = cap;
	}
	memmove(k->dir + i + 1, k->dir + i, (k->n_dir - i) * sizeof(*k->dir));
	k->dir[i] = b;
	k->n_dir++;
	return grown;
}

static struct kblock *new_block(uint64_t base, unsigned cap)
{
	struct kblock *b = mem_get(block_size(cap));

	b->base = base;
	b->n = 0;
	b->cap = (uint16_t)cap;
	return b;
}

/* The upper half of block d, or nothing of it when the number comes behind all others, goes into a block of its own. */
static ptrdiff_t split(struct kset *k, uint32_t d, uint64_t key)
{
	struct kblock *b = k->dir[d], *upper;
	bool last = d + 1 == k->n_dir && key > at(b, b->n - 1u);
	unsigned from = last ? b->n : b->n / 2u;

	upper = new_block(last ? key : at(b, from), last ? KBLOCK_MIN : KBLOCK_MAX);
	for (unsigned i = from; i < b->n; i++)
		upper->k[upper->n++] = (uint32_t)(at(b, i) - upper->base);
	b->n = (uint16_t)from;
	if (last) {
		upper->k[0] = 0;
		upper->n = 1;
	}
	return (ptrdiff_t)block_size(upper->cap) + dir_insert(k, d + 1, upper);
}

static ptrdiff_t block_insert(struct kset *k, uint32_t d, unsigned i, uint64_t key)
{
	struct kblock *b = k->dir[d];
	ptrdiff_t grown = 0;

	if (b->n == b->cap) {
		grown = (ptrdiff_t)(block_size(b->cap * 2u) - block_size(b->cap));
		b = k->dir[d] = mem_resize(b, 1, block_size(b->cap * 2u));
		b->cap = (uint16_t)(b->cap * 2);
	}
	memmove(b->k + i + 1, b->k + i, (b->n - i) * sizeof(*b->k));
	b->k[i] = (uint32_t)(key - b->base);
	b->n++;
	return grown;
}

/* Numbers of a block lie within 32 bits of its base. */
static bool fits(const struct kblock *b, uint64_t key)
{
	return key >= b->base && key - b->base <= UINT32_MAX;
}

static ptrdiff_t own_block(struct kset *k, uint32_t d, uint64_t key)
{
	struct kblock *b = new_block(key, KBLOCK_MIN);

	b->k[b->n++] = 0;
	return (ptrdiff_t)block_size(KBLOCK_MIN) + dir_insert(k, d, b);
}

static ptrdiff_t insert(struct kset *k, uint64_t key)
{
	uint32_t d = find_block(k, key);
	struct kblock *b = k->dir[d];
	unsigned i = below(b, key);
	ptrdiff_t grown;

	if (i < b->n && at(b, i) == key)
		return 0;
	k->n++;
	if (!fits(b, key) && (i == 0 || i == b->n))
		return own_block(k, i == 0 ? d : d + 1, key);
	if (b->n < KBLOCK_MAX)
		return block_insert(k, d, i, key);
	grown = split(k, d, key);
	if (at(k->dir[d + 1], 0) == key)
		return grown;
	d += i > k->dir[d]->n;
	return grown + block_insert(k, d, below(k->dir[d], key), key);
}

ptrdiff_t kset_add(struct kset *k, uint64_t key)
{
	uint64_t one = k->one;
	ptrdiff_t grown;

	if (k->n == 0) {
		*k = (struct kset){ .n = 1, .one = key };
		return 0;
	}
	if (k->n > 1)
		return insert(k, key);
	if (one == key)
		return 0;
	*k = (struct kset){ .n = 1 };
	grown = own_block(k, 0, one);
	return grown + insert(k, key);
}

ptrdiff_t kset_del(struct kset *k, uint64_t key)
{
	ptrdiff_t freed = 0;
	struct kblock *b;
	uint32_t d;
	unsigned i;

	if (k->n <= 1) {
		k->n -= k->n && k->one == key;
		return 0;
	}
	d = find_block(k, key);
	b = k->dir[d];
	i = below(b, key);
	if (i == b->n || at(b, i) != key)
		return 0;
	memmove(b->k + i, b->k + i + 1, (b->n - i - 1u) * sizeof(*b->k));
	b->n--;
	if (b->n == 0) {
		freed -= (ptrdiff_t)block_size(b->cap);
		mem_put(b);
		memmove(k->dir + d, k->dir + d + 1, (k->n_dir - d - 1) * sizeof(*k->dir));
		k->n_dir--;
	}
	if (--k->n == 1) {
		uint64_t one = at(k->dir[0], 0);

		freed -= (ptrdiff_t)(block_size(k->dir[0]->cap) + k->cap_dir * sizeof(*k->dir));
		mem_put(k->dir[0]);
		mem_put(k->dir);
		*k = (struct kset){ .n = 1, .one = one };
	}
	return freed;
}
