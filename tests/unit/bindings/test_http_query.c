/* SPDX-License-Identifier: Apache-2.0 */
/* The query component against TS-0009 6.2.2.2, and percent-encoding against RFC 3986 2.1. */
#include "bindings/http_map.h"

#include <check.h>
#include <stdlib.h>

static struct arena arena;
static struct prim prim;

static void setup(void)
{
	arena_init(&arena, 4096);
}

static void teardown(void)
{
	arena_fini(&arena);
}

static enum rsc query(const char *text)
{
	prim_init(&prim, &arena);
	return http_query_read(&prim, str_of(text));
}

static void must(const char *text)
{
	ck_assert_msg(query(text) == RSC_NONE, "%s: %s", text, prim.why.text);
}

/* Every refusal is BAD_REQUEST with a sentence. */
static void must_not(const char *text)
{
	ck_assert_msg(query(text) == RSC_BAD_REQUEST, "%s was taken", text);
	ck_assert_uint_gt(strlen(prim.why.text), 0);
}

static bool has(enum fc id)
{
	return prim.fc && (prim.fc->has >> id & 1);
}

/* Table 6.2.2.2-1, the parameters. */
START_TEST(parameters)
{
	must("rt=3&rp=20301231T000000&rcn=4&da=true&drt=2&rids=a%40b+c&tids=t1+t2&ltids=l&tqi=0&asi=false&auri=1&sqi=true");
	ck_assert_uint_eq(prim.rtv, 3);
	ck_assert(str_eqz(prim.rp, "20301231T000000"));
	ck_assert_uint_eq(prim.rcn, 4);
	ck_assert(prim.da && prim.auri && prim.sqi && !prim.tqi && !prim.asi);
	ck_assert_uint_eq(prim.drt, 2);
	ck_assert_uint_eq(prim.rids.n, 2);
	ck_assert(str_eqz(prim.rids.v[0], "a@b") && str_eqz(prim.rids.v[1], "c"));
	ck_assert_uint_eq(prim.tids.n, 2);
	ck_assert_uint_eq(prim.ltids.n, 1);
	ck_assert(prim_has(&prim, P_RT) && prim_has(&prim, P_RP) && prim_has(&prim, P_RCN) && prim_has(&prim, P_DA) &&
	          prim_has(&prim, P_DRT) && prim_has(&prim, P_RIDS) && prim_has(&prim, P_TIDS) && prim_has(&prim, P_LTIDS) &&
	          prim_has(&prim, P_TQI) && prim_has(&prim, P_ASI) && prim_has(&prim, P_AURI) && prim_has(&prim, P_SQI));
	ck_assert(!prim_has(&prim, P_FC) && prim.fc == NULL);
}
END_TEST

/* Table 6.2.2.2-1, the conditions. */
START_TEST(conditions)
{
	must("crb=20261120T101539&cra=20261119T101539&ms=20261118T000000&us=20261117T000000&sts=9&stb=1&exb=20270101T000000&"
	     "exa=20260101T000000&lbl=a+b&ty=2+3&sza=10&szb=20&cty=application/json&lim=5&fu=1&fo=2&lvl=3&ofst=4&cfs=1&cfq=%24.a");
	ck_assert_int_eq(prim.fc->crb, INT64_C(1795169739) * 1000000);
	ck_assert_int_eq(prim.fc->crb - prim.fc->cra, INT64_C(86400) * 1000000);
	ck_assert_uint_eq(prim.fc->sts, 9);
	ck_assert_uint_eq(prim.fc->stb, 1);
	ck_assert_uint_eq(prim.fc->lbl.n, 2);
	ck_assert(str_eqz(prim.fc->lbl.v[1], "b"));
	ck_assert_uint_eq(prim.fc->n_ty, 2);
	ck_assert_uint_eq(prim.fc->ty[0], 2);
	ck_assert_uint_eq(prim.fc->ty[1], 3);
	ck_assert_uint_eq(prim.fc->sza, 10);
	ck_assert_uint_eq(prim.fc->szb, 20);
	ck_assert(str_eqz(prim.fc->cty.v[0], "application/json"));
	ck_assert_uint_eq(prim.fc->lim, 5);
	ck_assert_uint_eq(prim.fc->fu, 1);
	ck_assert_uint_eq(prim.fc->fo, 2);
	ck_assert_uint_eq(prim.fc->lvl, 3);
	ck_assert_uint_eq(prim.fc->ofst, 4);
	ck_assert_uint_eq(prim.fc->cfs, 1);
	ck_assert(str_eqz(prim.fc->cfq, "$.a"));
	ck_assert(has(FC_CRB) && has(FC_CRA) && has(FC_MS) && has(FC_US) && has(FC_EXB) && has(FC_EXA) && !has(FC_ATR));
	ck_assert(prim_has(&prim, P_FC));
	/* By their short names of TS-0004 where TS-0009 V3.9.1 has no field. */
	must("clbl=a&palb=b+c&chty=4&pty=3&arp=x/y&lbq=k+EQ+v");
	ck_assert_uint_eq(prim.fc->palb.n, 2);
	ck_assert_uint_eq(prim.fc->chty[0], 4);
	ck_assert(str_eqz(prim.fc->lbq, "k EQ v"));
}
END_TEST

/* Lists: joined by '+' and repeated, 6.2.2.2. */
START_TEST(lists)
{
	must("ty=2&ty=3+4&ty=23&lbl=a+b&lbl=c%2Bd&lbl=e%20f");
	ck_assert_uint_eq(prim.fc->n_ty, 4);
	ck_assert_uint_eq(prim.fc->ty[3], 23);
	ck_assert_uint_eq(prim.fc->lbl.n, 4);
	ck_assert(str_eqz(prim.fc->lbl.v[2], "c+d"));
	ck_assert(str_eqz(prim.fc->lbl.v[3], "e f"));
	must("smf=SELECT+%3Fcar&smf=b");
	ck_assert_uint_eq(prim.fc->smf.n, 2);
	ck_assert(str_eqz(prim.fc->smf.v[0], "SELECT ?car"));
}
END_TEST

/* Example 2 of 6.2.2.2, and the prefixes of childAttribute and parentAttribute. */
START_TEST(attributes)
{
	must("ty=3&cr=Sam&fu=1&c.rn=x&p.lbl=y%26z&cr=Eve");
	ck_assert_uint_eq(prim.fc->n_atr, 2);
	ck_assert(str_eqz(prim.fc->atr[0].name, "cr") && str_eqz(prim.fc->atr[0].value, "Sam"));
	ck_assert(str_eqz(prim.fc->atr[1].value, "Eve"));
	ck_assert_uint_eq(prim.fc->n_catr, 1);
	ck_assert(str_eqz(prim.fc->catr[0].name, "rn"));
	ck_assert_uint_eq(prim.fc->n_patr, 1);
	ck_assert(str_eqz(prim.fc->patr[0].value, "y&z"));
	must_not("atr=cr");
	must_not("catr=x");
}
END_TEST

START_TEST(partial_retrieve)
{
	must("atrl=ri+lbl+rr");
	ck_assert_uint_eq(prim.atrl.n, 3);
	ck_assert(str_eqz(prim.atrl.v[2], "rr"));
	must("atrl=rr&rcn=1");
	ck_assert_uint_eq(prim.atrl.n, 1);
	must_not("atrl=ri++rr");
}
END_TEST

/* Multiplicity 0..1, and values that are none. */
START_TEST(refusals)
{
	static const char *const texts[] = {
		"rcn=1&rcn=1", "lim=1&lim=2", "fu=1&fu=1", "rcn=x", "rcn=-1", "rcn=+1", "rcn=", "rcn", "=1", "lim=1.5", "da=yes", "da=2",
		"crb=yesterday", "crb=20261320T000000", "lim=99999999999999999999", "ty=", "ty=2+", "ty=2+x", "lbl=", "lbl=%zz",
		"lbl=%", "lbl=%4", "lbl=%00", "lbl=%0a", "lbl=%7f", "lbl=%ff", "lbl=%c3", "lbl=%c0%80", "lbl=%ed%a0%80", "%zz=1",
		"a%20b=1", "c.=1", "rt=6",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		must_not(texts[i]);
}
END_TEST

START_TEST(empty_pairs_say_nothing)
{
	must("");
	must("&");
	must("&&rcn=1&");
	ck_assert_uint_eq(prim.rcn, 1);
}
END_TEST

/* Many repetitions take memory in proportion, not more. */
START_TEST(repetition_is_linear)
{
	struct buf b;
	size_t before;

	buf_init(&b, 1 << 20);
	for (unsigned i = 0; i < 5000; i++)
		buf_z(&b, "lbl=a&a=b&");
	buf_putc(&b, 0);
	before = arena.used;
	must(b.p);
	ck_assert_uint_eq(prim.fc->lbl.n, 5000);
	ck_assert_uint_eq(prim.fc->n_atr, 5000);
	ck_assert_uint_lt(arena.used - before, 5000 * (16 + 32) * 5);
	buf_fini(&b);
}
END_TEST

START_TEST(escapes)
{
	struct str out;

	ck_assert(http_unescape(&arena, STR("a%41%c3%a4b"), false, &out));
	ck_assert(str_eqz(out, "aA\xc3\xa4" "b"));
	ck_assert(http_unescape(&arena, STR("a+b"), false, &out) && str_eqz(out, "a+b"));
	ck_assert(http_unescape(&arena, STR("a+b"), true, &out) && str_eqz(out, "a b"));
	ck_assert(!http_unescape(&arena, STR("%"), false, &out));
	ck_assert(!http_unescape(&arena, STR("%a"), false, &out));
	ck_assert(!http_unescape(&arena, STR("%g0"), false, &out));
	ck_assert(!http_unescape(&arena, STR("%0g"), false, &out));
	ck_assert(!http_unescape(&arena, STR("%00"), false, &out));
	ck_assert(!http_unescape(&arena, STR("%1F"), false, &out));
	/* Once only. */
	ck_assert(http_unescape(&arena, STR("%2541"), false, &out) && str_eqz(out, "%41"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http_query");
	TCase *t = tcase_create("http_query");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, parameters);
	tcase_add_test(t, conditions);
	tcase_add_test(t, lists);
	tcase_add_test(t, attributes);
	tcase_add_test(t, partial_retrieve);
	tcase_add_test(t, refusals);
	tcase_add_test(t, empty_pairs_say_nothing);
	tcase_add_test(t, repetition_is_linear);
	tcase_add_test(t, escapes);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
