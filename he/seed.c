/* SPDX-License-Identifier: Apache-2.0 */
/* Seed expansion: a stream of 4096-byte blocks, taken as words, with rejection of the words above the last multiple. */
#include "he/seed.h"

#include <openssl/evp.h>
#include <string.h>

#include "cse/base/err.h"
#include "he/blake2.h"

static int shake_block(const struct he_seed *s, uint64_t index, unsigned char *out)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md && EVP_DigestInit_ex(md, EVP_shake256(), NULL) && EVP_DigestUpdate(md, s->bytes, HE_SEED_BYTES) &&
	          EVP_DigestUpdate(md, &index, sizeof(index)) && EVP_DigestFinalXOF(md, out, HE_SEED_BLOCK);

	EVP_MD_CTX_free(md);
	return ok ? 0 : E_CRYPTO;
}

int he_seed_block(const struct he_seed *s, uint64_t index, unsigned char out[HE_SEED_BLOCK])
{
	if (s->type == HE_SEED_SHAKE256)
		return shake_block(s, index, out);
	if (s->type != HE_SEED_BLAKE2X)
		return E_RANGE;
	blake2x_keyed(s->bytes, &index, sizeof(index), out, HE_SEED_BLOCK);
	return 0;
}

/* What is left of the stream after the words that were taken first. */
struct stream {
	const struct he_seed *seed;
	uint64_t next; /* block that is not yet made */
	size_t at;     /* in block */
	unsigned char block[HE_SEED_BLOCK];
};

static int stream_take(struct stream *s, uint64_t *w)
{
	int r;

	if (s->at == HE_SEED_BLOCK) {
		if ((r = he_seed_block(s->seed, s->next++, s->block)) != 0)
			return r;
		s->at = 0;
	}
	memcpy(w, s->block + s->at, sizeof(*w));
	s->at += sizeof(*w);
	return 0;
}

/* Words at or above the limit are replaced, first to last. */
static int reject(struct stream *s, const struct he_mod *m, uint64_t *w, size_t n)
{
	uint64_t limit = UINT64_MAX - UINT64_MAX % m->q - 1;
	size_t i, j;
	int r;

	for (i = 0; i < n; i += 8) {
		bool any = false;

		for (j = i; j < i + 8; j++)
			any |= w[j] >= limit;
		for (j = i; any && j < i + 8; j++)
			while (w[j] >= limit)
				if ((r = stream_take(s, &w[j])) != 0)
					return r;
	}
	return 0;
}

int he_seed_expand(const struct he_seed *s, const struct he_mod *const *mods, unsigned primes, size_t n,
                   const struct he_kernels *kern, uint64_t *w)
{
	size_t bytes = primes * n * sizeof(*w), done = 0;
	struct stream rest = { .seed = s, .at = HE_SEED_BLOCK };
	unsigned j;
	int r;

	for (; bytes - done >= HE_SEED_BLOCK; done += HE_SEED_BLOCK)
		if ((r = he_seed_block(s, rest.next++, (unsigned char *)w + done)) != 0)
			return r;
	if (done < bytes) {
		if ((r = he_seed_block(s, rest.next++, rest.block)) != 0)
			return r;
		rest.at = bytes - done;
		memcpy((unsigned char *)w + done, rest.block, rest.at);
	}
	for (j = 0; j < primes; j++) {
		if ((r = reject(&rest, mods[j], w + j * n, n)) != 0)
			return r;
		kern->reduce(w + j * n, w + j * n, n, mods[j]);
	}
	return 0;
}
