/* SPDX-License-Identifier: Apache-2.0 */
/* accessControlPolicy and CSEBase: TS-0004 7.4.2, 7.4.3, 7.3.3.15. */
#include "cse/types/behaviour.h"

#include "tests/unit/core/rig.h"

static struct rig g;
static struct peer *dev, *other, *admin;

#define RULE(who, ops) "{\"acr\":[{\"acor\":[\"" who "\"],\"acop\":" ops "}]}"
#define ACP(pv, pvs) "{\"m2m:acp\":{\"rn\":\"pol\",\"pv\":" pv ",\"pvs\":" pvs "}}"

static enum rsc make(const char *to, unsigned ty, const char *pc)
{
	return CODE(&g, .peer = dev, .op = OP_CREATE, .to = to, .fr = "CDev1", .ty = ty, .pc = pc);
}

static void setup(void)
{
	rig_open(&g, NULL);
	dev = rig_ae(&g, "CDev1", "app1");
	other = rig_ae(&g, "CDev2", "app2");
	admin = rig_peer(&g, CRED_ADMIN, "CAdmin", 1);
}

static void teardown(void)
{
	rig_close(&g);
}

START_TEST(self_privileges_are_never_empty)
{
	ck_assert_int_eq(make("cse-in/app1", TY_ACP, ACP(RULE("CDev2", "2"), "{\"acr\":[]}")), RSC_BAD_REQUEST);
	ck_assert_int_eq(make("cse-in/app1", TY_ACP, ACP(RULE("CDev2", "2"), "{}")), RSC_BAD_REQUEST);
	ck_assert_int_eq(make("cse-in/app1", TY_ACP, ACP("{\"acr\":[]}", RULE("CDev1", "63"))), RSC_CREATED);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_UPDATE, .to = "cse-in/app1/pol", .fr = "CDev1",
	                      .pc = "{\"m2m:acp\":{\"pvs\":{\"acr\":[]}}}"),
	                 RSC_BAD_REQUEST);
}
END_TEST

START_TEST(a_policy_gives_what_it_says)
{
	struct rig_answer a;
	const char *acp;
	char pc[100];

	ck_assert_int_eq(make("cse-in/app1", TY_ACP, ACP(RULE("CDev2", "2"), RULE("CDev1", "63"))), RSC_CREATED);
	a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/pol", .fr = "CDev1");
	acp = rig_s(rig_pc(&a, "m2m:acp"), "ri");
	ck_assert_int_eq(make("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\"}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":1}}"), RSC_CREATED);
	ck_assert_int_eq(CODE(&g, .peer = other, .op = OP_RETRIEVE, .to = "cse-in/app1/box/la", .fr = "CDev2"),
	                 RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
	snprintf(pc, sizeof(pc), "{\"m2m:cnt\":{\"acpi\":[\"cse-in/app1/pol\"],\"lbl\":[\"a\"]}}");
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_UPDATE, .to = "cse-in/app1/box", .fr = "CDev1", .pc = pc),
	                 RSC_BAD_REQUEST);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_UPDATE, .to = "cse-in/app1/box", .fr = "CDev1",
	                      .pc = "{\"m2m:cnt\":{\"acpi\":[\"cse-in/app1/pol\"]}}"),
	                 RSC_UPDATED);
	ck_assert_int_eq(CODE(&g, .peer = other, .op = OP_RETRIEVE, .to = "cse-in/app1/box/la", .fr = "CDev2"), RSC_OK);
	ck_assert_int_eq(CODE(&g, .peer = other, .op = OP_DELETE, .to = "cse-in/app1/box/la", .fr = "CDev2"),
	                 RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
	/* The policy decides now, its owner is not in pv. */
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box", .fr = "CDev1"),
	                 RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
	ck_assert_ptr_nonnull(acp);
	json_decref(a.pc);
}
END_TEST

START_TEST(rights_to_change_alone_do_not_show_more_than_was_sent)
{
	struct rig_answer a;

	ck_assert_int_eq(make("cse-in/app1", TY_ACP, ACP(RULE("CDev2", "12"), RULE("CDev1", "63"))), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\",\"mni\":5,\"acpi\":[\"cse-in/app1/pol\"]}}"),
	                 RSC_CREATED);
	a = SEND(&g, .peer = other, .op = OP_UPDATE, .to = "cse-in/app1/box", .fr = "CDev2", .pc = "{\"m2m:cnt\":{\"lbl\":[\"x\"]}}");
	ck_assert_int_eq(a.rsc, RSC_UPDATED);
	ck_assert_int_eq(json_object_size(rig_pc(&a, "m2m:cnt")), 1);
	json_decref(a.pc);
	ck_assert_int_eq(CODE(&g, .peer = other, .op = OP_DELETE, .to = "cse-in/app1/box", .fr = "CDev2", .rcn = RCN_ATTRS + 1),
	                 RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
	ck_assert_int_eq(CODE(&g, .peer = other, .op = OP_DELETE, .to = "cse-in/app1/box", .fr = "CDev2"), RSC_DELETED);
}
END_TEST

START_TEST(the_csebase_says_what_this_cse_is)
{
	struct rig_answer a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "/id-in", .fr = "CDev1");
	json_t *o = rig_pc(&a, "m2m:cb");

	ck_assert_str_eq(rig_s(o, "csi"), "/id-in");
	ck_assert_str_eq(rig_s(o, "ri"), "id-in");
	ck_assert_str_eq(rig_s(o, "pi"), "");
	ck_assert_str_eq(rig_s(o, "rn"), "cse-in");
	ck_assert_int_eq(rig_n(o, "cst"), 1);
	ck_assert_uint_ge(json_array_size(json_object_get(o, "srt")), 5);
	ck_assert_int_gt(json_array_size(json_object_get(o, "poa")), 0);
	ck_assert_ptr_null(json_object_get(o, "et"));
	json_decref(a.pc);
}
END_TEST

START_TEST(the_administrator_makes_resources_below_the_csebase)
{
	ck_assert_int_eq(CODE(&g, .peer = admin, .op = OP_CREATE, .to = "cse-in", .fr = "CAdmin", .ty = TY_CNT,
	                      .pc = "{\"m2m:cnt\":{\"rn\":\"shared\"}}"),
	                 RSC_CREATED);
	ck_assert_int_eq(CODE(&g, .peer = admin, .op = OP_RETRIEVE, .to = "cse-in/shared", .fr = "CAdmin"), RSC_OK);
	ck_assert_int_eq(CODE(&g, .peer = admin, .op = OP_DELETE, .to = "cse-in/app1", .fr = "CAdmin"), RSC_DELETED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("acp");
	TCase *t = tcase_create("policies");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, self_privileges_are_never_empty);
	tcase_add_test(t, a_policy_gives_what_it_says);
	tcase_add_test(t, rights_to_change_alone_do_not_show_more_than_was_sent);
	tcase_add_test(t, the_csebase_says_what_this_cse_is);
	tcase_add_test(t, the_administrator_makes_resources_below_the_csebase);
	suite_add_tcase(s, t);
	return rig_run(s);
}
