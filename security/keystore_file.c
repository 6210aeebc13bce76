/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file keystore: keys/<name>.key is a PKCS#8 key sealed under the key-encryption key, which is 32 bytes (or 64
 * hexadecimal digits) in systemd's credential folder or in the file `kek`.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "security/file.h"
#include "security/keystore_priv.h"
#include "security/secret.h"

enum { KEY_FILE_MAX = 4096, KEK_FILE_MAX = 80 };
/* Begins every key file and is authenticated with it: format and version. */
static const char key_head[] = "trothkey 1\n";

struct fks {
	char *dir;
	unsigned char *kek; /* a secret page */
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* 32 bytes as they are, or 64 hexadecimal digits and perhaps a newline. */
static int kek_parse(struct str s, unsigned char kek[KEK_BYTES])
{
	if (s.n == KEK_BYTES) {
		memcpy(kek, s.p, KEK_BYTES);
		return 0;
	}
	if (s.n == 2 * KEK_BYTES + 1 && s.p[s.n - 1] == '\n')
		s.n--;
	if (s.n != 2 * KEK_BYTES)
		return E_SYNTAX;
	for (size_t i = 0; i < KEK_BYTES; i++) {
		int hi = hex_digit(s.p[2 * i]), lo = hex_digit(s.p[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return E_SYNTAX;
		kek[i] = (unsigned char)(hi << 4 | lo);
	}
	return 0;
}

/* systemd owns that folder and its modes (0440 with an ACL), so only the world's bits are looked at. */
static int check_credential(const char *dir, struct why *why)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/troth.kek", dir);
	if (n < 0 || n >= (int)sizeof(path) || stat(path, &st) != 0) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "cannot look at troth.kek in $CREDENTIALS_DIRECTORY: %s", strerror(errno));
		return E_IO;
	}
	if (!S_ISREG(st.st_mode) || st.st_mode & 07) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR,
		        "troth.kek in $CREDENTIALS_DIRECTORY must be a regular file that others cannot reach (mode %04o)",
		        (unsigned)(st.st_mode & 07777));
		return E_DENIED;
	}
	return 0;
}

static int kek_make(struct keystore *k, const char *dir, unsigned char kek[KEK_BYTES], struct why *why)
{
	/* A new key would never open what the lost one sealed: better to stop and say so. */
	if (file_exists(dir, "datakeys") || file_exists(dir, "keys") || file_exists(dir, "restore.pending")) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR,
		        "the file kek is missing but there is data (or a backup) sealed with it: put it (or the credential troth.kek) back");
		return E_ABSENT;
	}
	rnd_bytes(k->rnd, kek, KEK_BYTES);
	return file_replace(dir, "kek", 0600, str_make((const char *)kek, KEK_BYTES), why);
}

static int kek_load(struct keystore *k, const char *dir, unsigned char kek[KEK_BYTES], struct why *why)
{
	const char *creds = secure_getenv("CREDENTIALS_DIRECTORY");
	struct buf b;
	int err;

	buf_init_secret(&b, KEK_FILE_MAX);
	if (creds && file_exists(creds, "troth.kek")) {
		err = check_credential(creds, why);
		if (err == 0)
			err = file_load(creds, "troth.kek", true, &b, why);
	} else if (!file_exists(dir, "kek")) {
		err = kek_make(k, dir, kek, why);
		goto out;
	} else {
		err = file_load(dir, "kek", false, &b, why);
	}
	if (err)
		goto out;
	err = kek_parse(buf_as_str(&b), kek);
	if (err)
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the key-encryption key must be 32 bytes or 64 hexadecimal digits");
out:
	buf_fini_secret(&b);
	return err;
}

static void fks_close(struct keystore *k)
{
	struct fks *f = k->state;
	secret_free(f->kek);
	free(f->dir);
	free(f);
	k->state = NULL;
}

static int fks_open(struct keystore *k, const char *dir, struct why *why)
{
	struct fks *f = calloc(1, sizeof(*f));
	int err = E_NOMEM;
	if (!f)
		return err;
	k->state = f;
	f->dir = strdup(dir);
	f->kek = secret_new(KEK_BYTES);
	if (f->dir && f->kek)
		err = kek_load(k, dir, f->kek, why);
	if (err == 0)
		err = file_make_dir(dir, "keys", why);
	if (err)
		fks_close(k);
	return err;
}

/* The name is authenticated: one key cannot be put in another's place. */
static struct str key_use(const char *name, char use[64])
{
	int n = snprintf(use, 64, "%skey %s", key_head, name);
	REQUIRE(n > 0 && n < 64);
	return str_make(use, (size_t)n);
}

static void key_file(const char *name, char file[64])
{
	int n = snprintf(file, 64, "keys/%s.key", name);
	REQUIRE(n > 0 && n < 64);
}

static int key_load(struct keystore *k, const char *name, EVP_PKEY **out, struct why *why)
{
	struct fks *f = k->state;
	char file[64], use[64];
	struct buf b;
	unsigned char *clear = NULL;

	key_file(name, file);
	buf_init(&b, KEY_FILE_MAX);
	int err = file_load(f->dir, file, false, &b, why);
	if (err)
		goto out;
	struct str s = buf_as_str(&b);
	err = E_CORRUPT;
	if (str_starts(s, STR(key_head)) && s.n > sizeof(key_head) - 1 + KEK_OVERHEAD) {
		s = str_from(s, sizeof(key_head) - 1);
		clear = secret_new(s.n - KEK_OVERHEAD);
		err = clear ? kek_open(f->kek, key_use(name, use), s, clear) : E_NOMEM;
	}
	if (err == 0) {
		const unsigned char *p = clear;
		*out = d2i_AutoPrivateKey(NULL, &p, (long)(s.n - KEK_OVERHEAD));
		err = *out ? 0 : E_CORRUPT;
	}
	if (err)
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s does not open with this key-encryption key: put the right kek or file back",
		        file);
out:
	secret_free(clear);
	buf_fini(&b);
	return err;
}

static int key_store(struct keystore *k, const char *name, EVP_PKEY *key, struct why *why)
{
	struct fks *f = k->state;
	char file[64], use[64];
	struct buf b;
	int err = E_CRYPTO, n;

	key_file(name, file);
	buf_init(&b, KEY_FILE_MAX);
	PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(key);
	unsigned char *clear = secret_new(KEY_FILE_MAX), *p = clear;
	n = p8 && clear ? i2d_PKCS8_PRIV_KEY_INFO(p8, NULL) : -1;
	if (n > 0 && n <= KEY_FILE_MAX / 2 && i2d_PKCS8_PRIV_KEY_INFO(p8, &p) == n) {
		BUF_LIT(&b, key_head);
		err = kek_seal(k->rnd, f->kek, key_use(name, use), clear, (size_t)n, &b);
	}
	if (err == 0)
		err = file_replace(f->dir, file, 0600, buf_as_str(&b), why);
	else
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "cannot seal the key %s", name);
	PKCS8_PRIV_KEY_INFO_free(p8);
	secret_free(clear);
	buf_fini(&b);
	return err;
}

static int fks_key(struct keystore *k, const char *name, bool make, EVP_PKEY **out, struct why *why)
{
	struct fks *f = k->state;
	char file[64];

	key_file(name, file);
	if (file_exists(f->dir, file))
		return key_load(k, name, out, why);
	if (!make) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s is missing", file);
		return E_ABSENT;
	}
	EVP_PKEY *key = EVP_EC_gen("P-256");
	if (!key) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "OpenSSL makes no P-256 key");
		return E_CRYPTO;
	}
	int err = key_store(k, name, key, why);
	if (err) {
		EVP_PKEY_free(key);
		return err;
	}
	*out = key;
	return 0;
}

static int fks_put(struct keystore *k, const char *name, EVP_PKEY *key, struct why *why)
{
	return key_store(k, name, key, why);
}

static int fks_remove(struct keystore *k, const char *name)
{
	struct fks *f = k->state;
	char path[PATH_MAX], file[64];

	key_file(name, file);
	int n = snprintf(path, sizeof(path), "%s/%s", f->dir, file);
	if (n < 0 || n >= (int)sizeof(path))
		return E_LIMIT;
	if (unlink(path) != 0)
		return errno == ENOENT ? E_ABSENT : E_IO;
	return 0;
}

static int fks_wrap(struct keystore *k, const unsigned char key[32], struct buf *out)
{
	struct fks *f = k->state;
	return kek_seal(k->rnd, f->kek, STR("troth data key 1"), key, 32, out);
}

static int fks_unwrap(struct keystore *k, struct str wrapped, unsigned char key[32])
{
	struct fks *f = k->state;
	if (wrapped.n != 32 + KEK_OVERHEAD)
		return E_CORRUPT;
	return kek_open(f->kek, STR("troth data key 1"), wrapped, key);
}

const struct keystore_kind keystore_file = {
	.name = "file",
	.open = fks_open,
	.key = fks_key,
	.put = fks_put,
	.remove = fks_remove,
	.wrap = fks_wrap,
	.unwrap = fks_unwrap,
	.close = fks_close,
};
