/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels over eight lanes; products of primes up to 50 bits by 52-bit multiply-add where the processor has it. */
#include "he/ntt_priv.h"

#if defined(__x86_64__)
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl")))
#include "he/vec512.h"

TARGET static void add(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t n, const struct he_mod *m)
{
	__m512i q = each(m->q);

	for (size_t i = 0; i < n; i += 8)
		give(r + i, drop(_mm512_add_epi64(take(a + i), take(b + i)), q));
}

TARGET static void sub(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t n, const struct he_mod *m)
{
	__m512i q = each(m->q);

	for (size_t i = 0; i < n; i += 8) {
		__m512i d = _mm512_sub_epi64(take(a + i), take(b + i));

		give(r + i, _mm512_min_epu64(d, _mm512_add_epi64(d, q)));
	}
}

TARGET static void neg(uint64_t *r, const uint64_t *a, size_t n, const struct he_mod *m)
{
	__m512i q = each(m->q);

	for (size_t i = 0; i < n; i += 8)
		give(r + i, drop(_mm512_sub_epi64(q, take(a + i)), q));
}

/* a * w modulo q, fully reduced: Shoup. */
FAST __m512i by_const(__m512i a, __m512i w, __m512i wq, __m512i q)
{
	return drop(_mm512_sub_epi64(_mm512_mullo_epi64(a, w), _mm512_mullo_epi64(high(a, wq), q)), q);
}

TARGET static void mul_const(uint64_t *r, const uint64_t *a, struct he_const c, size_t n, const struct he_mod *m)
{
	__m512i q = each(m->q), w = each(c.w), wq = each(c.quot);

	for (size_t i = 0; i < n; i += 8)
		give(r + i, by_const(take(a + i), w, wq, q));
}

TARGET static void muladd_const(uint64_t *r, const uint64_t *a, struct he_const c, size_t n, const struct he_mod *m)
{
	__m512i q = each(m->q), w = each(c.w), wq = each(c.quot);

	for (size_t i = 0; i < n; i += 8)
		give(r + i, drop(_mm512_add_epi64(take(r + i), by_const(take(a + i), w, wq, q)), q));
}

TARGET static void reduce(uint64_t *r, const uint64_t *a, size_t n, const struct he_mod *m)
{
	__m512i q = each(m->q), inverse = each(m->r_hi);

	for (size_t i = 0; i < n; i += 8) {
		__m512i v = take(a + i);

		give(r + i, drop(_mm512_sub_epi64(v, _mm512_mullo_epi64(high(v, inverse), q)), q));
	}
}

TARGET static bool below(const void *a, size_t n, uint64_t q)
{
	const unsigned char *p = a;
	__m512i most = each(0);

	for (size_t i = 0; i < n; i += 8)
		most = _mm512_max_epu64(most, _mm512_loadu_si512(p + i * sizeof(uint64_t)));
	return _mm512_reduce_max_epu64(most) < q;
}

/* Barrett for two variables: the product without its low bits - 2 bits times 2^(bits + 62) / q; at most one q too much. */
struct barrett {
	__m512i q, inverse;
	__m128i left, right;
};

FAST struct barrett barrett_of(const struct he_mod *m)
{
	unsigned __int128 r = (unsigned __int128)m->r_hi << 64 | m->r_lo;

	return (struct barrett){ each(m->q), each((uint64_t)(r >> (66 - m->bits))), _mm_cvtsi64_si128(66 - (int)m->bits),
		                 _mm_cvtsi64_si128((int)m->bits - 2) };
}

FAST __m512i product(__m512i a, __m512i b, struct barrett k)
{
	__m512i low = _mm512_mullo_epi64(a, b);
	__m512i x = _mm512_or_si512(_mm512_sll_epi64(high(a, b), k.left), _mm512_srl_epi64(low, k.right));

	return drop(_mm512_sub_epi64(low, _mm512_mullo_epi64(high(x, k.inverse), k.q)), k.q);
}

TARGET static void mul(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t n, const struct he_mod *m)
{
	struct barrett k = barrett_of(m);

	for (size_t i = 0; i < n; i += 8)
		give(r + i, product(take(a + i), take(b + i), k));
}

TARGET static void muladd(uint64_t *r, const uint64_t *a, const uint64_t *b, const uint64_t *c, size_t n, const struct he_mod *m)
{
	struct barrett k = barrett_of(m);

	for (size_t i = 0; i < n; i += 8)
		give(r + i, drop(_mm512_add_epi64(take(c + i), product(take(a + i), take(b + i), k)), k.q));
}

TARGET static void dot(uint64_t *r, const uint64_t *const *a, const uint64_t *const *b, unsigned k, size_t n,
                       const struct he_mod *m)
{
	struct barrett f = barrett_of(m);

	for (size_t i = 0; i < n; i += 8) {
		__m512i sum = product(take(a[0] + i), take(b[0] + i), f);

		for (unsigned j = 1; j < k; j++)
			sum = drop(_mm512_add_epi64(sum, product(take(a[j] + i), take(b[j] + i), f)), f.q);
		give(r + i, sum);
	}
}

TARGET static void dot_const(uint64_t *r, const uint64_t *const *a, const struct he_const *c, unsigned k, size_t n,
                             const struct he_mod *m, bool narrow)
{
	__m512i q = each(m->q);

	(void)narrow;
	for (size_t i = 0; i < n; i += 8) {
		__m512i sum = by_const(take(a[0] + i), each(c[0].w), each(c[0].quot), q);

		for (unsigned j = 1; j < k; j++)
			sum = drop(_mm512_add_epi64(sum, by_const(take(a[j] + i), each(c[j].w), each(c[j].quot), q)), q);
		give(r + i, sum);
	}
}

TARGET static void estimate(uint64_t *r, const uint64_t *const *a, const double *q, unsigned k, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		__m512d sum = _mm512_setzero_pd();

		for (unsigned j = 0; j < k; j++)
			sum = _mm512_add_pd(sum, _mm512_div_pd(_mm512_cvtepi64_pd(take(a[j] + i)), _mm512_set1_pd(q[j])));
		give(r + i, _mm512_cvttpd_epi64(_mm512_add_pd(sum, _mm512_set1_pd(0.5))));
	}
}

const struct he_kernels he_kern_avx512 = { HE_AVX512,  add,          sub, neg,       mul,    muladd,
	                                   mul_const, muladd_const, dot, dot_const, reduce, below, estimate };

#undef TARGET
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx512ifma")))

/* The same in 52-bit words: a * 2^(52 - bits) times 2b has floor(a * b / 2^(bits - 1)) as its high word. */
struct barrett52 {
	__m512i q, minus_q, inverse;
	__m128i left;
};

FAST struct barrett52 barrett52_of(const struct he_mod *m)
{
	unsigned __int128 r = (unsigned __int128)m->r_hi << 64 | m->r_lo;

	return (struct barrett52){ each(m->q), each(-m->q), each((uint64_t)(r >> (77 - m->bits))),
		                   _mm_cvtsi64_si128(52 - (int)m->bits) };
}

FAST __m512i product52(__m512i a, __m512i b, struct barrett52 k)
{
	const __m512i zero = _mm512_setzero_si512();
	__m512i x = _mm512_madd52hi_epu64(zero, _mm512_sll_epi64(a, k.left), _mm512_add_epi64(b, b));
	__m512i quot = _mm512_madd52hi_epu64(zero, x, k.inverse), low = _mm512_madd52lo_epu64(zero, a, b);
	__m512i r = _mm512_and_si512(_mm512_madd52lo_epu64(low, quot, k.minus_q), each((1ULL << 52) - 1));

	return drop(drop(r, _mm512_add_epi64(k.q, k.q)), k.q);
}

TARGET static void mul52(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t n, const struct he_mod *m)
{
	struct barrett52 k;

	if (m->bits > 50) {
		mul(r, a, b, n, m);
		return;
	}
	k = barrett52_of(m);
	for (size_t i = 0; i < n; i += 8)
		give(r + i, product52(take(a + i), take(b + i), k));
}

TARGET static void muladd52(uint64_t *r, const uint64_t *a, const uint64_t *b, const uint64_t *c, size_t n, const struct he_mod *m)
{
	struct barrett52 k;

	if (m->bits > 50) {
		muladd(r, a, b, c, n, m);
		return;
	}
	k = barrett52_of(m);
	for (size_t i = 0; i < n; i += 8)
		give(r + i, drop(_mm512_add_epi64(take(c + i), product52(take(a + i), take(b + i), k)), k.q));
}

/* A sum of products below 2^100, in two words of 52 bits that are not carried; eight terms stay below 2^51 and 2^55. */
struct sum52 {
	__m512i low, high;
};
struct fold52 {
	__m512i q, minus_q, shift, shift_q, one_q;
};

FAST struct fold52 fold52_of(const struct he_mod *m)
{
	struct he_const shift = he_const_make(he_reduce64(1ULL << 52, m), m->q), one = he_const_make(1, m->q);

	return (struct fold52){ each(m->q), each(-m->q), each(shift.w), each(shift.quot >> 12), each(one.quot >> 12) };
}

FAST struct sum52 gather(struct sum52 s, __m512i a, __m512i b)
{
	return (struct sum52){ _mm512_madd52lo_epu64(s.low, a, b), _mm512_madd52hi_epu64(s.high, a, b) };
}

/* Fully reduced: high * 2^52 + low, each by Shoup. */
FAST __m512i fold(struct sum52 s, struct fold52 k)
{
	const __m512i zero = _mm512_setzero_si512(), mask = each((1ULL << 52) - 1);
	__m512i high = _mm512_add_epi64(s.high, _mm512_srli_epi64(s.low, 52)), low = _mm512_and_si512(s.low, mask);
	__m512i quot = _mm512_madd52hi_epu64(zero, high, k.shift_q), r = _mm512_madd52lo_epu64(zero, high, k.shift);

	r = _mm512_and_si512(_mm512_madd52lo_epu64(r, quot, k.minus_q), mask);
	quot = _mm512_madd52hi_epu64(zero, low, k.one_q);
	low = _mm512_and_si512(_mm512_madd52lo_epu64(low, quot, k.minus_q), mask);
	r = _mm512_add_epi64(drop(r, k.q), drop(low, k.q));
	return drop(r, k.q);
}

TARGET static void dot52(uint64_t *r, const uint64_t *const *a, const uint64_t *const *b, unsigned k, size_t n,
                         const struct he_mod *m)
{
	struct fold52 f;

	if (m->bits > 50) {
		dot(r, a, b, k, n, m);
		return;
	}
	f = fold52_of(m);
	for (size_t i = 0; i < n; i += 8) {
		__m512i all = _mm512_setzero_si512();

		for (unsigned from = 0; from < k; from += 8) {
			struct sum52 s = { _mm512_setzero_si512(), _mm512_setzero_si512() };

			for (unsigned j = from; j < k && j < from + 8; j++)
				s = gather(s, take(a[j] + i), take(b[j] + i));
			all = drop(_mm512_add_epi64(all, fold(s, f)), f.q);
		}
		give(r + i, all);
	}
}

TARGET static void dot_const52(uint64_t *r, const uint64_t *const *a, const struct he_const *c, unsigned k, size_t n,
                               const struct he_mod *m, bool narrow)
{
	struct fold52 f;

	if (m->bits > 50 || !narrow) {
		dot_const(r, a, c, k, n, m, narrow);
		return;
	}
	f = fold52_of(m);
	for (size_t i = 0; i < n; i += 8) {
		__m512i all = _mm512_setzero_si512();

		for (unsigned from = 0; from < k; from += 8) {
			struct sum52 s = { _mm512_setzero_si512(), _mm512_setzero_si512() };

			for (unsigned j = from; j < k && j < from + 8; j++)
				s = gather(s, take(a[j] + i), each(c[j].w));
			all = drop(_mm512_add_epi64(all, fold(s, f)), f.q);
		}
		give(r + i, all);
	}
}

const struct he_kernels he_kern_ifma = { HE_IFMA,   add,          sub,   neg,         mul52,  muladd52,
	                                 mul_const, muladd_const, dot52, dot_const52, reduce, below, estimate };
#endif
