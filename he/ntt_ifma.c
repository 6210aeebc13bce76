/* SPDX-License-Identifier: Apache-2.0 */
/* The transform with 52-bit multiply-add: primes of up to 50 bits, so that four times the prime is a word. */
#include "he/ntt_priv.h"

#if defined(__x86_64__)
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx512ifma")))
#define NAME(x) ntt_ifma_##x
#include "he/vec512.h"

FAST __m512i ntt_mul(__m512i a, __m512i w, __m512i wq, __m512i q)
{
	const __m512i zero = _mm512_setzero_si512(), mask = _mm512_set1_epi64((1LL << 52) - 1);
	__m512i quot = _mm512_madd52hi_epu64(zero, a, wq), low = _mm512_madd52lo_epu64(zero, a, w);

	/* -q modulo 2^52 instead of a subtraction; the compiler takes it out of the loops. */
	return _mm512_and_si512(_mm512_madd52lo_epu64(low, quot, _mm512_sub_epi64(zero, q)), mask);
}

#include "he/ntt512.h"
#endif
