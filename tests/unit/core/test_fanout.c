/* SPDX-License-Identifier: Apache-2.0 */
/* Fan-out, TS-0004 7.4.14: what flows cannot do, as who stops waiting, and how much is under way at once. */
#include "tests/unit/core/rig.h"

static struct rig g;
static struct peer *dev;

static void create(const char *to, unsigned ty, const char *pc)
{
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = to, .fr = "CDev1", .ty = ty, .pc = pc), RSC_CREATED);
}

/* Containers n0 .. and a group "g" of all of them and of `more` (JSON texts, each with a comma before it). */
static void group(int n, const char *more)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_z(&b, "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":9999,\"mid\":[\"cse-in/app1/none\"");
	for (int i = 0; i < n; i++) {
		char pc[64];

		snprintf(pc, sizeof(pc), "{\"m2m:cnt\":{\"rn\":\"n%d\"}}", i);
		create("cse-in/app1", TY_CNT, pc);
		snprintf(pc, sizeof(pc), ",\"cse-in/app1/n%d\"", i);
		buf_z(&b, pc);
	}
	buf_z(&b, more);
	buf_z(&b, "]}}");
	buf_put(&b, "", 1);
	create("cse-in/app1", TY_GRP, b.p);
	buf_fini(&b);
}

static long long count(const char *to)
{
	return rig_number(&g, dev, "CDev1", to, "m2m:cnt", "cni");
}

static json_t *answers(const struct rig_answer *a)
{
	json_t *rsp = json_object_get(rig_pc(a, "m2m:agr"), "m2m:rsp");

	ck_assert(json_is_array(rsp));
	return rsp;
}

static void setup(void)
{
	rig_open(&g, NULL);
	dev = rig_ae(&g, "CDev1", "app1");
}

static void teardown(void)
{
	rig_close(&g);
}

START_TEST(every_member_once)
{
	struct rig_answer a;

	group(700, "");
	a = SEND(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1/g/fopt", .fr = "CDev1", .ty = TY_CIN,
	         .pc = "{\"m2m:cin\":{\"con\":1}}");
	ck_assert_int_eq(a.rsc, RSC_OK);
	ck_assert_int_eq(a.prepared, 1);
	ck_assert_uint_eq(json_array_size(answers(&a)), 701);
	ck_assert_int_eq(rig_n(json_array_get(answers(&a), 0), "rsc"), RSC_NOT_FOUND);
	for (size_t i = 1; i <= 700; i++) {
		char fr[64];

		snprintf(fr, sizeof(fr), "cse-in/app1/n%zu", i - 1);
		ck_assert_str_eq(rig_s(json_array_get(answers(&a), i), "fr"), fr);
		ck_assert_int_eq(rig_n(json_array_get(answers(&a), i), "rsc"), RSC_CREATED);
	}
	json_decref(a.pc);
	ck_assert_int_eq(count("cse-in/app1/n0"), 1);
	ck_assert_int_eq(count("cse-in/app1/n699"), 1);
}
END_TEST

/* A long walk yields: another request that comes meanwhile is answered before the fan-out is over. */
static void change(unsigned n, bool alike, enum rsc rsc, long long left)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_z(&b, "{\"m2m:grp\":{\"mid\":[");
	for (unsigned i = 0; i < n; i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s\"cse-in/app1/n%u\"", i ? "," : "", alike ? 0 : i);
		buf_z(&b, text);
	}
	buf_z(&b, "]}}");
	buf_put(&b, "", 1);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_UPDATE, .to = "cse-in/app1/g", .fr = "CDev1", .pc = b.p), rsc);
	buf_fini(&b);
	ck_assert_int_eq(rig_number(&g, dev, "CDev1", "cse-in/app1/g", "m2m:grp", "cnm"), left);
}

/* Its copy is made ready before: taken, of a size that does not fit, or not needed after all. */
START_TEST(a_large_group_changes)
{
	struct buf b;

	group(300, "");
	change(300, false, RSC_UPDATED, 300);
	change(300, true, RSC_UPDATED, 1);
	change(200, false, RSC_UPDATED, 200);
	change(10000, true, RSC_MAX_NUMBER_OF_MEMBER_EXCEEDED, 200);
	/* The name is taken. */
	buf_init(&b, 1 << 20);
	buf_z(&b, "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":500,\"mid\":[\"cse-in/app1/none\"");
	for (int i = 0; i < 300; i++) {
		char text[64];

		snprintf(text, sizeof(text), ",\"cse-in/app1/n%d\"", i);
		buf_z(&b, text);
	}
	buf_z(&b, "]}}");
	buf_put(&b, "", 1);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1", .ty = TY_GRP, .pc = b.p), RSC_CONFLICT);
	buf_fini(&b);
}
END_TEST

START_TEST(others_are_answered_meanwhile)
{
	struct rig_answer a, b;

	group(1000, "");
	rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/g/fopt", .fr = "CDev1" }, &a);
	loop_turn(g.loop, 0);
	loop_turn(g.loop, 0);
	ck_assert(!a.done);
	rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/n1", .fr = "CDev1" }, &b);
	ck_assert(b.done && !a.done);
	rig_turn(&g, &a);
	ck_assert(a.done);
	ck_assert_uint_eq(json_array_size(answers(&a)), 1001);
	json_decref(a.pc);
	json_decref(b.pc);
}
END_TEST

static struct request *launch_held(struct rig_answer *a, enum op op)
{
	struct request *r;

	create("cse-in/app1", TY_PCH, "{\"m2m:pch\":{\"rn\":\"p\"}}");
	group(3, ",\"cse-in/app1/p/pcu\"");
	r = rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = op, .to = "cse-in/app1/g/fopt", .fr = "CDev1" }, a);
	for (int i = 0; i < 20; i++)
		loop_turn(g.loop, 0);
	ck_assert(!a->done);
	return r;
}

START_TEST(nobody_waits_any_more)
{
	struct rig_answer a;
	struct request *r = launch_held(&a, OP_RETRIEVE);

	gate_abandon(r);
	for (int i = 0; i < 20; i++)
		loop_turn(g.loop, 0);
	ck_assert(!a.done);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/n1", .fr = "CDev1"), RSC_OK);
}
END_TEST

START_TEST(given_up_before_it_began)
{
	struct rig_answer a;
	struct request *r;

	group(3, "");
	r = rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_CREATE, .ty = TY_CIN, .to = "cse-in/app1/g/fopt", .fr = "CDev1",
	                                      .pc = "{\"m2m:cin\":{\"con\":1}}" }, &a);
	gate_abandon(r);
	for (int i = 0; i < 20; i++)
		loop_turn(g.loop, 0);
	ck_assert_int_eq(count("cse-in/app1/n0"), 0);
}
END_TEST

START_TEST(given_up_while_members_are_stored)
{
	struct rig_answer a;
	struct request *r;

	group(500, "");
	r = rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_CREATE, .ty = TY_CIN, .to = "cse-in/app1/g/fopt", .fr = "CDev1",
	                                      .pc = "{\"m2m:cin\":{\"con\":1}}" }, &a);
	loop_turn(g.loop, 0);
	gate_abandon(r);
	for (int i = 0; i < 50; i++)
		loop_turn(g.loop, 0);
	store_flush(g.store);
	for (int i = 0; i < 50; i++)
		loop_turn(g.loop, 0);
	/* What had begun happens, the rest does not. */
	ck_assert_int_eq(count("cse-in/app1/n0"), 1);
	ck_assert_int_eq(count("cse-in/app1/n499"), 0);
}
END_TEST

START_TEST(what_came_in_time)
{
	struct rig_answer a;

	launch_held(&a, OP_RETRIEVE);
	clock_advance_us(g.clock, 11000000);
	rig_turn(&g, &a);
	ck_assert_int_eq(a.rsc, RSC_OK);
	ck_assert_uint_eq(json_array_size(answers(&a)), 4);
	json_decref(a.pc);
}
END_TEST

START_TEST(the_end_of_the_gate)
{
	static struct rig_answer a;

	launch_held(&a, OP_RETRIEVE);
	/* teardown frees the gate with the fan-out waiting */
}
END_TEST

/* The list of group request identifiers is bounded: when more have come than it holds the oldest is forgotten. */
START_TEST(oldest_identifier_gives_way)
{
	char gid[32];

	create("cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\"}}");
	for (int i = 0; i < 32768 + 2; i++) {
		struct request *r = rig_request(&g, &(struct rig_ask){ .op = OP_RETRIEVE, .to = "cse-in/app1/box", .fr = "CDev1" });
		struct rig_answer a = { .rsc = RSC_NONE };

		snprintf(gid, sizeof(gid), "g%d", i);
		rig_param(r, P_GID, gid, &request_prim(r)->gid);
		gate_submit(r, dev, &rig_reply, &a);
		ck_assert(a.done && a.rsc == RSC_OK);
		json_decref(a.pc);
	}
	for (int i = 0; i < 2; i++) {
		struct request *r = rig_request(&g, &(struct rig_ask){ .op = OP_RETRIEVE, .to = "cse-in/app1/box", .fr = "CDev1" });
		struct rig_answer a = { .rsc = RSC_NONE };

		rig_param(r, P_GID, i ? gid : "g0", &request_prim(r)->gid);
		gate_submit(r, dev, &rig_reply, &a);
		ck_assert_int_eq(a.rsc, i ? RSC_GROUP_REQUEST_IDENTIFIER_EXISTS : RSC_OK);
		json_decref(a.pc);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fanout");
	TCase *t = tcase_create("fan-out");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, every_member_once);
	tcase_add_test(t, a_large_group_changes);
	tcase_add_test(t, others_are_answered_meanwhile);
	tcase_add_test(t, nobody_waits_any_more);
	tcase_add_test(t, given_up_before_it_began);
	tcase_add_test(t, given_up_while_members_are_stored);
	tcase_add_test(t, what_came_in_time);
	tcase_add_test(t, the_end_of_the_gate);
	tcase_add_test(t, oldest_identifier_gives_way);
	suite_add_tcase(s, t);
	return rig_run(s);
}
