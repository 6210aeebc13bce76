/* SPDX-License-Identifier: Apache-2.0 */
/* Secret polynomials: uniform ternary, and errors of a centred binomial distribution (21 + 21 coins).  Constant time. */
#ifndef HE_SAMPLE_H
#define HE_SAMPLE_H

#include "he/he.h"
#include "he/seed.h"

struct rnd;

/* A stream of secret bits: AES-256 in counter mode under a key from the one source of randomness. */
struct he_coins;
/* NULL: no memory, or OpenSSL has no AES. */
struct he_coins *he_coins_new(struct rnd *rnd);
void he_coins_free(struct he_coins *s);

/* n signed coefficients of -1, 0, 1, as two's complement words.  E_CRYPTO. */
int he_sample_ternary(struct he_coins *s, uint64_t *w, size_t n);
/* n signed coefficients of -21 to 21. */
int he_sample_error(struct he_coins *s, uint64_t *w, size_t n);
/* Signed coefficients times f (below q), modulo m. */
void he_sample_reduce(uint64_t *r, const uint64_t *w, uint64_t f, size_t n, const struct he_mod *m);
/* Added to r. */
void he_sample_add(uint64_t *r, const uint64_t *w, uint64_t f, size_t n, const struct he_mod *m);
/* A seed of the default kind; it is public. */
void he_seed_new(struct he_seed *s, struct rnd *rnd);

#endif
