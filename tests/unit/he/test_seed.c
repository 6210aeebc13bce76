/* SPDX-License-Identifier: Apache-2.0 */
/* Seed expansion: SEAL's vectors for the byte stream, and whole polynomials against a program in Python (hashlib). */
#include "he/seed.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "he/blake2.h"

static struct he_seed make_seed(unsigned char type)
{
	struct he_seed s = { .type = type, .used = true };

	for (int i = 0; i < HE_SEED_BYTES; i++)
		s.bytes[i] = (unsigned char)(i / 8 + 1);
	return s;
}

static void to_hex(const unsigned char *p, size_t n, char *hex)
{
	for (size_t i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", p[i]);
}

/* SEAL's own bytes: 0 .. 15 and 4088 .. 4103. */
static const struct {
	unsigned char type;
	const char *first, *border;
} streams[] = {
	{ HE_SEED_BLAKE2X, "26f0dd63e4303fdc700cf97e5920a65c", "02a368e3018add7c17a981d8fefd05ca" },
	{ HE_SEED_SHAKE256, "4a749e8c540bf89e5d90e2c5919a1bd3", "4a2d8594bb35a37bf75e68c170872264" },
};

START_TEST(streams_as_seal)
{
	struct he_seed s = make_seed(streams[_i].type);
	unsigned char two[2 * HE_SEED_BLOCK];
	char hex[33];

	ck_assert_int_eq(he_seed_block(&s, 0, two), 0);
	ck_assert_int_eq(he_seed_block(&s, 1, two + HE_SEED_BLOCK), 0);
	to_hex(two, 16, hex);
	ck_assert_str_eq(hex, streams[_i].first);
	to_hex(two + 4088, 16, hex);
	ck_assert_str_eq(hex, streams[_i].border);
}
END_TEST

/* BLAKE2b-256 over the words of the polynomial, by Python.  Primes of 61 bits reject many words. */
static const struct {
	const char *name;
	unsigned char type;
	size_t n;
	unsigned primes;
	uint64_t q[3];
	const char *hex;
} polys[] = {
	/* clang-format off */
	{ "n1024", 1, 1024, 1, { 0x7e00001 }, "98be9b0eca600ffc244f30593734e350bd8172d71d27de776e710f3124cbaeef" },
	{ "n1024", 2, 1024, 1, { 0x7e00001 }, "419bfbe925fb1eeed84737b2fc1d8b6971c42d565c35b61b12d0dbe88db31346" },
	{ "n2048", 1, 2048, 1, { 0x3fffffff000001 }, "0bd6afddb98f4188f0a6b7d97e69a5bff82465b73c1380b16fb9a17f18863d83" },
	{ "n2048", 2, 2048, 1, { 0x3fffffff000001 }, "264bafb1bd839f6bc1c5c902057ef41e78fa6386815a8ee1703f352ceb3fb988" },
	{ "n4096", 1, 4096, 3, { 0xffffee001, 0xffffc4001, 0x1ffffe0001 }, "fba121ef29fa5b213bd0a54b597118a692386dcee7dbb66e904cf71c48e9e7bf" },
	{ "n4096", 2, 4096, 3, { 0xffffee001, 0xffffc4001, 0x1ffffe0001 }, "99031df605333d7b28c855044e794203d9d5d24b03460f8246ea0522371ec516" },
	{ "many rejected", 1, 1032, 3, { 0x1fffffffffe10001, 0x1570a3d70a3d7115, 0x1fffffffffe10001 }, "6179f5cc30eeb3f259a2e33205af359ab0681158595a28da298f7988ba73760e" },
	{ "many rejected", 2, 1032, 3, { 0x1fffffffffe10001, 0x1570a3d70a3d7115, 0x1fffffffffe10001 }, "6135edbb535ec1da6378fa8b87e19c8498c5687135b82cb1732f47f40e1a023e" },
	{ "small", 1, 16, 1, { 0x61 }, "9dcffacdc9cc7398e20e7852ff0ab5b30d5bcacf5a17fa76abbfadfdf989522a" },
	{ "small", 2, 16, 1, { 0x61 }, "fcdafb9fc87ccc25afb1a4bd78aa7ec18925c1e734b1d59867a1d44f105abcc2" },
	/* clang-format on */
};

START_TEST(expands)
{
	struct he_seed s = make_seed(polys[_i].type);
	struct he_mod mod[3];
	const struct he_mod *mods[3] = { &mod[0], &mod[1], &mod[2] };
	size_t words = polys[_i].n * polys[_i].primes;
	enum he_isa isa;
	unsigned j;

	for (j = 0; j < polys[_i].primes; j++)
		he_mod_init(&mod[j], polys[_i].q[j]);
	for (isa = HE_SCALAR; isa <= HE_IFMA; isa++) {
		const struct he_kernels *kern = he_kernels_of(isa);
		unsigned char out[32];
		char hex[65];
		uint64_t *w = aligned_alloc(64, words * sizeof(*w));

		if (kern) {
			ck_assert_int_eq(he_seed_expand(&s, mods, polys[_i].primes, polys[_i].n, kern, w), 0);
			blake2b_plain(w, words * sizeof(*w), out, 32);
			to_hex(out, 32, hex);
			ck_assert_str_eq(hex, polys[_i].hex);
		}
		free(w);
	}
}
END_TEST

START_TEST(refuses_types)
{
	struct he_seed s = make_seed(0);
	unsigned char block[HE_SEED_BLOCK];

	ck_assert_int_eq(he_seed_block(&s, 0, block), E_RANGE);
	s.type = 3;
	ck_assert_int_eq(he_seed_block(&s, 0, block), E_RANGE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("he/seed");
	TCase *t = tcase_create("seed");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, streams_as_seal, 0, ARRAY_LEN(streams));
	tcase_add_loop_test(t, expands, 0, ARRAY_LEN(polys));
	tcase_add_test(t, refuses_types);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
