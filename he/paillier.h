/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paillier (2048 and 3072 bits): sums of a few counters, packed into lanes.  This is what needs no secret; the owner's side is in
 * he/paillier_secret.h.
 */
#ifndef HE_PAILLIER_H
#define HE_PAILLIER_H

#include "he/he.h"

struct rnd;
struct paillier_pk; /* n and its square; immutable, shared by threads */

enum { PAILLIER_MAX_LANES = 47, PAILLIER_MAX_CT = 768 };

void paillier_pk_free(struct paillier_pk *pk);
/* 2048 or 3072. */
unsigned paillier_bits(const struct paillier_pk *pk);
size_t paillier_ct_bytes(const struct paillier_pk *pk);
/* Lanes: 31 (2048) or 47 (3072) counters of 32 bits with room for 2^32 additions. */
unsigned paillier_lanes(const struct paillier_pk *pk);

/* Randomness r^n prepared beforehand (any thread, slow), used once: it is wiped by paillier_encrypt. */
struct paillier_blind;
int paillier_blind_new(const struct paillier_pk *pk, struct rnd *rnd, struct paillier_blind **out, struct he_why *w);
void paillier_blind_free(struct paillier_blind *b);
/*
 * The same from a table for one base (2.6 or 5.9 MB), several times faster.  It rests on the assumption of Damgard, Jurik and
 * Nielsen, for keys of paillier_keygen.  The table belongs to the key, which must outlive it.
 */
struct paillier_base;
int paillier_base_new(const struct paillier_pk *pk, struct rnd *rnd, struct paillier_base **out, struct he_why *w);
void paillier_base_free(struct paillier_base *b);
int paillier_blind_fixed(const struct paillier_base *b, struct rnd *rnd, struct paillier_blind **out, struct he_why *w);
/* ct: paillier_ct_bytes.  E_RANGE: too many lanes, or the randomness was used.  Constant time in the lanes. */
int paillier_encrypt(const struct paillier_pk *pk, const uint32_t *lane, unsigned n, struct paillier_blind *blind,
                     unsigned char *ct, struct he_why *w);

/* A running sum. */
struct paillier_sum;
int paillier_sum_new(const struct paillier_pk *pk, struct paillier_sum **out);
void paillier_sum_free(struct paillier_sum *s);
/* E_RANGE with a sentence unless 1 < ct < n^2 and it is of the right length; E_LIMIT: no room for more summands. */
int paillier_sum_add(struct paillier_sum *s, struct str ct, struct he_why *w);
/* The weight is the server's own, and public.  Each lane has room for 2^32 in all. */
int paillier_sum_add_weighted(struct paillier_sum *s, struct str ct, uint32_t weight, struct he_why *w);
/* E_ABSENT: nothing was added; E_RANGE: what was added held a multiple of n, which is no ciphertext. */
int paillier_sum_get(struct paillier_sum *s, unsigned char *ct, struct he_why *w);

/* "TROTHPK1", bits (16, highest byte first), n.  The reader takes nothing else: E_SYNTAX, E_RANGE. */
int paillier_pk_save(const struct paillier_pk *pk, struct buf *out);
int paillier_pk_load(struct str in, struct paillier_pk **out, struct he_why *w);

#endif
