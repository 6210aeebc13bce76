/* SPDX-License-Identifier: Apache-2.0 */
/* Key switching: relinearization, and the automorphisms that rotate slots. */
#include <stdlib.h>
#include <string.h>

#include "he/he_priv.h"

#include "cse/base/check.h"
#include "cse/base/err.h"

enum { DIGITS = 4, SCRATCH = 3 }; /* digits in hand at a time; what a division needs */

/*
 * Words of one switch: the input in coefficient form, some of its digits modulo one prime, both sums with the special prime's
 * residue last.  Digits are taken a few at a time, so that memory grows by three residues a prime and not by more.
 */
struct work {
	uint64_t *w;
	size_t cap;
	uint64_t *in, *digit, *sum[2];
	uint64_t *turned;    /* for automorphisms: the input in NTT form, and where its values come from */
	uint32_t *index;
	const uint64_t *ntt; /* the input in NTT form, or NULL */
};

static int work_init(struct work *k, const struct he_ctx *c, unsigned primes, bool is_galois, struct he_why *why)
{
	unsigned digits = primes < SCRATCH ? SCRATCH : primes < DIGITS ? primes : DIGITS;

	*k = (struct work){ 0 };
	if (he_words_reserve(&k->w, &k->cap, (3 * primes + 2 + digits + (is_galois ? primes + 1 : 0)) * c->n) != 0)
		return he_fail(why, E_NOMEM, "out of memory");
	k->in = k->w;
	k->digit = k->in + primes * c->n;
	k->sum[0] = k->digit + digits * c->n;
	k->sum[1] = k->sum[0] + (primes + 1) * c->n;
	if (is_galois) {
		k->turned = k->sum[1] + (primes + 1) * c->n;
		k->index = (uint32_t *)(void *)(k->turned + primes * c->n);
	}
	return 0;
}

/* Digit j of k->in modulo prime `at`, in NTT form, at `to` or where it is already. */
static const uint64_t *digit(const struct he_ctx *c, const struct work *k, unsigned j, unsigned at, uint64_t *to)
{
	const uint64_t *from = k->in + j * c->n;

	if (j == at && k->ntt)
		return k->ntt + j * c->n;
	/* The transform takes what is below 4q. */
	if (c->p.q[j] / 4 < c->p.q[at])
		memcpy(to, from, c->n * sizeof(*to));
	else
		c->kern->reduce(to, from, c->n, c->mods[at]);
	he_ntt_forward(&c->ntt[at], to);
	return to;
}

/* sum[side] residue i = the digits times the key's parts, modulo prime `at`. */
static void multiply_digits(const struct he_ctx *c, unsigned primes, const struct work *k, const struct he_ct *part, unsigned i,
                            unsigned at)
{
	const uint64_t *a[DIGITS], *b[DIGITS];
	size_t one = c->n;

	for (unsigned from = 0; from < primes; from += DIGITS) {
		unsigned n = primes - from < DIGITS ? primes - from : DIGITS, j;

		for (j = 0; j < n; j++)
			a[j] = digit(c, k, from + j, at, k->digit + j * one);
		for (unsigned side = 0; side < 2; side++) {
			uint64_t *sum = k->sum[side] + i * one;

			for (j = 0; j < n; j++)
				b[j] = part[from + j].w + (side * c->p.k + at) * one;
			if (from == 0)
				c->kern->dot(sum, a, b, n, one, c->mods[at]);
			for (j = 0; from > 0 && j < n; j++)
				c->kern->muladd(sum, a[j], b[j], sum, one, c->mods[at]);
		}
	}
}

/* Adds to `to` (two polynomials) what switches k->in to the secret. */
static void switch_key(const struct he_ctx *c, unsigned primes, const struct work *k, const struct he_ct *part, uint64_t *to)
{
	bool ntt = he_scheme_is_ntt(c->p.scheme);

	for (unsigned i = 0; i <= primes; i++)
		multiply_digits(c, primes, k, part, i, i < primes ? i : c->p.k - 1);
	for (unsigned side = 0; side < 2; side++) {
		for (unsigned j = 0; !ntt && j <= primes; j++)
			he_ntt_inverse(&c->ntt[j < primes ? j : c->p.k - 1], k->sum[side] + j * c->n);
		he_divide(c, k->sum[side], k->sum[side], primes, c->p.k - 1, ntt, NULL, k->digit);
		for (unsigned j = 0; j < primes; j++) {
			uint64_t *at = to + (side * primes + j) * c->n;

			c->kern->add(at, at, k->sum[side] + j * c->n, c->n, c->mods[j]);
		}
	}
}

static int check(const struct he_ct *a, const struct he_ksk *k, bool is_galois, struct he_why *w)
{
	if (a->size < 2 || k->ctx != a->ctx || k->is_galois != is_galois || k->n == 0)
		return he_fail(w, E_RANGE, "ciphertext or %s keys are empty or of other parameters",
		               is_galois ? "Galois" : "relinearization");
	if (a->ntt != he_scheme_is_ntt(a->ctx->p.scheme))
		return he_fail(w, E_RANGE, "the ciphertext is not in the form of its scheme; transform it");
	return 0;
}

static void to_coefficients(const struct he_ctx *c, unsigned primes, uint64_t *a)
{
	for (unsigned j = 0; he_scheme_is_ntt(c->p.scheme) && j < primes; j++)
		he_ntt_inverse(&c->ntt[j], a + j * c->n);
}

int he_relinearize(struct he_ct *r, const struct he_ct *a, const struct he_ksk *relin, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;
	size_t poly = a->primes * c->n, cap;
	struct he_ct like = *a;
	struct work k;
	uint64_t *to;
	int err;

	if ((err = check(a, relin, false, w)) != 0)
		return err;
	if (a->size > 3)
		return he_fail(w, E_LIMIT, "%u polynomials; relinearize after each product", a->size);
	if (a->size == 2)
		return he_ct_copy(r, a) == 0 ? 0 : he_fail(w, E_NOMEM, "out of memory");
	if ((err = work_init(&k, c, a->primes, false, w)) != 0)
		return err;
	if ((err = he_result_begin(r, 2 * poly, &to, &cap, w)) == 0) {
		if (to != a->w)
			memcpy(to, a->w, 2 * poly * sizeof(uint64_t));
		memcpy(k.in, a->w + 2 * poly, poly * sizeof(uint64_t));
		if (a->ntt)
			k.ntt = a->w + 2 * poly;
		to_coefficients(c, a->primes, k.in);
		switch_key(c, a->primes, &k, relin->entry[0].part, to);
		err = he_result_end(r, &like, 2, to, cap, w);
	}
	free(k.w);
	return err;
}

void he_permute_index(const struct he_ctx *c, uint32_t g, uint32_t *index)
{
	size_t mask = 2 * c->n - 1;

	for (size_t i = 0; i < c->n; i++)
		index[i] = c->rev[(g * (2 * (size_t)c->rev[i] + 1) & mask) / 2];
}

/* One residue of a(X^g): in NTT form by that index, in coefficient form places and signs. */
static void permute_ntt(const struct he_ctx *c, uint64_t *to, const uint64_t *from, const uint32_t *index)
{
	for (size_t i = 0; i < c->n; i++)
		to[i] = from[index[i]];
}

static void permute(const struct he_ctx *c, uint64_t *to, const uint64_t *from, uint32_t g, uint64_t q)
{
	size_t n = c->n, mask = 2 * n - 1, at = 0;

	for (size_t i = 0; i < n; i++, at = (at + g) & mask) {
		uint64_t minus = -(uint64_t)(at >= n);

		to[at & (n - 1)] = (he_neg(from[i], q) & minus) | (from[i] & ~minus);
	}
}

static const struct he_ksk_entry *find(const struct he_ksk *k, uint32_t g)
{
	for (size_t lo = 0, hi = k->n; lo < hi;) {
		size_t mid = (lo + hi) / 2;

		if (k->entry[mid].galois == g)
			return &k->entry[mid];
		if (k->entry[mid].galois < g)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* a(X^g): the first polynomial to k->sum[0], the second to k->in, and to k->turned when in NTT form. */
static void turn(struct work *k, const struct he_ct *a, uint32_t g)
{
	const struct he_ctx *c = a->ctx;
	const uint64_t *second = a->w + a->primes * c->n;

	if (a->ntt)
		he_permute_index(c, g, k->index);
	for (unsigned j = 0; j < a->primes; j++) {
		size_t at = j * c->n;

		if (a->ntt) {
			permute_ntt(c, k->sum[0] + at, a->w + at, k->index);
			permute_ntt(c, k->turned + at, second + at, k->index);
			memcpy(k->in + at, k->turned + at, c->n * sizeof(*second));
		} else {
			permute(c, k->sum[0] + at, a->w + at, g, c->p.q[j]);
			permute(c, k->in + at, second + at, g, c->p.q[j]);
		}
	}
	k->ntt = a->ntt ? k->turned : NULL;
}

int he_apply_galois(struct he_ct *r, const struct he_ct *a, uint32_t g, const struct he_ksk *galois, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;
	size_t poly = a->primes * c->n, cap;
	const struct he_ksk_entry *key;
	struct he_ct like = *a;
	struct work k;
	uint64_t *to;
	int err;

	if ((err = check(a, galois, true, w)) != 0)
		return err;
	if (a->size > 2)
		return he_fail(w, E_LIMIT, "%u polynomials; relinearize before a rotation", a->size);
	if ((key = find(galois, g)) == NULL)
		return he_fail(w, E_ABSENT, "there is no Galois key for the element %u; make one", g);
	if ((err = work_init(&k, c, a->primes, true, w)) != 0)
		return err;
	if ((err = he_result_begin(r, 2 * poly, &to, &cap, w)) == 0) {
		turn(&k, a, g);
		memcpy(to, k.sum[0], poly * sizeof(*to));
		memset(to + poly, 0, poly * sizeof(*to));
		to_coefficients(c, a->primes, k.in);
		switch_key(c, a->primes, &k, key->part, to);
		err = he_result_end(r, &like, 2, to, cap, w);
	}
	free(k.w);
	return err;
}

/* Elements alone turn whatever they are asked to; rows and columns are of batches. */
static int check_rows(const struct he_ct *a, const struct he_ksk *k, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;

	if (c->p.scheme != HE_CKKS && !c->can_batch)
		return he_fail(w, E_UNSUPPORTED, "rotations need a plain modulus that is a prime and 1 modulo %zu", 2 * c->n);
	return check(a, k, true, w);
}

/* The element that rotates by that many steps to the left (-n/2 < steps < n/2, not 0). */
static uint32_t element_of(const struct he_ctx *c, int steps)
{
	size_t half = c->n / 2, times = steps > 0 ? (size_t)steps : half - (size_t)-steps, g = 1;

	for (; times; times--)
		g = g * 3 & (2 * c->n - 1);
	return (uint32_t)g;
}

/* The elements of the steps' non-adjacent form, lowest digit first; a step of n/2 changes nothing.  How many. */
static unsigned compose(const struct he_ctx *c, int steps, uint32_t element[HE_MAX_LOG_N + 1])
{
	int half = (int)(c->n / 2), left = abs(steps), bit;
	unsigned n = 0;

	for (bit = 1; left; left >>= 1, bit *= 2) {
		int digit = left & 1 ? 2 - (left & 3) : 0;

		left -= digit;
		if (digit && bit != half)
			element[n++] = element_of(c, (steps < 0 ? -digit : digit) * bit);
	}
	return n;
}

int he_rotate(struct he_ct *r, const struct he_ct *a, int steps, const struct he_ksk *galois, struct he_why *w)
{
	int half = (int)(a->ctx->n / 2), err = 0;
	uint32_t element[HE_MAX_LOG_N + 1];
	unsigned n, i;

	if ((err = check_rows(a, galois, w)) != 0)
		return err;
	if (steps <= -half || steps >= half)
		return he_fail(w, E_RANGE, "%d steps; fewer than %d to either side are possible", steps, half);
	if (steps == 0)
		return he_ct_copy(r, a) == 0 ? 0 : he_fail(w, E_NOMEM, "out of memory");
	if (find(galois, element_of(a->ctx, steps)))
		return he_apply_galois(r, a, element_of(a->ctx, steps), galois, w);
	n = compose(a->ctx, steps, element);
	for (i = 0; i < n; i++)
		if (find(galois, element[i]) == NULL)
			return he_fail(w, E_ABSENT, "there is no Galois key for %d steps, nor for the element %u of its parts; make one",
			               steps, element[i]);
	for (i = 0; i < n && err == 0; i++)
		err = he_apply_galois(r, i == 0 ? a : r, element[i], galois, w);
	return err;
}

int he_rotate_columns(struct he_ct *r, const struct he_ct *a, const struct he_ksk *galois, struct he_why *w)
{
	int err = check_rows(a, galois, w);

	return err ? err : he_apply_galois(r, a, (uint32_t)(2 * a->ctx->n - 1), galois, w);
}

int he_sum_slots(struct he_ct *r, const struct he_ct *a, const struct he_ksk *galois, struct he_why *w)
{
	int half = (int)(a->ctx->n / 2), steps, err;
	struct he_ct sum, turned;

	if ((err = check_rows(a, galois, w)) != 0)
		return err;
	he_ct_init(&sum, a->ctx);
	he_ct_init(&turned, a->ctx);
	if (he_ct_copy(&sum, a) != 0)
		err = he_fail(w, E_NOMEM, "out of memory");
	for (steps = 1; err == 0 && steps < half; steps *= 2)
		if ((err = he_rotate(&turned, &sum, steps, galois, w)) == 0)
			err = he_add_ct(&sum, &sum, &turned, w);
	/* The other row; the complex slots of CKKS are one row and its conjugates. */
	if (err == 0 && a->ctx->p.scheme != HE_CKKS && (err = he_rotate_columns(&turned, &sum, galois, w)) == 0)
		err = he_add_ct(&sum, &sum, &turned, w);
	if (err == 0) {
		free(r->w);
		*r = sum;
	} else {
		he_ct_fini(&sum);
	}
	he_ct_fini(&turned);
	return err;
}
