/* SPDX-License-Identifier: Apache-2.0 */
/* Byte buffers that grow by doubling up to a hard bound. */
#include "cse/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST = 256 };

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_init_secret(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max, .wipes = true };
}

void buf_fini(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .max = b->max, .wipes = b->wipes };
}

void buf_fini_secret(struct buf *b)
{
	/* All of the capacity: a reset or drop leaves old bytes behind the end. */
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_fini(b);
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->over = false;
}

void buf_shrink(struct buf *b, size_t keep)
{
	if (b->n || b->cap <= keep)
		return;
	if (b->wipes)
		explicit_bzero(b->p, b->cap);
	free(b->p);
	b->p = NULL;
	b->cap = 0;
}

/* As realloc, but the old place is wiped. */
static char *move(struct buf *b, size_t size)
{
	char *p = malloc(size);

	if (p && b->p) {
		memcpy(p, b->p, b->n);
		explicit_bzero(b->p, b->cap);
		free(b->p);
	}
	return p;
}

char *buf_grow(struct buf *b, size_t n)
{
	size_t need, cap = b->cap ? b->cap : FIRST;
	char *p;

	if (b->over || b->n > b->max || n > b->max - b->n) {
		b->over = true;
		return NULL;
	}
	need = b->n + n;
	if (cap > b->max)
		cap = b->max;
	while (cap < need)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	/* One byte more than is said: vsnprintf ends with a NUL. */
	p = b->wipes ? move(b, cap + 1) : realloc(b->p, cap + 1);
	REQUIRE(p != NULL);
	b->p = p;
	b->cap = cap;
	return p + b->n;
}

void buf_added(struct buf *b, size_t n)
{
	REQUIRE(n <= b->cap - b->n);
	b->n += n;
}

void buf_drop(struct buf *b, size_t n)
{
	REQUIRE(n <= b->n);
	b->n -= n;
	if (b->n && n)
		memmove(b->p, b->p + n, b->n);
}

enum { DIGITS_MAX = 20 };

/* Writes the digits of v so that they end before `end`; where they begin. */
static char *digits_before(char *end, uint64_t v)
{
	do {
		*--end = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return end;
}

void buf_u64(struct buf *b, uint64_t v)
{
	char text[DIGITS_MAX], *end = text + sizeof(text), *p = digits_before(end, v);

	buf_put(b, p, (size_t)(end - p));
}

void buf_i64(struct buf *b, int64_t v)
{
	char text[DIGITS_MAX + 1], *end = text + sizeof(text);
	char *p = digits_before(end, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);

	if (v < 0)
		*--p = '-';
	buf_put(b, p, (size_t)(end - p));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *at;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	REQUIRE(n >= 0);
	at = buf_room(b, (size_t)n);
	if (at == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(at, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}
