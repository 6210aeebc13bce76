/* SPDX-License-Identifier: Apache-2.0 */
/* Parameter sets as SEAL makes them: its default primes, its search for primes, its ids, and the standard's table. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "he/he.h"
#include "he/he_priv.h"

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "he/blake2.h"

void he_say(struct he_why *w, const char *fmt, ...)
{
	va_list ap;

	if (w) {
		va_start(ap, fmt);
		vsnprintf(w->text, sizeof(w->text), fmt, ap);
		va_end(ap);
	}
}

/* Bits of the product of all primes, at most, for ternary secrets: 128, 192, 256 bits against classical attacks. */
static const struct {
	unsigned bits[3];
} most[HE_MAX_LOG_N - HE_MIN_LOG_N + 1] = {
	{ { 27, 19, 14 } },    { { 54, 37, 29 } },    { { 109, 75, 58 } },
	{ { 218, 152, 118 } }, { { 438, 305, 237 } }, { { 881, 611, 476 } },
};

unsigned he_product_bits(const struct he_params *p, unsigned primes)
{
	uint64_t w[HE_MAX_PRIMES + 1] = { 1 };
	unsigned used = 1, i, j;

	for (i = 0; i < primes; i++) {
		uint64_t carry = 0;

		for (j = 0; j < used; j++) {
			unsigned __int128 v = (unsigned __int128)w[j] * p->q[i] + carry;

			w[j] = (uint64_t)v;
			carry = (uint64_t)(v >> 64);
		}
		if (carry)
			w[used++] = carry;
	}
	return w[used - 1] ? 64 * used - (unsigned)__builtin_clzll(w[used - 1]) : 0;
}

unsigned he_params_security(const struct he_params *p)
{
	static const unsigned names[] = { 128, 192, 256 };
	unsigned bits, i, got = 0;

	if (p->log_n < HE_MIN_LOG_N || p->log_n > HE_MAX_LOG_N || p->k == 0 || p->k > HE_MAX_PRIMES)
		return 0;
	bits = he_product_bits(p, p->k);
	for (i = 0; i < ARRAY_LEN(names); i++)
		if (bits <= most[p->log_n - HE_MIN_LOG_N].bits[i])
			got = names[i];
	return got;
}

/* CoeffModulus::BFVDefault for 128 bits. */
static const struct {
	unsigned k;
	uint64_t q[16];
} defaults[HE_MAX_LOG_N - HE_MIN_LOG_N + 1] = {
	{ 1, { 0x7e00001 } },
	{ 1, { 0x3fffffff000001 } },
	{ 3, { 0xffffee001, 0xffffc4001, 0x1ffffe0001 } },
	{ 5, { 0x7fffffd8001, 0x7fffffc8001, 0xfffffffc001, 0xffffff6c001, 0xfffffebc001 } },
	{ 9,
	  { 0xfffffffd8001, 0xfffffffa0001, 0xfffffff00001, 0x1fffffff68001, 0x1fffffff50001, 0x1ffffffee8001, 0x1ffffffea0001,
	    0x1ffffffe88001, 0x1ffffffe48001 } },
	{ 16,
	  { 0x7fffffffe90001, 0x7fffffffbf0001, 0x7fffffffbd0001, 0x7fffffffba0001, 0x7fffffffaa0001, 0x7fffffffa50001,
	    0x7fffffff9f0001, 0x7fffffff7e0001, 0x7fffffff770001, 0x7fffffff380001, 0x7fffffff330001, 0x7fffffff2d0001,
	    0x7fffffff170001, 0x7fffffff150001, 0x7ffffffef00001, 0xfffffffff70001 } },
};

/* The next prime of `bits` bits that is 1 modulo 2n, below `below`; 0 when there is none. */
static uint64_t prime_before(unsigned log_n, unsigned bits, uint64_t below)
{
	uint64_t step = 2ULL << log_n, q;

	if (step >> bits)
		return 0;
	for (q = below == 0 ? (((1ULL << bits) - 1) / step) * step + 1 : below - step; q >> (bits - 1); q -= step)
		if (he_is_prime(q))
			return q;
	return 0;
}

uint64_t he_params_batching(unsigned log_n, unsigned bits)
{
	return bits < 2 || bits > 60 || log_n > HE_MAX_LOG_N ? 0 : prime_before(log_n, bits, 0);
}

int he_params_default(struct he_params *p, enum he_scheme s, unsigned log_n, unsigned t_bits, struct he_why *w)
{
	struct he_params new = { .scheme = s, .log_n = log_n };

	if (log_n < HE_MIN_LOG_N || log_n > HE_MAX_LOG_N)
		return he_fail(w, E_RANGE, "the polynomial degree must be 2^%d to 2^%d", HE_MIN_LOG_N, HE_MAX_LOG_N);
	if (s != HE_CKKS && (new.t = he_params_batching(log_n, t_bits)) == 0)
		return he_fail(w, E_RANGE, "there is no plain modulus of %u bits for batching %u values; take %u to 60", t_bits,
		               1u << log_n, log_n + 3);
	new.k = defaults[log_n - HE_MIN_LOG_N].k;
	memcpy(new.q, defaults[log_n - HE_MIN_LOG_N].q, new.k * sizeof(new.q[0]));
	*p = new;
	return 0;
}

int he_params_create(struct he_params *p, unsigned log_n, const unsigned *bits, unsigned k, struct he_why *w)
{
	uint64_t q[HE_MAX_PRIMES];
	unsigned i, j, before;

	if (log_n > HE_MAX_LOG_N || k == 0 || k > HE_MAX_PRIMES)
		return he_fail(w, E_RANGE, "1 to %d primes for a degree of at most 2^%d", HE_MAX_PRIMES, HE_MAX_LOG_N);
	/* Primes of one size are found from the largest down and handed out from the smallest up. */
	for (i = k; i-- > 0;) {
		if (bits[i] < 2 || bits[i] > 60)
			return he_fail(w, E_RANGE, "a prime of %u bits; 2 to 60 are possible", bits[i]);
		for (j = i + 1, before = 0; j < k && before == 0; j++)
			if (bits[j] == bits[i])
				before = j;
		q[i] = prime_before(log_n, bits[i], before ? q[before] : 0);
		if (q[i] == 0)
			return he_fail(w, E_RANGE, "too few primes of %u bits are 1 modulo %u; ask for larger ones", bits[i],
			               2u << log_n);
	}
	p->log_n = log_n;
	p->k = k;
	memset(p->q, 0, sizeof(p->q));
	memcpy(p->q, q, k * sizeof(q[0]));
	return 0;
}

void he_params_id(const struct he_params *p, unsigned primes, unsigned char id[HE_ID_BYTES])
{
	uint64_t words[HE_MAX_PRIMES + 3] = { (uint64_t)p->scheme, 1ULL << p->log_n };

	REQUIRE(primes <= p->k && p->k <= HE_MAX_PRIMES);
	memcpy(words + 2, p->q, primes * sizeof(words[0]));
	words[2 + primes] = p->t;
	blake2b_plain(words, (3 + primes) * sizeof(words[0]), id, HE_ID_BYTES);
}
