/* SPDX-License-Identifier: Apache-2.0 */
/* One level down: modulus switch and rescale; in and out of NTT form. */
#include <stdlib.h>
#include <string.h>

#include "he/he_priv.h"

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "he/sample.h"

/*
 * One polynomial at `from` loses the residue after `kept` ones, of prime `last`, and is divided by it, into `to`.  With rounding
 * what is taken away is the residue r in (-last/2, last/2]: r - last in its upper half, which after the division is one more.
 * BGV takes r + k last instead, k = -r / last modulo t, so that the plaintext stays, times a known factor.
 */
void he_divide(const struct he_ctx *c, const uint64_t *from, uint64_t *to, unsigned kept, unsigned last, bool ntt,
               const uint64_t *error, uint64_t *scratch)
{
	const struct he_level *l = &c->level[last + 1];
	/* The last residue in coefficient form, what else is taken away with it, both modulo a prime. */
	uint64_t *rest = scratch, *more = rest + c->n, *take = more + c->n;
	const uint64_t *parts[2] = { rest, more }, *both[2] = { NULL, take };
	uint64_t upper = c->p.q[last] - c->p.q[last] / 2;
	bool is_exact = c->p.scheme == HE_BGV;

	memcpy(rest, from + kept * c->n, c->n * sizeof(*from));
	if (ntt)
		he_ntt_inverse(&c->ntt[last], rest);
	if (error)
		he_sample_add(rest, error, he_noise_factor(c, last), c->n, c->mods[last]);
	if (is_exact) {
		c->kern->reduce(more, rest, c->n, &c->t);
		c->kern->mul_const(more, more, l->minus_last_inv_t, c->n, &c->t);
	} else {
		for (size_t i = 0; i < c->n; i++)
			more[i] = rest[i] >= upper;
	}
	for (unsigned j = 0; j < kept; j++) {
		const struct he_mod *m = c->mods[j];

		both[0] = from + j * c->n;
		both[1] = take;
		if (ntt || is_exact)
			c->kern->dot_const(take, parts, is_exact ? l->plus_last[j] : l->minus_last[j], 2, c->n, m, c->narrow);
		else
			both[1] = rest;
		/* What is taken away and the error to be added are transformed together. */
		if (error)
			he_sample_add(take, error, m->q - he_noise_factor(c, j), c->n, m);
		if (ntt)
			he_ntt_forward(&c->ntt[j], take);
		c->kern->dot_const(to + j * c->n, both, l->by_last[j], 2, c->n, m, c->narrow);
		if (!ntt && !is_exact)
			c->kern->add(to + j * c->n, to + j * c->n, more, c->n, m);
	}
}

uint64_t he_noise_factor(const struct he_ctx *c, unsigned j)
{
	return c->p.scheme == HE_BGV ? he_reduce64(c->p.t, c->mods[j]) : 1;
}

/* What becomes of the scale: a rescale divides it by the last prime. */
static double scale_below(const struct he_ct *a, bool divides)
{
	return a->ctx->p.scheme == HE_CKKS && divides ? a->scale / (double)a->ctx->p.q[a->primes - 1] : a->scale;
}

static int check(const struct he_ct *a, bool divides, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;
	int err;

	if (a->size < 2)
		return he_fail(w, E_RANGE, "the ciphertext is empty");
	if (a->ntt != he_scheme_is_ntt(c->p.scheme))
		return he_fail(w, E_RANGE, "the ciphertext is not in the form of its scheme; transform it");
	if (a->primes < 2 || !c->level[a->primes - 1].is_used)
		return he_fail(w, E_RANGE, "this is the lowest level");
	if (c->p.scheme != HE_CKKS)
		return 0;
	err = divides ? he_scale_check(c, a->scale, a->primes, w) : 0;
	return err ? err : he_scale_check(c, scale_below(a, divides), a->primes - 1, w);
}

/* Polynomials move towards the front, never over words that are still to be read. */
static int down(struct he_ct *r, const struct he_ct *a, bool divides, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;
	unsigned primes = a->primes, i;
	struct he_ct like = *a;
	uint64_t *to, *scratch = NULL;
	size_t cap, room = 0;
	int err;

	if (divides && he_words_reserve(&scratch, &room, 3 * c->n) != 0)
		return he_fail(w, E_NOMEM, "out of memory");
	if ((err = he_result_begin(r, a->size * (primes - 1) * c->n, &to, &cap, w)) == 0) {
		for (i = 0; i < a->size; i++) {
			const uint64_t *from = a->w + i * primes * c->n;
			uint64_t *at = to + i * (primes - 1) * c->n;

			if (divides)
				he_divide(c, from, at, primes - 1, primes - 1, a->ntt, NULL, scratch);
			else
				memmove(at, from, (primes - 1) * c->n * sizeof(*at));
		}
		like.primes = primes - 1;
		if (c->p.scheme == HE_BGV)
			like.correction = he_mul(a->correction, c->level[primes].last_inv_t, &c->t);
		like.scale = scale_below(a, divides);
		err = he_result_end(r, &like, like.size, to, cap, w);
	}
	free(scratch);
	return err;
}

int he_mod_switch(struct he_ct *r, const struct he_ct *a, struct he_why *w)
{
	bool divides = a->ctx->p.scheme != HE_CKKS;
	int err = check(a, divides, w);

	return err ? err : down(r, a, divides, w);
}

int he_rescale(struct he_ct *r, const struct he_ct *a, struct he_why *w)
{
	int err;

	if (a->ctx->p.scheme != HE_CKKS)
		return he_fail(w, E_UNSUPPORTED, "only CKKS rescales; switch the modulus");
	err = check(a, true, w);
	return err ? err : down(r, a, true, w);
}

static int transform(struct he_ct *r, const struct he_ct *a, bool forward, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;
	int err;

	if (a->size < 2 || a->ntt == forward)
		return he_fail(w, E_RANGE, a->size < 2 ? "the ciphertext is empty" : "the ciphertext is in that form already");
	if ((err = he_ct_copy(r, a)) != 0)
		return he_fail(w, err, "out of memory");
	for (unsigned i = 0; i < r->size * r->primes; i++)
		(forward ? he_ntt_forward : he_ntt_inverse)(&c->ntt[i % r->primes], r->w + i * c->n);
	r->ntt = forward;
	return 0;
}

int he_to_ntt(struct he_ct *r, const struct he_ct *a, struct he_why *w)
{
	return transform(r, a, true, w);
}

int he_from_ntt(struct he_ct *r, const struct he_ct *a, struct he_why *w)
{
	return transform(r, a, false, w);
}
