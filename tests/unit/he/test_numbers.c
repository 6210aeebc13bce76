/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as people have them, and what is no number. */
#include "he/numbers.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/err.h"

static const struct {
	const char *text, *column;
	int err; /* 0: the numbers */
	size_t n;
	double v[3];
	const char *word; /* of the sentence */
} cases[] = {
	{ "1.5\n-2e3\n7\n", NULL, 0, 3, { 1.5, -2000, 7 }, NULL },
	{ "\"7\"\r\n\r\n8", NULL, 0, 2, { 7, 8 }, NULL },
	{ "time;value\n12:00;1,5\n", "time", E_SYNTAX, 0, { 0 }, "line 2" },
	{ "time;value\n12:00;1.5\n12:01;2\n", "value", 0, 2, { 1.5, 2 }, NULL },
	{ "time,value\n12:00, 3\n", "2", 0, 1, { 3 }, NULL },
	{ "1\t2\n3\t4\n", "1", 0, 2, { 1, 3 }, NULL },
	{ "1,2\n3,4\n", NULL, E_ABSENT, 0, { 0 }, "--column" },
	{ "a,b\n3,4\n", "c", E_ABSENT, 0, { 0 }, "no column \"c\"" },
	{ "a,b\n3,4\n", "3", E_ABSENT, 0, { 0 }, "among 2" },
	{ "a,b\n3,4\n5\n", "b", E_SYNTAX, 0, { 0 }, "line 3" },
	{ "[1, -2.5e-3,0]", NULL, 0, 3, { 1, -0.0025, 0 }, NULL },
	{ " [ 4 ] \n", NULL, 0, 1, { 4 }, NULL },
	{ "[]", NULL, E_SYNTAX, 0, { 0 }, "no number" },
	{ "[1,]", NULL, E_SYNTAX, 0, { 0 }, "element 2" },
	{ "[1,2", NULL, E_SYNTAX, 0, { 0 }, "]" },
	{ "[\"x\"]", NULL, E_SYNTAX, 0, { 0 }, "element 1" },
	{ "", NULL, E_SYNTAX, 0, { 0 }, "no number" },
	{ "1\nnan\n", NULL, E_SYNTAX, 0, { 0 }, "line 2" },
	{ "1\n0x10\n", NULL, E_SYNTAX, 0, { 0 }, "line 2" },
	{ "1\n1e999\n", NULL, E_SYNTAX, 0, { 0 }, "line 2" },
	{ "1\n2\n3\n4\n", NULL, E_LIMIT, 0, { 0 }, "more than 3" },
	/* What spreadsheets write: byte order marks, quotes with separators, quotes and ends of lines in them, any ends of lines. */
	{ "\xef\xbb\xbftemperature;note\r\n21.5;\"a;b\"\r\n\r\n22.25;x\r\n", "temperature", 0, 2, { 21.5, 22.25 }, NULL },
	{ "\xef\xbb\xbf[1]", NULL, 0, 1, { 1 }, NULL },
	{ "\xff\xfe" "1\0", NULL, E_SYNTAX, 0, { 0 }, "UTF-16" },
	{ "note,t\n\"a, b\",1\n\"x \"\"y\"\", z\",2\n\"two\nlines\",3\n", "t", 0, 3, { 1, 2, 3 }, NULL },
	{ "\"two\nlines\",t\n1,\n", "t", E_SYNTAX, 0, { 0 }, "line 3" },
	{ "\"a;b\",t\n7,8\n", "a;b", 0, 1, { 7 }, NULL },
	{ "size,t\n5\",8\n6\",9\n", "t", 0, 2, { 8, 9 }, NULL },
	{ "t\r1\r2\r", NULL, 0, 2, { 1, 2 }, NULL },
	{ "\n\n  \nt\n1", NULL, 0, 1, { 1 }, NULL },
	{ "a,t\n\"1,2\n", "t", E_SYNTAX, 0, { 0 }, "never closed" },
	/* A reading that is wrong is no name of a column. */
	{ "nan\n1\n", NULL, E_SYNTAX, 0, { 0 }, "line 1" },
	{ "NULL,x\n1,2\n", "1", E_SYNTAX, 0, { 0 }, "line 1" },
	{ "1e999\n1\n", NULL, E_SYNTAX, 0, { 0 }, "line 1 has too large" },
	{ "1;5\n,\n", "1", E_SYNTAX, 0, { 0 }, "point" },
	{ "12:00;-\n", "2", E_SYNTAX, 0, { 0 }, "line 1" },
	{ "t;7\n1;2\n", "t", 0, 1, { 1 }, NULL },
	{ "2m;t\n1;2\n", "2m", 0, 1, { 1 }, NULL },
	{ "5,2\n6,3\n", "2", 0, 2, { 2, 3 }, NULL },
	{ "a,a\n1,2\n", "a", E_ABSENT, 0, { 0 }, "2 columns are called" },
	{ "a,b\n1,2\n", "0", E_ABSENT, 0, { 0 }, "no column" },
	{ "a,b\n1,2\n", "4294967297", E_ABSENT, 0, { 0 }, "no column" },
	{ "a,b\n1,2\n", "", E_ABSENT, 0, { 0 }, "no column" },
	{ "a,b\n1,\n", "b", E_SYNTAX, 0, { 0 }, "it is empty" },
	/* JSON has fewer numbers than CSV, and no columns. */
	{ "[\"1\"]", NULL, E_SYNTAX, 0, { 0 }, "element 1" },
	{ "[1, +2]", NULL, E_SYNTAX, 0, { 0 }, "element 2" },
	{ "[01]", NULL, E_SYNTAX, 0, { 0 }, "element 1" },
	{ "[1.]", NULL, E_SYNTAX, 0, { 0 }, "element 1" },
	{ "[.5]", NULL, E_SYNTAX, 0, { 0 }, "element 1" },
	{ "[1e400]", NULL, E_SYNTAX, 0, { 0 }, "too large" },
	{ "[-0.5, 0, 1E+2]", NULL, 0, 3, { -0.5, 0, 100 }, NULL },
	{ "[[1]]", NULL, E_SYNTAX, 0, { 0 }, "element 1" },
	{ "{\"a\": 1}", NULL, E_SYNTAX, 0, { 0 }, "begin with [" },
	{ "[1]", "a", E_ABSENT, 0, { 0 }, "no columns" },
};

START_TEST(reads)
{
	struct he_why w = { "" };
	size_t n = 77;
	double v[3];
	int err = he_numbers_read(str_of(cases[_i].text), cases[_i].column, v, ARRAY_LEN(v), &n, &w);

	ck_assert_msg(err == cases[_i].err, "\"%s\": %d %s", cases[_i].text, err, w.text);
	if (err) {
		ck_assert_uint_eq(n, 77);
		ck_assert_msg(strstr(w.text, cases[_i].word) != NULL, "\"%s\": %s", cases[_i].text, w.text);
		return;
	}
	ck_assert_uint_eq(n, cases[_i].n);
	for (size_t i = 0; i < n; i++)
		ck_assert(v[i] == cases[_i].v[i]);
}
END_TEST

/* A zero byte ends no number. */
START_TEST(zero_byte)
{
	struct he_why w;
	double v[3];
	size_t n;

	ck_assert_int_eq(he_numbers_read(str_make("[1\0]", 4), NULL, v, 3, &n, &w), E_SYNTAX);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("he/numbers");
	TCase *t = tcase_create("numbers");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, reads, 0, ARRAY_LEN(cases));
	tcase_add_test(t, zero_byte);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
