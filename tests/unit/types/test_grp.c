/* SPDX-License-Identifier: Apache-2.0 */
/* group: TS-0004 7.4.13, TS-0001 9.6.13; what cannot be read by its originator is told alike (security-model 4.3). */
#include "cse/types/behaviour.h"

#include "tests/unit/core/rig.h"

static struct rig g;
static struct peer *dev, *other;

static enum rsc make(const char *to, unsigned ty, const char *pc)
{
	return CODE(&g, .peer = dev, .op = OP_CREATE, .to = to, .fr = "CDev1", .ty = ty, .pc = pc);
}

/* The group that comes of these attributes (JSON members without braces); NULL with the code in *rsc when refused. */
static json_t *group(const char *attrs, enum rsc *rsc)
{
	char pc[2000];
	struct rig_answer a;
	json_t *o = NULL;

	snprintf(pc, sizeof(pc), "{\"m2m:grp\":{%s}}", attrs);
	a = SEND(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1", .ty = TY_GRP, .pc = pc);
	*rsc = a.rsc;
	if (a.rsc == RSC_CREATED)
		o = json_incref(rig_pc(&a, "m2m:grp"));
	json_decref(a.pc);
	return o;
}

static enum rsc code(const char *attrs)
{
	enum rsc rsc;

	json_decref(group(attrs, &rsc));
	return rsc;
}

static enum rsc update(const char *to, const char *attrs)
{
	char pc[2000];

	snprintf(pc, sizeof(pc), "{\"m2m:grp\":{%s}}", attrs);
	return CODE(&g, .peer = dev, .op = OP_UPDATE, .to = to, .fr = "CDev1", .pc = pc);
}

static json_t *read_back(const char *to)
{
	struct rig_answer a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = to, .fr = "CDev1");
	json_t *o;

	ck_assert_int_eq(a.rsc, RSC_OK);
	o = json_incref(rig_pc(&a, "m2m:grp"));
	json_decref(a.pc);
	return o;
}

static void check_mid(json_t *o, const char *mids)
{
	json_t *want = json_loads(mids, 0, NULL), *mid = json_object_get(o, "mid");

	ck_assert_ptr_nonnull(want);
	ck_assert_msg(json_equal(mid, want), "mid is %s", json_dumps(mid, 0));
	ck_assert_int_eq(rig_n(o, "cnm"), (long long)json_array_size(want));
	json_decref(want);
	json_decref(o);
}

static void setup(void)
{
	static const char *const few[] = { "limits.group_members=300", NULL };

	rig_open(&g, few);
	dev = rig_ae(&g, "CDev1", "app1");
	other = rig_ae(&g, "CDev2", "app2");
	ck_assert_int_eq(make("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"a\"}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"b\"}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/a", TY_CIN, "{\"m2m:cin\":{\"rn\":\"i\",\"con\":\"1\"}}"), RSC_CREATED);
	ck_assert_int_eq(CODE(&g, .peer = other, .op = OP_CREATE, .to = "cse-in/app2", .fr = "CDev2", .ty = TY_CNT,
	                      .pc = "{\"m2m:cnt\":{\"rn\":\"a\"}}"), RSC_CREATED);
}

static void teardown(void)
{
	rig_close(&g);
}

START_TEST(defaults)
{
	enum rsc rsc;
	json_t *o = group("\"mnm\":5,\"mid\":[\"cse-in/app1/a\",\"CDev1\"]", &rsc);

	ck_assert_int_eq(rsc, RSC_CREATED);
	ck_assert_int_eq(rig_n(o, "mt"), 0);  /* MIXED */
	ck_assert_int_eq(rig_n(o, "csy"), 1); /* ABANDON_MEMBER */
	ck_assert_ptr_null(json_object_get(o, "mtv"));
	ck_assert_ptr_null(json_object_get(o, "ssi"));
	check_mid(o, "[\"cse-in/app1/a\",\"CDev1\"]");
}
END_TEST

START_TEST(duplicates_by_any_form)
{
	enum rsc rsc;
	json_t *o = group("\"mnm\":9,\"mid\":[\"cse-in/app1/a\",\"-/app1/a\",\"/id-in/cse-in/app1/a\","
	                  "\"//troth.example/id-in/cse-in/app1/a\",\"cse-in/app1/b\",\"cse-in/app1/a\"]", &rsc);

	check_mid(o, "[\"cse-in/app1/a\",\"cse-in/app1/b\"]");
	/* What may be read is known by what it is, too: the AE by its AE-ID and by its path. */
	o = group("\"mnm\":9,\"mt\":2,\"mid\":[\"CDev1\",\"cse-in/app1\"]", &rsc);
	check_mid(o, "[\"CDev1\"]");
}
END_TEST

START_TEST(number_of_members)
{
	ck_assert_int_eq(code("\"mnm\":1,\"mid\":[\"cse-in/app1/a\",\"cse-in/app1/b\"]"), RSC_MAX_NUMBER_OF_MEMBER_EXCEEDED);
	ck_assert_int_eq(code("\"mid\":[]"), RSC_BAD_REQUEST);
	ck_assert_int_eq(code("\"mnm\":1"), RSC_BAD_REQUEST);
	ck_assert_int_eq(code("\"rn\":\"g\",\"mnm\":3,\"mid\":[\"cse-in/app1/a\",\"cse-in/app1/b\"]"), RSC_CREATED);
	ck_assert_int_eq(update("cse-in/app1/g", "\"mnm\":1"), RSC_MAX_NUMBER_OF_MEMBER_EXCEEDED);
	ck_assert_int_eq(update("cse-in/app1/g", "\"mid\":[\"CDev1\",\"cse-in/app1/a\",\"cse-in/app1/b\",\"x\"]"),
	                 RSC_MAX_NUMBER_OF_MEMBER_EXCEEDED);
	ck_assert_int_eq(update("cse-in/app1/g", "\"mnm\":2"), RSC_UPDATED);
	ck_assert_int_eq(update("cse-in/app1/g", "\"mid\":[\"CDev1\"]"), RSC_UPDATED);
	check_mid(read_back("cse-in/app1/g"), "[\"CDev1\"]");
	ck_assert_int_eq(update("cse-in/app1/g", "\"mid\":[]"), RSC_UPDATED);
	check_mid(read_back("cse-in/app1/g"), "[]");
}
END_TEST

START_TEST(strategies)
{
	enum rsc rsc;
	json_t *o;

	ck_assert_int_eq(code("\"mnm\":5,\"mt\":3,\"csy\":2,\"mid\":[\"cse-in/app1/a\",\"CDev1\"]"), RSC_GROUP_MEMBER_TYPE_INCONSISTENT);
	o = group("\"mnm\":5,\"mt\":3,\"csy\":1,\"mid\":[\"cse-in/app1/a\",\"CDev1\"]", &rsc);
	ck_assert(json_is_true(json_object_get(o, "mtv")));
	ck_assert_int_eq(rig_n(o, "mt"), 3);
	check_mid(o, "[\"cse-in/app1/a\"]");
	o = group("\"mnm\":5,\"mt\":3,\"csy\":3,\"mid\":[\"cse-in/app1/a\",\"CDev1\"]", &rsc);
	ck_assert(json_is_true(json_object_get(o, "mtv")));
	ck_assert_int_eq(rig_n(o, "mt"), 0);
	check_mid(o, "[\"cse-in/app1/a\",\"CDev1\"]");
	ck_assert_int_eq(code("\"rn\":\"g\",\"mnm\":5,\"mt\":3,\"csy\":2,\"mid\":[\"cse-in/app1/a\"]"), RSC_CREATED);
	ck_assert_int_eq(update("cse-in/app1/g", "\"mid\":[\"CDev1\"]"), RSC_GROUP_MEMBER_TYPE_INCONSISTENT);
	check_mid(read_back("cse-in/app1/g"), "[\"cse-in/app1/a\"]");
	ck_assert_int_eq(update("cse-in/app1/g", "\"mt\":0"), RSC_BAD_REQUEST);
	ck_assert_int_eq(update("cse-in/app1/g", "\"csy\":1"), RSC_BAD_REQUEST);
}
END_TEST

/* Absent, of somebody else, not there below: one answer. */
START_TEST(unreadable_members)
{
	ck_assert_int_eq(code("\"mnm\":5,\"mt\":3,\"mid\":[\"cse-in/app1/none\"]"), RSC_RECEIVER_HAS_NO_PRIVILEGE);
	ck_assert_int_eq(code("\"mnm\":5,\"mt\":3,\"mid\":[\"cse-in/app2/a\"]"), RSC_RECEIVER_HAS_NO_PRIVILEGE);
	ck_assert_int_eq(code("\"mnm\":5,\"mt\":3,\"mid\":[\"cse-in/app2\"]"), RSC_RECEIVER_HAS_NO_PRIVILEGE);
	ck_assert_int_eq(code("\"mnm\":5,\"mid\":[\"cse-in/app2/a\",\"cse-in/app1/none\"]"), RSC_CREATED);
	ck_assert_int_eq(code("\"mnm\":5,\"mid\":[\"cse-in//a\"]"), RSC_BAD_REQUEST);
	ck_assert_int_eq(code("\"mnm\":5,\"mid\":[\"cse-in/app1#rn\"]"), RSC_BAD_REQUEST);
}
END_TEST

START_TEST(instances_and_virtual_members)
{
	enum rsc rsc;
	json_t *o;

	check_mid(group("\"mnm\":5,\"mt\":4,\"mid\":[\"cse-in/app1/a/i\"]", &rsc), "[\"cse-in/app1/a/i\"]");
	o = group("\"mnm\":5,\"mt\":20002,\"mid\":[\"cse-in/app1/a/la\",\"cse-in/app1/b/la\",\"cse-in/app1/a/ol\"]", &rsc);
	check_mid(o, "[\"cse-in/app1/a/la\",\"cse-in/app1/b/la\"]");
	ck_assert_int_eq(code("\"mnm\":5,\"mt\":20002,\"mid\":[\"cse-in/app1/la\"]"), RSC_RECEIVER_HAS_NO_PRIVILEGE);
}
END_TEST

START_TEST(sub_groups)
{
	enum rsc rsc;

	ck_assert_int_eq(code("\"rn\":\"s\",\"mnm\":5,\"mt\":3,\"mid\":[\"cse-in/app1/a\"]"), RSC_CREATED);
	ck_assert_int_eq(code("\"rn\":\"x\",\"mnm\":5,\"mid\":[\"cse-in/app1/a\"]"), RSC_CREATED);
	check_mid(group("\"mnm\":5,\"mt\":3,\"mid\":[\"cse-in/app1/s/fopt\",\"cse-in/app1/b\",\"cse-in/app1/x/fopt\"]", &rsc),
	          "[\"cse-in/app1/s/fopt\",\"cse-in/app1/b\"]");
	/* Without fopt it is a group among groups. */
	check_mid(group("\"mnm\":5,\"mt\":9,\"mid\":[\"cse-in/app1/s\",\"cse-in/app1/s/fopt\"]", &rsc), "[\"cse-in/app1/s\"]");
}
END_TEST

START_TEST(members_elsewhere)
{
	enum rsc rsc;
	json_t *o = group("\"rn\":\"g\",\"mnm\":5,\"mt\":3,\"mid\":[\"cse-in/app1/a\",\"/mn1/cse/x\"]", &rsc);

	ck_assert_int_eq(rsc, RSC_CREATED);
	ck_assert(json_is_false(json_object_get(o, "mtv")));
	check_mid(o, "[\"cse-in/app1/a\",\"/mn1/cse/x\"]");
	ck_assert_int_eq(update("cse-in/app1/g", "\"mid\":[\"cse-in/app1/a\"]"), RSC_UPDATED);
	o = read_back("cse-in/app1/g");
	ck_assert(json_is_true(json_object_get(o, "mtv")));
	json_decref(o);
}
END_TEST

START_TEST(other_attributes)
{
	static const char *const bad[] = { "\"nar\":{}", "\"nar\":{\"num\":0}", "\"nar\":{\"dur\":\"PT0S\"}",
		"\"nar\":{\"num\":2,\"dur\":\"-PT1S\"}", "\"spty\":{\"cnd\":\"a.b\"}", "\"mt\":28,\"spty\":{\"mgd\":1001}",
		"\"macp\":[\"cse-in/app1/a\"]", "\"cnm\":0", "\"mtv\":true", "\"ssi\":true" };
	char attrs[300];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(attrs, sizeof(attrs), "\"mnm\":5,\"mid\":[],%s", bad[i]);
		ck_assert_msg(code(attrs) == RSC_BAD_REQUEST, "%s", bad[i]);
	}
	ck_assert_int_eq(code("\"rn\":\"g\",\"mnm\":5,\"mid\":[],\"gn\":\"My group\",\"nar\":{\"num\":2,\"dur\":\"PT5S\"}"), RSC_CREATED);
	ck_assert_int_eq(update("cse-in/app1/g", "\"nar\":{\"num\":0}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(update("cse-in/app1/g", "\"nar\":null,\"gn\":\"Other\""), RSC_UPDATED);
	ck_assert_int_eq(update("cse-in/app1/g", "\"mid\":null"), RSC_BAD_REQUEST);
}
END_TEST

START_TEST(many_members_in_slices)
{
	struct buf b;
	json_t *o;
	struct rig_answer a;

	buf_init(&b, 1 << 20);
	buf_z(&b, "{\"m2m:grp\":{\"mnm\":999,\"mt\":3,\"mid\":[");
	for (int i = 0; i < 300; i++) {
		char pc[64];

		snprintf(pc, sizeof(pc), "{\"m2m:cnt\":{\"rn\":\"n%d\"}}", i);
		ck_assert_int_eq(make("cse-in/app1", TY_CNT, pc), RSC_CREATED);
		snprintf(pc, sizeof(pc), "%s\"cse-in/app1/n%d\"", i ? "," : "", i);
		buf_z(&b, pc);
	}
	buf_z(&b, "]}}");
	buf_put(&b, "", 1);
	a = SEND(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1", .ty = TY_GRP, .pc = b.p);
	ck_assert_int_eq(a.rsc, RSC_CREATED);
	o = rig_pc(&a, "m2m:grp");
	ck_assert_int_eq(rig_n(o, "cnm"), 300);
	ck_assert_uint_eq(json_array_size(json_object_get(o, "mid")), 300);
	json_decref(a.pc);
	buf_fini(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("grp");
	TCase *t = tcase_create("group");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, defaults);
	tcase_add_test(t, duplicates_by_any_form);
	tcase_add_test(t, number_of_members);
	tcase_add_test(t, strategies);
	tcase_add_test(t, unreadable_members);
	tcase_add_test(t, instances_and_virtual_members);
	tcase_add_test(t, sub_groups);
	tcase_add_test(t, members_elsewhere);
	tcase_add_test(t, other_attributes);
	tcase_add_test(t, many_members_in_slices);
	suite_add_tcase(s, t);
	return rig_run(s);
}
