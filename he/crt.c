/* SPDX-License-Identifier: Apache-2.0 */
/* The Chinese remainder theorem in words: sums below Q, then the centred representative. */
#include "he/crt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "he/he_priv.h"

enum { WORDS = HE_MAX_PRIMES }; /* primes have at most 60 bits: room for 2Q */

struct he_crt {
	const struct he_ctx *c;
	unsigned primes, words;
	struct he_const inverse[HE_MAX_PRIMES];  /* (Q / q_j)^-1 modulo q_j */
	uint64_t but[HE_MAX_PRIMES][WORDS];      /* Q / q_j */
	uint64_t whole[WORDS], half[WORDS];      /* Q, (Q + 1) / 2 */
	uint64_t value[WORDS], minus, seen[WORDS]; /* the value in hand, all ones when negative; wiped by he_crt_free */
};

/* r = r * f */
static void scale(uint64_t *r, unsigned words, uint64_t f)
{
	uint64_t carry = 0;

	for (unsigned i = 0; i < words; i++) {
		unsigned __int128 v = (unsigned __int128)r[i] * f + carry;

		r[i] = (uint64_t)v;
		carry = (uint64_t)(v >> 64);
	}
}

/* r = a - b, the borrow as 0 or 1. */
static uint64_t subtract(uint64_t *r, const uint64_t *a, const uint64_t *b, unsigned words)
{
	uint64_t borrow = 0;

	for (unsigned i = 0; i < words; i++) {
		unsigned __int128 v = (unsigned __int128)a[i] - b[i] - borrow;

		r[i] = (uint64_t)v;
		borrow = (uint64_t)(v >> 64) & 1;
	}
	return borrow;
}

static void choose(uint64_t *r, const uint64_t *a, const uint64_t *b, uint64_t mask, unsigned words)
{
	for (unsigned i = 0; i < words; i++)
		r[i] = (a[i] & mask) | (b[i] & ~mask);
}

struct he_crt *he_crt_new(const struct he_ctx *c, unsigned primes)
{
	struct he_crt *k = calloc(1, sizeof(*k));
	unsigned i, j;
	uint64_t carry = 1;

	if (k == NULL)
		return NULL;
	k->c = c;
	k->primes = primes;
	k->words = he_product_bits(&c->p, primes) / 64 + 1;
	k->whole[0] = 1;
	for (j = 0; j < primes; j++) {
		const struct he_mod *m = c->mods[j];
		uint64_t product = 1;

		scale(k->whole, k->words, m->q);
		k->but[j][0] = 1;
		for (i = 0; i < primes; i++)
			if (i != j) {
				scale(k->but[j], k->words, c->p.q[i]);
				product = he_mul(product, he_reduce64(c->p.q[i], m), m);
			}
		k->inverse[j] = he_const_make(he_inv(product, m), m->q);
	}
	for (i = k->words; i-- > 0;)
		k->half[i] = k->whole[i] >> 1 | (i + 1 < k->words ? k->whole[i + 1] << 63 : 0);
	for (i = 0; i < k->words; i++)
		carry = (k->half[i] += carry) < carry;
	return k;
}

void he_crt_free(struct he_crt *k)
{
	if (k)
		explicit_bzero(k, sizeof(*k));
	free(k);
}

static void compose(struct he_crt *k, const uint64_t *a, size_t stride)
{
	uint64_t less[WORDS], *v = k->value;
	unsigned i, j;

	memset(v, 0, sizeof(k->value));
	for (j = 0; j < k->primes; j++) {
		uint64_t y = he_mul_const(a[j * stride], k->inverse[j], k->c->p.q[j]), carry = 0, borrow;

		for (i = 0; i < k->words; i++) {
			unsigned __int128 t = (unsigned __int128)k->but[j][i] * y + v[i] + carry;

			v[i] = (uint64_t)t;
			carry = (uint64_t)(t >> 64);
		}
		borrow = subtract(less, v, k->whole, k->words);
		choose(v, v, less, -borrow, k->words);
	}
	k->minus = subtract(less, v, k->half, k->words) - 1;
	subtract(less, k->whole, v, k->words);
	choose(v, less, v, k->minus, k->words);
	explicit_bzero(less, sizeof(less));
}

double he_crt_real(struct he_crt *k, const uint64_t *a, size_t stride)
{
	double sum = 0;

	compose(k, a, stride);
	for (unsigned i = 0; i < k->words; i++)
		sum += ldexp((double)k->value[i], 64 * (int)i);
	return sum * (1 - 2 * (double)(k->minus & 1));
}

void he_crt_gather(struct he_crt *k, const uint64_t *a, size_t stride)
{
	compose(k, a, stride);
	for (unsigned i = 0; i < k->words; i++)
		k->seen[i] |= k->value[i];
}

unsigned he_crt_gathered_bits(const struct he_crt *k)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < k->words; i++)
		for (unsigned j = 0; j < 64; j++) {
			uint64_t is_set = he_mask(-(k->seen[i] >> j & 1));

			bits = ((64 * i + j + 1) & is_set) | (bits & ~is_set);
		}
	return (unsigned)bits;
}
