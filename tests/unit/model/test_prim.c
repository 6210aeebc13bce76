/* SPDX-License-Identifier: Apache-2.0 */
/* Request primitives and filter criteria filled from text (TS-0004 7.2.1.1, 6.3.5.8; TS-0009 6.2.2.2). */
#include "cse/model/prim.h"

#include <check.h>
#include <stdlib.h>

static struct arena arena;
static struct prim prim;

static void setup(void)
{
	arena_init(&arena, 1024);
	prim_init(&prim, &arena);
}

static void teardown(void)
{
	arena_fini(&arena);
}

START_TEST(rows_stand_in_order)
{
	const struct complex *fc = param_complex()->attrs[P_FC].of;

	ck_assert_uint_le(PARAM_COUNT, 32);
	for (int i = 0; i < PARAM_COUNT; i++) {
		const struct param_row *row = param_row((enum param)i);

		ck_assert_int_eq(param_by_sn(str_of(row->sn)), i);
		ck_assert_str_eq(param_complex()->attrs[i].ln, row->ln);
	}
	ck_assert_ptr_null(param_complex()->attrs[PARAM_COUNT].sn);
	ck_assert_int_eq(param_by_sn(STR("xx")), -1);
	ck_assert_uint_eq(fc->n, FC_COUNT);
	for (unsigned i = 0; i < FC_COUNT; i++)
		ck_assert_int_ge(filter_by_sn(str_of(fc->attrs[i].sn)), 0);
	ck_assert_int_eq(filter_by_sn(STR("crb")), FC_CRB);
	ck_assert_int_eq(filter_by_sn(STR("ops")), FC_OPS);
	ck_assert_int_eq(filter_by_sn(STR("")), -1);
}
END_TEST

START_TEST(reads_text)
{
	ck_assert_int_eq(prim.rvi, RVI_1);
	ck_assert_int_eq(prim_read(&prim, P_TO, STR("/id-in")), RSC_NONE);
	ck_assert_int_eq(prim_read(&prim, P_RVI, STR("2a")), RSC_NONE);
	ck_assert_int_eq(prim_read(&prim, P_TY, STR("3")), RSC_NONE);
	ck_assert_int_eq(prim_read(&prim, P_DA, STR("1")), RSC_NONE);
	ck_assert_int_eq(prim_read(&prim, P_ASI, STR("false")), RSC_NONE);
	ck_assert_int_eq(prim_read(&prim, P_RQET, STR("-5000")), RSC_NONE);
	ck_assert_int_eq(prim_read(&prim, P_OT, STR("20141003T112032,5")), RSC_NONE);
	ck_assert_int_eq(prim_read(&prim, P_RT, STR("3")), RSC_NONE);
	ck_assert_int_eq(prim_read(&prim, P_OP, STR("5")), RSC_NONE);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(prim_read(&prim, P_RIDS, STR("r@x")), RSC_NONE);
	ck_assert(str_eqz(prim.to, "/id-in"));
	ck_assert_int_eq(prim.rvi, RVI_2A);
	ck_assert_uint_eq(prim.ty, 3);
	ck_assert(prim.da && !prim.asi && prim_has(&prim, P_ASI) && !prim_has(&prim, P_AURI));
	ck_assert(str_eqz(prim.rqet, "-5000"));
	ck_assert(str_eqz(prim.ot, "20141003T112032,500000"));
	ck_assert_uint_eq(prim.rtv, 3);
	ck_assert_int_eq(prim.op, OP_NOTIFY);
	ck_assert_uint_eq(prim.rids.n, 5);
	ck_assert(str_eqz(prim.rids.v[4], "r@x"));
	ck_assert_int_eq(prim.why.rsc, RSC_NONE);
}
END_TEST

static const struct {
	enum param id;
	const char *text;
	enum rsc rsc;
} bad_cases[] = {
	{ P_TY, "x", RSC_BAD_REQUEST },      { P_TY, "", RSC_BAD_REQUEST },     { P_TY, "-1", RSC_BAD_REQUEST },
	{ P_DA, "yes", RSC_BAD_REQUEST },    { P_OT, "now", RSC_BAD_REQUEST },  { P_RQET, "1h", RSC_BAD_REQUEST },
	{ P_RT, "0", RSC_BAD_REQUEST },      { P_RT, "6", RSC_BAD_REQUEST },    { P_OP, "0", RSC_BAD_REQUEST },
	{ P_OP, "6", RSC_BAD_REQUEST },      { P_FR, "a\nb", RSC_BAD_REQUEST }, { P_RQI, "\xff", RSC_BAD_REQUEST },
	{ P_RQI, "a\r\nb", RSC_BAD_REQUEST }, { P_VSI, "a\x7f", RSC_BAD_REQUEST }, { P_RVI, "6", RSC_RELEASE_VERSION_NOT_SUPPORTED }, { P_RVI, "", RSC_RELEASE_VERSION_NOT_SUPPORTED },
};

START_TEST(refuses_text)
{
	ck_assert_int_eq(prim_read(&prim, bad_cases[_i].id, str_of(bad_cases[_i].text)), bad_cases[_i].rsc);
	ck_assert_int_eq(prim.why.rsc, bad_cases[_i].rsc);
	ck_assert_str_ne(prim.why.text, "");
	ck_assert_uint_eq(prim.has, 0);
}
END_TEST

START_TEST(refuses_twice)
{
	ck_assert_int_eq(prim_read(&prim, P_RQI, STR("1")), RSC_NONE);
	ck_assert_int_eq(prim_read(&prim, P_RQI, STR("2")), RSC_BAD_REQUEST);
	ck_assert(str_eqz(prim.rqi, "1"));
}
END_TEST

START_TEST(filters)
{
	struct filter f;
	struct why w = { 0 };

	filter_init(&f);
	ck_assert_uint_eq(f.fo, 1);
	ck_assert_uint_eq(f.lim, UINT64_MAX);
	ck_assert_uint_eq(f.ofst, 1);
	ck_assert_uint_eq(f.has, 0);
	ck_assert_int_eq(filter_read(&arena, &f, FC_CRB, STR("19700101T000001"), &w), RSC_NONE);
	ck_assert_int_eq(filter_read(&arena, &f, FC_LIM, STR("0"), &w), RSC_NONE);
	for (int i = 2; i < 6; i++)
		ck_assert_int_eq(filter_read(&arena, &f, FC_TY, str_make(&"0123456"[i], 1), &w), RSC_NONE);
	ck_assert_int_eq(filter_read(&arena, &f, FC_LBL, STR("a"), &w), RSC_NONE);
	ck_assert_int_eq(filter_read(&arena, &f, FC_LBL, STR("b c"), &w), RSC_NONE);
	ck_assert_int_eq(filter_read(&arena, &f, FC_ARP, STR("x/y"), &w), RSC_NONE);
	filter_add(&arena, &f, FC_ATR, STR("rn"), STR("x*"));
	filter_add(&arena, &f, FC_ATR, STR("cr"), STR("C1"));
	ck_assert_int_eq(f.crb, 1000000);
	ck_assert_uint_eq(f.lim, 0);
	ck_assert_uint_eq(f.n_ty, 4);
	ck_assert_uint_eq(f.ty[0], 2);
	ck_assert_uint_eq(f.ty[3], 5);
	ck_assert_uint_eq(f.lbl.n, 2);
	ck_assert(str_eqz(f.lbl.v[1], "b c"));
	ck_assert(str_eqz(f.arp, "x/y"));
	ck_assert_uint_eq(f.n_atr, 2);
	ck_assert(str_eqz(f.atr[1].name, "cr") && str_eqz(f.atr[0].value, "x*"));
	ck_assert_uint_eq(f.has, UINT64_C(1) << FC_CRB | UINT64_C(1) << FC_LIM | UINT64_C(1) << FC_TY | UINT64_C(1) << FC_LBL |
	                             UINT64_C(1) << FC_ARP | UINT64_C(1) << FC_ATR);
}
END_TEST

static const struct {
	enum fc id;
	const char *text;
} bad_filters[] = {
	{ FC_CRB, "x" }, { FC_FU, "0" },  { FC_FU, "4" },   { FC_LVL, "0" },  { FC_OFST, "0" }, { FC_STS, "0" },
	{ FC_SZB, "0" }, { FC_TY, "0" },  { FC_TY, "2+3" }, { FC_TY, "65536" }, { FC_LIM, "" },   { FC_LIM, "-1" },
	{ FC_CFS, "2" }, { FC_TY, "33" }, { FC_TY, "99999" }, { FC_LBL, "\xff" }, { FC_OPS, "64" },
};

START_TEST(refuses_filters)
{
	struct filter f;
	struct why w = { 0 };

	filter_init(&f);
	ck_assert_int_eq(filter_read(&arena, &f, bad_filters[_i].id, str_of(bad_filters[_i].text), &w), RSC_BAD_REQUEST);
	ck_assert_uint_eq(f.has, 0);
}
END_TEST

START_TEST(refuses_a_condition_twice)
{
	struct filter f;
	struct why w = { 0 };

	filter_init(&f);
	ck_assert_int_eq(filter_read(&arena, &f, FC_LIM, STR("1"), &w), RSC_NONE);
	ck_assert_int_eq(filter_read(&arena, &f, FC_LIM, STR("2"), &w), RSC_BAD_REQUEST);
	ck_assert_uint_eq(f.lim, 1);
}
END_TEST

START_TEST(fails_with_a_reason)
{
	ck_assert_int_eq(prim_fail(&prim, RSC_CONFLICT, "%s is taken", "rn"), RSC_CONFLICT);
	ck_assert_int_eq(prim_fail(&prim, RSC_BAD_REQUEST, "later"), RSC_CONFLICT);
	ck_assert_str_eq(prim.why.text, "rn is taken");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model/prim");
	TCase *t = tcase_create("prim");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, rows_stand_in_order);
	tcase_add_test(t, reads_text);
	tcase_add_loop_test(t, refuses_text, 0, ARRAY_LEN(bad_cases));
	tcase_add_test(t, refuses_twice);
	tcase_add_test(t, filters);
	tcase_add_loop_test(t, refuses_filters, 0, ARRAY_LEN(bad_filters));
	tcase_add_test(t, refuses_a_condition_twice);
	tcase_add_test(t, fails_with_a_reason);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
