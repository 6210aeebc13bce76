/* SPDX-License-Identifier: Apache-2.0 */
/* Sums: ciphertexts added, subtracted, negated; plaintexts added to them. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "he/he_priv.h"

#include "cse/base/check.h"
#include "cse/base/err.h"

/* As SEAL judges scales. */
static bool is_close(double a, double b)
{
	double most = fmax(fmax(fabs(a), fabs(b)), 1.0);

	return fabs(a - b) < DBL_EPSILON * most;
}

static int check_pair(const struct he_ct *a, const struct he_ct *b, struct he_why *w)
{
	if (a->ctx != b->ctx || a->size < 2 || b->size < 2)
		return he_fail(w, E_RANGE, "the ciphertexts are empty or of different parameters");
	if (a->primes != b->primes)
		return he_fail(w, E_RANGE, "levels differ (%u and %u primes); switch one down", a->primes, b->primes);
	if (a->ntt != b->ntt)
		return he_fail(w, E_RANGE, "one is in NTT form, one is not; transform one");
	if (!is_close(a->scale, b->scale))
		return he_fail(w, E_RANGE, "scales differ (%g and %g); rescale one", a->scale, b->scale);
	return 0;
}

/* BGV: factors e1, e2 with e1 f1 = e2 f2 modulo t, of small absolute sum: every step of Euclid on f2 / f1 is tried. */
struct balance {
	uint64_t factor, e1, e2;
};

static uint64_t centred_sum(uint64_t x, uint64_t y, uint64_t t)
{
	return (x > t / 2 ? t - x : x) + (y > t / 2 ? t - y : y);
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t next = a % b;

		a = b;
		b = next;
	}
	return a;
}

static uint64_t signed_mod(int64_t v, uint64_t t)
{
	return v < 0 ? he_neg((uint64_t)-v % t, t) : (uint64_t)v % t;
}

static struct balance balance_of(uint64_t f1, uint64_t f2, const struct he_mod *t)
{
	uint64_t ratio = he_mul(he_inv_any(f1, t->q), f2, t), least = centred_sum(ratio, 1, t->q);
	struct balance best = { 0, ratio, 1 };
	int64_t before_a = (int64_t)t->q, before_b = 0, a = (int64_t)ratio, b = 1;

	while (a != 0) {
		int64_t quot = before_a / a, next = before_a % a;
		uint64_t am, bm;

		before_a = a;
		a = next;
		next = before_b - b * quot;
		before_b = b;
		b = next;
		am = signed_mod(a, t->q);
		bm = signed_mod(b, t->q);
		if (am != 0 && gcd(am, t->q) == 1 && centred_sum(am, bm, t->q) < least) {
			least = centred_sum(am, bm, t->q);
			best.e1 = am;
			best.e2 = bm;
		}
	}
	best.factor = he_mul(best.e1, f1, t);
	return best;
}

/* r = a * e1 (+ or -) b * e2, polynomial by polynomial; the longer one's tail goes on alone. */
static void combine(uint64_t *r, const struct he_ct *a, const struct he_ct *b, const struct balance *e, bool minus)
{
	const struct he_ctx *c = a->ctx;
	const struct he_kernels *k = c->kern;
	unsigned size = a->size > b->size ? a->size : b->size, i, j;

	for (i = 0; i < size; i++)
		for (j = 0; j < a->primes; j++) {
			size_t at = ((size_t)i * a->primes + j) * c->n;
			const struct he_mod *m = c->mods[j];
			struct he_const e1 = he_const_make(he_reduce64(e->e1, m), m->q);
			struct he_const e2 = he_const_make(minus ? he_neg(he_reduce64(e->e2, m), m->q) : he_reduce64(e->e2, m), m->q);

			if (i >= a->size) {
				k->mul_const(r + at, b->w + at, e2, c->n, m);
			} else if (i >= b->size) {
				k->mul_const(r + at, a->w + at, e1, c->n, m);
			} else if (e->e1 == 1 && e->e2 == 1) {
				(minus ? k->sub : k->add)(r + at, a->w + at, b->w + at, c->n, m);
			} else if (r == b->w) {
				k->mul_const(r + at, b->w + at, e2, c->n, m);
				k->muladd_const(r + at, a->w + at, e1, c->n, m);
			} else {
				k->mul_const(r + at, a->w + at, e1, c->n, m);
				k->muladd_const(r + at, b->w + at, e2, c->n, m);
			}
		}
}

static int add_or_sub(struct he_ct *r, const struct he_ct *a, const struct he_ct *b, bool minus, struct he_why *w)
{
	struct balance e = { a->correction, 1, 1 };
	unsigned size = a->size > b->size ? a->size : b->size;
	struct he_ct like = *a;
	uint64_t *to;
	size_t cap;
	int err;

	if ((err = check_pair(a, b, w)) != 0 || (err = he_result_begin(r, size * a->primes * a->ctx->n, &to, &cap, w)) != 0)
		return err;
	if (a->correction != b->correction)
		e = balance_of(a->correction, b->correction, &a->ctx->t);
	/* An operand that stands on both sides has one factor, so it is never scaled before its other half is read. */
	combine(to, a, b, &e, minus);
	like.correction = e.factor;
	return he_result_end(r, &like, size, to, cap, w);
}

int he_add_ct(struct he_ct *r, const struct he_ct *a, const struct he_ct *b, struct he_why *w)
{
	return add_or_sub(r, a, b, false, w);
}

int he_sub_ct(struct he_ct *r, const struct he_ct *a, const struct he_ct *b, struct he_why *w)
{
	return add_or_sub(r, a, b, true, w);
}

int he_negate(struct he_ct *r, const struct he_ct *a, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;
	struct he_ct like = *a;
	uint64_t *to;
	size_t cap;
	int err;

	if (a->size < 2)
		return he_fail(w, E_RANGE, "the ciphertext is empty");
	if ((err = he_result_begin(r, a->size * a->primes * c->n, &to, &cap, w)) != 0)
		return err;
	for (unsigned i = 0; i < a->size * a->primes; i++)
		c->kern->neg(to + i * c->n, a->w + i * c->n, c->n, c->mods[i % a->primes]);
	return he_result_end(r, &like, like.size, to, cap, w);
}

/* --- plaintexts ---------------------------------------------------------------------------------------------------- */

static int check_plain(const struct he_ct *a, const struct he_pt *p, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;
	bool is_ckks = c->p.scheme == HE_CKKS;

	if (c != p->ctx || a->size < 2 || p->count == 0)
		return he_fail(w, E_RANGE, "ciphertext or plaintext is empty or of other parameters");
	if (a->ntt != he_scheme_is_ntt(c->p.scheme))
		return he_fail(w, E_RANGE, "the ciphertext is not in the form of its scheme; transform it");
	if (is_ckks ? p->primes != a->primes : p->primes != 0)
		return he_fail(w, E_RANGE, is_ckks ? "levels of ciphertext and plaintext differ; encode it for %u primes"
		                                   : "the plaintext must be in coefficient form, not of %u primes",
		               is_ckks ? a->primes : p->primes);
	if (is_ckks && !is_close(a->scale, p->scale))
		return he_fail(w, E_RANGE, "scales differ (%g and %g); encode it at the ciphertext's", a->scale, p->scale);
	return 0;
}

/* round(Q m / t) modulo prime j. */
static void scale_up(uint64_t *to, const struct he_pt *p, const struct he_level *l, unsigned j)
{
	const struct he_ctx *c = p->ctx;
	const struct he_mod *m = c->mods[j];

	for (size_t i = 0; i < p->count; i++) {
		uint64_t fix = (uint64_t)(((unsigned __int128)l->q_mod_t * p->w[i] + l->half_up) / c->p.t);

		to[i] = he_add(he_mul_const(p->w[i], l->delta[j], m->q), he_reduce64(fix, m), m->q);
	}
	memset(to + p->count, 0, (c->n - p->count) * sizeof(*to));
}

/* The value times the correction factor, in (-t/2, t/2], modulo prime j in NTT form. */
static void lift(uint64_t *to, const struct he_pt *p, uint64_t correction, unsigned j)
{
	const struct he_ctx *c = p->ctx;
	const struct he_mod *m = c->mods[j];
	uint64_t t = c->p.t, below = m->q - he_reduce64(t, m);

	for (size_t i = 0; i < p->count; i++) {
		uint64_t v = he_mul(p->w[i], correction, &c->t), far = -(uint64_t)(v >= (t + 1) / 2);

		to[i] = he_reduce64(he_reduce64(v, m) + (below & far), m);
	}
	memset(to + p->count, 0, (c->n - p->count) * sizeof(*to));
	he_ntt_forward(&c->ntt[j], to);
}

static int plain(struct he_ct *r, const struct he_ct *a, const struct he_pt *p, bool minus, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;
	uint64_t *tmp = NULL;
	size_t cap = 0;
	int err;

	if ((err = check_plain(a, p, w)) != 0)
		return err;
	if ((err = he_words_reserve(&tmp, &cap, c->n)) != 0 || (err = he_ct_copy(r, a)) != 0) {
		free(tmp);
		return he_fail(w, err, "out of memory");
	}
	for (unsigned j = 0; j < r->primes; j++) {
		uint64_t *to = r->w + j * c->n;
		const uint64_t *by = tmp;

		if (c->p.scheme == HE_BFV)
			scale_up(tmp, p, &c->level[r->primes], j);
		else if (c->p.scheme == HE_BGV)
			lift(tmp, p, r->correction, j);
		else
			by = p->w + j * c->n;
		(minus ? c->kern->sub : c->kern->add)(to, to, by, c->n, c->mods[j]);
	}
	/* The plaintext may be nobody else's business. */
	explicit_bzero(tmp, c->n * sizeof(*tmp));
	free(tmp);
	return 0;
}

int he_add_plain(struct he_ct *r, const struct he_ct *a, const struct he_pt *p, struct he_why *w)
{
	return plain(r, a, p, false, w);
}

int he_sub_plain(struct he_ct *r, const struct he_ct *a, const struct he_pt *p, struct he_why *w)
{
	return plain(r, a, p, true, w);
}
