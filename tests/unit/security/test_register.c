/* SPDX-License-Identifier: Apache-2.0 */
/* Registration of AEs: TS-0001 10.2.2.2, TS-0004 7.4.5.2.1, conformance-rules 2 and 3, security-model 1.1 and 1.7. */
#include <stdlib.h>

#include "tests/unit/security/room.h"

static struct room room;
static struct str got;

static void setup(void)
{
	room_init(&room);
}

static void teardown(void)
{
	room_fini(&room);
}

/* Registers and creates the AE; got is its stem. */
static enum rsc enrol_as(const char *cred, const char *from, const char *app)
{
	struct prim *p = room_prim(&room, OP_CREATE, TY_AE, from);
	struct peer *peer = room_peer(&room, cred);
	struct tx *tx = NULL;
	struct origin o;
	const struct grant *g = NULL;
	const struct node *n;
	struct res *ae;
	enum rsc rsc = origin_check(room.sec, p, peer, &o);

	if (rsc != RSC_NONE)
		goto out;
	tx = store_begin(room.store, &room.a, TX_WRITE);
	rsc = authz_register_ae(room.sec, tx, p, &o, str_of(app), &got, &g);
	if (rsc != RSC_NONE) {
		ck_assert(p->why.rsc == rsc && p->why.text[0]);
		store_end(tx);
		goto out;
	}
	ck_assert(grant_covers(g, tx, store_root(tx), ACOP_C) && !grant_covers(g, tx, store_root(tx), ACOP_D));
	ae = res_new(&room.a, type_by_ty(TY_AE), 4);
	*obj_add(&room.a, &ae->o, type_attr(ae->type, STR("api"))) = val_str(K_STR, str_of(app));
	ck_assert_int_eq(store_create(tx, store_root(tx), ae, STR_NONE, got, o.zone, &n), 0);
	got = arena_str(&room.a, got);
	room_commit(&room, tx);
out:
	peer_unref(peer);
	return rsc;
}

static enum rsc enrol(const char *cred, const char *from)
{
	return enrol_as(cred, from, "Napp");
}

static void leave(struct str stem)
{
	struct tx *tx = store_begin(room.store, &room.a, TX_WRITE);
	const struct node *n = store_by_ri(tx, stem);

	ck_assert(n != NULL);
	store_remove(tx, n);
	room_commit(&room, tx);
}

static void credential(const char *id, enum cred_kind kind, const char *names, bool random, uint32_t max)
{
	struct cred_info c = room_info(&room, id, kind, names);

	c.random_stems = random;
	c.max_ae = max;
	room_put_cred(&room, &c);
}

/* From absent, "C" or "S": the first unused AE-ID of the list, of that letter. */
START_TEST(first_unused)
{
	credential("c1", CRED_DEVICE, "SOne CTwo CThree", false, 9);
	ck_assert_int_eq(enrol("c1", "C"), RSC_NONE);
	ck_assert(str_eqz(got, "CTwo"));
	ck_assert_int_eq(enrol("c1", NULL), RSC_NONE);
	ck_assert(str_eqz(got, "SOne"));
	ck_assert_int_eq(enrol("c1", "S"), RSC_ORIGINATOR_HAS_ALREADY_REGISTERED);
	ck_assert_int_eq(enrol("c1", ""), RSC_NONE);
	ck_assert(str_eqz(got, "CThree"));
	ck_assert_int_eq(enrol("c1", NULL), RSC_ORIGINATOR_HAS_ALREADY_REGISTERED);
	leave(STR("CTwo"));
	ck_assert_int_eq(enrol("c1", "C"), RSC_NONE);
	ck_assert(str_eqz(got, "CTwo"));
}
END_TEST

START_TEST(given)
{
	credential("c1", CRED_DEVICE, "CDev1 SDev1", false, 2);
	ck_assert_int_eq(enrol("c1", "/id-in/CDev1"), RSC_NONE);
	ck_assert(str_eqz(got, "CDev1"));
	/* taken AE-ID: 4117 */
	ck_assert_int_eq(enrol("c1", "CDev1"), RSC_ORIGINATOR_HAS_ALREADY_REGISTERED);
	ck_assert_int_eq(enrol("c1", "//troth.example/SDev1"), RSC_NONE);
	ck_assert(str_eqz(got, "SDev1"));
	leave(STR("CDev1"));
	ck_assert_int_eq(enrol("c1", "CDev1"), RSC_NONE);
}
END_TEST

/* conformance-rules 2: an AE-ID or App-ID that the rules do not list: 4126. */
START_TEST(not_listed)
{
	credential("c1", CRED_DEVICE, "CDev1 Nmy.app Rmy.org.app", true, 9);
	credential("c2", CRED_DEVICE, "Nmy.app", false, 9);
	ck_assert_int_eq(enrol_as("c1", "CNew", "Nmy.app"), RSC_APP_RULE_VALIDATION_FAILED);
	ck_assert_int_eq(enrol_as("c1", "CDev1", "Nother"), RSC_APP_RULE_VALIDATION_FAILED);
	ck_assert_int_eq(enrol_as("c1", "CDev1", "Nmy.app2"), RSC_APP_RULE_VALIDATION_FAILED);
	ck_assert_int_eq(enrol_as("c1", "CDev1", "Rmy.org.app"), RSC_NONE);
	/* nothing to give */
	ck_assert_int_eq(enrol_as("c2", NULL, "Nmy.app"), RSC_APP_RULE_VALIDATION_FAILED);
	ck_assert_int_eq(enrol_as("c2", "S", "Nmy.app"), RSC_APP_RULE_VALIDATION_FAILED);
}
END_TEST

/* TS-0004 7.4.5.2.1: App-IDs begin with R, r or N. */
START_TEST(app_ids)
{
	credential("c1", CRED_DEVICE, "CDev1", false, 1);
	ck_assert_int_eq(enrol_as("c1", "CDev1", "xapp"), RSC_BAD_REQUEST);
	ck_assert_int_eq(enrol_as("c1", "CDev1", ""), RSC_BAD_REQUEST);
	ck_assert_int_eq(enrol_as("c1", "CDev1", "napp"), RSC_BAD_REQUEST);
	ck_assert_int_eq(enrol_as("c1", "CDev1", "rapp"), RSC_NONE);
}
END_TEST

/* A gateway's list may hold App-IDs with a star. */
START_TEST(app_patterns)
{
	credential("g1", CRED_GATEWAY, "C* Nshop.*", true, 9);
	ck_assert_int_eq(enrol_as("g1", "CA", "Nshop.till"), RSC_NONE);
	ck_assert_int_eq(enrol_as("g1", "CB", "Nfoo"), RSC_APP_RULE_VALIDATION_FAILED);
}
END_TEST

/* Random stems are bound for ever: given again to the same credential, never to another, also after a restart. */
START_TEST(random_stems)
{
	struct origin o;
	struct peer *p;
	struct str first;

	credential("c1", CRED_DEVICE, "Napp", true, 1);
	credential("c2", CRED_DEVICE, "CKnown", true, 5);
	credential("c3", CRED_DEVICE, "CLiar", true, 1);
	ck_assert_int_eq(enrol("c1", "C"), RSC_NONE);
	first = got;
	ck_assert(first.n == 17 && first.p[0] == 'C');
	ck_assert_uint_eq(room_count(&room, "EV_STEM_BOUND"), 1);
	/* max_ae */
	ck_assert_int_eq(enrol("c1", "S"), RSC_APP_RULE_VALIDATION_FAILED);
	leave(first);
	room_restart(&room);
	p = room_peer(&room, "c1");
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_RETRIEVE, 0, arena_strz(&room.a, first)), p, &o), RSC_NONE);
	peer_unref(p);
	p = room_peer(&room, "c3");
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_CREATE, TY_AE, arena_strz(&room.a, first)), p, &o),
	                 RSC_ORIGINATOR_NOT_AUTHENTICATED);
	peer_unref(p);
	ck_assert_int_eq(enrol("c1", NULL), RSC_NONE);
	ck_assert(str_eq(got, first));
	ck_assert_uint_eq(room_count(&room, "EV_STEM_BOUND"), 1);
	/* Listed ones first, then fresh ones, of the letter asked for. */
	ck_assert_int_eq(enrol("c2", NULL), RSC_NONE);
	ck_assert(str_eqz(got, "CKnown"));
	ck_assert_int_eq(enrol("c2", "S"), RSC_NONE);
	ck_assert(got.p[0] == 'S' && got.n == 17);
	ck_assert_int_eq(enrol("c2", "C"), RSC_NONE);
	ck_assert(got.p[0] == 'C' && got.n == 17);
}
END_TEST

/* A stem that was given stays its credential's, though that one is revoked and nothing lists it any more. */
START_TEST(never_to_another)
{
	struct cred_info c = room_info(&room, "c1", CRED_DEVICE, "CDev1"), other;
	struct why why = { 0 };

	room_put_cred(&room, &c);
	ck_assert_int_eq(enrol("c1", "CDev1"), RSC_NONE);
	leave(STR("CDev1"));
	c.state = CRED_REVOKED;
	room_put_cred(&room, &c);
	other = room_info(&room, "c2", CRED_DEVICE, "CDev1");
	ck_assert_int_eq(room_try_cred(&room, &other, &why), E_EXISTS);
	room_restart(&room);
	ck_assert_int_eq(room_try_cred(&room, &other, &why), E_EXISTS);
	credential("g1", CRED_GATEWAY, "C*", false, 9);
	ck_assert_int_eq(enrol("g1", "CDev1"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
}
END_TEST

START_TEST(gateway)
{
	struct origin o;
	struct peer *p;
	struct str first;

	credential("g1", CRED_GATEWAY, "C* S*", true, 3);
	credential("g2", CRED_GATEWAY, "C*", true, 3);
	ck_assert_int_eq(enrol("g1", "CA"), RSC_NONE);
	ck_assert_int_eq(enrol("g1", "CA"), RSC_ORIGINATOR_HAS_ALREADY_REGISTERED);
	/* Another gateway of the zone may speak for it, but not register it anew. */
	leave(STR("CA"));
	ck_assert_int_eq(enrol("g2", "CA"), RSC_APP_RULE_VALIDATION_FAILED);
	ck_assert_int_eq(enrol("g1", "CA"), RSC_NONE);
	/* Nobody inherits what a random name behind it was given. */
	ck_assert_int_eq(enrol("g1", NULL), RSC_NONE);
	first = got;
	leave(first);
	ck_assert_int_eq(enrol("g1", NULL), RSC_NONE);
	ck_assert(!str_eq(got, first));
	ck_assert_int_eq(enrol("g1", NULL), RSC_NONE);
	ck_assert_int_eq(enrol("g1", NULL), RSC_APP_RULE_VALIDATION_FAILED);
	/* The administrator gives CA a credential of its own: the stem moves, for good. */
	room_cred(&room, "c1", CRED_DEVICE, "CA");
	room_restart(&room);
	p = room_peer(&room, "g1");
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_RETRIEVE, 0, "CA"), p, &o), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	peer_unref(p);
	leave(STR("CA"));
	ck_assert_int_eq(enrol("c1", "CA"), RSC_NONE);
}
END_TEST

START_TEST(who_may_not)
{
	credential("c0", CRED_DEVICE, "CDev0", false, 0);
	credential("mn", CRED_CSE, "/mn1", true, 9);
	credential("adm", CRED_ADMIN, "CAdmin", false, 9);
	ck_assert_int_eq(enrol("c0", "CDev0"), RSC_APP_RULE_VALIDATION_FAILED);
	ck_assert_int_eq(enrol("mn", NULL), RSC_BAD_REQUEST);
	/* The administrator's name is not given away unasked. */
	ck_assert_int_eq(enrol("adm", NULL), RSC_APP_RULE_VALIDATION_FAILED);
}
END_TEST

/* A registration that fails to commit leaves nothing on disk; the next one is as if it had not been. */
START_TEST(given_up)
{
	struct prim *p = room_prim(&room, OP_CREATE, TY_AE, NULL);
	const struct grant *g;
	struct peer *peer;
	struct origin o;
	struct tx *tx;

	credential("c1", CRED_DEVICE, "CDev1", false, 1);
	peer = room_peer(&room, "c1");
	ck_assert_int_eq(origin_check(room.sec, p, peer, &o), RSC_NONE);
	tx = store_begin(room.store, &room.a, TX_WRITE);
	ck_assert_int_eq(authz_register_ae(room.sec, tx, p, &o, STR("Napp"), &got, &g), RSC_NONE);
	store_end(tx);
	peer_unref(peer);
	ck_assert_int_eq(enrol("c1", NULL), RSC_NONE);
	leave(STR("CDev1"));
	room_restart(&room);
	ck_assert_int_eq(enrol("c1", NULL), RSC_NONE);
	ck_assert(str_eqz(got, "CDev1"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("register");
	TCase *t = tcase_create("register");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, first_unused);
	tcase_add_test(t, given);
	tcase_add_test(t, not_listed);
	tcase_add_test(t, app_ids);
	tcase_add_test(t, app_patterns);
	tcase_add_test(t, random_stems);
	tcase_add_test(t, never_to_another);
	tcase_add_test(t, gateway);
	tcase_add_test(t, who_may_not);
	tcase_add_test(t, given_up);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
