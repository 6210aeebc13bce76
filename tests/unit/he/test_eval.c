/* SPDX-License-Identifier: Apache-2.0 */
/* Sums, levels and batches, byte for byte as SEAL made them, with every set of kernels. */
#include "he/he_priv.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "he/secret.h"
#include "tests/unit/he/vectors.h"

static void load(const struct he_ctx *c, struct he_ct *ct, const char *scheme, const char *name)
{
	struct he_why w = { "" };
	struct buf b;

	he_ct_init(ct, c);
	read_file(&b, scheme, name);
	/* No reader takes BFV in NTT form: only the file's flag says so. */
	if (strcmp(name, ".ntt") == 0)
		b.p[48] = 0;
	ck_assert_msg(seal_load_ct(c, buf_as_str(&b), ct, NULL, &w) == 0, "%s%s: %s", scheme, name, w.text);
	ct->ntt |= strcmp(name, ".ntt") == 0;
	buf_fini(&b);
}

static void equals(const struct he_ct *ct, const char *scheme, const char *name)
{
	struct buf want, out;

	read_file(&want, scheme, name);
	buf_init(&out, 20000);
	ck_assert_int_eq(seal_save_ct(ct, NULL, &node, &out), 0);
	ck_assert_msg(out.n == want.n && memcmp(out.p, want.p, out.n) == 0, "%s%s", scheme, name);
	buf_fini(&want);
	buf_fini(&out);
}

enum op { ADD, SUB, NEGATE, ADD_PLAIN, SUB_PLAIN, SWITCH, RESCALE, TO_NTT, MULTIPLY, SQUARE, MULTIPLY_PLAIN };
static const struct {
	const char *scheme, *a, *b, *want;
	enum op op;
} cases[] = {
	{ "bfv", ".ct", ".ct.expanded", ".add", ADD },      { "bfv", ".ct", ".ct.expanded", ".sub", SUB },
	{ "bfv", ".ct", ".multiply", ".add3", ADD },        { "bfv", ".multiply", ".ct", ".add3", ADD },
	{ "bfv", ".ct", NULL, ".negate", NEGATE },          { "bfv", ".ct", NULL, ".add_plain", ADD_PLAIN },
	{ "bfv", ".ct", NULL, ".sub_plain", SUB_PLAIN },    { "ckks", ".ct", ".ct.expanded", ".add", ADD },
	{ "ckks", ".ct", ".ct.expanded", ".sub", SUB },     { "ckks", ".ct", NULL, ".negate", NEGATE },
	{ "ckks", ".ct", NULL, ".add_plain", ADD_PLAIN },   { "ckks", ".ct", NULL, ".sub_plain", SUB_PLAIN },
	{ "bgv", ".ct", ".ct.expanded", ".add", ADD },      { "bgv", ".ct", ".ct.expanded", ".sub", SUB },
	{ "bgv", ".ct", ".multiply", ".add3", ADD },        { "bgv", ".ct", NULL, ".negate", NEGATE },
	{ "bgv", ".ct", NULL, ".add_plain", ADD_PLAIN },    { "bgv", ".ct", NULL, ".sub_plain", SUB_PLAIN },
	{ "bgv", ".ct.low", ".square_low", ".add_balanced", ADD }, { "bgv", ".ct.low", NULL, ".add_plain_low", ADD_PLAIN },
	{ "bfv", ".ct", NULL, ".ct.low", SWITCH },          { "bfv", ".multiply", NULL, ".multiply.low", SWITCH },
	{ "bgv", ".ct", NULL, ".ct.low", SWITCH },          { "bgv", ".multiply", NULL, ".multiply.low", SWITCH },
	{ "ckks", ".ct", NULL, ".ct.low", SWITCH },         { "ckks", ".multiply", NULL, ".rescale", RESCALE },
	{ "bfv", ".ct", NULL, ".ntt", TO_NTT },             { "bfv", ".ct", ".ct.expanded", ".multiply", MULTIPLY },
	{ "ckks", ".ct", ".ct.expanded", ".multiply", MULTIPLY }, { "bgv", ".ct", ".ct.expanded", ".multiply", MULTIPLY },
	{ "bgv", ".ct.low", ".ct.low", ".square_low", MULTIPLY }, { "bgv", ".ct.low", NULL, ".square_low", SQUARE },
	{ "bfv", ".ct", NULL, ".square", SQUARE },          { "bfv", ".ct", NULL, ".multiply_plain", MULTIPLY_PLAIN },
	{ "bgv", ".ct", NULL, ".multiply_plain", MULTIPLY_PLAIN }, { "ckks", ".ct", NULL, ".multiply_plain", MULTIPLY_PLAIN },
	{ "bfv", ".ntt", NULL, ".multiply_ntt", MULTIPLY_PLAIN },
};

static int apply(enum op op, struct he_ct *r, const struct he_ct *a, const struct he_ct *b, const struct he_pt *p, struct he_why *w)
{
	switch (op) {
	case ADD:
		return he_add_ct(r, a, b, w);
	case SUB:
		return he_sub_ct(r, a, b, w);
	case NEGATE:
		return he_negate(r, a, w);
	case ADD_PLAIN:
		return he_add_plain(r, a, p, w);
	case SUB_PLAIN:
		return he_sub_plain(r, a, p, w);
	case SWITCH:
		return he_mod_switch(r, a, w);
	case RESCALE:
		return he_rescale(r, a, w);
	case MULTIPLY:
		return he_multiply(r, a, b, w);
	case SQUARE:
		return he_square(r, a, w);
	case MULTIPLY_PLAIN:
		return he_multiply_plain(r, a, p, w);
	case TO_NTT:
		return he_to_ntt(r, a, w);
	}
	return E_RANGE;
}

/* target 0: a new ciphertext; 1: the first operand; 2: the second. */
static void check_case(int i, const struct he_kernels *kern, int target)
{
	struct he_ctx *c = context_with(cases[i].scheme, kern);
	struct he_why w = { "" };
	struct he_ct a, b, r;
	struct he_pt p;
	struct buf plain;

	load(c, &a, cases[i].scheme, cases[i].a);
	load(c, &b, cases[i].scheme, cases[i].b ? cases[i].b : cases[i].a);
	he_ct_init(&r, c);
	he_pt_init(&p, c);
	read_file(&plain, cases[i].scheme, ".pt");
	ck_assert_int_eq(seal_load_pt(c, buf_as_str(&plain), &p, NULL, NULL), 0);
	ck_assert_msg(apply(cases[i].op, target == 0 ? &r : target == 1 ? &a : &b, &a, &b, &p, &w) == 0, "%s", w.text);
	equals(target == 0 ? &r : target == 1 ? &a : &b, cases[i].scheme, cases[i].want);
	buf_fini(&plain);
	he_pt_fini(&p);
	he_ct_fini(&a);
	he_ct_fini(&b);
	he_ct_fini(&r);
	he_ctx_free(c);
}

START_TEST(as_seal)
{
	for (enum he_isa isa = HE_SCALAR; isa <= HE_IFMA; isa++)
		for (int target = 0; he_kernels_of(isa) && target < (cases[_i].b ? 3 : 2); target++)
			check_case(_i, he_kernels_of(isa), target);
}
END_TEST

/* Relinearization, a rotation by 3 = 4 - 1, and the columns of a lower level. */
static void check_keys(const char *scheme, const struct he_kernels *kern)
{
	struct he_ctx *c = context_with(scheme, kern);
	struct he_ct a, product, low, r;
	struct he_ksk relin, galois;
	struct he_why w = { "" };
	struct buf b;

	load(c, &a, scheme, ".ct");
	load(c, &product, scheme, ".multiply");
	load(c, &low, scheme, ".ct.low");
	he_ct_init(&r, c);
	he_ksk_init(&relin, c, false);
	he_ksk_init(&galois, c, true);
	read_file(&b, scheme, ".relin.seeded");
	ck_assert_int_eq(seal_load_ksk(c, false, buf_as_str(&b), &relin, NULL, &w), 0);
	buf_fini(&b);
	read_file(&b, scheme, ".galois4.seeded");
	ck_assert_int_eq(seal_load_ksk(c, true, buf_as_str(&b), &galois, NULL, &w), 0);
	buf_fini(&b);
	ck_assert_msg(he_relinearize(&r, &product, &relin, &w) == 0, "%s", w.text);
	equals(&r, scheme, ".relinearize");
	ck_assert_int_eq(he_relinearize(&product, &product, &relin, &w), 0);
	equals(&product, scheme, ".relinearize");
	ck_assert_msg(he_rotate(&r, &a, 3, &galois, &w) == 0, "%s", w.text);
	equals(&r, scheme, ".rotate3");
	ck_assert_int_eq(he_rotate_columns(&low, &low, &galois, &w), 0);
	equals(&low, scheme, ".columns");
	ck_assert_int_eq(he_rotate(&r, &a, 2, &galois, &w), E_ABSENT);
	ck_assert_int_eq(he_rotate(&r, &a, 32, &galois, &w), E_RANGE);
	ck_assert_int_eq(he_rotate(&r, &a, 1, &relin, &w), E_RANGE);
	ck_assert_int_eq(he_rotate(&a, &a, 3, &galois, &w), 0);
	equals(&a, scheme, ".rotate3");
	he_ct_fini(&a);
	he_ct_fini(&product);
	he_ct_fini(&low);
	he_ct_fini(&r);
	he_ksk_fini(&relin);
	he_ksk_fini(&galois);
	he_ctx_free(c);
}

START_TEST(switches_keys)
{
	static const char *const schemes[] = { "bfv", "ckks", "bgv" };

	for (enum he_isa isa = HE_SCALAR; isa <= HE_IFMA; isa++)
		if (he_kernels_of(isa))
			check_keys(schemes[_i], he_kernels_of(isa));
}
END_TEST

/* Sums over all slots; a plaintext in NTT form, made here and as SEAL made it. */
START_TEST(sums_slots)
{
	static const char *const schemes[] = { "bfv", "ckks" };
	const char *scheme = schemes[_i];
	struct he_ctx *c = context(scheme);
	struct he_ksk galois;
	struct he_why w = { "" };
	struct he_ct a;
	struct buf b;

	load(c, &a, scheme, ".ct");
	he_ksk_init(&galois, c, true);
	read_file(&b, scheme, ".galois6.seeded");
	ck_assert_int_eq(seal_load_ksk(c, true, buf_as_str(&b), &galois, NULL, &w), 0);
	buf_fini(&b);
	ck_assert_msg(he_sum_slots(&a, &a, &galois, &w) == 0, "%s", w.text);
	equals(&a, scheme, ".sum_slots");
	he_ct_fini(&a);
	he_ksk_fini(&galois);
	he_ctx_free(c);
}
END_TEST

START_TEST(plain_to_ntt)
{
	struct he_ctx *c = context("bfv");
	struct buf b, want, out;
	struct he_pt p, ntt;
	struct he_ct a, r;
	struct he_why w;

	he_pt_init(&p, c);
	he_pt_init(&ntt, c);
	he_ct_init(&r, c);
	read_file(&b, "bfv", ".pt");
	read_file(&want, "bfv", ".pt.ntt");
	buf_init(&out, 10000);
	ck_assert_int_eq(seal_load_pt(c, buf_as_str(&b), &p, NULL, &w), 0);
	ck_assert_int_eq(he_pt_to_ntt(&ntt, &p, 4, &w), E_RANGE);
	ck_assert_int_eq(he_pt_to_ntt(&ntt, &p, 3, &w), 0);
	ck_assert_int_eq(seal_save_pt(&ntt, &node, &out), 0);
	same(&out, &want);
	ck_assert_int_eq(he_pt_to_ntt(&ntt, &ntt, 3, &w), E_RANGE);
	/* One of both in NTT form: the same product. */
	load(c, &a, "bfv", ".ct");
	ck_assert_int_eq(he_multiply_plain(&r, &a, &ntt, &w), 0);
	equals(&r, "bfv", ".multiply_plain");
	ck_assert_int_eq(he_to_ntt(&a, &a, &w), 0);
	ck_assert_int_eq(he_multiply_plain(&a, &a, &p, &w), 0);
	equals(&a, "bfv", ".multiply_ntt");
	memset(p.w, 0, p.count * sizeof(uint64_t));
	ck_assert_int_eq(he_multiply_plain(&a, &a, &p, &w), E_DENIED);
	he_ct_fini(&a);
	load(c, &a, "bfv", ".ct.low");
	ck_assert_int_eq(he_multiply_plain(&r, &a, &ntt, &w), E_RANGE);
	he_pt_fini(&p);
	he_pt_fini(&ntt);
	he_ct_fini(&a);
	he_ct_fini(&r);
	buf_fini(&b);
	buf_fini(&want);
	buf_fini(&out);
	he_ctx_free(c);
}
END_TEST

/* SEAL takes 200 X^5 as it stands, not as -57 X^5, where nothing is in NTT form. */
START_TEST(monomial)
{
	for (enum he_isa isa = HE_SCALAR; isa <= HE_IFMA; isa++) {
		struct he_ctx *c = he_kernels_of(isa) ? context_with("bfv", he_kernels_of(isa)) : NULL;
		struct he_ct a, r;
		struct he_pt p;
		struct buf b;

		if (c == NULL)
			continue;
		load(c, &a, "bfv", ".ct");
		he_ct_init(&r, c);
		he_pt_init(&p, c);
		read_file(&b, "bfv", ".pt");
		ck_assert_int_eq(seal_load_pt(c, buf_as_str(&b), &p, NULL, NULL), 0);
		memset(p.w, 0, p.count * sizeof(*p.w));
		p.w[5] = 200;
		ck_assert_int_eq(he_multiply_plain(&r, &a, &p, NULL), 0);
		equals(&r, "bfv", ".multiply_monomial");
		ck_assert_int_eq(he_multiply_plain(&a, &a, &p, NULL), 0);
		equals(&a, "bfv", ".multiply_monomial");
		buf_fini(&b);
		he_pt_fini(&p);
		he_ct_fini(&a);
		he_ct_fini(&r);
		he_ctx_free(c);
	}
}
END_TEST

/* The first prime of that many bits. */
static uint64_t least_prime(unsigned bits)
{
	uint64_t q = (1ULL << (bits - 1)) + 1;

	while (!he_is_prime(q))
		q += 128;
	return q;
}

/* SEAL looks at the scale before a rescale too: here it exceeds the modulus of 80 bits, and would fit 40 bits when divided by 41. */
START_TEST(scale_before)
{
	struct he_params p = { .scheme = HE_CKKS, .log_n = 6, .k = 3, .q = { least_prime(40), least_prime(41), least_prime(42) } };
	struct he_ctx_opts o = { .allow_weak = true };
	struct rnd *rnd = rnd_new_seeded(1);
	struct he_ctx *c;
	struct he_sk sk;
	struct he_pt pt;
	struct he_ct a;
	struct he_why w;

	ck_assert_int_eq(he_ctx_new(&p, &o, &c, &w), 0);
	he_sk_init(&sk, c);
	he_ct_init(&a, c);
	he_pt_init(&pt, c);
	ck_assert_int_eq(he_keygen_secret(&sk, rnd, &w), 0);
	ck_assert_int_eq(he_encode_ckks(&pt, (const double[]){ 1 }, 1, false, 0x1p30, 2, &w), 0);
	ck_assert_int_eq(he_encrypt_symmetric(&a, &pt, &sk, rnd, NULL, &w), 0);
	a.scale = 0x1p80;
	ck_assert_int_eq(he_rescale(&a, &a, &w), E_LIMIT);
	a.scale = 0x1p79;
	ck_assert_int_eq(he_rescale(&a, &a, &w), 0);
	he_sk_fini(&sk);
	he_ct_fini(&a);
	he_pt_fini(&pt);
	he_ctx_free(c);
	rnd_free(rnd);
}
END_TEST

/* Without batches there are no rows to turn; SEAL applies an element, and refuses a rotation. */
START_TEST(rows)
{
	struct he_params p = { .scheme = HE_BFV, .t = 256 };
	struct he_ctx_opts o = { .allow_weak = true };
	struct rnd *rnd = rnd_new_seeded(1);
	struct he_ksk galois;
	struct he_ctx *c;
	struct he_sk sk;
	struct he_pt pt;
	struct he_ct a;
	struct he_why w;

	ck_assert_int_eq(he_params_create(&p, 6, (const unsigned[]){ 40, 41 }, 2, &w), 0);
	ck_assert_int_eq(he_ctx_new(&p, &o, &c, &w), 0);
	he_sk_init(&sk, c);
	he_ct_init(&a, c);
	he_pt_init(&pt, c);
	he_ksk_init(&galois, c, true);
	ck_assert_int_eq(he_words_reserve(&pt.w, &pt.cap, 64), 0);
	pt.w[0] = 7;
	pt.count = 1;
	ck_assert_int_eq(he_keygen_secret(&sk, rnd, &w), 0);
	ck_assert_int_eq(he_keygen_galois(&galois, &sk, (const uint32_t[]){ 3, 127 }, 2, rnd, NULL, &w), 0);
	ck_assert_int_eq(he_encrypt_symmetric(&a, &pt, &sk, rnd, NULL, &w), 0);
	ck_assert_int_eq(he_apply_galois(&a, &a, 3, &galois, &w), 0);
	ck_assert_int_eq(he_rotate(&a, &a, 1, &galois, &w), E_UNSUPPORTED);
	ck_assert(strstr(w.text, "prime") != NULL);
	ck_assert_int_eq(he_rotate(&a, &a, 0, &galois, &w), E_UNSUPPORTED);
	ck_assert_int_eq(he_rotate_columns(&a, &a, &galois, &w), E_UNSUPPORTED);
	ck_assert_int_eq(he_sum_slots(&a, &a, &galois, &w), E_UNSUPPORTED);
	he_sk_fini(&sk);
	he_ct_fini(&a);
	he_pt_fini(&pt);
	he_ksk_fini(&galois);
	he_ctx_free(c);
	rnd_free(rnd);
}
END_TEST

START_TEST(refuses)
{
	struct he_ctx *c = context("ckks"), *d = context("bfv");
	struct he_ct a, b, low, other, r;
	struct he_why w;
	struct he_pt p;

	load(c, &a, "ckks", ".ct");
	load(c, &b, "ckks", ".ct.expanded");
	load(c, &low, "ckks", ".ct.low");
	load(d, &other, "bfv", ".ct");
	he_ct_init(&r, c);
	he_pt_init(&p, c);
	ck_assert_int_eq(he_add_ct(&r, &a, &low, &w), E_RANGE);
	ck_assert(strstr(w.text, "levels") != NULL);
	ck_assert_int_eq(he_add_ct(&r, &a, &other, &w), E_RANGE);
	ck_assert_int_eq(he_add_ct(&r, &a, &r, &w), E_RANGE);
	ck_assert_int_eq(he_negate(&r, &r, &w), E_RANGE);
	b.scale *= 1.5;
	ck_assert_int_eq(he_add_ct(&r, &a, &b, &w), E_RANGE);
	ck_assert(strstr(w.text, "scales") != NULL);
	ck_assert_int_eq(he_add_plain(&r, &a, &p, &w), E_RANGE);
	ck_assert_int_eq(he_sub_ct(&r, &a, &a, &w), E_DENIED);
	ck_assert(strstr(w.text, "transparent") != NULL);
	a.ntt = false;
	b.scale = a.scale;
	ck_assert_int_eq(he_add_ct(&r, &a, &b, &w), E_RANGE);
	ck_assert(strstr(w.text, "NTT") != NULL);
	he_ct_fini(&a);
	he_ct_fini(&b);
	he_ct_fini(&low);
	he_ct_fini(&other);
	he_ct_fini(&r);
	he_pt_fini(&p);
	he_ctx_free(c);
	he_ctx_free(d);
}
END_TEST

START_TEST(lowest_level)
{
	struct he_ctx *c = context("bfv");
	struct he_ct a, b;
	struct he_why w;

	load(c, &a, "bfv", ".ct");
	he_ct_init(&b, c);
	ck_assert_int_eq(he_from_ntt(&b, &a, &w), E_RANGE);
	ck_assert_int_eq(he_rescale(&b, &a, &w), E_UNSUPPORTED);
	ck_assert_int_eq(he_to_ntt(&b, &a, &w), 0);
	ck_assert_int_eq(he_mod_switch(&b, &b, &w), E_RANGE);
	ck_assert_int_eq(he_from_ntt(&b, &b, &w), 0);
	equals(&b, "bfv", ".ct");
	ck_assert_int_eq(he_mod_switch(&a, &a, &w), 0);
	equals(&a, "bfv", ".ct.low");
	ck_assert_int_eq(he_mod_switch(&a, &a, &w), 0);
	ck_assert_int_eq(he_mod_switch(&a, &a, &w), E_RANGE);
	ck_assert(a.primes == 1 && strstr(w.text, "lowest") != NULL);
	he_ct_fini(&a);
	he_ct_fini(&b);
	he_ctx_free(c);
}
END_TEST

/* n = 16, t = 97: values 1 .. 16 (SEAL's vector), and SEAL's own plaintext. */
START_TEST(batches)
{
	static const uint64_t want[16] = { 57, 87, 85, 71, 86, 37, 14, 66, 0, 31, 83, 60, 79, 26, 12, 10 };
	struct he_params p = { .scheme = HE_BFV, .t = 97 };
	struct he_ctx_opts o = { .allow_weak = true };
	uint64_t slots[64];
	struct he_ctx *c;
	struct he_pt pt;
	struct he_why w;
	struct buf file, out;

	ck_assert_int_eq(he_params_create(&p, 4, (const unsigned[]){ 40 }, 1, &w), 0);
	ck_assert_int_eq(he_ctx_new(&p, &o, &c, &w), 0);
	he_pt_init(&pt, c);
	for (unsigned i = 0; i < 16; i++)
		slots[i] = i + 1;
	ck_assert_int_eq(he_encode_batch(&pt, slots, 16, &w), 0);
	ck_assert_mem_eq(pt.w, want, sizeof(want));
	memset(slots, 0, sizeof(slots));
	ck_assert_int_eq(he_decode_batch(slots, 16, &pt, &w), 0);
	for (unsigned i = 0; i < 16; i++)
		ck_assert_uint_eq(slots[i], i + 1);
	ck_assert_int_eq(he_encode_batch(&pt, slots, 17, &w), E_LIMIT);
	slots[3] = 97;
	ck_assert_int_eq(he_encode_batch(&pt, slots, 16, &w), E_RANGE);
	he_pt_fini(&pt);
	he_ctx_free(c);

	c = context("bfv");
	he_pt_init(&pt, c);
	for (int i = 0; i < 64; i++)
		slots[i] = (uint64_t)(i * 3 - 5 + 257) % 257;
	ck_assert_int_eq(he_encode_batch(&pt, slots, 64, &w), 0);
	read_file(&file, "bfv", ".pt");
	buf_init(&out, 2000);
	ck_assert_int_eq(seal_save_pt(&pt, &node, &out), 0);
	same(&out, &file);
	buf_fini(&file);
	buf_fini(&out);
	he_pt_fini(&pt);
	he_ctx_free(c);

	c = context("ckks");
	he_pt_init(&pt, c);
	ck_assert_int_eq(he_encode_batch(&pt, slots, 4, &w), E_UNSUPPORTED);
	he_ctx_free(c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("he/eval");
	TCase *t = tcase_create("eval");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, as_seal, 0, ARRAY_LEN(cases));
	tcase_add_loop_test(t, switches_keys, 0, 3);
	tcase_add_loop_test(t, sums_slots, 0, 2);
	tcase_add_test(t, plain_to_ntt);
	tcase_add_test(t, monomial);
	tcase_add_test(t, scale_before);
	tcase_add_test(t, rows);
	tcase_add_test(t, refuses);
	tcase_add_test(t, lowest_level);
	tcase_add_test(t, batches);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
