/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of the transforms, and the functions that he_ntt_init and he_kernels_of choose from. */
#ifndef HE_NTT_PRIV_H
#define HE_NTT_PRIV_H

#include "he/ntt.h"

/*
 * Powers of the root in bit-reversed order, w[1 .. n-1], and their quotients floor(w * 2^shift / q): 64 bits, or 52 for IFMA.
 * For AVX2 all words are doubles: w, and w / q.
 */
struct ntt_tables {
	uint64_t *w, *wq;   /* forward */
	uint64_t *iw, *iwq; /* inverse */
	uint64_t n_inv, n_inv_q;   /* 1 / n */
	uint64_t last, last_q;     /* iw[1] / n, for the last stage of the inverse */
};

void ntt_scalar_forward(const struct he_ntt *t, uint64_t *a);
void ntt_scalar_forward_mul(const struct he_ntt *t, uint64_t *a, const uint64_t *b);
void ntt_scalar_inverse(const struct he_ntt *t, uint64_t *a);

extern const struct he_kernels he_kern_scalar;

#if defined(__x86_64__)
/* Primes of up to 50 bits, n >= 32. */
void ntt_ifma_forward(const struct he_ntt *t, uint64_t *a);
void ntt_ifma_inverse(const struct he_ntt *t, uint64_t *a);
/* Every prime, n >= 32. */
void ntt_avx512_forward(const struct he_ntt *t, uint64_t *a);
void ntt_avx512_inverse(const struct he_ntt *t, uint64_t *a);
/* Primes of up to 49 bits, n >= 32. */
void ntt_avx2_forward(const struct he_ntt *t, uint64_t *a);
void ntt_avx2_inverse(const struct he_ntt *t, uint64_t *a);

extern const struct he_kernels he_kern_ifma, he_kern_avx512, he_kern_avx2;
#endif

#endif
