/* SPDX-License-Identifier: Apache-2.0 */
/* Does the channel speak for From?  TS-0004 7.3.2.1, conformance-rules 3, security-model 1.1 and 1.3. */
#include <stdlib.h>

#include "tests/unit/security/room.h"

static struct room room;
static struct origin origin;

static void setup(void)
{
	room_init(&room);
	room_cred(&room, "cdev1", CRED_DEVICE, "CDev1 SDev1 Nmy.app");
	room_cred(&room, "cdev2", CRED_DEVICE, "CDev2");
	room_cred(&room, "cadmin", CRED_ADMIN, "CAdmin COps");
	room_cred(&room, "cgw", CRED_GATEWAY, "CG* SG* /mn9");
	room_cred(&room, "cmn1", CRED_CSE, "/mn1");
	room_cred(&room, "cmn2", CRED_CSE, "/mn2");
}

static void teardown(void)
{
	room_fini(&room);
}

/* As a request of that credential. */
static enum rsc claim_op(const char *cred, enum op op, unsigned ty, const char *from)
{
	struct peer *peer = room_peer(&room, cred);
	enum rsc rsc;

	memset(&origin, 0xff, sizeof(origin));
	rsc = origin_check(room.sec, room_prim(&room, op, ty, from), peer, &origin);
	peer_unref(peer);
	return rsc;
}

static enum rsc claim(const char *cred, const char *from)
{
	return claim_op(cred, OP_RETRIEVE, 0, from);
}

static enum rsc enrol(const char *cred, const char *from)
{
	return claim_op(cred, OP_CREATE, TY_AE, from);
}

START_TEST(device_speaks_for_its_stems)
{
	ck_assert_int_eq(claim("cdev1", "CDev1"), RSC_NONE);
	ck_assert(str_eqz(origin.from, "//troth.example/id-in/CDev1") && str_eqz(origin.stem, "CDev1"));
	ck_assert(origin.authenticated && !origin.admin && !origin.self && !origin.registering);
	ck_assert_int_eq(origin.zone, ZONE_DEFAULT);
	ck_assert_int_eq(claim("cdev1", "SDev1"), RSC_NONE);
	ck_assert(str_eqz(origin.from, "//troth.example/SDev1") && str_eqz(origin.stem, "SDev1"));
}
END_TEST

/* TS-0004 7.3.2.1: not an allowed AE-ID of the association: 4106, and an event each time. */
START_TEST(false_originators)
{
	static const char *const names[] = { "CDev2", "CAdmin", "CNobody", "/id-in/CDev2", "//troth.example/id-in/CDev2", "/mn1",
		"/id-in", "/mn1/CDev1", "//other/id-in/CDev1", "SG1", "all", "grp1", "//troth.example", "r@x", "C", "S", "CDev1x", "cdev1",
		"/SDev2" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		ck_assert_msg(claim("cdev1", names[i]) == RSC_ORIGINATOR_NOT_AUTHENTICATED, "%s", names[i]);
		ck_assert_uint_eq(room_count(&room, "EV_FALSE_ORIGINATOR"), i + 1);
		room_release(&room, "cdev1");
	}
}
END_TEST

/* After registration any other form than the stem is 4000 (TS-0004 7.3.2.1, conformance-rules 3). */
START_TEST(other_forms)
{
	static const char *const names[] = { "/id-in/CDev1", "//troth.example/id-in/CDev1", "/SDev1", "//troth.example/SDev1" };
	static const char *const stems[] = { "CDev1", "CDev1", "SDev1", "SDev1" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		ck_assert_msg(claim("cdev1", names[i]) == RSC_BAD_REQUEST, "%s", names[i]);
		ck_assert_int_eq(enrol("cdev1", names[i]), RSC_NONE);
		ck_assert(str_eqz(origin.stem, stems[i]) && origin.registering && origin.authenticated);
	}
	ck_assert_uint_eq(room_count(&room, "EV_FALSE_ORIGINATOR"), 0);
}
END_TEST

START_TEST(no_identifier_at_all)
{
	static const char *const names[] = { "C D", "CDev1/", "///", "C*", "C\xff", "/id-in/*" };
	char longest[1200];
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++)
		ck_assert_msg(claim("cdev1", names[i]) == RSC_BAD_REQUEST, "%s", names[i]);
	memset(longest, 'C', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	ck_assert_int_eq(claim("cdev1", longest), RSC_BAD_REQUEST);
}
END_TEST

/* From may be absent in an AE's registration only. */
START_TEST(absent)
{
	ck_assert_int_eq(claim("cdev1", NULL), RSC_BAD_REQUEST);
	ck_assert_int_eq(claim("cdev1", ""), RSC_BAD_REQUEST);
	ck_assert_int_eq(claim_op("cdev1", OP_CREATE, TY_CNT, NULL), RSC_BAD_REQUEST);
	ck_assert_int_eq(claim_op("cdev1", OP_RETRIEVE, TY_AE, NULL), RSC_BAD_REQUEST);
	ck_assert_int_eq(enrol("cdev1", NULL), RSC_NONE);
	ck_assert(origin.registering && origin.from.n == 0 && origin.stem.n == 0 && origin.authenticated);
	ck_assert_int_eq(enrol("cdev1", ""), RSC_NONE);
	ck_assert_int_eq(enrol("cdev1", "C"), RSC_NONE);
	ck_assert_int_eq(enrol("cdev1", "S"), RSC_NONE);
	ck_assert(origin.from.n == 0 && origin.stem.n == 0);
	ck_assert_int_eq(enrol("cgw", "C"), RSC_NONE);
	ck_assert(!origin.authenticated);
}
END_TEST

/* A stem that is nobody's may be asked for at registration (authz_register_ae decides); another's may not. */
START_TEST(registering_stems)
{
	ck_assert_int_eq(enrol("cdev1", "CNew"), RSC_NONE);
	ck_assert(str_eqz(origin.stem, "CNew"));
	ck_assert_int_eq(enrol("cdev1", "CDev2"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	room_release(&room, "cdev1");
	ck_assert_int_eq(enrol("cdev1", "CAdmin"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	room_release(&room, "cdev1");
	ck_assert_int_eq(enrol("cdev1", "/mn1/CNew"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
}
END_TEST

START_TEST(administrator)
{
	ck_assert_int_eq(claim("cadmin", "CAdmin"), RSC_NONE);
	ck_assert(origin.admin && origin.authenticated);
	/* The kind alone does not make one, nor does the name. */
	ck_assert_int_eq(claim("cadmin", "COps"), RSC_NONE);
	ck_assert(!origin.admin);
	ck_assert_int_eq(claim("cgw", "CAdmin"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	ck_assert_int_eq(claim("cmn1", "/id-in/CAdmin"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
}
END_TEST

/* security-model 1.3: vouches for what it lists, never for the administrator, another's originator or an unlisted CSE. */
START_TEST(gateway)
{
	ck_assert_int_eq(claim("cgw", "CG7"), RSC_NONE);
	ck_assert(!origin.authenticated && !origin.admin && str_eqz(origin.stem, "CG7"));
	ck_assert(str_eqz(origin.from, "//troth.example/id-in/CG7"));
	ck_assert_int_eq(claim("cgw", "SG7"), RSC_NONE);
	ck_assert_int_eq(claim("cgw", "/mn9"), RSC_NONE);
	ck_assert(str_eqz(origin.from, "//troth.example/mn9") && origin.stem.n == 0 && !origin.authenticated);
	ck_assert_int_eq(claim("cgw", "CX"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	ck_assert_int_eq(claim("cgw", "CDev1"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	ck_assert_int_eq(claim("cgw", "/mn1"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	ck_assert_int_eq(claim("cgw", "/mn8"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	ck_assert_int_eq(claim("cgw", "/mn9/CG7"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	ck_assert_int_eq(claim("cgw", "/id-in"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	ck_assert_int_eq(claim("cgw", "/id-in/CG7"), RSC_BAD_REQUEST);
	/* An originator that gets a credential of its own is lost to the gateway at once, also while it is suspended. */
	struct cred_info own = room_cred(&room, "cown", CRED_DEVICE, "CG7");
	ck_assert_int_eq(claim("cgw", "CG7"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	own.state = CRED_SUSPENDED;
	room_put_cred(&room, &own);
	ck_assert_int_eq(claim("cgw", "CG7"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	ck_assert_int_eq(claim("cgw", "CG8"), RSC_NONE);
	/* The event names gateway and originator. */
	struct room_events e = room_events(&room, "EV_FALSE_ORIGINATOR", true);
	ck_assert(strstr(arena_strz(&room.a, e.last), "\"credential\":\"cgw\"") != NULL);
	ck_assert(strstr(arena_strz(&room.a, e.last), "\"name\":\"CG7\"") != NULL);
}
END_TEST

/* TS-0004 7.3.2.1 for a CSE's association. */
START_TEST(registree_cse)
{
	ck_assert_int_eq(claim("cmn1", "/mn1"), RSC_NONE);
	ck_assert(origin.authenticated && str_eqz(origin.from, "//troth.example/mn1"));
	ck_assert_int_eq(claim("cmn1", "//troth.example/mn1"), RSC_NONE);
	ck_assert_int_eq(claim("cmn1", "/mn1/CFar"), RSC_NONE);
	ck_assert(!origin.authenticated && str_eqz(origin.from, "//troth.example/mn1/CFar"));
	ck_assert_int_eq(claim("cmn1", "/mn7/CFar"), RSC_NONE);
	ck_assert_int_eq(claim("cmn1", "/SFar"), RSC_NONE);
	ck_assert_int_eq(claim("cmn1", "//other.example/mn2/CFar"), RSC_NONE);
	/* another registree's CSE-ID; a CSE-relative C stem; a C-type AE-ID of another registree; ours */
	ck_assert_int_eq(claim("cmn1", "/mn2"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	ck_assert_int_eq(claim("cmn1", "CFar"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	ck_assert_int_eq(claim("cmn1", "/mn2/CFar"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	ck_assert_int_eq(claim("cmn1", "/id-in"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	ck_assert_int_eq(claim("cmn1", "/id-in/CFar"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	ck_assert_int_eq(claim("cmn1", "/SDev1"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	ck_assert_int_eq(claim("cmn1", "SDev1"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
}
END_TEST

/* security-model 2.5: a change, suspension or end takes effect on live connections at once. */
START_TEST(live_peers_end)
{
	struct cred_info c = room_info(&room, "clive", CRED_DEVICE, "CLive");
	struct peer *p, *q;

	room_put_cred(&room, &c);
	p = room_peer(&room, "clive");
	ck_assert(peer_is_live(room.sec, p));
	c.state = CRED_SUSPENDED;
	room_put_cred(&room, &c);
	ck_assert(!peer_is_live(room.sec, p));
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_RETRIEVE, 0, "CLive"), p, &origin),
	                 RSC_ORIGINATOR_NOT_AUTHENTICATED);
	ck_assert_int_eq(peer_of_credential(room.sec, c.id, NULL, &q), E_DENIED);
	ck_assert_int_eq(peer_of_certificate(room.sec, c.fingerprint, NULL, &q), E_DENIED);
	ck_assert_uint_ge(room_count(&room, "EV_DEAD_CREDENTIAL"), 3);
	peer_unref(p);
	/* Active again; a new generation ends the peers of the old one. */
	c.state = CRED_ACTIVE;
	room_put_cred(&room, &c);
	ck_assert_int_eq(peer_of_certificate(room.sec, c.fingerprint, NULL, &p), 0);
	struct cred_info next = room_info(&room, "clive", CRED_DEVICE, "CLive");
	next.generation = next.base_generation = 2;
	room_put_cred(&room, &next);
	ck_assert(!peer_is_live(room.sec, p));
	peer_unref(p);
	ck_assert_int_eq(peer_of_certificate(room.sec, c.fingerprint, NULL, &p), E_DENIED);
	ck_assert_int_eq(peer_of_certificate(room.sec, next.fingerprint, NULL, &p), 0);
	ck_assert(peer_is_live(room.sec, p));
	/* A connection ends with its certificate (3.1). */
	clock_advance_us(room.clock, ROOM_DAY - 1000000);
	clockguard_tick(room.sec);
	ck_assert(peer_is_live(room.sec, p));
	clock_advance_us(room.clock, 1000000);
	clockguard_tick(room.sec);
	ck_assert(!peer_is_live(room.sec, p));
	peer_unref(p);
	ck_assert_int_eq(peer_of_certificate(room.sec, next.fingerprint, NULL, &p), E_DENIED);
}
END_TEST

START_TEST(unknown_certificate)
{
	struct ipaddr ip = { 4, { 192, 0, 2, 1 } };
	unsigned char key[32] = { 0xee };
	struct peer *p;

	ck_assert_int_eq(peer_of_certificate(room.sec, str_make((const char *)key, 32), &ip, &p), E_DENIED);
	ck_assert_uint_eq(room_count(&room, "EV_UNKNOWN_CREDENTIAL"), 1);
	ck_assert_int_eq(peer_of_credential(room.sec, STR("cnone"), &ip, &p), E_DENIED);
}
END_TEST

START_TEST(self)
{
	struct peer *p = peer_self(room.sec);

	ck_assert(peer_is_live(room.sec, p));
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_DELETE, 0, "/id-in"), p, &origin), RSC_NONE);
	ck_assert(origin.self && !origin.admin && str_eqz(origin.from, "//troth.example/id-in"));
	peer_unref(p);
}
END_TEST

/* security-model 1.4: the socket's user is the administrator and nobody else, and registers nothing. */
START_TEST(administrators_socket)
{
	static const char *const others[] = { "CDev1", "COps", "/id-in", "SAny", "C" };
	struct peer *p = peer_administrator(room.sec);

	ck_assert(peer_is_live(room.sec, p));
	ck_assert(str_eqz(security_administrator(room.sec), "CAdmin"));
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_RETRIEVE, 0, "CAdmin"), p, &origin), RSC_NONE);
	ck_assert(origin.admin && !origin.self && origin.authenticated && str_eqz(origin.from, "//troth.example/id-in/CAdmin"));
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_RETRIEVE, 0, others[i]), p, &origin),
		                 RSC_ORIGINATOR_NOT_AUTHENTICATED);
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_CREATE, TY_AE, "CAdmin"), p, &origin), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_CREATE, TY_AE, "C"), p, &origin), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	peer_unref(p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("origin");
	TCase *t = tcase_create("origin");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, device_speaks_for_its_stems);
	tcase_add_test(t, false_originators);
	tcase_add_test(t, other_forms);
	tcase_add_test(t, no_identifier_at_all);
	tcase_add_test(t, absent);
	tcase_add_test(t, registering_stems);
	tcase_add_test(t, administrator);
	tcase_add_test(t, gateway);
	tcase_add_test(t, registree_cse);
	tcase_add_test(t, live_peers_end);
	tcase_add_test(t, unknown_certificate);
	tcase_add_test(t, self);
	tcase_add_test(t, administrators_socket);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
