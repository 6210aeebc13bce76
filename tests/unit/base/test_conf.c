/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration: values of each type, precise refusals, layers. */
#include "cse/base/conf.h"

#include <check.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cse/base/err.h"

static char dir[64], path[256];

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/troth-conf-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/troth.conf", dir);
}

static void teardown(void)
{
	static const char *const made[] = { "troth.conf", "conf.d/10-a.conf", "conf.d/9-b.conf", "conf.d/z.conf.bak", "conf.d", "" };
	char full[512];

	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		snprintf(full, sizeof(full), "%s/%s", dir, made[i]);
		remove(full);
	}
}

static void write_file(const char *name, const char *text)
{
	char full[512];
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", dir, name);
	f = fopen(full, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

/* Reads a text over the defaults; NULL and why when refused. */
static struct conf *read_text(const char *text, struct conf_why *why)
{
	struct conf *c = conf_defaults();

	if (conf_read_text(c, "f", str_of(text), why) == 0)
		return c;
	conf_unref(c);
	return NULL;
}

START_TEST(defaults_hold)
{
	struct conf *c = conf_defaults();

	ck_assert_str_eq(conf_str(c, CONF_CSE_NAME), "cse-in");
	ck_assert_str_eq(conf_str(c, CONF_CSE_TYPE), "in");
	ck_assert_int_eq(conf_num(c, CONF_HTTP_LINE), 8192);
	ck_assert_int_eq(conf_num(c, CONF_HTTP_T_IDLE), 300000);
	ck_assert_int_eq(conf_num(c, CONF_CSE_ET), INT64_C(3650) * 86400 * 1000);
	ck_assert_int_eq(conf_num(c, CONF_LIM_TREE), 0);
	ck_assert_str_eq(conf_item(c, CONF_HTTP_LISTEN, 0), "127.0.0.1:8443");
	ck_assert_str_eq(conf_item(c, CONF_HTTP_LISTEN, 1), "[::1]:8443");
	ck_assert_ptr_null(conf_item(c, CONF_HTTP_LISTEN, 2));
	ck_assert_ptr_null(conf_item(c, CONF_HTTP_CORS, 0));
	ck_assert_str_eq(conf_origin(c, CONF_CSE_NAME), "default");
	ck_assert_ptr_eq(conf_ref(c), c);
	conf_unref(c);
	conf_unref(c);
	conf_unref(NULL);
}
END_TEST

/* What is printed reads as the defaults, commented or not. */
START_TEST(the_printed_text_reads_as_the_defaults)
{
	struct conf *c, *defaults = conf_defaults();
	struct conf_why why;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	conf_print(f);
	fclose(f);
	c = read_text(text, &why);
	ck_assert_ptr_nonnull(c);
	conf_unref(c);
	for (char *p = text; (p = strchr(p, '#')); p++)
		if (p[1] != ' ')
			*p = ' ';
	for (char *p = text; (p = strstr(p, "\n ")); p++)
		memmove(p + 1, p + 2, strlen(p + 2) + 1);
	c = read_text(text, &why);
	ck_assert_msg(c != NULL, "%s", c ? "" : why.text);
	for (unsigned id = 0; id < CONF_COUNT; id++) {
		ck_assert(conf_same(c, defaults, (enum conf_id)id));
		ck_assert_str_ne(conf_origin(c, (enum conf_id)id), "default");
	}
	conf_unref(c);
	conf_unref(defaults);
	free(text);
}
END_TEST

START_TEST(the_committed_text_is_the_printed_one)
{
	static char committed[65536];
	const char *top = getenv("TOP_SRCDIR");
	char name[512], *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	conf_print(f);
	fclose(f);
	snprintf(name, sizeof(name), "%s/etc/troth.conf", top ? top : TOP_SRCDIR);
	f = fopen(name, "r");
	ck_assert_msg(f != NULL, "%s", name);
	committed[fread(committed, 1, sizeof(committed) - 1, f)] = '\0';
	fclose(f);
	ck_assert_msg(strcmp(committed, text) == 0, "etc/troth.conf is not what conf.def says; make update");
	free(text);
}
END_TEST

static const struct {
	const char *text;
	enum conf_id id;
	int64_t num;
} number_cases[] = {
	{ "[https]\nmax_line = 512", CONF_HTTP_LINE, 512 },
	{ "[https]\nmax_line=64k", CONF_HTTP_LINE, 65536 },
	{ "[https]\n  max_line = 1 k  ", CONF_HTTP_LINE, 1024 },
	{ "[https]\nmax_body = 2M ; two\n", CONF_HTTP_BODY, 2 << 20 },
	{ "[limits]\nbytes_per_ae = 3T", CONF_LIM_AE_BYTES, INT64_C(3) << 40 },
	{ "[limits]\nbytes_per_ae = 1G", CONF_LIM_AE_BYTES, 1 << 30 },
	{ "[limits]\ntree_bytes = 0", CONF_LIM_TREE, 0 },
	{ "[https]\nidle_timeout = 1500ms", CONF_HTTP_T_IDLE, 1500 },
	{ "[https]\nidle_timeout = 5m", CONF_HTTP_T_IDLE, 300000 },
	{ "[https]\nidle_timeout = 2h", CONF_HTTP_T_IDLE, 7200000 },
	{ "[https]\nidle_timeout = 1d", CONF_HTTP_T_IDLE, 86400000 },
	{ "[cse]\nloops = 64", CONF_CSE_LOOPS, 64 },
	{ "# c\n; c\n\n[cse]\r\nloops : 7\r\n", CONF_CSE_LOOPS, 7 },
	{ "\xef\xbb\xbf[cse]\nloops = 7", CONF_CSE_LOOPS, 7 },
};

START_TEST(reads_numbers)
{
	struct conf_why why;
	struct conf *c = read_text(number_cases[_i].text, &why);

	ck_assert_msg(c != NULL, "%s", c ? "" : why.text);
	ck_assert_int_eq(conf_num(c, number_cases[_i].id), number_cases[_i].num);
	conf_unref(c);
}
END_TEST

START_TEST(reads_lists)
{
	struct conf_why why;
	struct conf *c = read_text("[https]\nlisten = 10.0.0.1:1 , ; one\n  [::1]:8443 ; two\n\t# no element\n\tx:2,y:3\ncors_origins =\n"
	                           "names = a,\n[cse]\nid = /x", &why);

	ck_assert_msg(c != NULL, "%s", c ? "" : why.text);
	ck_assert_str_eq(conf_item(c, CONF_HTTP_LISTEN, 0), "10.0.0.1:1");
	ck_assert_str_eq(conf_item(c, CONF_HTTP_LISTEN, 1), "[::1]:8443");
	ck_assert_str_eq(conf_item(c, CONF_HTTP_LISTEN, 2), "x:2");
	ck_assert_str_eq(conf_item(c, CONF_HTTP_LISTEN, 3), "y:3");
	ck_assert_ptr_null(conf_item(c, CONF_HTTP_LISTEN, 4));
	ck_assert_ptr_null(conf_item(c, CONF_HTTP_CORS, 0));
	ck_assert_str_eq(conf_item(c, CONF_HTTP_NAMES, 0), "a");
	ck_assert_ptr_null(conf_item(c, CONF_HTTP_NAMES, 1));
	ck_assert_str_eq(conf_str(c, CONF_CSE_ID), "/x");
	ck_assert_str_eq(conf_origin(c, CONF_CSE_ID), "f:9");
	conf_unref(c);
}
END_TEST

#define LONG_LINE \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* Text, and how the reason begins. */
static const struct {
	const char *text, *reason;
} refused[] = {
	{ "x = 1", "f:1: an option outside of a section" },
	{ "\n[cse]\nnmae = x", "f:3: cse.nmae: there is no such option" },
	{ "[cse]\n\n[htps]\n", "f:3: there is no section [htps]" },
	{ "[cse] x\n", "f:1: something stands behind the section" },
	{ "[cse\nname = x", "f:1: a section without ]" },
	{ "[cse]\nname", "f:2: is neither [section] nor option = value" },
	{ "[cse]\nname\nloops = x", "f:2: is neither [section] nor option = value" },
	{ "[cse]\nname = a\nname = b", "f:3: cse.name: was set in line 2 already" },
	{ "[cse]\nname = a\n[cse]\n name = b", "f:4: cse.name: was set in line 2 already" },
	{ "[cse]\nname = a\n  b", "f:3: cse.name: goes on in a second line" },
	{ "[cse]\nname =", "f:2: cse.name: has 0 bytes; give 1 to 64" },
	{ "[cse]\nloops = 65", "f:2: cse.loops: 65 is out of range; give 0 to 64" },
	{ "[cse]\nloops = -1", "f:2: cse.loops: -1 is out of range; give 0 to 64" },
	{ "[cse]\nloops = 1.5", "f:2: cse.loops: \"1.5\" is not understood; write a whole number" },
	{ "[cse]\nloops = 2k", "f:2: cse.loops: \"2k\" is not understood" },
	{ "[cse]\nloops = 99999999999999999999", "f:2: cse.loops: 99999999999999999999 is out of range" },
	{ "[cse]\nloops =", "f:2: cse.loops: \"\" is not understood" },
	{ "[https]\nmax_line = 511", "f:2: https.max_line: 511 is out of range; give 512 to 64k" },
	{ "[https]\nmax_line = 9223372036854775807T", "f:2: https.max_line: 9223372036854775807T is out of range" },
	{ "[https]\nmax_line = 8s", "f:2: https.max_line: \"8s\" is not understood; write a number of bytes" },
	{ "[https]\nidle_timeout = 300", "f:2: https.idle_timeout: \"300\" is not understood; write a number with ms, s" },
	{ "[https]\nidle_timeout = 2d", "f:2: https.idle_timeout: 2d is out of range; give 1s to 1d" },
	{ "[cse]\ntype = IN", "f:2: cse.type: \"IN\" is none of the choices; write one of in|mn|asn" },
	{ "[cse]\ntype = in|mn", "f:2: cse.type: \"in|mn\" is none of the choices" },
	{ "[https]\nnames =", "f:2: https.names: has 0 elements; give 1 to 64" },
	{ "[https]\nnames = a,,b", "f:2: https.names: has an empty element" },
	{ "[https]\nnames = ,", "f:2: https.names: has an empty element" },
	{ "[https]\nlisten = 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "f:2: https.listen: has 17 elements; give 0 to 16" },
	{ "[cse]\nname = a\x01z", "f:2: cse.name: holds a control character" },
	{ "[cse]\nname = \xff", "f:2: is not UTF-8" },
	{ "[cse]\n# " LONG_LINE "\nname = " LONG_LINE "\n", "f:3: longer than 190 bytes" },
};

START_TEST(refuses_with_place_and_mend)
{
	struct conf_why why = { "" };
	struct conf *c = read_text(refused[_i].text, &why);

	ck_assert_ptr_null(c);
	ck_assert_msg(strncmp(why.text, refused[_i].reason, strlen(refused[_i].reason)) == 0, "%s", why.text);
	ck_assert_ptr_nonnull(strchr(why.text, ';'));
}
END_TEST

START_TEST(refuses_a_zero_byte)
{
	struct conf *c = conf_defaults();
	struct conf_why why;

	ck_assert_int_eq(conf_read_text(c, "f", STR("[cse]\nname = a\0b\n"), &why), E_CONF);
	ck_assert_int_eq(strncmp(why.text, "f:2: holds a zero byte", 22), 0);
	conf_unref(c);
}
END_TEST

START_TEST(later_layers_win)
{
	char none[] = "PATH=/bin", name[] = "TROTH_CSE_NAME=env", foreign[] = "TROTH_SERVICE_HOST=10.0.0.1";
	char *envp[] = { none, name, foreign, NULL };
	char folder[512], expect[512];
	struct conf_why why;
	struct conf *c;

	write_file("troth.conf", "[cse]\nname = file\nid = /file\nsp = file\nloops = 1\n");
	ck_assert_int_eq(conf_read(path, NULL, &c, &why), 0);
	ck_assert_str_eq(conf_str(c, CONF_CSE_NAME), "file");
	snprintf(expect, sizeof(expect), "%s:2", path);
	ck_assert_str_eq(conf_origin(c, CONF_CSE_NAME), expect);
	conf_unref(c);
	snprintf(folder, sizeof(folder), "%s/conf.d", dir);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	write_file("conf.d/10-a.conf", "[cse]\nname = a\nid = /a\nsp = a\n");
	write_file("conf.d/9-b.conf", "[cse]\nname = b\nid = /b\n");
	write_file("conf.d/z.conf.bak", "nonsense");
	ck_assert_int_eq(conf_read(path, envp, &c, &why), 0);
	ck_assert_str_eq(conf_str(c, CONF_CSE_NAME), "env");
	ck_assert_str_eq(conf_origin(c, CONF_CSE_NAME), "environment");
	ck_assert_str_eq(conf_str(c, CONF_CSE_ID), "/b");
	ck_assert_str_eq(conf_str(c, CONF_CSE_SP), "a");
	ck_assert_int_eq(conf_num(c, CONF_CSE_LOOPS), 1);
	ck_assert_int_eq(conf_set(c, "cse.name = line", &why), 0);
	ck_assert_str_eq(conf_str(c, CONF_CSE_NAME), "line");
	ck_assert_str_eq(conf_origin(c, CONF_CSE_NAME), "command line");
	conf_unref(c);
}
END_TEST

START_TEST(refuses_bad_layers)
{
	char slip[] = "TROTH_CSE_NAEM=x", bad[] = "TROTH_CSE_LOOPS=x", longer[] = "TROTH_CSE_NAMES=x";
	char *const cases[] = { slip, bad, longer };
	const char *const reasons[] = { "environment: TROTH_CSE_NAEM names no option;",
		                        "environment: cse.loops: \"x\" is not understood;",
		                        "environment: TROTH_CSE_NAMES names no option;" };
	struct conf *c = NULL;
	struct conf_why why;
	char expect[512];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *envp[] = { cases[i], NULL };

		ck_assert_int_eq(conf_read(NULL, envp, &c, &why), E_CONF);
		ck_assert_msg(strncmp(why.text, reasons[i], strlen(reasons[i])) == 0, "%s", why.text);
	}
	ck_assert_int_eq(conf_read(path, NULL, &c, &why), E_CONF);
	snprintf(expect, sizeof(expect), "%s: cannot be opened: No such file or directory;", path);
	ck_assert_msg(strncmp(why.text, expect, strlen(expect)) == 0, "%s", why.text);
	ck_assert_int_eq(conf_read(dir, NULL, &c, &why), E_CONF);
	ck_assert_ptr_null(c);
	c = conf_defaults();
	ck_assert_int_eq(conf_set(c, "cse.name", &why), E_CONF);
	ck_assert_int_eq(conf_set(c, "name=x", &why), E_CONF);
	ck_assert_int_eq(conf_set(c, "cse.nmae=x", &why), E_CONF);
	ck_assert_int_eq(conf_set(c, "cse.loops=x", &why), E_CONF);
	ck_assert_str_eq(why.text, "command line: cse.loops: \"x\" is not understood; write a whole number");
	conf_unref(c);
}
END_TEST

START_TEST(users_refuse_with_the_origin)
{
	struct conf *c = conf_defaults();
	struct conf_why why;
	char text[200];

	ck_assert_int_eq(conf_read_text(c, "f", STR("[https]\nlisten = here"), &why), 0);
	conf_refuse(c, CONF_HTTP_LISTEN, text, sizeof(text), "\"%s\" is no address; write host:port", "here");
	ck_assert_str_eq(text, "f:2: https.listen: \"here\" is no address; write host:port");
	conf_unref(c);
}
END_TEST

START_TEST(every_option_is_documented)
{
	const struct conf_row *row = conf_row((enum conf_id)_i);

	ck_assert_uint_gt(strlen(row->help), 10);
	ck_assert_int_eq(row->help[strlen(row->help) - 1], '.');
	ck_assert_int_le(row->min, row->max);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/conf");
	TCase *t = tcase_create("text"), *files = tcase_create("files");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, defaults_hold);
	tcase_add_test(t, the_printed_text_reads_as_the_defaults);
	tcase_add_test(t, the_committed_text_is_the_printed_one);
	tcase_add_loop_test(t, reads_numbers, 0, ARRAY_LEN(number_cases));
	tcase_add_test(t, reads_lists);
	tcase_add_loop_test(t, refuses_with_place_and_mend, 0, ARRAY_LEN(refused));
	tcase_add_test(t, refuses_a_zero_byte);
	tcase_add_test(t, users_refuse_with_the_origin);
	tcase_add_loop_test(t, every_option_is_documented, 0, CONF_COUNT);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(files, setup, teardown);
	tcase_add_test(files, later_layers_win);
	tcase_add_test(files, refuses_bad_layers);
	suite_add_tcase(s, files);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
