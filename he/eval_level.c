/* SPDX-License-Identifier: Apache-2.0 */
/* One level down: modulus switch and rescale; in and out of NTT form. */
#include <stdlib.h>
#include <string.h>

#include "he/he_priv.h"

#include "cse/base/check.h"
#include "cse/base/err.h"

/* Words of one polynomial: the last residue in coefficient form, and what is taken from each other residue. */
struct scratch {
	uint64_t *last, *take;
	size_t cap_last, cap_take;
};

static void scratch_fini(struct scratch *s)
{
	free(s->last);
	free(s->take);
}

static int scratch_init(struct scratch *s, size_t n, struct he_why *w)
{
	*s = (struct scratch){ 0 };
	if (he_words_reserve(&s->last, &s->cap_last, n) == 0 && he_words_reserve(&s->take, &s->cap_take, n) == 0)
		return 0;
	scratch_fini(s);
	return he_fail(w, E_NOMEM, "out of memory");
}

/* Rounding: (last + half) mod last, minus half, modulo prime j. */
static void take_rounded(const struct he_ctx *c, const struct he_level *l, const struct scratch *s, unsigned j)
{
	uint64_t q = c->p.q[j];

	c->kern->reduce(s->take, s->last, c->n, c->mods[j]);
	for (size_t i = 0; i < c->n; i++)
		s->take[i] = he_sub(s->take[i], l->last_half[j], q);
}

/* BGV: r + k last, with k = -r / last modulo t, so that the plaintext stays, times a known factor. */
static void take_exact(const struct he_ctx *c, const struct he_level *l, const struct scratch *s, uint64_t last, unsigned j)
{
	const struct he_mod *m = c->mods[j];
	uint64_t step = he_reduce64(last, m);

	for (size_t i = 0; i < c->n; i++) {
		uint64_t k = he_neg(he_mul(he_reduce64(s->last[i], &c->t), l->last_inv_t, &c->t), c->p.t);

		s->take[i] = he_add(he_reduce64(s->last[i], m), he_mul(he_reduce64(k, m), step, m), m->q);
	}
}

/* One polynomial at `from` loses the residue after `kept` ones, of prime `last`, and is divided by it, into `to`. */
static void divide(const struct he_ctx *c, const uint64_t *from, uint64_t *to, unsigned kept, unsigned last,
                   const struct scratch *s, bool ntt)
{
	const struct he_level *l = &c->level[last + 1];
	const struct he_mod *m = c->mods[last];
	bool is_exact = c->p.scheme == HE_BGV;

	memcpy(s->last, from + kept * c->n, c->n * sizeof(*from));
	if (ntt)
		he_ntt_inverse(&c->ntt[last], s->last);
	for (size_t i = 0; !is_exact && i < c->n; i++)
		s->last[i] = he_add(s->last[i], m->q / 2, m->q);
	for (unsigned j = 0; j < kept; j++) {
		if (is_exact)
			take_exact(c, l, s, m->q, j);
		else
			take_rounded(c, l, s, j);
		if (ntt)
			he_ntt_forward(&c->ntt[j], s->take);
		c->kern->sub(to + j * c->n, from + j * c->n, s->take, c->n, c->mods[j]);
		c->kern->mul_const(to + j * c->n, to + j * c->n, l->last_inv[j], c->n, c->mods[j]);
	}
}

int he_divide(const struct he_ctx *c, const uint64_t *from, uint64_t *to, unsigned kept, unsigned last, bool ntt,
              struct he_why *w)
{
	struct scratch s;
	int err = scratch_init(&s, c->n, w);

	if (err)
		return err;
	divide(c, from, to, kept, last, &s, ntt);
	scratch_fini(&s);
	return 0;
}

static int check(const struct he_ct *a, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;

	if (a->size < 2)
		return he_fail(w, E_RANGE, "the ciphertext is empty");
	if (a->ntt != he_scheme_is_ntt(c->p.scheme))
		return he_fail(w, E_RANGE, "the ciphertext is not in the form of its scheme; transform it");
	if (a->primes < 2 || !c->level[a->primes - 1].is_used)
		return he_fail(w, E_RANGE, "this is the lowest level");
	return 0;
}

/* Polynomials move towards the front, never over words that are still to be read. */
static int down(struct he_ct *r, const struct he_ct *a, bool divides, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;
	unsigned primes = a->primes, i;
	struct he_ct like = *a;
	struct scratch s;
	uint64_t *to;
	size_t cap;
	int err;

	if ((err = scratch_init(&s, c->n, w)) != 0)
		return err;
	if ((err = he_result_begin(r, a->size * (primes - 1) * c->n, &to, &cap, w)) == 0) {
		for (i = 0; i < a->size; i++) {
			const uint64_t *from = a->w + i * primes * c->n;
			uint64_t *at = to + i * (primes - 1) * c->n;

			if (divides)
				divide(c, from, at, primes - 1, primes - 1, &s, a->ntt);
			else
				memmove(at, from, (primes - 1) * c->n * sizeof(*at));
		}
		like.primes = primes - 1;
		if (c->p.scheme == HE_BGV)
			like.correction = he_mul(a->correction, c->level[primes].last_inv_t, &c->t);
		if (c->p.scheme == HE_CKKS && divides)
			like.scale = a->scale / (double)c->p.q[primes - 1];
		err = he_result_end(r, &like, like.size, to, cap, w);
	}
	scratch_fini(&s);
	return err;
}

int he_mod_switch(struct he_ct *r, const struct he_ct *a, struct he_why *w)
{
	int err = check(a, w);

	return err ? err : down(r, a, a->ctx->p.scheme != HE_CKKS, w);
}

int he_rescale(struct he_ct *r, const struct he_ct *a, struct he_why *w)
{
	int err = check(a, w);

	if (err == 0 && a->ctx->p.scheme != HE_CKKS)
		return he_fail(w, E_UNSUPPORTED, "only CKKS rescales; switch the modulus");
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
