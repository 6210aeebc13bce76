/* SPDX-License-Identifier: Apache-2.0 */
/* A small EST server of the tests' own, over a code's session or with certificates, and a device that enrols at it. */
#ifndef TESTS_UNIT_AGENT_EST_RIG_H
#define TESTS_UNIT_AGENT_EST_RIG_H

#include <openssl/pkcs7.h>

#include "agent/est_body.h"
#include "agent/onboard.h"
#include "security/cert.h"
#include "tests/unit/agent/rig.h"

#define HOUR_US (INT64_C(3600) * 1000000)

struct est_test {
	struct rig r;
	struct served s;
	struct code code;
	char handle[CODE_HANDLE + 1];
	unsigned char psk[CODE_PSK];
	const char *name;
	const char *canned;        /* an answer to a request for a certificate; NULL: a certificate */
	EVP_PKEY *other;           /* certify this key instead */
	bool foreign;              /* /cacerts of another authority */
	bool hang_up;              /* instead of a certificate */
	struct pki stranger;
	bool bound;                /* the last request carried its session's binding */
	unsigned certs;
	int64_t life_us;           /* of certificates; 0: an hour */
	unsigned char fp[2][32];   /* keys of the first two requests */
	char got[16384];           /* the last request */
};

static _Thread_local char est_answer_text[32768];

static inline const char *est_certs_answer(STACK_OF(X509) *certs)
{
	PKCS7 *p7 = PKCS7_new();
	unsigned char *der = NULL;
	char b64[24576];
	int n;

	PKCS7_set_type(p7, NID_pkcs7_signed);
	PKCS7_content_new(p7, NID_pkcs7_data);
	for (int i = 0; i < sk_X509_num(certs); i++)
		PKCS7_add_certificate(p7, sk_X509_value(certs, i));
	n = i2d_PKCS7(p7, &der);
	n = EVP_EncodeBlock((unsigned char *)b64, der, n);
	OPENSSL_free(der);
	PKCS7_free(p7);
	sk_X509_pop_free(certs, X509_free);
	snprintf(est_answer_text, sizeof(est_answer_text),
	         "HTTP/1.1 200 OK\r\nContent-Type: application/pkcs7-mime; smime-type=certs-only\r\nContent-Length: %d\r\n\r\n%s", n, b64);
	return est_answer_text;
}

static inline const char *est_cacerts(struct pki *p)
{
	struct buf pem;

	buf_init(&pem, 65536);
	ca_chain(p->ca, &pem);
	STACK_OF(X509) *certs = rig_certs(&pem);
	buf_fini(&pem);
	return est_certs_answer(certs);
}

static inline bool est_is_bound(X509_REQ *req, SSL *ssl)
{
	char want[TLS_BINDING + 1];
	int at = X509_REQ_get_attr_by_NID(req, NID_pkcs9_challengePassword, -1);
	const ASN1_TYPE *v = at >= 0 ? X509_ATTRIBUTE_get0_type(X509_REQ_get_attr(req, at), 0) : NULL;
	const ASN1_STRING *s = v ? v->value.asn1_string : NULL;

	return s && tls_binding(ssl, want) == 0 && ASN1_STRING_length(s) == TLS_BINDING &&
	       memcmp(ASN1_STRING_get0_data(s), want, TLS_BINDING) == 0;
}

static inline const char *est_certificate(struct est_test *t, const char *body)
{
	unsigned char der[8192], fp[32];
	const unsigned char *p = der;
	char flat[16384];
	size_t k = 0;
	struct buf csr, pem;
	struct why why = { 0 };
	struct str name = str_of(t->name);
	int64_t end;

	for (const char *c = body; *c; c++)
		if (*c != '\n')
			flat[k++] = *c;
	int n = EVP_DecodeBlock(der, (unsigned char *)flat, (int)k);
	ck_assert_int_gt(n, 0);
	X509_REQ *req = d2i_X509_REQ(NULL, &p, n);
	ck_assert_ptr_nonnull(req);
	n = (int)(p - der);
	t->bound = est_is_bound(req, served_ssl);
	EVP_PKEY *key = X509_REQ_get_pubkey(req);
	ck_assert_int_eq(X509_REQ_verify(req, key), 1);
	if (t->certs < 2)
		cert_key_fingerprint(key, t->fp[t->certs]);
	t->certs++;
	EVP_PKEY_free(key);
	X509_REQ_free(req);
	if (t->hang_up)
		return NULL;
	if (t->canned)
		return t->canned;
	buf_init(&csr, 8192);
	buf_init(&pem, 65536);
	if (t->other)
		pki_request(t->other, t->other, &csr);
	else
		buf_put(&csr, der, (size_t)n);
	struct ca_ask q = { .csr_der = buf_as_str(&csr), .kind = CRED_DEVICE, .names = { &name, 1 }, .life_us = t->life_us ? t->life_us : HOUR_US };
	ck_assert_msg(ca_issue(t->r.p.ca, &q, &pem, fp, &end, &why) == 0, "%s", why.text);
	STACK_OF(X509) *certs = rig_certs(&pem);
	while (sk_X509_num(certs) > 1)
		X509_free(sk_X509_pop(certs));
	buf_fini(&csr);
	buf_fini(&pem);
	return est_certs_answer(certs);
}

static inline const char *est_serve(struct served *s, unsigned c, unsigned n, const char *request)
{
	struct est_test *t = s->arg;
	const char *body = strstr(request, "\r\n\r\n") + 4;

	(void)c, (void)n;
	snprintf(t->got, sizeof(t->got), "%s", request);
	if (strncmp(request, "GET /.well-known/est/cacerts ", 29) == 0)
		return est_cacerts(t->foreign ? &t->stranger : &t->r.p);
	if (strncmp(request, "POST /.well-known/est/simple", 28) == 0)
		return est_certificate(t, body);
	return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
}

static inline int est_find_code(SSL *ssl, const unsigned char *id, size_t n, SSL_SESSION **out)
{
	static const unsigned char suite[] = { 0x13, 0x02 };
	struct est_test *t = ((struct served *)SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))->arg;

	*out = NULL;
	if (n != CODE_HANDLE || memcmp(id, t->handle, n) != 0)
		return 1;
	*out = SSL_SESSION_new();
	SSL_SESSION_set1_master_key(*out, t->psk, CODE_PSK);
	SSL_SESSION_set_cipher(*out, SSL_CIPHER_find(ssl, suite));
	SSL_SESSION_set_protocol_version(*out, TLS1_3_VERSION);
	return 1;
}

static inline void est_begin_test(struct est_test *t)
{
	SSL_CTX *ctx;

	memset(t, 0, sizeof(*t));
	rig_init(&t->r);
	t->name = "CDev1";
	code_make(t->r.agent->rnd, &t->code);
	ck_assert_int_eq(code_handle(&t->code, t->handle), 0);
	ck_assert_int_eq(code_psk(&t->code, STR("est"), STR("/id-in"), t->psk), 0);
	ctx = served_ctx(&t->r.p);
	SSL_CTX_set_psk_find_session_callback(ctx, est_find_code);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"t", 1);
	SSL_CTX_set_app_data(ctx, &t->s);
	served_start(&t->s, ctx, est_serve, t);
}

static inline void est_finish(struct est_test *t)
{
	served_stop(&t->s);
	EVP_PKEY_free(t->other);
	if (t->stranger.ca)
		pki_fini(&t->stranger);
	rig_fini(&t->r);
}

static inline int est_enrol(struct est_test *t, const struct code *code, struct why *why)
{
	struct code_offer o = { .host = "127.0.0.1", .port = t->s.port, .cse_id = "/id-in", .code = *code };
	char url[CODE_URL];

	*why = (struct why){ RSC_NONE, "" };
	ck_assert_int_eq(code_offer_format(&o, url), 0);
	return onboard(t->r.agent, url, why);
}

static inline bool est_in_state(struct est_test *t, const char *file)
{
	char path[256];

	return access(state_path(&t->r.st, file, path), F_OK) == 0;
}

#endif
