/* SPDX-License-Identifier: Apache-2.0 */
/* Products of ciphertexts: pointwise in NTT form for CKKS and BGV, with BEHZ's exact rounding for BFV. */
#include <stdlib.h>
#include <string.h>

#include "he/he_priv.h"

#include "cse/base/check.h"
#include "cse/base/err.h"

/* r_k = sum of a_i b_(k-i), one residue each; strides in words between polynomials.  r is neither a nor b. */
static void tensor(const struct he_ctx *c, const struct he_mod *m, uint64_t *r, const uint64_t *a, unsigned na, const uint64_t *b,
                   unsigned nb, size_t stride)
{
	const uint64_t *x[HE_MAX_SIZE], *y[HE_MAX_SIZE];

	for (unsigned k = 0; k < na + nb - 1; k++) {
		unsigned terms = 0;

		for (unsigned i = 0; i < na; i++)
			if (k >= i && k - i < nb) {
				x[terms] = a + i * stride;
				y[terms++] = b + (k - i) * stride;
			}
		if (terms == 1)
			c->kern->mul(r + k * stride, x[0], y[0], c->n, m);
		else
			c->kern->dot(r + k * stride, x, y, terms, c->n, m);
	}
}

/* Steps 1 and 2: one polynomial of q residues (coefficient form) to B_sk at `to`; tmp has room for primes + 1 residues. */
static void extend(const struct he_ctx *c, const struct he_behz *b, unsigned primes, const uint64_t *from, uint64_t *to, uint64_t *tmp)
{
	const uint64_t *at[HE_MAX_PRIMES + 1];
	uint64_t *r = tmp + primes * c->n;
	size_t x;
	unsigned i, j;

	for (j = 0; j < primes; j++) {
		at[j] = tmp + j * c->n;
		c->kern->mul_const(tmp + j * c->n, from + j * c->n, b->pre[j], c->n, c->mods[j]);
	}
	at[primes] = r;
	for (x = 0; x < c->n; x++) {
		uint32_t low = 0;

		for (j = 0; j < primes; j++)
			low += (uint32_t)tmp[j * c->n + x] * b->q_low[j];
		r[x] = (uint32_t)(low * b->minus_inv);
	}
	for (i = 0; i <= b->n; i++) {
		uint64_t *o = to + i * c->n, q = b->mods[i]->q, wrap = b->wrap[i];

		c->kern->dot_const(o, at, b->up[i], primes + 1, c->n, b->mods[i], b->narrow);
		/* r is centred: 2^31 and above are negative. */
		for (x = 0; x < c->n; x++)
			o[x] = he_sub(o[x], wrap & -(r[x] >> 31), q);
	}
}

/* Steps 6 to 8: round(t y / Q); yq and yb are in coefficient form and are used up; the result goes to `to`. */
static void scale_down(const struct he_ctx *c, const struct he_behz *b, unsigned primes, uint64_t *yq, uint64_t *yb, uint64_t *to)
{
	const uint64_t *at[HE_MAX_PRIMES + HE_MAX_AUX];
	uint64_t half = b->mods[0]->q / 2;
	size_t n = c->n, x;
	unsigned i, j;

	for (j = 0; j < primes; j++) {
		at[j] = yq + j * n;
		c->kern->mul_const(yq + j * n, yq + j * n, b->t_inv[j], n, c->mods[j]);
	}
	for (i = 0; i <= b->n; i++) {
		at[primes] = yb + i * n;
		c->kern->dot_const(yb + i * n, at, b->down[i], primes + 1, n, b->mods[i], b->narrow);
	}
	/* yb[0], modulo m_sk, becomes alpha. */
	for (i = 0; i <= b->n; i++)
		at[i] = yb + i * n;
	c->kern->dot_const(yb, at, b->alpha, b->n + 1, n, b->mods[0], b->narrow);
	for (j = 0; j < primes; j++) {
		uint64_t *o = to + j * n, q = c->p.q[j], far = b->far[j];

		c->kern->dot_const(o, at, b->back[j], b->n + 1, n, c->mods[j], b->narrow);
		for (x = 0; x < n; x++)
			o[x] = he_add(o[x], far & -(uint64_t)(yb[x] > half), q);
	}
}

/* Both bases of one operand, in NTT form: `size` polynomials of primes (xq) and of n + 1 (xb) residues. */
static void prepare(const struct he_ct *a, const struct he_behz *b, uint64_t *xq, uint64_t *xb, uint64_t *tmp)
{
	const struct he_ctx *c = a->ctx;
	unsigned wide = b->n + 1, i, j;

	memcpy(xq, a->w, a->size * a->primes * c->n * sizeof(*xq));
	for (i = 0; i < a->size; i++) {
		extend(c, b, a->primes, a->w + i * a->primes * c->n, xb + i * wide * c->n, tmp);
		for (j = 0; j < a->primes; j++)
			he_ntt_forward(&c->ntt[j], xq + (i * a->primes + j) * c->n);
		for (j = 0; j < wide; j++)
			he_ntt_forward(&c->aux[j], xb + (i * wide + j) * c->n);
	}
}

/* a and b may be one: a square prepares its operand once. */
static int multiply_bfv(uint64_t *to, const struct he_ct *a, const struct he_ct *b, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;
	const struct he_behz *z = &c->behz[a->primes];
	unsigned primes = a->primes, wide = z->n + 1, size = a->size + b->size - 1, i, j;
	size_t one = (primes + wide) * c->n, cap = 0;
	uint64_t *all = NULL, *aq, *ab, *bq, *bb, *rq, *rb, *tmp;

	if (he_words_reserve(&all, &cap, (a->size + (a == b ? 0 : b->size) + size) * one + (primes + 1) * c->n) != 0)
		return he_fail(w, E_NOMEM, "out of memory");
	bq = aq = all;
	bb = ab = aq + a->size * primes * c->n;
	rq = ab + a->size * wide * c->n;
	if (a != b) {
		bq = rq;
		bb = bq + b->size * primes * c->n;
		rq = bb + b->size * wide * c->n;
	}
	rb = rq + size * primes * c->n;
	tmp = rb + size * wide * c->n;
	prepare(a, z, aq, ab, tmp);
	if (a != b)
		prepare(b, z, bq, bb, tmp);
	for (j = 0; j < primes; j++)
		tensor(c, c->mods[j], rq + j * c->n, aq + j * c->n, a->size, bq + j * c->n, b->size, primes * c->n);
	for (j = 0; j < wide; j++)
		tensor(c, z->mods[j], rb + j * c->n, ab + j * c->n, a->size, bb + j * c->n, b->size, wide * c->n);
	for (i = 0; i < size; i++) {
		for (j = 0; j < primes; j++)
			he_ntt_inverse(&c->ntt[j], rq + (i * primes + j) * c->n);
		for (j = 0; j < wide; j++)
			he_ntt_inverse(&c->aux[j], rb + (i * wide + j) * c->n);
		scale_down(c, z, primes, rq + i * primes * c->n, rb + i * wide * c->n, to + i * primes * c->n);
	}
	free(all);
	return 0;
}

static int check(const struct he_ct *a, const struct he_ct *b, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;

	if (c != b->ctx || a->size < 2 || b->size < 2)
		return he_fail(w, E_RANGE, "the ciphertexts are empty or of different parameters");
	if (a->primes != b->primes)
		return he_fail(w, E_RANGE, "levels differ (%u and %u primes); switch one down", a->primes, b->primes);
	if (a->ntt != he_scheme_is_ntt(c->p.scheme) || b->ntt != a->ntt)
		return he_fail(w, E_RANGE, "a ciphertext is not in the form of its scheme; transform it");
	if (a->size + b->size - 1 > HE_MAX_SIZE)
		return he_fail(w, E_LIMIT, "the product would have more than %d polynomials; relinearize", HE_MAX_SIZE);
	return c->p.scheme == HE_CKKS ? he_scale_check(c, a->scale * b->scale, a->primes, w) : 0;
}

int he_multiply(struct he_ct *r, const struct he_ct *a, const struct he_ct *b, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;
	struct he_ct like = *a;
	unsigned size = a->size + b->size - 1;
	uint64_t *to = NULL;
	size_t cap = 0;
	int err;

	if ((err = check(a, b, w)) != 0)
		return err;
	/* Always new words: the operands are read until the end. */
	if (he_words_reserve(&to, &cap, size * a->primes * c->n) != 0)
		return he_fail(w, E_NOMEM, "out of memory");
	if (c->p.scheme == HE_BFV) {
		if ((err = multiply_bfv(to, a, b, w)) != 0) {
			free(to);
			return err;
		}
	} else {
		for (unsigned j = 0; j < a->primes; j++)
			tensor(c, c->mods[j], to + j * c->n, a->w + j * c->n, a->size, b->w + j * c->n, b->size, a->primes * c->n);
	}
	if (c->p.scheme == HE_CKKS)
		like.scale = a->scale * b->scale;
	if (c->p.scheme == HE_BGV)
		like.correction = he_mul(a->correction, b->correction, &c->t);
	return he_result_end(r, &like, size, to, cap, w);
}

int he_square(struct he_ct *r, const struct he_ct *a, struct he_why *w)
{
	return he_multiply(r, a, a, w);
}
