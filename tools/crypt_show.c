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

	printf(", %s, degree %u, %u primes (", schemes[p->scheme], 1u << p->log_n, p->k);
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

static int show(const struct crypt_options *o, const struct crypt_keys *k, const char *path)
{
	struct seal_style s;
	struct he_params p;
	enum seal_kind kind;
	struct he_why w;
	struct he_ct ct;
	struct buf b;
	int code = crypt_read(path, SEAL_MAX_BYTES, &b);

	if (code)
		return code;
	if (b.n >= 10 && memcmp(b.p, "TROTHPK1", 8) == 0)
		printf("%s: Paillier public key, %u bits", path, (unsigned char)b.p[8] * 256u + (unsigned char)b.p[9]);
	else if (b.n >= 8 && memcmp(b.p, "TROTHSK1", 8) == 0)
		printf("%s: Paillier SECRET key", path);
	else {
		kind = seal_sniff(k ? k->c : NULL, buf_as_str(&b));
		printf("%s: %s%s, %zu bytes", path, kinds[kind], kind == SEAL_SECRET_KEY ? " (must not leave its owner)" : "", b.n);
		if (kind != SEAL_UNKNOWN && b.n > 6)
			printf(", SEAL %d.%d, compression %s", b.p[3], b.p[4], packings[(unsigned char)b.p[5] % 3]);
		if (kind == SEAL_PARAMS && seal_load_params(buf_as_str(&b), &p, &s, &w) == 0)
			show_params(&p);
		if (kind == SEAL_CIPHERTEXT && k) {
			he_ct_init(&ct, k->c);
			if (seal_load_ct(k->c, buf_as_str(&b), &ct, &s, &w) == 0)
				printf(", %u polynomials, %u primes, scale %g, correction %llu", ct.size, ct.primes, ct.scale,
				       (unsigned long long)ct.correction);
			else
				printf(", NOT VALID with these keys: %s", w.text);
			he_ct_fini(&ct);
		}
		code = kind == SEAL_UNKNOWN && !(o->keys && k == NULL) ? CRYPT_REFUSED : CRYPT_OK;
	}
	putchar('\n');
	buf_fini_secret(&b);
	return code;
}

int crypt_inspect(const struct crypt_options *o)
{
	struct crypt_keys k = { 0 };
	int code = o->keys ? crypt_open(&k, o, 0) : CRYPT_OK;

	for (int i = 0; i < o->files && code == 0; i++)
		code = show(o, k.c ? &k : NULL, o->file[i]);
	crypt_close(&k);
	return code;
}

/* Loaded and written again, whatever it is but a secret key. */
static int convert(const struct crypt_keys *k, struct str in, struct seal_style *s, struct buf *out, struct he_why *w)
{
	enum seal_kind kind = seal_sniff(k->c, in);
	struct he_params p;
	struct he_ksk ksk;
	struct he_ct ct;
	struct he_pt pt;
	int err = -1;

	he_ct_init(&ct, k->c);
	he_pt_init(&pt, k->c);
	he_ksk_init(&ksk, k->c, kind == SEAL_GALOIS_KEYS);
	if (kind == SEAL_PARAMS && (err = seal_load_params(in, &p, NULL, w)) == 0)
		err = seal_save_params(&p, s, out);
	else if (kind == SEAL_CIPHERTEXT && (err = seal_load_ct(k->c, in, &ct, NULL, w)) == 0)
		err = seal_save_ct(&ct, NULL, s, out);
	else if (kind == SEAL_PUBLIC_KEY) {
		struct he_pk pk = { ct };

		if ((err = seal_load_pk(k->c, in, &pk, NULL, w)) == 0)
			err = seal_save_pk(&pk, NULL, s, out);
		ct = pk.ct;
	} else if (kind == SEAL_PLAINTEXT && (err = seal_load_pt(k->c, in, &pt, NULL, w)) == 0)
		err = seal_save_pt(&pt, s, out);
	else if ((kind == SEAL_RELIN_KEYS || kind == SEAL_GALOIS_KEYS) &&
	         (err = seal_load_ksk(k->c, kind == SEAL_GALOIS_KEYS, in, &ksk, NULL, w)) == 0)
		err = seal_save_ksk(&ksk, NULL, s, out);
	else if (kind == SEAL_UNKNOWN || kind == SEAL_SECRET_KEY)
		err = he_fail(w, -1, "%s: not converted", kinds[kind]);
	he_ct_fini(&ct);
	he_pt_fini(&pt);
	he_ksk_fini(&ksk);
	return err;
}

int crypt_convert(const struct crypt_options *o)
{
	struct he_why w = { "that version of SEAL cannot hold it" };
	struct crypt_keys k;
	struct buf in, out;
	int code = crypt_open(&k, o, 0);

	if (code == 0 && (k.c == NULL || o->out == NULL))
		code = crypt_fail(CRYPT_USAGE, "say --out, and keys that are not Paillier's");
	if (code == 0 && (code = crypt_read(o->file[0], SEAL_MAX_BYTES, &in)) == 0) {
		buf_init(&out, SEAL_MAX_BYTES);
		if (convert(&k, buf_as_str(&in), &k.style, &out, &w) != 0)
			code = crypt_fail(CRYPT_REFUSED, "%s: %s", o->file[0], w.text);
		else
			code = crypt_write(o, o->out, &out, false);
		buf_fini(&out);
		buf_fini(&in);
	}
	crypt_close(&k);
	return code;
}
