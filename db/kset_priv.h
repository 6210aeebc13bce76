/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sorted set of numbers (row ids, ids of instances): four bytes each in blocks of up to 256, so that no change is ever long.
 * It is changed under the tree's lock.  A set of one number has no memory of its own.
 */
#ifndef DB_KSET_PRIV_H
#define DB_KSET_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kblock;
struct kset {
	uint64_t n;
	union {
		uint64_t one;         /* n 1 */
		struct kblock **dir;  /* n above: ascending */
	};
	uint32_t n_dir, cap_dir;
};

/* Cleared memory is an empty set.  Frees what the set holds. */
void kset_fini(struct kset *k);
/* Both say by how many bytes memory has grown (or shrunk, below 0).  A number is there once; absent ones are not taken out. */
ptrdiff_t kset_add(struct kset *k, uint64_t key);
ptrdiff_t kset_del(struct kset *k, uint64_t key);
/* Ascending from `after` (exclusive), at most max. */
size_t kset_above(const struct kset *k, uint64_t after, uint64_t *out, size_t max);

#endif
