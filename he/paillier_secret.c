/* SPDX-License-Identifier: Apache-2.0 */
/* Paillier keys, and decryption modulo p^2 and q^2. */
#include "he/paillier_secret.h"

#include <openssl/bn.h>
#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "he/paillier_priv.h"

static const char magic[8] = "TROTHSK1";
enum { HALF_BYTES = PAILLIER_MAX_CT / 4 };

static void side_fini(struct paillier_side *s)
{
	BN_clear_free(s->bn);
	mont_fini(&s->square);
	mont_fini(&s->mod);
	mont_wipe(s->p, 4 * s->words);
}

/* r = a^-1 modulo 2^(52 words), a odd, by Newton over all words. */
static int invert(uint64_t *r, const uint64_t *a, unsigned words)
{
	uint64_t *t = mont_new(2 * words), *next;

	if (t == NULL)
		return E_NOMEM;
	next = t + words;
	memset(r, 0, words * sizeof(*r));
	r[0] = 1;
	/* r = r (2 - a r): from 1 right bit to 2, 4 ... */
	for (unsigned right = 1; right < MONT_BITS * words; right *= 2) {
		mont_product(t, words, a, words, r, words);
		for (unsigned i = 0; i < words; i++)
			t[i] = (i == 0 ? 2 : 0) - t[i];
		mont_carry(t, words);
		mont_product(next, words, t, words, r, words);
		memcpy(r, next, words * sizeof(*r));
	}
	mont_wipe(t, 2 * words);
	return 0;
}

/* -1 / other modulo p, and 1 / other modulo p when `plus`, in Montgomery form of s->mod. */
static int factor_of(const struct paillier_side *s, const BIGNUM *other, bool plus, uint64_t *r)
{
	BN_CTX *ctx = BN_CTX_secure_new();
	BIGNUM *v = BN_secure_new();
	bool ok;

	if (v)
		BN_set_flags(s->bn, BN_FLG_CONSTTIME);
	ok = ctx && v && BN_mod(v, other, s->bn, ctx) && BN_mod_inverse(v, v, s->bn, ctx) && (plus || BN_sub(v, s->bn, v)) &&
	     mont_from_bn(r, s->mod.words, v) == 0;
	if (ok)
		mont_mul(&s->mod, r, r, s->mod.rr);
	BN_clear_free(v);
	BN_CTX_free(ctx);
	return ok ? 0 : E_CRYPTO;
}

/* By Fermat, which no damage passes: is 2^(p - 1) 1 modulo p? */
static int check_prime(const struct paillier_side *s, unsigned bits, struct he_why *w)
{
	uint64_t *x = mont_new(s->words), others = 0;
	int err;

	if (x == NULL)
		return E_NOMEM;
	for (unsigned i = 0; i < s->words; i++)
		x[i] = 2 * s->mod.one[i];
	mont_carry(x, s->words);
	if ((err = mont_exp(&s->mod, x, x, s->less, bits)) == 0) {
		mont_leave(&s->mod, x, x);
		for (unsigned i = 1; i < s->words; i++)
			others |= x[i];
		if (x[0] != 1 || others)
			err = he_fail(w, E_RANGE, "the key is damaged: its numbers are no primes of %u bits", bits);
	}
	mont_wipe(x, s->words);
	return err;
}

/* Takes bn. */
static int side_init(struct paillier_side *s, BIGNUM *bn)
{
	BN_CTX *ctx = BN_CTX_secure_new();
	BIGNUM *square = BN_secure_new();
	int err = E_NOMEM;

	s->bn = bn;
	if (ctx == NULL || square == NULL || !BN_sqr(square, bn, ctx) || (err = mont_init(&s->square, square, true)) != 0 ||
	    (err = mont_init(&s->mod, bn, true)) != 0)
		goto out;
	s->words = s->mod.words;
	s->p = mont_new(4 * s->words);
	if (s->p == NULL) {
		err = E_NOMEM;
		goto out;
	}
	s->less = s->p + s->words;
	s->inverse = s->less + s->words;
	s->factor = s->inverse + s->words;
	if ((err = mont_from_bn(s->p, s->words, bn)) != 0)
		goto out;
	memcpy(s->less, s->p, s->words * sizeof(*s->p));
	s->less[0] -= 1;
	err = invert(s->inverse, s->p, s->words);
out:
	BN_clear_free(square);
	BN_CTX_free(ctx);
	return err;
}

void paillier_sk_free(struct paillier_sk *sk)
{
	if (sk == NULL)
		return;
	mont_wipe(sk->p_inv, sk->q.mod.words);
	side_fini(&sk->p);
	side_fini(&sk->q);
	paillier_pk_free(sk->pk);
	free(sk);
}

/* Takes p and q. */
static int make(unsigned bits, BIGNUM *p, BIGNUM *q, struct paillier_sk **out, struct he_why *w)
{
	struct paillier_sk *sk = calloc(1, sizeof(*sk));
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *n = BN_new();
	int err = E_NOMEM;

	if (sk == NULL) {
		BN_clear_free(p);
		BN_clear_free(q);
		goto out;
	}
	sk->bits = bits;
	/* Both are taken, whatever happens. */
	sk->q.bn = q;
	if ((err = side_init(&sk->p, p)) != 0 || (err = side_init(&sk->q, q)) != 0)
		goto out;
	if (ctx == NULL || n == NULL || !BN_mul(n, p, q, ctx) || (sk->p_inv = mont_new(sk->q.mod.words)) == NULL) {
		err = E_NOMEM;
		goto out;
	}
	if ((unsigned)BN_num_bits(n) != bits || BN_cmp(p, q) == 0) {
		err = he_fail(w, E_RANGE, "the primes do not make a modulus of %u bits", bits);
		goto out;
	}
	if ((err = check_prime(&sk->p, bits / 2, w)) != 0 || (err = check_prime(&sk->q, bits / 2, w)) != 0)
		goto out;
	if ((err = factor_of(&sk->p, q, false, sk->p.factor)) != 0 || (err = factor_of(&sk->q, p, false, sk->q.factor)) != 0 ||
	    (err = factor_of(&sk->q, p, true, sk->p_inv)) != 0)
		goto out;
	err = paillier_pk_make(n, &sk->pk, w);
out:
	BN_free(n);
	BN_CTX_free(ctx);
	if (err) {
		paillier_sk_free(sk);
		return err == E_RANGE ? err : he_fail(w, err, "the key was not made");
	}
	*out = sk;
	return 0;
}

/* A prime of that many bits, the two highest set, 3 modulo 4. */
static BIGNUM *prime(unsigned bits, struct rnd *rnd, BN_CTX *ctx)
{
	unsigned char bytes[HALF_BYTES];
	BIGNUM *p = BN_secure_new();
	int is_prime = 0;

	while (p && is_prime == 0) {
		rnd_bytes(rnd, bytes, bits / 8);
		bytes[0] |= 0xc0;
		bytes[bits / 8 - 1] |= 3;
		is_prime = BN_bin2bn(bytes, (int)(bits / 8), p) ? BN_check_prime(p, ctx, NULL) : -1;
	}
	explicit_bzero(bytes, sizeof(bytes));
	if (is_prime == 1)
		return p;
	BN_clear_free(p);
	return NULL;
}

/* p - 1 and q - 1 share no factor but 2: then a fixed base gives all the randomness that there is. */
static bool is_fit(const BIGNUM *p, const BIGNUM *q, BN_CTX *ctx)
{
	BIGNUM *a = BN_secure_new(), *b = BN_secure_new();
	bool ok = a && b && BN_rshift1(a, p) && BN_rshift1(b, q) && BN_gcd(a, a, b, ctx) && BN_is_one(a);

	BN_clear_free(a);
	BN_clear_free(b);
	return ok;
}

int paillier_keygen(unsigned bits, struct rnd *rnd, struct paillier_sk **out, struct he_why *w)
{
	BN_CTX *ctx;
	BIGNUM *p, *q;

	if (bits != 2048 && bits != 3072)
		return he_fail(w, E_RANGE, "a Paillier key has 2048 or 3072 bits, not %u", bits);
	ctx = BN_CTX_secure_new();
	p = ctx ? prime(bits / 2, rnd, ctx) : NULL;
	q = p ? prime(bits / 2, rnd, ctx) : NULL;
	while (q && !is_fit(p, q, ctx)) {
		BN_clear_free(q);
		q = prime(bits / 2, rnd, ctx);
	}
	BN_CTX_free(ctx);
	if (q == NULL) {
		BN_clear_free(p);
		return he_fail(w, E_CRYPTO, "no primes were found");
	}
	return make(bits, p, q, out, w);
}

int paillier_pk_of(const struct paillier_sk *sk, struct paillier_pk **out, struct he_why *w)
{
	BIGNUM *n = BN_new();
	BN_CTX *ctx = BN_CTX_new();
	int err;

	err = n && ctx && BN_mul(n, sk->p.bn, sk->q.bn, ctx) ? paillier_pk_make(n, out, w) : he_fail(w, E_NOMEM, "out of memory");
	BN_free(n);
	BN_CTX_free(ctx);
	return err;
}

/* --- decryption ---------------------------------------------------------------------------------------------------- */

/* m modulo p, a prime of that many bits, below p, of c (`words` words).  tmp: three numbers of s->square. */
static int decrypt_side(const struct paillier_side *s, unsigned bits, const uint64_t *c, unsigned words, uint64_t *tmp, uint64_t *m)
{
	unsigned wide = s->square.words, low = words < wide ? words : wide;
	uint64_t *x = tmp, *y = tmp + wide, *z = y + wide;
	int err;

	/* c = z R + y; both to Montgomery form. */
	memset(tmp, 0, 3 * wide * sizeof(*tmp));
	memcpy(y, c, low * sizeof(*y));
	memcpy(z, c + low, (words - low) * sizeof(*z));
	mont_mul(&s->square, y, y, s->square.rr);
	mont_mul(&s->square, z, z, s->square.rrr);
	for (unsigned i = 0; i < wide; i++)
		x[i] = y[i] + z[i];
	mont_carry(x, wide);
	if ((err = mont_exp(&s->square, x, x, s->less, bits)) != 0)
		return err;
	mont_leave(&s->square, x, x);
	/* (x - 1) / p. */
	x[0] -= 1;
	mont_carry(x, wide);
	mont_product(m, s->words, x, s->words, s->inverse, s->words);
	mont_mul(&s->mod, m, m, s->factor);
	mont_reduce(&s->mod, m);
	return 0;
}

/* m = mp + p ((mq - mp) / p modulo q). */
static void combine(const struct paillier_sk *sk, const uint64_t *mp, uint64_t *mq, uint64_t *m, unsigned words)
{
	const struct paillier_side *p = &sk->p, *q = &sk->q;

	/* p is below 2q, so that 2q more is not negative. */
	for (unsigned i = 0; i < q->words; i++)
		mq[i] += 2 * q->p[i] - mp[i];
	mont_carry(mq, q->words);
	mont_mul(&q->mod, mq, mq, sk->p_inv);
	mont_reduce(&q->mod, mq);
	mont_product(m, words, p->p, p->words, mq, q->words);
	for (unsigned i = 0; i < p->words && i < words; i++)
		m[i] += mp[i];
	mont_carry(m, words);
}

int paillier_decrypt(const struct paillier_sk *sk, struct str ct, uint64_t *lane, unsigned n, struct he_why *w)
{
	const struct paillier_pk *pk = sk->pk;
	unsigned half = sk->p.words, wide = pk->n2.words, room = wide + 3 * sk->p.square.words + 2 * half + pk->half;
	unsigned char bytes[PAILLIER_MAX_CT / 2];
	uint64_t *c, *mp, *mq, *m;
	int err;

	if (n > pk->lanes)
		return he_fail(w, E_RANGE, "%u counters; one ciphertext has %u", n, pk->lanes);
	if ((c = mont_new(room)) == NULL)
		return he_fail(w, E_NOMEM, "out of memory");
	mp = c + wide;
	mq = mp + half;
	m = mq + half + 3 * sk->p.square.words;
	if ((err = paillier_take(pk, ct, c, w)) != 0)
		goto out;
	/* What it would decrypt to tells of p. */
	if ((err = paillier_check_unit(pk, (const unsigned char *)ct.p, w)) != 0)
		goto out;
	if ((err = decrypt_side(&sk->p, sk->bits / 2, c, wide, mq + half, mp)) != 0 || (err = decrypt_side(&sk->q, sk->bits / 2, c, wide, mq + half, mq)) != 0) {
		he_say(w, "out of memory");
		goto out;
	}
	combine(sk, mp, mq, m, pk->half);
	mont_to_bytes(m, pk->half, bytes, sk->bits / 8);
	for (unsigned i = 0; i < n; i++) {
		lane[i] = 0;
		for (unsigned k = 8; k-- > 0;)
			lane[i] = lane[i] << 8 | bytes[sk->bits / 8 - 1 - 8 * i - k];
	}
	explicit_bzero(bytes, sizeof(bytes));
out:
	mont_wipe(c, room);
	return err;
}

/* --- files --------------------------------------------------------------------------------------------------------- */

int paillier_sk_save(const struct paillier_sk *sk, struct buf *out)
{
	unsigned char p[HALF_BYTES];
	const struct paillier_side *const sides[2] = { &sk->p, &sk->q };

	buf_put(out, magic, sizeof(magic));
	buf_putc(out, (char)(sk->bits >> 8));
	buf_putc(out, (char)sk->bits);
	for (int i = 0; i < 2; i++) {
		mont_to_bytes(sides[i]->p, sides[i]->words, p, sk->bits / 16);
		buf_put(out, p, sk->bits / 16);
	}
	explicit_bzero(p, sizeof(p));
	return out->over ? E_LIMIT : 0;
}

int paillier_sk_load(struct str in, struct paillier_sk **out, struct he_why *w)
{
	const unsigned char *b = (const unsigned char *)in.p;
	unsigned bits, n;
	BIGNUM *p, *q;

	if (in.n < 10 || memcmp(b, magic, sizeof(magic)) != 0)
		return he_fail(w, E_SYNTAX, "no Paillier secret key (TROTHSK1)");
	bits = (unsigned)b[8] << 8 | b[9];
	n = bits / 16;
	if ((bits != 2048 && bits != 3072) || in.n != 10 + 2 * n)
		return he_fail(w, E_RANGE, "a Paillier key has 2048 or 3072 bits, and nothing follows it");
	if ((b[10] & b[10 + n] & 0xc0) != 0xc0 || !(b[10 + n - 1] & b[10 + 2 * n - 1] & 1))
		return he_fail(w, E_RANGE, "the key is damaged: its numbers are no primes of %u bits", bits / 2);
	p = BN_bin2bn(b + 10, (int)n, BN_secure_new());
	q = BN_bin2bn(b + 10 + n, (int)n, BN_secure_new());
	if (p && q)
		return make(bits, p, q, out, w);
	BN_clear_free(p);
	BN_clear_free(q);
	return he_fail(w, E_NOMEM, "out of memory");
}
