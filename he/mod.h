/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic modulo one prime of up to 61 bits.  Branch-free: operands may be secret. */
#ifndef HE_MOD_H
#define HE_MOD_H

#include <stdbool.h>
#include <stdint.h>

struct he_mod {
	uint64_t q;
	uint64_t r_hi, r_lo; /* floor(2^128 / q), for Barrett reduction of 128 bits */
	uint64_t mu;         /* floor(2^(62 + bits) / q), for numbers not far above q^2 */
	unsigned bits;
};

/* q: 2 to 61 bits (a contract). */
void he_mod_init(struct he_mod *m, uint64_t q);

/* A mask of which the compiler knows nothing, so that it makes no branch of what the mask chooses. */
static inline uint64_t he_mask(uint64_t v)
{
	__asm__("" : "+r"(v));
	return v;
}
/* a - q unless that is negative; a below 2^63.  By the sign, so that no compiler makes a branch of it. */
static inline uint64_t he_cond_sub(uint64_t a, uint64_t q)
{
	uint64_t d = a - q;

	return d + (q & -(d >> 63));
}
/* Operands and results in [0, q). */
static inline uint64_t he_add(uint64_t a, uint64_t b, uint64_t q) { return he_cond_sub(a + b, q); }
static inline uint64_t he_sub(uint64_t a, uint64_t b, uint64_t q) { return a - b + (q & -((a - b) >> 63)); }
static inline uint64_t he_neg(uint64_t a, uint64_t q) { return he_cond_sub(q - a, q); }

static inline uint64_t he_mulhi(uint64_t a, uint64_t b) { return (uint64_t)(((unsigned __int128)a * b) >> 64); }
/* Any 128-bit value; Barrett. */
static inline uint64_t he_reduce128(unsigned __int128 v, const struct he_mod *m)
{
	uint64_t lo = (uint64_t)v, hi = (uint64_t)(v >> 64);
	unsigned __int128 mid = (unsigned __int128)lo * m->r_hi + he_mulhi(lo, m->r_lo);
	unsigned __int128 mid2 = (unsigned __int128)hi * m->r_lo + (uint64_t)mid;
	uint64_t quot = hi * m->r_hi + (uint64_t)(mid >> 64) + (uint64_t)(mid2 >> 64);
	return he_cond_sub(lo - quot * m->q, m->q);
}
/* Below 2^(61 + bits) or, with numbers of up to 55 bits, 48 products of them: one multiplication for the quotient, at most 1 too small. */
static inline uint64_t he_reduce_product(unsigned __int128 v, const struct he_mod *m)
{
	uint64_t lo = (uint64_t)v, hi = (uint64_t)(v >> 64);
	uint64_t quot = he_mulhi(hi << ((66 - m->bits) & 63) | lo >> (m->bits - 2), m->mu);
	return he_cond_sub(lo - quot * m->q, m->q);
}
static inline uint64_t he_reduce64(uint64_t v, const struct he_mod *m)
{
	uint64_t quot = he_mulhi(v, m->r_hi);
	return he_cond_sub(v - quot * m->q, m->q);
}
static inline uint64_t he_mul(uint64_t a, uint64_t b, const struct he_mod *m)
{
	return he_reduce128((unsigned __int128)a * b, m);
}

/* A constant operand with its quotient floor(w * 2^64 / q): Shoup. */
struct he_const {
	uint64_t w, quot;
};
static inline struct he_const he_const_make(uint64_t w, uint64_t q)
{
	return (struct he_const){ w, (uint64_t)(((unsigned __int128)w << 64) / q) };
}
/* a any 64-bit value; result in [0, 2q). */
static inline uint64_t he_mul_lazy(uint64_t a, struct he_const c, uint64_t q) { return a * c.w - he_mulhi(a, c.quot) * q; }
static inline uint64_t he_mul_const(uint64_t a, struct he_const c, uint64_t q) { return he_cond_sub(he_mul_lazy(a, c, q), q); }

/* Public operands only (loops depend on them). */
uint64_t he_pow(uint64_t a, uint64_t e, const struct he_mod *m);
/* Inverse modulo a prime; a != 0 mod q. */
uint64_t he_inv(uint64_t a, const struct he_mod *m);
/* Inverse modulo any t below 2^62 that is coprime to a. */
uint64_t he_inv_any(uint64_t a, uint64_t t);
bool he_is_coprime(uint64_t a, uint64_t b);
/* Deterministic Miller-Rabin for 64 bits. */
bool he_is_prime(uint64_t v);
/* The numerically smallest primitive 2n-th root of unity, as SEAL takes it; 0: q is not 1 mod 2n. */
uint64_t he_minimal_root(uint64_t n2, const struct he_mod *m);

#endif
