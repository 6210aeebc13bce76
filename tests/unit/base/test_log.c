/* SPDX-License-Identifier: Apache-2.0 */
/* The log: each line one JSON object (read by jansson), whatever its detail; a reader that sleeps stops nobody. */
#include "cse/base/log.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cse/base/err.h"

static int fds[2];
static struct log *l;

static void setup(void)
{
	ck_assert_int_eq(pipe2(fds, O_NONBLOCK), 0);
	l = log_new(fds[1], LOG_INFO);
}

static void teardown(void)
{
	log_free(l);
	close(fds[0]);
	close(fds[1]);
}

/* The next line without its end; NULL when there is none. */
static char *next_line(char *line, size_t size)
{
	size_t n = 0;

	while (n < size && read(fds[0], line + n, 1) == 1) {
		if (line[n] == '\n') {
			line[n] = '\0';
			return line;
		}
		n++;
	}
	return NULL;
}

static json_t *next_object(void)
{
	char line[4096];
	json_t *j;

	ck_assert_ptr_nonnull(next_line(line, sizeof(line)));
	j = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_msg(j != NULL, "%s", line);
	return j;
}

static const char *member(json_t *j, const char *name)
{
	return json_string_value(json_object_get(j, name));
}

START_TEST(a_line_is_an_object)
{
	json_t *j;

	log_write(l, LOG_LISTEN, "%s:%d", "[::1]", 8443);
	j = next_object();
	ck_assert_str_eq(member(j, "event"), "LISTEN");
	ck_assert_str_eq(member(j, "level"), "info");
	ck_assert_str_eq(member(j, "text"), "listening");
	ck_assert_str_eq(member(j, "detail"), "[::1]:8443");
	ck_assert_uint_eq(strlen(member(j, "time")), strlen("2026-01-01T00:00:00.000000Z"));
	ck_assert_ptr_null(json_object_get(j, "lost"));
	json_decref(j);
	log_write(l, LOG_STOP, "%s", "");
	j = next_object();
	ck_assert_ptr_null(json_object_get(j, "detail"));
	json_decref(j);
}
END_TEST

START_TEST(nothing_breaks_out_of_the_detail)
{
	json_t *j;

	log_write(l, LOG_STOP, "%s", "a\"b\\c\nd\x01\x7f{}\xc3\xa4");
	j = next_object();
	ck_assert_str_eq(member(j, "detail"), "a\"b\\c\nd\x01\x7f{}\xc3\xa4");
	json_decref(j);
	log_write(l, LOG_STOP, "%s", "a\xff\xc3");
	j = next_object();
	ck_assert_str_eq(member(j, "detail"), "a??");
	json_decref(j);
}
END_TEST

START_TEST(details_have_a_bound)
{
	json_t *j;

	log_write(l, LOG_STOP, "%01000d", 1);
	j = next_object();
	ck_assert_uint_eq(strlen(member(j, "detail")), 400);
	json_decref(j);
	log_write(l, LOG_STOP, "%s", "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01");
	json_decref(next_object());
}
END_TEST

START_TEST(levels_filter)
{
	char line[4096];

	log_set_level(l, LOG_WARN);
	log_write(l, LOG_STOP, "%s", "info");
	ck_assert_ptr_null(next_line(line, sizeof(line)));
	log_write(l, LOG_SECURITY_EVENT, "%s", "warn");
	ck_assert_ptr_nonnull(next_line(line, sizeof(line)));
	log_write(l, LOG_INTERNAL, "%s", "error");
	ck_assert_ptr_nonnull(next_line(line, sizeof(line)));
	log_write(NULL, LOG_INTERNAL, "%s", "nobody");
	ck_assert_ptr_null(next_line(line, sizeof(line)));
}
END_TEST

START_TEST(a_sleeping_reader_stops_nobody)
{
	enum { MANY = 2000 };
	int64_t seen = 0, lost = 0;
	char line[4096];

	/* Blocking, as stderr is. */
	ck_assert_int_eq(fcntl(fds[1], F_SETFL, 0), 0);
	for (int i = 0; i < MANY; i++)
		log_write(l, LOG_STOP, "%0200d", i);
	while (next_line(line, sizeof(line)))
		seen++;
	ck_assert_int_lt(seen, MANY);
	log_write(l, LOG_STOP, "%s", "the reader is awake");
	ck_assert_ptr_nonnull(next_line(line, sizeof(line)));
	lost = strtoll(strstr(line, "\"lost\":") + 7, NULL, 10);
	ck_assert_int_eq(seen + lost, MANY);
	log_write(l, LOG_STOP, "%s", "told once");
	ck_assert_ptr_nonnull(next_line(line, sizeof(line)));
	ck_assert_ptr_null(strstr(line, "lost"));
}
END_TEST

/* sd-daemon(3): journald takes the priority from <N>. */
START_TEST(journald_is_told_the_level)
{
	struct log *journal;
	struct stat st;
	char env[80], line[4096];

	ck_assert_int_eq(fstat(fds[1], &st), 0);
	snprintf(env, sizeof(env), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", env, 1);
	journal = log_new(fds[1], LOG_INFO);
	log_write(journal, LOG_INTERNAL, "%s", "x");
	ck_assert_ptr_nonnull(next_line(line, sizeof(line)));
	ck_assert_int_eq(strncmp(line, "<3>{", 4), 0);
	log_free(journal);
}
END_TEST

START_TEST(lines_for_people)
{
	char line[4096];

	log_set_form(l, LOG_FORM_TEXT);
	log_write(l, LOG_LISTEN, "%s", "a\"b\nc\xc3\xa4");
	ck_assert_ptr_nonnull(next_line(line, sizeof(line)));
	ck_assert_str_eq(line + strlen("2026-01-01T00:00:00.000000Z"), " info LISTEN listening: a\"b?c\xc3\xa4");
	log_write(l, LOG_INTERNAL, "%s", "");
	ck_assert_ptr_nonnull(next_line(line, sizeof(line)));
	ck_assert_str_eq(line + strlen("2026-01-01T00:00:00.000000Z"), " error INTERNAL internal error");
}
END_TEST

/* https://systemd.io/JOURNAL_NATIVE_PROTOCOL; priorities of syslog(3). */
START_TEST(fields_for_journald)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	int n = snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "troth-test-log-%d", (int)getpid());
	char path[108], text[4096], line[64], want[600];

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, (socklen_t)(sizeof(sa_family_t) + 1 + (size_t)n)), 0);
	snprintf(path, sizeof(path), "@%s", un.sun_path + 1);
	ck_assert_int_eq(log_to_journal(l, "/nowhere/at/all"), E_SYS);
	ck_assert_int_eq(log_to_journal(l, path), 0);
	log_write(l, LOG_CERT_EXPIRY, "%s", "in 3 days\nPRIORITY=0\nMESSAGE=forged\xff");
	ssize_t got = recv(fd, text, sizeof(text) - 1, 0);
	ck_assert_int_gt(got, 0);
	text[got] = '\0';
	snprintf(want, sizeof(want),
	         "MESSAGE=certificate nears its end: in 3 days?PRIORITY=0?MESSAGE=forged?\nPRIORITY=4\nSYSLOG_IDENTIFIER=%s\n"
	         "TROTH_EVENT=CERT_EXPIRY\nTROTH_DETAIL=in 3 days?PRIORITY=0?MESSAGE=forged?\n", program_invocation_short_name);
	ck_assert_str_eq(text, want);
	/* Nothing on standard error any more. */
	ck_assert_ptr_null(next_line(line, sizeof(line)));
	/* journald is gone: nobody waits, the loss is told when it is there again. */
	close(fd);
	log_write(l, LOG_STOP, "%s", "unheard");
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, (socklen_t)(sizeof(sa_family_t) + 1 + (size_t)n)), 0);
	log_write(l, LOG_STOP, "%s", "heard");
	got = recv(fd, text, sizeof(text) - 1, 0);
	ck_assert_int_gt(got, 0);
	text[got] = '\0';
	ck_assert_ptr_nonnull(strstr(text, "\nTROTH_LOST=1\n"));
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/log");
	TCase *t = tcase_create("log");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_line_is_an_object);
	tcase_add_test(t, nothing_breaks_out_of_the_detail);
	tcase_add_test(t, details_have_a_bound);
	tcase_add_test(t, levels_filter);
	tcase_add_test(t, a_sleeping_reader_stops_nobody);
	tcase_add_test(t, journald_is_told_the_level);
	tcase_add_test(t, lines_for_people);
	tcase_add_test(t, fields_for_journald);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
