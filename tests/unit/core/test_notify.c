/* SPDX-License-Identifier: Apache-2.0 */
/* What subscriptions hold, store and drop, as an operator sees it; ends in the middle of everything.  The policies themselves
 * are shown by flows (tests/flows, SUB-200 and on). */
#include "cse/core/notify.h"

#include "cse/base/err.h"
#include "cse/core/out.h"
#include "tests/unit/core/rig.h"

/* A carrier that keeps what it is given until it is told to answer. */
enum { CARRIED = 4096 };
static struct carry *carried[CARRIED];
static unsigned n_carried, n_sent;
static bool at_once;
static enum rsc answer_code;
static struct loop_task task;

static void answer_all(void)
{
	unsigned n = n_carried;
	struct carry *now[CARRIED];

	memcpy(now, carried, n * sizeof(now[0]));
	n_carried = 0;
	for (unsigned i = 0; i < n; i++)
		now[i]->done(now[i], &(struct out_result){ .rsc = answer_code });
}

static void answer_later(struct loop *l, struct loop_task *t)
{
	(void)l, (void)t;
	answer_all();
}

static void carrier_send(void *ctx, struct loop *l, struct carry *c)
{
	(void)ctx;
	ck_assert_uint_lt(n_carried, CARRIED);
	carried[n_carried++] = c;
	n_sent++;
	if (at_once)
		loop_defer(l, &task, answer_later);
}

static void carrier_cancel(void *ctx, struct carry *c)
{
	(void)ctx;
	for (unsigned i = 0; i < n_carried; i++)
		if (carried[i] == c)
			carried[i--] = carried[--n_carried];
}

static const struct carrier_kind carrier = { .scheme = "https", .send = carrier_send, .cancel = carrier_cancel };

/* --- a CSE with one AE, one container ------------------------------------------------------------------------------ */

static struct rig g;
static struct peer *dev;

static void settle(void)
{
	for (int i = 0; i < 6; i++) {
		store_flush(g.store);
		while (loop_turn(g.loop, 0) > 0)
			;
	}
}

static void open_with(const char *const *sets)
{
	n_carried = n_sent = 0;
	at_once = true;
	answer_code = RSC_OK;
	rig_open(&g, sets);
	out_add_carrier(gate_out(g.gate), &carrier, NULL);
	dev = rig_peer(&g, CRED_DEVICE, "CDev1", 1);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in", .fr = "CDev1", .ty = TY_AE,
	                      .pc = "{\"m2m:ae\":{\"rn\":\"app1\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"],"
	                            "\"poa\":[\"https://127.0.0.1:9/x\"]}}"), RSC_CREATED);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1", .ty = TY_CNT,
	                      .pc = "{\"m2m:cnt\":{\"rn\":\"box\"}}"), RSC_CREATED);
}

static void subscribe(const char *name, const char *more)
{
	char pc[400];

	snprintf(pc, sizeof(pc), "{\"m2m:sub\":{\"rn\":\"%s\",\"nu\":[\"CDev1\"],\"enc\":{\"net\":[3],\"chty\":[4]}%s}}", name, more);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1/box", .fr = "CDev1", .ty = TY_SUB, .pc = pc),
	                 RSC_CREATED);
}

/* Never open. */
static void close_it(const char *name)
{
	char to[100];

	snprintf(to, sizeof(to), "cse-in/app1/box/%s", name);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = to, .fr = "CDev1", .ty = TY_SCH,
	                      .pc = "{\"m2m:sch\":{\"se\":{\"sce\":[\"* * * * * * 9999\"]}}}"), RSC_CREATED);
}

static void create(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1/box", .fr = "CDev1", .ty = TY_CIN,
		                      .pc = "{\"m2m:cin\":{\"con\":\"v\"}}"), RSC_CREATED);
	settle();
}

static struct notify_usage usage(void)
{
	struct notify_usage u;

	gate_notify_usage(g.gate, &u);
	return u;
}

static int count(void *arg, struct str key, struct str value)
{
	(void)key, (void)value;
	++*(unsigned *)arg;
	return 0;
}

static unsigned records(void)
{
	unsigned n = 0;

	ck_assert_int_eq(store_rec_each(g.store, REC_PENDING, count, &n), 0);
	return n;
}

static void remove_it(const char *to)
{
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_DELETE, .to = to, .fr = "CDev1"), RSC_DELETED);
	settle();
}

/* --- tests ---------------------------------------------------------------------------------------------------------- */

START_TEST(what_is_pending_has_records)
{
	open_with(NULL);
	subscribe("s", ",\"pn\":2");
	close_it("s");
	create(5);
	ck_assert_uint_eq(usage().subscriptions, 1);
	ck_assert_uint_eq(usage().held, 5);
	ck_assert_uint_eq(usage().stored, 5);
	ck_assert_uint_eq(records(), 5);
	ck_assert_uint_eq(n_sent, 0);
	remove_it("cse-in/app1/box/s/notificationSchedule");
	ck_assert_uint_eq(n_sent, 5);
	ck_assert_uint_eq(usage().held + usage().stored + usage().dropped, 0);
	ck_assert_uint_eq(records(), 0);
	rig_close(&g);
}
END_TEST

/* A record goes when its notification was answered, not when it was sent. */
START_TEST(records_stay_until_there_is_an_answer)
{
	open_with(NULL);
	subscribe("s", ",\"pn\":2");
	at_once = false;
	create(3);
	ck_assert_uint_eq(n_sent, 1); /* one at a time, so that the order holds */
	ck_assert_uint_eq(records(), 3);
	answer_all();
	settle();
	ck_assert_uint_eq(n_sent, 2);
	ck_assert_uint_eq(records(), 2);
	at_once = true;
	answer_all();
	settle();
	ck_assert_uint_eq(n_sent, 3);
	ck_assert_uint_eq(records(), 0);
	rig_close(&g);
}
END_TEST

START_TEST(nothing_is_stored_without_being_asked_for)
{
	open_with(NULL);
	subscribe("s", ",\"bn\":{\"num\":10,\"dur\":\"PT1H\"}");
	create(4);
	ck_assert_uint_eq(usage().held, 4);
	ck_assert_uint_eq(usage().stored, 0);
	ck_assert_uint_eq(records(), 0);
	remove_it("cse-in/app1/box/s");
	ck_assert_uint_eq(usage().subscriptions, 0);
	ck_assert_uint_eq(usage().held, 0);
	ck_assert_uint_eq(usage().dropped, 4);
	rig_close(&g);
}
END_TEST

START_TEST(deleting_removes_records)
{
	open_with(NULL);
	subscribe("s", ",\"pn\":2");
	subscribe("t", ",\"pn\":1");
	close_it("s");
	close_it("t");
	create(6);
	ck_assert_uint_eq(usage().held, 7);
	ck_assert_uint_eq(records(), 7);
	remove_it("cse-in/app1/box");
	ck_assert_uint_eq(usage().subscriptions, 0);
	ck_assert_uint_eq(usage().held + usage().stored, 0);
	ck_assert_uint_eq(records(), 0);
	rig_close(&g);
}
END_TEST

/* Many come and go: the set of those that keep stays whole. */
START_TEST(many_subscriptions)
{
	char name[32];

	open_with(NULL);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		subscribe(name, i % 2 ? ",\"pn\":2" : "");
	}
	settle();
	for (unsigned i = 0; i < 200; i += 3) {
		char to[64];

		snprintf(to, sizeof(to), "cse-in/app1/box/s%u", i);
		remove_it(to);
	}
	at_once = false;
	create(1);
	/* Of the 133 that are left, the odd ones keep. */
	ck_assert_uint_eq(usage().subscriptions, 133);
	ck_assert_uint_eq(records(), 67);
	at_once = true;
	answer_all();
	settle();
	ck_assert_uint_eq(n_sent, 133);
	ck_assert_uint_eq(records(), 0);
	rig_close(&g);
}
END_TEST

static void set_state(enum cred_state state)
{
	struct cred_info info;

	arena_reset(&g.arena);
	ck_assert(cred_of_name(g.security, &g.arena, STR("CDev1"), &info));
	info.state = state;
	cred_apply(g.security, &info);
	settle();
}

START_TEST(silent_ones_are_counted)
{
	open_with(NULL);
	subscribe("s", ",\"pn\":2");
	subscribe("t", "");
	close_it("s");
	create(2);
	at_once = false;
	create(1);
	ck_assert_uint_eq(n_carried, 1);
	ck_assert_uint_eq(usage().held, 3);
	set_state(CRED_SUSPENDED);
	ck_assert_uint_eq(usage().silent, 2);
	ck_assert_uint_eq(usage().held, 0);
	ck_assert_uint_eq(n_carried, 0);
	ck_assert_uint_eq(records(), 0);
	set_state(CRED_ACTIVE);
	ck_assert_uint_eq(usage().silent, 0);
	set_state(CRED_REVOKED);
	ck_assert_uint_eq(usage().silent, 2);
	rig_close(&g);
}
END_TEST

struct rows {
	unsigned n, sum;
};

static int add_row(void *arg, struct str line)
{
	struct rows *r = arg;
	json_t *j = json_loadb(line.p, line.n, 0, NULL);

	ck_assert_ptr_nonnull(j);
	if (!strcmp(json_string_value(json_object_get(j, "event")), "EV_SUBSCRIPTION")) {
		r->n++;
		r->sum += (unsigned)json_integer_value(json_object_get(j, "n"));
	}
	json_decref(j);
	return 0;
}

/* However many subscriptions an AE has: rows of the event table are few, and none is left out of the count. */
START_TEST(events_of_one_creator_are_counted)
{
	struct rows r = { 0 };
	char name[32];

	open_with(NULL);
	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		subscribe(name, "");
	}
	settle();
	set_state(CRED_SUSPENDED);
	ck_assert_uint_eq(usage().silent, 300);
	audit_flush(g.security);
	ck_assert_int_ge(audit_reveal(g.security, NULL, 0, UINT32_MAX, add_row, &r), 0);
	ck_assert_uint_eq(r.sum, 300);
	ck_assert_uint_le(r.n, 2);
	set_state(CRED_ACTIVE);
	audit_flush(g.security);
	r = (struct rows){ 0 };
	ck_assert_int_ge(audit_reveal(g.security, NULL, 0, UINT32_MAX, add_row, &r), 0);
	ck_assert_uint_eq(r.sum, 600);
	ck_assert_uint_le(r.n, 4);
	rig_close(&g);
}
END_TEST

START_TEST(bound_of_what_waits)
{
	open_with((const char *const[]){ "notify.max_held=20", NULL });
	subscribe("s", ",\"pn\":2");
	close_it("s");
	create(30);
	ck_assert_uint_eq(usage().held, 20);
	ck_assert_uint_eq(usage().dropped, 10);
	ck_assert_uint_eq(records(), 20);
	rig_close(&g);
}
END_TEST

START_TEST(bound_in_bytes)
{
	char pc[9000];

	open_with((const char *const[]){ "notify.max_held_bytes=64k", NULL });
	subscribe("s", ",\"pn\":2");
	close_it("s");
	memset(pc, 'x', sizeof(pc));
	memcpy(pc, "{\"m2m:cin\":{\"con\":\"", 19);
	memcpy(pc + 8000, "\"}}", 4);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1/box", .fr = "CDev1", .ty = TY_CIN, .pc = pc),
		                 RSC_CREATED);
	settle();
	ck_assert_uint_ge(usage().held, 5);
	ck_assert_uint_le(usage().held, 8);
	ck_assert_uint_eq(usage().held + usage().dropped, 20);
	rig_close(&g);
}
END_TEST

/* A fact that lies in the inbox of a loop that turns no more belongs to somebody: under ASan it is a leak if not. */
START_TEST(nothing_is_left_in_a_loop_that_stopped)
{
	struct rig_answer a;

	open_with(NULL);
	subscribe("s", "");
	subscribe("t", ",\"pn\":2");
	subscribe("u", ",\"nse\":true");
	settle();
	rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_CREATE, .to = "cse-in/app1/box", .fr = "CDev1", .ty = TY_CIN,
	                                  .pc = "{\"m2m:cin\":{\"con\":\"v\"}}" }, &a);
	store_flush(g.store);
	ck_assert(!a.done);
	rig_end(&g);
	ck_assert(a.done && a.rsc == RSC_CREATED);
	ck_assert_uint_eq(n_sent, 0);
	json_decref(a.pc);
}
END_TEST

/* The gate ends with batches, pending ones, some on their way and a counter that moved: nothing is left behind. */
START_TEST(ends_in_the_middle)
{
	open_with(NULL);
	subscribe("s", ",\"pn\":2");
	subscribe("b", ",\"bn\":{\"num\":10,\"dur\":\"PT1H\"}");
	subscribe("c", ",\"exc\":5,\"nse\":true");
	subscribe("r", ",\"rl\":{\"mnn\":1,\"tww\":\"PT1H\"},\"su\":\"CDev1\"");
	close_it("s");
	create(2);
	at_once = false;
	create(2);
	ck_assert_uint_gt(n_carried, 0);
	CODE(&g, .peer = dev, .op = OP_DELETE, .to = "cse-in/app1/box/r", .fr = "CDev1");
	CODE(&g, .peer = dev, .op = OP_DELETE, .to = "cse-in/app1/box/c", .fr = "CDev1");
	settle();
	rig_close(&g);
}
END_TEST

/* A counter that comes to its end while more is on the way than it allows. */
START_TEST(counter_bounds_what_is_on_its_way)
{
	open_with(NULL);
	subscribe("s", ",\"exc\":2");
	at_once = false;
	create(5);
	ck_assert_uint_eq(n_sent, 2);
	answer_code = RSC_TARGET_NOT_REACHABLE;
	answer_all(); /* they do not count */
	settle();
	ck_assert_uint_eq(n_sent, 4);
	answer_code = RSC_OK;
	at_once = true;
	answer_all();
	settle();
	ck_assert_uint_eq(n_sent, 4);
	ck_assert_uint_eq(usage().subscriptions, 0);
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box/s", .fr = "CDev1"), RSC_NOT_FOUND);
	rig_close(&g);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("notify");
	TCase *t = tcase_create("usage");

	tcase_add_test(t, what_is_pending_has_records);
	tcase_add_test(t, records_stay_until_there_is_an_answer);
	tcase_add_test(t, nothing_is_stored_without_being_asked_for);
	tcase_add_test(t, deleting_removes_records);
	tcase_add_test(t, many_subscriptions);
	tcase_add_test(t, silent_ones_are_counted);
	tcase_add_test(t, events_of_one_creator_are_counted);
	tcase_add_test(t, bound_of_what_waits);
	tcase_add_test(t, bound_in_bytes);
	tcase_add_test(t, nothing_is_left_in_a_loop_that_stopped);
	tcase_add_test(t, ends_in_the_middle);
	tcase_add_test(t, counter_bounds_what_is_on_its_way);
	suite_add_tcase(s, t);
	return rig_run(s);
}
