/* SPDX-License-Identifier: Apache-2.0 */
/* Label queries against the examples and words of TS-0004 7.3.3.17.16. */
#include "cse/core/labelq.h"

#include <check.h>
#include <stdlib.h>

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 4096);
}

static void teardown(void)
{
	arena_fini(&arena);
}

static bool ask(const char *query, const struct strs *labels)
{
	struct why w = { .rsc = RSC_NONE };
	struct labelq *q;

	ck_assert_msg(labelq_parse(&arena, str_of(query), &q, &w) == RSC_NONE, "%s: %s", query, w.text);
	return labelq_match(q, labels);
}

#define LABELS(...) \
	&(struct strs) { (struct str[]){ __VA_ARGS__ }, sizeof((struct str[]){ __VA_ARGS__ }) / sizeof(struct str) }

static const struct strs none;

START_TEST(a_key_alone)
{
	ck_assert(ask("color", LABELS(STR("color"))));
	ck_assert(ask("color", LABELS(STR("size:3"), STR("color:red"))));
	ck_assert(!ask("color", LABELS(STR("colors"), STR("a:color"))));
	ck_assert(!ask("color", &none));
	ck_assert(!ask("NT color", LABELS(STR("color"))));
	ck_assert(!ask("NT color", LABELS(STR("color:red"))));
	ck_assert(ask("NT color", LABELS(STR("size:3"))));
	ck_assert(ask("NT color", &none));
}
END_TEST

START_TEST(equal_and_not_equal)
{
	ck_assert(ask("color EQ red", LABELS(STR("color:red"))));
	ck_assert(ask("color:red", LABELS(STR("color:red"))));
	ck_assert(!ask("color EQ red", LABELS(STR("color"), STR("color:blue"), STR("red"))));
	ck_assert(ask("color NE red", LABELS(STR("color:blue"))));
	ck_assert(!ask("color NE red", LABELS(STR("color:blue"), STR("color:red"))));
	/* At least one pair with the key. */
	ck_assert(!ask("color NE red", LABELS(STR("color"))));
	ck_assert(!ask("color NE red", &none));
	/* The first colon parts key and value. */
	ck_assert(ask("uri EQ http://x:8080", LABELS(STR("uri:http://x:8080"))));
	ck_assert(ask("uri:http://x:8080", LABELS(STR("uri:http://x:8080"))));
}
END_TEST

START_TEST(in_and_not_in)
{
	ck_assert(ask("color IN (red, green)", LABELS(STR("color:green"))));
	ck_assert(ask("color IN(red,green)", LABELS(STR("color:red"))));
	ck_assert(!ask("color IN (red, green)", LABELS(STR("color:blue"), STR("color"))));
	ck_assert(ask("color NI (red, green)", LABELS(STR("color:yellow"))));
	ck_assert(!ask("color NI (red, green)", LABELS(STR("color:yellow"), STR("color:red"))));
	ck_assert(!ask("color NI (red, green)", LABELS(STR("color"))));
	ck_assert(!ask("color NI (red, green)", &none));
}
END_TEST

START_TEST(several_expressions_are_alternatives)
{
	ck_assert(ask("size, color EQ red", LABELS(STR("color:red"))));
	ck_assert(ask("color IN (a, b), size", LABELS(STR("size"))));
	ck_assert(!ask("color IN (a, b), size", LABELS(STR("other"))));
}
END_TEST

START_TEST(quotes)
{
	ck_assert(ask("\"my key\" EQ \"my value\"", LABELS(STR("my key:my value"))));
	ck_assert(ask("k EQ \"a,b\"", LABELS(STR("k:a,b"))));
	ck_assert(ask("k EQ \"say \\\"hi\\\"\"", LABELS(STR("k:say \"hi\""))));
	ck_assert(ask("\"NT\"", LABELS(STR("NT"))));
	ck_assert(ask("k EQ \"\"", LABELS(STR("k:"))));
}
END_TEST

START_TEST(malformed)
{
	static const char *const bad[] = { "", " ", ",", "a,", "NT", "NT ", "NT a:b", "a EQ", "a EQ ,", "a LIKE b", "a eq b", "a IN", "a IN red",
		                               "a IN (", "a IN (red", "a IN ()", "a IN (red,)", "a b", "a)", "(a)", "\"a", "a EQ \"b", ":b", "a EQ b c",
		                               "\"a:b\" EQ c", "NT NT a", "a EQb" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct why w = { .rsc = RSC_NONE };
		struct labelq *q;

		ck_assert_msg(labelq_parse(&arena, str_of(bad[i]), &q, &w) == RSC_BAD_REQUEST, "'%s'", bad[i]);
		ck_assert_ptr_nonnull(strstr(w.text, "lbq"));
	}
}
END_TEST

START_TEST(bounds)
{
	static const char values[] = "k IN (";
	char *text = arena_alloc(&arena, LABELQ_BYTES + 2);
	struct labelq *q;
	struct why w = { .rsc = RSC_NONE };
	size_t n;

	memset(text, 'a', LABELQ_BYTES + 1);
	ck_assert_int_eq(labelq_parse(&arena, str_make(text, LABELQ_BYTES), &q, &w), RSC_NONE);
	ck_assert_int_eq(labelq_parse(&arena, str_make(text, LABELQ_BYTES + 1), &q, &w), RSC_BAD_REQUEST);
	for (n = 0; n < 2 * LABELQ_EXPRESSIONS; n += 2) {
		text[n] = 'a';
		text[n + 1] = ',';
	}
	w.rsc = RSC_NONE;
	ck_assert_int_eq(labelq_parse(&arena, str_make(text, n - 1), &q, &w), RSC_NONE);
	ck_assert_int_eq(labelq_parse(&arena, str_make(text, n + 1), &q, &w), RSC_BAD_REQUEST);
	memcpy(text, values, sizeof(values) - 1);
	n = sizeof(values) - 1;
	for (unsigned i = 0; i < LABELQ_VALUES; i++) {
		text[n++] = 'v';
		text[n++] = i + 1 < LABELQ_VALUES ? ',' : ')';
	}
	w.rsc = RSC_NONE;
	ck_assert_int_eq(labelq_parse(&arena, str_make(text, n), &q, &w), RSC_NONE);
	text[n - 1] = ',';
	text[n++] = 'v';
	text[n++] = ')';
	ck_assert_int_eq(labelq_parse(&arena, str_make(text, n), &q, &w), RSC_BAD_REQUEST);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("labelq");
	TCase *t = tcase_create("queries");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_key_alone);
	tcase_add_test(t, equal_and_not_equal);
	tcase_add_test(t, in_and_not_in);
	tcase_add_test(t, several_expressions_are_alternatives);
	tcase_add_test(t, quotes);
	tcase_add_test(t, malformed);
	tcase_add_test(t, bounds);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
