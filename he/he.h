/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Computing on encrypted values, byte for byte as Microsoft SEAL 4.x does it: parameters, objects, and what an evaluator
 * without any key can do.  Secret keys are in he/secret.h, which no server file includes.
 */
#ifndef HE_HE_H
#define HE_HE_H

#include "cse/base/buf.h"
#include "he/ntt.h"

enum he_scheme { HE_BFV = 1, HE_CKKS = 2, HE_BGV = 3 }; /* SEAL's numbers */
enum { HE_MAX_LOG_N = 15, HE_MIN_LOG_N = 10, HE_MAX_PRIMES = 24, HE_MAX_SIZE = 16, HE_ID_BYTES = 32 };

/* One sentence: what is wrong and what would be right.  Codes are those of cse/base/err.h. */
struct he_why {
	char text[200];
};
void he_say(struct he_why *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Says why, and is err: a macro, so that compilers and analyzers see that a failure is not 0. */
#define he_fail(w, err, ...) (he_say((w), __VA_ARGS__), (err))

struct he_params {
	enum he_scheme scheme;
	unsigned log_n;
	unsigned k;                   /* primes, the special one last when k > 1 */
	uint64_t q[HE_MAX_PRIMES];
	uint64_t t;                   /* plain modulus; 0 for CKKS */
};
/* Bits of security of log2(product of all primes) by the standard's table (128, 192, 256); 0: below 128. */
unsigned he_params_security(const struct he_params *p);
/* PlainModulus::Batching: the largest prime of that many bits (2 to 60) that is 1 modulo 2n, or 0. */
uint64_t he_params_batching(unsigned log_n, unsigned bits);
/* SEAL's defaults for 128 bits (CoeffModulus::BFVDefault) with a plain modulus for batching; t_bits is nothing to CKKS. */
int he_params_default(struct he_params *p, enum he_scheme s, unsigned log_n, unsigned t_bits, struct he_why *w);
/* CoeffModulus::Create: sets degree and primes only. */
int he_params_create(struct he_params *p, unsigned log_n, const unsigned *bits, unsigned k, struct he_why *w);
/* BLAKE2b over scheme, n, the first `primes` primes, t. */
void he_params_id(const struct he_params *p, unsigned primes, unsigned char id[HE_ID_BYTES]);

/* Everything precomputed for one parameter set; immutable, shared by threads. */
struct he_ctx;
struct he_ctx_opts {
	const struct he_kernels *kern;   /* NULL: the best */
	bool allow_weak;                 /* tests only: small n for vectors; never from outside */
};
/* Refuses sets below 128 bits, primes that are none, equal, or not 1 mod 2n, bad t: a sentence in w. */
int he_ctx_new(const struct he_params *p, const struct he_ctx_opts *o, struct he_ctx **out, struct he_why *w);
void he_ctx_free(struct he_ctx *c);
const struct he_params *he_ctx_params(const struct he_ctx *c);
/* Primes at the key level (k) and at the first data level. */
unsigned he_ctx_key_primes(const struct he_ctx *c);
unsigned he_ctx_data_primes(const struct he_ctx *c);
bool he_ctx_can_switch(const struct he_ctx *c); /* k > 1 */
bool he_ctx_can_batch(const struct he_ctx *c);
/* Level of an id: the number of its primes, 0 when unknown. */
unsigned he_ctx_level(const struct he_ctx *c, const unsigned char id[HE_ID_BYTES]);

/* A ciphertext: `size` polynomials of `primes` residues of n words, in that order; words are canonical residues. */
struct he_ct {
	const struct he_ctx *ctx;
	unsigned primes, size;
	bool ntt;
	double scale;              /* 1.0 but for CKKS */
	uint64_t correction;       /* 1 but for BGV */
	uint64_t *w;               /* 64-byte aligned */
	size_t cap;                /* words allocated */
};
/* A plaintext: coefficients (< t, count of them), or NTT form at a level. */
struct he_pt {
	const struct he_ctx *ctx;
	unsigned primes;           /* 0: coefficient form */
	size_t count;
	double scale;
	uint64_t *w;
	size_t cap;
};
void he_ct_init(struct he_ct *ct, const struct he_ctx *c);
void he_ct_fini(struct he_ct *ct);
int he_ct_copy(struct he_ct *to, const struct he_ct *from);
/* All polynomials after the first are zero: it hides nothing. */
bool he_ct_is_transparent(const struct he_ct *ct);
void he_pt_init(struct he_pt *pt, const struct he_ctx *c);
void he_pt_fini(struct he_pt *pt); /* wipes */

/* Public key (a ciphertext at key level) and key-switching keys: relinearization (one entry) or Galois (by element). */
struct he_pk {
	struct he_ct ct;
};
struct he_ksk_entry {
	uint32_t galois;           /* element g; for relinearization the power - 2 */
	struct he_ct *part;        /* data primes of them */
};
struct he_ksk {
	const struct he_ctx *ctx;
	bool is_galois;
	struct he_ksk_entry *entry; /* sorted by galois */
	size_t n;
};
void he_ksk_init(struct he_ksk *k, const struct he_ctx *c, bool is_galois);
void he_ksk_fini(struct he_ksk *k);

/* --- evaluation: deterministic, equal to SEAL's bytes.  r may be an operand.  0 or a negative E_ with a sentence ---- */
int he_add_ct(struct he_ct *r, const struct he_ct *a, const struct he_ct *b, struct he_why *w);
int he_sub_ct(struct he_ct *r, const struct he_ct *a, const struct he_ct *b, struct he_why *w);
int he_negate(struct he_ct *r, const struct he_ct *a, struct he_why *w);
int he_add_plain(struct he_ct *r, const struct he_ct *a, const struct he_pt *p, struct he_why *w);
int he_sub_plain(struct he_ct *r, const struct he_ct *a, const struct he_pt *p, struct he_why *w);
int he_multiply(struct he_ct *r, const struct he_ct *a, const struct he_ct *b, struct he_why *w);
int he_square(struct he_ct *r, const struct he_ct *a, struct he_why *w);
/*
 * The plaintext is in coefficient form or, at the ciphertext's level, in NTT form (CKKS: always); the result is in the form of a.
 * A plaintext of zeros is refused, the result would be transparent.  One coefficient alone above t/2 costs as much noise as t where
 * nothing is in NTT form, since SEAL does not take it for a negative number: multiply with t minus it, and negate.
 */
int he_multiply_plain(struct he_ct *r, const struct he_ct *a, const struct he_pt *p, struct he_why *w);
int he_relinearize(struct he_ct *r, const struct he_ct *a, const struct he_ksk *relin, struct he_why *w);
int he_apply_galois(struct he_ct *r, const struct he_ct *a, uint32_t g, const struct he_ksk *galois, struct he_why *w);
/* steps > 0: to the left.  Missing keys are composed from the non-adjacent form as SEAL does.  E_UNSUPPORTED without batches. */
int he_rotate(struct he_ct *r, const struct he_ct *a, int steps, const struct he_ksk *galois, struct he_why *w);
/* BFV, BGV: rows swapped; CKKS: conjugate. */
int he_rotate_columns(struct he_ct *r, const struct he_ct *a, const struct he_ksk *galois, struct he_why *w);
int he_mod_switch(struct he_ct *r, const struct he_ct *a, struct he_why *w);
int he_rescale(struct he_ct *r, const struct he_ct *a, struct he_why *w);
int he_to_ntt(struct he_ct *r, const struct he_ct *a, struct he_why *w);
int he_from_ntt(struct he_ct *r, const struct he_ct *a, struct he_why *w);
/* BFV, BGV: for products with ciphertexts of that level. */
int he_pt_to_ntt(struct he_pt *r, const struct he_pt *p, unsigned primes, struct he_why *w);
/* Every slot becomes the sum of all; needs the keys of he_rotate for 1, 2, 4 ... and, but for CKKS, of the columns. */
int he_sum_slots(struct he_ct *r, const struct he_ct *a, const struct he_ksk *galois, struct he_why *w);

/* --- encoders ------------------------------------------------------------------------------------------------------ */
/* BatchEncoder: n slots of values modulo t; signed values are stored as v + t. */
int he_encode_batch(struct he_pt *r, const uint64_t *slots, size_t n, struct he_why *w);
int he_decode_batch(uint64_t *slots, size_t n, const struct he_pt *p, struct he_why *w);
/*
 * CKKSEncoder: up to n/2 slots, each one number or, when complex, two (real and imaginary part), for a level of `primes`.
 * E_RANGE: a value is no number, or too large for the level at this scale.
 */
int he_encode_ckks(struct he_pt *r, const double *v, size_t n, bool is_complex, double scale, unsigned primes, struct he_why *w);
/* A decoded decryption tells of the secret key: round it before anybody else sees it. */
int he_decode_ckks(double *v, size_t n, bool is_complex, const struct he_pt *p, struct he_why *w);

/* --- public-key encryption: needs no secret ------------------------------------------------------------------------ */
struct rnd;
/* BFV, BGV: at the first data level; CKKS: at the plaintext's.  Constant time. */
int he_encrypt(struct he_ct *r, const struct he_pt *p, const struct he_pk *pk, struct rnd *rnd, struct he_why *w);

#endif
