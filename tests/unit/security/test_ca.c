/* SPDX-License-Identifier: Apache-2.0 */
/* The issuing authority, judged by OpenSSL's command: chain, constraints, usages; and what it refuses to sign. */
#include "security/ca.h"

#include "security/cert.h"
#include "tests/unit/security/pki.h"

static char out[65536];

START_TEST(chain_verifies)
{
	struct pki p;
	struct why why = { 0 };
	struct buf pem;
	EVP_PKEY *key = pki_key();

	pki_init(&p, PKI_NOW);
	pki_open(&p);
	ck_assert(ca_is_new(p.ca));
	buf_init(&pem, 65536);
	ck_assert_msg(pki_issue(&p, key, CRED_DEVICE, "CDev1", &pem, &why) == 0, "%s", why.text);
	pki_save(&p, "dev.pem", &pem);
	int r = PKI_OPENSSL(&p.st, out, "verify", "-x509_strict", "-attime", "1935817689", "-purpose", "sslclient", "-CAfile",
	                    "ca/root.pem", "-untrusted", "dev.pem", "dev.pem");
	ck_assert_msg(r == 0, "%s", out);
	/* An application serves at its points of access; no host is named, so it can stand in for none. */
	static const char *const hosts[] = { "localhost", "id-in.troth.example", "troth.example" };
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		r = PKI_OPENSSL(&p.st, out, "verify", "-x509_strict", "-attime", "1935817689", "-purpose", "sslserver",
		                "-verify_hostname", hosts[i], "-CAfile", "ca/root.pem", "-untrusted", "dev.pem", "dev.pem");
		ck_assert_msg(r != 0 && strstr(out, "hostname mismatch"), "%s", out);
	}
	r = PKI_OPENSSL(&p.st, out, "verify", "-x509_strict", "-attime", "1935817689", "-purpose", "sslserver",
	                "-verify_hostname", "id-in.troth.example", "-CAfile", "ca/root.pem", "-untrusted", "ca/issuing.pem",
	                "ca/server.pem");
	ck_assert_msg(r == 0, "%s", out);
	r = PKI_OPENSSL(&p.st, out, "verify", "-x509_strict", "-attime", "1935817689", "-verify_ip", "::1", "-CAfile",
	                "ca/root.pem", "-untrusted", "ca/issuing.pem", "ca/server.pem");
	ck_assert_msg(r == 0, "%s", out);
	/* The root alone signs the issuing CA; a leaf does not hang below the root. */
	r = PKI_OPENSSL(&p.st, out, "verify", "-attime", "1935817689", "-CAfile", "ca/root.pem", "dev.pem");
	ck_assert_int_ne(r, 0);
	buf_fini(&pem);
	EVP_PKEY_free(key);
	pki_fini(&p);
}
END_TEST

START_TEST(contents_are_as_the_profile_says)
{
	struct pki p;
	struct why why = { 0 };
	struct buf pem;
	EVP_PKEY *key = pki_key();

	pki_init(&p, PKI_NOW);
	pki_open(&p);
	ck_assert_int_eq(PKI_OPENSSL(&p.st, out, "x509", "-noout", "-text", "-in", "ca/root.pem"), 0);
	ck_assert_ptr_nonnull(strstr(out, "Basic Constraints: critical\n                CA:TRUE, pathlen:1"));
	ck_assert_int_eq(PKI_OPENSSL(&p.st, out, "x509", "-noout", "-text", "-in", "ca/issuing.pem"), 0);
	ck_assert_ptr_nonnull(strstr(out, "Basic Constraints: critical\n                CA:TRUE, pathlen:0"));
	ck_assert_ptr_nonnull(strstr(out, "Key Usage: critical\n                Certificate Sign, CRL Sign"));
	ck_assert_ptr_nonnull(strstr(out, "Name Constraints: critical\n                Permitted:"));
	static const char *const permitted[] = { "DNS:troth.example\n", "DNS:localhost\n", "IP:127.0.0.1/255.255.255.255\n",
		                                 "URI:troth.example\n", "IP:0:0:0:0:0:0:0:1/FFFF:FFFF:" };
	for (size_t i = 0; i < ARRAY_LEN(permitted); i++)
		ck_assert_msg(strstr(out, permitted[i]) != NULL, "%s in %s", permitted[i], out);
	ck_assert_ptr_nonnull(strstr(out, "ecdsa-with-SHA256"));
	ck_assert_ptr_nonnull(strstr(out, "prime256v1"));
	buf_init(&pem, 65536);
	ck_assert_msg(pki_issue(&p, key, CRED_DEVICE, "CDev1", &pem, &why) == 0, "%s", why.text);
	pki_save(&p, "dev.pem", &pem);
	ck_assert_int_eq(PKI_OPENSSL(&p.st, out, "x509", "-noout", "-text", "-in", "dev.pem"), 0);
	ck_assert_ptr_nonnull(strstr(out, "URI:onem2m://troth.example/id-in/CDev1\n"));
	ck_assert_ptr_nonnull(strstr(out, "Basic Constraints: critical\n                CA:FALSE"));
	ck_assert_ptr_nonnull(strstr(out, "Key Usage: critical\n                Digital Signature\n"));
	ck_assert_ptr_nonnull(strstr(out, "Extended Key Usage: \n                TLS Web Client Authentication, "
	                                  "TLS Web Server Authentication\n"));
	ck_assert_ptr_nonnull(strstr(out, "Not After : May  7 07:08:09 2031 GMT"));
	ck_assert_ptr_null(strstr(out, "evil.example"));
	ck_assert_int_eq(PKI_OPENSSL(&p.st, out, "x509", "-noout", "-serial", "-in", "dev.pem"), 0);
	ck_assert_uint_eq(strlen(out), strlen("serial=\n") + 40);
	ck_assert_int_eq(PKI_OPENSSL(&p.st, out, "x509", "-noout", "-ext", "subjectAltName,extendedKeyUsage", "-in", "ca/server.pem"),
	                 0);
	ck_assert_ptr_nonnull(strstr(out, "DNS:id-in.troth.example, DNS:localhost, IP Address:127.0.0.1, "
	                                  "IP Address:0:0:0:0:0:0:0:1\n"));
	ck_assert_ptr_nonnull(strstr(out, "TLS Web Server Authentication"));
	buf_fini(&pem);
	EVP_PKEY_free(key);
	pki_fini(&p);
}
END_TEST

static const struct {
	enum cred_kind kind;
	const char *name;
	const char *want, *usage;
} names[] = {
	{ CRED_DEVICE, "Sdev.2_x~y", "URI:onem2m://troth.example/Sdev.2_x~y\n", "TLS Web Client Authentication, TLS Web Server Authentication\n" },
	{ CRED_ADMIN, "CAdmin", "URI:onem2m://troth.example/id-in/CAdmin\n", "TLS Web Client Authentication\n" },
	{ CRED_CSE, "/mn1", "DNS:mn1.troth.example\n", "TLS Web Client Authentication, TLS Web Server Authentication\n" },
	{ CRED_GATEWAY, "C*", NULL, "TLS Web Client Authentication, TLS Web Server Authentication\n" },
	{ CRED_DEVICE, "Nmy.app", NULL, "TLS Web Client Authentication, TLS Web Server Authentication\n" },
	{ CRED_GATEWAY, NULL, NULL, "TLS Web Client Authentication, TLS Web Server Authentication\n" },
};

START_TEST(kinds_and_names)
{
	struct pki p;
	struct why why = { 0 };
	struct buf pem;
	EVP_PKEY *key = pki_key();

	pki_init(&p, PKI_NOW);
	pki_open(&p);
	buf_init(&pem, 65536);
	ck_assert_msg(pki_issue(&p, key, names[_i].kind, names[_i].name, &pem, &why) == 0, "%s", why.text);
	pki_save(&p, "x.pem", &pem);
	ck_assert_int_eq(PKI_OPENSSL(&p.st, out, "x509", "-noout", "-text", "-in", "x.pem"), 0);
	if (names[_i].want)
		ck_assert_msg(strstr(out, names[_i].want) != NULL, "%s", out);
	else
		ck_assert_ptr_null(strstr(out, "Subject Alternative Name"));
	ck_assert_msg(strstr(out, names[_i].usage) != NULL, "%s", out);
	if (names[_i].kind == CRED_ADMIN)
		ck_assert_ptr_null(strstr(out, "TLS Web Server Authentication"));
	ck_assert_int_eq(PKI_OPENSSL(&p.st, out, "verify", "-x509_strict", "-attime", "1935817689", "-purpose", "sslclient", "-CAfile",
	                             "ca/root.pem", "-untrusted", "x.pem", "x.pem"),
	                 0);
	buf_fini(&pem);
	EVP_PKEY_free(key);
	pki_fini(&p);
}
END_TEST

static const char *const bad_names[] = { "",        "X1",      "C",     "C dev",          "Cdev\n",   "/",   "/a/b",
	                                 "/mn1/C1", "/a.b",    "/a~b",  "//troth.example", "Cd\xc3\xa4", "C#1", "C?*",
	                                 "/mn\"1",  "CDev,DNS:evil.example" };

START_TEST(names_that_are_refused)
{
	struct pki p;
	struct why why = { 0 };
	struct buf pem;
	EVP_PKEY *key = pki_key();

	pki_init(&p, PKI_NOW);
	pki_open(&p);
	buf_init(&pem, 65536);
	ck_assert_msg(pki_issue(&p, key, CRED_DEVICE, bad_names[_i], &pem, &why) == E_SYNTAX, "%s", bad_names[_i]);
	ck_assert_int_eq(why.rsc, RSC_BAD_REQUEST);
	ck_assert_uint_eq(pem.n, 0);
	buf_fini(&pem);
	EVP_PKEY_free(key);
	pki_fini(&p);
}
END_TEST

/* A stolen issuing key is good for our own names only: clients refuse what the constraints do not permit. */
static void sign_foreign(struct pki *p, int (*fill)(GENERAL_NAMES *), const char *file)
{
	struct why why = { 0 };
	struct buf pem;
	EVP_PKEY *key = pki_key(), *issuing = NULL;
	GENERAL_NAMES *gens = sk_GENERAL_NAME_new_null();
	X509 *x = NULL, *issuer;
	unsigned n;
	unsigned char file_pem[8192];

	ck_assert_int_eq(keystore_key(p->ks, "issuing", false, &issuing, &why), 0);
	size_t k = state_read(&p->st, "ca/issuing.pem", file_pem, sizeof(file_pem));
	ck_assert_int_eq(cert_read_pem(str_make((char *)file_pem, k), &issuer, 1, &n), 0);
	ck_assert_int_eq(fill(gens), 0);
	struct cert_plan plan = { .subject_key = key,
		                  .cn = "x",
		                  .issuer = issuer,
		                  .issuer_key = issuing,
		                  .from_us = PKI_NOW - PKI_HOUR,
		                  .to_us = PKI_NOW + PKI_HOUR,
		                  .pathlen = -1,
		                  .names = gens };
	ck_assert_int_eq(cert_make(p->st.rnd, &plan, &x, &why), 0);
	buf_init(&pem, 65536);
	ck_assert_int_eq(cert_put_pem(&pem, x), 0);
	pki_save(p, file, &pem);
	ck_assert_int_eq(ca_permits(p->ca, x, &why), E_CONF);
	buf_fini(&pem);
	GENERAL_NAMES_free(gens);
	X509_free(x);
	X509_free(issuer);
	EVP_PKEY_free(key);
	EVP_PKEY_free(issuing);
}

static int foreign_host(GENERAL_NAMES *g)
{
	struct why why = { 0 };
	return cert_host_add(g, STR("www.bank.example"), &why);
}
static int foreign_suffix(GENERAL_NAMES *g)
{
	struct why why = { 0 };
	return cert_host_add(g, STR("eviltroth.example"), &why);
}
static int foreign_address(GENERAL_NAMES *g)
{
	struct why why = { 0 };
	return cert_host_add(g, STR("127.0.0.2"), &why);
}
static int foreign_uri(GENERAL_NAMES *g)
{
	struct why why = { 0 };
	struct addr_self other = { .sp = STR("other.example"), .cse = STR("id-in"), .base = STR("cse-in") };
	return cert_name_add(g, STR("CDev1"), &other, &why);
}
static int sub_uri(GENERAL_NAMES *g)
{
	struct why why = { 0 };
	struct addr_self other = { .sp = STR("x.troth.example"), .cse = STR("id-in"), .base = STR("cse-in") };
	return cert_name_add(g, STR("CDev1"), &other, &why);
}
static int (*const foreign[])(GENERAL_NAMES *) = { foreign_host, foreign_suffix, foreign_address, foreign_uri, sub_uri };

START_TEST(constraints_refuse_foreign_names)
{
	struct pki p;
	pki_init(&p, PKI_NOW);
	pki_open(&p);
	sign_foreign(&p, foreign[_i], "foreign.pem");
	int r = PKI_OPENSSL(&p.st, out, "verify", "-attime", "1935817689", "-CAfile", "ca/root.pem", "-untrusted",
	                    "ca/issuing.pem", "foreign.pem");
	ck_assert_msg(r != 0 && strstr(out, "permitted subtree violation"), "%s", out);
	pki_fini(&p);
}
END_TEST

START_TEST(without_address_no_address)
{
	struct pki p;
	pki_init(&p, PKI_NOW);
	p.o.hosts.n = 1;
	pki_open(&p);
	sign_foreign(&p, foreign_address, "foreign.pem");
	int r = PKI_OPENSSL(&p.st, out, "verify", "-attime", "1935817689", "-CAfile", "ca/root.pem", "-untrusted",
	                    "ca/issuing.pem", "foreign.pem");
	ck_assert_msg(r != 0 && strstr(out, "excluded subtree violation"), "%s", out);
	pki_fini(&p);
}
END_TEST

START_TEST(names_of_the_first_start_bind)
{
	struct pki p;
	pki_init(&p, PKI_NOW);
	pki_open(&p);
	ca_close(p.ca);
	p.ca = NULL;
	p.hosts[0] = STR("cse.other.example");
	pki_refused(&p, E_CONF, "https.names");
	p.hosts[0] = STR("not a name");
	pki_refused(&p, E_SYNTAX, "neither a DNS name nor an IP address");
	p.hosts[0] = STR("cse.troth.example");
	pki_open(&p);
	ck_assert(!ca_is_new(p.ca));
	ck_assert_int_eq(PKI_OPENSSL(&p.st, out, "x509", "-noout", "-checkhost", "cse.troth.example", "-in", "ca/server.pem"), 0);
	ck_assert_ptr_nonnull(strstr(out, "does match"));
	pki_fini(&p);
}
END_TEST

/* --- requests ------------------------------------------------------------------------------------------------------ */

static void request_refused(struct pki *p, struct str der, int err, const char *text)
{
	struct why why = { 0 };
	struct buf pem;
	struct str name = STR("CDev1");
	unsigned char fp[32];
	int64_t end;
	struct ca_ask q = { .csr_der = der, .kind = CRED_DEVICE, .names = { &name, 1 }, .life_us = PKI_HOUR };

	buf_init(&pem, 65536);
	ck_assert_int_eq(ca_issue(p->ca, &q, &pem, fp, &end, &why), err);
	ck_assert_msg(strstr(why.text, text) != NULL, "%s", why.text);
	ck_assert_uint_eq(pem.n, 0);
	buf_fini(&pem);
}

START_TEST(requests_that_are_refused)
{
	struct pki p;
	struct buf csr;
	EVP_PKEY *key = pki_key(), *other = pki_key(), *p384 = EVP_EC_gen("P-384"), *rsa = EVP_RSA_gen(2048);
	char big[9000] = { 0 };

	pki_init(&p, PKI_NOW);
	pki_open(&p);
	buf_init(&csr, 16384);
	pki_request(key, other, &csr);
	request_refused(&p, buf_as_str(&csr), E_DENIED, "own key");
	buf_reset(&csr);
	pki_request(p384, p384, &csr);
	request_refused(&p, buf_as_str(&csr), E_SYNTAX, "P-256");
	buf_reset(&csr);
	pki_request(rsa, rsa, &csr);
	request_refused(&p, buf_as_str(&csr), E_SYNTAX, "P-256");
	buf_reset(&csr);
	pki_request(key, key, &csr);
	request_refused(&p, str_first(buf_as_str(&csr), csr.n - 1), E_SYNTAX, "PKCS#10");
	buf_putc(&csr, 0);
	request_refused(&p, buf_as_str(&csr), E_SYNTAX, "PKCS#10");
	request_refused(&p, str_make(big, sizeof(big)), E_LIMIT, "8192");
	request_refused(&p, STR_NONE, E_SYNTAX, "PKCS#10");
	buf_fini(&csr);
	EVP_PKEY *all[] = { key, other, p384, rsa };
	for (size_t i = 0; i < 4; i++)
		EVP_PKEY_free(all[i]);
	pki_fini(&p);
}
END_TEST

/* A curve spelled out by its parameters, made by the openssl command. */
START_TEST(explicit_curve_is_refused)
{
	struct pki p;
	struct why why = { 0 };
	struct buf der;
	unsigned char pem[8192];

	pki_init(&p, PKI_NOW);
	pki_open(&p);
	ck_assert_int_eq(PKI_OPENSSL(&p.st, out, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-param_enc", "explicit",
	                             "-out", "k.pem"),
	                 0);
	ck_assert_int_eq(PKI_OPENSSL(&p.st, out, "req", "-new", "-key", "k.pem", "-subj", "/CN=x", "-out", "r.pem"), 0);
	size_t n = state_read(&p.st, "r.pem", pem, sizeof(pem));
	buf_init(&der, 8192);
	ck_assert_int_eq(ca_request_of_pem(str_make((char *)pem, n), &der, &why), 0);
	request_refused(&p, buf_as_str(&der), E_SYNTAX, "named curve");
	ck_assert_int_eq(ca_request_of_pem(STR("-----BEGIN"), &der, &why), E_SYNTAX);
	buf_fini(&der);
	pki_fini(&p);
}
END_TEST

START_TEST(life_is_bounded)
{
	struct pki p;
	struct why why = { 0 };
	struct buf csr, pem;
	EVP_PKEY *key = pki_key();
	struct str name = STR("CDev1");
	unsigned char fp[32], want[32], *spki = NULL;
	int64_t end;

	pki_init(&p, PKI_NOW);
	pki_open(&p);
	buf_init(&csr, 8192);
	buf_init(&pem, 65536);
	pki_request(key, key, &csr);
	struct ca_ask q = { .csr_der = buf_as_str(&csr), .kind = CRED_DEVICE, .names = { &name, 1 }, .life_us = PKI_HOUR };
	ck_assert_int_eq(ca_issue(p.ca, &q, &pem, fp, &end, &why), 0);
	ck_assert_int_eq(end, PKI_NOW + PKI_HOUR);
	int n = i2d_PUBKEY(key, &spki);
	ck_assert_int_eq(EVP_Digest(spki, (size_t)n, want, NULL, EVP_sha256(), NULL), 1);
	OPENSSL_free(spki);
	ck_assert_mem_eq(fp, want, 32);
	q.life_us = INT64_MAX;
	ck_assert_int_eq(ca_issue(p.ca, &q, &pem, fp, &end, &why), 0);
	ck_assert_int_eq(end, PKI_NOW + 15 * 365 * 24 * PKI_HOUR);
	q.life_us = 59 * 1000000;
	ck_assert_int_eq(ca_issue(p.ca, &q, &pem, fp, &end, &why), E_RANGE);
	q.life_us = -1;
	ck_assert_int_eq(ca_issue(p.ca, &q, &pem, fp, &end, &why), E_RANGE);
	buf_fini(&csr);
	buf_fini(&pem);
	EVP_PKEY_free(key);
	pki_fini(&p);
}
END_TEST

/* --- the server's certificate --------------------------------------------------------------------------------------- */

static void server_serial(struct pki *p, char serial[64])
{
	ck_assert_int_eq(PKI_OPENSSL(&p->st, out, "x509", "-noout", "-serial", "-in", "ca/server.pem"), 0);
	snprintf(serial, 64, "%.60s", out);
}

START_TEST(server_renews)
{
	struct pki p;
	struct why why = { 0 };
	struct ca_lives was, is;
	char first[64], now[64];
	X509 *leaf;
	STACK_OF(X509) * chain;
	EVP_PKEY *key, *key2;

	pki_init(&p, PKI_NOW);
	pki_open(&p);
	server_serial(&p, first);
	ck_assert_int_eq(ca_server(p.ca, &leaf, &chain, &key), 0);
	ck_assert_int_eq(X509_check_private_key(leaf, key), 1);
	ck_assert_int_eq(sk_X509_num(chain), 1);
	X509_free(leaf);
	sk_X509_pop_free(chain, X509_free);
	/* A restart keeps it. */
	ca_close(p.ca);
	pki_open(&p);
	server_serial(&p, now);
	ck_assert_str_eq(first, now);
	ca_lives(p.ca, &was);
	clock_advance_us(p.clock, 15 * 24 * PKI_HOUR);
	ck_assert_msg(ca_server_renew(p.ca, &why) == 0, "%s", why.text);
	ca_lives(p.ca, &is);
	ck_assert_int_eq(is.server.until_us - was.server.until_us, 15 * 24 * PKI_HOUR);
	ck_assert_int_eq(is.server.until_us, PKI_NOW + 45 * 24 * PKI_HOUR);
	/* The rest of a first life is kept by a restart at half of it, no longer. */
	server_serial(&p, now);
	ck_assert_str_ne(first, now);
	ck_assert_int_eq(ca_server(p.ca, &leaf, &chain, &key2), 0);
	ck_assert_int_eq(X509_check_private_key(leaf, key2), 1);
	ck_assert_int_ne(EVP_PKEY_eq(key, key2), 1);
	X509_free(leaf);
	sk_X509_pop_free(chain, X509_free);
	EVP_PKEY_free(key);
	EVP_PKEY_free(key2);
	pki_fini(&p);
}
END_TEST

START_TEST(server_pair_is_mended_at_start)
{
	struct pki p;
	struct why why = { 0 };
	char first[64], now[64];
	EVP_PKEY *key = NULL;

	pki_init(&p, PKI_NOW);
	pki_open(&p);
	server_serial(&p, first);
	ca_close(p.ca);
	/* As a crash leaves it between the new key and its certificate. */
	ck_assert_int_eq(keystore_remove(p.ks, "server"), 0);
	ck_assert_int_eq(keystore_key(p.ks, "server", true, &key, &why), 0);
	EVP_PKEY_free(key);
	pki_open(&p);
	server_serial(&p, now);
	ck_assert_str_ne(first, now);
	ca_close(p.ca);
	state_write(&p.st, "ca/server.pem", "x", 1);
	pki_open(&p);
	ck_assert_int_eq(PKI_OPENSSL(&p.st, out, "x509", "-noout", "-in", "ca/server.pem"), 0);
	pki_fini(&p);
}
END_TEST

static void put_key(struct pki *p, const char *name, EVP_PKEY *key)
{
	struct why why = { 0 };

	ck_assert_int_eq(keystore_put(p->ks, name, key, &why), 0);
}

/* A renewal writes the next key, the certificate, the key, and forgets the next: wherever it ends, the start finds a pair. */
START_TEST(server_renewal_may_end_anywhere)
{
	struct pki p;
	struct why why = { 0 };
	char serial[2][64], now[64];
	unsigned char pem[2][8192];
	size_t n[2];
	EVP_PKEY *key[2] = { NULL, NULL }, *found = NULL;

	pki_init(&p, PKI_NOW);
	pki_open(&p);
	for (int i = 0; i < 2; i++) {
		if (i)
			ck_assert_int_eq(ca_server_renew(p.ca, &why), 0);
		server_serial(&p, serial[i]);
		n[i] = state_read(&p.st, "ca/server.pem", pem[i], sizeof(pem[i]));
		ck_assert_int_eq(keystore_key(p.ks, "server", false, &key[i], &why), 0);
		/* Nothing is left of a renewal that came to its end. */
		ck_assert_int_eq(keystore_key(p.ks, "server-next", false, &found, &why), E_ABSENT);
	}
	for (int step = 0; step < 3; step++) {
		int cert = step > 0;

		ca_close(p.ca);
		put_key(&p, "server-next", key[1]);
		put_key(&p, "server", key[step == 2]);
		state_write(&p.st, "ca/server.pem", pem[cert], n[cert]);
		pki_open(&p);
		server_serial(&p, now);
		ck_assert_msg(!strcmp(now, serial[cert]), "step %d", step);
		ck_assert_int_eq(keystore_key(p.ks, "server", false, &found, &why), 0);
		ck_assert_int_eq(EVP_PKEY_eq(found, key[cert]), 1);
		EVP_PKEY_free(found);
		ck_assert_int_eq(keystore_key(p.ks, "server-next", false, &found, &why), E_ABSENT);
	}
	/* One that could not take the last step is taken up by the next renewal, not undone. */
	put_key(&p, "server-next", key[1]);
	put_key(&p, "server", key[0]);
	ck_assert_int_eq(ca_server_renew(p.ca, &why), 0);
	server_serial(&p, now);
	ck_assert_str_ne(now, serial[1]);
	for (int i = 0; i < 2; i++)
		EVP_PKEY_free(key[i]);
	pki_fini(&p);
}
END_TEST

/* As a crash of the first start leaves it: keys and the server's certificate are there, the CA's own are not all. */
START_TEST(first_start_is_taken_up_again)
{
	static const char *const missing[] = { "ca/issuing.pem", "ca/root.pem" };
	struct pki p;
	char path[600];

	pki_init(&p, PKI_NOW);
	for (int i = 0; i < 3; i++) {
		pki_open(&p);
		ck_assert_int_eq(PKI_OPENSSL(&p.st, out, "verify", "-CAfile", "ca/root.pem", "-untrusted", "ca/issuing.pem",
		                             "-no_check_time", "ca/server.pem"), 0);
		ca_close(p.ca);
		p.ca = NULL;
		for (int k = 0; k < i; k++) {
			snprintf(path, sizeof(path), "%s/%s", p.st.dir, missing[k]);
			ck_assert_int_eq(unlink(path), 0);
		}
	}
	pki_open(&p);
	pki_fini(&p);
}
END_TEST

START_TEST(damaged_ca_is_refused)
{
	struct pki p, q;
	unsigned char pem[8192];

	pki_init(&p, PKI_NOW);
	pki_open(&p);
	pki_init(&q, PKI_NOW);
	pki_open(&q);
	ca_close(p.ca);
	p.ca = NULL;
	size_t n = state_read(&q.st, "ca/issuing.pem", pem, sizeof(pem));
	state_write(&p.st, "ca/issuing.pem", pem, n);
	pki_refused(&p, E_CORRUPT, "belong together");
	state_write(&p.st, "ca/issuing.pem", "x", 1);
	pki_refused(&p, E_SYNTAX, "ca/issuing.pem");
	pki_fini(&p);
	ca_close(q.ca);
	q.ca = NULL;
	clock_advance_us(q.clock, INT64_C(15) * 365 * 24 * PKI_HOUR);
	pki_refused(&q, E_CONF, "has ended");
	pki_fini(&q);
}
END_TEST

static void scan(const char *dir, const unsigned char *scalar)
{
	char path[512];
	unsigned char buf[65536];
	struct dirent *e;
	DIR *d = opendir(dir);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_type == DT_DIR) {
			scan(path, scalar);
			continue;
		}
		FILE *f = fopen(path, "rb");
		size_t n = fread(buf, 1, sizeof(buf), f);
		fclose(f);
		ck_assert_msg(!memmem(buf, n, scalar, 32) && !memmem(buf, n, "PRIVATE KEY", 11), "%s", path);
	}
	closedir(d);
}

START_TEST(no_private_key_in_clear)
{
	static const char *const keys[] = { "root", "issuing", "server" };
	struct pki p;
	struct why why = { 0 };

	pki_init(&p, PKI_NOW);
	pki_open(&p);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		unsigned char scalar[32];
		BIGNUM *d = NULL;
		EVP_PKEY *k = NULL;
		ck_assert_int_eq(keystore_key(p.ks, keys[i], false, &k, &why), 0);
		ck_assert_int_eq(EVP_PKEY_get_bn_param(k, "priv", &d), 1);
		ck_assert_int_eq(BN_bn2binpad(d, scalar, 32), 32);
		scan(p.st.dir, scalar);
		BN_clear_free(d);
		EVP_PKEY_free(k);
	}
	pki_fini(&p);
}
END_TEST

/* --- import --------------------------------------------------------------------------------------------------------- */

/* An authority of another folder as PEM: its issuing certificate, perhaps its root, and its key in clear. */
static const char *bundle(struct pki *from, bool root, bool encrypted, struct pki *to, char path[256])
{
	struct why why = { 0 };
	EVP_PKEY *k = NULL;
	unsigned char pem[8192];
	size_t n;
	FILE *f = fopen(state_path(&to->st, "import.pem", path), "wb");

	ck_assert_int_eq(keystore_key(from->ks, "issuing", false, &k, &why), 0);
	n = state_read(&from->st, "ca/issuing.pem", pem, sizeof(pem));
	fwrite(pem, 1, n, f);
	if (root) {
		n = state_read(&from->st, "ca/root.pem", pem, sizeof(pem));
		fwrite(pem, 1, n, f);
	}
	unsigned char pass[] = "secret";
	ck_assert_int_eq(PEM_write_PrivateKey(f, k, encrypted ? EVP_aes_256_cbc() : NULL, encrypted ? pass : NULL,
	                                      encrypted ? 6 : 0, NULL, NULL),
	                 1);
	EVP_PKEY_free(k);
	fclose(f);
	ck_assert_int_eq(chmod(path, 0600), 0);
	return path;
}

START_TEST(imports)
{
	struct pki from, p;
	struct why why = { 0 };
	struct buf pem, chain;
	char path[256];
	EVP_PKEY *key = pki_key();

	pki_init(&from, PKI_NOW);
	pki_open(&from);
	pki_init(&p, PKI_NOW);
	p.o.import = bundle(&from, _i == 1, false, &p, path);
	pki_open(&p);
	ck_assert(ca_is_new(p.ca));
	buf_init(&pem, 65536);
	ck_assert_msg(pki_issue(&p, key, CRED_DEVICE, "CDev1", &pem, &why) == 0, "%s", why.text);
	pki_save(&from, "dev.pem", &pem);
	int r = PKI_OPENSSL(&from.st, out, "verify", "-x509_strict", "-attime", "1935817689", "-CAfile", "ca/root.pem",
	                    "-untrusted", "ca/issuing.pem", "dev.pem");
	ck_assert_msg(r == 0, "%s", out);
	buf_init(&chain, 65536);
	ca_chain(p.ca, &chain);
	X509 *certs[4];
	unsigned n;
	ck_assert_int_eq(cert_read_pem(buf_as_str(&chain), certs, 4, &n), 0);
	ck_assert_uint_eq(n, _i == 1 ? 2 : 1);
	for (unsigned i = 0; i < n; i++)
		X509_free(certs[i]);
	/* Another start needs the file no more. */
	ca_close(p.ca);
	ck_assert_int_eq(unlink(path), 0);
	pki_open(&p);
	ck_assert(!ca_is_new(p.ca));
	buf_fini(&pem);
	buf_fini(&chain);
	EVP_PKEY_free(key);
	pki_fini(&from);
	pki_fini(&p);
}
END_TEST

START_TEST(imports_that_are_refused)
{
	struct pki from, p;
	char path[256];

	pki_init(&from, PKI_NOW);
	pki_open(&from);
	pki_init(&p, PKI_NOW);
	p.o.import = bundle(&from, true, true, &p, path);
	pki_refused(&p, E_CONF, "without a password");
	p.o.import = bundle(&from, true, false, &p, path);
	ck_assert_int_eq(chmod(path, 0644), 0);
	pki_refused(&p, E_DENIED, "0600");
	ck_assert_int_eq(chmod(path, 0600), 0);
	p.o.self.sp = STR("other.example");
	pki_refused(&p, E_CONF, "do not permit");
	/* Nothing of a refused import may stay behind as this folder's CA. */
	char file[256];
	ck_assert_int_ne(access(state_path(&p.st, "ca/issuing.pem", file), F_OK), 0);
	state_write(&p.st, "import.pem", "-----BEGIN CERTIFICATE-----", 20);
	pki_refused(&p, E_CONF, "no certificate");
	clock_advance_us(p.clock, INT64_C(16) * 365 * 24 * PKI_HOUR);
	p.o.self.sp = STR("troth.example");
	p.o.import = bundle(&from, true, false, &p, path);
	pki_refused(&p, E_CONF, "not valid now");
	pki_fini(&from);
	pki_fini(&p);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ca");
	TCase *tc = tcase_create("ca");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, chain_verifies);
	tcase_add_test(tc, contents_are_as_the_profile_says);
	tcase_add_loop_test(tc, kinds_and_names, 0, (int)ARRAY_LEN(names));
	tcase_add_loop_test(tc, names_that_are_refused, 0, (int)ARRAY_LEN(bad_names));
	tcase_add_loop_test(tc, constraints_refuse_foreign_names, 0, (int)ARRAY_LEN(foreign));
	tcase_add_test(tc, without_address_no_address);
	tcase_add_test(tc, names_of_the_first_start_bind);
	tcase_add_test(tc, requests_that_are_refused);
	tcase_add_test(tc, explicit_curve_is_refused);
	tcase_add_test(tc, life_is_bounded);
	tcase_add_test(tc, server_renews);
	tcase_add_test(tc, server_pair_is_mended_at_start);
	tcase_add_test(tc, server_renewal_may_end_anywhere);
	tcase_add_test(tc, first_start_is_taken_up_again);
	tcase_add_test(tc, damaged_ca_is_refused);
	tcase_add_test(tc, no_private_key_in_clear);
	tcase_add_loop_test(tc, imports, 0, 2);
	tcase_add_test(tc, imports_that_are_refused);
	suite_add_tcase(suite, tc);
	SRunner *r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
