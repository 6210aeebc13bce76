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

void buf_fini(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .max = b->max };
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
	free(b->p);
	b->p = NULL;
	b->cap = 0;
}

/* need: bytes in use afterwards, within the bound and above cap. */
static void grow(struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : FIRST;
	char *p;

	if (cap > b->max)
		cap = b->max;
	while (cap < need)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	/* One byte more than is said: vsnprintf ends with a NUL. */
	p = realloc(b->p, cap + 1);
	REQUIRE(p != NULL);
	b->p = p;
	b->cap = cap;
}

char *buf_room(struct buf *b, size_t n)
{
	if (__builtin_expect(n > b->cap - b->n, 0) || b->p == NULL) {
		if (b->over || b->n > b->max || n > b->max - b->n) {
			b->over = true;
			return NULL;
		}
		grow(b, b->n + n);
	}
	return b->p + b->n;
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

void buf_put(struct buf *b, const void *p, size_t n)
{
	char *at;

	if (n == 0)
		return;
	at = buf_room(b, n);
	if (at == NULL)
		return;
	memcpy(at, p, n);
	b->n += n;
}

void buf_putc(struct buf *b, char c)
{
	char *at = buf_room(b, 1);

	if (at == NULL)
		return;
	*at = c;
	b->n++;
}

void buf_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_put(b, digits + i, sizeof(digits) - i);
}

void buf_i64(struct buf *b, int64_t v)
{
	char text[21];
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	size_t i = sizeof(text);

	do {
		text[--i] = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (v < 0)
		text[--i] = '-';
	buf_put(b, text + i, sizeof(text) - i);
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
