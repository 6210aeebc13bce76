/* SPDX-License-Identifier: Apache-2.0 */
/* Resources kept beyond a request, and their packed form (doc/design/packed.md, bytes written here by hand). */
#include "cse/model/res.h"

#include <check.h>
#include <stdlib.h>

#include "cse/base/err.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 1024);
}

static void teardown(void)
{
	arena_fini(&arena);
}

static struct val *add(struct res *r, const char *sn)
{
	const struct attr *a = type_attr(r->type, str_of(sn));

	ck_assert_ptr_nonnull(a);
	return obj_add(&arena, &r->o, a);
}

/* An access-control policy with a rule that has everything. */
static struct res *policy(void)
{
	struct res *r = res_new(&arena, type_by_ty(TY_ACP), 2);
	const struct complex *set = type_attr(r->type, STR("pv"))->of, *rule = complex_attr(set, STR("acr"))->of;
	struct obj *pv = obj_new(&arena, 1), *acr = obj_new(&arena, 3);
	struct val rules = val_list(&arena, 1), acor = val_list(&arena, 2);

	acor.list.v[0] = val_str(K_URI, STR("CAdmin"));
	acor.list.v[1] = val_str(K_URI, STR(""));
	*obj_add(&arena, acr, complex_attr(rule, STR("acor"))) = acor;
	*obj_add(&arena, acr, complex_attr(rule, STR("acop"))) = val_uint(63);
	*obj_add(&arena, acr, complex_attr(rule, STR("acaf"))) = val_bool(true);
	rules.list.v[0] = val_obj(acr);
	*obj_add(&arena, pv, complex_attr(set, STR("acr"))) = rules;
	*add(r, "et") = val_stamp(INT64_C(1412335232000000));
	*add(r, "ct") = val_stamp(0);
	*add(r, "pv") = val_obj(pv);
	*add(r, "pvs") = val_obj(obj_new(&arena, 0));
	*add(r, "lbl") = val_null();
	*obj_add(&arena, &r->o, &attr_owner) = val_str(K_ID, STR("//troth.example/id-in/CAdmin"));
	return r;
}

static bool same(const struct res *a, const struct res *b)
{
	struct obj oa = a->o, ob = b->o;
	struct val va = val_obj(&oa), vb = val_obj(&ob);

	return a->type == b->type && val_eq(&va, &vb);
}

START_TEST(keeps)
{
	struct res *r = policy(), *k = res_keep(r), *again;

	ck_assert(same(r, k));
	ck_assert_uint_gt(k->bytes, sizeof *k);
	ck_assert_uint_eq(atomic_load(&k->refs), 1);
	arena_reset(&arena); /* nothing points back */
	ck_assert(str_eqz(res_str(k, "_owner"), "//troth.example/id-in/CAdmin"));
	ck_assert_ptr_eq(res_ref(k), k);
	res_unref(k);
	ck_assert_int_eq(res_stamp(k, &attr_et, 0), INT64_C(1412335232000000));
	again = res_keep(k);
	ck_assert(same(again, k));
	res_unref(k);
	res_unref(again);
	res_unref(NULL);
}
END_TEST

START_TEST(arena_resources_are_not_counted)
{
	struct res *r = res_new(&arena, type_by_ty(TY_CNT), 0);

	ck_assert_ptr_eq(res_ref(r), r);
	res_unref(r);
	res_unref(r);
	ck_assert_ptr_eq(r->type, type_by_ty(TY_CNT));
}
END_TEST

START_TEST(edits_leave_the_original)
{
	struct res *r = policy(), *e = res_edit(&arena, r);

	ck_assert(same(r, e));
	*obj_put(&arena, &e->o, &attr_et) = val_stamp(1);
	obj_del(&e->o, type_attr(e->type, STR("pvs")));
	ck_assert_int_eq(res_stamp(r, &attr_et, 0), INT64_C(1412335232000000));
	ck_assert_ptr_nonnull(res_find(r, "pvs"));
}
END_TEST

START_TEST(reads_with_defaults)
{
	struct res *r = res_new(&arena, type_by_ty(TY_CNT), 4);

	*add(r, "mni") = val_uint(7);
	*add(r, "disr") = val_bool(true);
	*add(r, "or") = val_str(K_URI, STR("x"));
	ck_assert_uint_eq(res_uint(r, "mni", 1), 7);
	ck_assert_uint_eq(res_uint(r, "mbs", 1), 1);
	ck_assert_uint_eq(res_uint(r, "or", 1), 1);
	ck_assert(res_bool(r, "disr", false));
	ck_assert(res_bool(r, "mni", true));
	ck_assert(str_eqz(res_str(r, "or"), "x"));
	ck_assert_uint_eq(res_str(r, "mni").n, 0);
	ck_assert_int_eq(res_stamp(r, &attr_et, -5), -5);
}
END_TEST

static void packs_back(const struct res *r)
{
	struct buf b;
	struct res *u = NULL;

	buf_init(&b, 1 << 20);
	res_pack(r, &b);
	ck_assert(!b.over);
	ck_assert_int_eq(res_unpack(&arena, buf_as_str(&b), &u), 0);
	ck_assert(same(r, u));
	/* A byte less or more is no row. */
	for (size_t n = 0; n < b.n; n++)
		ck_assert_int_eq(res_unpack(&arena, str_make(b.p, n), &u), E_CORRUPT);
	buf_putc(&b, '\0');
	ck_assert_int_eq(res_unpack(&arena, buf_as_str(&b), &u), E_CORRUPT);
	buf_fini(&b);
}

START_TEST(packs)
{
	struct res *r = res_new(&arena, type_by_root(STR("m2m:bat")), 0);

	packs_back(policy());
	packs_back(res_new(&arena, type_by_ty(TY_CNTA), 0));
	*add(r, "mgd") = val_enum(1006);
	*add(r, "btl") = val_uint(99);
	packs_back(r);
	r = res_new(&arena, type_by_ty(TY_LCP), 0);
	*add(r, "gta") = val_str(K_ANY, STR("{\"a\": [1, 2.5, \"x\"]}"));
	packs_back(r);
	r = res_new(&arena, type_by_root(STR("m2m:andi")), 0);
	*add(r, "sli") = val_uint(UINT64_MAX);
	packs_back(r);
	r = res_new(&arena, type_by_root(STR("m2m:cmpv")), 0);
	*add(r, "dqet") = val_int(INT64_MIN);
	*add(r, "dset") = val_int(INT64_MAX);
	*add(r, "doet") = val_int(-1);
	packs_back(r);
}
END_TEST

/* The format as its document gives it; rows on disks depend on each of these bytes. */
#define CIN "\x01\x04\x00"
static const struct {
	const char *bytes;
	size_t n;
	int err;
} byte_cases[] = {
#define BYTES(s, err) { s, sizeof(s) - 1, err }
	BYTES(CIN "\x01\x03" "con" "\x06\x03" "\"x\"", 0),
	BYTES(CIN "\x02\x03" "con" "\x06\x01" "1" "\x02" "cs" "\x04\x81\x01", 0),
	BYTES(CIN "\x01\x02" "ct" "\x03\x02", 0),
	BYTES(CIN "\x01\x03" "lbl" "\x08\x01\x06\x01" "a", 0),
	BYTES(CIN "\x01\x03" "lbl" "\x00", 0),
	BYTES(CIN "\x00", 0),
	BYTES("\x01\x0d\x07" "m2m:bat" "\x01\x03" "btl" "\x04\x05", 0),
	BYTES(CIN "\x01\x02" "cs" "\x03\x02", 0), /* signed where unsigned is asked, in range */
	BYTES("\x02\x04\x00\x00", E_NEWER),
	BYTES("\x00\x04\x00\x00", E_CORRUPT),
	BYTES("", E_CORRUPT),
	BYTES("\x01\x21\x00\x00", E_CORRUPT),                   /* no type 33 */
	BYTES("\x01\x84\x80\x04\x00\x00", E_CORRUPT),           /* type 65540 */
	BYTES("\x01\x04\x07" "m2m:bat" "\x00", E_CORRUPT),      /* number and root differ */
	BYTES("\x01\x04\x07" "m2m:cin" "\x00", E_CORRUPT),      /* the root goes without saying */
	BYTES("\x01\x04\x07" "m2m:xxx" "\x00", E_CORRUPT),
	BYTES("\x01\x84\x00\x00\x00", E_CORRUPT),               /* number in more bytes than it needs */
	BYTES(CIN "\x01\x03" "mni" "\x04\x05", E_CORRUPT),      /* not of this type */
	BYTES(CIN "\x01\x03" "con" "\x06\x01" "x", E_CORRUPT),  /* no JSON value */
	BYTES(CIN "\x01\x03" "cnf" "\x06\x01" "\xff", E_CORRUPT),
	BYTES(CIN "\x01\x03" "cnf" "\x06\x01" "\x00", E_CORRUPT),
	BYTES(CIN "\x01\x03" "cnf" "\x04\x01", E_CORRUPT),      /* a number where text must be */
	BYTES(CIN "\x01\x02" "cs" "\x03\x01", E_CORRUPT),       /* -1 where unsigned is asked */
	BYTES(CIN "\x01\x02" "ct" "\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", E_CORRUPT),
	BYTES(CIN "\x01\x02" "cs" "\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", E_CORRUPT),
	BYTES(CIN "\x02\x02" "cs" "\x04\x01\x02" "cs" "\x04\x01", E_CORRUPT), /* twice */
	BYTES(CIN "\x01\x03" "lbl" "\x06\x01" "a", E_CORRUPT),  /* no list */
	BYTES(CIN "\x01\x03" "lbl" "\x08\x01\x00", E_CORRUPT),  /* null in a list */
	BYTES(CIN "\x01\x03" "con" "\x08\x00", E_CORRUPT),      /* a list where none must be */
	BYTES(CIN "\x01\x02" "cs" "\x09\x01", E_CORRUPT),       /* no such code */
	BYTES(CIN "\x7f", E_CORRUPT),
	BYTES(CIN "\xff\xff\xff\xff\x0f", E_CORRUPT),
	BYTES(CIN "\x00\x00", E_CORRUPT),
};

START_TEST(reads_bytes)
{
	struct str in = str_make(byte_cases[_i].bytes, byte_cases[_i].n);
	struct res *r = NULL;

	ck_assert_int_eq(res_unpack(&arena, in, &r), byte_cases[_i].err);
	ck_assert_int_eq(r != NULL, byte_cases[_i].err == 0);
}
END_TEST

START_TEST(writes_bytes)
{
	struct res *r = res_new(&arena, type_by_ty(TY_CIN), 0);
	struct buf b;

	*add(r, "con") = val_str(K_ANY, STR("\"x\""));
	*add(r, "cs") = val_uint(129);
	*add(r, "ct") = val_stamp(1);
	buf_init(&b, 1000);
	res_pack(r, &b);
	ck_assert(str_eq(buf_as_str(&b), STR(CIN "\x03\x03" "con" "\x06\x03" "\"x\"" "\x02" "cs" "\x04\x81\x01" "\x02" "ct" "\x03\x02")));
	buf_fini(&b);
	buf_init(&b, 10);
	res_pack(r, &b);
	ck_assert(b.over);
	buf_fini(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model/res");
	TCase *t = tcase_create("res");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, keeps);
	tcase_add_test(t, arena_resources_are_not_counted);
	tcase_add_test(t, edits_leave_the_original);
	tcase_add_test(t, reads_with_defaults);
	tcase_add_test(t, packs);
	tcase_add_loop_test(t, reads_bytes, 0, ARRAY_LEN(byte_cases));
	tcase_add_test(t, writes_bytes);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
