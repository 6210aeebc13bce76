/* SPDX-License-Identifier: Apache-2.0 */
/* The negacyclic transform in plain C: Harvey's lazy butterflies with Shoup's quotients, two stages in one pass over the memory. */
#include "he/ntt_priv.h"

/*
 * Words that the first level of cache holds: what needs no others is transformed to the end before the next ones are.  Primes that leave
 * enough of the 64 bits free are `narrow`: values only grow from stage to stage, and are reduced once.
 */
enum { BLOCK = 4096, NARROW_FORWARD = 57, NARROW_PRODUCT = 55, NARROW_INVERSE = 64 };

#define ALWAYS static inline __attribute__((always_inline))

/* Narrow: 2q more than the operands.  Else values stay below 4q. */
ALWAYS void butterfly(uint64_t *x, uint64_t *y, struct he_const c, uint64_t q, bool narrow)
{
	uint64_t u = narrow ? *x : he_cond_sub(*x, 2 * q), v = he_mul_lazy(*y, c, q);

	*x = u + v;
	*y = u + 2 * q - v;
}

ALWAYS struct he_const root(const struct ntt_tables *tab, size_t i)
{
	return (struct he_const){ tab->w[i], tab->wq[i] };
}

ALWAYS uint64_t canonical(uint64_t v, const struct he_mod *m, bool narrow)
{
	return narrow ? he_reduce64(v, m) : he_cond_sub(he_cond_sub(v, 2 * m->q), m->q);
}

/* The last thing done to a word: less than 38q (4q, and 2q for each of up to 17 stages) before it.  b: its factor, or NULL. */
ALWAYS uint64_t finish(uint64_t v, const uint64_t *b, size_t i, const struct he_mod *m, bool narrow)
{
	return b ? he_reduce_product((unsigned __int128)v * b[i], m) : canonical(v, m, narrow);
}

/*
 * The groups i to `end` of one stage and their halves' of the next one; `gap` between the four words.  Nothing follows a gap of one but
 * the factors b.
 */
ALWAYS void two_stages(uint64_t *a, const uint64_t *b, const struct he_ntt *t, size_t i, size_t end, size_t gap, bool narrow)
{
	const struct ntt_tables *tab = t->tables;
	const struct he_mod mod = t->mod;
	uint64_t q = mod.q;

	for (; i < end; i++, a += 4 * gap, b += b ? 4 * gap : 0) {
		struct he_const w1 = root(tab, i), w2 = root(tab, 2 * i), w3 = root(tab, 2 * i + 1);

		for (size_t j = 0; j < gap; j++) {
			uint64_t x0 = a[j], x1 = a[j + gap], x2 = a[j + 2 * gap], x3 = a[j + 3 * gap];

			butterfly(&x0, &x2, w1, q, narrow);
			butterfly(&x1, &x3, w1, q, narrow);
			butterfly(&x0, &x1, w2, q, narrow);
			butterfly(&x2, &x3, w3, q, narrow);
			a[j] = gap == 1 ? finish(x0, b, 0, &mod, narrow) : x0;
			a[j + gap] = gap == 1 ? finish(x1, b, 1, &mod, narrow) : x1;
			a[j + 2 * gap] = gap == 1 ? finish(x2, b, 2, &mod, narrow) : x2;
			a[j + 3 * gap] = gap == 1 ? finish(x3, b, 3, &mod, narrow) : x3;
		}
	}
}

/* One stage is alone when log n is odd. */
ALWAYS void forward(const struct he_ntt *t, uint64_t *a, const uint64_t *b, bool narrow)
{
	size_t n = (size_t)1 << t->log_n, whole = 1, i, m;
	const struct he_const first = root(t->tables, 1);
	const struct he_mod mod = t->mod;

	if (t->log_n & 1) {
		for (i = 0; i < n / 2; i++)
			butterfly(&a[i], &a[i + n / 2], first, mod.q, narrow);
		whole = 2;
	}
	for (i = 0; i < n && n == 2; i++)
		a[i] = finish(a[i], b, i, &mod, narrow);
	for (; n / whole > BLOCK; whole *= 4)
		two_stages(a, NULL, t, whole, 2 * whole, n / (4 * whole), narrow);
	for (i = whole; i < 2 * whole && n > 2; i++, a += n / whole, b += b ? n / whole : 0) {
		for (m = 1; m * whole < n / 4; m *= 4)
			two_stages(a, NULL, t, i * m, (i + 1) * m, n / (4 * m * whole), narrow);
		two_stages(a, b, t, i * m, (i + 1) * m, 1, narrow);
	}
}

void ntt_scalar_forward(const struct he_ntt *t, uint64_t *a)
{
	if (t->mod.bits <= NARROW_FORWARD)
		forward(t, a, NULL, true);
	else
		forward(t, a, NULL, false);
}

void ntt_scalar_forward_mul(const struct he_ntt *t, uint64_t *a, const uint64_t *b)
{
	if (t->mod.bits <= NARROW_PRODUCT) {
		forward(t, a, b, true);
	} else {
		ntt_scalar_forward(t, a);
		t->kern->mul(a, a, b, (size_t)1 << t->log_n, &t->mod);
	}
}

ALWAYS struct he_const back_root(const struct ntt_tables *tab, size_t i)
{
	return (struct he_const){ tab->iw[i], tab->iwq[i] };
}

/* `most`: a multiple of q that no operand exceeds.  Narrow: twice as much after it.  Else values stay below 2q. */
ALWAYS void back(uint64_t *x, uint64_t *y, struct he_const c, uint64_t q, uint64_t most, bool narrow)
{
	uint64_t u = *x, v = *y;

	*x = narrow ? u + v : he_cond_sub(u + v, 2 * q);
	*y = he_mul_lazy(u + most - v, c, q);
}

/* The last stage divides by n: by[0] is 1 / n, by[1] the root over n. */
ALWAYS void back_last(uint64_t *x, uint64_t *y, const struct he_const by[2], uint64_t q, uint64_t most)
{
	uint64_t u = *x, v = *y;

	*x = he_mul_const(u + v, by[0], q);
	*y = he_mul_const(u + most - v, by[1], q);
}

/* Stages of the gaps `gap` and twice that; groups i to `end` after both. */
ALWAYS void two_back(uint64_t *a, const struct he_ntt *t, size_t i, size_t end, size_t gap, bool narrow)
{
	const struct ntt_tables *tab = t->tables;
	const struct he_const by[2] = { { tab->n_inv, tab->n_inv_q }, { tab->last, tab->last_q } };
	uint64_t q = t->mod.q, most = narrow ? gap * q : 2 * q, more = narrow ? 2 * most : most;

	for (; i < end; i++, a += 4 * gap) {
		struct he_const w1 = back_root(tab, i), w2 = back_root(tab, 2 * i), w3 = back_root(tab, 2 * i + 1);

		for (size_t j = 0; j < gap; j++) {
			uint64_t x0 = a[j], x1 = a[j + gap], x2 = a[j + 2 * gap], x3 = a[j + 3 * gap];

			back(&x0, &x1, w2, q, most, narrow);
			back(&x2, &x3, w3, q, most, narrow);
			if (i > 1) {
				back(&x0, &x2, w1, q, more, narrow);
				back(&x1, &x3, w1, q, more, narrow);
			} else {
				back_last(&x0, &x2, by, q, more);
				back_last(&x1, &x3, by, q, more);
			}
			a[j] = x0;
			a[j + gap] = x1;
			a[j + 2 * gap] = x2;
			a[j + 3 * gap] = x3;
		}
	}
}

ALWAYS void inverse(const struct he_ntt *t, uint64_t *a, bool narrow)
{
	const struct ntt_tables *tab = t->tables;
	const struct he_const by[2] = { { tab->n_inv, tab->n_inv_q }, { tab->last, tab->last_q } };
	size_t n = (size_t)1 << t->log_n, block = n < BLOCK ? n : BLOCK, gap = 1, i;
	uint64_t q = t->mod.q, most;

	/* An odd number of stages leaves the last one alone. */
	for (i = 0; i < n; i += block)
		for (gap = 1; 4 * gap <= block; gap *= 4) {
			size_t from = (n + i) / (4 * gap), end = (n + i + block) / (4 * gap);

			if (gap == 1)
				two_back(a + i, t, from, end, 1, narrow);
			else
				two_back(a + i, t, from, end, gap, narrow);
		}
	for (; 4 * gap <= n; gap *= 4)
		two_back(a, t, n / (4 * gap), n / (2 * gap), gap, narrow);
	most = narrow ? gap * q : 2 * q;
	for (i = 0; i < n / 2 && gap < n; i++)
		back_last(&a[i], &a[i + n / 2], by, q, most);
}

void ntt_scalar_inverse(const struct he_ntt *t, uint64_t *a)
{
	if (t->mod.bits + t->log_n <= NARROW_INVERSE)
		inverse(t, a, true);
	else
		inverse(t, a, false);
}
