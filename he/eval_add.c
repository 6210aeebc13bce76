/* SPDX-License-Identifier: Apache-2.0 */
/* Sums: ciphertexts added, subtracted, negated. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "he/he_priv.h"

#include "cse/base/check.h"
#include "cse/base/err.h"

bool he_scales_agree(double a, double b)
{
	double most = fmax(fmax(fabs(a), fabs(b)), 1.0);

	return fabs(a - b) < DBL_EPSILON * most;
}

int he_scale_check(const struct he_ctx *c, double scale, unsigned primes, struct he_why *w)
{
	if (scale <= 0 || !isnormal(scale) || log2(scale) >= (double)he_product_bits(&c->p, primes))
		return he_fail(w, E_LIMIT, "a scale of %g does not fit %u bits of modulus; encode at another scale, or rescale before", scale,
		               he_product_bits(&c->p, primes));
	return 0;
}

static int check_pair(const struct he_ct *a, const struct he_ct *b, struct he_why *w)
{
	if (a->ctx != b->ctx || a->size < 2 || b->size < 2)
		return he_fail(w, E_RANGE, "the ciphertexts are empty or of different parameters");
	if (a->primes != b->primes)
		return he_fail(w, E_RANGE, "levels differ (%u and %u primes); switch one down", a->primes, b->primes);
	if (a->ntt != b->ntt)
		return he_fail(w, E_RANGE, "one is in NTT form, one is not; transform one");
	if (!he_scales_agree(a->scale, b->scale))
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

static uint64_t signed_mod(int64_t v, uint64_t t)
{
	uint64_t size = (uint64_t)llabs(v) % t;

	return v < 0 ? he_neg(size, t) : size;
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
		if (am != 0 && he_is_coprime(am, t->q) && centred_sum(am, bm, t->q) < least) {
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
