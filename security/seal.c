/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing: AES-256-GCM under the newest data key, opening under any of them.  A blob is
 *
 *   u32 number of the data key, 12 bytes nonce (four zero bytes, u64 counter), ciphertext, 16 bytes tag
 *
 * with little-endian numbers.  Every thread has its own cipher contexts with the key schedule done once; data keys stay
 * wrapped in memory but for those schedules.
 */
#include "security/seal.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "security/datakeys.h"
#include "security/keystore.h"

enum { KEY_BYTES = 32, NONCE_BYTES = 12, TAG_BYTES = 16, AAD_BYTES = 12, OPENERS = 4 };
/* Counter nonces never repeat, so the bound is GCM's on blocks per key; at 100,000 a second this is 89 years. */
static const uint64_t nonce_limit = UINT64_C(1) << 48;

/* The key in use.  Older ones stay allocated: a thread may be between reading the pointer and counting. */
struct active {
	struct active *older;
	uint32_t number;
	_Atomic uint64_t next;
};

struct opener {
	EVP_CIPHER_CTX *ctx;
	uint32_t number; /* 0: none */
};

struct thread_seal {
	struct seal *owner;
	struct thread_seal *prev, *next;
	EVP_CIPHER_CTX *ctx; /* for sealing */
	uint32_t number;
	struct opener open[OPENERS];
	unsigned turn;       /* which opener is replaced next */
};

#define SEAL_MAGIC 0x7365616cu
struct seal {
	uint32_t magic;
	struct keystore *ks; /* NULL: volatile, the data keys are not wrapped */
	struct rnd *rnd;
	EVP_CIPHER *cipher;
	pthread_key_t thread_key;
	struct active *_Atomic active;
	pthread_mutex_t lock; /* guards what is below */
	struct datakeys keys;
	struct thread_seal *threads;
};

static void le_put(unsigned char *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (unsigned char)(v >> 8 * i);
}

static uint32_t le_u32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void thread_seal_free(struct thread_seal *t)
{
	EVP_CIPHER_CTX_free(t->ctx);
	for (unsigned i = 0; i < OPENERS; i++)
		EVP_CIPHER_CTX_free(t->open[i].ctx);
	free(t);
}

static void thread_ends(void *arg)
{
	struct thread_seal *t = arg;
	struct seal *s = t->owner;

	pthread_mutex_lock(&s->lock);
	if (t->prev)
		t->prev->next = t->next;
	else
		s->threads = t->next;
	if (t->next)
		t->next->prev = t->prev;
	pthread_mutex_unlock(&s->lock);
	thread_seal_free(t);
}

static struct thread_seal *thread_seal_new(struct seal *s)
{
	struct thread_seal *t = calloc(1, sizeof(*t));
	REQUIRE(t);
	t->owner = s;
	t->ctx = EVP_CIPHER_CTX_new();
	REQUIRE(t->ctx);
	for (unsigned i = 0; i < OPENERS; i++) {
		t->open[i].ctx = EVP_CIPHER_CTX_new();
		REQUIRE(t->open[i].ctx);
	}
	pthread_mutex_lock(&s->lock);
	t->next = s->threads;
	if (t->next)
		t->next->prev = t;
	s->threads = t;
	pthread_mutex_unlock(&s->lock);
	REQUIRE(pthread_setspecific(s->thread_key, t) == 0);
	return t;
}

static struct thread_seal *thread_seal_get(struct seal *s)
{
	struct thread_seal *t = pthread_getspecific(s->thread_key);
	return t ? t : thread_seal_new(s);
}

/* The data key in clear; the caller wipes it. */
static int key_get(struct seal *s, uint32_t number, unsigned char key[KEY_BYTES])
{
	int err = E_CORRUPT;

	pthread_mutex_lock(&s->lock);
	struct str wrapped = datakeys_get(&s->keys, number);
	if (wrapped.n > 0 && s->ks) {
		err = keystore_unwrap(s->ks, wrapped, key);
	} else if (wrapped.n == KEY_BYTES) {
		memcpy(key, wrapped.p, KEY_BYTES);
		err = 0;
	}
	pthread_mutex_unlock(&s->lock);
	return err;
}

/* Does the key schedule of one data key. */
static int schedule(struct seal *s, EVP_CIPHER_CTX *ctx, uint32_t number, bool sealing)
{
	unsigned char key[KEY_BYTES];
	int err = key_get(s, number, key);
	if (err)
		return err;
	REQUIRE(EVP_CipherInit_ex(ctx, s->cipher, NULL, key, NULL, sealing) == 1);
	OPENSSL_cleanse(key, sizeof(key));
	return 0;
}

void seal_bytes(struct seal *s, uint32_t table, uint64_t row, const void *p, size_t n, char *out)
{
	CHECK(s, SEAL);
	REQUIRE(n <= INT_MAX);
	struct thread_seal *t = thread_seal_get(s);
	struct active *a = atomic_load_explicit(&s->active, memory_order_acquire);
	unsigned char aad[AAD_BYTES], *o = (unsigned char *)out;
	int k;

	if (t->number != a->number) {
		REQUIRE(schedule(s, t->ctx, a->number, true) == 0);
		t->number = a->number;
	}
	uint64_t count = atomic_fetch_add_explicit(&a->next, 1, memory_order_relaxed);
	REQUIRE(count < nonce_limit);
	le_put(aad, table, 4);
	le_put(aad + 4, row, 8);
	le_put(o, a->number, 4);
	le_put(o + 4, 0, 4);
	le_put(o + 8, count, 8);
	REQUIRE(EVP_EncryptInit_ex(t->ctx, NULL, NULL, NULL, o + 4) == 1);
	REQUIRE(EVP_EncryptUpdate(t->ctx, NULL, &k, aad, AAD_BYTES) == 1);
	o += 4 + NONCE_BYTES;
	/* OpenSSL takes a NULL input for the end of the additional data. */
	if (n > 0)
		REQUIRE(EVP_EncryptUpdate(t->ctx, o, &k, p, (int)n) == 1);
	REQUIRE(EVP_EncryptFinal_ex(t->ctx, o + n, &k) == 1);
	REQUIRE(EVP_CIPHER_CTX_ctrl(t->ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, o + n) == 1);
}

static EVP_CIPHER_CTX *opener_for(struct seal *s, uint32_t number)
{
	struct thread_seal *t = thread_seal_get(s);
	for (unsigned i = 0; i < OPENERS; i++)
		if (t->open[i].number == number)
			return t->open[i].ctx;
	struct opener *op = &t->open[t->turn];
	op->number = 0;
	if (schedule(s, op->ctx, number, false))
		return NULL;
	op->number = number;
	t->turn = (t->turn + 1) % OPENERS;
	return op->ctx;
}

int seal_unseal(struct seal *s, uint32_t table, uint64_t row, const void *p, size_t n, char *out)
{
	CHECK(s, SEAL);
	const unsigned char *b = p;
	unsigned char aad[AAD_BYTES], tag[TAG_BYTES], *o = (unsigned char *)out;
	int k;

	if (n < SEAL_OVERHEAD || n - SEAL_OVERHEAD > INT_MAX)
		return E_CORRUPT;
	uint32_t number = le_u32(b);
	EVP_CIPHER_CTX *ctx = number ? opener_for(s, number) : NULL;
	if (!ctx)
		return E_CORRUPT;
	size_t len = n - SEAL_OVERHEAD;
	le_put(aad, table, 4);
	le_put(aad + 4, row, 8);
	memcpy(tag, b + n - TAG_BYTES, TAG_BYTES);
	REQUIRE(EVP_DecryptInit_ex(ctx, NULL, NULL, NULL, b + 4) == 1);
	REQUIRE(EVP_DecryptUpdate(ctx, NULL, &k, aad, AAD_BYTES) == 1);
	if (len > 0)
		REQUIRE(EVP_DecryptUpdate(ctx, o, &k, b + 4 + NONCE_BYTES, (int)len) == 1);
	REQUIRE(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1);
	if (EVP_DecryptFinal_ex(ctx, tag, &k) == 1)
		return 0;
	OPENSSL_cleanse(out, len);
	return E_CORRUPT;
}

int seal_rotate(struct seal *s, struct why *why)
{
	CHECK(s, SEAL);
	unsigned char key[KEY_BYTES];
	struct buf wrapped;
	int err;

	struct active *a = calloc(1, sizeof(*a));
	if (!a)
		return E_NOMEM;
	buf_init_secret(&wrapped, DATAKEYS_WRAPPED_MAX);
	rnd_bytes(s->rnd, key, sizeof(key));
	if (s->ks) {
		err = keystore_wrap(s->ks, key, &wrapped);
		if (err) {
			why_set(why, RSC_INTERNAL_SERVER_ERROR, "the keystore cannot wrap a data key: %s", err_text(err));
			goto out;
		}
	} else {
		buf_put(&wrapped, key, sizeof(key));
	}
	pthread_mutex_lock(&s->lock);
	err = datakeys_append(&s->keys, buf_as_str(&wrapped), &a->number, why);
	if (err == 0) {
		a->older = atomic_load_explicit(&s->active, memory_order_relaxed);
		atomic_store_explicit(&s->active, a, memory_order_release);
		a = NULL;
	}
	pthread_mutex_unlock(&s->lock);
out:
	OPENSSL_cleanse(key, sizeof(key));
	buf_fini_secret(&wrapped);
	free(a);
	return err;
}

static struct seal *seal_new(struct keystore *ks, struct rnd *rnd)
{
	struct seal *s = calloc(1, sizeof(*s));
	REQUIRE(s);
	s->magic = SEAL_MAGIC;
	s->ks = ks;
	s->rnd = rnd;
	s->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	REQUIRE(s->cipher);
	REQUIRE(pthread_key_create(&s->thread_key, thread_ends) == 0);
	REQUIRE(pthread_mutex_init(&s->lock, NULL) == 0);
	datakeys_init(&s->keys);
	return s;
}

/* The key-encryption key must be the one that wrapped what is there, before anything new is wrapped with it. */
static int check_keys(struct seal *s, struct why *why)
{
	unsigned char key[KEY_BYTES];
	const uint32_t look[2] = { 1, s->keys.n };

	for (unsigned i = 0; i < 2 && s->keys.n > 0; i++) {
		int err = key_get(s, look[i], key);
		OPENSSL_cleanse(key, sizeof(key));
		if (err) {
			why_set(why, RSC_INTERNAL_SERVER_ERROR,
			        "data key %u does not open with this key-encryption key: put the right kek back", look[i]);
			return err;
		}
	}
	return 0;
}

int seal_open(const char *dir, struct keystore *ks, struct rnd *rnd, struct seal **out, struct why *why)
{
	REQUIRE(dir && ks && rnd);
	struct seal *s = seal_new(ks, rnd);
	int err = datakeys_open(&s->keys, dir, why);
	if (err == 0)
		err = check_keys(s, why);
	if (err == 0)
		err = seal_rotate(s, why);
	if (err) {
		seal_close(s);
		return err;
	}
	*out = s;
	return 0;
}

struct seal *seal_new_volatile(struct rnd *rnd)
{
	struct why why = { 0 };
	struct seal *s = seal_new(NULL, rnd);
	REQUIRE(seal_rotate(s, &why) == 0);
	return s;
}

void seal_close(struct seal *s)
{
	if (!s)
		return;
	CHECK(s, SEAL);
	pthread_key_delete(s->thread_key);
	while (s->threads) {
		struct thread_seal *t = s->threads;
		s->threads = t->next;
		thread_seal_free(t);
	}
	struct active *a = atomic_load_explicit(&s->active, memory_order_relaxed);
	/* A start that ended before its first row: another hundred of them must not make the file grow. */
	if (a && a->number == s->keys.n && atomic_load(&a->next) == 0)
		datakeys_drop(&s->keys);
	while (a) {
		struct active *older = a->older;
		free(a);
		a = older;
	}
	datakeys_fini(&s->keys);
	EVP_CIPHER_free(s->cipher);
	pthread_mutex_destroy(&s->lock);
	s->magic = 0;
	free(s);
}
