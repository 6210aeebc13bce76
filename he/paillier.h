/* SPDX-License-Identifier: Apache-2.0 */
/* Paillier (2048 and 3072 bits): sums of a few counters, packed into lanes. */
#ifndef HE_PAILLIER_H
#define HE_PAILLIER_H

#include "he/he.h"

struct paillier_pk; /* n, n^2 with Montgomery forms, optional fixed-base tables */
struct paillier_sk; /* p, q and the CRT forms */
struct bignum_st;

int paillier_keygen(unsigned bits, struct paillier_sk **out, struct he_why *w);
int paillier_pk_of(const struct paillier_sk *sk, struct paillier_pk **out);
void paillier_pk_free(struct paillier_pk *pk);
void paillier_sk_free(struct paillier_sk *sk);
size_t paillier_ct_bytes(const struct paillier_pk *pk);

/* Lanes: 31 (2048) or 47 (3072) counters of 32 bits with room for 2^32 additions. */
unsigned paillier_lanes(const struct paillier_pk *pk);
/* Randomness r^n prepared beforehand (any thread, slow), used once. */
struct paillier_blind;
int paillier_blind_new(const struct paillier_pk *pk, struct paillier_blind **out, struct he_why *w);
void paillier_blind_free(struct paillier_blind *b);
/* blind NULL: made here. ct: paillier_ct_bytes. */
int paillier_encrypt(const struct paillier_pk *pk, const uint32_t *lane, unsigned n, struct paillier_blind *blind,
                     unsigned char *ct, struct he_why *w);
int paillier_decrypt(const struct paillier_sk *sk, const unsigned char *ct, uint64_t *lane, unsigned n, struct he_why *w);

/* A running sum in Montgomery form. */
struct paillier_sum;
int paillier_sum_new(const struct paillier_pk *pk, struct paillier_sum **out);
/* Checks 0 < ct < n^2 and gcd-free bounds; E_RANGE with a sentence. */
int paillier_sum_add(struct paillier_sum *s, const unsigned char *ct, struct he_why *w);
int paillier_sum_add_weighted(struct paillier_sum *s, const unsigned char *ct, uint32_t weight, struct he_why *w);
void paillier_sum_get(const struct paillier_sum *s, unsigned char *ct);
void paillier_sum_free(struct paillier_sum *s);

#endif
