/* SPDX-License-Identifier: Apache-2.0 */
/* Content queries: the keywords of TS-0001 J.2, the examples of RFC 9535 1.5 and 2.3, bounds. */
#include "cse/core/jpath.h"

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

static bool ask(const char *query, const char *content)
{
	struct why w = { .rsc = RSC_NONE };
	struct jpath *q;

	ck_assert_msg(jpath_parse(&arena, str_of(query), &q, &w) == RSC_NONE, "%s: %s", query, w.text);
	return jpath_match(q, &arena, str_of(content));
}

struct row {
	const char *query;
	bool yes;
};

static void ask_all(const struct row *rows, size_t n, const char *content)
{
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(ask(rows[i].query, content) == rows[i].yes, "%s should %s", rows[i].query, rows[i].yes ? "match" : "not match");
}

START_TEST(keywords_of_annex_j)
{
	static const char content[] = "{ \"temp\": 21.5, \"name\": \"kitchen lamp\", \"list\": [1, 2, {\"x\": \"y\"}], \"a b\": 1, \"on\": true }";
	static const struct row rows[] = {
		{ "$.temp EQ 21.5", true }, { "$.temp EQ 2.15e1", true }, { "$.temp EQ 21", false }, { "$.temp NE 21", true },
		{ "$.temp GT 21", true }, { "$.temp GT 21.5", false }, { "$.temp GE 21.5", true }, { "$.temp LT 22", true },
		{ "$.temp LE 21.5", true }, { "$.temp LT 21.5", false }, { "$.name EQ \"kitchen lamp\"", true }, { "$.name EQ kitchen", false },
		{ "$.name NE kitchen", true }, { "$.name MATCH chen", true }, { "$.name MATCH \"n l\"", true }, { "$.name MATCH \"N l\"", false },
		{ "$.temp MATCH 2", false }, { "$.name GT 3", false }, { "$.list[1] EQ 2", true }, { "$.list[2].x EQ y", true },
		{ "$.list[3] EQ 2", false }, { "$.\"a b\" EQ 1", true }, { "$.none NE 1", false }, { "$.none EQ 1", false }, { "$.on EQ true", true },
		{ "$.temp GT 21 AND $.list[0] EQ 1", true }, { "$.temp GT 22 AND $.list[0] EQ 1", false }, { "$.temp GT 22 OR $.list[0] EQ 1", true },
		{ "$.temp GT 22 AND $.on EQ true OR $.list[0] EQ 1", true }, { "$.list[0] EQ 1 OR $.temp GT 22 AND $.on EQ false", true },
		{ "($.list[0] EQ 1 OR $.temp GT 22) AND $.on EQ false", false }
	};

	ask_all(rows, sizeof(rows) / sizeof(rows[0]), content);
	ck_assert(ask("$ EQ 5", "5"));
	ck_assert(ask("$ EQ \"5\"", "\"5\""));
	ck_assert(!ask("$ EQ 5", "\"5\""));
	ck_assert(ask("$ MATCH an", "\"banana\""));
	ck_assert(ask("$[1] GT 3", "[1, 4]"));
}
END_TEST

static const char store[] =
    "{ \"store\": { \"book\": [ { \"category\": \"reference\", \"author\": \"Nigel Rees\", \"title\": \"Sayings of the Century\", \"price\": 8.95 },"
    " { \"category\": \"fiction\", \"author\": \"Evelyn Waugh\", \"title\": \"Sword of Honour\", \"price\": 12.99 },"
    " { \"category\": \"fiction\", \"author\": \"Herman Melville\", \"title\": \"Moby Dick\", \"isbn\": \"0-553-21311-3\", \"price\": 8.99 },"
    " { \"category\": \"fiction\", \"author\": \"J. R. R. Tolkien\", \"title\": \"The Lord of the Rings\", \"isbn\": \"0-395-19395-8\", \"price\": 22.99 } ],"
    " \"bicycle\": { \"color\": \"red\", \"price\": 399 } } }";

/* The document and the queries of RFC 9535 1.5; what a query finds is told by a comparison with what must be found. */
START_TEST(bookstore_of_rfc_9535)
{
	static const struct row rows[] = {
		{ "$.store.book[*].author", true }, { "$..author", true }, { "$.store.*", true }, { "$.store..price", true }, { "$..book[2]", true },
		{ "$..book[2].author EQ \"Herman Melville\"", true }, { "$..book[2].publisher", false }, { "$..book[-1].title MATCH Rings", true },
		{ "$..book[0,1].title MATCH Sword", true }, { "$..book[:2].title MATCH Sword", true }, { "$..book[:2].title MATCH Moby", false },
		{ "$..book[?@.isbn]", true }, { "$..book[?@.isbn].title MATCH Moby", true }, { "$..book[?@.isbn].title MATCH Sword", false },
		{ "$..book[?@.price<10].title MATCH Moby", true }, { "$..book[?@.price<10].title MATCH Lord", false },
		{ "$..book[?@.price < 10 && @.category == 'fiction'].title MATCH Sayings", false }, { "$..book[?@.price < 10 || @.price > 20].title MATCH Lord", true },
		{ "$..book[?!@.isbn].title MATCH Sword", true }, { "$..book[?!@.isbn].title MATCH Moby", false }, { "$..*", true },
		{ "$['store'][\"bicycle\"]['color'] EQ red", true }, { "$.store.bicycle[?@ == 'red']", true }, { "$.store.bicycle[?@ == 'blue']", false },
		{ "$.store.book[?@.price == $.store.book[2].price].title MATCH Moby", true }, { "$..book[?@.author == \"Nigel Rees\"]", true },
		{ "$..book[::2].title MATCH Moby", true }, { "$..book[::2].title MATCH Sword", false }, { "$..book[::-1].title MATCH Sword", true },
		{ "$..book[1:-1].title MATCH Lord", false }, { "$..book[1:-1].title MATCH Moby", true }, { "$..book[5]", false }, { "$..book[-5]", false }
	};

	ask_all(rows, sizeof(rows) / sizeof(rows[0]), store);
}
END_TEST

/* RFC 9535 2.3.5.2.2: comparisons, of values that are there or not. */
START_TEST(comparisons_of_rfc_9535)
{
	static const char content[] = "{\"obj\": {\"x\": \"y\"}, \"arr\": [2, 3], \"n\": null, \"big\": 9007199254740993}";
	static const struct row rows[] = {
		{ "$.absent1 == $.absent2", true }, { "$.absent1 <= $.absent2", true }, { "$.absent == 'g'", false }, { "$.absent1 != $.absent2", false },
		{ "$.absent != 'g'", true }, { "1 <= 2", true }, { "1 > 2", false }, { "13 == '13'", false }, { "'a' <= 'b'", true }, { "'a' > 'b'", false },
		{ "$.obj == $.arr", false }, { "$.obj != $.arr", true }, { "$.obj == $.obj", true }, { "$.arr == $.arr", true }, { "$.obj == 17", false },
		{ "$.obj != 17", true }, { "$.obj <= $.arr", false }, { "$.obj < $.arr", false }, { "$.obj <= $.obj", true }, { "1 <= $.arr", false },
		{ "1 >= $.arr", false }, { "1 > $.arr", false }, { "true <= true", true }, { "true > true", false }, { "$.n == null", true },
		{ "$.big == 9007199254740993", true }, { "$.big == 9007199254740992", false }
	};

	ask_all(rows, sizeof(rows) / sizeof(rows[0]), content);
}
END_TEST

START_TEST(names_with_escapes)
{
	ck_assert(ask("$.k\xc3\xa9y EQ 1", "{\"k\\u00e9y\": 1}"));
	ck_assert(ask("$['a\\'b'] EQ 1", "{\"a'b\": 1}"));
	ck_assert(ask("$.a EQ \"line\\nbreak\"", "{\"a\": \"line\\nbreak\"}"));
	ck_assert(ask("$.m2m:cin.con EQ 1", "{\"m2m:cin\": {\"con\": 1}}"));
}
END_TEST

START_TEST(malformed)
{
	static const char *const bad[] = { "", " ", "x", "$.", "$.a.", "$[", "$[]", "$[a]", "$['a]", "$[1", "$.a EQ", "$.a EQ \"x", "$.a LIKE 3", "$.a GT 3 4",
		                               "$.a AND", "AND $.a", "($.a", "$.a)", "$[?]", "$[?@.a", "$[?@.a ==]", "$[?@..a == 1]", "$[?@[*] == 1]", "3", "$.a == ",
		                               "$.a EQ $.b", "'a' EQ 'b'", "$[1.5]", "$[99999999999]", "$.a \x01", "$..", "$[1:2:3:4]", "$.a EQ \"\\u0041\"",
		                               "!", "$.a !== 1", "$.length()" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct why w = { .rsc = RSC_NONE };
		struct jpath *q;

		ck_assert_msg(jpath_parse(&arena, str_of(bad[i]), &q, &w) == RSC_BAD_REQUEST, "'%s'", bad[i]);
		ck_assert_ptr_nonnull(strstr(w.text, "cfq"));
	}
}
END_TEST

static enum rsc parse_many(const char *begin, const char *again, const char *end, unsigned n)
{
	char *text = arena_alloc(&arena, strlen(begin) + n * strlen(again) + n * strlen(end) + 2), *p = text;
	struct why w = { .rsc = RSC_NONE };
	struct jpath *q;

	p = stpcpy(p, begin);
	for (unsigned i = 0; i < n; i++)
		p = stpcpy(p, again);
	for (unsigned i = 0; *end && i < n; i++)
		p = stpcpy(p, end);
	return jpath_parse(&arena, str_make(text, (size_t)(p - text)), &q, &w);
}

START_TEST(bounds_of_a_query)
{
	ck_assert_int_eq(parse_many("$", ".a", "", 200), RSC_NONE);
	ck_assert_int_eq(parse_many("$", ".a", "", JPATH_PARTS + 1), RSC_BAD_REQUEST);
	ck_assert_int_eq(parse_many("$.", "a", "", JPATH_BYTES), RSC_BAD_REQUEST);
	ck_assert_int_eq(parse_many("", "(", "", 3), RSC_BAD_REQUEST);
	ck_assert_int_eq(parse_many("$", "[?@", "]", JPATH_DEPTH), RSC_NONE);
	ck_assert_int_eq(parse_many("$", "[?@", "]", JPATH_DEPTH + 1), RSC_BAD_REQUEST);
	ck_assert_int_eq(parse_many("", "!", "", JPATH_DEPTH + 2), RSC_BAD_REQUEST);
}
END_TEST

/* A content that would take too long is given up, and then it does not match, whatever the query says of it. */
START_TEST(work_has_a_bound)
{
	enum { VALUES = 4000 };
	char *text = arena_alloc(&arena, VALUES * 2 + 3), *p = text;

	*p++ = '[';
	for (int i = 0; i < VALUES; i++) {
		*p++ = '1';
		*p++ = i + 1 < VALUES ? ',' : ']';
	}
	*p = '\0';
	ck_assert(ask("$[3999] EQ 1", text));
	ck_assert(ask("!($[?@ == 2])", text));
	ck_assert(!ask("$[?$[-1] == 2]", text));
	ck_assert(!ask("!($[?$[-1] == 2])", text));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("jpath");
	TCase *t = tcase_create("queries");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, keywords_of_annex_j);
	tcase_add_test(t, bookstore_of_rfc_9535);
	tcase_add_test(t, comparisons_of_rfc_9535);
	tcase_add_test(t, names_with_escapes);
	tcase_add_test(t, malformed);
	tcase_add_test(t, bounds_of_a_query);
	tcase_add_test(t, work_has_a_bound);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
