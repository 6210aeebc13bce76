/* SPDX-License-Identifier: Apache-2.0 */
/* Keys are made: the secret, and encryptions of zero that carry nothing or another secret. */
#include "he/secret.h"

#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "he/he_priv.h"
#include "he/sample.h"

void he_sk_init(struct he_sk *sk, const struct he_ctx *c)
{
	*sk = (struct he_sk){ .ctx = c };
}

void he_sk_fini(struct he_sk *sk)
{
	if (sk->w)
		explicit_bzero(sk->w, sk->ctx->p.k * sk->ctx->n * sizeof(*sk->w));
	free(sk->w);
	sk->w = NULL;
}

/* What the making of one key needs: coins, and words for an error, one residue and another secret. */
struct maker {
	const struct he_ctx *c;
	const struct he_sk *sk;
	struct rnd *rnd;
	struct he_coins *coins;
	uint64_t *small, *one, *other;
	size_t cap;
};

static int maker_init(struct maker *m, const struct he_ctx *c, const struct he_sk *sk, struct rnd *rnd, struct he_why *w)
{
	*m = (struct maker){ .c = c, .sk = sk, .rnd = rnd };
	if (he_words_reserve(&m->small, &m->cap, (2 + c->p.k) * c->n) != 0)
		return he_fail(w, E_NOMEM, "out of memory");
	m->one = m->small + c->n;
	m->other = m->one + c->n;
	m->coins = he_coins_new(rnd);
	if (m->coins)
		return 0;
	free(m->small);
	return he_fail(w, E_CRYPTO, "there is no randomness");
}

static void maker_fini(struct maker *m)
{
	explicit_bzero(m->small, m->cap * sizeof(uint64_t));
	free(m->small);
	he_coins_free(m->coins);
}

int he_keygen_secret(struct he_sk *sk, struct rnd *rnd, struct he_why *w)
{
	const struct he_ctx *c = sk->ctx;
	struct maker m;
	size_t cap = 0;
	int err;

	he_sk_fini(sk);
	if ((err = maker_init(&m, c, NULL, rnd, w)) != 0)
		return err;
	if (he_words_reserve(&sk->w, &cap, c->p.k * c->n) != 0)
		err = he_fail(w, E_NOMEM, "out of memory");
	else if ((err = he_sample_ternary(m.coins, m.small, c->n)) != 0)
		he_say(w, "there is no randomness");
	for (unsigned j = 0; err == 0 && j < c->p.k; j++) {
		he_sample_reduce(sk->w + j * c->n, m.small, 1, c->n, c->mods[j]);
		he_ntt_forward(&c->ntt[j], sk->w + j * c->n);
	}
	if (err)
		he_sk_fini(sk);
	maker_fini(&m);
	return err;
}

/* ct = (-(a s + e), a) at the key level in NTT form (BGV: t e); a from a new seed. */
static int zero(struct maker *m, struct he_ct *ct, struct he_seed *seed, struct he_why *w)
{
	const struct he_ctx *c = m->c;
	unsigned k = c->p.k;
	struct he_seed own;
	uint64_t *a;
	int err;

	if (he_words_reserve(&ct->w, &ct->cap, 2 * k * c->n) != 0)
		return he_fail(w, E_NOMEM, "out of memory");
	he_seed_new(&own, m->rnd);
	a = ct->w + k * c->n;
	if ((err = he_seed_expand(&own, c->mods, k, c->n, c->kern, a)) != 0 ||
	    (err = he_sample_error(m->coins, m->small, c->n)) != 0)
		return he_fail(w, err, "there is no randomness");
	for (unsigned j = 0; j < k; j++) {
		uint64_t *to = ct->w + j * c->n;

		he_sample_reduce(to, m->small, he_noise_factor(c, j), c->n, c->mods[j]);
		he_ntt_forward(&c->ntt[j], to);
		c->kern->muladd(to, a + j * c->n, m->sk->w + j * c->n, to, c->n, c->mods[j]);
		c->kern->neg(to, to, c->n, c->mods[j]);
	}
	ct->ctx = c;
	ct->primes = k;
	ct->size = 2;
	ct->ntt = true;
	ct->scale = 1.0;
	ct->correction = 1;
	if (seed)
		*seed = own;
	return 0;
}

int he_keygen_public(struct he_pk *pk, const struct he_sk *sk, struct rnd *rnd, struct he_seed *seed, struct he_why *w)
{
	struct maker m;
	int err = maker_init(&m, sk->ctx, sk, rnd, w);

	pk->ct.size = 0;
	if (err)
		return err;
	err = zero(&m, &pk->ct, seed, w);
	maker_fini(&m);
	return err;
}

/* One entry: part j carries P times m->other modulo q_j, P the special prime. */
static int make_entry(struct maker *m, struct he_ksk_entry *e, struct he_seed *seeds, struct he_why *w)
{
	const struct he_ctx *c = m->c;
	uint64_t special = c->p.q[c->p.k - 1];
	int err;

	e->part = calloc(c->data, sizeof(*e->part));
	if (e->part == NULL)
		return he_fail(w, E_NOMEM, "out of memory");
	for (unsigned j = 0; j < c->data; j++)
		he_ct_init(&e->part[j], c);
	for (unsigned j = 0; j < c->data; j++) {
		const struct he_mod *q = c->mods[j];

		if ((err = zero(m, &e->part[j], seeds ? &seeds[j] : NULL, w)) != 0)
			return err;
		c->kern->mul_const(m->one, m->other + j * c->n, he_const_make(he_reduce64(special, q), q->q), c->n, q);
		c->kern->add(e->part[j].w + j * c->n, e->part[j].w + j * c->n, m->one, c->n, q);
	}
	return 0;
}

static int begin(struct maker *m, struct he_ksk *k, bool is_galois, size_t n, const struct he_sk *sk, struct rnd *rnd,
                 struct he_why *w)
{
	he_ksk_fini(k);
	he_ksk_init(k, sk->ctx, is_galois);
	if (!he_ctx_can_switch(sk->ctx))
		return he_fail(w, E_UNSUPPORTED, "a set of one prime has no such keys");
	k->entry = calloc(n, sizeof(*k->entry));
	if (k->entry == NULL)
		return he_fail(w, E_NOMEM, "out of memory");
	return maker_init(m, sk->ctx, sk, rnd, w);
}

int he_keygen_relin(struct he_ksk *k, const struct he_sk *sk, struct rnd *rnd, struct he_seed *seeds, struct he_why *w)
{
	const struct he_ctx *c = sk->ctx;
	struct maker m;
	int err;

	if ((err = begin(&m, k, false, 1, sk, rnd, w)) != 0) {
		he_ksk_fini(k);
		return err;
	}
	for (unsigned j = 0; j < c->data; j++)
		c->kern->mul(m.other + j * c->n, sk->w + j * c->n, sk->w + j * c->n, c->n, c->mods[j]);
	k->n = 1;
	err = make_entry(&m, &k->entry[0], seeds, w);
	maker_fini(&m);
	if (err)
		he_ksk_fini(k);
	return err;
}

/* m->other = s(X^g); the index, which is public, is where one residue will be. */
static void permute(struct maker *m, uint32_t g)
{
	const struct he_ctx *c = m->c;
	uint32_t *index = (uint32_t *)(void *)m->one;

	he_permute_index(c, g, index);
	for (unsigned j = 0; j < c->data; j++)
		for (size_t i = 0; i < c->n; i++)
			m->other[j * c->n + i] = m->sk->w[j * c->n + index[i]];
}

int he_keygen_galois(struct he_ksk *k, const struct he_sk *sk, const uint32_t *element, size_t n, struct rnd *rnd,
                     struct he_seed *seeds, struct he_why *w)
{
	const struct he_ctx *c = sk->ctx;
	struct maker m;
	size_t i;
	int err;

	for (i = 0; i < n; i++)
		if (element[i] >= 2 * c->n || element[i] % 2 == 0 || (i && element[i] <= element[i - 1]))
			return he_fail(w, E_RANGE, "Galois element %u is not odd, below %zu and above the one before", element[i],
			               2 * c->n);
	if (n == 0)
		return he_fail(w, E_RANGE, "no Galois element is asked for");
	if ((err = begin(&m, k, true, n, sk, rnd, w)) != 0) {
		he_ksk_fini(k);
		return err;
	}
	for (i = 0; err == 0 && i < n; i++) {
		permute(&m, element[i]);
		k->n = i + 1;
		k->entry[i].galois = element[i];
		err = make_entry(&m, &k->entry[i], seeds ? seeds + i * c->data : NULL, w);
	}
	maker_fini(&m);
	if (err)
		he_ksk_fini(k);
	return err;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

size_t he_galois_default(const struct he_ctx *c, uint32_t *element)
{
	uint64_t mask = 2 * c->n - 1, left = 3, right = 3, i;
	size_t n = 0;

	/* 3 has the order n/2: its inverse is its power n/2 - 1. */
	for (i = 2; i < c->n / 2; i++)
		right = right * 3 & mask;
	element[n++] = (uint32_t)mask;
	for (i = 0; i + 1 < c->p.log_n; i++) {
		element[n++] = (uint32_t)left;
		if (right != left)
			element[n++] = (uint32_t)right;
		left = left * left & mask;
		right = right * right & mask;
	}
	qsort(element, n, sizeof(*element), compare);
	return n;
}
