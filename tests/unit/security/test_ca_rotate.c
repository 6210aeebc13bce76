/* SPDX-License-Identifier: Apache-2.0 */
/* The issuing CA changes: what it was goes on to count for a while, a crash in the middle harms nothing, OpenSSL's command agrees. */
#include "security/cert.h"
#include "tests/unit/security/pki.h"

static char out[65536];

struct rig {
	struct pki p;
	EVP_PKEY *key;
};

static void rig_init(struct rig *r)
{
	pki_init(&r->p, PKI_NOW);
	pki_open(&r->p);
	r->key = pki_key();
}

static void rig_fini(struct rig *r)
{
	EVP_PKEY_free(r->key);
	pki_fini(&r->p);
}

static void reopen(struct rig *r)
{
	ca_close(r->p.ca);
	r->p.ca = NULL;
	pki_open(&r->p);
}

static void issue(struct rig *r, const char *file)
{
	struct why why = { 0 };
	struct buf pem;
	buf_init(&pem, 65536);
	ck_assert_msg(pki_issue(&r->p, r->key, CRED_DEVICE, "CDev1", &pem, &why) == 0, "%s", why.text);
	pki_save(&r->p, file, &pem);
	buf_fini(&pem);
}

/* Against the root, with what the device shows. */
static bool verifies(struct rig *r, const char *file)
{
	return PKI_OPENSSL(&r->p.st, out, "verify", "-x509_strict", "-attime", "1935817689", "-CAfile", "ca/root.pem", "-untrusted", file,
	                   file) == 0;
}

static void rotate(struct rig *r, int64_t retire_us)
{
	struct why why = { 0 };
	ck_assert_msg(ca_rotate(r->p.ca, retire_us, &why) == 0, "%s", why.text);
}

static unsigned anchors(struct rig *r)
{
	STACK_OF(X509) *s;
	ck_assert_int_eq(ca_anchors(r->p.ca, &s), 0);
	unsigned n = (unsigned)sk_X509_num(s);
	sk_X509_pop_free(s, X509_free);
	return n;
}

static X509 *current(struct rig *r)
{
	X509 *x;
	ca_current(r->p.ca, &x, NULL);
	return x;
}

static bool has_key(struct rig *r, const char *name)
{
	struct why why = { 0 };
	EVP_PKEY *k = NULL;
	int err = keystore_key(r->p.ks, name, false, &k, &why);
	EVP_PKEY_free(k);
	return err == 0;
}

START_TEST(both_count)
{
	struct rig r;
	struct why why = { 0 };
	struct ca_lives l;
	struct buf chain;

	rig_init(&r);
	issue(&r, "before.pem");
	rotate(&r, PKI_NOW + PKI_HOUR);
	issue(&r, "after.pem");
	ck_assert_msg(verifies(&r, "before.pem"), "%s", out);
	ck_assert_msg(verifies(&r, "after.pem"), "%s", out);
	ck_assert_uint_eq(anchors(&r), 2);
	/* The new one has the old one's constraints, and another key and name. */
	ck_assert_int_eq(PKI_OPENSSL(&r.p.st, out, "x509", "-noout", "-text", "-in", "ca/issuing.pem"), 0);
	ck_assert_ptr_nonnull(strstr(out, "Basic Constraints: critical\n                CA:TRUE, pathlen:0"));
	ck_assert_ptr_nonnull(strstr(out, "Name Constraints: critical\n                Permitted:"));
	ck_assert_ptr_nonnull(strstr(out, "URI:troth.example\n"));
	ck_assert_ptr_nonnull(strstr(out, "IP:127.0.0.1/255.255.255.255\n"));
	ca_lives(r.p.ca, &l);
	ck_assert_uint_eq(l.n_old, 1);
	ck_assert_int_eq(l.retire_us, PKI_NOW + PKI_HOUR);
	/* What clients are told to trust. */
	buf_init(&chain, 65536);
	ca_chain(r.p.ca, &chain);
	X509 *certs[4];
	unsigned n;
	ck_assert_int_eq(cert_read_pem(buf_as_str(&chain), certs, 4, &n), 0);
	ck_assert_uint_eq(n, 3);
	for (unsigned i = 0; i < n; i++)
		X509_free(certs[i]);
	/* The server shows the old one's certificate until it is renewed. */
	ck_assert_int_eq(ca_server_renew(r.p.ca, &why), 0);
	ck_assert_int_eq(PKI_OPENSSL(&r.p.st, out, "verify", "-x509_strict", "-attime", "1935817689", "-purpose", "sslserver",
	                             "-CAfile", "ca/root.pem", "-untrusted", "ca/issuing.pem", "ca/server.pem"), 0);
	/* The key that signs no more is gone. */
	ck_assert(!has_key(&r, "issuing"));
	ck_assert(has_key(&r, "issuing-2"));
	buf_fini(&chain);
	rig_fini(&r);
}
END_TEST

/* The server's chain fits its certificate at every moment. */
START_TEST(the_servers_chain_fits)
{
	struct rig r;
	struct why why = { 0 };

	rig_init(&r);
	for (int i = 0; i < 2; i++) {
		X509 *leaf;
		STACK_OF(X509) *chain;
		EVP_PKEY *key;
		ck_assert_int_eq(ca_server(r.p.ca, &leaf, &chain, &key), 0);
		ck_assert_int_eq(X509_verify(leaf, X509_get0_pubkey(sk_X509_value(chain, 0))), 1);
		X509_free(leaf);
		sk_X509_pop_free(chain, X509_free);
		EVP_PKEY_free(key);
		if (i == 0)
			rotate(&r, PKI_NOW + PKI_HOUR);
	}
	/* Also over a restart: devices that have not heard of the new one yet go on to know the server. */
	struct ca_lives l;
	ca_lives(r.p.ca, &l);
	ck_assert(l.server_is_old);
	X509 *before = r.p.ca->server;
	X509_up_ref(before);
	reopen(&r);
	ca_lives(r.p.ca, &l);
	ck_assert(l.server_is_old);
	ck_assert_int_eq(X509_cmp(before, r.p.ca->server), 0);
	ck_assert_int_eq(X509_verify(before, X509_get0_pubkey(r.p.ca->server_issuer)), 1);
	/* Not longer than that one counts. */
	clock_advance_us(r.p.clock, PKI_HOUR);
	reopen(&r);
	ca_lives(r.p.ca, &l);
	ck_assert(!l.server_is_old);
	ck_assert_int_ne(X509_cmp(before, r.p.ca->server), 0);
	X509_free(before);
	ck_assert_int_eq(ca_server_renew(r.p.ca, &why), 0);
	rig_fini(&r);
}
END_TEST

START_TEST(a_restart_goes_on)
{
	struct rig r;

	rig_init(&r);
	issue(&r, "before.pem");
	for (int i = 0; i < 3; i++) {
		rotate(&r, PKI_NOW + (i + 1) * PKI_HOUR);
		X509 *x = current(&r);
		reopen(&r);
		X509 *y = current(&r);
		ck_assert_int_eq(X509_cmp(x, y), 0);
		X509_free(x);
		X509_free(y);
		ck_assert_uint_eq(anchors(&r), (unsigned)i + 2);
		issue(&r, "after.pem");
		ck_assert_msg(verifies(&r, "after.pem"), "%s", out);
	}
	rig_fini(&r);
}
END_TEST

/* What a kill leaves: a key beside the one in use (before the change, or after it), the one in use among those before. */
START_TEST(crashes)
{
	struct rig r;
	struct why why = { 0 };
	EVP_PKEY *k = NULL, *old = NULL;
	struct buf b;
	X509 *x;

	rig_init(&r);
	ck_assert_int_eq(keystore_key(r.p.ks, "issuing-2", true, &k, &why), 0);
	EVP_PKEY_free(k);
	reopen(&r);
	ck_assert(!has_key(&r, "issuing-2"));
	issue(&r, "x.pem");
	ck_assert(verifies(&r, "x.pem"));
	/* ca/issuing-old.pem is written, ca/issuing.pem not yet. */
	x = current(&r);
	buf_init(&b, 65536);
	buf_printf(&b, "retires %lld\n", (long long)(PKI_NOW + PKI_HOUR));
	ck_assert_int_eq(cert_put_pem(&b, x), 0);
	pki_save(&r.p, "ca/issuing-old.pem", &b);
	X509_free(x);
	reopen(&r);
	ck_assert_uint_eq(anchors(&r), 1);
	/* The change has happened, the old key is still there. */
	ck_assert_int_eq(keystore_key(r.p.ks, "issuing", false, &old, &why), 0);
	rotate(&r, PKI_NOW + PKI_HOUR);
	ck_assert_int_eq(keystore_put(r.p.ks, "issuing", old, &why), 0);
	reopen(&r);
	ck_assert(!has_key(&r, "issuing"));
	ck_assert_uint_eq(anchors(&r), 2);
	issue(&r, "x.pem");
	ck_assert(verifies(&r, "x.pem"));
	EVP_PKEY_free(old);
	buf_fini(&b);
	rig_fini(&r);
}
END_TEST

START_TEST(the_time_of_the_old_one_ends)
{
	struct rig r;
	struct why why = { 0 };

	rig_init(&r);
	rotate(&r, PKI_NOW + PKI_HOUR);
	ck_assert(!ca_retire(r.p.ca, &why));
	clock_advance_us(r.p.clock, PKI_HOUR);
	ck_assert(ca_retire(r.p.ca, &why));
	ck_assert(!ca_retire(r.p.ca, &why));
	ck_assert_uint_eq(anchors(&r), 1);
	reopen(&r);
	ck_assert_uint_eq(anchors(&r), 1);
	/* At once: the key is known to somebody. */
	rotate(&r, 0);
	ck_assert_uint_eq(anchors(&r), 1);
	/* Never longer than its own certificate. */
	struct ca_lives l;
	rotate(&r, INT64_MAX);
	ca_lives(r.p.ca, &l);
	ck_assert_int_lt(l.retire_us, PKI_NOW + INT64_C(16) * 365 * 24 * PKI_HOUR);
	rig_fini(&r);
}
END_TEST

START_TEST(those_before_are_bounded)
{
	struct rig r;
	struct why why = { 0 };

	rig_init(&r);
	issue(&r, "x.pem");
	for (int i = 0; i < CA_OLD_MAX; i++)
		rotate(&r, PKI_NOW + (i + 1) * PKI_HOUR);
	ck_assert_uint_eq(anchors(&r), CA_OLD_MAX + 1);
	/* Nobody is shut out to make room. */
	X509 *x = current(&r);
	ck_assert_int_eq(ca_rotate(r.p.ca, PKI_NOW + PKI_HOUR, &why), E_LIMIT);
	ck_assert_ptr_nonnull(strstr(why.text, "still count"));
	X509 *y = current(&r);
	ck_assert_int_eq(X509_cmp(x, y), 0);
	X509_free(x);
	X509_free(y);
	reopen(&r);
	ck_assert_uint_eq(anchors(&r), CA_OLD_MAX + 1);
	clock_advance_us(r.p.clock, PKI_HOUR);
	rotate(&r, PKI_NOW + 30 * PKI_HOUR);
	ck_assert_uint_eq(anchors(&r), CA_OLD_MAX + 1);
	/* When the key is known to somebody there is no waiting. */
	rotate(&r, 0);
	ck_assert_uint_eq(anchors(&r), CA_OLD_MAX + 1);
	rig_fini(&r);
}
END_TEST

/* The folder does not take one of the files: all is as before, and the next try succeeds. */
START_TEST(a_failure_changes_nothing)
{
	struct rig r;
	struct why why = { 0 };
	char path[256];

	rig_init(&r);
	X509 *x = current(&r);
	ck_assert_int_eq(mkdir(state_path(&r.p.st, "ca/issuing-old.pem", path), 0700), 0);
	ck_assert_int_ne(ca_rotate(r.p.ca, PKI_NOW + PKI_HOUR, &why), 0);
	ck_assert(why.text[0]);
	X509 *y = current(&r);
	ck_assert_int_eq(X509_cmp(x, y), 0);
	X509_free(x);
	X509_free(y);
	ck_assert_uint_eq(anchors(&r), 1);
	ck_assert(!has_key(&r, "issuing-2"));
	ck_assert_int_eq(rmdir(path), 0);
	rotate(&r, PKI_NOW + PKI_HOUR);
	ck_assert_uint_eq(anchors(&r), 2);
	rig_fini(&r);
}
END_TEST

START_TEST(without_the_roots_key)
{
	struct rig r;
	struct why why = { 0 };

	rig_init(&r);
	ck_assert_int_eq(keystore_remove(r.p.ks, "root"), 0);
	ck_assert_int_eq(ca_rotate(r.p.ca, PKI_NOW + PKI_HOUR, &why), E_ABSENT);
	ck_assert_ptr_nonnull(strstr(why.text, "root's key"));
	issue(&r, "x.pem");
	rig_fini(&r);
}
END_TEST

static const char *const damaged[] = {
	"x",
	"retires ",
	"retires 1\n",
	"retires 99999999999999999999\n-----BEGIN CERTIFICATE-----\n",
	"retires 1935817689000000\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
};

START_TEST(a_damaged_list_is_refused)
{
	struct rig r;

	rig_init(&r);
	ca_close(r.p.ca);
	r.p.ca = NULL;
	state_write(&r.p.st, "ca/issuing-old.pem", damaged[_i], strlen(damaged[_i]));
	pki_refused(&r.p, E_CORRUPT, "ca/issuing-old.pem");
	rig_fini(&r);
}
END_TEST

START_TEST(an_ended_authority_signs_nothing)
{
	struct rig r;
	struct why why = { 0 };
	struct buf pem;

	pki_init(&r.p, PKI_NOW);
	r.p.o.issuing_life_us = PKI_HOUR;
	pki_open(&r.p);
	r.key = pki_key();
	buf_init(&pem, 65536);
	clock_advance_us(r.p.clock, PKI_HOUR);
	ck_assert_int_eq(pki_issue(&r.p, r.key, CRED_DEVICE, "CDev1", &pem, &why), E_CONF);
	ck_assert_ptr_nonnull(strstr(why.text, "has ended"));
	rotate(&r, 0);
	why = (struct why){ 0 };
	ck_assert_msg(pki_issue(&r.p, r.key, CRED_DEVICE, "CDev1", &pem, &why) == 0, "%s", why.text);
	buf_fini(&pem);
	rig_fini(&r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ca_rotate");
	TCase *tc = tcase_create("ca_rotate");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, both_count);
	tcase_add_test(tc, the_servers_chain_fits);
	tcase_add_test(tc, a_restart_goes_on);
	tcase_add_test(tc, crashes);
	tcase_add_test(tc, the_time_of_the_old_one_ends);
	tcase_add_test(tc, those_before_are_bounded);
	tcase_add_test(tc, a_failure_changes_nothing);
	tcase_add_test(tc, without_the_roots_key);
	tcase_add_loop_test(tc, a_damaged_list_is_refused, 0, (int)ARRAY_LEN(damaged));
	tcase_add_test(tc, an_ended_authority_signs_nothing);
	suite_add_tcase(suite, tc);
	SRunner *r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
