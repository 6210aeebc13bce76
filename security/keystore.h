/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where private keys live.  One struct of functions per kind (file now; TPM 2.0 and PKCS#11 fit in): a key is named, is
 * made inside, and is used through an EVP_PKEY whose private operations may happen elsewhere.
 */
#ifndef SECURITY_KEYSTORE_H
#define SECURITY_KEYSTORE_H

#include <openssl/evp.h>

#include "cse/base/buf.h"
#include "cse/model/rsc.h"

struct keystore;
struct rnd;

struct keystore_kind {
	const char *name; /* "file" */
	int (*open)(struct keystore *k, const char *dir, struct why *why);
	/* P-256 signing key by name ("root", "issuing", "server"); made when absent and `make`.  Caller frees the EVP_PKEY. */
	int (*key)(struct keystore *k, const char *name, bool make, EVP_PKEY **out, struct why *why);
	/* Takes a P-256 key that was made elsewhere (import of an issuing CA) under that name; replaces one of that name. */
	int (*put)(struct keystore *k, const char *name, EVP_PKEY *key, struct why *why);
	int (*remove)(struct keystore *k, const char *name);
	/* Wraps and unwraps 32-byte data keys under the store's key-encryption key. */
	int (*wrap)(struct keystore *k, const unsigned char key[32], struct buf *out);
	int (*unwrap)(struct keystore *k, struct str wrapped, unsigned char key[32]);
	void (*close)(struct keystore *k);
};

/* spec: "file".  The file store keeps keys sealed under a key-encryption key that is read from systemd's credential
 * folder ($CREDENTIALS_DIRECTORY/troth.kek) when there is one, else from kek in `dir` (mode 0600, made at first start).
 * Thread-safe for wrap and unwrap. */
int keystore_open(const char *spec, const char *dir, struct rnd *rnd, struct keystore **out, struct why *why);
void keystore_close(struct keystore *k);
int keystore_key(struct keystore *k, const char *name, bool make, EVP_PKEY **out, struct why *why);
int keystore_put(struct keystore *k, const char *name, EVP_PKEY *key, struct why *why);
int keystore_remove(struct keystore *k, const char *name);
int keystore_wrap(struct keystore *k, const unsigned char key[32], struct buf *out);
int keystore_unwrap(struct keystore *k, struct str wrapped, unsigned char key[32]);

#endif
