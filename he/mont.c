/* SPDX-License-Identifier: Apache-2.0 */
/* Montgomery products in plain C, powers with a table that is read whole, and the ways in and out. */
#include "he/mont.h"

#include <openssl/bn.h>
#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "he/mont_priv.h"
#include "he/ntt.h"

enum { WINDOW = 5, TABLE = 1 << WINDOW };

uint64_t *mont_new(unsigned words)
{
	void *p;

	if (posix_memalign(&p, 64, words * sizeof(uint64_t)) != 0)
		return NULL;
	return memset(p, 0, words * sizeof(uint64_t));
}

void mont_wipe(uint64_t *a, unsigned words)
{
	if (a)
		explicit_bzero(a, words * sizeof(*a));
	free(a);
}

/* 2^e modulo n, into r. */
static bool power_of_two(uint64_t *r, unsigned words, unsigned e, const BIGNUM *n, BN_CTX *ctx)
{
	BIGNUM *v = BN_new();
	bool ok = v && BN_set_bit(v, (int)e) && BN_mod(v, v, n, ctx) && mont_from_bn(r, words, v) == 0;

	BN_clear_free(v);
	return ok;
}

int mont_init(struct mont *m, const BIGNUM *n, bool vector)
{
	unsigned words = ((unsigned)BN_num_bits(n) + 4 + MONT_BITS - 1) / MONT_BITS;
	BN_CTX *ctx = BN_CTX_new();
	uint64_t inverse = 1;
	bool ok;

	words = (words + 7) & ~7u;
	REQUIRE(BN_is_odd(n) && words <= MONT_MOST);
	*m = (struct mont){ .words = words };
	m->n = mont_new(4 * words);
	if (m->n == NULL || ctx == NULL) {
		BN_CTX_free(ctx);
		mont_fini(m);
		return E_NOMEM;
	}
	m->one = m->n + words;
	m->rr = m->one + words;
	m->rrr = m->rr + words;
	m->vector = vector && he_kernels_best()->isa == HE_IFMA;
	ok = mont_from_bn(m->n, words, n) == 0 && power_of_two(m->one, words, MONT_BITS * words, n, ctx) &&
	     power_of_two(m->rr, words, 2 * MONT_BITS * words, n, ctx) && power_of_two(m->rrr, words, 3 * MONT_BITS * words, n, ctx);
	BN_CTX_free(ctx);
	/* Newton: each step doubles the bits that are right. */
	for (int i = 0; i < 6; i++)
		inverse *= 2 - m->n[0] * inverse;
	m->n0 = -inverse & MONT_MASK;
	if (!ok)
		mont_fini(m);
	return ok ? 0 : E_CRYPTO;
}

void mont_fini(struct mont *m)
{
	mont_wipe(m->n, 4 * m->words);
	m->n = NULL;
}

void mont_carry(uint64_t *a, unsigned words)
{
	int64_t carry = 0;

	for (unsigned i = 0; i < words; i++) {
		int64_t v = (int64_t)a[i] + carry;

		a[i] = (uint64_t)v & MONT_MASK;
		carry = v >> MONT_BITS;
	}
}

static void multiply(const struct mont *m, uint64_t *r, const uint64_t *a, const uint64_t *b)
{
	uint64_t sum[MONT_MOST] = { 0 };

	for (unsigned i = 0; i < m->words; i++) {
		unsigned __int128 s = (unsigned __int128)a[0] * b[i];
		uint64_t quot = ((sum[0] + (uint64_t)s) & MONT_MASK) * m->n0 & MONT_MASK, high, carry;

		s += (unsigned __int128)quot * m->n[0];
		carry = (sum[0] + ((uint64_t)s & MONT_MASK)) >> MONT_BITS;
		high = (uint64_t)(s >> MONT_BITS);
		for (unsigned j = 1; j < m->words; j++) {
			s = (unsigned __int128)a[j] * b[i] + (unsigned __int128)quot * m->n[j];
			sum[j - 1] = sum[j] + ((uint64_t)s & MONT_MASK) + high;
			high = (uint64_t)(s >> MONT_BITS);
		}
		sum[m->words - 1] = high;
		sum[0] += carry;
	}
	memcpy(r, sum, m->words * sizeof(*r));
	explicit_bzero(sum, sizeof(sum));
}

void mont_mul(const struct mont *m, uint64_t *r, const uint64_t *a, const uint64_t *b)
{
#if defined(__x86_64__)
	if (m->vector)
		mont_mul_ifma(m, r, a, b);
	else
		multiply(m, r, a, b);
#else
	multiply(m, r, a, b);
#endif
	mont_carry(r, m->words);
}

void mont_look_up(uint64_t *r, const uint64_t *table, unsigned entries, unsigned words, uint64_t at)
{
	memset(r, 0, words * sizeof(*r));
	for (uint64_t i = 0; i < entries; i++) {
		uint64_t all = he_mask(-(((i ^ at) - 1) >> 63));

		for (unsigned j = 0; j < words; j++)
			r[j] |= table[i * words + j] & all;
	}
}

/* Bits at .. at + 4 of e. */
static uint64_t window(const uint64_t *e, unsigned at, unsigned bits)
{
	uint64_t v = 0;

	for (unsigned i = WINDOW; i-- > 0;)
		v = v << 1 | (at + i < bits ? e[(at + i) / MONT_BITS] >> ((at + i) % MONT_BITS) & 1 : 0);
	return v;
}

int mont_exp(const struct mont *m, uint64_t *r, const uint64_t *a, const uint64_t *e, unsigned bits)
{
	uint64_t *table = mont_new((TABLE + 2) * m->words), *one, *sum;
	unsigned at = (bits + WINDOW - 1) / WINDOW * WINDOW;

	if (table == NULL)
		return E_NOMEM;
	one = table + TABLE * m->words;
	sum = one + m->words;
	memcpy(table, m->one, m->words * sizeof(*table));
	for (unsigned i = 1; i < TABLE; i++)
		mont_mul(m, table + i * m->words, table + (i - 1) * m->words, a);
	memcpy(sum, m->one, m->words * sizeof(*sum));
	while (at > 0) {
		at -= WINDOW;
		for (unsigned i = 0; i < WINDOW; i++)
			mont_mul(m, sum, sum, sum);
		mont_look_up(one, table, TABLE, m->words, window(e, at, bits));
		mont_mul(m, sum, sum, one);
	}
	memcpy(r, sum, m->words * sizeof(*r));
	mont_wipe(table, (TABLE + 2) * m->words);
	return 0;
}

void mont_reduce(const struct mont *m, uint64_t *a)
{
	for (int times = 0; times < 3; times++) {
		uint64_t less[MONT_MOST];
		int64_t borrow = 0;

		for (unsigned i = 0; i < m->words; i++) {
			int64_t v = (int64_t)(a[i] - m->n[i]) + borrow;

			less[i] = (uint64_t)v & MONT_MASK;
			borrow = v >> MONT_BITS;
		}
		for (unsigned i = 0; i < m->words; i++)
			a[i] = (a[i] & (uint64_t)borrow) | (less[i] & ~(uint64_t)borrow);
		explicit_bzero(less, sizeof(less));
	}
}

void mont_leave(const struct mont *m, uint64_t *r, const uint64_t *a)
{
	uint64_t one[MONT_MOST] __attribute__((aligned(64))) = { 1 };

	mont_mul(m, r, a, one);
	mont_reduce(m, r);
}

void mont_from_bytes(uint64_t *r, unsigned words, const unsigned char *p, size_t n)
{
	memset(r, 0, words * sizeof(*r));
	for (size_t i = 0; i < n; i++) {
		size_t bit = 8 * (n - 1 - i), at = bit / MONT_BITS, shift = bit % MONT_BITS;

		if (at < words)
			r[at] |= ((uint64_t)p[i] << shift) & MONT_MASK;
		if (shift > MONT_BITS - 8 && at + 1 < words)
			r[at + 1] |= (uint64_t)p[i] >> (MONT_BITS - shift);
	}
}

void mont_to_bytes(const uint64_t *a, unsigned words, unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t bit = 8 * (n - 1 - i), at = bit / MONT_BITS, shift = bit % MONT_BITS;
		uint64_t v = at < words ? a[at] >> shift : 0;

		if (shift > MONT_BITS - 8 && at + 1 < words)
			v |= a[at + 1] << (MONT_BITS - shift);
		p[i] = (unsigned char)v;
	}
}

int mont_from_bn(uint64_t *r, unsigned words, const BIGNUM *a)
{
	unsigned char bytes[MONT_MOST * MONT_BITS / 8];
	int n = (int)(words * MONT_BITS / 8), got = BN_bn2binpad(a, bytes, n);

	if (got == n)
		mont_from_bytes(r, words, bytes, (size_t)n);
	explicit_bzero(bytes, sizeof(bytes));
	return got == n ? 0 : E_RANGE;
}

bool mont_below(const uint64_t *a, const uint64_t *b, unsigned words)
{
	int64_t borrow = 0;

	for (unsigned i = 0; i < words; i++)
		borrow = ((int64_t)(a[i] - b[i]) + borrow) >> MONT_BITS;
	return borrow != 0;
}

void mont_product(uint64_t *r, unsigned words, const uint64_t *a, unsigned na, const uint64_t *b, unsigned nb)
{
	unsigned __int128 sum = 0;

	for (unsigned k = 0; k < words; k++) {
		unsigned from = k >= nb ? k - nb + 1 : 0, to = k < na ? k : na - 1;

		for (unsigned i = from; i <= to && k < na + nb - 1; i++)
			sum += (unsigned __int128)a[i] * b[k - i];
		r[k] = (uint64_t)sum & MONT_MASK;
		sum >>= MONT_BITS;
	}
}
