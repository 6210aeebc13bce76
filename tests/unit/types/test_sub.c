/* SPDX-License-Identifier: Apache-2.0 */
/* subscription: what its CREATE and UPDATE take and refuse.  TS-0004 7.4.8.2, TS-0001 9.6.8. */
#include "cse/types/behaviour.h"

#include "tests/unit/core/rig.h"

static struct rig g;
static struct peer *dev, *other;

static enum rsc make(const char *to, const char *members)
{
	char pc[1024];

	snprintf(pc, sizeof(pc), "{\"m2m:sub\":{%s}}", members);
	return CODE(&g, .peer = dev, .op = OP_CREATE, .to = to, .fr = "CDev1", .ty = TY_SUB, .pc = pc);
}

static enum rsc change(const char *to, const char *members)
{
	char pc[1024];

	snprintf(pc, sizeof(pc), "{\"m2m:sub\":{%s}}", members);
	return CODE(&g, .peer = dev, .op = OP_UPDATE, .to = to, .fr = "CDev1", .pc = pc);
}

static void setup(void)
{
	rig_open(&g, NULL);
	dev = rig_ae(&g, "CDev1", "app1");
	other = rig_ae(&g, "CDev2", "app2");
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1", .ty = TY_CNT,
	                      .pc = "{\"m2m:cnt\":{\"rn\":\"box\"}}"), RSC_CREATED);
}

static void teardown(void)
{
	rig_close(&g);
}

#define NU "\"nu\":[\"CDev1\"]"

static const struct {
	const char *members;
	enum rsc rsc;
} rows[] = {
	{ NU, RSC_CREATED },
	{ "\"nu\":[]", RSC_BAD_REQUEST },
	{ "\"lbl\":[\"x\"]", RSC_BAD_REQUEST },
	/* event types and content types, TS-0001 table 9.6.8-4 */
	{ NU ",\"enc\":{\"net\":[1,2,3,4,5]}", RSC_CREATED },
	{ NU ",\"enc\":{\"net\":[1,2,3,4,5,5]}", RSC_BAD_REQUEST },
	{ NU ",\"enc\":{\"net\":[6]}", RSC_BAD_REQUEST },
	{ NU ",\"enc\":{\"net\":[8]}", RSC_BAD_REQUEST },
	{ NU ",\"enc\":{\"net\":[8],\"md\":{\"num\":1,\"dur\":\"PT1S\"}}", RSC_BAD_REQUEST },
	{ NU ",\"enc\":{\"md\":{\"num\":1,\"dur\":\"PT1S\"}}", RSC_BAD_REQUEST },
	{ NU ",\"nct\":1", RSC_CREATED },
	{ NU ",\"nct\":2", RSC_CREATED },
	{ NU ",\"nct\":3", RSC_CREATED },
	{ NU ",\"nct\":4", RSC_BAD_REQUEST },
	{ NU ",\"nct\":5", RSC_BAD_REQUEST },
	{ NU ",\"nct\":2,\"enc\":{\"net\":[2]}", RSC_BAD_REQUEST },
	{ NU ",\"nct\":2,\"enc\":{\"net\":[1,3]}", RSC_BAD_REQUEST },
	{ NU ",\"nct\":3,\"enc\":{\"net\":[5]}", RSC_CREATED },
	/* lists */
	{ NU ",\"enc\":{\"net\":[3],\"chty\":[3,4,23]}", RSC_CREATED },
	{ NU ",\"enc\":{\"net\":[3],\"chty\":[2]}", RSC_BAD_REQUEST },
	{ NU ",\"enc\":{\"atr\":[\"mni\",\"lbl\"]}", RSC_CREATED },
	{ NU ",\"enc\":{\"atr\":[\"con\"]}", RSC_BAD_REQUEST },
	{ NU ",\"enc\":{\"atr\":[\"_owner\"]}", RSC_BAD_REQUEST },
	{ NU ",\"enc\":{\"net\":[1],\"om\":[{\"ops\":2}]}", RSC_BAD_REQUEST },
	{ NU ",\"enc\":{\"om\":[{\"ops\":2},{\"or\":\"CDev2\"}]}", RSC_CREATED },
	{ NU ",\"enc\":{\"om\":[{}]}", RSC_BAD_REQUEST },
	{ NU ",\"enc\":{\"om\":[{\"ops\":0}]}", RSC_BAD_REQUEST },
	{ NU ",\"enc\":{\"fo\":2,\"crb\":\"20270101T000000\",\"sza\":1}", RSC_CREATED },
	{ NU ",\"enc\":{\"fo\":3}", RSC_BAD_REQUEST },
	/* blocking update */
	{ NU ",\"enc\":{\"net\":[7,1]}", RSC_BAD_REQUEST },
	{ NU ",\"enc\":{\"net\":[7],\"stb\":1}", RSC_BAD_REQUEST },
	{ NU ",\"enc\":{\"net\":[7]},\"exc\":1", RSC_BAD_REQUEST },
	{ NU ",\"enc\":{\"net\":[7]},\"nct\":2", RSC_BAD_REQUEST },
	{ "\"nu\":[\"CDev1\",\"CDev1\"],\"enc\":{\"net\":[7]}", RSC_BAD_REQUEST },
	{ "\"nu\":[\"https://127.0.0.1:9/x\"],\"enc\":{\"net\":[7]}", RSC_BAD_REQUEST },
	{ NU ",\"enc\":{\"net\":[7],\"atr\":[\"mni\"]},\"lbl\":[\"x\"]", RSC_CREATED },
	{ NU ",\"enc\":{\"net\":[7]}", RSC_BLOCKING_SUBSCRIPTION_ALREADY_EXISTS },
	/* policies */
	{ NU ",\"exc\":3", RSC_CREATED },
	{ NU ",\"bn\":{}", RSC_CREATED },
	{ NU ",\"bn\":{\"num\":2}", RSC_CREATED },
	{ NU ",\"bn\":{\"num\":0}", RSC_BAD_REQUEST },
	{ NU ",\"bn\":{\"dur\":\"PT0S\"}", RSC_BAD_REQUEST },
	{ NU ",\"bn\":{\"dur\":\"P2Y\"}", RSC_BAD_REQUEST },
	{ NU ",\"rl\":{\"mnn\":1,\"tww\":\"PT1S\"}", RSC_CREATED },
	{ NU ",\"rl\":{\"mnn\":0,\"tww\":\"PT1S\"}", RSC_BAD_REQUEST },
	{ NU ",\"rl\":{\"mnn\":1,\"tww\":\"-PT1S\"}", RSC_BAD_REQUEST },
	{ NU ",\"pn\":1", RSC_CREATED },
	{ NU ",\"ln\":true,\"nec\":2,\"nsp\":1", RSC_CREATED },
	{ NU ",\"nsi\":[]", RSC_BAD_REQUEST },
	{ NU ",\"gpi\":\"no such//form/\"", RSC_BAD_REQUEST },
	{ NU ",\"acrs\":[\"/id-in/crs1\"]", RSC_NOT_IMPLEMENTED },
	{ NU ",\"psn\":1", RSC_NOT_IMPLEMENTED },
	{ NU ",\"eeno\":true", RSC_NOT_IMPLEMENTED },
	{ NU ",\"ma\":\"PT1S\"", RSC_CREATED },
};

START_TEST(creates)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum rsc rsc = make("cse-in/app1/box", rows[i].members);

		ck_assert_msg(rsc == rows[i].rsc, "%s: %d", rows[i].members, (int)rsc);
	}
}
END_TEST

START_TEST(parents)
{
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1/box", .fr = "CDev1", .ty = TY_CIN,
	                      .pc = "{\"m2m:cin\":{\"rn\":\"one\",\"con\":1}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/box/one", NU), RSC_TARGET_NOT_SUBSCRIBABLE);
	ck_assert_int_eq(make("cse-in/app1", NU ",\"enc\":{\"net\":[5]}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(make("cse-in/app1", NU ",\"enc\":{\"net\":[6]}"), RSC_NOT_IMPLEMENTED);
	ck_assert_int_eq(make("cse-in/app1", NU ",\"enc\":{\"net\":[3],\"chty\":[4]}"), RSC_BAD_REQUEST);
}
END_TEST

START_TEST(updates)
{
	static const char at[] = "cse-in/app1/box/s";

	ck_assert_int_eq(make("cse-in/app1/box", NU ",\"rn\":\"s\",\"enc\":{\"net\":[1]},\"nct\":2"), RSC_CREATED);
	ck_assert_int_eq(change(at, "\"enc\":{\"net\":[7]}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(change(at, "\"enc\":{\"net\":[3]}"), RSC_BAD_REQUEST); /* nct 2 does not go with it */
	ck_assert_int_eq(change(at, "\"enc\":{\"net\":[3]},\"nct\":1"), RSC_UPDATED);
	ck_assert_int_eq(change(at, "\"nct\":2"), RSC_BAD_REQUEST);
	ck_assert_int_eq(change(at, "\"nct\":null"), RSC_BAD_REQUEST);
	ck_assert_int_eq(change(at, "\"nu\":null"), RSC_BAD_REQUEST);
	ck_assert_int_eq(change(at, "\"nu\":[]"), RSC_BAD_REQUEST);
	ck_assert_int_eq(change(at, "\"enc\":{\"om\":[{\"ops\":1}],\"net\":[3]}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(change(at, "\"enc\":{\"net\":[3],\"chty\":[2]}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(change(at, "\"psn\":1"), RSC_BAD_REQUEST);
	ck_assert_int_eq(change(at, "\"su\":\"CDev1\""), RSC_BAD_REQUEST);
	ck_assert_int_eq(change(at, "\"enc\":null"), RSC_UPDATED);
	ck_assert_int_eq(change(at, "\"nct\":2,\"exc\":5,\"bn\":{\"num\":3}"), RSC_UPDATED);
	/* One that blocks goes on without other policies. */
	ck_assert_int_eq(make("cse-in/app1/box", NU ",\"rn\":\"b\",\"enc\":{\"net\":[7]}"), RSC_CREATED);
	ck_assert_int_eq(change("cse-in/app1/box/b", "\"exc\":5"), RSC_BAD_REQUEST);
	ck_assert_int_eq(change("cse-in/app1/box/b", "\"lbl\":[\"x\"]"), RSC_UPDATED);
}
END_TEST

START_TEST(defaults)
{
	struct rig_answer a;
	json_t *o;

	ck_assert_int_eq(make("cse-in/app1/box", NU ",\"rn\":\"s\",\"bn\":{\"num\":3}"), RSC_CREATED);
	a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box/s", .fr = "CDev1");
	o = rig_pc(&a, "m2m:sub");
	ck_assert_int_eq(rig_n(o, "nct"), 1);
	ck_assert_str_eq(rig_s(json_object_get(o, "bn"), "dur"), "PT60S"); /* notify.batch_duration */
	ck_assert_ptr_null(json_object_get(o, "cr"));
	json_decref(a.pc);
}
END_TEST

START_TEST(needs_the_right_to_retrieve)
{
	ck_assert_int_eq(CODE(&g, .peer = other, .op = OP_CREATE, .to = "cse-in/app1/box", .fr = "CDev2", .ty = TY_SUB,
	                      .pc = "{\"m2m:sub\":{\"nu\":[\"CDev2\"]}}"), RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sub");
	TCase *t = tcase_create("subscription");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, creates);
	tcase_add_test(t, parents);
	tcase_add_test(t, updates);
	tcase_add_test(t, defaults);
	tcase_add_test(t, needs_the_right_to_retrieve);
	suite_add_tcase(s, t);
	return rig_run(s);
}
