/* SPDX-License-Identifier: Apache-2.0 */
/* The transforms: SEAL's vector, evaluation by definition, every vector form against the plain one. */
#include "he/ntt.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"

/* The largest prime of that many bits that is 1 modulo 2n. */
static uint64_t prime_of(unsigned bits, unsigned log_n)
{
	uint64_t step = 2ULL << log_n, q = (1ULL << bits) - step + 1;

	while (!he_is_prime(q))
		q -= step;
	return q;
}

START_TEST(seal_vector)
{
	static const uint64_t want[16] = { 13, 72, 27, 49, 55, 96, 18, 8, 60, 8, 32, 51, 36, 67, 67, 20 };
	_Alignas(64) uint64_t a[16];
	struct he_ntt t;
	int i;

	ck_assert_int_eq(he_ntt_init(&t, 4, 97, he_kernels_best()), 0);
	for (i = 0; i < 16; i++)
		a[i] = (uint64_t)i;
	he_ntt_forward(&t, a);
	for (i = 0; i < 16; i++)
		ck_assert_uint_eq(a[i], want[i]);
	he_ntt_inverse(&t, a);
	for (i = 0; i < 16; i++)
		ck_assert_uint_eq(a[i], (uint64_t)i);
	he_ntt_fini(&t);
}
END_TEST

static size_t reverse(size_t i, unsigned bits)
{
	size_t r = 0;

	for (; bits; bits--, i >>= 1)
		r = r << 1 | (i & 1);
	return r;
}

/* a(x) by Horner's rule. */
static uint64_t value_at(const uint64_t *a, size_t n, uint64_t x, const struct he_mod *m)
{
	uint64_t v = 0;

	while (n--)
		v = he_reduce128((unsigned __int128)v * x + a[n], m);
	return v;
}

static void check_one(unsigned log_n, uint64_t q, const struct he_kernels *kern)
{
	size_t n = (size_t)1 << log_n, room = n < 8 ? 64 : n * 8, i;
	uint64_t *a = aligned_alloc(64, room), *b = aligned_alloc(64, room), *c = aligned_alloc(64, room);
	struct rnd *rnd = rnd_new_seeded(log_n);
	struct he_ntt plain, t;

	ck_assert_int_eq(he_ntt_init(&plain, log_n, q, he_kernels_of(HE_SCALAR)), 0);
	ck_assert_int_eq(he_ntt_init(&t, log_n, q, kern), 0);
	ck_assert_uint_eq(t.root, plain.root);
	for (int round = 0; round < 3; round++) {
		/* All at the edge, then one peak, then anything. */
		for (i = 0; i < n; i++)
			a[i] = b[i] = c[i] = round == 0 ? q - 1 : round == 1 ? (i == 1 ? q - 1 : 0) : rnd_below(rnd, q);
		/* Forward it takes what is below 4q. */
		for (i = 0; i < n && round != 1; i++) {
			a[i] += round == 0 ? 3 * q : i % 3 * q;
			b[i] += round == 0 ? 3 * q : i % 4 * q;
		}
		he_ntt_forward(&plain, a);
		he_ntt_forward(&t, b);
		ck_assert_msg(memcmp(a, b, n * 8) == 0, "forward, log_n %u q %lx isa %d", log_n, q, (int)kern->isa);
		for (i = 0; i < n; i += n / 4 + 1)
			ck_assert_uint_eq(a[i], value_at(c, n, he_pow(t.root, 2 * reverse(i, log_n) + 1, &t.mod), &t.mod));
		he_ntt_inverse(&plain, a);
		he_ntt_inverse(&t, b);
		ck_assert_msg(memcmp(a, c, n * 8) == 0 && memcmp(b, c, n * 8) == 0, "inverse, log_n %u q %lx isa %d", log_n, q,
		              (int)kern->isa);
	}
	/* Times something at once; what is below 4q again. */
	for (i = 0; i < n; i++) {
		a[i] = 4 * q - 1 - i % 2;
		b[i] = a[i];
		c[i] = i % 3 ? q - 1 : rnd_below(rnd, q);
	}
	he_ntt_forward(&plain, a);
	he_ntt_forward_mul(&t, b, c);
	for (i = 0; i < n; i++)
		ck_assert_uint_eq(b[i], (uint64_t)((unsigned __int128)a[i] * c[i] % q));
	/* Sums of the largest values, which nothing reduces on the way. */
	for (i = 0; i < n; i++)
		a[i] = b[i] = c[i] = q - 1;
	he_ntt_inverse(&plain, a);
	he_ntt_inverse(&t, b);
	ck_assert(memcmp(a, b, n * 8) == 0);
	he_ntt_forward(&plain, a);
	ck_assert_msg(memcmp(a, c, n * 8) == 0, "there and back, log_n %u q %lx", log_n, q);
	he_ntt_fini(&plain);
	he_ntt_fini(&t);
	rnd_free(rnd);
	free(a);
	free(b);
	free(c);
}

START_TEST(all_forms)
{
	static const unsigned bits[] = { 20, 27, 36, 40, 44, 48, 49, 50, 51, 52, 54, 56, 57, 58, 60, 61 };
	unsigned log_n = (unsigned)_i;
	size_t i, step = log_n > 12 ? 3 : 1; /* 20, 40, 49, 52, 57, 61 bits */
	enum he_isa isa;

	for (isa = HE_SCALAR; isa <= HE_IFMA; isa++)
		for (i = 0; i < ARRAY_LEN(bits) && he_kernels_of(isa); i += step)
			check_one(log_n, prime_of(bits[i], log_n), he_kernels_of(isa));
}
END_TEST

START_TEST(refuses)
{
	const struct he_kernels *k = he_kernels_best();
	struct he_ntt t;

	ck_assert_int_eq(he_ntt_init(&t, 10, 97, k), E_RANGE);
	ck_assert_int_eq(he_ntt_init(&t, 10, 0, k), E_RANGE);
	ck_assert_int_eq(he_ntt_init(&t, 10, 2, k), E_RANGE);
	ck_assert_int_eq(he_ntt_init(&t, 10, 2049 * 6145, k), E_RANGE);
	ck_assert_int_eq(he_ntt_init(&t, 10, ~0ULL, k), E_RANGE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("he/ntt");
	TCase *t = tcase_create("ntt");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, seal_vector);
	tcase_add_loop_test(t, all_forms, 1, 16);
	tcase_add_test(t, refuses);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
