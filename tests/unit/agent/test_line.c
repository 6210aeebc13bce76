/* SPDX-License-Identifier: Apache-2.0 */
/* A line against a real TLS server: what is carried, when connections are made anew, and what is said when nothing can be. */
#include "agent/line.h"

#include <arpa/inet.h>
#include <semaphore.h>

#include <unistd.h>

#include "agent/line_priv.h"
#include "tests/unit/agent/rig.h"

#define NS_PER_S INT64_C(1000000000)

struct test {
	struct rig r;
	struct served s;
	struct tls_device d;
	SSL_CTX *client;
	struct line *line;
	bool proves;
	sem_t third;      /* a third request has come */
};

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

static const char *always(struct served *s, unsigned c, unsigned n, const char *request)
{
	(void)s, (void)c, (void)n, (void)request;
	return ok;
}

static SSL *new_ssl(void *arg)
{
	struct test *t = arg;
	SSL *ssl = SSL_new(t->client);

	SSL_set_connect_state(ssl);
	return ssl;
}

static const char *prove(void *arg, SSL *ssl)
{
	struct test *t = arg;

	ck_assert_int_eq(SSL_is_init_finished(ssl), 1);
	return t->proves ? NULL : "stranger";
}

static void begin_with(struct test *t, served_fn *answer, struct pki *trusted, unsigned conns, int64_t timeout)
{
	struct why why = { 0 };
	struct buf pem;

	served_start(&t->s, served_ctx(&t->r.p), answer, t);
	buf_init(&pem, 65536);
	t->d.key = pki_key();
	ck_assert_int_eq(pki_issue(&t->r.p, t->d.key, CRED_DEVICE, "CDev1", &pem, &why), 0);
	t->d.chain = rig_certs(&pem);
	t->d.leaf = sk_X509_shift(t->d.chain);
	ck_assert_int_eq(ca_anchors(trusted->ca, &t->d.anchors), 0);
	buf_fini(&pem);
	ck_assert_msg(tls_device_client(&t->d, &t->client, &why) == 0, "%s", why.text);
	t->proves = true;
	struct line_opts o = { .agent = t->r.agent, .host = STR("127.0.0.1"), .port = t->s.port, .max_conns = conns, .max_queue = 8,
		.timeout_ns = timeout, .connect_ns = 10 * NS_PER_S, .idle_ns = 60 * NS_PER_S, .max_body = 4096, .ssl = new_ssl,
		.prove = prove, .arg = t, .unable = "unable", .refused = "refused", .closed = "closed" };
	ck_assert_msg(line_new(&o, &t->line, &why) == 0, "%s", why.text);
}

static void begin(struct test *t, served_fn *answer)
{
	memset(t, 0, sizeof(*t));
	rig_init(&t->r);
	begin_with(t, answer, &t->r.p, 4, 30 * NS_PER_S);
}

static void finish(struct test *t)
{
	line_free(t->line);
	served_stop(&t->s);
	SSL_CTX_free(t->client);
	X509_free(t->d.leaf);
	sk_X509_pop_free(t->d.chain, X509_free);
	sk_X509_pop_free(t->d.anchors, X509_free);
	EVP_PKEY_free(t->d.key);
	rig_fini(&t->r);
}

struct got {
	struct carriage c;
	bool done;
	int err;
	unsigned status;
	char text[200];
};

static void on_done(struct carriage *c, int err, const struct http1 *answer, const char *base, const char *text)
{
	struct got *g = c->arg;
	struct str body = err ? str_of(text) : http1_body(answer, base);

	ck_assert(!g->done);
	ck_assert_ptr_null(c->own);
	g->done = true;
	g->err = err;
	g->status = err ? 0 : answer->status;
	snprintf(g->text, sizeof(g->text), "%.*s", STR_ARG(body));
}

static void send_to(struct test *t, struct got *g, const char *method, const char *target, bool poll)
{
	memset(g, 0, sizeof(*g));
	g->c = (struct carriage){ .method = str_of(method), .target = str_of(target), .fields = STR("X-M2M-RI: 1\r\n"), .poll = poll,
		.done = on_done, .arg = g };
	line_send(t->line, &g->c);
	ck_assert(!g->done);
}

static void ask(struct test *t, struct got *g, const char *method, const char *target)
{
	send_to(t, g, method, target, false);
}

static void poll_for(struct test *t, struct got *g, const char *target)
{
	send_to(t, g, "GET", target, true);
}

static void get(struct test *t, struct got *g)
{
	ask(t, g, "GET", "/cse-in");
	rig_turn(&t->r, &g->done);
}

START_TEST(carries_and_keeps_the_connection)
{
	struct test t;
	struct got g;

	begin(&t, always);
	for (int i = 0; i < 3; i++) {
		get(&t, &g);
		ck_assert_int_eq(g.err, 0);
		ck_assert_uint_eq(g.status, 200);
		ck_assert_str_eq(g.text, "hi");
	}
	ck_assert_uint_eq(t.s.conns, 1);
	ck_assert_uint_eq(line_connections(t.line), 1);
	ck_assert_uint_eq(line_answered(t.line), 3);
	ck_assert_str_eq(line_fault(t.line), "");
	finish(&t);
}
END_TEST

static const char *echo_head(struct served *s, unsigned c, unsigned n, const char *request)
{
	static _Thread_local char text[1024];

	(void)s, (void)c, (void)n;
	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(request), request);
	return text;
}

START_TEST(writes_what_RFC_9112_wants)
{
	struct test t;
	struct got g;
	char want[200];

	begin(&t, echo_head);
	ask(&t, &g, "GET", "/cse-in?fu=1");
	rig_turn(&t.r, &g.done);
	snprintf(want, sizeof(want), "GET /cse-in?fu=1 HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nX-M2M-RI: 1\r\n\r\n", t.s.port);
	ck_assert_str_eq(g.text, want);
	memset(&g, 0, sizeof(g));
	g.c = (struct carriage){ .method = STR("POST"), .target = STR("/"), .fields = STR("A: b\r\n"), .body = STR("{}"), .done = on_done, .arg = &g };
	line_send(t.line, &g.c);
	rig_turn(&t.r, &g.done);
	snprintf(want, sizeof(want), "POST / HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nA: b\r\nContent-Length: 2\r\n\r\n{}", t.s.port);
	ck_assert_str_eq(g.text, want);
	finish(&t);
}
END_TEST

START_TEST(many_share_few_connections)
{
	struct test t;
	struct got g[8];

	begin(&t, always);
	for (int i = 0; i < 8; i++)
		ask(&t, &g[i], "GET", "/");
	for (int i = 0; i < 8; i++) {
		rig_turn(&t.r, &g[i].done);
		ck_assert_int_eq(g[i].err, 0);
	}
	ck_assert_uint_le(t.s.conns, 4);
	ck_assert_uint_eq(t.s.requests, 8);
	finish(&t);
}
END_TEST

static const char *hold_all_but_one(struct served *s, unsigned c, unsigned n, const char *request)
{
	(void)s, (void)c, (void)n;
	return strstr(request, "GET /held") ? "" : ok;
}

/* As a CSE does with requests to polling channels. */
START_TEST(held_requests_keep_nobody_waiting)
{
	enum { HELD = 20 };
	struct test t;
	struct got held[HELD], g;

	memset(&t, 0, sizeof(t));
	rig_init(&t.r);
	begin_with(&t, hold_all_but_one, &t.r.p, 64, 30 * NS_PER_S);
	get(&t, &g);
	for (int i = 0; i < HELD; i++) {
		ask(&t, &held[i], "GET", "/held");
		while (t.s.requests < (unsigned)i + 2)
			loop_turn(t.r.agent->loop, 20);
	}
	get(&t, &g);
	ck_assert_int_eq(g.err, 0);
	ck_assert_uint_eq(t.s.conns, HELD + 1);
	for (int i = 0; i < HELD; i++)
		line_drop(t.line, &held[i].c);
	finish(&t);
}
END_TEST

/* Polls that the CSE holds back take three connections of four, however many there are: the one too many is told so. */
START_TEST(polls_leave_a_share_to_others)
{
	struct test t;
	struct got held[3], more, g;
	unsigned before;

	begin(&t, hold_all_but_one);
	for (unsigned i = 0; i < 3; i++) {
		poll_for(&t, &held[i], "/held");
		while (t.s.requests < i + 1)
			loop_turn(t.r.agent->loop, 20);
	}
	poll_for(&t, &more, "/held");
	rig_turn(&t.r, &more.done);
	ck_assert_int_eq(more.err, E_LIMIT);
	ck_assert_msg(strstr(more.text, "cse.connections") != NULL, "%s", more.text);
	for (int i = 0; i < 5; i++) {
		get(&t, &g);
		ck_assert_int_eq(g.err, 0);
	}
	/* Who goes makes room at once, and what the CSE would have answered to him is not taken and lost: his connection ends. */
	before = line_connections(t.line);
	line_drop(t.line, &held[1].c);
	ck_assert_uint_lt(line_connections(t.line), before);
	before = t.s.requests;
	poll_for(&t, &held[1], "/held");
	while (t.s.requests < before + 1)
		loop_turn(t.r.agent->loop, 20);
	poll_for(&t, &more, "/held");
	rig_turn(&t.r, &more.done);
	ck_assert_int_eq(more.err, E_LIMIT);
	get(&t, &g);
	ck_assert_int_eq(g.err, 0);
	for (int i = 0; i < 3; i++)
		line_drop(t.line, &held[i].c);
	/* One that has its answer counts no longer. */
	for (int i = 0; i < 10; i++) {
		poll_for(&t, &g, "/");
		rig_turn(&t.r, &g.done);
		ck_assert_int_eq(g.err, 0);
	}
	finish(&t);
}
END_TEST

/* With a single connection it is still possible to poll; one that waits for a connection counts, too. */
START_TEST(one_connection_carries_one_poll)
{
	struct test t;
	struct got a, b, g;

	memset(&t, 0, sizeof(t));
	rig_init(&t.r);
	begin_with(&t, always, &t.r.p, 1, 30 * NS_PER_S);
	poll_for(&t, &a, "/");
	poll_for(&t, &b, "/");
	ask(&t, &g, "GET", "/");
	rig_turn(&t.r, &g.done);
	ck_assert(a.done && b.done);
	ck_assert_int_eq(a.err, 0);
	ck_assert_int_eq(b.err, E_LIMIT);
	ck_assert_int_eq(g.err, 0);
	poll_for(&t, &b, "/");
	rig_turn(&t.r, &b.done);
	ck_assert_int_eq(b.err, 0);
	finish(&t);
}
END_TEST

START_TEST(a_full_queue_refuses)
{
	struct test t;
	struct got g[9];

	begin(&t, always);
	for (int i = 0; i < 9; i++)
		ask(&t, &g[i], "GET", "/");
	rig_turn(&t.r, &g[8].done);
	ck_assert_int_eq(g[8].err, E_LIMIT);
	for (int i = 0; i < 8; i++) {
		rig_turn(&t.r, &g[i].done);
		ck_assert_int_eq(g[i].err, 0);
	}
	finish(&t);
}
END_TEST

START_TEST(nothing_is_sent_to_a_stranger)
{
	struct test t;
	struct got g;

	begin(&t, always);
	t.proves = false;
	get(&t, &g);
	ck_assert_int_eq(g.err, E_CLOSED);
	ck_assert_str_eq(g.text, "stranger");
	ck_assert_str_eq(line_fault(t.line), "stranger");
	/* For a while it is not asked again, and says the same. */
	get(&t, &g);
	ck_assert_str_eq(g.text, "stranger");
	ck_assert_uint_eq(t.s.conns, 1);
	ck_assert_uint_eq(t.s.requests, 0);
	finish(&t);
}
END_TEST

/* Where nobody listens. */
static uint16_t free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && getsockname(fd, (struct sockaddr *)&at, &n) == 0);
	close(fd);
	return ntohs(at.sin_port);
}

START_TEST(a_foreign_authority_is_not_trusted)
{
	struct test t;
	struct pki other;
	struct got g;

	memset(&t, 0, sizeof(t));
	rig_init(&t.r);
	pki_init(&other, 0);
	pki_open(&other);
	begin_with(&t, always, &other, 1, 30 * NS_PER_S);
	get(&t, &g);
	ck_assert_int_eq(g.err, E_CLOSED);
	ck_assert_msg(strstr(g.text, "is not trusted") != NULL, "%s", g.text);
	ck_assert_uint_eq(t.s.requests, 0);
	finish(&t);
	pki_fini(&other);
}
END_TEST

/* A name of several addresses, and nobody at the first: what is told is what was met at the other. */
START_TEST(the_fault_is_of_who_was_met)
{
	struct test t;
	struct pki other;
	struct got g;

	memset(&t, 0, sizeof(t));
	rig_init(&t.r);
	pki_init(&other, 0);
	pki_open(&other);
	begin_with(&t, always, &other, 1, 30 * NS_PER_S);
	for (unsigned i = 0; i < 2; i++) {
		struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(i ? t.s.port : free_port()), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		memcpy(&t.line->addr[i].at, &to, sizeof(to));
		t.line->addr[i].n = sizeof(to);
	}
	t.line->n_addr = 2;
	get(&t, &g);
	ck_assert_int_eq(g.err, E_CLOSED);
	ck_assert_msg(strstr(g.text, "is not trusted") != NULL, "%s", g.text);
	ck_assert_uint_eq(t.s.requests, 0);
	finish(&t);
	pki_fini(&other);
}
END_TEST

START_TEST(says_that_nobody_listens)
{
	struct test t;
	struct got g;

	begin(&t, always);
	shutdown(t.s.fd, SHUT_RDWR);
	get(&t, &g);
	ck_assert_int_eq(g.err, E_CLOSED);
	ck_assert_msg(strstr(g.text, "cannot be reached") != NULL, "%s", g.text);
	finish(&t);
}
END_TEST

/* The first connection ends after its first answer. */
static const char *close_first(struct served *s, unsigned c, unsigned n, const char *request)
{
	(void)s, (void)request;
	return c == 0 && n == 1 ? NULL : ok;
}

START_TEST(a_kept_connection_that_ends_costs_no_request)
{
	struct test t;
	struct got g;

	begin(&t, close_first);
	get(&t, &g);
	ck_assert_int_eq(g.err, 0);
	get(&t, &g);
	ck_assert_int_eq(g.err, 0);
	ck_assert_uint_eq(t.s.conns, 2);
	ck_assert_uint_eq(t.s.requests, 3);
	finish(&t);
}
END_TEST

/* Ends its process, so to speak, with the second request in its hands: no goodbye. */
static const char *dies_with_the_second(struct served *s, unsigned c, unsigned n, const char *request)
{
	(void)request;
	if (c > 0 || n == 0)
		return ok;
	SSL_set_quiet_shutdown(served_ssl, 1);
	shutdown(s->fds[c], SHUT_RDWR);
	return NULL;
}

/* RFC 9110 9.2.2: nobody knows what became of it. */
START_TEST(what_a_crash_left_open_is_not_sent_twice)
{
	struct test t;
	struct got g;

	begin(&t, dies_with_the_second);
	get(&t, &g);
	ask(&t, &g, "POST", "/cse-in/box");
	rig_turn(&t.r, &g.done);
	ck_assert_int_eq(g.err, E_CLOSED);
	ck_assert_uint_eq(t.s.requests, 2);
	get(&t, &g);
	ck_assert_int_eq(g.err, 0);
	finish(&t);

	begin(&t, dies_with_the_second);
	get(&t, &g);
	ask(&t, &g, "PUT", "/cse-in/box");
	rig_turn(&t.r, &g.done);
	ck_assert_int_eq(g.err, 0);
	ck_assert_uint_eq(t.s.requests, 3);
	finish(&t);
}
END_TEST

/* The CSE lives and ended the connection before it read the request. */
START_TEST(what_was_not_read_is_sent_again)
{
	struct test t;
	struct got g;

	begin(&t, close_first);
	get(&t, &g);
	get(&t, &g);
	ask(&t, &g, "POST", "/cse-in/box");
	rig_turn(&t.r, &g.done);
	ck_assert_int_eq(g.err, 0);
	finish(&t);
}
END_TEST

static const char *close_always(struct served *s, unsigned c, unsigned n, const char *request)
{
	(void)s, (void)c, (void)n, (void)request;
	return NULL;
}

/* As a CSE does with a suspended credential. */
START_TEST(a_fresh_connection_that_ends_is_a_refusal)
{
	struct test t;
	struct got g;

	begin(&t, close_always);
	get(&t, &g);
	ck_assert_int_eq(g.err, E_CLOSED);
	ck_assert_str_eq(g.text, "closed");
	ck_assert_uint_eq(t.s.requests, 1);
	/* It pauses before it tries again. */
	get(&t, &g);
	ck_assert_uint_eq(t.s.conns, 1);
	finish(&t);
}
END_TEST

static const char *silent(struct served *s, unsigned c, unsigned n, const char *request)
{
	(void)s, (void)c, (void)n, (void)request;
	return "";
}

START_TEST(time_runs_out)
{
	struct test t;
	struct got g, dropped;

	memset(&t, 0, sizeof(t));
	rig_init(&t.r);
	begin_with(&t, silent, &t.r.p, 4, NS_PER_S / 5);
	ask(&t, &dropped, "GET", "/");
	get(&t, &g);
	ck_assert_int_eq(g.err, E_TIMEOUT);
	line_drop(t.line, &dropped.c);
	line_drop(t.line, &dropped.c);
	finish(&t);
}
END_TEST

/* The first is answered at once, the second when somebody asks on another connection. */
static const char *answers_late(struct served *s, unsigned c, unsigned n, const char *request)
{
	struct test *t = s->arg;

	(void)n;
	if (strstr(request, "GET /late") && c == 0)
		while (sem_wait(&t->third) != 0)
			;
	else if (s->requests == 3)
		sem_post(&t->third);
	return ok;
}

/* As a polling channel does: longer than two times the line's own bound, as long as its client has said. */
START_TEST(a_request_is_waited_for_as_long_as_it_says)
{
	struct test t;
	struct got late, g;
	int64_t from;

	memset(&t, 0, sizeof(t));
	rig_init(&t.r);
	ck_assert_int_eq(sem_init(&t.third, 0, 0), 0);
	begin_with(&t, answers_late, &t.r.p, 4, NS_PER_S / 2);
	get(&t, &g);
	memset(&late, 0, sizeof(late));
	from = loop_now_ns(t.r.agent->loop);
	late.c = (struct carriage){ .method = STR("GET"), .target = STR("/late"), .done = on_done, .arg = &late, .deadline_ns = from + 60 * NS_PER_S };
	line_send(t.line, &late.c);
	while (loop_now_ns(t.r.agent->loop) - from < 5 * NS_PER_S / 2)
		loop_turn(t.r.agent->loop, 20);
	ck_assert(!late.done);
	ck_assert_uint_eq(t.s.requests, 2);
	get(&t, &g);
	rig_turn(&t.r, &late.done);
	ck_assert_int_eq(late.err, 0);
	ck_assert_uint_eq(t.s.conns, 2);
	finish(&t);
}
END_TEST

START_TEST(who_has_gone_hears_nothing)
{
	struct test t;
	struct got gone, g;

	begin(&t, always);
	ask(&t, &gone, "GET", "/");
	line_drop(t.line, &gone.c);
	get(&t, &g);
	ask(&t, &gone, "GET", "/");
	/* Its request has left already. */
	line_drop(t.line, &gone.c);
	memset(&gone, 0xee, sizeof(gone));
	get(&t, &g);
	ck_assert_int_eq(g.err, 0);
	/* The first never left; the server may have read the one that was let go, or only the end of its connection. */
	ck_assert_uint_ge(t.s.requests, 2);
	ck_assert_uint_le(t.s.requests, 3);
	finish(&t);
}
END_TEST

START_TEST(a_new_certificate_means_new_connections)
{
	struct test t;
	struct got g, busy;

	begin(&t, always);
	get(&t, &g);
	line_renew(t.line);
	ck_assert_uint_eq(line_connections(t.line), 0);
	get(&t, &g);
	ck_assert_uint_eq(t.s.conns, 2);
	/* One that carries something ends with its answer, and only then is there a new one. */
	ask(&t, &busy, "GET", "/");
	line_renew(t.line);
	ask(&t, &g, "GET", "/");
	rig_turn(&t.r, &g.done);
	ck_assert(busy.done);
	ck_assert_int_eq(busy.err, 0);
	ck_assert_int_eq(g.err, 0);
	ck_assert_uint_eq(t.s.conns, 3);
	finish(&t);
}
END_TEST

START_TEST(the_end_is_told)
{
	struct test t;
	struct got g;

	begin(&t, silent);
	ask(&t, &g, "GET", "/");
	line_free(t.line);
	t.line = NULL;
	ck_assert(g.done);
	ck_assert_int_eq(g.err, E_CLOSED);
	finish(&t);
}
END_TEST

static const char *broken(struct served *s, unsigned c, unsigned n, const char *request)
{
	(void)s, (void)n, (void)request;
	return c == 0 ? "HTTP/1.1 2oo\r\n\r\n" : c == 1 ? "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" : ok;
}

START_TEST(what_is_no_answer_ends_the_connection)
{
	struct test t;
	struct got g;

	begin(&t, broken);
	get(&t, &g);
	ck_assert_int_eq(g.err, E_CLOSED);
	get(&t, &g);
	ck_assert_int_eq(g.err, E_CLOSED);
	get(&t, &g);
	ck_assert_int_eq(g.err, 0);
	finish(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("agent/line");
	TCase *t = tcase_create("line");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, carries_and_keeps_the_connection);
	tcase_add_test(t, writes_what_RFC_9112_wants);
	tcase_add_test(t, many_share_few_connections);
	tcase_add_test(t, held_requests_keep_nobody_waiting);
	tcase_add_test(t, polls_leave_a_share_to_others);
	tcase_add_test(t, one_connection_carries_one_poll);
	tcase_add_test(t, a_full_queue_refuses);
	tcase_add_test(t, nothing_is_sent_to_a_stranger);
	tcase_add_test(t, a_foreign_authority_is_not_trusted);
	tcase_add_test(t, the_fault_is_of_who_was_met);
	tcase_add_test(t, says_that_nobody_listens);
	tcase_add_test(t, a_kept_connection_that_ends_costs_no_request);
	tcase_add_test(t, what_a_crash_left_open_is_not_sent_twice);
	tcase_add_test(t, what_was_not_read_is_sent_again);
	tcase_add_test(t, a_request_is_waited_for_as_long_as_it_says);
	tcase_add_test(t, a_fresh_connection_that_ends_is_a_refusal);
	tcase_add_test(t, time_runs_out);
	tcase_add_test(t, who_has_gone_hears_nothing);
	tcase_add_test(t, a_new_certificate_means_new_connections);
	tcase_add_test(t, the_end_is_told);
	tcase_add_test(t, what_is_no_answer_ends_the_connection);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
