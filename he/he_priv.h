/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of he/ share: the precomputed context, and room for words. */
#ifndef HE_HE_PRIV_H
#define HE_HE_PRIV_H

#include "he/he.h"

/* The set of the first `primes` primes. */
struct he_level {
	unsigned char id[HE_ID_BYTES];
	bool is_used;                          /* the key level, or a level of ciphertexts */
	/* Division by the level's last prime: 1 / last and its negative; 1 and last, 1 and -last; modulo each other prime. */
	struct he_const by_last[HE_MAX_PRIMES][2], plus_last[HE_MAX_PRIMES][2], minus_last[HE_MAX_PRIMES][2];
	/* BFV: round(Q m / t) = delta m + floor((q_mod_t m + half_up) / t), delta = floor(Q / t). */
	struct he_const delta[HE_MAX_PRIMES];
	uint64_t q_mod_t;
	uint64_t half_up;                      /* floor((t + 1) / 2) */
	struct he_const q_over_t;              /* q_mod_t as an operand modulo t */
	/* BGV: 1 / last modulo t, by which a switch multiplies the correction factor, and its negative. */
	uint64_t last_inv_t;
	struct he_const minus_last_inv_t;
};

/* Auxiliary primes have 49 bits or more, 24 primes of ciphertexts at most 60, and the plain modulus too. */
enum { HE_MAX_AUX = 32 };

/*
 * BFV's product at one level: Q is the product of its primes, aux 0 is m_sk, aux 1 .. n are base B.  Every step but the first
 * is a sum of products with constants, and the factors that follow are in the constants.
 */
struct he_behz {
	unsigned n;
	bool narrow;                                                   /* all primes have at most 50 bits */
	const struct he_mod *mods[HE_MAX_AUX];
	/* To B_sk: 2^32 (Q / q_j)^-1 modulo q_j; Q / q_j modulo 2^32 and -1 / Q there; Q / q_j, Q and 2^32 Q over 2^32. */
	struct he_const pre[HE_MAX_PRIMES];
	uint32_t q_low[HE_MAX_PRIMES], minus_inv;
	struct he_const up[HE_MAX_AUX][HE_MAX_PRIMES + 1];
	uint64_t wrap[HE_MAX_AUX];
	/* Down by Q / t: t (Q / q_j)^-1 modulo q_j; t / Q and -1 / q_j, for B by (B / b_i)^-1. */
	struct he_const t_inv[HE_MAX_PRIMES];
	struct he_const down[HE_MAX_AUX][HE_MAX_PRIMES + 1];
	/* Back to q: alpha = (sum of B / b_i - y) / B modulo m_sk; B / b_i and -B modulo q_j; m_sk B there. */
	struct he_const alpha[HE_MAX_AUX];
	struct he_const back[HE_MAX_PRIMES][HE_MAX_AUX];
	uint64_t far[HE_MAX_PRIMES];
};

struct he_ctx {
	struct he_params p;
	const struct he_kernels *kern;
	size_t n;
	unsigned data;                         /* primes of the first data level */
	bool can_batch;
	bool narrow;                           /* all primes and t have at most 50 bits */
	uint32_t *rev;                         /* i with its log_n bits reversed */
	double *root;                          /* CKKS: cos and sin of pi br(i) / n */
	struct he_mod t;                       /* not for CKKS */
	struct he_ntt ntt[HE_MAX_PRIMES];
	const struct he_mod *mods[HE_MAX_PRIMES];
	struct he_ntt ntt_t;                   /* when can_batch */
	struct he_level level[HE_MAX_PRIMES + 1]; /* by number of primes; 0 is none */
	struct he_ntt aux[HE_MAX_AUX];         /* BFV: m_sk and base B */
	struct he_behz *behz;                  /* BFV: by number of primes */
	uint64_t gamma;                        /* BFV: SEAL's second auxiliary prime, for decryption */
};

/* Are ciphertexts of this scheme in NTT form as a rule? */
static inline bool he_scheme_is_ntt(enum he_scheme s) { return s != HE_BFV; }

/* Room for that many words, 64-byte aligned, of undefined content; E_NOMEM leaves what was.  words is a multiple of 8. */
int he_words_reserve(uint64_t **w, size_t *cap, size_t words);
/* The same for a plaintext, which may be secret: what it leaves is wiped. */
int he_pt_reserve(struct he_pt *pt, size_t words);

/*
 * Where a result goes: r's own words, or new ones when they are too few; r may be an operand until he_result_end makes it
 * `like` with `size` polynomials in those words.  A transparent result is E_DENIED.
 */
int he_result_begin(const struct he_ct *r, size_t words, uint64_t **w, size_t *cap, struct he_why *why);
int he_result_end(struct he_ct *r, const struct he_ct *like, unsigned size, uint64_t *w, size_t cap, struct he_why *why);

/* As SEAL judges scales: equal but for rounding; a normal number with fewer bits than the primes of the level, else E_LIMIT. */
bool he_scales_agree(double a, double b);
int he_scale_check(const struct he_ctx *c, double scale, unsigned primes, struct he_why *w);
/*
 * A plaintext as it is added to residue j of a ciphertext's first polynomial at a level of `primes`: scaled up to Q / t (BFV),
 * times the correction factor, lifted to (-t/2, t/2], in NTT form (BGV), as it is (CKKS).  `to` and `fix` have n words each; fix (BFV,
 * else NULL) is filled at j = 0 and kept for the others.  Constant time.
 */
void he_message(const struct he_pt *p, unsigned primes, uint64_t correction, unsigned j, uint64_t *to, uint64_t *fix);

/*
 * One polynomial of kept + 1 residues, the last one modulo prime `last`, is divided by that prime, with rounding (BGV: so
 * that the plaintext stays up to a factor).  `to` may be `from`; scratch has 3n words.  error: NULL, or signed coefficients that
 * the polynomial lacks still, times he_noise_factor; in NTT form only, where they cost no transform here.
 */
void he_divide(const struct he_ctx *c, const uint64_t *from, uint64_t *to, unsigned kept, unsigned last, bool ntt,
               const uint64_t *error, uint64_t *scratch);
/* What an error is multiplied with, modulo prime j: BGV's noise is a multiple of t. */
uint64_t he_noise_factor(const struct he_ctx *c, unsigned j);

/* Where the values of a(X^g), g odd, stand in a: for residues in NTT form.  index has n words. */
void he_permute_index(const struct he_ctx *c, uint32_t g, uint32_t *index);

/* Bits of the product of the first primes. */
unsigned he_product_bits(const struct he_params *p, unsigned primes);
/* For BFV; he_behz_fini after a failure too. */
int he_behz_init(struct he_ctx *c);
void he_behz_fini(struct he_ctx *c);

#endif
