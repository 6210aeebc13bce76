/* SPDX-License-Identifier: Apache-2.0 */
/* Representations outlive what they were made of, and go with their last holder. */
#include "cse/core/fact.h"

#include <check.h>
#include <stdlib.h>

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

START_TEST(outlives_its_arena)
{
	struct obj *o = obj_new(&arena, 4);
	char text[] = "21.5", label[] = "kitchen";
	struct val v = val_obj(o), list = val_list(&arena, 2);
	struct rep *r;

	list.list.v[0] = val_str(K_TOKEN, STR(""));
	list.list.v[1] = val_str(K_TOKEN, str_of(label));
	*obj_add(&arena, o, of("m2m:cin", "con")) = val_str(K_STR, str_of(text));
	*obj_add(&arena, o, &attr_lbl) = list;
	*obj_add(&arena, o, of("m2m:cin", "cs")) = val_uint(4);
	r = rep_keep(type_root_attr(STR("m2m:cin")), &v);
	memset(text, 'x', sizeof(text) - 1);
	memset(label, 'x', sizeof(label) - 1);
	arena_reset(&arena);

	ck_assert_str_eq(r->root->sn, "m2m:cin");
	ck_assert_int_eq(r->v.kind, K_OBJ);
	ck_assert_uint_eq(r->v.o->n, 3);
	ck_assert(str_eqz(obj_find(r->v.o, "con")->s, "21.5"));
	ck_assert_uint_eq(obj_find(r->v.o, "lbl")->list.n, 2);
	ck_assert(str_eqz(obj_find(r->v.o, "lbl")->list.v[1].s, "kitchen"));
	ck_assert_uint_eq(obj_find(r->v.o, "cs")->u, 4);
	ck_assert_uint_ge(r->bytes, sizeof(*r) + strlen("21.5") + strlen("kitchen"));
	rep_unref(r);
}
END_TEST

START_TEST(text_alone)
{
	char text[] = "cse-in/app/box";
	struct val v = val_str(K_URI, str_of(text));
	struct rep *r = rep_keep(type_root_attr(STR("m2m:uri")), &v);

	text[0] = 'X';
	ck_assert(str_eqz(r->v.s, "cse-in/app/box"));
	rep_unref(r);
}
END_TEST

/* What two facts share stays until the second one is gone; the address sanitizer would tell. */
START_TEST(is_shared)
{
	struct val v = val_str(K_URI, STR("a"));
	struct rep *r = rep_keep(type_root_attr(STR("m2m:uri")), &v);
	struct fact *one = calloc(1, sizeof(*one)), *two = calloc(1, sizeof(*two));

	one->magic = two->magic = FACT_MAGIC;
	one->rep = r;
	two->rep = rep_ref(r);
	two->originator = strdup("//troth.example/id-in/CDev1");
	fact_free(one);
	ck_assert(str_eqz(two->rep->v.s, "a"));
	fact_free(two);
	fact_free(NULL);
	rep_unref(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fact");
	TCase *t = tcase_create("fact");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, outlives_its_arena);
	tcase_add_test(t, text_alone);
	tcase_add_test(t, is_shared);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
