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

enum { MOST = SEAL_MAX_BYTES };
static const struct seal_style plain = { 4, 1, SEAL_NONE }, zipped = { 4, 1, SEAL_ZSTD };
static const struct {
	const char *name;
	struct seal_style style;
} modes[] = { { "none", { 4, 1, SEAL_NONE } }, { "zlib", { 4, 1, SEAL_ZLIB } }, { "zstd", { 4, 1, SEAL_ZSTD } } };

/* What is in the folder. */
struct peer {
	const char *dir;
	struct he_ctx *c;
	struct he_sk sk;
	struct he_ksk relin, galois;
	struct he_ct ct, other;
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
	he_pt_fini(&p->pt);
	he_ctx_free(p->c);
}

/* Ciphertexts and plaintexts of one level: a and b, c = a b, a at the scale of c, -c; pt3 is of the scale of c. */
enum operand { A, B, C, WIDE, MINUS, OPERANDS };
struct level {
	const struct peer *p;
	unsigned at, primes;
	struct he_ct x[OPERANDS];
	struct he_pt pt, pt3, ntt, same;
};

enum op { ADD, SUB, NEGATE, MULTIPLY, SQUARE, ADD_PLAIN, SUB_PLAIN, TIMES, TIMES_SAME, TIMES_NTT, IN_NTT, FORM, BACK, RELIN, ROTATE1,
	ROTATE3, ROTATE_RIGHT, COLUMNS, RESCALE, SWITCH, SUM };
/* Where SEAL makes it: CKKS has room for a growing scale, and a level to go down to, but at the last. */
enum when { ALWAYS, GROWS, HIGH, FIRST, REALS, INTEGERS, BFV };
static const struct {
	const char *name;
	enum op op;
	enum operand x, y;
	enum when when;
} results[] = {
	{ "multiply", MULTIPLY, A, B, ALWAYS },
	{ "square", SQUARE, A, A, ALWAYS },
	{ "multiply3", MULTIPLY, A, C, GROWS },
	{ "square3", SQUARE, C, C, GROWS },
	{ "add", ADD, A, B, ALWAYS },
	{ "sub", SUB, A, B, ALWAYS },
	{ "add23", ADD, WIDE, C, ALWAYS },
	{ "sub23", SUB, WIDE, C, ALWAYS },
	{ "add32", ADD, C, WIDE, ALWAYS },
	{ "sub32", SUB, C, WIDE, ALWAYS },
	{ "add33", ADD, C, C, ALWAYS },
	{ "sub33", SUB, C, MINUS, ALWAYS },
	{ "negate", NEGATE, A, A, ALWAYS },
	{ "negate3", NEGATE, C, C, ALWAYS },
	{ "add_plain", ADD_PLAIN, A, A, ALWAYS },
	{ "add_plain3", ADD_PLAIN, C, C, ALWAYS },
	{ "sub_plain", SUB_PLAIN, A, A, ALWAYS },
	{ "sub_plain3", SUB_PLAIN, C, C, ALWAYS },
	{ "multiply_plain", TIMES, A, A, ALWAYS },
	{ "multiply_plain3", TIMES, C, C, GROWS },
	{ "multiply_same", TIMES_SAME, A, A, INTEGERS },
	{ "multiply_ntt", TIMES_NTT, A, A, INTEGERS },
	{ "multiply_in_ntt", IN_NTT, A, A, BFV },
	{ "form", FORM, A, A, ALWAYS },
	{ "form3", FORM, C, C, ALWAYS },
	{ "back", BACK, A, A, ALWAYS },
	{ "back3", BACK, C, C, ALWAYS },
	{ "relinearize", RELIN, C, C, ALWAYS },
	{ "rotate1", ROTATE1, A, A, ALWAYS },
	{ "rotate3", ROTATE3, A, A, ALWAYS },
	{ "rotate_right", ROTATE_RIGHT, A, A, ALWAYS },
	{ "columns", COLUMNS, A, A, ALWAYS },
	{ "rescale", RESCALE, A, A, REALS },
	{ "rescale3", RESCALE, C, C, REALS },
	{ "switch3", SWITCH, C, C, HIGH },
	{ "sum_slots", SUM, A, A, FIRST },
};

static bool is_due(const struct level *l, enum when when)
{
	enum he_scheme s = he_ctx_params(l->p->c)->scheme;
	bool is_last = l->primes == 1;

	return when == ALWAYS || (when == GROWS && (s != HE_CKKS || !is_last)) || (when == HIGH && !is_last) || (when == FIRST && l->at == 0) ||
	       (when == REALS && s == HE_CKKS && !is_last) || (when == INTEGERS && s != HE_CKKS) || (when == BFV && s == HE_BFV);
}

/* Out of the scheme's form, and perhaps back. */
static int change_form(struct he_ct *r, const struct he_ct *x, bool back, struct he_why *w)
{
	int err = x->ntt ? he_from_ntt(r, x, w) : he_to_ntt(r, x, w);

	return err || !back ? err : r->ntt ? he_from_ntt(r, r, w) : he_to_ntt(r, r, w);
}

static int multiply_in_ntt(struct he_ct *r, const struct level *l, const struct he_ct *x, struct he_why *w)
{
	int err;

	if ((err = he_to_ntt(r, x, w)) != 0 || (err = he_multiply_plain(r, r, &l->ntt, w)) != 0)
		return err;
	return he_from_ntt(r, r, w);
}

static int apply(struct he_ct *r, const struct level *l, size_t i, struct he_why *w)
{
	const struct he_ct *x = &l->x[results[i].x], *y = &l->x[results[i].y];
	const struct he_pt *pt = results[i].x == C ? &l->pt3 : &l->pt;
	const struct peer *p = l->p;

	switch (results[i].op) {
	case ADD:
		return he_add_ct(r, x, y, w);
	case SUB:
		return he_sub_ct(r, x, y, w);
	case NEGATE:
		return he_negate(r, x, w);
	case MULTIPLY:
		return he_multiply(r, x, y, w);
	case SQUARE:
		return he_square(r, x, w);
	case ADD_PLAIN:
		return he_add_plain(r, x, pt, w);
	case SUB_PLAIN:
		return he_sub_plain(r, x, pt, w);
	case TIMES:
		return he_multiply_plain(r, x, &l->pt, w);
	case TIMES_SAME:
		return he_multiply_plain(r, x, &l->same, w);
	case TIMES_NTT:
		return he_multiply_plain(r, x, &l->ntt, w);
	case IN_NTT:
		return multiply_in_ntt(r, l, x, w);
	case FORM:
		return change_form(r, x, false, w);
	case BACK:
		return change_form(r, x, true, w);
	case RELIN:
		return he_relinearize(r, x, &p->relin, w);
	case ROTATE1:
		return he_rotate(r, x, 1, &p->galois, w);
	case ROTATE3:
		return he_rotate(r, x, 3, &p->galois, w);
	case ROTATE_RIGHT:
		return he_rotate(r, x, -1, &p->galois, w);
	case COLUMNS:
		return he_rotate_columns(r, x, &p->galois, w);
	case RESCALE:
		return he_rescale(r, x, w);
	case SWITCH:
		return he_mod_switch(r, x, w);
	case SUM:
		return he_sum_slots(r, x, &p->galois, w);
	}
	return -1;
}

static void equals(const struct level *l, const char *name, struct buf *out)
{
	struct he_why differs = { "other bytes than SEAL's, or it made none" };
	char file[64];
	struct buf want;

	snprintf(file, sizeof(file), "l%u.%s", l->at, name);
	if (!get(l->p, file, &want) || out->n != want.n || memcmp(out->p, want.p, out->n) != 0)
		die(file, &differs);
	printf("ok %s\n", file);
	buf_fini(out);
	buf_fini(&want);
}

static void equals_ct(const struct level *l, const char *name, const struct he_ct *ct)
{
	struct buf out;

	buf_init(&out, MOST);
	REQUIRE(seal_save_ct(ct, NULL, &plain, &out) == 0);
	equals(l, name, &out);
}

static void equals_pt(const struct level *l, const char *name, const struct he_pt *pt)
{
	struct buf out;

	buf_init(&out, MOST);
	REQUIRE(seal_save_pt(pt, &plain, &out) == 0);
	equals(l, name, &out);
}

/* Decryption and noise budget of a and c with SEAL's secret. */
static void check_reads(const struct level *l, char **budgets)
{
	static const char *const names[] = { "read_a", "read_c" };
	struct he_why differs = { "other than SEAL's" };
	struct he_pt pt;

	he_pt_init(&pt, l->p->c);
	for (int i = 0; i < 2; i++) {
		const struct he_ct *x = &l->x[i ? C : A];
		unsigned want = (unsigned)strtoul(*budgets, budgets, 10), bits = 0;

		DO(names[i], he_decrypt(&pt, x, &l->p->sk, &w));
		equals_pt(l, names[i], &pt);
		if (he_ctx_params(l->p->c)->scheme != HE_CKKS)
			DO("budget", he_noise_budget(&bits, x, &l->p->sk, &w));
		if (bits != want)
			die("noise budget", &differs);
	}
	he_pt_fini(&pt);
}

/* Plaintexts that SEAL made, and what follows from a and b. */
static void enter(struct level *l)
{
	const struct peer *p = l->p;
	char file[64];
	bool is_ckks = he_ctx_params(p->c)->scheme == HE_CKKS;

	snprintf(file, sizeof(file), "l%u.pt", l->at);
	LOAD(p, file, seal_load_pt(p->c, in, &l->pt, NULL, &w));
	snprintf(file, sizeof(file), "l%u.pt3", l->at);
	LOAD(p, file, seal_load_pt(p->c, in, &l->pt3, NULL, &w));
	if (!is_ckks) {
		snprintf(file, sizeof(file), "l%u.pt.same", l->at);
		LOAD(p, file, seal_load_pt(p->c, in, &l->same, NULL, &w));
		DO("pt.ntt", he_pt_to_ntt(&l->ntt, &l->pt, l->primes, &w));
		equals_pt(l, "pt.ntt", &l->ntt);
	}
	DO("product", he_multiply(&l->x[C], &l->x[A], &l->x[B], &w));
	DO("negate", he_negate(&l->x[MINUS], &l->x[C], &w));
	DO("wide", is_ckks ? he_multiply_plain(&l->x[WIDE], &l->x[A], &l->pt, &w) : he_ct_copy(&l->x[WIDE], &l->x[A]));
}

static void check_results(const struct peer *p)
{
	struct level l = { .p = p, .primes = he_ctx_data_primes(p->c) };
	struct buf budgets;
	struct he_ct r;
	char *at;

	REQUIRE(get(p, "budgets", &budgets));
	buf_putc(&budgets, '\0');
	at = budgets.p;
	for (int i = 0; i < OPERANDS; i++)
		he_ct_init(&l.x[i], p->c);
	he_pt_init(&l.pt, p->c);
	he_pt_init(&l.pt3, p->c);
	he_pt_init(&l.ntt, p->c);
	he_pt_init(&l.same, p->c);
	he_ct_init(&r, p->c);
	REQUIRE(he_ct_copy(&l.x[A], &p->ct) == 0 && he_ct_copy(&l.x[B], &p->other) == 0);
	for (; l.primes > 0; l.primes--, l.at++) {
		enter(&l);
		for (size_t i = 0; i < ARRAY_LEN(results); i++) {
			if (!is_due(&l, results[i].when))
				continue;
			DO(results[i].name, apply(&r, &l, i, &w));
			equals_ct(&l, results[i].name, &r);
		}
		check_reads(&l, &at);
		if (l.primes == 1)
			continue;
		DO("switch", he_mod_switch(&l.x[A], &l.x[A], &w));
		DO("switch", he_mod_switch(&l.x[B], &l.x[B], &w));
		equals_ct(&l, "switch", &l.x[A]);
	}
	for (int i = 0; i < OPERANDS; i++)
		he_ct_fini(&l.x[i]);
	he_pt_fini(&l.pt);
	he_pt_fini(&l.pt3);
	he_pt_fini(&l.ntt);
	he_pt_fini(&l.same);
	he_ct_fini(&r);
	buf_fini(&budgets);
}

/* Every kind of object, whole and seeded, in each compression. */
struct ours {
	struct he_pk pk;
	struct he_seed pk_seed, ct_seed, *relin_seeds, *galois_seeds;
	struct he_ksk few;
	struct he_ct a, b;
};

static void make_modes(const struct peer *p, const struct ours *o)
{
	char name[64];

#define MODE(kind, call) \
	do { \
		snprintf(name, sizeof(name), "our.%s.%s", kind, modes[i].name); \
		SAVE(p, name, call); \
	} while (0)
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		const struct seal_style *s = &modes[i].style;

		MODE("params", seal_save_params(he_ctx_params(p->c), s, out));
		MODE("pk", seal_save_pk(&o->pk, NULL, s, out));
		MODE("pk.seeded", seal_save_pk(&o->pk, &o->pk_seed, s, out));
		MODE("relin", seal_save_ksk(&p->relin, NULL, s, out));
		MODE("relin.seeded", seal_save_ksk(&p->relin, o->relin_seeds, s, out));
		MODE("galois.few", seal_save_ksk(&o->few, NULL, s, out));
		MODE("galois.few.seeded", seal_save_ksk(&o->few, o->galois_seeds, s, out));
		MODE("pt", seal_save_pt(&p->pt, s, out));
		MODE("public", seal_save_ct(&o->a, NULL, s, out));
		MODE("seeded", seal_save_ct(&o->b, &o->ct_seed, s, out));
	}
#undef MODE
}

/* Keys of our own, and what is made with them. */
static void make_ours(struct peer *p)
{
	struct he_ctx *c = p->c;
	uint32_t element[] = { 3, 3, 81, 0 };
	struct rnd *rnd = rnd_new();
	struct he_seed *seeds = calloc(4 * he_ctx_data_primes(c), sizeof(*seeds));
	struct ours o = { .relin_seeds = calloc(he_ctx_data_primes(c), sizeof(*seeds)),
		          .galois_seeds = calloc(2 * he_ctx_data_primes(c), sizeof(*seeds)) };
	struct he_ct r;

	/* One step to the left, four, and one to the right: 3^(n/2 - 1). */
	for (unsigned i = 2; i < 1u << (he_ctx_params(c)->log_n - 1); i++)
		element[1] = element[1] * 3 % (2u << he_ctx_params(c)->log_n);
	element[3] = (2u << he_ctx_params(c)->log_n) - 1;
	if (element[1] > element[2]) {
		uint32_t e = element[1];

		element[1] = element[2];
		element[2] = e;
	}
	he_ct_init(&o.a, c);
	he_ct_init(&o.b, c);
	he_ct_init(&r, c);
	he_ct_init(&o.pk.ct, c);
	he_ksk_init(&o.few, c, true);
	DO("our secret key", he_keygen_secret(&p->sk, rnd, &w));
	SAVE(p, "our.sk", seal_save_sk(&p->sk, &zipped, out));
	DO("our public key", he_keygen_public(&o.pk, &p->sk, rnd, &o.pk_seed, &w));
	SAVE(p, "our.pk", seal_save_pk(&o.pk, &o.pk_seed, &zipped, out));
	DO("our relinearization keys", he_keygen_relin(&p->relin, &p->sk, rnd, o.relin_seeds, &w));
	SAVE(p, "our.relin", seal_save_ksk(&p->relin, NULL, &plain, out));
	DO("our Galois keys", he_keygen_galois(&p->galois, &p->sk, element, 4, rnd, seeds, &w));
	SAVE(p, "our.galois", seal_save_ksk(&p->galois, seeds, &plain, out));
	DO("two Galois keys", he_keygen_galois(&o.few, &p->sk, (const uint32_t[]){ 3, element[3] }, 2, rnd, o.galois_seeds, &w));
	DO("encrypt", he_encrypt(&o.a, &p->pt, &o.pk, rnd, &w));
	SAVE(p, "our.public", seal_save_ct(&o.a, NULL, &plain, out));
	DO("encrypt", he_encrypt_symmetric(&o.b, &p->pt, &p->sk, rnd, &o.ct_seed, &w));
	SAVE(p, "our.seeded", seal_save_ct(&o.b, &o.ct_seed, &zipped, out));
	DO("add", he_add_ct(&r, &o.a, &o.b, &w));
	SAVE(p, "our.sum", seal_save_ct(&r, NULL, &plain, out));
	DO("multiply", he_multiply(&r, &o.a, &o.b, &w));
	DO("relinearize", he_relinearize(&r, &r, &p->relin, &w));
	SAVE(p, "our.product", seal_save_ct(&r, NULL, &zipped, out));
	DO("rotate", he_rotate(&r, &o.a, 3, &p->galois, &w));
	SAVE(p, "our.turned", seal_save_ct(&r, NULL, &plain, out));
	make_modes(p, &o);
	free(seeds);
	free(o.relin_seeds);
	free(o.galois_seeds);
	he_ct_fini(&o.a);
	he_ct_fini(&o.b);
	he_ct_fini(&r);
	he_ct_fini(&o.pk.ct);
	he_ksk_fini(&o.few);
	rnd_free(rnd);
}

/* SEAL's public key, whole and seeded, and its parameters in each compression. */
static void check_keys(const struct peer *p)
{
	struct he_why differs = { "other than those before" };
	struct he_params params;
	struct he_pk pk;

	he_ct_init(&pk.ct, p->c);
	LOAD(p, "pk", seal_load_pk(p->c, in, &pk, NULL, &w));
	LOAD(p, "pk.full", seal_load_pk(p->c, in, &pk, NULL, &w));
	LOAD(p, "params.none", seal_load_params(in, &params, NULL, &w));
	if (memcmp(&params, he_ctx_params(p->c), sizeof(params)) != 0)
		die("params.none", &differs);
	LOAD(p, "params.zstd", seal_load_params(in, &params, NULL, &w));
	if (memcmp(&params, he_ctx_params(p->c), sizeof(params)) != 0)
		die("params.zstd", &differs);
	puts("ok keys and parameters");
	he_ct_fini(&pk.ct);
}

static void check(struct peer *p)
{
	LOAD(p, "sk", seal_load_sk(p->c, in, &p->sk, NULL, &w));
	LOAD(p, "relin.full", seal_load_ksk(p->c, false, in, &p->relin, NULL, &w));
	LOAD(p, "relin", seal_load_ksk(p->c, false, in, &p->relin, NULL, &w));
	LOAD(p, "galois.few", seal_load_ksk(p->c, true, in, &p->galois, NULL, &w));
	LOAD(p, "galois", seal_load_ksk(p->c, true, in, &p->galois, NULL, &w));
	LOAD(p, "ct", seal_load_ct(p->c, in, &p->ct, NULL, &w));
	LOAD(p, "other", seal_load_ct(p->c, in, &p->other, NULL, &w));
	check_keys(p);
	check_results(p);
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
