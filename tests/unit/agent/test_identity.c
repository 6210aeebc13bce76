/* SPDX-License-Identifier: Apache-2.0 */
/* The identity: what is kept and what is refused, whom it trusts, and how it says that it ends. */
#include "agent/identity.h"

#include "agent/upstream.h"
#include "tests/unit/agent/rig.h"

#define HOUR_US (INT64_C(3600) * 1000000)

static struct identity *open_one(struct rig *r)
{
	struct why why = { 0 };
	struct identity *id = NULL;

	ck_assert_msg(identity_open(r->agent, &id, &why) == 0, "%s", why.text);
	return id;
}

static void refuses(struct rig *r, int err, const char *text)
{
	struct why why = { 0 };
	struct identity *id = NULL;

	ck_assert_int_eq(identity_open(r->agent, &id, &why), err);
	ck_assert_msg(strstr(why.text, text) != NULL, "%s", why.text);
	ck_assert_ptr_null(id);
}

START_TEST(says_who_it_is)
{
	struct rig r;
	struct identity *id;
	int64_t from, until, next;

	rig_init(&r);
	refuses(&r, E_ABSENT, "enrol this device with troth-agent enrol CODE");
	rig_enrol(&r, "CDev1", 8443, 24 * HOUR_US);
	id = open_one(&r);
	ck_assert_uint_eq(identity_names(id)->n, 1);
	ck_assert(str_eqz(identity_names(id)->v[0], "CDev1"));
	ck_assert(str_eqz(identity_cse(id)->sp, "troth.example"));
	ck_assert(str_eqz(identity_cse(id)->cse, "id-in"));
	ck_assert(str_eqz(identity_cse(id)->base, "cse-in"));
	ck_assert(str_eqz(identity_host(id), "127.0.0.1"));
	ck_assert_uint_eq(identity_port(id), 8443);
	ck_assert_uint_eq(identity_generation(id), 1);
	identity_life(id, &from, &until);
	/* The CA writes whole seconds, and its now is not this process's to the last. */
	ck_assert_int_ge(until - from, 24 * HOUR_US - 2000000);
	ck_assert_int_le(until - from, 24 * HOUR_US + 2000000);
	ck_assert(!identity_has_ended(id));
	ck_assert_str_eq(identity_fault(id, &next), "");
	/* Half of its life, a tenth more or less (security-model 2.2). */
	ck_assert_int_ge(next - from, 24 * HOUR_US * 44 / 100);
	ck_assert_int_le(next - from, 24 * HOUR_US * 56 / 100);
	identity_close(id);
	rig_fini(&r);
}
END_TEST

START_TEST(the_configuration_may_say_where_the_cse_is)
{
	static const char *const sets[] = { "cse.host=cse.example", "cse.port=7", "cse.id=/other", NULL };
	static const char *const wrong[] = { "cse.id=id-in", NULL };
	struct rig r;
	struct identity *id;

	rig_init(&r);
	rig_enrol(&r, "CDev1", 8443, HOUR_US);
	agent_free(r.agent);
	rig_agent(&r, sets);
	id = open_one(&r);
	ck_assert(str_eqz(identity_host(id), "cse.example"));
	ck_assert_uint_eq(identity_port(id), 7);
	ck_assert(str_eqz(identity_cse(id)->cse, "other"));
	identity_close(id);
	agent_free(r.agent);
	rig_agent(&r, wrong);
	refuses(&r, E_CONF, "cse.id");
	rig_fini(&r);
}
END_TEST

START_TEST(one_folder_one_agent)
{
	struct rig r;
	struct identity *id;

	rig_init(&r);
	rig_enrol(&r, "CDev1", 8443, HOUR_US);
	id = open_one(&r);
	refuses(&r, E_EXISTS, "another troth-agent uses");
	identity_close(id);
	identity_close(open_one(&r));
	rig_fini(&r);
}
END_TEST

START_TEST(others_must_not_reach_the_folder)
{
	struct rig r;
	char path[256];

	rig_init(&r);
	rig_enrol(&r, "CDev1", 8443, HOUR_US);
	ck_assert_int_eq(chmod(r.st.dir, 0750), 0);
	refuses(&r, E_DENIED, "mode 0700");
	ck_assert_int_eq(chmod(r.st.dir, 0700), 0);
	ck_assert_int_eq(chmod(state_path(&r.st, "identity.json", path), 0644), 0);
	refuses(&r, E_DENIED, "chmod 600");
	rig_fini(&r);
}
END_TEST

static const char *const damaged[] = {
	"", "{}", "[]", "{\"version\": 2}", "nonsense",
	"{\"version\": 1, \"host\": \"h\", \"port\": 1, \"cse\": \"/x\", \"sp\": \"s.example\", \"generation\": 1, \"since\": 1, "
	"\"certificate\": \"-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n\", \"ca\": \"\"}",
};

START_TEST(a_damaged_file_is_said)
{
	struct rig r;

	rig_init(&r);
	rig_enrol(&r, "CDev1", 8443, HOUR_US);
	state_write(&r.st, "identity.json", damaged[_i], strlen(damaged[_i]));
	refuses(&r, E_CORRUPT, "is damaged");
	rig_fini(&r);
}
END_TEST

START_TEST(another_key_is_said)
{
	struct rig r, other;
	unsigned char text[65536];

	rig_init(&r);
	rig_init(&other);
	rig_enrol(&r, "CDev1", 8443, HOUR_US);
	rig_enrol(&other, "CDev1", 8443, HOUR_US);
	size_t n = state_read(&other.st, "identity.json", text, sizeof(text));
	state_write(&r.st, "identity.json", text, n);
	refuses(&r, E_CORRUPT, "is not the certificate's");
	rig_fini(&other);
	rig_fini(&r);
}
END_TEST

/* --- whom it trusts -------------------------------------------------------------------------------------------------------- */

static void offer(struct facts *f, struct pki *p, unsigned want_refused, int want_n)
{
	struct buf pem;
	unsigned refused;

	buf_init(&pem, 65536);
	ca_chain(p->ca, &pem);
	STACK_OF(X509) *offered = rig_certs(&pem);
	facts_take_ca(f, offered, clock_wall_us(p->clock), &refused);
	ck_assert_uint_eq(refused, want_refused);
	ck_assert_int_eq(sk_X509_num(f->ca), want_n);
	sk_X509_pop_free(offered, X509_free);
	buf_fini(&pem);
}

START_TEST(a_foreign_authority_is_not_taken_in)
{
	struct rig r;
	struct pki other;
	struct facts f;
	struct why why = { 0 };

	rig_init(&r);
	pki_init(&other, 0);
	pki_open(&other);
	rig_enrol(&r, "CDev1", 8443, HOUR_US);
	ck_assert_int_eq(facts_load(r.st.dir, &f, &why), 0);
	ck_assert_int_eq(sk_X509_num(f.ca), 2);
	offer(&f, &r.p, 0, 2);
	offer(&f, &other, 2, 2);
	facts_fini(&f);
	pki_fini(&other);
	rig_fini(&r);
}
END_TEST

static const char *nothing(struct served *s, unsigned c, unsigned n, const char *request)
{
	(void)s, (void)c, (void)n, (void)request;
	return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
}

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

static void get(struct rig *r, struct upstream *u, struct got *g)
{
	memset(g, 0, sizeof(*g));
	g->c = (struct carriage){ .method = STR("GET"), .target = STR("/"), .done = on_done, .arg = g };
	upstream_send(u, &g->c);
	rig_turn(r, &g->done);
}

/* A CSE's certificate of the same authority, for that CSE-ID. */
static SSL_CTX *cse_ctx(struct rig *r, const char *cse_id)
{
	struct why why = { 0 };
	struct buf pem;
	struct tls_device d = { .key = pki_key() };
	SSL_CTX *ctx;

	buf_init(&pem, 65536);
	ck_assert_msg(pki_issue(&r->p, d.key, CRED_CSE, cse_id, &pem, &why) == 0, "%s", why.text);
	d.chain = rig_certs(&pem);
	d.leaf = sk_X509_shift(d.chain);
	ck_assert_int_eq(ca_anchors(r->p.ca, &d.anchors), 0);
	ck_assert_int_eq(tls_device_server(&d, &ctx, &why), 0);
	X509_free(d.leaf);
	sk_X509_pop_free(d.chain, X509_free);
	sk_X509_pop_free(d.anchors, X509_free);
	EVP_PKEY_free(d.key);
	buf_fini(&pem);
	return ctx;
}

START_TEST(only_the_cse_that_it_enrolled_at_is_spoken_to)
{
	struct rig r;
	struct served right, wrong;
	struct upstream *u;
	struct why why = { 0 };
	struct got g;

	rig_init(&r);
	served_start(&right, served_ctx(&r.p), nothing, NULL);
	served_start(&wrong, cse_ctx(&r, "/id-mn"), nothing, NULL);
	rig_enrol(&r, "CDev1", right.port, HOUR_US);
	r.agent->identity = open_one(&r);
	ck_assert_int_eq(upstream_open(r.agent, &u, &why), 0);
	get(&r, u, &g);
	ck_assert_msg(g.err == 0, "%s", g.text);
	upstream_close(u);
	identity_close(r.agent->identity);
	/* The same authority, another CSE. */
	rig_enrol(&r, "CDev1", wrong.port, HOUR_US);
	r.agent->identity = open_one(&r);
	ck_assert_int_eq(upstream_open(r.agent, &u, &why), 0);
	get(&r, u, &g);
	ck_assert_int_eq(g.err, E_CLOSED);
	ck_assert_msg(strstr(g.text, "is not the CSE") != NULL, "%s", g.text);
	ck_assert_uint_eq(wrong.requests, 0);
	upstream_close(u);
	identity_close(r.agent->identity);
	r.agent->identity = NULL;
	served_stop(&right);
	served_stop(&wrong);
	rig_fini(&r);
}
END_TEST

START_TEST(a_session_is_taken_up_again)
{
	struct rig r;
	struct served s;
	struct upstream *u;
	struct why why = { 0 };
	struct got g;
	SSL_CTX *ctx;

	rig_init(&r);
	ctx = served_ctx(&r.p);
	SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(ctx, 2);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"t", 1);
	served_start(&s, ctx, nothing, NULL);
	rig_enrol(&r, "CDev1", s.port, HOUR_US);
	r.agent->identity = open_one(&r);
	ck_assert_int_eq(upstream_open(r.agent, &u, &why), 0);
	get(&r, u, &g);
	ck_assert_msg(g.err == 0, "%s", g.text);
	ck_assert_uint_eq(s.resumed, 0);
	upstream_renew(u);
	get(&r, u, &g);
	ck_assert_msg(g.err == 0, "%s", g.text);
	ck_assert_uint_eq(s.handshakes, 2);
	ck_assert_uint_eq(s.resumed, 1);
	upstream_close(u);
	identity_close(r.agent->identity);
	r.agent->identity = NULL;
	served_stop(&s);
	rig_fini(&r);
}
END_TEST

START_TEST(nothing_is_carried_after_the_end)
{
	struct rig r;
	struct served s;
	struct upstream *u;
	struct why why = { 0 };
	struct got g;

	rig_init(&r);
	served_start(&s, served_ctx(&r.p), nothing, NULL);
	rig_enrol(&r, "CDev1", s.port, HOUR_US);
	/* Both ends agree on the time of the test, which is two hours later. */
	struct clock *real = r.agent->clock;
	r.agent->clock = clock_new_fake(clock_wall_us(r.p.clock) + 2 * HOUR_US);
	r.agent->identity = open_one(&r);
	ck_assert(identity_has_ended(r.agent->identity));
	ck_assert_int_eq(upstream_open(r.agent, &u, &why), 0);
	get(&r, u, &g);
	ck_assert_int_eq(g.err, E_CLOSED);
	ck_assert_msg(strstr(g.text, "certificate has ended") != NULL, "%s", g.text);
	ck_assert_uint_eq(s.requests, 0);
	ck_assert_ptr_null(identity_accept(r.agent->identity));
	upstream_close(u);
	identity_close(r.agent->identity);
	r.agent->identity = NULL;
	clock_free(r.agent->clock);
	r.agent->clock = real;
	served_stop(&s);
	rig_fini(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("agent/identity");
	TCase *t = tcase_create("identity");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, says_who_it_is);
	tcase_add_test(t, the_configuration_may_say_where_the_cse_is);
	tcase_add_test(t, one_folder_one_agent);
	tcase_add_test(t, others_must_not_reach_the_folder);
	tcase_add_loop_test(t, a_damaged_file_is_said, 0, ARRAY_LEN(damaged));
	tcase_add_test(t, another_key_is_said);
	tcase_add_test(t, a_foreign_authority_is_not_taken_in);
	tcase_add_test(t, only_the_cse_that_it_enrolled_at_is_spoken_to);
	tcase_add_test(t, a_session_is_taken_up_again);
	tcase_add_test(t, nothing_is_carried_after_the_end);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
