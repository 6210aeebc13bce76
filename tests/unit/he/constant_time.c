/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Under valgrind: all coins, keys and messages are marked as undefined memory, so that every branch and every index that depends on
 * one is reported.  Key generation, both encryptions and decryption in each scheme.  With the argument "leak" it
 * branches on a secret, to show that this would be seen.  Run by make check-constant-time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/memcheck.h>

#include "cse/base/check.h"
#include "cse/base/rand.h"
#include "he/paillier_priv.h"
#include "he/paillier_secret.h"
#include "he/secret.h"

void __real_rnd_bytes(struct rnd *r, void *p, size_t n);
void __wrap_rnd_bytes(struct rnd *r, void *p, size_t n);

/* Everything random is secret but seeds, which are 64 bytes. */
void __wrap_rnd_bytes(struct rnd *r, void *p, size_t n)
{
	__real_rnd_bytes(r, p, n);
	if (n != HE_SEED_BYTES)
		VALGRIND_MAKE_MEM_UNDEFINED(p, n);
}

/* Is what valgrind must follow really followed, through the cipher and all kernels? */
static bool is_followed(const void *p, size_t n)
{
	unsigned char bits[64] = { 0 };

	REQUIRE(n >= sizeof(bits));
	return !RUNNING_ON_VALGRIND || (VALGRIND_GET_VBITS(p, bits, sizeof(bits)) == 1 && (bits[0] | bits[8] | bits[63]) != 0);
}

static void publish_ct(const struct he_ct *ct, size_t n)
{
	VALGRIND_MAKE_MEM_DEFINED(ct->w, ct->size * ct->primes * n * sizeof(uint64_t));
}

static void publish_ksk(const struct he_ksk *k, size_t n, unsigned data)
{
	for (size_t i = 0; i < k->n; i++)
		for (unsigned j = 0; j < data; j++)
			publish_ct(&k->entry[i].part[j], n);
}

/* A message of t's range (or of CKKS residues), secret. */
static void message(struct he_pt *pt, const struct he_ctx *c, size_t n, unsigned primes)
{
	const struct he_params *p = he_ctx_params(c);
	double v[16] = { 1, -2, 3.5 };
	uint64_t slots[16] = { 1, 2, 3, 4 };

	he_pt_init(pt, c);
	if (p->scheme == HE_CKKS)
		REQUIRE(he_encode_ckks(pt, v, 16, false, 0x1p30, primes, NULL) == 0);
	else
		REQUIRE(he_encode_batch(pt, slots, 16, NULL) == 0);
	VALGRIND_MAKE_MEM_UNDEFINED(pt->w, pt->count * sizeof(*pt->w));
	REQUIRE(pt->count >= n);
}

static void run(enum he_scheme scheme, const struct he_kernels *kern)
{
	static const unsigned bits[] = { 40, 41, 42 };
	struct he_ctx_opts o = { .allow_weak = true, .kern = kern };
	struct he_params p = { .scheme = scheme };
	struct rnd *rnd = rnd_new();
	uint32_t element[] = { 3, 2047 };
	struct he_ksk relin, galois;
	struct he_pt pt, read;
	struct he_ctx *c;
	struct he_ct ct;
	struct he_pk pk;
	struct he_sk sk;
	unsigned budget;

	REQUIRE(he_params_create(&p, 10, bits, 3, NULL) == 0);
	p.t = scheme == HE_CKKS ? 0 : he_params_batching(10, 20);
	REQUIRE(he_ctx_new(&p, &o, &c, NULL) == 0);
	he_sk_init(&sk, c);
	he_ct_init(&ct, c);
	he_ct_init(&pk.ct, c);
	he_pt_init(&read, c);
	he_ksk_init(&relin, c, false);
	he_ksk_init(&galois, c, true);
	REQUIRE(he_keygen_secret(&sk, rnd, NULL) == 0);
	REQUIRE(is_followed(sk.w, 1024));
	REQUIRE(he_keygen_public(&pk, &sk, rnd, NULL, NULL) == 0);
	REQUIRE(is_followed(pk.ct.w, 1024));
	publish_ct(&pk.ct, 1024);
	REQUIRE(he_keygen_relin(&relin, &sk, rnd, NULL, NULL) == 0);
	REQUIRE(he_keygen_galois(&galois, &sk, element, 2, rnd, NULL, NULL) == 0);
	publish_ksk(&relin, 1024, 2);
	publish_ksk(&galois, 1024, 2);
	message(&pt, c, 1024, 2);
	REQUIRE(he_encrypt_symmetric(&ct, &pt, &sk, rnd, NULL, NULL) == 0);
	publish_ct(&ct, 1024);
	REQUIRE(he_encrypt(&ct, &pt, &pk, rnd, NULL) == 0);
	publish_ct(&ct, 1024);
	REQUIRE(he_decrypt(&read, &ct, &sk, NULL) == 0);
	if (scheme != HE_CKKS) {
		REQUIRE(he_noise_budget(&budget, &ct, &sk, NULL) == 0);
		/* Its owner asked for it. */
		VALGRIND_MAKE_MEM_DEFINED(&budget, sizeof(budget));
		REQUIRE(budget > 10 && budget < 81);
	}
	REQUIRE(is_followed(read.w, 1024));
	VALGRIND_MAKE_MEM_DEFINED(&read.count, sizeof(read.count));
	VALGRIND_MAKE_MEM_DEFINED(pt.w, pt.count * sizeof(*pt.w));
	VALGRIND_MAKE_MEM_DEFINED(read.w, pt.count * sizeof(*pt.w));
	REQUIRE(scheme == HE_CKKS || (read.count == pt.count && memcmp(read.w, pt.w, pt.count * sizeof(*pt.w)) == 0));
	he_ksk_fini(&relin);
	he_ksk_fini(&galois);
	he_ct_fini(&ct);
	he_ct_fini(&pk.ct);
	he_pt_fini(&pt);
	he_pt_fini(&read);
	he_sk_fini(&sk);
	rnd_free(rnd);
	he_ctx_free(c);
}

static void hide(const struct paillier_side *s)
{
	VALGRIND_MAKE_MEM_UNDEFINED(s->p, 4 * s->words * sizeof(uint64_t));
	VALGRIND_MAKE_MEM_UNDEFINED(s->square.n, 4 * s->square.words * sizeof(uint64_t));
	VALGRIND_MAKE_MEM_UNDEFINED(&s->square.n0, sizeof(uint64_t));
	VALGRIND_MAKE_MEM_UNDEFINED(s->mod.n, 4 * s->mod.words * sizeof(uint64_t));
	VALGRIND_MAKE_MEM_UNDEFINED(&s->mod.n0, sizeof(uint64_t));
}

/* Randomness of both kinds, encryption with it, and decryption.  Finding primes is left to OpenSSL's numbers, which are not watched. */
static void run_paillier(void)
{
	struct rnd *rnd = rnd_new();
	unsigned char ct[PAILLIER_MAX_CT];
	struct paillier_sk *sk = NULL;
	struct paillier_pk *pk = NULL;
	struct paillier_blind *blind = NULL;
	struct paillier_base *base = NULL;
	uint32_t lane[31];
	uint64_t out[31];

	VALGRIND_DISABLE_ERROR_REPORTING;
	REQUIRE(paillier_keygen(2048, rnd, &sk, NULL) == 0 && paillier_pk_of(sk, &pk, NULL) == 0);
	/* Sizes and the modulus are public. */
	VALGRIND_MAKE_MEM_DEFINED(sk, sizeof(*sk));
	VALGRIND_MAKE_MEM_DEFINED(sk->pk, sizeof(*sk->pk));
	VALGRIND_MAKE_MEM_DEFINED(pk, sizeof(*pk));
	VALGRIND_MAKE_MEM_DEFINED(sk->pk->n2.n, 4 * sk->pk->n2.words * sizeof(uint64_t));
	VALGRIND_MAKE_MEM_DEFINED(pk->n2.n, 4 * pk->n2.words * sizeof(uint64_t));
	VALGRIND_MAKE_MEM_DEFINED(pk->n, pk->half * sizeof(uint64_t));
	VALGRIND_MAKE_MEM_DEFINED(sk->pk->n, sk->pk->half * sizeof(uint64_t));
	REQUIRE(paillier_base_new(pk, rnd, &base, NULL) == 0);
	VALGRIND_ENABLE_ERROR_REPORTING;
	REQUIRE(paillier_blind_new(pk, rnd, &blind, NULL) == 0);
	REQUIRE(is_followed(blind->v, 80));
	paillier_blind_free(blind);
	REQUIRE(paillier_blind_fixed(base, rnd, &blind, NULL) == 0);
	for (unsigned i = 0; i < 31; i++)
		lane[i] = i;
	VALGRIND_MAKE_MEM_UNDEFINED(lane, sizeof(lane));
	REQUIRE(paillier_encrypt(pk, lane, 31, blind, ct, NULL) == 0);
	REQUIRE(is_followed(ct, sizeof(ct)));
	VALGRIND_MAKE_MEM_DEFINED(ct, sizeof(ct));
	hide(&sk->p);
	hide(&sk->q);
	VALGRIND_MAKE_MEM_UNDEFINED(sk->p_inv, sk->q.mod.words * sizeof(uint64_t));
	REQUIRE(paillier_decrypt(sk, str_make((char *)ct, 512), out, 31, NULL) == 0);
	REQUIRE(is_followed(out, sizeof(out)));
	VALGRIND_MAKE_MEM_DEFINED(out, sizeof(out));
	for (unsigned i = 0; i < 31; i++)
		REQUIRE(out[i] == i);
	VALGRIND_DISABLE_ERROR_REPORTING;
	paillier_blind_free(blind);
	paillier_base_free(base);
	paillier_pk_free(pk);
	paillier_sk_free(sk);
	VALGRIND_ENABLE_ERROR_REPORTING;
	rnd_free(rnd);
	puts("scheme Paillier");
}

static int leak(void)
{
	struct rnd *rnd = rnd_new();
	unsigned char secret;

	rnd_bytes(rnd, &secret, 1);
	rnd_free(rnd);
	return secret & 1 ? puts("one") : puts("none");
}

int main(int argc, char **argv)
{
	static const enum he_scheme schemes[] = { HE_BFV, HE_BGV, HE_CKKS };

	if (argc > 1 && strcmp(argv[1], "leak") == 0)
		return leak() < 0;
	for (enum he_isa isa = HE_SCALAR; isa <= HE_IFMA; isa++)
		for (size_t i = 0; he_kernels_of(isa) && i < ARRAY_LEN(schemes); i++) {
			run(schemes[i], he_kernels_of(isa));
			printf("scheme %d, kernels %d\n", (int)schemes[i], (int)isa);
		}
	run_paillier();
	return 0;
}
