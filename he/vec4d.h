/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Four lanes of doubles as integers modulo a prime of up to 50 bits: a product and its rounding error, by fused
 * multiply-add, are exact.  Residues are signed and of any representative of a few q.
 */
#ifndef HE_VEC4D_H
#define HE_VEC4D_H

#include <immintrin.h>
#include <stdint.h>

#define TARGET __attribute__((target("avx2,fma")))
#define FAST TARGET static inline __attribute__((always_inline, unused))
#define NEAREST (_MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)

FAST __m256i take_words(const uint64_t *a) { return _mm256_load_si256((const __m256i *)(const void *)a); }
FAST void give_words(uint64_t *a, __m256i v) { _mm256_store_si256((__m256i *)(void *)a, v); }
FAST __m256i each_word(uint64_t v) { return _mm256_set1_epi64x((long long)v); }

/* Words below 2^52 to doubles and back: the mantissa of 2^52 + v is v. */
FAST __m256d to_doubles(__m256i v)
{
	const __m256d big = _mm256_set1_pd(0x1p52);

	return _mm256_sub_pd(_mm256_or_pd(_mm256_castsi256_pd(v), big), big);
}
FAST __m256i to_words(__m256d v)
{
	const __m256d big = _mm256_set1_pd(0x1p52);

	return _mm256_castpd_si256(_mm256_xor_pd(_mm256_add_pd(v, big), big));
}

/* a * w - round(a * w_over_q) * q. */
FAST __m256d mul_mod(__m256d a, __m256d w, __m256d w_over_q, __m256d q)
{
	__m256d high = _mm256_mul_pd(a, w), low = _mm256_fmsub_pd(a, w, high);
	__m256d quot = _mm256_round_pd(_mm256_mul_pd(a, w_over_q), NEAREST);

	return _mm256_add_pd(_mm256_fnmadd_pd(quot, q, high), low);
}

/* To about [-q/2, q/2]. */
FAST __m256d centre(__m256d a, __m256d q, __m256d one_over_q)
{
	return _mm256_fnmadd_pd(_mm256_round_pd(_mm256_mul_pd(a, one_over_q), NEAREST), q, a);
}

/* (-q, q) to [0, q). */
FAST __m256d lift(__m256d a, __m256d q)
{
	return _mm256_add_pd(a, _mm256_and_pd(q, _mm256_cmp_pd(a, _mm256_setzero_pd(), _CMP_LT_OQ)));
}

#endif
