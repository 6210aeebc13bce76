/* SPDX-License-Identifier: Apache-2.0 */
/* The six address forms (TS-0001 7.2, TS-0004 6.2.4) and entity identifiers (TS-0004 6.2.3). */
#include "cse/model/addr.h"

#include <check.h>
#include <stdlib.h>

static struct arena arena;
static const struct addr_self self = { { "troth.example", 13 }, { "id-in", 5 }, { "cse-in", 6 } };

static void setup(void)
{
	arena_init(&arena, 1024);
}

static void teardown(void)
{
	arena_fini(&arena);
}

static const struct {
	const char *text;
	enum addr_scope scope;
	const char *sp, *cse, *seg[4], *attr;
	bool local;
} good_cases[] = {
	{ "cnt1z", ADDR_CSE, "", "", { "cnt1z" }, "", true },
	{ "cse-in", ADDR_CSE, "", "", { "cse-in" }, "", true },
	{ "cse-in/a/b/la", ADDR_CSE, "", "", { "cse-in", "a", "b", "la" }, "", true },
	{ "-/a", ADDR_CSE, "", "", { "-", "a" }, "", true },
	{ "cnt1z/x", ADDR_CSE, "", "", { "cnt1z", "x" }, "", true },
	{ "/id-in", ADDR_SP, "", "id-in", { 0 }, "", true },
	{ "/id-in/cnt1z", ADDR_SP, "", "id-in", { "cnt1z" }, "", true },
	{ "/id-in/-/a", ADDR_SP, "", "id-in", { "-", "a" }, "", true },
	{ "/mn1/cse-mn/a", ADDR_SP, "", "mn1", { "cse-mn", "a" }, "", false },
	{ "//troth.example/id-in", ADDR_ABS, "troth.example", "id-in", { 0 }, "", true },
	{ "//troth.example/id-in/cse-in/a", ADDR_ABS, "troth.example", "id-in", { "cse-in", "a" }, "", true },
	{ "//TROTH.example/id-in/x", ADDR_ABS, "TROTH.example", "id-in", { "x" }, "", true },
	{ "//troth.example/ID-IN/x", ADDR_ABS, "troth.example", "ID-IN", { "x" }, "", false },
	{ "//other.example/id-in/x", ADDR_ABS, "other.example", "id-in", { "x" }, "", false },
	{ "//localhost/id-in", ADDR_ABS, "localhost", "id-in", { 0 }, "", false },
	{ "cse-in/a#con", ADDR_CSE, "", "", { "cse-in", "a" }, "con", true },
	{ "/id-in#lbl", ADDR_SP, "", "id-in", { 0 }, "lbl", true },
	{ "a.b_c~d-e/...", ADDR_CSE, "", "", { "a.b_c~d-e", "..." }, "", true },
};

START_TEST(parses)
{
	struct addr ad;
	struct why w = { 0 };
	size_t n = 0;

	ck_assert_int_eq(addr_parse(&arena, str_of(good_cases[_i].text), &ad, &w), RSC_NONE);
	ck_assert_int_eq(ad.scope, good_cases[_i].scope);
	ck_assert(str_eqz(ad.sp, good_cases[_i].sp));
	ck_assert(str_eqz(ad.cse, good_cases[_i].cse));
	ck_assert(str_eqz(ad.attr, good_cases[_i].attr));
	while (n < 4 && good_cases[_i].seg[n])
		n++;
	ck_assert_uint_eq(ad.n, n);
	for (size_t i = 0; i < n; i++)
		ck_assert(str_eqz(ad.seg[i], good_cases[_i].seg[i]));
	ck_assert_int_eq(addr_is_local(&ad, &self), good_cases[_i].local);
}
END_TEST

static const char *const bad_cases[] = {
	"", "/", "//", "///", "//troth.example", "//troth.example/", "/id-in/", "cse-in/", "cse-in//a", "/id-in//a",
	"//troth.example//a", "cse-in/a/", "a b", "a\tb", "a%20b", "a?b", "a\"b", "a<b", "\xc3\xa4", "cse-in/./a", "cse-in/../a", "..",
	".", "cse-in/a#", "#con", "a#b#c", "a#b/c", "a#b c", "//-x/id-in", "//x-/id-in", "//a..b/id-in", "//a_b/id-in", "//a:1/id-in",
	"a\\b", "a*", "http://x/y",
};

START_TEST(refuses)
{
	struct addr ad = { .n = 77 };
	struct why w = { 0 };

	ck_assert_int_eq(addr_parse(&arena, str_of(bad_cases[_i]), &ad, &w), RSC_BAD_REQUEST);
	ck_assert_uint_eq(ad.n, 77);
	ck_assert_str_ne(w.text, "");
}
END_TEST

START_TEST(holds_its_bounds)
{
	char text[2 * 65 + 4200];
	struct addr ad;
	struct why w = { 0 };

	for (size_t i = 0; i < 65; i++) {
		text[2 * i] = 'a';
		text[2 * i + 1] = '/';
	}
	ck_assert_int_eq(addr_parse(&arena, str_make(text, 2 * ADDR_MAX_SEGMENTS - 1), &ad, &w), RSC_NONE);
	ck_assert_uint_eq(ad.n, ADDR_MAX_SEGMENTS);
	ck_assert_int_eq(addr_parse(&arena, str_make(text, 2 * ADDR_MAX_SEGMENTS + 1), &ad, &w), RSC_BAD_REQUEST);
	memset(text, 'a', sizeof text);
	ck_assert_int_eq(addr_parse(&arena, str_make(text, ADDR_MAX_BYTES), &ad, &w), RSC_NONE);
	ck_assert_int_eq(addr_parse(&arena, str_make(text, ADDR_MAX_BYTES + 1), &ad, &w), RSC_BAD_REQUEST);
	ck_assert_int_eq(addr_parse(&arena, str_make("a\0b", 3), &ad, &w), RSC_BAD_REQUEST);
	ck_assert(addr_is_rn(str_make(text, 200)));
	ck_assert(!addr_is_rn(str_make(text, 201)));
}
END_TEST

START_TEST(identifiers_hold_their_bounds)
{
	char text[700];
	struct str out, again;
	struct why w = { 0 };

	memset(text, 'C', sizeof text);
	ck_assert_int_eq(addr_entity(&arena, str_make(text, 200), &self, &out, &w), RSC_NONE);
	ck_assert_int_eq(addr_entity(&arena, out, &self, &again, &w), RSC_NONE);
	ck_assert(str_eq(out, again));
	ck_assert_int_eq(addr_entity(&arena, str_make(text, 201), &self, &out, &w), RSC_BAD_REQUEST);
	text[0] = '/';
	w = (struct why){ 0 };
	ck_assert_int_eq(addr_entity(&arena, str_make(text, 201), &self, &out, &w), RSC_NONE);
	ck_assert_int_eq(addr_entity(&arena, str_make(text, 202), &self, &out, &w), RSC_BAD_REQUEST);
}
END_TEST

START_TEST(names)
{
	static const char *const good[] = { "a", "0", "myLightBulb", "123Sensor", "a-b.c_d~e", "latest", "LA", "_x", "..." };
	static const char *const bad[] = { "", "la", "ol", "fopt", "sfop", "pcu", "ntsr", "smv", "msp", "-", ".", "..", "a/b", "a b",
		                           "a#b", "\xc3\xa4", "a\n", "a*", "a%41" };

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_msg(addr_is_rn(str_of(good[i])), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(!addr_is_rn(str_of(bad[i])), "%s", bad[i]);
}
END_TEST

/* want NULL: no identifier. */
static const struct {
	const char *id, *want, *pattern;
} entity_cases[] = {
	{ "CAdmin", "//troth.example/id-in/CAdmin", "//troth.example/id-in/CAdmin" },
	{ "S563423", "//troth.example/S563423", "//troth.example/S563423" },
	{ "/id-in", "//troth.example/id-in", "//troth.example/id-in" },
	{ "/mn1", "//troth.example/mn1", "//troth.example/mn1" },
	{ "/id-in/CAdmin", "//troth.example/id-in/CAdmin", "//troth.example/id-in/CAdmin" },
	{ "/mn1/C1", "//troth.example/mn1/C1", "//troth.example/mn1/C1" },
	{ "/S563423", "//troth.example/S563423", "//troth.example/S563423" },
	{ "/id-in/S563423", "//troth.example/S563423", "//troth.example/S563423" },
	{ "/mn1/S563423", NULL, NULL },
	{ "//troth.example/S563423", "//troth.example/S563423", "//troth.example/S563423" },
	{ "//TROTH.Example/id-in/CAdmin", "//troth.example/id-in/CAdmin", "//troth.example/id-in/CAdmin" },
	{ "//troth.example/id-in/S1x", "//troth.example/S1x", "//troth.example/S1x" },
	{ "//myoperator.com/cse2/C3532ea3", "//myoperator.com/cse2/C3532ea3", "//myoperator.com/cse2/C3532ea3" },
	{ "//myoperator.com/S563423", "//myoperator.com/S563423", "//myoperator.com/S563423" },
	{ "//myoperator.com/cse1", "//myoperator.com/cse1", "//myoperator.com/cse1" },
	{ "//myoperator.com/id-in/S1", NULL, NULL },
	{ "C*", NULL, "//troth.example/id-in/C*" },
	{ "S*x", NULL, "//troth.example/S*x" },
	{ "/id-in/*", NULL, "//troth.example/id-in/*" },
	{ "/mn*", NULL, "//troth.example/mn*" },
	{ "/*/C1", NULL, "//troth.example/*/C1" },
	{ "*", NULL, NULL },
	{ "*x", NULL, NULL },
	{ "//*/id-in/C1", NULL, "//*/id-in/C1" },
	{ "//*/mn*", NULL, "//*/mn*" },
	{ "//*", NULL, NULL },
	{ "C", NULL, NULL },
	{ "S", NULL, NULL },
	{ "", NULL, NULL },
	{ "cAdmin", NULL, NULL },
	{ "id-in", NULL, NULL },
	{ "/", NULL, NULL },
	{ "//", NULL, NULL },
	{ "//troth.example", NULL, NULL },
	{ "//troth.example/", NULL, NULL },
	{ "/id-in/", NULL, NULL },
	{ "/id-in/x", NULL, NULL },
	{ "/id-in/CAdmin/x", NULL, NULL },
	{ "/id-in/cse-in/grp", NULL, NULL },
	{ "C Admin", NULL, NULL },
	{ "C/Admin", NULL, NULL },
	{ "C\xc3\xa4", NULL, NULL },
	{ "C\nx", NULL, NULL },
};

START_TEST(entities)
{
	struct why w = { 0 }, wp = { 0 };
	struct str out = STR("untouched");
	const char *want = entity_cases[_i].want;

	ck_assert_int_eq(addr_entity(&arena, str_of(entity_cases[_i].id), &self, &out, &w), want ? RSC_NONE : RSC_BAD_REQUEST);
	ck_assert(str_eqz(out, want ? want : "untouched"));
	out = STR("untouched");
	want = entity_cases[_i].pattern;
	ck_assert_int_eq(addr_entity_pattern(&arena, str_of(entity_cases[_i].id), &self, &out, &wp),
	                 want ? RSC_NONE : RSC_BAD_REQUEST);
	ck_assert(str_eqz(out, want ? want : "untouched"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model/addr");
	TCase *t = tcase_create("addr");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, parses, 0, ARRAY_LEN(good_cases));
	tcase_add_loop_test(t, refuses, 0, ARRAY_LEN(bad_cases));
	tcase_add_test(t, holds_its_bounds);
	tcase_add_test(t, identifiers_hold_their_bounds);
	tcase_add_test(t, names);
	tcase_add_loop_test(t, entities, 0, ARRAY_LEN(entity_cases));
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
