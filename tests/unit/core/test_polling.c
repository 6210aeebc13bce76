/* SPDX-License-Identifier: Apache-2.0 */
/* Polling channels: a request meets a poll in either order, its answer finds its sender, nothing waits for ever. */
#include "cse/core/polling.h"

#include "cse/base/err.h"
#include "cse/core/gate_priv.h"
#include "tests/unit/core/rig.h"

enum { MAX = 4200 };
static struct rig g;
static struct peer *dev, *other;
static struct polling *p;

/* A sender with one request, and what became of it. */
struct sender {
	struct carry carry;
	struct arena a;
	struct prim prim;
	char rqi[16], url[32];
	int done, err;
	enum rsc rsc;
	char pc[200];
};
static struct sender *senders;
static unsigned n_senders;

static void carried(struct carry *c, const struct out_result *r)
{
	struct sender *s = c->arg;
	struct buf b;

	s->done++;
	s->err = r->err;
	s->rsc = r->rsc;
	if (!r->pc)
		return;
	buf_init(&b, 4096);
	codec_json.encode_content(&b, r->pc->root, &r->pc->v);
	snprintf(s->pc, sizeof(s->pc), "%.*s", (int)b.n, b.p);
	buf_fini(&b);
}

static void setup(void)
{
	rig_open(&g, NULL);
	dev = rig_ae(&g, "CDev1", "app1");
	other = rig_ae(&g, "CDev2", "app2");
	p = g.gate->polling;
	senders = calloc(MAX, sizeof(*senders));
	n_senders = 0;
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1", .ty = TY_PCH,
	                      .pc = "{\"m2m:pch\":{\"rn\":\"ch\"}}"), RSC_CREATED);
}

static void teardown(void)
{
	rig_close(&g);
	for (unsigned i = 0; i < n_senders; i++)
		arena_fini(&senders[i].a);
	free(senders);
}

/* A NOTIFY for CDev1 as out.c makes it. */
static struct sender *post(int64_t deadline_ns)
{
	struct sender *s = &senders[n_senders++];
	struct arena a;
	struct tx *tx;
	struct str poa;

	ck_assert(n_senders <= MAX);
	arena_init(&s->a, 1024);
	prim_init(&s->prim, &s->a);
	snprintf(s->rqi, sizeof(s->rqi), "n%u", n_senders);
	s->prim.op = OP_NOTIFY;
	s->prim.to = STR("CDev1");
	s->prim.fr = STR("/id-in");
	s->prim.rqi = str_of(s->rqi);
	s->prim.rvi_text = STR("3");
	s->prim.has = 1u << P_OP | 1u << P_TO | 1u << P_FR | 1u << P_RQI | 1u << P_RVI | 1u << P_PC;
	ck_assert_int_eq(codec_json.decode_content(&s->a, STR("{\"m2m:sgn\":{\"sur\":\"cse-in/s\",\"vrq\":true}}"),
	                                           gate_limits(g.gate), &s->prim.pc, &s->prim.why), RSC_NONE);
	arena_init(&a, 1024);
	tx = store_begin(g.store, &a, TX_READ);
	poa = polling_poa(tx, store_by_ri(tx, STR("CDev1")));
	snprintf(s->url, sizeof(s->url), "%.*s", STR_ARG(poa));
	store_end(tx);
	arena_fini(&a);
	ck_assert(str_starts(str_of(s->url), STR("pch:")));
	s->carry = (struct carry){ .magic = CARRY_MAGIC, .url = str_of(s->url), .prim = &s->prim, .deadline_ns = deadline_ns,
		                       .done = carried, .arg = s };
	polling_carrier.send(p, g.loop, &s->carry);
	return s;
}

static struct request *poll(struct rig_answer *a, const char *rqet)
{
	return rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/ch/pcu", .fr = "CDev1",
	                                         .rqet = rqet, .rqi = "poll" }, a);
}

/* The request identifier in a poll's answer. */
static const char *got(const struct rig_answer *a)
{
	ck_assert(a->done);
	ck_assert_int_eq(a->rsc, RSC_OK);
	return rig_s(rig_pc(a, "m2m:rqp"), "rqi");
}

static enum rsc reply(const char *pc)
{
	return CODE(&g, .peer = dev, .op = OP_NOTIFY, .to = "cse-in/app1/ch/pcu", .fr = "CDev1", .pc = pc);
}

static void settle(void)
{
	while (loop_turn(g.loop, 0) > 0)
		;
}

static void pass(int64_t ms)
{
	for (; ms > 0; ms -= 500) {
		clock_advance_us(g.clock, 500000);
		settle();
	}
}

START_TEST(a_request_waits_for_a_poll)
{
	struct sender *s = post(0);
	struct rig_answer a;
	json_t *rqp;

	poll(&a, NULL);
	settle();
	ck_assert_str_eq(got(&a), "n1");
	ck_assert_str_eq(a.rqi, "poll");
	rqp = rig_pc(&a, "m2m:rqp");
	ck_assert_int_eq(rig_n(rqp, "op"), OP_NOTIFY);
	ck_assert_str_eq(rig_s(rqp, "to"), "CDev1");
	ck_assert_str_eq(rig_s(rqp, "fr"), "/id-in");
	ck_assert_str_eq(rig_s(rqp, "rvi"), "3");
	ck_assert_str_eq(rig_s(json_object_get(json_object_get(rqp, "pc"), "m2m:sgn"), "sur"), "cse-in/s");
	json_decref(a.pc);
	ck_assert_int_eq(s->done, 0);
	ck_assert_int_eq(reply("{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"n1\",\"rvi\":\"3\",\"pc\":{\"m2m:uri\":\"x\"}}}"), RSC_OK);
	settle();
	ck_assert_int_eq(s->done, 1);
	ck_assert_int_eq(s->err, 0);
	ck_assert_int_eq(s->rsc, RSC_OK);
	ck_assert_str_eq(s->pc, "{\"m2m:uri\":\"x\"}");
	ck_assert_int_eq(reply("{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"n1\"}}"), RSC_NOT_FOUND);
	ck_assert_int_eq(s->done, 1);
}
END_TEST

START_TEST(a_poll_waits_for_a_request)
{
	struct rig_answer a, b;
	struct sender *s;

	poll(&a, NULL);
	settle();
	ck_assert(!a.done);
	s = post(0);
	post(0);
	settle();
	ck_assert_str_eq(got(&a), "n1");
	poll(&b, NULL);
	ck_assert_str_eq(got(&b), "n2");
	/* Answers come in any order; an error is one, too. */
	ck_assert_int_eq(reply("{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"n2\"}}"), RSC_OK);
	ck_assert_int_eq(reply("{\"m2m:rsp\":{\"rsc\":4000,\"rqi\":\"n1\"}}"), RSC_OK);
	settle();
	ck_assert(s->done == 1 && s->rsc == RSC_BAD_REQUEST && senders[1].done == 1 && senders[1].rsc == RSC_OK);
	json_decref(a.pc);
	json_decref(b.pc);
}
END_TEST

START_TEST(polls_and_requests_expire)
{
	struct rig_answer a;
	struct sender *s;

	poll(&a, "3000");
	pass(2500);
	ck_assert(!a.done);
	pass(1000);
	ck_assert(a.done);
	ck_assert_int_eq(a.rsc, RSC_REQUEST_TIMEOUT);
	json_decref(a.pc);

	s = post(loop_now_ns(g.loop) + INT64_C(5000000000));
	pass(4500);
	ck_assert_int_eq(s->done, 0);
	pass(1000);
	ck_assert(s->done == 1 && s->err == E_TIMEOUT);
	/* It is not delivered any more. */
	poll(&a, "1000");
	pass(1500);
	ck_assert_int_eq(a.rsc, RSC_REQUEST_TIMEOUT);
	json_decref(a.pc);

	/* Delivered and never answered. */
	s = post(0);
	pass(200000);
	ck_assert_int_eq(s->done, 0);
	poll(&a, NULL);
	ck_assert_str_eq(got(&a), "n2");
	json_decref(a.pc);
	pass(59000);
	ck_assert_int_eq(s->done, 0);
	pass(2000);
	ck_assert(s->done == 1 && s->err == E_TIMEOUT);
	ck_assert_int_eq(reply("{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"n2\"}}"), RSC_NOT_FOUND);
}
END_TEST

START_TEST(senders_take_requests_back)
{
	struct sender *queued = post(0), *given, *answered;
	struct rig_answer a;

	polling_carrier.cancel(p, &queued->carry);
	given = post(0);
	answered = post(0);
	poll(&a, NULL);
	ck_assert_str_eq(got(&a), "n2");
	json_decref(a.pc);
	polling_carrier.cancel(p, &given->carry);
	ck_assert_int_eq(reply("{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"n2\"}}"), RSC_NOT_FOUND);
	poll(&a, NULL);
	json_decref(a.pc);
	/* Not a turn between answer and cancellation. */
	rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_NOTIFY, .to = "cse-in/app1/ch/pcu", .fr = "CDev1",
	                                  .pc = "{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"n3\"}}" }, &a);
	ck_assert(a.done && a.rsc == RSC_OK);
	polling_carrier.cancel(p, &answered->carry);
	settle();
	ck_assert(!queued->done && !given->done && !answered->done);
	polling_carrier.cancel(p, &answered->carry);
}
END_TEST

START_TEST(the_newest_poll_is_served_first)
{
	struct rig_answer a[6];

	for (int i = 0; i < 6; i++)
		poll(&a[i], NULL);
	settle();
	/* Four wait; older ones end as if they had expired. */
	ck_assert(a[0].done && a[0].rsc == RSC_REQUEST_TIMEOUT && a[1].done && a[1].rsc == RSC_REQUEST_TIMEOUT);
	for (int i = 5; i >= 2; i--) {
		ck_assert(!a[i].done);
		post(0);
		settle();
		got(&a[i]);
	}
	for (int i = 0; i < 6; i++)
		json_decref(a[i].pc);
}
END_TEST

START_TEST(a_poll_that_went_takes_nothing_with_it)
{
	struct rig_answer a, b;
	struct request *r;

	gate_abandon(poll(&a, NULL));
	settle();
	post(0);
	poll(&b, NULL);
	ck_assert_str_eq(got(&b), "n1");
	json_decref(b.pc);
	/* Woken and gone at once: the older one gets it a moment later. */
	poll(&a, NULL);
	r = poll(&b, NULL);
	post(0);
	gate_abandon(r);
	settle();
	ck_assert(!a.done && !b.done);
	pass(1000);
	ck_assert_str_eq(got(&a), "n2");
	json_decref(a.pc);
}
END_TEST

START_TEST(a_full_channel_drops_its_oldest)
{
	struct rig_answer a;

	for (int i = 0; i < 4100; i++)
		post(0);
	settle();
	for (int i = 0; i < 4; i++)
		ck_assert(senders[i].done == 1 && senders[i].err == E_FULL);
	ck_assert_int_eq(senders[4].done, 0);
	poll(&a, NULL);
	ck_assert_str_eq(got(&a), "n5");
	json_decref(a.pc);
}
END_TEST

START_TEST(an_aggregated_answer)
{
	struct rig_answer a;
	json_t *list;

	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_UPDATE, .to = "cse-in/app1/ch", .fr = "CDev1",
	                      .pc = "{\"m2m:pch\":{\"rqag\":true}}"), RSC_UPDATED);
	for (int i = 0; i < 300; i++)
		post(0);
	poll(&a, NULL);
	ck_assert(a.done && a.rsc == RSC_OK);
	list = rig_pc(&a, "m2m:agrp");
	ck_assert_uint_eq(json_array_size(list), 256);
	ck_assert_str_eq(rig_s(json_object_get(json_array_get(list, 255), "m2m:rqp"), "rqi"), "n256");
	json_decref(a.pc);
	poll(&a, NULL);
	ck_assert_uint_eq(json_array_size(rig_pc(&a, "m2m:agrp")), 44);
	json_decref(a.pc);
	for (int i = 0; i < 300; i++) {
		char pc[80];

		snprintf(pc, sizeof(pc), "{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"n%d\"}}", 300 - i);
		ck_assert_int_eq(reply(pc), RSC_OK);
	}
	settle();
	for (int i = 0; i < 300; i++)
		ck_assert(senders[i].done == 1 && senders[i].rsc == RSC_OK);
}
END_TEST

START_TEST(what_is_no_answer)
{
	static const char *const bad[] = {
		"{\"m2m:sgn\":{\"sur\":\"x\"}}", "{\"m2m:rqp\":{\"op\":2}}", "{\"m2m:rsp\":{\"rsc\":2000}}", "{\"m2m:rsp\":{\"rqi\":\"n1\"}}",
		"{\"m2m:rsp\":{}}", "{\"m2m:uri\":\"x\"}", "{\"m2m:cnt\":{}}",
	};
	struct sender *s = post(0);
	struct rig_answer a;

	poll(&a, NULL);
	json_decref(a.pc);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_int_eq(reply(bad[i]), RSC_BAD_REQUEST);
	ck_assert_int_eq(reply("{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"n\"}}"), RSC_NOT_FOUND);
	ck_assert_int_eq(s->done, 0);
	ck_assert_int_eq(reply("{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"n1\",\"pc\":{}}}"), RSC_OK);
	settle();
	ck_assert_int_eq(s->done, 1);
}
END_TEST

static const char *const ends[][3] = {
	{ "cse-in/app1/ch", "CDev1", "" }, /* the channel, by its owner */
	{ "cse-in/app1", "CDev1", "" },    /* deregistration */
	{ "cse-in/app1/ch", "CAdmin", "admin" },
};

START_TEST(the_end_of_a_channel)
{
	struct sender *queued, *given = post(0);
	struct rig_answer a;
	struct peer *by = *ends[_i][2] ? rig_peer(&g, CRED_ADMIN, "CAdmin", 1) : dev;

	poll(&a, NULL);
	ck_assert_str_eq(got(&a), "n1");
	json_decref(a.pc);
	queued = _i ? post(0) : NULL;
	if (!queued)
		poll(&a, "100000");
	ck_assert_int_eq(CODE(&g, .peer = by, .op = OP_DELETE, .to = ends[_i][0], .fr = ends[_i][1]), RSC_DELETED);
	pass(1500);
	ck_assert(given->done == 1 && given->err == E_ABSENT);
	ck_assert(!queued || (queued->done == 1 && queued->err == E_ABSENT));
	if (!queued) {
		ck_assert(a.done);
		ck_assert_int_eq(a.rsc, RSC_NOT_FOUND);
		json_decref(a.pc);
	}
}
END_TEST

START_TEST(the_end_of_a_credential)
{
	struct sender *s = post(0), *more;
	struct rig_answer a;
	struct cred_info c;

	poll(&a, NULL);
	json_decref(a.pc);
	poll(&a, "100000");
	ck_assert(cred_of_name(g.security, &g.arena, STR("CDev1"), &c));
	c.state = CRED_SUSPENDED;
	cred_apply(g.security, &c);
	pass(1500);
	ck_assert(s->done == 1 && s->err == E_DENIED);
	ck_assert(a.done);
	ck_assert_int_eq(a.rsc, RSC_ORIGINATOR_NOT_AUTHENTICATED);
	json_decref(a.pc);
	more = post(0);
	pass(1500);
	ck_assert(more->done == 1 && more->err == E_DENIED);
}
END_TEST

START_TEST(only_its_owner)
{
	struct peer *admin = rig_peer(&g, CRED_ADMIN, "CAdmin", 1);

	post(0);
	ck_assert_int_eq(CODE(&g, .peer = other, .op = OP_RETRIEVE, .to = "cse-in/app1/ch/pcu", .fr = "CDev2"),
	                 RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
	ck_assert_int_eq(CODE(&g, .peer = admin, .op = OP_RETRIEVE, .to = "cse-in/app1/ch/pcu", .fr = "CAdmin"),
	                 RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
	ck_assert_int_eq(CODE(&g, .peer = other, .op = OP_NOTIFY, .to = "cse-in/app1/ch/pcu", .fr = "CDev2",
	                      .pc = "{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"n1\"}}"), RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
	ck_assert_int_eq(CODE(&g, .peer = other, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev2", .ty = TY_PCH,
	                      .pc = "{\"m2m:pch\":{}}"), RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
}
END_TEST

static struct rig_answer last[3]; /* answered, if at all, while the rig is closed */

START_TEST(the_end_of_the_cse)
{
	post(0);
	poll(&last[0], NULL);
	json_decref(last[0].pc);
	poll(&last[1], NULL);
	poll(&last[2], NULL);
	post(0); /* wakes the newest, whose turn does not come before the end */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("core/polling");
	TCase *t = tcase_create("polling");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_request_waits_for_a_poll);
	tcase_add_test(t, a_poll_waits_for_a_request);
	tcase_add_test(t, polls_and_requests_expire);
	tcase_add_test(t, senders_take_requests_back);
	tcase_add_test(t, the_newest_poll_is_served_first);
	tcase_add_test(t, a_poll_that_went_takes_nothing_with_it);
	tcase_add_test(t, a_full_channel_drops_its_oldest);
	tcase_add_test(t, an_aggregated_answer);
	tcase_add_test(t, what_is_no_answer);
	tcase_add_loop_test(t, the_end_of_a_channel, 0, (int)ARRAY_LEN(ends));
	tcase_add_test(t, the_end_of_a_credential);
	tcase_add_test(t, only_its_owner);
	tcase_add_test(t, the_end_of_the_cse);
	suite_add_tcase(s, t);
	return rig_run(s);
}
