/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials: what they may say, whose names are whose, what is there again after a restart.  security-model 1.1, 1.3. */
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

static int try(const char *id, enum cred_kind kind, const char *names)
{
	struct cred_info c = room_info(&room, id, kind, names);
	struct why why = { 0 };
	int err = room_try_cred(&room, &c, &why);

	ck_assert_int_eq(err != 0, why.text[0] != '\0');
	return err;
}

START_TEST(names)
{
	ck_assert_int_eq(try("c1", CRED_DEVICE, "CDev1 SDev1 Nfree Rreg.org.app rreg2"), 0);
	ck_assert_int_eq(try("c2", CRED_GATEWAY, "C* S* N* /mn1"), 0);
	ck_assert_int_eq(try("c3", CRED_CSE, "/mn2"), 0);
	ck_assert_int_eq(try("c4", CRED_ADMIN, "CAdmin"), 0);
	/* kinds */
	ck_assert_int_eq(try("d1", CRED_DEVICE, "C*"), E_DENIED);
	ck_assert_int_eq(try("d1", CRED_DEVICE, "N*"), E_DENIED);
	ck_assert_int_eq(try("d1", CRED_DEVICE, "/mn3"), E_DENIED);
	ck_assert_int_eq(try("d1", CRED_CSE, "CDev3"), E_DENIED);
	ck_assert_int_eq(try("d1", CRED_DEVICE, "CAdmin"), E_DENIED);
	ck_assert_int_eq(try("d1", CRED_GATEWAY, "CAdmin"), E_DENIED);
	ck_assert_int_eq(try("d1", CRED_CSE, "/id-in"), E_DENIED);
	/* forms */
	ck_assert_int_eq(try("d1", CRED_GATEWAY, "/mn*"), E_SYNTAX);
	ck_assert_int_eq(try("d1", CRED_CSE, "/Smn"), E_SYNTAX);
	ck_assert_int_eq(try("d1", CRED_CSE, "/mn/x"), E_SYNTAX);
	ck_assert_int_eq(try("d1", CRED_CSE, "/"), E_SYNTAX);
	ck_assert_int_eq(try("d1", CRED_DEVICE, "C"), E_SYNTAX);
	ck_assert_int_eq(try("d1", CRED_DEVICE, "CDev/1"), E_SYNTAX);
	ck_assert_int_eq(try("d1", CRED_DEVICE, "xyz"), E_SYNTAX);
	ck_assert_int_eq(try("d1", CRED_GATEWAY, "C*x"), E_SYNTAX);
	ck_assert_int_eq(try("d 1", CRED_DEVICE, "CDev3"), E_SYNTAX);
	ck_assert_int_eq(try("", CRED_DEVICE, "CDev3"), E_SYNTAX);
}
END_TEST

START_TEST(other_members)
{
	struct cred_info c = room_info(&room, "c1", CRED_DEVICE, "CDev1"), bad;
	struct why why = { 0 };

	bad = c;
	bad.fingerprint.n = 31;
	ck_assert_int_eq(room_try_cred(&room, &bad, &why), E_SYNTAX);
	bad = c;
	bad.zone = 2;
	ck_assert_int_eq(room_try_cred(&room, &bad, &why), E_ABSENT);
	bad.zone = ZONE_COMMON;
	ck_assert_int_eq(room_try_cred(&room, &bad, &why), E_ABSENT);
	bad = c;
	bad.country = STR("de");
	ck_assert_int_eq(room_try_cred(&room, &bad, &why), E_SYNTAX);
	bad = c;
	bad.has_location = true;
	bad.lat = 91;
	ck_assert_int_eq(room_try_cred(&room, &bad, &why), E_RANGE);
	c.has_location = true;
	c.lat = 52.5;
	c.lon = 13.4;
	c.country = STR("DE");
	ck_assert_int_eq(room_try_cred(&room, &c, &why), 0);
}
END_TEST

/* One name, one credential, unless revoked before the stem was ever given. */
START_TEST(names_are_owned)
{
	struct cred_info c = room_info(&room, "c1", CRED_DEVICE, "CDev1 Napp"), found;

	room_put_cred(&room, &c);
	ck_assert_int_eq(try("c2", CRED_DEVICE, "CDev1"), E_EXISTS);
	ck_assert_int_eq(try("c2", CRED_ADMIN, "CDev2 CDev1"), E_EXISTS);
	/* App-IDs are not owned, gateways' lists own nothing. */
	ck_assert_int_eq(try("c3", CRED_DEVICE, "CDev3 Napp"), 0);
	ck_assert_int_eq(try("c4", CRED_GATEWAY, "CDev1 C*"), 0);
	ck_assert_int_eq(try("c5", CRED_DEVICE, "CDev5"), 0);
	ck_assert(cred_of_name(room.sec, &room.a, STR("CDev1"), &found) && str_eqz(found.id, "c1"));
	ck_assert(!cred_of_name(room.sec, &room.a, STR("CDev9"), &found));
	/* The same id may go on with the name; suspended it still owns it. */
	c.generation = 2;
	c.state = CRED_SUSPENDED;
	room_put_cred(&room, &c);
	ck_assert_int_eq(try("c2", CRED_DEVICE, "CDev1"), E_EXISTS);
	c.state = CRED_REVOKED;
	room_put_cred(&room, &c);
	ck_assert_int_eq(try("c2", CRED_DEVICE, "CDev1"), 0);
	ck_assert(cred_of_name(room.sec, &room.a, STR("CDev1"), &found) && str_eqz(found.id, "c2"));
}
END_TEST

START_TEST(never_back)
{
	struct cred_info c = room_info(&room, "c1", CRED_DEVICE, "CDev1"), other = room_info(&room, "c2", CRED_DEVICE, "CDev2");
	struct why why = { 0 };

	c.generation = 5;
	room_put_cred(&room, &c);
	c.generation = 4;
	ck_assert_int_eq(room_try_cred(&room, &c, &why), E_RANGE);
	other.fingerprint = c.fingerprint;
	ck_assert_int_eq(room_try_cred(&room, &other, &why), E_EXISTS);
	c.generation = 5;
	c.state = CRED_REVOKED;
	room_put_cred(&room, &c);
	c.state = CRED_ACTIVE;
	c.generation = 6;
	ck_assert_int_eq(room_try_cred(&room, &c, &why), E_DENIED);
}
END_TEST

/* Two changes on their way at once do not both get a name. */
START_TEST(claims)
{
	struct cred_info a = room_info(&room, "c1", CRED_DEVICE, "CDev1"), b = room_info(&room, "c2", CRED_DEVICE, "CDev1");
	struct tx *tx = store_begin(room.store, &room.a, TX_WRITE);
	struct why why = { 0 };

	ck_assert_int_eq(cred_put(room.sec, tx, &a, &why), 0);
	ck_assert_int_eq(cred_put(room.sec, tx, &b, &why), E_EXISTS);
	store_end(tx);
	/* The first was given up: its claim ends with time. */
	ck_assert_int_eq(room_try_cred(&room, &b, &why), E_EXISTS);
	clock_advance_us(room.clock, 61000000);
	ck_assert_int_eq(room_try_cred(&room, &b, &why), 0);
}
END_TEST

static void count(void *arg, const struct cred_info *c)
{
	struct cred_info again;

	ck_assert(cred_find(room.sec, &room.a, c->id, &again) && again.generation == c->generation);
	++*(unsigned *)arg;
}

START_TEST(restart)
{
	struct cred_info c = room_info(&room, "c1", CRED_GATEWAY, "C* /mn1 Napp"), found;
	unsigned n = 0;

	c.random_stems = true;
	c.max_ae = 7;
	c.generation = 3;
	c.has_location = true;
	c.lat = -33.5;
	c.lon = 151.25;
	c.country = STR("AU");
	room_put_cred(&room, &c);
	room_cred(&room, "c2", CRED_DEVICE, "CDev2");
	room_restart(&room);
	ck_assert(cred_find(room.sec, &room.a, STR("c1"), &found));
	ck_assert(found.kind == CRED_GATEWAY && found.state == CRED_ACTIVE && found.random_stems && found.max_ae == 7 &&
	          found.generation == 3 && found.zone == ZONE_DEFAULT && found.not_after == c.not_after && found.has_location &&
	          found.lat == -33.5 && found.lon == 151.25 && str_eqz(found.country, "AU") &&
	          str_eq(found.fingerprint, c.fingerprint) && found.names.n == 3 && str_eqz(found.names.v[1], "/mn1"));
	cred_each(room.sec, &room.a, count, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert(!cred_find(room.sec, &room.a, STR("c3"), &found));
	ck_assert_int_eq(try("c3", CRED_DEVICE, "CDev2"), E_EXISTS);
}
END_TEST

/* What does not read back is told and stops the start: nothing is dropped silently. */
START_TEST(damaged_record)
{
	struct tx *tx = store_begin(room.store, &room.a, TX_WRITE);
	struct security_opts o = { .conf = room.conf, .clock = room.clock, .rnd = room.rnd, .self = room.self };
	struct security *sec;
	struct why why = { 0 };

	store_rec_put(tx, REC_CREDENTIAL, STR("c9"), STR("\1garbage"));
	room_commit(&room, tx);
	ck_assert_int_eq(security_new(&o, &sec, &why), 0);
	ck_assert_int_eq(security_attach(sec, room.store, &why), E_CORRUPT);
	ck_assert(strstr(why.text, "credential") != NULL);
	security_free(sec);
	tx = store_begin(room.store, &room.a, TX_WRITE);
	store_rec_put(tx, REC_CREDENTIAL, STR("c9"), STR("\3newer"));
	room_commit(&room, tx);
	ck_assert_int_eq(security_new(&o, &sec, &why), 0);
	ck_assert_int_eq(security_attach(sec, room.store, &why), E_NEWER);
	security_free(sec);
	tx = store_begin(room.store, &room.a, TX_WRITE);
	store_rec_put(tx, REC_CREDENTIAL, STR("c9"), STR_NONE);
	room_commit(&room, tx);
}
END_TEST

START_TEST(ids_are_made)
{
	struct str a = cred_make_id(room.sec, &room.a), b = cred_make_id(room.sec, &room.a);
	size_t i;

	ck_assert(a.n == 17 && a.p[0] == 'c' && !str_eq(a, b));
	for (i = 1; i < a.n; i++)
		ck_assert((a.p[i] >= 'a' && a.p[i] <= 'z') || (a.p[i] >= '2' && a.p[i] <= '7'));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("credential");
	TCase *t = tcase_create("credential");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, names);
	tcase_add_test(t, other_members);
	tcase_add_test(t, names_are_owned);
	tcase_add_test(t, never_back);
	tcase_add_test(t, claims);
	tcase_add_test(t, restart);
	tcase_add_test(t, damaged_record);
	tcase_add_test(t, ids_are_made);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
