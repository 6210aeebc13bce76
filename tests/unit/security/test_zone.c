/* SPDX-License-Identifier: Apache-2.0 */
/* Zones and conduits: closed by default, the whole matrix.  security-model 4.3, bar 29. */
#include <stdlib.h>

#include "tests/unit/security/room.h"

enum { ZONES = 100 };

static struct room room;

static void setup(void)
{
	room_init(&room);
}

static void teardown(void)
{
	room_fini(&room);
}

static void add_zone(uint16_t zone)
{
	struct tx *tx = store_begin(room.store, &room.a, TX_WRITE);

	ck_assert_int_eq(zone_put(room.sec, tx, zone), 0);
	room_commit(&room, tx);
	zone_apply(room.sec, zone);
}

static void set_conduit(uint16_t from, uint16_t to, bool open)
{
	struct tx *tx = store_begin(room.store, &room.a, TX_WRITE);

	ck_assert_int_eq(zone_put_conduit(room.sec, tx, from, to, open), 0);
	room_commit(&room, tx);
	zone_apply_conduit(room.sec, from, to, open);
}

static bool reaches(unsigned from, unsigned to)
{
	struct origin o = { .zone = (uint16_t)from };

	return zone_allows(room.sec, &o, (uint16_t)to);
}

/* is_open[from][to] */
static void check_matrix(bool is_open[ZONES + 1][ZONES + 1])
{
	unsigned from, to;

	for (from = 1; from <= ZONES; from++) {
		ck_assert(reaches(from, ZONE_COMMON));
		for (to = 1; to <= ZONES; to++)
			ck_assert_msg(reaches(from, to) == (from == to || is_open[from][to]), "%u to %u", from, to);
	}
}

START_TEST(matrix)
{
	static bool is_open[ZONES + 1][ZONES + 1];
	struct rnd *r = rnd_new_seeded(29);
	unsigned i;

	for (i = 2; i <= ZONES; i++)
		add_zone((uint16_t)i);
	check_matrix(is_open);
	for (i = 0; i < 2000; i++) {
		unsigned from = 1 + (unsigned)rnd_below(r, ZONES), to = 1 + (unsigned)rnd_below(r, ZONES);

		if (from == to)
			continue;
		is_open[from][to] = rnd_below(r, 3) != 0;
		set_conduit((uint16_t)from, (uint16_t)to, is_open[from][to]);
	}
	check_matrix(is_open);
	room_restart(&room);
	check_matrix(is_open);
	rnd_free(r);
}
END_TEST

/* A conduit has a direction. */
START_TEST(one_way)
{
	add_zone(2);
	set_conduit(1, 2, true);
	ck_assert(reaches(1, 2) && !reaches(2, 1));
	set_conduit(1, 2, false);
	ck_assert(!reaches(1, 2));
}
END_TEST

START_TEST(administrator_and_self)
{
	struct origin admin = { .zone = 1, .admin = true }, self = { .self = true }, device = { .zone = 1 };

	ck_assert(zone_allows(room.sec, &admin, 77) && zone_allows(room.sec, &self, 77) && !zone_allows(room.sec, &device, 77));
}
END_TEST

START_TEST(refused)
{
	struct tx *tx = store_begin(room.store, &room.a, TX_WRITE);

	ck_assert_int_eq(zone_put(room.sec, tx, ZONE_COMMON), E_RANGE);
	ck_assert_int_eq(zone_put_conduit(room.sec, tx, 1, 1, true), E_RANGE);
	ck_assert_int_eq(zone_put_conduit(room.sec, tx, 1, 0, true), E_RANGE);
	ck_assert_int_eq(zone_put_conduit(room.sec, tx, 1, 2, true), E_ABSENT);
	store_end(tx);
}
END_TEST

/* A credential is in one zone, its originators with it. */
START_TEST(zone_of_the_credential)
{
	struct cred_info c = room_info(&room, "c1", CRED_DEVICE, "CDev1");
	struct peer *p;
	struct origin o;

	add_zone(2);
	c.zone = 2;
	room_put_cred(&room, &c);
	p = room_peer(&room, "c1");
	ck_assert_int_eq(peer_zone(p), 2);
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_RETRIEVE, 0, "CDev1"), p, &o), RSC_NONE);
	ck_assert(o.zone == 2 && zone_allows(room.sec, &o, 2) && !zone_allows(room.sec, &o, 1));
	peer_unref(p);
}
END_TEST

/* security-model 1.3: a gateway speaks for its own zone only, whatever its list says. */
START_TEST(gateway_of_another_zone)
{
	struct cred_info g1 = room_info(&room, "g1", CRED_GATEWAY, "C*"), g2 = room_info(&room, "g2", CRED_GATEWAY, "C*");
	struct cred_info g3 = room_info(&room, "g3", CRED_GATEWAY, "C*");
	struct tx *tx;
	struct peer *p1, *p2, *p3;
	struct origin o;
	struct str stem;
	const struct grant *g;

	add_zone(2);
	g2.zone = 2;
	room_put_cred(&room, &g1);
	room_put_cred(&room, &g2);
	room_put_cred(&room, &g3);
	p1 = room_peer(&room, "g1");
	p2 = room_peer(&room, "g2");
	p3 = room_peer(&room, "g3");
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_CREATE, TY_AE, "CX"), p1, &o), RSC_NONE);
	tx = store_begin(room.store, &room.a, TX_WRITE);
	ck_assert_int_eq(authz_register_ae(room.sec, tx, room_prim(&room, OP_CREATE, TY_AE, "CX"), &o, STR("Napp"), &stem, &g),
	                 RSC_NONE);
	room_commit(&room, tx);
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_RETRIEVE, 0, "CX"), p1, &o), RSC_NONE);
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_RETRIEVE, 0, "CX"), p3, &o), RSC_NONE);
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_RETRIEVE, 0, "CX"), p2, &o), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	peer_unref(p1);
	peer_unref(p2);
	peer_unref(p3);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("zone");
	TCase *t = tcase_create("zone");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, matrix);
	tcase_add_test(t, one_way);
	tcase_add_test(t, administrator_and_self);
	tcase_add_test(t, refused);
	tcase_add_test(t, zone_of_the_credential);
	tcase_add_test(t, gateway_of_another_zone);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
