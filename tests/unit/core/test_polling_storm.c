/* SPDX-License-Identifier: Apache-2.0 */
/* Two channels polled from two loops and sent to from two others: every request is answered once, or was taken back. */
#include "cse/core/polling.h"

#include <pthread.h>
#include <stdatomic.h>

#include "cse/base/err.h"
#include "cse/core/gate_priv.h"
#include "tests/unit/core/storm.h"

enum { LOOPS = 4, POLLERS = 3, SENDERS = 6, EACH = 150, RQI = 24 };

struct storm;
struct poller {
	struct storm *storm;
	struct loop *loop;
	unsigned channel;
	bool answering;
	char rqi[RQI]; /* of the request to be answered; empty: none */
};

struct sender {
	struct storm *storm;
	struct loop *loop;
	struct loop_task later;
	unsigned n, done, taken_back, failed;
	bool cancel;
	struct carry carry;
	struct arena a;
	struct prim prim;
	char rqi[RQI], url[32];
	unsigned id;
};

struct strand {
	struct storm *storm;
	struct loop *loop;
	struct loop_task begin;
	struct poller pollers[POLLERS];
	struct sender senders[SENDERS];
	unsigned n, ended;
};

struct storm {
	struct rig rig;
	struct storm_gale gale;
	struct peer *peers[2];
	char url[2][32];
	struct strand lanes[LOOPS];
	_Atomic unsigned senders_left;
	_Atomic unsigned answered;
};

/* --- pollers ------------------------------------------------------------------------------------------------------ */

static void go_on(struct poller *p);

static void prepare(void *arg, const struct resp *r)
{
	struct poller *p = arg;
	const struct val *rqi;

	if (p->answering) {
		ck_assert(r->rsc == RSC_OK || r->rsc == RSC_NOT_FOUND);
		p->rqi[0] = 0;
		return;
	}
	ck_assert(r->rsc == RSC_OK || r->rsc == RSC_REQUEST_TIMEOUT);
	if (r->rsc != RSC_OK)
		return;
	rqi = obj_find(r->pc.o, "rqi");
	ck_assert(rqi && rqi->s.n < RQI);
	snprintf(p->rqi, RQI, "%.*s", STR_ARG(rqi->s));
}

static void release(void *arg)
{
	go_on(arg);
}

static const struct gate_reply reply = { prepare, release };

static void go_on(struct poller *p)
{
	static const struct str to[2] = { { "cse-in/app1/ch/pcu", 18 }, { "cse-in/app2/ch/pcu", 18 } };
	static const struct str from[2] = { { "CDev1", 5 }, { "CDev2", 5 } };
	struct storm *s = p->storm;
	struct request *r;
	struct prim *q;

	if (!p->rqi[0] && atomic_load(&s->senders_left) == 0) {
		struct strand *lane = &s->lanes[loop_index(p->loop)];

		if (++lane->ended == lane->n)
			loop_stop(p->loop);
		return;
	}
	p->answering = p->rqi[0] != 0;
	q = storm_ask(&s->gale, p->loop, p, p->answering ? OP_NOTIFY : OP_RETRIEVE, to[p->channel], from[p->channel], &r);
	q->rqet = STR("200");
	q->has |= 1u << P_RQET;
	if (p->answering)
		storm_content(&s->gale, q, 0,
		              arena_printf(q->arena, "{\"m2m:rsp\":{\"rsc\":2000,\"rqi\":\"%s\",\"pc\":{\"m2m:uri\":\"%s\"}}}", p->rqi, p->rqi));
	gate_submit(r, s->peers[p->channel], &reply, p);
}

/* --- senders ------------------------------------------------------------------------------------------------------ */

static void post(struct sender *x);

static void next_post(struct loop *l, struct loop_task *t)
{
	struct sender *x = CONTAINER_OF(t, struct sender, later);

	(void)l;
	if (x->cancel) {
		polling_carrier.cancel(x->storm->gale.gate->polling, &x->carry);
		x->taken_back++;
	}
	post(x);
}

static void carried(struct carry *c, const struct out_result *r)
{
	struct sender *x = c->arg;

	if (r->err) {
		x->failed++;
	} else {
		/* The answer is that to this very request. */
		ck_assert_int_eq(r->rsc, RSC_OK);
		ck_assert(r->pc && str_eqz(r->pc->v.s, x->rqi));
		x->done++;
		atomic_fetch_add(&x->storm->answered, 1);
	}
	if (x->cancel) {
		/* It came before it was taken back. */
		loop_defer_cancel(x->loop, &x->later);
		x->cancel = false;
	}
	loop_defer(x->loop, &x->later, next_post);
}

static void post(struct sender *x)
{
	struct storm *s = x->storm;

	if (x->n == EACH) {
		struct strand *lane = &s->lanes[loop_index(x->loop)];

		atomic_fetch_sub(&s->senders_left, 1);
		if (++lane->ended == lane->n)
			loop_stop(x->loop);
		return;
	}
	snprintf(x->rqi, RQI, "q%u-%u", x->id, x->n++);
	x->prim.rqi = str_of(x->rqi);
	x->carry = (struct carry){ .magic = CARRY_MAGIC, .url = str_of(s->url[x->n % 2]), .prim = &x->prim, .done = carried, .arg = x,
		                       .deadline_ns = loop_now_ns(x->loop) + INT64_C(60000000000) };
	x->cancel = x->n % 7 == 0;
	polling_carrier.send(s->gale.gate->polling, x->loop, &x->carry);
	if (x->cancel)
		loop_defer(x->loop, &x->later, next_post);
}

/* --- the storm ---------------------------------------------------------------------------------------------------- */

static void begin(struct loop *l, struct loop_task *t)
{
	struct strand *lane = CONTAINER_OF(t, struct strand, begin);
	bool polls = loop_index(l) < LOOPS / 2;

	for (unsigned i = 0; i < lane->n; i++) {
		if (polls)
			go_on(&lane->pollers[i]);
		else
			post(&lane->senders[i]);
	}
}

static void sender_init(struct sender *x, struct storm *s, struct loop *l, unsigned id)
{
	struct str in = STR("{\"m2m:sgn\":{\"sur\":\"cse-in/s\",\"vrq\":true}}");

	*x = (struct sender){ .storm = s, .loop = l, .id = id };
	arena_init(&x->a, 1024);
	prim_init(&x->prim, &x->a);
	x->prim.op = OP_NOTIFY;
	x->prim.to = STR("CDev1");
	x->prim.fr = STR("/id-in");
	x->prim.rvi_text = STR("3");
	x->prim.has = 1u << P_OP | 1u << P_TO | 1u << P_FR | 1u << P_RQI | 1u << P_RVI | 1u << P_PC;
	ck_assert_int_eq(codec_json.decode_content(&x->a, in, &codec_limits_default, &x->prim.pc, &x->prim.why), RSC_NONE);
}

static void open_lanes(struct storm *s)
{
	for (unsigned i = 0; i < LOOPS; i++) {
		struct strand *lane = &s->lanes[i];

		lane->loop = s->gale.loops[i];
		lane->storm = s;
		lane->n = i < LOOPS / 2 ? POLLERS : SENDERS;
		for (unsigned k = 0; i < LOOPS / 2 && k < POLLERS; k++)
			lane->pollers[k] = (struct poller){ .storm = s, .loop = lane->loop, .channel = (i + k) % 2 };
		for (unsigned k = 0; i >= LOOPS / 2 && k < SENDERS; k++)
			sender_init(&lane->senders[k], s, lane->loop, i * SENDERS + k);
	}
	atomic_init(&s->senders_left, LOOPS / 2 * SENDERS);
}

static void channel(struct storm *s, unsigned i, const char *stem, const char *rn)
{
	struct rig *g = &s->rig;
	struct arena a;
	struct tx *tx;
	struct str poa;
	char to[32];

	s->peers[i] = rig_ae(g, stem, rn);
	snprintf(to, sizeof(to), "cse-in/%s", rn);
	ck_assert_int_eq(CODE(g, .peer = s->peers[i], .op = OP_CREATE, .to = to, .fr = stem, .ty = TY_PCH,
	                      .pc = "{\"m2m:pch\":{\"rn\":\"ch\"}}"), RSC_CREATED);
	arena_init(&a, 1024);
	tx = store_begin(g->store, &a, TX_READ);
	poa = polling_poa(tx, store_by_ri(tx, str_of(stem)));
	snprintf(s->url[i], sizeof(s->url[i]), "%.*s", STR_ARG(poa));
	store_end(tx);
	arena_fini(&a);
}

static void blow(struct storm *s)
{
	storm_open(&s->gale, &s->rig, LOOPS);
	open_lanes(s);
	storm_begin(&s->gale, &s->lanes[0].begin, sizeof(s->lanes[0]), begin);
	storm_wait(&s->gale);
}

START_TEST(every_request_is_answered_once)
{
	struct storm *s = calloc(1, sizeof(*s));
	unsigned done = 0;

	rig_open(&s->rig, NULL);
	channel(s, 0, "CDev1", "app1");
	channel(s, 1, "CDev2", "app2");
	blow(s);
	for (unsigned i = LOOPS / 2; i < LOOPS; i++) {
		for (unsigned k = 0; k < SENDERS; k++) {
			struct sender *x = &s->lanes[i].senders[k];

			ck_assert_uint_eq(x->failed, 0);
			ck_assert_uint_eq(x->done + x->taken_back, EACH);
			ck_assert_uint_le(x->taken_back, EACH / 7);
			done += x->done;
			arena_fini(&x->a);
		}
	}
	ck_assert_uint_eq(done, atomic_load(&s->answered));
	storm_close(&s->gale);
	rig_close(&s->rig);
	free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("core/polling/storm");
	TCase *t = tcase_create("storm");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, every_request_is_answered_once);
	suite_add_tcase(s, t);
	return rig_run(s);
}
