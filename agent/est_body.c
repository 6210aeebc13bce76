/* SPDX-License-Identifier: Apache-2.0 */
/* PKCS#10 and certs-only PKCS#7 in base64. */
#include "agent/est_body.h"

#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <stdlib.h>

#include "cse/base/err.h"

enum { LINE_CHARS = 64 };

static int put_base64(struct buf *out, const unsigned char *p, int n)
{
	char *text = malloc((size_t)n / 3 * 4 + 5);
	int k = text ? EVP_EncodeBlock((unsigned char *)text, p, n) : -1;

	for (int i = 0; i < k; i += LINE_CHARS) {
		buf_put(out, text + i, (size_t)(k - i < LINE_CHARS ? k - i : LINE_CHARS));
		buf_putc(out, '\n');
	}
	free(text);
	return k > 0 ? 0 : E_NOMEM;
}

int est_request(EVP_PKEY *key, const X509_NAME *subject, const char *challenge, struct buf *out)
{
	X509_REQ *r = X509_REQ_new();
	unsigned char *der = NULL;
	int n = -1, err = E_CRYPTO;

	if (r && X509_REQ_set_version(r, X509_REQ_VERSION_1) == 1 && (!subject || X509_REQ_set_subject_name(r, subject) == 1) &&
	    X509_REQ_set_pubkey(r, key) == 1 &&
	    X509_REQ_add1_attr_by_NID(r, NID_pkcs9_challengePassword, MBSTRING_ASC, (const unsigned char *)challenge, -1) == 1 &&
	    X509_REQ_sign(r, key, EVP_sha256()) > 0)
		n = i2d_X509_REQ(r, &der);
	if (n > 0)
		err = put_base64(out, der, n);
	OPENSSL_free(der);
	X509_REQ_free(r);
	ERR_clear_error();
	return err;
}

/* White space may stand anywhere (RFC 8951 3.1 takes line ends of every kind), everything else is refused. */
static int from_base64(struct str s, unsigned char *out, size_t *n)
{
	size_t k = 0, pad = 0;
	char *text = malloc(s.n + 1);
	int got = -1;

	REQUIRE(text != NULL);
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			continue;
		pad += c == '=';
		if ((pad > 0) != (c == '='))
			pad = 3;
		text[k++] = c;
	}
	if (k > 0 && k % 4 == 0 && pad <= 2)
		got = EVP_DecodeBlock(out, (const unsigned char *)text, (int)k);
	free(text);
	if (got < (int)pad || got == 0)
		return E_SYNTAX;
	*n = (size_t)got - pad;
	return 0;
}

static int certs_of(PKCS7 *p7, STACK_OF(X509) **out)
{
	STACK_OF(X509) *in = PKCS7_type_is_signed(p7) && p7->d.sign ? p7->d.sign->cert : NULL, *copy;

	if (sk_X509_num(in) < 1)
		return E_SYNTAX;
	if (sk_X509_num(in) > EST_ANSWER_CERTS)
		return E_LIMIT;
	copy = X509_chain_up_ref(in);
	if (!copy)
		return E_NOMEM;
	*out = copy;
	return 0;
}

int est_certs(struct str body, STACK_OF(X509) **out, struct why *why)
{
	unsigned char *der = body.n <= EST_ANSWER_MAX ? malloc(body.n + 4) : NULL;
	const unsigned char *p = der;
	PKCS7 *p7 = NULL;
	size_t n = 0;
	int err = der ? from_base64(body, der, &n) : E_LIMIT;

	if (err == 0) {
		p7 = d2i_PKCS7(NULL, &p, (long)n);
		err = p7 && p == der + n ? certs_of(p7, out) : E_SYNTAX;
	}
	if (err)
		why_set(why, RSC_BAD_REQUEST, "the CSE's answer is no list of certificates (base64 of a certs-only PKCS#7 of at most %d bytes)",
		        EST_ANSWER_MAX);
	PKCS7_free(p7);
	free(der);
	ERR_clear_error();
	return err;
}
