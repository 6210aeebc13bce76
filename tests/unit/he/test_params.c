/* SPDX-License-Identifier: Apache-2.0 */
/* Parameter sets: SEAL's defaults, its Create and Batching, its ids, the standard's table. */
#include "he/he.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/err.h"

static void to_hex(const unsigned char *p, size_t n, char *hex)
{
	for (size_t i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", p[i]);
}

START_TEST(defaults_are_secure)
{
	struct he_params p;
	struct he_why w;
	unsigned log_n;

	for (log_n = HE_MIN_LOG_N; log_n <= HE_MAX_LOG_N; log_n++) {
		ck_assert_int_eq(he_params_default(&p, HE_BFV, log_n, 20, &w), 0);
		ck_assert_uint_eq(he_params_security(&p), 128);
		ck_assert_uint_eq(p.t % (2u << log_n), 1);
		for (unsigned i = 0; i < p.k; i++)
			ck_assert(he_is_prime(p.q[i]) && p.q[i] % (2u << log_n) == 1);
	}
	ck_assert_int_eq(he_params_default(&p, HE_BFV, 12, 20, &w), 0);
	ck_assert_uint_eq(p.t, 1032193);
	ck_assert_int_eq(he_params_default(&p, HE_CKKS, 12, 0, &w), 0);
	ck_assert_uint_eq(p.t, 0);
	ck_assert_int_eq(he_params_default(&p, HE_BFV, 9, 20, &w), E_RANGE);
	ck_assert_int_eq(he_params_default(&p, HE_BFV, 16, 20, &w), E_RANGE);
	ck_assert_int_eq(he_params_default(&p, HE_BFV, 12, 12, &w), E_RANGE);
	ck_assert_int_eq(he_params_default(&p, HE_BFV, 12, 61, &w), E_RANGE);
}
END_TEST

/* From SEAL: n = 64 and the CKKS example. */
START_TEST(creates)
{
	static const unsigned ckks[] = { 60, 40, 40, 60 };
	static const unsigned many[] = { 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13 };
	static const uint64_t want[] = { 0xffffffffffe8001, 0xfffff4c001, 0xfffffdc001, 0xfffffffffffc001 };
	struct he_params p = { .scheme = HE_CKKS };
	struct he_why w;

	ck_assert_int_eq(he_params_create(&p, 13, ckks, 4, &w), 0);
	ck_assert_uint_eq(p.k, 4);
	for (int i = 0; i < 4; i++)
		ck_assert_uint_eq(p.q[i], want[i]);
	ck_assert_int_eq(he_params_create(&p, 10, many, ARRAY_LEN(many), &w), E_RANGE);
	ck_assert_int_eq(he_params_create(&p, 13, (const unsigned[]){ 61 }, 1, &w), E_RANGE);
	ck_assert_int_eq(he_params_create(&p, 13, (const unsigned[]){ 1 }, 1, &w), E_RANGE);
	ck_assert_int_eq(he_params_create(&p, 13, ckks, 0, &w), E_RANGE);
}
END_TEST

static void id_is(const struct he_params *p, unsigned primes, const char *want)
{
	unsigned char id[HE_ID_BYTES];
	char hex[2 * HE_ID_BYTES + 1];

	he_params_id(p, primes, id);
	to_hex(id, sizeof(id), hex);
	ck_assert_str_eq(hex, want);
}

START_TEST(ids_as_seal)
{
	static const unsigned ckks[] = { 60, 40, 40, 60 };
	struct he_params p, c = { .scheme = HE_CKKS };
	struct he_why w;

	ck_assert_int_eq(he_params_default(&p, HE_BFV, 12, 20, &w), 0);
	id_is(&p, 3, "51f0b0172e4629d58f1802d4c7c257c0100dde01dcdbf661e004a4627e01f9bf");
	id_is(&p, 2, "34779ca7413cfe19042a04464658a49b4fbdacaadd8b622f4a9ab9e12ab78702");
	id_is(&p, 1, "7bd2410e9e049f9eb60cc4f7e99bfe55716ebf815e957548335426e4266f0c0e");
	ck_assert_int_eq(he_params_create(&c, 13, ckks, 4, &w), 0);
	c.t = 0;
	id_is(&c, 3, "0f8bbf7d4509a0123c2bc9d4f3d564630c448ed8cc41a8965894081870675512");
}
END_TEST

/* The standard's table at its edges: one bit more is one class less. */
static const struct {
	unsigned log_n;
	unsigned bits[16], k, want;
} classes[] = {
	{ 10, { 27 }, 1, 128 }, { 10, { 28 }, 1, 0 },  { 10, { 19 }, 1, 192 }, { 10, { 20 }, 1, 128 }, { 10, { 14 }, 1, 256 },
	{ 11, { 54 }, 1, 128 }, { 11, { 55 }, 1, 0 },  { 11, { 37 }, 1, 192 }, { 11, { 29 }, 1, 256 },
	{ 12, { 36, 36, 37 }, 3, 128 }, { 12, { 37, 37, 37 }, 3, 0 }, { 12, { 37, 38 }, 2, 192 }, { 12, { 29, 29 }, 2, 256 },
	{ 13, { 54, 54, 55, 55 }, 4, 128 }, { 13, { 55, 55, 55, 55 }, 4, 0 }, { 13, { 59, 59 }, 2, 256 },
};

START_TEST(knows_the_table)
{
	struct he_params p = { .scheme = HE_CKKS };
	struct he_why w;

	ck_assert_int_eq(he_params_create(&p, classes[_i].log_n, classes[_i].bits, classes[_i].k, &w), 0);
	ck_assert_uint_eq(he_params_security(&p), classes[_i].want);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("he/params");
	TCase *t = tcase_create("params");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, defaults_are_secure);
	tcase_add_test(t, creates);
	tcase_add_test(t, ids_as_seal);
	tcase_add_loop_test(t, knows_the_table, 0, ARRAY_LEN(classes));
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
