/* SPDX-License-Identifier: Apache-2.0 */
/* Heap memory of the store.  Running out ends the process: the tree is bounded by limits.tree_bytes, the queue and the
 * cache by their own bounds, so that no request decides about it. */
#ifndef DB_MEM_PRIV_H
#define DB_MEM_PRIV_H

#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"

static inline void *mem_get(size_t n)
{
	void *p = malloc(n ? n : 1);

	REQUIRE(p != NULL);
	return p;
}

static inline void *mem_zget(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	REQUIRE(p != NULL);
	return p;
}

static inline void *mem_resize(void *p, size_t n, size_t size)
{
	REQUIRE(n > 0 && size > 0 && n < SIZE_MAX / size);
	p = realloc(p, n * size);
	REQUIRE(p != NULL);
	return p;
}

static inline void mem_put(void *p)
{
	free(p);
}

#endif
