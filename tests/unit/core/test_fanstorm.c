/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fan-outs of every kind on several loops beside creates, deletes and changes of the very groups, members and policies, with
 * requests that are given up, and notifications that a group gathers from all loops.  Made for ThreadSanitizer; every answer is
 * one that the procedures know.
 */
#include "cse/core/gate.h"

#include "tests/unit/core/storm.h"

enum { LOOPS = 4, CLIENTS = 4, EACH = 80, MEMBERS = 40 };

struct storm;
struct client {
	struct storm *storm;
	struct loop *loop;
	unsigned number, sent;
	bool done, submitting;
	struct request *r;
	struct loop_task again;
};

struct lane {
	struct storm *storm;
	struct loop *loop;
	struct client clients[CLIENTS];
	struct loop_task begin;
	unsigned finished;
};

struct storm {
	struct rig rig;
	struct storm_gale gale;
	struct peer *peer, *other;
	struct lane lanes[LOOPS];
	_Atomic unsigned answers, members;
};

static const struct act {
	enum op op;
	bool by_other;
	const char *to;
	unsigned ty;
	const char *pc;
} acts[] = {
	{ OP_RETRIEVE, false, "cse-in/app1/g/fopt", 0, NULL },
	{ OP_CREATE, false, "cse-in/app1/g/fopt", TY_CIN, "{\"m2m:cin\":{\"con\":\"1\"}}" },
	{ OP_RETRIEVE, false, "cse-in/app1/up/fopt/la", 0, NULL },
	{ OP_RETRIEVE, true, "cse-in/app1/g/fopt", 0, NULL },
	{ OP_CREATE, false, "cse-in/app1/g/fopt", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"x\"}}" },
	{ OP_UPDATE, false, "cse-in/app1/who", 0, "{\"m2m:grp\":{\"mid\":[\"CDev1\"]}}" },
	{ OP_DELETE, false, "cse-in/app1/g/fopt/x", 0, NULL },
	{ OP_UPDATE, false, "cse-in/app1/who", 0, "{\"m2m:grp\":{\"mid\":[\"CDev1\",\"CDev2\"]}}" },
	{ OP_UPDATE, false, "cse-in/app1/up", 0, "{\"m2m:grp\":{\"mid\":[\"cse-in/app1/g/fopt\",\"cse-in/app1/n1\",\"cse-in/app1/up/fopt\"]}}" },
	{ OP_CREATE, false, "cse-in/app1/n3", TY_CIN, "{\"m2m:cin\":{\"con\":\"2\"}}" },
	{ OP_DELETE, false, "cse-in/app1/n4/la", 0, NULL },
	{ OP_UPDATE, false, "cse-in/app1/g/fopt", 0, "{\"m2m:cnt\":{\"lbl\":[\"k\"]}}" },
	{ OP_CREATE, false, "cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"gone\"}}" },
	{ OP_DELETE, false, "cse-in/app1/brief/fopt", 0, NULL },
	{ OP_UPDATE, false, "cse-in/app1/brief", 0, "{\"m2m:grp\":{\"mid\":[\"cse-in/app1/gone\",\"cse-in/app1/none\"]}}" },
};

static void next(struct client *c);

static void count(struct storm *s, const struct resp *r)
{
	const struct val *rsp = r->has_pc && strcmp(r->root->sn, "m2m:agr") == 0 ? obj_find(r->pc.o, "m2m:rsp") : NULL;

	atomic_fetch_add(&s->answers, 1);
	for (size_t i = 0; rsp && i < rsp->list.n; i++) {
		ck_assert(obj_find(rsp->list.v[i].o, "rsc") && obj_find(rsp->list.v[i].o, "fr"));
		atomic_fetch_add(&s->members, 1);
	}
}

static void prepare(void *arg, const struct resp *r)
{
	struct client *c = arg;

	ck_assert_msg(r->rsc == RSC_OK || r->rsc == RSC_CREATED || r->rsc == RSC_UPDATED || r->rsc == RSC_DELETED ||
	                  r->rsc == RSC_NOT_FOUND || r->rsc == RSC_CONFLICT || r->rsc == RSC_ORIGINATOR_HAS_NO_PRIVILEGE ||
	                  r->rsc == RSC_NO_MEMBERS || r->rsc == RSC_GROUP_MEMBERS_NOT_RESPONDED,
	              "code %d", (int)r->rsc);
	count(c->storm, r);
}

static void again(struct loop *l, struct loop_task *t)
{
	(void)l;
	next(CONTAINER_OF(t, struct client, again));
}

static void release(void *arg)
{
	struct client *c = arg;

	c->done = true;
	loop_defer(c->loop, &c->again, again);
}

static const struct gate_reply reply = { prepare, release };

static void next(struct client *c)
{
	struct storm *s = c->storm;
	const struct act *act;
	struct request *r;
	struct prim *p;

	if (c->sent == EACH) {
		if (++s->lanes[loop_index(c->loop)].finished == CLIENTS)
			loop_stop(c->loop);
		return;
	}
	act = &acts[(c->sent++ * 7 + c->number) % ARRAY_LEN(acts)];
	p = storm_ask(&s->gale, c->loop, c, act->op, str_of(act->to), act->by_other ? STR("CDev2") : STR("CDev1"), &r);
	/* Those that were given up may still be under way. */
	p->rqi = arena_printf(p->arena, "%p-%u", (void *)c, (unsigned)c->sent);
	if (act->pc)
		storm_content(&s->gale, p, act->ty, str_of(act->pc));
	c->done = false;
	gate_submit(r, act->by_other ? s->other : s->peer, &reply, c);
	/* One of nine is given up at once. */
	if (!c->done && c->sent % 9 == 0) {
		gate_abandon(r);
		loop_defer(c->loop, &c->again, again);
	}
}

static void begin(struct loop *l, struct loop_task *t)
{
	struct lane *lane = CONTAINER_OF(t, struct lane, begin);

	(void)l;
	for (unsigned i = 0; i < CLIENTS; i++)
		next(&lane->clients[i]);
}

/* The rig's store and security, with a gate over real clocks and some loops. */
static void run_storm(struct storm *s)
{
	storm_open(&s->gale, &s->rig, LOOPS);
	for (unsigned i = 0; i < LOOPS; i++) {
		struct lane *lane = &s->lanes[i];

		lane->loop = s->gale.loops[i];
		lane->storm = s;
		for (unsigned k = 0; k < CLIENTS; k++)
			lane->clients[k] = (struct client){ .storm = s, .loop = lane->loop, .number = i * CLIENTS + k };
	}
	storm_begin(&s->gale, &s->lanes[0].begin, sizeof(s->lanes[0]), begin);
	storm_wait(&s->gale);
}

static void create(struct storm *s, const char *to, unsigned ty, const char *pc)
{
	struct rig_answer a = SEND(&s->rig, .peer = s->peer, .op = OP_CREATE, .to = to, .fr = "CDev1", .ty = ty, .pc = pc);

	ck_assert(a.rsc == RSC_CREATED || a.rsc == RSC_OK);
	json_decref(a.pc);
}

static void plant(struct storm *s)
{
	struct buf b;

	create(s, "cse-in/app1", TY_GRP, "{\"m2m:grp\":{\"rn\":\"who\",\"mnm\":9,\"mid\":[\"CDev1\",\"CDev2\"]}}");
	create(s, "cse-in/app1", TY_ACP, "{\"m2m:acp\":{\"rn\":\"p\",\"pv\":{\"acr\":[{\"acor\":[\"cse-in/app1/who\"],\"acop\":63}]},"
	                                 "\"pvs\":{\"acr\":[{\"acor\":[\"CDev1\"],\"acop\":63}]}}}");
	buf_init(&b, 1 << 16);
	buf_z(&b, "{\"m2m:grp\":{\"rn\":\"g\",\"mnm\":999,\"macp\":[\"cse-in/app1/p\"],\"mid\":[\"cse-in/app1/none\"");
	for (int i = 0; i < MEMBERS; i++) {
		char pc[100];

		snprintf(pc, sizeof(pc), "{\"m2m:cnt\":{\"rn\":\"n%d\",\"mni\":5,\"acpi\":[\"cse-in/app1/p\"]}}", i);
		create(s, "cse-in/app1", TY_CNT, pc);
		snprintf(pc, sizeof(pc), ",\"cse-in/app1/n%d\"", i);
		buf_z(&b, pc);
	}
	buf_z(&b, "],\"nar\":{\"num\":7,\"dur\":\"PT1S\"}}}");
	buf_put(&b, "", 1);
	create(s, "cse-in/app1", TY_GRP, b.p);
	buf_fini(&b);
	create(s, "cse-in/app1", TY_GRP, "{\"m2m:grp\":{\"rn\":\"up\",\"mnm\":9,\"mid\":[\"cse-in/app1/g/fopt\",\"cse-in/app1/n1\"]}}");
	create(s, "cse-in/app1", TY_GRP, "{\"m2m:grp\":{\"rn\":\"brief\",\"mnm\":9,\"mid\":[]}}");
	create(s, "cse-in/app1/g/fopt", TY_SUB, "{\"m2m:sub\":{\"nu\":[\"CDev1\"],\"nfu\":\"CDev1\",\"enc\":{\"net\":[3]}}}");
	create(s, "cse-in/app1/brief", TY_SUB, "{\"m2m:sub\":{\"nu\":[\"CDev1\"],\"enc\":{\"net\":[1]}}}");
}

static void check_group(struct storm *s, const char *to)
{
	struct rig_answer a = SEND(&s->rig, .peer = s->peer, .op = OP_RETRIEVE, .to = to, .fr = "CDev1");
	json_t *o = rig_pc(&a, "m2m:grp");

	ck_assert_int_eq(rig_n(o, "cnm"), (long long)json_array_size(json_object_get(o, "mid")));
	json_decref(a.pc);
}

START_TEST(everything_at_once)
{
	struct storm *s = calloc(1, sizeof(*s));
	struct rig *g = &s->rig;

	rig_open(g, NULL);
	s->peer = rig_ae(g, "CDev1", "app1");
	s->other = rig_ae(g, "CDev2", "app2");
	plant(s);
	run_storm(s);
	ck_assert_uint_gt(atomic_load(&s->answers), LOOPS * CLIENTS * EACH / 2);
	ck_assert_uint_gt(atomic_load(&s->members), LOOPS * CLIENTS * EACH);
	/* What would wait for a time is given up with the gate. */
	storm_settle(&s->gale, g, 50);
	storm_close(&s->gale);
	check_group(s, "cse-in/app1/g");
	check_group(s, "cse-in/app1/up");
	check_group(s, "cse-in/app1/brief");
	rig_close(g);
	free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fanstorm");
	TCase *t = tcase_create("clients");

	tcase_set_timeout(t, 300);
	tcase_add_test(t, everything_at_once);
	suite_add_tcase(s, t);
	return rig_run(s);
}
