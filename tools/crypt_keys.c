/* SPDX-License-Identifier: Apache-2.0 */
/* The owner's commands: encrypt, decrypt. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/crypt.h"

/* Numbers that a file has room for. */
static size_t slots(const struct crypt_keys *k)
{
	return ((size_t)1 << he_ctx_params(k->c)->log_n) / (he_ctx_params(k->c)->scheme == HE_CKKS ? 2 : 1);
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
	if ((code = crypt_encode(k, k->o->file[0], v, n, false, k->scale, he_ctx_data_primes(k->c), &pt)) == 0) {
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
	else if (code == 0 && (code = crypt_numbers(o->file[0], o->column, slots(&k), &v, &n)) == 0)
		code = encrypt_numbers(&k, v, n);
	crypt_numbers_free(v, n);
	crypt_close(&k);
	return code;
}

int crypt_print(const struct crypt_options *o, const double *v, size_t n, int digits)
{
	bool is_json = o->format && strcmp(o->format, "json") == 0;

	for (size_t i = 0; i < n; i++) {
		double x = round(v[i] * pow(10, digits)) / pow(10, digits);

		/* Never -0. */
		printf(is_json ? (i ? ", %.*f" : "[%.*f") : "%.*f\n", digits, o->zeros ? (double)(v[i] == 0) : x + 0.0);
	}
	if (is_json)
		puts("]");
	return CRYPT_OK;
}

/* CKKS knows no noise budget.  A wrong key, or a result that has wrapped around, leaves numbers that are spread evenly over the
 * modulus; by Parseval the slots tell, and no result within the range of doc/he.md comes near. */
static bool is_noise(const struct he_pt *pt, const double *slot, size_t n)
{
	const struct he_params *p = he_ctx_params(pt->ctx);
	double q = 1, squares = 0;

	for (unsigned i = 0; i < pt->primes; i++)
		q *= (double)p->q[i];
	/* n: real and imaginary parts; the other half are conjugates. */
	for (size_t i = 0; i < n; i++)
		squares += 2 * slot[i] * slot[i];
	return !(pt->scale * sqrt(squares) / (double)n < q / 8);
}

static int decode_real(const struct crypt_keys *k, const struct he_pt *pt, size_t n, double divide, double *v)
{
	size_t all = (size_t)1 << he_ctx_params(pt->ctx)->log_n;
	double *slot = calloc(all, sizeof(*slot));
	struct he_why w = { "out of memory" };
	int code = CRYPT_OK;

	if (slot == NULL || he_decode_ckks(slot, all / 2, true, pt, &w) != 0)
		code = crypt_fail(CRYPT_REFUSED, "%s", w.text);
	else if (is_noise(pt, slot, all))
		code = crypt_fail(CRYPT_REFUSED, "%s: what comes out is noise: it was made with other keys, or a result became larger than its "
		                                 "levels hold (after two products 500,000)", k->o->file[0]);
	for (size_t i = 0; code == 0 && i < n; i++)
		v[i] = slot[2 * i] / divide;
	crypt_numbers_free(slot, all);
	return code;
}

static int decode_exact(const struct crypt_keys *k, const struct he_pt *pt, size_t n, double divide, double *v)
{
	uint64_t t = he_ctx_params(k->c)->t, *slot = calloc(n, sizeof(*slot));
	struct he_why w = { "out of memory" };
	int code = CRYPT_OK;

	if (slot == NULL || he_decode_batch(slot, n, pt, &w) != 0)
		code = crypt_fail(CRYPT_REFUSED, "%s", w.text);
	for (size_t i = 0; code == 0 && i < n; i++)
		v[i] = (slot[i] > t / 2 ? -(double)(t - slot[i]) : (double)slot[i]) / k->factor / divide;
	if (slot)
		explicit_bzero(slot, n * sizeof(*slot));
	free(slot);
	return code;
}

/* Decimals that lie well above the noise of a scale: of 2^40, which keygen's profile has, six.  Lower ones tell of the key. */
static int limit_digits(const struct crypt_keys *k, double scale, double *digits)
{
	double most = floor(log10(scale)) - 6;

	if (most >= *digits)
		return CRYPT_OK;
	if (most < 0 || k->o->decimals)
		return crypt_fail(CRYPT_REFUSED, "%s: its scale is %g, which leaves %s decimals above the noise%s", k->o->file[0], scale,
		                  most < 0 ? "no" : "fewer", most < 0 ? "; encode at 2^40" : "; say fewer --decimals");
	*digits = most;
	return CRYPT_OK;
}

static int decrypt_file(const struct crypt_keys *k, size_t n, double divide, double *digits, double *v)
{
	bool is_ckks = he_ctx_params(k->c)->scheme == HE_CKKS;
	struct he_why w = { "" };
	struct he_pt pt;
	struct he_ct ct;
	unsigned bits = 1;
	int code;

	he_pt_init(&pt, k->c);
	he_ct_init(&ct, k->c);
	if ((code = crypt_load_ct(k, k->o->file[0], &ct, NULL)) == 0 && is_ckks)
		code = limit_digits(k, ct.scale, digits);
	if (code == 0 && he_decrypt(&pt, &ct, &k->sk, &w) != 0)
		code = crypt_fail(CRYPT_REFUSED, "%s: %s", k->o->file[0], w.text);
	/* A result without budget may be wrong: nothing of it is shown. */
	if (code == 0 && !is_ckks && he_noise_budget(&bits, &ct, &k->sk, &w) != 0)
		code = crypt_fail(CRYPT_REFUSED, "%s: %s", k->o->file[0], w.text);
	else if (code == 0 && !is_ckks && bits == 0)
		code = crypt_fail(CRYPT_REFUSED, "%s: too much was computed with this, its noise budget is used up; or it was made with other keys",
		                  k->o->file[0]);
	if (code == 0)
		code = is_ckks ? decode_real(k, &pt, n, divide, v) : decode_exact(k, &pt, n, divide, v);
	he_pt_fini(&pt);
	he_ct_fini(&ct);
	return code;
}

/* CKKS is always rounded: what it decrypts to, exactly, tells of the key.  A small --divide would show what rounding hides. */
static int print_options(const struct crypt_keys *k, double *count, double *divide, double *digits)
{
	const struct crypt_options *o = k->o;
	bool is_ckks = he_ctx_params(k->c)->scheme == HE_CKKS;
	int code;

	*count = (double)slots(k);
	*divide = 1;
	*digits = is_ckks ? 2 : o->divide ? 6 : 0;
	if ((code = crypt_whole("count", o->count, 1, *count, count)) != 0 ||
	    (code = crypt_number("divide", o->divide, is_ckks ? 1 : 1e-9, 1e18, divide)) != 0 ||
	    (code = crypt_whole("decimals", o->decimals, 0, is_ckks ? 6 : 15, digits)) != 0)
		return code;
	if (is_ckks && o->zeros)
		return crypt_fail(CRYPT_USAGE, "--zeros is for exact profiles: numbers of score are never exactly 0");
	*digits += o->divide && o->decimals && !is_ckks ? 6 : 0;
	return CRYPT_OK;
}

int crypt_decrypt(const struct crypt_options *o)
{
	double count, divide, digits, *v = NULL;
	struct crypt_keys k;
	int code;

	if (o->format && strcmp(o->format, "csv") != 0 && strcmp(o->format, "json") != 0)
		return crypt_fail(CRYPT_USAGE, "--format %s is none of csv, json", o->format);
	code = crypt_open(&k, o, CRYPT_SK);
	if (code == 0 && k.c == NULL)
		code = crypt_counter_decrypt(&k);
	else if (code == 0 && (code = print_options(&k, &count, &divide, &digits)) == 0) {
		v = calloc((size_t)count, sizeof(*v));
		code = v ? decrypt_file(&k, (size_t)count, divide, &digits, v) : crypt_fail(CRYPT_REFUSED, "out of memory");
		if (code == 0)
			code = crypt_print(o, v, (size_t)count, (int)digits);
		crypt_numbers_free(v, (size_t)count);
	}
	crypt_close(&k);
	return code;
}
