/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intrusive hash table that grows one bucket at a time (linear hashing), so that no insertion is ever long: it is
 * changed under the tree's lock.  The caller computes the hash and compares the keys.
 */
#ifndef DB_HTAB_PRIV_H
#define DB_HTAB_PRIV_H

#include <stddef.h>
#include <stdint.h>

struct hlink {
	struct hlink *next;
	uint64_t hash;
};

struct htab {
	struct hlink ***seg; /* segments of HTAB_SEG buckets */
	uint32_t nseg, capseg;
	uint64_t mask;       /* buckets below `split` use one bit more */
	uint64_t split;
	uint64_t n;
};

void htab_init(struct htab *t);
/* Frees the table, not what is linked into it. */
void htab_fini(struct htab *t);
void htab_add(struct htab *t, struct hlink *l, uint64_t hash);
void htab_del(struct htab *t, struct hlink *l);
/* First link with this hash, then the next one; NULL at the end. */
struct hlink *htab_find(const struct htab *t, uint64_t hash);
struct hlink *htab_next(const struct hlink *l);
/* Number of buckets and the chain of one: for walks in slices.  A bucket that splits moves links only to a bucket
 * behind all others, so that a walk upwards meets each link at least once. */
uint64_t htab_buckets(const struct htab *t);
struct hlink *htab_bucket(const struct htab *t, uint64_t i);
size_t htab_bytes(const struct htab *t);

/* Mixes a number into a hash (for numeric keys). */
static inline uint64_t htab_mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	return x ^ x >> 32;
}

#endif
