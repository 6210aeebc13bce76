/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to the service manager, as sd_notify(3) describes them, read from a socket of our own. */
#include "cse/base/sd.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME "troth-test-sd"

/* A manager's end; abstract, so that nothing lies in a folder. */
static int listen_as(char *env, size_t size)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	int n = snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, NAME "-%d", (int)getpid());

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, (socklen_t)(sizeof(sa_family_t) + 1 + (size_t)n)), 0);
	snprintf(env, size, "@%s", un.sun_path + 1);
	return fd;
}

static const char *heard(int fd, char *text, size_t size)
{
	ssize_t n = recv(fd, text, size - 1, 0);
	if (n < 0)
		return NULL;
	text[n] = '\0';
	return text;
}

START_TEST(what_is_said)
{
	char env[108], text[600], pid[24];
	int fd = listen_as(env, sizeof(env));
	struct sd s;

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("NOTIFY_SOCKET", env, 1);
	setenv("WATCHDOG_USEC", "30000000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	sd_init(&s);
	ck_assert_int_ge(s.fd, 0);
	ck_assert_int_eq(s.watchdog_ns, INT64_C(30000000000));
	ck_assert_ptr_null(getenv("NOTIFY_SOCKET"));
	ck_assert_ptr_null(getenv("WATCHDOG_USEC"));
	ck_assert_ptr_null(getenv("WATCHDOG_PID"));
	sd_ready(&s, "serving");
	ck_assert_str_eq(heard(fd, text, sizeof(text)), "READY=1\nSTATUS=serving\n");
	sd_reloading(&s, INT64_C(12345678901));
	ck_assert_str_eq(heard(fd, text, sizeof(text)), "RELOADING=1\nMONOTONIC_USEC=12345678\nSTATUS=reloading\n");
	sd_alive(&s);
	ck_assert_str_eq(heard(fd, text, sizeof(text)), "WATCHDOG=1\n");
	sd_stopping(&s);
	ck_assert_str_eq(heard(fd, text, sizeof(text)), "STOPPING=1\nSTATUS=stopping\n");
	ck_assert_ptr_null(heard(fd, text, sizeof(text)));
	sd_fini(&s);
	close(fd);
}
END_TEST

START_TEST(nobody_listens)
{
	static const char *const useless[] = { "", "relative", "/", "/nowhere/at/all",
		"/too-long-for-a-socket-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" };
	struct sd s;

	for (size_t i = 0; i < ARRAY_LEN(useless); i++) {
		setenv("NOTIFY_SOCKET", useless[i], 1);
		setenv("WATCHDOG_USEC", "1000000", 1);
		sd_init(&s);
		ck_assert_int_eq(s.fd, -1);
		ck_assert_int_eq(s.watchdog_ns, 0);
		sd_ready(&s, "serving");
		sd_alive(&s);
		sd_fini(&s);
	}
}
END_TEST

START_TEST(a_watchdog_of_another_process_is_not_ours)
{
	static const struct { const char *usec, *pid; } cases[] = {
		{ "1000000", "1" }, { "many", NULL }, { "-1", NULL }, { "18446744073709551615", NULL }, { "1000000", "x" } };
	char env[108];
	int fd = listen_as(env, sizeof(env));
	struct sd s;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		setenv("NOTIFY_SOCKET", env, 1);
		setenv("WATCHDOG_USEC", cases[i].usec, 1);
		if (cases[i].pid)
			setenv("WATCHDOG_PID", cases[i].pid, 1);
		sd_init(&s);
		ck_assert_int_ge(s.fd, 0);
		ck_assert_int_eq(s.watchdog_ns, 0);
		sd_fini(&s);
	}
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sd");
	TCase *t = tcase_create("sd");

	suite_add_tcase(s, t);
	tcase_add_test(t, what_is_said);
	tcase_add_test(t, nobody_listens);
	tcase_add_test(t, a_watchdog_of_another_process_is_not_ours);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
