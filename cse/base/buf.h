/* SPDX-License-Identifier: Apache-2.0 */
/* Byte buffers that grow up to a hard bound.  Passing the bound sets `over` and drops the bytes: writers need
 * no check after each call, only one at the end. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "cse/base/check.h"
#include "cse/base/str.h"

struct buf {
	char *p;
	size_t n;   /* bytes in use */
	size_t cap; /* bytes allocated */
	size_t max; /* hard bound */
	bool over;  /* something did not fit */
	bool wipes; /* what growth leaves behind */
};

/* Nothing is allocated before the first byte. */
void buf_init(struct buf *b, size_t max);
/* For secrets: no copy stays where the buffer was before it grew.  To be ended by buf_fini_secret. */
void buf_init_secret(struct buf *b, size_t max);
void buf_fini(struct buf *b);
/* n = 0, over = false; keeps the memory. */
void buf_reset(struct buf *b);
/* Frees memory beyond `keep` bytes of capacity when the buffer is empty. */
void buf_shrink(struct buf *b, size_t keep);
/* The long way of buf_room: grows, or sets over and gives NULL. */
char *buf_grow(struct buf *b, size_t n);

/* Room for n more bytes: a pointer to write at (then buf_added), or NULL when the bound forbids. */
static inline char *buf_room(struct buf *b, size_t n)
{
	if (__builtin_expect(n > b->cap - b->n || b->p == NULL, 0))
		return buf_grow(b, n);
	return b->p + b->n;
}

void buf_added(struct buf *b, size_t n);
/* Removes n bytes at the front. */
void buf_drop(struct buf *b, size_t n);

static inline void buf_put(struct buf *b, const void *p, size_t n)
{
	char *at = n ? buf_room(b, n) : NULL;

	if (at == NULL)
		return;
	memcpy(at, p, n);
	b->n += n;
}

static inline void buf_putc(struct buf *b, char c)
{
	char *at = buf_room(b, 1);

	if (at == NULL)
		return;
	*at = c;
	b->n++;
}

static inline void buf_str(struct buf *b, struct str s) { buf_put(b, s.p, s.n); }
static inline void buf_z(struct buf *b, const char *z) { buf_put(b, z, strlen(z)); }
#define BUF_LIT(b, lit) buf_put((b), (lit), sizeof(lit) - 1)
void buf_u64(struct buf *b, uint64_t v);
void buf_i64(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Wipes the bytes before they are freed; for secrets. */
void buf_fini_secret(struct buf *b);
static inline struct str buf_as_str(const struct buf *b) { return (struct str){ b->p, b->n }; }

#endif
