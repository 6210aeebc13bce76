/* SPDX-License-Identifier: Apache-2.0 */
/* What a context accepts and refuses, its levels, the constants of rounding and scaling; objects copied. */
#include "he/he_priv.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/err.h"

static struct he_params four(enum he_scheme s)
{
	struct he_params p;

	ck_assert_int_eq(he_params_default(&p, s, 12, 20, NULL), 0);
	return p;
}

static int try_set(const struct he_params *p, bool weak, char *text)
{
	struct he_ctx_opts o = { .allow_weak = weak };
	struct he_why w = { "" };
	struct he_ctx *c = NULL;
	int r = he_ctx_new(p, &o, &c, &w);

	he_ctx_free(c);
	memcpy(text, w.text, sizeof(w.text));
	ck_assert((r == 0) == (w.text[0] == '\0'));
	return r;
}

START_TEST(refuses)
{
	char text[sizeof(struct he_why)];
	struct he_params p = four(HE_BFV);

	ck_assert_int_eq(try_set(&p, false, text), 0);
#define REFUSED(change, err, word) \
	do { \
		p = four(HE_BFV); \
		change; \
		ck_assert_int_eq(try_set(&p, false, text), err); \
		ck_assert_msg(strstr(text, word) != NULL, "%s", text); \
	} while (0)
	REFUSED(p.scheme = (enum he_scheme)4, E_UNSUPPORTED, "scheme 4");
	REFUSED(p.scheme = (enum he_scheme)0, E_UNSUPPORTED, "scheme 0");
	REFUSED(p.log_n = 9, E_RANGE, "degree");
	REFUSED(p.log_n = 16, E_RANGE, "degree");
	REFUSED(p.k = 0, E_RANGE, "primes");
	REFUSED(p.k = HE_MAX_PRIMES + 1, E_RANGE, "primes");
	REFUSED(p.q[1] = p.q[0], E_RANGE, "twice");
	REFUSED(p.q[1] += 2, E_RANGE, "no prime");
	REFUSED(p.q[1] = 0, E_RANGE, "60 bits");
	REFUSED(p.q[1] = ~0ULL, E_RANGE, "60 bits");
	REFUSED(p.q[1] = 8193ULL * 8193, E_RANGE, "no prime");
	REFUSED(p.t = 0, E_RANGE, "plain modulus");
	REFUSED(p.t = 1, E_RANGE, "plain modulus");
	REFUSED(p.t = 1ULL << 60, E_RANGE, "plain modulus");
	REFUSED(p.t = p.q[2], E_RANGE, "coprime");
	REFUSED((p.k = 1, p.t = p.q[0] + 2), E_RANGE, "below the product");
	REFUSED(p.scheme = HE_CKKS, E_RANGE, "CKKS");
	REFUSED((p.k = 3, p.q[2] = he_params_batching(12, 38)), E_DENIED, "security");
}
END_TEST

START_TEST(levels)
{
	struct he_params p = four(HE_BFV);
	unsigned char id[HE_ID_BYTES];
	struct he_ctx *c;

	ck_assert_int_eq(he_ctx_new(&p, NULL, &c, NULL), 0);
	ck_assert_uint_eq(he_ctx_key_primes(c), 3);
	ck_assert_uint_eq(he_ctx_data_primes(c), 2);
	ck_assert(he_ctx_can_switch(c) && he_ctx_can_batch(c));
	for (unsigned i = 1; i <= 3; i++) {
		he_params_id(&p, i, id);
		ck_assert_uint_eq(he_ctx_level(c, id), i);
	}
	id[0] ^= 1;
	ck_assert_uint_eq(he_ctx_level(c, id), 0);
	memset(id, 0, sizeof(id));
	ck_assert_uint_eq(he_ctx_level(c, id), 0);
	he_ctx_free(c);

	p.k = 1;
	p.t = 1 << 20;
	ck_assert_int_eq(he_ctx_new(&p, NULL, &c, NULL), 0);
	ck_assert_uint_eq(he_ctx_data_primes(c), 1);
	ck_assert(!he_ctx_can_switch(c) && !he_ctx_can_batch(c));
	he_ctx_free(c);
}
END_TEST

/* SEAL's chain ends where t reaches the product. */
START_TEST(chain_ends)
{
	struct he_params p = four(HE_BFV);
	unsigned char id[HE_ID_BYTES];
	struct he_ctx *c;

	p.t = (1ULL << 40) + 1;
	ck_assert_int_eq(he_ctx_new(&p, NULL, &c, NULL), 0);
	he_params_id(&p, 2, id);
	ck_assert_uint_eq(he_ctx_level(c, id), 2);
	he_params_id(&p, 1, id);
	ck_assert_uint_eq(he_ctx_level(c, id), 0);
	he_ctx_free(c);
}
END_TEST

START_TEST(constants)
{
	static const uint64_t plain[] = { 1032193, 1 << 28, 257, 65537, 999999999989 };
	struct he_params p = four(HE_BGV);
	struct he_ctx *c;
	size_t k;

	for (k = 0; k < ARRAY_LEN(plain); k++) {
		unsigned __int128 q = (unsigned __int128)p.q[0] * p.q[1];
		const struct he_level *l;

		p.t = plain[k];
		ck_assert_int_eq(he_ctx_new(&p, NULL, &c, NULL), 0);
		l = &c->level[2];
		ck_assert_uint_eq(l->q_mod_t, (uint64_t)(q % p.t));
		ck_assert_uint_eq(l->half_up, (p.t + 1) / 2);
		for (int i = 0; i < 2; i++)
			ck_assert_uint_eq(l->delta[i].w, (uint64_t)(q / p.t % p.q[i]));
		ck_assert_uint_eq((uint64_t)((unsigned __int128)l->by_last[0][0].w * p.q[1] % p.q[0]), 1);
		ck_assert_uint_eq((l->plus_last[0][1].w + l->minus_last[0][1].w) % p.q[0], 0);
		ck_assert_uint_eq((uint64_t)((unsigned __int128)l->last_inv_t * (p.q[1] % p.t) % p.t), 1);
		ck_assert_uint_eq((uint64_t)((unsigned __int128)c->level[3].by_last[1][0].w * p.q[2] % p.q[1]), 1);
		he_ctx_free(c);
	}
}
END_TEST

START_TEST(copies)
{
	struct he_params p = four(HE_BFV);
	struct he_ct a, b;
	struct he_ctx *c;

	ck_assert_int_eq(he_ctx_new(&p, NULL, &c, NULL), 0);
	he_ct_init(&a, c);
	he_ct_init(&b, c);
	ck_assert(!a.ntt && he_ct_is_transparent(&a));
	a.primes = 2;
	a.size = 2;
	ck_assert_int_eq(he_words_reserve(&a.w, &a.cap, 4 * c->n), 0);
	memset(a.w, 0, 4 * c->n * sizeof(uint64_t));
	a.w[5] = 7;
	ck_assert(he_ct_is_transparent(&a));
	a.w[4 * c->n - 1] = 1;
	ck_assert(!he_ct_is_transparent(&a));
	ck_assert_int_eq(he_ct_copy(&b, &a), 0);
	ck_assert(b.w != a.w && b.size == 2 && b.primes == 2 && memcmp(a.w, b.w, 4 * c->n * sizeof(uint64_t)) == 0);
	ck_assert_int_eq(he_ct_copy(&b, &b), 0);
	he_ct_fini(&a);
	he_ct_fini(&b);
	he_ctx_free(c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("he/ctx");
	TCase *t = tcase_create("ctx");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, refuses);
	tcase_add_test(t, levels);
	tcase_add_test(t, chain_ends);
	tcase_add_test(t, constants);
	tcase_add_test(t, copies);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
