/* SPDX-License-Identifier: Apache-2.0 */
/* What is computed once for a modulus: Barrett's constant, powers, inverses, primality, roots of unity. */
#include "he/mod.h"

#include <stddef.h>

#include "cse/base/check.h"

void he_mod_init(struct he_mod *m, uint64_t q)
{
	unsigned __int128 all = ~(unsigned __int128)0, r;

	REQUIRE(q >= 2 && q >> 61 == 0);
	/* 2^128 itself has no room, its predecessor has the same quotient unless q divides 2^128. */
	r = all / q + (all % q == q - 1);
	m->q = q;
	m->r_hi = (uint64_t)(r >> 64);
	m->r_lo = (uint64_t)r;
	m->bits = 64 - (unsigned)__builtin_clzll(q);
	m->mu = (uint64_t)(((unsigned __int128)1 << (62 + m->bits)) / q);
}

uint64_t he_pow(uint64_t a, uint64_t e, const struct he_mod *m)
{
	uint64_t r = 1 % m->q;

	for (a = he_reduce64(a, m); e; e >>= 1) {
		if (e & 1)
			r = he_mul(r, a, m);
		a = he_mul(a, a, m);
	}
	return r;
}

uint64_t he_inv(uint64_t a, const struct he_mod *m)
{
	REQUIRE(he_reduce64(a, m) != 0);
	return he_pow(a, m->q - 2, m);
}

uint64_t he_inv_any(uint64_t a, uint64_t t)
{
	int64_t x = 1, y = 0, d = (int64_t)(a % t), e = (int64_t)t;

	while (e) {
		int64_t f = d / e, next = d - f * e;

		d = e;
		e = next;
		next = x - f * y;
		x = y;
		y = next;
	}
	return (uint64_t)(x < 0 ? x + (int64_t)t : x) % t;
}

bool he_is_coprime(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t next = a % b;

		a = b;
		b = next;
	}
	return a == 1;
}

/* Any odd 64-bit modulus, also those above he_mod's 61 bits. */
static uint64_t mul_wide(uint64_t a, uint64_t b, uint64_t q)
{
	return (uint64_t)((unsigned __int128)a * b % q);
}

static bool is_witness(uint64_t base, uint64_t v)
{
	unsigned twos = (unsigned)__builtin_ctzll(v - 1), i;
	uint64_t e = (v - 1) >> twos, x = 1, b = base % v;

	for (; e; e >>= 1) {
		if (e & 1)
			x = mul_wide(x, b, v);
		b = mul_wide(b, b, v);
	}
	if (x == 1 || x == v - 1)
		return false;
	for (i = 1; i < twos; i++) {
		x = mul_wide(x, x, v);
		if (x == v - 1)
			return false;
	}
	return true;
}

bool he_is_prime(uint64_t v)
{
	/* The first twelve primes decide every number below 3.3 * 10^24. */
	static const uint64_t bases[] = { 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37 };
	size_t i;

	if (v < 2)
		return false;
	for (i = 0; i < ARRAY_LEN(bases); i++)
		if (v % bases[i] == 0)
			return v == bases[i];
	for (i = 0; i < ARRAY_LEN(bases); i++)
		if (is_witness(bases[i], v))
			return false;
	return true;
}

uint64_t he_minimal_root(uint64_t n2, const struct he_mod *m)
{
	uint64_t root = 0, square, least, g, i;

	REQUIRE(n2 >= 2 && (n2 & (n2 - 1)) == 0);
	if ((m->q - 1) % n2 != 0)
		return 0;
	/* Half of all bases give one when q is prime; a modulus without any must not hold us for ever. */
	for (g = 2; root == 0 && g < 256 && g < m->q; g++) {
		uint64_t r = he_pow(g, (m->q - 1) / n2, m);

		if (he_pow(r, n2 / 2, m) == m->q - 1)
			root = r;
	}
	if (root == 0)
		return 0;
	/* All others are its odd powers. */
	square = he_mul(root, root, m);
	for (least = root, i = 0; i < n2 / 2; i++) {
		root = he_mul(root, square, m);
		if (root < least)
			least = root;
	}
	return least;
}
