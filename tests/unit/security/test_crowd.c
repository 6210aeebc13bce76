/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions that may enrol only: who has one code, or sits at one place, leaves room to everybody else.  security-model 2.1, 4.2. */
#include "security/crowd.h"

#include <stdlib.h>

#include "tests/unit/security/room.h"

static struct room room;
static struct crowd *crowd;

static void setup(void)
{
	room_init(&room);
	crowd = calloc(1, sizeof(*crowd));
	crowd_init(crowd, room.rnd);
}

static void teardown(void)
{
	free(crowd);
	room_fini(&room);
}

static struct ipaddr v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
	return (struct ipaddr){ .family = 4, .b = { (uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d } };
}

static struct crowd_place place(struct ipaddr from, unsigned owner)
{
	char text[16];

	snprintf(text, sizeof(text), "code %u", owner);
	return crowd_place(crowd, &from, str_of(text));
}

static const char *enter(struct crowd_place p, unsigned max)
{
	return crowd_enter(crowd, &p, max);
}

static void leave(struct crowd_place p)
{
	crowd_leave(crowd, &p);
}

/* One code, or one certificate that has ended, however many addresses it comes from. */
START_TEST(one_owner)
{
	unsigned i;

	for (i = 0; i < CROWD_OF_ONE; i++)
		ck_assert_ptr_null(enter(place(v4(10, 0, i, 1), 1), 4000));
	for (i = 0; i < 100; i++)
		ck_assert_str_eq(enter(place(v4(10, 1, i, 1), 1), 4000), "of one code or ended certificate");
	/* Beside it, from the same addresses too: another's. */
	ck_assert_ptr_null(enter(place(v4(10, 0, 0, 1), 2), 4000));
	leave(place(v4(10, 0, 3, 1), 1));
	ck_assert_ptr_null(enter(place(v4(10, 0, 3, 1), 1), 4000));
	ck_assert_ptr_nonnull(enter(place(v4(10, 0, 3, 1), 1), 4000));
}
END_TEST

/* However many codes somebody has: an eighth of the room, and everybody else finds the rest. */
START_TEST(one_site)
{
	unsigned i, in = 0;

	for (i = 0; i < 5000; i++) {
		const char *why = enter(place(v4(192, 0, 2, i), i), 4000);

		in += why == NULL;
		ck_assert(why == NULL || strcmp(why, "from one site") == 0);
	}
	ck_assert_uint_eq(in, 500);
	/* RFC 4291 2.5.5.2: the same address in other clothes. */
	struct ipaddr mapped = { .family = 6, .b = { [10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 7 } };
	ck_assert_str_eq(enter(place(mapped, 6000), 4000), "from one site");
	for (i = 0; i < 500; i++)
		ck_assert_ptr_null(enter(place(v4(198, 51, i, 1), 7000 + i), 4000));
	for (i = 0; i < 500; i++)
		leave(place(v4(192, 0, 2, i), i));
	ck_assert_ptr_null(enter(place(v4(192, 0, 2, 1), 6000), 4000));
}
END_TEST

/* An IPv6 site is a /56: who owns one has more addresses than could be counted. */
START_TEST(one_site_of_ipv6)
{
	struct ipaddr ip = { .family = 6, .b = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 1 } };
	unsigned i;

	for (i = 0; i < 500; i++) {
		ip.b[7] = (uint8_t)i;
		ip.b[15] = (uint8_t)(i >> 4);
		ck_assert_ptr_null(enter(place(ip, i), 4000));
	}
	ip.b[9] = 1;
	ck_assert_str_eq(enter(place(ip, 1000), 4000), "from one site");
	ip.b[6] = 2;
	ck_assert_ptr_null(enter(place(ip, 1000), 4000));
}
END_TEST

/* The bound of all holds, what is refused is counted nowhere, and who goes makes room exactly once. */
START_TEST(in_all)
{
	unsigned i;

	for (unsigned round = 0; round < 3; round++) {
		for (i = 0; i < 64; i++)
			ck_assert_ptr_null(enter(place(v4(10, i, 0, 1), i), 64));
		for (i = 0; i < 100; i++)
			ck_assert_str_eq(enter(place(v4(11, i, 0, 1), 100 + i), 64), "in all");
		for (i = 0; i < 64; i++)
			leave(place(v4(10, i, 0, 1), i));
	}
	/* A small room has place for a device still. */
	for (i = 0; i < 3; i++)
		ck_assert_ptr_null(enter(place(v4(10, 0, 0, 1), 1), 3));
	ck_assert_str_eq(enter(place(v4(10, 0, 0, 1), 1), 3), "in all");
}
END_TEST

/* The same by peers: counted from peer_count until the last reference has gone, and told. */
START_TEST(peers)
{
	struct ipaddr from = v4(203, 0, 113, 9);
	struct peer *p[CROWD_OF_ONE], *more, *other;
	unsigned i;

	for (i = 0; i < CROWD_OF_ONE; i++) {
		p[i] = peer_limited(room.sec, &from, STR("a handle"));
		ck_assert(peer_count(room.sec, p[i], 4000));
	}
	more = peer_limited(room.sec, &from, STR("a handle"));
	ck_assert(!peer_count(room.sec, more, 4000));
	peer_unref(more);
	ck_assert_uint_eq(room_count(&room, "EV_TOO_MANY_CONNECTIONS"), 1);
	other = peer_limited(room.sec, &from, STR("another"));
	ck_assert(peer_count(room.sec, other, 4000));
	peer_unref(other);
	peer_unref(p[0]);
	p[0] = peer_limited(room.sec, &from, STR("a handle"));
	ck_assert(peer_count(room.sec, p[0], 4000));
	for (i = 0; i < CROWD_OF_ONE; i++)
		peer_unref(p[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("crowd");
	TCase *t = tcase_create("crowd");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, one_owner);
	tcase_add_test(t, one_site);
	tcase_add_test(t, one_site_of_ipv6);
	tcase_add_test(t, in_all);
	tcase_add_test(t, peers);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
