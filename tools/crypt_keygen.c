/* SPDX-License-Identifier: Apache-2.0 */
/* keygen: the profiles, and a folder of keys that comes as a whole. */
#include <errno.h>
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

/* Made in memory first: what fails leaves nothing in a folder. */
enum { SET_MOST = 5 };
struct key_set {
	struct {
		const char *name;
		bool is_secret;
		struct buf bytes;
	} file[SET_MOST];
	size_t n;
};

/* All names that keygen may give. */
static const char *const names[] = { "params.seal", "public.seal", "relin.seal", "galois.seal", "public.paillier", "secret.seal",
	"secret.paillier" };
static bool is_secret_name(const char *name) { return strncmp(name, "secret.", 7) == 0; }

static struct buf *add_file(struct key_set *s, const char *name)
{
	REQUIRE(s->n < SET_MOST);
	s->file[s->n].name = name;
	s->file[s->n].is_secret = is_secret_name(name);
	(is_secret_name(name) ? buf_init_secret : buf_init)(&s->file[s->n].bytes, SEAL_MAX_BYTES);
	return &s->file[s->n++].bytes;
}

static int profile_params(const struct crypt_profile *f, const struct crypt_options *o, struct he_params *p)
{
	enum he_scheme scheme = f->scheme;
	struct he_why w = { "" };
	unsigned k = 0;

	if (o->scheme && scheme == HE_CKKS)
		return crypt_fail(CRYPT_USAGE, "--scheme is for the profiles sum and exact; score is always CKKS");
	if (o->scheme) {
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

static int made(int err, const struct he_why *w)
{
	return err ? crypt_fail(CRYPT_REFUSED, "%s", w->text) : CRYPT_OK;
}

static int saved(int err, const struct seal_style *s)
{
	return err ? crypt_fail(CRYPT_REFUSED, "--version %u.%u: that version of SEAL cannot hold these keys", s->major, s->minor) : CRYPT_OK;
}

static int make_switching(struct crypt_keys *k, const struct crypt_profile *f, const struct seal_style *s, struct key_set *set)
{
	uint32_t element[2 * HE_MAX_LOG_N];
	struct he_seed *seeds = calloc(2 * HE_MAX_LOG_N * he_ctx_data_primes(k->c), sizeof(*seeds));
	size_t n = he_galois_default(k->c, element);
	struct he_why w = { "" };
	int code = CRYPT_OK;

	REQUIRE(seeds);
	if (f->has_relin && (code = made(he_keygen_relin(&k->relin, &k->sk, k->rnd, seeds, &w), &w)) == 0)
		code = saved(seal_save_ksk(&k->relin, seeds, s, add_file(set, "relin.seal")), s);
	if (code == 0 && f->has_galois) {
		crypt_progress("keys made:", 1, 2);
		if ((code = made(he_keygen_galois(&k->galois, &k->sk, element, n, k->rnd, seeds, &w), &w)) == 0)
			code = saved(seal_save_ksk(&k->galois, seeds, s, add_file(set, "galois.seal")), s);
		crypt_progress("keys made:", 2, 2);
	}
	free(seeds);
	return code;
}

static int make_keys(struct crypt_keys *k, const struct crypt_profile *f, struct key_set *set)
{
	const struct crypt_options *o = k->o;
	struct seal_style s = { 4, 1, SEAL_NONE }, plain;
	struct he_why w = { "" };
	struct he_params p;
	struct he_seed seed;
	int code;

	if ((code = profile_params(f, o, &p)) != 0 || (code = crypt_style(o, p.scheme, &s)) != 0 ||
	    (code = made(he_ctx_new(&p, NULL, &k->c, &w), &w)) != 0)
		return code;
	/* The secret goes through no compressor, whose memory nobody wipes. */
	plain = s;
	plain.compression = SEAL_NONE;
	he_ct_init(&k->pk.ct, k->c);
	he_sk_init(&k->sk, k->c);
	he_ksk_init(&k->relin, k->c, false);
	he_ksk_init(&k->galois, k->c, true);
	if ((code = saved(seal_save_params(&p, &s, add_file(set, "params.seal")), &s)) != 0 ||
	    (code = made(he_keygen_secret(&k->sk, k->rnd, &w), &w)) != 0 ||
	    (code = saved(seal_save_sk(&k->sk, &plain, add_file(set, "secret.seal")), &s)) != 0 ||
	    (code = made(he_keygen_public(&k->pk, &k->sk, k->rnd, &seed, &w), &w)) != 0 ||
	    (code = saved(seal_save_pk(&k->pk, &seed, &s, add_file(set, "public.seal")), &s)) != 0)
		return code;
	return make_switching(k, f, &s, set);
}

static int make_counter_keys(struct crypt_keys *k, struct key_set *set)
{
	const struct crypt_options *o = k->o;
	struct he_why w = { "" };

	if (o->scheme || o->version || o->compression)
		return crypt_fail(CRYPT_USAGE, "--scheme, --version and --compression are SEAL's; the profile counter is Paillier");
	if (paillier_keygen(3072, k->rnd, &k->psk, &w) != 0 || paillier_pk_of(k->psk, &k->ppk, &w) != 0)
		return made(-1, &w);
	if (paillier_sk_save(k->psk, add_file(set, "secret.paillier")) != 0 || paillier_pk_save(k->ppk, add_file(set, "public.paillier")) != 0)
		return crypt_fail(CRYPT_REFUSED, "out of memory");
	return CRYPT_OK;
}

/* A folder holds one set of keys, and one for others no secret. */
static int check_folder(const struct crypt_options *o, const char *folder, bool is_public)
{
	char path[PATH_MAX];
	struct stat st;

	if (stat(folder, &st) == 0 && !S_ISDIR(st.st_mode))
		return crypt_fail(CRYPT_NOFILE, "%s is no folder", folder);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (lstat(crypt_path(path, sizeof(path), folder, names[i]), &st) != 0)
			continue;
		if (is_public && is_secret_name(names[i]))
			return crypt_fail(CRYPT_REFUSED, "%s is a secret key: --public takes a folder without", path);
		if (!o->force)
			return crypt_fail(CRYPT_NOFILE, "%s is there already; take another folder, or --force makes new keys in place of those", path);
	}
	return CRYPT_OK;
}

/* What other keys have left there, and these have not. */
static void remove_others(const char *folder, const struct key_set *set)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		bool is_new = false;

		for (size_t j = 0; j < set->n; j++)
			is_new |= strcmp(set->file[j].name, names[i]) == 0;
		if (!is_new)
			(void)unlink(crypt_path(path, sizeof(path), folder, names[i]));
	}
}

/* One folder under two names would hand out the secret. */
static int check_apart(const char *a, const char *b)
{
	struct stat x, y;

	if (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino)
		return crypt_fail(CRYPT_USAGE, "--public %s is the folder of the secret; take another", b);
	return CRYPT_OK;
}

static int save_set(const struct crypt_options *o, const struct key_set *set)
{
	const char *folder[] = { o->out, o->public };
	struct crypt_staged staged[2 * SET_MOST];
	bool is_new[2] = { false };
	char path[PATH_MAX];
	size_t n = 0, f;
	int code = CRYPT_OK;

	for (f = 0; f < 2 && folder[f] && code == 0; f++) {
		is_new[f] = mkdir(folder[f], 0755) == 0;
		if (!is_new[f] && errno != EEXIST)
			code = crypt_fail(CRYPT_NOFILE, "the folder %s cannot be made: %s", folder[f], strerror(errno));
		if (code == 0 && f == 1)
			code = check_apart(folder[0], folder[1]);
		for (size_t i = 0; i < set->n && code == 0; i++)
			if (f == 0 || !set->file[i].is_secret)
				code = crypt_stage(&staged[n++], crypt_path(path, sizeof(path), folder[f], set->file[i].name),
				                   &set->file[i].bytes, set->file[i].is_secret);
	}
	code = crypt_settle(staged, n, o->force, code);
	for (f = 0; f < 2 && folder[f]; f++) {
		if (code == 0)
			remove_others(folder[f], set);
		else if (is_new[f])
			(void)rmdir(folder[f]);
	}
	return code;
}

int crypt_keygen(const struct crypt_options *o)
{
	const struct crypt_profile *f = NULL;
	struct key_set set = { .n = 0 };
	struct crypt_keys k = { .o = o };
	int code;

	for (size_t i = 0; i < crypt_profile_count; i++)
		if (strcmp(crypt_profiles[i].name, o->profile) == 0)
			f = &crypt_profiles[i];
	if (f == NULL)
		return crypt_fail(CRYPT_USAGE, "--profile %s is none of sum, exact, score, counter", o->profile);
	if ((code = check_folder(o, o->out, false)) != 0 || (o->public && (code = check_folder(o, o->public, true)) != 0))
		return code;
	k.rnd = rnd_new();
	if ((code = f->log_n ? make_keys(&k, f, &set) : make_counter_keys(&k, &set)) == 0)
		code = save_set(o, &set);
	for (size_t i = 0; i < set.n; i++)
		buf_fini_secret(&set.file[i].bytes);
	crypt_close(&k);
	return code;
}
