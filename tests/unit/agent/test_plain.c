/* SPDX-License-Identifier: Apache-2.0 */
/* Connections in clear text on real sockets: what is read up to the bound and no further, what is sent whole, and how each end comes. */
#include "agent/plain.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cse/base/clock.h"

#define NS_PER_S INT64_C(1000000000)
#define US_PER_S INT64_C(1000000)
enum { BOUND = 1000, BIG = 8 << 20, TURNS = 50 };

struct test {
	struct clock *clock;
	struct loop *loop;
	int peer;         /* the other end */
	struct plain p;
	unsigned connected, ready, sent, timeout, gone;
	bool ends;        /* timeout closes it */
};

static struct test *test_of(struct plain *p)
{
	return CONTAINER_OF(p, struct test, p);
}

static void on_connected(struct plain *p)
{
	test_of(p)->connected++;
}

static void on_ready(struct plain *p)
{
	test_of(p)->ready++;
}

static void on_sent(struct plain *p)
{
	test_of(p)->sent++;
}

static void on_timeout(struct plain *p)
{
	test_of(p)->timeout++;
	if (test_of(p)->ends)
		plain_close(p);
}

static void on_gone(struct plain *p)
{
	test_of(p)->gone++;
}

static const struct plain_user user = {
	.connected = on_connected, .ready = on_ready, .sent = on_sent, .timeout = on_timeout, .gone = on_gone,
};

static void begin_without(struct test *t)
{
	memset(t, 0, sizeof(*t));
	t->clock = clock_new_fake(INT64_C(1900000000) * US_PER_S);
	t->loop = loop_new(t->clock, 0, NULL);
	t->peer = -1;
}

static void begin(struct test *t)
{
	int fd[2];

	begin_without(t);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
	t->peer = fd[1];
	ck_assert(plain_open(&t->p, t->loop, fd[0], &user, BOUND));
	ck_assert_int_eq(plain_fd(&t->p), fd[0]);
}

static void finish(struct test *t)
{
	if (!t->gone && t->p.magic)
		plain_close(&t->p);
	loop_settle(t->loop);
	ck_assert_uint_le(t->gone, 1);
	if (t->peer >= 0)
		close(t->peer);
	loop_free(t->loop);
	clock_free(t->clock);
}

/* Everything that can happen now happens. */
static void turn(struct test *t)
{
	for (int i = 0; i < TURNS; i++)
		loop_turn(t->loop, 0);
}

static void later(struct test *t, int64_t us)
{
	clock_advance_us(t->clock, us);
	turn(t);
}

static void say(const struct test *t, const char *text)
{
	ck_assert_int_eq(send(t->peer, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static bool ended(const struct test *t)
{
	char c;

	return recv(t->peer, &c, 1, 0) == 0;
}

START_TEST(bytes_come_in)
{
	struct test t;

	begin(&t);
	say(&t, "one");
	turn(&t);
	ck_assert_uint_eq(t.ready, 1);
	say(&t, "two");
	turn(&t);
	ck_assert_uint_eq(t.ready, 2);
	ck_assert(str_eqz(buf_as_str(&t.p.in), "onetwo"));
	ck_assert(!t.p.eof);
	/* The other end may say no more and still listen. */
	ck_assert_int_eq(shutdown(t.peer, SHUT_WR), 0);
	turn(&t);
	ck_assert_uint_eq(t.ready, 3);
	ck_assert(t.p.eof && !t.p.closed);
	ck_assert(plain_send(&t.p, "yes", 3));
	char got[4] = "";
	ck_assert_int_eq(recv(t.peer, got, sizeof(got), 0), 3);
	ck_assert_str_eq(got, "yes");
	finish(&t);
}
END_TEST

START_TEST(a_pause_leaves_bytes_where_they_are)
{
	struct test t;

	begin(&t);
	plain_pause(&t.p);
	say(&t, "early");
	turn(&t);
	ck_assert_uint_eq(t.ready, 0);
	plain_resume(&t.p);
	turn(&t);
	ck_assert_uint_eq(t.ready, 1);
	ck_assert(str_eqz(buf_as_str(&t.p.in), "early"));
	/* Who is gone for good is seen in a pause, too. */
	plain_pause(&t.p);
	close(t.peer);
	t.peer = -1;
	turn(&t);
	ck_assert_uint_eq(t.gone, 1);
	finish(&t);
}
END_TEST

START_TEST(the_bound_is_the_most_that_is_read)
{
	char text[BOUND + 1];
	struct test t;

	memset(text, 'x', sizeof(text));
	begin(&t);
	ck_assert_int_eq(send(t.peer, text, BOUND, 0), BOUND);
	turn(&t);
	ck_assert_uint_eq(t.p.in.n, BOUND);
	ck_assert(!t.p.closed);
	/* Nobody has taken any of it. */
	ck_assert_int_eq(send(t.peer, text, 1, 0), 1);
	turn(&t);
	ck_assert_uint_eq(t.gone, 1);
	/* Its socket is closed with a byte unread, which some families tell as a reset. */
	ck_assert_int_le(recv(t.peer, text, 1, 0), 0);
	finish(&t);
}
END_TEST

START_TEST(what_was_taken_makes_room)
{
	char text[BOUND];
	struct test t;

	memset(text, 'x', sizeof(text));
	begin(&t);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(send(t.peer, text, BOUND, 0), BOUND);
		turn(&t);
		ck_assert_uint_eq(t.p.in.n, BOUND);
		buf_drop(&t.p.in, BOUND);
	}
	ck_assert_uint_eq(t.gone, 0);
	finish(&t);
}
END_TEST

START_TEST(what_the_kernel_takes_at_once_is_not_told)
{
	struct test t;
	char got[8] = "";

	begin(&t);
	ck_assert(plain_send(&t.p, "hello", 5));
	turn(&t);
	ck_assert_uint_eq(t.sent, 0);
	ck_assert_int_eq(recv(t.peer, got, sizeof(got), 0), 5);
	ck_assert_str_eq(got, "hello");
	finish(&t);
}
END_TEST

static char *pattern(void)
{
	char *p = malloc(BIG);

	for (size_t i = 0; i < BIG; i++)
		p[i] = (char)(i * 31 + i / 4093);
	return p;
}

START_TEST(the_rest_leaves_as_it_is_read)
{
	char *big = pattern(), *got = malloc(BIG);
	size_t n = 0;
	struct test t;

	begin(&t);
	ck_assert(!plain_send(&t.p, big, BIG));
	while (n < BIG) {
		ssize_t k = recv(t.peer, got + n, BIG - n, 0);

		if (k > 0)
			n += (size_t)k;
		else
			ck_assert(k < 0 && errno == EAGAIN);
		loop_turn(t.loop, 0);
	}
	turn(&t);
	ck_assert_uint_eq(t.sent, 1);
	ck_assert(memcmp(big, got, BIG) == 0);
	/* And the next one. */
	ck_assert(plain_send(&t.p, "z", 1));
	finish(&t);
	free(got);
	free(big);
}
END_TEST

START_TEST(who_leaves_while_it_is_sent_ends_it)
{
	char *big = pattern();
	struct test t;

	begin(&t);
	ck_assert(!plain_send(&t.p, big, BIG));
	close(t.peer);
	t.peer = -1;
	turn(&t);
	ck_assert_uint_eq(t.sent, 0);
	ck_assert_uint_eq(t.gone, 1);
	finish(&t);
	free(big);
}
END_TEST

START_TEST(sending_to_nobody_closes)
{
	struct test t;

	begin(&t);
	close(t.peer);
	t.peer = -1;
	/* No signal; "all have left, or it is closed". */
	ck_assert(plain_send(&t.p, "x", 1));
	ck_assert(t.p.closed);
	ck_assert_uint_eq(t.gone, 0);
	plain_close(&t.p);
	ck_assert(plain_send(&t.p, "x", 1));
	plain_finish(&t.p);
	plain_deadline(&t.p, 0);
	turn(&t);
	ck_assert_uint_eq(t.gone, 1);
	ck_assert_uint_eq(t.timeout, 0);
	finish(&t);
}
END_TEST

START_TEST(a_deadline_is_told_when_it_has_come)
{
	struct test t;

	begin(&t);
	plain_deadline(&t.p, loop_now_ns(t.loop) + NS_PER_S);
	later(&t, US_PER_S - 1);
	ck_assert_uint_eq(t.timeout, 0);
	/* A later one replaces it. */
	plain_deadline(&t.p, loop_now_ns(t.loop) + NS_PER_S);
	later(&t, 1);
	ck_assert_uint_eq(t.timeout, 0);
	t.ends = true;
	later(&t, US_PER_S);
	ck_assert_uint_eq(t.timeout, 1);
	ck_assert_uint_eq(t.gone, 1);
	finish(&t);
}
END_TEST

/* RFC 9112 9.6: the last answer must not be lost to a reset by what the client still sends. */
START_TEST(a_finish_lets_the_last_answer_be_read)
{
	struct test t;
	char got[8] = "";

	begin(&t);
	ck_assert(plain_send(&t.p, "bye", 3));
	plain_finish(&t.p);
	say(&t, "more that nobody reads");
	turn(&t);
	ck_assert_uint_eq(t.gone, 0);
	ck_assert_uint_eq(t.ready, 0);
	ck_assert_int_eq(recv(t.peer, got, sizeof(got), 0), 3);
	ck_assert_str_eq(got, "bye");
	ck_assert(ended(&t));
	close(t.peer);
	t.peer = -1;
	turn(&t);
	ck_assert_uint_eq(t.gone, 1);
	finish(&t);
}
END_TEST

START_TEST(a_finish_waits_a_second_at_most)
{
	struct test t;

	begin(&t);
	plain_finish(&t.p);
	later(&t, US_PER_S - 1000);
	ck_assert_uint_eq(t.gone, 0);
	say(&t, "still here");
	later(&t, 1000);
	ck_assert_uint_eq(t.gone, 1);
	ck_assert_uint_eq(t.timeout, 0);
	finish(&t);
}
END_TEST

START_TEST(a_finish_reads_no_flood)
{
	char text[65536] = "";
	size_t n = 0;
	struct test t;

	begin(&t);
	plain_finish(&t.p);
	/* Without the bound this would go on until the clock moves, which it does not. */
	while (!t.gone && n < (size_t)64 << 20) {
		ssize_t k = send(t.peer, text, sizeof(text), MSG_NOSIGNAL);

		n += k > 0 ? (size_t)k : 0;
		loop_turn(t.loop, 0);
	}
	ck_assert_uint_eq(t.gone, 1);
	finish(&t);
}
END_TEST

START_TEST(a_finish_after_the_peers_end_is_the_end)
{
	struct test t;

	begin(&t);
	ck_assert_int_eq(shutdown(t.peer, SHUT_WR), 0);
	turn(&t);
	ck_assert(t.p.eof);
	plain_finish(&t.p);
	turn(&t);
	ck_assert_uint_eq(t.gone, 1);
	ck_assert(ended(&t));
	finish(&t);
}
END_TEST

static int listener(struct sockaddr_in *in)
{
	socklen_t n = sizeof(*in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	ck_assert_int_eq(bind(fd, (struct sockaddr *)in, n), 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)in, &n), 0);
	return fd;
}

START_TEST(connects)
{
	struct sockaddr_in in;
	struct test t;
	int l = listener(&in);

	begin_without(&t);
	ck_assert(plain_connect(&t.p, t.loop, (struct sockaddr *)&in, sizeof(in), &user, BOUND));
	ck_assert_uint_eq(t.connected, 0);
	t.peer = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	while (!t.connected)
		loop_turn(t.loop, 1);
	say(&t, "hi");
	while (!t.ready)
		loop_turn(t.loop, 1);
	ck_assert(str_eqz(buf_as_str(&t.p.in), "hi"));
	ck_assert_uint_eq(t.connected, 1);
	finish(&t);
	close(l);
}
END_TEST

START_TEST(nobody_listens)
{
	struct sockaddr_in in;
	struct test t;

	close(listener(&in));
	begin_without(&t);
	if (plain_connect(&t.p, t.loop, (struct sockaddr *)&in, sizeof(in), &user, BOUND)) {
		while (!t.gone)
			loop_turn(t.loop, 1);
		ck_assert_uint_eq(t.connected, 0);
	} else {
		t.gone = 1; /* refused at once: not told, and nothing to close */
	}
	finish(&t);
}
END_TEST

START_TEST(a_connection_that_is_not_made_has_its_time)
{
	struct sockaddr_in in;
	struct test t;
	int l = listener(&in), fill[64], n = 0;

	/* A full queue of one that nobody accepts from: Linux leaves the next in SYN-SENT. */
	ck_assert_int_eq(listen(l, 0), 0);
	for (; n < 64; n++) {
		fill[n] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (connect(fill[n], (struct sockaddr *)&in, sizeof(in)) != 0 && n > 4)
			break;
	}
	begin_without(&t);
	ck_assert(plain_connect(&t.p, t.loop, (struct sockaddr *)&in, sizeof(in), &user, BOUND));
	plain_deadline(&t.p, loop_now_ns(t.loop) + NS_PER_S);
	turn(&t);
	ck_assert_uint_eq(t.connected, 0);
	later(&t, US_PER_S);
	ck_assert_uint_eq(t.gone, 1);
	ck_assert_uint_eq(t.timeout, 0);
	finish(&t);
	while (n >= 0)
		close(fill[n--]);
	close(l);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("agent/plain");
	TCase *t = tcase_create("plain");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, bytes_come_in);
	tcase_add_test(t, a_pause_leaves_bytes_where_they_are);
	tcase_add_test(t, the_bound_is_the_most_that_is_read);
	tcase_add_test(t, what_was_taken_makes_room);
	tcase_add_test(t, what_the_kernel_takes_at_once_is_not_told);
	tcase_add_test(t, the_rest_leaves_as_it_is_read);
	tcase_add_test(t, who_leaves_while_it_is_sent_ends_it);
	tcase_add_test(t, sending_to_nobody_closes);
	tcase_add_test(t, a_deadline_is_told_when_it_has_come);
	tcase_add_test(t, a_finish_lets_the_last_answer_be_read);
	tcase_add_test(t, a_finish_waits_a_second_at_most);
	tcase_add_test(t, a_finish_reads_no_flood);
	tcase_add_test(t, a_finish_after_the_peers_end_is_the_end);
	tcase_add_test(t, connects);
	tcase_add_test(t, nobody_listens);
	tcase_add_test(t, a_connection_that_is_not_made_has_its_time);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
