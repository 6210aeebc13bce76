/* SPDX-License-Identifier: Apache-2.0 */
/* Children, references and discovery: TS-0001 8.1.2, TS-0004 7.3.3.14, 7.3.3.17. */
#include "cse/core/gate.h"

#include "tests/unit/core/rig.h"

static struct rig g;
static struct peer *dev;

static enum rsc make(const char *to, unsigned ty, const char *pc)
{
	return CODE(&g, .peer = dev, .op = OP_CREATE, .to = to, .fr = "CDev1", .ty = ty, .pc = pc);
}

/* app1 { a { i1 i2 } b { c { i3 } } } */
static void setup(void)
{
	rig_open(&g, NULL);
	dev = rig_ae(&g, "CDev1", "app1");
	ck_assert_int_eq(make("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"a\",\"lbl\":[\"x\"]}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"b\"}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/b", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"c\"}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/a", TY_CIN, "{\"m2m:cin\":{\"rn\":\"i1\",\"con\":1}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/a", TY_CIN, "{\"m2m:cin\":{\"rn\":\"i2\",\"con\":22,\"lbl\":[\"x\"]}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/b/c", TY_CIN, "{\"m2m:cin\":{\"rn\":\"i3\",\"con\":333}}"), RSC_CREATED);
}

static void teardown(void)
{
	rig_close(&g);
}

#define WALK(content, filter) \
	SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1", .fr = "CDev1", .rcn = (content) + 1, .fc = (filter))
#define HAS(id) (UINT64_C(1) << (id))

static json_t *by(json_t *list, const char *key, const char *value)
{
	size_t i;
	json_t *o;

	json_array_foreach(list, i, o) if (!strcmp(json_string_value(json_object_get(o, key)), value)) return o;
	return NULL;
}

START_TEST(nested_children)
{
	struct rig_answer a = WALK(RCN_ATTRS_CHILDREN, NULL);
	json_t *ae = rig_pc(&a, "m2m:ae"), *cnt = json_object_get(ae, "m2m:cnt"), *in;

	ck_assert_str_eq(rig_s(ae, "aei"), "CDev1");
	ck_assert_int_eq(json_array_size(cnt), 2);
	ck_assert_int_eq(json_array_size(json_object_get(by(cnt, "rn", "a"), "m2m:cin")), 2);
	in = json_object_get(by(cnt, "rn", "b"), "m2m:cnt");
	ck_assert_int_eq(json_array_size(in), 1);
	in = json_array_get(json_object_get(json_array_get(in, 0), "m2m:cin"), 0);
	ck_assert_int_eq(rig_n(in, "con"), 333);
	ck_assert_int_eq(a.cnst, 0);
	json_decref(a.pc);
	a = WALK(RCN_CHILDREN, NULL);
	ck_assert_int_eq(json_object_size(rig_pc(&a, "m2m:ae")), 1);
	json_decref(a.pc);
}
END_TEST

START_TEST(references)
{
	struct rig_answer a = WALK(RCN_ATTRS_REFS, NULL);
	json_t *ch = json_object_get(rig_pc(&a, "m2m:ae"), "ch");

	ck_assert_int_eq(json_array_size(ch), 6);
	ck_assert_str_eq(rig_s(by(ch, "nm", "i3"), "val"), "cse-in/app1/b/c/i3");
	ck_assert_int_eq(rig_n(by(ch, "nm", "i3"), "typ"), 4);
	json_decref(a.pc);
	a = WALK(RCN_REFS, NULL);
	ck_assert_int_eq(json_object_size(rig_pc(&a, "m2m:ae")), 1);
	json_decref(a.pc);
}
END_TEST

START_TEST(levels)
{
	struct filter f = { .has = HAS(FC_LVL), .lvl = 1 };
	struct rig_answer a = WALK(RCN_REFS, &f);

	ck_assert_int_eq(json_array_size(json_object_get(rig_pc(&a, "m2m:ae"), "ch")), 2);
	json_decref(a.pc);
	f.lvl = 2;
	a = WALK(RCN_REFS, &f);
	ck_assert_int_eq(json_array_size(json_object_get(rig_pc(&a, "m2m:ae"), "ch")), 5);
	json_decref(a.pc);
}
END_TEST

START_TEST(pages_of_references_give_each_once)
{
	struct filter f = { .has = HAS(FC_LIM) | HAS(FC_OFST), .lim = 4, .ofst = 1 };
	struct rig_answer a = WALK(RCN_REFS, &f);

	ck_assert_int_eq(json_array_size(json_object_get(rig_pc(&a, "m2m:ae"), "ch")), 4);
	ck_assert_int_eq(a.cnst, 1);
	ck_assert_int_eq(a.cnot, 5);
	json_decref(a.pc);
	f.ofst = a.cnot;
	a = WALK(RCN_REFS, &f);
	ck_assert_int_eq(json_array_size(json_object_get(rig_pc(&a, "m2m:ae"), "ch")), 2);
	ck_assert_int_eq(a.cnst, 0);
	json_decref(a.pc);
}
END_TEST

START_TEST(a_child_that_does_not_fit_with_all_below_is_left_for_later)
{
	struct filter f = { .has = HAS(FC_LIM), .lim = 4 };
	struct rig_answer a = WALK(RCN_ATTRS_CHILDREN, &f);
	json_t *cnt = json_object_get(rig_pc(&a, "m2m:ae"), "m2m:cnt");

	ck_assert_int_eq(json_array_size(cnt), 1);
	ck_assert_int_eq(json_array_size(json_object_get(json_array_get(cnt, 0), "m2m:cin")), 2);
	ck_assert_int_eq(a.cnst, 1);
	ck_assert_int_eq(a.cnot, 2);
	json_decref(a.pc);
	f = (struct filter){ .has = HAS(FC_LIM) | HAS(FC_OFST), .lim = 4, .ofst = 2 };
	a = WALK(RCN_ATTRS_CHILDREN, &f);
	cnt = json_object_get(rig_pc(&a, "m2m:ae"), "m2m:cnt");
	ck_assert_int_eq(json_array_size(cnt), 1);
	ck_assert_str_eq(rig_s(json_array_get(cnt, 0), "rn"), "b");
	ck_assert_int_eq(a.cnst, 0);
	json_decref(a.pc);
}
END_TEST

START_TEST(conditions_choose)
{
	uint64_t ty = TY_CIN;
	struct str x = STR("x");
	struct filter f = { .has = HAS(FC_TY), .ty = &ty, .n_ty = 1 };
	struct rig_answer a = WALK(RCN_REFS, &f);

	ck_assert_int_eq(json_array_size(json_object_get(rig_pc(&a, "m2m:ae"), "ch")), 3);
	json_decref(a.pc);
	f = (struct filter){ .has = HAS(FC_LBL), .lbl = { &x, 1 } };
	a = WALK(RCN_REFS, &f);
	ck_assert_int_eq(json_array_size(json_object_get(rig_pc(&a, "m2m:ae"), "ch")), 2);
	json_decref(a.pc);
	f = (struct filter){ .has = HAS(FC_SZA), .sza = 2 };
	a = WALK(RCN_REFS, &f);
	ck_assert_int_eq(json_array_size(json_object_get(rig_pc(&a, "m2m:ae"), "ch")), 2);
	json_decref(a.pc);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1", .fr = "CDev1", .fc = &f), RSC_NOT_FOUND);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_DELETE, .to = "cse-in/app1/a/i1", .fr = "CDev1", .fc = &f),
	                 RSC_NOT_FOUND);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_DELETE, .to = "cse-in/app1/a/i2", .fr = "CDev1", .fc = &f), RSC_DELETED);
}
END_TEST

START_TEST(discovery)
{
	uint64_t ty = TY_CIN;
	struct filter f = { .has = HAS(FC_FU) | HAS(FC_TY), .fu = 1, .ty = &ty, .n_ty = 1 };
	struct rig_answer a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1", .fr = "CDev1", .fc = &f);
	json_t *list = json_object_get(a.pc, "m2m:uril");

	ck_assert_int_eq(a.rsc, RSC_OK);
	ck_assert_int_eq(json_array_size(list), 3);
	ck_assert_str_eq(json_string_value(json_array_get(list, 0)), "cse-in/app1/a/i1");
	json_decref(a.pc);
	a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1", .fr = "CDev1", .fc = &f, .rcn = RCN_REFS + 1, .drt = 2);
	list = json_object_get(rig_pc(&a, "m2m:rrl"), "rrf");
	ck_assert_int_eq(json_array_size(list), 3);
	ck_assert_ptr_null(strchr(rig_s(json_array_get(list, 0), "val"), '/'));
	json_decref(a.pc);
	ty = TY_ACP;
	a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1", .fr = "CDev1", .fc = &f);
	ck_assert_int_eq(a.rsc, RSC_OK);
	ck_assert_int_eq(json_array_size(json_object_get(a.pc, "m2m:uril")), 0);
	json_decref(a.pc);
}
END_TEST

START_TEST(a_stranger_sees_nothing)
{
	struct filter f = { .has = HAS(FC_FU), .fu = 1 };
	struct peer *other = rig_ae(&g, "CDev2", "app2");
	struct rig_answer a = SEND(&g, .peer = other, .op = OP_RETRIEVE, .to = "cse-in/app1", .fr = "CDev2", .fc = &f);

	ck_assert_int_eq(a.rsc, RSC_OK);
	ck_assert_int_eq(json_array_size(json_object_get(a.pc, "m2m:uril")), 0);
	json_decref(a.pc);
	ck_assert_int_eq(CODE(&g, .peer = other, .op = OP_RETRIEVE, .to = "cse-in/app1", .fr = "CDev2", .rcn = RCN_REFS + 1),
	                 RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
}
END_TEST

START_TEST(many_children_in_slices)
{
	struct filter f = { .has = HAS(FC_LIM), .lim = 900 };
	struct rig_answer a;
	char pc[64];

	ck_assert_int_eq(make("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"many\"}}"), RSC_CREATED);
	for (int i = 0; i < 1000; i++) {
		snprintf(pc, sizeof(pc), "{\"m2m:cin\":{\"con\":%d}}", i);
		ck_assert_int_eq(make("cse-in/app1/many", TY_CIN, pc), RSC_CREATED);
	}
	for (int i = 0; i < 600; i++)
		ck_assert_int_eq(make("cse-in/app1/many", TY_CNT, "{\"m2m:cnt\":{}}"), RSC_CREATED);
	a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/many", .fr = "CDev1", .rcn = RCN_ATTRS_CHILDREN + 1);
	ck_assert_int_eq(json_array_size(json_object_get(rig_pc(&a, "m2m:cnt"), "m2m:cin")), 1000);
	ck_assert_int_eq(json_array_size(json_object_get(rig_pc(&a, "m2m:cnt"), "m2m:cnt")), 600);
	for (int i = 0; i < 1000; i++) {
		json_t *in = json_array_get(json_object_get(rig_pc(&a, "m2m:cnt"), "m2m:cin"), (size_t)i);

		ck_assert_int_eq(rig_n(in, "con"), i);
	}
	json_decref(a.pc);
	a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/many", .fr = "CDev1", .rcn = RCN_REFS + 1, .fc = &f);
	ck_assert_int_eq(json_array_size(json_object_get(rig_pc(&a, "m2m:cnt"), "ch")), 900);
	ck_assert_int_eq(a.cnot, 901);
	json_decref(a.pc);
}
END_TEST

START_TEST(a_first_child_that_is_too_large_is_given_in_part)
{
	struct filter f = { .has = HAS(FC_LIM) | HAS(FC_OFST), .lim = 2, .ofst = 1 };
	struct rig_answer a = WALK(RCN_ATTRS_CHILDREN, &f);
	json_t *cnt = json_object_get(rig_pc(&a, "m2m:ae"), "m2m:cnt");

	ck_assert_int_eq(json_array_size(cnt), 1);
	ck_assert_int_eq(json_array_size(json_object_get(json_array_get(cnt, 0), "m2m:cin")), 1);
	ck_assert_int_eq(a.cnst, 1);
	ck_assert_int_eq(a.cnot, 2);
	json_decref(a.pc);
}
END_TEST

START_TEST(deep_trees)
{
	char to[400] = "cse-in/app1/b/c";
	struct rig_answer a;

	for (int i = 0; i < 40; i++) {
		ck_assert_int_eq(make(to, TY_CNT, "{\"m2m:cnt\":{\"rn\":\"d\"}}"), RSC_CREATED);
		strncat(to, "/d", sizeof(to) - strlen(to) - 1);
	}
	a = WALK(RCN_REFS, NULL);
	ck_assert_int_eq(json_array_size(json_object_get(rig_pc(&a, "m2m:ae"), "ch")), 46);
	json_decref(a.pc);
	a = WALK(RCN_ATTRS_CHILDREN, NULL);
	ck_assert_int_eq(a.rsc, RSC_OK);
	json_decref(a.pc);
}
END_TEST

START_TEST(ends_of_instances)
{
	struct filter f = { .has = HAS(FC_EXB) | HAS(FC_TY), .exb = RIG_T0 + INT64_C(86400000000) };
	uint64_t ty = TY_CIN;
	struct rig_answer a;

	f.ty = &ty;
	f.n_ty = 1;
	ck_assert_int_eq(make("cse-in/app1/a", TY_CIN, "{\"m2m:cin\":{\"rn\":\"i4\",\"con\":1,\"et\":\"20261120T120000\"}}"),
	                 RSC_CREATED);
	a = WALK(RCN_REFS, &f);
	ck_assert_int_eq(json_array_size(json_object_get(rig_pc(&a, "m2m:ae"), "ch")), 1);
	json_decref(a.pc);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/a/i4", .fr = "CDev1", .fc = &f), RSC_OK);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/a/i1", .fr = "CDev1", .fc = &f),
	                 RSC_NOT_FOUND);
}
END_TEST

START_TEST(an_inactive_ae_is_not_discovered)
{
	struct filter f = { .has = HAS(FC_FU), .fu = 1 };
	struct peer *admin = rig_peer(&g, CRED_ADMIN, "CAdmin", 1);
	struct rig_answer a;

	ck_assert_int_eq(make("cse-in/app1", TY_ACP,
	                      "{\"m2m:acp\":{\"rn\":\"p\",\"pv\":{\"acr\":[{\"acor\":[\"all\"],\"acop\":63}]},"
	                      "\"pvs\":{\"acr\":[{\"acor\":[\"CDev1\"],\"acop\":63}]}}}"),
	                 RSC_CREATED);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_UPDATE, .to = "cse-in/app1", .fr = "CDev1",
	                      .pc = "{\"m2m:ae\":{\"acpi\":[\"cse-in/app1/p\"]}}"),
	                 RSC_UPDATED);
	a = SEND(&g, .peer = admin, .op = OP_RETRIEVE, .to = "cse-in", .fr = "CAdmin", .fc = &f);
	ck_assert_int_eq(json_array_size(json_object_get(a.pc, "m2m:uril")), 3);
	json_decref(a.pc);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_UPDATE, .to = "cse-in/app1", .fr = "CDev1",
	                      .pc = "{\"m2m:ae\":{\"regs\":2}}"),
	                 RSC_UPDATED);
	a = SEND(&g, .peer = admin, .op = OP_RETRIEVE, .to = "cse-in", .fr = "CAdmin", .fc = &f);
	ck_assert_int_eq(json_array_size(json_object_get(a.pc, "m2m:uril")), 2);
	json_decref(a.pc);
}
END_TEST

START_TEST(gone_between_two_slices)
{
	struct rig_answer a, b, c;

	ck_assert_int_eq(make("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"many\"}}"), RSC_CREATED);
	for (int i = 0; i < 1200; i++)
		ck_assert_int_eq(make("cse-in/app1/many", TY_CNT, "{\"m2m:cnt\":{}}"), RSC_CREATED);
	rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/many", .fr = "CDev1",
	                                  .rcn = RCN_REFS + 1 }, &a);
	ck_assert(!a.done);
	rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_DELETE, .to = "cse-in/app1/many", .fr = "CDev1" }, &b);
	rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1", .ty = TY_CNT,
	                                  .pc = "{\"m2m:cnt\":{\"rn\":\"many\"}}" }, &c);
	store_flush(g.store);
	rig_turn(&g, &a);
	ck_assert_int_eq(a.rsc, RSC_NOT_FOUND);
	json_decref(a.pc);
	rig_turn(&g, &b);
	rig_turn(&g, &c);
	ck_assert_int_eq(c.rsc, RSC_CREATED);
	json_decref(c.pc);
}
END_TEST

START_TEST(a_delete_shows_what_was_below)
{
	struct rig_answer a = SEND(&g, .peer = dev, .op = OP_DELETE, .to = "cse-in/app1/a", .fr = "CDev1",
	                           .rcn = RCN_ATTRS_CHILDREN + 1);

	ck_assert_int_eq(a.rsc, RSC_DELETED);
	ck_assert_int_eq(json_array_size(json_object_get(rig_pc(&a, "m2m:cnt"), "m2m:cin")), 2);
	json_decref(a.pc);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/a", .fr = "CDev1"), RSC_NOT_FOUND);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("walk");
	TCase *t = tcase_create("walks");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, nested_children);
	tcase_add_test(t, references);
	tcase_add_test(t, levels);
	tcase_add_test(t, pages_of_references_give_each_once);
	tcase_add_test(t, a_child_that_does_not_fit_with_all_below_is_left_for_later);
	tcase_add_test(t, conditions_choose);
	tcase_add_test(t, discovery);
	tcase_add_test(t, a_stranger_sees_nothing);
	tcase_add_test(t, many_children_in_slices);
	tcase_add_test(t, a_first_child_that_is_too_large_is_given_in_part);
	tcase_add_test(t, deep_trees);
	tcase_add_test(t, ends_of_instances);
	tcase_add_test(t, an_inactive_ae_is_not_discovered);
	tcase_add_test(t, gone_between_two_slices);
	tcase_add_test(t, a_delete_shows_what_was_below);
	suite_add_tcase(s, t);
	return rig_run(s);
}
