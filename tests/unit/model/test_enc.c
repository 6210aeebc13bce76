/* SPDX-License-Identifier: Apache-2.0 */
/* eventNotificationCriteria: TS-0001 table 9.6.8-3, TS-0004 6.3.5.7, 7.5.1.2.2 step 1.0. */
#include "cse/model/enc.h"

#include <check.h>

static struct arena a;

static void setup(void)
{
	arena_init(&a, 4096);
}

static void teardown(void)
{
	arena_fini(&a);
}

static const struct complex *criteria(void)
{
	return type_attr(type_by_ty(TY_SUB), STR("enc"))->of;
}

static struct obj *with(struct obj *o, const char *sn, struct val v)
{
	const struct attr *at = complex_attr(criteria(), str_of(sn));

	ck_assert_ptr_nonnull(at);
	*obj_add(&a, o, at) = v;
	return o;
}

static struct val numbers(int n, const int *v)
{
	struct val l = val_list(&a, (size_t)n);

	for (int i = 0; i < n; i++)
		l.list.v[i] = val_enum(v[i]);
	return l;
}

START_TEST(update_is_the_default)
{
	struct enc e;

	enc_read(NULL, &e);
	ck_assert_uint_eq(e.nets, 1u << NET_UPDATE);
	enc_read(obj_new(&a, 0), &e);
	ck_assert_uint_eq(e.nets, 1u << NET_UPDATE);
	enc_read(with(obj_new(&a, 1), "net", numbers(2, (int[]){ 3, 4 })), &e);
	ck_assert(enc_has_net(&e, NET_CREATE_CHILD) && enc_has_net(&e, NET_DELETE_CHILD) && !enc_has_net(&e, NET_UPDATE));
	ck_assert_uint_eq(e.n_net, 2);
}
END_TEST

/* Each tag: a value that meets and one that does not. */
START_TEST(each_condition)
{
	static const struct {
		const char *sn;
		int64_t yes, no;
		bool stamp;
	} rows[] = {
		{ "crb", 101, 100, true }, { "cra", 99, 101, true }, { "ms", 199, 201, true }, { "us", 201, 200, true },
		{ "exb", 301, 300, true }, { "exa", 299, 301, true }, { "sts", 8, 7, false }, { "stb", 6, 8, false },
		{ "sza", 50, 51, false }, { "szb", 51, 50, false },
	};
	struct enc_subject s = { .ct = 100, .lt = 200, .et = 300, .has_st = true, .st = 7, .has_size = true, .size = 50 };
	struct enc e;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int yes = 0; yes < 2; yes++) {
			int64_t n = yes ? rows[i].yes : rows[i].no;

			enc_read(with(obj_new(&a, 1), rows[i].sn, rows[i].stamp ? val_stamp(n) : val_uint((uint64_t)n)), &e);
			ck_assert_msg(enc_meets(&e, &s) == yes, "%s %d", rows[i].sn, yes);
		}
	}
	s.has_size = s.has_st = false;
	enc_read(with(obj_new(&a, 1), "sza", val_uint(0)), &e);
	ck_assert(!enc_meets(&e, &s));
	enc_read(with(obj_new(&a, 1), "stb", val_uint(0)), &e);
	ck_assert(!enc_meets(&e, &s));
}
END_TEST

START_TEST(and_is_the_default_or_is_asked)
{
	struct enc_subject s = { .ct = 100, .lt = 200, .et = 300 };
	struct obj *o = with(with(obj_new(&a, 3), "crb", val_stamp(50)), "ms", val_stamp(150));
	struct enc e;

	enc_read(o, &e);
	ck_assert(!enc_meets(&e, &s));
	with(o, "fo", val_enum(2));
	enc_read(o, &e);
	ck_assert(enc_meets(&e, &s));
	s.lt = 100;
	ck_assert(!enc_meets(&e, &s));
}
END_TEST

START_TEST(types_of_children)
{
	struct enc e;

	enc_read(NULL, &e);
	ck_assert(enc_wants_child(&e, TY_CIN));
	enc_read(with(obj_new(&a, 1), "chty", numbers(2, (int[]){ TY_CNT, TY_SUB })), &e);
	ck_assert(!enc_wants_child(&e, TY_CIN));
	ck_assert(enc_wants_child(&e, TY_SUB));
}
END_TEST

static struct val monitor(const char *or, unsigned ops)
{
	const struct complex *c = complex_attr(criteria(), STR("om"))->of;
	struct obj *o = obj_new(&a, 2);
	struct val l = val_list(&a, 1);

	if (or)
		*obj_add(&a, o, complex_attr(c, STR("or"))) = val_str(K_ID, str_of(or));
	if (ops)
		*obj_add(&a, o, complex_attr(c, STR("ops"))) = val_uint(ops);
	l.list.v[0] = val_obj(o);
	return l;
}

START_TEST(operations_and_originators)
{
	static const struct str abs = { "//troth.example/id-in/CDev1", 27 }, stem = { "CDev1", 5 };
	static const char *const forms[] = { "CDev1", "/id-in/CDev1", "//troth.example/id-in/CDev1" };
	struct enc e;

	for (size_t i = 0; i < 3; i++) {
		enc_read(with(obj_new(&a, 1), "om", monitor(forms[i], 0)), &e);
		ck_assert_uint_eq(e.nets, 0);
		ck_assert_msg(enc_monitors(&e, 2, abs, stem), "%s", forms[i]);
	}
	enc_read(with(obj_new(&a, 1), "om", monitor("CDev2", 0)), &e);
	ck_assert(!enc_monitors(&e, 2, abs, stem));
	enc_read(with(obj_new(&a, 1), "om", monitor(NULL, 2 | 8)), &e);
	ck_assert(enc_monitors(&e, 2, abs, stem));
	ck_assert(enc_monitors(&e, 8, abs, stem));
	ck_assert(!enc_monitors(&e, 4, abs, stem));
	enc_read(with(obj_new(&a, 1), "om", monitor("CDev1", 4)), &e);
	ck_assert(!enc_monitors(&e, 2, abs, stem));
	ck_assert(enc_monitors(&e, 4, abs, stem));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("enc");
	TCase *t = tcase_create("enc");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, update_is_the_default);
	tcase_add_test(t, each_condition);
	tcase_add_test(t, and_is_the_default_or_is_asked);
	tcase_add_test(t, types_of_children);
	tcase_add_test(t, operations_and_originators);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
