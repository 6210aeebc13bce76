/* SPDX-License-Identifier: Apache-2.0 */
/* Ends at the agent's door, on real connections: a CSE that fails, clients that leave in every phase or do not read, the agent's own end,
 * and who is closed before a byte is read (security-model 3.2). */
#include "agent/door.h"

#include <semaphore.h>

#include "tests/unit/agent/calls.h"

/* --- a CSE that fails ------------------------------------------------------------------------------------------------------ */

static const char *close_at_bad(struct served *s, unsigned c, unsigned n, const char *request)
{
	if (strstr(request, "/gone"))
		return NULL;
	if (strstr(request, "/garbage"))
		return "SSH-2.0-nonsense\r\n\r\n";
	if (strstr(request, "/half"))
		return "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{";
	if (strstr(request, "/switch"))
		return "HTTP/1.1 101 Switching Protocols\r\n\r\n";
	return strstr(request, "/silent") ? "" : echo(s, c, n, request);
}

/* TS-0004 6.6.3, TS-0009 6.3.2: in oneM2M's words, and the client's connection stays. */
START_TEST(a_failure_is_told)
{
	static const char *const asks[] = { HEAD("GET", "/gone", "g1") "\r\n", HEAD("GET", "/garbage", "g2") "\r\n", HEAD("GET", "/switch", "g3") "\r\n" };
	static const char *const ri[] = { "X-M2M-RI: g1\r\n", "X-M2M-RI: g2\r\n", "X-M2M-RI: g3\r\n" };
	struct desk d;
	struct client c;

	desk_open(&d, close_at_bad, NULL);
	c = client_open(&d);
	client_say(&c, asks[_i]);
	ck_assert_uint_eq(client_answer(&c), 404);
	ck_assert(client_said(&c, "X-M2M-RSC: 5103\r\n") && client_said(&c, ri[_i]));
	ck_assert(client_holds(&c, "{\"m2m:dbg\":\""));
	ck_assert(client_is_quiet(&c));
	/* The pause before the next attempt (line.h) is over. */
	desk_later(&d, 10 * US_PER_S);
	client_say(&c, GET("2"));
	ck_assert_uint_eq(client_answer(&c), 200);
	client_close(&c);
	desk_close(&d);
}
END_TEST

START_TEST(an_answer_that_does_not_come_is_a_timeout)
{
	static const char *const asks[] = { HEAD("GET", "/silent", "s") "\r\n", HEAD("GET", "/half", "s") "\r\n" };
	struct desk d;
	struct client c;

	desk_open(&d, close_at_bad, NULL);
	c = client_open(&d);
	client_say(&c, asks[_i]);
	while (d.cse.requests < 1)
		loop_turn(d.a->loop, 1);
	/* cse.timeout */
	desk_later(&d, 14 * US_PER_S);
	ck_assert(client_is_quiet(&c));
	desk_later(&d, US_PER_S);
	ck_assert_uint_eq(client_answer(&c), 504);
	ck_assert(client_said(&c, "X-M2M-RSC: 4008\r\n") && client_said(&c, "X-M2M-RI: s\r\n"));
	client_say(&c, GET("2"));
	ck_assert_uint_eq(client_answer(&c), 200);
	client_close(&c);
	desk_close(&d);
}
END_TEST

static sem_t slow;

/* What takes its time at the CSE. */
static const char *take_time(struct served *s, unsigned c, unsigned n, const char *request)
{
	if (str_starts(str_of(request), STR("POST /slow ")))
		while (sem_wait(&slow) != 0)
			;
	return echo(s, c, n, request);
}

/* A new certificate: what is in hand on a connection of the one before is neither asked for twice, nor waited for by others for long. */
START_TEST(what_is_in_hand_ends_where_it_began)
{
	struct desk d;
	struct client a, b;

	ck_assert_int_eq(sem_init(&slow, 0, 0), 0);
	desk_open(&d, take_time, NULL);
	a = client_open(&d);
	b = client_open(&d);
	client_say(&a, GET("1"));
	ck_assert_uint_eq(client_answer(&a), 200);
	client_say(&a, HEAD("POST", "/slow", "2") "Content-Length: 2\r\n\r\n{}");
	while (d.cse.requests < 2)
		loop_turn(d.a->loop, 1);
	upstream_renew(d.a->upstream);
	client_say(&b, GET("3"));
	ck_assert(client_is_quiet(&b));
	ck_assert_uint_eq(d.cse.conns, 1);
	desk_later(&d, 2 * US_PER_S);
	ck_assert_uint_eq(client_answer(&b), 200);
	/* It is counted by another thread. */
	while (d.cse.conns < 2)
		loop_turn(d.a->loop, 1);
	for (int i = 0; i < 3; i++) {
		client_say(&b, GET("4"));
		ck_assert_uint_eq(client_answer(&b), 200);
	}
	ck_assert(client_is_quiet(&a));
	if (_i == 0) {
		sem_post(&slow);
		ck_assert_uint_eq(client_answer(&a), 200);
		ck_assert(client_said(&a, "X-M2M-RI: 2\r\n"));
		ck_assert_uint_eq(d.cse.requests, 6);
		/* Its connection is not used again. */
		client_say(&a, GET("5"));
		ck_assert_uint_eq(client_answer(&a), 200);
		ck_assert_uint_eq(d.cse.conns, 2);
	} else {
		/* Not for ever: the CSE would end the connection, too. */
		desk_later(&d, 9 * US_PER_S);
		while (d.cse.requests < 7)
			loop_turn(d.a->loop, 1);
		sem_post(&slow);
		sem_post(&slow);
		ck_assert_uint_eq(client_answer(&a), 200);
	}
	client_close(&a);
	client_close(&b);
	desk_close(&d);
	sem_destroy(&slow);
}
END_TEST

static const char *hold_polls(struct served *s, unsigned c, unsigned n, const char *request)
{
	return str_starts(str_of(request), STR("GET ")) && strstr(request, "/pcu") ? "" : echo(s, c, n, request);
}

/* TS-0001 10.2.5.18: a poll waits at the CSE.  However many clients poll, one connection is for those who do not. */
START_TEST(polls_leave_room)
{
	static const char *const few[] = { "cse.connections=2", NULL };
	static const char *const polls[] = { HEAD("GET", "/cse-in/CDev1/ch/pcu", "p") "\r\n", HEAD("GET", "/~/id-in/pch7/pcu?rcn=1", "p") "\r\n" };
	struct desk d;
	struct client a, b;

	desk_open(&d, hold_polls, few);
	a = client_open(&d);
	b = client_open(&d);
	client_say(&a, GET("1"));
	ck_assert_uint_eq(client_answer(&a), 200);
	client_say(&a, polls[_i]);
	while (d.cse.requests < 2)
		loop_turn(d.a->loop, 1);
	client_say(&b, polls[_i]);
	ck_assert_uint_eq(client_answer(&b), 404);
	ck_assert(client_said(&b, "X-M2M-RSC: 5103\r\n") && client_said(&b, "X-M2M-RI: p\r\n"));
	ck_assert(client_holds(&b, "polls wait at the CSE"));
	client_say(&b, GET("2"));
	ck_assert_uint_eq(client_answer(&b), 200);
	ck_assert(client_is_quiet(&a));
	/* What is sent there answers a poll and is none (TS-0001 10.2.5.19). */
	client_say(&b, HEAD("POST", "/cse-in/CDev1/ch/pcu", "3") "Content-Length: 2\r\n\r\n{}");
	ck_assert_uint_eq(client_answer(&b), 200);
	client_close(&a);
	client_say(&b, polls[_i]);
	while (d.cse.requests < 5)
		loop_turn(d.a->loop, 1);
	ck_assert(client_is_quiet(&b));
	client_close(&b);
	desk_close(&d);
}
END_TEST

START_TEST(a_cse_that_is_not_there)
{
	struct desk d;
	struct client c;

	desk_open(&d, echo, NULL);
	shutdown(d.cse.fd, SHUT_RDWR);
	while (d.cse.conns < 1)
		loop_turn(d.a->loop, 1);
	for (unsigned i = 0; i < d.cse.conns; i++)
		shutdown(d.cse.fds[i], SHUT_RDWR);
	c = client_open(&d);
	client_say(&c, GET("1") GET("2"));
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(client_answer(&c), 404);
		ck_assert(client_said(&c, "X-M2M-RSC: 5103\r\n"));
	}
	client_close(&c);
	desk_close(&d);
}
END_TEST

/* --- a client that leaves ---------------------------------------------------------------------------------------------------- */

static const char *const leaves[] = {
	"", "GET", "GET /cse-in HTTP/1.1\r\nHost: local", HEAD("POST", "/cse-in", "1") "Content-Length: 10\r\n\r\n{",
	HEAD("POST", "/cse-in", "1") "Transfer-Encoding: chunked\r\n\r\n5\r\nab", HEAD("GET", "/silent", "1") "\r\n",
	HEAD("GET", "/silent", "1") "\r\n" GET("2"), HEAD("POST", "/cse-in", "1") "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",
};

START_TEST(leaves_in_every_phase)
{
	struct desk d;
	struct client c;

	desk_open(&d, close_at_bad, NULL);
	c = client_open(&d);
	client_say(&c, leaves[_i]);
	ck_assert_uint_eq(connections(&d), 1);
	client_close(&c);
	ck_assert_uint_eq(connections(&d), 0);
	/* A connection to the CSE may still wait for the answer that nobody wants, and be the only one. */
	desk_later(&d, 60 * US_PER_S);
	goes_on(&d);
	desk_close(&d);
}
END_TEST

/* It says no more, but listens: what is complete is answered, what is not is not (RFC 9112 8, 9.6). */
START_TEST(half_closes)
{
	struct desk d;
	struct client c;

	desk_open(&d, echo, NULL);
	c = client_open(&d);
	client_say(&c, GET("1") GET("2") "GET /cse-in HTT");
	ck_assert_int_eq(shutdown(c.fd, SHUT_WR), 0);
	ck_assert_uint_eq(client_answer(&c), 200);
	ck_assert(client_said(&c, "X-M2M-RI: 1\r\n"));
	ck_assert_uint_eq(client_answer(&c), 200);
	ck_assert(client_said(&c, "X-M2M-RI: 2\r\n"));
	client_ends(&c);
	ck_assert_uint_eq(d.cse.requests, 2);
	client_close(&c);
	goes_on(&d);
	desk_close(&d);
}
END_TEST

static const char *large(struct served *s, unsigned c, unsigned n, const char *request)
{
	static _Thread_local char text[(4 << 20) + 100];
	int head;

	if (!strstr(request, "/large"))
		return echo(s, c, n, request);
	head = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nContent-Length: %d\r\n\r\n", 4 << 20);

	memset(text + head, 'z', 4 << 20);
	text[head + (4 << 20)] = 0;
	return text;
}

static void ask_and_not_read(struct desk *d, struct client *c)
{
	desk_open(d, large, NULL);
	*c = client_open(d);
	client_say(c, HEAD("GET", "/large", "1") "\r\n");
	while (CONTAINER_OF(d->a->door->all.next, struct door_conn, all)->phase != DOOR_SENDING)
		loop_turn(d->a->loop, 1);
}

START_TEST(leaves_while_it_is_answered)
{
	struct desk d;
	struct client c;

	ask_and_not_read(&d, &c);
	client_close(&c);
	ck_assert_uint_eq(connections(&d), 0);
	goes_on(&d);
	desk_close(&d);
}
END_TEST

START_TEST(who_does_not_read_is_left)
{
	struct desk d;
	struct client c;

	ask_and_not_read(&d, &c);
	desk_later(&d, 29 * US_PER_S);
	ck_assert_uint_eq(connections(&d), 1);
	desk_later(&d, US_PER_S);
	ck_assert_uint_eq(connections(&d), 0);
	client_close(&c);
	goes_on(&d);
	desk_close(&d);
}
END_TEST

/* --- the end, and who may come ------------------------------------------------------------------------------------------------ */

START_TEST(the_end_waits_for_what_is_under_way)
{
	struct desk d;
	struct client idle, half, busy;

	desk_open(&d, close_at_bad, NULL);
	idle = client_open(&d);
	half = client_open(&d);
	busy = client_open(&d);
	client_say(&half, "GET /cse-in");
	client_say(&busy, HEAD("GET", "/silent", "1") "\r\n");
	ck_assert(door_end(d.a->door));
	client_ends(&idle);
	client_ends(&half);
	desk_later(&d, 15 * US_PER_S);
	ck_assert_uint_eq(client_answer(&busy), 504);
	ck_assert(client_said(&busy, "Connection: close\r\n"));
	client_ends(&busy);
	client_close(&busy);
	ck_assert(!door_end(d.a->door));
	client_close(&idle);
	client_close(&half);
	desk_close(&d);
}
END_TEST

START_TEST(closing_leaves_nobody_open)
{
	struct desk d;
	struct client c[4];

	desk_open(&d, close_at_bad, NULL);
	for (unsigned i = 0; i < ARRAY_LEN(c); i++) {
		c[i] = client_open(&d);
		client_say(&c[i], leaves[2 * i]);
	}
	agent_free(d.a);
	d.a = NULL;
	for (unsigned i = 0; i < ARRAY_LEN(c); i++) {
		client_hear(&c[i]);
		ck_assert(c[i].end && c[i].n == 0);
		close(c[i].fd);
		free(c[i].text);
	}
	desk_close(&d);
}
END_TEST

static struct client come(struct desk *d)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)door_port(d->a->door)) };
	struct client c = { .d = d, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .text = calloc(1, DESK_TEXT) };

	ck_assert_int_eq(connect(c.fd, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(fcntl(c.fd, F_SETFL, O_NONBLOCK), 0);
	return c;
}

/* security-model 3.2: by the uid of the other end, and never root's. */
START_TEST(only_processes_of_this_user)
{
	enum { USER = 4242 };
	static const char *const port[] = { "agent.listen=127.0.0.1:0", NULL };
	bool root = geteuid() == 0;
	struct desk d;
	struct client own, other;

	if (root)
		ck_assert_int_eq(seteuid(USER), 0);
	desk_open(&d, echo, port);
	own = come(&d);
	client_say(&own, GET("1"));
	ck_assert_uint_eq(client_answer(&own), 200);
	if (root) {
		ck_assert_int_eq(seteuid(0), 0);
		other = come(&d);
		ck_assert_int_eq(seteuid(USER), 0);
		ck_assert_int_gt(send(other.fd, GET("2"), sizeof(GET("2")) - 1, MSG_NOSIGNAL), 0);
		client_ends(&other);
		ck_assert_uint_eq(d.cse.requests, 1);
		client_close(&other);
	}
	client_close(&own);
	desk_close(&d);
	if (root)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("agent/door/end");
	TCase *t = tcase_create("end");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, a_failure_is_told, 0, 3);
	tcase_add_loop_test(t, an_answer_that_does_not_come_is_a_timeout, 0, 2);
	tcase_add_loop_test(t, polls_leave_room, 0, 2);
	tcase_add_loop_test(t, what_is_in_hand_ends_where_it_began, 0, 2);
	tcase_add_test(t, a_cse_that_is_not_there);
	tcase_add_loop_test(t, leaves_in_every_phase, 0, (int)ARRAY_LEN(leaves));
	tcase_add_test(t, half_closes);
	tcase_add_test(t, leaves_while_it_is_answered);
	tcase_add_test(t, who_does_not_read_is_left);
	tcase_add_test(t, the_end_waits_for_what_is_under_way);
	tcase_add_test(t, closing_leaves_nobody_open);
	tcase_add_test(t, only_processes_of_this_user);
	suite_add_tcase(s, t);
	return desk_run(s);
}
