/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting before a write: kept where it helps, left where everybody waits for it, and never asked of who comes alone. */
#include "db/gather_priv.h"

#include <check.h>

enum { US = 1000, SYNC = 150 * US, PAUSE = 700 * US };

/* A load of the model: how many are ready after a wait or without one, how many come in all. */
struct load {
	size_t plain, waited;
};

/* Runs it for ms; the share of batches that waited, in percent. */
static unsigned run(struct gather *g, struct load l, int64_t *now, int ms)
{
	int64_t end = *now + (int64_t)ms * 1000 * US;
	unsigned waits = 0, all = 0;

	while (*now < end) {
		bool wait = gather_wants(g, l.plain);
		*now += SYNC + (wait ? PAUSE : 0);
		gather_count(g, wait ? l.waited : l.plain, *now);
		waits += wait;
		all++;
	}
	return waits * 100 / all;
}

/* 10 are ready after each sync, at 67,000 a second; 60 come in the time of a wait. */
START_TEST(many_are_gathered)
{
	struct gather g = { 0 };
	int64_t now = 1;

	run(&g, (struct load){ 10, 66 }, &now, 2000);
	ck_assert_uint_gt(run(&g, (struct load){ 10, 66 }, &now, 1000), 75);
}
END_TEST

/* All 16 wait for the sync: who waits with them gets no more. */
START_TEST(few_do_not_wait_for_each_other)
{
	struct gather g = { 0 };
	int64_t now = 1;

	run(&g, (struct load){ 16, 16 }, &now, 2000);
	ck_assert_uint_lt(run(&g, (struct load){ 16, 16 }, &now, 4000), 3);
}
END_TEST

/* The load changes: the other way is found within half a second. */
START_TEST(a_change_is_noticed)
{
	struct gather g = { 0 };
	int64_t now = 1;

	run(&g, (struct load){ 16, 16 }, &now, 2000);
	run(&g, (struct load){ 10, 66 }, &now, 500);
	ck_assert_uint_gt(run(&g, (struct load){ 10, 66 }, &now, 1000), 75);
	run(&g, (struct load){ 16, 16 }, &now, 500);
	ck_assert_uint_lt(run(&g, (struct load){ 16, 16 }, &now, 4000), 3);
}
END_TEST

START_TEST(alone_is_never_made_to_wait)
{
	struct gather g = { .on = true };
	int64_t now = 1;

	for (size_t n = 0; n < 8; n++)
		ck_assert(!gather_wants(&g, n));
	ck_assert(gather_wants(&g, 8));
	ck_assert(!gather_wants(&g, 128));
	ck_assert_uint_eq(run(&g, (struct load){ 1, 1 }, &now, 1000), 0);
}
END_TEST

/* After a pause of the load, nothing of it is believed. */
START_TEST(a_pause_forgets)
{
	struct gather g = { 0 };
	int64_t now = 1;

	run(&g, (struct load){ 10, 66 }, &now, 2000);
	now += 1000000 * US;
	gather_count(&g, 10, now);
	ck_assert(!g.on && !g.rate[0] && !g.rate[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("gather");
	TCase *t = tcase_create("gather");

	tcase_add_test(t, many_are_gathered);
	tcase_add_test(t, few_do_not_wait_for_each_other);
	tcase_add_test(t, a_change_is_noticed);
	tcase_add_test(t, alone_is_never_made_to_wait);
	tcase_add_test(t, a_pause_forgets);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
