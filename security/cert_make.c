/* SPDX-License-Identifier: Apache-2.0 */
/* Putting a certificate together: RFC 5280 with the profile of TS-0003 10.1.1.3 (P-256, SHA-256, name constraints). */
#include "security/ca_priv.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <time.h>

#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "security/cert.h"

enum { SERIAL_BYTES = 20 };

int64_t cert_time_us(const ASN1_TIME *t)
{
	struct tm tm;
	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm) * 1000000;
}

static int set_serial(struct rnd *rnd, X509 *x)
{
	unsigned char b[SERIAL_BYTES];
	rnd_bytes(rnd, b, sizeof(b));
	b[0] = (b[0] & 0x7f) | 0x40; /* positive and always 20 bytes long */
	BIGNUM *bn = BN_bin2bn(b, sizeof(b), NULL);
	int ok = bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x));
	BN_free(bn);
	return ok ? 0 : E_CRYPTO;
}

static int set_names(X509 *x, const struct cert_plan *p)
{
	X509_NAME *subject = X509_get_subject_name(x);
	if (X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)p->cn, -1, -1, 0) != 1)
		return E_CRYPTO;
	if (p->serial && X509_NAME_add_entry_by_NID(subject, NID_serialNumber, MBSTRING_ASC, (const unsigned char *)p->serial, -1, -1, 0) != 1)
		return E_CRYPTO;
	return X509_set_issuer_name(x, p->issuer ? X509_get_subject_name(p->issuer) : subject) == 1 ? 0 : E_CRYPTO;
}

/* value is a constant of ours, never text from outside: OpenSSL's little language would read it. */
static int add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	int ok = e && X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok ? 0 : E_CRYPTO;
}

static int add_exts(X509 *x, const struct cert_plan *p)
{
	X509 *issuer = p->issuer ? p->issuer : x;
	const char *basic = p->pathlen < 0    ? "critical,CA:FALSE"
	                    : p->pathlen == 0 ? "critical,CA:TRUE,pathlen:0"
	                                      : "critical,CA:TRUE,pathlen:1";
	int err = add_ext(x, issuer, NID_basic_constraints, basic);
	if (err == 0)
		err = add_ext(x, issuer, NID_key_usage,
		              p->pathlen < 0 ? "critical,digitalSignature" : "critical,keyCertSign,cRLSign");
	if (err == 0 && p->usage)
		err = add_ext(x, issuer, NID_ext_key_usage, p->usage);
	if (err == 0)
		err = add_ext(x, issuer, NID_subject_key_identifier, "hash");
	if (err == 0)
		err = add_ext(x, issuer, NID_authority_key_identifier, "keyid:always");
	if (err == 0 && p->names && sk_GENERAL_NAME_num(p->names) > 0)
		err = X509_add1_ext_i2d(x, NID_subject_alt_name, p->names, 0, 0) == 1 ? 0 : E_CRYPTO;
	if (err == 0 && p->permitted)
		err = X509_add1_ext_i2d(x, NID_name_constraints, p->permitted, 1, 0) == 1 ? 0 : E_CRYPTO;
	return err;
}

int cert_make(struct rnd *rnd, const struct cert_plan *p, X509 **out, struct why *why)
{
	X509 *x = X509_new();
	int err = E_NOMEM;
	if (!x)
		goto out;
	err = E_CRYPTO;
	if (X509_set_version(x, X509_VERSION_3) != 1 || set_serial(rnd, x) || set_names(x, p) ||
	    !ASN1_TIME_set(X509_getm_notBefore(x), p->from_us / 1000000) ||
	    !ASN1_TIME_set(X509_getm_notAfter(x), p->to_us / 1000000) || X509_set_pubkey(x, p->subject_key) != 1)
		goto out;
	if (add_exts(x, p) || X509_sign(x, p->issuer_key, EVP_sha256()) <= 0)
		goto out;
	*out = x;
	return 0;
out:
	why_set(why, RSC_INTERNAL_SERVER_ERROR, "a certificate could not be made: %s", err_text(err));
	X509_free(x);
	return err;
}

/* An address permits itself only: the mask is all ones (RFC 5280 4.2.1.10). */
static int widen_address(GENERAL_NAME *g)
{
	int type;
	ASN1_OCTET_STRING *ip = GENERAL_NAME_get0_value(g, &type);
	unsigned char b[32];
	int n = ASN1_STRING_length(ip);

	if (type != GEN_IPADD)
		return 0;
	REQUIRE(n == 4 || n == 16);
	memcpy(b, ASN1_STRING_get0_data(ip), (size_t)n);
	memset(b + n, 0xff, (size_t)n);
	return ASN1_OCTET_STRING_set(ip, b, 2 * n) == 1 ? 0 : E_NOMEM;
}

static int add_subtree(STACK_OF(GENERAL_SUBTREE) **trees, GENERAL_NAME *g)
{
	if (!*trees)
		*trees = sk_GENERAL_SUBTREE_new_null();
	GENERAL_SUBTREE *t = GENERAL_SUBTREE_new();
	if (!*trees || !t || sk_GENERAL_SUBTREE_push(*trees, t) <= 0) {
		GENERAL_SUBTREE_free(t);
		GENERAL_NAME_free(g);
		return E_NOMEM;
	}
	GENERAL_NAME_free(t->base);
	t->base = g;
	return 0;
}

static int add_uri_host(NAME_CONSTRAINTS *nc, struct str sp)
{
	GENERAL_NAME *g = GENERAL_NAME_new();
	ASN1_IA5STRING *s = ASN1_IA5STRING_new();
	if (!g || !s || ASN1_STRING_set(s, sp.p, (int)sp.n) != 1) {
		ASN1_IA5STRING_free(s);
		GENERAL_NAME_free(g);
		return E_NOMEM;
	}
	GENERAL_NAME_set0_value(g, GEN_URI, s);
	return add_subtree(&nc->permittedSubtrees, g);
}

/* Without a permitted address every address would be free, for a kind of name that is not listed is not constrained. */
static int exclude_addresses(NAME_CONSTRAINTS *nc)
{
	static const unsigned char zero[32];
	for (int n = 8; n <= 32; n += 24) {
		GENERAL_NAME *g = GENERAL_NAME_new();
		ASN1_OCTET_STRING *ip = ASN1_OCTET_STRING_new();
		if (!g || !ip || ASN1_OCTET_STRING_set(ip, zero, n) != 1) {
			ASN1_OCTET_STRING_free(ip);
			GENERAL_NAME_free(g);
			return E_NOMEM;
		}
		GENERAL_NAME_set0_value(g, GEN_IPADD, ip);
		int err = add_subtree(&nc->excludedSubtrees, g);
		if (err)
			return err;
	}
	return 0;
}

int cert_constraints(struct str sp, struct strs hosts, NAME_CONSTRAINTS **out, struct why *why)
{
	NAME_CONSTRAINTS *nc = NAME_CONSTRAINTS_new();
	GENERAL_NAMES *gens = sk_GENERAL_NAME_new_null();
	bool addresses = false;
	int err = E_NOMEM;

	if (!nc || !gens)
		goto out;
	err = cert_host_add(gens, sp, why);
	for (size_t i = 0; err == 0 && i < hosts.n; i++)
		err = cert_host_add(gens, hosts.v[i], why);
	if (err == 0)
		err = add_uri_host(nc, sp);
	while (err == 0 && sk_GENERAL_NAME_num(gens) > 0) {
		GENERAL_NAME *g = sk_GENERAL_NAME_shift(gens);
		int type;
		(void)GENERAL_NAME_get0_value(g, &type);
		addresses |= type == GEN_IPADD;
		err = widen_address(g);
		if (err)
			GENERAL_NAME_free(g);
		else
			err = add_subtree(&nc->permittedSubtrees, g);
	}
	if (err == 0 && !addresses)
		err = exclude_addresses(nc);
	if (err == 0) {
		*out = nc;
		nc = NULL;
	}
out:
	NAME_CONSTRAINTS_free(nc);
	GENERAL_NAMES_free(gens);
	return err;
}

int cert_put_pem(struct buf *out, X509 *x)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *p;
	int err = E_NOMEM;

	if (b && PEM_write_bio_X509(b, x) == 1) {
		long n = BIO_get_mem_data(b, &p);
		buf_put(out, p, (size_t)n);
		err = out->over ? E_LIMIT : 0;
	}
	BIO_free(b);
	return err;
}

int cert_read_pem(struct str pem, X509 **out, unsigned max, unsigned *n)
{
	BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *x;

	*n = 0;
	if (!b)
		return E_NOMEM;
	while (*n < max && (x = PEM_read_bio_X509(b, NULL, NULL, NULL)))
		out[(*n)++] = x;
	BIO_free(b);
	ERR_clear_error();
	return *n > 0 ? 0 : E_SYNTAX;
}
