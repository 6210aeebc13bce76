/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that need no secret: sums, products, rotations, means, variances, scores and matches. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "he/numbers.h"
#include "tools/crypt.h"

enum { SUM_MOST = 10000 };

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

/* The same, of a file. */
static int tried_file(struct job *j, int i, int err)
{
	return err ? crypt_fail(CRYPT_REFUSED, "%s: %s", j->k.o->file[i], j->w.text) : CRYPT_OK;
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

/* Whether file i has as many levels left as are needed (score), or can be multiplied at all. */
static int check_levels(struct job *j, int i, const struct he_ct *ct, unsigned levels)
{
	unsigned all = he_ctx_data_primes(j->k.c);

	if (!he_ctx_can_switch(j->k.c))
		return crypt_fail(CRYPT_REFUSED, "keys of the profile sum are for sums only; take exact or score");
	if (is_ckks(j) && ct->primes <= levels)
		return crypt_fail(CRYPT_REFUSED, "%s: %u of its %u levels are used up, and this takes %u more", j->k.o->file[i], all - ct->primes,
		                  all - 1, levels);
	return CRYPT_OK;
}

/* Files of one command have the same computations behind them. */
static int check_past(struct job *j, int i, const struct he_ct *a, const struct he_ct *b)
{
	if (a->primes == b->primes)
		return CRYPT_OK;
	return crypt_fail(CRYPT_REFUSED, "%s: other computations are behind it than behind %s; files of one command must be as fresh as each other",
	                  j->k.o->file[i], j->k.o->file[0]);
}

/* j->sum += ct, what was made of file i. */
static int gather(struct job *j, int i, const struct he_ct *ct)
{
	int code;

	if (j->sum.size == 0)
		return tried_file(j, i, he_ct_copy(&j->sum, ct));
	code = check_past(j, i, ct, &j->sum);
	return code ? code : tried_file(j, i, he_add_ct(&j->sum, &j->sum, ct, &j->w));
}

/* j->sum = all files; each stands `levels` more. */
static int add_files(struct job *j, unsigned levels)
{
	int n = j->k.o->files, i, code = CRYPT_OK;

	/* One prime alone has little room for noise (doc/he.md). */
	if (!he_ctx_can_switch(j->k.c) && n > SUM_MOST)
		return crypt_fail(CRYPT_REFUSED, "%d files; keys of the profile sum add up to %d, those of exact more", n, SUM_MOST);
	for (i = 0; i < n && code == 0; i++) {
		if ((code = load(j, i, &j->a)) == 0 && (levels == 0 || (code = check_levels(j, i, &j->a, levels)) == 0))
			code = gather(j, i, &j->a);
		if (code == 0)
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
		if ((code = job_init(&j, o, 0)) == 0 && (code = add_files(&j, 0)) == 0)
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
static int times(struct job *j, struct he_ct *ct, const char *what, double x, double scale)
{
	bool is_minus = x < 0 && !is_ckks(j);
	double size = is_minus ? -x : x;
	int code = crypt_encode(&j->k, what, &size, 1, true, scale, ct->primes, &j->pt);

	if (code == 0)
		code = tried(j, he_multiply_plain(ct, ct, &j->pt, &j->w));
	if (code == 0 && is_minus)
		code = tried(j, he_negate(ct, ct, &j->w));
	return code == 0 && is_ckks(j) ? tried(j, he_rescale(ct, ct, &j->w)) : code;
}

static int relinearize(struct job *j, struct he_ct *ct)
{
	bool found = false;
	int code = crypt_find_relin(&j->k, &found);

	if (code)
		return code;
	if (!found)
		return crypt_fail(CRYPT_REFUSED, "%s has no relin.seal, which this needs", j->k.o->keys);
	return tried(j, he_relinearize(ct, ct, &j->k.relin, &j->w));
}

/* j->sum = j->a times j->b. */
static int product(struct job *j)
{
	bool found = false;
	int code;

	if ((code = check_levels(j, 0, &j->a, 1)) != 0 || (code = check_levels(j, 1, &j->b, 1)) != 0 ||
	    (code = check_past(j, 1, &j->b, &j->a)) != 0)
		return code;
	/* What nobody would load again is not made. */
	if (j->a.size + j->b.size - 1 > SEAL_MAX_POLYS)
		return crypt_fail(CRYPT_REFUSED, "%s: it is a product that was not relinearized; relin it before", j->k.o->file[j->a.size > 2 ? 0 : 1]);
	if ((code = tried_file(j, 1, he_multiply(&j->sum, &j->a, &j->b, &j->w))) != 0 || (code = crypt_find_relin(&j->k, &found)) != 0)
		return code;
	if (found && (code = relinearize(j, &j->sum)) != 0)
		return code;
	return is_ckks(j) ? tried(j, he_rescale(&j->sum, &j->sum, &j->w)) : CRYPT_OK;
}

int crypt_multiply(const struct crypt_options *o)
{
	struct job j;
	int code = job_init(&j, o, 0);

	if (code == 0 && (code = load(&j, 0, &j.a)) == 0 && (code = load(&j, 1, &j.b)) == 0)
		code = product(&j);
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

	if (code == 0 && (code = crypt_whole("steps", o->steps, -32768, 32768, &steps)) == 0 && (code = load(&j, 0, &j.a)) == 0)
		code = tried_file(&j, 0, he_rotate(&j.b, &j.a, (int)steps, &j.k.galois, &j.w));
	return job_end(&j, code == 0 ? save(&j, &j.b) : code);
}

int crypt_sum(const struct crypt_options *o)
{
	struct job j;
	int code = job_init(&j, o, CRYPT_GALOIS);

	if (code == 0 && (code = load(&j, 0, &j.a)) == 0)
		code = tried_file(&j, 0, he_sum_slots(&j.b, &j.a, &j.k.galois, &j.w));
	return job_end(&j, code == 0 ? save(&j, &j.b) : code);
}

int crypt_mean(const struct crypt_options *o)
{
	struct job j;
	int code = job_init(&j, o, 0);

	if (code == 0 && (code = add_files(&j, is_ckks(&j) ? 1 : 0)) == 0 && is_ckks(&j))
		code = times(&j, &j.sum, "1/n", 1.0 / o->files, j.k.scale);
	if (code == 0 && (code = save(&j, &j.sum)) == 0 && !is_ckks(&j))
		crypt_say("this is the sum of %d: decrypt with --divide %d", o->files, o->files);
	return job_end(&j, code);
}

/* j->b = the sum of the squares of all files, not relinearized; j->sum = the sum of the files. */
static int add_squares(struct job *j)
{
	struct he_ct square;
	int code = CRYPT_OK;

	he_ct_init(&square, j->k.c);
	for (int i = 0; i < j->k.o->files && code == 0; i++) {
		if ((code = load(j, i, &j->a)) == 0 && (code = check_levels(j, i, &j->a, 2)) == 0 && (code = gather(j, i, &j->a)) == 0 &&
		    (code = tried_file(j, i, he_square(&square, &j->a, &j->w))) == 0)
			code = tried_file(j, i, i == 0 ? he_ct_copy(&j->b, &square) : he_add_ct(&j->b, &j->b, &square, &j->w));
		if (code == 0)
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

	if ((code = tried(j, he_rescale(&j->b, &j->b, &j->w))) != 0 || (code = times(j, &j->sum, "1/n", 1 / n, j->k.scale)) != 0 ||
	    (code = tried(j, he_square(&j->sum, &j->sum, &j->w))) != 0 || (code = relinearize(j, &j->sum)) != 0 ||
	    (code = tried(j, he_rescale(&j->sum, &j->sum, &j->w))) != 0)
		return code;
	scale = j->sum.scale * (double)p->q[j->b.primes - 1] / j->b.scale;
	if ((code = times(j, &j->b, "1/n", 1 / n, scale)) != 0)
		return code;
	j->b.scale = j->sum.scale;
	return tried(j, he_sub_ct(&j->b, &j->b, &j->sum, &j->w));
}

/* Exact: n times the sum of squares - the square of the sum. */
static int variance_exact(struct job *j)
{
	int code = times(j, &j->b, "the number of files", j->k.o->files, 1);

	if (code != 0 || (code = tried(j, he_square(&j->sum, &j->sum, &j->w))) != 0 || (code = relinearize(j, &j->sum)) != 0)
		return code;
	return tried(j, he_sub_ct(&j->b, &j->b, &j->sum, &j->w));
}

int crypt_variance(const struct crypt_options *o)
{
	struct job j;
	int code = job_init(&j, o, CRYPT_RELIN);

	if (code == 0 && (code = add_squares(&j)) == 0 && (code = relinearize(&j, &j.b)) == 0)
		code = is_ckks(&j) ? variance_real(&j) : variance_exact(&j);
	if (code == 0 && (code = save(&j, &j.b)) == 0 && !is_ckks(&j))
		crypt_say("this is the variance times %d^2: decrypt with --divide %lld, and with twice the --decimals of the values", o->files,
		     (long long)o->files * o->files);
	return job_end(&j, code);
}

/* j->a = w (x - c), for a file's weight and centre. */
static int weigh(struct job *j, double weight, double centre)
{
	const struct crypt_options *o = j->k.o;
	int code = CRYPT_OK;

	if (centre != 0 && (code = crypt_encode(&j->k, o->centre, &centre, 1, true, j->a.scale, j->a.primes, &j->pt)) == 0)
		code = tried(j, he_sub_plain(&j->a, &j->a, &j->pt, &j->w));
	return code == 0 ? times(j, &j->a, o->weights, weight, j->k.scale) : code;
}

/* What the encoder would make 0 of: such a file adds nothing, and a product with 0 would hide nothing. */
static bool is_zero(const struct job *j, double weight)
{
	return round(weight * (is_ckks(j) ? j->k.scale : j->k.factor)) == 0;
}

static int add_scores(struct job *j, const double *weight, const double *centre)
{
	const struct crypt_options *o = j->k.o;
	int i, code = CRYPT_OK;
	double x;

	for (i = 0; i < o->files && code == 0; i++) {
		if ((code = load(j, i, &j->a)) != 0 || ((o->squared || is_ckks(j)) && (code = check_levels(j, i, &j->a, o->squared ? 2 : 1)) != 0) ||
		    (!is_ckks(j) && (code = crypt_integer(&j->k, o->weights, (size_t)i + 1, weight[i], -HUGE_VAL, HUGE_VAL, &x)) != 0))
			return code;
		if (!is_zero(j, weight[i]) &&
		    ((code = weigh(j, weight[i], centre ? centre[i] : 0)) != 0 ||
		     (o->squared && (code = tried_file(j, i, he_square(&j->a, &j->a, &j->w))) != 0) || (code = gather(j, i, &j->a)) != 0))
			return code;
		crypt_progress("scored", (size_t)i + 1, (size_t)o->files);
	}
	if (j->sum.size == 0)
		return crypt_fail(CRYPT_REFUSED, "%s: every weight is 0%s", o->weights, j->k.factor > 1 ? " with that many --decimals" : "");
	if (o->squared && (code = relinearize(j, &j->sum)) == 0 && is_ckks(j))
		code = tried(j, he_rescale(&j->sum, &j->sum, &j->w));
	return code;
}

/* j->sum += the bias.  An exact one is as much larger than itself as the score is: x, w and c have each 10^decimals. */
static int add_bias(struct job *j, double bias)
{
	double factor = j->k.factor;
	int code;

	j->k.factor = j->k.o->squared ? factor * factor * factor * factor : factor * factor;
	code = crypt_encode(&j->k, "--bias", &bias, 1, true, j->sum.scale, j->sum.primes, &j->pt);
	j->k.factor = factor;
	return code ? code : tried(j, he_add_plain(&j->sum, &j->sum, &j->pt, &j->w));
}

/* One number a file. */
static int numbers_of(const struct crypt_options *o, const char *name, const char *path, double **v)
{
	size_t n = 0;
	int code = crypt_numbers(path, crypt_no_column, HE_NUMBERS_MOST, v, &n);

	if (code == 0 && n != (size_t)o->files)
		code = crypt_fail(CRYPT_REFUSED, "--%s %s has %zu number%s, and there %s %d file%s: each takes one", name, path, n, n == 1 ? "" : "s",
		                  o->files == 1 ? "is" : "are", o->files, o->files == 1 ? "" : "s");
	return code;
}

int crypt_score(const struct crypt_options *o)
{
	double *weight = NULL, *centre = NULL, bias = 0;
	struct job j;
	int code = job_init(&j, o, 0);

	if (code == 0 && (code = crypt_number("bias", o->bias, -1e12, 1e12, &bias)) == 0 &&
	    (code = numbers_of(o, "weights", o->weights, &weight)) == 0 &&
	    (o->centre == NULL || (code = numbers_of(o, "centre", o->centre, &centre)) == 0))
		code = add_scores(&j, weight, centre);
	if (code == 0 && bias != 0)
		code = add_bias(&j, bias);
	crypt_numbers_free(weight, HE_NUMBERS_MOST);
	crypt_numbers_free(centre, HE_NUMBERS_MOST);
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

	if (code == 0 && (is_ckks(&j) || !he_ctx_can_switch(j.k.c)))
		code = crypt_fail(CRYPT_REFUSED, "only keys of the profile exact can be matched with");
	if (code == 0 && (code = crypt_numbers(o->values, o->column, (size_t)1 << he_ctx_params(j.k.c)->log_n, &v, &n)) == 0 &&
	    (code = load(&j, 0, &j.a)) == 0 && j.a.primes < 2)
		code = crypt_fail(CRYPT_REFUSED, "%s is at its lowest level, as the result of a match is; match what encrypt has made", o->file[0]);
	if (code == 0 && (code = crypt_encode(&j.k, o->values, v, n, n == 1, 1, 0, &j.pt)) == 0 &&
	    (code = tried_file(&j, 0, he_sub_plain(&j.a, &j.a, &j.pt, &j.w))) == 0 && (code = random_slots(&j)) == 0)
		code = tried_file(&j, 0, he_multiply_plain(&j.a, &j.a, &j.pt, &j.w));
	/* The noise of what was dropped goes along, and the answer is half as long. */
	if (code == 0)
		code = tried_file(&j, 0, he_mod_switch(&j.a, &j.a, &j.w));
	crypt_numbers_free(v, n);
	return job_end(&j, code == 0 ? save(&j, &j.a) : code);
}
