/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials without a key, their names, renewed keys and records of the first format (security-model 2). */
#include <stdlib.h>

#include "security/record.h"
#include "tests/unit/security/room.h"

static struct room room;

static void setup(void)
{
	room_init(&room);
}

static void teardown(void)
{
	room_fini(&room);
}

static struct cred_info device(const char *id, const char *name, enum cred_state state, const char *names)
{
	struct cred_info c = room_info(&room, id, CRED_DEVICE, names);

	c.name = str_of(name);
	c.state = state;
	if (!cred_state_speaks(state)) {
		c.fingerprint = STR_NONE;
		c.generation = 0;
		c.not_after = 0;
	}
	return c;
}

static int let_in(const struct cred_info *c, struct peer **p)
{
	struct ipaddr ip = { 4, { 10, 0, 0, 1 } };

	return peer_of_certificate(room.sec, c->fingerprint, &ip, p);
}

START_TEST(without_a_key)
{
	struct cred_info c = device("c1", "pump1", CRED_CODE_OUT, "CDev1"), d = device("c2", "pump2", CRED_ADDED, "CDev2"), found;
	struct why why = { 0 };
	struct peer *p;

	room_put_cred(&room, &c);
	room_put_cred(&room, &d); /* two without a key are not alike */
	ck_assert_int_eq(peer_of_credential(room.sec, c.id, NULL, &p), E_DENIED);
	/* Its names are taken from the day it is added. */
	d = device("c3", "pump3", CRED_ADDED, "CDev1");
	ck_assert_int_eq(room_try_cred(&room, &d, &why), E_EXISTS);
	room_restart(&room);
	ck_assert(cred_find(room.sec, &room.a, STR("c1"), &found));
	ck_assert(found.state == CRED_CODE_OUT && found.fingerprint.n == 0 && str_eqz(found.name, "pump1"));
	/* Nobody is active without a key. */
	c.state = CRED_ACTIVE;
	ck_assert_int_eq(room_try_cred(&room, &c, &why), E_SYNTAX);
}
END_TEST

START_TEST(names_for_people)
{
	struct cred_info c = device("c1", "pump1", CRED_ADDED, "CDev1"), d = device("c2", "pump1", CRED_ADDED, "CDev2"), found;
	static const char *const bad[] = { "a b", "a/b", "p\xc3\xbc", "12345678901234567890123456789012345678901234567890123456789012345" };
	struct why why = { 0 };

	room_put_cred(&room, &c);
	ck_assert_int_eq(room_try_cred(&room, &d, &why), E_EXISTS);
	ck_assert(strstr(why.text, "name") != NULL);
	ck_assert(cred_named(room.sec, &room.a, STR("pump1"), &found) && str_eqz(found.id, "c1"));
	ck_assert(cred_named(room.sec, &room.a, STR("c1"), &found) && str_eqz(found.name, "pump1"));
	ck_assert(!cred_named(room.sec, &room.a, STR("pump2"), &found));
	d.name = STR("c1"); /* an id in the place of a name */
	ck_assert_int_eq(room_try_cred(&room, &d, &why), E_EXISTS);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		d.name = str_of(bad[i]);
		ck_assert_int_eq(room_try_cred(&room, &d, &why), E_SYNTAX);
	}
	c.state = CRED_REVOKED;
	room_put_cred(&room, &c);
	d.name = STR("pump1");
	ck_assert_int_eq(room_try_cred(&room, &d, &why), 0);
	ck_assert(cred_named(room.sec, &room.a, STR("pump1"), &found) && str_eqz(found.id, "c2"));
}
END_TEST

START_TEST(enrolled_is_let_in)
{
	struct cred_info c = device("c1", "pump1", CRED_ENROLLED, "CDev1");
	struct peer *p;

	room_put_cred(&room, &c);
	ck_assert_int_eq(let_in(&c, &p), 0);
	ck_assert(peer_is_live(room.sec, p));
	peer_unref(p);
	lockout_strike_credential(room.sec, c.id, STRIKE_CLONE);
	ck_assert_int_eq(let_in(&c, &p), E_DENIED);
	/* What it was is what it is again. */
	room_release(&room, "c1");
	ck_assert_int_eq(let_in(&c, &p), 0);
	ck_assert(cred_find(room.sec, &room.a, c.id, &c) && c.state == CRED_ENROLLED);
	peer_unref(p);
}
END_TEST

/* A key renewed by its holder: what proved the one before may end what it is at, and nobody new comes in with it. */
START_TEST(a_renewed_key)
{
	struct cred_info c = device("c1", "pump1", CRED_ACTIVE, "CDev1"), next;
	struct peer *p, *q;

	c.base_generation = 1;
	room_put_cred(&room, &c);
	ck_assert_int_eq(let_in(&c, &p), 0);
	next = device("c1", "pump1", CRED_ACTIVE, "CDev1");
	next.generation = 2;
	next.base_generation = 1;
	room_put_cred(&room, &next);
	ck_assert_int_eq(let_in(&c, &q), E_DENIED);
	ck_assert_int_eq(let_in(&next, &q), 0);
	ck_assert(peer_is_live(room.sec, p) && peer_is_live(room.sec, q));
	clock_advance_us(room.clock, (CRED_DRAIN_S - 1) * INT64_C(1000000));
	clockguard_tick(room.sec);
	ck_assert(peer_is_live(room.sec, p));
	/* A clock that jumps does not lengthen it. */
	clock_jump_us(room.clock, -ROOM_DAY / 2);
	clock_advance_us(room.clock, 2000000);
	clockguard_tick(room.sec);
	ck_assert(clockguard_doubtful(room.sec));
	ck_assert(!peer_is_live(room.sec, p) && peer_is_live(room.sec, q));
	peer_unref(p);
	peer_unref(q);
}
END_TEST

/* Revocation does not wait for those who end what they are at; neither does a key that an administrator gave. */
START_TEST(no_delay_of_ends)
{
	struct cred_info c = device("c1", "pump1", CRED_ACTIVE, "CDev1"), next = device("c1", "pump1", CRED_ACTIVE, "CDev1");
	struct peer *p, *q;

	c.base_generation = next.base_generation = 1;
	next.generation = 2;
	room_put_cred(&room, &c);
	ck_assert_int_eq(let_in(&c, &p), 0);
	room_put_cred(&room, &next);
	ck_assert_int_eq(let_in(&next, &q), 0);
	next.state = CRED_SUSPENDED;
	room_put_cred(&room, &next);
	ck_assert(!peer_is_live(room.sec, p) && !peer_is_live(room.sec, q));
	peer_unref(p);
	peer_unref(q);
	next.state = CRED_ACTIVE;
	room_put_cred(&room, &next);
	ck_assert_int_eq(let_in(&next, &p), 0);
	c = device("c1", "pump1", CRED_ACTIVE, "CDev1");
	c.generation = c.base_generation = 3;
	room_put_cred(&room, &c);
	ck_assert(!peer_is_live(room.sec, p));
	peer_unref(p);
}
END_TEST

/* As versions before 2 wrote it: format 1, then kind, state, flags, zone, maxAe, generation, notAfter, country, key, names. */
START_TEST(first_format)
{
	char row[128] = { 1, CRED_DEVICE, CRED_SUSPENDED, 1, 1, 0, 2, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 32, 0 };
	struct cred_info c;
	struct buf b;

	memset(row + 26, 7, 32);
	memcpy(row + 58, "\1\0\5\0CDev1", 9);
	ck_assert_int_eq(record_unpack_cred(&room.a, STR("c1"), str_make(row, 67), &c), 0);
	ck_assert(c.state == CRED_SUSPENDED && c.random_stems && c.max_ae == 2 && c.generation == 5 && c.base_generation == 5 &&
	          c.not_after == INT64_C(1) << 40 && c.not_before == 0 && c.name.n == 0 && str_eqz(c.names.v[0], "CDev1"));
	for (size_t n = 0; n < 67; n++)
		ck_assert_int_eq(record_unpack_cred(&room.a, STR("c1"), str_make(row, n), &c), E_CORRUPT);
	/* What it becomes: */
	ck_assert_int_eq(record_unpack_cred(&room.a, STR("c1"), str_make(row, 67), &c), 0);
	c.name = STR("pump1");
	c.single_session = true;
	c.not_before = 77;
	buf_init(&b, RECORD_MAX);
	record_pack_cred(&c, &b);
	ck_assert_int_eq(record_unpack_cred(&room.a, STR("c1"), buf_as_str(&b), &c), 0);
	ck_assert(str_eqz(c.name, "pump1") && c.single_session && c.not_before == 77 && c.generation == 5);
	buf_fini(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lives");
	TCase *t = tcase_create("lives");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, without_a_key);
	tcase_add_test(t, names_for_people);
	tcase_add_test(t, enrolled_is_let_in);
	tcase_add_test(t, a_renewed_key);
	tcase_add_test(t, no_delay_of_ends);
	tcase_add_test(t, first_format);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
