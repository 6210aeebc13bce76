/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: who gets in, how many at once, which loop carries them, and what strangers can hold. */
#include "tests/unit/bindings/web.h"

#include <malloc.h>
#include <sys/resource.h>

static struct web w;

static void open_with(const char *const *sets)
{
	web_open(&w, sets);
}

static void setup(void)
{
	open_with(NULL);
}

static void teardown(void)
{
	web_close(&w);
}

static void turns(int n)
{
	while (n--)
		web_turn(&w);
}

/* --- who gets in --------------------------------------------------------------------------------------------------- */

START_TEST(strangers_stay_outside)
{
	struct client c;
	SSL_CTX *bare = web_ctx(NULL, NULL);

	client_connect(&c, &w, 0);
	/* In TLS 1.3 the client learns of it with its first read. */
	client_shake(&c, bare);
	client_turns(&c, 5);
	ck_assert(c.eof && !c.clean);
	client_close(&c);
	SSL_CTX_free(bare);
	ck_assert_uint_eq(web_stat(&w, STAT_TLS_REFUSED), 1);
	ck_assert_uint_eq(web_stat(&w, STAT_TLS_HANDSHAKES), 0);
	ck_assert_uint_eq(https_connections(w.b, 0), 0);
}
END_TEST

/* Signed by our authority, but no credential that is known here. */
START_TEST(unknown_credential)
{
	struct client c;
	struct buf chain;
	struct why why = { .rsc = RSC_NONE };
	EVP_PKEY *key = pki_key();
	SSL_CTX *ctx;

	buf_init(&chain, 65536);
	ck_assert_int_eq(pki_issue(&w.p, key, CRED_DEVICE, "CGhost", &chain, &why), 0);
	ctx = web_ctx(&chain, key);
	client_connect(&c, &w, 0);
	client_shake(&c, ctx);
	client_turns(&c, 5);
	ck_assert(c.eof);
	client_close(&c);
	ck_assert_uint_eq(https_connections(w.b, 0), 0);
	SSL_CTX_free(ctx);
	EVP_PKEY_free(key);
	buf_fini(&chain);
}
END_TEST

START_TEST(rubbish_ends_at_once)
{
	static const char texts[][32] = { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\xff\xff\x01garbage", "\0" };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct client c;

		client_connect(&c, &w, 0);
		ck_assert_int_eq(send(c.fd, texts[i], 20, MSG_NOSIGNAL), 20);
		/* Enough for a record's length that lies. */
		if (i == 1)
			shutdown(c.fd, SHUT_WR);
		turns(5);
		ck_assert_uint_eq(https_connections(w.b, 0), 0);
		client_close(&c);
	}
	ck_assert_uint_eq(web_stat(&w, STAT_TLS_REFUSED), ARRAY_LEN(texts));
}
END_TEST

START_TEST(closed_without_a_word)
{
	struct client c[20];

	for (size_t i = 0; i < ARRAY_LEN(c); i++)
		client_connect(&c[i], &w, 0);
	turns(3);
	ck_assert_uint_eq(https_connections(w.b, 0), ARRAY_LEN(c));
	for (size_t i = 0; i < ARRAY_LEN(c); i++)
		client_close(&c[i]);
	turns(10);
	ck_assert_uint_eq(https_connections(w.b, 0), 0);
	/* A look at the port is no refused handshake, and no event. */
	ck_assert_uint_eq(web_stat(&w, STAT_TLS_REFUSED), 0);
}
END_TEST

/* The server says what is refused, it does not wait for the rest of a handshake that trickles. */
START_TEST(slow_handshake)
{
	struct client c;

	client_connect(&c, &w, 0);
	ck_assert_int_eq(send(c.fd, "\x16\x03\x01\x02", 4, MSG_NOSIGNAL), 4);
	turns(3);
	web_advance(&w, 9000);
	ck_assert_int_eq(send(c.fd, "\x00", 1, MSG_NOSIGNAL), 1);
	turns(3);
	ck_assert_uint_eq(https_connections(w.b, 0), 1);
	web_advance(&w, 1500);
	ck_assert_uint_eq(https_connections(w.b, 0), 0);
	client_close(&c);
}
END_TEST

/* --- how many ------------------------------------------------------------------------------------------------------ */

static const char *const few[] = { "https.max_handshakes=5", "https.max_connections=8", NULL };

static void setup_few(void)
{
	open_with(few);
}

/* Half-open connections make room for the next, the oldest first; those that are through stay. */
START_TEST(oldest_handshake_makes_room)
{
	struct client good, half[6];
	struct answer a = { .text = NULL };
	char c;

	client_open(&good, &w);
	for (size_t i = 0; i < ARRAY_LEN(half); i++) {
		client_connect(&half[i], &w, 0);
		turns(2);
	}
	ck_assert_uint_eq(https_connections(w.b, 0), 6);
	ck_assert_int_eq(recv(half[0].fd, &c, 1, 0), 0);
	for (size_t i = 1; i < ARRAY_LEN(half); i++) {
		ck_assert_int_eq(recv(half[i].fd, &c, 1, 0), -1);
		ck_assert_int_eq(errno, EAGAIN);
	}
	/* The newest can still become a connection. */
	ck_assert(client_shake(&half[5], w.ctx));
	client_ask(&good, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 405, &a);
	client_ask(&half[5], "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 405, &a);
	answer_free(&a);
	client_close(&good);
	for (size_t i = 0; i < ARRAY_LEN(half); i++)
		client_close(&half[i]);
}
END_TEST

START_TEST(newcomer_goes_when_full)
{
	struct client c[8], more;
	char x;

	for (size_t i = 0; i < ARRAY_LEN(c); i++)
		client_open(&c[i], &w);
	client_connect(&more, &w, 0);
	turns(3);
	ck_assert_int_eq(recv(more.fd, &x, 1, 0), 0);
	client_close(&more);
	ck_assert_uint_eq(https_connections(w.b, 0), 8);
	client_close(&c[0]);
	turns(3);
	client_open(&c[0], &w);
	for (size_t i = 0; i < ARRAY_LEN(c); i++)
		client_close(&c[i]);
}
END_TEST

/* One credential has a bound of its own; who went makes room, and others are not kept out. */
START_TEST(no_credential_takes_all)
{
	struct client c[3], more;
	struct answer a = { .text = NULL };

	for (size_t i = 0; i < ARRAY_LEN(c); i++)
		client_open(&c[i], &w);
	client_connect(&more, &w, 0);
	client_shake(&more, w.ctx);
	client_turns(&more, 5);
	ck_assert(more.eof);
	client_close(&more);
	ck_assert_uint_eq(https_connections(w.b, 0), 3);
	ck_assert_uint_eq(web_stat(&w, STAT_TLS_REFUSED), 1);
	client_ask(&c[2], "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 405, &a);
	answer_free(&a);
	client_close(&c[0]);
	turns(3);
	client_open(&c[0], &w);
	for (size_t i = 0; i < ARRAY_LEN(c); i++)
		client_close(&c[i]);
}
END_TEST

static const char *const few_of_one[] = { "https.connections_per_credential=3", NULL };

static void setup_few_of_one(void)
{
	open_with(few_of_one);
}

/* security-model 4.2: nobody comes in whom the table could not record; who is in goes on, and can be shut out. */
START_TEST(full_event_table)
{
	struct client c, more;
	struct answer a = { .text = NULL };
	struct conf *roomy = conf_defaults();
	struct arena mem;
	struct cred_info info;
	char x;

	client_open(&c, &w);
	for (unsigned i = 0; !audit_is_full(w.g.security); i++) {
		ck_assert_uint_lt(i, 100000);
		audit(w.g.security, EV_KEY_ROTATED, NULL, STR_NONE, "%u", i);
		if (i % 256 == 0)
			audit_flush(w.g.security);
	}
	client_connect(&more, &w, 0);
	turns(3);
	ck_assert_int_eq(recv(more.fd, &x, 1, 0), 0);
	client_close(&more);
	ck_assert_uint_eq(https_connections(w.b, 0), 1);
	client_ask(&c, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 405, &a);
	answer_free(&a);
	/* An event of somebody known still has its place. */
	uint64_t next = store_event_next(w.g.store);
	audit(w.g.security, EV_CREDENTIAL_STATE, NULL, STR_NONE, "revoked");
	audit_flush(w.g.security);
	ck_assert_uint_eq(store_event_next(w.g.store), next + 1);
	/* A larger table is enough, without a restart. */
	gate_reload(w.g.gate, roomy);
	client_open(&more, &w);
	arena_init(&mem, 1024);
	ck_assert(cred_find(w.g.security, &mem, w.cred_id, &info));
	info.state = CRED_REVOKED;
	cred_apply(w.g.security, &info);
	clock_advance_us(w.g.clock, 2000000);
	turns(5);
	ck_assert_uint_eq(https_connections(w.b, 0), 0);
	arena_fini(&mem);
	conf_unref(roomy);
	client_close(&c);
	client_close(&more);
}
END_TEST

static const char *const small_table[] = { "security.max_event_bytes=1M", NULL };

static void setup_small_table(void)
{
	open_with(small_table);
}

/* Without descriptors the listener waits a moment instead of spinning, and goes on. */
START_TEST(out_of_descriptors)
{
	struct rlimit old, tight;
	struct client c, d;
	const char *preload = getenv("LD_PRELOAD");

	/* Valgrind keeps the limit itself: it closes what accept has given beyond, and the connection is lost. */
	if (preload && strstr(preload, "vgpreload"))
		return;
	client_open(&c, &w);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	client_connect(&d, &w, 0);
	tight = old;
	tight.rlim_cur = (rlim_t)d.fd + 1;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
	turns(5);
	ck_assert_uint_eq(https_connections(w.b, 0), 1);
	ck_assert_uint_eq(web_stat(&w, STAT_CONN_ACCEPTED), 1);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	turns(5);
	ck_assert_uint_eq(https_connections(w.b, 0), 1);
	web_advance(&w, 150);
	ck_assert(client_shake(&d, w.ctx));
	client_close(&c);
	client_close(&d);
}
END_TEST

/* All in, an idle connection holds at most 32 kB on the server's side; buffers are there only while they are used. */
START_TEST(idle_is_small)
{
	enum { N = 40 };
	struct client c[N];
	struct answer a = { .text = NULL };
	size_t before, mine;

	for (int i = 0; i < N; i++)
		client_connect(&c[i], &w, 0);
	turns(5);
	for (int i = 0; i < N; i++)
		ck_assert(client_shake(&c[i], w.ctx));
	for (int i = 0; i < N; i++)
		client_ask(&c[i], "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 405, &a);
	answer_free(&a);
	turns(3);
	/* What the server's side frees when it closes, while the clients keep theirs. */
	before = mallinfo2().uordblks;
	web_advance(&w, 301000);
	ck_assert_uint_eq(https_connections(w.b, 0), N); /* waiting for the clients' own end */
	web_advance(&w, 3000);
	ck_assert_uint_eq(https_connections(w.b, 0), 0);
	turns(3);
	mine = before - mallinfo2().uordblks;
	/* A sanitizer's allocator does not tell. */
	if (before > 0) {
		ck_assert_msg(mine / N < 32768, "%zu bytes for each connection", mine / N);
		ck_assert_uint_gt(mine / N, 4096);
	}
	for (int i = 0; i < N; i++)
		client_close(&c[i]);
}
END_TEST

/* --- which loop ---------------------------------------------------------------------------------------------------- */

enum { LOOPS = 3 };

/* Another binding over three loops, all turned here. */
struct many {
	struct loop *loops[LOOPS];
	struct stats *stats[LOOPS];
	struct tls *tls;
	struct binding *b;
};

static void many_open(struct many *m)
{
	struct why why = { .rsc = RSC_NONE };
	struct binding_opts o = { .n_loops = LOOPS, .conf = w.g.conf, .clock = w.g.clock, .gate = w.g.gate, .security = w.g.security,
		                      .loops = m->loops, .stats = m->stats };

	ck_assert_int_eq(tls_new(w.p.ca, w.g.security, LOOPS, &m->tls, &why), 0);
	for (unsigned i = 0; i < LOOPS; i++) {
		m->loops[i] = loop_new(w.g.clock, i, NULL);
		m->stats[i] = calloc(1, sizeof(struct stats));
	}
	o.tls = m->tls;
	ck_assert_int_eq(binding_https.open(&o, &m->b, &why), 0);
}

static void many_close(struct many *m)
{
	binding_https.close(m->b);
	tls_free(m->tls);
	for (unsigned i = 0; i < LOOPS; i++) {
		loop_free(m->loops[i]);
		free(m->stats[i]);
	}
}

static void many_turn(struct many *m)
{
	for (unsigned i = 0; i < LOOPS; i++)
		loop_turn(m->loops[i], 0);
}

/* The kernel chooses by a hash; no loop keeps more than 1.25 x the mean of what came since. */
START_TEST(loops_share_evenly)
{
	enum { N = 60 };
	struct many m;
	struct web other = { .b = NULL };
	struct client c[N];

	many_open(&m);
	other.b = m.b;
	for (int i = 0; i < N; i++) {
		client_connect(&c[i], &other, 0);
		for (int k = 0; k < 3; k++)
			many_turn(&m);
	}
	for (unsigned i = 0; i < LOOPS; i++)
		ck_assert_msg(https_connections(m.b, i) <= N / LOOPS * 5 / 4 + 1 && https_connections(m.b, i) >= N / LOOPS / 2,
		              "loop %u has %u of %d", i, https_connections(m.b, i), N);
	for (int i = 0; i < N; i++)
		client_close(&c[i]);
	for (int k = 0; k < N; k++)
		many_turn(&m);
	for (unsigned i = 0; i < LOOPS; i++)
		ck_assert_uint_eq(https_connections(m.b, i), 0);
	many_close(&m);
}
END_TEST

/* A connection that was handed over and not begun is closed with the rest. */
START_TEST(end_while_handed_over)
{
	struct many m;
	struct web other = { .b = NULL };
	struct client c[6];

	many_open(&m);
	other.b = m.b;
	for (size_t i = 0; i < ARRAY_LEN(c); i++)
		client_connect(&c[i], &other, 0);
	for (unsigned i = 0; i < LOOPS; i++)
		if (https_connections(m.b, i) == 0)
			loop_turn(m.loops[i], 0);
	many_close(&m);
	for (size_t i = 0; i < ARRAY_LEN(c); i++)
		client_close(&c[i]);
}
END_TEST

/* --- addresses ----------------------------------------------------------------------------------------------------- */

START_TEST(addresses)
{
	static const char *const bad[] = { "localhost:1", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "[::1", "[::1]", "::1:80", ":80",
		"127.0.0.1:", "[]:80", "1.2.3.4.5:80" };
	struct binding_opts o = { .n_loops = 1, .clock = w.g.clock, .gate = w.g.gate, .security = w.g.security, .loops = &w.g.loop,
		                      .tls = w.tls };
	struct binding *b;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct why why = { .rsc = RSC_NONE };
		struct conf_why cw;
		char text[100];

		o.conf = conf_defaults();
		snprintf(text, sizeof(text), "https.listen=%s", bad[i]);
		ck_assert_int_eq(conf_set(o.conf, text, &cw), 0);
		ck_assert_msg(binding_https.open(&o, &b, &why) == E_CONF, "%s", bad[i]);
		ck_assert_ptr_nonnull(strstr(why.text, "https.listen"));
		conf_unref(o.conf);
	}
}
END_TEST

/* A port that another program has is said by name. */
START_TEST(port_is_taken)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	struct binding_opts o = { .n_loops = 1, .clock = w.g.clock, .gate = w.g.gate, .security = w.g.security, .loops = &w.g.loop,
		                      .tls = w.tls, .conf = conf_defaults() };
	struct why why = { .rsc = RSC_NONE };
	struct conf_why cw;
	struct binding *b;
	char text[100];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	snprintf(text, sizeof(text), "https.listen=127.0.0.1:%u", ntohs(a.sin_port));
	ck_assert_int_eq(conf_set(o.conf, text, &cw), 0);
	ck_assert_int_eq(binding_https.open(&o, &b, &why), E_SYS);
	ck_assert_ptr_nonnull(strstr(why.text, text + strlen("https.listen=")));
	conf_unref(o.conf);
	close(fd);
}
END_TEST

static TCase *with(Suite *s, const char *name, void (*up)(void))
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, up, teardown);
	tcase_set_timeout(t, 30);
	suite_add_tcase(s, t);
	return t;
}

int main(void)
{
	Suite *s = suite_create("conn");
	TCase *t = with(s, "entry", setup);
	SRunner *r;
	int failed;

	tcase_add_test(t, strangers_stay_outside);
	tcase_add_test(t, unknown_credential);
	tcase_add_test(t, rubbish_ends_at_once);
	tcase_add_test(t, closed_without_a_word);
	tcase_add_test(t, slow_handshake);
	tcase_add_test(t, idle_is_small);
	tcase_add_test(t, out_of_descriptors);
	tcase_add_test(t, loops_share_evenly);
	tcase_add_test(t, end_while_handed_over);
	tcase_add_test(t, addresses);
	tcase_add_test(t, port_is_taken);
	t = with(s, "one credential", setup_few_of_one);
	tcase_add_test(t, no_credential_takes_all);
	t = with(s, "events", setup_small_table);
	tcase_add_test(t, full_event_table);
	t = with(s, "bounds", setup_few);
	tcase_add_test(t, oldest_handshake_makes_room);
	tcase_add_test(t, newcomer_goes_when_full);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
