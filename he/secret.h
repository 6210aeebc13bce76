/* SPDX-License-Identifier: Apache-2.0 */
/* What only the owner of a secret key does.  No file of the server includes this.  Constant time; secrets are wiped. */
#ifndef HE_SECRET_H
#define HE_SECRET_H

#include "he/he.h"
#include "he/seed.h"

struct he_sk {
	const struct he_ctx *ctx;
	uint64_t *w; /* ternary secret, NTT form, key level: k * n words */
};

/* Outputs are initialised by the caller, and empty after a failure: E_NOMEM, E_CRYPTO, or as said. */
void he_sk_init(struct he_sk *sk, const struct he_ctx *c);
void he_sk_fini(struct he_sk *sk); /* wipes */
int he_keygen_secret(struct he_sk *sk, struct rnd *rnd, struct he_why *w);
/* seed (may be NULL) is set, so that seal_io can write the short form. */
int he_keygen_public(struct he_pk *pk, const struct he_sk *sk, struct rnd *rnd, struct he_seed *seed, struct he_why *w);
/* seeds (may be NULL): one per part, entry by entry.  E_UNSUPPORTED for a set of one prime. */
int he_keygen_relin(struct he_ksk *k, const struct he_sk *sk, struct rnd *rnd, struct he_seed *seeds, struct he_why *w);
/* element: odd, below 2n, ascending; E_RANGE otherwise. */
int he_keygen_galois(struct he_ksk *k, const struct he_sk *sk, const uint32_t *element, size_t n, struct rnd *rnd,
                     struct he_seed *seeds, struct he_why *w);
/* SEAL's default set, ascending: 2n - 1 and 3^(+-2^i).  element has room for 2 log n; how many. */
size_t he_galois_default(const struct he_ctx *c, uint32_t *element);

/* BFV, BGV: at the first data level; CKKS: at the plaintext's.  seed as above. */
int he_encrypt_symmetric(struct he_ct *r, const struct he_pt *p, const struct he_sk *sk, struct rnd *rnd, struct he_seed *seed,
                         struct he_why *w);
/* SEAL's result whatever the noise.  BFV, BGV: in coefficient form, without the zeros after the last coefficient. */
int he_decrypt(struct he_pt *r, const struct he_ct *a, const struct he_sk *sk, struct he_why *w);
/* BFV, BGV: bits of noise budget, 0 when it may not decrypt.  Must stay with the key owner. */
int he_noise_budget(unsigned *bits, const struct he_ct *a, const struct he_sk *sk, struct he_why *w);

#endif
