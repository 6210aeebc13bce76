/* SPDX-License-Identifier: Apache-2.0 */
/* Kept facts come back as they were; bytes that are none are refused. */
#include "cse/core/notify_record.h"

#include <check.h>
#include <stdlib.h>

#include "cse/base/err.h"
#include "cse/base/rand.h"

static struct arena arena;
static struct buf row;

static void setup(void)
{
	arena_init(&arena, 1024);
	buf_init(&row, 1 << 20);
}

static void teardown(void)
{
	buf_fini(&row);
	arena_fini(&arena);
}

/* A new instance, as eventType 3 tells of it. */
static struct rep *instance(void)
{
	const struct type *t = type_by_ty(TY_CIN);
	struct obj *o = obj_new(&arena, 8);
	struct val v = val_obj(o);

	*obj_add(&arena, o, &attr_rn) = val_str(K_STR, STR("cin1"));
	*obj_add(&arena, o, &attr_ri) = val_str(K_ID, STR("cin5-1"));
	*obj_add(&arena, o, &attr_ty) = val_enum(4);
	*obj_add(&arena, o, &attr_ct) = val_stamp(INT64_C(1795168800000000));
	*obj_add(&arena, o, type_attr(t, STR("con"))) = val_str(K_ANY, STR("{\"t\":21.5}"));
	*obj_add(&arena, o, type_attr(t, STR("cs"))) = val_uint(10);
	return rep_keep(type_root_attr(STR("m2m:cin")), &v);
}

static struct fact *fact(enum net net, struct rep *rep)
{
	struct fact *f = calloc(1, sizeof(*f));

	f->magic = FACT_MAGIC;
	f->net = net;
	f->op = OP_CREATE;
	f->rep = rep;
	f->when = INT64_C(1795168800123000);
	f->reads = 0x12345678;
	return f;
}

START_TEST(comes_back)
{
	struct fact *f = fact(NET_CREATE_CHILD, instance()), *g = NULL;

	notify_record_write(f, &row);
	ck_assert_int_eq(notify_record_read(&arena, buf_as_str(&row), &g), 0);
	arena_reset(&arena);
	ck_assert_int_eq(g->net, NET_CREATE_CHILD);
	ck_assert_int_eq(g->op, OP_CREATE);
	ck_assert_int_eq(g->when, INT64_C(1795168800123000));
	ck_assert_uint_eq(g->reads, 0x12345678);
	ck_assert(!g->monitor && !g->gone && !g->originator);
	ck_assert_str_eq(g->rep->root->sn, "m2m:cin");
	ck_assert(val_eq(&g->rep->v, &f->rep->v));
	ck_assert_uint_ge(g->size, sizeof(*g));
	fact_free(f);
	fact_free(g);
}
END_TEST

START_TEST(refused_attempt)
{
	struct fact *f = fact((enum net)0, NULL), *g = NULL;

	f->monitor = true;
	f->op = OP_DELETE;
	f->originator = strdup("//troth.example/id-in/CDev1");
	notify_record_write(f, &row);
	ck_assert_int_eq(notify_record_read(&arena, buf_as_str(&row), &g), 0);
	ck_assert(g->monitor && !g->rep);
	ck_assert_int_eq(g->op, OP_DELETE);
	ck_assert_str_eq(g->originator, f->originator);
	fact_free(f);
	fact_free(g);
}
END_TEST

START_TEST(identifier_alone)
{
	struct val v = val_str(K_URI, STR("cse-in/app/box/cin1"));
	struct fact *f = fact(NET_CREATE_CHILD, rep_keep(type_root_attr(STR("m2m:uri")), &v)), *g = NULL;

	notify_record_write(f, &row);
	ck_assert_int_eq(notify_record_read(&arena, buf_as_str(&row), &g), 0);
	ck_assert_str_eq(g->rep->root->sn, "m2m:uri");
	ck_assert(str_eqz(g->rep->v.s, "cse-in/app/box/cin1"));
	fact_free(f);
	fact_free(g);
}
END_TEST

/* Every cut and every byte too much is told; so is a newer program's record. */
START_TEST(damaged)
{
	struct fact *f = fact(NET_UPDATE, instance()), *g = NULL;
	struct str whole;
	char *copy;

	notify_record_write(f, &row);
	whole = buf_as_str(&row);
	for (size_t n = 0; n < whole.n; n++)
		ck_assert_int_eq(notify_record_read(&arena, str_first(whole, n), &g), E_CORRUPT);
	copy = arena_alloc(&arena, whole.n + 1);
	memcpy(copy, whole.p, whole.n);
	copy[whole.n] = 0;
	ck_assert_int_eq(notify_record_read(&arena, str_make(copy, whole.n + 1), &g), E_CORRUPT);
	copy[0] = 2;
	ck_assert_int_eq(notify_record_read(&arena, str_make(copy, whole.n), &g), E_NEWER);
	copy[0] = 1;
	copy[1] = 9;
	ck_assert_int_eq(notify_record_read(&arena, str_make(copy, whole.n), &g), E_CORRUPT);
	ck_assert_ptr_null(g);
	fact_free(f);
}
END_TEST

static const struct res *subscription(void)
{
	struct res *r = res_new(&arena, type_by_ty(TY_SUB), 2);
	struct val *nu = obj_put(&arena, &r->o, type_attr(r->type, STR("nu")));

	*nu = val_list(&arena, 1);
	nu->list.v[0] = val_str(K_URI, STR("CDev1"));
	*obj_put(&arena, &r->o, &attr_ct) = val_stamp(INT64_C(1795168800000000));
	return r;
}

START_TEST(last_words)
{
	struct fact *f = fact(NET_DELETE, instance());
	struct notify_last w = { .sub = subscription(), .watched = subscription(), .path = STR("cse-in/app/box/s"), .ri = STR("sub7") }, g;
	struct str whole;

	/* The notice of its end alone shows nothing of what was watched. */
	notify_record_write_last(&w, &row);
	ck_assert(notify_record_is_last(buf_as_str(&row)));
	ck_assert_int_eq(notify_record_read_last(&arena, buf_as_str(&row), &g), 0);
	ck_assert(!g.fact && !g.watched && str_eq(g.path, w.path) && str_eq(g.ri, w.ri));
	ck_assert_ptr_nonnull(res_find(g.sub, "nu"));
	buf_reset(&row);
	w.fact = f;
	notify_record_write_last(&w, &row);
	whole = buf_as_str(&row);
	ck_assert_int_eq(notify_record_read_last(&arena, whole, &g), 0);
	ck_assert_int_eq(g.fact->net, NET_DELETE);
	ck_assert(val_eq(&g.fact->rep->v, &f->rep->v));
	ck_assert_ptr_nonnull(g.watched);
	fact_free(g.fact);
	for (size_t n = 0; n < whole.n; n++)
		ck_assert_int_eq(notify_record_read_last(&arena, str_first(whole, n), &g), E_CORRUPT);
	fact_free(f);
}
END_TEST

/* Nothing but 0 and errors comes of any byte changed; the sanitizers look on. */
START_TEST(changed_bytes)
{
	struct fact *f = fact(NET_UPDATE, instance()), *g;
	struct rnd *r = rnd_new_seeded(3);
	struct str whole;

	notify_record_write(f, &row);
	whole = buf_as_str(&row);
	for (int i = 0; i < 3000; i++) {
		char *copy = arena_alloc(&arena, whole.n);

		memcpy(copy, whole.p, whole.n);
		copy[rnd_below(r, whole.n)] = (char)rnd_u64(r);
		g = NULL;
		if (notify_record_read(&arena, str_make(copy, whole.n), &g) == 0)
			fact_free(g);
		arena_reset(&arena);
	}
	rnd_free(r);
	fact_free(f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("notify_record");
	TCase *t = tcase_create("notify_record");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, comes_back);
	tcase_add_test(t, refused_attempt);
	tcase_add_test(t, identifier_alone);
	tcase_add_test(t, damaged);
	tcase_add_test(t, last_words);
	tcase_add_test(t, changed_bytes);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
