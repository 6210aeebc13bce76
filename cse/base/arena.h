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

/* In builds with AddressSanitizer every allocation goes the long way, which leaves gaps and marks what may be touched. */
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif
#ifndef ARENA_POISONS
#define ARENA_POISONS 0
#endif
enum { ARENA_ALIGN = 16 };

/* The long way of arena_alloc. */
void *arena_alloc_slow(struct arena *a, size_t n);

/* 16-byte aligned, not cleared.  Never NULL. n may be 0. */
static inline void *arena_alloc(struct arena *a, size_t n)
{
	char *p = a->p;

	/* p and end are aligned, so what fits unrounded fits rounded. */
	if (ARENA_POISONS || __builtin_expect(n > (size_t)(a->end - p), 0))
		return arena_alloc_slow(a, n);
	a->p = p + ((n + (ARENA_ALIGN - 1)) & ~(size_t)(ARENA_ALIGN - 1));
	a->used += n;
	return __builtin_assume_aligned(p, ARENA_ALIGN);
}

/* Cleared. */
static inline void *arena_zalloc(struct arena *a, size_t n)
{
	return memset(arena_alloc(a, n), 0, n);
}

/* n * size with overflow check (overflow ends the process: a contract, callers bound n). Cleared. */
void *arena_array(struct arena *a, size_t n, size_t size);
struct str arena_str(struct arena *a, struct str s);
/* NUL-terminated copy. */
char *arena_strz(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define ARENA_NEW(a, type) ((type *)arena_zalloc((a), sizeof(type)))

#endif
