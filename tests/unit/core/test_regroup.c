/* SPDX-License-Identifier: Apache-2.0 */
/* Groups that are judged again, TS-0004 7.4.13.2.1: many members, what changes meanwhile, the end.  The rest is in the flows
 * GMG-087 and following. */
#include "tests/unit/core/rig.h"

static struct rig g;
static struct peer *dev;

static void create(unsigned ty, const char *pc)
{
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1", .ty = ty, .pc = pc), RSC_CREATED);
}

static enum rsc delete(const char *to)
{
	return CODE(&g, .peer = dev, .op = OP_DELETE, .to = to, .fr = "CDev1");
}

static json_t *group(void)
{
	struct rig_answer a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/g", .fr = "CDev1");
	json_t *o;

	ck_assert_int_eq(a.rsc, RSC_OK);
	o = json_incref(rig_pc(&a, "m2m:grp"));
	json_decref(a.pc);
	return o;
}

static long long number(void)
{
	json_t *o = group();
	long long n = rig_n(o, "cnm");

	json_decref(o);
	return n;
}

/* 300 containers and one member elsewhere; the last container becomes something else. */
static void setup(void)
{
	struct buf b;

	rig_open(&g, NULL);
	dev = rig_ae(&g, "CDev1", "app1");
	buf_init(&b, 1 << 16);
	buf_z(&b, "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":999,\"mt\":3,\"mid\":[\"/mn1/cse/x\"");
	for (int i = 0; i < 300; i++) {
		char pc[64];

		snprintf(pc, sizeof(pc), "{\"m2m:cnt\":{\"rn\":\"n%d\"}}", i);
		create(TY_CNT, pc);
		snprintf(pc, sizeof(pc), ",\"cse-in/app1/n%d\"", i);
		buf_z(&b, pc);
	}
	buf_z(&b, "]}}");
	buf_put(&b, "", 1);
	create(TY_GRP, b.p);
	buf_fini(&b);
	ck_assert_int_eq(delete("cse-in/app1/n299"), RSC_DELETED);
	create(TY_ACP, "{\"m2m:acp\":{\"rn\":\"n299\",\"pv\":{\"acr\":[]},\"pvs\":{\"acr\":[{\"acor\":[\"CDev1\"],\"acop\":63}]}}}");
	ck_assert_int_eq(number(), 301);
}

static void teardown(void)
{
	rig_close(&g);
}

static void turns(int n)
{
	for (int i = 0; i < n; i++)
		loop_turn(g.loop, 1);
}

START_TEST(in_slices)
{
	clock_advance_us(g.clock, 61000000);
	turns(1);
	ck_assert_int_eq(number(), 301);
	turns(20);
	ck_assert_int_eq(number(), 300);
	clock_advance_us(g.clock, 61000000);
	turns(20);
	ck_assert_int_eq(number(), 300);
}
END_TEST

/* Whoever changes the group has its members judged himself: what was found before counts no more. */
START_TEST(changed_meanwhile)
{
	json_t *o;

	clock_advance_us(g.clock, 61000000);
	turns(2);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_UPDATE, .to = "cse-in/app1/g", .fr = "CDev1",
	                      .pc = "{\"m2m:grp\":{\"mid\":[\"cse-in/app1/n1\"]}}"), RSC_UPDATED);
	turns(20);
	o = group();
	ck_assert_int_eq(rig_n(o, "cnm"), 1);
	ck_assert(json_is_true(json_object_get(o, "mtv")));
	json_decref(o);
}
END_TEST

START_TEST(deleted_meanwhile)
{
	clock_advance_us(g.clock, 61000000);
	turns(2);
	ck_assert_int_eq(delete("cse-in/app1/g"), RSC_DELETED);
	turns(20);
}
END_TEST

START_TEST(the_end_of_the_gate)
{
	clock_advance_us(g.clock, 61000000);
	loop_turn(g.loop, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("regroup");
	TCase *t = tcase_create("groups judged again");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, in_slices);
	tcase_add_test(t, changed_meanwhile);
	tcase_add_test(t, deleted_meanwhile);
	tcase_add_test(t, the_end_of_the_gate);
	suite_add_tcase(s, t);
	return rig_run(s);
}
