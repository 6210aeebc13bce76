/* SPDX-License-Identifier: Apache-2.0 */
/* Whose the other end is: real sockets of this user and of another, open, closed and listening; answers that are none. */
#include <check.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/sockdiag.h"
#include "cse/base/err.h"

enum { OTHER = 4242 };

union at {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int listener(int family, union at *at, socklen_t *n)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(at, 0, sizeof(*at));
	*n = family == AF_INET ? sizeof(at->v4) : sizeof(at->v6);
	at->any.sa_family = (sa_family_t)family;
	if (family == AF_INET)
		at->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		at->v6.sin6_addr = (struct in6_addr)IN6ADDR_LOOPBACK_INIT;
	if (fd < 0 || bind(fd, &at->any, *n) != 0 || listen(fd, 4) != 0 || getsockname(fd, &at->any, n) != 0)
		return -1;
	return fd;
}

static struct sockdiag diag(void)
{
	struct sockdiag d;
	struct why w = { 0 };

	ck_assert_msg(sockdiag_open(&d, &w) == 0, "%s", w.text);
	return d;
}

START_TEST(own_connections_are_told)
{
	static const int families[] = { AF_INET, AF_INET6 };
	union at at;
	socklen_t n;
	struct sockdiag d = diag();
	uid_t uid = 1;
	int l = listener(families[_i], &at, &n), c, a;

	if (l < 0 && families[_i] == AF_INET6)
		return; /* a machine without IPv6 */
	c = socket(families[_i], SOCK_STREAM, 0);
	ck_assert(connect(c, &at.any, n) == 0);
	a = accept(l, NULL, NULL);
	ck_assert_int_eq(sockdiag_peer(&d, a, &uid), 0);
	ck_assert_uint_eq(uid, geteuid());
	uid = 1;
	ck_assert_int_eq(sockdiag_listener(&d, &at.any, &uid), 0);
	ck_assert_uint_eq(uid, geteuid());
	/* A closed socket has an owner no more, whatever the kernel remembers. */
	close(c);
	ck_assert_int_eq(sockdiag_peer(&d, a, &uid), E_DENIED);
	close(a);
	close(l);
	ck_assert_int_eq(sockdiag_listener(&d, &at.any, &uid), E_ABSENT);
	sockdiag_close(&d);
}
END_TEST

START_TEST(another_user_is_told)
{
	union at at;
	socklen_t n;
	struct sockdiag d = diag();
	int l = listener(AF_INET, &at, &n), a, hold[2];
	uid_t uid = 1;
	char c;
	pid_t pid;

	if (geteuid() != 0)
		return; /* nobody else can be played */
	ck_assert(pipe(hold) == 0);
	pid = fork();
	if (pid == 0) {
		int s;

		close(hold[1]);
		s = setuid(OTHER) == 0 ? socket(AF_INET, SOCK_STREAM, 0) : -1;
		if (s < 0 || connect(s, &at.any, n) != 0)
			_exit(1);
		_exit(read(hold[0], &c, 1) == 0 ? 0 : 2);
	}
	close(hold[0]);
	a = accept(l, NULL, NULL);
	ck_assert_int_eq(sockdiag_peer(&d, a, &uid), 0);
	ck_assert_uint_eq(uid, OTHER);
	close(hold[1]);
	waitpid(pid, NULL, 0);
	close(a);
	close(l);
	sockdiag_close(&d);
}
END_TEST

START_TEST(a_socket_that_is_not_connected_is_nobodys)
{
	struct sockdiag d = diag();
	int s = socket(AF_INET, SOCK_STREAM, 0), u[2];
	uid_t uid;

	ck_assert_int_eq(sockdiag_peer(&d, s, &uid), E_DENIED);
	ck_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, u) == 0);
	ck_assert_int_eq(sockdiag_peer(&d, u[0], &uid), E_DENIED);
	close(s);
	close(u[0]);
	close(u[1]);
	sockdiag_close(&d);
}
END_TEST

/* Of linux/inet_diag.h, by hand. */
static struct {
	struct nlmsghdr head;
	struct inet_diag_msg msg;
} answer;

static struct sockdiag_ask ask_for(void)
{
	struct sockdiag_ask ask = { .family = AF_INET, .state = TCP_ESTABLISHED, .seq = 7 };

	ask.id.idiag_sport = htons(40000);
	ask.id.idiag_dport = htons(8080);
	ask.id.idiag_src[0] = ask.id.idiag_dst[0] = htonl(INADDR_LOOPBACK);
	memset(&answer, 0, sizeof(answer));
	answer.head = (struct nlmsghdr){ .nlmsg_len = sizeof(answer), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_seq = 7 };
	answer.msg.idiag_family = AF_INET;
	answer.msg.idiag_state = TCP_ESTABLISHED;
	answer.msg.idiag_uid = 1000;
	answer.msg.id = ask.id;
	return ask;
}

START_TEST(only_the_very_socket_counts)
{
	struct sockdiag_ask ask = ask_for();
	uid_t uid = 0;

	ck_assert_int_eq(sockdiag_parse(&answer, sizeof(answer), &ask, &uid), 0);
	ck_assert_uint_eq(uid, 1000);
	for (size_t n = 0; n < sizeof(answer); n++)
		ck_assert_int_eq(sockdiag_parse(&answer, n, &ask, &uid), E_DENIED);
	for (uint8_t state = 0; state < 13; state++) {
		ask = ask_for();
		answer.msg.idiag_state = state;
		ck_assert_int_eq(sockdiag_parse(&answer, sizeof(answer), &ask, &uid), state == TCP_ESTABLISHED ? 0 : E_DENIED);
	}
	ask = ask_for();
	answer.msg.id.idiag_dport = htons(8081);
	ck_assert_int_eq(sockdiag_parse(&answer, sizeof(answer), &ask, &uid), E_DENIED);
	ask = ask_for();
	answer.msg.id.idiag_src[0] = htonl(0x0a000001);
	ck_assert_int_eq(sockdiag_parse(&answer, sizeof(answer), &ask, &uid), E_DENIED);
	ask = ask_for();
	answer.msg.idiag_family = AF_INET6;
	ck_assert_int_eq(sockdiag_parse(&answer, sizeof(answer), &ask, &uid), E_DENIED);
	ask = ask_for();
	answer.head.nlmsg_seq = 6;
	ck_assert_int_eq(sockdiag_parse(&answer, sizeof(answer), &ask, &uid), E_DENIED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sockdiag");
	TCase *t = tcase_create("sockdiag");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, own_connections_are_told, 0, 2);
	tcase_add_test(t, another_user_is_told);
	tcase_add_test(t, a_socket_that_is_not_connected_is_nobodys);
	tcase_add_test(t, only_the_very_socket_counts);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
