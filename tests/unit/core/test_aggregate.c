/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications through a group, TS-0004 7.5.1.2.6: what its members' hosts are answered, and when.  The forwarding target has no
 * point of access, so that the answer is TARGET_NOT_REACHABLE; what arrives elsewhere is in the flows GMG-120 and following. */
#include "tests/unit/core/rig.h"

static struct rig g;
static struct peer *dev, *us;

static void create(const char *to, unsigned ty, const char *pc)
{
	struct rig_answer a = SEND(&g, .peer = dev, .op = OP_CREATE, .to = to, .fr = "CDev1", .ty = ty, .pc = pc);

	ck_assert(a.rsc == RSC_CREATED || a.rsc == RSC_OK);
	json_decref(a.pc);
}

static void setup(void)
{
	rig_open(&g, NULL);
	dev = rig_ae(&g, "CDev1", "app1");
	us = peer_self(g.security);
	create("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"a\"}}");
	create("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"b\"}}");
	create("cse-in/app1", TY_GRP, "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":5,\"mid\":[\"cse-in/app1/a\",\"/id-in/cse-in/app1/b\"],"
	                              "\"nar\":{\"num\":2,\"dur\":\"PT20S\"}}}");
	create("cse-in/app1/g/fopt", TY_SUB, "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"CDev1\"],\"nfu\":\"CDev1\",\"enc\":{\"net\":[3]}}}");
}

static void teardown(void)
{
	peer_unref(us);
	rig_close(&g);
}

static void launch(struct rig_answer *a, const char *sur, const char *rset)
{
	char pc[200];

	snprintf(pc, sizeof(pc), "{\"m2m:sgn\":{\"sur\":\"%s\",\"nev\":{\"net\":3,\"rep\":{\"m2m:uri\":\"x\"}}}}", sur);
	rig_launch(&g, &(struct rig_ask){ .peer = us, .op = OP_NOTIFY, .to = "cse-in/app1/g/fopt", .fr = "/id-in", .pc = pc, .rset = rset }, a);
}

static void turn(void)
{
	for (int i = 0; i < 20; i++)
		loop_turn(g.loop, 0);
}

START_TEST(answered_together)
{
	struct rig_answer a, b;

	launch(&a, "cse-in/app1/a/s", NULL);
	turn();
	ck_assert(!a.done);
	launch(&b, "cse-in/app1/b/s", NULL);
	for (int i = 0; i < 20 && !(a.done && b.done); i++) {
		turn();
		clock_advance_us(g.clock, 1000000);
	}
	ck_assert(a.done && b.done);
	ck_assert_int_eq(a.rsc, RSC_TARGET_NOT_REACHABLE);
	ck_assert_int_eq(b.rsc, RSC_TARGET_NOT_REACHABLE);
	json_decref(a.pc);
	json_decref(b.pc);
}
END_TEST

/* Without another one it goes on when the duration is over, though that is longer than requests last by themselves. */
START_TEST(answered_after_the_duration)
{
	struct rig_answer a;

	launch(&a, "cse-in/app1/a/s", NULL);
	for (int i = 0; i < 19; i++) {
		turn();
		clock_advance_us(g.clock, 1000000);
	}
	turn();
	ck_assert(!a.done);
	for (int i = 0; i < 20 && !a.done; i++) {
		clock_advance_us(g.clock, 1000000);
		turn();
	}
	ck_assert_int_eq(a.rsc, RSC_TARGET_NOT_REACHABLE);
	json_decref(a.pc);
}
END_TEST

/* A sender that says how long it waits is not made to wait longer. */
START_TEST(answered_before_it_expires)
{
	struct rig_answer a;

	launch(&a, "cse-in/app1/a/s", "6000");
	for (int i = 0; i < 5; i++) {
		clock_advance_us(g.clock, 1000000);
		turn();
	}
	ck_assert(a.done);
	ck_assert_int_eq(a.rsc, RSC_TARGET_NOT_REACHABLE);
	json_decref(a.pc);
}
END_TEST

START_TEST(foreign_ones_are_refused)
{
	static const char *const sur[] = { "cse-in/app1/a", "cse-in/app1/a/none", "/mn1/cse/s", "a b" };
	struct rig_answer a;

	for (size_t i = 0; i < ARRAY_LEN(sur); i++) {
		launch(&a, sur[i], NULL);
		ck_assert(a.done);
		ck_assert_int_eq(a.rsc, RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
		json_decref(a.pc);
	}
	create("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"c\"}}");
	create("cse-in/app1/c", TY_SUB, "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"CDev1\"],\"nfu\":\"CDev1\",\"gpi\":\"cse-in/app1/g\"}}");
	launch(&a, "cse-in/app1/c/s", NULL);
	ck_assert_int_eq(a.rsc, RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
	json_decref(a.pc);
}
END_TEST

START_TEST(nobody_waits_any_more)
{
	struct rig_answer a, b;
	struct request *r;
	const char *pc = "{\"m2m:sgn\":{\"sur\":\"cse-in/app1/a/s\",\"nev\":{\"net\":3,\"rep\":{\"m2m:uri\":\"x\"}}}}";

	r = rig_launch(&g, &(struct rig_ask){ .peer = us, .op = OP_NOTIFY, .to = "cse-in/app1/g/fopt", .fr = "/id-in", .pc = pc }, &a);
	turn();
	gate_abandon(r);
	launch(&b, "cse-in/app1/b/s", NULL);
	for (int i = 0; i < 20 && !b.done; i++) {
		turn();
		clock_advance_us(g.clock, 1000000);
	}
	ck_assert(!a.done && b.done);
	json_decref(b.pc);
}
END_TEST

START_TEST(the_end_of_the_gate)
{
	static struct rig_answer a, b, c; /* teardown may still answer them */

	launch(&a, "cse-in/app1/a/s", NULL);
	turn();
	ck_assert(!a.done);
	launch(&b, "cse-in/app1/a/s", NULL);
	launch(&c, "cse-in/app1/a/s", NULL); /* still on its way to the loop */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("aggregate");
	TCase *t = tcase_create("aggregation");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, answered_together);
	tcase_add_test(t, answered_after_the_duration);
	tcase_add_test(t, answered_before_it_expires);
	tcase_add_test(t, foreign_ones_are_refused);
	tcase_add_test(t, nobody_waits_any_more);
	tcase_add_test(t, the_end_of_the_gate);
	suite_add_tcase(s, t);
	return rig_run(s);
}
