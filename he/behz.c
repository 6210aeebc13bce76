/* SPDX-License-Identifier: Apache-2.0 */
/* The auxiliary primes of BFV's product (Bajard, Eynard, Hasan, Zucca) as SEAL takes them, and the constants of each level. */
#include <stdlib.h>

#include "he/he_priv.h"

#include "cse/base/check.h"
#include "cse/base/err.h"

/* The product of all factors but one (skip < n), modulo m. */
static uint64_t product_but(const struct he_mod *const *mods, unsigned n, unsigned skip, const struct he_mod *m)
{
	uint64_t v = 1 % m->q;

	for (unsigned i = 0; i < n; i++)
		if (i != skip)
			v = he_mul(v, he_reduce64(mods[i]->q, m), m);
	return v;
}

static struct he_const constant(uint64_t v, const struct he_mod *m) { return he_const_make(v, m->q); }

static void fill_level(const struct he_ctx *c, struct he_behz *b, unsigned primes)
{
	const struct he_mod *const *q = c->mods, *const *aux = b->mods;
	unsigned i, j;

	for (j = 0; j < primes; j++) {
		uint64_t inverse = he_inv(product_but(q, primes, j, q[j]), q[j]), low = 1;

		b->pre[j] = constant(he_mul(inverse, 1ULL << 32 >= q[j]->q ? he_reduce64(1ULL << 32, q[j]) : 1ULL << 32, q[j]), q[j]);
		b->t_inv[j] = constant(he_mul(inverse, he_reduce64(c->p.t, q[j]), q[j]), q[j]);
		for (i = 0; i < primes; i++)
			low *= i == j ? 1 : q[i]->q;
		b->q_low[j] = (uint32_t)low;
		for (i = 0; i <= b->n; i++)
			b->q_in[i][j] = constant(product_but(q, primes, j, aux[i]), aux[i]);
		for (i = 1; i <= b->n; i++)
			b->b_in_q[j][i] = constant(product_but(aux + 1, b->n, i - 1, q[j]), q[j]);
		b->b_all[j] = constant(product_but(aux + 1, b->n, b->n, q[j]), q[j]);
		b->minus_b_all[j] = constant(he_neg(b->b_all[j].w, q[j]->q), q[j]);
	}
	for (i = 0; i <= b->n; i++) {
		uint64_t whole = product_but(q, primes, primes, aux[i]);

		b->whole[i] = constant(whole, aux[i]);
		b->mt_inv[i] = constant(he_inv(1ULL << 32, aux[i]), aux[i]);
		b->t[i] = constant(c->p.t, aux[i]);
		b->whole_inv[i] = constant(he_inv(whole, aux[i]), aux[i]);
	}
	for (i = 1; i <= b->n; i++) {
		b->b_inv[i] = constant(he_inv(product_but(aux + 1, b->n, i - 1, aux[i]), aux[i]), aux[i]);
		b->b_in_sk[i] = constant(product_but(aux + 1, b->n, i - 1, aux[0]), aux[0]);
	}
	b->b_all_inv_sk = constant(he_inv(product_but(aux + 1, b->n, b->n, aux[0]), aux[0]), aux[0]);
	/* -1 / Q modulo 2^32, by Newton. */
	uint32_t low = 1, inverse = 1;

	for (j = 0; j < primes; j++)
		low *= (uint32_t)q[j]->q;
	for (i = 0; i < 5; i++)
		inverse *= 2 - low * inverse;
	b->minus_inv = -inverse;
}

int he_behz_init(struct he_ctx *c)
{
	uint64_t step = 2 * c->n, q = ((1ULL << 61) - 1) / step * step + 1;
	unsigned found, l, i;
	int r;

	/* The first is m_sk, the second SEAL's gamma, which only decryption needs. */
	for (found = 0; found < c->data + 3; q -= step) {
		if (!he_is_prime(q))
			continue;
		if (found != 1 && (r = he_ntt_init(&c->aux[found ? found - 1 : 0], c->p.log_n, q, c->kern)) != 0)
			return r;
		if (found == 1)
			c->gamma = q;
		found++;
	}
	c->behz = calloc(c->data + 1, sizeof(*c->behz));
	if (c->behz == NULL)
		return E_NOMEM;
	for (l = 1; l <= c->data; l++) {
		struct he_behz *b = &c->behz[l];

		b->n = 32 + c->t.bits + he_product_bits(&c->p, l) >= 61 * l + 61 ? l + 1 : l;
		for (i = 0; i <= b->n; i++)
			b->mods[i] = &c->aux[i].mod;
		fill_level(c, b, l);
	}
	return 0;
}

void he_behz_fini(struct he_ctx *c)
{
	for (unsigned i = 0; i < HE_MAX_PRIMES + 2; i++)
		he_ntt_fini(&c->aux[i]);
	free(c->behz);
}
