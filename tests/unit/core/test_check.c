/* SPDX-License-Identifier: Apache-2.0 */
/* Validity of primitives, TS-0004 7.3.2.1 and table 7.2.1.1-1, through the whole gate. */
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

#define GET(...) CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1", .fr = "CDev1", __VA_ARGS__)

#define HAS(id) (UINT64_C(1) << (id))

START_TEST(releases)
{
	static const char *const good[] = { "", "1", "2", "2a", "3", "4", "5" };
	static const char *const bad[] = { "0", "6", "2b", "3.0", "x" };
	struct rig_answer a;

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_int_eq(GET(.rvi = good[i]), RSC_OK);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_int_eq(GET(.rvi = bad[i]), RSC_RELEASE_VERSION_NOT_SUPPORTED);
	a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1", .fr = "CDev1", .rvi = "2a", .rqi = "q7");
	ck_assert_str_eq(a.rvi, "2a");
	ck_assert_str_eq(a.rqi, "q7");
	json_decref(a.pc);
	a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/none", .fr = "CDev1", .rvi = "1");
	ck_assert_int_eq(a.rsc, RSC_NOT_FOUND);
	ck_assert_str_eq(a.rvi, "");
	json_decref(a.pc);
}
END_TEST

START_TEST(mandatory_parameters)
{
	ck_assert_int_eq(GET(.rqi = ""), RSC_BAD_REQUEST);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1"), RSC_BAD_REQUEST);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "", .fr = "CDev1"), RSC_BAD_REQUEST);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = 9, .to = "cse-in", .fr = "CDev1"), RSC_BAD_REQUEST);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1", .pc = "{\"m2m:cnt\":{}}"),
	                 RSC_BAD_REQUEST);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1", .ty = 999,
	                      .pc = "{\"m2m:cnt\":{}}"),
	                 RSC_BAD_REQUEST);
}
END_TEST

START_TEST(result_contents_by_operation)
{
	/* TS-0001 table 8.1.2-1; rcn 7 needs an announced target, 10 a semantic query. */
	static const char *const valid[] = { [OP_CREATE] = "11110000010", [OP_RETRIEVE] = "01001110100",
		                                 [OP_UPDATE] = "11000000010", [OP_DELETE] = "11001110100" };

	for (int op = OP_CREATE; op <= OP_DELETE; op++) {
		for (int rcn = 0; rcn <= 12; rcn++) {
			bool want = rcn < 11 && valid[op][rcn] == '1';
			enum rsc rsc;

			if (op == OP_RETRIEVE && rcn == 10)
				continue;
			CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1", .ty = TY_CNT,
			     .pc = "{\"m2m:cnt\":{\"rn\":\"x\"}}");
			rsc = op == OP_CREATE
			          ? CODE(&g, .peer = dev, .op = op, .to = "cse-in/app1", .fr = "CDev1", .ty = TY_CNT,
			                 .rcn = rcn + 1, .pc = "{\"m2m:cnt\":{}}")
			      : op == OP_UPDATE
			          ? CODE(&g, .peer = dev, .op = op, .to = "cse-in/app1/x", .fr = "CDev1", .rcn = rcn + 1,
			                 .pc = "{\"m2m:cnt\":{\"lbl\":[\"a\"]}}")
			          : CODE(&g, .peer = dev, .op = op, .to = "cse-in/app1/x", .fr = "CDev1", .rcn = rcn + 1);
			ck_assert_msg(rsc_is_ok(rsc) == want, "op %d rcn %d: %d", op, rcn, rsc);
			if (!want)
				ck_assert_int_eq(rsc, RSC_BAD_REQUEST);
		}
	}
	ck_assert_int_eq(GET(.rcn = 10 + 1), RSC_NOT_IMPLEMENTED);
}
END_TEST

START_TEST(parameters_in_the_wrong_place)
{
	struct filter f = { .has = 0 };

	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1", .ty = TY_CNT, .fc = &f,
	                      .pc = "{\"m2m:cnt\":{}}"),
	                 RSC_BAD_REQUEST);
	ck_assert_int_eq(GET(.ty = TY_CNT), RSC_BAD_REQUEST);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_DELETE, .to = "cse-in/app1", .fr = "CDev1", .pc = "{\"m2m:ae\":{}}"),
	                 RSC_BAD_REQUEST);
	ck_assert_int_eq(GET(.also = 1u << P_TIDS), RSC_NOT_IMPLEMENTED);
	ck_assert_int_eq(GET(.also = 1u << P_TKNS), RSC_NOT_IMPLEMENTED);
	ck_assert_int_eq(GET(.drt = 3), RSC_BAD_REQUEST);
}
END_TEST

START_TEST(filter_criteria)
{
	static const struct {
		struct filter f;
		enum op op;
		enum rsc want;
	} cases[] = {
		{ { .has = HAS(FC_FU), .fu = 4 }, OP_RETRIEVE, RSC_BAD_REQUEST },
		{ { .has = HAS(FC_FU), .fu = 3 }, OP_RETRIEVE, RSC_NOT_IMPLEMENTED },
		{ { .has = HAS(FC_FU), .fu = 1 }, OP_DELETE, RSC_BAD_REQUEST },
		{ { .has = HAS(FC_FU), .fu = 2 }, OP_RETRIEVE, RSC_OK },
		{ { .has = HAS(FC_SMF) }, OP_RETRIEVE, RSC_NOT_IMPLEMENTED },
		{ { .has = HAS(FC_FO), .fo = 3 }, OP_RETRIEVE, RSC_OK },
		{ { .has = HAS(FC_FO), .fo = 4 }, OP_RETRIEVE, RSC_BAD_REQUEST },
		{ { .has = HAS(FC_LIM) }, OP_RETRIEVE, RSC_BAD_REQUEST },
		{ { .has = HAS(FC_LVL) }, OP_RETRIEVE, RSC_BAD_REQUEST },
		{ { .has = HAS(FC_OFST) }, OP_RETRIEVE, RSC_BAD_REQUEST },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct filter f = cases[i].f;
		enum rsc rsc = CODE(&g, .peer = dev, .op = cases[i].op, .to = "cse-in/app1", .fr = "CDev1", .fc = &f);

		ck_assert_msg(rsc == cases[i].want, "case %zu: %d", i, rsc);
	}
}
END_TEST

START_TEST(content_in_the_wrong_place)
{
	ck_assert_int_eq(GET(.pc = "{\"m2m:ae\":{}}"), RSC_BAD_REQUEST);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_UPDATE, .to = "cse-in/app1", .fr = "CDev1",
	                      .pc = "{\"m2m:atrl\":[\"lbl\"]}"),
	                 RSC_BAD_REQUEST);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_NOTIFY, .to = "cse-in/app1", .fr = "CDev1"), RSC_BAD_REQUEST);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1#aei", .fr = "CDev1", .atrl = "rr"),
	                 RSC_BAD_REQUEST);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_DELETE, .to = "cse-in/app1#aei", .fr = "CDev1"), RSC_BAD_REQUEST);
}
END_TEST

START_TEST(response_types)
{
	ck_assert_int_eq(GET(.rtv = 1), RSC_NON_BLOCKING_SYNCH_REQUEST_NOT_SUPPORTED);
	ck_assert_int_eq(GET(.rtv = 2), RSC_NOT_IMPLEMENTED);
	ck_assert_int_eq(GET(.rtv = 3), RSC_OK);
	ck_assert_int_eq(GET(.rtv = 4), RSC_OK);
	ck_assert_int_eq(GET(.rtv = 6), RSC_BAD_REQUEST);
}
END_TEST

START_TEST(times)
{
	ck_assert_int_eq(GET(.rqet = "20261120T095959"), RSC_REQUEST_TIMEOUT);
	ck_assert_int_eq(GET(.rqet = "20261120T100001"), RSC_OK);
	ck_assert_int_eq(GET(.rqet = "-1"), RSC_REQUEST_TIMEOUT);
	ck_assert_int_eq(GET(.rqet = "1000"), RSC_OK);
	ck_assert_int_eq(GET(.rqet = "soon"), RSC_BAD_REQUEST);
	ck_assert_int_eq(GET(.rset = "20261120T095959"), RSC_REQUEST_TIMEOUT);
	ck_assert_int_eq(GET(.rqet = "2000", .rset = "1000"), RSC_BAD_REQUEST);
	ck_assert_int_eq(GET(.oet = "5000", .rqet = "3000"), RSC_REQUEST_TIMEOUT);
	ck_assert_int_eq(GET(.oet = "20261121T100000"), RSC_NOT_IMPLEMENTED);
}
END_TEST

START_TEST(nothing_before_its_execution_time)
{
	struct rig_answer a;

	rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1#aei", .fr = "CDev1", .oet = "5000" },
	           &a);
	clock_advance_us(g.clock, 4900000);
	loop_turn(g.loop, 0);
	ck_assert(!a.done);
	clock_advance_us(g.clock, 200000);
	rig_turn(&g, &a);
	ck_assert(a.done);
	ck_assert_int_eq(a.rsc, RSC_OK);
	ck_assert_str_eq(rig_s(rig_pc(&a, "m2m:ae"), "aei"), "CDev1");
	json_decref(a.pc);
}
END_TEST

START_TEST(a_channel_that_goes_away_while_a_request_waits)
{
	struct rig_answer a;
	struct request *r = rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1", .fr = "CDev1",
	                                                      .oet = "5000" }, &a);

	gate_abandon(r);
	clock_advance_us(g.clock, 6000000);
	for (int i = 0; i < 5; i++)
		loop_turn(g.loop, 0);
	ck_assert(!a.done);
}
END_TEST

START_TEST(a_request_that_could_not_be_decoded)
{
	struct request *r = rig_request(&g, &(struct rig_ask){ .op = OP_CREATE, .to = "cse-in", .fr = "CDev1", .rqi = "q9" });
	struct rig_answer a = { .rsc = RSC_NONE };

	prim_fail(request_prim(r), RSC_UNSUPPORTED_MEDIA_TYPE, "the content must be JSON");
	gate_refuse(r, &rig_reply, &a);
	ck_assert(a.done);
	ck_assert_int_eq(a.rsc, RSC_UNSUPPORTED_MEDIA_TYPE);
	ck_assert_str_eq(a.rqi, "q9");
	ck_assert_str_eq(a.rvi, "3");
	ck_assert_str_eq(json_string_value(json_object_get(a.pc, "m2m:dbg")), "the content must be JSON");
	json_decref(a.pc);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check");
	TCase *t = tcase_create("validity");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, releases);
	tcase_add_test(t, mandatory_parameters);
	tcase_add_test(t, result_contents_by_operation);
	tcase_add_test(t, parameters_in_the_wrong_place);
	tcase_add_test(t, filter_criteria);
	tcase_add_test(t, content_in_the_wrong_place);
	tcase_add_test(t, response_types);
	tcase_add_test(t, times);
	tcase_add_test(t, nothing_before_its_execution_time);
	tcase_add_test(t, a_channel_that_goes_away_while_a_request_waits);
	tcase_add_test(t, a_request_that_could_not_be_decoded);
	suite_add_tcase(s, t);
	return rig_run(s);
}
