/* SPDX-License-Identifier: Apache-2.0 */
/* The owner's commands: keygen, encrypt, decrypt; and the profiles. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/crypt.h"

const struct crypt_profile crypt_profiles[] = {
	{ "sum", HE_BFV, 11, 30, { 0 }, 0, false, false,
	  "sums and means of up to 2,048 integers a file, 16 KB encrypted with --symmetric (BFV, 2048)" },
	{ "exact", HE_BGV, 12, 20, { 0 }, 0, true, true,
	  "integers below 2^19: sums, one product, rotations, matches; 4,096 a file (BGV, 4096; --scheme bfv)" },
	{ "score", HE_CKKS, 13, 0, { 60, 40, 40, 60 }, 0x1p40, true, true,
	  "real numbers: means, variances, linear and squared scores; 4,096 a file (CKKS, 8192)" },
	{ "counter", (enum he_scheme)0, 0, 0, { 0 }, 0, false, false,
	  "up to 47 counters of 32 bits in 768 bytes, sums only (Paillier, 3072)" },
};
const size_t crypt_profile_count = ARRAY_LEN(crypt_profiles);

static int profile_params(const struct crypt_profile *f, const struct crypt_options *o, struct he_params *p)
{
	enum he_scheme scheme = f->scheme;
	struct he_why w = { "" };
	unsigned k = 0;

	if (o->scheme && scheme != HE_CKKS) {
		scheme = strcmp(o->scheme, "bfv") == 0 ? HE_BFV : HE_BGV;
		if (scheme == HE_BGV && strcmp(o->scheme, "bgv") != 0)
			return crypt_fail(CRYPT_USAGE, "--scheme %s is none of bfv, bgv", o->scheme);
	}
	while (f->bits[k])
		k++;
	if (k == 0) {
		if (he_params_default(p, scheme, f->log_n, f->t_bits, &w) != 0)
			return crypt_fail(CRYPT_REFUSED, "%s", w.text);
		return CRYPT_OK;
	}
	*p = (struct he_params){ .scheme = scheme };
	if (he_params_create(p, f->log_n, f->bits, k, &w) != 0)
		return crypt_fail(CRYPT_REFUSED, "%s", w.text);
	return CRYPT_OK;
}

#define SAVE(o, name, is_secret, call) \
	do { \
		char path_[4096]; \
		struct buf out_, *out = &out_; \
		buf_init(out, SEAL_MAX_BYTES); \
		int code_ = (call) == 0 ? crypt_write(o, crypt_path(path_, sizeof(path_), (o)->out, name), out, is_secret) \
		                        : crypt_fail(CRYPT_REFUSED, "%s: this version of SEAL cannot hold it", name); \
		buf_fini_secret(out); \
		if (code_) \
			return code_; \
	} while (0)
#define DO(call) \
	do { \
		struct he_why w = { "" }; \
		if ((call) != 0) \
			return crypt_fail(CRYPT_REFUSED, "%s", w.text); \
	} while (0)

static int save_switching(struct crypt_keys *k, const struct crypt_profile *f, const struct seal_style *s)
{
	const struct crypt_options *o = k->o;
	uint32_t element[2 * HE_MAX_LOG_N];
	struct he_seed *seeds = calloc(2 * HE_MAX_LOG_N * he_ctx_data_primes(k->c), sizeof(*seeds));
	size_t n = he_galois_default(k->c, element);
	int code = CRYPT_OK;

	REQUIRE(seeds);
	if (f->has_relin) {
		DO(he_keygen_relin(&k->relin, &k->sk, k->rnd, seeds, &w));
		SAVE(o, "relin.seal", false, seal_save_ksk(&k->relin, seeds, s, out));
		crypt_progress("keys", 1, 2);
	}
	if (f->has_galois) {
		DO(he_keygen_galois(&k->galois, &k->sk, element, n, k->rnd, seeds, &w));
		SAVE(o, "galois.seal", false, seal_save_ksk(&k->galois, seeds, s, out));
		crypt_progress("keys", 2, 2);
	}
	free(seeds);
	return code;
}

static int make_keys(struct crypt_keys *k, const struct crypt_profile *f)
{
	const struct crypt_options *o = k->o;
	struct seal_style s = { 4, 1, SEAL_NONE };
	struct he_params p;
	struct he_seed seed;
	int code;

	if ((code = profile_params(f, o, &p)) != 0 || (code = crypt_style(o, &s)) != 0)
		return code;
	DO(he_ctx_new(&p, NULL, &k->c, &w));
	he_ct_init(&k->pk.ct, k->c);
	he_sk_init(&k->sk, k->c);
	he_ksk_init(&k->relin, k->c, false);
	he_ksk_init(&k->galois, k->c, true);
	SAVE(o, "params.seal", false, seal_save_params(&p, &s, out));
	DO(he_keygen_secret(&k->sk, k->rnd, &w));
	SAVE(o, "secret.seal", true, seal_save_sk(&k->sk, &s, out));
	DO(he_keygen_public(&k->pk, &k->sk, k->rnd, &seed, &w));
	SAVE(o, "public.seal", false, seal_save_pk(&k->pk, &seed, &s, out));
	return save_switching(k, f, &s);
}

int crypt_keygen(const struct crypt_options *o)
{
	struct crypt_keys k = { .o = o, .rnd = rnd_new() };
	int code;

	if (o->profile == NULL || o->out == NULL)
		return crypt_fail(CRYPT_USAGE, "say --profile sum, exact, score or counter, and --out for the folder");
	if (mkdir(o->out, 0755) != 0 && access(o->out, W_OK) != 0)
		return crypt_fail(CRYPT_NOFILE, "the folder %s cannot be made", o->out);
	for (size_t i = 0; i < crypt_profile_count; i++)
		if (strcmp(crypt_profiles[i].name, o->profile) == 0) {
			code = crypt_profiles[i].log_n ? make_keys(&k, &crypt_profiles[i]) : crypt_counter_keygen(o);
			crypt_close(&k);
			return code;
		}
	crypt_close(&k);
	return crypt_fail(CRYPT_USAGE, "there is no profile \"%s\": sum, exact, score, counter", o->profile);
}

static int encrypt_numbers(struct crypt_keys *k, const double *v, size_t n)
{
	struct he_why w = { "" };
	struct he_seed seed = { 0 };
	struct he_pt pt;
	struct he_ct ct;
	int code, err;

	he_pt_init(&pt, k->c);
	he_ct_init(&ct, k->c);
	if ((code = crypt_encode(k, v, n, false, k->scale, he_ctx_data_primes(k->c), &pt)) == 0) {
		err = k->o->symmetric ? he_encrypt_symmetric(&ct, &pt, &k->sk, k->rnd, &seed, &w)
		                      : he_encrypt(&ct, &pt, &k->pk, k->rnd, &w);
		code = err ? crypt_fail(CRYPT_REFUSED, "%s", w.text) : crypt_save_ct(k, &ct, &seed, NULL);
	}
	he_pt_fini(&pt);
	he_ct_fini(&ct);
	return code;
}

int crypt_encrypt(const struct crypt_options *o)
{
	struct crypt_keys k;
	double *v = NULL;
	size_t n = 0;
	int code = crypt_open(&k, o, o->symmetric ? CRYPT_SK : CRYPT_PK);

	if (code == 0 && k.c == NULL)
		code = crypt_counter_encrypt(&k);
	else if (code == 0 && (code = crypt_numbers(o, o->file[0], (size_t)1 << he_ctx_params(k.c)->log_n, &v, &n)) == 0)
		code = encrypt_numbers(&k, v, n);
	if (v)
		explicit_bzero(v, n * sizeof(*v));
	free(v);
	crypt_close(&k);
	return code;
}

int crypt_print(const struct crypt_options *o, const double *v, size_t n, int digits)
{
	bool is_json = o->format && strcmp(o->format, "json") == 0;

	if (o->format && !is_json && strcmp(o->format, "csv") != 0)
		return crypt_fail(CRYPT_USAGE, "--format %s is none of csv, json", o->format);
	for (size_t i = 0; i < n; i++) {
		double x = round(v[i] * pow(10, digits)) / pow(10, digits);

		/* Never -0. */
		printf(is_json ? (i ? ", %.*f" : "[%.*f") : "%.*f\n", digits, o->zeros ? (double)(v[i] == 0) : x + 0.0);
	}
	if (is_json)
		puts("]");
	return CRYPT_OK;
}

/* Slots as numbers; exact ones without the factor of the decimals. */
static int decode(const struct crypt_keys *k, const struct he_pt *pt, size_t n, double divide, double *v)
{
	uint64_t t = he_ctx_params(k->c)->t, *slot;
	struct he_why w = { "" };
	double factor;
	int code;

	if (he_ctx_params(k->c)->scheme == HE_CKKS) {
		if (he_decode_ckks(v, n, false, pt, &w) != 0)
			return crypt_fail(CRYPT_REFUSED, "%s", w.text);
		for (size_t i = 0; i < n; i++)
			v[i] /= divide;
		return CRYPT_OK;
	}
	if ((code = crypt_decimals(k->o, &factor)) != 0)
		return code;
	slot = calloc(n, sizeof(*slot));
	if (slot == NULL)
		return crypt_fail(CRYPT_REFUSED, "out of memory");
	if (he_decode_batch(slot, n, pt, &w) != 0) {
		free(slot);
		return crypt_fail(CRYPT_REFUSED, "%s", w.text);
	}
	for (size_t i = 0; i < n; i++)
		v[i] = (slot[i] > t / 2 ? -(double)(t - slot[i]) : (double)slot[i]) / factor / divide;
	free(slot);
	return CRYPT_OK;
}

static int decrypt_file(const struct crypt_keys *k, size_t n, double divide, double *v)
{
	struct he_why w = { "" };
	struct he_pt pt;
	struct he_ct ct;
	unsigned bits = 1;
	int code;

	he_pt_init(&pt, k->c);
	he_ct_init(&ct, k->c);
	code = crypt_load_ct(k, k->o->file[0], &ct, NULL);
	if (code == 0 && he_decrypt(&pt, &ct, &k->sk, &w) != 0)
		code = crypt_fail(CRYPT_REFUSED, "%s", w.text);
	/* A result without budget may be wrong: nothing of it is shown. */
	if (code == 0 && he_ctx_params(k->c)->scheme != HE_CKKS && he_noise_budget(&bits, &ct, &k->sk, &w) == 0 && bits == 0)
		code = crypt_fail(CRYPT_REFUSED, "too much was computed with this: its noise budget is used up");
	if (code == 0)
		code = decode(k, &pt, n, divide, v);
	he_pt_fini(&pt);
	he_ct_fini(&ct);
	return code;
}

int crypt_decrypt(const struct crypt_options *o)
{
	double count, divide = 1, digits, *v = NULL;
	struct crypt_keys k;
	bool is_ckks;
	size_t slots;
	int code = crypt_open(&k, o, CRYPT_SK);

	if (code || k.c == NULL) {
		code = code ? code : crypt_counter_decrypt(&k);
		crypt_close(&k);
		return code;
	}
	is_ckks = he_ctx_params(k.c)->scheme == HE_CKKS;
	slots = ((size_t)1 << he_ctx_params(k.c)->log_n) / (is_ckks ? 2 : 1);
	count = (double)slots;
	/* CKKS is always rounded: what it decrypts to, exactly, tells of the key. */
	digits = is_ckks ? 2 : o->divide ? 6 : 0;
	if ((code = crypt_number("count", o->count, 1, (double)slots, &count)) == 0 &&
	    (code = crypt_number("divide", o->divide, 1e-9, 1e18, &divide)) == 0 &&
	    (code = crypt_number("decimals", o->decimals, 0, is_ckks ? 6 : 15, &digits)) == 0 &&
	    (v = calloc(slots, sizeof(*v))) != NULL && (code = decrypt_file(&k, (size_t)count, divide, v)) == 0)
		code = crypt_print(o, v, (size_t)count, (int)digits + (o->divide && o->decimals && !is_ckks ? 6 : 0));
	free(v);
	crypt_close(&k);
	return code;
}
