/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every tampering of SEAL's objects is refused for its own reason, before memory is taken for their words: in each scheme, in the
 * layouts of 3.7 and 4.0 to 4.4, plain and inside zlib and zstd, in the outer and in every nested header.
 */
#include "he/seal_io.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "he/he_priv.h"
#include "tests/unit/he/vectors.h"

static const char *const schemes[] = { "bfv", "bgv", "ckks" };
static const struct seal_style layouts[] = {
	{ 3, 7, SEAL_NONE }, { 4, 0, SEAL_NONE }, { 4, 1, SEAL_NONE }, { 4, 2, SEAL_NONE }, { 4, 3, SEAL_NONE }, { 4, 4, SEAL_NONE },
};
enum { HEADER = 16, MODE_AT = 5, LENGTH_AT = 8, FACTOR_AT = 81, FACTOR = 8 };

/* b, whatever is in it now, with its true length, its members packed. */
static void seal_up(struct buf *b, enum seal_compression kind)
{
	uLongf room = compressBound(b->n) + 1000;
	char *packed = malloc(room);
	uint64_t all;

	ck_assert(packed != NULL);
	if (kind == SEAL_ZLIB)
		ck_assert_int_eq(compress2((Bytef *)packed, &room, (Bytef *)b->p + HEADER, b->n - HEADER, 9), Z_OK);
	else if (kind == SEAL_ZSTD)
		room = ZSTD_compress(packed, room, b->p + HEADER, b->n - HEADER, 1);
	if (kind != SEAL_NONE) {
		b->n = HEADER;
		b->p[MODE_AT] = (char)kind;
		buf_put(b, packed, room);
	}
	all = b->n;
	memcpy(b->p + LENGTH_AT, &all, sizeof(all));
	free(packed);
}

/* A ciphertext of SEAL in that layout. */
static void read_ct(struct buf *b, const struct he_ctx *c, const char *scheme, const char *file, const struct seal_style *s)
{
	bool is_seeded = strstr(file, "seeded") != NULL;
	struct he_seed seed = { .used = is_seeded };
	struct he_ct ct;
	struct buf in;

	he_ct_init(&ct, c);
	read_file(&in, scheme, file);
	ck_assert_int_eq(seal_load_ct(c, buf_as_str(&in), &ct, NULL, NULL), 0);
	if (is_seeded) {
		seed.type = (unsigned char)in.p[in.n - 65];
		memcpy(seed.bytes, in.p + in.n - 64, 64);
	}
	buf_init(b, 1 << 20);
	ck_assert_int_eq(seal_save_ct(&ct, is_seeded ? &seed : NULL, s, b), 0);
	buf_fini(&in);
	he_ct_fini(&ct);
}

enum { BFV = 1, BGV = 2, CKKS = 4, ALL = 7, EXACT = 3 };
#define KEY_LEVEL 0xfff1 /* stands for: the id of the key level */

/* Places are those of the 4.x layout (section 3.3 of the format page); cut: bytes less, or more, at the end, which the length tells. */
static const struct tamper {
	const char *file;
	unsigned schemes;
	size_t at;
	unsigned bytes;
	uint64_t v;
	int cut, err;
	const char *word;
} tampers[] = {
	/* The level. */
	{ ".ct", ALL, 16, 8, 1, 0, E_RANGE, "other parameters" },
	{ ".ct", ALL, 40, 8, 0, 0, E_RANGE, "other parameters" },
	{ ".ct", ALL, 16, 32, KEY_LEVEL, 0, E_RANGE, "primes of keys" },
	/* The form. */
	{ ".ct", BFV, 48, 1, 1, 0, E_RANGE, "NTT form" },
	{ ".ct", BGV | CKKS, 48, 1, 0, 0, E_RANGE, "NTT form" },
	{ ".ct", ALL, 48, 1, 2, 0, E_RANGE, "NTT form" },
	{ ".ct", ALL, 48, 1, 255, 0, E_RANGE, "NTT form" },
	/* Polynomials, degree, primes. */
	{ ".ct", ALL, 49, 8, 0, 0, E_RANGE, "0 polynomials" },
	{ ".ct", ALL, 49, 8, 1, 0, E_RANGE, "1 polynomials" },
	{ ".ct", ALL, 49, 8, 3, 0, E_LIMIT, "384 words" },
	{ ".ct", ALL, 49, 8, 4, 0, E_RANGE, "4 polynomials" },
	{ ".ct", ALL, 49, 8, 17, 0, E_RANGE, "17 polynomials" },
	{ ".ct", ALL, 49, 8, 1ULL << 32 | 2, 0, E_RANGE, "polynomials" },
	{ ".ct", ALL, 49, 8, ~0ULL, 0, E_RANGE, "polynomials" },
	{ ".ct", ALL, 57, 8, 0, 0, E_RANGE, "degree" },
	{ ".ct", ALL, 57, 8, 128, 0, E_RANGE, "degree" },
	{ ".ct", ALL, 57, 8, 1ULL << 32 | 64, 0, E_RANGE, "degree" },
	{ ".ct", ALL, 65, 8, 0, 0, E_RANGE, "primes" },
	{ ".ct", ALL, 65, 8, 4, 0, E_RANGE, "primes" },
	{ ".ct", ALL, 65, 8, 1ULL << 32 | 3, 0, E_RANGE, "primes" },
	/* Scales: 0, 2, the largest denormal, infinite, no number, negative. */
	{ ".ct", EXACT, 73, 8, 0x4000000000000000, 0, E_RANGE, "scale must be 1" },
	{ ".ct", ALL, 73, 8, 0, 0, E_RANGE, "scale" },
	{ ".ct", ALL, 73, 8, 0x000fffffffffffff, 0, E_RANGE, "scale" },
	{ ".ct", ALL, 73, 8, 0x7ff0000000000000, 0, E_RANGE, "scale" },
	{ ".ct", ALL, 73, 8, 0x7ff8000000000001, 0, E_RANGE, "scale" },
	{ ".ct", ALL, 73, 8, 0xbff0000000000000, 0, E_RANGE, "scale" },
	{ ".ct", ALL, 73, 8, 0x8000000000000000, 0, E_RANGE, "scale" },
	/* Correction factors. */
	{ ".ct", ALL, 81, 8, 0, 0, E_RANGE, "correction" },
	{ ".ct", BFV | CKKS, 81, 8, 2, 0, E_RANGE, "correction" },
	{ ".ct", ALL, 81, 8, 257, 0, E_RANGE, "correction" },
	{ ".ct", ALL, 81, 8, ~0ULL, 0, E_RANGE, "correction" },
	/* Counts and lengths. */
	{ ".ct", ALL, 105, 8, 0, 0, E_LIMIT, "words" },
	{ ".ct", ALL, 105, 8, 383, 0, E_LIMIT, "words" },
	{ ".ct", ALL, 105, 8, 192, 0, E_LIMIT, "array" },
	{ ".ct", ALL, 105, 8, 385, 0, E_LIMIT, "words" },
	{ ".ct", ALL, 105, 8, 1ULL << 61 | 384, 0, E_LIMIT, "words" },
	{ ".ct", ALL, 105, 8, ~0ULL, 0, E_LIMIT, "words" },
	{ ".ct", ALL, 0, 0, 0, 1, E_LIMIT, "does not fit" },
	{ ".ct", ALL, 0, 0, 0, -1, E_LIMIT, "1 bytes follow" },
	{ ".ct", ALL, 0, 0, 0, -81, E_LIMIT, "81 bytes follow" },
	{ ".ct", ALL, 0, 0, 0, 384 * 8, E_LIMIT, "does not fit" },
	{ ".ct.seeded", ALL, 0, 0, 0, 1, E_LIMIT, "array" },
	{ ".ct.seeded", ALL, 0, 0, 0, 81, E_LIMIT, "array" },
	{ ".ct.seeded", ALL, 0, 0, 0, -1, E_LIMIT, "1 bytes follow" },
	{ ".ct.seeded", ALL, 105, 8, 384, 0, E_LIMIT, "array" },
	{ ".ct.seeded", ALL, 49, 8, 3, 0, E_LIMIT, "words" },
	/* Residues: the first prime's first is q (q0 is below 2^40), the last prime's last is too large. */
	{ ".ct", ALL, 113, 8, 1ULL << 40, 0, E_RANGE, "not below" },
	{ ".ct", ALL, 113, 8, 1ULL << 63, 0, E_RANGE, "not below" },
	{ ".ct", ALL, 113 + 191 * 8, 8, 1ULL << 42, 0, E_RANGE, "not below" },
	{ ".ct", ALL, 113 + 192 * 8, 8, ~0ULL, 0, E_RANGE, "not below" },
	{ ".ct", ALL, 113 + 383 * 8, 8, ~0ULL, 0, E_RANGE, "not below" },
	{ ".ct.seeded", ALL, 113 + 191 * 8, 8, 1ULL << 63, 0, E_RANGE, "not below" },
	/* Generators. */
	{ ".ct.seeded", ALL, 113 + 192 * 8 + 16, 1, 0, 0, E_RANGE, "generator 0" },
	{ ".ct.seeded", ALL, 113 + 192 * 8 + 16, 1, 3, 0, E_RANGE, "generator 3" },
	{ ".ct.seeded", ALL, 113 + 192 * 8 + 16, 1, 255, 0, E_RANGE, "generator 255" },
};

static void put(char *at, const struct tamper *t, const struct he_ctx *c)
{
	if (t->v == KEY_LEVEL)
		memcpy(at, c->level[c->p.k].id, HE_ID_BYTES);
	else
		memcpy(at, &t->v, t->bytes);
}

static void tamper_one(const struct tamper *t, const char *scheme, const struct seal_style *s, enum seal_compression kind)
{
	struct he_ctx *c = context(scheme);
	bool has_factor = s->major > 3;
	struct seal_style peer = { 9, 9, SEAL_NONE };
	struct he_why w = { "" };
	struct he_ct ct;
	struct buf b;
	int r;

	if (has_factor || t->at != FACTOR_AT) {
		read_ct(&b, c, scheme, t->file, s);
		put(b.p + t->at - (!has_factor && t->at > FACTOR_AT ? FACTOR : 0), t, c);
		for (int i = 0; i > t->cut; i--)
			buf_putc(&b, 0);
		b.n -= t->cut > 0 ? (size_t)t->cut : 0;
		seal_up(&b, kind);
		he_ct_init(&ct, c);
		r = seal_load_ct(c, buf_as_str(&b), &ct, &peer, &w);
		ck_assert_msg(r == t->err && strstr(w.text, t->word), "%s %s @%zu %u.%u compression %d: %d %s, not %d %s", scheme, t->file,
		              t->at, s->major, s->minor, (int)kind, r, w.text, t->err, t->word);
		ck_assert(ct.size == 0 && ct.w == NULL && ct.cap == 0 && peer.major == 9);
		buf_fini(&b);
	}
	he_ctx_free(c);
}

START_TEST(ciphertexts)
{
	for (unsigned i = 0; i < ARRAY_LEN(schemes); i++)
		for (size_t s = 0; s < ARRAY_LEN(layouts); s++)
			for (int kind = SEAL_NONE; tampers[_i].schemes >> i & 1 && kind <= SEAL_ZSTD; kind++)
				tamper_one(&tampers[_i], schemes[i], &layouts[s], (enum seal_compression)kind);
}
END_TEST

/* All words after the first polynomial are 0: it hides nothing. */
START_TEST(transparent)
{
	struct he_ctx *c = context(schemes[_i]);
	struct he_why w = { "" };
	struct he_ct ct;
	struct buf b;

	for (size_t s = 0; s < ARRAY_LEN(layouts); s++)
		for (int kind = SEAL_NONE; kind <= SEAL_ZSTD; kind++) {
			read_ct(&b, c, schemes[_i], ".ct", &layouts[s]);
			memset(b.p + b.n - 192 * 8, 0, 192 * 8);
			seal_up(&b, (enum seal_compression)kind);
			he_ct_init(&ct, c);
			ck_assert_int_eq(seal_load_ct(c, buf_as_str(&b), &ct, NULL, &w), E_DENIED);
			ck_assert(strstr(w.text, "transparent") && ct.cap == 0);
			buf_fini(&b);
		}
	he_ctx_free(c);
}
END_TEST

/* A composite plain modulus: a correction factor that shares a divisor with it cannot be taken away at decryption. */
START_TEST(factors_without_inverse)
{
	static const unsigned bits[] = { 40, 41, 42, 45 };
	struct he_ctx_opts o = { .allow_weak = true };
	struct he_params p = { .scheme = HE_BGV, .t = 300 };
	struct he_why w = { "" };
	struct he_ct ct, read;
	struct he_ctx *c;
	struct buf b;

	ck_assert_int_eq(he_params_create(&p, 6, bits, 4, NULL), 0);
	ck_assert_int_eq(he_ctx_new(&p, &o, &c, NULL), 0);
	he_ct_init(&ct, c);
	ct.primes = 3;
	ct.size = 2;
	ck_assert_int_eq(he_words_reserve(&ct.w, &ct.cap, 6 * c->n), 0);
	for (size_t i = 0; i < 6 * c->n; i++)
		ct.w[i] = i;
	for (ct.correction = 1; ct.correction < 300; ct.correction++) {
		buf_init(&b, 1 << 20);
		ck_assert_int_eq(seal_save_ct(&ct, NULL, &node, &b), 0);
		he_ct_init(&read, c);
		if (ct.correction % 2 && ct.correction % 3 && ct.correction % 5)
			ck_assert_int_eq(seal_load_ct(c, buf_as_str(&b), &read, NULL, &w), 0);
		else
			ck_assert(seal_load_ct(c, buf_as_str(&b), &read, NULL, &w) == E_RANGE && strstr(w.text, "coprime") && read.cap == 0);
		he_ct_fini(&read);
		buf_fini(&b);
	}
	he_ct_fini(&ct);
	he_ctx_free(c);
}
END_TEST

/* --- headers ------------------------------------------------------------------------------------------------------- */

/* Any object, by the reader that it is meant for; nothing of it is left after a failure. */
static int load(const struct he_ctx *c, const char *file, struct str in, struct he_why *w)
{
	bool is_galois = strncmp(file, ".galois", 7) == 0;
	struct he_params p;
	struct he_ksk ksk;
	struct he_pk pk;
	struct he_pt pt;
	int r;

	he_ct_init(&pk.ct, c);
	he_pt_init(&pt, c);
	he_ksk_init(&ksk, c, is_galois);
	if (strcmp(file, ".params") == 0)
		r = seal_load_params(in, &p, NULL, w);
	else if (strncmp(file, ".ct", 3) == 0)
		r = seal_load_ct(c, in, &pk.ct, NULL, w);
	else if (strncmp(file, ".pk", 3) == 0)
		r = seal_load_pk(c, in, &pk, NULL, w);
	else if (strcmp(file, ".pt") == 0)
		r = seal_load_pt(c, in, &pt, NULL, w);
	else
		r = seal_load_ksk(c, is_galois, in, &ksk, NULL, w);
	ck_assert(r == 0 || (pk.ct.cap == 0 && pt.cap == 0 && ksk.entry == NULL && ksk.n == 0));
	he_ct_fini(&pk.ct);
	he_pt_fini(&pt);
	he_ksk_fini(&ksk);
	return r;
}

static const struct field {
	size_t at;
	unsigned bytes;
	uint64_t v;
	int err;
	const char *word;
} fields[] = {
	{ 0, 1, 0x5f, E_SYNTAX, "no SEAL header" },
	{ 1, 1, 0xa0, E_SYNTAX, "no SEAL header" },
	{ 2, 1, 0x00, E_SYNTAX, "no SEAL header" },
	{ 2, 1, 0x18, E_SYNTAX, "no SEAL header" },
	{ 3, 2, 0x0005, E_NEWER, "SEAL 5.0" },
	{ 3, 2, 0x0504, E_NEWER, "SEAL 4.5" },
	{ 3, 2, 0x0503, E_UNSUPPORTED, "SEAL 3.5" },
	{ 3, 2, 0x0403, E_UNSUPPORTED, "SEAL 3.4" },
	{ 3, 2, 0x0803, E_UNSUPPORTED, "SEAL 3.8" },
	{ 3, 2, 0x0002, E_UNSUPPORTED, "SEAL 2.0" },
	{ 3, 2, 0x0603, E_SYNTAX, "nested header has version 3.6" }, /* the files are of 4.1 */
	{ 3, 2, 0x0304, E_SYNTAX, "nested header has version 4.3" },
	{ 5, 1, 1, E_UNSUPPORTED, "nested object is compressed" },
	{ 5, 1, 2, E_UNSUPPORTED, "nested object is compressed" },
	{ 5, 1, 3, E_UNSUPPORTED, "compression 3" },
	{ 6, 1, 1, E_SYNTAX, "reserved" },
	{ 7, 1, 0x80, E_SYNTAX, "reserved" },
	{ 8, 8, 0, E_LIMIT, NULL },
	{ 8, 8, 15, E_LIMIT, NULL },
	{ 8, 8, 16, E_LIMIT, NULL },
	{ 8, 8, 1ULL << 32, E_LIMIT, NULL },
	{ 8, 8, 1ULL << 63, E_LIMIT, NULL },
	{ 8, 8, ~0ULL, E_LIMIT, NULL },
};

static const char *const objects[] = { ".params", ".ct", ".ct.seeded", ".pt", ".pk.seeded", ".relin.seeded", ".galois4.seeded" };

static void headers_of(const char *scheme, const char *file, enum seal_compression kind)
{
	static const char head[] = { 0x5e, (char)0xa1, 0x10, 4, 1, 0 };
	struct he_ctx *c = context(scheme);
	struct he_why w = { "" };
	struct buf clean, b;
	unsigned found = 0;

	read_file(&clean, scheme, file);
	for (size_t at = HEADER; at + HEADER <= clean.n; at++) {
		if (memcmp(clean.p + at, head, sizeof(head)) != 0)
			continue;
		found++;
		for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
			const struct field *f = &fields[i];
			int r;

			buf_init(&b, 1 << 20);
			buf_put(&b, clean.p, clean.n);
			memcpy(b.p + at + f->at, &f->v, f->bytes);
			seal_up(&b, kind);
			r = load(c, file, buf_as_str(&b), &w);
			ck_assert_msg(r == f->err && (f->word == NULL || strstr(w.text, f->word)), "%s%s header at %zu, field %zu: %d %s", scheme,
			              file, at, i, r, w.text);
			buf_fini(&b);
		}
	}
	ck_assert_uint_ge(found, 1);
	buf_fini(&clean);
	he_ctx_free(c);
}

START_TEST(nested_headers)
{
	for (unsigned i = 0; i < ARRAY_LEN(schemes); i++)
		for (int kind = SEAL_NONE; kind <= SEAL_ZSTD; kind++)
			headers_of(schemes[i], objects[_i], (enum seal_compression)kind);
}
END_TEST

/* What the outermost header says is judged for every object; the versions that nobody nested has are fine there if known. */
START_TEST(outer_headers)
{
	for (unsigned i = 0; i < ARRAY_LEN(schemes); i++) {
		struct he_ctx *c = context(schemes[i]);
		struct he_why w = { "" };
		struct buf b;

		read_file(&b, schemes[i], objects[_i]);
		for (size_t k = 0; k < ARRAY_LEN(fields); k++) {
			const struct field *f = &fields[k];
			char was[8];
			int r;

			memcpy(was, b.p + f->at, f->bytes);
			memcpy(b.p + f->at, &f->v, f->bytes);
			r = load(c, objects[_i], buf_as_str(&b), &w);
			ck_assert_msg(r < 0, "%s%s field %zu", schemes[i], objects[_i], k);
			/* A stream that is none, and a version that differs from what is inside or has another layout. */
			if (f->at == 5 && f->v < 3)
				ck_assert_int_eq(r, E_CORRUPT);
			else if (f->word == NULL || strncmp(f->word, "nested", 6) != 0)
				ck_assert_msg(r == f->err && (f->word == NULL || strstr(w.text, f->word)), "field %zu: %d %s", k, r, w.text);
			memcpy(b.p + f->at, was, f->bytes);
		}
		ck_assert_int_eq(load(c, objects[_i], buf_as_str(&b), &w), 0);
		buf_fini(&b);
		he_ctx_free(c);
	}
}
END_TEST

/* --- keys, plaintexts, parameters ---------------------------------------------------------------------------------- */

static const struct other {
	const char *file;
	size_t at;
	uint64_t v;
	int err;
	const char *word;
} others[] = {
	/* Relinearization and Galois keys: id, dim1, dim2, then the first part. */
	{ ".relin.seeded", 16, 1, E_RANGE, "other parameters" },
	{ ".relin.seeded", 48, 0, E_RANGE, "0 entries" },
	{ ".relin.seeded", 48, 2, E_RANGE, "2 entries" },
	{ ".relin.seeded", 48, 1ULL << 61 | 1, E_RANGE, "entries" },
	{ ".relin.seeded", 48, ~0ULL, E_RANGE, "entries" },
	{ ".relin.seeded", 56, 0, E_LIMIT, "follow" },
	{ ".relin.seeded", 56, 2, E_RANGE, "2 keys" },
	{ ".relin.seeded", 56, 4, E_RANGE, "4 keys" },
	{ ".relin.seeded", 56, 1ULL << 32 | 3, E_RANGE, "keys" },
	{ ".relin.seeded", 64 + 49, 3, E_RANGE, "3 polynomials" },
	{ ".relin.seeded", 64 + 57, 128, E_RANGE, "degree" },
	{ ".relin.seeded", 64 + 65, 3, E_RANGE, "primes" },
	{ ".relin.seeded", 64 + 73, 0x4000000000000000, E_RANGE, "scale" },
	{ ".relin.seeded", 64 + 81, 2, E_RANGE, "correction" },
	{ ".relin.seeded", 64 + 105, 1ULL << 60, E_LIMIT, "words" },
	{ ".relin.seeded", 64 + 113, 1ULL << 45, E_RANGE, "not below" },
	{ ".galois4.seeded", 16, 1, E_RANGE, "other parameters" },
	{ ".galois4.seeded", 48, 1, E_RANGE, "1 entries" },
	{ ".galois4.seeded", 48, 63, E_RANGE, "63 entries" },
	{ ".galois4.seeded", 48, 65, E_RANGE, "65 entries" },
	{ ".galois4.seeded", 48, ~0ULL, E_RANGE, "entries" },
	{ ".galois4.seeded", 56, 1, E_RANGE, "1 keys" },
	{ ".galois4.seeded", 56, ~0ULL, E_RANGE, "keys" },
	{ ".pk.seeded", 49, 3, E_RANGE, "3 polynomials" },
	{ ".pk.seeded", 16, 1, E_RANGE, "other parameters" },
	{ ".pk.seeded", 73, 0, E_RANGE, "scale" },
	{ ".pk.seeded", 113, 1ULL << 63, E_RANGE, "not below" },
	/* Plaintexts: id, count, scale. */
	{ ".pt", 16, 1, E_RANGE, "other parameters" },
	{ ".pt", 48, 0, E_LIMIT, "coefficients" },
	{ ".pt", 48, 1ULL << 61, E_LIMIT, "coefficients" },
	{ ".pt", 56, 0x7ff8000000000000, E_RANGE, "scale" },
	{ ".pt", 56, 0, E_RANGE, "scale" },
	{ ".pt", 80, 1, E_LIMIT, "array" },
	{ ".pt", 88, ~0ULL, E_RANGE, "not below" },
	/* Parameters: scheme, degree, primes (the first byte of the degree is at 17). */
	{ ".params", 16, 0x4000, E_UNSUPPORTED, "scheme 0" },
	{ ".params", 16, 0x4004, E_UNSUPPORTED, "scheme 4" },
	{ ".params", 17, 0, E_RANGE, "degree" },
	{ ".params", 17, 65, E_RANGE, "degree" },
	{ ".params", 17, 1ULL << 16, E_RANGE, "degree" },
	{ ".params", 17, 1ULL << 63, E_RANGE, "degree" },
	{ ".params", 25, 0, E_LIMIT, "0 primes" },
	{ ".params", 25, 3, E_LIMIT, "follow" },
	{ ".params", 25, 5, E_LIMIT, "early" },
	{ ".params", 25, 25, E_LIMIT, "25 primes" },
	{ ".params", 25, 1ULL << 32 | 4, E_LIMIT, "primes" },
};

START_TEST(other_objects)
{
	const struct other *o = &others[_i];

	for (unsigned i = 0; i < ARRAY_LEN(schemes); i++)
		for (int kind = SEAL_NONE; kind <= SEAL_ZSTD; kind++) {
			struct he_ctx *c = context(schemes[i]);
			struct he_why w = { "" };
			struct buf b;
			int r;

			read_file(&b, schemes[i], o->file);
			memcpy(b.p + o->at, &o->v, 8);
			seal_up(&b, (enum seal_compression)kind);
			r = load(c, o->file, buf_as_str(&b), &w);
			ck_assert_msg(r == o->err && strstr(w.text, o->word), "%s%s @%zu: %d %s", schemes[i], o->file, o->at, r, w.text);
			buf_fini(&b);
			he_ctx_free(c);
		}
}
END_TEST

/* A bad last part: what stands before it is not kept, and no seed was expanded for it. */
START_TEST(last_part)
{
	static const char *const files[] = { ".relin.seeded", ".galois4.seeded" };

	for (unsigned i = 0; i < ARRAY_LEN(schemes); i++)
		for (int cut = 0; cut < 2; cut++) {
			struct he_ctx *c = context(schemes[i]);
			struct he_why w = { "" };
			struct buf b;
			int r;

			read_file(&b, schemes[i], files[_i]);
			/* The last bytes are the last part's seed, behind its generator. */
			if (cut)
				b.n -= 8;
			else
				b.p[b.n - 65] = 9;
			seal_up(&b, SEAL_NONE);
			r = load(c, files[_i], buf_as_str(&b), &w);
			ck_assert_msg(r == (cut ? E_LIMIT : E_RANGE), "%d %s", r, w.text);
			buf_fini(&b);
			he_ctx_free(c);
		}
}
END_TEST

/* --- bombs --------------------------------------------------------------------------------------------------------- */

enum { MANY = 64 << 20 };

/* A stream of `n` zeros behind an outer header. */
static void bomb(struct buf *b, enum seal_compression kind, size_t n)
{
	static const unsigned char head[] = { 0x5e, 0xa1, 0x10, 4, 4, 0, 0, 0 };
	char *zeros = calloc(1, n);

	ck_assert(zeros != NULL);
	buf_init(b, n + 100);
	buf_put(b, head, sizeof(head));
	buf_put(b, "\0\0\0\0\0\0\0", 8);
	buf_put(b, zeros, n);
	seal_up(b, kind);
	free(zeros);
}

/* Galois keys of a large set may have hundreds of megabytes; what is sent bounds what is inflated all the same. */
START_TEST(key_bombs)
{
	enum seal_compression kind = _i ? SEAL_ZSTD : SEAL_ZLIB;
	struct he_params p;
	struct he_why w = { "" };
	struct he_ksk ksk;
	struct he_ctx *c;
	struct buf b;

	ck_assert_int_eq(he_params_default(&p, HE_BFV, 13, 20, NULL), 0);
	ck_assert_int_eq(he_ctx_new(&p, NULL, &c, NULL), 0);
	he_ksk_init(&ksk, c, true);
	bomb(&b, kind, MANY);
	ck_assert_uint_lt(b.n, MANY / 500);
	ck_assert_int_eq(seal_load_ksk(c, true, buf_as_str(&b), &ksk, NULL, &w), E_LIMIT);
	ck_assert_msg(strstr(w.text, "inflates to more") != NULL, "%s", w.text);
	buf_fini(&b);
	he_ctx_free(c);
}
END_TEST

/* Frames that follow, skippable ones, dictionaries, wide windows, lies about the length. */
START_TEST(frames)
{
	static const unsigned char skippable[] = { 0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4 };
	/* Magic, descriptor (a dictionary's id of one byte), window, id, an empty last block. */
	static const unsigned char dictionary[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x58, 7, 1, 0, 0 };
	/* A window of 16 MiB, and of a terabyte. */
	static const unsigned char wide[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x70, 1, 0, 0 };
	static const unsigned char huge[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf0, 1, 0, 0 };
	/* One segment that claims 2^40 bytes. */
	static const unsigned char liar[] = { 0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0 };
	static const struct {
		const unsigned char *p;
		size_t n;
	} alone[] = {
		{ skippable, sizeof(skippable) }, { dictionary, sizeof(dictionary) }, { wide, sizeof(wide) },
		{ huge, sizeof(huge) },           { liar, sizeof(liar) },
	};
	struct he_ctx *c = context("bfv");
	struct he_why w = { "" };
	struct buf clean, b;

	read_file(&clean, "bfv", ".ct.zstd");
	for (size_t i = 0; i < 2 * ARRAY_LEN(alone) + 2; i++) {
		size_t at = i % ARRAY_LEN(alone);
		int r;

		buf_init(&b, 1 << 20);
		if (i < ARRAY_LEN(alone)) {
			/* In place of the stream. */
			buf_put(&b, clean.p, HEADER);
			buf_put(&b, alone[at].p, alone[at].n);
		} else if (i < 2 * ARRAY_LEN(alone)) {
			/* After it. */
			buf_put(&b, clean.p, clean.n);
			buf_put(&b, alone[at].p, alone[at].n);
		} else {
			/* Before it; the same frame twice. */
			buf_put(&b, clean.p, HEADER);
			buf_put(&b, i % 2 ? (const char *)skippable : clean.p + HEADER, i % 2 ? sizeof(skippable) : clean.n - HEADER);
			buf_put(&b, clean.p + HEADER, clean.n - HEADER);
		}
		seal_up(&b, SEAL_NONE);
		r = load(c, ".ct", buf_as_str(&b), &w);
		ck_assert_msg(r == E_CORRUPT || r == E_LIMIT, "%zu: %d %s", i, r, w.text);
		ck_assert_int_eq((int)seal_sniff(c, buf_as_str(&b)) == SEAL_SECRET_KEY, 0);
		buf_fini(&b);
	}
	buf_fini(&clean);
	/* zlib: bytes after the stream, and a preset dictionary. */
	read_file(&clean, "bfv", ".ct.zlib");
	buf_putc(&clean, 0);
	seal_up(&clean, SEAL_NONE);
	ck_assert_int_eq(load(c, ".ct", buf_as_str(&clean), &w), E_CORRUPT);
	clean.n = HEADER;
	buf_put(&clean, "\x78\xbb\0\0\0\1\3\0\0\0\0\1", 12);
	seal_up(&clean, SEAL_NONE);
	ck_assert_int_eq(load(c, ".ct", buf_as_str(&clean), &w), E_CORRUPT);
	buf_fini(&clean);
	he_ctx_free(c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("he/tamper");
	TCase *t = tcase_create("tamper");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, ciphertexts, 0, ARRAY_LEN(tampers));
	tcase_add_loop_test(t, transparent, 0, ARRAY_LEN(schemes));
	tcase_add_test(t, factors_without_inverse);
	tcase_add_loop_test(t, nested_headers, 0, ARRAY_LEN(objects));
	tcase_add_loop_test(t, outer_headers, 0, ARRAY_LEN(objects));
	tcase_add_loop_test(t, other_objects, 0, ARRAY_LEN(others));
	tcase_add_loop_test(t, last_part, 0, 2);
	tcase_add_loop_test(t, key_bombs, 0, 2);
	tcase_add_test(t, frames);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
