/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of EST against the openssl command: what it writes is read, what we write it reads (RFC 7030, RFC 8951). */
#include "security/est.h"

#include "security/tls.h"
#include "tests/unit/security/pki.h"

static struct state st;
static struct arena a;

static void setup(void)
{
	state_init(&st);
	arena_init(&a, 4096);
}

static void teardown(void)
{
	arena_fini(&a);
	state_fini(&st);
}

/* A request of the openssl command with these attributes and extensions, in base64 with line ends. */
static struct str request(const char *attributes, const char *extensions)
{
	char out[4096], conf[2048];
	unsigned char body[8192];

	snprintf(conf, sizeof(conf),
	         "[req]\ndistinguished_name=dn\nprompt=no\nattributes=at\n%s[dn]\nCN=device\n[at]\n%s\n[ex]\n%s\n",
	         *extensions ? "req_extensions=ex\n" : "", attributes, extensions);
	state_write(&st, "r.cnf", conf, strlen(conf));
	ck_assert_msg(PKI_OPENSSL(&st, out, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "k.pem") == 0, "%s", out);
	ck_assert_msg(PKI_OPENSSL(&st, out, "req", "-new", "-key", "k.pem", "-config", "r.cnf", "-outform", "DER", "-out", "r.der") == 0, "%s",
	              out);
	ck_assert_msg(PKI_OPENSSL(&st, out, "base64", "-in", "r.der", "-out", "r.b64") == 0, "%s", out);
	size_t n = state_read(&st, "r.b64", body, sizeof(body));
	return arena_str(&a, str_make((char *)body, n));
}

static int read_it(struct str body, struct est_request *r)
{
	struct why why = { 0 };
	int err = est_read_request(&a, body, STR("troth.example"), r, &why);

	ck_assert(err == 0 || why.text[0]);
	if (err == 0) {
		unsigned char fp[32];

		ck_assert(cert_key_fingerprint(r->key, fp) == 0 && memcmp(fp, r->fingerprint, 32) == 0);
		EVP_PKEY_free(r->key);
	}
	return err;
}

START_TEST(what_openssl_writes)
{
	unsigned char der[4096], fp[32], pub[256];
	struct est_request r;
	char out[1024];
	struct str body = request("challengePassword=0123456789abcdefghijklmnopqrstuvwxyzABCDEFG=", "subjectAltName=URI:onem2m://troth.example/id-in/CDev1,DNS:mn1.troth.example");

	ck_assert_int_eq(read_it(body, &r), 0);
	ck_assert(str_eqz(r.challenge, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG="));
	ck_assert_uint_eq(r.names.n, 2);
	ck_assert(r.names.v[0].kind == CERT_AE && str_eqz(r.names.v[0].text, "//troth.example/id-in/CDev1"));
	ck_assert(r.names.v[1].kind == CERT_CSE && str_eqz(r.names.v[1].text, "//troth.example/mn1"));
	ck_assert_uint_eq(r.der.n, state_read(&st, "r.der", der, sizeof(der)));
	ck_assert_int_eq(memcmp(der, r.der.p, r.der.n), 0);
	ck_assert_int_eq(PKI_OPENSSL(&st, out, "pkey", "-in", "k.pem", "-pubout", "-outform", "DER", "-out", "p.der"), 0);
	size_t n = state_read(&st, "p.der", pub, sizeof(pub));
	ck_assert_int_eq(EVP_Digest(pub, n, fp, NULL, EVP_sha256(), NULL), 1);
	ck_assert_int_eq(memcmp(fp, r.fingerprint, 32), 0);
}
END_TEST

START_TEST(without_attributes)
{
	struct est_request r;

	ck_assert_int_eq(read_it(request("", ""), &r), 0);
	ck_assert_uint_eq(r.challenge.n, 0);
	ck_assert_uint_eq(r.names.n, 0);
}
END_TEST

START_TEST(what_is_refused)
{
	static const char *const bad[] = { "", "====", "A", "AAAA", "AAA=A", "AA==AAAA", "!!!!", "-----BEGIN CERTIFICATE REQUEST-----", "MIIBAA==" };
	struct est_request r;
	struct str body = request("challengePassword=x", "");
	char *copy = arena_alloc(&a, body.n), *huge = arena_zalloc(&a, EST_BODY_MAX + 1);

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(read_it(str_of(bad[i]), &r) != 0, "%s", bad[i]);
	for (size_t n = 0; n + 5 < body.n; n += 7)
		ck_assert_int_ne(read_it(str_first(body, n), &r), 0);
	/* A bit of the signature: it is not signed with its own key. */
	memcpy(copy, body.p, body.n);
	copy[body.n - 12] = copy[body.n - 12] == 'A' ? 'B' : 'A';
	ck_assert_int_ne(read_it(str_make(copy, body.n), &r), 0);
	memset(huge, 'A', EST_BODY_MAX + 1);
	ck_assert_int_eq(read_it(str_make(huge, EST_BODY_MAX + 1), &r), E_LIMIT);
	ck_assert_int_ne(read_it(request("challengePassword=0123456789012345678901234567890123456789012345678901234567890123", ""), &r), 0);
}
END_TEST

START_TEST(certificates_are_read_by_openssl)
{
	char out[16384];
	unsigned char pem[8192];
	struct buf b;

	ck_assert_int_eq(PKI_OPENSSL(&st, out, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
	                             "/CN=one", "-days", "3", "-keyout", "k1.pem", "-out", "c1.pem"), 0);
	ck_assert_int_eq(PKI_OPENSSL(&st, out, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
	                             "/CN=two", "-days", "3", "-keyout", "k2.pem", "-out", "c2.pem"), 0);
	size_t n = state_read(&st, "c1.pem", pem, sizeof(pem));
	n += state_read(&st, "c2.pem", pem + n, sizeof(pem) - n);
	buf_init(&b, 65536);
	ck_assert_int_eq(est_put_certs(&b, str_make((char *)pem, n)), 0);
	state_write(&st, "answer", b.p, b.n);
	ck_assert_int_eq(PKI_OPENSSL(&st, out, "base64", "-d", "-in", "answer", "-out", "answer.der"), 0);
	ck_assert_msg(PKI_OPENSSL(&st, out, "pkcs7", "-inform", "DER", "-in", "answer.der", "-print_certs", "-noout") == 0, "%s", out);
	ck_assert(strstr(out, "CN = one") && strstr(out, "CN = two"));
	/* RFC 5652 5: signed data without content and without a signer. */
	ck_assert_int_eq(PKI_OPENSSL(&st, out, "cms", "-cmsout", "-print", "-inform", "DER", "-in", "answer.der"), 0);
	ck_assert(strstr(out, "pkcs7-signedData") && strstr(out, "eContent: <ABSENT>"));
	buf_fini(&b);
}
END_TEST

START_TEST(attributes_are_read_by_openssl)
{
	char out[4096];
	struct buf b;

	buf_init(&b, 4096);
	ck_assert_int_eq(est_put_csrattrs(&b), 0);
	state_write(&st, "answer", b.p, b.n);
	ck_assert_int_eq(PKI_OPENSSL(&st, out, "base64", "-d", "-in", "answer", "-out", "answer.der"), 0);
	ck_assert_msg(PKI_OPENSSL(&st, out, "asn1parse", "-inform", "DER", "-in", "answer.der") == 0, "%s", out);
	ck_assert(strstr(out, ":challengePassword") && strstr(out, ":id-ecPublicKey") && strstr(out, ":prime256v1") &&
	          strstr(out, ":ecdsa-with-SHA256"));
	buf_fini(&b);
}
END_TEST

/* Whose and which a certificate is, as the openssl command writes the subject. */
static const struct {
	const char *subject, *id;
	uint32_t generation;
} subjects[] = {
	{ "/CN=x/serialNumber=cabcdefghijklmnop.7", "cabcdefghijklmnop", 7 },
	{ "/serialNumber=c1.4294967295", "c1", 4294967295u },
	{ "/CN=x", NULL, 0 },
	{ "/serialNumber=c1", NULL, 0 },
	{ "/serialNumber=.1", NULL, 0 },
	{ "/serialNumber=c1.", NULL, 0 },
	{ "/serialNumber=c1.0", NULL, 0 },
	{ "/serialNumber=c1.4294967296", NULL, 0 },
	{ "/serialNumber=c1.1x", NULL, 0 },
};

START_TEST(subjects_say_whose)
{
	char out[4096];
	unsigned char pem[4096];
	X509 *x;
	struct str id = STR_NONE;
	uint32_t generation = 0;
	unsigned k;

	ck_assert_msg(PKI_OPENSSL(&st, out, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
	                          subjects[_i].subject, "-days", "3", "-keyout", "k.pem", "-out", "c.pem") == 0, "%s", out);
	size_t n = state_read(&st, "c.pem", pem, sizeof(pem));
	ck_assert_int_eq(cert_read_pem(str_make((char *)pem, n), &x, 1, &k), 0);
	ck_assert(cert_subject(&a, x, &id, &generation) == (subjects[_i].id != NULL));
	if (subjects[_i].id)
		ck_assert(str_eqz(id, subjects[_i].id) && generation == subjects[_i].generation);
	X509_free(x);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("est");
	TCase *tc = tcase_create("est");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, what_openssl_writes);
	tcase_add_test(tc, without_attributes);
	tcase_add_test(tc, what_is_refused);
	tcase_add_test(tc, certificates_are_read_by_openssl);
	tcase_add_test(tc, attributes_are_read_by_openssl);
	tcase_add_loop_test(tc, subjects_say_whose, 0, (int)ARRAY_LEN(subjects));
	suite_add_tcase(suite, tc);
	SRunner *r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
