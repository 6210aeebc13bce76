/* SPDX-License-Identifier: Apache-2.0 */
/* A server's command line: what is taken over, what ends the program with which status, and which of several values counts. */
#include "cse/base/options.h"

#include <check.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cse/base/err.h"

enum { ARGS = 200 };

static void usage(FILE *f)
{
	fputs("usage\n", f);
}

static const struct options_program plain = { .table = &conf_troth, .file = "/nonexistent/troth.conf", .usage = usage };
static const struct options_program commanding = { .table = &conf_troth, .file = "/nonexistent/troth.conf", .commands = true, .usage = usage };

static int parse(struct options *o, const struct options_program *p, const char *const *args)
{
	char *argv[ARGS + 2] = { (char *)(uintptr_t) "prog" };
	int n = 1;

	for (; args[n - 1]; n++)
		argv[n] = (char *)(uintptr_t)args[n - 1];
	optind = 0; /* getopt(3): begin anew */
	return options_parse(o, p, n, argv);
}
#define PARSE(o, p, ...) parse((o), (p), (const char *const[]){ __VA_ARGS__, NULL })

START_TEST(is_taken_over)
{
	struct options o;

	ck_assert_int_eq(PARSE(&o, &plain, "-c", "a.conf", "--set", "log.level=warn", "-slog.level=debug", "--check-config"), -1);
	ck_assert_str_eq(o.conf, "a.conf");
	ck_assert_uint_eq(o.n_sets, 2);
	ck_assert_str_eq(o.sets[1], "log.level=debug");
	ck_assert(o.check);
	ck_assert_int_eq(parse(&o, &plain, (const char *const[]){ NULL }), -1);
	ck_assert_ptr_null(o.conf);
	ck_assert_uint_eq(o.n_sets, 0);
	ck_assert(!o.check);
}
END_TEST

START_TEST(the_usual_file_is_read_when_it_is_there)
{
	struct options_program p = plain;
	struct options o;

	p.file = "/dev/null";
	ck_assert_int_eq(parse(&o, &p, (const char *const[]){ NULL }), -1);
	ck_assert_str_eq(o.conf, "/dev/null");
	ck_assert_int_eq(PARSE(&o, &p, "--config=b.conf"), -1);
	ck_assert_str_eq(o.conf, "b.conf");
}
END_TEST

START_TEST(ends_the_program)
{
	struct options o;

	ck_assert_int_eq(PARSE(&o, &plain, "--version"), 0);
	ck_assert_int_eq(PARSE(&o, &plain, "-h"), 0);
	ck_assert_int_eq(PARSE(&o, &plain, "--what"), OPTIONS_WRONG);
	ck_assert_int_eq(PARSE(&o, &plain, "-c"), OPTIONS_WRONG);
	ck_assert_int_eq(PARSE(&o, &plain, "run"), OPTIONS_WRONG);
}
END_TEST

START_TEST(what_follows_a_command_is_the_commands)
{
	struct options o;

	ck_assert_int_eq(PARSE(&o, &commanding, "-c", "a.conf", "enrol", "-c", "b.conf"), -1);
	ck_assert_str_eq(o.conf, "a.conf");
	ck_assert_int_eq(optind, 3);
}
END_TEST

START_TEST(as_many_sets_as_there_is_room_for)
{
	const char *args[ARGS] = { NULL };
	struct options o;

	for (int i = 0; i < OPTIONS_SETS; i++)
		args[i] = "-slog.level=warn";
	ck_assert_int_eq(parse(&o, &plain, args), -1);
	ck_assert_uint_eq(o.n_sets, OPTIONS_SETS);
	args[OPTIONS_SETS] = "-slog.level=warn";
	ck_assert_int_eq(parse(&o, &plain, args), OPTIONS_WRONG);
}
END_TEST

/* conf.h: the later one over the earlier, and the command line over the environment. */
START_TEST(the_last_one_counts)
{
	static char env[] = "TROTH_LOG_LEVEL=error";
	char *const envp[] = { env, NULL };
	struct options o = { .sets = { "log.level=warn", "log.level=debug" }, .n_sets = 2 };
	struct conf_why why = { "" };
	struct conf *c;

	ck_assert_int_eq(options_read(&o, &conf_troth, envp, &c, &why), 0);
	ck_assert_str_eq(conf_str(c, CONF_LOG_LEVEL), "debug");
	conf_unref(c);
	o.n_sets = 0;
	ck_assert_int_eq(options_read(&o, &conf_troth, envp, &c, &why), 0);
	ck_assert_str_eq(conf_str(c, CONF_LOG_LEVEL), "error");
	conf_unref(c);
}
END_TEST

START_TEST(what_is_wrong_is_said)
{
	struct options o = { .sets = { "log.level=loud" }, .n_sets = 1 };
	struct conf_why why = { "" };
	struct conf *c = NULL;

	ck_assert_int_eq(options_read(&o, &conf_troth, NULL, &c, &why), E_CONF);
	ck_assert_msg(strstr(why.text, "log.level") != NULL, "%s", why.text);
	o = (struct options){ .conf = "/nonexistent/troth.conf" };
	ck_assert_int_eq(options_read(&o, &conf_troth, NULL, &c, &why), E_CONF);
	ck_assert_msg(strstr(why.text, "/nonexistent/troth.conf") != NULL, "%s", why.text);
	ck_assert_ptr_null(c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/options");
	TCase *t = tcase_create("options");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, is_taken_over);
	tcase_add_test(t, the_usual_file_is_read_when_it_is_there);
	tcase_add_test(t, ends_the_program);
	tcase_add_test(t, what_follows_a_command_is_the_commands);
	tcase_add_test(t, as_many_sets_as_there_is_room_for);
	tcase_add_test(t, the_last_one_counts);
	tcase_add_test(t, what_is_wrong_is_said);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
