/* SPDX-License-Identifier: Apache-2.0 */
/* Expiration: TS-0004 7.3.3.5 (timer), 7.4.7.2.1 (maxInstanceAge); nothing by a doubtful clock. */
#include "cse/core/expire.h"

#include "tests/unit/core/rig.h"

static struct rig g;
static struct peer *dev;

static enum rsc make(const char *to, unsigned ty, const char *pc)
{
	return CODE(&g, .peer = dev, .op = OP_CREATE, .to = to, .fr = "CDev1", .ty = ty, .pc = pc);
}

static enum rsc get(const char *to)
{
	return CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = to, .fr = "CDev1");
}

/* A second of the test's clock at a time, so that the guard of the clock sees progress, and turns for what it starts. */
static void pass(int seconds)
{
	for (int i = 0; i < seconds; i++) {
		clock_advance_us(g.clock, 1000000);
		for (int k = 0; k < 4; k++)
			loop_turn(g.loop, 0);
		store_flush(g.store);
		loop_turn(g.loop, 0);
	}
}

static void setup(void)
{
	rig_open(&g, NULL);
	dev = rig_ae(&g, "CDev1", "app1");
	ck_assert_int_eq(make("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\"}}"), RSC_CREATED);
}

static void teardown(void)
{
	rig_close(&g);
}

START_TEST(a_resource_ends)
{
	struct store_usage before, after;

	ck_assert_int_eq(make("cse-in/app1/box", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"c\",\"et\":\"20261120T100010\"}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/box/c", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"d\"}}"), RSC_CREATED);
	store_usage(g.store, &before);
	pass(9);
	ck_assert_int_eq(get("cse-in/app1/box/c"), RSC_OK);
	pass(3);
	ck_assert_int_eq(get("cse-in/app1/box/c"), RSC_NOT_FOUND);
	ck_assert_int_eq(get("cse-in/app1/box/c/d"), RSC_NOT_FOUND);
	ck_assert_int_eq(rig_number(&g, dev, "CDev1", "cse-in/app1/box", "m2m:cnt", "st"), 1);
	store_usage(g.store, &after);
	ck_assert_int_eq(before.nodes - after.nodes, 2);
}
END_TEST

START_TEST(instances_by_age)
{
	struct rig_answer a;

	ck_assert_int_eq(make("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"aged\",\"mia\":10}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/aged", TY_CIN, "{\"m2m:cin\":{\"rn\":\"i1\",\"con\":1}}"), RSC_CREATED);
	pass(5);
	ck_assert_int_eq(make("cse-in/app1/aged", TY_CIN, "{\"m2m:cin\":{\"rn\":\"i2\",\"con\":2}}"), RSC_CREATED);
	a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/aged/i2", .fr = "CDev1");
	ck_assert_str_eq(rig_s(rig_pc(&a, "m2m:cin"), "et"), "20261120T100015");
	json_decref(a.pc);
	pass(7);
	ck_assert_int_eq(get("cse-in/app1/aged/i1"), RSC_NOT_FOUND);
	ck_assert_int_eq(get("cse-in/app1/aged/i2"), RSC_OK);
	ck_assert_int_eq(rig_number(&g, dev, "CDev1", "cse-in/app1/aged", "m2m:cnt", "cni"), 1);
	ck_assert_int_eq(rig_number(&g, dev, "CDev1", "cse-in/app1/aged", "m2m:cnt", "st"), 3);
	pass(6);
	ck_assert_int_eq(rig_number(&g, dev, "CDev1", "cse-in/app1/aged", "m2m:cnt", "cni"), 0);
}
END_TEST

START_TEST(an_instance_with_an_end_of_its_own)
{
	ck_assert_int_eq(make("cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"rn\":\"i1\",\"con\":1,\"et\":\"20261120T100005\"}}"),
	                 RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"rn\":\"i2\",\"con\":2}}"), RSC_CREATED);
	pass(4);
	ck_assert_int_eq(get("cse-in/app1/box/i1"), RSC_OK);
	pass(3);
	ck_assert_int_eq(get("cse-in/app1/box/i1"), RSC_NOT_FOUND);
	ck_assert_int_eq(get("cse-in/app1/box/i2"), RSC_OK);
	ck_assert_int_eq(rig_number(&g, dev, "CDev1", "cse-in/app1/box", "m2m:cnt", "cni"), 1);
	ck_assert_int_eq(rig_number(&g, dev, "CDev1", "cse-in/app1/box", "m2m:cnt", "st"), 3);
}
END_TEST

START_TEST(nothing_ends_by_a_doubtful_clock)
{
	ck_assert_int_eq(make("cse-in/app1/box", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"c\",\"et\":\"20261120T110000\"}}"), RSC_CREATED);
	pass(2);
	clock_jump_us(g.clock, INT64_C(86400000000));
	pass(3);
	ck_assert_int_eq(get("cse-in/app1/box/c"), RSC_OK);
	clockguard_accept(g.security);
	pass(3);
	ck_assert_int_eq(get("cse-in/app1/box/c"), RSC_NOT_FOUND);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("expire");
	TCase *t = tcase_create("expiration");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_resource_ends);
	tcase_add_test(t, instances_by_age);
	tcase_add_test(t, an_instance_with_an_end_of_its_own);
	tcase_add_test(t, nothing_ends_by_a_doubtful_clock);
	suite_add_tcase(s, t);
	return rig_run(s);
}
