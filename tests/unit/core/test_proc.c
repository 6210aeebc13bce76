/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE, RETRIEVE, UPDATE, DELETE on the Hosting CSE: TS-0004 7.3.3.3 to 7.3.3.9. */
#include "cse/core/gate.h"

#include "tests/unit/core/rig.h"

static struct rig g;
static struct peer *dev;

static void setup(void)
{
	rig_open(&g, NULL);
	dev = rig_ae(&g, "CDev1", "app1");
}

static void teardown(void)
{
	rig_close(&g);
}

#define CREATE_(at, number, text, ...) \
	SEND(&g, .peer = dev, .op = OP_CREATE, .to = (at), .fr = "CDev1", .ty = (number), .pc = (text), __VA_ARGS__)
#define CREATE(at, number, text) CREATE_(at, number, text, .rcn = 0)
#define MAKE(at, number, text) \
	CODE(&g, .peer = dev, .op = OP_CREATE, .to = (at), .fr = "CDev1", .ty = (number), .pc = (text))
#define GET(at) SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = (at), .fr = "CDev1")
#define UPDATE(at, text) CODE(&g, .peer = dev, .op = OP_UPDATE, .to = (at), .fr = "CDev1", .pc = (text))
#define DELETE(at) CODE(&g, .peer = dev, .op = OP_DELETE, .to = (at), .fr = "CDev1")
#define NUMBER(at, root, name) rig_number(&g, dev, "CDev1", (at), (root), (name))

START_TEST(universal_attributes_of_a_container)
{
	struct rig_answer a = CREATE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\",\"mni\":7,\"cr\":null}}");
	json_t *o = rig_pc(&a, "m2m:cnt");

	ck_assert_int_eq(a.rsc, RSC_CREATED);
	ck_assert_str_eq(rig_s(o, "rn"), "box");
	ck_assert_int_eq(rig_n(o, "ty"), 3);
	ck_assert_str_eq(rig_s(o, "pi"), "CDev1");
	ck_assert_str_eq(rig_s(o, "cr"), "CDev1");
	ck_assert_int_eq(rig_n(o, "mni"), 7);
	ck_assert_int_eq(rig_n(o, "st"), 0);
	ck_assert_int_eq(rig_n(o, "cni"), 0);
	ck_assert_int_eq(rig_n(o, "cbs"), 0);
	ck_assert_str_eq(rig_s(o, "ct"), "20261120T100000");
	ck_assert_str_eq(rig_s(o, "lt"), "20261120T100000");
	ck_assert_ptr_null(json_object_get(o, "_owner"));
	ck_assert_ptr_nonnull(json_object_get(o, "et"));
	json_decref(a.pc);
	a = CREATE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{}}");
	ck_assert_ptr_null(json_object_get(rig_pc(&a, "m2m:cnt"), "cr"));
	json_decref(a.pc);
}
END_TEST

START_TEST(an_instance_counts)
{
	struct rig_answer a;
	json_t *o;

	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\"}}"), RSC_CREATED);
	ck_assert_int_eq(MAKE("cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":\"abc\"}}"), RSC_CREATED);
	clock_advance_us(g.clock, 5000000);
	a = CREATE("cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"rn\":\"two\",\"con\":{\"t\":1},\"lbl\":[\"x\"]}}");
	o = rig_pc(&a, "m2m:cin");
	ck_assert_int_eq(rig_n(o, "st"), 2);
	ck_assert_int_eq(rig_n(o, "cs"), 7);
	ck_assert_str_eq(rig_s(o, "rn"), "two");
	ck_assert_str_eq(rig_s(o, "ct"), "20261120T100005");
	ck_assert_str_eq(rig_s(o, "lt"), "20261120T100005");
	json_decref(a.pc);
	ck_assert_int_eq(NUMBER("cse-in/app1/box", "m2m:cnt", "cni"), 2);
	ck_assert_int_eq(NUMBER("cse-in/app1/box", "m2m:cnt", "cbs"), 10);
	ck_assert_int_eq(NUMBER("cse-in/app1/box", "m2m:cnt", "st"), 2);
	a = GET("cse-in/app1/box");
	ck_assert_str_eq(rig_s(rig_pc(&a, "m2m:cnt"), "lt"), "20261120T100005");
	json_decref(a.pc);
	a = GET("cse-in/app1/box/two");
	ck_assert_int_eq(rig_n(json_object_get(rig_pc(&a, "m2m:cin"), "con"), "t"), 1);
	json_decref(a.pc);
}
END_TEST

START_TEST(latest_and_oldest)
{
	struct rig_answer a;

	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\"}}"), RSC_CREATED);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box/la", .fr = "CDev1"), RSC_NOT_FOUND);
	ck_assert_int_eq(MAKE("cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":\"a\"}}"), RSC_CREATED);
	ck_assert_int_eq(MAKE("cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":\"b\"}}"), RSC_CREATED);
	ck_assert_int_eq(MAKE("cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":\"c\"}}"), RSC_CREATED);
	a = GET("cse-in/app1/box/la");
	ck_assert_str_eq(rig_s(rig_pc(&a, "m2m:cin"), "con"), "c");
	json_decref(a.pc);
	ck_assert_int_eq(DELETE("cse-in/app1/box/la"), RSC_DELETED);
	ck_assert_int_eq(NUMBER("cse-in/app1/box", "m2m:cnt", "st"), 4);
	a = GET("cse-in/app1/box/la");
	ck_assert_str_eq(rig_s(rig_pc(&a, "m2m:cin"), "con"), "b");
	json_decref(a.pc);
	a = GET("cse-in/app1/box/ol");
	ck_assert_str_eq(rig_s(rig_pc(&a, "m2m:cin"), "con"), "a");
	json_decref(a.pc);
	ck_assert_int_eq(UPDATE("cse-in/app1/box/la", "{\"m2m:cin\":{\"lbl\":[\"a\"]}}"), RSC_OPERATION_NOT_ALLOWED);
	ck_assert_int_eq(MAKE("cse-in/app1/box/la", TY_CIN, "{\"m2m:cin\":{\"con\":\"a\"}}"), RSC_OPERATION_NOT_ALLOWED);
}
END_TEST

START_TEST(names_and_conflicts)
{
	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\"}}"), RSC_CREATED);
	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\"}}"), RSC_CONFLICT);
	ck_assert_int_eq(MAKE("cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"rn\":\"i\",\"con\":1}}"), RSC_CREATED);
	ck_assert_int_eq(MAKE("cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"rn\":\"i\",\"con\":1}}"), RSC_CONFLICT);
	ck_assert_int_eq(MAKE("cse-in/app1/box", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"i\"}}"), RSC_CONFLICT);
	ck_assert_int_eq(MAKE("cse-in/app1/box", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"la\"}}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(MAKE("cse-in/app1/box", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"a/b\"}}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(NUMBER("cse-in/app1/box", "m2m:cnt", "cni"), 1);
	ck_assert_int_eq(NUMBER("cse-in/app1/box", "m2m:cnt", "st"), 1);
}
END_TEST

START_TEST(an_update_merges)
{
	struct rig_answer a;
	json_t *o;

	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\",\"mni\":3,\"lbl\":[\"a\"]}}"), RSC_CREATED);
	clock_advance_us(g.clock, 1000000);
	ck_assert_int_eq(UPDATE("cse-in/app1/box", "{\"m2m:cnt\":{\"mni\":null,\"mbs\":100}}"), RSC_UPDATED);
	a = GET("cse-in/app1/box");
	o = rig_pc(&a, "m2m:cnt");
	ck_assert_ptr_null(json_object_get(o, "mni"));
	ck_assert_int_eq(rig_n(o, "mbs"), 100);
	ck_assert_int_eq(json_array_size(json_object_get(o, "lbl")), 1);
	ck_assert_int_eq(rig_n(o, "st"), 1);
	ck_assert_str_eq(rig_s(o, "lt"), "20261120T100001");
	ck_assert_str_eq(rig_s(o, "ct"), "20261120T100000");
	json_decref(a.pc);
	ck_assert_int_eq(UPDATE("cse-in/app1/box", "{\"m2m:ae\":{\"lbl\":[\"x\"]}}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(UPDATE("cse-in/app1/box", "{\"m2m:cnt\":{\"rn\":\"x\"}}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(UPDATE("cse-in/app1", "{\"m2m:ae\":{\"rr\":null}}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(UPDATE("cse-in", "{\"m2m:cb\":{}}"), RSC_OPERATION_NOT_ALLOWED);
}
END_TEST

START_TEST(modified_attributes_only)
{
	struct rig_answer a;
	json_t *o;

	a = CREATE_("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\",\"mni\":3,\"lbl\":[\"a\"]}}", .rcn = RCN_MODIFIED + 1);
	o = rig_pc(&a, "m2m:cnt");
	ck_assert_ptr_null(json_object_get(o, "rn"));
	ck_assert_ptr_null(json_object_get(o, "mni"));
	ck_assert_ptr_nonnull(json_object_get(o, "ri"));
	ck_assert_ptr_nonnull(json_object_get(o, "et"));
	json_decref(a.pc);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(MAKE("cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":\"abc\"}}"), RSC_CREATED);
	clock_advance_us(g.clock, 1000000);
	a = SEND(&g, .peer = dev, .op = OP_UPDATE, .to = "cse-in/app1/box", .fr = "CDev1", .rcn = RCN_MODIFIED + 1,
	         .pc = "{\"m2m:cnt\":{\"mni\":1}}");
	o = rig_pc(&a, "m2m:cnt");
	ck_assert_int_eq(json_object_size(o), 4);
	ck_assert_int_eq(rig_n(o, "cni"), 1);
	ck_assert_int_eq(rig_n(o, "cbs"), 3);
	ck_assert_int_eq(rig_n(o, "st"), 4);
	ck_assert_str_eq(rig_s(o, "lt"), "20261120T100001");
	json_decref(a.pc);
}
END_TEST

START_TEST(addresses_of_what_was_created)
{
	struct rig_answer a;

	a = CREATE_("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\"}}", .rcn = RCN_ADDR + 1);
	ck_assert_str_eq(json_string_value(json_object_get(a.pc, "m2m:uri")), "cse-in/app1/box");
	ck_assert_str_eq(a.created, "cse-in/app1/box");
	json_decref(a.pc);
	a = CREATE_("cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"rn\":\"i\",\"con\":1}}", .rcn = RCN_ADDR_ATTRS + 1);
	ck_assert_str_eq(rig_s(rig_pc(&a, "m2m:rce"), "uri"), "cse-in/app1/box/i");
	ck_assert_int_eq(rig_n(json_object_get(rig_pc(&a, "m2m:rce"), "m2m:cin"), "con"), 1);
	json_decref(a.pc);
	a = CREATE_("cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":1}}", .rcn = RCN_NOTHING + 1);
	ck_assert_ptr_null(a.pc);
}
END_TEST

START_TEST(partial_retrieve)
{
	struct rig_answer a;

	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\",\"mni\":3}}"), RSC_CREATED);
	a = GET("cse-in/app1/box#mni");
	ck_assert_int_eq(json_object_size(rig_pc(&a, "m2m:cnt")), 1);
	ck_assert_int_eq(rig_n(rig_pc(&a, "m2m:cnt"), "mni"), 3);
	json_decref(a.pc);
	a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box", .fr = "CDev1", .pc = "{\"m2m:atrl\":[\"cni\",\"mbs\"]}");
	ck_assert_int_eq(json_object_size(rig_pc(&a, "m2m:cnt")), 1);
	ck_assert_int_eq(rig_n(rig_pc(&a, "m2m:cnt"), "cni"), 0);
	json_decref(a.pc);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box", .fr = "CDev1", .atrl = "aei"),
	                 RSC_BAD_REQUEST);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box", .fr = "CDev1", .atrl = "mni",
	                      .rcn = RCN_REFS + 1),
	                 RSC_BAD_REQUEST);
}
END_TEST

START_TEST(a_delete_takes_all_below)
{
	struct rig_answer a;

	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\"}}"), RSC_CREATED);
	ck_assert_int_eq(MAKE("cse-in/app1/box", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"in\"}}"), RSC_CREATED);
	ck_assert_int_eq(MAKE("cse-in/app1/box/in", TY_CIN, "{\"m2m:cin\":{\"con\":1}}"), RSC_CREATED);
	ck_assert_int_eq(DELETE("cse-in/app1/box/in"), RSC_DELETED);
	ck_assert_int_eq(NUMBER("cse-in/app1/box", "m2m:cnt", "st"), 1);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box/in/la", .fr = "CDev1"), RSC_NOT_FOUND);
	a = SEND(&g, .peer = dev, .op = OP_DELETE, .to = "cse-in/app1/box", .fr = "CDev1", .rcn = RCN_ATTRS + 1);
	ck_assert_int_eq(a.rsc, RSC_DELETED);
	ck_assert_str_eq(rig_s(rig_pc(&a, "m2m:cnt"), "rn"), "box");
	json_decref(a.pc);
	ck_assert_int_eq(DELETE("cse-in/app1/box"), RSC_NOT_FOUND);
	ck_assert_int_eq(DELETE("cse-in"), RSC_OPERATION_NOT_ALLOWED);
}
END_TEST

START_TEST(expiration_times)
{
	struct rig_answer a;

	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"p\",\"et\":\"20261201T000000\"}}"), RSC_CREATED);
	a = CREATE("cse-in/app1/p", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"c\",\"et\":\"20271201T000000\"}}");
	ck_assert_str_eq(rig_s(rig_pc(&a, "m2m:cnt"), "et"), "20261201T000000");
	json_decref(a.pc);
	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"et\":\"20261120T095959\"}}"), RSC_BAD_REQUEST);
	/* Not before a child's. */
	ck_assert_int_eq(UPDATE("cse-in/app1/p", "{\"m2m:cnt\":{\"et\":\"20261125T000000\"}}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(UPDATE("cse-in/app1/p/c", "{\"m2m:cnt\":{\"et\":\"20261125T000000\"}}"), RSC_UPDATED);
	ck_assert_int_eq(UPDATE("cse-in/app1/p", "{\"m2m:cnt\":{\"et\":\"20261125T000000\"}}"), RSC_UPDATED);
	ck_assert_int_eq(UPDATE("cse-in/app1/p", "{\"m2m:cnt\":{\"et\":null}}"), RSC_UPDATED);
	a = GET("cse-in/app1/p");
	ck_assert_str_gt(rig_s(rig_pc(&a, "m2m:cnt"), "et"), "20300101T000000");
	json_decref(a.pc);
}
END_TEST

START_TEST(an_et_is_compared_with_many_children)
{
	char pc[100];

	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"p\"}}"), RSC_CREATED);
	for (int i = 0; i < 600; i++) {
		snprintf(pc, sizeof(pc), "{\"m2m:cnt\":{\"et\":\"202612%02dT000000\"}}", i == 599 ? 31 : 10);
		ck_assert_int_eq(MAKE("cse-in/app1/p", TY_CNT, pc), RSC_CREATED);
	}
	ck_assert_int_eq(UPDATE("cse-in/app1/p", "{\"m2m:cnt\":{\"et\":\"20261215T000000\"}}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(UPDATE("cse-in/app1/p", "{\"m2m:cnt\":{\"et\":\"20261231T000000\"}}"), RSC_UPDATED);
}
END_TEST

START_TEST(types_that_are_no_children)
{
	ck_assert_int_eq(MAKE("cse-in/app1", TY_AE, "{\"m2m:ae\":{\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}"),
	                 RSC_INVALID_CHILD_RESOURCE_TYPE);
	ck_assert_int_eq(MAKE("cse-in/app1", TY_CIN, "{\"m2m:cin\":{\"con\":1}}"), RSC_INVALID_CHILD_RESOURCE_TYPE);
	ck_assert_int_eq(MAKE("cse-in/app1", TY_LCP, "{\"m2m:lcp\":{\"los\":1}}"), RSC_NOT_IMPLEMENTED);
	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, "{\"m2m:ae\":{}}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, NULL), RSC_BAD_REQUEST);
}
END_TEST

START_TEST(attributes_against_the_table)
{
	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"cr\":\"CDev1\"}}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"cni\":0}}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"mni\":null}}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"acpi\":[\"nowhere\"]}}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"acpi\":[\"cse-in/app1\"]}}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"daci\":[\"x\"]}}"), RSC_NOT_IMPLEMENTED);
	ck_assert_int_eq(MAKE("cse-in/app1", TY_ACP, "{\"m2m:acp\":{\"pv\":{\"acr\":[]}}}"), RSC_BAD_REQUEST);
}
END_TEST

START_TEST(policies_of_one_resource_are_bounded)
{
	char pc[2000] = "{\"m2m:cnt\":{\"acpi\":[\"cse-in/acpAdmin\"";

	for (int i = 0; i < 40; i++)
		strncat(pc, ",\"cse-in/acpAdmin\"", sizeof(pc) - strlen(pc) - 1);
	strncat(pc, "]}}", sizeof(pc) - strlen(pc) - 1);
	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, pc), RSC_BAD_REQUEST);
}
END_TEST

/* rcn 9, TS-0004 7.3.3.12: only what the request did not say. */
START_TEST(what_the_request_takes_away_is_not_shown_as_gone)
{
	struct rig_answer a;

	ck_assert_int_eq(MAKE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\",\"mni\":3}}"), RSC_CREATED);
	a = SEND(&g, .peer = dev, .op = OP_UPDATE, .to = "cse-in/app1/box", .fr = "CDev1", .rcn = RCN_MODIFIED + 1,
	         .pc = "{\"m2m:cnt\":{\"mni\":null}}");
	ck_assert_ptr_null(json_object_get(rig_pc(&a, "m2m:cnt"), "mni"));
	json_decref(a.pc);
}
END_TEST

START_TEST(a_middle_node_refuses_what_belongs_to_the_infrastructure)
{
	static const char *const sets[] = { "cse.type=mn", NULL };

	rig_close(&g);
	rig_open(&g, sets);
	dev = rig_ae(&g, "CDev1", "app1");
	ck_assert_int_eq(MAKE("cse-in/app1", TY_MSSP, "{\"m2m:mssp\":{}}"), RSC_OPERATION_NOT_ALLOWED);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "/other/x", .fr = "CDev1"), RSC_TARGET_NOT_REACHABLE);
}
END_TEST

START_TEST(announcing_attributes_are_accepted_and_absent)
{
	struct rig_answer a = CREATE("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"at\":[\"/mn1\"],\"aa\":[\"mni\"]}}");

	ck_assert_int_eq(a.rsc, RSC_CREATED);
	ck_assert_ptr_null(json_object_get(rig_pc(&a, "m2m:cnt"), "at"));
	ck_assert_ptr_null(json_object_get(rig_pc(&a, "m2m:cnt"), "aa"));
	json_decref(a.pc);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proc");
	TCase *t = tcase_create("procedures");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, universal_attributes_of_a_container);
	tcase_add_test(t, an_instance_counts);
	tcase_add_test(t, latest_and_oldest);
	tcase_add_test(t, names_and_conflicts);
	tcase_add_test(t, an_update_merges);
	tcase_add_test(t, modified_attributes_only);
	tcase_add_test(t, addresses_of_what_was_created);
	tcase_add_test(t, partial_retrieve);
	tcase_add_test(t, a_delete_takes_all_below);
	tcase_add_test(t, expiration_times);
	tcase_add_test(t, an_et_is_compared_with_many_children);
	tcase_add_test(t, types_that_are_no_children);
	tcase_add_test(t, attributes_against_the_table);
	tcase_add_test(t, policies_of_one_resource_are_bounded);
	tcase_add_test(t, what_the_request_takes_away_is_not_shown_as_gone);
	tcase_add_test(t, a_middle_node_refuses_what_belongs_to_the_infrastructure);
	tcase_add_test(t, announcing_attributes_are_accepted_and_absent);
	suite_add_tcase(s, t);
	return rig_run(s);
}
