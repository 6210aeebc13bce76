/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of keys, ciphertexts and numbers as files. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "he/numbers.h"
#include "tools/crypt.h"

enum { TEXT_MOST = 16 * 1024 * 1024 };

const char *crypt_path(char *room, size_t n, const char *folder, const char *name)
{
	snprintf(room, n, "%s/%s", folder, name);
	return room;
}

int crypt_read(const char *path, size_t max, struct buf *b)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	size_t n = 1;

	buf_init(b, max);
	if (f == NULL)
		return crypt_fail(CRYPT_NOFILE, "%s: %s", path, strerror(errno));
	while (n && !b->over) {
		size_t left = max - b->n, want = left < 65536 ? left + 1 : 65536;
		char room[65537];

		n = fread(room, 1, want, f);
		buf_put(b, room, n);
		explicit_bzero(room, n);
	}
	n = (size_t)ferror(f);
	if (f != stdin)
		fclose(f);
	if (n || b->over) {
		buf_fini_secret(b);
		return crypt_fail(CRYPT_NOFILE, "%s cannot be read, or has more than %zu bytes", path, max);
	}
	return CRYPT_OK;
}

int crypt_write(const struct crypt_options *o, const char *path, const struct buf *b, bool is_secret)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | (o->force ? 0 : O_EXCL), is_secret ? 0600 : 0644);
	size_t done = 0;

	if (fd < 0)
		return crypt_fail(CRYPT_NOFILE, "%s: %s%s", path, strerror(errno), errno == EEXIST ? "; --force overwrites" : "");
	while (done < b->n) {
		ssize_t n = write(fd, b->p + done, b->n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		done += (size_t)n;
	}
	if (close(fd) != 0 || done < b->n)
		return crypt_fail(CRYPT_NOFILE, "%s: %s", path, strerror(errno));
	return CRYPT_OK;
}

int crypt_style(const struct crypt_options *o, struct seal_style *style)
{
	static const char *const kinds[] = { "none", "zlib", "zstd" };
	int kind = 3;

	if (o->version) {
		const char *v = o->version;

		if (strlen(v) != 3 || v[1] != '.' || !((v[0] == '4' && v[2] >= '0' && v[2] <= '4') || strcmp(v, "3.7") == 0))
			return crypt_fail(CRYPT_USAGE, "--version %s: 4.0 to 4.4 and 3.7 are possible", v);
		style->major = (uint8_t)(v[0] - '0');
		style->minor = (uint8_t)(v[2] - '0');
	}
	while (o->compression && kind-- > 0)
		if (strcmp(o->compression, kinds[kind]) == 0) {
			style->compression = (enum seal_compression)kind;
			return CRYPT_OK;
		}
	return o->compression ? crypt_fail(CRYPT_USAGE, "--compression %s is none of none, zlib, zstd", o->compression) : CRYPT_OK;
}

/* Reads one file of the folder with one of the readers; a sentence says what was wrong. */
#define READ(k, name, call) \
	do { \
		char path_[4096]; \
		struct he_why w = { "" }; \
		struct buf b_; \
		int code_ = crypt_read(crypt_path(path_, sizeof(path_), (k)->o->keys, name), SEAL_MAX_BYTES, &b_); \
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

static int open_paillier(struct crypt_keys *k, unsigned wanted)
{
	READ(k, "public.paillier", paillier_pk_load(in, &k->ppk, &w));
	if (wanted & CRYPT_SK)
		READ(k, "secret.paillier", paillier_sk_load(in, &k->psk, &w));
	return CRYPT_OK;
}

int crypt_open(struct crypt_keys *k, const struct crypt_options *o, unsigned wanted)
{
	char path[4096];
	int code;

	*k = (struct crypt_keys){ .o = o };
	if (o->keys == NULL)
		return crypt_fail(CRYPT_USAGE, "say which folder of keys with --keys");
	k->rnd = rnd_new();
	if (access(crypt_path(path, sizeof(path), o->keys, "public.paillier"), R_OK) == 0)
		return open_paillier(k, wanted);
	if ((code = open_context(k)) != 0 || (code = crypt_style(o, &k->style)) != 0)
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

bool crypt_has_relin(struct crypt_keys *k)
{
	char path[4096];

	if (k->relin.n == 0 && access(crypt_path(path, sizeof(path), k->o->keys, "relin.seal"), R_OK) == 0)
		read_relin(k);
	return k->relin.n > 0;
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
	struct he_why w = { "" };
	struct buf b;
	int code = crypt_read(path, SEAL_MAX_BYTES, &b);

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
	int code;

	if (k->o->out == NULL)
		return crypt_fail(CRYPT_USAGE, "say where the result goes with --out");
	if ((code = crypt_style(k->o, &s)) != 0)
		return code;
	buf_init(&b, SEAL_MAX_BYTES);
	code = seal_save_ct(ct, seed, &s, &b) == 0 ? crypt_write(k->o, k->o->out, &b, false)
	                                           : crypt_fail(CRYPT_REFUSED, "SEAL %u.%u cannot hold this result", s.major, s.minor);
	buf_fini(&b);
	return code;
}

int crypt_numbers(const struct crypt_options *o, const char *path, size_t most, double **v, size_t *n)
{
	struct he_why w = { "" };
	struct buf b;
	double *got;
	int code = crypt_read(path, TEXT_MOST, &b);

	if (code)
		return code;
	got = calloc(most, sizeof(*got));
	if (got == NULL || he_numbers_read(buf_as_str(&b), o->column, got, most, n, &w) != 0) {
		free(got);
		buf_fini_secret(&b);
		return crypt_fail(CRYPT_REFUSED, "%s: %s", path, w.text);
	}
	buf_fini_secret(&b);
	*v = got;
	return CRYPT_OK;
}

/* Integers of (-t/2, t/2) as residues. */
static int to_integers(const struct crypt_keys *k, const double *v, size_t n, uint64_t *slot)
{
	uint64_t t = he_ctx_params(k->c)->t, most = t / 2;
	double factor;
	int code = crypt_decimals(k->o, &factor);

	for (size_t i = 0; code == 0 && i < n; i++) {
		double x = round(v[i] * factor);

		if (fabs(x) > (double)most)
			return crypt_fail(CRYPT_REFUSED, "value %zu (%.17g) does not fit: with these keys and decimals -%llu to %llu do", i + 1,
			                  v[i], (unsigned long long)most, (unsigned long long)most);
		slot[i] = x < 0 ? t - (uint64_t)-x : (uint64_t)x;
	}
	return code;
}

int crypt_encode(const struct crypt_keys *k, const double *v, size_t n, bool all, double scale, unsigned primes, struct he_pt *pt)
{
	size_t slots = (size_t)1 << he_ctx_params(k->c)->log_n;
	bool is_ckks = he_ctx_params(k->c)->scheme == HE_CKKS;
	struct he_why w = { "" };
	double *wide = calloc(slots, sizeof(*wide));
	uint64_t *slot = calloc(slots, sizeof(*slot));
	int code = CRYPT_OK;

	slots = is_ckks ? slots / 2 : slots;
	for (size_t i = 0; i < slots; i++)
		wide[i] = all ? v[0] : i < n ? v[i] : 0;
	if (n > slots)
		code = crypt_fail(CRYPT_REFUSED, "%zu values; there are %zu slots", n, slots);
	else if (is_ckks && he_encode_ckks(pt, wide, slots, false, scale, primes, &w) != 0)
		code = crypt_fail(CRYPT_REFUSED, "%s", w.text);
	else if (!is_ckks && (code = to_integers(k, wide, slots, slot)) == 0 && he_encode_batch(pt, slot, slots, &w) != 0)
		code = crypt_fail(CRYPT_REFUSED, "%s", w.text);
	explicit_bzero(wide, ((size_t)1 << he_ctx_params(k->c)->log_n) * sizeof(*wide));
	explicit_bzero(slot, ((size_t)1 << he_ctx_params(k->c)->log_n) * sizeof(*slot));
	free(wide);
	free(slot);
	return code;
}
