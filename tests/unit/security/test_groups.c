/* SPDX-License-Identifier: Apache-2.0 */
/* Groups as originators, TS-0001 9.6.2.1: bounds of one decision, entities that are no AE.  What members mean is in the flows
 * GMG-100 and following. */
#include "tests/unit/security/room.h"

static struct room room;
static struct peer *dev, *cse;
static const char *box;

static const char *put(struct res *r)
{
	struct tx *tx = store_begin(room.store, &room.a, TX_WRITE);
	const struct node *n;
	const char *ri;

	ck_assert_int_eq(store_create(tx, store_root(tx), r, STR_NONE, STR_NONE, 0, &n), 0);
	ri = arena_strz(&room.a, node_ri(tx, n));
	room_commit(&room, tx);
	return ri;
}

/* n strangers, then `last`. */
static const char *group(size_t n, const char *last)
{
	const struct type *t = type_by_ty(TY_GRP);
	struct res *r = res_new(&room.a, t, 2);
	struct val mid = val_list(&room.a, n + 1);

	for (size_t i = 0; i < n; i++)
		mid.list.v[i] = val_str(K_URI, arena_printf(&room.a, "CX%zu", i));
	mid.list.v[n] = val_str(K_URI, str_of(last));
	*obj_add(&room.a, &r->o, type_attr(t, STR("mid"))) = mid;
	return put(r);
}

static const char *below(const char *group)
{
	return arena_printf(&room.a, "%s/fopt%c", group, 0).p;
}

/* May the peer read a resource under a policy with this acor (JSON texts, ' as quotes)? */
static bool may(struct peer *p, const char *from, const char *acor)
{
	struct res *cnt = res_new(&room.a, type_by_ty(TY_CNT), 2);
	struct val acpi = val_list(&room.a, 1);
	const char *text = arena_printf(&room.a, "{'pv':{'acr':[{'acor':[%s],'acop':2}]},'pvs':{'acr':[{'acor':['CAdmin'],'acop':63}]}}%c",
	                                acor, 0).p;
	struct origin o;
	struct ask q = { .acop = ACOP_R, .origin = &o };
	struct tx *tx;
	bool yes;

	acpi.list.v[0] = val_str(K_URI, str_of(put(rules_acp(&room.a, text))));
	*obj_add(&room.a, &cnt->o, &attr_acpi) = acpi;
	box = put(cnt);
	q.prim = room_prim(&room, OP_RETRIEVE, 0, from);
	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_RETRIEVE, 0, from), p, &o), RSC_NONE);
	tx = store_begin(room.store, &room.a, TX_READ);
	q.node = store_by_ri(tx, str_of(box));
	yes = authz_decide(room.sec, tx, &q) != NULL;
	store_end(tx);
	return yes;
}

static const char *quoted(const char *ri)
{
	return arena_printf(&room.a, "'%s'%c", ri, 0).p;
}

static void setup(void)
{
	room_init(&room);
	room_cred(&room, "c1", CRED_DEVICE, "CDev1");
	room_cred(&room, "c2", CRED_CSE, "/mn1");
	dev = room_peer(&room, "c1");
	cse = room_peer(&room, "c2");
}

static void teardown(void)
{
	peer_unref(dev);
	peer_unref(cse);
	room_fini(&room);
}

START_TEST(members)
{
	ck_assert(may(dev, "CDev1", quoted(group(3, "CDev1"))));
	ck_assert(!may(dev, "CDev1", quoted(group(3, "CDev2"))));
	ck_assert(!may(dev, "CDev1", quoted(group(3, "CDev11"))));
	ck_assert(!may(dev, "CDev1", quoted(group(0, "CDev"))));
	ck_assert(may(cse, "/mn1", quoted(group(1, "/mn1"))));
	ck_assert(may(cse, "/mn1", quoted(group(1, "//troth.example/mn1"))));
	ck_assert(!may(cse, "/mn1", quoted(group(1, "/mn11"))));
	/* a registree of that CSE is somebody else */
	ck_assert(!may(cse, "/mn1/CDev1", quoted(group(1, "/mn1"))));
	ck_assert(!may(cse, "/mn1/CDev1", quoted(group(1, "CDev1"))));
	ck_assert(may(cse, "/mn1/CDev1", quoted(group(1, "/mn1/CDev1"))));
}
END_TEST

START_TEST(bounds)
{
	const char *big = group(11000, "CNobody"), *g = group(1, "CDev1"), *deep = g, *many = "'CDev1'";

	ck_assert(may(dev, "CDev1", quoted(group(19000, "CDev1"))));
	/* Together they are too many to be looked through under the tree's lock. */
	ck_assert(!may(dev, "CDev1", arena_printf(&room.a, "'%s','%s','%s'%c", big, group(11000, "CNobody"), g, 0).p));
	ck_assert(!may(dev, "CDev1", quoted(group(20001, "CDev1"))));
	for (int i = 0; i < 3; i++)
		deep = group(1, below(deep));
	ck_assert(may(dev, "CDev1", quoted(deep)));
	ck_assert(!may(dev, "CDev1", quoted(group(1, below(deep)))));
	/* 33 groups are refused where they are written, and never match */
	for (int i = 0; i < 33; i++)
		many = arena_printf(&room.a, "%s,'%s'%c", many, g, 0).p;
	ck_assert(!may(dev, "CDev1", many));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("groups");
	TCase *t = tcase_create("groups");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, members);
	tcase_add_test(t, bounds);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
