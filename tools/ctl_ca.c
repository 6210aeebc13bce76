/* SPDX-License-Identifier: Apache-2.0 */
/* trothctl ca: keys are made here and never leave; the authority signs. */
#include <errno.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tools/ctl.h"

/* --- what is asked ------------------------------------------------------------------------------------------------------- */

struct issue {
	const char *name, *out;
	json_t *body;
	bool force;
};

static int read_options(struct issue *q, const struct ctl_args *a)
{
	static const char *const names[] = { "ae-id", "app-id", "cse-id", "ae", "app", "cse" };

	q->name = ctl_option(a, "name");
	q->out = ctl_option(a, "out");
	q->force = ctl_option(a, "force");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		ctl_body_names(q->body, "names", a, names[i]);
	if (!q->name || !q->out || !json_object_get(q->body, "names"))
		return ctl_fail(CTL_USAGE, "ca issue needs --name, --out and at least one of --ae-id, --app-id, --cse-id");
	return ctl_body_options(q->body, a);
}

/* --- key, request, files ---------------------------------------------------------------------------------------------------- */

static char *pem_of(BIO *b, size_t *n)
{
	char *p;
	long k = BIO_get_mem_data(b, &p);
	*n = k > 0 ? (size_t)k : 0;
	return p;
}

static bool make_request(EVP_PKEY *key, BIO *out)
{
	X509_REQ *r = X509_REQ_new();
	bool ok = r && X509_REQ_set_pubkey(r, key) == 1 && X509_REQ_sign(r, key, EVP_sha256()) > 0 &&
	          PEM_write_bio_X509_REQ(out, r) == 1;
	X509_REQ_free(r);
	return ok;
}

static int save(struct issue *q, BIO *key_pem, const json_t *reply)
{
	char file[256];
	size_t n;
	const char *key = pem_of(key_pem, &n);
	const json_t *crt = json_object_get(reply, "certificate"), *ca = json_object_get(reply, "ca");

	if (!json_is_string(crt) || !json_is_string(ca))
		return ctl_fail(CTL_NO_TROTHD, "the answer has no certificate");
	snprintf(file, sizeof(file), "%s.key", q->name);
	int code = ctl_write(q->out, file, 0600, key, n, q->force);
	snprintf(file, sizeof(file), "%s.crt", q->name);
	if (code == CTL_OK)
		code = ctl_write(q->out, file, 0644, json_string_value(crt), json_string_length(crt), q->force);
	if (code == CTL_OK)
		code = ctl_write(q->out, "ca.crt", 0644, json_string_value(ca), json_string_length(ca), true);
	return code;
}

/* Bytes of the first certificate of a PEM text: the root, which stays when issuing CAs change. */
static size_t first_of(const char *pem, size_t n)
{
	static const char end[] = "-----END CERTIFICATE-----";
	const char *p = memmem(pem, n, end, sizeof(end) - 1);

	return p ? (size_t)(p - pem) : 0;
}

/* A ca.crt that is there must be of the authority that trothd has now: one for all that is issued into a folder. */
static int check_ca(struct ctl *c, struct issue *q)
{
	char path[4096], have[65536];
	json_t *reply = NULL;
	int code = CTL_OK;

	if (q->force || !ctl_exists(q->out, "ca.crt"))
		return CTL_OK;
	snprintf(path, sizeof(path), "%s/ca.crt", q->out);
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(have, 1, sizeof(have), f) : 0;
	if (f)
		fclose(f);
	else
		return ctl_fail(CTL_FILE, "cannot read %s: %s", path, strerror(errno));
	code = ctl_call_json(c, "GET", "/v1/ca", NULL, &reply);
	if (code)
		return code;
	const json_t *ca = json_object_get(reply, "ca");
	size_t first = first_of(have, n);
	if (first == 0 || first != first_of(json_string_value(ca), json_string_length(ca)) || memcmp(json_string_value(ca), have, first) != 0)
		code = ctl_fail(CTL_FILE, "%s is another authority's: choose another --out, or --force", path);
	json_decref(reply);
	return code;
}

/* Before anything is issued: a certificate that cannot be kept would only use the name up. */
static int check_files(struct ctl *c, struct issue *q)
{
	static const char *const ends[] = { "key", "crt" };
	char file[256];

	if (mkdir(q->out, 0700) != 0 && errno != EEXIST)
		return ctl_fail(CTL_FILE, "cannot make %s: %s", q->out, strerror(errno));
	for (size_t i = 0; i < ARRAY_LEN(ends) && !q->force; i++) {
		snprintf(file, sizeof(file), "%s.%s", q->name, ends[i]);
		if (ctl_exists(q->out, file))
			return ctl_fail(CTL_FILE, "%s/%s is there already: choose another --name, or --force", q->out, file);
	}
	return check_ca(c, q);
}

static void show_issued(const struct issue *q, const json_t *reply)
{
	struct buf until;

	buf_init(&until, 256);
	ctl_put_plain(&until, ctl_text(reply, "notAfter"));
	printf("credential %s until %.*s\n", ctl_text(reply, "id"), STR_ARG(buf_as_str(&until)));
	printf("%s/%s.key\n%s/%s.crt\n%s/ca.crt\n", q->out, q->name, q->out, q->name, q->out);
	buf_fini(&until);
}

static int issue(struct ctl *c, struct issue *q)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *key_pem = BIO_new(BIO_s_secmem()), *csr = BIO_new(BIO_s_mem());
	json_t *reply = NULL;
	size_t n;
	int code = CTL_FILE;

	if (!key || !key_pem || !csr || !make_request(key, csr) ||
	    PEM_write_bio_PKCS8PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) != 1) {
		ctl_fail(code, "OpenSSL makes no P-256 key");
		goto out;
	}
	const char *pem = pem_of(csr, &n);
	json_object_set_new(q->body, "csr", json_stringn(pem, n));
	code = ctl_call_json(c, "POST", "/v1/credentials", json_incref(q->body), &reply);
	if (code == CTL_OK)
		code = save(q, key_pem, reply);
	if (code == CTL_OK && c->json)
		ctl_print_reply(c);
	else if (code == CTL_OK)
		show_issued(q, reply);
out:
	json_decref(reply);
	BIO_free(csr);
	BIO_free(key_pem);
	EVP_PKEY_free(key);
	return code;
}

int ctl_ca_issue(struct ctl *c, const struct ctl_args *a)
{
	struct issue q = { .body = json_object() };

	int code = read_options(&q, a);
	if (code == CTL_OK)
		code = check_files(c, &q);
	if (code == CTL_OK)
		code = issue(c, &q);
	json_decref(q.body);
	return code;
}

/* --- ca show ---------------------------------------------------------------------------------------------------------------- */

static void show_certificate(BIO *out, X509 *x)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	BIO_printf(out, "%s\n  valid      ", X509_check_ca(x) == 1 && X509_check_issued(x, x) == X509_V_OK ? "root" : "issuing");
	ASN1_TIME_print(out, X509_get0_notBefore(x));
	BIO_printf(out, " to ");
	ASN1_TIME_print(out, X509_get0_notAfter(x));
	BIO_printf(out, "\n  subject    ");
	X509_NAME_print_ex(out, X509_get_subject_name(x), 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
	BIO_printf(out, "\n  sha256     ");
	if (X509_digest(x, EVP_sha256(), md, &n) == 1)
		for (unsigned i = 0; i < n; i++)
			BIO_printf(out, "%02X%s", md[i], i + 1 < n ? ":" : "\n");
	int at = X509_get_ext_by_NID(x, NID_name_constraints, -1);
	if (at >= 0) {
		BIO_printf(out, "  names\n");
		X509V3_EXT_print(out, X509_get_ext(x, at), 0, 4);
		BIO_printf(out, "\n");
	}
}

int ctl_ca_show(struct ctl *c, const struct ctl_args *a)
{
	json_t *reply = NULL;
	X509 *x;

	(void)a;
	int code = ctl_ask(c, "GET", "/v1/ca", NULL, &reply);
	const json_t *pem = json_object_get(reply, "ca");
	BIO *in = BIO_new_mem_buf(json_is_string(pem) ? json_string_value(pem) : "", (int)json_string_length(pem));
	BIO *out = BIO_new_fp(stdout, BIO_NOCLOSE);
	while (in && out && (x = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
		show_certificate(out, x);
		X509_free(x);
	}
	BIO_free(in);
	BIO_free(out);
	json_decref(reply);
	return code;
}
