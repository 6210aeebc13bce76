/* SPDX-License-Identifier: Apache-2.0 */
/* Paillier against its definition, computed by OpenSSL's numbers alone; the products in plain C and in vectors. */
#include "he/paillier_secret.h"

#include <check.h>
#include <openssl/bn.h>
#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "he/mont.h"
#include "he/paillier_priv.h"

/* Powers and products of random numbers modulo odd ones of every size that there is. */
START_TEST(as_openssl)
{
	static const int sizes[] = { 100, 1024, 1536, 2048, 3072, 4096, 6144 };
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *n = BN_new(), *a = BN_new(), *e = BN_new(), *want = BN_new(), *got = BN_new();
	unsigned char bytes[800];
	uint64_t *x, *f;
	struct mont m;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		ck_assert(BN_rand(n, sizes[i], 0, 1) && BN_rand_range(a, n) && BN_rand(e, 200, 0, 0));
		ck_assert(BN_mod_exp(want, a, e, n, ctx));
		ck_assert_int_eq(mont_init(&m, n, _i == 1), 0);
		x = mont_new(m.words);
		f = mont_new(8);
		ck_assert_int_eq(mont_from_bn(x, m.words, a), 0);
		ck_assert_int_eq(mont_from_bn(f, 8, e), 0);
		mont_mul(&m, x, x, m.rr);
		ck_assert_int_eq(mont_exp(&m, x, x, f, 200), 0);
		mont_leave(&m, x, x);
		mont_to_bytes(x, m.words, bytes, sizeof(bytes));
		BN_bin2bn(bytes, sizeof(bytes), got);
		ck_assert_msg(BN_cmp(got, want) == 0, "%d bits", sizes[i]);
		/* The largest there is. */
		BN_sub_word(n, 1);
		ck_assert_int_eq(mont_from_bn(x, m.words, n), 0);
		mont_mul(&m, x, x, m.rr);
		mont_mul(&m, x, x, x);
		mont_leave(&m, x, x);
		for (unsigned j = 0; j < m.words; j++)
			ck_assert_uint_eq(x[j], j == 0);
		mont_wipe(x, m.words);
		mont_wipe(f, 8);
		mont_fini(&m);
	}
	BN_free(n);
	BN_free(a);
	BN_free(e);
	BN_free(want);
	BN_free(got);
	BN_CTX_free(ctx);
}
END_TEST

/* m = L(c^lambda mod n^2) / lambda modulo n, by the definition, from the saved key. */
static void by_definition(const struct paillier_sk *sk, const unsigned char *ct, size_t ct_n, unsigned lane, uint64_t *value)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *p = BN_new(), *q = BN_new(), *n = BN_new(), *n2 = BN_new(), *l = BN_new(), *c = BN_new();
	unsigned char bytes[800];
	struct buf b;
	size_t half;

	buf_init(&b, 2000);
	ck_assert_int_eq(paillier_sk_save(sk, &b), 0);
	half = (b.n - 10) / 2;
	BN_bin2bn((unsigned char *)b.p + 10, (int)half, p);
	BN_bin2bn((unsigned char *)b.p + 10 + half, (int)half, q);
	ck_assert(BN_check_prime(p, ctx, NULL) == 1 && BN_check_prime(q, ctx, NULL) == 1);
	BN_mul(n, p, q, ctx);
	BN_sqr(n2, n, ctx);
	BN_sub_word(p, 1);
	BN_sub_word(q, 1);
	BN_mul(l, p, q, ctx);
	BN_bin2bn(ct, (int)ct_n, c);
	BN_mod_exp(c, c, l, n2, ctx);
	BN_sub_word(c, 1);
	BN_div(c, NULL, c, n, ctx);
	BN_mod_inverse(l, l, n, ctx);
	BN_mod_mul(c, c, l, n, ctx);
	BN_rshift(c, c, (int)(64 * lane));
	BN_mask_bits(c, 64);
	BN_bn2binpad(c, bytes, 8);
	for (*value = 0, lane = 0; lane < 8; lane++)
		*value = *value << 8 | bytes[lane];
	BN_free(p);
	BN_free(q);
	BN_free(n);
	BN_free(n2);
	BN_free(l);
	BN_free(c);
	BN_CTX_free(ctx);
	buf_fini_secret(&b);
}

START_TEST(sums)
{
	unsigned bits = _i ? 3072 : 2048, lanes = _i ? 47 : 31;
	struct rnd *rnd = rnd_new_seeded(5);
	unsigned char ct[3][PAILLIER_MAX_CT], sum[PAILLIER_MAX_CT];
	uint32_t value[3][PAILLIER_MAX_LANES];
	uint64_t out[PAILLIER_MAX_LANES], one;
	struct paillier_blind *blind = NULL;
	struct paillier_base *base = NULL;
	struct paillier_pk *pk = NULL, *pk2 = NULL;
	struct paillier_sk *sk = NULL, *sk2 = NULL;
	struct paillier_sum *s = NULL;
	struct he_why w = { "" };
	struct buf b;
	size_t n;

	ck_assert_msg(paillier_keygen(bits, rnd, &sk, &w) == 0, "%s", w.text);
	ck_assert_int_eq(paillier_pk_of(sk, &pk, &w), 0);
	n = paillier_ct_bytes(pk);
	ck_assert_uint_eq(n, bits / 4);
	ck_assert_uint_eq(paillier_lanes(pk), lanes);
	ck_assert_int_eq(paillier_sum_new(pk, &s), 0);
	ck_assert_int_eq(paillier_sum_get(s, sum, &w), E_ABSENT);
	for (int i = 0; i < 3; i++) {
		for (unsigned j = 0; j < lanes; j++)
			value[i][j] = j == 3 ? UINT32_MAX : (uint32_t)rnd_u64(rnd);
		ck_assert_int_eq(paillier_blind_new(pk, rnd, &blind, &w), 0);
		ck_assert_msg(paillier_encrypt(pk, value[i], lanes, blind, ct[i], &w) == 0, "%s", w.text);
		/* Randomness serves once. */
		ck_assert_int_eq(paillier_encrypt(pk, value[i], lanes, blind, sum, &w), E_RANGE);
		paillier_blind_free(blind);
		ck_assert_int_eq(paillier_decrypt(sk, str_make((char *)ct[i], n), out, lanes, &w), 0);
		for (unsigned j = 0; j < lanes; j++)
			ck_assert_uint_eq(out[j], value[i][j]);
		by_definition(sk, ct[i], n, 3, &one);
		ck_assert_uint_eq(one, value[i][3]);
	}
	/* From a fixed base, anew each time. */
	ck_assert_int_eq(paillier_base_new(pk, rnd, &base, &w), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(paillier_blind_fixed(base, rnd, &blind, &w), 0);
		ck_assert_int_eq(paillier_encrypt(pk, value[0], lanes, blind, i ? sum : ct[0], &w), 0);
		paillier_blind_free(blind);
	}
	ck_assert_mem_ne(ct[0], sum, n);
	by_definition(sk, sum, n, 5, &one);
	ck_assert_uint_eq(one, value[0][5]);
	paillier_base_free(base);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(paillier_sum_add(s, str_make((char *)ct[i], n), &w), 0);
	ck_assert_int_eq(paillier_sum_add_weighted(s, str_make((char *)ct[1], n), 1000, &w), 0);
	ck_assert_int_eq(paillier_sum_get(s, sum, &w), 0);
	ck_assert_int_eq(paillier_decrypt(sk, str_make((char *)sum, n), out, lanes, &w), 0);
	for (unsigned j = 0; j < lanes; j++)
		ck_assert_uint_eq(out[j], (uint64_t)value[0][j] + 1001 * (uint64_t)value[1][j] + value[2][j]);
	by_definition(sk, sum, n, lanes - 1, &one);
	ck_assert_uint_eq(one, out[lanes - 1]);
	/* Keys come back from their files. */
	buf_init(&b, 2000);
	ck_assert_int_eq(paillier_pk_save(pk, &b), 0);
	ck_assert_msg(paillier_pk_load(buf_as_str(&b), &pk2, &w) == 0, "%s", w.text);
	ck_assert(mont_below(pk->n, pk2->n, pk->half) == false && mont_below(pk2->n, pk->n, pk->half) == false);
	ck_assert_int_lt(paillier_sk_load(buf_as_str(&b), &sk2, &w), 0);
	buf_reset(&b);
	ck_assert_int_eq(paillier_sk_save(sk, &b), 0);
	ck_assert_msg(paillier_sk_load(buf_as_str(&b), &sk2, &w) == 0, "%s", w.text);
	ck_assert_int_eq(paillier_decrypt(sk2, str_make((char *)sum, n), out, 1, &w), 0);
	ck_assert_uint_eq(out[0], (uint64_t)value[0][0] + 1001 * (uint64_t)value[1][0] + value[2][0]);
	buf_fini_secret(&b);
	paillier_sum_free(s);
	paillier_pk_free(pk);
	paillier_pk_free(pk2);
	paillier_sk_free(sk);
	paillier_sk_free(sk2);
	rnd_free(rnd);
}
END_TEST

START_TEST(refuses)
{
	struct rnd *rnd = rnd_new_seeded(6);
	unsigned char ct[PAILLIER_MAX_CT] = { 0 };
	struct paillier_blind *blind = NULL;
	struct paillier_pk *pk = NULL, *other = NULL;
	struct paillier_sk *sk = NULL;
	struct paillier_sum *s = NULL;
	uint32_t lane[40] = { 0 };
	uint64_t out[40];
	struct he_why w;
	struct buf b;

	ck_assert_int_eq(paillier_keygen(1024, rnd, &sk, &w), E_RANGE);
	ck_assert_int_eq(paillier_keygen(2048, rnd, &sk, &w), 0);
	ck_assert_int_eq(paillier_pk_of(sk, &pk, &w), 0);
	ck_assert_int_eq(paillier_sum_new(pk, &s), 0);
	ck_assert_int_eq(paillier_blind_new(pk, rnd, &blind, &w), 0);
	ck_assert_int_eq(paillier_encrypt(pk, lane, 32, blind, ct, &w), E_RANGE);
	/* 0, 1, n^2 and more, other lengths. */
	ck_assert_int_eq(paillier_sum_add(s, str_make((char *)ct, 512), &w), E_RANGE);
	ct[511] = 1;
	ck_assert_int_eq(paillier_sum_add(s, str_make((char *)ct, 512), &w), E_RANGE);
	ct[511] = 2;
	ck_assert_int_eq(paillier_sum_add(s, str_make((char *)ct, 511), &w), E_RANGE);
	ck_assert_int_eq(paillier_sum_add_weighted(s, str_make((char *)ct, 512), 0, &w), E_RANGE);
	mont_to_bytes(pk->n2.n, pk->n2.words, ct, 512);
	ck_assert_int_eq(paillier_sum_add(s, str_make((char *)ct, 512), &w), E_RANGE);
	ck_assert_int_eq(paillier_decrypt(sk, str_make((char *)ct, 512), out, 1, &w), E_RANGE);
	memset(ct, 255, sizeof(ct));
	ck_assert_int_eq(paillier_sum_add(s, str_make((char *)ct, 512), &w), E_RANGE);
	/* Keys: cut, even, small, longer. */
	buf_init(&b, 2000);
	ck_assert_int_eq(paillier_pk_save(pk, &b), 0);
	ck_assert_int_eq(paillier_pk_load(str_make(b.p, b.n - 1), &other, &w), E_RANGE);
	ck_assert_int_eq(paillier_pk_load(str_make(b.p, 7), &other, &w), E_SYNTAX);
	b.p[b.n - 1] ^= 1;
	ck_assert_int_eq(paillier_pk_load(buf_as_str(&b), &other, &w), E_RANGE);
	b.p[b.n - 1] ^= 1;
	b.p[10] &= 0x7f;
	ck_assert_int_eq(paillier_pk_load(buf_as_str(&b), &other, &w), E_RANGE);
	buf_fini(&b);
	paillier_blind_free(blind);
	paillier_sum_free(s);
	paillier_pk_free(pk);
	paillier_sk_free(sk);
	rnd_free(rnd);
}
END_TEST

/* Multiples of n are below n^2 and have no inverse: neither a sum nor its owner takes them. */
START_TEST(multiples_of_n)
{
	struct rnd *rnd = rnd_new_seeded(7);
	unsigned char ct[PAILLIER_MAX_CT] = { 0 }, out[PAILLIER_MAX_CT];
	struct paillier_blind *blind = NULL;
	struct paillier_pk *pk = NULL;
	struct paillier_sk *sk = NULL;
	struct he_why w = { "" };
	uint64_t lane[31];

	ck_assert_int_eq(paillier_keygen(2048, rnd, &sk, &w), 0);
	ck_assert_int_eq(paillier_pk_of(sk, &pk, &w), 0);
	/* n; 256 n; n and a true ciphertext; n twice, which makes 0. */
	for (int i = 0; i < 4; i++) {
		struct paillier_sum *s = NULL;

		memset(ct, 0, sizeof(ct));
		mont_to_bytes(pk->n, pk->half, ct + (i == 1 ? 255 : 256), 256);
		ck_assert_int_eq(paillier_decrypt(sk, str_make((char *)ct, 512), lane, 31, &w), E_RANGE);
		ck_assert_msg(strstr(w.text, "multiple of n") != NULL, "%s", w.text);
		ck_assert_int_eq(paillier_sum_new(pk, &s), 0);
		ck_assert_int_eq(paillier_sum_add(s, str_make((char *)ct, 512), &w), 0);
		if (i == 2) {
			ck_assert_int_eq(paillier_blind_new(pk, rnd, &blind, &w), 0);
			ck_assert_int_eq(paillier_encrypt(pk, (const uint32_t[]){ 7 }, 1, blind, out, &w), 0);
			ck_assert_int_eq(paillier_decrypt(sk, str_make((char *)out, 512), lane, 1, &w), 0);
			ck_assert_uint_eq(lane[0], 7);
			ck_assert_int_eq(paillier_sum_add(s, str_make((char *)out, 512), &w), 0);
			paillier_blind_free(blind);
		} else if (i == 3) {
			ck_assert_int_eq(paillier_sum_add(s, str_make((char *)ct, 512), &w), 0);
		}
		ck_assert_int_eq(paillier_sum_get(s, out, &w), E_RANGE);
		paillier_sum_free(s);
	}
	paillier_pk_free(pk);
	paillier_sk_free(sk);
	rnd_free(rnd);
}
END_TEST

/* A lane has room for 2^32 summands, weights counted. */
START_TEST(room_for_summands)
{
	struct rnd *rnd = rnd_new_seeded(8);
	unsigned char ct[PAILLIER_MAX_CT], out[PAILLIER_MAX_CT];
	struct paillier_blind *blind = NULL;
	struct paillier_sum *s = NULL;
	struct paillier_pk *pk = NULL;
	struct paillier_sk *sk = NULL;
	uint32_t lane[2] = { UINT32_MAX, UINT32_MAX };
	struct he_why w = { "" };
	uint64_t sum[2];

	ck_assert_int_eq(paillier_keygen(2048, rnd, &sk, &w), 0);
	ck_assert_int_eq(paillier_pk_of(sk, &pk, &w), 0);
	ck_assert_int_eq(paillier_blind_new(pk, rnd, &blind, &w), 0);
	ck_assert_int_eq(paillier_encrypt(pk, lane, 2, blind, ct, &w), 0);
	ck_assert_int_eq(paillier_sum_new(pk, &s), 0);
	ck_assert_int_eq(paillier_sum_add_weighted(s, str_make((char *)ct, 512), UINT32_MAX, &w), 0);
	ck_assert_int_eq(paillier_sum_add(s, str_make((char *)ct, 512), &w), 0);
	ck_assert_int_eq(paillier_sum_add(s, str_make((char *)ct, 512), &w), E_LIMIT);
	ck_assert(strstr(w.text, "2^32 summands") != NULL);
	ck_assert_int_eq(paillier_sum_add_weighted(s, str_make((char *)ct, 512), 1, &w), E_LIMIT);
	ck_assert_int_eq(paillier_sum_get(s, out, &w), 0);
	ck_assert_int_eq(paillier_decrypt(sk, str_make((char *)out, 512), sum, 2, &w), 0);
	ck_assert(sum[0] == (uint64_t)UINT32_MAX << 32 && sum[1] == sum[0]);
	paillier_blind_free(blind);
	paillier_sum_free(s);
	paillier_pk_free(pk);
	paillier_sk_free(sk);
	rnd_free(rnd);
}
END_TEST

/* A secret key whose numbers are no primes, or one prime twice, decrypts nothing: it is not taken. */
START_TEST(damaged_secrets)
{
	struct rnd *rnd = rnd_new_seeded(9);
	struct paillier_sk *sk = NULL, *read = NULL;
	struct he_why w = { "" };
	struct buf b;

	ck_assert_int_eq(paillier_keygen(2048, rnd, &sk, &w), 0);
	buf_init_secret(&b, 2000);
	ck_assert_int_eq(paillier_sk_save(sk, &b), 0);
	for (size_t at = 11; at < b.n - 1; at += 61) {
		b.p[at] ^= 4;
		ck_assert_int_eq(paillier_sk_load(buf_as_str(&b), &read, &w), E_RANGE);
		ck_assert_msg(strstr(w.text, "damaged") != NULL, "%s", w.text);
		b.p[at] ^= 4;
	}
	memcpy(b.p + 10, b.p + 10 + 128, 128);
	ck_assert_int_eq(paillier_sk_load(buf_as_str(&b), &read, &w), E_RANGE);
	buf_fini_secret(&b);
	paillier_sk_free(sk);
	rnd_free(rnd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("he/paillier");
	TCase *t = tcase_create("paillier");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, as_openssl, 0, 2);
	tcase_add_loop_test(t, sums, 0, 2);
	tcase_add_test(t, refuses);
	tcase_add_test(t, multiples_of_n);
	tcase_add_test(t, room_for_summands);
	tcase_add_test(t, damaged_secrets);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
