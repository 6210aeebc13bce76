/* SPDX-License-Identifier: Apache-2.0 */
/* SEAL's objects read and written: files that SEAL made, all forms, thirty and more tamperings. */
#include "he/seal_io.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "he/he_priv.h"
#include "he/secret.h"
#include "tests/unit/he/vectors.h"

static const char *const schemes[] = { "bfv", "ckks", "bgv" };
START_TEST(params)
{
	static const char *const names[] = { ".params", ".params.zlib", ".params.zstd" };
	struct buf in, want, out;
	struct seal_style peer;
	struct he_params p;
	struct he_why w;

	read_file(&want, "bfv", ".params");
	for (int i = 0; i < 3; i++) {
		read_file(&in, "bfv", names[i]);
		ck_assert_int_eq(seal_load_params(buf_as_str(&in), &p, &peer, &w), 0);
		ck_assert(peer.major == 4 && peer.minor == 1 && (int)peer.compression == i);
		ck_assert(p.scheme == HE_BFV && p.log_n == 6 && p.k == 4 && p.t == 257);
		ck_assert_int_eq((int)seal_sniff(NULL, buf_as_str(&in)), SEAL_PARAMS);
		buf_init(&out, 1000);
		ck_assert_int_eq(seal_save_params(&p, &node, &out), 0);
		same(&out, &want);
		buf_fini(&in);
		buf_fini(&out);
	}
	buf_fini(&want);
}
END_TEST

/* The format page's example, stamped 4.4. */
START_TEST(params_of_4_4)
{
	static const unsigned char first[] = { 0x5e, 0xa1, 0x10, 4, 4, 0, 0, 0, 0x81, 0, 0, 0, 0, 0, 0, 0, 1,
		                               0,    0x10, 0,    0, 0, 0, 0, 0, 3,    0, 0, 0, 0, 0, 0, 0, 0x5e };
	struct seal_style s = { 4, 4, SEAL_NONE };
	struct he_params p;
	struct buf out;

	ck_assert_int_eq(he_params_default(&p, HE_BFV, 12, 20, NULL), 0);
	buf_init(&out, 1000);
	ck_assert_int_eq(seal_save_params(&p, &s, &out), 0);
	ck_assert_uint_eq(out.n, 129);
	ck_assert_mem_eq(out.p, first, sizeof(first));
	ck_assert_mem_eq(out.p + 33 + 16, "\x01\xe0\xfe\xff\x0f\0\0\0", 8);
	ck_assert_mem_eq(out.p + 121, "\x01\xc0\x0f\0\0\0\0\0", 8);
	buf_fini(&out);
}
END_TEST

START_TEST(ids)
{
	struct buf b;
	char *line, *rest;
	unsigned left[3] = { 4, 4, 4 };

	read_file(&b, "", "ids.txt");
	buf_putc(&b, '\0');
	for (line = strtok_r(b.p, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		unsigned long long v[4];
		unsigned char id[HE_ID_BYTES];
		char name[8];
		int i = 0;
		struct he_ctx *c;

		ck_assert_int_eq(sscanf(line, "%7s %llx %llx %llx %llx", name, v, v + 1, v + 2, v + 3), 5);
		while (strcmp(name, schemes[i]) != 0)
			i++;
		memcpy(id, v, sizeof(id));
		c = context(name);
		ck_assert_uint_eq(he_ctx_level(c, id), left[i]--);
		he_ctx_free(c);
	}
	buf_fini(&b);
	ck_assert(left[0] == 0 && left[1] == 0 && left[2] == 0);
}
END_TEST

/* Every ciphertext of SEAL comes out as SEAL wrote it; seeded ones as SEAL expanded them. */
static const struct {
	const char *in, *want;
	unsigned primes;
	bool bfv_only;
} cts[] = {
	{ ".ct", ".ct", 3, false },          { ".ct.seeded", ".ct.expanded", 3, false }, { ".ct.low", ".ct.low", 2, false },
	{ ".ct.zlib", ".ct", 3, true },      { ".ct.zstd", ".ct", 3, true },
};

START_TEST(ciphertexts)
{
	struct buf in, want, out;
	struct seal_style peer;
	struct he_why w = { "" };
	struct he_ctx *c;
	struct he_ct ct;

	for (int i = 0; i < (cts[_i].bfv_only ? 1 : 3); i++) {
		c = context(schemes[i]);
		he_ct_init(&ct, c);
		read_file(&in, schemes[i], cts[_i].in);
		read_file(&want, schemes[i], cts[_i].want);
		ck_assert_msg(seal_load_ct(c, buf_as_str(&in), &ct, &peer, &w) == 0, "%s%s: %s", schemes[i], cts[_i].in, w.text);
		ck_assert(ct.size == 2 && ct.primes == cts[_i].primes && ct.ntt == (i != 0));
		ck_assert_int_eq((int)seal_sniff(c, buf_as_str(&in)), SEAL_CIPHERTEXT);
		buf_init(&out, 10000);
		ck_assert_int_eq(seal_save_ct(&ct, NULL, &node, &out), 0);
		same(&out, &want);
		buf_fini(&in);
		buf_fini(&want);
		buf_fini(&out);
		he_ct_fini(&ct);
		he_ctx_free(c);
	}
}
END_TEST

/* Written in every style and read again. */
static const struct seal_style styles[] = {
	{ 4, 4, SEAL_NONE }, { 4, 0, SEAL_ZLIB }, { 4, 3, SEAL_ZSTD }, { 3, 7, SEAL_NONE }, { 3, 6, SEAL_ZSTD },
};

START_TEST(styles_round)
{
	struct he_ctx *c = context("bfv");
	struct buf in, out;
	struct seal_style peer;
	struct he_ct a, b;

	he_ct_init(&a, c);
	he_ct_init(&b, c);
	read_file(&in, "bfv", ".ct");
	ck_assert_int_eq(seal_load_ct(c, buf_as_str(&in), &a, NULL, NULL), 0);
	buf_init(&out, 10000);
	buf_z(&out, "before");
	ck_assert_int_eq(seal_save_ct(&a, NULL, &styles[_i], &out), 0);
	ck_assert(memcmp(out.p, "before", 6) == 0);
	buf_drop(&out, 6);
	ck_assert(styles[_i].compression || out.n == in.n - (styles[_i].major == 3 ? 8 : 0));
	ck_assert_int_eq(seal_load_ct(c, buf_as_str(&out), &b, &peer, NULL), 0);
	ck_assert(peer.major == styles[_i].major && peer.minor == styles[_i].minor && peer.compression == styles[_i].compression);
	ck_assert_mem_eq(a.w, b.w, 2 * 3 * c->n * 8);
	buf_fini(&in);
	buf_fini(&out);
	he_ct_fini(&a);
	he_ct_fini(&b);
	he_ctx_free(c);
}
END_TEST

/* The seeded form is written as SEAL writes it. */
START_TEST(writes_seeds)
{
	struct he_ctx *c = context("bfv");
	struct he_seed seed = { .used = true };
	struct buf in, out;
	struct he_ct ct;

	he_ct_init(&ct, c);
	read_file(&in, "bfv", ".ct.seeded");
	ck_assert_int_eq(seal_load_ct(c, buf_as_str(&in), &ct, NULL, NULL), 0);
	seed.type = (unsigned char)in.p[in.n - 65];
	memcpy(seed.bytes, in.p + in.n - 64, 64);
	buf_init(&out, 10000);
	ck_assert_int_eq(seal_save_ct(&ct, &seed, &node, &out), 0);
	same(&out, &in);
	/* A buffer that is too small is left as it was. */
	buf_fini(&out);
	buf_init(&out, 1000);
	ck_assert_int_eq(seal_save_ct(&ct, &seed, &node, &out), E_LIMIT);
	ck_assert(out.n == 0 && !out.over);
	/* One that is over stays so. */
	ck_assert_ptr_null(buf_room(&out, 2000));
	ck_assert_int_eq(seal_save_ct(&ct, &seed, &node, &out), E_LIMIT);
	ck_assert(out.n == 0 && out.over);
	ct.correction = 2;
	buf_fini(&out);
	buf_init(&out, 10000);
	ck_assert_int_eq(seal_save_ct(&ct, NULL, &styles[3], &out), E_UNSUPPORTED);
	buf_fini(&in);
	buf_fini(&out);
	he_ct_fini(&ct);
	he_ctx_free(c);
}
END_TEST

START_TEST(keys)
{
	static const char *const names[] = { ".pk", ".relin", ".galois" };
	static const enum seal_kind kinds[] = { SEAL_PUBLIC_KEY, SEAL_RELIN_KEYS, SEAL_GALOIS_KEYS };

	for (int i = 0; i < 2; i++)
		for (int k = 0; k < (i ? 2 : 3); k++) {
			struct he_ctx *c = context(schemes[i]);
			char name[32];
			struct buf in, want, out;
			struct he_why w = { "" };
			struct he_ksk ksk;
			struct he_pk pk;

			he_ct_init(&pk.ct, c);
			he_ksk_init(&ksk, c, k == 2);
			snprintf(name, sizeof(name), "%s.seeded", names[k]);
			read_file(&in, schemes[i], name);
			snprintf(name, sizeof(name), "%s.expanded", names[k]);
			read_file(&want, schemes[i], name);
			buf_init(&out, 20000);
			ck_assert_int_eq((int)seal_sniff(c, buf_as_str(&in)), kinds[k]);
			if (k == 0) {
				ck_assert_int_eq(seal_load_pk(c, buf_as_str(&in), &pk, NULL, &w), 0);
				ck_assert_int_eq(seal_save_pk(&pk, NULL, &node, &out), 0);
			} else {
				ck_assert_msg(seal_load_ksk(c, k == 2, buf_as_str(&in), &ksk, NULL, &w) == 0, "%s", w.text);
				/* One step to the left is the element 3. */
				ck_assert(ksk.n == 1 && ksk.entry[0].galois == (k == 2 ? 3 : 0));
				ck_assert_int_eq(seal_save_ksk(&ksk, NULL, &node, &out), 0);
				ck_assert_int_lt(seal_load_ksk(c, k != 2, buf_as_str(&in), &ksk, NULL, &w), 0);
				ck_assert_uint_eq(ksk.n, 0);
			}
			same(&out, &want);
			buf_fini(&in);
			buf_fini(&want);
			buf_fini(&out);
			he_ct_fini(&pk.ct);
			he_ksk_fini(&ksk);
			he_ctx_free(c);
		}
}
END_TEST

START_TEST(plaintexts)
{
	for (int i = 0; i < 3; i++) {
		struct he_ctx *c = context(schemes[i]);
		struct buf in, out;
		struct he_pt pt;

		he_pt_init(&pt, c);
		read_file(&in, schemes[i], ".pt");
		ck_assert_int_eq((int)seal_sniff(c, buf_as_str(&in)), SEAL_PLAINTEXT);
		ck_assert_int_eq(seal_load_pt(c, buf_as_str(&in), &pt, NULL, NULL), 0);
		ck_assert(pt.count == (i == 1 ? 3 * 64 : 64) && pt.primes == (i == 1 ? 3 : 0));
		buf_init(&out, 10000);
		ck_assert_int_eq(seal_save_pt(&pt, &node, &out), 0);
		same(&out, &in);
		buf_fini(&in);
		buf_fini(&out);
		he_pt_fini(&pt);
		he_ctx_free(c);
	}
}
END_TEST

START_TEST(secret_keys_are_refused)
{
	struct he_ctx *c = context("bfv");
	struct he_why w;
	struct buf in, out;
	struct he_params p;
	struct he_ksk ksk;
	struct he_pk pk;
	struct he_pt pt;
	struct he_sk sk = { 0 };

	he_ct_init(&pk.ct, c);
	he_pt_init(&pt, c);
	he_ksk_init(&ksk, c, false);
	read_file(&in, "bfv", ".sk");
	ck_assert_int_eq((int)seal_sniff(c, buf_as_str(&in)), SEAL_SECRET_KEY);
	ck_assert_int_eq((int)seal_sniff(NULL, buf_as_str(&in)), SEAL_SECRET_KEY);
	ck_assert_int_eq(seal_load_ct(c, buf_as_str(&in), &pk.ct, NULL, &w), E_DENIED);
	ck_assert(strstr(w.text, "secret key") != NULL);
	ck_assert_int_eq(seal_load_pk(c, buf_as_str(&in), &pk, NULL, &w), E_DENIED);
	ck_assert_int_eq(seal_load_pt(c, buf_as_str(&in), &pt, NULL, &w), E_DENIED);
	ck_assert_int_eq(seal_load_ksk(c, false, buf_as_str(&in), &ksk, NULL, &w), E_DENIED);
	ck_assert_int_lt(seal_load_params(buf_as_str(&in), &p, NULL, &w), 0);
	/* Its owner reads and writes it, compressed too; then it is refused as well. */
	ck_assert_int_eq(seal_load_sk(c, buf_as_str(&in), &sk, NULL, &w), 0);
	buf_init(&out, 10000);
	ck_assert_int_eq(seal_save_sk(&sk, &node, &out), 0);
	same(&out, &in);
	buf_reset(&out);
	ck_assert_int_eq(seal_save_sk(&sk, &styles[2], &out), 0);
	ck_assert_int_eq(seal_load_ct(c, buf_as_str(&out), &pk.ct, NULL, &w), E_DENIED);
	ck_assert_int_eq((int)seal_sniff(c, buf_as_str(&out)), SEAL_SECRET_KEY);
	/* Ternary: the transform of a polynomial of 0, 1, -1. */
	he_ntt_inverse(&c->ntt[1], sk.w + c->n);
	for (size_t i = c->n; i < 2 * c->n; i++)
		ck_assert(sk.w[i] <= 1 || sk.w[i] == c->p.q[1] - 1);
	free(sk.w);
	buf_fini(&in);
	buf_fini(&out);
	he_pt_fini(&pt);
	he_ct_fini(&pk.ct);
	he_ksk_fini(&ksk);
	he_ctx_free(c);
}
END_TEST

/* The word at `at` of a file becomes v (`bytes` of it); cut: bytes taken off (or added when negative) at the end. */
static const struct tamper {
	const char *scheme, *file;
	size_t at;
	unsigned bytes;
	uint64_t v;
	int cut, err;
	const char *word;
} tampers[] = {
	{ "bfv", ".ct", 0, 1, 0x5f, 0, E_SYNTAX, "no SEAL header" },
	{ "bfv", ".ct", 2, 1, 0x11, 0, E_SYNTAX, "no SEAL header" },
	{ "bfv", ".ct", 3, 1, 5, 0, E_NEWER, "SEAL 5.1" },
	{ "bfv", ".ct", 4, 1, 5, 0, E_NEWER, "SEAL 4.5" },
	{ "bfv", ".ct", 3, 2, 0x0503, 0, E_UNSUPPORTED, "SEAL 3.5" },
	{ "bfv", ".ct", 5, 1, 3, 0, E_UNSUPPORTED, "compression 3" },
	{ "bfv", ".ct", 5, 1, 1, 0, E_CORRUPT, "compressed stream" },
	{ "bfv", ".ct", 5, 1, 2, 0, E_CORRUPT, "compressed stream" },
	{ "bfv", ".ct", 6, 1, 1, 0, E_SYNTAX, "reserved" },
	{ "bfv", ".ct", 7, 1, 1, 0, E_SYNTAX, "reserved" },
	{ "bfv", ".ct", 8, 8, 3184, 0, E_LIMIT, "header says 3184" },
	{ "bfv", ".ct", 8, 8, ~0ULL, 0, E_LIMIT, "header says" },
	{ "bfv", ".ct", 0, 0, 0, 1, E_LIMIT, "there are 3184" },
	{ "bfv", ".ct", 0, 0, 0, -1, E_LIMIT, "there are 3186" },
	{ "bfv", ".ct", 0, 0, 0, 3185 - 15, E_SYNTAX, "header alone has 16" },
	{ "bfv", ".ct", 16, 1, 0x55, 0, E_RANGE, "other parameters" },
	{ "bfv", ".ct", 48, 1, 1, 0, E_RANGE, "NTT form" },
	{ "ckks", ".ct", 48, 1, 0, 0, E_RANGE, "NTT form" },
	{ "ckks", ".ct", 48, 1, 2, 0, E_RANGE, "NTT form" },
	{ "bfv", ".ct", 49, 8, 0, 0, E_RANGE, "polynomials" },
	{ "bfv", ".ct", 49, 8, 1, 0, E_RANGE, "polynomials" },
	{ "bfv", ".ct", 49, 8, 3, 0, E_LIMIT, "words" },
	{ "bfv", ".ct", 49, 8, 17, 0, E_RANGE, "polynomials" },
	{ "bfv", ".ct", 49, 8, 1ULL << 63, 0, E_RANGE, "polynomials" },
	{ "bfv", ".ct", 57, 8, 128, 0, E_RANGE, "degree" },
	{ "bfv", ".ct", 65, 8, 2, 0, E_RANGE, "primes" },
	{ "bfv", ".ct", 73, 8, 0, 0, E_RANGE, "scale" },
	{ "ckks", ".ct", 73, 8, 0, 0, E_RANGE, "scale" },
	{ "ckks", ".ct", 73, 8, 0x7ff0000000000000, 0, E_RANGE, "scale" },
	{ "ckks", ".ct", 73, 8, 0x7ff8000000000000, 0, E_RANGE, "scale" },
	{ "ckks", ".ct", 73, 8, 1, 0, E_RANGE, "scale" },
	{ "ckks", ".ct", 73, 8, 0xbff0000000000000, 0, E_RANGE, "scale" },
	{ "bfv", ".ct", 81, 8, 2, 0, E_RANGE, "correction" },
	{ "bgv", ".ct", 81, 8, 0, 0, E_RANGE, "correction" },
	{ "bgv", ".ct", 81, 8, 257, 0, E_RANGE, "correction" },
	{ "bfv", ".ct", 89, 1, 0, 0, E_SYNTAX, "no SEAL header" },
	{ "bfv", ".ct", 93, 1, 2, 0, E_SYNTAX, "nested header" },
	{ "bfv", ".ct", 94, 1, 1, 0, E_UNSUPPORTED, "nested object" },
	{ "bfv", ".ct", 97, 8, 3095, 0, E_LIMIT, "array" },
	{ "bfv", ".ct", 97, 8, ~0ULL, 0, E_LIMIT, "does not fit" },
	{ "bfv", ".ct", 105, 8, 383, 0, E_LIMIT, "words" },
	{ "bfv", ".ct", 105, 8, 1ULL << 61, 0, E_LIMIT, "words" },
	{ "bfv", ".ct", 105, 8, 192, 0, E_LIMIT, "array" },
	{ "bfv", ".ct", 113, 8, 1ULL << 40, 0, E_RANGE, "not below" },
	{ "bfv", ".ct", 3177, 8, 1ULL << 63, 0, E_RANGE, "not below" },
	{ "bfv", ".ct", 3177, 8, ~0ULL, 0, E_RANGE, "not below" },
	{ "bfv", ".ct.seeded", 1665, 1, 0, 0, E_RANGE, "generator 0" },
	{ "bfv", ".ct.seeded", 1665, 1, 3, 0, E_RANGE, "generator 3" },
	{ "bfv", ".ct.seeded", 1657, 8, 80, 0, E_LIMIT, "does not fit" },
	{ "bfv", ".ct.zlib", 100, 8, 0, 0, E_CORRUPT, "compressed stream" },
	{ "bfv", ".ct.zstd", 16, 8, 0, 0, E_CORRUPT, "compressed stream" },
	{ "bfv", ".pk.expanded", 0, 0, 0, 0, E_LIMIT, NULL },
};

START_TEST(tampered)
{
	const struct tamper *t = &tampers[_i];
	struct he_ctx *c = context(t->scheme);
	struct he_why w = { "" };
	struct seal_style peer = { 9, 9, SEAL_NONE };
	struct he_ct ct;
	struct buf b;
	int r;

	he_ct_init(&ct, c);
	read_file(&b, t->scheme, t->file);
	memcpy(b.p + t->at, &t->v, t->bytes);
	if (t->cut < 0)
		buf_putc(&b, 0);
	else
		b.n -= (size_t)t->cut;
	r = seal_load_ct(c, buf_as_str(&b), &ct, &peer, &w);
	ck_assert_msg(t->word ? r == t->err && strstr(w.text, t->word) : r < 0, "%d: %d %s", _i, r, w.text);
	ck_assert(ct.size == 0 && peer.major == 9);
	buf_fini(&b);
	he_ct_fini(&ct);
	he_ctx_free(c);
}
END_TEST

START_TEST(transparent)
{
	struct he_ctx *c = context("bfv");
	struct he_why w;
	struct he_ct ct;
	struct buf b;

	he_ct_init(&ct, c);
	read_file(&b, "bfv", ".ct");
	memset(b.p + 113 + 192 * 8, 0, 192 * 8);
	ck_assert_int_eq(seal_load_ct(c, buf_as_str(&b), &ct, NULL, &w), E_DENIED);
	ck_assert(strstr(w.text, "transparent") != NULL);
	buf_fini(&b);
	he_ct_fini(&ct);
	he_ctx_free(c);
}
END_TEST

/* A megabyte of zeros in a few bytes is not inflated beyond what a ciphertext can have. */
START_TEST(bombs)
{
	static const enum seal_compression kinds[] = { SEAL_ZLIB, SEAL_ZSTD };
	struct he_params big = { .scheme = HE_BFV };
	struct seal_style s = { 4, 4, kinds[_i] };
	struct he_ctx *c = context("bfv");
	struct he_why w;
	struct he_ctx *wide;
	struct he_pt pt;
	struct he_ct ct;
	struct buf b;

	ck_assert_int_eq(he_params_default(&big, HE_BFV, 15, 20, NULL), 0);
	ck_assert_int_eq(he_ctx_new(&big, NULL, &wide, NULL), 0);
	he_pt_init(&pt, wide);
	he_ct_init(&ct, c);
	pt.primes = 4;
	pt.count = 4 * wide->n;
	ck_assert_int_eq(he_words_reserve(&pt.w, &pt.cap, pt.count), 0);
	memset(pt.w, 0, pt.count * 8);
	buf_init(&b, 2 << 20);
	ck_assert_int_eq(seal_save_pt(&pt, &s, &b), 0);
	ck_assert_uint_lt(b.n, 3000);
	ck_assert_int_eq(seal_load_ct(c, buf_as_str(&b), &ct, NULL, &w), E_LIMIT);
	ck_assert(strstr(w.text, "inflates to more") != NULL);
	buf_fini(&b);
	he_ct_fini(&ct);
	he_pt_fini(&pt);
	he_ctx_free(c);
	he_ctx_free(wide);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("he/seal_io");
	TCase *t = tcase_create("seal_io");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, params);
	tcase_add_test(t, params_of_4_4);
	tcase_add_test(t, ids);
	tcase_add_loop_test(t, ciphertexts, 0, ARRAY_LEN(cts));
	tcase_add_loop_test(t, styles_round, 0, ARRAY_LEN(styles));
	tcase_add_test(t, writes_seeds);
	tcase_add_test(t, keys);
	tcase_add_test(t, plaintexts);
	tcase_add_test(t, secret_keys_are_refused);
	tcase_add_loop_test(t, tampered, 0, ARRAY_LEN(tampers));
	tcase_add_test(t, transparent);
	tcase_add_loop_test(t, bombs, 0, 2);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
