/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of troth-he share: options, the folder of keys, files, complaints. */
#ifndef TOOLS_CRYPT_H
#define TOOLS_CRYPT_H

#include <limits.h>

#include "cse/base/check.h"
#include "cse/base/rand.h"
#include "he/paillier_secret.h"
#include "he/seal_io.h"
#include "he/secret.h"

enum crypt_exit { CRYPT_OK, CRYPT_REFUSED, CRYPT_USAGE, CRYPT_NOFILE = 4 };

struct crypt_options {
	const char *keys, *out, *public, *profile, *scheme, *format, *column, *weights, *centre, *values, *compression, *version;
	const char *count, *divide, *decimals, *steps, *bias;
	bool symmetric, force, squared, zeros;
	char **file;
	int files;
};

/* A row of the profiles: what a question needs (doc/he.md). */
struct crypt_profile {
	const char *name;
	enum he_scheme scheme; /* 0: Paillier */
	unsigned log_n, t_bits;
	unsigned bits[8];      /* of the primes; none: SEAL's defaults */
	double scale;          /* CKKS */
	bool has_relin, has_galois;
	const char *what;
};
extern const struct crypt_profile crypt_profiles[];
extern const size_t crypt_profile_count;

/* The folder of keys.  What a command does not need is not read. */
struct crypt_keys {
	const struct crypt_options *o;
	struct he_ctx *c;          /* NULL: Paillier */
	struct seal_style style;   /* that of the parameters' file */
	double scale;
	double factor;             /* 10^decimals: what integers of exact profiles are multiplied by */
	struct he_pk pk;
	struct he_sk sk;
	struct he_ksk relin, galois;
	struct paillier_pk *ppk;
	struct paillier_sk *psk;
	struct rnd *rnd;
};

/* Prints "troth-he: ..." to stderr: the result itself may go to standard output. */
void crypt_say(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Says why, and is the code: a macro, so that analyzers see that a failure is not 0. */
#define crypt_fail(code, ...) (crypt_say(__VA_ARGS__), (code))
/* On a terminal: how far a long work is. */
void crypt_progress(const char *what, size_t done, size_t all);

/* Files.  Codes of crypt_exit. */
int crypt_read(const char *path, size_t max, struct buf *b);
const char *crypt_path(char *room, size_t n, const char *folder, const char *name);

/* A file that lies whole and synced beside its place, and is not there yet. */
struct crypt_staged {
	char path[PATH_MAX], temp[PATH_MAX];
};
/* A secret one is readable by its owner only.  Signals that end the process wait from the first one on until crypt_settle. */
int crypt_stage(struct crypt_staged *s, const char *path, const struct buf *b, bool is_secret);
/* code 0: all go to their places, nothing is overwritten without force; else, and when one cannot, none.  The code of the outcome. */
int crypt_settle(struct crypt_staged *s, size_t n, bool force, int code);
/* The result, to --out: whole or not at all; "-" is standard output. */
int crypt_write(const struct crypt_options *o, const struct buf *b);
/* Before long work: --out may be written, as far as one can tell. */
int crypt_may_write(const struct crypt_options *o);

enum { CRYPT_PK = 1, CRYPT_SK = 2, CRYPT_RELIN = 4, CRYPT_GALOIS = 8 };
/* crypt_close in any case. */
int crypt_open(struct crypt_keys *k, const struct crypt_options *o, unsigned wanted);
void crypt_close(struct crypt_keys *k);
/* Reads relin.seal when it is there. */
int crypt_find_relin(struct crypt_keys *k, bool *found);

/* Ciphertexts.  style (may be NULL): the file's. */
int crypt_load_ct(const struct crypt_keys *k, const char *path, struct he_ct *ct, struct seal_style *style);
int crypt_save_ct(const struct crypt_keys *k, const struct he_ct *ct, const struct he_seed *seed, const struct seal_style *style);
/* "--version 4.1" and "--compression zstd" over what is in *style; SEAL 3 has no BGV. */
int crypt_style(const struct crypt_options *o, enum he_scheme scheme, struct seal_style *style);

/* Numbers of a file ("-": standard input): malloc'd, at most `most`.  column: NULL when it was not said, crypt_no_column: cannot be. */
extern const char crypt_no_column[];
int crypt_numbers(const char *path, const char *column, size_t most, double **v, size_t *n);
void crypt_numbers_free(double *v, size_t n); /* wipes; v may be NULL */
/* An option's number; when it is absent, *v is as it was. */
int crypt_number(const char *name, const char *text, double least, double most, double *v);
/* The same for a whole number. */
int crypt_whole(const char *name, const char *text, double least, double most, double *v);
/* v times k->factor as an integer of low to high, or a sentence that names `what` and the number's place. */
int crypt_integer(const struct crypt_keys *k, const char *what, size_t place, double v, double low, double high, double *x);
/*
 * Numbers as a plaintext for the level of `primes` (CKKS) at a scale; integers after k->factor else.  `all`: one for every slot.
 * what: where they are from, for complaints, which never show a number.
 */
int crypt_encode(const struct crypt_keys *k, const char *what, const double *v, size_t n, bool all, double scale, unsigned primes,
                 struct he_pt *pt);

/* Commands. */
int crypt_keygen(const struct crypt_options *o);
int crypt_encrypt(const struct crypt_options *o);
int crypt_decrypt(const struct crypt_options *o);
int crypt_add(const struct crypt_options *o);
int crypt_multiply(const struct crypt_options *o);
int crypt_relin(const struct crypt_options *o);
int crypt_rotate(const struct crypt_options *o);
int crypt_sum(const struct crypt_options *o);
int crypt_mean(const struct crypt_options *o);
int crypt_variance(const struct crypt_options *o);
int crypt_score(const struct crypt_options *o);
int crypt_match(const struct crypt_options *o);
int crypt_inspect(const struct crypt_options *o);
int crypt_convert(const struct crypt_options *o);

/* The same for Paillier. */
int crypt_counter_encrypt(struct crypt_keys *k);
int crypt_counter_decrypt(struct crypt_keys *k);
int crypt_counter_add(struct crypt_keys *k);
/* Prints decrypted numbers, in the way that the options ask for. */
int crypt_print(const struct crypt_options *o, const double *v, size_t n, int digits);

#endif
