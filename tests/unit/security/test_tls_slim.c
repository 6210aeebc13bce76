/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in a ticket: OpenSSL's session without the certificate; the oracle is OpenSSL's own reader. */
#include "security/tls_slim.h"

#include <check.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>

/* A session as OpenSSL writes it, with as many bytes of "certificate" as wanted in its place ([3] of SSL_SESSION_ASN1). */
static size_t with_peer(const unsigned char *der, size_t n, size_t peer, unsigned char *out)
{
	const unsigned char *p = der;
	unsigned char *o = out, *q;
	int tag, class;
	long len;

	ck_assert_int_eq(ASN1_get_object(&p, &len, &tag, &class, (long)n), V_ASN1_CONSTRUCTED);
	const unsigned char *at = p;
	/* The fields up to timeout [2]; the certificate comes after it. */
	while (at < der + n) {
		const unsigned char *next = at;
		ASN1_get_object(&next, &len, &tag, &class, der + n - at);
		if (class == V_ASN1_CONTEXT_SPECIFIC && tag > 3)
			break;
		at = next + len;
	}
	int field = ASN1_object_size(1, (int)peer, 3);
	ASN1_put_object(&o, 1, (int)((size_t)(der + n - p)) + field, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	memcpy(o, p, (size_t)(at - p));
	o += at - p;
	q = o;
	ASN1_put_object(&q, 1, (int)peer, 3, V_ASN1_CONTEXT_SPECIFIC);
	memset(q, 0x5a, peer);
	o = q + peer;
	memcpy(o, at, (size_t)(der + n - at));
	return (size_t)(o - out) + (size_t)(der + n - at);
}

static size_t session(unsigned char *out)
{
	static const unsigned char secret[48] = { 1, 2, 3 };
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	SSL *ssl = SSL_new(ctx);
	SSL_SESSION *s = SSL_SESSION_new();
	const unsigned char suite[] = { 0x13, 0x02 };

	ck_assert(SSL_SESSION_set1_master_key(s, secret, sizeof(secret)) == 1 && SSL_SESSION_set_cipher(s, SSL_CIPHER_find(ssl, suite)) == 1 &&
	          SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION) == 1 && SSL_SESSION_set1_ticket_appdata(s, "stamp", 5) == 1);
	int n = i2d_SSL_SESSION(s, &out);
	ck_assert_int_gt(n, 0);
	SSL_SESSION_free(s);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return (size_t)n;
}

START_TEST(the_rest_stays)
{
	static const size_t sizes[] = { 0, 1, 100, 127, 128, 700, 5000 };
	unsigned char der[2048], fat[8192], slim[8192];
	size_t n = session(der);

	size_t got = tls_slim_session(der, n, slim);
	ck_assert_uint_eq(got, n);
	ck_assert_mem_eq(slim, der, n);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t m = with_peer(der, n, sizes[i], fat);
		ck_assert_uint_gt(m, n);
		got = tls_slim_session(fat, m, slim);
		ck_assert_uint_eq(got, n);
		ck_assert_mem_eq(slim, der, n);
	}
	const unsigned char *p = slim;
	SSL_SESSION *s = d2i_SSL_SESSION(NULL, &p, (long)got);
	ck_assert_ptr_nonnull(s);
	ck_assert_ptr_null(SSL_SESSION_get0_peer(s));
	SSL_SESSION_free(s);
}
END_TEST

/* Whatever is cut off or changed: never more than was given, and nothing behind the end is read (sanitizers look on). */
START_TEST(what_is_no_session)
{
	unsigned char der[2048], fat[4096], slim[4096];
	size_t n = with_peer(der, session(der), 700, fat);

	for (size_t cut = 0; cut < n; cut++) {
		unsigned char *copy = malloc(cut + 1);
		memcpy(copy, fat, cut);
		ck_assert_uint_eq(tls_slim_session(copy, cut, slim), 0);
		free(copy);
	}
	for (size_t i = 0; i < n; i++) {
		unsigned char *copy = malloc(n), *out = malloc(n);
		memcpy(copy, fat, n);
		copy[i] ^= 0xff;
		ck_assert_uint_le(tls_slim_session(copy, n, out), n);
		free(copy);
		free(out);
	}
}
END_TEST

START_TEST(the_cipher_seals_what_aes_opens)
{
	unsigned char der[2048], fat[4096], sealed[4096 + 32], opened[4096 + 32], key[32] = { 7 }, iv[16] = { 9 };
	size_t n = session(der), m = with_peer(der, n, 700, fat);
	OSSL_LIB_CTX *lib = OSSL_LIB_CTX_new();
	struct tls_slim slim;
	int a, b;

	ck_assert(tls_slim_init(&slim, lib));
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	ck_assert_int_eq(EVP_EncryptInit_ex2(c, slim.cipher, key, iv, NULL), 1);
	ck_assert_int_eq(EVP_CIPHER_CTX_get_iv_length(c), 16);
	ck_assert_int_eq(EVP_EncryptUpdate(c, sealed, &a, fat, (int)m), 1);
	ck_assert_int_eq(EVP_EncryptFinal_ex(c, sealed + a, &b), 1);
	EVP_CIPHER_CTX_free(c);
	int len = a + b;
	c = EVP_CIPHER_CTX_new();
	ck_assert_int_eq(EVP_DecryptInit_ex2(c, EVP_aes_256_cbc(), key, iv, NULL), 1);
	ck_assert_int_eq(EVP_DecryptUpdate(c, opened, &a, sealed, len), 1);
	ck_assert_int_eq(EVP_DecryptFinal_ex(c, opened + a, &b), 1);
	EVP_CIPHER_CTX_free(c);
	ck_assert_uint_eq((size_t)(a + b), n);
	ck_assert_mem_eq(opened, der, n);
	/* What is no session is not sealed. */
	c = EVP_CIPHER_CTX_new();
	ck_assert_int_eq(EVP_EncryptInit_ex2(c, slim.cipher, key, iv, NULL), 1);
	ck_assert_int_ne(EVP_EncryptUpdate(c, sealed, &a, fat + 1, (int)m - 1), 1);
	EVP_CIPHER_CTX_free(c);
	tls_slim_fini(&slim);
	OSSL_LIB_CTX_free(lib);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tls_slim");
	TCase *tc = tcase_create("tls_slim");
	tcase_add_test(tc, the_rest_stays);
	tcase_add_test(tc, what_is_no_session);
	tcase_add_test(tc, the_cipher_seals_what_aes_opens);
	suite_add_tcase(suite, tc);
	SRunner *r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
