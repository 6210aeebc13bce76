/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that dies with a request: a chain of blocks, the first of which stays. */
#include "cse/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#if ARENA_POISONS
#include <sanitizer/asan_interface.h>
/* Between two objects lie bytes that nobody may touch, so that running over the end of one is seen. */
enum { GAP = 16 };
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
enum { GAP = 0 };
#define POISON(p, n) ((void)0)
#define UNPOISON(p, n) ((void)0)
#endif

enum {
	MIN_BLOCK = 256,
	GROW_TO = 256 * 1024, /* blocks double up to here; a larger object gets a block of its own size */
};

struct arena_block {
	struct arena_block *next;
	size_t size; /* of data, a multiple of ARENA_ALIGN */
	_Alignas(ARENA_ALIGN) char data[];
};

static inline size_t round_up(size_t n)
{
	return (n + (ARENA_ALIGN - 1)) & ~(size_t)(ARENA_ALIGN - 1);
}

static struct arena_block *block_new(size_t size)
{
	struct arena_block *b;

	REQUIRE(size <= SIZE_MAX / 2);
	size = round_up(size);
	b = malloc(sizeof(*b) + size);
	REQUIRE(b != NULL);
	b->next = NULL;
	b->size = size;
	POISON(b->data, size);
	return b;
}

static void block_free(struct arena_block *b)
{
	UNPOISON(b->data, b->size);
	free(b);
}

static void use_block(struct arena *a, struct arena_block *b)
{
	a->p = b->data;
	a->end = b->data + b->size;
}

void arena_init(struct arena *a, size_t block_size)
{
	a->first = block_new(block_size < MIN_BLOCK ? MIN_BLOCK : block_size);
	a->blocks = a->first;
	a->used = 0;
	use_block(a, a->first);
}

static void free_later_blocks(struct arena *a)
{
	while (a->blocks != a->first) {
		struct arena_block *b = a->blocks;

		a->blocks = b->next;
		block_free(b);
	}
}

void arena_fini(struct arena *a)
{
	if (a->first == NULL)
		return;
	free_later_blocks(a);
	block_free(a->first);
	*a = (struct arena){ 0 };
}

void arena_reset(struct arena *a)
{
	if (a->blocks != a->first)
		free_later_blocks(a);
	POISON(a->first->data, a->first->size);
	use_block(a, a->first);
	a->used = 0;
}

static void add_block(struct arena *a, size_t n)
{
	size_t size = a->blocks->size < GROW_TO / 2 ? a->blocks->size * 2 : GROW_TO;
	struct arena_block *b;

	REQUIRE(n <= SIZE_MAX / 4);
	b = block_new(n + GAP > size ? n + GAP : size);
	b->next = a->blocks;
	a->blocks = b;
	use_block(a, b);
}

void *arena_alloc_slow(struct arena *a, size_t n)
{
	size_t left = (size_t)(a->end - a->p);
	void *p;

	if (n > left || n + GAP > left)
		add_block(a, n);
	p = a->p;
	a->p += round_up(n) + GAP;
	a->used += n;
	UNPOISON(p, n);
	return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t bytes;
	bool over = __builtin_mul_overflow(n, size, &bytes);

	REQUIRE(!over);
	return arena_zalloc(a, bytes);
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n);

	if (s.n)
		memcpy(p, s.p, s.n);
	return str_make(p, s.n);
}

char *arena_strz(struct arena *a, struct str s)
{
	char *p;

	REQUIRE(s.n < SIZE_MAX);
	p = arena_alloc(a, s.n + 1);
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	REQUIRE(n >= 0);
	p = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return str_make(p, (size_t)n);
}
