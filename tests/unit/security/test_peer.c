/* SPDX-License-Identifier: Apache-2.0 */
/* Peers: a counted list of proofs; the strongest one answers for From.  security-model 1.2. */
#include <stdlib.h>

#include "security/security_priv.h"
#include "tests/unit/security/room.h"

static struct room room;

static void setup(void)
{
	room_init(&room);
	room_cred(&room, "g1", CRED_GATEWAY, "CG*");
	room_cred(&room, "c1", CRED_DEVICE, "CDev1");
}

static void teardown(void)
{
	room_fini(&room);
}

/* A device proves itself through a gateway's channel (as ESPrim will): no step changes, the origin is authenticated. */
START_TEST(proof_behind_a_gateway)
{
	struct peer *p = room_peer(&room, "g1");
	struct cred *c = registry_get(room.sec, STR("c1"));
	struct origin o;

	ck_assert_int_eq(p->proof[0].kind, PROOF_GATEWAY);
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_RETRIEVE, 0, "CDev1"), p, &o), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	peer_prove(p, PROOF_E2E, c);
	cred_unref(c);
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_RETRIEVE, 0, "CDev1"), p, &o), RSC_NONE);
	ck_assert(o.authenticated && str_eqz(o.stem, "CDev1"));
	/* The inner primitive is the device's, not the gateway's. */
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_RETRIEVE, 0, "CG1"), p, &o), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	peer_unref(p);
}
END_TEST

/* Each proof counts its credential, each holder its peer. */
START_TEST(counted)
{
	struct cred *c = registry_get(room.sec, STR("c1"));
	unsigned before = c->refs, i;
	struct peer *p = peer_new(NULL);

	for (i = 0; i < PEER_MAX_PROOFS; i++)
		peer_prove(p, PROOF_E2E, c);
	ck_assert_uint_eq(c->refs, before + PEER_MAX_PROOFS);
	peer_ref(p);
	peer_unref(p);
	ck_assert_uint_eq(c->refs, before + PEER_MAX_PROOFS);
	peer_unref(p);
	ck_assert_uint_eq(c->refs, before);
	cred_unref(c);
}
END_TEST

/* Who proved nothing speaks for nobody: a CSE-ID needs an association, an AE-ID too (TS-0004 7.3.2.1). */
START_TEST(nothing_proved)
{
	struct peer *p = peer_new(NULL);
	struct origin o;

	ck_assert(!peer_is_live(room.sec, p));
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_RETRIEVE, 0, "/mn1"), p, &o), RSC_SECURITY_ASSOCIATION_REQUIRED);
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_RETRIEVE, 0, "CDev1"), p, &o), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_CREATE, TY_AE, NULL), p, &o), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	peer_unref(p);
}
END_TEST

/* A mapped IPv4 address is the IPv4 address, for rules and for events. */
START_TEST(addresses)
{
	struct ipaddr mapped = { 6, { [10] = 0xff, [11] = 0xff, [12] = 10, [13] = 1, [14] = 2, [15] = 3 } };
	struct peer *p = peer_new(&mapped), *none = peer_new(NULL);

	ck_assert(p->from.family == 4 && p->from.b[0] == 10 && p->from.b[3] == 3);
	ck_assert_int_eq(none->from.family, 0);
	peer_unref(p);
	peer_unref(none);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("peer");
	TCase *t = tcase_create("peer");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, proof_behind_a_gateway);
	tcase_add_test(t, counted);
	tcase_add_test(t, nothing_proved);
	tcase_add_test(t, addresses);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
