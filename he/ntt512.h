/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transform over eight lanes.  Not for inclusion but by ntt_ifma.c and ntt_avx512.c, which define NAME, TARGET and
 * ntt_mul(a, w, wq, q): a * w modulo q in [0, 2q), for a below 4q.
 */
#ifndef HE_NTT512_H
#define HE_NTT512_H

#include "he/ntt_priv.h"
#include "he/vec512.h"

/* The modulus in every lane, and its double. */
struct wide {
	__m512i q, q2;
};

FAST struct wide wide_of(uint64_t q)
{
	return (struct wide){ _mm512_set1_epi64((long long)q), _mm512_set1_epi64(2 * (long long)q) };
}

FAST void butterfly(__m512i *x, __m512i *y, __m512i w, __m512i wq, struct wide k)
{
	__m512i u = drop(*x, k.q2), v = ntt_mul(*y, w, wq, k.q);

	*x = _mm512_add_epi64(u, v);
	*y = _mm512_sub_epi64(_mm512_add_epi64(u, k.q2), v);
}

FAST void back(__m512i *x, __m512i *y, __m512i w, __m512i wq, struct wide k)
{
	__m512i u = *x, v = *y;

	*x = drop(_mm512_add_epi64(u, v), k.q2);
	*y = ntt_mul(_mm512_sub_epi64(_mm512_add_epi64(u, k.q2), v), w, wq, k.q);
}

#define QUADS_01_45 _mm512_set_epi64(13, 12, 5, 4, 9, 8, 1, 0)
#define QUADS_23_67 _mm512_set_epi64(15, 14, 7, 6, 11, 10, 3, 2)

/* Factors of the stages with gaps 4 and 2 for sixteen words: two of them four times, four of them twice. */
FAST __m512i two_of(const uint64_t *w)
{
	return _mm512_permutexvar_epi64(_mm512_set_epi64(1, 1, 1, 1, 0, 0, 0, 0),
	                                _mm512_castsi128_si512(_mm_load_si128((const __m128i *)(const void *)w)));
}
FAST __m512i four_of(const uint64_t *w)
{
	return _mm512_permutexvar_epi64(_mm512_set_epi64(3, 3, 2, 2, 1, 1, 0, 0),
	                                _mm512_castsi256_si512(_mm256_load_si256((const __m256i *)(const void *)w)));
}

/* Gaps 4, 2 and 1 of sixteen words in two registers, and the full reduction. */
FAST void last_three(uint64_t *a, const uint64_t *w, const uint64_t *wq, size_t n, size_t g, struct wide k)
{
	__m512i a0 = take(a), a1 = take(a + 8), x, y, x2, y2;

	x = _mm512_shuffle_i64x2(a0, a1, 0x44);
	y = _mm512_shuffle_i64x2(a0, a1, 0xee);
	butterfly(&x, &y, two_of(w + n / 8 + 2 * g), two_of(wq + n / 8 + 2 * g), k);
	x2 = _mm512_permutex2var_epi64(x, QUADS_01_45, y);
	y2 = _mm512_permutex2var_epi64(x, QUADS_23_67, y);
	butterfly(&x2, &y2, four_of(w + n / 4 + 4 * g), four_of(wq + n / 4 + 4 * g), k);
	x = _mm512_unpacklo_epi64(x2, y2);
	y = _mm512_unpackhi_epi64(x2, y2);
	butterfly(&x, &y, take(w + n / 2 + 8 * g), take(wq + n / 2 + 8 * g), k);
	x = drop(drop(x, k.q2), k.q);
	y = drop(drop(y, k.q2), k.q);
	give(a, _mm512_permutex2var_epi64(x, _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0), y));
	give(a + 8, _mm512_permutex2var_epi64(x, _mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4), y));
}

FAST void first_three(uint64_t *a, const uint64_t *w, const uint64_t *wq, size_t n, size_t g, struct wide k)
{
	__m512i a0 = take(a), a1 = take(a + 8), x, y, x2, y2;

	x = _mm512_permutex2var_epi64(a0, _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0), a1);
	y = _mm512_permutex2var_epi64(a0, _mm512_set_epi64(15, 13, 11, 9, 7, 5, 3, 1), a1);
	back(&x, &y, take(w + n / 2 + 8 * g), take(wq + n / 2 + 8 * g), k);
	x2 = _mm512_unpacklo_epi64(x, y);
	y2 = _mm512_unpackhi_epi64(x, y);
	back(&x2, &y2, four_of(w + n / 4 + 4 * g), four_of(wq + n / 4 + 4 * g), k);
	x = _mm512_permutex2var_epi64(x2, QUADS_01_45, y2);
	y = _mm512_permutex2var_epi64(x2, QUADS_23_67, y2);
	back(&x, &y, two_of(w + n / 8 + 2 * g), two_of(wq + n / 8 + 2 * g), k);
	give(a, _mm512_shuffle_i64x2(x, y, 0x44));
	give(a + 8, _mm512_shuffle_i64x2(x, y, 0xee));
}

/* Two stages in one pass over the memory: groups m and 2m, `gap` between the four words of a pair of butterflies. */
FAST void two_stages(uint64_t *a, const struct ntt_tables *tab, size_t m, size_t gap, struct wide k)
{
	for (size_t i = 0; i < m; i++, a += 4 * gap) {
		__m512i w1 = each(tab->w[m + i]), q1 = each(tab->wq[m + i]);
		__m512i w2 = each(tab->w[2 * (m + i)]), q2 = each(tab->wq[2 * (m + i)]);
		__m512i w3 = each(tab->w[2 * (m + i) + 1]), q3 = each(tab->wq[2 * (m + i) + 1]);

		for (size_t j = 0; j < gap; j += 8) {
			uint64_t *p = a + j;
			__m512i x0 = take(p), x1 = take(p + gap), x2 = take(p + 2 * gap), x3 = take(p + 3 * gap);

			butterfly(&x0, &x2, w1, q1, k);
			butterfly(&x1, &x3, w1, q1, k);
			butterfly(&x0, &x1, w2, q2, k);
			butterfly(&x2, &x3, w3, q3, k);
			give(p, x0);
			give(p + gap, x1);
			give(p + 2 * gap, x2);
			give(p + 3 * gap, x3);
		}
	}
}

FAST void two_back(uint64_t *a, const struct ntt_tables *tab, size_t m, size_t gap, struct wide k)
{
	for (size_t i = 0; i < m; i++, a += 4 * gap) {
		__m512i w1 = each(tab->iw[m + i]), q1 = each(tab->iwq[m + i]);
		__m512i w2 = each(tab->iw[2 * (m + i)]), q2 = each(tab->iwq[2 * (m + i)]);
		__m512i w3 = each(tab->iw[2 * (m + i) + 1]), q3 = each(tab->iwq[2 * (m + i) + 1]);

		for (size_t j = 0; j < gap; j += 8) {
			uint64_t *p = a + j;
			__m512i x0 = take(p), x1 = take(p + gap), x2 = take(p + 2 * gap), x3 = take(p + 3 * gap);

			back(&x0, &x1, w2, q2, k);
			back(&x2, &x3, w3, q3, k);
			back(&x0, &x2, w1, q1, k);
			back(&x1, &x3, w1, q1, k);
			give(p, x0);
			give(p + gap, x1);
			give(p + 2 * gap, x2);
			give(p + 3 * gap, x3);
		}
	}
}

/* The last butterfly of the inverse divides by n and reduces fully. */
FAST void back_by_n(__m512i *x, __m512i *y, const struct ntt_tables *tab, struct wide k)
{
	__m512i s = _mm512_add_epi64(*x, *y), d = _mm512_sub_epi64(_mm512_add_epi64(*x, k.q2), *y);

	*x = drop(ntt_mul(s, each(tab->n_inv), each(tab->n_inv_q), k.q), k.q);
	*y = drop(ntt_mul(d, each(tab->last), each(tab->last_q), k.q), k.q);
}

FAST void two_back_by_n(uint64_t *a, const struct ntt_tables *tab, size_t gap, struct wide k)
{
	__m512i w2 = each(tab->iw[2]), q2 = each(tab->iwq[2]), w3 = each(tab->iw[3]), q3 = each(tab->iwq[3]);

	for (size_t j = 0; j < gap; j += 8) {
		uint64_t *p = a + j;
		__m512i x0 = take(p), x1 = take(p + gap), x2 = take(p + 2 * gap), x3 = take(p + 3 * gap);

		back(&x0, &x1, w2, q2, k);
		back(&x2, &x3, w3, q3, k);
		back_by_n(&x0, &x2, tab, k);
		back_by_n(&x1, &x3, tab, k);
		give(p, x0);
		give(p + gap, x1);
		give(p + 2 * gap, x2);
		give(p + 3 * gap, x3);
	}
}

TARGET void NAME(forward)(const struct he_ntt *t, uint64_t *a)
{
	const struct ntt_tables *tab = t->tables;
	struct wide k = wide_of(t->mod.q);
	size_t n = (size_t)1 << t->log_n, m = 1, gap, i;

	if ((t->log_n & 1) == 0) {
		__m512i w = each(tab->w[1]), wq = each(tab->wq[1]);

		for (i = 0; i < n / 2; i += 8) {
			__m512i x = take(a + i), y = take(a + i + n / 2);

			butterfly(&x, &y, w, wq, k);
			give(a + i, x);
			give(a + i + n / 2, y);
		}
		m = 2;
	}
	for (gap = n / (4 * m); gap >= 8; gap /= 4, m *= 4)
		two_stages(a, tab, m, gap, k);
	for (i = 0; i < n / 16; i++)
		last_three(a + 16 * i, tab->w, tab->wq, n, i, k);
}

TARGET void NAME(inverse)(const struct he_ntt *t, uint64_t *a)
{
	const struct ntt_tables *tab = t->tables;
	struct wide k = wide_of(t->mod.q);
	size_t n = (size_t)1 << t->log_n, gap = 8, i, j;

	for (i = 0; i < n / 16; i++)
		first_three(a + 16 * i, tab->iw, tab->iwq, n, i, k);
	if ((t->log_n & 1) == 0) {
		for (i = 0; i < n / 16; i++) {
			__m512i w = each(tab->iw[n / 16 + i]), wq = each(tab->iwq[n / 16 + i]), x = take(a + 16 * i);
			__m512i y = take(a + 16 * i + 8);

			back(&x, &y, w, wq, k);
			give(a + 16 * i, x);
			give(a + 16 * i + 8, y);
		}
		gap = 16;
	}
	for (j = n / (4 * gap); j > 1; j /= 4, gap *= 4)
		two_back(a, tab, j, gap, k);
	two_back_by_n(a, tab, gap, k);
}

#endif
