/* SPDX-License-Identifier: Apache-2.0 */
/* container: TS-0004 7.4.6, 7.4.7.2.1, TS-0001 table 9.6.6-2. */
#include "cse/types/behaviour.h"

#include "tests/unit/core/rig.h"

static struct rig g;
static struct peer *dev;

static enum rsc make(const char *to, unsigned ty, const char *pc)
{
	return CODE(&g, .peer = dev, .op = OP_CREATE, .to = to, .fr = "CDev1", .ty = ty, .pc = pc);
}

static enum rsc update(const char *to, const char *pc)
{
	return CODE(&g, .peer = dev, .op = OP_UPDATE, .to = to, .fr = "CDev1", .pc = pc);
}

static long long number(const char *name)
{
	return rig_number(&g, dev, "CDev1", "cse-in/app1/box", "m2m:cnt", name);
}

static void setup(void)
{
	rig_open(&g, NULL);
	dev = rig_ae(&g, "CDev1", "app1");
}

static void teardown(void)
{
	rig_close(&g);
}

static void fill(int n)
{
	char pc[64];

	for (int i = 0; i < n; i++) {
		snprintf(pc, sizeof(pc), "{\"m2m:cin\":{\"con\":\"%05d\"}}", i);
		ck_assert_int_eq(make("cse-in/app1/box", TY_CIN, pc), RSC_CREATED);
	}
}

START_TEST(mni_keeps_the_newest)
{
	struct rig_answer a;

	ck_assert_int_eq(make("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\",\"mni\":3}}"), RSC_CREATED);
	fill(5);
	ck_assert_int_eq(number("cni"), 3);
	ck_assert_int_eq(number("cbs"), 15);
	ck_assert_int_eq(number("st"), 5);
	a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box/ol", .fr = "CDev1");
	ck_assert_str_eq(rig_s(rig_pc(&a, "m2m:cin"), "con"), "00002");
	json_decref(a.pc);
	ck_assert_int_eq(update("cse-in/app1/box", "{\"m2m:cnt\":{\"mni\":1}}"), RSC_UPDATED);
	ck_assert_int_eq(number("cni"), 1);
	ck_assert_int_eq(number("st"), 6);
}
END_TEST

START_TEST(mni_0_keeps_nothing)
{
	ck_assert_int_eq(make("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\",\"mni\":0}}"), RSC_CREATED);
	fill(2);
	ck_assert_int_eq(number("cni"), 0);
	ck_assert_int_eq(number("cbs"), 0);
	ck_assert_int_eq(number("st"), 2);
}
END_TEST

START_TEST(mbs_bounds_bytes)
{
	ck_assert_int_eq(make("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\",\"mbs\":12}}"), RSC_CREATED);
	fill(3);
	ck_assert_int_eq(number("cni"), 2);
	ck_assert_int_eq(number("cbs"), 10);
	ck_assert_int_eq(make("cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":\"0123456789abc\"}}"), RSC_NOT_ACCEPTABLE);
	ck_assert_int_eq(make("cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":\"0123456789ab\"}}"), RSC_CREATED);
	ck_assert_int_eq(number("cni"), 1);
	ck_assert_int_eq(update("cse-in/app1/box", "{\"m2m:cnt\":{\"mbs\":11}}"), RSC_UPDATED);
	ck_assert_int_eq(number("cni"), 0);
}
END_TEST

START_TEST(disable_retrieval)
{
	ck_assert_int_eq(make("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\"}}"), RSC_CREATED);
	fill(2);
	ck_assert_int_eq(make("cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"rn\":\"x\",\"con\":1}}"), RSC_CREATED);
	ck_assert_int_eq(update("cse-in/app1/box", "{\"m2m:cnt\":{\"disr\":true}}"), RSC_UPDATED);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box/la", .fr = "CDev1"),
	                 RSC_OPERATION_NOT_ALLOWED);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_DELETE, .to = "cse-in/app1/box/x", .fr = "CDev1"),
	                 RSC_OPERATION_NOT_ALLOWED);
	ck_assert_int_eq(number("cni"), 3);
	ck_assert_int_eq(make("cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":1}}"), RSC_CREATED);
	ck_assert_int_eq(update("cse-in/app1/box", "{\"m2m:cnt\":{\"disr\":null}}"), RSC_UPDATED);
	ck_assert_int_eq(number("cni"), 0);
	ck_assert_int_eq(number("cbs"), 0);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box/la", .fr = "CDev1"), RSC_NOT_FOUND);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cnt");
	TCase *t = tcase_create("container");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, mni_keeps_the_newest);
	tcase_add_test(t, mni_0_keeps_nothing);
	tcase_add_test(t, mbs_bounds_bytes);
	tcase_add_test(t, disable_retrieval);
	suite_add_tcase(s, t);
	return rig_run(s);
}
