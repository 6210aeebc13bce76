/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in slots as SEAL encodes and reads them. */
#include "he/he.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "he/he_priv.h"
#include "tests/unit/he/vectors.h"

/* SEAL's plaintext of 3i - 5 at scale 2^30: coefficients may differ by one, where rounding was a matter of the last bit. */
START_TEST(as_seal)
{
	struct he_ctx *c = context("ckks");
	double v[32];
	struct he_pt ours, theirs;
	struct he_why w = { "" };
	struct buf b;

	he_pt_init(&ours, c);
	he_pt_init(&theirs, c);
	read_file(&b, "ckks", ".pt");
	ck_assert_int_eq(seal_load_pt(c, buf_as_str(&b), &theirs, NULL, &w), 0);
	for (int i = 0; i < 32; i++)
		v[i] = i * 3 - 5;
	ck_assert_msg(he_encode_ckks(&ours, v, 32, false, 0x1p30, 3, &w) == 0, "%s", w.text);
	ck_assert(ours.primes == 3 && ours.count == theirs.count && ours.scale == theirs.scale);
	for (unsigned j = 0; j < 3; j++) {
		he_ntt_inverse(&c->ntt[j], ours.w + 64 * j);
		he_ntt_inverse(&c->ntt[j], theirs.w + 64 * j);
		for (int i = 0; i < 64; i++) {
			uint64_t d = he_sub(ours.w[64 * j + i], theirs.w[64 * j + i], c->p.q[j]);

			ck_assert(d <= 1 || d == c->p.q[j] - 1);
		}
	}
	he_pt_fini(&ours);
	he_pt_fini(&theirs);
	buf_fini(&b);
	he_ctx_free(c);
}
END_TEST

/* What SEAL decrypted and decoded itself, at three levels and scales. */
START_TEST(decodes)
{
	static const char *const kinds[] = { "ct", "low", "product" };
	struct he_ctx *c = context("ckks");
	char name[64], *at, *end, *line, *rest;
	double v[32];
	struct he_pt pt;
	struct he_why w = { "" };
	struct buf b;

	he_pt_init(&pt, c);
	snprintf(name, sizeof(name), ".%s.read", kinds[_i]);
	read_file(&b, "ckks", name);
	ck_assert_msg(seal_load_pt(c, buf_as_str(&b), &pt, NULL, &w) == 0, "%s", w.text);
	buf_fini(&b);
	ck_assert_msg(he_decode_ckks(v, 32, false, &pt, &w) == 0, "%s", w.text);
	read_file(&b, "", "facts.txt");
	buf_putc(&b, '\0');
	snprintf(name, sizeof(name), "decoded %s ", kinds[_i]);
	for (line = strtok_r(b.p, "\n", &rest); line && strncmp(line, name, strlen(name)) != 0; line = strtok_r(NULL, "\n", &rest))
		;
	ck_assert(line != NULL);
	at = line + strlen(name);
	for (int i = 0; i < 32; i++, at = end) {
		double want = strtod(at, &end);

		ck_assert(end != at && fabs(v[i] - want) <= 1e-11 * fmax(1, fabs(want)));
	}
	buf_fini(&b);
	he_pt_fini(&pt);
	he_ctx_free(c);
}
END_TEST

/* Complex slots, scales beyond 64 and 120 bits, and few values: the rest is zero. */
START_TEST(round_trip)
{
	static const double scales[] = { 0x1p20, 0x1p50, 0x1p90, 0x1p115 };
	struct he_ctx *c = context("ckks");
	double v[20], back[64];
	struct he_why w = { "" };
	struct he_pt pt;

	he_pt_init(&pt, c);
	for (int i = 0; i < 20; i++)
		v[i] = sin(i) * 4;
	ck_assert_msg(he_encode_ckks(&pt, v, 10, true, scales[_i], 3, &w) == 0, "%s", w.text);
	ck_assert_int_eq(he_decode_ckks(back, 32, true, &pt, &w), 0);
	for (int i = 0; i < 64; i++)
		ck_assert(fabs(back[i] - (i < 20 ? v[i] : 0)) < fmax(64 / scales[_i], 1e-12));
	he_pt_fini(&pt);
	he_ctx_free(c);
}
END_TEST

START_TEST(refuses)
{
	struct he_ctx *c = context("ckks"), *d = context("bfv");
	double v[40] = { 1, 2, NAN }, large[32];
	struct he_pt pt, other;
	struct he_why w;

	he_pt_init(&pt, c);
	he_pt_init(&other, d);
	ck_assert_int_eq(he_encode_ckks(&pt, v, 3, false, 0x1p30, 3, &w), E_RANGE);
	v[2] = INFINITY;
	ck_assert_int_eq(he_encode_ckks(&pt, v, 3, false, 0x1p30, 3, &w), E_RANGE);
	v[2] = 1e300;
	ck_assert_int_eq(he_encode_ckks(&pt, v, 3, false, 0x1p30, 3, &w), E_RANGE);
	ck_assert(strstr(w.text, "scale") != NULL);
	/* So large, and of both signs, that the transform has no numbers left. */
	for (int i = 0; i < 32; i++)
		large[i] = (0x9c3a5f17u >> i & 1) ? 1.7e308 : -1.7e308;
	for (unsigned n = 4; n <= 32; n++)
		ck_assert_int_eq(he_encode_ckks(&pt, large, n, false, 0x1p30, 3, &w), E_RANGE);
	ck_assert_int_eq(he_encode_ckks(&pt, v, 33, false, 0x1p30, 3, &w), E_LIMIT);
	ck_assert_int_eq(he_encode_ckks(&pt, v, 2, false, 0x1p30, 4, &w), E_RANGE);
	ck_assert_int_eq(he_encode_ckks(&pt, v, 2, false, 0x1p30, 0, &w), E_RANGE);
	ck_assert_int_eq(he_encode_ckks(&pt, v, 2, false, 0x1p130, 3, &w), E_RANGE);
	ck_assert_int_eq(he_encode_ckks(&pt, v, 2, false, -1, 3, &w), E_RANGE);
	ck_assert_int_eq(he_encode_ckks(&pt, v, 2, false, NAN, 3, &w), E_RANGE);
	/* One prime of 40 bits: SEAL leaves one for the sign. */
	ck_assert_int_eq(he_encode_ckks(&pt, (const double[]){ 0 }, 1, false, 0x1p38, 1, &w), 0);
	ck_assert_int_eq(he_encode_ckks(&pt, (const double[]){ 0 }, 1, false, 0x1p39, 1, &w), E_RANGE);
	ck_assert_int_eq(he_encode_ckks(&other, v, 2, false, 0x1p30, 3, &w), E_UNSUPPORTED);
	pt.primes = 0;
	ck_assert_int_eq(he_decode_ckks(v, 2, false, &pt, &w), E_RANGE);
	he_pt_fini(&pt);
	he_pt_fini(&other);
	he_ctx_free(c);
	he_ctx_free(d);
}
END_TEST

/* As SEAL's is_scale_within_bounds: a scale must be a normal number and fit the level of the result. */
START_TEST(scales)
{
	struct he_ctx *c = context("ckks"); /* ciphertexts of 40, 41 and 42 bits */
	struct he_why w;
	struct he_ct a, r;
	struct buf b;

	he_ct_init(&a, c);
	he_ct_init(&r, c);
	read_file(&b, "ckks", ".ct");
	ck_assert_int_eq(seal_load_ct(c, buf_as_str(&b), &a, NULL, &w), 0);
	a.scale = 0x1p-600;
	ck_assert_int_eq(he_square(&r, &a, &w), E_LIMIT);
	ck_assert(strstr(w.text, "scale") != NULL);
	ck_assert_int_eq(he_multiply(&r, &a, &a, &w), E_LIMIT);
	a.scale = 0x1p-1000;
	ck_assert_int_eq(he_rescale(&r, &a, &w), E_LIMIT);
	a.scale = 0x1p62;
	ck_assert_int_eq(he_square(&r, &a, &w), E_LIMIT);
	a.scale = 0x1p61;
	ck_assert_int_eq(he_square(&r, &a, &w), 0);
	/* The next level has 81 bits. */
	a.scale = 0x1p81;
	ck_assert_int_eq(he_mod_switch(&r, &a, &w), E_LIMIT);
	ck_assert_int_eq(he_rescale(&r, &a, &w), 0);
	a.scale = 0x1p80;
	ck_assert_int_eq(he_mod_switch(&r, &a, &w), 0);
	he_ct_fini(&a);
	he_ct_fini(&r);
	buf_fini(&b);
	he_ctx_free(c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("he/ckks");
	TCase *t = tcase_create("ckks");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, as_seal);
	tcase_add_loop_test(t, decodes, 0, 3);
	tcase_add_loop_test(t, round_trip, 0, 4);
	tcase_add_test(t, refuses);
	tcase_add_test(t, scales);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
