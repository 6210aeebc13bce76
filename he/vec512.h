/* SPDX-License-Identifier: Apache-2.0 */
/* Eight lanes of 64 bits.  TARGET, the processor's features, is defined by the file that includes this. */
#ifndef HE_VEC512_H
#define HE_VEC512_H

#include <immintrin.h>
#include <stdint.h>

#define FAST TARGET static inline __attribute__((always_inline, unused))

FAST __m512i take(const uint64_t *a) { return _mm512_load_si512((const void *)a); }
FAST void give(uint64_t *a, __m512i v) { _mm512_store_si512((void *)a, v); }
FAST __m512i each(uint64_t v) { return _mm512_set1_epi64((long long)v); }
/* The wrapped difference is the larger one when a < m. */
FAST __m512i drop(__m512i a, __m512i m) { return _mm512_min_epu64(a, _mm512_sub_epi64(a, m)); }

/* The high words of the products, from four products of halves. */
FAST __m512i high(__m512i a, __m512i b)
{
	__m512i a1 = _mm512_srli_epi64(a, 32), b1 = _mm512_srli_epi64(b, 32);
	__m512i mid = _mm512_add_epi64(_mm512_mul_epu32(a1, b), _mm512_srli_epi64(_mm512_mul_epu32(a, b), 32));
	__m512i mid2 = _mm512_add_epi64(_mm512_mul_epu32(a, b1), _mm512_and_si512(mid, each(0xffffffff)));

	return _mm512_add_epi64(_mm512_add_epi64(_mm512_mul_epu32(a1, b1), _mm512_srli_epi64(mid, 32)),
	                        _mm512_srli_epi64(mid2, 32));
}

#endif
