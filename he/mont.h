/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of a few thousand bits modulo an odd number, in words of 52 bits, for Paillier: Montgomery products in plain C or with
 * 52-bit multiply-add, the same result either way.  Constant time in every number; the modulus' size is public.
 */
#ifndef HE_MONT_H
#define HE_MONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MONT_BITS = 52, MONT_MOST = 120 }; /* words: a modulus of up to 6,200 bits */
#define MONT_MASK ((1ULL << MONT_BITS) - 1)

struct bignum_st;

/* R = 2^(52 words).  A number in Montgomery form is x R modulo n.  Wiped by mont_fini. */
struct mont {
	unsigned words;   /* a multiple of 8 */
	bool vector;
	uint64_t n0;      /* -1 / n modulo 2^52 */
	uint64_t *n, *one, *rr, *rrr; /* n; R, R^2 and R^3 modulo n */
};

/* n odd, of at most 6,144 bits.  E_NOMEM, E_CRYPTO.  vector: use the processor's best (else plain C). */
int mont_init(struct mont *m, const struct bignum_st *n, bool vector);
void mont_fini(struct mont *m);
/* Room for one number, 64-byte aligned, zero; NULL without memory.  mont_wipe frees. */
uint64_t *mont_new(unsigned words);
void mont_wipe(uint64_t *a, unsigned words);

/* r = a b / R, below 2n; a b below R n is enough.  r may be a or b. */
void mont_mul(const struct mont *m, uint64_t *r, const uint64_t *a, const uint64_t *b);
/* r = a^e, a and r in Montgomery form; e of `bits` bits is secret, its size is not. */
int mont_exp(const struct mont *m, uint64_t *r, const uint64_t *a, const uint64_t *e, unsigned bits);
/* r = entry `at` of a table of numbers; every one is read. */
void mont_look_up(uint64_t *r, const uint64_t *table, unsigned entries, unsigned words, uint64_t at);
/* Out of Montgomery form, below n. */
void mont_leave(const struct mont *m, uint64_t *r, const uint64_t *a);
/* a below 4n becomes below n. */
void mont_reduce(const struct mont *m, uint64_t *a);

/* Bytes, the highest first; too many are cut off at the top. */
void mont_from_bytes(uint64_t *r, unsigned words, const unsigned char *p, size_t n);
void mont_to_bytes(const uint64_t *a, unsigned words, unsigned char *p, size_t n);
int mont_from_bn(uint64_t *r, unsigned words, const struct bignum_st *a);
/* Words get 52 bits each; they may be above, or negative in two's complement. */
void mont_carry(uint64_t *a, unsigned words);
/* Is a below b?  Both carried. */
bool mont_below(const uint64_t *a, const uint64_t *b, unsigned words);
/* The lowest `words` words of a b, all of na + nb when there is room.  r is neither a nor b. */
void mont_product(uint64_t *r, unsigned words, const uint64_t *a, unsigned na, const uint64_t *b, unsigned nb);

#endif
