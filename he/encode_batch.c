/* SPDX-License-Identifier: Apache-2.0 */
/* BatchEncoder: two rows of n/2 values; value i of the first row is the polynomial at the root's power 3^i, of the second at -3^i. */
#include <stdlib.h>
#include <string.h>

#include "he/he_priv.h"

#include "cse/base/check.h"
#include "cse/base/err.h"

static int check(const struct he_ctx *c, size_t n, struct he_why *w)
{
	if (!c->can_batch)
		return he_fail(w, E_UNSUPPORTED, "batches need a plain modulus that is a prime and 1 modulo %zu", 2 * c->n);
	return n <= c->n ? 0 : he_fail(w, E_LIMIT, "%zu values; there are %zu slots", n, c->n);
}

int he_encode_batch(struct he_pt *r, const uint64_t *slots, size_t n, struct he_why *w)
{
	const struct he_ctx *c = r->ctx;
	size_t half = c->n / 2, power = 1, i;
	int err;

	if ((err = check(c, n, w)) != 0)
		return err;
	for (i = 0; i < n; i++)
		if (slots[i] >= c->p.t)
			return he_fail(w, E_RANGE, "value %zu is not below the plain modulus %llu", i, (unsigned long long)c->p.t);
	if (he_pt_reserve(r, c->n) != 0)
		return he_fail(w, E_NOMEM, "out of memory");
	for (i = 0; i < half; i++, power = power * 3 % (2 * c->n)) {
		r->w[c->rev[(power - 1) / 2]] = i < n ? slots[i] : 0;
		r->w[c->rev[(2 * c->n - power - 1) / 2]] = half + i < n ? slots[half + i] : 0;
	}
	he_ntt_inverse(&c->ntt_t, r->w);
	r->primes = 0;
	r->count = c->n;
	r->scale = 1.0;
	return 0;
}

int he_decode_batch(uint64_t *slots, size_t n, const struct he_pt *p, struct he_why *w)
{
	const struct he_ctx *c = p->ctx;
	size_t half = c->n / 2, power = 1, cap = 0, i;
	uint64_t *a = NULL;
	int err;

	if ((err = check(c, n, w)) != 0)
		return err;
	if (p->primes != 0 || p->count > c->n)
		return he_fail(w, E_RANGE, "the plaintext is not in coefficient form");
	if (he_words_reserve(&a, &cap, c->n) != 0)
		return he_fail(w, E_NOMEM, "out of memory");
	memset(a, 0, c->n * sizeof(*a));
	if (p->count)
		memcpy(a, p->w, p->count * sizeof(*a));
	he_ntt_forward(&c->ntt_t, a);
	for (i = 0; i < half; i++, power = power * 3 % (2 * c->n)) {
		if (i < n)
			slots[i] = a[c->rev[(power - 1) / 2]];
		if (half + i < n)
			slots[half + i] = a[c->rev[(2 * c->n - power - 1) / 2]];
	}
	explicit_bzero(a, c->n * sizeof(*a));
	free(a);
	return 0;
}
