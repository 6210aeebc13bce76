/* SPDX-License-Identifier: Apache-2.0 */
/* The door itself: the pool, settings, limits, what happens to requests that nobody waits for. */
#include "cse/core/gate.h"

#include "tests/unit/core/rig.h"

static struct rig g;
static struct peer *dev;

static void setup(void)
{
	static const char *const sets[] = { "limits.resources_per_ae=3", "limits.instances_per_ae=2", "limits.bytes_per_ae=1024",
		                                "cse.max_depth=4", NULL };

	rig_open(&g, sets);
	dev = rig_ae(&g, "CDev1", "app1");
}

static void teardown(void)
{
	rig_close(&g);
}

static enum rsc make(const char *to, unsigned ty, const char *pc)
{
	return CODE(&g, .peer = dev, .op = OP_CREATE, .to = to, .fr = "CDev1", .ty = ty, .pc = pc);
}

START_TEST(requests_come_from_a_pool)
{
	struct request *a = gate_open(g.gate, g.loop), *b;

	request_prim(a)->op = OP_DELETE;
	request_prim(a)->has = 1u << P_OP;
	gate_discard(a);
	b = gate_open(g.gate, g.loop);
	ck_assert_ptr_eq(a, b);
	ck_assert_int_eq(request_prim(b)->op, OP_NONE);
	ck_assert_int_eq(request_prim(b)->has, 0);
	gate_discard(b);
}
END_TEST

START_TEST(limits_below_one_ae)
{
	ck_assert_int_eq(make("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"a\"}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/a", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"b\"}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/a/b", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"c\"}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/a/b", TY_CNT, "{\"m2m:cnt\":{}}"), RSC_NOT_ACCEPTABLE);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_DELETE, .to = "cse-in/app1/a/b/c", .fr = "CDev1"), RSC_DELETED);
	ck_assert_int_eq(make("cse-in/app1/a/b", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"c\"}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/a", TY_CIN, "{\"m2m:cin\":{\"con\":1}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/a", TY_CIN, "{\"m2m:cin\":{\"con\":1}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/a", TY_CIN, "{\"m2m:cin\":{\"con\":1}}"), RSC_NOT_ACCEPTABLE);
}
END_TEST

START_TEST(a_bound_on_depth)
{
	ck_assert_int_eq(make("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"a\"}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/a", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"b\"}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/a/b", TY_CIN, "{\"m2m:cin\":{\"con\":1}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/a/b", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"c\"}}"), RSC_CREATED);
	ck_assert_int_eq(make("cse-in/app1/a/b/c", TY_CNT, "{\"m2m:cnt\":{}}"), RSC_NOT_ACCEPTABLE);
}
END_TEST

START_TEST(a_reload_changes_what_comes_next)
{
	struct conf *c = conf_defaults();
	struct conf_why why;

	ck_assert(!gate_is_congested(g.gate));
	ck_assert_int_eq(gate_limits(g.gate)->depth, 32);
	ck_assert_int_eq(conf_set(c, "limits.json_depth=9", &why), 0);
	ck_assert_int_eq(conf_set(c, "limits.resources_per_ae=100", &why), 0);
	gate_reload(g.gate, c);
	conf_unref(c);
	ck_assert_int_eq(gate_limits(g.gate)->depth, 9);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(make("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{}}"), RSC_CREATED);
}
END_TEST

START_TEST(what_was_abandoned_still_happens)
{
	struct rig_answer a;
	struct request *r = rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1",
	                                                      .ty = TY_CNT, .pc = "{\"m2m:cnt\":{\"rn\":\"box\"}}" }, &a);

	if (!a.done)
		gate_abandon(r);
	store_flush(g.store);
	for (int i = 0; i < 5; i++)
		loop_turn(g.loop, 0);
	json_decref(a.pc);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box", .fr = "CDev1"), RSC_OK);
}
END_TEST

START_TEST(a_constant_answer_for_measuring)
{
	struct rig_answer a;

	gate_answer_constant(g.gate);
	a = SEND(&g, .peer = dev, .op = OP_DELETE, .to = "cse-in/app1", .fr = "CDev1", .rqi = "x7");
	ck_assert_int_eq(a.rsc, RSC_OK);
	ck_assert_str_eq(a.rqi, "x7");
}
END_TEST

START_TEST(answers_are_counted)
{
	uint64_t before = atomic_load(&g.stats->v[STAT_ANSWER_OK]), wrong = atomic_load(&g.stats->v[STAT_ANSWER_CLIENT]);

	CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1", .fr = "CDev1");
	CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/none", .fr = "CDev1");
	ck_assert_int_eq(atomic_load(&g.stats->v[STAT_ANSWER_OK]), before + 1);
	ck_assert_int_eq(atomic_load(&g.stats->v[STAT_ANSWER_CLIENT]), wrong + 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("gate");
	TCase *t = tcase_create("door");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, requests_come_from_a_pool);
	tcase_add_test(t, limits_below_one_ae);
	tcase_add_test(t, a_bound_on_depth);
	tcase_add_test(t, a_reload_changes_what_comes_next);
	tcase_add_test(t, what_was_abandoned_still_happens);
	tcase_add_test(t, a_constant_answer_for_measuring);
	tcase_add_test(t, answers_are_counted);
	suite_add_tcase(s, t);
	return rig_run(s);
}
