/* SPDX-License-Identifier: Apache-2.0 */
/* What the owner of a Paillier key does.  No file of the server includes this.  Decryption is constant-time; secrets are wiped. */
#ifndef HE_PAILLIER_SECRET_H
#define HE_PAILLIER_SECRET_H

#include "he/paillier.h"

struct paillier_sk; /* p, q and the forms of the Chinese remainder theorem */

/* bits: 2048 or 3072 (E_RANGE). */
int paillier_keygen(unsigned bits, struct rnd *rnd, struct paillier_sk **out, struct he_why *w);
void paillier_sk_free(struct paillier_sk *sk);
int paillier_pk_of(const struct paillier_sk *sk, struct paillier_pk **out, struct he_why *w);
/* lane: sums of up to 64 bits.  E_RANGE: no ciphertext of this key. */
int paillier_decrypt(const struct paillier_sk *sk, struct str ct, uint64_t *lane, unsigned n, struct he_why *w);
/* "TROTHSK1", bits, p, q. */
int paillier_sk_save(const struct paillier_sk *sk, struct buf *out);
int paillier_sk_load(struct str in, struct paillier_sk **out, struct he_why *w);

#endif
