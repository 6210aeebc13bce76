/* SPDX-License-Identifier: Apache-2.0 */
/* The transform for primes above 50 bits, or without 52-bit multiply-add: the high word from four 32-bit products. */
#include "he/ntt_priv.h"

#if defined(__x86_64__)
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl")))
#define NAME(x) ntt_avx512_##x
#include "he/vec512.h"

FAST __m512i ntt_mul(__m512i a, __m512i w, __m512i wq, __m512i q)
{
	return _mm512_sub_epi64(_mm512_mullo_epi64(a, w), _mm512_mullo_epi64(high(a, wq), q));
}

#include "he/ntt512.h"
#endif
