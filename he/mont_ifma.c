/* SPDX-License-Identifier: Apache-2.0 */
/* Montgomery products over eight words at a time; all sums stay in registers. */
#include "he/mont_priv.h"

#if defined(__x86_64__)
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx512ifma")))
#include "he/vec512.h"

enum { MOST = MONT_MOST / 8 };

/* n vectors, known to the compiler where this is inlined. */
FAST void multiply(const struct mont *m, uint64_t *r, const uint64_t *a, const uint64_t *b, const unsigned n)
{
	const __m512i zero = _mm512_setzero_si512();
	__m512i sum[MOST + 1];

#pragma GCC unroll 16
	for (unsigned v = 0; v <= n; v++)
		sum[v] = zero;
	for (unsigned i = 0; i < 8 * n; i++) {
		__m512i by = each(b[i]), quot;
		uint64_t low;

		sum[0] = _mm512_madd52lo_epu64(sum[0], take(a), by);
		low = (uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(sum[0]));
		quot = each(low * m->n0 & MONT_MASK);
		sum[0] = _mm512_madd52lo_epu64(sum[0], take(m->n), quot);
#pragma GCC unroll 16
		for (unsigned v = 1; v < n; v++)
			sum[v] = _mm512_madd52lo_epu64(_mm512_madd52lo_epu64(sum[v], take(a + 8 * v), by), take(m->n + 8 * v), quot);
		/* One word to the right; what the lowest one carries goes along. */
		low = (uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(sum[0])) >> MONT_BITS;
#pragma GCC unroll 16
		for (unsigned v = 0; v < n; v++)
			sum[v] = _mm512_alignr_epi64(sum[v + 1], sum[v], 1);
		sum[0] = _mm512_add_epi64(sum[0], _mm512_zextsi128_si512(_mm_cvtsi64_si128((long long)low)));
#pragma GCC unroll 16
		for (unsigned v = 0; v < n; v++)
			sum[v] = _mm512_madd52hi_epu64(_mm512_madd52hi_epu64(sum[v], take(a + 8 * v), by), take(m->n + 8 * v), quot);
	}
#pragma GCC unroll 16
	for (unsigned v = 0; v < n; v++)
		give(r + 8 * v, sum[v]);
}

/* The sizes that Paillier has: primes of 1,024 and 1,536 bits, their squares, and the squares of their products. */
TARGET void mont_mul_ifma(const struct mont *m, uint64_t *r, const uint64_t *a, const uint64_t *b)
{
	switch (m->words) {
	case 24:
		multiply(m, r, a, b, 3);
		return;
	case 32:
		multiply(m, r, a, b, 4);
		return;
	case 40:
		multiply(m, r, a, b, 5);
		return;
	case 64:
		multiply(m, r, a, b, 8);
		return;
	case 80:
		multiply(m, r, a, b, 10);
		return;
	case 120:
		multiply(m, r, a, b, 15);
		return;
	default:
		multiply(m, r, a, b, m->words / 8);
		return;
	}
}
#endif
