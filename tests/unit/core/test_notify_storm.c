/* SPDX-License-Identifier: Apache-2.0 */
/* Creates on four loops, subscriptions that come, change and go, credentials that are suspended and resumed, all at once: those
 * who stay are told of each instance once, and in order where that is promised.  Meant for the thread sanitizer. */
#include "cse/core/gate.h"

#include <pthread.h>

#include "cse/core/out.h"
#include "tests/unit/core/storm.h"

enum { LOOPS = 4, CLIENTS = 4, EACH = 40, TOTAL = LOOPS * CLIENTS * EACH, CHURN = 60, TOGGLES = 200,
	/* Subscriptions that come and go move the state tag, too. */
	TAGS = TOTAL + LOOPS * CHURN };
enum { PLAIN, KEPT, BATCH, WATCHED };
static const char *const names[WATCHED] = { "plain", "kept", "batch" };

struct storm;
struct client {
	struct storm *storm;
	struct loop *loop;
	unsigned sent;
	bool churns;          /* changes subscriptions, creates nothing */
};
struct lane {
	struct storm *storm;
	struct loop *loop;
	struct client clients[CLIENTS + 1];
	struct loop_task begin;
};
struct storm {
	struct rig rig;
	struct storm_gale gale;
	struct peer *peer, *other;
	struct cred_info cred;
	struct lane lanes[LOOPS];
	uint8_t seen[WATCHED][TAGS + 1]; /* by state tag; of a subscription's own loop */
	uint64_t last[WATCHED];
	_Atomic unsigned told, busy;
};

/* --- who is told ----------------------------------------------------------------------------------------------------- */

struct kept {
	struct loop_task task;
	struct loop *loop;
	struct carry *c;
};

static void maybe_over(struct storm *s)
{
	if (atomic_load(&s->told) == WATCHED * TOTAL && atomic_load(&s->busy) == 0)
		for (unsigned i = 0; i < LOOPS; i++)
			loop_stop(s->lanes[i].loop);
}

static void note(struct storm *s, const struct obj *sgn)
{
	struct str sur = obj_find(sgn, "sur")->s;
	uint64_t st;

	for (unsigned i = 0; i < WATCHED; i++) {
		if (!str_ends(sur, str_of(names[i])))
			continue;
		st = obj_find(obj_find(obj_find(obj_find(sgn, "nev")->o, "rep")->o, "m2m:cin")->o, "st")->u;
		ck_assert_msg(st >= 1 && st <= TAGS && !s->seen[i][st], "%s is told of %u again", names[i], (unsigned)st);
		s->seen[i][st] = 1;
		ck_assert(i == PLAIN || st > s->last[i]);
		s->last[i] = st;
		atomic_fetch_add(&s->told, 1);
	}
}

static void answer(struct loop *l, struct loop_task *t)
{
	struct kept *k = CONTAINER_OF(t, struct kept, task);
	struct carry *c = k->c;

	(void)l;
	free(k);
	c->state = NULL;
	c->done(c, &(struct out_result){ .rsc = RSC_OK });
}

static void carrier_send(void *ctx, struct loop *l, struct carry *c)
{
	struct storm *s = ctx;
	struct kept *k = calloc(1, sizeof(*k));
	const struct obj *o = c->prim->pc.v.o;
	const struct val *list = obj_find(o, "m2m:sgn");

	for (size_t i = 0; list && i < list->list.n; i++)
		note(s, list->list.v[i].o);
	if (!list && obj_find(o, "nev"))
		note(s, o);
	*k = (struct kept){ .loop = l, .c = c };
	c->state = k;
	loop_defer(l, &k->task, answer);
	maybe_over(s);
}

static void carrier_cancel(void *ctx, struct carry *c)
{
	struct kept *k = c->state;

	(void)ctx;
	if (!k)
		return;
	loop_defer_cancel(k->loop, &k->task);
	c->state = NULL;
	free(k);
}

static const struct carrier_kind carrier = { .scheme = "https", .send = carrier_send, .cancel = carrier_cancel };

/* --- who asks -------------------------------------------------------------------------------------------------------- */

static void next(struct client *c);

static void prepare(void *arg, const struct resp *r)
{
	struct client *c = arg;

	ck_assert_msg(c->churns || r->rsc == RSC_CREATED, "%d", (int)r->rsc);
}

static void release(void *arg)
{
	next(arg);
}

static const struct gate_reply reply = { prepare, release };

static void submit(struct client *c, enum op op, const char *to, unsigned ty, const char *pc)
{
	struct request *r;
	struct prim *p = storm_ask(&c->storm->gale, c->loop, c, op, str_of(to), STR("CDev1"), &r);

	if (pc)
		storm_content(&c->storm->gale, p, ty, str_of(pc));
	gate_submit(r, c->storm->peer, &reply, c);
}

static void change(struct client *c)
{
	char to[64], pc[200];
	unsigned i = loop_index(c->loop);

	snprintf(to, sizeof(to), "cse-in/app1/box/x%u", i);
	switch (c->sent % 4) {
	case 1:
		snprintf(pc, sizeof(pc), "{\"m2m:sub\":{\"rn\":\"x%u\",\"nu\":[\"CDev1\"],\"enc\":{\"net\":[3]},\"pn\":2,\"nse\":true,"
		         "\"rl\":{\"mnn\":1,\"tww\":\"PT1H\"}}}", i);
		submit(c, OP_CREATE, "cse-in/app1/box", TY_SUB, pc);
		break;
	case 2:
		submit(c, OP_UPDATE, to, 0, "{\"m2m:sub\":{\"rl\":null,\"bn\":{\"num\":3}}}");
		break;
	case 3:
		submit(c, OP_UPDATE, to, 0, "{\"m2m:sub\":{\"pn\":null,\"bn\":null,\"exc\":3,\"ln\":true}}");
		break;
	default:
		submit(c, OP_DELETE, to, 0, NULL);
	}
}

static void next(struct client *c)
{
	if (c->sent == (c->churns ? CHURN : EACH)) {
		atomic_fetch_sub(&c->storm->busy, 1);
		maybe_over(c->storm);
		return;
	}
	c->sent++;
	if (c->churns)
		change(c);
	else
		submit(c, OP_CREATE, "cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":\"1234\"}}");
}

static void begin(struct loop *l, struct loop_task *t)
{
	struct lane *lane = CONTAINER_OF(t, struct lane, begin);

	(void)l;
	for (unsigned i = 0; i <= CLIENTS; i++)
		next(&lane->clients[i]);
}

/* The other device's credential comes and goes. */
static void *toggle(void *arg)
{
	struct storm *s = arg;

	for (unsigned i = 0; i < TOGGLES; i++) {
		struct cred_info c = s->cred;

		c.state = i % 2 ? CRED_ACTIVE : CRED_SUSPENDED;
		cred_apply(s->rig.security, &c);
	}
	return NULL;
}

/* --- the test -------------------------------------------------------------------------------------------------------- */

static void open_storm(struct storm *s)
{
	struct why why = { .rsc = RSC_NONE };
	pthread_t toggler;

	storm_open(&s->gale, &s->rig, LOOPS);
	for (unsigned i = 0; i < LOOPS; i++) {
		s->lanes[i].loop = s->gale.loops[i];
		s->lanes[i].storm = s;
		for (unsigned k = 0; k <= CLIENTS; k++)
			s->lanes[i].clients[k] = (struct client){ .storm = s, .loop = s->gale.loops[i], .churns = k == CLIENTS };
	}
	atomic_store(&s->busy, LOOPS * (CLIENTS + 1));
	ck_assert_int_eq(gate_bootstrap(s->gale.gate, &why), 0);
	out_add_carrier(gate_out(s->gale.gate), &carrier, s);
	storm_begin(&s->gale, &s->lanes[0].begin, sizeof(s->lanes[0]), begin);
	pthread_create(&toggler, NULL, toggle, s);
	pthread_join(toggler, NULL);
	storm_wait(&s->gale);
}

static void subscribe(struct storm *s, struct peer *p, const char *fr, const char *name, const char *more)
{
	char pc[300];

	snprintf(pc, sizeof(pc), "{\"m2m:sub\":{\"rn\":\"%s\",\"nu\":[\"%s\"],\"enc\":{\"net\":[3],\"chty\":[4]}%s}}", name, fr, more);
	ck_assert_int_eq(CODE(&s->rig, .peer = p, .op = OP_CREATE, .to = "cse-in/app1/box", .fr = fr, .ty = TY_SUB, .pc = pc),
	                 RSC_CREATED);
}

static void prepare_tree(struct storm *s)
{
	struct rig *g = &s->rig;
	static const char *const ae[] = {
		"{\"m2m:ae\":{\"rn\":\"app1\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"https://127.0.0.1:9/x\"]}}",
		"{\"m2m:ae\":{\"rn\":\"app2\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"https://127.0.0.1:9/y\"]}}"
	};

	s->peer = rig_peer(g, CRED_DEVICE, "CDev1", 1);
	s->other = rig_peer(g, CRED_DEVICE, "CDev2", 1);
	ck_assert(cred_of_name(g->security, &g->arena, STR("CDev2"), &s->cred));
	ck_assert_int_eq(CODE(g, .peer = s->peer, .op = OP_CREATE, .to = "cse-in", .fr = "CDev1", .ty = TY_AE, .pc = ae[0]), RSC_CREATED);
	ck_assert_int_eq(CODE(g, .peer = s->other, .op = OP_CREATE, .to = "cse-in", .fr = "CDev2", .ty = TY_AE, .pc = ae[1]), RSC_CREATED);
	ck_assert_int_eq(CODE(g, .peer = s->peer, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1", .ty = TY_ACP,
	                      .pc = "{\"m2m:acp\":{\"rn\":\"p\",\"pv\":{\"acr\":[{\"acor\":[\"CDev1\",\"CDev2\"],\"acop\":63}]},"
	                            "\"pvs\":{\"acr\":[{\"acor\":[\"CDev1\"],\"acop\":63}]}}}"), RSC_CREATED);
	ck_assert_int_eq(CODE(g, .peer = s->peer, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1", .ty = TY_CNT,
	                      .pc = "{\"m2m:cnt\":{\"rn\":\"box\",\"acpi\":[\"cse-in/app1/p\"]}}"), RSC_CREATED);
	subscribe(s, s->peer, "CDev1", names[PLAIN], "");
	subscribe(s, s->peer, "CDev1", names[KEPT], ",\"pn\":2");
	subscribe(s, s->peer, "CDev1", names[BATCH], ",\"bn\":{\"num\":8,\"dur\":\"PT1H\"}");
	for (unsigned i = 0; i < LOOPS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "other%u", i);
		subscribe(s, s->other, "CDev2", name, i % 2 ? ",\"pn\":2" : "");
	}
}

START_TEST(each_is_told_once)
{
	struct storm *s = calloc(1, sizeof(*s));
	struct notify_usage u;

	rig_open(&s->rig, NULL);
	prepare_tree(s);
	open_storm(s);
	ck_assert_uint_eq(atomic_load(&s->told), WATCHED * TOTAL);
	for (unsigned k = 0; k <= TAGS; k++)
		ck_assert_msg(s->seen[PLAIN][k] == s->seen[KEPT][k] && s->seen[KEPT][k] == s->seen[BATCH][k], "%u was not told to all", k);
	storm_settle(&s->gale, &s->rig, 4);
	gate_notify_usage(s->gale.gate, &u);
	ck_assert_uint_eq(u.subscriptions, WATCHED + LOOPS);
	storm_close(&s->gale);
	rig_close(&s->rig);
	free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("notify storm");
	TCase *t = tcase_create("clients");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, each_is_told_once);
	suite_add_tcase(s, t);
	return rig_run(s);
}
