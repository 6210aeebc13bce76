/* SPDX-License-Identifier: Apache-2.0 */
/* Uniform polynomials from a seed, as SEAL 3.6 and later expand it.  Seeds are public. */
#ifndef HE_SEED_H
#define HE_SEED_H

#include "he/ntt.h"

enum { HE_SEED_BYTES = 64, HE_SEED_BLAKE2X = 1, HE_SEED_SHAKE256 = 2, HE_SEED_BLOCK = 4096 };

/* A polynomial that was expanded from a seed and is written as the seed. */
struct he_seed {
	unsigned char type; /* HE_SEED_BLAKE2X or HE_SEED_SHAKE256 */
	unsigned char bytes[HE_SEED_BYTES];
	bool used;
};

/* Block `index` of the byte stream.  0, or E_CRYPTO. */
int he_seed_block(const struct he_seed *s, uint64_t index, unsigned char out[HE_SEED_BLOCK]);
/*
 * primes * n uniform residues, prime by prime; w has room for them (64-byte aligned, n a multiple of 8).
 * 0, E_RANGE for a type that does not exist, E_CRYPTO.
 */
int he_seed_expand(const struct he_seed *s, const struct he_mod *const *mods, unsigned primes, size_t n,
                   const struct he_kernels *kern, uint64_t *w);

#endif
