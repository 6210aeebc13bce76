/* SPDX-License-Identifier: Apache-2.0 */
/* How far computing goes, with sets as they are used: noise budgets to the end, ten thousand sums, wrap-around, all slots. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "he/secret.h"

/* One set with keys, and all slots of a plaintext filled. */
struct set {
	struct rnd *rnd;
	struct he_ctx *c;
	size_t n;
	uint64_t t;
	struct he_sk sk;
	struct he_pk pk;
	struct he_ksk relin;
	struct he_pt pt;
	struct he_ct x, r;
	uint64_t *slot, *want;
};

static void set_init(struct set *s, enum he_scheme scheme, unsigned log_n, unsigned t_bits)
{
	struct he_params p;

	memset(s, 0, sizeof(*s));
	s->rnd = rnd_new_seeded(log_n + t_bits);
	ck_assert_int_eq(he_params_default(&p, scheme, log_n, t_bits, NULL), 0);
	ck_assert_int_eq(he_ctx_new(&p, NULL, &s->c, NULL), 0);
	s->n = (size_t)1 << log_n;
	s->t = p.t;
	he_sk_init(&s->sk, s->c);
	he_ct_init(&s->pk.ct, s->c);
	he_ksk_init(&s->relin, s->c, false);
	he_pt_init(&s->pt, s->c);
	he_ct_init(&s->x, s->c);
	he_ct_init(&s->r, s->c);
	s->slot = calloc(2 * s->n, sizeof(*s->slot));
	s->want = s->slot + s->n;
	ck_assert_int_eq(he_keygen_secret(&s->sk, s->rnd, NULL), 0);
	ck_assert_int_eq(he_keygen_public(&s->pk, &s->sk, s->rnd, NULL, NULL), 0);
	if (he_ctx_can_switch(s->c))
		ck_assert_int_eq(he_keygen_relin(&s->relin, &s->sk, s->rnd, NULL, NULL), 0);
}

static void set_fini(struct set *s)
{
	he_sk_fini(&s->sk);
	he_ct_fini(&s->pk.ct);
	he_ksk_fini(&s->relin);
	he_pt_fini(&s->pt);
	he_ct_fini(&s->x);
	he_ct_fini(&s->r);
	free(s->slot);
	rnd_free(s->rnd);
	he_ctx_free(s->c);
}

/* s->slot encrypted by the public key. */
static void encrypt(struct set *s, struct he_ct *ct)
{
	ck_assert_int_eq(he_encode_batch(&s->pt, s->slot, s->n, NULL), 0);
	ck_assert_int_eq(he_encrypt(ct, &s->pt, &s->pk, s->rnd, NULL), 0);
}

static bool reads(struct set *s, const struct he_ct *ct)
{
	uint64_t *got = calloc(s->n, sizeof(*got));
	struct he_pt pt;
	bool same;

	he_pt_init(&pt, s->c);
	ck_assert_int_eq(he_decrypt(&pt, ct, &s->sk, NULL), 0);
	ck_assert_int_eq(he_decode_batch(got, s->n, &pt, NULL), 0);
	same = memcmp(got, s->want, s->n * sizeof(*got)) == 0;
	he_pt_fini(&pt);
	free(got);
	return same;
}

static unsigned budget(struct set *s, const struct he_ct *ct)
{
	unsigned bits;

	ck_assert_int_eq(he_noise_budget(&bits, ct, &s->sk, NULL), 0);
	return bits;
}

/* Squares until nothing is left: right as long as there is budget, wrong in the end, and the budget says so. */
START_TEST(depth)
{
	/* How many squares are read rightly, of fresh ones with 47 bits of budget at 4096 as SEAL's. */
	static const struct {
		enum he_scheme scheme;
		unsigned log_n, budget, squares;
	} cases[] = { { HE_BFV, 12, 47, 1 }, { HE_BGV, 12, 47, 1 }, { HE_BFV, 13, 146, 4 }, { HE_BGV, 13, 146, 2 } };
	unsigned squares = 0, left;
	struct set s;

	set_init(&s, cases[_i].scheme, cases[_i].log_n, 20);
	for (size_t i = 0; i < s.n; i++)
		s.want[i] = s.slot[i] = rnd_below(s.rnd, s.t);
	encrypt(&s, &s.x);
	left = budget(&s, &s.x);
	ck_assert_msg(left + 3 >= cases[_i].budget && left <= cases[_i].budget + 3, "%u", left);
	for (; left > 0; squares++) {
		ck_assert_msg(reads(&s, &s.x), "%u squares, budget %u", squares, left);
		ck_assert_int_eq(he_square(&s.x, &s.x, NULL), 0);
		ck_assert_int_eq(he_relinearize(&s.x, &s.x, &s.relin, NULL), 0);
		for (size_t i = 0; i < s.n; i++)
			s.want[i] = (uint64_t)((unsigned __int128)s.want[i] * s.want[i] % s.t);
		left = budget(&s, &s.x);
	}
	ck_assert_uint_eq(squares, cases[_i].squares + 1);
	ck_assert(!reads(&s, &s.x));
	set_fini(&s);
}
END_TEST

/* Additions to the last bit: doubled until the budget is 1, which still reads, and 0, which the budget says. */
START_TEST(last_bit)
{
	static const enum he_scheme schemes[] = { HE_BFV, HE_BGV };
	unsigned left, before;
	struct set s;

	set_init(&s, schemes[_i], 11, _i == 0 ? 30 : 20);
	for (size_t i = 0; i < s.n; i++)
		s.want[i] = s.slot[i] = i % 3 ? i : s.t - 1 - i;
	encrypt(&s, &s.x);
	for (before = left = budget(&s, &s.x); left > 0; left = budget(&s, &s.x)) {
		ck_assert_msg(reads(&s, &s.x), "budget %u", left);
		before = left;
		ck_assert_int_eq(he_add_ct(&s.x, &s.x, &s.x, NULL), 0);
		for (size_t i = 0; i < s.n; i++)
			s.want[i] = s.want[i] * 2 % s.t;
	}
	ck_assert_uint_eq(before, 1);
	set_fini(&s);
}
END_TEST

/*
 * Ten thousand additions of sixteen ciphertexts in turn, to a first one: negative numbers stay negative, those next to t wrap around
 * again and again, and every slot is what plain arithmetic makes of it.
 */
enum { FILES = 16, ADDITIONS = 10000 };

START_TEST(ten_thousand)
{
	static const enum he_scheme schemes[] = { HE_BFV, HE_BGV };
	struct he_ct up[FILES];
	struct set s;

	set_init(&s, schemes[_i], 11, _i == 0 ? 30 : 20);
	for (int f = 0; f < FILES; f++) {
		he_ct_init(&up[f], s.c);
		for (size_t i = 0; i < s.n; i++) {
			s.slot[i] = i == 0 ? s.t - 1 : i == 1 ? s.t / 2 : i % 2 ? s.t - i : rnd_below(s.rnd, 50000);
			s.want[i] = (s.want[i] + s.slot[i] * (ADDITIONS / FILES + (f == 0))) % s.t;
		}
		encrypt(&s, &up[f]);
	}
	ck_assert_int_eq(he_ct_copy(&s.x, &up[0]), 0);
	for (int k = 0; k < ADDITIONS; k++)
		ck_assert_int_eq(he_add_ct(&s.x, &s.x, &up[k % FILES], NULL), 0);
	ck_assert(budget(&s, &s.x) > 0);
	ck_assert(reads(&s, &s.x));
	/* -1 each: as signed slots are read, above half of t is v - t. */
	ck_assert_int_eq((int64_t)s.want[0] - (int64_t)s.t, -(ADDITIONS + 1));
	for (int f = 0; f < FILES; f++)
		he_ct_fini(&up[f]);
	set_fini(&s);
}
END_TEST

/* The same of real numbers of both signs. */
START_TEST(ten_thousand_reals)
{
	double *v = calloc(1024, sizeof(*v)), *want = calloc(1024, sizeof(*want));
	struct he_ct up[FILES];
	struct set s;

	set_init(&s, HE_CKKS, 11, 0);
	for (int f = 0; f < FILES; f++) {
		he_ct_init(&up[f], s.c);
		for (int i = 0; i < 1024; i++) {
			v[i] = i % 2 ? sin(i + f) : -1.5 - f;
			want[i] += v[i] * (ADDITIONS / FILES + (f == 0));
		}
		ck_assert_int_eq(he_encode_ckks(&s.pt, v, 1024, false, 0x1p30, 1, NULL), 0);
		ck_assert_int_eq(he_encrypt(&up[f], &s.pt, &s.pk, s.rnd, NULL), 0);
	}
	ck_assert_int_eq(he_ct_copy(&s.x, &up[0]), 0);
	for (int k = 0; k < ADDITIONS; k++)
		ck_assert_int_eq(he_add_ct(&s.x, &s.x, &up[k % FILES], NULL), 0);
	ck_assert_int_eq(he_decrypt(&s.pt, &s.x, &s.sk, NULL), 0);
	ck_assert_int_eq(he_decode_ckks(v, 1024, false, &s.pt, NULL), 0);
	for (int i = 0; i < 1024; i++)
		ck_assert_msg(fabs(v[i] - want[i]) < 0.1, "%d: %f, not %f", i, v[i], want[i]);
	free(v);
	free(want);
	for (int f = 0; f < FILES; f++)
		he_ct_fini(&up[f]);
	set_fini(&s);
}
END_TEST

/* CKKS: three levels down, and every slot is what it should be. */
START_TEST(levels)
{
	static const unsigned bits[] = { 60, 40, 40, 60 };
	struct he_params p = { .scheme = HE_CKKS };
	struct rnd *rnd = rnd_new_seeded(3);
	double *v = calloc(4096, sizeof(*v)), *got = calloc(4096, sizeof(*got));
	struct he_ksk relin;
	struct he_ctx *c;
	struct he_pt pt;
	struct he_sk sk;
	struct he_ct x;

	ck_assert_int_eq(he_params_create(&p, 13, bits, 4, NULL), 0);
	ck_assert_int_eq(he_ctx_new(&p, NULL, &c, NULL), 0);
	he_sk_init(&sk, c);
	he_pt_init(&pt, c);
	he_ct_init(&x, c);
	he_ksk_init(&relin, c, false);
	for (int i = 0; i < 4096; i++)
		v[i] = sin(i) * 2;
	ck_assert_int_eq(he_keygen_secret(&sk, rnd, NULL), 0);
	ck_assert_int_eq(he_keygen_relin(&relin, &sk, rnd, NULL, NULL), 0);
	ck_assert_int_eq(he_encode_ckks(&pt, v, 4096, false, 0x1p40, 3, NULL), 0);
	ck_assert_int_eq(he_encrypt_symmetric(&x, &pt, &sk, rnd, NULL, NULL), 0);
	for (int level = 0; level < 2; level++) {
		ck_assert_int_eq(he_square(&x, &x, NULL), 0);
		ck_assert_int_eq(he_relinearize(&x, &x, &relin, NULL), 0);
		ck_assert_int_eq(he_rescale(&x, &x, NULL), 0);
	}
	ck_assert_uint_eq(x.primes, 1);
	ck_assert_int_eq(he_decrypt(&pt, &x, &sk, NULL), 0);
	ck_assert_int_eq(he_decode_ckks(got, 4096, false, &pt, NULL), 0);
	for (int i = 0; i < 4096; i++)
		ck_assert(fabs(got[i] - pow(v[i], 4)) < 1e-4);
	ck_assert_int_eq(he_square(&x, &x, NULL), E_LIMIT);
	free(v);
	free(got);
	he_sk_fini(&sk);
	he_pt_fini(&pt);
	he_ct_fini(&x);
	he_ksk_fini(&relin);
	he_ctx_free(c);
	rnd_free(rnd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("he/edges");
	TCase *t = tcase_create("edges");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, depth, 0, 4);
	tcase_add_loop_test(t, last_bit, 0, 2);
	tcase_add_loop_test(t, ten_thousand, 0, 2);
	tcase_add_test(t, ten_thousand_reals);
	tcase_add_test(t, levels);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
