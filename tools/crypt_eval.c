/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that need no secret: sums, products, rotations, means, variances, scores and matches. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/crypt.h"

/* One command: the keys, ciphertexts to work with, the first file's style. */
struct job {
	struct crypt_keys k;
	struct seal_style style;
	struct he_ct a, b, sum;
	struct he_pt pt;
	struct he_why w;
};

static int job_init(struct job *j, const struct crypt_options *o, unsigned wanted)
{
	int code;

	memset(j, 0, sizeof(*j));
	if ((code = crypt_open(&j->k, o, wanted)) != 0)
		return code;
	if (j->k.c == NULL)
		return crypt_fail(CRYPT_REFUSED, "counters (Paillier) can only be added; take the profile sum, exact or score");
	he_ct_init(&j->a, j->k.c);
	he_ct_init(&j->b, j->k.c);
	he_ct_init(&j->sum, j->k.c);
	he_pt_init(&j->pt, j->k.c);
	return CRYPT_OK;
}

static int job_end(struct job *j, int code)
{
	if (j->k.c) {
		he_ct_fini(&j->a);
		he_ct_fini(&j->b);
		he_ct_fini(&j->sum);
		he_pt_fini(&j->pt);
	}
	crypt_close(&j->k);
	return code;
}

/* err: of a library call that filled j->w. */
static int tried(struct job *j, int err)
{
	return err ? crypt_fail(CRYPT_REFUSED, "%s", j->w.text) : CRYPT_OK;
}

static bool is_ckks(const struct job *j) { return he_ctx_params(j->k.c)->scheme == HE_CKKS; }

static int save(struct job *j, const struct he_ct *ct)
{
	return crypt_save_ct(&j->k, ct, NULL, &j->style);
}

static int load(struct job *j, int i, struct he_ct *ct)
{
	struct seal_style s;
	int code = crypt_load_ct(&j->k, j->k.o->file[i], ct, &s);

	if (code == 0 && j->style.major == 0)
		j->style = s;
	return code;
}

static int gather(struct job *j, const struct he_ct *ct)
{
	return j->sum.size == 0 ? tried(j, he_ct_copy(&j->sum, ct)) : tried(j, he_add_ct(&j->sum, &j->sum, ct, &j->w));
}

/* j->sum = all files. */
static int add_files(struct job *j)
{
	int n = j->k.o->files, i, code = CRYPT_OK;

	for (i = 0; i < n && code == 0; i++) {
		if ((code = load(j, i, &j->a)) == 0)
			code = gather(j, &j->a);
		crypt_progress("added", (size_t)i + 1, (size_t)n);
	}
	return code;
}

int crypt_add(const struct crypt_options *o)
{
	struct job j;
	int code;

	code = crypt_open(&j.k, o, 0);
	if (code == 0 && j.k.c == NULL)
		code = crypt_counter_add(&j.k);
	else if (code == 0) {
		crypt_close(&j.k);
		if ((code = job_init(&j, o, 0)) == 0 && (code = add_files(&j)) == 0)
			code = save(&j, &j.sum);
		return job_end(&j, code);
	}
	crypt_close(&j.k);
	return code;
}

/*
 * ct times one number in every slot.  CKKS: at a scale, then rescaled; else an integer, whose sign is set apart: as a residue next to
 * the plain modulus it would cost noise.
 */
static int times(struct job *j, struct he_ct *ct, double x, double scale)
{
	bool is_minus = x < 0 && !is_ckks(j);
	double size = is_minus ? -x : x;
	int code = crypt_encode(&j->k, &size, 1, true, scale, ct->primes, &j->pt);

	if (code == 0)
		code = tried(j, he_multiply_plain(ct, ct, &j->pt, &j->w));
	if (code == 0 && is_minus)
		code = tried(j, he_negate(ct, ct, &j->w));
	return code == 0 && is_ckks(j) ? tried(j, he_rescale(ct, ct, &j->w)) : code;
}

static int relinearize(struct job *j, struct he_ct *ct)
{
	if (!crypt_has_relin(&j->k))
		return crypt_fail(CRYPT_REFUSED, "the folder has no relin.seal, which this needs");
	return tried(j, he_relinearize(ct, ct, &j->k.relin, &j->w));
}

int crypt_multiply(const struct crypt_options *o)
{
	struct job j;
	int code = job_init(&j, o, 0);

	if (code == 0 && (code = load(&j, 0, &j.a)) == 0 && (code = load(&j, 1, &j.b)) == 0 &&
	    (code = tried(&j, he_multiply(&j.sum, &j.a, &j.b, &j.w))) == 0 && crypt_has_relin(&j.k))
		code = relinearize(&j, &j.sum);
	if (code == 0 && is_ckks(&j))
		code = tried(&j, he_rescale(&j.sum, &j.sum, &j.w));
	return job_end(&j, code == 0 ? save(&j, &j.sum) : code);
}

int crypt_relin(const struct crypt_options *o)
{
	struct job j;
	int code = job_init(&j, o, CRYPT_RELIN);

	if (code == 0 && (code = load(&j, 0, &j.a)) == 0)
		code = relinearize(&j, &j.a);
	return job_end(&j, code == 0 ? save(&j, &j.a) : code);
}

int crypt_rotate(const struct crypt_options *o)
{
	double steps = 0;
	struct job j;
	int code = job_init(&j, o, CRYPT_GALOIS);

	if (code == 0 && o->steps == NULL)
		code = crypt_fail(CRYPT_USAGE, "say how far with --steps");
	if (code == 0 && (code = crypt_number("steps", o->steps, -32768, 32768, &steps)) == 0 && (code = load(&j, 0, &j.a)) == 0)
		code = tried(&j, he_rotate(&j.b, &j.a, (int)steps, &j.k.galois, &j.w));
	return job_end(&j, code == 0 ? save(&j, &j.b) : code);
}

int crypt_sum(const struct crypt_options *o)
{
	struct job j;
	int code = job_init(&j, o, CRYPT_GALOIS);

	if (code == 0 && (code = load(&j, 0, &j.a)) == 0)
		code = tried(&j, he_sum_slots(&j.b, &j.a, &j.k.galois, &j.w));
	return job_end(&j, code == 0 ? save(&j, &j.b) : code);
}

int crypt_mean(const struct crypt_options *o)
{
	struct job j;
	int code = job_init(&j, o, 0);

	if (code == 0 && (code = add_files(&j)) == 0) {
		if (is_ckks(&j))
			code = times(&j, &j.sum, 1.0 / o->files, j.k.scale);
		else
			printf("the sum of %d: decrypt with --divide %d\n", o->files, o->files);
	}
	return job_end(&j, code == 0 ? save(&j, &j.sum) : code);
}

/* j->b = the sum of the squares of all files, not relinearized; j->sum = the sum of the files. */
static int add_squares(struct job *j)
{
	struct he_ct square;
	int code = CRYPT_OK;

	he_ct_init(&square, j->k.c);
	for (int i = 0; i < j->k.o->files && code == 0; i++) {
		if ((code = load(j, i, &j->a)) == 0 && (code = gather(j, &j->a)) == 0 &&
		    (code = tried(j, he_square(&square, &j->a, &j->w))) == 0)
			code = i == 0 ? tried(j, he_ct_copy(&j->b, &square)) : tried(j, he_add_ct(&j->b, &j->b, &square, &j->w));
		crypt_progress("squared", (size_t)i + 1, (size_t)j->k.o->files);
	}
	he_ct_fini(&square);
	return code;
}

/* CKKS: mean of squares - square of the mean.  The scales of both are made to meet exactly. */
static int variance_real(struct job *j)
{
	const struct he_params *p = he_ctx_params(j->k.c);
	double n = j->k.o->files, scale;
	int code;

	if ((code = tried(j, he_rescale(&j->b, &j->b, &j->w))) != 0 || (code = times(j, &j->sum, 1 / n, j->k.scale)) != 0 ||
	    (code = tried(j, he_square(&j->sum, &j->sum, &j->w))) != 0 || (code = relinearize(j, &j->sum)) != 0 ||
	    (code = tried(j, he_rescale(&j->sum, &j->sum, &j->w))) != 0)
		return code;
	scale = j->sum.scale * (double)p->q[j->b.primes - 1] / j->b.scale;
	if ((code = times(j, &j->b, 1 / n, scale)) != 0)
		return code;
	j->b.scale = j->sum.scale;
	return tried(j, he_sub_ct(&j->b, &j->b, &j->sum, &j->w));
}

/* Exact: n times the sum of squares - the square of the sum. */
static int variance_exact(struct job *j)
{
	struct crypt_options plain = *j->k.o;
	const struct crypt_options *o = j->k.o;
	int code;

	/* The count is a count, whatever the values' decimals. */
	plain.decimals = NULL;
	j->k.o = &plain;
	code = times(j, &j->b, o->files, 1);
	j->k.o = o;
	if (code != 0 || (code = tried(j, he_square(&j->sum, &j->sum, &j->w))) != 0 || (code = relinearize(j, &j->sum)) != 0)
		return code;
	printf("the variance times %d^2: decrypt with --divide %lld\n", o->files, (long long)o->files * o->files);
	return tried(j, he_sub_ct(&j->b, &j->b, &j->sum, &j->w));
}

int crypt_variance(const struct crypt_options *o)
{
	struct job j;
	int code = job_init(&j, o, CRYPT_RELIN);

	if (code == 0 && (code = add_squares(&j)) == 0 && (code = relinearize(&j, &j.b)) == 0)
		code = is_ckks(&j) ? variance_real(&j) : variance_exact(&j);
	return job_end(&j, code == 0 ? save(&j, &j.b) : code);
}

/* j->a = w (x - c), for a file's weight and centre. */
static int weigh(struct job *j, double weight, double centre)
{
	int code = CRYPT_OK;

	if (centre != 0 && (code = crypt_encode(&j->k, &centre, 1, true, j->a.scale, j->a.primes, &j->pt)) == 0)
		code = tried(j, he_sub_plain(&j->a, &j->a, &j->pt, &j->w));
	return code == 0 ? times(j, &j->a, weight, j->k.scale) : code;
}

static int add_scores(struct job *j, const double *weight, const double *centre)
{
	const struct crypt_options *o = j->k.o;
	int code = CRYPT_OK;

	for (int i = 0; i < o->files && code == 0; i++) {
		if ((code = load(j, i, &j->a)) != 0 || (code = weigh(j, weight[i], centre ? centre[i] : 0)) != 0)
			return code;
		if (o->squared && (code = tried(j, he_square(&j->a, &j->a, &j->w))) != 0)
			return code;
		code = gather(j, &j->a);
		crypt_progress("scored", (size_t)i + 1, (size_t)o->files);
	}
	if (code == 0 && o->squared && (code = relinearize(j, &j->sum)) == 0 && is_ckks(j))
		code = tried(j, he_rescale(&j->sum, &j->sum, &j->w));
	return code;
}

/* One number a file. */
static int numbers_of(const struct crypt_options *o, const char *name, const char *path, double **v)
{
	size_t n = 0;
	int code = crypt_numbers(o, path, (size_t)o->files, v, &n);

	if (code == 0 && n != (size_t)o->files)
		code = crypt_fail(CRYPT_REFUSED, "--%s has %zu numbers for %d files", name, n, o->files);
	return code;
}

int crypt_score(const struct crypt_options *o)
{
	double *weight = NULL, *centre = NULL, bias = 0;
	struct job j;
	int code = job_init(&j, o, 0);

	if (code == 0 && o->weights == NULL)
		code = crypt_fail(CRYPT_USAGE, "say which weights with --weights");
	if (code == 0 && (code = crypt_number("bias", o->bias, -1e12, 1e12, &bias)) == 0 &&
	    (code = numbers_of(o, "weights", o->weights, &weight)) == 0 &&
	    (o->centre == NULL || (code = numbers_of(o, "centre", o->centre, &centre)) == 0))
		code = add_scores(&j, weight, centre);
	if (code == 0 && bias != 0 && (code = crypt_encode(&j.k, &bias, 1, true, j.sum.scale, j.sum.primes, &j.pt)) == 0)
		code = tried(&j, he_add_plain(&j.sum, &j.sum, &j.pt, &j.w));
	free(weight);
	free(centre);
	return job_end(&j, code == 0 ? save(&j, &j.sum) : code);
}

/* j->pt = a random number but 0 for every slot. */
static int random_slots(struct job *j)
{
	const struct he_params *p = he_ctx_params(j->k.c);
	size_t n = (size_t)1 << p->log_n;
	uint64_t *slot = calloc(n, sizeof(*slot));
	int code = CRYPT_OK;

	for (size_t i = 0; slot && i < n; i++)
		slot[i] = 1 + rnd_below(j->k.rnd, p->t - 1);
	if (slot == NULL || he_encode_batch(&j->pt, slot, n, &j->w) != 0)
		code = crypt_fail(CRYPT_REFUSED, "%s", j->w.text);
	free(slot);
	return code;
}

int crypt_match(const struct crypt_options *o)
{
	double *v = NULL;
	size_t n = 0;
	struct job j;
	int code = job_init(&j, o, 0);

	if (code == 0 && (o->values == NULL || is_ckks(&j) || !he_ctx_can_switch(j.k.c)))
		code = crypt_fail(CRYPT_REFUSED, "matching needs --values, and the profile exact");
	if (code == 0 && (code = crypt_numbers(o, o->values, (size_t)1 << he_ctx_params(j.k.c)->log_n, &v, &n)) == 0 &&
	    (code = load(&j, 0, &j.a)) == 0 && (code = crypt_encode(&j.k, v, n, n == 1, 1, 0, &j.pt)) == 0 &&
	    (code = tried(&j, he_sub_plain(&j.a, &j.a, &j.pt, &j.w))) == 0 && (code = random_slots(&j)) == 0)
		code = tried(&j, he_multiply_plain(&j.a, &j.a, &j.pt, &j.w));
	/* The noise of what was dropped goes along, and the answer is half as long. */
	if (code == 0)
		code = tried(&j, he_mod_switch(&j.a, &j.a, &j.w));
	free(v);
	return job_end(&j, code == 0 ? save(&j, &j.a) : code);
}
