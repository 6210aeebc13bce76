/* SPDX-License-Identifier: Apache-2.0 */
/* Ends at the port of notifications, on real connections: time that runs out, certificates and trust that end, a CSE that leaves in
 * every phase, the agent's own end, and no port at all (security-model 3.1, 3.3). */
#include "agent/notice.h"

#include "tests/unit/agent/told.h"

/* --- time, and ends ----------------------------------------------------------------------------------------------------------- */

START_TEST(half_a_notification_has_its_time)
{
	static const char *const halves[] = { "POST", "POST /x HTTP/1.1\r\nHost: x\r\n", "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{" };
	struct test t;
	struct client cse;

	begin(&t, NULL);
	cse = call(&t);
	client_say(&cse, halves[_i]);
	desk_later(&t.d, 29 * US_PER_S);
	client_say(&cse, _i == 1 ? "A" : " ");
	ck_assert(client_is_quiet(&cse));
	desk_later(&t.d, US_PER_S);
	ck_assert_uint_eq(client_answer(&cse), 408);
	client_ends(&cse);
	client_close(&cse);
	tells(&t);
	finish(&t);
}
END_TEST

START_TEST(an_idle_cse_is_let_go)
{
	struct test t;
	struct client cse;

	begin(&t, NULL);
	cse = call(&t);
	for (int i = 0; i < 13; i++) {
		client_say(&cse, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
		ck_assert_uint_eq(client_answer(&cse), 405);
		/* After an hour a connection ends with its answer. */
		ck_assert_int_eq(client_said(&cse, "Connection: close\r\n"), i * 290 > 3600);
		if (i * 290 <= 3600)
			desk_later(&t.d, 290 * US_PER_S);
	}
	client_close(&cse);
	cse = call(&t);
	client_say(&cse, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
	ck_assert_uint_eq(client_answer(&cse), 405);
	desk_later(&t.d, 300 * US_PER_S);
	client_ends(&cse);
	client_close(&cse);
	tells(&t);
	finish(&t);
}
END_TEST

/* Before a byte, in the head, in the content, while the local client is asked, while it answers. */
/* The CSE with a certificate that lives for ten minutes. */
static SSL_CTX *short_lived(struct test *t)
{
	struct tls_device d = { .leaf = NULL };
	struct pki *p = &t->d.r.p;
	struct str name = STR("/id-in");
	struct why why = { 0 };
	struct buf csr, pem;
	unsigned char fp[32];
	int64_t end;
	SSL_CTX *ctx;

	buf_init(&csr, 8192);
	buf_init(&pem, 65536);
	d.key = pki_key();
	pki_request(d.key, d.key, &csr);
	struct ca_ask q = { .csr_der = buf_as_str(&csr), .kind = CRED_CSE, .names = { &name, 1 }, .life_us = 600 * US_PER_S };
	ck_assert_msg(ca_issue(p->ca, &q, &pem, fp, &end, &why) == 0, "%s", why.text);
	d.chain = rig_certs(&pem);
	d.leaf = sk_X509_shift(d.chain);
	ck_assert_int_eq(ca_anchors(p->ca, &d.anchors), 0);
	ck_assert_msg(tls_device_client(&d, &ctx, &why) == 0, "%s", why.text);
	X509_free(d.leaf);
	sk_X509_pop_free(d.chain, X509_free);
	sk_X509_pop_free(d.anchors, X509_free);
	EVP_PKEY_free(d.key);
	buf_fini(&csr);
	buf_fini(&pem);
	return ctx;
}

/* security-model 3.1: a connection ends with the certificate that opened it, however much it is used. */
START_TEST(no_longer_than_its_certificate)
{
	struct test t;
	struct client c;
	SSL_CTX *ctx;

	begin(&t, NULL);
	ctx = short_lived(&t);
	c = call_with(&t, ctx);
	ck_assert(!c.end);
	for (int i = 0; i < 3; i++) {
		notify(&c, "aaaaaaaaaaaaaaaaaaaaaaaaaa", "r", "", SGN);
		ck_assert_uint_eq(client_answer(&c), 404);
		desk_later(&t.d, 190 * US_PER_S);
	}
	client_hear(&c);
	ck_assert(!c.end);
	for (int i = 0; i < 3; i++)
		desk_later(&t.d, 31 * US_PER_S);
	client_hear(&c);
	ck_assert(c.end);
	client_close(&c);
	SSL_CTX_free(ctx);
	finish(&t);
}
END_TEST

/* An issuing CA that was given up speaks for the CSE no more, on connections that are open either. */
START_TEST(trust_that_ends_ends_connections)
{
	struct test t;
	struct client c;
	STACK_OF(X509) *ca;

	begin(&t, NULL);
	c = call(&t);
	notice_renew(t.d.a->notice);
	desk_turn(&t.d);
	client_hear(&c);
	ck_assert(!c.end);
	ca = t.d.a->identity->facts.ca;
	for (int i = sk_X509_num(ca) - 1; i >= 0; i--)
		if (X509_check_issued(sk_X509_value(ca, i), sk_X509_value(ca, i)) != X509_V_OK)
			X509_free(sk_X509_delete(ca, i));
	notice_renew(t.d.a->notice);
	desk_turn(&t.d);
	client_hear(&c);
	ck_assert(c.end);
	client_close(&c);
	finish(&t);
}
END_TEST

START_TEST(the_cse_leaves_in_every_phase)
{
	static const char *const texts[] = { "", "POST /", "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{" };
	struct test t;
	struct client cse, local = { .fd = -1 };

	begin(&t, NULL);
	cse = call(&t);
	if (_i < 3)
		client_say(&cse, texts[_i]);
	else
		notify(&cse, t.token, "n", "", SGN);
	if (_i >= 4) {
		local = listen_in(&t);
		client_say(&local, _i == 5 ? "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 11\r\n\r\nhal" : "");
	}
	client_close(&cse);
	if (_i >= 4) {
		/* It may have said no more and still listen: the local client is heard out, and then nobody is there. */
		client_say(&local, _i == 5 ? "f answer" : "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
		client_ends(&local);
		client_close(&local);
	} else if (_i == 3) {
		/* Whether it was connected already does not matter: it is left. */
		desk_turn(&t.d);
		close(t.ear);
		t.ear = listen_v4(&t.port);
		know(&t, BOOK_SUB, "127.0.0.1");
	}
	tells(&t);
	finish(&t);
}
END_TEST

START_TEST(the_agents_end_is_everybodys)
{
	struct test t;
	struct client cse, idle, local;

	begin(&t, NULL);
	cse = call(&t);
	idle = call(&t);
	notify(&cse, t.token, "n", "", SGN);
	local = listen_in(&t);
	agent_free(t.d.a);
	t.d.a = NULL;
	ck_assert_int_eq(recv(local.fd, local.text, 1, 0), 0);
	client_hear(&cse);
	client_hear(&idle);
	ck_assert(cse.end && idle.end && cse.n == 0 && idle.n == 0);
	struct client *all[] = { &cse, &idle, &local };
	for (unsigned i = 0; i < ARRAY_LEN(all); i++) {
		SSL_free(all[i]->ssl);
		close(all[i]->fd);
		free(all[i]->text);
	}
	finish(&t);
}
END_TEST

/* agent/README: a device behind NAT listens nowhere. */
START_TEST(no_port_when_none_is_wanted)
{
	static const char *const none[] = { "agent.notify_listen=", NULL };
	static const char *const any[] = { "agent.state=/nonexistent", "agent.notify_listen=0.0.0.0:0", NULL };
	struct desk d;
	struct notice *n = NULL;
	struct why why = { 0 };

	desk_open(&d, echo, none);
	ck_assert_ptr_null(d.a->notice);
	ck_assert(notice_authority(d.a->notice).n == 0);
	desk_close(&d);
	/* Who listens everywhere must say where the CSE reaches it. */
	rig_init(&d.r);
	agent_free(d.r.agent);
	rig_agent(&d.r, any);
	ck_assert_int_eq(notice_open(d.r.agent, &n, &why), E_CONF);
	ck_assert_msg(strstr(why.text, "agent.notify_host") != NULL, "%s", why.text);
	ck_assert_ptr_null(n);
	rig_fini(&d.r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("agent/notice/end");
	TCase *t = tcase_create("end");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, half_a_notification_has_its_time, 0, 3);
	tcase_add_test(t, an_idle_cse_is_let_go);
	tcase_add_test(t, no_longer_than_its_certificate);
	tcase_add_test(t, trust_that_ends_ends_connections);
	tcase_add_loop_test(t, the_cse_leaves_in_every_phase, 0, 6);
	tcase_add_test(t, the_agents_end_is_everybodys);
	tcase_add_test(t, no_port_when_none_is_wanted);
	suite_add_tcase(s, t);
	return desk_run(s);
}
