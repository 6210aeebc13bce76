/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Negacyclic number-theoretic transform with SEAL's roots and order (position i holds a(psi^(2 br(i) + 1))), and the
 * vector kernels, chosen once at run time: scalar, AVX2, AVX-512 (with IFMA for primes up to 50 bits).
 */
#ifndef HE_NTT_H
#define HE_NTT_H

#include <stddef.h>

#include "he/mod.h"

enum { HE_DOT_MOST = 48 };
enum he_isa { HE_SCALAR, HE_AVX2, HE_AVX512, HE_IFMA };

/* Kernels over n words (n a multiple of 8, 64-byte aligned), each result in [0, q). */
struct he_kernels {
	enum he_isa isa;
	void (*add)(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t n, const struct he_mod *m);
	void (*sub)(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t n, const struct he_mod *m);
	void (*neg)(uint64_t *r, const uint64_t *a, size_t n, const struct he_mod *m);
	void (*mul)(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t n, const struct he_mod *m);
	/* r = a * b + c */
	void (*muladd)(uint64_t *r, const uint64_t *a, const uint64_t *b, const uint64_t *c, size_t n, const struct he_mod *m);
	void (*mul_const)(uint64_t *r, const uint64_t *a, struct he_const c, size_t n, const struct he_mod *m);
	void (*muladd_const)(uint64_t *r, const uint64_t *a, struct he_const c, size_t n, const struct he_mod *m);
	/* r = the sum of a[j] * b[j], j < k <= HE_DOT_MOST; all below q. */
	void (*dot)(uint64_t *r, const uint64_t *const *a, const uint64_t *const *b, unsigned k, size_t n, const struct he_mod *m);
	/* r = the sum of a[j] * c[j]; a below 2^61, or below 2^50 when narrow. */
	void (*dot_const)(uint64_t *r, const uint64_t *const *a, const struct he_const *c, unsigned k, size_t n,
	                  const struct he_mod *m, bool narrow);
	/* any 64-bit words -> [0, q) */
	void (*reduce)(uint64_t *r, const uint64_t *a, size_t n, const struct he_mod *m);
	/* Are all words < q?  Of any alignment, as they stand in a file; no early exit needed. */
	bool (*below)(const void *a, size_t n, uint64_t q);
	/* r = the whole part of 1/2 + the sum of a[j] / q[j], each step rounded as a double: a below 2^61, the sum below 2^31. */
	void (*estimate)(uint64_t *r, const uint64_t *const *a, const double *q, unsigned k, size_t n);
};
/* The best of this processor, or the one asked for (tests); NULL when the processor lacks it. */
const struct he_kernels *he_kernels_best(void);
const struct he_kernels *he_kernels_of(enum he_isa isa);

struct he_ntt {
	struct he_mod mod;
	unsigned log_n;
	const struct he_kernels *kern;
	uint64_t root;         /* the minimal primitive 2n-th root */
	void *tables;          /* roots and quotients in the kernels' layout */
	void (*forward)(const struct he_ntt *t, uint64_t *a);
	void (*inverse)(const struct he_ntt *t, uint64_t *a);
	void (*forward_mul)(const struct he_ntt *t, uint64_t *a, const uint64_t *b);
};
/* 0, or E_RANGE when q is not a prime = 1 mod 2n.  isa: HE_IFMA falls back to AVX-512 or less for larger primes. */
int he_ntt_init(struct he_ntt *t, unsigned log_n, uint64_t q, const struct he_kernels *kern);
void he_ntt_fini(struct he_ntt *t);
/* In place; the forward one takes what is below 4q, else input and output are in [0, q); constant time. */
static inline void he_ntt_forward(const struct he_ntt *t, uint64_t *a) { t->forward(t, a); }
static inline void he_ntt_inverse(const struct he_ntt *t, uint64_t *a) { t->inverse(t, a); }
/* Forward, and each value times that of b, which is below q. */
static inline void he_ntt_forward_mul(const struct he_ntt *t, uint64_t *a, const uint64_t *b) { t->forward_mul(t, a, b); }

#endif
