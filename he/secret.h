/* SPDX-License-Identifier: Apache-2.0 */
/* What only the owner of a secret key does.  No file of the server includes this.  Constant time, secrets are wiped. */
#ifndef HE_SECRET_H
#define HE_SECRET_H

#include "he/he.h"
#include "he/seed.h"

struct he_sk {
	const struct he_ctx *ctx;
	uint64_t *w; /* ternary secret, NTT form, key level: k * n words */
};
int he_keygen_secret(struct he_sk *sk, const struct he_ctx *c, struct rnd *rnd, struct he_why *w);
void he_sk_fini(struct he_sk *sk);
/* seed (may be NULL): filled so that seal_io can write the short form. */
int he_keygen_public(struct he_pk *pk, const struct he_sk *sk, struct rnd *rnd, struct he_seed *seed, struct he_why *w);
/* seeds (may be NULL): one per part, entry-major. */
int he_keygen_relin(struct he_ksk *k, const struct he_sk *sk, struct rnd *rnd, struct he_seed *seeds, struct he_why *w);
int he_keygen_galois(struct he_ksk *k, const struct he_sk *sk, const uint32_t *elements, size_t n, struct rnd *rnd,
                     struct he_seed *seeds, struct he_why *w);
/* SEAL's default set: 2n-1 and 3^(+-2^i).  Returns how many (at most 2 log n). */
size_t he_galois_default(const struct he_ctx *c, uint32_t *elements);
int he_encrypt_symmetric(struct he_ct *r, const struct he_pt *p, const struct he_sk *sk, struct rnd *rnd, struct he_seed *seed,
                         struct he_why *w);
int he_decrypt(struct he_pt *r, const struct he_ct *a, const struct he_sk *sk, struct he_why *w);
/* BFV, BGV: bits of noise budget, 0 when it may not decrypt.  Must stay with the key owner. */
int he_noise_budget(unsigned *bits, const struct he_ct *a, const struct he_sk *sk, struct he_why *w);

#endif
