/* SPDX-License-Identifier: Apache-2.0 */
/* Names in certificates: what is written reads back, what is foreign or hostile says nothing or is refused. */
#include "security/cert.h"

#include "tests/unit/security/pki.h"

static const struct addr_self self = { .sp = { "troth.example", 13 }, .cse = { "id-in", 5 }, .base = { "cse-in", 6 } };

static void add(GENERAL_NAMES *g, int type, const char *p, size_t n)
{
	GENERAL_NAME *gen = GENERAL_NAME_new();
	ASN1_STRING *s = ASN1_STRING_type_new(type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
	ck_assert_int_eq(ASN1_STRING_set(s, p, (int)n), 1);
	GENERAL_NAME_set0_value(gen, type, s);
	ck_assert_int_gt(sk_GENERAL_NAME_push(g, gen), 0);
}

static int read_one(struct arena *a, int type, const char *p, size_t n, struct cert_names *out)
{
	GENERAL_NAMES *g = sk_GENERAL_NAME_new_null();
	add(g, type, p, n);
	int err = cert_names_of(a, g, self.sp, out);
	GENERAL_NAMES_free(g);
	return err;
}

/* Expectations: TS-0001 table 7.2-1 for the identifiers, security-model 2.4 for their forms. */
static const struct {
	int type;
	const char *text;
	enum cert_name_kind kind;
	const char *want;
} forms[] = {
	{ GEN_URI, "onem2m://troth.example/id-in/CDev1", CERT_AE, "//troth.example/id-in/CDev1" },
	{ GEN_URI, "onem2m://troth.example/Sdev.1", CERT_AE, "//troth.example/Sdev.1" },
	{ GEN_URI, "onem2m://troth.example/mn1/C1", CERT_AE, "//troth.example/mn1/C1" },
	{ GEN_URI, "onem2m://troth.example/CDev1", CERT_OTHER, "" },          /* a C stem needs its registrar */
	{ GEN_URI, "onem2m://troth.example/id-in/Sdev", CERT_OTHER, "" },     /* an S stem has none */
	{ GEN_URI, "onem2m://troth.example/id-in/Xdev", CERT_OTHER, "" },
	{ GEN_URI, "onem2m://troth.example/id-in/C1/x", CERT_OTHER, "" },
	{ GEN_URI, "onem2m://troth.example/", CERT_OTHER, "" },
	{ GEN_URI, "onem2m://troth.example", CERT_OTHER, "" },
	{ GEN_URI, "onem2m://troth.example//C1", CERT_OTHER, "" },
	{ GEN_URI, "onem2m://troth.example/id-in/C*", CERT_OTHER, "" },
	{ GEN_URI, "onem2m://troth.example/id-in/C%31", CERT_OTHER, "" },
	{ GEN_URI, "onem2m://other.example/id-in/C1", CERT_OTHER, "" },
	{ GEN_URI, "onem2m://troth.example:80/id-in/C1", CERT_OTHER, "" },
	{ GEN_URI, "onem2m://x@troth.example/id-in/C1", CERT_OTHER, "" },
	{ GEN_URI, "http://troth.example/id-in/C1", CERT_OTHER, "" },
	{ GEN_DNS, "mn1.troth.example", CERT_CSE, "//troth.example/mn1" },
	{ GEN_DNS, "mn1.TROTH.example", CERT_CSE, "//troth.example/mn1" },
	{ GEN_DNS, "a.b.troth.example", CERT_HOST, "a.b.troth.example" },
	{ GEN_DNS, "troth.example", CERT_HOST, "troth.example" },
	{ GEN_DNS, "mn1.eviltroth.example", CERT_HOST, "mn1.eviltroth.example" },
	{ GEN_EMAIL, "a@troth.example", CERT_OTHER, "" },
	{ GEN_IPADD, "\x7f\0\0\1", CERT_ADDRESS, "\x7f" },
};

START_TEST(forms_that_are_read)
{
	struct arena a;
	struct cert_names n;

	arena_init(&a, 1024);
	size_t len = forms[_i].type == GEN_IPADD ? 4 : strlen(forms[_i].text);
	ck_assert_int_eq(read_one(&a, forms[_i].type, forms[_i].text, len, &n), 0);
	ck_assert_uint_eq(n.n, 1);
	ck_assert_msg(n.v[0].kind == forms[_i].kind, "%s", forms[_i].text);
	if (forms[_i].kind == CERT_ADDRESS)
		ck_assert_uint_eq(n.v[0].text.n, 4);
	else
		ck_assert_msg(str_eqz(n.v[0].text, forms[_i].want), "%.*s", STR_ARG(n.v[0].text));
	arena_fini(&a);
}
END_TEST

START_TEST(hostile_names_are_refused)
{
	static const struct {
		int type;
		const char *p;
		size_t n;
		int err;
	} bad[] = {
		{ GEN_DNS, "mn1.troth.example\0.evil.example", 31, E_SYNTAX },
		{ GEN_URI, "onem2m://troth.example/id-in/C1\0x", 33, E_SYNTAX },
		{ GEN_DNS, "", 0, E_SYNTAX },
		{ GEN_DNS, "*.troth.example", 15, E_SYNTAX },
		{ GEN_DNS, "mn1..troth.example", 18, E_SYNTAX },
		{ GEN_DNS, ".troth.example", 14, E_SYNTAX },
		{ GEN_DNS, "-a.troth.example", 16, E_SYNTAX },
		{ GEN_DNS, "mn 1.troth.example", 18, E_SYNTAX },
		{ GEN_URI, "onem2m://troth.example/id-in/C\xc3\xa4", 32, E_SYNTAX },
		{ GEN_URI, "onem2m://troth.example/id-in/C1\n", 32, E_SYNTAX },
		{ GEN_IPADD, "12345", 5, E_SYNTAX },
		{ GEN_IPADD, "", 0, E_SYNTAX },
	};
	struct arena a;
	struct cert_names n = { NULL, 7 };
	char big[CERT_NAME_BYTES + 1];

	arena_init(&a, 1024);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(read_one(&a, bad[i].type, bad[i].p, bad[i].n, &n) == bad[i].err, "%zu", i);
	memset(big, 'x', sizeof(big));
	ck_assert_int_eq(read_one(&a, GEN_URI, big, sizeof(big), &n), E_LIMIT);
	GENERAL_NAMES *g = sk_GENERAL_NAME_new_null();
	for (int i = 0; i < CERT_NAMES_MAX; i++)
		add(g, GEN_DNS, "a", 1);
	ck_assert_int_eq(cert_names_of(&a, g, self.sp, &n), 0);
	ck_assert_uint_eq(n.n, CERT_NAMES_MAX);
	n.n = 7;
	add(g, GEN_DNS, "a", 1);
	ck_assert_int_eq(cert_names_of(&a, g, self.sp, &n), E_LIMIT);
	ck_assert_uint_eq(n.n, 7);
	GENERAL_NAMES_free(g);
	arena_fini(&a);
}
END_TEST

START_TEST(issued_names_read_back)
{
	struct pki p;
	struct why why = { 0 };
	struct buf pem;
	struct arena a;
	struct cert_names n;
	static const char *const given[] = { "CDev1", "Sdev", "/mn1", "C*" };
	static const char *const want[] = { "//troth.example/id-in/CDev1", "//troth.example/Sdev", "//troth.example/mn1", NULL };
	EVP_PKEY *key = pki_key();

	pki_init(&p, PKI_NOW);
	pki_open(&p);
	arena_init(&a, 1024);
	for (size_t i = 0; i < ARRAY_LEN(given); i++) {
		buf_init(&pem, 65536);
		ck_assert_int_eq(pki_issue(&p, key, CRED_GATEWAY, given[i], &pem, &why), 0);
		X509 *x = pki_first(&pem);
		ck_assert_int_eq(cert_names(&a, x, self.sp, &n), 0);
		ck_assert_uint_eq(n.n, want[i] ? 1 : 0);
		if (want[i])
			ck_assert(str_eqz(n.v[0].text, want[i]));
		X509_free(x);
		buf_fini(&pem);
	}
	arena_fini(&a);
	EVP_PKEY_free(key);
	pki_fini(&p);
}
END_TEST

/* An extension that is there twice must not be read as the first of them. */
START_TEST(two_extensions_are_refused)
{
	struct arena a;
	struct cert_names n;
	X509 *x = X509_new();
	GENERAL_NAMES *g = sk_GENERAL_NAME_new_null();

	arena_init(&a, 1024);
	ck_assert_int_eq(cert_names(&a, x, self.sp, &n), 0);
	ck_assert_uint_eq(n.n, 0);
	add(g, GEN_DNS, "a", 1);
	ck_assert_int_eq(X509_add1_ext_i2d(x, NID_subject_alt_name, g, 0, X509V3_ADD_APPEND), 1);
	ck_assert_int_eq(cert_names(&a, x, self.sp, &n), 0);
	ck_assert_int_eq(X509_add1_ext_i2d(x, NID_subject_alt_name, g, 0, X509V3_ADD_APPEND), 1);
	ck_assert_int_eq(cert_names(&a, x, self.sp, &n), E_SYNTAX);
	GENERAL_NAMES_free(g);
	X509_free(x);
	arena_fini(&a);
}
END_TEST

START_TEST(dns_names)
{
	static const char *const good[] = { "a", "a.b", "xn--x", "A-1.b_c", "127.0.0.1" };
	static const char *const bad[] = { "", ".", "a.", ".a", "a..b", "a-", "-a", "a b", "a*", "a/b",
		                           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert(cert_is_dns(str_of(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(!cert_is_dns(str_of(bad[i])), "%s", bad[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cert");
	TCase *tc = tcase_create("cert");
	tcase_add_loop_test(tc, forms_that_are_read, 0, (int)ARRAY_LEN(forms));
	tcase_add_test(tc, hostile_names_are_refused);
	tcase_add_test(tc, issued_names_read_back);
	tcase_add_test(tc, two_extensions_are_refused);
	tcase_add_test(tc, dns_names);
	suite_add_tcase(suite, tc);
	SRunner *r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
