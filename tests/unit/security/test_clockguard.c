/* SPDX-License-Identifier: Apache-2.0 */
/* Doubt about the wall clock, with a clock that the test moves: security-model 5.4. */
#include <stdlib.h>

#include "tests/unit/security/room.h"

#define MINUTE INT64_C(60000000)

static struct room room;

static void setup(void)
{
	room_init(&room);
}

static void teardown(void)
{
	room_fini(&room);
}

START_TEST(progress_is_trusted)
{
	int i;

	for (i = 0; i < 1000; i++) {
		clock_advance_us(room.clock, 60 * MINUTE);
		ck_assert(!clockguard_tick(room.sec) && !clockguard_doubtful(room.sec));
	}
}
END_TEST

/* More than ten minutes away from monotonic progress, either way; agreement ends the doubt. */
START_TEST(jumps)
{
	static const int64_t by[] = { 10 * MINUTE + 1, -10 * MINUTE - 1, 24 * 60 * MINUTE, -24 * 60 * MINUTE };
	size_t i;

	for (i = 0; i < ARRAY_LEN(by); i++) {
		clock_jump_us(room.clock, by[i]);
		ck_assert(clockguard_tick(room.sec) && clockguard_doubtful(room.sec));
		clock_advance_us(room.clock, MINUTE);
		ck_assert(clockguard_tick(room.sec));
		clock_jump_us(room.clock, -by[i]);
		ck_assert(!clockguard_tick(room.sec) && !clockguard_doubtful(room.sec));
		ck_assert_uint_eq(room_count(&room, "EV_CLOCK_DOUBTFUL"), i + 1);
	}
}
END_TEST

/* Small steps are no alarm, but they add up. */
START_TEST(steps_add_up)
{
	clock_jump_us(room.clock, 5 * MINUTE);
	ck_assert(!clockguard_tick(room.sec));
	clock_jump_us(room.clock, 5 * MINUTE);
	ck_assert(!clockguard_tick(room.sec));
	clock_jump_us(room.clock, 1);
	ck_assert(clockguard_tick(room.sec));
}
END_TEST

START_TEST(accepted)
{
	clock_jump_us(room.clock, -60 * MINUTE);
	ck_assert(clockguard_tick(room.sec));
	clockguard_accept(room.sec);
	ck_assert(!clockguard_tick(room.sec));
	ck_assert_uint_eq(room_count(&room, "EV_CLOCK_ACCEPTED"), 1);
	/* From here on it is measured. */
	clock_jump_us(room.clock, 60 * MINUTE);
	ck_assert(clockguard_tick(room.sec));
}
END_TEST

static void commit_something(void)
{
	struct tx *tx = store_begin(room.store, &room.a, TX_WRITE);

	store_touch(tx, store_root(tx));
	room_commit(&room, tx);
	audit_flush(room.sec);
}

/* A certificate that has ended is not good again because somebody sets the clock back. */
START_TEST(what_has_ended_stays_so)
{
	struct cred_info c = room_cred(&room, "cdev1", CRED_DEVICE, "CDev1");
	struct peer *p = NULL;

	ck_assert_int_eq(peer_of_certificate(room.sec, c.fingerprint, NULL, &p), 0);
	clock_advance_us(room.clock, ROOM_DAY + MINUTE);
	clockguard_tick(room.sec);
	ck_assert(!peer_is_live(room.sec, p));
	peer_unref(p);
	ck_assert_int_eq(peer_of_certificate(room.sec, c.fingerprint, NULL, &p), E_DENIED);
	commit_something();
	for (int restart = 0; restart < 2; restart++) {
		clock_jump_us(room.clock, -ROOM_DAY / 2);
		if (restart)
			room_restart(&room);
		ck_assert(clockguard_tick(room.sec));
		ck_assert_int_eq(peer_of_certificate(room.sec, c.fingerprint, NULL, &p), E_DENIED);
		ck_assert_int_ge(clockguard_least_us(room.sec), ROOM_NOW + ROOM_DAY);
		clock_jump_us(room.clock, ROOM_DAY / 2);
		ck_assert(!clockguard_tick(room.sec));
		ck_assert_int_eq(clockguard_least_us(room.sec), clock_wall_us(room.clock));
	}
	/* The administrator says that the clock is right: then it is. */
	clock_jump_us(room.clock, -ROOM_DAY / 2);
	clockguard_accept(room.sec);
	ck_assert(!clockguard_tick(room.sec));
	ck_assert_int_eq(peer_of_certificate(room.sec, c.fingerprint, NULL, &p), 0);
	peer_unref(p);
}
END_TEST

/* Before the newest commit at start: doubtful until the time has come, or the administrator says so. */
START_TEST(start_before_the_last_commit)
{
	commit_something();
	ck_assert(store_last_seen(room.store) >= ROOM_NOW);
	clock_jump_us(room.clock, -5 * MINUTE);
	room_restart(&room);
	ck_assert(clockguard_doubtful(room.sec));
	clock_advance_us(room.clock, 4 * MINUTE);
	ck_assert(clockguard_tick(room.sec));
	clock_advance_us(room.clock, MINUTE);
	ck_assert(!clockguard_tick(room.sec));
}
END_TEST

START_TEST(start_before_the_last_commit_accepted)
{
	commit_something();
	clock_jump_us(room.clock, -24 * 60 * MINUTE);
	room_restart(&room);
	ck_assert(clockguard_doubtful(room.sec));
	ck_assert_uint_eq(room_count(&room, "EV_CLOCK_DOUBTFUL"), 1);
	clockguard_accept(room.sec);
	ck_assert(!clockguard_tick(room.sec));
	clock_advance_us(room.clock, MINUTE);
	ck_assert(!clockguard_tick(room.sec));
	/* The next start does not ask again: what was later was wrong.  A later commit than that counts again. */
	room_restart(&room);
	ck_assert(!clockguard_doubtful(room.sec));
	clock_advance_us(room.clock, 2 * 24 * 60 * MINUTE);
	ck_assert(!clockguard_tick(room.sec));
	commit_something();
	clock_jump_us(room.clock, -60 * MINUTE);
	room_restart(&room);
	ck_assert(clockguard_doubtful(room.sec));
}
END_TEST

/* What was written while somebody had turned the clock ahead does not make the right time look early. */
START_TEST(turned_ahead_for_a_while)
{
	int64_t seen;

	commit_something();
	seen = store_last_seen(room.store);
	clock_jump_us(room.clock, 24 * 60 * MINUTE);
	commit_something(); /* nobody has noticed yet */
	ck_assert(clockguard_tick(room.sec));
	commit_something();
	ck_assert_int_eq(store_last_seen(room.store), seen);
	clock_jump_us(room.clock, -24 * 60 * MINUTE);
	ck_assert(!clockguard_tick(room.sec));
	room_restart(&room);
	ck_assert(!clockguard_doubtful(room.sec));
	/* Taken for right, it is. */
	clock_jump_us(room.clock, 24 * 60 * MINUTE);
	clockguard_accept(room.sec);
	ck_assert(!clockguard_tick(room.sec));
	commit_something();
	ck_assert_int_gt(store_last_seen(room.store), seen);
}
END_TEST

/* Revocation works while the clock is doubtful, and no certificate ends by it. */
START_TEST(credentials_meanwhile)
{
	struct cred_info c = room_cred(&room, "c1", CRED_DEVICE, "CDev1");
	struct peer *p = room_peer(&room, "c1");

	clock_jump_us(room.clock, 10 * ROOM_DAY);
	ck_assert(clockguard_tick(room.sec));
	ck_assert(peer_is_live(room.sec, p));
	c.state = CRED_REVOKED;
	room_put_cred(&room, &c);
	ck_assert(!peer_is_live(room.sec, p));
	peer_unref(p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("clockguard");
	TCase *t = tcase_create("clockguard");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, progress_is_trusted);
	tcase_add_test(t, jumps);
	tcase_add_test(t, steps_add_up);
	tcase_add_test(t, accepted);
	tcase_add_test(t, what_has_ended_stays_so);
	tcase_add_test(t, start_before_the_last_commit);
	tcase_add_test(t, start_before_the_last_commit_accepted);
	tcase_add_test(t, turned_ahead_for_a_while);
	tcase_add_test(t, credentials_meanwhile);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
