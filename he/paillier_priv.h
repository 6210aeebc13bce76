/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides of Paillier are made of. */
#ifndef HE_PAILLIER_PRIV_H
#define HE_PAILLIER_PRIV_H

#include "he/mont.h"
#include "he/paillier.h"

struct paillier_pk {
	unsigned bits, lanes;
	unsigned half;   /* words of n in hand: enough for n and for the lanes */
	struct mont n2;  /* modulo n^2 */
	uint64_t *n;
};

struct paillier_blind {
	unsigned words;
	uint64_t *v; /* r^n in Montgomery form; NULL once used */
};

/* One prime p: powers modulo p^2, then L(x) = (x - 1) / p, then a factor modulo p. */
struct paillier_side {
	struct bignum_st *bn;
	unsigned words;        /* of p */
	struct mont square, mod;
	uint64_t *p, *less;    /* p, p - 1 */
	uint64_t *inverse;     /* 1 / p modulo 2^(52 words): an exact division is a product */
	uint64_t *factor;      /* 1 / L((1 + n)^(p - 1)) = -1 / q modulo p, in Montgomery form */
};

struct paillier_sk {
	unsigned bits;
	struct paillier_side p, q;
	uint64_t *p_inv;       /* 1 / p modulo q, in Montgomery form */
	struct paillier_pk *pk;
};

int paillier_pk_make(const struct bignum_st *n, struct paillier_pk **out, struct he_why *w);
/* ct as a number below n^2, in words. */
int paillier_take(const struct paillier_pk *pk, struct str ct, uint64_t *words, struct he_why *w);
/* E_RANGE for a multiple of n, which anybody can make and which has no inverse.  All here is public. */
int paillier_check_unit(const struct paillier_pk *pk, const unsigned char *ct, struct he_why *w);

#endif
