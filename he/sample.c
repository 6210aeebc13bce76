/* SPDX-License-Identifier: Apache-2.0 */
/* Coins and what is drawn from them. */
#include "he/sample.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "cse/base/err.h"
#include "cse/base/rand.h"

struct he_coins {
	EVP_CIPHER_CTX *aes;
};

struct he_coins *he_coins_new(struct rnd *rnd)
{
	struct he_coins *s = calloc(1, sizeof(*s));
	unsigned char key[32], counter[16] = { 0 };

	if (s == NULL)
		return NULL;
	rnd_bytes(rnd, key, sizeof(key));
	s->aes = EVP_CIPHER_CTX_new();
	if (s->aes == NULL || EVP_EncryptInit_ex(s->aes, EVP_aes_256_ctr(), NULL, key, counter) != 1) {
		he_coins_free(s);
		s = NULL;
	}
	explicit_bzero(key, sizeof(key));
	return s;
}

void he_coins_free(struct he_coins *s)
{
	if (s)
		EVP_CIPHER_CTX_free(s->aes);
	free(s);
}

/* The stream is what zeros are encrypted to. */
static int draw(struct he_coins *s, uint64_t *w, size_t n)
{
	int got;

	memset(w, 0, n * sizeof(*w));
	return EVP_EncryptUpdate(s->aes, (unsigned char *)w, &got, (const unsigned char *)w, (int)(n * sizeof(*w))) == 1 ? 0 : E_CRYPTO;
}

int he_sample_ternary(struct he_coins *s, uint64_t *w, size_t n)
{
	int r = draw(s, w, n);

	/* A third of 2^64 is no whole number; the bias is below 2^-62. */
	for (size_t i = 0; r == 0 && i < n; i++)
		w[i] = he_mulhi(w[i], 3) - 1;
	return r;
}

int he_sample_error(struct he_coins *s, uint64_t *w, size_t n)
{
	int r = draw(s, w, n);

	for (size_t i = 0; r == 0 && i < n; i++) {
		/* 21 coins in each half, counted in parallel: no table, no instruction that a processor may lack. */
		uint64_t v = (w[i] & 0x1fffff) | (w[i] >> 21 & 0x1fffff) << 32;

		v = v - (v >> 1 & 0x5555555555555555);
		v = (v & 0x3333333333333333) + (v >> 2 & 0x3333333333333333);
		v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0f;
		v += v >> 8;
		v += v >> 16;
		w[i] = (v & 0x3f) - (v >> 32 & 0x3f);
	}
	return r;
}

/* No coefficient is below its negative. */
enum { LARGEST = 32 };

void he_sample_reduce(uint64_t *r, const uint64_t *w, uint64_t f, size_t n, const struct he_mod *m)
{
	struct he_const by = he_const_make(f, m->q);
	uint64_t q = m->q, shift = he_mul_const(LARGEST, by, q);

	if (f == 1) {
		for (size_t i = 0; i < n; i++)
			r[i] = w[i] + (q & -(w[i] >> 63));
		return;
	}
	for (size_t i = 0; i < n; i++)
		r[i] = he_sub(he_mul_const(w[i] + LARGEST, by, q), shift, q);
}

void he_sample_add(uint64_t *r, const uint64_t *w, uint64_t f, size_t n, const struct he_mod *m)
{
	struct he_const by = he_const_make(f, m->q);
	uint64_t q = m->q, shift = he_mul_const(LARGEST, by, q), minus = -(uint64_t)(f == q - 1);

	if (f == 1 || minus) {
		for (size_t i = 0; i < n; i++) {
			uint64_t v = r[i] + ((w[i] ^ minus) - minus);

			r[i] = he_cond_sub(v + (q & -(v >> 63)), q);
		}
		return;
	}
	for (size_t i = 0; i < n; i++)
		r[i] = he_add(he_sub(r[i], shift, q), he_mul_const(w[i] + LARGEST, by, q), q);
}

void he_seed_new(struct he_seed *s, struct rnd *rnd)
{
	*s = (struct he_seed){ .type = HE_SEED_BLAKE2X, .used = true };
	rnd_bytes(rnd, s->bytes, sizeof(s->bytes));
}
