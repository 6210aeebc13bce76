/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment by a code and renewal by a certificate, against a small EST server of the test's own. */
#include "agent/onboard.h"

#include <openssl/pkcs7.h>

#include "agent/est_body.h"
#include "agent/upstream.h"
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
	unsigned char fp[2][32];   /* keys of the first two requests */
	char got[16384];           /* the last request */
};

static _Thread_local char answer_text[32768];

static const char *certs_answer(STACK_OF(X509) *certs)
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
	snprintf(answer_text, sizeof(answer_text),
	         "HTTP/1.1 200 OK\r\nContent-Type: application/pkcs7-mime; smime-type=certs-only\r\nContent-Length: %d\r\n\r\n%s", n, b64);
	return answer_text;
}

static const char *cacerts(struct pki *p)
{
	struct buf pem;

	buf_init(&pem, 65536);
	ca_chain(p->ca, &pem);
	STACK_OF(X509) *certs = rig_certs(&pem);
	buf_fini(&pem);
	return certs_answer(certs);
}

static bool is_bound(X509_REQ *req, SSL *ssl)
{
	char want[TLS_BINDING + 1];
	int at = X509_REQ_get_attr_by_NID(req, NID_pkcs9_challengePassword, -1);
	const ASN1_TYPE *v = at >= 0 ? X509_ATTRIBUTE_get0_type(X509_REQ_get_attr(req, at), 0) : NULL;
	const ASN1_STRING *s = v ? v->value.asn1_string : NULL;

	return s && tls_binding(ssl, want) == 0 && ASN1_STRING_length(s) == TLS_BINDING &&
	       memcmp(ASN1_STRING_get0_data(s), want, TLS_BINDING) == 0;
}

static const char *certificate(struct est_test *t, const char *body)
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
	t->bound = is_bound(req, served_ssl);
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
	struct ca_ask q = { .csr_der = buf_as_str(&csr), .kind = CRED_DEVICE, .names = { &name, 1 }, .life_us = HOUR_US };
	ck_assert_msg(ca_issue(t->r.p.ca, &q, &pem, fp, &end, &why) == 0, "%s", why.text);
	STACK_OF(X509) *certs = rig_certs(&pem);
	while (sk_X509_num(certs) > 1)
		X509_free(sk_X509_pop(certs));
	buf_fini(&csr);
	buf_fini(&pem);
	return certs_answer(certs);
}

static const char *est(struct served *s, unsigned c, unsigned n, const char *request)
{
	struct est_test *t = s->arg;
	const char *body = strstr(request, "\r\n\r\n") + 4;

	(void)c, (void)n;
	snprintf(t->got, sizeof(t->got), "%s", request);
	if (strncmp(request, "GET /.well-known/est/cacerts ", 29) == 0)
		return cacerts(t->foreign ? &t->stranger : &t->r.p);
	if (strncmp(request, "POST /.well-known/est/simple", 28) == 0)
		return certificate(t, body);
	return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
}

static int find_code(SSL *ssl, const unsigned char *id, size_t n, SSL_SESSION **out)
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

static void begin(struct est_test *t)
{
	SSL_CTX *ctx;

	memset(t, 0, sizeof(*t));
	rig_init(&t->r);
	t->name = "CDev1";
	code_make(t->r.agent->rnd, &t->code);
	ck_assert_int_eq(code_handle(&t->code, t->handle), 0);
	ck_assert_int_eq(code_psk(&t->code, STR("est"), STR("/id-in"), t->psk), 0);
	ctx = served_ctx(&t->r.p);
	SSL_CTX_set_psk_find_session_callback(ctx, find_code);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"t", 1);
	SSL_CTX_set_app_data(ctx, &t->s);
	served_start(&t->s, ctx, est, t);
}

static void finish(struct est_test *t)
{
	served_stop(&t->s);
	EVP_PKEY_free(t->other);
	if (t->stranger.ca)
		pki_fini(&t->stranger);
	rig_fini(&t->r);
}

static int enrol(struct est_test *t, const struct code *code, struct why *why)
{
	struct code_offer o = { .host = "127.0.0.1", .port = t->s.port, .cse_id = "/id-in", .code = *code };
	char url[CODE_URL];

	*why = (struct why){ RSC_NONE, "" };
	ck_assert_int_eq(code_offer_format(&o, url), 0);
	return onboard(t->r.agent, url, why);
}

static bool in_state(struct est_test *t, const char *file)
{
	char path[256];

	return access(state_path(&t->r.st, file, path), F_OK) == 0;
}

START_TEST(a_code_makes_an_identity)
{
	struct est_test t;
	struct why why;
	struct identity *id;

	begin(&t);
	ck_assert_msg(enrol(&t, &t.code, &why) == 0, "%s", why.text);
	ck_assert(t.bound);
	ck_assert_uint_eq(t.certs, 1);
	/* By the code, and once by the certificate. */
	ck_assert_uint_eq(t.s.handshakes, 2);
	ck_assert(in_state(&t, "identity.json") && in_state(&t, "keys/device-1.key") && !in_state(&t, "keys/pending.key"));
	ck_assert_int_eq(identity_open(t.r.agent, &id, &why), 0);
	ck_assert(str_eqz(identity_names(id)->v[0], "CDev1"));
	ck_assert(str_eqz(identity_cse(id)->sp, "troth.example"));
	identity_close(id);
	/* Once is enough. */
	ck_assert_int_eq(enrol(&t, &t.code, &why), E_EXISTS);
	ck_assert_msg(strstr(why.text, "holds an identity already") != NULL, "%s", why.text);
	finish(&t);
}
END_TEST

START_TEST(the_code_is_wiped_from_the_arguments)
{
	struct est_test t;
	struct why why = { 0 };
	char text[CODE_TEXT + 1], arg[64], set[32];
	struct conf_why cw;

	begin(&t);
	snprintf(set, sizeof(set), "cse.port=%u", t.s.port);
	ck_assert_int_eq(conf_set(t.r.agent->conf, set, &cw), 0);
	ck_assert_int_eq(conf_set(t.r.agent->conf, "cse.host=127.0.0.1", &cw), 0);
	code_format(&t.code, text);
	snprintf(arg, sizeof(arg), "%s", text);
	ck_assert_msg(onboard(t.r.agent, arg, &why) == 0, "%s", why.text);
	for (size_t i = 0; i < strlen(text); i++)
		ck_assert_int_eq(arg[i], 0);
	finish(&t);
}
END_TEST

START_TEST(a_code_may_come_in_a_file)
{
	struct est_test t;
	struct why why = { 0 };
	char url[CODE_URL + 2], path[256], arg[300];

	begin(&t);
	struct code_offer o = { .host = "127.0.0.1", .port = t.s.port, .cse_id = "/id-in", .code = t.code };
	ck_assert_int_eq(code_offer_format(&o, url), 0);
	strncat(url, "\n", 2);
	state_write(&t.r.p.st, "code", url, strlen(url));
	snprintf(arg, sizeof(arg), "@%s", state_path(&t.r.p.st, "code", path));
	ck_assert_msg(onboard(t.r.agent, arg, &why) == 0, "%s", why.text);
	finish(&t);
}
END_TEST

START_TEST(another_code_is_refused)
{
	struct est_test t;
	struct code other;
	struct why why;
	char text[] = "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA";

	begin(&t);
	code_make(t.r.agent->rnd, &other);
	ck_assert_int_ne(enrol(&t, &other, &why), 0);
	ck_assert(why.text[0]);
	ck_assert_uint_eq(t.s.requests, 0);
	ck_assert(!in_state(&t, "identity.json"));
	why = (struct why){ RSC_NONE, "" };
	ck_assert_int_eq(onboard(t.r.agent, text, &why), E_SYNTAX);
	ck_assert_msg(strstr(why.text, "mistyped") != NULL, "%s", why.text);
	finish(&t);
}
END_TEST

static const char no[] = "HTTP/1.1 403 x\r\nContent-Type: text/plain\r\nContent-Length: 24\r\n\r\nthe code was used before";
static const char garbage[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nMAA=";

START_TEST(what_is_refused_is_said_and_asked_again_with_the_same_key)
{
	struct est_test t;
	struct why why;

	begin(&t);
	t.canned = no;
	ck_assert_int_eq(enrol(&t, &t.code, &why), E_DENIED);
	ck_assert_msg(strstr(why.text, "403: the code was used before") != NULL, "%s", why.text);
	ck_assert(!in_state(&t, "identity.json") && in_state(&t, "keys/pending.key"));
	t.canned = NULL;
	ck_assert_msg(enrol(&t, &t.code, &why) == 0, "%s", why.text);
	ck_assert_mem_eq(t.fp[0], t.fp[1], 32);
	finish(&t);
}
END_TEST

START_TEST(what_is_no_certificate_of_ours_is_not_taken)
{
	struct est_test t;
	struct why why;

	begin(&t);
	t.canned = garbage;
	ck_assert_int_eq(enrol(&t, &t.code, &why), E_SYNTAX);
	t.canned = NULL;
	t.other = pki_key();
	ck_assert_int_eq(enrol(&t, &t.code, &why), E_SYNTAX);
	ck_assert_msg(strstr(why.text, "not for the key of this device") != NULL, "%s", why.text);
	EVP_PKEY_free(t.other);
	t.other = NULL;
	pki_init(&t.stranger, 0);
	pki_open(&t.stranger);
	t.foreign = true;
	ck_assert_int_eq(enrol(&t, &t.code, &why), E_CRYPTO);
	ck_assert(!in_state(&t, "identity.json"));
	finish(&t);
}
END_TEST

/* --- renewal --------------------------------------------------------------------------------------------------------------- */

struct heard {
	bool done;
	char fault[200];
};

static void on_renewed(void *arg, const char *fault)
{
	struct heard *h = arg;

	h->done = true;
	snprintf(h->fault, sizeof(h->fault), "%s", fault ? fault : "");
}

static void renew(struct est_test *t, struct identity *id, struct heard *h)
{
	memset(h, 0, sizeof(*h));
	identity_renew(id, on_renewed, h);
	rig_turn(&t->r, &h->done);
}

START_TEST(a_certificate_is_renewed)
{
	struct est_test t;
	struct why why;
	struct identity *id;
	struct heard h;
	int64_t next;

	begin(&t);
	ck_assert_msg(enrol(&t, &t.code, &why) == 0, "%s", why.text);
	ck_assert_int_eq(identity_open(t.r.agent, &id, &why), 0);
	renew(&t, id, &h);
	ck_assert_str_eq(h.fault, "");
	ck_assert(t.bound);
	ck_assert_ptr_nonnull(strstr(t.got, "POST /.well-known/est/simplereenroll "));
	ck_assert_uint_eq(identity_generation(id), 2);
	/* Each generation has a key of its own. */
	ck_assert_int_ne(memcmp(t.fp[0], t.fp[1], 32), 0);
	ck_assert(in_state(&t, "keys/device-2.key") && !in_state(&t, "keys/device-1.key") && !in_state(&t, "keys/pending.key"));
	/* A refusal is told, and the old certificate stays. */
	t.canned = no;
	renew(&t, id, &h);
	ck_assert_msg(strstr(h.fault, "403") != NULL, "%s", h.fault);
	ck_assert_str_eq(identity_fault(id, &next), h.fault);
	ck_assert_uint_eq(identity_generation(id), 2);
	t.canned = NULL;
	renew(&t, id, &h);
	ck_assert_str_eq(h.fault, "");
	ck_assert_str_eq(identity_fault(id, &next), "");
	identity_close(id);
	ck_assert_int_eq(identity_open(t.r.agent, &id, &why), 0);
	ck_assert_uint_eq(identity_generation(id), 3);
	identity_close(id);
	finish(&t);
}
END_TEST

/* What the kill of a process leaves between asking for a certificate and keeping it, and between the steps of keeping it. */
START_TEST(an_end_at_any_point_loses_nothing)
{
	struct est_test t;
	struct why why;
	struct identity *id;
	struct heard h;
	unsigned char key[4096];
	size_t n;

	begin(&t);
	ck_assert_msg(enrol(&t, &t.code, &why) == 0, "%s", why.text);
	ck_assert_int_eq(identity_open(t.r.agent, &id, &why), 0);
	t.certs = 0;
	t.hang_up = true;
	renew(&t, id, &h);
	ck_assert_str_ne(h.fault, "");
	/* A request is bound to its session: it was not sent on another one. */
	ck_assert_uint_eq(t.certs, 1);
	ck_assert(in_state(&t, "keys/pending.key"));
	identity_close(id);
	ck_assert_int_eq(identity_open(t.r.agent, &id, &why), 0);
	t.hang_up = false;
	n = state_read(&t.r.st, "keys/pending.key", key, sizeof(key));
	renew(&t, id, &h);
	ck_assert_str_eq(h.fault, "");
	ck_assert_mem_eq(t.fp[0], t.fp[1], 32);
	ck_assert_uint_eq(identity_generation(id), 2);
	identity_close(id);
	/* The pending key was not removed yet: it is the one of the certificate, and must not be asked for again. */
	state_write(&t.r.st, "keys/pending.key", key, n);
	char path[256];
	chmod(state_path(&t.r.st, "keys/pending.key", path), 0600);
	ck_assert_int_eq(identity_open(t.r.agent, &id, &why), 0);
	ck_assert(!in_state(&t, "keys/pending.key"));
	identity_close(id);
	finish(&t);
}
END_TEST

/* --- the list of CAs -------------------------------------------------------------------------------------------------------- */

struct got {
	struct carriage c;
	bool done;
	int err;
	char text[200];
};

static void on_done(struct carriage *c, int err, const struct http1 *answer, const char *base, const char *text)
{
	struct got *g = c->arg;

	(void)answer, (void)base;
	g->done = true;
	g->err = err;
	snprintf(g->text, sizeof(g->text), "%s", err ? text : "");
}

static void get(struct est_test *t, struct upstream *u, struct got *g)
{
	memset(g, 0, sizeof(*g));
	g->c = (struct carriage){ .method = STR("GET"), .target = STR("/"), .done = on_done, .arg = g };
	upstream_send(u, &g->c);
	rig_turn(&t->r, &g->done);
}

static void turn_until_known(struct est_test *t, struct upstream *u, struct got *g)
{
	do
		get(t, u, g);
	while (g->err && strstr(g->text, "does not know yet"));
}

START_TEST(a_new_issuing_ca_is_believed_once_it_is_on_the_list)
{
	struct est_test t;
	struct why why;
	struct identity *id;
	struct upstream *u;
	struct got g;
	struct conf_why cw;
	char set[32];
	SSL_CTX *ctx;

	begin(&t);
	ck_assert_msg(enrol(&t, &t.code, &why) == 0, "%s", why.text);
	served_stop(&t.s);
	ck_assert_msg(ca_rotate(t.r.p.ca, clock_wall_us(t.r.p.clock) + HOUR_US, &why) == 0, "%s", why.text);
	ck_assert_msg(ca_server_renew(t.r.p.ca, &why) == 0, "%s", why.text);
	ctx = served_ctx(&t.r.p);
	served_start(&t.s, ctx, est, &t);
	snprintf(set, sizeof(set), "cse.port=%u", t.s.port);
	ck_assert_int_eq(conf_set(t.r.agent->conf, set, &cw), 0);
	ck_assert_int_eq(identity_open(t.r.agent, &id, &why), 0);
	t.r.agent->identity = id;
	ck_assert_int_eq(upstream_open(t.r.agent, &u, &why), 0);
	t.r.agent->upstream = u;
	ck_assert_int_eq(sk_X509_num(id->facts.ca), 2);
	get(&t, u, &g);
	ck_assert_int_eq(g.err, E_CLOSED);
	ck_assert_msg(strstr(g.text, "does not know yet") != NULL, "%s", g.text);
	turn_until_known(&t, u, &g);
	ck_assert_msg(g.err == 0, "%s", g.text);
	/* Root, old and new issuing CA: the old one still counts. */
	ck_assert_int_eq(sk_X509_num(id->facts.ca), 3);
	upstream_close(u);
	t.r.agent->upstream = NULL;
	identity_close(id);
	ck_assert_int_eq(identity_open(t.r.agent, &id, &why), 0);
	ck_assert_int_eq(sk_X509_num(id->facts.ca), 3);
	identity_close(id);
	t.r.agent->identity = NULL;
	finish(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("agent/onboard");
	TCase *t = tcase_create("onboard");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, a_code_makes_an_identity);
	tcase_add_test(t, the_code_is_wiped_from_the_arguments);
	tcase_add_test(t, a_code_may_come_in_a_file);
	tcase_add_test(t, another_code_is_refused);
	tcase_add_test(t, what_is_refused_is_said_and_asked_again_with_the_same_key);
	tcase_add_test(t, what_is_no_certificate_of_ours_is_not_taken);
	tcase_add_test(t, a_certificate_is_renewed);
	tcase_add_test(t, an_end_at_any_point_loses_nothing);
	tcase_add_test(t, a_new_issuing_ca_is_believed_once_it_is_on_the_list);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
