/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive binary heap, smallest key first, in segments so that growing never copies: moments of expiry. */
#ifndef DB_HEAP_PRIV_H
#define DB_HEAP_PRIV_H

#include <stddef.h>
#include <stdint.h>

struct heap_item {
	int64_t key;
	uint32_t pos; /* place + 1; 0: in no heap */
};

struct heap {
	struct heap_item ***seg;
	uint32_t nseg, capseg;
	uint32_t n;
};

void heap_init(struct heap *h);
void heap_fini(struct heap *h);
void heap_add(struct heap *h, struct heap_item *it, int64_t key);
/* Harmless when it is in no heap. */
void heap_del(struct heap *h, struct heap_item *it);
/* Smallest, or NULL. */
struct heap_item *heap_min(const struct heap *h);
/* Calls fn for items with key <= bound, parents before children, until fn returns false or `visits` are made. */
void heap_each_upto(const struct heap *h, int64_t bound, uint32_t visits, int (*fn)(void *, struct heap_item *), void *arg);

#endif
