/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of records and event rows: numbers little-endian, texts behind their length in two bytes. */
#ifndef SECURITY_PACK_H
#define SECURITY_PACK_H

#include "cse/base/buf.h"

static inline void pack_uint(struct buf *b, uint64_t v, unsigned bytes)
{
	unsigned i;

	for (i = 0; i < bytes; i++)
		buf_putc(b, (char)(v >> (8 * i)));
}

static inline void pack_text(struct buf *b, struct str s)
{
	pack_uint(b, s.n, 2);
	buf_str(b, s);
}

/* Reading: past the end everything is 0 and `bad` stays set. */
struct unpack {
	struct str in;
	bool bad;
};

static inline uint64_t unpack_uint(struct unpack *r, unsigned bytes)
{
	uint64_t v = 0;
	unsigned i;

	if (r->in.n < bytes) {
		r->bad = true;
		return 0;
	}
	for (i = 0; i < bytes; i++)
		v |= (uint64_t)(unsigned char)r->in.p[i] << (8 * i);
	r->in = str_from(r->in, bytes);
	return v;
}

static inline struct str unpack_text(struct unpack *r, size_t max)
{
	size_t n = unpack_uint(r, 2);
	struct str s;

	if (n > max || n > r->in.n) {
		r->bad = true;
		return STR_NONE;
	}
	s = str_first(r->in, n);
	r->in = str_from(r->in, n);
	return s;
}

#endif
