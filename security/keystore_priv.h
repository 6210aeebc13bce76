/* SPDX-License-Identifier: Apache-2.0 */
/* What a kind of keystore sees of the store, and the sealing of keys in files that kinds share. */
#ifndef SECURITY_KEYSTORE_PRIV_H
#define SECURITY_KEYSTORE_PRIV_H

#include "security/keystore.h"

#define KEYSTORE_MAGIC 0x6b657973u
struct keystore {
	uint32_t magic;
	const struct keystore_kind *kind;
	struct rnd *rnd;
	void *state; /* the kind's */
};

extern const struct keystore_kind keystore_file;

enum { KEK_BYTES = 32, KEK_OVERHEAD = 12 + 16 };
/* AES-256-GCM under a key-encryption key with a random nonce (a start or two a day use it, not a request).  `use` binds
 * what the bytes are for. */
int kek_seal(struct rnd *rnd, const unsigned char kek[KEK_BYTES], struct str use, const void *p, size_t n, struct buf *out);
/* out has n - KEK_OVERHEAD bytes.  E_CORRUPT when it does not verify. */
int kek_open(const unsigned char kek[KEK_BYTES], struct str use, struct str sealed, unsigned char *out);

#endif
