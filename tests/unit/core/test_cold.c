/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that left the cache: a request that needs one waits for the disk and begins again at resolve. */
#include "cse/core/gate.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "tests/unit/core/rig.h"
#include "tests/unit/security/state.h"

enum { MANY = 300 };

static struct rig g;
static struct peer *dev;
static struct state state;

static void setup(void)
{
	char pc[600], text[400];

	state_init(&state);
	rig_open_at(&g, NULL, state.dir, 4096);
	dev = rig_ae(&g, "CDev1", "app1");
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1", .ty = TY_CNT,
	                      .pc = "{\"m2m:cnt\":{\"rn\":\"box\"}}"),
	                 RSC_CREATED);
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	for (int i = 0; i < MANY; i++) {
		snprintf(pc, sizeof(pc), "{\"m2m:cin\":{\"rn\":\"i%d\",\"con\":\"%d %s\",\"lbl\":[\"n%d\"]}}", i, i, text, i % 7);
		ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1/box", .fr = "CDev1", .ty = TY_CIN, .pc = pc),
		                 RSC_CREATED);
	}
}

static void teardown(void)
{
	rig_close(&g);
	state_fini(&state);
}

static int number_at(json_t *in)
{
	return (int)strtol(rig_s(in, "con"), NULL, 10);
}

START_TEST(an_old_instance_comes_from_the_disk)
{
	uint64_t misses = atomic_load(&g.stats->v[STAT_BODY_MISS]);
	struct rig_answer a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box/ol", .fr = "CDev1");

	ck_assert_int_eq(a.rsc, RSC_OK);
	ck_assert_int_eq(number_at(rig_pc(&a, "m2m:cin")), 0);
	json_decref(a.pc);
	ck_assert(atomic_load(&g.stats->v[STAT_BODY_MISS]) > misses);
	a = SEND(&g, .peer = dev, .op = OP_DELETE, .to = "cse-in/app1/box/i7", .fr = "CDev1", .rcn = RCN_ATTRS + 1);
	ck_assert_int_eq(a.rsc, RSC_DELETED);
	ck_assert_int_eq(number_at(rig_pc(&a, "m2m:cin")), 7);
	json_decref(a.pc);
}
END_TEST

START_TEST(all_children_come_in_order)
{
	struct rig_answer a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box", .fr = "CDev1",
	                           .rcn = RCN_ATTRS_CHILDREN + 1);
	json_t *list = json_object_get(rig_pc(&a, "m2m:cnt"), "m2m:cin");

	ck_assert_int_eq(json_array_size(list), MANY);
	for (size_t i = 0; i < MANY; i++)
		ck_assert_int_eq(number_at(json_array_get(list, i)), i);
	json_decref(a.pc);
}
END_TEST

START_TEST(labels_need_no_body)
{
	struct str x = STR("n3");
	struct filter f = { .has = UINT64_C(1) << FC_LBL, .lbl = { &x, 1 } };
	uint64_t misses = atomic_load(&g.stats->v[STAT_BODY_MISS]);
	struct rig_answer a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box", .fr = "CDev1", .rcn = RCN_REFS + 1,
	                           .fc = &f);

	ck_assert_int_eq(json_array_size(json_object_get(rig_pc(&a, "m2m:cnt"), "ch")), (MANY + 3) / 7);
	json_decref(a.pc);
	ck_assert_int_eq(atomic_load(&g.stats->v[STAT_BODY_MISS]), misses);
}
END_TEST

START_TEST(gone_while_it_was_fetched)
{
	struct rig_answer a, b;

	rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box/ol", .fr = "CDev1" }, &a);
	ck_assert(!a.done);
	rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_DELETE, .to = "cse-in/app1/box/i0", .fr = "CDev1" }, &b);
	store_flush(g.store);
	rig_turn(&g, &a);
	rig_turn(&g, &b);
	ck_assert_int_eq(b.rsc, RSC_DELETED);
	ck_assert_int_eq(a.rsc, RSC_OK);
	ck_assert(number_at(rig_pc(&a, "m2m:cin")) <= 1);
	json_decref(a.pc);
}
END_TEST

START_TEST(nobody_waits_any_more)
{
	struct rig_answer a;
	struct request *r = rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box/ol",
	                                                      .fr = "CDev1" }, &a);

	ck_assert(!a.done);
	gate_abandon(r);
	for (int i = 0; i < 50; i++)
		loop_turn(g.loop, 1);
	ck_assert(!a.done);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box/i3", .fr = "CDev1"), RSC_OK);
}
END_TEST

START_TEST(too_late)
{
	struct rig_answer a;

	rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box/i5", .fr = "CDev1", .rqet = "500" },
	           &a);
	ck_assert(!a.done);
	clock_advance_us(g.clock, 600000);
	rig_turn(&g, &a);
	ck_assert_int_eq(a.rsc, RSC_REQUEST_TIMEOUT);
	json_decref(a.pc);
	for (int i = 0; i < 20; i++)
		loop_turn(g.loop, 1);
}
END_TEST

/* engine.md 2.2: nothing of a commit that failed happened, and all who waited for it hear so. */
START_TEST(a_commit_that_fails)
{
	struct rlimit old, none = { 0, 0 };
	struct rig_answer a;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	none.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_FSIZE, &none);
	rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_CREATE, .to = "cse-in/app1/box", .fr = "CDev1", .ty = TY_CIN,
	                                  .pc = "{\"m2m:cin\":{\"rn\":\"lost\",\"con\":1}}" }, &a);
	rig_turn(&g, &a);
	setrlimit(RLIMIT_FSIZE, &old);
	ck_assert_int_eq(a.rsc, RSC_INTERNAL_SERVER_ERROR);
	ck_assert_int_eq(a.prepared, 2);
	ck_assert_ptr_nonnull(json_object_get(a.pc, "m2m:dbg"));
	json_decref(a.pc);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box/lost", .fr = "CDev1"), RSC_NOT_FOUND);
	ck_assert_int_eq(rig_number(&g, dev, "CDev1", "cse-in/app1/box", "m2m:cnt", "cni"), MANY);
	ck_assert_int_eq(rig_number(&g, dev, "CDev1", "cse-in/app1/box", "m2m:cnt", "st"), MANY);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cold");
	TCase *t = tcase_create("bodies");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_old_instance_comes_from_the_disk);
	tcase_add_test(t, all_children_come_in_order);
	tcase_add_test(t, labels_need_no_body);
	tcase_add_test(t, gone_while_it_was_fetched);
	tcase_add_test(t, nobody_waits_any_more);
	tcase_add_test(t, too_late);
	tcase_add_test(t, a_commit_that_fails);
	suite_add_tcase(s, t);
	return rig_run(s);
}
