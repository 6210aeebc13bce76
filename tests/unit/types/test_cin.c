/* SPDX-License-Identifier: Apache-2.0 */
/* contentInstance: TS-0004 7.4.7, contentInfo of 6.3.3. */
#include "cse/types/behaviour.h"

#include "tests/unit/core/rig.h"

static struct rig g;
static struct peer *dev;

static void setup(void)
{
	rig_open(&g, NULL);
	dev = rig_ae(&g, "CDev1", "app1");
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1", .ty = TY_CNT,
	                      .pc = "{\"m2m:cnt\":{\"rn\":\"box\"}}"),
	                 RSC_CREATED);
}

static void teardown(void)
{
	rig_close(&g);
}

#define TAKES(text) .peer = dev, .op = OP_CREATE, .to = "cse-in/app1/box", .fr = "CDev1", .ty = TY_CIN, .pc = (text)
#define MAKE(text) SEND(&g, TAKES(text))

START_TEST(content_size_is_that_of_the_text)
{
	static const struct {
		const char *pc;
		int cs;
	} cases[] = {
		{ "{\"m2m:cin\":{\"con\":\"\"}}", 0 },
		{ "{\"m2m:cin\":{\"con\":\"abc\"}}", 3 },
		{ "{\"m2m:cin\":{\"con\":\"a\\nb\\\"\\\\\"}}", 5 },
		{ "{\"m2m:cin\":{\"con\":\"\\u0041\\u00e4\\u20AC\\uD83d\\uDE00\"}}", 1 + 2 + 3 + 4 },
		{ "{\"m2m:cin\":{\"con\":\"\xc3\xa4\"}}", 2 },
		{ "{\"m2m:cin\":{\"con\":12.50}}", 5 },
		{ "{\"m2m:cin\":{\"con\":true}}", 4 },
		{ "{\"m2m:cin\":{\"con\":{\"a\":[1,2]}}}", 11 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rig_answer a = MAKE(cases[i].pc);

		ck_assert_int_eq(a.rsc, RSC_CREATED);
		ck_assert_msg(rig_n(rig_pc(&a, "m2m:cin"), "cs") == cases[i].cs, "%s: %lld", cases[i].pc,
		              rig_n(rig_pc(&a, "m2m:cin"), "cs"));
		json_decref(a.pc);
	}
}
END_TEST

START_TEST(content_must_be_there)
{
	ck_assert_int_eq(CODE(&g, TAKES("{\"m2m:cin\":{}}")), RSC_BAD_REQUEST);
	ck_assert_int_eq(CODE(&g, TAKES("{\"m2m:cin\":{\"con\":null}}")), RSC_BAD_REQUEST);
	ck_assert_int_eq(CODE(&g, TAKES("{\"m2m:cin\":{\"con\":1,\"cs\":1}}")), RSC_BAD_REQUEST);
	ck_assert_int_eq(CODE(&g, TAKES("{\"m2m:cin\":{\"con\":1,\"st\":1}}")), RSC_BAD_REQUEST);
}
END_TEST

START_TEST(content_info)
{
	static const char *const good[] = { "text/plain:0", "application/json:1", "a/b:2:5" };
	static const char *const bad[] = { "text/plain", "plain:0", "text/plain:3", "text/plain:0:6", "text/plain:", ":0", "/x:0" };
	char pc[200];

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct rig_answer a;

		snprintf(pc, sizeof(pc), "{\"m2m:cin\":{\"con\":1,\"cnf\":\"%s\"}}", good[i]);
		a = MAKE(pc);
		ck_assert_msg(a.rsc == RSC_CREATED, "%s", good[i]);
		ck_assert_str_eq(rig_s(rig_pc(&a, "m2m:cin"), "cnf"), good[i]);
		json_decref(a.pc);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct rig_answer a;

		snprintf(pc, sizeof(pc), "{\"m2m:cin\":{\"con\":1,\"cnf\":\"%s\"}}", bad[i]);
		a = MAKE(pc);
		ck_assert_msg(a.rsc == RSC_BAD_REQUEST, "%s", bad[i]);
		json_decref(a.pc);
	}
}
END_TEST

START_TEST(never_updated)
{
	struct rig_answer a = MAKE("{\"m2m:cin\":{\"rn\":\"i\",\"con\":1,\"cr\":null}}");

	ck_assert_str_eq(rig_s(rig_pc(&a, "m2m:cin"), "cr"), "CDev1");
	json_decref(a.pc);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_UPDATE, .to = "cse-in/app1/box/i", .fr = "CDev1",
	                      .pc = "{\"m2m:cin\":{\"lbl\":[\"a\"]}}"),
	                 RSC_OPERATION_NOT_ALLOWED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cin");
	TCase *t = tcase_create("contentInstance");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, content_size_is_that_of_the_text);
	tcase_add_test(t, content_must_be_there);
	tcase_add_test(t, content_info);
	tcase_add_test(t, never_updated);
	suite_add_tcase(s, t);
	return rig_run(s);
}
