/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other side of seal.js.  he_peer check DIR: every result that SEAL wrote is computed anew and equals, byte for byte; then
 * keys, ciphertexts and results of our own for SEAL to read.  he_peer read DIR: what SEAL encrypted under our key.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/rand.h"
#include "he/seal_io.h"
#include "he/secret.h"

enum { MOST = 128 * 1024 * 1024 };
static const struct seal_style plain = { 4, 1, SEAL_NONE }, zipped = { 4, 1, SEAL_ZSTD };

/* What is in the folder. */
struct peer {
	const char *dir;
	struct he_ctx *c;
	struct he_sk sk;
	struct he_ksk relin, galois;
	struct he_ct ct, other, low, product;
	struct he_pt pt;
};

_Noreturn static void die(const char *what, const struct he_why *w)
{
	printf("not ok %s: %s\n", what, w->text);
	exit(1);
}

static bool get(const struct peer *p, const char *name, struct buf *b)
{
	char path[512];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	buf_init(b, MOST);
	if ((f = fopen(path, "rb")) == NULL)
		return false;
	do {
		char *at = buf_room(b, 1 << 20);

		REQUIRE(at);
		n = fread(at, 1, 1 << 20, f);
		b->n += n;
	} while (n);
	fclose(f);
	return true;
}

static void put(const struct peer *p, const char *name, struct buf *b)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	f = fopen(path, "wb");
	REQUIRE(f && fwrite(b->p, 1, b->n, f) == b->n && fclose(f) == 0);
	buf_fini_secret(b);
}

/* What to do with a file: any of the readers. */
#define LOAD(p, name, call) \
	do { \
		struct buf in_; \
		struct he_why w = { "it is not there" }; \
		if (!get(p, name, &in_)) \
			die(name, &w); \
		struct str in = buf_as_str(&in_); \
		if ((call) != 0) \
			die(name, &w); \
		buf_fini_secret(&in_); \
	} while (0)
#define SAVE(p, name, call) \
	do { \
		struct buf out_, *out = &out_; \
		buf_init(out, MOST); \
		REQUIRE((call) == 0); \
		put(p, name, out); \
	} while (0)
#define DO(name, call) \
	do { \
		struct he_why w; \
		if ((call) != 0) \
			die(name, &w); \
	} while (0)

static void open_peer(struct peer *p, const char *dir)
{
	struct he_params params;

	memset(p, 0, sizeof(*p));
	p->dir = dir;
	LOAD(p, "params", seal_load_params(in, &params, NULL, &w));
	DO("params", he_ctx_new(&params, NULL, &p->c, &w));
	he_sk_init(&p->sk, p->c);
	he_ksk_init(&p->relin, p->c, false);
	he_ksk_init(&p->galois, p->c, true);
	he_ct_init(&p->ct, p->c);
	he_ct_init(&p->other, p->c);
	he_ct_init(&p->low, p->c);
	he_ct_init(&p->product, p->c);
	he_pt_init(&p->pt, p->c);
	LOAD(p, "pt", seal_load_pt(p->c, in, &p->pt, NULL, &w));
}

static void close_peer(struct peer *p)
{
	he_sk_fini(&p->sk);
	he_ksk_fini(&p->relin);
	he_ksk_fini(&p->galois);
	he_ct_fini(&p->ct);
	he_ct_fini(&p->other);
	he_ct_fini(&p->low);
	he_ct_fini(&p->product);
	he_pt_fini(&p->pt);
	he_ctx_free(p->c);
}

static int multiply_in_ntt(struct he_ct *r, const struct peer *p, struct he_why *w)
{
	struct he_pt ntt;
	int err;

	he_pt_init(&ntt, p->c);
	if ((err = he_to_ntt(r, &p->ct, w)) == 0 && (err = he_pt_to_ntt(&ntt, &p->pt, he_ctx_data_primes(p->c), w)) == 0 &&
	    (err = he_multiply_plain(r, r, &ntt, w)) == 0)
		err = he_from_ntt(r, r, w);
	he_pt_fini(&ntt);
	return err;
}

static int is_add(struct he_ct *r, const struct peer *p, struct he_why *w) { return he_add_ct(r, &p->ct, &p->other, w); }
static int is_sub(struct he_ct *r, const struct peer *p, struct he_why *w) { return he_sub_ct(r, &p->ct, &p->other, w); }
static int is_negate(struct he_ct *r, const struct peer *p, struct he_why *w) { return he_negate(r, &p->ct, w); }
static int is_add_plain(struct he_ct *r, const struct peer *p, struct he_why *w) { return he_add_plain(r, &p->ct, &p->pt, w); }
static int is_sub_plain(struct he_ct *r, const struct peer *p, struct he_why *w) { return he_sub_plain(r, &p->ct, &p->pt, w); }
static int is_product(struct he_ct *r, const struct peer *p, struct he_why *w) { return he_multiply(r, &p->ct, &p->other, w); }
static int is_square(struct he_ct *r, const struct peer *p, struct he_why *w) { return he_square(r, &p->ct, w); }
static int is_times(struct he_ct *r, const struct peer *p, struct he_why *w) { return he_multiply_plain(r, &p->ct, &p->pt, w); }
static int is_relin(struct he_ct *r, const struct peer *p, struct he_why *w) { return he_relinearize(r, &p->product, &p->relin, w); }
static int is_low(struct he_ct *r, const struct peer *p, struct he_why *w) { return he_mod_switch(r, &p->ct, w); }
static int is_low2(struct he_ct *r, const struct peer *p, struct he_why *w) { return he_multiply(r, &p->low, &p->low, w); }
static int is_low_add(struct he_ct *r, const struct peer *p, struct he_why *w) { return he_add_ct(r, &p->low, &p->low, w); }
static int is_turned(struct he_ct *r, const struct peer *p, struct he_why *w) { return he_rotate(r, &p->ct, 3, &p->galois, w); }
static int is_low_turned(struct he_ct *r, const struct peer *p, struct he_why *w) { return he_rotate(r, &p->low, -1, &p->galois, w); }
static int is_columns(struct he_ct *r, const struct peer *p, struct he_why *w) { return he_rotate_columns(r, &p->ct, &p->galois, w); }
static int is_rescaled(struct he_ct *r, const struct peer *p, struct he_why *w) { return he_rescale(r, &p->product, w); }
static int is_sum(struct he_ct *r, const struct peer *p, struct he_why *w) { return he_sum_slots(r, &p->ct, &p->galois, w); }

static const struct {
	const char *name;
	int (*make)(struct he_ct *r, const struct peer *p, struct he_why *w);
	bool may_lack; /* SEAL makes it for some schemes and degrees only */
} results[] = {
	{ "add", is_add, false },
	{ "sub", is_sub, false },
	{ "negate", is_negate, false },
	{ "add_plain", is_add_plain, false },
	{ "sub_plain", is_sub_plain, false },
	{ "multiply", is_product, false },
	{ "square", is_square, false },
	{ "multiply_plain", is_times, false },
	{ "relinearize", is_relin, false },
	{ "low", is_low, false },
	{ "low_multiply", is_low2, true },
	{ "low_add", is_low_add, false },
	{ "rotate3", is_turned, false },
	{ "low_rotate", is_low_turned, false },
	{ "columns", is_columns, false },
	{ "rescale", is_rescaled, true },
	{ "from_ntt", multiply_in_ntt, true },
	{ "sum_slots", is_sum, true },
};

static void check_results(const struct peer *p)
{
	for (size_t i = 0; i < ARRAY_LEN(results); i++) {
		const char *name = results[i].name;
		struct he_why differs = { "other bytes than SEAL's" };
		struct buf want, out;
		struct he_ct r;

		if (!get(p, name, &want)) {
			if (!results[i].may_lack)
				die(name, &differs);
			continue;
		}
		he_ct_init(&r, p->c);
		buf_init(&out, MOST);
		DO(name, results[i].make(&r, p, &w));
		REQUIRE(seal_save_ct(&r, NULL, &plain, &out) == 0);
		if (out.n != want.n || memcmp(out.p, want.p, out.n) != 0)
			die(name, &differs);
		printf("ok %s\n", name);
		he_ct_fini(&r);
		buf_fini(&out);
		buf_fini(&want);
	}
}

/* Decryptions and noise budgets with SEAL's secret. */
static void check_reads(const struct peer *p)
{
	static const char *const names[] = { "read", "product.read", "low.read" };
	const struct he_ct *const from[] = { &p->ct, &p->product, &p->low };
	struct he_why differs = { "other than SEAL read" };
	struct buf want, out, budgets;
	struct he_pt pt;
	char *at = NULL;
	unsigned bits;

	if (get(p, "budgets", &budgets)) {
		buf_putc(&budgets, '\0');
		at = budgets.p;
	}
	he_pt_init(&pt, p->c);
	for (int i = 0; i < 3; i++) {
		REQUIRE(get(p, names[i], &want));
		buf_init(&out, MOST);
		DO(names[i], he_decrypt(&pt, from[i], &p->sk, &w));
		REQUIRE(seal_save_pt(&pt, &plain, &out) == 0);
		if (out.n != want.n || memcmp(out.p, want.p, out.n) != 0)
			die(names[i], &differs);
		if (at) {
			DO("budget", he_noise_budget(&bits, from[i], &p->sk, &w));
			if (bits != strtoul(at, &at, 10))
				die("noise budget", &differs);
		}
		printf("ok %s\n", names[i]);
		buf_fini(&want);
		buf_fini(&out);
	}
	he_pt_fini(&pt);
	buf_fini(&budgets);
}

/* Keys of our own, and what is made with them. */
static void make_ours(struct peer *p)
{
	struct he_ctx *c = p->c;
	uint32_t element[] = { 3, 3, 81, 0 };
	struct rnd *rnd = rnd_new();
	struct he_seed seed, *seeds = calloc(4 * he_ctx_data_primes(c), sizeof(*seeds));
	struct he_ct a, b, r;
	struct he_pk pk;

	/* One step to the left, four, and one to the right: 3^(n/2 - 1). */
	for (unsigned i = 2; i < 1u << (he_ctx_params(c)->log_n - 1); i++)
		element[1] = element[1] * 3 % (2u << he_ctx_params(c)->log_n);
	element[3] = (2u << he_ctx_params(c)->log_n) - 1;
	if (element[1] > element[2]) {
		uint32_t e = element[1];

		element[1] = element[2];
		element[2] = e;
	}
	he_ct_init(&a, c);
	he_ct_init(&b, c);
	he_ct_init(&r, c);
	he_ct_init(&pk.ct, c);
	DO("our secret key", he_keygen_secret(&p->sk, rnd, &w));
	SAVE(p, "our.sk", seal_save_sk(&p->sk, &zipped, out));
	DO("our public key", he_keygen_public(&pk, &p->sk, rnd, &seed, &w));
	SAVE(p, "our.pk", seal_save_pk(&pk, &seed, &zipped, out));
	DO("our relinearization keys", he_keygen_relin(&p->relin, &p->sk, rnd, NULL, &w));
	SAVE(p, "our.relin", seal_save_ksk(&p->relin, NULL, &plain, out));
	DO("our Galois keys", he_keygen_galois(&p->galois, &p->sk, element, 4, rnd, seeds, &w));
	SAVE(p, "our.galois", seal_save_ksk(&p->galois, seeds, &plain, out));
	DO("encrypt", he_encrypt(&a, &p->pt, &pk, rnd, &w));
	SAVE(p, "our.public", seal_save_ct(&a, NULL, &plain, out));
	DO("encrypt", he_encrypt_symmetric(&b, &p->pt, &p->sk, rnd, &seed, &w));
	SAVE(p, "our.seeded", seal_save_ct(&b, &seed, &zipped, out));
	DO("add", he_add_ct(&r, &a, &b, &w));
	SAVE(p, "our.sum", seal_save_ct(&r, NULL, &plain, out));
	DO("multiply", he_multiply(&r, &a, &b, &w));
	DO("relinearize", he_relinearize(&r, &r, &p->relin, &w));
	SAVE(p, "our.product", seal_save_ct(&r, NULL, &zipped, out));
	DO("rotate", he_rotate(&r, &a, 3, &p->galois, &w));
	SAVE(p, "our.turned", seal_save_ct(&r, NULL, &plain, out));
	free(seeds);
	he_ct_fini(&a);
	he_ct_fini(&b);
	he_ct_fini(&r);
	he_ct_fini(&pk.ct);
	rnd_free(rnd);
}

static void check(struct peer *p)
{
	LOAD(p, "sk", seal_load_sk(p->c, in, &p->sk, NULL, &w));
	LOAD(p, "relin", seal_load_ksk(p->c, false, in, &p->relin, NULL, &w));
	LOAD(p, "galois", seal_load_ksk(p->c, true, in, &p->galois, NULL, &w));
	LOAD(p, "ct", seal_load_ct(p->c, in, &p->ct, NULL, &w));
	LOAD(p, "other", seal_load_ct(p->c, in, &p->other, NULL, &w));
	LOAD(p, "low", seal_load_ct(p->c, in, &p->low, NULL, &w));
	LOAD(p, "multiply", seal_load_ct(p->c, in, &p->product, NULL, &w));
	check_results(p);
	check_reads(p);
	make_ours(p);
}

/* SEAL encrypted its own plaintext under our key. */
static void read_theirs(struct peer *p)
{
	struct he_why differs = { "other values" };
	size_t n = (size_t)1 << he_ctx_params(p->c)->log_n;
	struct he_pt pt;

	he_pt_init(&pt, p->c);
	LOAD(p, "our.sk", seal_load_sk(p->c, in, &p->sk, NULL, &w));
	LOAD(p, "theirs", seal_load_ct(p->c, in, &p->ct, NULL, &w));
	DO("decrypt", he_decrypt(&pt, &p->ct, &p->sk, &w));
	if (he_ctx_params(p->c)->scheme == HE_CKKS) {
		double *a = calloc(n, sizeof(*a)), *b = a + n / 2;

		DO("decode", he_decode_ckks(a, n / 2, false, &pt, &w));
		DO("decode", he_decode_ckks(b, n / 2, false, &p->pt, &w));
		for (size_t i = 0; i < n / 2; i++)
			if (fabs(a[i] - b[i]) > 1e-4)
				die("theirs", &differs);
		free(a);
	} else if (pt.count != p->pt.count || memcmp(pt.w, p->pt.w, pt.count * sizeof(*pt.w)) != 0) {
		die("theirs", &differs);
	}
	puts("ok theirs");
	he_pt_fini(&pt);
}

int main(int argc, char **argv)
{
	struct peer p;

	if (argc != 3) {
		fputs("usage: he_peer check | read DIR\n", stderr);
		return 2;
	}
	open_peer(&p, argv[2]);
	if (strcmp(argv[1], "check") == 0)
		check(&p);
	else
		read_theirs(&p);
	close_peer(&p);
	return 0;
}
