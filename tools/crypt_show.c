/* SPDX-License-Identifier: Apache-2.0 */
/* What a file is, and the same object in another version or compression. */
#include <stdio.h>
#include <string.h>

#include "tools/crypt.h"

static const char *const kinds[] = { "unknown", "parameters", "ciphertext", "plaintext", "public key", "relinearization keys",
	"Galois keys", "secret key" };
static const char *const packings[] = { "none", "zlib", "zstd" };

static void show_params(const struct he_params *p)
{
	static const char *const schemes[] = { "", "BFV", "CKKS", "BGV" };
	unsigned bits = 0, security = he_params_security(p);

	printf(", %s, degree %u, %u prime%s (", schemes[p->scheme], 1u << p->log_n, p->k, p->k == 1 ? "" : "s");
	for (unsigned i = 0; i < p->k; i++) {
		bits = 64 - (unsigned)__builtin_clzll(p->q[i]);
		printf(i ? " %u" : "%u", bits);
	}
	fputs(" bits)", stdout);
	if (p->t)
		printf(", plain modulus %llu", (unsigned long long)p->t);
	if (security)
		printf(", %u bits of security", security);
	else
		fputs(", WEAK: below 128 bits of security", stdout);
}

/* A ciphertext whose second half is a seed is half as long. */
static int show_ct(const struct crypt_keys *k, const struct buf *b)
{
	struct he_why w = { "" };
	struct he_ct ct;
	int err;

	he_ct_init(&ct, k->c);
	err = seal_load_ct(k->c, buf_as_str(b), &ct, NULL, &w);
	if (err)
		printf(", NOT VALID with these keys: %s", w.text);
	else
		printf("%s, %u polynomials, %u prime%s, scale %g, correction %llu, valid",
		       b->p[5] == SEAL_NONE && b->n < (size_t)8 * ct.size * ct.primes << he_ctx_params(k->c)->log_n ? ", seeded" : "", ct.size,
		       ct.primes, ct.primes == 1 ? "" : "s", ct.scale, (unsigned long long)ct.correction);
	he_ct_fini(&ct);
	return err ? CRYPT_REFUSED : CRYPT_OK;
}

/* Public and switching keys, plaintexts. */
static int show_key(const struct crypt_keys *k, enum seal_kind kind, struct str in)
{
	struct he_why w = { "" };
	struct he_ksk ksk;
	struct he_pk pk;
	struct he_pt pt;
	int err = 0;

	he_ct_init(&pk.ct, k->c);
	he_pt_init(&pt, k->c);
	he_ksk_init(&ksk, k->c, kind == SEAL_GALOIS_KEYS);
	if (kind == SEAL_PUBLIC_KEY)
		err = seal_load_pk(k->c, in, &pk, NULL, &w);
	else if (kind == SEAL_PLAINTEXT)
		err = seal_load_pt(k->c, in, &pt, NULL, &w);
	else if (kind == SEAL_RELIN_KEYS || kind == SEAL_GALOIS_KEYS)
		err = seal_load_ksk(k->c, kind == SEAL_GALOIS_KEYS, in, &ksk, NULL, &w);
	if (err)
		printf(", NOT VALID with these keys: %s", w.text);
	else if (kind != SEAL_PARAMS && kind != SEAL_SECRET_KEY)
		fputs(", valid", stdout);
	he_ct_fini(&pk.ct);
	he_pt_fini(&pt);
	he_ksk_fini(&ksk);
	return err ? CRYPT_REFUSED : CRYPT_OK;
}

static int show_seal(const struct crypt_keys *k, const char *path, const struct buf *b)
{
	enum seal_kind kind = seal_sniff(k->c, buf_as_str(b));
	struct he_why w = { "" };
	struct he_params p;
	int code = CRYPT_OK;
	uint64_t says;

	if (kind == SEAL_UNKNOWN)
		return crypt_fail(CRYPT_REFUSED, "%s: neither SEAL nor troth-he wrote this%s", path,
		                  k->ppk || b->n != PAILLIER_MAX_CT ? "" : "; it has the size of a file of counters: --keys would tell");
	/* Only parameters tell how many primes a key has. */
	printf("%s: %s%s, %zu bytes, SEAL %d.%d, compression %s", path, kinds[kind],
	       kind == SEAL_SECRET_KEY ? " (must not leave its owner)" : kind == SEAL_CIPHERTEXT && !(k->c && he_ctx_can_switch(k->c)) ? " or public key" : "", b->n, b->p[3],
	       b->p[4], packings[(unsigned char)b->p[5] % 3]);
	if (kind == SEAL_PARAMS && seal_load_params(buf_as_str(b), &p, NULL, &w) == 0)
		show_params(&p);
	else if (kind == SEAL_PARAMS) {
		printf(", NOT VALID: %s", w.text);
		code = CRYPT_REFUSED;
	}
	memcpy(&says, b->p + 8, sizeof(says));
	if (says != b->n && kind != SEAL_PARAMS && !k->c) {
		printf(", NOT VALID: the header says %llu bytes", (unsigned long long)says);
		code = CRYPT_REFUSED;
	}
	if (k->c)
		code = kind == SEAL_CIPHERTEXT ? show_ct(k, b) : kind == SEAL_PARAMS ? code : show_key(k, kind, buf_as_str(b));
	putchar('\n');
	return code;
}

static int show_counter(const struct crypt_keys *k, const char *path, const struct buf *b)
{
	struct paillier_sum *sum = NULL;
	struct he_why w = { "out of memory" };
	int err;

	err = paillier_sum_new(k->ppk, &sum) != 0 || paillier_sum_add(sum, buf_as_str(b), &w) != 0;
	paillier_sum_free(sum);
	if (err)
		return crypt_fail(CRYPT_REFUSED, "%s: %s", path, w.text);
	printf("%s: Paillier ciphertext, %zu bytes, up to %u counters, valid\n", path, b->n, paillier_lanes(k->ppk));
	return CRYPT_OK;
}

static int show(const struct crypt_keys *k, const char *path)
{
	struct buf b;
	int code = crypt_read(path, SEAL_MAX_BYTES, &b);

	if (code)
		return code;
	if (b.n >= 10 && memcmp(b.p, "TROTHPK1", 8) == 0)
		printf("%s: Paillier public key, %u bits\n", path, (unsigned char)b.p[8] * 256u + (unsigned char)b.p[9]);
	else if (b.n >= 8 && memcmp(b.p, "TROTHSK1", 8) == 0)
		printf("%s: Paillier secret key (must not leave its owner)\n", path);
	else if (k->ppk && b.n == paillier_ct_bytes(k->ppk))
		code = show_counter(k, path, &b);
	else
		code = show_seal(k, path, &b);
	buf_fini_secret(&b);
	return code;
}

int crypt_inspect(const struct crypt_options *o)
{
	struct crypt_keys k = { 0 };
	int code = o->keys ? crypt_open(&k, o, 0) : CRYPT_OK, worst = code;

	for (int i = 0; i < o->files && code == 0; i++) {
		int one = show(&k, o->file[i]);

		worst = worst ? worst : one;
	}
	crypt_close(&k);
	return worst;
}

/* Loaded and written again, whatever it is but a secret key.  *s: the file's style, with the options over it. */
static int convert(const struct crypt_keys *k, struct str in, struct seal_style *s, struct buf *out, struct he_why *w)
{
	enum seal_kind kind = seal_sniff(k->c, in);
	struct he_params p;
	struct he_ksk ksk;
	struct he_pk pk;
	struct he_ct ct;
	struct he_pt pt;
	int err = -1, code = CRYPT_OK;

	he_ct_init(&ct, k->c);
	he_ct_init(&pk.ct, k->c);
	he_pt_init(&pt, k->c);
	he_ksk_init(&ksk, k->c, kind == SEAL_GALOIS_KEYS);
#define STYLED() (code = crypt_style(k->o, he_ctx_params(k->c)->scheme, s))
	if (kind == SEAL_PARAMS && (err = seal_load_params(in, &p, s, w)) == 0)
		err = STYLED() || seal_save_params(&p, s, out);
	else if (kind == SEAL_CIPHERTEXT && (err = seal_load_ct(k->c, in, &ct, s, w)) == 0)
		err = STYLED() || seal_save_ct(&ct, NULL, s, out);
	else if (kind == SEAL_PUBLIC_KEY && (err = seal_load_pk(k->c, in, &pk, s, w)) == 0)
		err = STYLED() || seal_save_pk(&pk, NULL, s, out);
	else if (kind == SEAL_PLAINTEXT && (err = seal_load_pt(k->c, in, &pt, s, w)) == 0)
		err = STYLED() || seal_save_pt(&pt, s, out);
	else if ((kind == SEAL_RELIN_KEYS || kind == SEAL_GALOIS_KEYS) &&
	         (err = seal_load_ksk(k->c, kind == SEAL_GALOIS_KEYS, in, &ksk, s, w)) == 0)
		err = STYLED() || seal_save_ksk(&ksk, NULL, s, out);
	else if (kind == SEAL_UNKNOWN)
		err = he_fail(w, -1, "neither SEAL nor troth-he wrote this");
	else if (kind == SEAL_SECRET_KEY)
		err = he_fail(w, -1, "a secret key is not converted; keygen --version makes keys for another SEAL");
#undef STYLED
	he_ct_fini(&ct);
	he_ct_fini(&pk.ct);
	he_pt_fini(&pt);
	he_ksk_fini(&ksk);
	return code ? code : err ? crypt_fail(CRYPT_REFUSED, "%s: %s", k->o->file[0], w->text) : CRYPT_OK;
}

int crypt_convert(const struct crypt_options *o)
{
	struct he_why w = { "that version of SEAL cannot hold it" };
	struct seal_style s = { 4, 1, SEAL_NONE };
	struct crypt_keys k;
	struct buf in, out;
	int code = crypt_open(&k, o, 0);

	if (code == 0 && k.c == NULL)
		code = crypt_fail(CRYPT_REFUSED, "counters (Paillier) have one form only; there is nothing to convert");
	if (code == 0 && (code = crypt_read(o->file[0], SEAL_MAX_BYTES, &in)) == 0) {
		buf_init(&out, SEAL_MAX_BYTES);
		if ((code = convert(&k, buf_as_str(&in), &s, &out, &w)) == 0)
			code = crypt_write(o, &out);
		buf_fini(&out);
		buf_fini_secret(&in);
	}
	crypt_close(&k);
	return code;
}
