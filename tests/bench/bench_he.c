/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU microseconds of the encrypted computing library beside those of Microsoft SEAL 4.4.3, and the bars: one JSON object per line.
 * bench_he [--kernels scalar|avx2|avx512|ifma] [--degree N] [--seal FILE] [NAME...]: FILE holds what bench_seal wrote just now, the least of
 * what it says of a name counts; without it the figures are those of the same processor model.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cse/base/check.h"
#include "cse/base/rand.h"
#include "he/paillier_secret.h"
#include "he/seal_io.h"
#include "he/secret.h"

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The least of up to 400 repetitions, in at most a tenth of a second but five of them. */
#define LEAST(best, call) \
	do { \
		double all_ = 0; \
		best = 1e12; \
		for (int rep_ = 0; rep_ < 400 && (rep_ < 5 || all_ < 1e5); rep_++) { \
			double from_ = cpu_us(); \
			call; \
			from_ = cpu_us() - from_; \
			all_ += from_; \
			best = from_ < best ? from_ : best; \
		} \
	} while (0)

enum bar { NONE, TRANSFORM, EVALUATE, OWNER, ABSOLUTE };
/* By kernels: scalar, AVX2, AVX-512, IFMA; 0: no bar. */
static const double bars[][4] = {
	[NONE] = { 0, 0, 0, 0 },
	[TRANSFORM] = { 1.0, 0.6, 0, 0.25 },
	[EVALUATE] = { 0, 0.75, 0.45, 0.45 },
	[OWNER] = { 0.8, 0.8, 0.8, 0.8 },
	[ABSOLUTE] = { 0, 0, 0, 0 },
};
/*
 * CPU us of SEAL 4.4.3 (the better of gcc and clang) for n = 4096, 8192, 16384, default primes, t of 20 bits.  `add` at 4096 was measured
 * again, beside ours.
 */
struct theirs {
	const char *name;
	double us[3];
	enum bar bar;
};
static const struct theirs seal[] = {
	{ "ntt.forward", { 19, 65, 150 }, TRANSFORM },
	{ "ntt.inverse", { 14, 42, 97 }, TRANSFORM },
	{ "bfv.add", { 8.4, 21, 106 }, EVALUATE },
	{ "bfv.multiply", { 1977, 7940, 33332 }, EVALUATE },
	{ "bfv.square", { 1432, 5912, 25290 }, EVALUATE },
	{ "bfv.relinearize", { 370, 1999, 13246 }, EVALUATE },
	{ "bfv.rotate", { 380, 2025, 13398 }, EVALUATE },
	{ "bfv.multiply_plain", { 250, 1303, 5553 }, EVALUATE },
	{ "bfv.add_plain", { 14, 79, 276 }, NONE },
	{ "bfv.mod_switch", { 12, 101, 602 }, NONE },
	{ "bfv.encrypt", { 628, 1958, 6740 }, OWNER },
	{ "bfv.encrypt_seeded", { 382, 1400, 5356 }, OWNER },
	{ "bfv.decrypt", { 157, 630, 2555 }, OWNER },
	{ "bfv.load_seeded_add", { 120.8, 511, 2066 }, OWNER },
	{ "bfv.keygen_relin", { 868, 5260, 38391 }, NONE },
	{ "ckks.add", { 8.4, 20, 108 }, EVALUATE },
	{ "ckks.multiply", { 29, 201, 947 }, EVALUATE },
	{ "ckks.square", { 25, 151, 714 }, EVALUATE },
	{ "ckks.relinearize", { 349, 1829, 13568 }, EVALUATE },
	{ "ckks.rotate", { 373, 1957, 13664 }, EVALUATE },
	{ "ckks.multiply_plain", { 14, 92, 442 }, EVALUATE },
	{ "ckks.mod_switch", { 92, 444, 2018 }, NONE },
	{ "ckks.encrypt", { 788, 2518, 8931 }, OWNER },
	{ "ckks.encrypt_seeded", { 311, 1089, 4140 }, OWNER },
	{ "ckks.decrypt", { 9.2, 64, 329 }, OWNER },
	{ "ckks.load_seeded_add", { 115.9, 464, 2053 }, OWNER },
	{ "ckks.encode", { 53, 431, 1729 }, NONE },
	{ "ckks.decode", { 151, 786, 3900 }, NONE },
	{ "bgv.multiply", { 60, 237, 968 }, NONE },
	{ "bgv.relinearize", { 535, 2612, 15215 }, NONE },
	{ "bgv.rotate", { 539, 2500, 15645 }, NONE },
	{ "bgv.multiply_plain", { 134, 491, 1987 }, NONE },
	{ "bgv.encrypt", { 1017, 3164, 12026 }, OWNER },
	{ "bgv.decrypt", { 110, 417, 1708 }, OWNER },
};

static const char *const kernel_names[] = { "scalar", "avx2", "avx512", "ifma" };

struct bench {
	const struct he_kernels *kern;
	bool is_best, is_same_run;
	double us[ARRAY_LEN(seal)][3]; /* SEAL's */
	char *const *only;
	int n_only, missed;
};

static bool is_wanted(const struct bench *b, const char *name)
{
	for (int i = 0; i < b->n_only; i++)
		if (strncmp(name, b->only[i], strlen(b->only[i])) == 0)
			return true;
	return b->n_only == 0;
}

static void say(struct bench *b, const char *name, unsigned log_n, double us)
{
	for (size_t i = 0; i < ARRAY_LEN(seal); i++) {
		double bar = bars[seal[i].bar][b->kern->isa], with = b->us[i][log_n - 12];

		if (strcmp(seal[i].name, name) != 0)
			continue;
		printf("{\"name\": \"%s.n%u%s%s\", \"us\": %.1f, \"seal_us\": %.1f, \"same_run\": %s, \"ratio\": %.3f", name,
		       1u << log_n, b->is_best ? "" : ".", b->is_best ? "" : kernel_names[b->kern->isa], us, with,
		       b->is_same_run ? "true" : "false", us / with);
		if (bar > 0) {
			printf(", \"bar\": %.2f, \"held\": %s", bar, us <= bar * with ? "true" : "false");
			b->missed += us > bar * with;
		}
		puts("}");
		fflush(stdout);
	}
}

/* Figures that have a bar of their own. */
static void say_absolute(struct bench *b, const char *name, double us, double bar)
{
	printf("{\"name\": \"%s\", \"us\": %.2f, \"bar_us\": %.1f, \"held\": %s}\n", name, us, bar, us <= bar ? "true" : "false");
	b->missed += us > bar;
	fflush(stdout);
}

static void transforms(struct bench *b, unsigned log_n)
{
	size_t n = (size_t)1 << log_n;
	uint64_t *a = aligned_alloc(64, n * 8);
	struct he_params p;
	struct he_ntt t;
	double us;

	REQUIRE(he_params_default(&p, HE_CKKS, log_n, 0, NULL) == 0 && he_ntt_init(&t, log_n, p.q[0], b->kern) == 0);
	for (size_t i = 0; i < n; i++)
		a[i] = i * 0x9e3779b97f4a7c15 % p.q[0];
	LEAST(us, he_ntt_forward(&t, a));
	say(b, "ntt.forward", log_n, us);
	LEAST(us, he_ntt_inverse(&t, a));
	say(b, "ntt.inverse", log_n, us);
	he_ntt_fini(&t);
	free(a);
}

/* One parameter set with keys, two ciphertexts and a product. */
struct world {
	struct bench *b;
	const char *scheme;
	unsigned log_n;
	struct he_ctx *c;
	struct rnd *rnd;
	struct he_sk sk;
	struct he_pk pk;
	struct he_ksk relin, galois;
	struct he_pt pt, out;
	struct he_ct x, y, product, r;
	struct buf file;
};

static void world_init(struct world *w, struct bench *b, enum he_scheme s, unsigned log_n)
{
	static const char *const names[] = { "", "bfv", "ckks", "bgv" };
	struct he_ctx_opts o = { .kern = b->kern };
	uint64_t slots[1 << 14];
	double reals[1 << 13];
	struct he_params p;

	*w = (struct world){ .b = b, .scheme = names[s], .log_n = log_n, .rnd = rnd_new() };
	REQUIRE(he_params_default(&p, s, log_n, 20, NULL) == 0 && he_ctx_new(&p, &o, &w->c, NULL) == 0);
	he_sk_init(&w->sk, w->c);
	he_ct_init(&w->pk.ct, w->c);
	he_ksk_init(&w->relin, w->c, false);
	he_ksk_init(&w->galois, w->c, true);
	he_pt_init(&w->pt, w->c);
	he_pt_init(&w->out, w->c);
	he_ct_init(&w->x, w->c);
	he_ct_init(&w->y, w->c);
	he_ct_init(&w->product, w->c);
	he_ct_init(&w->r, w->c);
	buf_init(&w->file, 1 << 26);
	for (size_t i = 0; i < (size_t)1 << log_n; i++)
		slots[i] = i * 7 % 1000;
	for (size_t i = 0; i < (size_t)1 << (log_n - 1); i++)
		reals[i] = (double)i / 100;
	REQUIRE((s == HE_CKKS ? he_encode_ckks(&w->pt, reals, (size_t)1 << (log_n - 1), false, 0x1p30, he_ctx_data_primes(w->c), NULL)
	                      : he_encode_batch(&w->pt, slots, (size_t)1 << log_n, NULL)) == 0);
	REQUIRE(he_keygen_secret(&w->sk, w->rnd, NULL) == 0 && he_keygen_public(&w->pk, &w->sk, w->rnd, NULL, NULL) == 0);
	REQUIRE(he_keygen_relin(&w->relin, &w->sk, w->rnd, NULL, NULL) == 0);
	REQUIRE(he_keygen_galois(&w->galois, &w->sk, (const uint32_t[]){ 3 }, 1, w->rnd, NULL, NULL) == 0);
	REQUIRE(he_encrypt(&w->x, &w->pt, &w->pk, w->rnd, NULL) == 0 && he_encrypt(&w->y, &w->pt, &w->pk, w->rnd, NULL) == 0);
	REQUIRE(he_multiply(&w->product, &w->x, &w->y, NULL) == 0);
}

static void world_fini(struct world *w)
{
	he_sk_fini(&w->sk);
	he_ct_fini(&w->pk.ct);
	he_ksk_fini(&w->relin);
	he_ksk_fini(&w->galois);
	he_pt_fini(&w->pt);
	he_pt_fini(&w->out);
	he_ct_fini(&w->x);
	he_ct_fini(&w->y);
	he_ct_fini(&w->product);
	he_ct_fini(&w->r);
	buf_fini(&w->file);
	rnd_free(w->rnd);
	he_ctx_free(w->c);
}

typedef int (*operation)(struct world *w);

static int op_add(struct world *w) { return he_add_ct(&w->x, &w->x, &w->y, NULL); }
static int op_multiply(struct world *w) { return he_multiply(&w->r, &w->x, &w->y, NULL); }
static int op_square(struct world *w) { return he_square(&w->r, &w->x, NULL); }
static int op_relinearize(struct world *w) { return he_relinearize(&w->r, &w->product, &w->relin, NULL); }
static int op_rotate(struct world *w) { return he_rotate(&w->r, &w->x, 1, &w->galois, NULL); }
static int op_multiply_plain(struct world *w) { return he_multiply_plain(&w->r, &w->x, &w->pt, NULL); }
static int op_add_plain(struct world *w) { return he_add_plain(&w->x, &w->x, &w->pt, NULL); }
static int op_mod_switch(struct world *w)
{
	return w->pt.primes ? he_rescale(&w->r, &w->x, NULL) : he_mod_switch(&w->r, &w->x, NULL);
}
static int op_encrypt(struct world *w) { return he_encrypt(&w->r, &w->pt, &w->pk, w->rnd, NULL); }
static int op_seeded(struct world *w)
{
	struct he_seed seed;

	return he_encrypt_symmetric(&w->r, &w->pt, &w->sk, w->rnd, &seed, NULL);
}
static int op_decrypt(struct world *w) { return he_decrypt(&w->out, &w->x, &w->sk, NULL); }
static int op_load(struct world *w)
{
	int r = seal_load_ct(w->c, buf_as_str(&w->file), &w->r, NULL, NULL);

	return r ? r : he_add_ct(&w->x, &w->x, &w->r, NULL);
}
static int op_keygen(struct world *w) { return he_keygen_relin(&w->relin, &w->sk, w->rnd, NULL, NULL); }
static int op_encode(struct world *w)
{
	double v[1 << 13] = { 0 };

	return he_encode_ckks(&w->out, v, (size_t)1 << (w->log_n - 1), false, 0x1p30, he_ctx_data_primes(w->c), NULL);
}
static int op_decode(struct world *w)
{
	double v[1 << 13];

	return he_decode_ckks(v, (size_t)1 << (w->log_n - 1), false, &w->pt, NULL);
}

static const struct {
	const char *name;
	operation run;
} operations[] = {
	{ "add", op_add },
	{ "multiply", op_multiply },
	{ "square", op_square },
	{ "relinearize", op_relinearize },
	{ "rotate", op_rotate },
	{ "multiply_plain", op_multiply_plain },
	{ "add_plain", op_add_plain },
	{ "mod_switch", op_mod_switch },
	{ "encrypt", op_encrypt },
	{ "encrypt_seeded", op_seeded },
	{ "decrypt", op_decrypt },
	{ "load_seeded_add", op_load },
	{ "encode", op_encode },
	{ "decode", op_decode },
	{ "keygen_relin", op_keygen },
};

static void evaluation(struct bench *b, enum he_scheme s, unsigned log_n)
{
	const struct seal_style style = { 4, 4, SEAL_NONE };
	struct he_seed seed;
	struct world w;
	char name[64];
	double us;

	world_init(&w, b, s, log_n);
	REQUIRE(he_encrypt_symmetric(&w.r, &w.pt, &w.sk, w.rnd, &seed, NULL) == 0);
	REQUIRE(seal_save_ct(&w.r, &seed, &style, &w.file) == 0);
	for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
		snprintf(name, sizeof(name), "%s.%s", w.scheme, operations[i].name);
		for (size_t j = 0; j < ARRAY_LEN(seal); j++)
			if (strcmp(seal[j].name, name) == 0 && is_wanted(b, name)) {
				LEAST(us, REQUIRE(operations[i].run(&w) == 0));
				say(b, name, log_n, us);
			}
	}
	world_fini(&w);
}

/* An upload of 2,048 readings (n = 2048, one prime of 54 bits, seeded): read, expanded, checked, added to a sum. */
static void upload(struct bench *b)
{
	const struct seal_style style = { 4, 4, SEAL_NONE };
	struct he_seed seed = { .type = HE_SEED_BLAKE2X, .used = true };
	struct he_ctx_opts o = { .kern = b->kern };
	struct he_params p;
	struct he_ct up, sum;
	struct he_ctx *c;
	struct buf file;
	double us;

	REQUIRE(he_params_default(&p, HE_BFV, 11, 20, NULL) == 0 && he_ctx_new(&p, &o, &c, NULL) == 0);
	he_ct_init(&up, c);
	he_ct_init(&sum, c);
	up.primes = 1;
	up.size = 2;
	up.cap = 2 << 11;
	up.w = aligned_alloc(64, up.cap * 8);
	for (size_t i = 0; i < up.cap; i++)
		up.w[i] = i & 0xffff;
	buf_init(&file, 1 << 20);
	REQUIRE(seal_save_ct(&up, &seed, &style, &file) == 0 && he_ct_copy(&sum, &up) == 0);
	LEAST(us, REQUIRE(seal_load_ct(c, buf_as_str(&file), &up, NULL, NULL) + he_add_ct(&sum, &sum, &up, NULL) == 0));
	say_absolute(b, "bfv.upload.n2048", us, 35);
	buf_fini(&file);
	he_ct_fini(&up);
	he_ct_fini(&sum);
	he_ctx_free(c);
}

/* 31 counters in one ciphertext of 512 bytes. */
static void paillier(struct bench *b)
{
	struct rnd *rnd = rnd_new();
	unsigned char ct[PAILLIER_MAX_CT];
	struct paillier_blind *blind[400] = { NULL };
	struct paillier_base *base;
	struct paillier_sum *sum;
	struct paillier_pk *pk;
	struct paillier_sk *sk;
	uint32_t lane[31] = { 1, 2, 3 };
	uint64_t out[31];
	double us;
	int n = 0;

	REQUIRE(paillier_keygen(2048, rnd, &sk, NULL) == 0 && paillier_pk_of(sk, &pk, NULL) == 0);
	REQUIRE(paillier_sum_new(pk, &sum) == 0);
	for (int i = 0; i < 400; i++)
		REQUIRE(paillier_blind_new(pk, rnd, &blind[i], NULL) == 0);
	LEAST(us, REQUIRE(paillier_encrypt(pk, lane, 31, blind[n++], ct, NULL) == 0));
	say_absolute(b, "paillier.encrypt_prepared.2048", us, 9);
	LEAST(us, REQUIRE(paillier_sum_add(sum, str_make((char *)ct, 512), NULL) == 0));
	say_absolute(b, "paillier.add.2048", us, 3.5);
	LEAST(us, REQUIRE(paillier_decrypt(sk, str_make((char *)ct, 512), out, 31, NULL) == 0));
	say_absolute(b, "paillier.decrypt.2048", us, 1600);
	for (int i = 0; i < 400; i++)
		paillier_blind_free(blind[i]);
	/* Randomness: OpenSSL's numbers take 6,112 us for r^n, and 446 us with a table of 16.8 MB, not in constant time. */
	LEAST(us, REQUIRE(paillier_blind_new(pk, rnd, &blind[0], NULL) == 0); paillier_blind_free(blind[0]));
	say_absolute(b, "paillier.randomness.2048", us, 6112);
	REQUIRE(paillier_base_new(pk, rnd, &base, NULL) == 0);
	LEAST(us, REQUIRE(paillier_blind_fixed(base, rnd, &blind[0], NULL) == 0); paillier_blind_free(blind[0]));
	say_absolute(b, "paillier.randomness_fixed_base.2048", us, 446);
	paillier_base_free(base);
	paillier_sum_free(sum);
	paillier_pk_free(pk);
	paillier_sk_free(sk);
	rnd_free(rnd);
}

/* What bench_seal wrote, perhaps several times. */
static bool read_seal(struct bench *b, const char *path)
{
	FILE *f = fopen(path, "re");
	char name[64];
	unsigned n;
	double us;

	if (!f)
		return false;
	b->is_same_run = true;
	memset(b->us, 0, sizeof(b->us));
	while (fscanf(f, "%63s %u %lf", name, &n, &us) == 3)
		for (size_t i = 0; i < ARRAY_LEN(seal); i++)
			for (unsigned k = 0; k < 3; k++)
				if (strcmp(seal[i].name, name) == 0 && n == 4096u << k && (b->us[i][k] <= 0 || us < b->us[i][k]))
					b->us[i][k] = us;
	fclose(f);
	for (size_t i = 0; i < ARRAY_LEN(seal); i++)
		for (unsigned k = 0; k < 3; k++)
			if (b->us[i][k] <= 0)
				return false;
	return true;
}

static int usage(void)
{
	fputs("usage: bench_he [--kernels scalar|avx2|avx512|ifma] [--degree N] [--seal FILE] [NAME...]\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct bench b = { .kern = he_kernels_best(), .is_best = true };
	unsigned degree = 0, log_n;
	int at;

	for (size_t i = 0; i < ARRAY_LEN(seal); i++)
		memcpy(b.us[i], seal[i].us, sizeof(b.us[i]));
	for (at = 1; at + 1 < argc && argv[at][0] == '-'; at += 2) {
		int isa = HE_IFMA;

		if (strcmp(argv[at], "--degree") == 0) {
			degree = (unsigned)strtoul(argv[at + 1], NULL, 10);
			continue;
		}
		if (strcmp(argv[at], "--seal") == 0) {
			if (read_seal(&b, argv[at + 1]))
				continue;
			fprintf(stderr, "bench_he: %s does not hold a whole run of bench_seal\n", argv[at + 1]);
			return 2;
		}
		while (isa >= 0 && strcmp(argv[at + 1], kernel_names[isa]) != 0)
			isa--;
		if (strcmp(argv[at], "--kernels") != 0 || isa < 0 || (b.kern = he_kernels_of((enum he_isa)isa)) == NULL)
			return usage();
		b.is_best = b.kern == he_kernels_best();
	}
	b.only = argv + at;
	b.n_only = argc - at;
	for (log_n = 12; log_n <= 14; log_n++) {
		if (degree && degree != 1u << log_n)
			continue;
		if (is_wanted(&b, "ntt"))
			transforms(&b, log_n);
		for (int s = HE_BFV; s <= HE_BGV; s++)
			evaluation(&b, (enum he_scheme)s, log_n);
	}
	if (is_wanted(&b, "bfv.upload"))
		upload(&b);
	if (is_wanted(&b, "paillier"))
		paillier(&b);
	fprintf(stderr, "%d bars missed\n", b.missed);
	return b.missed ? 1 : 0;
}
