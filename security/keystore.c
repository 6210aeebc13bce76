/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing a kind of keystore, and the sealing under a key-encryption key that kinds share. */
#include "security/keystore.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "security/keystore_priv.h"

enum { NONCE_BYTES = 12, TAG_BYTES = 16 };

static const struct keystore_kind *const kinds[] = { &keystore_file };

int keystore_open(const char *spec, const char *dir, struct rnd *rnd, struct keystore **out, struct why *why)
{
	REQUIRE(spec && dir && rnd);
	const struct keystore_kind *kind = NULL;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i]->name, spec) == 0)
			kind = kinds[i];
	if (!kind) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "security.keystore: no such kind; this program has: file");
		return E_UNSUPPORTED;
	}
	struct keystore *k = calloc(1, sizeof(*k));
	if (!k)
		return E_NOMEM;
	k->magic = KEYSTORE_MAGIC;
	k->kind = kind;
	k->rnd = rnd;
	int err = kind->open(k, dir, why);
	if (err) {
		free(k);
		return err;
	}
	*out = k;
	return 0;
}

void keystore_close(struct keystore *k)
{
	if (!k)
		return;
	CHECK(k, KEYSTORE);
	k->kind->close(k);
	k->magic = 0;
	free(k);
}

/* A key's name becomes a file's or a token's: letters, digits and hyphens. */
static bool name_is_good(const char *name)
{
	size_t n = strlen(name);
	return n > 0 && n <= 32 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

int keystore_key(struct keystore *k, const char *name, bool make, EVP_PKEY **out, struct why *why)
{
	CHECK(k, KEYSTORE);
	REQUIRE(name_is_good(name));
	return k->kind->key(k, name, make, out, why);
}

int keystore_put(struct keystore *k, const char *name, EVP_PKEY *key, struct why *why)
{
	CHECK(k, KEYSTORE);
	REQUIRE(name_is_good(name));
	return k->kind->put(k, name, key, why);
}

int keystore_remove(struct keystore *k, const char *name)
{
	CHECK(k, KEYSTORE);
	REQUIRE(name_is_good(name));
	return k->kind->remove(k, name);
}

int keystore_wrap(struct keystore *k, const unsigned char key[32], struct buf *out)
{
	CHECK(k, KEYSTORE);
	return k->kind->wrap(k, key, out);
}

int keystore_unwrap(struct keystore *k, struct str wrapped, unsigned char key[32])
{
	CHECK(k, KEYSTORE);
	return k->kind->unwrap(k, wrapped, key);
}

int kek_seal(struct rnd *rnd, const unsigned char kek[KEK_BYTES], struct str use, const void *p, size_t n, struct buf *out)
{
	REQUIRE(n <= INT_MAX && use.n <= INT_MAX);
	int k, err = E_CRYPTO;
	unsigned char *o = (unsigned char *)buf_room(out, n + KEK_OVERHEAD);
	if (!o)
		return E_LIMIT;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	if (!ctx)
		return E_NOMEM;
	rnd_bytes(rnd, o, NONCE_BYTES);
	if (EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, kek, o) == 1 &&
	    EVP_EncryptUpdate(ctx, NULL, &k, (const unsigned char *)use.p, (int)use.n) == 1 &&
	    EVP_EncryptUpdate(ctx, o + NONCE_BYTES, &k, p, (int)n) == 1 &&
	    EVP_EncryptFinal_ex(ctx, o + NONCE_BYTES + n, &k) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, o + NONCE_BYTES + n) == 1) {
		buf_added(out, n + KEK_OVERHEAD);
		err = 0;
	}
	EVP_CIPHER_CTX_free(ctx);
	return err;
}

int kek_open(const unsigned char kek[KEK_BYTES], struct str use, struct str sealed, unsigned char *out)
{
	if (sealed.n <= KEK_OVERHEAD || sealed.n > INT_MAX)
		return E_CORRUPT;
	const unsigned char *b = (const unsigned char *)sealed.p;
	size_t n = sealed.n - KEK_OVERHEAD;
	unsigned char tag[TAG_BYTES];
	int k, err = E_CORRUPT;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	if (!ctx)
		return E_NOMEM;
	memcpy(tag, b + NONCE_BYTES + n, TAG_BYTES);
	if (EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, kek, b) == 1 &&
	    EVP_DecryptUpdate(ctx, NULL, &k, (const unsigned char *)use.p, (int)use.n) == 1 &&
	    EVP_DecryptUpdate(ctx, out, &k, b + NONCE_BYTES, (int)n) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 && EVP_DecryptFinal_ex(ctx, tag, &k) == 1)
		err = 0;
	else
		OPENSSL_cleanse(out, n);
	EVP_CIPHER_CTX_free(ctx);
	return err;
}
