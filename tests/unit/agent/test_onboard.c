/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment by a code and renewal by a certificate, against a small EST server of the test's own. */
#include "agent/onboard.h"

#include "agent/upstream.h"
#include "tests/unit/agent/est_rig.h"

START_TEST(a_code_makes_an_identity)
{
	struct est_test t;
	struct why why;
	struct identity *id;

	est_begin_test(&t);
	ck_assert_msg(est_enrol(&t, &t.code, &why) == 0, "%s", why.text);
	ck_assert(t.bound);
	ck_assert_uint_eq(t.certs, 1);
	/* By the code, and once by the certificate. */
	ck_assert_uint_eq(t.s.handshakes, 2);
	ck_assert(est_in_state(&t, "identity.json") && est_in_state(&t, "keys/device-1.key") && !est_in_state(&t, "keys/pending.key"));
	ck_assert_int_eq(identity_open(t.r.agent, &id, &why), 0);
	ck_assert(str_eqz(identity_names(id)->v[0], "CDev1"));
	ck_assert(str_eqz(identity_cse(id)->sp, "troth.example"));
	identity_close(id);
	/* Once is enough. */
	ck_assert_int_eq(est_enrol(&t, &t.code, &why), E_EXISTS);
	ck_assert_msg(strstr(why.text, "holds an identity already") != NULL, "%s", why.text);
	est_finish(&t);
}
END_TEST

START_TEST(the_code_is_wiped_from_the_arguments)
{
	struct est_test t;
	struct why why = { 0 };
	char text[CODE_TEXT + 1], arg[64], set[32];
	struct conf_why cw;

	est_begin_test(&t);
	snprintf(set, sizeof(set), "cse.port=%u", t.s.port);
	ck_assert_int_eq(conf_set(t.r.agent->conf, set, &cw), 0);
	ck_assert_int_eq(conf_set(t.r.agent->conf, "cse.host=127.0.0.1", &cw), 0);
	code_format(&t.code, text);
	snprintf(arg, sizeof(arg), "%s", text);
	ck_assert_msg(onboard(t.r.agent, arg, &why) == 0, "%s", why.text);
	for (size_t i = 0; i < strlen(text); i++)
		ck_assert_int_eq(arg[i], 0);
	est_finish(&t);
}
END_TEST

START_TEST(a_code_may_come_in_a_file)
{
	struct est_test t;
	struct why why = { 0 };
	char url[CODE_URL + 2], path[256], arg[300];

	est_begin_test(&t);
	struct code_offer o = { .host = "127.0.0.1", .port = t.s.port, .cse_id = "/id-in", .code = t.code };
	ck_assert_int_eq(code_offer_format(&o, url), 0);
	strncat(url, "\n", 2);
	state_write(&t.r.p.st, "code", url, strlen(url));
	snprintf(arg, sizeof(arg), "@%s", state_path(&t.r.p.st, "code", path));
	ck_assert_msg(onboard(t.r.agent, arg, &why) == 0, "%s", why.text);
	est_finish(&t);
}
END_TEST

START_TEST(another_code_is_refused)
{
	struct est_test t;
	struct code other;
	struct why why;
	char text[] = "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA";

	est_begin_test(&t);
	code_make(t.r.agent->rnd, &other);
	ck_assert_int_ne(est_enrol(&t, &other, &why), 0);
	ck_assert(why.text[0]);
	ck_assert_uint_eq(t.s.requests, 0);
	ck_assert(!est_in_state(&t, "identity.json"));
	why = (struct why){ RSC_NONE, "" };
	ck_assert_int_eq(onboard(t.r.agent, text, &why), E_SYNTAX);
	ck_assert_msg(strstr(why.text, "mistyped") != NULL, "%s", why.text);
	est_finish(&t);
}
END_TEST

static const char no[] = "HTTP/1.1 403 x\r\nContent-Type: text/plain\r\nContent-Length: 24\r\n\r\nthe code was used before";
static const char garbage[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nMAA=";

START_TEST(what_is_refused_is_said_and_asked_again_with_the_same_key)
{
	struct est_test t;
	struct why why;

	est_begin_test(&t);
	t.canned = no;
	ck_assert_int_eq(est_enrol(&t, &t.code, &why), E_DENIED);
	ck_assert_msg(strstr(why.text, "403: the code was used before") != NULL, "%s", why.text);
	ck_assert(!est_in_state(&t, "identity.json") && est_in_state(&t, "keys/pending.key"));
	t.canned = NULL;
	ck_assert_msg(est_enrol(&t, &t.code, &why) == 0, "%s", why.text);
	ck_assert_mem_eq(t.fp[0], t.fp[1], 32);
	est_finish(&t);
}
END_TEST

START_TEST(what_is_no_certificate_of_ours_is_not_taken)
{
	struct est_test t;
	struct why why;

	est_begin_test(&t);
	t.canned = garbage;
	ck_assert_int_eq(est_enrol(&t, &t.code, &why), E_SYNTAX);
	t.canned = NULL;
	t.other = pki_key();
	ck_assert_int_eq(est_enrol(&t, &t.code, &why), E_SYNTAX);
	ck_assert_msg(strstr(why.text, "not for the key of this device") != NULL, "%s", why.text);
	EVP_PKEY_free(t.other);
	t.other = NULL;
	pki_init(&t.stranger, 0);
	pki_open(&t.stranger);
	t.foreign = true;
	ck_assert_int_eq(est_enrol(&t, &t.code, &why), E_CRYPTO);
	ck_assert(!est_in_state(&t, "identity.json"));
	est_finish(&t);
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

	est_begin_test(&t);
	ck_assert_msg(est_enrol(&t, &t.code, &why) == 0, "%s", why.text);
	ck_assert_int_eq(identity_open(t.r.agent, &id, &why), 0);
	renew(&t, id, &h);
	ck_assert_str_eq(h.fault, "");
	ck_assert(t.bound);
	ck_assert_ptr_nonnull(strstr(t.got, "POST /.well-known/est/simplereenroll "));
	ck_assert_uint_eq(identity_generation(id), 2);
	/* Each generation has a key of its own. */
	ck_assert_int_ne(memcmp(t.fp[0], t.fp[1], 32), 0);
	ck_assert(est_in_state(&t, "keys/device-2.key") && !est_in_state(&t, "keys/device-1.key") && !est_in_state(&t, "keys/pending.key"));
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
	est_finish(&t);
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

	est_begin_test(&t);
	ck_assert_msg(est_enrol(&t, &t.code, &why) == 0, "%s", why.text);
	ck_assert_int_eq(identity_open(t.r.agent, &id, &why), 0);
	t.certs = 0;
	t.hang_up = true;
	renew(&t, id, &h);
	ck_assert_str_ne(h.fault, "");
	/* A request is bound to its session: it was not sent on another one. */
	ck_assert_uint_eq(t.certs, 1);
	ck_assert(est_in_state(&t, "keys/pending.key"));
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
	ck_assert(!est_in_state(&t, "keys/pending.key"));
	identity_close(id);
	est_finish(&t);
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

	est_begin_test(&t);
	ck_assert_msg(est_enrol(&t, &t.code, &why) == 0, "%s", why.text);
	served_stop(&t.s);
	ck_assert_msg(ca_rotate(t.r.p.ca, clock_wall_us(t.r.p.clock) + HOUR_US, &why) == 0, "%s", why.text);
	ck_assert_msg(ca_server_renew(t.r.p.ca, &why) == 0, "%s", why.text);
	ctx = served_ctx(&t.r.p);
	served_start(&t.s, ctx, est_serve, &t);
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
	est_finish(&t);
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
