/* SPDX-License-Identifier: Apache-2.0 */
/* Decryption and noise budget.  Constant time in key and message, but for the length of a trimmed plaintext, which is public. */
#include <stdlib.h>
#include <string.h>

#include "he/secret.h"

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "he/crt.h"
#include "he/he_priv.h"

static int check(const struct he_ct *a, const struct he_sk *sk, struct he_why *w)
{
	if (a->ctx != sk->ctx || a->size < 2 || sk->w == NULL)
		return he_fail(w, E_RANGE, "ciphertext or secret key is empty or of other parameters");
	if (a->ntt != he_scheme_is_ntt(a->ctx->p.scheme))
		return he_fail(w, E_RANGE, "the ciphertext is not in the form of its scheme; transform it");
	return 0;
}

/*
 * c0 + c1 s + c2 s^2 + ..., in coefficient form but for CKKS.  By Horner's rule, from the last polynomial down.  tmp has room for one
 * residue, and is not used when there are two polynomials.
 */
static void phase(const struct he_ct *a, const struct he_sk *sk, uint64_t *x, uint64_t *tmp)
{
	const struct he_ctx *c = a->ctx;

	size_t n = c->n;

	for (unsigned j = 0; j < a->primes; j++) {
		const uint64_t *s = sk->w + j * n, *from = a->w + ((a->size - 1) * a->primes + j) * n;
		uint64_t *to = x + j * n;

		if (a->ntt) {
			for (unsigned i = a->size - 1; i-- > 0; from = to)
				c->kern->muladd(to, from, s, a->w + (i * a->primes + j) * n, n, c->mods[j]);
			if (c->p.scheme == HE_BGV)
				he_ntt_inverse(&c->ntt[j], to);
			continue;
		}
		memcpy(to, from, n * sizeof(*to));
		he_ntt_forward_mul(&c->ntt[j], to, s);
		for (unsigned i = a->size - 1; i-- > 1;) {
			memcpy(tmp, a->w + (i * a->primes + j) * n, n * sizeof(*tmp));
			he_ntt_forward(&c->ntt[j], tmp);
			c->kern->add(to, to, tmp, n, c->mods[j]);
			c->kern->mul(to, to, s, n, c->mods[j]);
		}
		he_ntt_inverse(&c->ntt[j], to);
		c->kern->add(to, to, a->w + j * n, n, c->mods[j]);
	}
}

/* The product of the first primes but one (skip = primes: of all), modulo any m. */
static uint64_t product_but(const struct he_ctx *c, unsigned primes, unsigned skip, const struct he_mod *m)
{
	uint64_t v = 1 % m->q;

	for (unsigned i = 0; i < primes; i++)
		if (i != skip)
			v = he_mul(v, he_reduce64(c->p.q[i], m), m);
	return v;
}

/* Both ways to the plaintext modulus begin with x_j times a factor over Q / q_j; what follows are sums modulo t and gamma. */
struct basis {
	const uint64_t *at[HE_MAX_PRIMES];
	struct he_const to_t[HE_MAX_PRIMES], to_g[HE_MAX_PRIMES];
	struct he_mod g;
};

/* f_t, f_g: what the sums are multiplied with. */
static void basis_of(const struct he_ctx *c, unsigned primes, uint64_t f, uint64_t f_t, uint64_t f_g, uint64_t *x, struct basis *b)
{
	for (unsigned j = 0; j < primes; j++) {
		const struct he_mod *m = c->mods[j];
		uint64_t by = he_mul(he_inv(product_but(c, primes, j, m), m), f ? he_mul(he_reduce64(f, m), he_reduce64(c->p.t, m), m) : 1, m);

		b->at[j] = x + j * c->n;
		b->to_t[j] = he_const_make(he_mul(product_but(c, primes, j, &c->t), f_t, &c->t), c->p.t);
		b->to_g[j] = he_const_make(f ? he_mul(product_but(c, primes, j, &b->g), f_g, &b->g) : 0, b->g.q);
		c->kern->mul_const(x + j * c->n, x + j * c->n, he_const_make(by, m->q), c->n, m);
	}
}

/* BFV: round(t x / Q) modulo t; the error of the conversion is seen modulo gamma.  x is used up; y has room for a residue. */
static void round_to_t(const struct he_ctx *c, unsigned primes, uint64_t *x, uint64_t *y, uint64_t *to)
{
	uint64_t t = c->p.t, g = c->gamma, half = g / 2, g_inv, f_t, f_g;
	struct basis b;

	he_mod_init(&b.g, g);
	g_inv = he_inv_any(he_reduce64(g, &c->t), t);
	f_t = he_mul(he_neg(he_inv_any(product_but(c, primes, primes, &c->t), t), t), g_inv, &c->t);
	f_g = he_neg(he_inv(product_but(c, primes, primes, &b.g), &b.g), g);
	basis_of(c, primes, g, f_t, f_g, x, &b);
	c->kern->dot_const(to, b.at, b.to_t, primes, c->n, &c->t, c->narrow);
	c->kern->dot_const(y, b.at, b.to_g, primes, c->n, &b.g, false);
	/* to - y / gamma, y in (-gamma/2, gamma/2]. */
	for (size_t i = 0; i < c->n; i++) {
		uint64_t far = -(uint64_t)(y[i] > half);

		x[i] = far;
		y[i] = (y[i] & ~far) | ((g - y[i]) & far);
	}
	c->kern->reduce(y, y, c->n, &c->t);
	c->kern->mul_const(y, y, he_const_make(g_inv, t), c->n, &c->t);
	for (size_t i = 0; i < c->n; i++)
		to[i] = he_add(to[i], (y[i] & x[i]) | (he_neg(y[i], t) & ~x[i]), t);
}

/* BGV: the value of (-Q/2, Q/2) modulo t, divided by the correction factor.  x is used up; y has room for a residue. */
static void exact_to_t(const struct he_ctx *c, unsigned primes, uint64_t correction, uint64_t *x, uint64_t *y, uint64_t *to)
{
	uint64_t t = c->p.t, fix = he_inv_any(correction, t), whole = he_mul(product_but(c, primes, primes, &c->t), fix, &c->t);
	double whole_q[HE_MAX_PRIMES];
	struct basis b;

	he_mod_init(&b.g, 3);
	basis_of(c, primes, 0, fix, 0, x, &b);
	c->kern->dot_const(to, b.at, b.to_t, primes, c->n, &c->t, c->narrow);
	for (unsigned j = 0; j < primes; j++)
		whole_q[j] = (double)c->p.q[j];
	/* Divided and summed as SEAL does: next to half of Q the last bit decides. */
	c->kern->estimate(y, b.at, whole_q, primes, c->n);
	c->kern->reduce(y, y, c->n, &c->t);
	c->kern->mul_const(y, y, he_const_make(whole, t), c->n, &c->t);
	c->kern->sub(to, to, y, c->n, &c->t);
}

static size_t trimmed(const uint64_t *w, size_t n)
{
	size_t count = 1;

	for (size_t i = 1; i < n; i++) {
		size_t used = -(size_t)(w[i] != 0);

		count = ((i + 1) & used) | (count & ~used);
	}
	return count;
}

int he_decrypt(struct he_pt *r, const struct he_ct *a, const struct he_sk *sk, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;
	/* CKKS: all but one residue of scratch is in the plaintext itself. */
	bool is_ckks = c->p.scheme == HE_CKKS;
	size_t words = (is_ckks ? 1 : a->primes + 1) * c->n, cap = 0;
	uint64_t *x = NULL;
	int err;

	r->count = 0;
	if ((err = check(a, sk, w)) != 0)
		return err;
	if (he_words_reserve(&x, &cap, words) != 0 ||
	    he_pt_reserve(r, is_ckks ? a->primes * c->n : c->n) != 0) {
		free(x);
		return he_fail(w, E_NOMEM, "out of memory");
	}
	r->ctx = c;
	r->primes = is_ckks ? a->primes : 0;
	r->scale = a->scale;
	phase(a, sk, is_ckks ? r->w : x, x + words - c->n);
	if (is_ckks) {
		r->count = a->primes * c->n;
	} else {
		if (c->p.scheme == HE_BFV)
			round_to_t(c, a->primes, x, x + a->primes * c->n, r->w);
		else
			exact_to_t(c, a->primes, a->correction, x, x + a->primes * c->n, r->w);
		r->count = trimmed(r->w, c->n);
	}
	explicit_bzero(x, words * sizeof(*x));
	free(x);
	return 0;
}

int he_noise_budget(unsigned *bits, const struct he_ct *a, const struct he_sk *sk, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;
	size_t words = (a->primes + 1) * c->n, cap = 0;
	unsigned whole = he_product_bits(&c->p, a->primes), left;
	struct he_crt *crt = NULL;
	uint64_t *x = NULL;
	int err;

	if ((err = check(a, sk, w)) != 0)
		return err;
	if (c->p.scheme == HE_CKKS)
		return he_fail(w, E_UNSUPPORTED, "CKKS has no noise budget");
	if (he_words_reserve(&x, &cap, words) != 0 || (crt = he_crt_new(c, a->primes)) == NULL) {
		free(x);
		return he_fail(w, E_NOMEM, "out of memory");
	}
	phase(a, sk, x, x + a->primes * c->n);
	for (unsigned j = 0; c->p.scheme == HE_BFV && j < a->primes; j++)
		c->kern->mul_const(x + j * c->n, x + j * c->n, he_const_make(he_reduce64(c->p.t, c->mods[j]), c->p.q[j]), c->n,
		                   c->mods[j]);
	for (size_t i = 0; i < c->n; i++)
		he_crt_gather(crt, x + i, c->n);
	left = whole - he_crt_gathered_bits(crt) - 1;
	*bits = left & ~-(left >> 31);
	he_crt_free(crt);
	explicit_bzero(x, words * sizeof(*x));
	free(x);
	return 0;
}
