/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing the bodies of EST. */
#include "security/est.h"

#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>

#include "cse/base/arena.h"
#include "cse/base/err.h"
#include "security/ca_priv.h"

enum { LINE = 64, PEM_CERTS = EST_CERTS };

/* --- base64 (RFC 4648 4) --------------------------------------------------------------------------------------------- */

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Line ends and blanks are passed over (RFC 8951 2.2), anything else is refused, and so are bits behind the end. */
static int decode(struct arena *a, struct str in, struct str *out)
{
	char *p = arena_alloc(a, in.n / 4 * 3 + 3);
	size_t n = 0, pad = 0, digits = 0;
	uint32_t bits = 0;

	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		int v = value_of(c);

		if (c == '\r' || c == '\n' || c == ' ' || c == '\t')
			continue;
		if (c == '=' && ++pad <= 2)
			continue;
		if (v < 0 || pad > 0)
			return E_SYNTAX;
		bits = bits << 6 | (uint32_t)v;
		if (++digits % 4 == 0) {
			p[n++] = (char)(bits >> 16);
			p[n++] = (char)(bits >> 8);
			p[n++] = (char)bits;
		}
	}
	if ((digits + pad) % 4 != 0)
		return E_SYNTAX;
	if (digits % 4 == 2) {
		if (bits & 15)
			return E_SYNTAX;
		p[n++] = (char)(bits >> 4);
	} else if (digits % 4 == 3) {
		if (bits & 3)
			return E_SYNTAX;
		p[n++] = (char)(bits >> 10);
		p[n++] = (char)(bits >> 2);
	}
	*out = str_make(p, n);
	return digits > 0 ? 0 : E_SYNTAX;
}

static void encode(struct buf *out, const unsigned char *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t in_line = 0;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);

		buf_putc(out, digits[v >> 18]);
		buf_putc(out, digits[v >> 12 & 63]);
		buf_putc(out, i + 1 < n ? digits[v >> 6 & 63] : '=');
		buf_putc(out, i + 2 < n ? digits[v & 63] : '=');
		in_line += 4;
		if (in_line == LINE || i + 3 >= n) {
			buf_putc(out, '\n');
			in_line = 0;
		}
	}
}

/* --- requests -------------------------------------------------------------------------------------------------------- */

static int bad(struct why *why, const char *text)
{
	why_set(why, RSC_BAD_REQUEST, "%s", text);
	return E_SYNTAX;
}

/* PKCS#9 challengePassword: one value, of one of the DirectoryString types. */
static int read_challenge(struct arena *a, const X509_REQ *req, struct str *out, struct why *why)
{
	int at = X509_REQ_get_attr_by_NID(req, NID_pkcs9_challengePassword, -1);
	X509_ATTRIBUTE *attr;
	const ASN1_TYPE *v;
	const ASN1_STRING *s;

	*out = STR_NONE;
	if (at < 0)
		return 0;
	attr = X509_REQ_get_attr(req, at);
	v = X509_ATTRIBUTE_count(attr) == 1 ? X509_ATTRIBUTE_get0_type(attr, 0) : NULL;
	if (!v || X509_REQ_get_attr_by_NID(req, NID_pkcs9_challengePassword, at) >= 0 ||
	    (v->type != V_ASN1_PRINTABLESTRING && v->type != V_ASN1_UTF8STRING && v->type != V_ASN1_IA5STRING))
		return bad(why, "the request's challengePassword must be one text");
	s = v->value.asn1_string;
	if (ASN1_STRING_length(s) < 0 || ASN1_STRING_length(s) >= EST_CHALLENGE_MAX)
		return bad(why, "the request's challengePassword is too long");
	*out = arena_str(a, str_make((const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)));
	return 0;
}

static int read_names(struct arena *a, X509_REQ *req, struct str sp, struct cert_names *out, struct why *why)
{
	STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions(req);
	GENERAL_NAMES *gens;
	int critical, err = 0;

	*out = (struct cert_names){ NULL, 0 };
	if (!exts)
		return 0;
	gens = X509V3_get_d2i(exts, NID_subject_alt_name, &critical, NULL);
	if (!gens && critical != -1)
		err = bad(why, "the request's subjectAltName cannot be read");
	else if (gens && cert_names_of(a, gens, sp, out) != 0)
		err = bad(why, "the request asks for too many names, or for some that are not well formed");
	GENERAL_NAMES_free(gens);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	return err;
}

int est_read_request(struct arena *a, struct str body, struct str sp, struct est_request *out, struct why *why)
{
	struct est_request r = { .der = STR_NONE };
	const unsigned char *p;
	EVP_PKEY *key = NULL;
	X509_REQ *req = NULL;
	int err = E_LIMIT;

	if (body.n > EST_BODY_MAX) {
		why_set(why, RSC_BAD_REQUEST, "the body is larger than %d bytes", EST_BODY_MAX);
		goto out;
	}
	err = decode(a, body, &r.der);
	if (err) {
		why_set(why, RSC_BAD_REQUEST, "the body is not base64 of a PKCS#10 request (RFC 7030 4.2.1)");
		goto out;
	}
	err = cert_request_key(r.der, &key, why);
	if (err)
		goto out;
	p = (const unsigned char *)r.der.p;
	req = d2i_X509_REQ(NULL, &p, (long)r.der.n);
	err = req ? cert_key_fingerprint(key, r.fingerprint) : E_NOMEM;
	if (err == 0)
		err = read_challenge(a, req, &r.challenge, why);
	if (err == 0)
		err = read_names(a, req, sp, &r.names, why);
	if (err == 0)
		*out = r;
out:
	X509_REQ_free(req);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return err;
}

/* --- answers --------------------------------------------------------------------------------------------------------- */

static PKCS7 *certs_only(X509 **certs, unsigned n)
{
	PKCS7 *p7 = PKCS7_new();
	bool ok = p7 && PKCS7_set_type(p7, NID_pkcs7_signed) == 1 && PKCS7_content_new(p7, NID_pkcs7_data) == 1 &&
	          PKCS7_set_detached(p7, 1) == 1;

	for (unsigned i = 0; ok && i < n; i++)
		ok = PKCS7_add_certificate(p7, certs[i]) == 1;
	if (!ok) {
		PKCS7_free(p7);
		return NULL;
	}
	return p7;
}

int est_put_certs(struct buf *out, struct str pem)
{
	X509 *certs[PEM_CERTS];
	unsigned char *der = NULL;
	PKCS7 *p7 = NULL;
	unsigned n;
	int err = cert_read_pem(pem, certs, PEM_CERTS, &n), len;

	if (err)
		return err;
	p7 = certs_only(certs, n);
	len = p7 ? i2d_PKCS7(p7, &der) : -1;
	if (len > 0)
		encode(out, der, (size_t)len);
	err = len > 0 ? out->over ? E_LIMIT : 0 : E_CRYPTO;
	OPENSSL_free(der);
	PKCS7_free(p7);
	for (unsigned i = 0; i < n; i++)
		X509_free(certs[i]);
	ERR_clear_error();
	return err;
}

int est_put_csrattrs(struct buf *out)
{
	/* CsrAttrs ::= SEQUENCE OF AttrOrOID (RFC 7030 4.5.2). */
	static const unsigned char der[] = {
		0x30, 0x2c,
		0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x07,             /* challengePassword */
		0x30, 0x15, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,             /* ecPublicKey: */
		0x31, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,       /* prime256v1 */
		0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02,                   /* ecdsa-with-SHA256 */
	};

	_Static_assert(sizeof(der) == 2 + 0x2c, "its length stands in it");
	encode(out, der, sizeof(der));
	return out->over ? E_LIMIT : 0;
}
