/* SPDX-License-Identifier: Apache-2.0 */
/* Signs of life: as often as is wanted, and none while a loop stands still. */
#include "cse/watchdog.h"

#include <check.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cse/base/clock.h"
#include "cse/base/sd.h"

enum { LOOPS = 3, WANTED_MS = 4000 };

static struct cse c;
static struct sd sd;
static int manager;

static void setup(void)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
	manager = pair[0];
	sd = (struct sd){ .fd = pair[1], .watchdog_ns = INT64_C(1000000) * WANTED_MS };
	memset(&c, 0, sizeof(c));
	c.clock = clock_new_fake(0);
	c.sd = &sd;
	c.n_loops = LOOPS;
	c.loops = calloc(LOOPS, sizeof(*c.loops));
	for (unsigned i = 0; i < LOOPS; i++)
		c.loops[i] = loop_new(c.clock, i, &c);
}

static void teardown(void)
{
	for (unsigned i = 0; i < LOOPS; i++)
		loop_free(c.loops[i]);
	free(c.loops);
	clock_free(c.clock);
	sd_fini(&sd);
	close(manager);
}

/* A second goes by; loops from `first` on turn. */
static void second(unsigned first, unsigned but)
{
	clock_advance_us(c.clock, 1000000);
	for (unsigned i = first; i < LOOPS; i++)
		if (i != but)
			for (int k = 0; k < 3; k++)
				loop_turn(c.loops[i], 0);
}

static unsigned signs(void)
{
	char text[64];
	unsigned n = 0;
	ssize_t got;

	while ((got = recv(manager, text, sizeof(text), 0)) > 0) {
		ck_assert(str_eqz(str_make(text, (size_t)got), "WATCHDOG=1\n"));
		n++;
	}
	return n;
}

START_TEST(while_all_turn)
{
	struct watchdog *w = watchdog_new(&c);

	ck_assert_ptr_nonnull(w);
	for (int i = 0; i < 8; i++)
		second(0, LOOPS);
	/* Twice the time in which one is wanted, and a good many more than two. */
	ck_assert_uint_ge(signs(), 6);
	watchdog_free(w);
	second(0, LOOPS);
	ck_assert_uint_eq(signs(), 0);
}
END_TEST

START_TEST(none_while_one_stands_still)
{
	struct watchdog *w = watchdog_new(&c);

	for (int i = 0; i < 4; i++)
		second(0, LOOPS);
	ck_assert_uint_ge(signs(), 2);
	/* The one that it has been asked for already may still be said. */
	second(0, 2);
	signs();
	for (int i = 0; i < 10; i++)
		second(0, 2);
	ck_assert_uint_eq(signs(), 0);
	/* It turns again. */
	second(0, LOOPS);
	second(0, LOOPS);
	ck_assert_uint_ge(signs(), 1);
	watchdog_free(w);
}
END_TEST

START_TEST(nobody_wants_one)
{
	sd.watchdog_ns = 0;
	ck_assert_ptr_null(watchdog_new(&c));
	c.sd = NULL;
	ck_assert_ptr_null(watchdog_new(&c));
	watchdog_free(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("watchdog");
	TCase *t = tcase_create("watchdog");

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, while_all_turn);
	tcase_add_test(t, none_while_one_stands_still);
	tcase_add_test(t, nobody_wants_one);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
