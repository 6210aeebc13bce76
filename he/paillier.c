/* SPDX-License-Identifier: Apache-2.0 */
/* Paillier's public side: (1 + m n) r^n modulo n^2, and products of such. */
#include "he/paillier.h"

#include <openssl/bn.h>
#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "he/paillier_priv.h"

static const char magic[8] = "TROTHPK1";
enum { SPARE = 16 }; /* bytes of randomness beyond n's */

int paillier_pk_make(const BIGNUM *n, struct paillier_pk **out, struct he_why *w)
{
	struct paillier_pk *pk = calloc(1, sizeof(*pk));
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *square = BN_new();
	int err = E_NOMEM;

	if (pk == NULL || ctx == NULL || square == NULL || !BN_sqr(square, n, ctx))
		goto out;
	pk->bits = (unsigned)BN_num_bits(n);
	pk->lanes = pk->bits / 64 - 1;
	if ((err = mont_init(&pk->n2, square, true)) != 0)
		goto out;
	pk->half = pk->n2.words / 2;
	pk->n = mont_new(pk->half);
	err = pk->n == NULL ? E_NOMEM : mont_from_bn(pk->n, pk->half, n);
out:
	BN_free(square);
	BN_CTX_free(ctx);
	if (err) {
		paillier_pk_free(pk);
		return he_fail(w, err, "the key has no memory");
	}
	*out = pk;
	return 0;
}

void paillier_pk_free(struct paillier_pk *pk)
{
	if (pk == NULL)
		return;
	mont_fini(&pk->n2);
	mont_wipe(pk->n, pk->half);
	free(pk);
}

unsigned paillier_bits(const struct paillier_pk *pk) { return pk->bits; }
size_t paillier_ct_bytes(const struct paillier_pk *pk) { return pk->bits / 4; }
unsigned paillier_lanes(const struct paillier_pk *pk) { return pk->lanes; }

/* --- encryption ---------------------------------------------------------------------------------------------------- */

int paillier_blind_new(const struct paillier_pk *pk, struct rnd *rnd, struct paillier_blind **out, struct he_why *w)
{
	struct paillier_blind *b = calloc(1, sizeof(*b));
	unsigned char bytes[PAILLIER_MAX_CT / 2 + SPARE];
	uint64_t *r = mont_new(pk->n2.words);
	int err = E_NOMEM;

	if (b == NULL || r == NULL || (b->v = mont_new(pk->n2.words)) == NULL)
		goto out;
	b->words = pk->n2.words;
	/*
	 * r^n modulo n^2 depends on r modulo n only, which is uniform but for 2^-128; nothing is drawn again.  That it has a divisor in
	 * common with n is as likely as to guess one.
	 */
	rnd_bytes(rnd, bytes, pk->bits / 8 + SPARE);
	mont_from_bytes(r, pk->n2.words, bytes, pk->bits / 8 + SPARE);
	mont_mul(&pk->n2, r, r, pk->n2.rr);
	err = mont_exp(&pk->n2, b->v, r, pk->n, pk->bits);
out:
	explicit_bzero(bytes, sizeof(bytes));
	mont_wipe(r, pk->n2.words);
	if (err) {
		paillier_blind_free(b);
		return he_fail(w, err, "out of memory");
	}
	*out = b;
	return 0;
}

void paillier_blind_free(struct paillier_blind *b)
{
	if (b)
		mont_wipe(b->v, b->words);
	free(b);
}

int paillier_encrypt(const struct paillier_pk *pk, const uint32_t *lane, unsigned n, struct paillier_blind *blind,
                     unsigned char *ct, struct he_why *w)
{
	uint64_t message[MONT_MOST], sum[MONT_MOST] __attribute__((aligned(64)));
	unsigned char bytes[8 * PAILLIER_MAX_LANES] = { 0 };

	if (n > pk->lanes)
		return he_fail(w, E_RANGE, "%u counters; one ciphertext has %u", n, pk->lanes);
	if (blind->v == NULL || blind->words != pk->n2.words)
		return he_fail(w, E_RANGE, "the randomness was used already; make new one");
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < 4; k++)
			bytes[sizeof(bytes) - 1 - 8 * i - k] = (unsigned char)(lane[i] >> 8 * k);
	mont_from_bytes(message, pk->half, bytes, sizeof(bytes));
	mont_product(sum, pk->n2.words, message, pk->half, pk->n, pk->half);
	sum[0] += 1;
	mont_carry(sum, pk->n2.words);
	mont_mul(&pk->n2, sum, sum, blind->v);
	mont_reduce(&pk->n2, sum);
	mont_to_bytes(sum, pk->n2.words, ct, paillier_ct_bytes(pk));
	mont_wipe(blind->v, blind->words);
	blind->v = NULL;
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(message, sizeof(message));
	explicit_bzero(sum, sizeof(sum));
	return 0;
}

/* --- sums ---------------------------------------------------------------------------------------------------------- */

/* The product of `count` numbers, and of R^(1 - count): each product takes one R away.  weight: of all, as the lanes have room. */
struct paillier_sum {
	const struct paillier_pk *pk;
	uint64_t count, weight;
	uint64_t *v, *next;
};

int paillier_sum_new(const struct paillier_pk *pk, struct paillier_sum **out)
{
	struct paillier_sum *s = calloc(1, sizeof(*s));

	if (s == NULL || (s->v = mont_new(2 * pk->n2.words)) == NULL) {
		free(s);
		return E_NOMEM;
	}
	s->pk = pk;
	s->next = s->v + pk->n2.words;
	memcpy(s->v, pk->n2.one, pk->n2.words * sizeof(*s->v));
	*out = s;
	return 0;
}

void paillier_sum_free(struct paillier_sum *s)
{
	if (s)
		free(s->v);
	free(s);
}

int paillier_take(const struct paillier_pk *pk, struct str ct, uint64_t *words, struct he_why *w)
{
	uint64_t above = 0;

	if (ct.n != paillier_ct_bytes(pk))
		return he_fail(w, E_RANGE, "%zu bytes; a ciphertext of this key has %zu", ct.n, paillier_ct_bytes(pk));
	mont_from_bytes(words, pk->n2.words, (const unsigned char *)ct.p, ct.n);
	for (unsigned i = 1; i < pk->n2.words; i++)
		above |= words[i];
	if (!mont_below(words, pk->n2.n, pk->n2.words) || (above == 0 && words[0] < 2))
		return he_fail(w, E_RANGE, "this is no ciphertext of this key: not between 1 and n^2");
	return 0;
}

int paillier_check_unit(const struct paillier_pk *pk, const unsigned char *ct, struct he_why *w)
{
	BIGNUM *n, *c = BN_bin2bn(ct, (int)paillier_ct_bytes(pk), NULL);
	unsigned char bytes[PAILLIER_MAX_CT / 2];
	BN_CTX *ctx = BN_CTX_new();
	int err;

	mont_to_bytes(pk->n, pk->half, bytes, pk->bits / 8);
	n = BN_bin2bn(bytes, (int)(pk->bits / 8), NULL);
	if (ctx == NULL || c == NULL || n == NULL || !BN_mod(c, c, n, ctx))
		err = he_fail(w, E_NOMEM, "out of memory");
	else
		err = BN_is_zero(c) ? he_fail(w, E_RANGE, "this is no ciphertext, or a sum of one that was none: a multiple of n") : 0;
	BN_free(n);
	BN_free(c);
	BN_CTX_free(ctx);
	return err;
}

/* Lanes have 32 bits more than values. */
static int check_room(const struct paillier_sum *s, uint32_t weight, struct he_why *w)
{
	if (s->weight + weight <= 1ULL << 32)
		return 0;
	return he_fail(w, E_LIMIT, "the counters have room for 2^32 summands, and the sum has that many; begin another one");
}

int paillier_sum_add(struct paillier_sum *s, struct str ct, struct he_why *w)
{
	int err = check_room(s, 1, w);

	if (err || (err = paillier_take(s->pk, ct, s->next, w)) != 0)
		return err;
	mont_mul(&s->pk->n2, s->v, s->v, s->next);
	s->count++;
	s->weight++;
	return 0;
}

int paillier_sum_add_weighted(struct paillier_sum *s, struct str ct, uint32_t weight, struct he_why *w)
{
	const struct mont *m = &s->pk->n2;
	uint64_t e[1] = { weight };
	int err;

	if (weight == 0)
		return he_fail(w, E_RANGE, "a weight of 0 adds nothing");
	if ((err = check_room(s, weight, w)) != 0 || (err = paillier_take(s->pk, ct, s->next, w)) != 0)
		return err;
	mont_mul(m, s->next, s->next, m->rr);
	if (mont_exp(m, s->next, s->next, e, 32) != 0)
		return he_fail(w, E_NOMEM, "out of memory");
	mont_mul(m, s->v, s->v, s->next);
	s->weight += weight;
	return 0;
}

int paillier_sum_get(struct paillier_sum *s, unsigned char *ct, struct he_why *w)
{
	const struct mont *m = &s->pk->n2;
	uint64_t e[2] = { s->count & MONT_MASK, s->count >> MONT_BITS };

	if (s->weight == 0)
		return he_fail(w, E_ABSENT, "nothing was added");
	/* v = x R^(1 - count); times R^count, in Montgomery form that is R^(count + 1), over R twice. */
	if (mont_exp(m, s->next, m->rr, e, 64) != 0)
		return he_fail(w, E_NOMEM, "out of memory");
	mont_mul(m, s->next, s->v, s->next);
	mont_leave(m, s->next, s->next);
	mont_to_bytes(s->next, m->words, ct, paillier_ct_bytes(s->pk));
	return paillier_check_unit(s->pk, ct, w);
}

/* --- files --------------------------------------------------------------------------------------------------------- */

int paillier_pk_save(const struct paillier_pk *pk, struct buf *out)
{
	unsigned char n[PAILLIER_MAX_CT / 2];

	mont_to_bytes(pk->n, pk->half, n, pk->bits / 8);
	buf_put(out, magic, sizeof(magic));
	buf_putc(out, (char)(pk->bits >> 8));
	buf_putc(out, (char)pk->bits);
	buf_put(out, n, pk->bits / 8);
	return out->over ? E_LIMIT : 0;
}

int paillier_pk_load(struct str in, struct paillier_pk **out, struct he_why *w)
{
	const unsigned char *p = (const unsigned char *)in.p;
	unsigned bits;
	BIGNUM *n;
	int err;

	if (in.n < 10 || memcmp(p, magic, sizeof(magic)) != 0)
		return he_fail(w, E_SYNTAX, "no Paillier public key (TROTHPK1)");
	bits = (unsigned)p[8] << 8 | p[9];
	if ((bits != 2048 && bits != 3072) || in.n != 10 + bits / 8)
		return he_fail(w, E_RANGE, "a Paillier key has 2048 or 3072 bits, and nothing follows it");
	if (!(p[10] & 0x80) || !(p[in.n - 1] & 1))
		return he_fail(w, E_RANGE, "the modulus has fewer than %u bits, or is even", bits);
	n = BN_bin2bn(p + 10, (int)(bits / 8), NULL);
	err = n ? paillier_pk_make(n, out, w) : he_fail(w, E_NOMEM, "out of memory");
	BN_free(n);
	return err;
}
