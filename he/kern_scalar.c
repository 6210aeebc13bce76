/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels in plain C, which all others must equal; and the choice among them. */
#include "he/ntt_priv.h"

#include <string.h>

#include "cse/base/check.h"

static void add(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t n, const struct he_mod *m)
{
	for (size_t i = 0; i < n; i++)
		r[i] = he_add(a[i], b[i], m->q);
}

static void sub(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t n, const struct he_mod *m)
{
	for (size_t i = 0; i < n; i++)
		r[i] = he_sub(a[i], b[i], m->q);
}

static void neg(uint64_t *r, const uint64_t *a, size_t n, const struct he_mod *m)
{
	for (size_t i = 0; i < n; i++)
		r[i] = he_neg(a[i], m->q);
}

static void mul(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t n, const struct he_mod *m)
{
	const struct he_mod mod = *m;

	for (size_t i = 0; i < n; i++)
		r[i] = he_reduce_product((unsigned __int128)a[i] * b[i], &mod);
}

static void muladd(uint64_t *r, const uint64_t *a, const uint64_t *b, const uint64_t *c, size_t n, const struct he_mod *m)
{
	const struct he_mod mod = *m;

	for (size_t i = 0; i < n; i++)
		r[i] = he_reduce_product((unsigned __int128)a[i] * b[i] + c[i], &mod);
}

static void mul_const(uint64_t *r, const uint64_t *a, struct he_const c, size_t n, const struct he_mod *m)
{
	for (size_t i = 0; i < n; i++)
		r[i] = he_mul_const(a[i], c, m->q);
}

static void muladd_const(uint64_t *r, const uint64_t *a, struct he_const c, size_t n, const struct he_mod *m)
{
	for (size_t i = 0; i < n; i++)
		r[i] = he_add(r[i], he_mul_const(a[i], c, m->q), m->q);
}

/* A sum of up to 48 products has 6 bits more than q^2. */
enum { SUMS_OF_PRODUCTS = 55 };

#define ALWAYS static inline __attribute__((always_inline))

ALWAYS uint64_t reduced(unsigned __int128 sum, const struct he_mod *m, bool is_small)
{
	return is_small ? he_reduce_product(sum, m) : he_reduce128(sum, m);
}

ALWAYS void dot_of(uint64_t *r, const uint64_t *const *a, const uint64_t *const *b, unsigned k, size_t n, const struct he_mod *m,
                   bool is_small)
{
	const struct he_mod mod = *m;

	for (size_t i = 0; i < n; i++) {
		unsigned __int128 sum = 0;

		for (unsigned j = 0; j < k; j++)
			sum += (unsigned __int128)a[j][i] * b[j][i];
		r[i] = reduced(sum, &mod, is_small);
	}
}

/* Products have at most 122 bits: 48 of them fit.  Most sums are of a number that the compiler should know. */
static void dot(uint64_t *r, const uint64_t *const *a, const uint64_t *const *b, unsigned k, size_t n, const struct he_mod *m)
{
	if (m->bits > SUMS_OF_PRODUCTS)
		dot_of(r, a, b, k, n, m, false);
	else if (k == 4)
		dot_of(r, a, b, 4, n, m, true);
	else if (k == 2)
		dot_of(r, a, b, 2, n, m, true);
	else
		dot_of(r, a, b, k, n, m, true);
}

ALWAYS void dot_const_of(uint64_t *r, const uint64_t *const *a, const struct he_const *c, unsigned k, size_t n,
                         const struct he_mod *m, bool is_small)
{
	const struct he_mod mod = *m;
	uint64_t w[HE_DOT_MOST];

	for (unsigned j = 0; j < k; j++)
		w[j] = c[j].w;
	for (size_t i = 0; i < n; i++) {
		unsigned __int128 sum = 0;

		for (unsigned j = 0; j < k; j++)
			sum += (unsigned __int128)a[j][i] * w[j];
		r[i] = reduced(sum, &mod, is_small);
	}
}

static void dot_const(uint64_t *r, const uint64_t *const *a, const struct he_const *c, unsigned k, size_t n,
                      const struct he_mod *m, bool narrow)
{
	if (narrow && k == 2)
		dot_const_of(r, a, c, 2, n, m, true);
	else if (narrow && k == 4)
		dot_const_of(r, a, c, 4, n, m, true);
	else if (narrow && k == 8)
		dot_const_of(r, a, c, 8, n, m, true);
	else if (narrow)
		dot_const_of(r, a, c, k, n, m, true);
	else
		dot_const_of(r, a, c, k, n, m, false);
}

static void reduce(uint64_t *r, const uint64_t *a, size_t n, const struct he_mod *m)
{
	for (size_t i = 0; i < n; i++)
		r[i] = he_reduce64(a[i], m);
}

static bool below(const void *a, size_t n, uint64_t q)
{
	const unsigned char *p = a;
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		uint64_t v;

		memcpy(&v, p + i * sizeof(v), sizeof(v));
		ok &= v < q;
	}
	return ok;
}

static void estimate(uint64_t *r, const uint64_t *const *a, const double *q, unsigned k, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double sum = 0;

		for (unsigned j = 0; j < k; j++)
			sum += (double)(int64_t)a[j][i] / q[j];
		r[i] = (uint64_t)(int64_t)(sum + 0.5);
	}
}

const struct he_kernels he_kern_scalar = { HE_SCALAR, add, sub, neg, mul, muladd, mul_const, muladd_const,
	                                   dot, dot_const, reduce, below, estimate };
