/* SPDX-License-Identifier: Apache-2.0 */
/* No memory is given back with a secret in it: keys, messages and primes are looked for in all that this program frees or moves. */
#include <check.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "he/he_priv.h"
#include "he/paillier_priv.h"
#include "he/paillier_secret.h"
#include "he/seal_io.h"
#include "he/secret.h"
#include "tests/unit/freed.h"
#include "tests/unit/he/vectors.h"

/* Sixteen bytes are never there by chance. */
enum { MARKS = 32, MARK = 16 };
static unsigned char marks[MARKS][MARK];
static unsigned marked, looked, found;

void __real_free(void *p);
void *__real_realloc(void *p, size_t n);
void __wrap_free(void *p);
void *__wrap_realloc(void *p, size_t n);

static void look(const void *p)
{
	size_t n = p ? malloc_usable_size((void *)(uintptr_t)p) : 0;
	bool has = false;

	FREED_READ(p, n);
	looked += marked && n >= MARK;
	for (unsigned i = 0; i < marked && n >= MARK; i++)
		has |= memmem(p, n, marks[i], MARK) != NULL;
	found += has;
}

void __wrap_free(void *p)
{
	look(p);
	__real_free(p);
}

void *__wrap_realloc(void *p, size_t n)
{
	look(p);
	return __real_realloc(p, n);
}

static void mark(const void *p)
{
	static const unsigned char zeros[MARK];

	ck_assert(memcmp(p, zeros, MARK) != 0 && marked < MARKS);
	memcpy(marks[marked++], p, MARK);
}

/* Whoever plants a secret is seen: else this proves nothing. */
static void begin(void)
{
	char *p = malloc(1000);

	marked = looked = found = 0;
	ck_assert(p != NULL);
	memset(p, 'a', 1000);
	mark(p);
	free(p);
	ck_assert_uint_eq(found, 1);
	marked = looked = found = 0;
}

static void end(unsigned least)
{
	ck_assert_uint_ge(looked, least);
	ck_assert_msg(found == 0, "%u of %u blocks held a secret when they were given back", found, looked);
	marked = 0;
}

/* The readers of a secret key: as it is, compressed, cut, with a word that is none, and those that must not read it. */
static void read_secret(const struct he_ctx *c, struct he_sk *sk, enum seal_compression kind)
{
	struct seal_style s = { 4, 4, kind };
	struct he_why w;
	struct he_ct ct;
	struct he_pt pt;
	struct he_sk again;
	struct buf b;

	buf_init_secret(&b, 1 << 24);
	ck_assert_int_eq(seal_save_sk(sk, &s, &b), 0);
	he_sk_init(&again, c);
	he_ct_init(&ct, c);
	he_pt_init(&pt, c);
	ck_assert_int_eq(seal_load_sk(c, buf_as_str(&b), &again, NULL, &w), 0);
	ck_assert_int_eq(seal_load_sk(c, buf_as_str(&b), &again, NULL, &w), 0);
	ck_assert_int_eq(seal_load_ct(c, buf_as_str(&b), &ct, NULL, &w), E_DENIED);
	ck_assert_int_eq(seal_load_pt(c, buf_as_str(&b), &pt, NULL, &w), E_DENIED);
	ck_assert_int_eq((int)seal_sniff(c, buf_as_str(&b)), SEAL_SECRET_KEY);
	ck_assert_int_lt(seal_load_sk(c, str_make(b.p, b.n - 1), &again, NULL, &w), 0);
	b.p[b.n - 1] ^= 0x7f;
	ck_assert_int_lt(seal_load_sk(c, buf_as_str(&b), &again, NULL, &w), 0);
	/* A writer that has no room. */
	buf_fini_secret(&b);
	buf_init_secret(&b, 1500);
	ck_assert_int_lt(seal_save_sk(sk, &s, &b), 0);
	buf_fini_secret(&b);
	he_sk_fini(&again);
	he_ct_fini(&ct);
	he_pt_fini(&pt);
}

static void encode(struct he_pt *pt, size_t n)
{
	const struct he_ctx *c = pt->ctx;
	uint64_t slots[64];
	double v[64];

	for (size_t i = 0; i < n; i++) {
		slots[i] = (i * 7919 + 1) % 257;
		v[i] = (double)slots[i];
	}
	if (he_ctx_params(c)->scheme == HE_CKKS)
		ck_assert_int_eq(he_encode_ckks(pt, v, n / 2, false, 0x1p30, 2, NULL), 0);
	else
		ck_assert_int_eq(he_encode_batch(pt, slots, n, NULL), 0);
	mark(pt->w);
	mark(pt->w + 20);
}

static void decode(const struct he_pt *pt)
{
	uint64_t slots[64];
	double v[32];

	if (he_ctx_params(pt->ctx)->scheme == HE_CKKS)
		ck_assert_int_eq(he_decode_ckks(v, 32, false, pt, NULL), 0);
	else
		ck_assert_int_eq(he_decode_batch(slots, 64, pt, NULL), 0);
}

START_TEST(lattices)
{
	static const char *const schemes[] = { "bfv", "bgv", "ckks" };
	struct he_ctx *c = context(schemes[_i]);
	struct rnd *rnd = rnd_new_seeded(77);
	const uint32_t element[] = { 3, 127 };
	struct he_ksk relin, galois;
	struct he_ct ct, wrong;
	struct he_pt pt, read;
	struct he_pk pk;
	struct he_sk sk;
	struct he_why w;
	unsigned bits;

	begin();
	he_sk_init(&sk, c);
	he_ct_init(&ct, c);
	he_ct_init(&wrong, c);
	he_ct_init(&pk.ct, c);
	he_pt_init(&pt, c);
	he_pt_init(&read, c);
	he_ksk_init(&relin, c, false);
	he_ksk_init(&galois, c, true);
	ck_assert_int_eq(he_keygen_secret(&sk, rnd, &w), 0);
	for (unsigned j = 0; j < 4; j++)
		mark(sk.w + j * 64);
	ck_assert_int_eq(he_keygen_public(&pk, &sk, rnd, NULL, &w), 0);
	ck_assert_int_eq(he_keygen_relin(&relin, &sk, rnd, NULL, &w), 0);
	ck_assert_int_eq(he_keygen_galois(&galois, &sk, element, 2, rnd, NULL, &w), 0);
	encode(&pt, 64);
	ck_assert_int_eq(he_encrypt_symmetric(&ct, &pt, &sk, rnd, NULL, &w), 0);
	ck_assert_int_eq(he_encrypt(&ct, &pt, &pk, rnd, &w), 0);
	/* A decryption that grows, one that is refused, one into a plaintext that held another. */
	ck_assert_int_eq(he_decrypt(&read, &ct, &sk, &w), 0);
	mark(read.w);
	ck_assert_int_lt(he_decrypt(&read, &wrong, &sk, &w), 0);
	ck_assert_int_eq(he_decrypt(&read, &ct, &sk, &w), 0);
	decode(&read);
	if (_i != 2) {
		ck_assert_int_eq(he_noise_budget(&bits, &ct, &sk, &w), 0);
		ck_assert_int_eq(he_pt_to_ntt(&pt, &pt, 2, &w), 0);
		mark(pt.w);
	}
	he_pt_fini(&read);
	he_pt_init(&read, c);
	ck_assert_int_eq(he_pt_reserve(&read, 8), 0);
	memcpy(read.w, sk.w, 8 * sizeof(*read.w));
	ck_assert_int_eq(he_decrypt(&read, &ct, &sk, &w), 0);
	for (int kind = SEAL_NONE; kind <= SEAL_ZSTD; kind++)
		read_secret(c, &sk, (enum seal_compression)kind);
	/* Another key takes the place of this one. */
	ck_assert_int_eq(he_keygen_secret(&sk, rnd, &w), 0);
	he_pt_fini(&pt);
	he_pt_fini(&read);
	he_ksk_fini(&relin);
	he_ksk_fini(&galois);
	he_ct_fini(&ct);
	he_ct_fini(&pk.ct);
	he_sk_fini(&sk);
	end(60);
	rnd_free(rnd);
	he_ctx_free(c);
}
END_TEST

/* A key that is longer than one piece of what is inflated: the buffer grows while there is some of it in it. */
START_TEST(long_keys)
{
	struct rnd *rnd = rnd_new_seeded(76);
	struct he_params p;
	struct he_ctx *c;
	struct he_sk sk;

	ck_assert_int_eq(he_params_default(&p, HE_BFV, 13, 20, NULL), 0);
	ck_assert_int_eq(he_ctx_new(&p, NULL, &c, NULL), 0);
	begin();
	he_sk_init(&sk, c);
	ck_assert_int_eq(he_keygen_secret(&sk, rnd, NULL), 0);
	for (unsigned j = 0; j < 2 * 5; j++)
		mark(sk.w + j * c->n / 2);
	for (int kind = SEAL_NONE; kind <= SEAL_ZSTD; kind++)
		read_secret(c, &sk, (enum seal_compression)kind);
	he_sk_fini(&sk);
	end(20);
	rnd_free(rnd);
	he_ctx_free(c);
}
END_TEST

START_TEST(paillier)
{
	struct rnd *rnd = rnd_new_seeded(78);
	unsigned char ct[PAILLIER_MAX_CT];
	struct paillier_blind *blind = NULL;
	struct paillier_sk *sk = NULL, *again = NULL;
	struct paillier_pk *pk = NULL;
	const uint32_t lane[] = { 1, 2, 3 };
	struct he_why w;
	uint64_t out[3];
	struct buf b;

	begin();
	ck_assert_int_eq(paillier_keygen(2048, rnd, &sk, &w), 0);
	buf_init_secret(&b, 4096);
	ck_assert_int_eq(paillier_sk_save(sk, &b), 0);
	/* Both primes as bytes, in words of 52 bits, what is computed of them. */
	mark(b.p + 10);
	mark(b.p + 10 + 128);
	for (int i = 0; i < 2; i++) {
		const struct paillier_side *side = i ? &sk->q : &sk->p;

		mark(side->p);
		mark(side->inverse);
		mark(side->factor);
		mark(side->square.n);
		mark(side->mod.rr);
	}
	mark(sk->p_inv);
	ck_assert_int_eq(paillier_pk_of(sk, &pk, &w), 0);
	ck_assert_int_eq(paillier_blind_new(pk, rnd, &blind, &w), 0);
	mark(blind->v);
	ck_assert_int_eq(paillier_encrypt(pk, lane, 3, blind, ct, &w), 0);
	paillier_blind_free(blind);
	ck_assert_int_eq(paillier_decrypt(sk, str_make((char *)ct, 512), out, 3, &w), 0);
	ck_assert_int_eq(paillier_sk_load(buf_as_str(&b), &again, &w), 0);
	paillier_sk_free(again);
	/* A damaged one, after half of it was taken. */
	b.p[200] ^= 4;
	ck_assert_int_eq(paillier_sk_load(buf_as_str(&b), &again, &w), E_RANGE);
	buf_fini_secret(&b);
	paillier_sk_free(sk);
	paillier_pk_free(pk);
	end(40);
	rnd_free(rnd);
}
END_TEST

/* Each key and each encryption has its own seed and its own error. */
START_TEST(seeds_are_new)
{
	struct he_ctx *c = context("bfv");
	struct rnd *rnd = rnd_new_seeded(79);
	struct he_seed seeds[10];
	struct he_ksk relin, galois;
	uint32_t element = 3;
	struct he_ct ct[2];
	struct he_why w;
	struct he_pt pt;
	struct he_pk pk;
	struct he_sk sk;

	he_sk_init(&sk, c);
	he_ct_init(&pk.ct, c);
	he_ct_init(&ct[0], c);
	he_ct_init(&ct[1], c);
	he_pt_init(&pt, c);
	he_ksk_init(&relin, c, false);
	he_ksk_init(&galois, c, true);
	ck_assert_int_eq(he_keygen_secret(&sk, rnd, &w), 0);
	ck_assert_int_eq(he_keygen_public(&pk, &sk, rnd, &seeds[0], &w), 0);
	ck_assert_int_eq(he_keygen_relin(&relin, &sk, rnd, &seeds[1], &w), 0);
	ck_assert_int_eq(he_keygen_galois(&galois, &sk, &element, 1, rnd, &seeds[4], &w), 0);
	encode(&pt, 64);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(he_encrypt_symmetric(&ct[i], &pt, &sk, rnd, &seeds[7 + i], &w), 0);
	ck_assert_int_eq(he_encrypt_symmetric(&ct[1], &pt, &sk, rnd, &seeds[9], &w), 0);
	for (int i = 0; i < 10; i++)
		for (int j = 0; j < i; j++)
			ck_assert(seeds[i].used && memcmp(seeds[i].bytes, seeds[j].bytes, HE_SEED_BYTES) != 0);
	/* The same message, what is left of both when the masks are gone is not: c0 + c1 s. */
	for (int i = 0; i < 2; i++) {
		he_ntt_forward_mul(&c->ntt[0], ct[i].w + 3 * 64, sk.w);
		he_ntt_inverse(&c->ntt[0], ct[i].w + 3 * 64);
		c->kern->add(ct[i].w, ct[i].w, ct[i].w + 3 * 64, 64, c->mods[0]);
	}
	ck_assert(memcmp(ct[0].w, ct[1].w, 64 * 8) != 0);
	he_pt_fini(&pt);
	he_ksk_fini(&relin);
	he_ksk_fini(&galois);
	he_ct_fini(&ct[0]);
	he_ct_fini(&ct[1]);
	he_ct_fini(&pk.ct);
	he_sk_fini(&sk);
	rnd_free(rnd);
	he_ctx_free(c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("he/wiped");
	TCase *t = tcase_create("wiped");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, lattices, 0, 3);
	tcase_add_test(t, long_keys);
	tcase_add_test(t, paillier);
	tcase_add_test(t, seeds_are_new);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
