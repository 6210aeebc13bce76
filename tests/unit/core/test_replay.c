/* SPDX-License-Identifier: Apache-2.0 */
/* Request identifiers that come again (TS-0001 7.1.7, security-model 4.1): pending ones are rejected, changed ones are a strike, a
 * lost answer is given to who asks again, and what was answered is over. */
#include "security/lockout.h"
#include "tests/unit/core/rig.h"

#define SECOND INT64_C(1000000)

static struct rig g;
static struct peer *dev, *other, *gw;
static struct rig_ask one, two;

static struct rig_ask put(const char *pc)
{
	return (struct rig_ask){ .peer = dev, .op = OP_CREATE, .to = "cse-in/app1/box", .fr = "CDev1", .ty = TY_CIN, .rqi = "one",
		.pc = pc };
}
#define ONE "{\"m2m:cin\":{\"con\":\"1\"}}"
#define TWO "{\"m2m:cin\":{\"con\":\"2\"}}"

static void setup(void)
{
	rig_open(&g, NULL);
	dev = rig_peer(&g, CRED_DEVICE, "CDev1", ZONE_DEFAULT);
	other = rig_peer(&g, CRED_DEVICE, "CDev2", ZONE_DEFAULT);
	gw = rig_peer(&g, CRED_GATEWAY, "CG*", ZONE_DEFAULT);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in", .fr = "CDev1", .ty = TY_AE,
	                      .pc = "{\"m2m:ae\":{\"rn\":\"app1\",\"api\":\"Nx\",\"rr\":false,\"srv\":[\"3\"]}}"), RSC_CREATED);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1", .ty = TY_CNT,
	                      .pc = "{\"m2m:cnt\":{\"rn\":\"box\"}}"), RSC_CREATED);
	one = put(ONE);
	two = put(TWO);
}

static void teardown(void)
{
	rig_close(&g);
}

static long long cni(void)
{
	return rig_number(&g, dev, "CDev1", "cse-in/app1/box", "m2m:cnt", "cni");
}

static void settle(void)
{
	store_flush(g.store);
	while (loop_turn(g.loop, 0) > 0)
		;
}

static void pass(int64_t us)
{
	for (; us > 0; us -= SECOND) {
		clock_advance_us(g.clock, us < SECOND ? us : SECOND);
		settle();
	}
}

static void drop(struct rig_answer *a)
{
	json_decref(a->pc);
	a->pc = NULL;
}

/* Sends it and ends the channel before the answer leaves: what was read from it is another's then. */
static void lose(const struct rig_ask *q)
{
	static struct rig_answer nobody;
	struct request *r = rig_launch(&g, q, &nobody);
	struct str raw = request_prim(r)->raw;

	gate_abandon(r);
	if (raw.n)
		memset((char *)(uintptr_t)raw.p, '#', raw.n);
	settle();
	ck_assert(!nobody.done);
	drop(&nobody);
}

START_TEST(changed_while_pending)
{
	struct rig_answer a, b;

	rig_launch(&g, &one, &a);
	rig_launch(&g, &two, &b);
	ck_assert(b.done && !a.done);
	ck_assert_int_eq(b.rsc, RSC_CONFLICT);
	ck_assert(!peer_is_live(g.security, dev));
	rig_turn(&g, &a);
	ck_assert_int_eq(a.rsc, RSC_CREATED);
	drop(&a);
	drop(&b);
}
END_TEST

START_TEST(the_same_while_pending)
{
	struct rig_answer a, b;

	rig_launch(&g, &one, &a);
	rig_launch(&g, &one, &b);
	ck_assert(b.done && b.rsc == RSC_CONFLICT && !a.done);
	ck_assert(peer_is_live(g.security, dev));
	rig_turn(&g, &a);
	ck_assert_int_eq(a.rsc, RSC_CREATED);
	ck_assert_int_eq(cni(), 1);
	drop(&a);
	drop(&b);
}
END_TEST

/* "even if the same Request Identifier was already used ... the request shall be treated as a new request" */
START_TEST(what_was_answered_is_over)
{
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(rig_code(&g, &one), RSC_CREATED);
	ck_assert_int_eq(rig_code(&g, &two), RSC_CREATED);
	ck_assert_int_eq(cni(), 4);
	ck_assert(peer_is_live(g.security, dev));
}
END_TEST

START_TEST(refusals_are_over_too)
{
	struct rig_ask bad = put(ONE);

	bad.to = "cse-in/app1/none";

	ck_assert_int_eq(rig_code(&g, &bad), RSC_NOT_FOUND);
	ck_assert_int_eq(rig_code(&g, &two), RSC_CREATED);
}
END_TEST

static char *ri_of(const struct rig_answer *a)
{
	return strdup(rig_s(rig_pc(a, "m2m:cin"), "ri"));
}

START_TEST(a_lost_answer)
{
	struct rig_ask q = put(ONE);
	struct rig_answer a, b;

	lose(&q);
	ck_assert_int_eq(cni(), 1);
	a = rig_send(&g, &q);
	b = rig_send(&g, &q);
	ck_assert(a.rsc == RSC_CREATED && b.rsc == RSC_CREATED);
	ck_assert_str_eq(a.rqi, "one");
	ck_assert_str_eq(a.rvi, "3");
	ck_assert_str_eq(rig_s(rig_pc(&a, "m2m:cin"), "con"), "1");
	char *x = ri_of(&a), *y = ri_of(&b);
	ck_assert_str_eq(x, y);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = x, .fr = "CDev1"), RSC_OK);
	ck_assert_int_eq(cni(), 1);
	free(x);
	free(y);
	drop(&a);
	drop(&b);
	/* Its life: cse.request_deadline. */
	pass(9 * SECOND);
	ck_assert_int_eq(rig_code(&g, &q), RSC_CREATED);
	ck_assert_int_eq(cni(), 1);
	pass(SECOND);
	ck_assert_int_eq(rig_code(&g, &q), RSC_CREATED);
	ck_assert_int_eq(cni(), 2);
}
END_TEST

START_TEST(its_life_is_what_it_said)
{
	struct rig_ask q = put(ONE);

	q.rqet = "60000";
	lose(&q);
	pass(59 * SECOND);
	ck_assert_int_eq(rig_code(&g, &q), RSC_CREATED);
	ck_assert_int_eq(cni(), 1);
	pass(2 * SECOND);
	ck_assert_int_eq(rig_code(&g, &q), RSC_CREATED);
	ck_assert_int_eq(cni(), 2);
	/* Ten minutes at most. */
	q.rqi = "two";
	q.rqet = "86400000";
	lose(&q);
	pass(599 * SECOND);
	ck_assert_int_eq(rig_code(&g, &q), RSC_CREATED);
	ck_assert_int_eq(cni(), 3);
	pass(2 * SECOND);
	ck_assert_int_eq(rig_code(&g, &q), RSC_CREATED);
	ck_assert_int_eq(cni(), 4);
}
END_TEST

START_TEST(changed_after_a_lost_answer)
{
	lose(&one);
	ck_assert_int_eq(rig_code(&g, &two), RSC_CONFLICT);
	ck_assert(!peer_is_live(g.security, dev));
}
END_TEST

/* Each part of what it asks for counts. */
START_TEST(what_content_is)
{
	struct rig_ask changed[5];

	for (size_t i = 0; i < ARRAY_LEN(changed); i++)
		changed[i] = put(ONE);
	changed[0].pc = "{\"m2m:cin\":{\"con\":\"1\" }}";
	changed[1].to = "cse-in/app1";
	changed[2].ty = TY_CNT;
	changed[3].op = OP_UPDATE;
	changed[3].ty = 0;
	changed[4].rcn = 1;
	for (size_t i = 0; i < ARRAY_LEN(changed); i++) {
		struct rig_answer a, b;
		struct rig_ask q = changed[i], first = put(ONE);

		first.peer = q.peer = rig_peer(&g, CRED_GATEWAY, "CH*", ZONE_DEFAULT);
		first.fr = q.fr = "CHx";
		first.oet = "5000";
		rig_launch(&g, &first, &a);
		rig_launch(&g, &q, &b);
		ck_assert_msg(b.done && b.rsc == RSC_CONFLICT, "%zu", i);
		ck_assert_msg(lockout_pair(g.security, q.peer, STR("CHx")), "%zu", i);
		pass(6 * SECOND);
		ck_assert(a.done);
		drop(&a);
		drop(&b);
	}
}
END_TEST

START_TEST(others_have_their_own)
{
	struct rig_ask q = put(ONE), theirs = put(TWO);
	struct rig_answer a, b;

	theirs.peer = other;
	theirs.fr = "CDev2";
	rig_launch(&g, &q, &a);
	rig_launch(&g, &theirs, &b);
	rig_turn(&g, &b);
	ck_assert_int_ne(b.rsc, RSC_CONFLICT);
	rig_turn(&g, &a);
	ck_assert_int_eq(a.rsc, RSC_CREATED);
	ck_assert(peer_is_live(g.security, dev) && peer_is_live(g.security, other));
	drop(&a);
	drop(&b);
}
END_TEST

START_TEST(retrieves_are_left_out)
{
	struct rig_answer a;

	rig_launch(&g, &one, &a);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1", .fr = "CDev1", .rqi = "one"), RSC_OK);
	rig_turn(&g, &a);
	ck_assert_int_eq(a.rsc, RSC_CREATED);
	drop(&a);
}
END_TEST

/* What was given up before it was carried out may be asked for again. */
START_TEST(given_up_before)
{
	struct rig_ask q = put(ONE);
	struct rig_answer a;

	q.oet = "5000";
	gate_abandon(rig_launch(&g, &q, &a));
	ck_assert_int_eq(cni(), 0);
	q.oet = NULL;
	ck_assert_int_eq(rig_code(&g, &q), RSC_CREATED);
	ck_assert_int_eq(cni(), 1);
}
END_TEST

START_TEST(deletions_and_updates)
{
	struct rig_ask up = { .peer = dev, .op = OP_UPDATE, .to = "cse-in/app1/box", .fr = "CDev1", .rqi = "u",
		.pc = "{\"m2m:cnt\":{\"lbl\":[\"a\"]}}" };
	struct rig_ask del = { .peer = dev, .op = OP_DELETE, .to = "cse-in/app1/box", .fr = "CDev1", .rqi = "d" };
	struct rig_answer a;

	lose(&up);
	a = rig_send(&g, &up);
	ck_assert_int_eq(a.rsc, RSC_UPDATED);
	ck_assert_int_eq(rig_n(rig_pc(&a, "m2m:cnt"), "st"), 1);
	drop(&a);
	lose(&del);
	ck_assert_int_eq(rig_code(&g, &del), RSC_DELETED);
	del.rqi = "e";
	ck_assert_int_eq(rig_code(&g, &del), RSC_NOT_FOUND);
}
END_TEST

/* The answer to an UPDATE shows what was there before, too; when it is kept, that content is gone. */
START_TEST(what_an_update_left_as_it_was)
{
	struct rig_ask before = { .peer = dev, .op = OP_UPDATE, .to = "cse-in/app1/box", .fr = "CDev1", .rqi = "v",
		.pc = "{\"m2m:cnt\":{\"lbl\":[\"a label that was there\",\"and another\"],\"or\":\"http://ontology.example/x\"}}" };
	struct rig_ask up = { .peer = dev, .op = OP_UPDATE, .to = "cse-in/app1/box", .fr = "CDev1", .rqi = "u",
		.pc = "{\"m2m:cnt\":{\"mni\":7}}" };
	struct rig_answer a;

	ck_assert_int_eq(rig_code(&g, &before), RSC_UPDATED);
	lose(&up);
	a = rig_send(&g, &up);
	ck_assert_int_eq(a.rsc, RSC_UPDATED);
	json_t *box = rig_pc(&a, "m2m:cnt");
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(box, "lbl"), 0)), "a label that was there");
	ck_assert_str_eq(rig_s(box, "or"), "http://ontology.example/x");
	ck_assert_int_eq(rig_n(box, "mni"), 7);
	drop(&a);
}
END_TEST

START_TEST(kept_answers_are_bounded)
{
	struct rig_ask q = put(ONE);
	char rqi[16];

	q.rqet = "600000";
	for (int i = 0; i < 1100; i++) {
		snprintf(rqi, sizeof(rqi), "k%d", i);
		q.rqi = rqi;
		lose(&q);
	}
	ck_assert_int_eq(cni(), 1100);
	q.rqi = "k1099";
	ck_assert_int_eq(rig_code(&g, &q), RSC_CREATED);
	ck_assert_int_eq(cni(), 1100);
	/* The oldest gave way: it is a new request. */
	q.rqi = "k0";
	ck_assert_int_eq(rig_code(&g, &q), RSC_CREATED);
	ck_assert_int_eq(cni(), 1101);
}
END_TEST

/* A large answer is kept without its content. */
START_TEST(large_answers)
{
	struct rig_ask q = put("");
	char *pc = malloc(300000);
	struct rig_answer a;

	snprintf(pc, 300000, "{\"m2m:cin\":{\"con\":\"%0250000d\"}}", 7);
	q.pc = pc;
	lose(&q);
	a = rig_send(&g, &q);
	ck_assert_int_eq(a.rsc, RSC_CREATED);
	ck_assert_ptr_null(a.pc);
	ck_assert_int_eq(cni(), 1);
	free(pc);
}
END_TEST

START_TEST(behind_a_gateway)
{
	struct rig_ask q = put(ONE), r = put(TWO);
	struct rig_answer a;

	q.peer = r.peer = gw;
	q.fr = r.fr = "CG1";
	q.oet = "5000";
	rig_launch(&g, &q, &a);
	ck_assert_int_eq(rig_code(&g, &r), RSC_CONFLICT);
	ck_assert(peer_is_live(g.security, gw) && lockout_pair(g.security, gw, STR("CG1")));
	/* The others behind it go on. */
	ck_assert(!lockout_pair(g.security, gw, STR("CG2")));
	ck_assert_int_eq(CODE(&g, .peer = gw, .op = OP_RETRIEVE, .to = "cse-in", .fr = "CG1"), RSC_ORIGINATOR_NOT_AUTHENTICATED);
	pass(6 * SECOND);
	ck_assert(a.done);
	drop(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("replay");
	TCase *t = tcase_create("replay");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, changed_while_pending);
	tcase_add_test(t, the_same_while_pending);
	tcase_add_test(t, what_was_answered_is_over);
	tcase_add_test(t, refusals_are_over_too);
	tcase_add_test(t, a_lost_answer);
	tcase_add_test(t, its_life_is_what_it_said);
	tcase_add_test(t, changed_after_a_lost_answer);
	tcase_add_test(t, what_content_is);
	tcase_add_test(t, others_have_their_own);
	tcase_add_test(t, retrieves_are_left_out);
	tcase_add_test(t, given_up_before);
	tcase_add_test(t, deletions_and_updates);
	tcase_add_test(t, what_an_update_left_as_it_was);
	tcase_add_test(t, kept_answers_are_bounded);
	tcase_add_test(t, large_answers);
	tcase_add_test(t, behind_a_gateway);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
