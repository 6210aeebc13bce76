/* SPDX-License-Identifier: Apache-2.0 */
/* AE: TS-0004 7.4.5, TS-0001 7.2 and 10.1.1.2.2; identifiers by credential, security-model 1.1. */
#include "cse/types/behaviour.h"

#include "tests/unit/core/rig.h"

static struct rig g;
static struct peer *dev;

static void setup(void)
{
	rig_open(&g, NULL);
	dev = rig_peer(&g, CRED_DEVICE, "CDev1", 1);
}

static void teardown(void)
{
	rig_close(&g);
}

#define AE(members) "{\"m2m:ae\":{\"rr\":true,\"srv\":[\"3\"]," members "}}"
#define REGISTER(from, text) SEND(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in", .fr = (from), .ty = TY_AE, .pc = (text))

START_TEST(a_stem_is_the_resource_identifier)
{
	struct rig_answer a = REGISTER("CDev1", AE("\"rn\":\"app\",\"api\":\"Nx\",\"poa\":[\"https://10.0.0.1:443/x\"]"));
	json_t *o = rig_pc(&a, "m2m:ae");

	ck_assert_int_eq(a.rsc, RSC_CREATED);
	ck_assert_str_eq(rig_s(o, "ri"), "CDev1");
	ck_assert_str_eq(rig_s(o, "aei"), "CDev1");
	ck_assert_str_eq(rig_s(o, "pi"), "id-in");
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(o, "poa"), 0)), "https://10.0.0.1:443/x");
	json_decref(a.pc);
	a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "CDev1", .fr = "CDev1");
	ck_assert_int_eq(a.rsc, RSC_OK);
	json_decref(a.pc);
	a = REGISTER("CDev1", AE("\"rn\":\"again\",\"api\":\"Nx\""));
	ck_assert_int_eq(a.rsc, RSC_ORIGINATOR_HAS_ALREADY_REGISTERED);
	json_decref(a.pc);
}
END_TEST

START_TEST(without_from_the_credential_chooses)
{
	struct rig_answer a = REGISTER(NULL, AE("\"api\":\"Nx\""));

	ck_assert_int_eq(a.rsc, RSC_CREATED);
	ck_assert_str_eq(rig_s(rig_pc(&a, "m2m:ae"), "aei"), "CDev1");
	json_decref(a.pc);
}
END_TEST

START_TEST(app_ids)
{
	static const char *const bad[] = { AE("\"api\":\"X\""), AE("\"api\":\"\""), AE("\"api\":\"N\""), AE("\"apn\":\"x\"") };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct rig_answer a = REGISTER("CDev1", bad[i]);

		ck_assert_int_eq(a.rsc, RSC_BAD_REQUEST);
		json_decref(a.pc);
	}
}
END_TEST

START_TEST(somebody_elses_name_is_not_given)
{
	struct rig_answer a = REGISTER("CDev2", AE("\"api\":\"Nx\""));

	ck_assert(a.rsc == RSC_ORIGINATOR_NOT_AUTHENTICATED || a.rsc == RSC_APP_RULE_VALIDATION_FAILED);
	json_decref(a.pc);
}
END_TEST

START_TEST(what_an_ae_makes_is_its_own)
{
	struct peer *other = rig_ae(&g, "CDev2", "app2");

	json_decref(REGISTER("CDev1", AE("\"rn\":\"app\",\"api\":\"Nx\"")).pc);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app", .fr = "CDev1", .ty = TY_CNT,
	                      .pc = "{\"m2m:cnt\":{\"rn\":\"box\"}}"),
	                 RSC_CREATED);
	ck_assert_int_eq(CODE(&g, .peer = other, .op = OP_RETRIEVE, .to = "cse-in/app/box", .fr = "CDev2"),
	                 RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
	ck_assert_int_eq(CODE(&g, .peer = other, .op = OP_CREATE, .to = "cse-in/app/box", .fr = "CDev2", .ty = TY_CIN,
	                      .pc = "{\"m2m:cin\":{\"con\":1}}"),
	                 RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
	ck_assert_int_eq(CODE(&g, .peer = other, .op = OP_RETRIEVE, .to = "cse-in", .fr = "CDev2"), RSC_OK);
	ck_assert_int_eq(CODE(&g, .peer = other, .op = OP_CREATE, .to = "cse-in", .fr = "CDev2", .ty = TY_CNT,
	                      .pc = "{\"m2m:cnt\":{}}"),
	                 RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
}
END_TEST

START_TEST(deregistration)
{
	json_decref(REGISTER("CDev1", AE("\"rn\":\"app\",\"api\":\"Nx\"")).pc);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_DELETE, .to = "cse-in/app", .fr = "CDev1"), RSC_DELETED);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app", .fr = "CDev1"), RSC_NOT_FOUND);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in", .fr = "CDev1", .ty = TY_AE,
	                      .pc = AE("\"rn\":\"app\",\"api\":\"Nx\"")),
	                 RSC_CREATED);
}
END_TEST

START_TEST(notify_needs_a_point_of_access)
{
	json_decref(REGISTER("CDev1", AE("\"rn\":\"app\",\"api\":\"Nx\"")).pc);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_NOTIFY, .to = "cse-in/app", .fr = "CDev1",
	                      .pc = "{\"m2m:sgn\":{\"sur\":\"x\"}}"),
	                 RSC_TARGET_NOT_REACHABLE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ae");
	TCase *t = tcase_create("AE");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_stem_is_the_resource_identifier);
	tcase_add_test(t, without_from_the_credential_chooses);
	tcase_add_test(t, app_ids);
	tcase_add_test(t, somebody_elses_name_is_not_given);
	tcase_add_test(t, what_an_ae_makes_is_its_own);
	tcase_add_test(t, deregistration);
	tcase_add_test(t, notify_needs_a_point_of_access);
	suite_add_tcase(s, t);
	return rig_run(s);
}
