/* SPDX-License-Identifier: Apache-2.0 */
/* The negacyclic transform in plain C (Harvey's lazy butterflies, Shoup's quotients), and the tables of all forms. */
#include "he/ntt.h"

#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "he/ntt_priv.h"

static inline void butterfly(uint64_t *x, uint64_t *y, struct he_const c, uint64_t q)
{
	uint64_t u = he_cond_sub(*x, 2 * q), v = he_mul_lazy(*y, c, q);

	*x = u + v;
	*y = u + 2 * q - v;
}

/* Two stages in one pass over the memory: m groups, then twice as many; `gap` between the four words. */
static void two_stages(uint64_t *a, const struct ntt_tables *tab, size_t m, size_t gap, uint64_t q)
{
	for (size_t i = 0; i < m; i++, a += 4 * gap) {
		struct he_const w1 = { tab->w[m + i], tab->wq[m + i] }, w2 = { tab->w[2 * (m + i)], tab->wq[2 * (m + i)] };
		struct he_const w3 = { tab->w[2 * (m + i) + 1], tab->wq[2 * (m + i) + 1] };

		for (size_t j = 0; j < gap; j++) {
			uint64_t x0 = a[j], x1 = a[j + gap], x2 = a[j + 2 * gap], x3 = a[j + 3 * gap];

			butterfly(&x0, &x2, w1, q);
			butterfly(&x1, &x3, w1, q);
			butterfly(&x0, &x1, w2, q);
			butterfly(&x2, &x3, w3, q);
			a[j] = x0;
			a[j + gap] = x1;
			a[j + 2 * gap] = x2;
			a[j + 3 * gap] = x3;
		}
	}
}

/* Values stay below 4q between the stages; one stage is alone when log n is odd. */
void ntt_scalar_forward(const struct he_ntt *t, uint64_t *a)
{
	const struct ntt_tables *tab = t->tables;
	uint64_t q = t->mod.q;
	size_t n = (size_t)1 << t->log_n, m = 1, i;

	if (t->log_n & 1) {
		struct he_const c = { tab->w[1], tab->wq[1] };

		for (i = 0; i < n / 2; i++)
			butterfly(&a[i], &a[i + n / 2], c, q);
		m = 2;
	}
	for (; m < n; m *= 4)
		two_stages(a, tab, m, n / (4 * m), q);
	for (i = 0; i < n; i++)
		a[i] = he_cond_sub(he_cond_sub(a[i], 2 * q), q);
}

static inline void back(uint64_t *x, uint64_t *y, struct he_const c, uint64_t q)
{
	uint64_t u = *x, v = *y;

	*x = he_cond_sub(u + v, 2 * q);
	*y = he_mul_lazy(u + 2 * q - v, c, q);
}

static inline struct he_const factor(const struct ntt_tables *tab, size_t i)
{
	return (struct he_const){ tab->iw[i], tab->iwq[i] };
}

/* Two stages in one pass over the memory: gaps `gap` and twice that, m groups after both. */
static void two_back(uint64_t *a, const struct ntt_tables *tab, size_t m, size_t gap, uint64_t q)
{
	for (size_t i = 0; i < m; i++, a += 4 * gap) {
		struct he_const w1 = factor(tab, m + i), w2 = factor(tab, 2 * (m + i)), w3 = factor(tab, 2 * (m + i) + 1);

		for (size_t j = 0; j < gap; j++) {
			uint64_t x0 = a[j], x1 = a[j + gap], x2 = a[j + 2 * gap], x3 = a[j + 3 * gap];

			back(&x0, &x1, w2, q);
			back(&x2, &x3, w3, q);
			back(&x0, &x2, w1, q);
			back(&x1, &x3, w1, q);
			a[j] = x0;
			a[j + gap] = x1;
			a[j + 2 * gap] = x2;
			a[j + 3 * gap] = x3;
		}
	}
}

/* Values stay below 2q between the stages; the last one divides by n. */
void ntt_scalar_inverse(const struct he_ntt *t, uint64_t *a)
{
	const struct ntt_tables *tab = t->tables;
	struct he_const by_n = { tab->n_inv, tab->n_inv_q }, last = { tab->last, tab->last_q };
	uint64_t q = t->mod.q, q2 = 2 * q;
	size_t n = (size_t)1 << t->log_n, gap = 1, j;

	/* But for the last one the stages go in pairs; one is left over when log n is even. */
	if ((t->log_n & 1) == 0) {
		for (j = 0; j < n / 2; j++)
			back(&a[2 * j], &a[2 * j + 1], factor(tab, n / 2 + j), q);
		gap = 2;
	}
	for (; gap < n / 2; gap *= 4)
		two_back(a, tab, n / (4 * gap), gap, q);
	for (j = 0; j < n / 2; j++) {
		uint64_t u = a[j], v = a[j + n / 2];

		a[j] = he_mul_const(u + v, by_n, q);
		a[j + n / 2] = he_mul_const(u + q2 - v, last, q);
	}
}

enum form { QUOT64, QUOT52, DOUBLES };

static uint64_t bits_of(double d)
{
	uint64_t u;

	memcpy(&u, &d, sizeof(u));
	return u;
}

static void put(uint64_t *w, uint64_t *wq, uint64_t v, uint64_t q, enum form form)
{
	*w = form == DOUBLES ? bits_of((double)v) : v;
	*wq = form == DOUBLES  ? bits_of((double)v / (double)q)
	      : form == QUOT52 ? he_const_make(v, q).quot >> 12
	                       : he_const_make(v, q).quot;
}

static size_t reverse(size_t i, unsigned bits)
{
	size_t r = 0;

	for (; bits; bits--, i >>= 1)
		r = r << 1 | (i & 1);
	return r;
}

static void fill(struct he_ntt *t, struct ntt_tables *tab, enum form form)
{
	const struct he_mod *m = &t->mod;
	uint64_t inverse = he_inv(t->root, m), p = 1, ip = 1, n_inv;
	size_t n = (size_t)1 << t->log_n, i;

	for (i = 0; i < n; i++) {
		size_t at = reverse(i, t->log_n);

		put(&tab->w[at], &tab->wq[at], p, m->q, form);
		put(&tab->iw[at], &tab->iwq[at], ip, m->q, form);
		p = he_mul(p, t->root, m);
		ip = he_mul(ip, inverse, m);
	}
	n_inv = he_inv(n, m);
	put(&tab->n_inv, &tab->n_inv_q, n_inv, m->q, form);
	/* iw[1] is the power n/2 of the inverse root. */
	put(&tab->last, &tab->last_q, he_mul(he_pow(inverse, n / 2, m), n_inv, m), m->q, form);
}

/* The kernels' own form where the prime and n allow it. */
static enum form choose(struct he_ntt *t)
{
	t->forward = ntt_scalar_forward;
	t->inverse = ntt_scalar_inverse;
#if defined(__x86_64__)
	if (t->log_n >= 5 && t->kern->isa == HE_IFMA && t->mod.bits <= 50) {
		t->forward = ntt_ifma_forward;
		t->inverse = ntt_ifma_inverse;
		return QUOT52;
	}
	if (t->log_n >= 5 && (t->kern->isa == HE_IFMA || t->kern->isa == HE_AVX512)) {
		t->forward = ntt_avx512_forward;
		t->inverse = ntt_avx512_inverse;
	} else if (t->log_n >= 5 && t->kern->isa == HE_AVX2 && t->mod.bits <= 49) {
		t->forward = ntt_avx2_forward;
		t->inverse = ntt_avx2_inverse;
		return DOUBLES;
	}
#endif
	return QUOT64;
}

int he_ntt_init(struct he_ntt *t, unsigned log_n, uint64_t q, const struct he_kernels *kern)
{
	size_t n = (size_t)1 << log_n, bytes = 4 * n * sizeof(uint64_t);
	struct ntt_tables *tab;
	struct he_ntt new = { .log_n = log_n, .kern = kern };

	REQUIRE(log_n >= 1 && log_n <= 17 && kern);
	if (q < 3 || q >> 61 || !he_is_prime(q))
		return E_RANGE;
	he_mod_init(&new.mod, q);
	new.root = he_minimal_root(2 * n, &new.mod);
	if (new.root == 0)
		return E_RANGE;
	tab = malloc(sizeof(*tab));
	if (tab == NULL || posix_memalign((void **)&tab->w, 64, bytes) != 0) {
		free(tab);
		return E_NOMEM;
	}
	tab->wq = tab->w + n;
	tab->iw = tab->wq + n;
	tab->iwq = tab->iw + n;
	new.tables = tab;
	fill(&new, tab, choose(&new));
	*t = new;
	return 0;
}

void he_ntt_fini(struct he_ntt *t)
{
	struct ntt_tables *tab = t->tables;

	if (tab)
		free(tab->w);
	free(tab);
	t->tables = NULL;
}
