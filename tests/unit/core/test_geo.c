/* SPDX-License-Identifier: Apache-2.0 */
/* Places: coordinates of RFC 7946, and figures whose relation anybody sees. */
#include "cse/core/geo.h"

#include <check.h>
#include <stdio.h>
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

static struct geo *read(enum geo_type type, const char *text)
{
	const char *fault = "";
	struct geo *g = geo_parse(&arena, type, str_of(text), GEO_POINTS_MAX, &fault);

	ck_assert_msg(g != NULL, "%s: %s", text, fault);
	return g;
}

#define SQUARE "[[[0,0],[10,0],[10,10],[0,10],[0,0]]]"
#define RING "[[[0,0],[10,0],[10,10],[0,10],[0,0]],[[4,4],[6,4],[6,6],[4,6],[4,4]]]"
#define ELL "[[[0,0],[10,0],[10,2],[2,2],[2,10],[0,10],[0,0]]]"

struct row {
	enum geo_type ta;
	const char *a;
	enum geo_type tb;
	const char *b;
	bool within, meets;
};

static void compare(const struct row *r)
{
	const struct geo *a = read(r->ta, r->a), *b = read(r->tb, r->b);

	ck_assert_msg(geo_match(GEO_WITHIN, a, b) == r->within, "%s within %s", r->a, r->b);
	ck_assert_msg(geo_match(GEO_CONTAINS, b, a) == r->within, "%s contains %s", r->b, r->a);
	ck_assert_msg(geo_match(GEO_INTERSECTS, a, b) == r->meets, "%s meets %s", r->a, r->b);
	ck_assert_msg(geo_match(GEO_INTERSECTS, b, a) == r->meets, "%s meets %s", r->b, r->a);
}

START_TEST(points)
{
	static const struct row rows[] = {
		{ GEO_POINT, "[5,5]", GEO_POLYGON, SQUARE, true, true },
		{ GEO_POINT, "[5,5,100]", GEO_POLYGON, SQUARE, true, true },
		{ GEO_POINT, "[10,5]", GEO_POLYGON, SQUARE, true, true },
		{ GEO_POINT, "[0,0]", GEO_POLYGON, SQUARE, true, true },
		{ GEO_POINT, "[10.001,5]", GEO_POLYGON, SQUARE, false, false },
		{ GEO_POINT, "[5,5]", GEO_POLYGON, RING, false, false },
		{ GEO_POINT, "[4,5]", GEO_POLYGON, RING, true, true },
		{ GEO_POINT, "[3,3]", GEO_POLYGON, RING, true, true },
		{ GEO_POINT, "[5,5]", GEO_POLYGON, ELL, false, false },
		{ GEO_POINT, "[1,9]", GEO_POLYGON, ELL, true, true },
		{ GEO_POINT, "[1,1]", GEO_POINT, "[1,1]", true, true },
		{ GEO_POINT, "[1,1]", GEO_POINT, "[1,1.1]", false, false },
		{ GEO_POINT, "[1,1]", GEO_LINE, "[[0,0],[2,2]]", true, true },
		{ GEO_POINT, "[1,1.1]", GEO_LINE, "[[0,0],[2,2]]", false, false },
		{ GEO_POINT, "[1,1]", GEO_POINTS, "[[0,0],[1,1]]", true, true },
		{ GEO_POINTS, "[[1,1],[20,20]]", GEO_POLYGON, SQUARE, false, true },
		{ GEO_POINTS, "[[1,1],[2,2]]", GEO_POLYGON, SQUARE, true, true },
		{ GEO_POINT, "[25,5]", GEO_POLYGONS, "[" SQUARE ",[[[20,0],[30,0],[30,10],[20,10],[20,0]]]]", true, true },
		{ GEO_POINT, "[15,5]", GEO_POLYGONS, "[" SQUARE ",[[[20,0],[30,0],[30,10],[20,10],[20,0]]]]", false, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		compare(&rows[i]);
}
END_TEST

START_TEST(lines)
{
	static const struct row rows[] = {
		{ GEO_LINE, "[[1,1],[9,9]]", GEO_POLYGON, SQUARE, true, true },
		{ GEO_LINE, "[[0,0],[10,0]]", GEO_POLYGON, SQUARE, true, true },
		{ GEO_LINE, "[[1,1],[11,1]]", GEO_POLYGON, SQUARE, false, true },
		{ GEO_LINE, "[[-5,5],[15,5]]", GEO_POLYGON, SQUARE, false, true },
		{ GEO_LINE, "[[11,0],[11,10]]", GEO_POLYGON, SQUARE, false, false },
		{ GEO_LINE, "[[1,5],[9,5]]", GEO_POLYGON, RING, false, true },
		{ GEO_LINE, "[[4.5,5],[5.5,5]]", GEO_POLYGON, RING, false, false },
		{ GEO_LINE, "[[1,1],[9,1]]", GEO_POLYGON, ELL, true, true },
		/* Both ends lie inside, the middle does not. */
		{ GEO_LINE, "[[9,1],[1,9]]", GEO_POLYGON, ELL, false, true },
		{ GEO_LINE, "[[1,1],[2,2]]", GEO_LINE, "[[0,0],[5,5]]", true, true },
		{ GEO_LINE, "[[1,1],[6,6]]", GEO_LINE, "[[0,0],[5,5]]", false, true },
		{ GEO_LINE, "[[0,5],[5,0]]", GEO_LINE, "[[0,0],[5,5]]", false, true },
		{ GEO_LINE, "[[6,0],[6,5]]", GEO_LINE, "[[0,0],[5,5]]", false, false },
		{ GEO_LINES, "[[[1,1],[2,2]],[[3,3],[4,4]]]", GEO_LINE, "[[0,0],[5,5]]", true, true },
		/* Through two polygons that share a border. */
		{ GEO_LINE, "[[5,5],[15,5]]", GEO_POLYGONS, "[" SQUARE ",[[[10,0],[20,0],[20,10],[10,10],[10,0]]]]", true, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		compare(&rows[i]);
}
END_TEST

START_TEST(polygons)
{
	static const struct row rows[] = {
		{ GEO_POLYGON, "[[[1,1],[2,1],[2,2],[1,2],[1,1]]]", GEO_POLYGON, SQUARE, true, true },
		{ GEO_POLYGON, SQUARE, GEO_POLYGON, SQUARE, true, true },
		{ GEO_POLYGON, "[[[1,1],[12,1],[12,2],[1,2],[1,1]]]", GEO_POLYGON, SQUARE, false, true },
		{ GEO_POLYGON, "[[[11,11],[12,11],[12,12],[11,12],[11,11]]]", GEO_POLYGON, SQUARE, false, false },
		/* Around the hole, within the hole, and with the hole. */
		{ GEO_POLYGON, "[[[3,3],[7,3],[7,7],[3,7],[3,3]]]", GEO_POLYGON, RING, false, true },
		{ GEO_POLYGON, "[[[4.5,4.5],[5.5,4.5],[5.5,5.5],[4.5,5.5],[4.5,4.5]]]", GEO_POLYGON, RING, false, false },
		{ GEO_POLYGON, "[[[4,4],[6,4],[6,6],[4,6],[4,4]]]", GEO_POLYGON, RING, false, true },
		{ GEO_POLYGON, RING, GEO_POLYGON, SQUARE, true, true },
		{ GEO_POLYGON, SQUARE, GEO_POLYGON, RING, false, true },
		{ GEO_POLYGON, RING, GEO_POLYGON, RING, true, true },
		/* No vertex of one in the other, and yet they cross. */
		{ GEO_POLYGON, "[[[-5,4],[15,4],[15,6],[-5,6],[-5,4]]]", GEO_POLYGON, "[[[4,-5],[6,-5],[6,15],[4,15],[4,-5]]]", false, true },
		{ GEO_POLYGON, SQUARE, GEO_LINE, "[[0,0],[10,0],[10,10],[0,10],[0,0]]", false, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		compare(&rows[i]);
}
END_TEST

START_TEST(malformed)
{
	static const struct {
		enum geo_type type;
		const char *text;
	} bad[] = { { GEO_POINT, "" }, { GEO_POINT, "[]" }, { GEO_POINT, "[1]" }, { GEO_POINT, "[1,2" }, { GEO_POINT, "[1,2]]" }, { GEO_POINT, "[1,2,3,4]" },
		        { GEO_POINT, "[\"1\",2]" }, { GEO_POINT, "[181,0]" }, { GEO_POINT, "[0,-90.1]" }, { GEO_POINT, "[[1,2]]" }, { GEO_POINT, "1,2" },
		        { GEO_LINE, "[[1,2]]" }, { GEO_LINE, "[1,2]" }, { GEO_LINE, "[[1,2],[3,4]" }, { GEO_POLYGON, "[[0,0],[1,0],[1,1],[0,0]]" },
		        { GEO_POLYGON, "[[[0,0],[1,0],[0,0]]]" }, { GEO_POLYGON, "[[[0,0],[1,0],[1,1],[0,1]]]" }, { GEO_POLYGONS, SQUARE },
		        { GEO_POINTS, "[1,2]" }, { GEO_LINES, "[[1,2],[3,4]]" }, { (enum geo_type)0, "[1,2]" }, { GEO_POINT, "[1e999,0]" }, { GEO_POINT, "[nan,0]" } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *fault = NULL;

		ck_assert_msg(!geo_parse(&arena, bad[i].type, str_of(bad[i].text), 100, &fault), "'%s'", bad[i].text);
		ck_assert_ptr_nonnull(fault);
	}
}
END_TEST

static struct geo *zigzag(unsigned n, const char **fault)
{
	char *text = arena_alloc(&arena, n * 16 + 16);
	size_t at = 0;

	text[at++] = '[';
	for (unsigned i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, 16, "%s[%u,%u]", i ? "," : "", i % 170, i % 2 * 80);
	text[at++] = ']';
	return geo_parse(&arena, GEO_LINE, str_make(text, at), GEO_POINTS_MAX, fault);
}

START_TEST(bounds)
{
	const char *fault;
	struct geo *a = zigzag(GEO_POINTS_MAX, &fault);

	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_null(zigzag(GEO_POINTS_MAX + 1, &fault));
	/* Too many crossings to follow: given up, and then nothing holds. */
	ck_assert(!geo_match(GEO_WITHIN, a, a));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("geo");
	TCase *t = tcase_create("places");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, points);
	tcase_add_test(t, lines);
	tcase_add_test(t, polygons);
	tcase_add_test(t, malformed);
	tcase_add_test(t, bounds);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
