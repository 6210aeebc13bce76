/* SPDX-License-Identifier: Apache-2.0 */
/* Products of ciphertexts: pointwise in NTT form for CKKS and BGV, with BEHZ's exact rounding for BFV. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "he/he_priv.h"

#include "cse/base/check.h"
#include "cse/base/err.h"

/* r_k = sum of a_i b_(k-i), one residue each; strides in words between polynomials.  r is neither a nor b. */
static void tensor(const struct he_ctx *c, const struct he_mod *m, uint64_t *r, const uint64_t *a, unsigned na, const uint64_t *b,
                   unsigned nb, size_t stride)
{
	for (unsigned k = 0; k < na + nb - 1; k++) {
		memset(r + k * stride, 0, c->n * sizeof(*r));
		for (unsigned i = 0; i < na; i++)
			if (k >= i && k - i < nb)
				c->kern->muladd(r + k * stride, a + i * stride, b + (k - i) * stride, c->n, m);
	}
}

/* Steps 1 and 2: one polynomial of q residues (coefficient form) to B_sk at `to`; tmp has room for primes + 1 residues. */
static void extend(const struct he_ctx *c, const struct he_behz *b, unsigned primes, const uint64_t *from, uint64_t *to, uint64_t *tmp)
{
	uint64_t *r = tmp + primes * c->n;
	size_t x;
	unsigned i, j;

	memset(r, 0, c->n * sizeof(*r));
	for (j = 0; j < primes; j++) {
		c->kern->mul_const(tmp + j * c->n, from + j * c->n, b->pre[j], c->n, c->mods[j]);
		for (x = 0; x < c->n; x++)
			r[x] += tmp[j * c->n + x] * b->q_low[j];
	}
	for (x = 0; x < c->n; x++)
		r[x] = (uint32_t)((uint32_t)r[x] * b->minus_inv);
	for (i = 0; i <= b->n; i++) {
		const struct he_mod *m = b->mods[i];
		uint64_t *o = to + i * c->n;

		memset(o, 0, c->n * sizeof(*o));
		for (j = 0; j < primes; j++)
			c->kern->muladd_const(o, tmp + j * c->n, b->q_in[i][j], c->n, m);
		for (x = 0; x < c->n; x++) {
			/* r is centred: 2^31 and above are negative. */
			uint64_t far = -(uint64_t)(r[x] >> 31), v = r[x] + ((m->q - (1ULL << 32)) & far);

			o[x] = he_mul_const(he_add(o[x], he_mul_const(v, b->whole[i], m->q), m->q), b->mt_inv[i], m->q);
		}
	}
}

/* Steps 6 to 8: round(t y / Q); yq and yb are in coefficient form and are used up; the result goes to `to`. */
static void scale_down(const struct he_ctx *c, const struct he_behz *b, unsigned primes, uint64_t *yq, uint64_t *yb, uint64_t *to)
{
	const struct he_mod *sk = b->mods[0];
	size_t n = c->n, x;
	unsigned i, j;

	for (j = 0; j < primes; j++)
		c->kern->mul_const(yq + j * n, yq + j * n, b->t_inv[j], n, c->mods[j]);
	for (i = 0; i <= b->n; i++) {
		uint64_t *o = yb + i * n;

		c->kern->mul_const(o, o, b->t[i], n, b->mods[i]);
		c->kern->neg(o, o, n, b->mods[i]);
		for (j = 0; j < primes; j++)
			c->kern->muladd_const(o, yq + j * n, b->q_in[i][j], n, b->mods[i]);
		c->kern->neg(o, o, n, b->mods[i]);
		c->kern->mul_const(o, o, b->whole_inv[i], n, b->mods[i]);
	}
	/* yb[0], modulo m_sk, becomes alpha. */
	c->kern->neg(yb, yb, n, sk);
	for (i = 1; i <= b->n; i++) {
		c->kern->mul_const(yb + i * n, yb + i * n, b->b_inv[i], n, b->mods[i]);
		c->kern->muladd_const(yb, yb + i * n, b->b_in_sk[i], n, sk);
	}
	c->kern->mul_const(yb, yb, b->b_all_inv_sk, n, sk);
	for (j = 0; j < primes; j++) {
		uint64_t *o = to + j * n, q = c->p.q[j];

		memset(o, 0, n * sizeof(*o));
		for (i = 1; i <= b->n; i++)
			for (x = 0; x < n; x++)
				o[x] = he_add(o[x], he_mul_const(yb[i * n + x], b->b_in_q[j][i], q), q);
		for (x = 0; x < n; x++) {
			uint64_t far = -(uint64_t)(yb[x] > sk->q / 2);
			uint64_t up = he_mul_const((sk->q - yb[x]) & far, b->b_all[j], q);

			o[x] = he_add(he_add(o[x], up, q), he_mul_const(yb[x] & ~far, b->minus_b_all[j], q), q);
		}
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

static int multiply_bfv(uint64_t *to, const struct he_ct *a, const struct he_ct *b, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;
	const struct he_behz *z = &c->behz[a->primes];
	unsigned primes = a->primes, wide = z->n + 1, size = a->size + b->size - 1, i, j;
	size_t one = (primes + wide) * c->n, cap = 0;
	uint64_t *all = NULL, *aq, *ab, *bq, *bb, *rq, *rb, *tmp;

	if (he_words_reserve(&all, &cap, (a->size + b->size + size) * one + (primes + 1) * c->n) != 0)
		return he_fail(w, E_NOMEM, "out of memory");
	aq = all;
	ab = aq + a->size * primes * c->n;
	bq = ab + a->size * wide * c->n;
	bb = bq + b->size * primes * c->n;
	rq = bb + b->size * wide * c->n;
	rb = rq + size * primes * c->n;
	tmp = rb + size * wide * c->n;
	prepare(a, z, aq, ab, tmp);
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
	if (c->p.scheme == HE_CKKS &&
	    log2(a->scale * b->scale) >= (double)he_product_bits(&c->p, a->primes))
		return he_fail(w, E_LIMIT, "the product's scale exceeds the modulus; rescale before");
	return 0;
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
