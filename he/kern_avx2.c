/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels over four lanes; products of primes up to 50 bits in doubles, larger ones in plain C. */
#include "he/ntt_priv.h"

#if defined(__x86_64__)
#include "he/vec4d.h"

/* a - m where that is not negative; both below 2^62. */
FAST __m256i drop(__m256i a, __m256i m)
{
	__m256i d = _mm256_sub_epi64(a, m);

	return _mm256_add_epi64(d, _mm256_and_si256(m, _mm256_cmpgt_epi64(_mm256_setzero_si256(), d)));
}

TARGET static void add(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t n, const struct he_mod *m)
{
	__m256i q = each_word(m->q);

	for (size_t i = 0; i < n; i += 4)
		give_words(r + i, drop(_mm256_add_epi64(take_words(a + i), take_words(b + i)), q));
}

TARGET static void sub(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t n, const struct he_mod *m)
{
	__m256i q = each_word(m->q);

	for (size_t i = 0; i < n; i += 4) {
		__m256i d = _mm256_sub_epi64(take_words(a + i), take_words(b + i));

		give_words(r + i, drop(_mm256_add_epi64(d, q), q));
	}
}

TARGET static void neg(uint64_t *r, const uint64_t *a, size_t n, const struct he_mod *m)
{
	__m256i q = each_word(m->q);

	for (size_t i = 0; i < n; i += 4)
		give_words(r + i, drop(_mm256_sub_epi64(q, take_words(a + i)), q));
}

/* In [0, q). */
FAST __m256d product(__m256d a, __m256d b, __m256d q, __m256d over)
{
	__m256d high = _mm256_mul_pd(a, b), low = _mm256_fmsub_pd(a, b, high);
	__m256d quot = _mm256_round_pd(_mm256_mul_pd(high, over), NEAREST);

	return lift(_mm256_add_pd(_mm256_fnmadd_pd(quot, q, high), low), q);
}

TARGET static void mul(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t n, const struct he_mod *m)
{
	__m256d q = _mm256_set1_pd((double)m->q), over = _mm256_set1_pd(1.0 / (double)m->q);

	if (m->bits > 50) {
		he_kern_scalar.mul(r, a, b, n, m);
		return;
	}
	for (size_t i = 0; i < n; i += 4)
		give_words(r + i,
		           to_words(product(to_doubles(take_words(a + i)), to_doubles(take_words(b + i)), q, over)));
}

TARGET static void muladd(uint64_t *r, const uint64_t *a, const uint64_t *b, const uint64_t *c, size_t n, const struct he_mod *m)
{
	__m256d q = _mm256_set1_pd((double)m->q), over = _mm256_set1_pd(1.0 / (double)m->q);

	if (m->bits > 50) {
		he_kern_scalar.muladd(r, a, b, c, n, m);
		return;
	}
	for (size_t i = 0; i < n; i += 4) {
		__m256d p = product(to_doubles(take_words(a + i)), to_doubles(take_words(b + i)), q, over);

		give_words(r + i, drop(_mm256_add_epi64(take_words(c + i), to_words(p)), each_word(m->q)));
	}
}

TARGET static void mul_const(uint64_t *r, const uint64_t *a, struct he_const c, size_t n, const struct he_mod *m)
{
	__m256d q = _mm256_set1_pd((double)m->q), over = _mm256_set1_pd(1.0 / (double)m->q), w = _mm256_set1_pd((double)c.w);

	if (m->bits > 50) {
		he_kern_scalar.mul_const(r, a, c, n, m);
		return;
	}
	for (size_t i = 0; i < n; i += 4)
		give_words(r + i, to_words(product(to_doubles(take_words(a + i)), w, q, over)));
}

TARGET static void muladd_const(uint64_t *r, const uint64_t *a, struct he_const c, size_t n, const struct he_mod *m)
{
	__m256d q = _mm256_set1_pd((double)m->q), over = _mm256_set1_pd(1.0 / (double)m->q), w = _mm256_set1_pd((double)c.w);

	if (m->bits > 50) {
		he_kern_scalar.muladd_const(r, a, c, n, m);
		return;
	}
	for (size_t i = 0; i < n; i += 4) {
		__m256d p = product(to_doubles(take_words(a + i)), w, q, over);

		give_words(r + i, drop(_mm256_add_epi64(take_words(r + i), to_words(p)), each_word(m->q)));
	}
}

/* In (-q, q); a and b below 2^50, one of them below q. */
FAST __m256d near(__m256d a, __m256d b, __m256d q, __m256d over)
{
	__m256d high = _mm256_mul_pd(a, b), low = _mm256_fmsub_pd(a, b, high);
	__m256d quot = _mm256_round_pd(_mm256_mul_pd(high, over), NEAREST);

	return _mm256_add_pd(_mm256_fnmadd_pd(quot, q, high), low);
}

/* Sums are centred after every fourth term, so that they stay exact. */
FAST __m256d gather(__m256d sum, __m256d term, unsigned j, __m256d q, __m256d over)
{
	sum = _mm256_add_pd(sum, term);
	return (j & 3) == 3 ? centre(sum, q, over) : sum;
}

TARGET static void dot(uint64_t *r, const uint64_t *const *a, const uint64_t *const *b, unsigned k, size_t n,
                       const struct he_mod *m)
{
	__m256d q = _mm256_set1_pd((double)m->q), over = _mm256_set1_pd(1.0 / (double)m->q);

	if (m->bits > 50) {
		he_kern_scalar.dot(r, a, b, k, n, m);
		return;
	}
	for (size_t i = 0; i < n; i += 4) {
		__m256d sum = _mm256_setzero_pd();

		for (unsigned j = 0; j < k; j++)
			sum = gather(sum, near(to_doubles(take_words(a[j] + i)), to_doubles(take_words(b[j] + i)), q, over), j, q,
			             over);
		give_words(r + i, to_words(lift(centre(sum, q, over), q)));
	}
}

TARGET static void dot_const(uint64_t *r, const uint64_t *const *a, const struct he_const *c, unsigned k, size_t n,
                             const struct he_mod *m, bool narrow)
{
	__m256d q = _mm256_set1_pd((double)m->q), over = _mm256_set1_pd(1.0 / (double)m->q);

	if (m->bits > 50 || !narrow) {
		he_kern_scalar.dot_const(r, a, c, k, n, m, narrow);
		return;
	}
	for (size_t i = 0; i < n; i += 4) {
		__m256d sum = _mm256_setzero_pd();

		for (unsigned j = 0; j < k; j++)
			sum = gather(sum, near(to_doubles(take_words(a[j] + i)), _mm256_set1_pd((double)c[j].w), q, over), j, q, over);
		give_words(r + i, to_words(lift(centre(sum, q, over), q)));
	}
}

static void reduce(uint64_t *r, const uint64_t *a, size_t n, const struct he_mod *m)
{
	he_kern_scalar.reduce(r, a, n, m);
}

TARGET static bool below(const void *a, size_t n, uint64_t q)
{
	const unsigned char *p = a;
	/* Comparison is signed: the top bit is turned on both sides. */
	__m256i top = each_word(1ULL << 63), limit = each_word(q ^ 1ULL << 63), ok = each_word(~0ULL);

	for (size_t i = 0; i < n; i += 4) {
		__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(p + i * sizeof(uint64_t)));

		ok = _mm256_and_si256(ok, _mm256_cmpgt_epi64(limit, _mm256_xor_si256(v, top)));
	}
	return _mm256_movemask_epi8(ok) == -1;
}

/* Words below 2^63, rounded once: the upper half stands exactly at 2^84, the lower one at 2^52. */
FAST __m256d rounded(__m256i v)
{
	const __m256d high = _mm256_set1_pd(0x1p84), low = _mm256_set1_pd(0x1p52);
	__m256d h = _mm256_or_pd(_mm256_castsi256_pd(_mm256_srli_epi64(v, 32)), high);
	__m256d l = _mm256_or_pd(_mm256_castsi256_pd(_mm256_and_si256(v, each_word(0xffffffff))), low);

	return _mm256_add_pd(_mm256_sub_pd(h, _mm256_add_pd(high, low)), l);
}

TARGET static void estimate(uint64_t *r, const uint64_t *const *a, const double *q, unsigned k, size_t n)
{
	for (size_t i = 0; i < n; i += 4) {
		__m256d sum = _mm256_setzero_pd();

		for (unsigned j = 0; j < k; j++)
			sum = _mm256_add_pd(sum, _mm256_div_pd(rounded(take_words(a[j] + i)), _mm256_set1_pd(q[j])));
		sum = _mm256_add_pd(sum, _mm256_set1_pd(0.5));
		give_words(r + i, _mm256_cvtepi32_epi64(_mm256_cvttpd_epi32(sum)));
	}
}

const struct he_kernels he_kern_avx2 = { HE_AVX2,   add,          sub,    neg,   mul, muladd,
	                                 mul_const, muladd_const, dot, dot_const, reduce, below, estimate };
#endif
