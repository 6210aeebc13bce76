/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transform in doubles, four lanes: primes of up to 49 bits.  One of two stages centres its sums, so that all values
 * stay below 4q, within 51 bits, where the products' quotients are right to one.
 */
#include "he/ntt_priv.h"

#if defined(__x86_64__)
#include "he/vec4d.h"

struct wide {
	__m256d q, over;
};

FAST struct wide wide_of(uint64_t q)
{
	return (struct wide){ _mm256_set1_pd((double)q), _mm256_set1_pd(1.0 / (double)q) };
}

FAST __m256d take(const uint64_t *a) { return _mm256_castsi256_pd(take_words(a)); }
FAST void give(uint64_t *a, __m256d v) { give_words(a, _mm256_castpd_si256(v)); }
FAST __m256d each(const uint64_t *w) { return _mm256_castsi256_pd(each_word(*w)); }
FAST __m256d enter(const uint64_t *a, bool raw) { return raw ? to_doubles(take_words(a)) : take(a); }

FAST void butterfly(__m256d *x, __m256d *y, __m256d w, __m256d wq, struct wide k, bool centred)
{
	__m256d u = centred ? centre(*x, k.q, k.over) : *x, v = mul_mod(*y, w, wq, k.q);

	*x = _mm256_add_pd(u, v);
	*y = _mm256_sub_pd(u, v);
}

FAST void back(__m256d *x, __m256d *y, __m256d w, __m256d wq, struct wide k, bool centred)
{
	__m256d s = _mm256_add_pd(*x, *y), d = _mm256_sub_pd(*x, *y);

	*x = centred ? centre(s, k.q, k.over) : s;
	*y = mul_mod(d, w, wq, k.q);
}

FAST __m256d two_of(const uint64_t *w)
{
	__m128i v = _mm_load_si128((const __m128i *)(const void *)w);

	return _mm256_permute4x64_pd(_mm256_castsi256_pd(_mm256_castsi128_si256(v)), 0x50);
}

/* Gaps 2 and 1 of eight words, and the way back to words. */
FAST void last_two(uint64_t *a, const uint64_t *w, const uint64_t *wq, size_t n, size_t g, struct wide k)
{
	__m256d a0 = take(a), a1 = take(a + 4), x, y, x2, y2;

	x = _mm256_permute2f128_pd(a0, a1, 0x20);
	y = _mm256_permute2f128_pd(a0, a1, 0x31);
	butterfly(&x, &y, two_of(w + n / 4 + 2 * g), two_of(wq + n / 4 + 2 * g), k, true);
	x2 = _mm256_unpacklo_pd(x, y);
	y2 = _mm256_unpackhi_pd(x, y);
	butterfly(&x2, &y2, take(w + n / 2 + 4 * g), take(wq + n / 2 + 4 * g), k, false);
	x2 = lift(centre(x2, k.q, k.over), k.q);
	y2 = lift(centre(y2, k.q, k.over), k.q);
	x = _mm256_unpacklo_pd(x2, y2);
	y = _mm256_unpackhi_pd(x2, y2);
	give_words(a, to_words(_mm256_permute2f128_pd(x, y, 0x20)));
	give_words(a + 4, to_words(_mm256_permute2f128_pd(x, y, 0x31)));
}

FAST void first_two(uint64_t *a, const uint64_t *w, const uint64_t *wq, size_t n, size_t g, struct wide k)
{
	__m256d a0 = enter(a, true), a1 = enter(a + 4, true), x, y, x2, y2;

	x = _mm256_permute2f128_pd(a0, a1, 0x20);
	y = _mm256_permute2f128_pd(a0, a1, 0x31);
	x2 = _mm256_unpacklo_pd(x, y);
	y2 = _mm256_unpackhi_pd(x, y);
	back(&x2, &y2, take(w + n / 2 + 4 * g), take(wq + n / 2 + 4 * g), k, false);
	x = _mm256_unpacklo_pd(x2, y2);
	y = _mm256_unpackhi_pd(x2, y2);
	back(&x, &y, two_of(w + n / 4 + 2 * g), two_of(wq + n / 4 + 2 * g), k, true);
	give(a, _mm256_permute2f128_pd(x, y, 0x20));
	give(a + 4, _mm256_permute2f128_pd(x, y, 0x31));
}

FAST void two_stages(uint64_t *a, const struct ntt_tables *tab, size_t m, size_t gap, struct wide k, bool raw)
{
	for (size_t i = 0; i < m; i++, a += 4 * gap) {
		__m256d w1 = each(tab->w + m + i), q1 = each(tab->wq + m + i);
		__m256d w2 = each(tab->w + 2 * (m + i)), q2 = each(tab->wq + 2 * (m + i));
		__m256d w3 = each(tab->w + 2 * (m + i) + 1), q3 = each(tab->wq + 2 * (m + i) + 1);

		for (size_t j = 0; j < gap; j += 4) {
			uint64_t *p = a + j;
			__m256d x0 = enter(p, raw), x1 = enter(p + gap, raw), x2 = enter(p + 2 * gap, raw);
			__m256d x3 = enter(p + 3 * gap, raw);

			butterfly(&x0, &x2, w1, q1, k, true);
			butterfly(&x1, &x3, w1, q1, k, true);
			butterfly(&x0, &x1, w2, q2, k, false);
			butterfly(&x2, &x3, w3, q3, k, false);
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
		__m256d w1 = each(tab->iw + m + i), q1 = each(tab->iwq + m + i);
		__m256d w2 = each(tab->iw + 2 * (m + i)), q2 = each(tab->iwq + 2 * (m + i));
		__m256d w3 = each(tab->iw + 2 * (m + i) + 1), q3 = each(tab->iwq + 2 * (m + i) + 1);

		for (size_t j = 0; j < gap; j += 4) {
			uint64_t *p = a + j;
			__m256d x0 = take(p), x1 = take(p + gap), x2 = take(p + 2 * gap), x3 = take(p + 3 * gap);

			back(&x0, &x1, w2, q2, k, false);
			back(&x2, &x3, w3, q3, k, false);
			back(&x0, &x2, w1, q1, k, true);
			back(&x1, &x3, w1, q1, k, true);
			give(p, x0);
			give(p + gap, x1);
			give(p + 2 * gap, x2);
			give(p + 3 * gap, x3);
		}
	}
}

/* The last butterfly of the inverse divides by n. */
FAST void back_by_n(__m256d *x, __m256d *y, const struct ntt_tables *tab, struct wide k)
{
	__m256d s = mul_mod(_mm256_add_pd(*x, *y), each(&tab->n_inv), each(&tab->n_inv_q), k.q);
	__m256d d = mul_mod(_mm256_sub_pd(*x, *y), each(&tab->last), each(&tab->last_q), k.q);

	*x = lift(centre(s, k.q, k.over), k.q);
	*y = lift(centre(d, k.q, k.over), k.q);
}

FAST void two_back_by_n(uint64_t *a, const struct ntt_tables *tab, size_t gap, struct wide k)
{
	__m256d w2 = each(tab->iw + 2), q2 = each(tab->iwq + 2), w3 = each(tab->iw + 3), q3 = each(tab->iwq + 3);

	for (size_t j = 0; j < gap; j += 4) {
		uint64_t *p = a + j;
		__m256d x0 = take(p), x1 = take(p + gap), x2 = take(p + 2 * gap), x3 = take(p + 3 * gap);

		back(&x0, &x1, w2, q2, k, false);
		back(&x2, &x3, w3, q3, k, false);
		back_by_n(&x0, &x2, tab, k);
		back_by_n(&x1, &x3, tab, k);
		give_words(p, to_words(x0));
		give_words(p + gap, to_words(x1));
		give_words(p + 2 * gap, to_words(x2));
		give_words(p + 3 * gap, to_words(x3));
	}
}

TARGET void ntt_avx2_forward(const struct he_ntt *t, uint64_t *a)
{
	const struct ntt_tables *tab = t->tables;
	struct wide k = wide_of(t->mod.q);
	size_t n = (size_t)1 << t->log_n, m = 2, gap, i;

	if (t->log_n & 1) {
		for (i = 0; i < n / 2; i += 4) {
			__m256d x = enter(a + i, true), y = enter(a + i + n / 2, true);

			butterfly(&x, &y, each(tab->w + 1), each(tab->wq + 1), k, true);
			give(a + i, x);
			give(a + i + n / 2, y);
		}
	} else {
		two_stages(a, tab, 1, n / 4, k, true);
		m = 4;
	}
	for (gap = n / (4 * m); gap >= 4; gap /= 4, m *= 4)
		two_stages(a, tab, m, gap, k, false);
	for (i = 0; i < n / 8; i++)
		last_two(a + 8 * i, tab->w, tab->wq, n, i, k);
}

TARGET void ntt_avx2_inverse(const struct he_ntt *t, uint64_t *a)
{
	const struct ntt_tables *tab = t->tables;
	struct wide k = wide_of(t->mod.q);
	size_t n = (size_t)1 << t->log_n, gap = 4, i, j;

	for (i = 0; i < n / 8; i++)
		first_two(a + 8 * i, tab->iw, tab->iwq, n, i, k);
	if (t->log_n & 1) {
		for (i = 0; i < n / 8; i++) {
			__m256d x = take(a + 8 * i), y = take(a + 8 * i + 4);

			back(&x, &y, each(tab->iw + n / 8 + i), each(tab->iwq + n / 8 + i), k, true);
			give(a + 8 * i, x);
			give(a + 8 * i + 4, y);
		}
		gap = 8;
	}
	for (j = n / (4 * gap); j > 1; j /= 4, gap *= 4)
		two_back(a, tab, j, gap, k);
	two_back_by_n(a, tab, gap, k);
}
#endif
