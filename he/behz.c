/* SPDX-License-Identifier: Apache-2.0 */
/* The auxiliary primes of BFV's product (Bajard, Eynard, Hasan, Zucca), and the constants of each level. */
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

/* -1 / Q modulo 2^32, by Newton. */
static uint32_t minus_inverse(const struct he_mod *const *q, unsigned primes)
{
	uint32_t low = 1, inverse = 1;

	for (unsigned j = 0; j < primes; j++)
		low *= (uint32_t)q[j]->q;
	for (unsigned i = 0; i < 5; i++)
		inverse *= 2 - low * inverse;
	return -inverse;
}

static void fill_up(struct he_behz *b, const struct he_mod *const *q, unsigned primes)
{
	unsigned i, j;

	for (i = 0; i <= b->n; i++) {
		const struct he_mod *m = b->mods[i];
		uint64_t over = he_inv(1ULL << 32, m), whole = product_but(q, primes, primes, m);

		for (j = 0; j < primes; j++)
			b->up[i][j] = constant(he_mul(product_but(q, primes, j, m), over, m), m);
		b->up[i][primes] = constant(he_mul(whole, over, m), m);
		b->wrap[i] = whole;
	}
}

static void fill_down(struct he_behz *b, const struct he_mod *const *q, unsigned primes, uint64_t t)
{
	unsigned i, j;

	for (i = 0; i <= b->n; i++) {
		const struct he_mod *m = b->mods[i];
		uint64_t f = he_inv(product_but(q, primes, primes, m), m);

		if (i > 0)
			f = he_mul(f, he_inv(product_but(b->mods + 1, b->n, i - 1, m), m), m);
		for (j = 0; j < primes; j++)
			b->down[i][j] = constant(he_neg(he_mul(product_but(q, primes, j, m), f, m), m->q), m);
		b->down[i][primes] = constant(he_mul(he_reduce64(t, m), f, m), m);
	}
}

static void fill_back(struct he_behz *b, const struct he_mod *const *q, unsigned primes)
{
	const struct he_mod *sk = b->mods[0], *const *base = b->mods + 1;
	uint64_t f = he_inv(product_but(base, b->n, b->n, sk), sk);

	b->alpha[0] = constant(he_neg(f, sk->q), sk);
	for (unsigned i = 1; i <= b->n; i++)
		b->alpha[i] = constant(he_mul(product_but(base, b->n, i - 1, sk), f, sk), sk);
	for (unsigned j = 0; j < primes; j++) {
		uint64_t all = product_but(base, b->n, b->n, q[j]);

		b->back[j][0] = constant(he_neg(all, q[j]->q), q[j]);
		b->far[j] = he_mul(all, he_reduce64(sk->q, q[j]), q[j]);
		for (unsigned i = 1; i <= b->n; i++)
			b->back[j][i] = constant(product_but(base, b->n, i - 1, q[j]), q[j]);
	}
}

static void fill_level(const struct he_ctx *c, struct he_behz *b, unsigned primes)
{
	const struct he_mod *const *q = c->mods;

	for (unsigned j = 0; j < primes; j++) {
		uint64_t inverse = he_inv(product_but(q, primes, j, q[j]), q[j]), low = 1;

		b->pre[j] = constant(he_mul(inverse, he_reduce64(1ULL << 32, q[j]), q[j]), q[j]);
		b->t_inv[j] = constant(he_mul(inverse, he_reduce64(c->p.t, q[j]), q[j]), q[j]);
		for (unsigned i = 0; i < primes; i++)
			low *= i == j ? 1 : q[i]->q;
		b->q_low[j] = (uint32_t)low;
	}
	b->minus_inv = minus_inverse(q, primes);
	fill_up(b, q, primes);
	fill_down(b, q, primes, c->p.t);
	fill_back(b, q, primes);
}

/*
 * SEAL takes primes of 61 bits.  Any will do whose product exceeds 2 n t Q times the few that the sums add: the integer that is
 * computed is the same.  So they are of the size that the processor multiplies fastest.
 */
static unsigned aux_bits(const struct he_ctx *c)
{
	return c->kern->isa == HE_IFMA ? 50 : c->kern->isa == HE_AVX2 ? 49 : 61;
}

static bool is_taken(const struct he_ctx *c, uint64_t q)
{
	for (unsigned i = 0; i < c->p.k; i++)
		if (c->p.q[i] == q)
			return true;
	return c->p.t % q == 0;
}

/* Of base B, for the first primes. */
static unsigned aux_count(const struct he_ctx *c, unsigned primes)
{
	unsigned need = he_product_bits(&c->p, primes) + c->t.bits + c->p.log_n + 10, bits = aux_bits(c), n = 1;

	while (bits * (n + 1) < need + 1)
		n++;
	return n;
}

static bool is_narrow(const struct he_ctx *c, const struct he_behz *b, unsigned primes)
{
	bool narrow = true;
	unsigned i;

	for (i = 0; i < primes; i++)
		narrow &= c->mods[i]->bits <= 50;
	for (i = 0; i <= b->n; i++)
		narrow &= b->mods[i]->bits <= 50;
	return narrow;
}

static int make_aux(struct he_ctx *c)
{
	uint64_t step = 2 * c->n, q = ((1ULL << aux_bits(c)) - 1) / step * step + 1;
	unsigned found, count = aux_count(c, c->data) + 1;
	int r;

	REQUIRE(count <= HE_MAX_AUX);
	for (found = 0; found < count; q -= step) {
		if (!he_is_prime(q) || is_taken(c, q))
			continue;
		if ((r = he_ntt_init(&c->aux[found], c->p.log_n, q, c->kern)) != 0)
			return r;
		found++;
	}
	return 0;
}

/* SEAL's gamma is the second prime of 61 bits. */
static uint64_t find_gamma(size_t n)
{
	uint64_t step = 2 * n, q = ((1ULL << 61) - 1) / step * step + 1;

	for (unsigned left = 2;; q -= step)
		if (he_is_prime(q) && --left == 0)
			return q;
}

int he_behz_init(struct he_ctx *c)
{
	unsigned l, i;
	int r;

	c->gamma = find_gamma(c->n);
	if ((r = make_aux(c)) != 0)
		return r;
	c->behz = calloc(c->data + 1, sizeof(*c->behz));
	if (c->behz == NULL)
		return E_NOMEM;
	for (l = 1; l <= c->data; l++) {
		struct he_behz *b = &c->behz[l];

		b->n = aux_count(c, l);
		for (i = 0; i <= b->n; i++)
			b->mods[i] = &c->aux[i].mod;
		b->narrow = is_narrow(c, b, l);
		fill_level(c, b, l);
	}
	return 0;
}

void he_behz_fini(struct he_ctx *c)
{
	for (unsigned i = 0; i < HE_MAX_AUX; i++)
		he_ntt_fini(&c->aux[i]);
	free(c->behz);
}
