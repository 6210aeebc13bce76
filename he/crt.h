/* SPDX-License-Identifier: Apache-2.0 */
/* Residues composed to the integer of (-Q/2, Q/2] that they stand for.  Constant time. */
#ifndef HE_CRT_H
#define HE_CRT_H

#include "he/he.h"

struct he_crt;
/* For the first `primes` primes; NULL: out of memory. */
struct he_crt *he_crt_new(const struct he_ctx *c, unsigned primes);
void he_crt_free(struct he_crt *k);
/* Residue j stands at a[j * stride]. */
double he_crt_real(struct he_crt *k, const uint64_t *a, size_t stride);
/* Adds the bits of the absolute value to all bits seen so far, which tell the size of the largest. */
void he_crt_gather(struct he_crt *k, const uint64_t *a, size_t stride);
unsigned he_crt_gathered_bits(const struct he_crt *k);

#endif
