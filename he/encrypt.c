/* SPDX-License-Identifier: Apache-2.0 */
/* Encryption, by the public key or the secret one.  Constant time in key, message and coins. */
#include <stdlib.h>
#include <string.h>

#include "he/secret.h"

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "he/he_priv.h"
#include "he/sample.h"

/* The level of the result, 0 with a sentence when the plaintext has none. */
static unsigned level_of(const struct he_ctx *c, const struct he_pt *p, struct he_why *w)
{
	bool is_ckks = c->p.scheme == HE_CKKS;

	if (p->ctx != c || p->count == 0 || (p->primes != 0) != is_ckks) {
		he_say(w, "the plaintext is empty, of other parameters, or not in the form of its scheme");
		return 0;
	}
	return is_ckks ? p->primes : c->data;
}

/* Coins, and words for `small` coefficients and some residues; leave wipes. */
struct room {
	struct he_coins *coins;
	uint64_t *w;
	size_t cap;
};

static int enter(struct room *k, struct rnd *rnd, size_t words, struct he_why *w)
{
	*k = (struct room){ 0 };
	if (he_words_reserve(&k->w, &k->cap, words) != 0)
		return he_fail(w, E_NOMEM, "out of memory");
	if ((k->coins = he_coins_new(rnd)) != NULL)
		return 0;
	free(k->w);
	return he_fail(w, E_CRYPTO, "there is no randomness");
}

static void leave(struct room *k)
{
	explicit_bzero(k->w, k->cap * sizeof(uint64_t));
	free(k->w);
	he_coins_free(k->coins);
}

/* tmp: two residues. */
static void add_message(struct he_ct *r, const struct he_pt *p, unsigned primes, uint64_t *tmp)
{
	const struct he_ctx *c = r->ctx;

	r->primes = primes;
	r->size = 2;
	r->ntt = he_scheme_is_ntt(c->p.scheme);
	r->scale = c->p.scheme == HE_CKKS ? p->scale : 1.0;
	r->correction = 1;
	for (unsigned j = 0; j < primes; j++) {
		uint64_t *to = r->w + j * c->n;

		if (c->p.scheme != HE_CKKS)
			he_message(p, primes, 1, j, tmp, tmp + c->n);
		c->kern->add(to, to, c->p.scheme == HE_CKKS ? p->w + j * c->n : tmp, c->n, c->mods[j]);
	}
}

/* k->w: u in NTT form modulo `above` primes, an error, three residues, one polynomial. */
static int draw_mask(const struct he_ctx *c, unsigned above, struct room *k)
{
	uint64_t *u = k->w, *small = u + above * c->n;
	int err = he_sample_ternary(k->coins, small, c->n);

	for (unsigned j = 0; err == 0 && j < above; j++) {
		he_sample_reduce(u + j * c->n, small, 1, c->n, c->mods[j]);
		he_ntt_forward(&c->ntt[j], u + j * c->n);
	}
	return err;
}

/* u pk + e, one of its two polynomials, divided by the prime after the first `primes` when `above` is one more. */
static int zero_by_pk(const struct he_ctx *c, const struct he_pk *pk, unsigned side, unsigned primes, unsigned above, struct room *k,
                      uint64_t *to)
{
	size_t n = c->n;
	uint64_t *u = k->w, *e = u + above * n, *tmp = e + n, *wide = above > primes ? tmp + 3 * n : to;
	bool ntt = he_scheme_is_ntt(c->p.scheme);
	int err = he_sample_error(k->coins, e, n);

	for (unsigned j = 0; err == 0 && j < above; j++) {
		uint64_t *at = wide + j * n;

		c->kern->mul(at, u + j * n, pk->ct.w + (side * c->p.k + j) * n, n, c->mods[j]);
		if (!ntt) {
			he_ntt_inverse(&c->ntt[j], at);
			he_sample_add(at, e, he_noise_factor(c, j), n, c->mods[j]);
		} else if (above == primes) {
			he_sample_reduce(tmp, e, he_noise_factor(c, j), n, c->mods[j]);
			he_ntt_forward(&c->ntt[j], tmp);
			c->kern->add(at, at, tmp, n, c->mods[j]);
		}
	}
	if (err == 0 && above > primes)
		he_divide(c, wide, to, primes, primes, ntt, ntt ? e : NULL, tmp);
	return err;
}

int he_encrypt(struct he_ct *r, const struct he_pt *p, const struct he_pk *pk, struct rnd *rnd, struct he_why *w)
{
	const struct he_ctx *c = r->ctx;
	unsigned primes, above;
	struct room k;
	int err;

	r->size = 0;
	if ((primes = level_of(c, p, w)) == 0)
		return E_RANGE;
	if (pk->ct.ctx != c || pk->ct.size != 2 || pk->ct.primes != c->p.k)
		return he_fail(w, E_RANGE, "the public key is empty or of other parameters");
	/* As SEAL does: one prime more, divided away again, so that the noise of u e is, too. */
	above = c->p.k > 1 ? primes + 1 : primes;
	if ((err = enter(&k, rnd, (2 * above + 4) * c->n, w)) != 0)
		return err;
	if (he_words_reserve(&r->w, &r->cap, 2 * primes * c->n) != 0)
		err = he_fail(w, E_NOMEM, "out of memory");
	else if ((err = draw_mask(c, above, &k)) != 0 || (err = zero_by_pk(c, pk, 0, primes, above, &k, r->w)) != 0 ||
	         (err = zero_by_pk(c, pk, 1, primes, above, &k, r->w + primes * c->n)) != 0)
		he_say(w, "there is no randomness");
	if (err == 0)
		add_message(r, p, primes, k.w);
	leave(&k);
	return err;
}

int he_encrypt_symmetric(struct he_ct *r, const struct he_pt *p, const struct he_sk *sk, struct rnd *rnd, struct he_seed *seed,
                         struct he_why *w)
{
	const struct he_ctx *c = r->ctx;
	bool ntt = he_scheme_is_ntt(c->p.scheme);
	struct he_seed own;
	unsigned primes;
	struct room k;
	uint64_t *a, *e;
	int err;

	r->size = 0;
	if ((primes = level_of(c, p, w)) == 0)
		return E_RANGE;
	if (sk->ctx != c || sk->w == NULL)
		return he_fail(w, E_RANGE, "the secret key is empty or of other parameters");
	if (he_words_reserve(&r->w, &r->cap, 2 * primes * c->n) != 0)
		return he_fail(w, E_NOMEM, "out of memory");
	if ((err = enter(&k, rnd, 2 * c->n, w)) != 0)
		return err;
	he_seed_new(&own, rnd);
	a = r->w + primes * c->n;
	e = k.w + c->n;
	if ((err = he_seed_expand(&own, c->mods, primes, c->n, c->kern, a)) != 0 ||
	    (err = he_sample_error(k.coins, e, c->n)) != 0) {
		leave(&k);
		return he_fail(w, err, "there is no randomness");
	}
	/* c0 = -(a s + e).  The seed gives a in the form of the scheme. */
	for (unsigned j = 0; j < primes; j++) {
		uint64_t *to = r->w + j * c->n;

		he_sample_reduce(k.w, e, he_noise_factor(c, j), c->n, c->mods[j]);
		if (ntt) {
			he_ntt_forward(&c->ntt[j], k.w);
			c->kern->muladd(to, a + j * c->n, sk->w + j * c->n, k.w, c->n, c->mods[j]);
		} else {
			memcpy(to, a + j * c->n, c->n * sizeof(*to));
			he_ntt_forward_mul(&c->ntt[j], to, sk->w + j * c->n);
			he_ntt_inverse(&c->ntt[j], to);
			c->kern->add(to, to, k.w, c->n, c->mods[j]);
		}
		c->kern->neg(to, to, c->n, c->mods[j]);
	}
	add_message(r, p, primes, k.w);
	if (seed)
		*seed = own;
	leave(&k);
	return 0;
}
