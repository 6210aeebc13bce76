/* SPDX-License-Identifier: Apache-2.0 */
/* Identifier forms of TS-0001 table 7.2-1 and the wildcards of TS-0003 table 7.1.3-2. */
#include "security/who.h"

#include <check.h>
#include <stdlib.h>

#include "cse/base/check.h"

static const struct addr_self self = { { "m2m.sp", 6 }, { "id-in", 5 }, { "cse-in", 6 } };

static const struct {
	const char *text;
	int kind; /* -1: refused */
	bool star;
	const char *abs, *stem;
} rows[] = {
	/* AE-ID stems and their longer forms */
	{ "CDev1", WHO_ENTITY, false, "//m2m.sp/id-in/CDev1", "CDev1" },
	{ "SDev1", WHO_ENTITY, false, "//m2m.sp/SDev1", "SDev1" },
	{ "/id-in/CDev1", WHO_ENTITY, false, "//m2m.sp/id-in/CDev1", "CDev1" },
	{ "/SDev1", WHO_ENTITY, false, "//m2m.sp/SDev1", "SDev1" },
	{ "/id-in/SDev1", WHO_ENTITY, false, "//m2m.sp/SDev1", "SDev1" },
	{ "//m2m.sp/id-in/CDev1", WHO_ENTITY, false, "//m2m.sp/id-in/CDev1", "CDev1" },
	{ "//m2m.sp/SDev1", WHO_ENTITY, false, "//m2m.sp/SDev1", "SDev1" },
	/* AEs elsewhere have no stem here */
	{ "/mn1/CDev1", WHO_ENTITY, false, "//m2m.sp/mn1/CDev1", "" },
	{ "//other.sp/id-in/CDev1", WHO_ENTITY, false, "//other.sp/id-in/CDev1", "" },
	{ "//other.sp/SDev1", WHO_ENTITY, false, "//other.sp/SDev1", "" },
	/* CSEs */
	{ "/mn1", WHO_ENTITY, false, "//m2m.sp/mn1", "" },
	{ "//other.sp/mn1", WHO_ENTITY, false, "//other.sp/mn1", "" },
	/* all, domains, roles */
	{ "all", WHO_ALL, false, "all", "" },
	{ "//other.sp", WHO_DOMAIN, false, "//other.sp", "" },
	{ "1234abcd@role-issuer.com", WHO_ROLE, false, "1234abcd@role-issuer.com", "" },
	/* resources: groups, if anything */
	{ "grp12", WHO_GROUP, false, "grp12", "" },
	{ "cse-in/g", WHO_GROUP, false, "cse-in/g", "" },
	{ "-/g", WHO_GROUP, false, "-/g", "" },
	{ "/id-in/grp12", WHO_GROUP, false, "/id-in/grp12", "" },
	{ "/id-in/cse-in/g", WHO_GROUP, false, "/id-in/cse-in/g", "" },
	{ "//m2m.sp/id-in/cse-in/C1", WHO_GROUP, false, "//m2m.sp/id-in/cse-in/C1", "" },
	{ "/mn1/SDev1", WHO_GROUP, false, "/mn1/SDev1", "" },
	/* wildcards */
	{ "C*", WHO_ENTITY, true, "//m2m.sp/id-in/C*", "" },
	{ "S*", WHO_ENTITY, true, "//m2m.sp/S*", "" },
	{ "/SmyAE*", WHO_ENTITY, true, "//m2m.sp/SmyAE*", "" },
	{ "/myCSE*", WHO_ENTITY, true, "//m2m.sp/myCSE*", "" },
	{ "/myCSE*/C98*", WHO_ENTITY, true, "//m2m.sp/myCSE*/C98*", "" },
	{ "//*/myCSEID", WHO_ENTITY, true, "//*/myCSEID", "" },
	{ "//*/myCSE*/C9886", WHO_ENTITY, true, "//*/myCSE*/C9886", "" },
	{ "/id-in/*", WHO_ENTITY, true, "//m2m.sp/id-in/*", "" },
	{ "/id-in/S*", WHO_ENTITY, true, "//m2m.sp/S*", "" },
	/* refused: a bare star, stars where TS-0003 7.1.3 has none, what is no identifier */
	{ "*", -1, 0, 0, 0 },
	{ "*1", -1, 0, 0, 0 },
	{ "grp*", -1, 0, 0, 0 },
	{ "//*", -1, 0, 0, 0 },
	{ "//m2m.*", -1, 0, 0, 0 },
	{ "a*@b.c", -1, 0, 0, 0 },
	{ "/id-in/cse-in/*", -1, 0, 0, 0 },
	{ "/id-in/g*", -1, 0, 0, 0 },
	{ "", -1, 0, 0, 0 },
	{ "/", -1, 0, 0, 0 },
	{ "//", -1, 0, 0, 0 },
	{ "///x", -1, 0, 0, 0 },
	{ "/mn1/", -1, 0, 0, 0 },
	{ "CDev 1", -1, 0, 0, 0 },
	{ "C\xc3\xa4", -1, 0, 0, 0 },
	{ "a@b@c", -1, 0, 0, 0 },
	{ "@b", -1, 0, 0, 0 },
	{ "a@", -1, 0, 0, 0 },
	{ "C#1", -1, 0, 0, 0 },
};

START_TEST(forms)
{
	struct arena a;
	struct who w;
	size_t i;

	arena_init(&a, 1024);
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		int err = who_parse(&a, str_of(rows[i].text), &self, true, &w);

		ck_assert_msg((err == 0) == (rows[i].kind >= 0), "%s", rows[i].text);
		if (err)
			continue;
		ck_assert_msg((int)w.kind == rows[i].kind && w.star == rows[i].star, "%s", rows[i].text);
		ck_assert_msg(str_eqz(w.abs, rows[i].abs), "%s: %.*s", rows[i].text, STR_ARG(w.abs));
		ck_assert_msg(str_eqz(w.stem, rows[i].stem), "%s", rows[i].text);
		/* What a rule may hold with a star, From may not. */
		ck_assert_int_eq(who_parse(&a, str_of(rows[i].text), &self, false, &w) == 0, !rows[i].star);
	}
	arena_fini(&a);
}
END_TEST

/* The absolute form stands for itself. */
START_TEST(absolute_is_stable)
{
	struct arena a;
	struct who w, again;
	size_t i;

	arena_init(&a, 1024);
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].kind != WHO_ENTITY)
			continue;
		ck_assert_int_eq(who_parse(&a, str_of(rows[i].text), &self, true, &w), 0);
		ck_assert_int_eq(who_parse(&a, w.abs, &self, true, &again), 0);
		ck_assert_msg(again.kind == WHO_ENTITY && str_eq(w.abs, again.abs) && str_eq(w.stem, again.stem), "%s",
		              rows[i].text);
	}
	arena_fini(&a);
}
END_TEST

static const struct {
	const char *pattern, *abs;
	bool yes;
} matches[] = {
	{ "//m2m.sp/id-in/C*", "//m2m.sp/id-in/CDev1", true },
	{ "//m2m.sp/id-in/C*", "//m2m.sp/id-in/C", true },
	{ "//m2m.sp/id-in/C*", "//m2m.sp/id-in/SDev1", false },
	{ "//m2m.sp/id-in/C*", "//m2m.sp/mn1/CDev1", false },
	/* never across a slash */
	{ "//m2m.sp/*", "//m2m.sp/id-in/CDev1", false },
	{ "//m2m.sp/*", "//m2m.sp/id-in", true },
	{ "//*/id-in/C*", "//other/id-in/C1", true },
	{ "//*/myCSE*/C9886", "//x/myCSE12/C9886", true },
	{ "//*/myCSE*/C9886", "//x/myCSE12/C98861", false },
	{ "//m2m.sp/id-in/C*1*2", "//m2m.sp/id-in/C12", true },
	{ "//m2m.sp/id-in/C*1*2", "//m2m.sp/id-in/C2112", true },
	{ "//m2m.sp/id-in/C*1*2", "//m2m.sp/id-in/C21", false },
	{ "//m2m.sp/id-in/C*ab", "//m2m.sp/id-in/Caab", true },
	{ "//m2m.sp/id-in/Ca*a", "//m2m.sp/id-in/Ca", false },
	{ "//m2m.sp/id-in/C**x", "//m2m.sp/id-in/Cx", true },
};

START_TEST(patterns)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(matches); i++)
		ck_assert_msg(who_matches(str_of(matches[i].pattern), str_of(matches[i].abs)) == matches[i].yes, "%s %s",
		              matches[i].pattern, matches[i].abs);
}
END_TEST

START_TEST(domains)
{
	ck_assert(who_in_domain(STR("//m2m.sp"), STR("//m2m.sp/id-in/CDev1")));
	ck_assert(who_in_domain(STR("//m2m.sp"), STR("//m2m.sp/id-in")));
	ck_assert(!who_in_domain(STR("//m2m.sp"), STR("//m2m.spx/id-in")));
	ck_assert(!who_in_domain(STR("//m2m.sp"), STR("//m2m.sp")));
	ck_assert(!who_in_domain(STR("//m2m.sp"), STR("//x.m2m.sp/id-in")));
	ck_assert(!who_in_domain(STR("//m2m.sp"), STR_NONE));
}
END_TEST

START_TEST(bounds)
{
	char text[WHO_MAX_BYTES + 1];
	struct arena a;
	struct who w;

	memset(text, 'C', sizeof(text));
	arena_init(&a, 1024);
	ck_assert(who_parse(&a, str_make(text, 200), &self, false, &w) == 0 && w.kind == WHO_ENTITY);
	/* Too long for an entity. */
	ck_assert(who_parse(&a, str_make(text, 201), &self, false, &w) != 0 || w.kind != WHO_ENTITY);
	ck_assert_int_lt(who_parse(&a, str_make(text, WHO_MAX_BYTES + 1), &self, false, &w), 0);
	arena_fini(&a);
}
END_TEST

/* A domain name has no case (RFC 1123). */
START_TEST(case_of_domains)
{
	const struct addr_self big = { STR("M2M.sp"), STR("id-in"), STR("cse-in") };
	struct arena a;
	struct who w;

	arena_init(&a, 1024);
	ck_assert(who_parse(&a, STR("CDev1"), &big, false, &w) == 0);
	ck_assert(str_eqz(w.abs, "//m2m.sp/id-in/CDev1") && str_eqz(w.stem, "CDev1"));
	ck_assert(who_parse(&a, STR("//M2m.SP/id-in/CDev1"), &self, false, &w) == 0 && str_eqz(w.stem, "CDev1"));
	ck_assert(who_parse(&a, STR("//M2m.SP"), &self, false, &w) == 0 && str_eqz(w.abs, "//m2m.sp"));
	ck_assert(who_parse(&a, STR("/SDev1"), &big, false, &w) == 0 && str_eqz(w.stem, "SDev1"));
	arena_fini(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("who");
	TCase *t = tcase_create("who");
	SRunner *r;
	int failed;

	tcase_add_test(t, forms);
	tcase_add_test(t, absolute_is_stable);
	tcase_add_test(t, patterns);
	tcase_add_test(t, domains);
	tcase_add_test(t, bounds);
	tcase_add_test(t, case_of_domains);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
