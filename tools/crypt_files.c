/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of keys, ciphertexts and numbers as files. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cse/base/err.h"
#include "he/numbers.h"
#include "tools/crypt.h"

const char crypt_no_column[] = "";

enum { TEXT_MOST = 16 * 1024 * 1024 };

const char *crypt_path(char *room, size_t n, const char *folder, const char *name)
{
	int length = snprintf(room, n, "%s/%s", folder, name);

	/* Half a path may be another file's. */
	if (length < 0 || (size_t)length >= n)
		room[0] = '\0';
	return room;
}

int crypt_read(const char *path, size_t max, struct buf *b)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), code = CRYPT_OK;
	struct stat st;
	ssize_t n = 1;

	/* One byte more tells that there are too many. */
	buf_init_secret(b, max + 1);
	if (fd < 0)
		return crypt_fail(CRYPT_NOFILE, "%s cannot be read: %s", path, strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size <= max)
		(void)buf_room(b, (size_t)st.st_size + 1);
	while (n > 0 && b->n <= max) {
		if (b->n == b->cap)
			(void)buf_room(b, b->max - b->n < 65536 ? b->max - b->n : 65536);
		n = read(fd, b->p + b->n, b->cap - b->n);
		if (n > 0)
			buf_added(b, (size_t)n);
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	if (n < 0)
		code = crypt_fail(CRYPT_NOFILE, "%s cannot be read: %s", path, strerror(errno));
	else if (b->n > max)
		code = crypt_fail(CRYPT_NOFILE, "%s has more than %zu bytes, the most that is taken here", path, max);
	if (!is_stdin)
		close(fd);
	if (code)
		buf_fini_secret(b);
	return code;
}

int crypt_style(const struct crypt_options *o, enum he_scheme scheme, struct seal_style *style)
{
	static const char *const kinds[] = { "none", "zlib", "zstd" };
	int kind = 3;

	if (o->version) {
		const char *v = o->version;

		if (strlen(v) != 3 || v[1] != '.' || !((v[0] == '4' && v[2] >= '0' && v[2] <= '4') || strcmp(v, "3.6") == 0 ||
		                                         strcmp(v, "3.7") == 0))
			return crypt_fail(CRYPT_USAGE, "--version %s: 4.0 to 4.4, 3.6 and 3.7 are possible", v);
		style->major = (uint8_t)(v[0] - '0');
		style->minor = (uint8_t)(v[2] - '0');
		if (style->major < 4 && scheme == HE_BGV)
			return crypt_fail(CRYPT_REFUSED, "--version %s: SEAL has BGV since 4.0; keys made with --scheme bfv can be for %s", v, v);
	}
	while (o->compression && kind-- > 0)
		if (strcmp(o->compression, kinds[kind]) == 0) {
			style->compression = (enum seal_compression)kind;
			return CRYPT_OK;
		}
	return o->compression ? crypt_fail(CRYPT_USAGE, "--compression %s is none of none, zlib, zstd", o->compression) : CRYPT_OK;
}

/* What to do about a file that the folder lacks. */
static const char *mend(const char *name)
{
	if (strncmp(name, "secret.", 7) == 0)
		return "; this needs the owner's folder, where keygen made it";
	if (strcmp(name, "relin.seal") == 0 || strcmp(name, "galois.seal") == 0)
		return "; this needs keys of the profiles exact or score";
	return "; --keys takes a folder that keygen made";
}

static int read_key(const struct crypt_keys *k, const char *name, char *path, size_t n, struct buf *b)
{
	crypt_path(path, n, k->o->keys, name);
	if (access(path, F_OK) != 0)
		return crypt_fail(CRYPT_NOFILE, "%s: %s%s", path, strerror(errno), mend(name));
	return crypt_read(path, SEAL_MAX_BYTES, b);
}

/* Reads one file of the folder with one of the readers; a sentence says what was wrong. */
#define READ(k, name, call) \
	do { \
		char path_[PATH_MAX]; \
		struct he_why w = { "" }; \
		struct buf b_; \
		int code_ = read_key(k, name, path_, sizeof(path_), &b_); \
		if (code_) \
			return code_; \
		struct str in = buf_as_str(&b_); \
		int err_ = (call); \
		buf_fini_secret(&b_); \
		if (err_) \
			return crypt_fail(CRYPT_REFUSED, "%s: %s", path_, w.text); \
	} while (0)

static int open_context(struct crypt_keys *k)
{
	struct he_params p;

	READ(k, "params.seal", seal_load_params(in, &p, &k->style, &w) == 0 ? he_ctx_new(&p, NULL, &k->c, &w) : -1);
	he_ct_init(&k->pk.ct, k->c);
	he_sk_init(&k->sk, k->c);
	he_ksk_init(&k->relin, k->c, false);
	he_ksk_init(&k->galois, k->c, true);
	k->style.compression = SEAL_NONE;
	/* All sets of CKKS that keygen makes have 40 bits between their outer primes. */
	k->scale = 0x1p40;
	return CRYPT_OK;
}

/* Is the public key the secret one's? */
static bool is_pair(const struct crypt_keys *k)
{
	struct paillier_pk *own = NULL;
	struct buf a, b;
	bool ok;

	buf_init(&a, PAILLIER_MAX_CT);
	buf_init(&b, PAILLIER_MAX_CT);
	ok = paillier_pk_of(k->psk, &own, NULL) == 0 && paillier_pk_save(own, &a) == 0 && paillier_pk_save(k->ppk, &b) == 0 &&
	     str_eq(buf_as_str(&a), buf_as_str(&b));
	paillier_pk_free(own);
	buf_fini(&a);
	buf_fini(&b);
	return ok;
}

static int open_paillier(struct crypt_keys *k, unsigned wanted)
{
	READ(k, "public.paillier", paillier_pk_load(in, &k->ppk, &w));
	if (!(wanted & CRYPT_SK))
		return CRYPT_OK;
	READ(k, "secret.paillier", paillier_sk_load(in, &k->psk, &w));
	return is_pair(k) ? CRYPT_OK : crypt_fail(CRYPT_REFUSED, "%s: public.paillier and secret.paillier are of different keys", k->o->keys);
}

int crypt_open(struct crypt_keys *k, const struct crypt_options *o, unsigned wanted)
{
	char path[PATH_MAX];
	double decimals = 0;
	int code;

	*k = (struct crypt_keys){ .o = o };
	if ((code = crypt_whole("decimals", o->decimals, 0, 15, &decimals)) != 0)
		return code;
	k->factor = pow(10, decimals);
	k->rnd = rnd_new();
	if (access(crypt_path(path, sizeof(path), o->keys, "public.paillier"), F_OK) == 0) {
		if (o->version || o->compression || o->symmetric)
			return crypt_fail(CRYPT_USAGE, "--version, --compression and --symmetric are not for counters (Paillier)");
		return open_paillier(k, wanted);
	}
	if ((code = open_context(k)) != 0 || (code = crypt_style(o, he_ctx_params(k->c)->scheme, &k->style)) != 0)
		return code;
	if (wanted & CRYPT_PK)
		READ(k, "public.seal", seal_load_pk(k->c, in, &k->pk, NULL, &w));
	if (wanted & CRYPT_SK)
		READ(k, "secret.seal", seal_load_sk(k->c, in, &k->sk, NULL, &w));
	if (wanted & CRYPT_RELIN)
		READ(k, "relin.seal", seal_load_ksk(k->c, false, in, &k->relin, NULL, &w));
	if (wanted & CRYPT_GALOIS)
		READ(k, "galois.seal", seal_load_ksk(k->c, true, in, &k->galois, NULL, &w));
	return CRYPT_OK;
}

static int read_relin(struct crypt_keys *k)
{
	READ(k, "relin.seal", seal_load_ksk(k->c, false, in, &k->relin, NULL, &w));
	return CRYPT_OK;
}

int crypt_find_relin(struct crypt_keys *k, bool *found)
{
	char path[PATH_MAX];
	int code = CRYPT_OK;

	if (k->relin.n == 0 && access(crypt_path(path, sizeof(path), k->o->keys, "relin.seal"), F_OK) == 0)
		code = read_relin(k);
	*found = k->relin.n > 0;
	return code;
}

void crypt_close(struct crypt_keys *k)
{
	if (k->c) {
		he_ct_fini(&k->pk.ct);
		he_sk_fini(&k->sk);
		he_ksk_fini(&k->relin);
		he_ksk_fini(&k->galois);
		he_ctx_free(k->c);
	}
	paillier_pk_free(k->ppk);
	paillier_sk_free(k->psk);
	if (k->rnd)
		rnd_free(k->rnd);
}

int crypt_load_ct(const struct crypt_keys *k, const char *path, struct he_ct *ct, struct seal_style *style)
{
	const struct he_params *p = he_ctx_params(k->c);
	/* Twice the longest: headers, and what compression may add, are little. */
	size_t most = (size_t)2 * 8 * SEAL_MAX_POLYS * he_ctx_data_primes(k->c) << p->log_n;
	struct he_why w = { "" };
	struct buf b;
	int code = crypt_read(path, most, &b);

	if (code)
		return code;
	if (seal_load_ct(k->c, buf_as_str(&b), ct, style, &w) != 0)
		code = crypt_fail(CRYPT_REFUSED, "%s: %s", path, w.text);
	buf_fini(&b);
	return code;
}

int crypt_save_ct(const struct crypt_keys *k, const struct he_ct *ct, const struct he_seed *seed, const struct seal_style *style)
{
	struct seal_style s = style ? *style : k->style;
	struct buf b;
	int code = crypt_style(k->o, he_ctx_params(k->c)->scheme, &s);

	if (code)
		return code;
	buf_init(&b, SEAL_MAX_BYTES);
	code = seal_save_ct(ct, seed, &s, &b) == 0 ? crypt_write(k->o, &b)
	                                           : crypt_fail(CRYPT_REFUSED, "SEAL %u.%u cannot hold this result; take --version 4.1", s.major, s.minor);
	buf_fini(&b);
	return code;
}

void crypt_numbers_free(double *v, size_t n)
{
	if (v)
		explicit_bzero(v, n * sizeof(*v));
	free(v);
}

int crypt_numbers(const char *path, const char *column, size_t most, double **v, size_t *n)
{
	bool takes_column = column != crypt_no_column;
	struct he_why w = { "out of memory" };
	struct buf b;
	double *got;
	int code = crypt_read(path, TEXT_MOST, &b), err = E_NOMEM;

	if (code)
		return code;
	got = calloc(most, sizeof(*got));
	if (got == NULL || (err = he_numbers_read(buf_as_str(&b), takes_column ? column : NULL, got, most, n, &w)) != 0) {
		crypt_numbers_free(got, got ? most : 0);
		got = NULL;
		code = crypt_fail(CRYPT_REFUSED, "%s: %s", path,
		                  err == E_ABSENT && !takes_column ? "there are several columns; one number a line is taken here, or a JSON array" : w.text);
	}
	buf_fini_secret(&b);
	if (got)
		*v = got;
	return code;
}

int crypt_integer(const struct crypt_keys *k, const char *what, size_t place, double v, double low, double high, double *x)
{
	*x = round(v * k->factor);
	if (k->o->decimals == NULL && *x != v * k->factor)
		return crypt_fail(CRYPT_REFUSED, "%s: number %zu has decimals; --decimals says how many are kept (0: none, it is rounded)", what, place);
	if (!(*x >= low && *x <= high))
		return crypt_fail(CRYPT_REFUSED, "%s: number %zu does not fit these keys: %.15g to %.15g do%s", what, place, low / k->factor,
		                  high / k->factor, k->factor > 1 ? " with that many --decimals" : "");
	return CRYPT_OK;
}

int crypt_encode(const struct crypt_keys *k, const char *what, const double *v, size_t n, bool all, double scale, unsigned primes,
                 struct he_pt *pt)
{
	const struct he_params *p = he_ctx_params(k->c);
	size_t room = (size_t)1 << p->log_n, i;
	struct he_why w = { "out of memory" };
	double *wide = calloc(room, sizeof(*wide)), x = 0, most = floor((double)p->t / 2);
	uint64_t *slot = calloc(room, sizeof(*slot));
	size_t slots = p->scheme == HE_CKKS ? room / 2 : room;
	int code = CRYPT_OK, err;

	if (wide == NULL || slot == NULL) {
		code = crypt_fail(CRYPT_REFUSED, "out of memory");
		goto out;
	}
	if (n > slots)
		code = crypt_fail(CRYPT_REFUSED, "%s has %zu numbers; there are %zu slots", what, n, slots);
	for (i = 0; code == 0 && i < slots && (all || i < n); i++) {
		wide[i] = v[all ? 0 : i];
		if (p->scheme == HE_CKKS || (code = crypt_integer(k, what, all ? 1 : i + 1, wide[i], -most, most, &x)) != 0)
			continue;
		slot[i] = x < 0 ? p->t - (uint64_t)-x : (uint64_t)x;
	}
	if (code == 0 && p->scheme == HE_CKKS && (err = he_encode_ckks(pt, wide, slots, false, scale, primes, &w)) != 0)
		code = crypt_fail(CRYPT_REFUSED, "%s: %s", what, err == E_RANGE ? "a number is too large for these keys" : w.text);
	if (code == 0 && p->scheme != HE_CKKS && he_encode_batch(pt, slot, slots, &w) != 0)
		code = crypt_fail(CRYPT_REFUSED, "%s: %s", what, w.text);
out:
	crypt_numbers_free(wide, room);
	if (slot)
		explicit_bzero(slot, room * sizeof(*slot));
	free(slot);
	return code;
}
