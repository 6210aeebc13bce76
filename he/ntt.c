/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the transforms in all forms, and which transform it is. */
#include "he/ntt.h"

#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "he/ntt_priv.h"

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

#if defined(__x86_64__)
static void forward_then_mul(const struct he_ntt *t, uint64_t *a, const uint64_t *b)
{
	t->forward(t, a);
	t->kern->mul(a, a, b, (size_t)1 << t->log_n, &t->mod);
}
#endif

/* The kernels' own form where the prime and n allow it. */
static enum form choose(struct he_ntt *t)
{
	t->forward = ntt_scalar_forward;
	t->inverse = ntt_scalar_inverse;
	t->forward_mul = ntt_scalar_forward_mul;
#if defined(__x86_64__)
	if (t->kern->isa != HE_SCALAR)
		t->forward_mul = forward_then_mul;
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
