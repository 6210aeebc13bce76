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

/* c0 + c1 s + c2 s^2 + ..., in coefficient form but for CKKS.  x has room for primes + 1 residues. */
static void phase(const struct he_ct *a, const struct he_sk *sk, uint64_t *x)
{
	const struct he_ctx *c = a->ctx;
	uint64_t *tmp = x + a->primes * c->n;

	for (unsigned j = 0; j < a->primes; j++) {
		uint64_t *to = x + j * c->n;
		const struct he_mod *m = c->mods[j];

		/* Horner, from the last polynomial down. */
		memset(to, 0, c->n * sizeof(*to));
		for (unsigned i = a->size; i-- > 1;) {
			const uint64_t *from = a->w + (i * a->primes + j) * c->n;

			memcpy(tmp, from, c->n * sizeof(*tmp));
			if (!a->ntt)
				he_ntt_forward(&c->ntt[j], tmp);
			c->kern->add(to, to, tmp, c->n, m);
			c->kern->mul(to, to, sk->w + j * c->n, c->n, m);
		}
		if (!a->ntt)
			he_ntt_inverse(&c->ntt[j], to);
		c->kern->add(to, to, a->w + j * c->n, c->n, m);
		if (c->p.scheme == HE_BGV)
			he_ntt_inverse(&c->ntt[j], to);
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

/* What both ways to the plaintext modulus need: x_j times a factor over Q / q_j, then summed up modulo t (and gamma). */
struct basis {
	struct he_const in[HE_MAX_PRIMES];
	uint64_t in_t[HE_MAX_PRIMES], in_g[HE_MAX_PRIMES];
	double part[HE_MAX_PRIMES]; /* 1 / q_j */
	struct he_mod g;
};

static void basis_of(const struct he_ctx *c, unsigned primes, bool with_gamma, struct basis *b)
{
	he_mod_init(&b->g, c->gamma ? c->gamma : 3);
	for (unsigned j = 0; j < primes; j++) {
		const struct he_mod *m = c->mods[j];
		uint64_t f = he_inv(product_but(c, primes, j, m), m);

		if (with_gamma)
			f = he_mul(f, he_mul(he_reduce64(c->gamma, m), he_reduce64(c->p.t, m), m), m);
		b->in[j] = he_const_make(f, m->q);
		b->in_t[j] = product_but(c, primes, j, &c->t);
		b->in_g[j] = product_but(c, primes, j, &b->g);
		b->part[j] = 1.0 / (double)m->q;
	}
}

/* BFV: round(t x / Q) modulo t; the error of the conversion is seen modulo gamma. */
static void round_to_t(const struct he_ctx *c, unsigned primes, const uint64_t *x, uint64_t *to)
{
	struct basis b;
	uint64_t t = c->p.t, out_t, out_g, g_inv;

	basis_of(c, primes, true, &b);
	out_t = he_neg(he_inv_any(product_but(c, primes, primes, &c->t), t), t);
	out_g = he_neg(he_inv(product_but(c, primes, primes, &b.g), &b.g), b.g.q);
	g_inv = he_inv_any(he_reduce64(b.g.q, &c->t), t);
	for (size_t i = 0; i < c->n; i++) {
		uint64_t yt = 0, yg = 0, far, v;

		for (unsigned j = 0; j < primes; j++) {
			v = he_mul_const(x[j * c->n + i], b.in[j], c->p.q[j]);
			yt = he_add(yt, he_mul(he_reduce64(v, &c->t), b.in_t[j], &c->t), t);
			yg = he_add(yg, he_mul(v, b.in_g[j], &b.g), b.g.q);
		}
		yt = he_mul(yt, out_t, &c->t);
		yg = he_mul(yg, out_g, &b.g);
		far = -(uint64_t)(yg > b.g.q / 2);
		v = he_reduce64((yg & ~far) | ((b.g.q - yg) & far), &c->t);
		v = he_add(yt, (v & far) | (he_neg(v, t) & ~far), t);
		to[i] = he_mul(v, g_inv, &c->t);
	}
}

/* BGV: the value of (-Q/2, Q/2) modulo t, divided by the correction factor. */
static void exact_to_t(const struct he_ctx *c, unsigned primes, uint64_t correction, const uint64_t *x, uint64_t *to)
{
	uint64_t t = c->p.t, whole = product_but(c, primes, primes, &c->t), fix = he_inv_any(correction, t);
	struct basis b;

	basis_of(c, primes, false, &b);
	for (size_t i = 0; i < c->n; i++) {
		double over = 0.5;
		uint64_t sum = 0;

		for (unsigned j = 0; j < primes; j++) {
			uint64_t v = he_mul_const(x[j * c->n + i], b.in[j], c->p.q[j]);

			sum = he_add(sum, he_mul(he_reduce64(v, &c->t), b.in_t[j], &c->t), t);
			over += (double)(int64_t)v * b.part[j];
		}
		sum = he_sub(sum, he_mul(he_reduce64((uint64_t)(int64_t)over, &c->t), whole, &c->t), t);
		to[i] = he_mul(sum, fix, &c->t);
	}
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
	size_t words = (a->primes + 1) * c->n, cap = 0;
	bool is_ckks = c->p.scheme == HE_CKKS;
	uint64_t *x = NULL;
	int err;

	r->count = 0;
	if ((err = check(a, sk, w)) != 0)
		return err;
	if (he_words_reserve(&x, &cap, words) != 0 ||
	    he_words_reserve(&r->w, &r->cap, is_ckks ? a->primes * c->n : c->n) != 0) {
		free(x);
		return he_fail(w, E_NOMEM, "out of memory");
	}
	phase(a, sk, x);
	r->ctx = c;
	r->primes = is_ckks ? a->primes : 0;
	r->scale = a->scale;
	if (is_ckks) {
		r->count = a->primes * c->n;
		memcpy(r->w, x, r->count * sizeof(*x));
	} else {
		if (c->p.scheme == HE_BFV)
			round_to_t(c, a->primes, x, r->w);
		else
			exact_to_t(c, a->primes, a->correction, x, r->w);
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
	unsigned whole = he_product_bits(&c->p, a->primes), noise;
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
	phase(a, sk, x);
	for (unsigned j = 0; c->p.scheme == HE_BFV && j < a->primes; j++)
		c->kern->mul_const(x + j * c->n, x + j * c->n, he_const_make(he_reduce64(c->p.t, c->mods[j]), c->p.q[j]), c->n,
		                   c->mods[j]);
	for (size_t i = 0; i < c->n; i++)
		he_crt_gather(crt, x + i, c->n);
	noise = he_crt_gathered_bits(crt);
	*bits = whole > noise + 1 ? whole - noise - 1 : 0;
	he_crt_free(crt);
	explicit_bzero(x, words * sizeof(*x));
	free(x);
	return 0;
}
