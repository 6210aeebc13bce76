/* SPDX-License-Identifier: Apache-2.0 */
/* Strikes and locks: proof, pairs of gateways, growing time, records.  security-model 4.1. */
#include <stdlib.h>

#include "security/lockout_priv.h"
#include "tests/unit/security/room.h"

#define SECOND INT64_C(1000000)

static struct room room;

static void setup(void)
{
	room_init(&room);
	room_cred(&room, "cdev1", CRED_DEVICE, "CDev1");
	room_cred(&room, "cdev2", CRED_DEVICE, "CDev2");
	room_cred(&room, "cgw", CRED_GATEWAY, "CG*");
	room_cred(&room, "cmn1", CRED_CSE, "/mn1");
}

static void teardown(void)
{
	room_fini(&room);
}

static bool admitted(const char *cred)
{
	struct peer *p = NULL;

	if (peer_of_credential(room.sec, str_of(cred), NULL, &p) != 0)
		return false;
	peer_unref(p);
	return true;
}

static void strike(const char *cred, enum strike what, const char *claimed)
{
	struct peer *p = room_peer(&room, cred);

	lockout_strike(room.sec, p, what, str_of(claimed));
	peer_unref(p);
}

static enum cred_state state_of(const char *cred)
{
	struct cred_info c;

	ck_assert(cred_find(room.sec, &room.a, str_of(cred), &c));
	return c.state;
}

struct found {
	unsigned n;
	struct lock_info last;
};

static void find(void *arg, const struct lock_info *l)
{
	struct found *f = arg;

	f->n++;
	f->last = *l;
}

static struct found locks(void)
{
	struct found f = { 0 };

	lockout_each(room.sec, &room.a, find, &f);
	return f;
}

START_TEST(attacks_lock_until_released)
{
	struct peer *p = room_peer(&room, "cdev1");

	lockout_strike(room.sec, p, STRIKE_FALSE_ORIGINATOR, STR("CDev2"));
	ck_assert(!peer_is_live(room.sec, p) && !admitted("cdev1") && admitted("cdev2"));
	ck_assert_int_eq(state_of("cdev1"), CRED_LOCKED);
	peer_unref(p);
	clock_advance_us(room.clock, 3600 * SECOND);
	ck_assert(!admitted("cdev1"));
	struct found f = locks();
	ck_assert_uint_eq(f.n, 1);
	ck_assert(str_eqz(f.last.cred_id, "cdev1") && f.last.originator.n == 0 && f.last.until_us == 0);
	ck_assert_int_eq(f.last.since_us, ROOM_NOW);
	ck_assert_int_eq(f.last.why, STRIKE_FALSE_ORIGINATOR);
	room_release(&room, "cdev1");
	ck_assert(admitted("cdev1"));
	ck_assert_int_eq(state_of("cdev1"), CRED_ACTIVE);
	ck_assert_uint_eq(locks().n, 0);
	ck_assert_uint_eq(room_count(&room, "EV_LOCKED"), 1);
	ck_assert_uint_eq(room_count(&room, "EV_RELEASED"), 1);
}
END_TEST

START_TEST(every_attack)
{
	static const enum strike attacks[] = { STRIKE_FALSE_ORIGINATOR, STRIKE_REPLAY, STRIKE_CODE_USED, STRIKE_FOREIGN_REQUEST,
		STRIKE_CLONE };

	for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
		lockout_strike_credential(room.sec, STR("cdev1"), attacks[i]);
		ck_assert(!admitted("cdev1"));
		room_release(&room, "cdev1");
		ck_assert(admitted("cdev1"));
	}
	/* Nobody of that name: nothing to lock. */
	lockout_strike_credential(room.sec, STR("cnone"), STRIKE_CLONE);
}
END_TEST

START_TEST(mistakes_lock_longer_and_longer)
{
	static const int seconds[] = { 5, 10, 20, 40, 80, 160, 320, 600, 600, 600 };

	strike("cdev1", STRIKE_UNKNOWN_NAME, "CX");
	strike("cdev1", STRIKE_UNKNOWN_NAME, "CX");
	for (size_t i = 0; i < ARRAY_LEN(seconds); i++) {
		strike("cdev1", STRIKE_UNKNOWN_NAME, "CX");
		ck_assert_int_eq(state_of("cdev1"), CRED_ACTIVE); /* its subscriptions go on */
		clock_advance_us(room.clock, seconds[i] * SECOND - 1);
		ck_assert_msg(!admitted("cdev1"), "%d s", seconds[i]);
		clock_advance_us(room.clock, 1);
		ck_assert_msg(admitted("cdev1"), "%d s", seconds[i]);
	}
	clock_advance_us(room.clock, 3601 * SECOND);
	strike("cdev1", STRIKE_UNKNOWN_NAME, "CX");
	strike("cdev1", STRIKE_UNKNOWN_NAME, "CX");
	ck_assert(admitted("cdev1"));
}
END_TEST

/* Whoever is behind a gateway locks neither it nor whom he names. */
START_TEST(gateways_lock_pairs)
{
	struct peer *gw = room_peer(&room, "cgw"), *mn = room_peer(&room, "cmn1");

	lockout_strike(room.sec, gw, STRIKE_FALSE_ORIGINATOR, STR("/id-in/CDev1"));
	lockout_strike(room.sec, mn, STRIKE_FALSE_ORIGINATOR, STR("CDev2"));
	ck_assert(peer_is_live(room.sec, gw) && peer_is_live(room.sec, mn));
	ck_assert(admitted("cgw") && admitted("cdev1") && admitted("cdev2"));
	/* One name, whatever form it was given in. */
	ck_assert(lockout_pair(room.sec, gw, STR("CDev1")) && !lockout_pair(room.sec, gw, STR("CDev2")));
	ck_assert(lockout_pair(room.sec, mn, STR("CDev2")) && !lockout_pair(room.sec, mn, STR("CDev1")));
	lockout_strike(room.sec, gw, STRIKE_FALSE_ORIGINATOR, STR("/mn1"));
	ck_assert(lockout_pair(room.sec, gw, STR("//troth.example/mn1")) && lockout_pair(room.sec, gw, STR("/mn1")));
	ck_assert(lockout_pair(room.sec, gw, STR("//troth.example/id-in/CDev1")) && !lockout_pair(room.sec, gw, STR("/mn2")));
	/* A name that nobody has is nothing, however often. */
	for (int i = 0; i < 20; i++)
		lockout_strike(room.sec, gw, STRIKE_UNKNOWN_NAME, STR("CG9"));
	ck_assert(!lockout_pair(room.sec, gw, STR("CG9")));
	ck_assert_uint_eq(locks().n, 3);
	audit_flush(room.sec);
	room_release(&room, "cgw");
	ck_assert(peer_is_live(room.sec, gw));
	ck_assert(!lockout_pair(room.sec, gw, STR("CDev1")) && lockout_pair(room.sec, mn, STR("CDev2")));
	peer_unref(gw);
	peer_unref(mn);
}
END_TEST

static int count_records(void *arg, struct str key, struct str value)
{
	(void)key;
	(void)value;
	++*(unsigned *)arg;
	return 0;
}

static unsigned records(void)
{
	unsigned n = 0;

	ck_assert_int_eq(store_rec_each(room.store, REC_LOCK, count_records, &n), 0);
	return n;
}

/* 100,000 names behind a gateway: memory and records are bounded. */
START_TEST(pairs_are_bounded)
{
	struct peer *gw = room_peer(&room, "cgw");
	char name[32];

	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "CVictim%d", i);
		lockout_strike(room.sec, gw, STRIKE_FALSE_ORIGINATOR, str_of(name));
		if (i % 10000 == 0)
			audit_flush(room.sec);
	}
	audit_flush(room.sec);
	ck_assert_uint_eq(locks().n, PAIRS_MAX);
	ck_assert_uint_eq(records(), PAIRS_MAX);
	ck_assert(lockout_pair(room.sec, gw, STR("CVictim99999")) && peer_is_live(room.sec, gw));
	room_release(&room, "cgw");
	ck_assert_uint_eq(locks().n, 0);
	ck_assert_uint_eq(records(), 0);
	peer_unref(gw);
}
END_TEST

/* The store has a lock that the ledger lost in a crash: no restore of an older store lets it in after the next start. */
START_TEST(the_ledger_catches_up)
{
	strike("cdev1", STRIKE_CLONE, "");
	strike("cmn1", STRIKE_FALSE_ORIGINATOR, "CDev2");
	audit_flush(room.sec);
	room_restart(&room); /* with an empty ledger */
	ck_assert(!admitted("cdev1"));
	ck_assert_uint_ne(ledger_when(security_ledger(room.sec), LEDGER_LOCKED, STR("cdev1")), 0);
	ck_assert_uint_eq(ledger_when(security_ledger(room.sec), LEDGER_LOCKED, STR("cmn1")), 0);
}
END_TEST

START_TEST(locks_survive_a_restart)
{
	struct peer *gw = room_peer(&room, "cgw");

	strike("cdev1", STRIKE_REPLAY, "CDev1");
	for (int i = 0; i < 3; i++)
		strike("cdev2", STRIKE_UNKNOWN_NAME, "CX");
	lockout_strike(room.sec, gw, STRIKE_FALSE_ORIGINATOR, STR("CDev2"));
	peer_unref(gw);
	audit_flush(room.sec);
	room_restart(&room);
	ck_assert(!admitted("cdev1") && !admitted("cdev2") && admitted("cgw"));
	ck_assert_int_eq(state_of("cdev1"), CRED_LOCKED);
	ck_assert_uint_eq(locks().n, 3);
	gw = room_peer(&room, "cgw");
	ck_assert(lockout_pair(room.sec, gw, STR("CDev2")));
	peer_unref(gw);
	clock_advance_us(room.clock, 5 * SECOND);
	ck_assert(admitted("cdev2") && !admitted("cdev1"));
	room_release(&room, "cdev1");
	room_restart(&room);
	ck_assert(admitted("cdev1") && admitted("cdev2"));
}
END_TEST

/* The clock was set back while it was off: no longer than the longest. */
START_TEST(clock_set_back)
{
	for (int i = 0; i < 3; i++)
		strike("cdev2", STRIKE_UNKNOWN_NAME, "CX");
	audit_flush(room.sec);
	clock_jump_us(room.clock, -30 * ROOM_DAY);
	room_restart(&room);
	ck_assert(!admitted("cdev2"));
	clock_advance_us(room.clock, 600 * SECOND);
	ck_assert(admitted("cdev2"));
}
END_TEST

/* What an administrator does with a locked credential keeps what the record says, and the lock. */
START_TEST(changes_while_locked)
{
	struct cred_info c;

	strike("cdev1", STRIKE_CLONE, "");
	ck_assert(cred_find(room.sec, &room.a, STR("cdev1"), &c));
	c.max_ae = 7;
	room_put_cred(&room, &c);
	ck_assert_int_eq(state_of("cdev1"), CRED_LOCKED);
	ck_assert(!admitted("cdev1"));
	c.state = CRED_SUSPENDED;
	room_put_cred(&room, &c);
	ck_assert_int_eq(state_of("cdev1"), CRED_SUSPENDED);
	c.state = CRED_ACTIVE;
	room_put_cred(&room, &c);
	ck_assert_int_eq(state_of("cdev1"), CRED_LOCKED);
	room_restart(&room);
	ck_assert(!admitted("cdev1"));
	room_release(&room, "cdev1");
	ck_assert_int_eq(state_of("cdev1"), CRED_ACTIVE);
	ck_assert(cred_find(room.sec, &room.a, STR("cdev1"), &c) && c.max_ae == 7);
}
END_TEST

START_TEST(release_of_what_is_not_locked)
{
	struct tx *tx = store_begin(room.store, &room.a, TX_WRITE);
	struct why why = { 0 };

	ck_assert_int_eq(lockout_release(room.sec, tx, STR("cdev1"), &why), E_ABSENT);
	ck_assert(why.text[0] != 0);
	store_end(tx);
}
END_TEST

/* A strike between the release and its being durable counts. */
START_TEST(struck_again_meanwhile)
{
	struct tx *tx;
	struct why why = { 0 };
	struct peer *p = room_peer(&room, "cdev1");

	lockout_strike(room.sec, p, STRIKE_REPLAY, STR("CDev1"));
	tx = store_begin(room.store, &room.a, TX_WRITE);
	ck_assert_int_eq(lockout_release(room.sec, tx, STR("cdev1"), &why), 0);
	room_commit(&room, tx);
	lockout_strike(room.sec, p, STRIKE_REPLAY, STR("CDev1"));
	lockout_apply_release(room.sec, STR("cdev1"));
	ck_assert(!admitted("cdev1"));
	peer_unref(p);
	audit_flush(room.sec);
	room_restart(&room);
	ck_assert(!admitted("cdev1"));
}
END_TEST

/* The record of a lock is written between its release and the release's being in effect: it does not come back. */
START_TEST(written_again_meanwhile)
{
	struct tx *tx;
	struct why why = { 0 };
	struct peer *p = room_peer(&room, "cdev1");

	/* Nobody else writes while this transaction is open. */
	tx = store_begin(room.store, &room.a, TX_WRITE);
	lockout_strike(room.sec, p, STRIKE_REPLAY, STR("CDev1"));
	ck_assert_int_eq(lockout_release(room.sec, tx, STR("cdev1"), &why), 0);
	room_commit(&room, tx);
	audit_flush(room.sec);
	lockout_apply_release(room.sec, STR("cdev1"));
	ck_assert(admitted("cdev1"));
	peer_unref(p);
	room_restart(&room);
	ck_assert(admitted("cdev1"));
}
END_TEST

/* Nothing but its record remembers a pair. */
START_TEST(a_pair_struck_again_meanwhile)
{
	struct tx *tx;
	struct why why = { 0 };
	struct peer *p = room_peer(&room, "cgw");

	lockout_strike(room.sec, p, STRIKE_REPLAY, STR("CGone"));
	audit_flush(room.sec);
	tx = store_begin(room.store, &room.a, TX_WRITE);
	ck_assert_int_eq(lockout_release(room.sec, tx, STR("cgw"), &why), 0);
	room_commit(&room, tx);
	lockout_strike(room.sec, p, STRIKE_REPLAY, STR("CGone"));
	lockout_apply_release(room.sec, STR("cgw"));
	ck_assert(lockout_pair(room.sec, p, STR("CGone")));
	peer_unref(p);
	room_restart(&room);
	p = room_peer(&room, "cgw");
	ck_assert(lockout_pair(room.sec, p, STR("CGone")));
	peer_unref(p);
}
END_TEST

START_TEST(records_are_read_with_care)
{
	struct lock_info l = { STR("cdev1"), STR("CDev2"), STRIKE_REPLAY, 3, ROOM_NOW, ROOM_NOW + SECOND }, got;
	struct buf b;

	buf_init(&b, RECORD_MAX);
	lock_pack(&l, &b);
	ck_assert_int_eq(lock_unpack(buf_as_str(&b), &got), 0);
	ck_assert(str_eq(got.cred_id, l.cred_id) && str_eq(got.originator, l.originator) && got.why == l.why && got.strikes == 3 &&
	          got.since_us == l.since_us && got.until_us == l.until_us);
	for (size_t n = 0; n < b.n; n++)
		ck_assert_int_eq(lock_unpack(str_make(b.p, n), &got), E_CORRUPT);
	b.p[0] = 9;
	ck_assert_int_eq(lock_unpack(buf_as_str(&b), &got), E_NEWER);
	b.p[0] = 1;
	b.p[1] = (char)STRIKE_COUNT;
	ck_assert_int_eq(lock_unpack(buf_as_str(&b), &got), E_CORRUPT);
	buf_fini(&b);
}
END_TEST

/* An administrator who gives a new key means to let it in. */
START_TEST(a_new_key_is_a_release)
{
	struct cred_info c;

	strike("cdev1", STRIKE_CLONE, "");
	ck_assert(cred_find(room.sec, &room.a, STR("cdev1"), &c));
	c = room_info(&room, "cdev1", CRED_DEVICE, "CDev1");
	c.generation = 2; /* renewed by its holder, who was quicker than the lock: no release */
	room_put_cred(&room, &c);
	ck_assert(!admitted("cdev1"));
	c = room_info(&room, "cdev1", CRED_DEVICE, "CDev1");
	c.generation = c.base_generation = 3;
	room_put_cred(&room, &c);
	ck_assert(admitted("cdev1"));
	ck_assert_uint_eq(room_count(&room, "EV_RELEASED"), 1);
	room_restart(&room);
	ck_assert(admitted("cdev1"));
}
END_TEST

static void ended(void *arg)
{
	++*(unsigned *)arg;
}

/* Who holds connections hears only when some of them have ended. */
START_TEST(ended_peers_are_told)
{
	struct peer *p = room_peer(&room, "cdev1");
	unsigned n = 0;

	peer_watch(room.sec, ended, &n);
	room_cred(&room, "cother", CRED_DEVICE, "COther");
	lockout_strike_credential(room.sec, STR("cdev2"), STRIKE_CLONE);
	ck_assert_uint_eq(n, 0);
	ck_assert(peer_count(room.sec, p, 10));
	lockout_strike(room.sec, p, STRIKE_REPLAY, STR("CDev1"));
	ck_assert_uint_eq(n, 1);
	lockout_strike(room.sec, p, STRIKE_REPLAY, STR("CDev1"));
	ck_assert_uint_eq(n, 1);
	peer_watch(room.sec, NULL, &n);
	peer_unref(p);
}
END_TEST

static void hear(void *arg, struct str id)
{
	*(unsigned *)arg += str_eqz(id, "cdev1");
}

START_TEST(watchers_hear)
{
	unsigned a = 0, b = 0;

	cred_watch(room.sec, hear, &a);
	cred_watch(room.sec, hear, &b);
	strike("cdev1", STRIKE_CLONE, "");
	ck_assert(a == 1 && b == 1);
	cred_watch(room.sec, NULL, &a);
	room_release(&room, "cdev1");
	ck_assert(a == 1 && b == 2);
	cred_watch(room.sec, NULL, &b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lockout");
	TCase *t = tcase_create("lockout");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, attacks_lock_until_released);
	tcase_add_test(t, every_attack);
	tcase_add_test(t, mistakes_lock_longer_and_longer);
	tcase_add_test(t, gateways_lock_pairs);
	tcase_add_test(t, pairs_are_bounded);
	tcase_add_test(t, the_ledger_catches_up);
	tcase_add_test(t, locks_survive_a_restart);
	tcase_add_test(t, clock_set_back);
	tcase_add_test(t, changes_while_locked);
	tcase_add_test(t, release_of_what_is_not_locked);
	tcase_add_test(t, struck_again_meanwhile);
	tcase_add_test(t, written_again_meanwhile);
	tcase_add_test(t, a_pair_struck_again_meanwhile);
	tcase_add_test(t, records_are_read_with_care);
	tcase_add_test(t, a_new_key_is_a_release);
	tcase_add_test(t, ended_peers_are_told);
	tcase_add_test(t, watchers_hear);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
