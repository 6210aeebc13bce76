/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters are judged, and everything that follows from them is computed once: levels, transforms, constants. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "he/he_priv.h"

#include "cse/base/check.h"
#include "cse/base/err.h"

static int check_shape(const struct he_params *p, bool allow_weak, struct he_why *w)
{
	if (p->scheme != HE_BFV && p->scheme != HE_CKKS && p->scheme != HE_BGV)
		return he_fail(w, E_UNSUPPORTED, "scheme %d is none of BFV (1), CKKS (2), BGV (3)", (int)p->scheme);
	if (p->log_n > HE_MAX_LOG_N || p->log_n < (allow_weak ? 3 : HE_MIN_LOG_N))
		return he_fail(w, E_RANGE, "the polynomial degree must be 2^%d to 2^%d", HE_MIN_LOG_N, HE_MAX_LOG_N);
	if (p->k == 0 || p->k > HE_MAX_PRIMES)
		return he_fail(w, E_RANGE, "%u primes; 1 to %d are possible", p->k, HE_MAX_PRIMES);
	return 0;
}

static int check_primes(const struct he_params *p, struct he_why *w)
{
	unsigned i, j;

	for (i = 0; i < p->k; i++) {
		if (p->q[i] < 2 || p->q[i] >> 60)
			return he_fail(w, E_RANGE, "prime %u has not 2 to 60 bits", i);
		if ((p->q[i] - 1) % (2ULL << p->log_n) != 0 || !he_is_prime(p->q[i]))
			return he_fail(w, E_RANGE, "0x%llx is no prime that is 1 modulo %u", (unsigned long long)p->q[i],
			               2u << p->log_n);
		for (j = 0; j < i; j++)
			if (p->q[j] == p->q[i])
				return he_fail(w, E_RANGE, "prime 0x%llx stands twice", (unsigned long long)p->q[i]);
	}
	return 0;
}

/* Is t below the product of the first primes? */
static bool is_below_product(uint64_t t, const uint64_t *q, unsigned primes)
{
	unsigned __int128 v = 1;

	for (unsigned i = 0; i < primes && v <= t; i++)
		v *= q[i];
	return v > t;
}

static int check_plain(const struct he_params *p, unsigned data, struct he_why *w)
{
	unsigned i;

	if (p->scheme == HE_CKKS)
		return p->t == 0 ? 0 : he_fail(w, E_RANGE, "CKKS has no plain modulus; it must be 0");
	if (p->t < 2 || p->t >> 60)
		return he_fail(w, E_RANGE, "the plain modulus must have 2 to 60 bits");
	for (i = 0; i < p->k; i++)
		if (p->t % p->q[i] == 0)
			return he_fail(w, E_RANGE, "the plain modulus must be coprime to every prime of the set");
	if (!is_below_product(p->t, p->q, data))
		return he_fail(w, E_RANGE, "the plain modulus must be below the product of the primes of ciphertexts");
	return 0;
}

static int check_params(const struct he_params *p, const struct he_ctx_opts *o, struct he_why *w)
{
	bool allow_weak = o && o->allow_weak;
	int r;

	if ((r = check_shape(p, allow_weak, w)) != 0 || (r = check_primes(p, w)) != 0 ||
	    (r = check_plain(p, p->k > 1 ? p->k - 1 : 1, w)) != 0)
		return r;
	if (!allow_weak && he_params_security(p) < 128)
		return he_fail(w, E_DENIED, "the primes are too large for degree %u: less than 128 bits of security; take fewer or "
		                            "smaller primes",
		               1u << p->log_n);
	return 0;
}

static void make_level(struct he_ctx *c, unsigned primes)
{
	struct he_level *l = &c->level[primes];
	const struct he_params *p = &c->p;
	uint64_t last = p->q[primes - 1];
	unsigned i;

	he_params_id(p, primes, l->id);
	/* SEAL's chain ends where t is no longer below the product. */
	l->is_used = primes == p->k || p->scheme == HE_CKKS || is_below_product(p->t, p->q, primes);
	for (i = 0; i + 1 < primes; i++) {
		uint64_t q = p->q[i], inverse = he_inv(last, c->mods[i]), rest = he_reduce64(last, c->mods[i]);

		l->by_last[i][0] = he_const_make(inverse, q);
		l->by_last[i][1] = he_const_make(he_neg(inverse, q), q);
		l->plus_last[i][0] = l->minus_last[i][0] = he_const_make(1, q);
		l->plus_last[i][1] = he_const_make(rest, q);
		l->minus_last[i][1] = he_const_make(he_neg(rest, q), q);
	}
	if (p->scheme == HE_CKKS)
		return;
	for (l->q_mod_t = 1 % p->t, i = 0; i < primes; i++)
		l->q_mod_t = he_mul(l->q_mod_t, he_reduce64(p->q[i], &c->t), &c->t);
	l->half_up = (p->t + 1) / 2;
	l->q_over_t = he_const_make(l->q_mod_t, p->t);
	/* Q = delta t + (Q mod t), and Q is 0 modulo each prime. */
	for (i = 0; i < primes; i++) {
		uint64_t rest = he_neg(he_reduce64(l->q_mod_t, c->mods[i]), p->q[i]);

		l->delta[i] = he_const_make(he_mul(rest, he_inv(p->t, c->mods[i]), c->mods[i]), p->q[i]);
	}
	if (p->scheme == HE_BGV) {
		l->last_inv_t = he_inv_any(last, p->t);
		l->minus_last_inv_t = he_const_make(he_neg(l->last_inv_t, p->t), p->t);
	}
}

/* exp(2 pi i k / m), from the first eighth of the circle, so that symmetric roots are exactly symmetric. */
static void root_of(size_t k, size_t m, double *re, double *im)
{
	k &= m - 1;
	if (k <= m / 8) {
		*re = cos(2 * M_PI * (double)k / (double)m);
		*im = sin(2 * M_PI * (double)k / (double)m);
	} else if (k <= m / 4) {
		root_of(m / 4 - k, m, im, re);
	} else if (k <= m / 2) {
		root_of(m / 2 - k, m, re, im);
		*re = -*re;
	} else {
		root_of(m - k, m, re, im);
		*im = -*im;
	}
}

static int make_tables(struct he_ctx *c)
{
	size_t i;

	c->rev = calloc(c->n, sizeof(*c->rev));
	if (c->rev == NULL)
		return E_NOMEM;
	for (i = 1; i < c->n; i++)
		c->rev[i] = c->rev[i / 2] / 2 + (i & 1 ? (uint32_t)(c->n / 2) : 0);
	if (c->p.scheme != HE_CKKS)
		return 0;
	c->root = calloc(2 * c->n, sizeof(*c->root));
	if (c->root == NULL)
		return E_NOMEM;
	for (i = 0; i < c->n; i++)
		root_of(c->rev[i], 2 * c->n, &c->root[2 * i], &c->root[2 * i + 1]);
	return 0;
}

int he_ctx_new(const struct he_params *p, const struct he_ctx_opts *o, struct he_ctx **out, struct he_why *w)
{
	struct he_ctx *c;
	unsigned i;
	int r;

	if ((r = check_params(p, o, w)) != 0)
		return r;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return he_fail(w, E_NOMEM, "out of memory");
	c->p = *p;
	c->kern = o && o->kern ? o->kern : he_kernels_best();
	c->n = (size_t)1 << p->log_n;
	c->data = p->k > 1 ? p->k - 1 : 1;
	for (i = 0; i < p->k; i++) {
		if ((r = he_ntt_init(&c->ntt[i], p->log_n, p->q[i], c->kern)) != 0)
			goto out;
		c->mods[i] = &c->ntt[i].mod;
	}
	if ((r = make_tables(c)) != 0)
		goto out;
	if (p->scheme != HE_CKKS) {
		he_mod_init(&c->t, p->t);
		if (he_is_prime(p->t) && (p->t - 1) % (2 * c->n) == 0) {
			if ((r = he_ntt_init(&c->ntt_t, p->log_n, p->t, c->kern)) != 0)
				goto out;
			c->can_batch = true;
		}
	}
	c->narrow = p->scheme == HE_CKKS || c->t.bits <= 50;
	for (i = 0; i < p->k; i++)
		c->narrow &= c->mods[i]->bits <= 50;
	for (i = 1; i <= p->k; i++)
		make_level(c, i);
	if (p->scheme == HE_BFV && (r = he_behz_init(c)) != 0)
		goto out;
	*out = c;
	return 0;
out:
	he_ctx_free(c);
	return he_fail(w, r, "the transforms have no memory");
}

void he_ctx_free(struct he_ctx *c)
{
	if (c == NULL)
		return;
	for (unsigned i = 0; i < c->p.k; i++)
		he_ntt_fini(&c->ntt[i]);
	he_ntt_fini(&c->ntt_t);
	he_behz_fini(c);
	free(c->rev);
	free(c->root);
	free(c);
}

const struct he_params *he_ctx_params(const struct he_ctx *c) { return &c->p; }
unsigned he_ctx_key_primes(const struct he_ctx *c) { return c->p.k; }
unsigned he_ctx_data_primes(const struct he_ctx *c) { return c->data; }
bool he_ctx_can_switch(const struct he_ctx *c) { return c->p.k > 1; }
bool he_ctx_can_batch(const struct he_ctx *c) { return c->can_batch; }

unsigned he_ctx_level(const struct he_ctx *c, const unsigned char id[HE_ID_BYTES])
{
	for (unsigned i = c->p.k; i > 0; i--)
		if (c->level[i].is_used && memcmp(c->level[i].id, id, HE_ID_BYTES) == 0)
			return i;
	return 0;
}
