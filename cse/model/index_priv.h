/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Look-up of a short name in one step: a multiplier without collisions is found when the tables are made (gen.py does
 * the same arithmetic).  A cell holds place + 1 and length of the one name that may be meant.
 */
#ifndef MODEL_INDEX_PRIV_H
#define MODEL_INDEX_PRIV_H

#include "cse/base/str.h"

struct index_slot {
	uint8_t at, len;
};
struct attr_index {
	uint64_t mul;
	uint8_t shift;
	const struct index_slot *slot;
};

static inline uint64_t index_load(const char *p, size_t n)
{
	const unsigned char *b = (const unsigned char *)p;
	uint64_t k = 0;

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	if (n == 8) {
		memcpy(&k, b, 8);
		return k;
	}
#endif
	switch (n) {
	case 8: k |= (uint64_t)b[7] << 56; /* fall through */
	case 7: k |= (uint64_t)b[6] << 48; /* fall through */
	case 6: k |= (uint64_t)b[5] << 40; /* fall through */
	case 5: k |= (uint64_t)b[4] << 32; /* fall through */
	case 4: k |= (uint64_t)b[3] << 24; /* fall through */
	case 3: k |= (uint64_t)b[2] << 16; /* fall through */
	case 2: k |= (uint64_t)b[1] << 8; /* fall through */
	case 1: k |= b[0]; /* fall through */
	default: break;
	}
	return k;
}

/* Place + 1 of the only candidate with this length, or 0; the caller compares the bytes. */
static inline unsigned index_find(const struct attr_index *x, struct str sn)
{
	uint64_t k;
	const struct index_slot *s;

	if (sn.n == 0 || sn.n > 255)
		return 0;
	if (sn.n > 8)
		k = index_load(sn.p, 8) ^ (index_load(sn.p + sn.n - 8, 8) * UINT64_C(0x9e3779b97f4a7c15)) ^ sn.n;
	else
		k = index_load(sn.p, sn.n) ^ ((uint64_t)sn.n << 56);
	s = &x->slot[(k * x->mul) >> x->shift];
	return s->len == sn.n ? s->at : 0;
}

#endif
