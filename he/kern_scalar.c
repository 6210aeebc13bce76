/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels in plain C, which all others must equal; and the choice among them. */
#include "he/ntt_priv.h"

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
	for (size_t i = 0; i < n; i++)
		r[i] = he_mul(a[i], b[i], m);
}

static void muladd(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t n, const struct he_mod *m)
{
	for (size_t i = 0; i < n; i++)
		r[i] = he_reduce128((unsigned __int128)a[i] * b[i] + r[i], m);
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

/* Products have at most 122 bits: 48 of them fit. */
static void dot(uint64_t *r, const uint64_t *const *a, const uint64_t *const *b, unsigned k, size_t n, const struct he_mod *m)
{
	for (size_t i = 0; i < n; i++) {
		unsigned __int128 sum = 0;

		for (unsigned j = 0; j < k; j++)
			sum += (unsigned __int128)a[j][i] * b[j][i];
		r[i] = he_reduce128(sum, m);
	}
}

static void dot_const(uint64_t *r, const uint64_t *const *a, const struct he_const *c, unsigned k, size_t n,
                      const struct he_mod *m, bool narrow)
{
	(void)narrow;
	for (size_t i = 0; i < n; i++) {
		unsigned __int128 sum = 0;

		for (unsigned j = 0; j < k; j++)
			sum += (unsigned __int128)a[j][i] * c[j].w;
		r[i] = he_reduce128(sum, m);
	}
}

static void reduce(uint64_t *r, const uint64_t *a, size_t n, const struct he_mod *m)
{
	for (size_t i = 0; i < n; i++)
		r[i] = he_reduce64(a[i], m);
}

static bool below(const uint64_t *a, size_t n, uint64_t q)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		ok &= a[i] < q;
	return ok;
}

const struct he_kernels he_kern_scalar = { HE_SCALAR, add, sub, neg, mul, muladd, mul_const, muladd_const,
	                                   dot, dot_const, reduce, below };
