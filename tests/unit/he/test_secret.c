/* SPDX-License-Identifier: Apache-2.0 */
/* The owner's side against SEAL: its ciphertexts are read with its key, ours are read with its key, our keys serve. */
#include "he/secret.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "he/he_priv.h"
#include "he/sample.h"
#include "tests/unit/he/vectors.h"

static const char *const schemes[] = { "bfv", "ckks", "bgv" };

static void load_ct(const struct he_ctx *c, struct he_ct *ct, const char *scheme, const char *name)
{
	struct he_why w = { "" };
	struct buf b;

	he_ct_init(ct, c);
	read_file(&b, scheme, name);
	ck_assert_msg(seal_load_ct(c, buf_as_str(&b), ct, NULL, &w) == 0, "%s%s: %s", scheme, name, w.text);
	buf_fini(&b);
}

static void load_pt(const struct he_ctx *c, struct he_pt *pt, const char *scheme)
{
	struct buf b;

	he_pt_init(pt, c);
	read_file(&b, scheme, ".pt");
	ck_assert_int_eq(seal_load_pt(c, buf_as_str(&b), pt, NULL, NULL), 0);
	buf_fini(&b);
}

static void load_sk(const struct he_ctx *c, struct he_sk *sk, const char *scheme)
{
	struct he_why w = { "" };
	struct buf b;

	he_sk_init(sk, c);
	read_file(&b, scheme, ".sk");
	ck_assert_msg(seal_load_sk(c, buf_as_str(&b), sk, NULL, &w) == 0, "%s", w.text);
	buf_fini(&b);
}

/* Numbers of the line "budget bfv ct" or "decoded ct". */
static unsigned facts(const char *want, double *v, unsigned most)
{
	struct buf b;
	char *line, *rest;
	unsigned n = 0;

	read_file(&b, "", "facts.txt");
	buf_putc(&b, '\0');
	for (line = strtok_r(b.p, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (strncmp(line, want, strlen(want)) == 0) {
			char *at = line + strlen(want), *end;

			for (n = 0; n < most; n++, at = end) {
				v[n] = strtod(at, &end);
				if (end == at)
					break;
			}
		}
	buf_fini(&b);
	return n;
}

static void check_read(struct he_ctx *c, const char *scheme, const char *ct_name, const char *kind)
{
	struct he_sk sk;
	struct he_ct ct;
	struct he_pt pt;
	struct buf want, out;
	char name[64];
	struct he_why w = { "" };
	unsigned budget;
	double said;

	load_sk(c, &sk, scheme);
	load_ct(c, &ct, scheme, ct_name);
	he_pt_init(&pt, c);
	snprintf(name, sizeof(name), ".%s.read", kind);
	read_file(&want, scheme, name);
	buf_init(&out, 20000);
	ck_assert_msg(he_decrypt(&pt, &ct, &sk, &w) == 0, "%s", w.text);
	ck_assert_int_eq(seal_save_pt(&pt, &node, &out), 0);
	ck_assert_msg(out.n == want.n && memcmp(out.p, want.p, out.n) == 0, "%s%s", scheme, name);
	if (strcmp(scheme, "ckks") == 0) {
		ck_assert_int_eq(he_noise_budget(&budget, &ct, &sk, &w), E_UNSUPPORTED);
	} else {
		snprintf(name, sizeof(name), "budget %s %s ", scheme, kind);
		ck_assert_uint_eq(facts(name, &said, 1), 1);
		ck_assert_int_eq(he_noise_budget(&budget, &ct, &sk, &w), 0);
		ck_assert_uint_eq(budget, (unsigned)said);
	}
	he_sk_fini(&sk);
	he_ct_fini(&ct);
	he_pt_fini(&pt);
	buf_fini(&want);
	buf_fini(&out);
}

START_TEST(reads_seal)
{
	for (enum he_isa isa = HE_SCALAR; isa <= HE_IFMA; isa++) {
		struct he_ctx *c;

		if (he_kernels_of(isa) == NULL)
			continue;
		c = context_with(schemes[_i], he_kernels_of(isa));
		check_read(c, schemes[_i], ".ct", "ct");
		check_read(c, schemes[_i], ".ct.low", "low");
		check_read(c, schemes[_i], ".multiply", "product");
		/* Half of the modulus everywhere. */
		if (strcmp(schemes[_i], "bgv") == 0)
			check_read(c, "bgv", ".half", "half");
		he_ctx_free(c);
	}
}
END_TEST

/* Both encryptions, under SEAL's keys; what SEAL's secret reads of them is what was put in. */
START_TEST(writes_for_seal)
{
	const char *scheme = schemes[_i];
	struct he_ctx *c = context(scheme);
	struct rnd *rnd = rnd_new_seeded(7);
	struct he_seed seed = { 0 };
	struct he_pt pt, back;
	struct he_ct ct[2], again;
	struct he_sk sk;
	struct he_pk pk;
	struct he_why w = { "" };
	struct buf b;
	unsigned budget;

	load_pt(c, &pt, scheme);
	load_sk(c, &sk, scheme);
	he_pt_init(&back, c);
	he_ct_init(&ct[0], c);
	he_ct_init(&ct[1], c);
	he_ct_init(&again, c);
	he_ct_init(&pk.ct, c);
	read_file(&b, scheme, ".pk.seeded");
	ck_assert_int_eq(seal_load_pk(c, buf_as_str(&b), &pk, NULL, &w), 0);
	buf_fini(&b);
	ck_assert_msg(he_encrypt(&ct[0], &pt, &pk, rnd, &w) == 0, "%s", w.text);
	ck_assert_msg(he_encrypt_symmetric(&ct[1], &pt, &sk, rnd, &seed, &w) == 0, "%s", w.text);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(ct[i].primes, 3);
		ck_assert_int_eq(he_decrypt(&back, &ct[i], &sk, &w), 0);
		if (_i == 1) {
			double x[32], y[32];

			ck_assert_int_eq(he_decode_ckks(x, 32, false, &back, &w), 0);
			ck_assert_int_eq(he_decode_ckks(y, 32, false, &pt, &w), 0);
			for (int k = 0; k < 32; k++)
				ck_assert(fabs(x[k] - y[k]) < 1e-5);
			continue;
		}
		ck_assert_uint_eq(back.count, pt.count);
		ck_assert_mem_eq(back.w, pt.w, pt.count * 8);
		/* SEAL's fresh one has 111. */
		ck_assert_int_eq(he_noise_budget(&budget, &ct[i], &sk, &w), 0);
		ck_assert(budget >= 109 && budget <= 117);
	}
	/* The short form is the same ciphertext. */
	buf_init(&b, 20000);
	ck_assert_int_eq(seal_save_ct(&ct[1], &seed, &node, &b), 0);
	ck_assert_uint_eq(b.n, 1730);
	ck_assert_int_eq(seal_load_ct(c, buf_as_str(&b), &again, NULL, &w), 0);
	ck_assert_mem_eq(again.w, ct[1].w, 2 * 3 * 64 * 8);
	buf_fini(&b);
	he_pt_fini(&pt);
	he_pt_fini(&back);
	he_ct_fini(&ct[0]);
	he_ct_fini(&ct[1]);
	he_ct_fini(&again);
	he_ct_fini(&pk.ct);
	he_sk_fini(&sk);
	rnd_free(rnd);
	he_ctx_free(c);
}
END_TEST

/* Keys made here for SEAL's secret do what SEAL's own do: product relinearized, slots turned; both read back. */
START_TEST(keys_serve)
{
	const char *scheme = schemes[_i];
	struct he_ctx *c = context(scheme);
	struct rnd *rnd = rnd_new_seeded(8);
	uint32_t element[2 * HE_MAX_LOG_N];
	struct he_seed seeds[3], *many;
	struct he_ksk relin, galois, again;
	struct he_ct ct, turned;
	struct he_pt a, b;
	struct he_sk sk;
	struct he_why w = { "" };
	struct buf out;
	size_t n;

	load_sk(c, &sk, scheme);
	he_pt_init(&a, c);
	he_pt_init(&b, c);
	he_ct_init(&turned, c);
	he_ksk_init(&relin, c, false);
	he_ksk_init(&galois, c, true);
	he_ksk_init(&again, c, true);
	ck_assert_msg(he_keygen_relin(&relin, &sk, rnd, seeds, &w) == 0, "%s", w.text);
	n = he_galois_default(c, element);
	/* 3^1, 3^2, ... 3^16, each both ways, 3^16 being its own inverse, and 127. */
	ck_assert_uint_eq(n, 10);
	ck_assert_uint_eq(element[0], 3);
	ck_assert_uint_eq(element[n - 1], 127);
	many = calloc(n * 3, sizeof(*many));
	ck_assert_int_eq(he_keygen_galois(&galois, &sk, element, n, rnd, many, &w), 0);
	load_ct(c, &ct, scheme, ".multiply");
	ck_assert_int_eq(he_relinearize(&turned, &ct, &relin, &w), 0);
	ck_assert_int_eq(he_decrypt(&a, &ct, &sk, &w), 0);
	ck_assert_int_eq(he_decrypt(&b, &turned, &sk, &w), 0);
	if (_i != 1)
		ck_assert(a.count == b.count && memcmp(a.w, b.w, a.count * 8) == 0);
	/* 21 steps are composed. */
	he_ct_fini(&ct);
	load_ct(c, &ct, scheme, ".ct");
	ck_assert_msg(he_rotate(&turned, &ct, 21, &galois, &w) == 0, "%s", w.text);
	ck_assert_int_eq(he_decrypt(&a, &turned, &sk, &w), 0);
	if (_i == 1) {
		double v[32];

		ck_assert_int_eq(he_decode_ckks(v, 32, false, &a, &w), 0);
		for (int i = 0; i < 32; i++)
			ck_assert(fabs(v[i] - ((i + 21) % 32 * 3 - 5)) < 1e-3);
	} else {
		uint64_t v[64];

		ck_assert_int_eq(he_decode_batch(v, 64, &a, &w), 0);
		for (int i = 0; i < 64; i++)
			ck_assert_uint_eq(v[i], (unsigned)((i / 32 * 32 + (i + 21) % 32) * 3 - 5 + 257) % 257);
	}
	/* In SEAL's format, with seeds, they are the same keys. */
	buf_init(&out, 1 << 20);
	ck_assert_int_eq(seal_save_ksk(&galois, many, &node, &out), 0);
	ck_assert_msg(seal_load_ksk(c, true, buf_as_str(&out), &again, NULL, &w) == 0, "%s", w.text);
	ck_assert_uint_eq(again.n, n);
	for (size_t i = 0; i < n; i++)
		for (int j = 0; j < 3; j++)
			ck_assert_mem_eq(again.entry[i].part[j].w, galois.entry[i].part[j].w, 2 * 4 * 64 * 8);
	buf_fini(&out);
	free(many);
	he_ksk_fini(&relin);
	he_ksk_fini(&galois);
	he_ksk_fini(&again);
	he_ct_fini(&ct);
	he_ct_fini(&turned);
	he_pt_fini(&a);
	he_pt_fini(&b);
	he_sk_fini(&sk);
	rnd_free(rnd);
	he_ctx_free(c);
}
END_TEST

/* A secret is ternary; three hundred thousand draws are as they should be, within six standard deviations. */
START_TEST(distributions)
{
	enum { N = 300000 / 8 * 8 };
	struct rnd *rnd = rnd_new_seeded(9);
	struct he_coins *coins = he_coins_new(rnd);
	uint64_t *w = calloc(N, sizeof(*w));
	double n = N, sum = 0, squares = 0;
	int count[4] = { 0 };
	double most = 0;

	ck_assert_int_eq(he_sample_ternary(coins, w, N), 0);
	for (int i = 0; i < N; i++)
		count[w[i] + 1 <= 2 ? w[i] + 1 : 3]++;
	ck_assert_int_eq(count[3], 0);
	for (int i = 0; i < 3; i++)
		ck_assert(fabs(count[i] - n / 3) < 6 * sqrt(n * 2 / 9));
	ck_assert_int_eq(he_sample_error(coins, w, N), 0);
	for (int i = 0; i < N; i++) {
		double v = (double)(int64_t)w[i];

		most = fmax(most, fabs(v));
		sum += v;
		squares += v * v;
	}
	ck_assert(most <= 21);
	/* Variance 42 / 4; that of the squares is below 3 * 10.5^2. */
	ck_assert(fabs(sum) < 6 * sqrt(10.5 * n));
	ck_assert(fabs(squares - 10.5 * n) < 6 * sqrt(2 * 10.5 * 10.5 * n));
	free(w);
	he_coins_free(coins);
	rnd_free(rnd);
}
END_TEST

START_TEST(secret_is_ternary)
{
	struct he_ctx *c = context("ckks");
	struct rnd *rnd = rnd_new_seeded(10);
	struct he_sk sk, copy;
	struct buf b;
	struct he_why w;

	he_sk_init(&sk, c);
	he_sk_init(&copy, c);
	ck_assert_int_eq(he_keygen_secret(&sk, rnd, &w), 0);
	buf_init(&b, 10000);
	ck_assert_int_eq(seal_save_sk(&sk, &node, &b), 0);
	ck_assert_int_eq(seal_load_sk(c, buf_as_str(&b), &copy, NULL, &w), 0);
	ck_assert_mem_eq(sk.w, copy.w, 4 * 64 * 8);
	for (int j = 0; j < 4; j++)
		he_ntt_inverse(&c->ntt[j], sk.w + 64 * j);
	for (int i = 0; i < 64; i++)
		for (int j = 0; j < 4; j++) {
			uint64_t q = c->p.q[j], v = sk.w[64 * j + i];

			ck_assert(v <= 1 || v == q - 1);
			ck_assert((v == q - 1) == (sk.w[i] == c->p.q[0] - 1) && (v == 1) == (sk.w[i] == 1));
		}
	buf_fini_secret(&b);
	he_sk_fini(&sk);
	he_sk_fini(&copy);
	rnd_free(rnd);
	he_ctx_free(c);
}
END_TEST

START_TEST(refuses)
{
	struct he_ctx *c = context("bfv"), *d = context("bgv");
	struct rnd *rnd = rnd_new_seeded(11);
	struct he_ksk k;
	struct he_sk sk;
	struct he_ct ct;
	struct he_pt pt;
	struct he_pk pk;
	struct he_why w;

	load_sk(c, &sk, "bfv");
	he_ksk_init(&k, c, true);
	he_pt_init(&pt, c);
	he_ct_init(&ct, c);
	he_ct_init(&pk.ct, c);
	ck_assert_int_eq(he_keygen_galois(&k, &sk, (const uint32_t[]){ 4 }, 1, rnd, NULL, &w), E_RANGE);
	ck_assert_int_eq(he_keygen_galois(&k, &sk, (const uint32_t[]){ 129 }, 1, rnd, NULL, &w), E_RANGE);
	ck_assert_int_eq(he_keygen_galois(&k, &sk, (const uint32_t[]){ 5, 3 }, 2, rnd, NULL, &w), E_RANGE);
	ck_assert_int_eq(he_keygen_galois(&k, &sk, NULL, 0, rnd, NULL, &w), E_RANGE);
	ck_assert_int_eq(he_encrypt_symmetric(&ct, &pt, &sk, rnd, NULL, &w), E_RANGE);
	ck_assert_int_eq(he_decrypt(&pt, &ct, &sk, &w), E_RANGE);
	he_pt_fini(&pt);
	load_pt(c, &pt, "bfv");
	ck_assert_int_eq(he_encrypt(&ct, &pt, &pk, rnd, &w), E_RANGE);
	load_ct(d, &ct, "bgv", ".ct");
	ck_assert_int_eq(he_decrypt(&pt, &ct, &sk, &w), E_RANGE);
	he_ct_fini(&ct);
	load_ct(c, &ct, "bfv", ".ct");
	ck_assert_int_eq(he_to_ntt(&ct, &ct, &w), 0);
	ck_assert_int_eq(he_decrypt(&pt, &ct, &sk, &w), E_RANGE);
	he_ct_fini(&ct);
	he_pt_fini(&pt);
	he_sk_fini(&sk);
	rnd_free(rnd);
	he_ctx_free(c);
	he_ctx_free(d);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("he/secret");
	TCase *t = tcase_create("secret");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, reads_seal, 0, ARRAY_LEN(schemes));
	tcase_add_loop_test(t, writes_for_seal, 0, ARRAY_LEN(schemes));
	tcase_add_loop_test(t, keys_serve, 0, ARRAY_LEN(schemes));
	tcase_add_test(t, distributions);
	tcase_add_test(t, secret_is_ternary);
	tcase_add_test(t, refuses);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
