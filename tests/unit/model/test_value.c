/* SPDX-License-Identifier: Apache-2.0 */
/* Objects, lists, comparing and copying of typed values. */
#include "cse/model/value.h"

#include <check.h>
#include <stdlib.h>

#include "cse/model/type.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 1024);
}

static void teardown(void)
{
	arena_fini(&arena);
}

static const struct attr *of(const char *root, const char *sn)
{
	const struct attr *a = type_attr(type_by_root(str_of(root)), str_of(sn));

	ck_assert_ptr_nonnull(a);
	return a;
}

START_TEST(objects)
{
	struct obj *o = obj_new(&arena, 0);

	for (uint64_t i = 0; i < 9; i++)
		*obj_add(&arena, o, type_attr_at(type_by_ty(TY_CNT), i)) = val_uint(i);
	ck_assert_uint_eq(o->n, 9);
	ck_assert_uint_eq(obj_find(o, "ri")->u, 2);
	ck_assert_uint_eq(obj_get(o, &attr_et)->u, 6);
	ck_assert_ptr_null(obj_find(o, "mni"));
	ck_assert_ptr_null(obj_get(o, of("m2m:cnt", "mni")));
	*obj_put(&arena, o, &attr_et) = val_uint(60);
	ck_assert_uint_eq(o->n, 9);
	ck_assert_uint_eq(obj_find(o, "et")->u, 60);
	*obj_put(&arena, o, of("m2m:cnt", "mni")) = val_uint(5);
	ck_assert_uint_eq(o->n, 10);
	ck_assert(obj_del(o, &attr_ty));
	ck_assert(!obj_del(o, &attr_ty));
	ck_assert_uint_eq(o->n, 9);
	ck_assert_ptr_eq(o->m[0].attr, &attr_rn);
	ck_assert_ptr_eq(o->m[1].attr, &attr_ri);
	ck_assert_uint_eq(obj_find(o, "mni")->u, 5);
	ck_assert(obj_del(o, of("m2m:cnt", "mni")));
	ck_assert_uint_eq(o->n, 8);
}
END_TEST

/* The announced variant names the same attribute by another row of another table. */
START_TEST(finds_by_name_across_tables)
{
	struct obj *o = obj_new(&arena, 1);

	*obj_add(&arena, o, of("m2m:cntA", "mni")) = val_uint(5);
	ck_assert_ptr_ne(of("m2m:cntA", "mni"), of("m2m:cnt", "mni"));
	ck_assert_uint_eq(obj_get(o, of("m2m:cnt", "mni"))->u, 5);
}
END_TEST

static struct val labels(const char *x, const char *y)
{
	struct val v = val_list(&arena, 2);

	v.list.v[0] = val_str(K_TOKEN, str_of(x));
	v.list.v[1] = val_str(K_TOKEN, str_of(y));
	return v;
}

START_TEST(compares)
{
	struct val a = labels("a", "b"), b = labels("a", "b"), c = labels("b", "a"), i = val_int(1), u = val_uint(1), n = val_null();
	struct obj *p = obj_new(&arena, 2), *q = obj_new(&arena, 2);
	struct val vp = val_obj(p), vq = val_obj(q);

	ck_assert(val_eq(&a, &b));
	ck_assert(!val_eq(&a, &c));
	ck_assert(!val_eq(&i, &u));
	ck_assert(val_eq(&n, &n) && !val_eq(&n, &u));
	ck_assert(val_list_has(&a, STR("b")) && !val_list_has(&a, STR("c")));
	*obj_add(&arena, p, &attr_lbl) = a;
	*obj_add(&arena, p, &attr_st) = u;
	*obj_add(&arena, q, &attr_st) = u;
	ck_assert(!val_eq(&vp, &vq));
	*obj_add(&arena, q, &attr_lbl) = b;
	ck_assert(val_eq(&vp, &vq));
	*obj_put(&arena, q, &attr_lbl) = c;
	ck_assert(!val_eq(&vp, &vq));
}
END_TEST

START_TEST(copies_deeply)
{
	char text[] = "abc";
	struct obj *o = obj_new(&arena, 1);
	struct val v = val_obj(o), copy;

	*obj_add(&arena, o, &attr_lbl) = labels(text, "y");
	copy = val_copy(&arena, &v);
	ck_assert(val_eq(&v, &copy));
	text[0] = 'x';
	ck_assert(!val_eq(&v, &copy));
	ck_assert(str_eqz(obj_find(copy.o, "lbl")->list.v[0].s, "abc"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model/value");
	TCase *t = tcase_create("value");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, objects);
	tcase_add_test(t, finds_by_name_across_tables);
	tcase_add_test(t, compares);
	tcase_add_test(t, copies_deeply);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
