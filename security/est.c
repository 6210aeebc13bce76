/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing the bodies of EST. */
#include "security/est.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "cse/base/arena.h"
#include "cse/base/err.h"

enum { LINE = 64 };

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
	err = cert_request_open(r.der, &req, &r.key, why);
	if (err)
		goto out;
	err = cert_key_fingerprint(r.key, r.fingerprint);
	if (err == 0)
		err = read_challenge(a, req, &r.challenge, why);
	if (err == 0)
		err = read_names(a, req, sp, &r.names, why);
	if (err == 0)
		*out = r;
	else
		EVP_PKEY_free(r.key);
out:
	X509_REQ_free(req);
	ERR_clear_error();
	return err;
}

/* --- answers --------------------------------------------------------------------------------------------------------- */

/* Head of a DER value. */
static void put_head(struct buf *b, unsigned tag, size_t n)
{
	buf_putc(b, (char)tag);
	if (n >= 0x100)
		buf_putc(b, (char)0x82), buf_putc(b, (char)(n >> 8));
	else if (n >= 0x80)
		buf_putc(b, (char)0x81);
	buf_putc(b, (char)n);
}

static size_t head_of(size_t n)
{
	return n >= 0x100 ? 4 : n >= 0x80 ? 3 : 2;
}

/* RFC 5652 5: signed data without content and signer; the certificates as they are, which saves reading their keys. */
static void put_signed_data(struct buf *b, struct str certs)
{
	static const unsigned char signed_data[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02 };
	static const unsigned char before[] = { 0x02, 0x01, 0x01, 0x31, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07,
		                                0x01 };
	static const unsigned char behind[] = { 0x31, 0x00 };
	size_t inner = sizeof(before) + head_of(certs.n) + certs.n + sizeof(behind), content = head_of(inner) + inner;

	put_head(b, 0x30, sizeof(signed_data) + head_of(content) + content);
	buf_put(b, signed_data, sizeof(signed_data));
	put_head(b, 0xa0, content);
	put_head(b, 0x30, inner);
	buf_put(b, before, sizeof(before));
	put_head(b, 0xa0, certs.n);
	buf_str(b, certs);
	buf_put(b, behind, sizeof(behind));
}

/* DER of every certificate of a PEM text. */
static int put_certs(struct buf *out, struct str pem)
{
	BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
	char *name, *header;
	unsigned char *der;
	long n;
	unsigned count = 0;
	int err = b ? 0 : E_NOMEM;

	while (err == 0 && PEM_read_bio(b, &name, &header, &der, &n) == 1) {
		if (strcmp(name, PEM_STRING_X509) != 0 || ++count > EST_CERTS)
			err = E_LIMIT;
		else
			buf_put(out, der, (size_t)n);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	BIO_free(b);
	ERR_clear_error();
	return err ? err : count == 0 ? E_SYNTAX : out->over ? E_LIMIT : 0;
}

int est_put_certs(struct buf *out, struct str pem)
{
	struct buf certs, der;
	int err;

	/* Lengths are of two bytes. */
	buf_init(&certs, 65000);
	buf_init(&der, 65536);
	err = put_certs(&certs, pem);
	if (err == 0) {
		put_signed_data(&der, buf_as_str(&certs));
		encode(out, (const unsigned char *)der.p, der.n);
		err = der.over || out->over ? E_LIMIT : 0;
	}
	buf_fini(&certs);
	buf_fini(&der);
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
