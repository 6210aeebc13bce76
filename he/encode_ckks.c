/* SPDX-License-Identifier: Apache-2.0 */
/* CKKSEncoder: n/2 complex slots; slot i is the polynomial at zeta^(3^i), divided by the scale, zeta = exp(i pi / n). */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "he/crt.h"
#include "he/he_priv.h"

#include "cse/base/check.h"
#include "cse/base/err.h"

struct complex2 {
	double re, im;
};

static struct complex2 times(struct complex2 a, struct complex2 b)
{
	return (struct complex2){ a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re };
}

static struct complex2 root_at(const struct he_ctx *c, size_t i)
{
	return (struct complex2){ c->root[2 * i], c->root[2 * i + 1] };
}

static void space_free(struct complex2 *v, const struct he_ctx *c)
{
	if (v)
		explicit_bzero(v, c->n * sizeof(*v));
	free(v);
}

/* As the transform of ntt.c, with the conjugate roots; the last stage multiplies with fix. */
static void to_coefficients(struct complex2 *v, const struct he_ctx *c, double fix)
{
	size_t n = c->n, m, gap, i, j;
	struct complex2 last = root_at(c, 1);

	for (m = n / 2, gap = 1; m > 1; m /= 2, gap *= 2)
		for (i = 0; i < m; i++) {
			struct complex2 w = root_at(c, m + i), *x = v + 2 * i * gap, *y = x + gap;

			w.im = -w.im;
			for (j = 0; j < gap; j++) {
				struct complex2 a = x[j], b = y[j];

				x[j] = (struct complex2){ a.re + b.re, a.im + b.im };
				y[j] = times((struct complex2){ a.re - b.re, a.im - b.im }, w);
			}
		}
	for (j = 0; j < n / 2; j++) {
		struct complex2 a = v[j], b = v[j + n / 2], w = { last.re * fix, -last.im * fix };

		v[j] = (struct complex2){ (a.re + b.re) * fix, (a.im + b.im) * fix };
		v[j + n / 2] = times((struct complex2){ a.re - b.re, a.im - b.im }, w);
	}
}

static void to_slots(struct complex2 *v, const struct he_ctx *c)
{
	size_t n = c->n, m, gap, i, j;

	for (m = 1, gap = n / 2; m < n; m *= 2, gap /= 2)
		for (i = 0; i < m; i++) {
			struct complex2 w = root_at(c, m + i), *x = v + 2 * i * gap, *y = x + gap;

			for (j = 0; j < gap; j++) {
				struct complex2 a = x[j], b = times(y[j], w);

				x[j] = (struct complex2){ a.re + b.re, a.im + b.im };
				y[j] = (struct complex2){ a.re - b.re, a.im - b.im };
			}
		}
}

/* Real coefficients of up to `parts` times 60 bits, rounded, modulo m.  No branch on a value. */
static void to_residues(uint64_t *to, const struct complex2 *v, size_t n, unsigned parts, const struct he_mod *m)
{
	double top = ldexp(1.0, 60 * (int)(parts - 1));
	struct he_const step = he_const_make(he_reduce64(1ULL << 60, m), m->q);

	for (size_t i = 0; i < n; i++) {
		double left = fabs(v[i].re), unit = top;
		uint64_t digit = (uint64_t)(int64_t)(left / unit), r = he_reduce64(digit, m), minus = -(uint64_t)(v[i].re < 0);

		for (unsigned more = parts; more > 1; more--) {
			left -= (double)digit * unit;
			unit /= 0x1p60;
			digit = (uint64_t)(int64_t)(left / unit);
			r = he_add(he_mul_const(r, step, m->q), he_reduce64(digit, m), m->q);
		}
		to[i] = (he_neg(r, m->q) & minus) | (r & ~minus);
	}
}

/* spare: bits that the modulus must have beyond the scale's, as SEAL asks. */
static int check_encode(const struct he_ctx *c, size_t n, double scale, unsigned primes, unsigned spare, struct he_why *w)
{
	if (c->p.scheme != HE_CKKS)
		return he_fail(w, E_UNSUPPORTED, "real numbers need CKKS");
	if (n > c->n / 2)
		return he_fail(w, E_LIMIT, "%zu values; there are %zu slots", n, c->n / 2);
	if (primes == 0 || primes > c->data)
		return he_fail(w, E_RANGE, "there is no level of %u primes; 1 to %u are possible", primes, c->data);
	if (!(scale > 0) || !isnormal(scale) || trunc(log2(scale)) + spare >= (double)he_product_bits(&c->p, primes))
		return he_fail(w, E_RANGE, "the scale must be positive and below the modulus");
	return 0;
}

/* Coefficients rounded; how many digits of 60 bits the largest has, 0 when it does not fit. */
static unsigned round_all(struct complex2 *v, const struct he_ctx *c, unsigned primes)
{
	bool are_finite = true;
	double most = 1;
	size_t i;

	for (i = 0; i < c->n; i++) {
		v[i].re = round(v[i].re);
		most = fmax(most, fabs(v[i].re));
		/* fmax passes over what is no number: infinities of both signs met. */
		are_finite &= isfinite(v[i].re) != 0;
	}
	if (!are_finite || ceil(log2(most)) + 1 >= (double)he_product_bits(&c->p, primes))
		return 0;
	return (unsigned)(log2(most) / 60) + 1;
}

int he_encode_ckks(struct he_pt *r, const double *v, size_t n, bool is_complex, double scale, unsigned primes, struct he_why *w)
{
	const struct he_ctx *c = r->ctx;
	size_t power = 1, i, mask = 2 * c->n - 1;
	struct complex2 *space;
	unsigned parts, j;
	int err;

	if ((err = check_encode(c, n, scale, primes, 1, w)) != 0)
		return err;
	for (i = 0; i < n << is_complex; i++)
		if (!isfinite(v[i]))
			return he_fail(w, E_RANGE, "value %zu is not a number", i >> is_complex);
	space = calloc(c->n, sizeof(*space));
	if (space == NULL || he_pt_reserve(r, primes * c->n) != 0) {
		space_free(space, c);
		return he_fail(w, E_NOMEM, "out of memory");
	}
	for (i = 0; i < n; i++, power = power * 3 & mask) {
		struct complex2 z = { v[is_complex ? 2 * i : i], is_complex ? v[2 * i + 1] : 0 };

		space[c->rev[(power - 1) / 2]] = z;
		space[c->rev[(2 * c->n - power - 1) / 2]] = (struct complex2){ z.re, -z.im };
	}
	to_coefficients(space, c, scale / (double)c->n);
	parts = round_all(space, c, primes);
	for (j = 0; parts && j < primes; j++) {
		to_residues(r->w + j * c->n, space, c->n, parts, c->mods[j]);
		he_ntt_forward(&c->ntt[j], r->w + j * c->n);
	}
	space_free(space, c);
	if (parts == 0)
		return he_fail(w, E_RANGE, "the values times the scale exceed the modulus; take a smaller scale");
	r->primes = primes;
	r->count = primes * c->n;
	r->scale = scale;
	return 0;
}

int he_decode_ckks(double *v, size_t n, bool is_complex, const struct he_pt *p, struct he_why *w)
{
	const struct he_ctx *c = p->ctx;
	size_t power = 1, i, mask = 2 * c->n - 1, cap = 0;
	struct complex2 *space;
	struct he_crt *crt = NULL;
	uint64_t *a = NULL;
	int err;

	if ((err = check_encode(c, n, p->scale, p->primes, 0, w)) != 0)
		return err;
	space = calloc(c->n, sizeof(*space));
	if (space == NULL || he_words_reserve(&a, &cap, p->primes * c->n) != 0 || (crt = he_crt_new(c, p->primes)) == NULL) {
		err = he_fail(w, E_NOMEM, "out of memory");
		goto out;
	}
	memcpy(a, p->w, p->primes * c->n * sizeof(*a));
	for (unsigned j = 0; j < p->primes; j++)
		he_ntt_inverse(&c->ntt[j], a + j * c->n);
	for (i = 0; i < c->n; i++)
		space[i].re = he_crt_real(crt, a + i, c->n) / p->scale;
	to_slots(space, c);
	for (i = 0; i < n; i++, power = power * 3 & mask) {
		struct complex2 z = space[c->rev[(power - 1) / 2]];

		v[is_complex ? 2 * i : i] = z.re;
		if (is_complex)
			v[2 * i + 1] = z.im;
	}
out:
	if (a)
		explicit_bzero(a, p->primes * c->n * sizeof(*a));
	free(a);
	he_crt_free(crt);
	space_free(space, c);
	return err;
}
