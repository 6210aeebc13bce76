/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of types: facts of TS-0004 7.4 taken by hand, and that every table holds together. */
#include "cse/model/type.h"

#include <check.h>
#include <stdlib.h>

#include "cse/base/check.h"
#include "cse/model/rsc.h"

static const struct type *type(const char *root)
{
	const struct type *t = type_by_root(str_of(root));

	ck_assert_msg(t != NULL, "%s", root);
	return t;
}

/* TS-0004 tables 7.4.x.1-2 and -3, 8.2.3: root, short name, kind, CREATE, UPDATE, flags. */
static const struct {
	const char *root, *sn, *ln;
	enum kind kind;
	enum opt create, update;
	unsigned flags;
} attr_cases[] = {
	{ "m2m:cnt", "mni", "maxNrOfInstances", K_UINT, O, O, 0 },
	{ "m2m:cnt", "cni", "currentNrOfInstances", K_UINT, NP, NP, AF_ONE | AF_NODE },
	{ "m2m:cnt", "disr", "disableRetrieval", K_BOOL, O, O, 0 },
	{ "m2m:cnt", "rn", "resourceName", K_STR, O, NP, AF_NODE },
	{ "m2m:cnt", "et", "expirationTime", K_STAMP, O, O, 0 },
	{ "m2m:cnt", "st", "stateTag", K_UINT, NP, NP, AF_NODE },
	{ "m2m:cnt", "cr", "creator", K_ID, O, NP, 0 },
	{ "m2m:cnt", "lbl", "labels", K_TOKEN, O, O, AF_LIST | AF_NONEMPTY },
	{ "m2m:cnt", "acpi", "accessControlPolicyIDs", K_URI, O, O, AF_LIST | AF_NONEMPTY },
	{ "m2m:cin", "con", "content", K_ANY, M, NP, AF_ONE },
	{ "m2m:cin", "cnf", "contentInfo", K_STR, O, NP, 0 },
	{ "m2m:cin", "cs", "contentSize", K_UINT, NP, NP, AF_ONE },
	{ "m2m:ae", "api", "App-ID", K_STR, M, NP, AF_ONE },
	{ "m2m:ae", "aei", "AE-ID", K_ID, NP, NP, AF_ONE },
	{ "m2m:ae", "rr", "requestReachability", K_BOOL, M, O, AF_ONE },
	{ "m2m:ae", "srv", "supportedReleaseVersions", K_STR, M, O, AF_LIST | AF_NONEMPTY },
	{ "m2m:ae", "trn", "triggerReferenceNumber", K_UINT, O, O, 0 },
	{ "m2m:acp", "pv", "privileges", K_OBJ, M, O, AF_ONE },
	{ "m2m:acp", "pvs", "selfPrivileges", K_OBJ, M, O, AF_ONE },
	{ "m2m:cb", "csi", "CSE-ID", K_ID, NP, NP, AF_ONE },
	{ "m2m:cb", "srt", "supportedResourceType", K_ENUM, NP, NP, AF_LIST | AF_ONE },
	{ "m2m:cb", "ncp", "notificationCongestionPolicy", K_ANY, O, O, AF_RESERVED },
	{ "m2m:sub", "nu", "notificationURI", K_URI, M, O, AF_LIST | AF_ONE },
	{ "m2m:grp", "mt", "memberType", K_ENUM, O, NP, AF_ONE },
	{ "m2m:bat", "btl", "batteryLevel", K_UINT, M, O, AF_ONE },
	{ "m2m:cntA", "lnk", "link", K_URI, M, O, AF_ONE },
	{ "m2m:cntA", "mni", "maxNrOfInstances", K_UINT, O, O, 0 },
};

START_TEST(attributes)
{
	const struct type *t = type(attr_cases[_i].root);
	const struct attr *a = type_attr(t, str_of(attr_cases[_i].sn));

	ck_assert_ptr_nonnull(a);
	ck_assert_str_eq(a->ln, attr_cases[_i].ln);
	ck_assert_int_eq(a->kind, attr_cases[_i].kind);
	ck_assert_int_eq(a->create, attr_cases[_i].create);
	ck_assert_int_eq(a->update, attr_cases[_i].update);
	ck_assert_uint_eq(a->flags, attr_cases[_i].flags);
}
END_TEST

/* Numbers, names and limits: TS-0004 6.3.4.2.1, 8.2.4. */
START_TEST(numbers)
{
	ck_assert_uint_eq(type("m2m:acp")->ty, 1);
	ck_assert_uint_eq(type("m2m:ae")->ty, TY_AE);
	ck_assert_uint_eq(TY_CNT, 3);
	ck_assert_uint_eq(TY_CIN, 4);
	ck_assert_uint_eq(TY_CB, 5);
	ck_assert_uint_eq(TY_SUB, 23);
	ck_assert_uint_eq(TY_CNTA, 10003);
	ck_assert_uint_eq(TY_ACTR, 65);
	ck_assert_uint_eq(type("m2m:fwr")->ty, TY_MGO);
	ck_assert_ptr_eq(type_by_ty(3), type("m2m:cnt"));
	ck_assert_ptr_eq(type_by_ty(10003), type("m2m:cntA"));
	ck_assert_ptr_null(type_by_ty(0));
	ck_assert_ptr_null(type_by_ty(33));
	ck_assert_ptr_null(type_by_ty(9999));
	ck_assert_ptr_null(type_by_ty(10000));
	ck_assert_ptr_null(type_by_ty(20003));
	ck_assert_ptr_null(type_by_ty(UINT32_MAX));
	ck_assert_ptr_null(type_by_root(STR("cnt")));
	ck_assert_ptr_null(type_by_root(STR("m2m:cnx")));
	ck_assert_ptr_null(type_by_root(STR("")));
	ck_assert_ptr_null(type_by_root(STR("m2m:sgn")));
	ck_assert_str_eq(type("m2m:cnt")->prefix, "cnt");
	ck_assert_uint_eq(type("m2m:cin")->flags & TYPE_INSTANCE, TYPE_INSTANCE);
	ck_assert_uint_eq(type("m2m:evcg")->flags & TYPE_IN_CSE_ONLY, TYPE_IN_CSE_ONLY);
}
END_TEST

/* TS-0004 tables 7.4.3.1-4, 7.4.5.1-4, 7.4.6.1-4, 7.4.7.1-4. */
START_TEST(children)
{
	ck_assert(type_may_have_child(type("m2m:cnt"), TY_CIN));
	ck_assert(type_may_have_child(type("m2m:cnt"), TY_CNT));
	ck_assert(type_may_have_child(type("m2m:cnt"), TY_SUB));
	ck_assert(!type_may_have_child(type("m2m:cnt"), TY_ACP));
	ck_assert(!type_may_have_child(type("m2m:cnt"), TY_NONE));
	ck_assert(type_may_have_child(type("m2m:cb"), TY_AE));
	ck_assert(!type_may_have_child(type("m2m:cb"), TY_CIN));
	ck_assert(!type_may_have_child(type("m2m:ae"), TY_AE));
	ck_assert(type_may_have_child(type("m2m:ae"), TY_ACP));
	ck_assert(!type_may_have_child(type("m2m:cin"), TY_SUB));
	ck_assert(type_has_virtual(type("m2m:cnt"), V_LA));
	ck_assert(type_has_virtual(type("m2m:cnt"), V_OL));
	ck_assert(!type_has_virtual(type("m2m:cnt"), V_FOPT));
	ck_assert(type_has_virtual(type("m2m:grp"), V_FOPT));
	ck_assert(!type_has_virtual(type("m2m:acp"), V_LA));
}
END_TEST

/* Universal, common, own: each is found by its name at its place, and nothing else is found. */
START_TEST(tables_hold)
{
	static const char *const first[] = { "rn", "ty", "ri", "pi", "ct", "lt" };
	static const char *const strangers[] = { "", "x", "zz", "_owner", "ch", "mnii", "abcdefgh", "abcdefghi" };
	size_t n;
	const struct type *const *all = type_all(&n);

	ck_assert_uint_gt(n, 50);
	for (size_t i = 0; i < n; i++) {
		const struct type *t = all[i];
		size_t k = 0;

		ck_assert(i == 0 || all[i - 1]->ty < t->ty);
		ck_assert_ptr_eq(type_by_ty(t->ty), t);
		ck_assert_ptr_eq(type_by_root(str_of(t->sn)), t);
		ck_assert_ptr_eq(type_root_attr(str_of(t->sn)), t->root);
		ck_assert_ptr_eq(t->root->of, t);
		ck_assert_uint_eq(t->root->flags, AF_RESOURCE);
		ck_assert_uint_eq(type_as_member(t)->flags, AF_RESOURCE | AF_LIST);
		ck_assert_str_eq(type_as_member(t)->sn, t->sn);
		for (; type_attr_at(t, k); k++) {
			const struct attr *a = type_attr_at(t, k);

			if (k < ARRAY_LEN(first))
				ck_assert_str_eq(a->sn, first[k]);
			ck_assert_ptr_eq(type_attr(t, str_of(a->sn)), a);
			ck_assert_int_eq(type_attr_pos(t, str_of(a->sn)), (int)k);
		}
		ck_assert_uint_eq(k, t->n_all);
		for (k = 0; k < ARRAY_LEN(strangers); k++)
			ck_assert_ptr_null(type_attr(t, str_of(strangers[k])));
		ck_assert_ptr_null(type_attr(t, str_make("rn\0", 3)));
		for (const uint16_t *c = t->children; *c; c++)
			ck_assert_msg(type_by_ty(*c) != NULL, "%s: %u", t->sn, *c);
	}
	ck_assert_ptr_eq(type_attr(type("m2m:cnt"), STR("et")), &attr_et);
	ck_assert_ptr_eq(type_attr(type("m2m:acp"), STR("et")), &attr_et);
}
END_TEST

/* TS-0004 6.3.5.27, 6.3.5.26; tables 7.5.2-1, 7.5.2-2. */
START_TEST(structures)
{
	const struct attr *pv = type_attr(type("m2m:acp"), STR("pv"));
	const struct complex *set = pv->of, *rule, *context;
	const struct attr *a;

	ck_assert_str_eq(set->name, "m2m:setOfAcrs");
	a = complex_attr(set, STR("acr"));
	ck_assert_uint_eq(a->flags, AF_LIST);
	rule = a->of;
	a = complex_attr(rule, STR("acop"));
	ck_assert_int_eq(a->kind, K_UINT);
	ck_assert_int_eq(a->max, 63);
	ck_assert_int_eq(a->create, M);
	ck_assert_ptr_null(complex_attr(rule, STR("aca")));
	a = complex_attr(rule, STR("acco"));
	ck_assert_uint_eq(a->flags, AF_LIST);
	context = a->of;
	ck_assert_uint_eq(complex_attr(context, STR("actw"))->flags, AF_LIST);
	ck_assert_int_eq(complex_attr(context, STR("acip"))->kind, K_OBJ);

	a = type_root_attr(STR("m2m:uril"));
	ck_assert_int_eq(a->kind, K_URI);
	ck_assert_uint_eq(a->flags, AF_LIST);
	a = type_root_attr(STR("m2m:dbg"));
	ck_assert_int_eq(a->kind, K_STR);
	a = complex_attr(type_root_attr(STR("m2m:rrl"))->of, STR("rrf"));
	ck_assert_ptr_nonnull(complex_attr(a->of, STR("val")));
	ck_assert_ptr_eq(attr_ch.of, a->of);
	a = type_root_attr(STR("m2m:agr"));
	ck_assert_ptr_nonnull(complex_attr(a->of, STR("m2m:rsp")));
	a = type_root_attr(STR("m2m:rce"));
	ck_assert(((const struct complex *)a->of)->rooted);
	ck_assert_ptr_null(type_root_attr(STR("m2m:nothing")));
}
END_TEST

START_TEST(enumerations)
{
	const struct enumeration *e = complex_attr(type_root_attr(STR("m2m:rqp"))->of, STR("op"))->of;
	const struct enumeration *ec = type_attr(type("m2m:sub"), STR("nec"))->of;

	ck_assert_str_eq(e->name, "m2m:operation");
	for (int64_t i = -1; i < 8; i++)
		ck_assert_int_eq(enum_has(e, i), i >= 1 && i <= 5);
	/* TS-0004 6.3.3: 2, 3, 4 and 100 to 999. */
	ck_assert(enum_has(ec, 2) && enum_has(ec, 4) && enum_has(ec, 100) && enum_has(ec, 999));
	ck_assert(!enum_has(ec, 0) && !enum_has(ec, 5) && !enum_has(ec, 99) && !enum_has(ec, 1000) && !enum_has(ec, INT64_MIN));
}
END_TEST

/* TS-0004 6.6.3, TS-0009 table 6.3.2-1, TS-0008 table 6.2.4-1. */
START_TEST(status_codes)
{
	ck_assert_uint_eq(RSC_NOT_FOUND, 4004);
	ck_assert_uint_eq(rsc_http(RSC_NOT_FOUND), 404);
	ck_assert_uint_eq(rsc_coap(RSC_NOT_FOUND), 404);
	ck_assert_uint_eq(rsc_http(RSC_CREATED), 201);
	ck_assert_uint_eq(rsc_http(RSC_CONFLICT), 409);
	ck_assert_uint_eq(rsc_coap(RSC_CONFLICT), 403);
	ck_assert_uint_eq(rsc_http(RSC_RELEASE_VERSION_NOT_SUPPORTED), 501);
	ck_assert_uint_eq(rsc_http(RSC_ORIGINATOR_HAS_NO_PRIVILEGE), 403);
	ck_assert_uint_eq(rsc_coap(RSC_ACCEPTED), 0);
	ck_assert_uint_eq(rsc_http((enum rsc)1), 500);
	ck_assert(rsc_is_ok(RSC_OK) && rsc_is_ok(RSC_ACCEPTED_SYNCH) && !rsc_is_ok(RSC_BAD_REQUEST) && !rsc_is_ok(RSC_NONE));
	ck_assert_str_ne(rsc_text(RSC_OK), "");
}
END_TEST

START_TEST(first_reason_stays)
{
	struct why w = { 0 };

	ck_assert_uint_eq(why_set(&w, RSC_BAD_REQUEST, "%s must be positive", "mni"), RSC_BAD_REQUEST);
	ck_assert_uint_eq(why_set(&w, RSC_NOT_FOUND, "second"), RSC_BAD_REQUEST);
	ck_assert_str_eq(w.text, "mni must be positive");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model/type");
	TCase *t = tcase_create("type");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, attributes, 0, ARRAY_LEN(attr_cases));
	tcase_add_test(t, numbers);
	tcase_add_test(t, children);
	tcase_add_test(t, tables_hold);
	tcase_add_test(t, structures);
	tcase_add_test(t, enumerations);
	tcase_add_test(t, status_codes);
	tcase_add_test(t, first_reason_stays);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
