/* SPDX-License-Identifier: Apache-2.0 */
/* 64 clients on 8 loops write into one container with mni, read it and search it: counters, state tags and order stay exact, and a
 * search ends. */
#include "cse/core/gate.h"

#include "tests/unit/core/storm.h"

enum { LOOPS = 8, CLIENTS = 8, EACH = 60, MNI = 100, TOTAL = LOOPS * CLIENTS * EACH };

struct storm;
struct client {
	struct storm *storm;
	struct loop *loop;
	unsigned sent, done, created;
	bool reading, searching;
	uint64_t last_st;
	char pc[64];
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
	struct peer *peer;
	struct lane lanes[LOOPS];
	uint8_t seen[TOTAL + 1]; /* by state tag; each written by one client only */
};

static void next(struct client *c);

static void prepare(void *arg, const struct resp *r)
{
	struct client *c = arg;
	const struct val *st;

	if (c->searching) {
		ck_assert_int_eq(r->rsc, RSC_OK);
		ck_assert(r->pc.list.n <= TOTAL); /* more than MNI: some went while others came */
		return;
	}
	if (c->reading) {
		const struct val *cni = obj_find(r->pc.o, "cni"), *cbs = obj_find(r->pc.o, "cbs");

		ck_assert_int_eq(r->rsc, RSC_OK);
		ck_assert(cni->u <= MNI && cbs->u == 4 * cni->u);
		return;
	}
	ck_assert_int_eq(r->rsc, RSC_CREATED);
	st = obj_find(r->pc.o, "st");
	ck_assert(st->u >= 1 && st->u <= TOTAL && st->u > c->last_st);
	ck_assert(!c->storm->seen[st->u]);
	c->storm->seen[st->u] = 1;
	c->last_st = st->u;
	c->created++;
}

static void release(void *arg)
{
	struct client *c = arg;

	c->done++;
	next(c);
}

static const struct gate_reply reply = { prepare, release };

/* By label, by time, by content: through each index, and through bodies outside of the lock. */
static struct filter *search(struct client *c, struct arena *a)
{
	struct filter *f = ARENA_NEW(a, struct filter);
	struct why w = { .rsc = RSC_NONE };

	filter_init(f);
	f->has = UINT64_C(1) << FC_FU;
	f->fu = 1;
	switch (c->sent / 8 % 3) {
	case 0:
		ck_assert_int_eq(filter_read(a, f, FC_LBL, STR("x"), &w), RSC_NONE);
		break;
	case 1:
		f->has |= UINT64_C(1) << FC_CRA;
		f->cra = clock_wall_us(c->storm->gale.clock) - 1000000;
		break;
	default:
		filter_add(a, f, FC_ATR, STR("con"), STR("12*"));
	}
	return f;
}

static void next(struct client *c)
{
	struct storm *s = c->storm;
	struct request *r;
	struct prim *p;

	if (c->created == EACH) {
		struct lane *lane = &s->lanes[loop_index(c->loop)];

		if (++lane->finished == CLIENTS)
			loop_stop(c->loop);
		return;
	}
	c->searching = c->sent % 8 == 5;
	c->reading = c->sent++ % 4 == 3;
	p = storm_ask(&s->gale, c->loop, c, c->reading || c->searching ? OP_RETRIEVE : OP_CREATE,
	              c->searching ? STR("cse-in/app1") : STR("cse-in/app1/box"), STR("CDev1"), &r);
	if (c->searching) {
		p->fc = search(c, p->arena);
		p->has |= 1u << P_FC;
	} else if (!c->reading) {
		storm_content(&s->gale, p, TY_CIN, STR("{\"m2m:cin\":{\"con\":\"1234\",\"lbl\":[\"x\",\"y\"]}}"));
	}
	gate_submit(r, s->peer, &reply, c);
}

static void begin(struct loop *l, struct loop_task *t)
{
	struct lane *lane = CONTAINER_OF(t, struct lane, begin);

	(void)l;
	for (unsigned i = 0; i < CLIENTS; i++)
		next(&lane->clients[i]);
}

/* The rig's store and security, with a gate over real clocks and many loops. */
static void open_storm(struct storm *s)
{
	storm_open(&s->gale, &s->rig, LOOPS);
	for (unsigned i = 0; i < LOOPS; i++) {
		s->lanes[i].loop = s->gale.loops[i];
		s->lanes[i].storm = s;
		for (unsigned k = 0; k < CLIENTS; k++)
			s->lanes[i].clients[k] = (struct client){ .storm = s, .loop = s->gale.loops[i] };
	}
	storm_begin(&s->gale, &s->lanes[0].begin, sizeof(s->lanes[0]), begin);
	storm_wait(&s->gale);
}

START_TEST(counters_tags_and_order_are_exact)
{
	struct storm *s = calloc(1, sizeof(*s));
	struct rig *g = &s->rig;
	struct rig_answer a;
	json_t *list, *in;
	size_t i;

	rig_open(g, NULL);
	s->peer = rig_ae(g, "CDev1", "app1");
	ck_assert_int_eq(CODE(g, .peer = s->peer, .op = OP_CREATE, .to = "cse-in/app1", .fr = "CDev1", .ty = TY_CNT,
	                      .pc = "{\"m2m:cnt\":{\"rn\":\"box\",\"mni\":100}}"),
	                 RSC_CREATED);
	open_storm(s);
	for (i = 1; i <= TOTAL; i++)
		ck_assert_msg(s->seen[i], "state tag %zu was given to nobody", i);
	a = SEND(g, .peer = s->peer, .op = OP_RETRIEVE, .to = "cse-in/app1/box", .fr = "CDev1", .rcn = RCN_ATTRS_CHILDREN + 1);
	ck_assert_int_eq(rig_n(rig_pc(&a, "m2m:cnt"), "cni"), MNI);
	ck_assert_int_eq(rig_n(rig_pc(&a, "m2m:cnt"), "cbs"), 4 * MNI);
	ck_assert_int_eq(rig_n(rig_pc(&a, "m2m:cnt"), "st"), TOTAL);
	list = json_object_get(rig_pc(&a, "m2m:cnt"), "m2m:cin");
	ck_assert_int_eq(json_array_size(list), MNI);
	json_array_foreach(list, i, in) ck_assert_int_eq(rig_n(in, "st"), TOTAL - MNI + 1 + (long long)i);
	json_decref(a.pc);
	storm_close(&s->gale);
	rig_close(g);
	free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("storm");
	TCase *t = tcase_create("clients");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, counters_tags_and_order_are_exact);
	suite_add_tcase(s, t);
	return rig_run(s);
}
