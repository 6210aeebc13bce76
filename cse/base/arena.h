/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that dies with a request.  Allocation is a bump of a pointer, nothing is freed singly, the whole
 * is reset at the end.  Running out of memory ends the process: parsers bound size, depth and count of what
 * comes from outside, so an arena's size is bounded by configuration, not by the peer.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "cse/base/check.h"
#include "cse/base/str.h"

struct arena_block;
struct arena {
	char *p, *end;             /* free part of the current block */
	struct arena_block *first; /* kept across resets */
	struct arena_block *blocks; /* newest first */
	size_t used;               /* bytes handed out since the last reset */
};

/* The first block (block_size bytes, at least 256) is allocated at once and survives resets. */
void arena_init(struct arena *a, size_t block_size);
void arena_fini(struct arena *a);
/* Everything handed out is gone; with -fsanitize=address it is poisoned. */
void arena_reset(struct arena *a);

/* 16-byte aligned, not cleared.  Never NULL. n may be 0. */
void *arena_alloc(struct arena *a, size_t n);
/* Cleared. */
void *arena_zalloc(struct arena *a, size_t n);
/* n * size with overflow check (overflow ends the process: a contract, callers bound n). Cleared. */
void *arena_array(struct arena *a, size_t n, size_t size);
struct str arena_str(struct arena *a, struct str s);
/* NUL-terminated copy. */
char *arena_strz(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define ARENA_NEW(a, type) ((type *)arena_zalloc((a), sizeof(type)))

#endif
