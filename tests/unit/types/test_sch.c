/* SPDX-License-Identifier: Apache-2.0 */
/* schedule: what its CREATE and UPDATE take and refuse, and where.  TS-0004 7.4.9. */
#include "cse/types/behaviour.h"

#include "tests/unit/core/rig.h"

static struct rig g;
static struct peer *dev, *admin;

#define SUB "cse-in/app1/box/s"
#define SE "\"se\":{\"sce\":[\"* * 8-20 * * * *\"]}"

static void open_with(const char *const *sets)
{
	rig_open(&g, sets);
	dev = rig_ae(&g, "CDev1", "app1");
	admin = rig_peer(&g, CRED_ADMIN, "CAdmin", 1);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1", .ty = TY_CNT,
	                      .pc = "{\"m2m:cnt\":{\"rn\":\"box\"}}"), RSC_CREATED);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1/box", .fr = "CDev1", .ty = TY_SUB,
	                      .pc = "{\"m2m:sub\":{\"rn\":\"s\",\"nu\":[\"CDev1\"]}}"), RSC_CREATED);
}

static enum rsc make(struct peer *p, const char *fr, const char *to, const char *members)
{
	char pc[400];

	snprintf(pc, sizeof(pc), "{\"m2m:sch\":{%s}}", members);
	return CODE(&g, .peer = p, .op = OP_CREATE, .to = to, .fr = fr, .ty = TY_SCH, .pc = pc);
}

static enum rsc change(const char *to, const char *members)
{
	char pc[400];

	snprintf(pc, sizeof(pc), "{\"m2m:sch\":{%s}}", members);
	return CODE(&g, .peer = dev, .op = OP_UPDATE, .to = to, .fr = "CDev1", .pc = pc);
}

START_TEST(of_a_subscription)
{
	struct rig_answer a;

	open_with(NULL);
	ck_assert_int_eq(make(dev, "CDev1", SUB, "\"rn\":\"hours\"," SE), RSC_BAD_REQUEST);
	ck_assert_int_eq(make(dev, "CDev1", SUB, SE ",\"nco\":false"), RSC_CONTENTS_UNACCEPTABLE);
	ck_assert_int_eq(make(dev, "CDev1", SUB, "\"se\":{\"sce\":[\"* * 8-24 * * * *\"]}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(make(dev, "CDev1", SUB, "\"se\":{\"sce\":[]}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(make(dev, "CDev1", SUB, ""), RSC_BAD_REQUEST);
	ck_assert_int_eq(make(dev, "CDev1", SUB, SE), RSC_CREATED);
	ck_assert_int_eq(make(dev, "CDev1", SUB, SE), RSC_CONFLICT);
	a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = SUB "/notificationSchedule", .fr = "CDev1");
	ck_assert_int_eq(a.rsc, RSC_OK);
	ck_assert_str_eq(rig_s(rig_pc(&a, "m2m:sch"), "rn"), "notificationSchedule");
	json_decref(a.pc);
	ck_assert_int_eq(change(SUB "/notificationSchedule", "\"nco\":true"), RSC_CONTENTS_UNACCEPTABLE);
	ck_assert_int_eq(change(SUB "/notificationSchedule", "\"nco\":null"), RSC_CONTENTS_UNACCEPTABLE);
	ck_assert_int_eq(change(SUB "/notificationSchedule", "\"se\":null"), RSC_BAD_REQUEST);
	ck_assert_int_eq(change(SUB "/notificationSchedule", "\"se\":{\"sce\":[\"* * * * * *\"]}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(change(SUB "/notificationSchedule", "\"se\":{\"sce\":[\"* * * * * * 2030\"]}"), RSC_UPDATED);
	rig_close(&g);
}
END_TEST

START_TEST(of_others)
{
	open_with(NULL);
	ck_assert_int_eq(make(dev, "CDev1", "cse-in/app1", SE), RSC_INVALID_CHILD_RESOURCE_TYPE);
	ck_assert_int_eq(make(admin, "CAdmin", "cse-in", "\"rn\":\"hours\"," SE), RSC_CREATED);
	ck_assert_int_eq(make(admin, "CAdmin", "cse-in", SE ",\"nco\":true"), RSC_CONTENTS_UNACCEPTABLE);
	ck_assert_int_eq(CODE(&g, .peer = admin, .op = OP_CREATE, .to = "cse-in", .fr = "CAdmin", .ty = TY_NOD,
	                      .pc = "{\"m2m:nod\":{\"rn\":\"n\",\"ni\":\"urn:n\"}}"), RSC_CREATED);
	ck_assert_int_eq(make(admin, "CAdmin", "cse-in/n", "\"rn\":\"hours\"," SE ",\"nco\":true"), RSC_CREATED);
	ck_assert_int_eq(make(admin, "CAdmin", "cse-in/n", "\"rn\":\"more\"," SE), RSC_CREATED);
	rig_close(&g);
}
END_TEST

/* For test laboratories six fields are read, too. */
START_TEST(six_fields_by_option)
{
	open_with((const char *const[]){ "access.six_field_windows=true", NULL });
	ck_assert_int_eq(make(dev, "CDev1", SUB, "\"se\":{\"sce\":[\"* * 8-20 * * *\"]}"), RSC_CREATED);
	rig_close(&g);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sch");
	TCase *t = tcase_create("sch");

	tcase_add_test(t, of_a_subscription);
	tcase_add_test(t, of_others);
	tcase_add_test(t, six_fields_by_option);
	suite_add_tcase(s, t);
	return rig_run(s);
}
