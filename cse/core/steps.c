/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a request as a table, and the driver.  TS-0004 7.2.2.2.
 * From "resolve" to "procedure" a request holds the tree's lock and does not wait; one that must wait lets it go
 * and comes back to "resolve", where everything that it knew of the tree is looked up and judged again.
 */
#include "cse/core/steps.h"

#include "cse/base/err.h"
#include "cse/base/clock.h"
#include "cse/base/stat.h"
#include "cse/core/out.h"
#include "cse/core/event.h"
#include "cse/core/replay.h"

#define SLOW_STEP_NS INT64_C(1000000)
#define SLOW_MOST_NS INT64_C(200000000)
enum { STEP_ORIGIN = 1, STEP_RESOLVE = 5, STEP_COMMIT = 11, STEP_EVENTS };

static enum step_result tell_events(struct request *r)
{
	if (events_any(&r->events))
		event_tell(r, false);
	return STEP_NEXT;
}

static const struct step {
	const char *name;
	enum step_result (*run)(struct request *r);
} steps[] = {
	{ "validity",  check_primitive },
	{ "origin",    check_origin },
	{ "replay",    replay_check },
	{ "route",     route_target },
	{ "time",      route_time },
	{ "resolve",   resolve_target },
	{ "zone",      resolve_zone },
	{ "duplicate", gid_check },
	{ "authorize", access_decide },
	{ "validate",  validate_content },
	{ "procedure", proc_run },
	{ "commit",    commit_changes },
	{ "events",    tell_events },
	{ "result",    result_make },
};

/* --- answering --------------------------------------------------------------------------------------------------- */

_Static_assert((int)RSC_PLACES < (int)STAT_CODES && (int)OP_NOTIFY < (int)STAT_SERIES, "stat.h has room for all codes and operations");

static void count(struct request *r)
{
	struct stats *s = gate_lane(r)->stats;
	/* An operation that is none was answered so, and is counted as none. */
	unsigned op = (unsigned)r->prim.op <= OP_NOTIFY ? (unsigned)r->prim.op : OP_NONE;

	stat_answer(s, op, rsc_place(r->resp.rsc));
	stat_time(s, TIMES_REQUEST, op, clock_mono_ns(loop_clock(r->loop)) - r->begin_ns);

	if (rsc_is_ok(r->resp.rsc))
		stat_add(s, STAT_ANSWER_OK, 1);
	else
		stat_add(s, r->resp.rsc < 5000 ? STAT_ANSWER_CLIENT : STAT_ANSWER_SERVER, 1);
	if (r->resp.rsc == RSC_ORIGINATOR_HAS_NO_PRIVILEGE || r->resp.rsc == RSC_SUBSCRIPTION_HOST_HAS_NO_PRIVILEGE)
		stat_add(s, STAT_DENIED, 1);
}

static void release(struct request *r)
{
	const struct gate_reply *reply = r->reply;
	void *arg = r->arg;

	count(r);
	replay_end(r, !reply);
	gate_recycle(r);
	if (reply)
		reply->release(arg);
}

/* What every answer carries.  TS-0004 7.3.3.12: nothing of a later release for a Release 1 originator.  The answer is handled on
 * its way as the request asked to be (TS-0001 8.1.3, Event Category).  The other optional parameters belong to functions
 * that are refused here: assigned tokens, token and signature requests (TS-0004 table 7.2.1.2-1). */
static void head(struct request *r)
{
	r->resp.rqi = r->prim.rqi;
	if (prim_has(&r->prim, P_EC) && check_is_event_category(r->prim.ec))
		r->resp.ec = r->prim.ec;
	if (r->prim.rvi != RVI_1)
		r->resp.rvi = r->prim.rvi_text;
}

static void fail(struct request *r, enum rsc rsc, struct str text)
{
	r->resp = (struct resp){ .rsc = rsc, .has_pc = text.n > 0, .root = r->gate->root_dbg, .pc = val_str(K_STR, text) };
	head(r);
}

/* A target of what this request caused has its queue half full: its connection is read more slowly (engine.md 4.4), as the
 * answer leaves when the queue has become shorter, or after a while. */
static void slow(struct loop *l, struct loop_timer *t)
{
	struct request *r = CONTAINER_OF(t, struct request, timer);
	int64_t now = loop_now_ns(l);

	CHECK(r, REQUEST);
	if (r->reply && now < r->slow_ns && out_is_pressed(r->gate->out, r->feeds)) {
		r->wait = WAIT_SLOW;
		loop_timer_set(l, t, now + SLOW_STEP_NS, slow);
		return;
	}
	r->wait = WAIT_NONE;
	release(r);
}

static void committed(struct commit *c, int err)
{
	struct request *r = CONTAINER_OF(c, struct request, commit);

	CHECK(r, REQUEST);
	r->wait = WAIT_NONE;
	if (err) {
		fail(r, RSC_INTERNAL_SERVER_ERROR,
		     STR("the CSE could not store the change; nothing of it happened, try again later"));
		if (r->reply)
			r->reply->prepare(r->arg, &r->resp);
	} else if (r->feeds) {
		r->slow_ns = loop_now_ns(r->loop) + SLOW_MOST_NS;
		slow(r->loop, &r->timer);
		return;
	}
	release(r);
}

/* Encodes the answer now and sends it when all that it was judged on is durable. */
static void answer(struct request *r)
{
	if (r->reply)
		r->reply->prepare(r->arg, &r->resp);
	if (r->durable_later) {
		r->wait = WAIT_COMMIT;
		store_ready(r->gate->o.store, &r->commit);
	} else {
		release(r);
	}
}

static void commit(struct request *r)
{
	struct tx *tx = r->tx;

	r->tx = NULL;
	r->commit = (struct commit){ .magic = COMMIT_MAGIC, .loop = r->loop, .done = committed };
	r->durable_later = store_commit(tx, &r->commit) != 0;
}

void request_end(struct request *r)
{
	struct tx *tx = r->tx;

	r->tx = NULL;
	if (tx)
		store_end(tx);
}

enum step_result commit_changes(struct request *r)
{
	if (r->tx && tx_mode(r->tx) == TX_WRITE)
		commit(r);
	else
		request_end(r);
	return STEP_NEXT;
}

void steps_refuse(struct request *r)
{
	struct why *w = &r->prim.why;

	/* A refusal may have been judged on what is not durable yet: then it waits like any other answer. */
	if (r->tx && tx_mode(r->tx) == TX_WRITE && !r->changed)
		commit(r);
	else
		request_end(r);
	if (events_any(&r->events))
		event_tell(r, true);
	if (w->rsc == RSC_NONE)
		why_set(w, RSC_BAD_REQUEST, "the request could not be read");
	fail(r, w->rsc, str_of(w->text));
	answer(r);
}

void steps_answer_constant(struct request *r)
{
	r->resp.rsc = RSC_OK;
	head(r);
	answer(r);
}

/* --- waiting ----------------------------------------------------------------------------------------------------- */

static void time_out(struct loop *l, struct loop_timer *t)
{
	struct request *r = CONTAINER_OF(t, struct request, timer);

	(void)l;
	CHECK(r, REQUEST);
	if (r->wait == WAIT_TIME) {
		r->wait = WAIT_NONE;
		r->step = STEP_ORIGIN;
		steps_run(r);
	} else if (r->wait == WAIT_PARKED) {
		r->leave(r);
		if (r->prim.why.rsc == RSC_NONE)
			prim_fail(&r->prim, RSC_REQUEST_TIMEOUT, "the request expired before it could be carried out");
		request_unpark(r, UNPARK_REFUSE);
	} else if (r->wait == WAIT_FETCH && r->reply) {
		const struct gate_reply *reply = r->reply;

		/* The worker still holds the request: it goes back to the pool when the body arrives. */
		fail(r, RSC_REQUEST_TIMEOUT, STR("the request expired before it could be carried out"));
		reply->prepare(r->arg, &r->resp);
		count(r);
		r->reply = NULL;
		reply->release(r->arg);
	}
}

/* Back at resolve, unless nobody waits for the answer. */
static void resume(struct request *r)
{
	CHECK(r, REQUEST);
	r->wait = WAIT_NONE;
	loop_timer_cancel(r->loop, &r->timer);
	if (!r->reply) {
		gate_recycle(r);
		return;
	}
	r->step = STEP_RESOLVE;
	steps_run(r);
}

static void next_turn(struct loop *l, struct loop_task *t)
{
	(void)l;
	resume(CONTAINER_OF(t, struct request, turn));
}

enum step_result request_next_turn(struct request *r)
{
	request_end(r);
	r->wait = WAIT_TURN;
	loop_post(r->loop, &r->turn, next_turn);
	return STEP_WAIT;
}

static void fetched(struct fetch *f)
{
	struct request *r = CONTAINER_OF(f, struct request, fetch);

	if (f->err == 0) {
		r->fetched = f->id;
	} else if (f->err == E_ABSENT && r->missing != f->id) {
		r->missing = f->id; /* gone meanwhile, for resolve to find out */
	} else if (r->reply) {
		r->wait = WAIT_NONE;
		loop_timer_cancel(r->loop, &r->timer);
		why_set(&r->prim.why, RSC_INTERNAL_SERVER_ERROR, "the content of the resource could not be read");
		steps_refuse(r);
		return;
	}
	resume(r);
}

enum step_result request_fetch(struct request *r, uint64_t id)
{
	request_end(r);
	request_drop_body(&r->fetch.body);
	r->fetch = (struct fetch){ .id = id };
	r->fetched = 0;
	r->wait = WAIT_FETCH;
	loop_timer_set(r->loop, &r->timer, r->deadline_ns, time_out);
	store_fetch(r->gate->o.store, &r->fetch, id, r->loop, fetched);
	return STEP_WAIT;
}

int request_body(struct request *r, const struct node *cnt, uint64_t id, struct body **out)
{
	if (r->fetched == id && r->fetch.body) {
		*out = body_ref(r->fetch.body);
		return 0;
	}
	return store_body(r->tx, cnt, id, out);
}

enum step_result request_park(struct request *r, int64_t at_ns, void (*leave)(struct request *r))
{
	request_end(r);
	r->wait = WAIT_PARKED;
	r->leave = leave;
	loop_timer_set(r->loop, &r->timer, at_ns && at_ns < r->deadline_ns ? at_ns : r->deadline_ns, time_out);
	return STEP_WAIT;
}

void request_unpark(struct request *r, enum unpark how)
{
	CHECK(r, REQUEST);
	REQUIRE(r->wait == WAIT_PARKED && r->reply);
	if (how == UNPARK_RESOLVE) {
		resume(r);
		return;
	}
	r->wait = WAIT_NONE;
	loop_timer_cancel(r->loop, &r->timer);
	if (how == UNPARK_REFUSE) {
		steps_refuse(r);
		return;
	}
	r->step = how == UNPARK_COMMIT ? STEP_COMMIT : STEP_EVENTS;
	steps_run(r);
}

enum step_result route_time(struct request *r)
{
	if (r->oet_ns <= loop_now_ns(r->loop) || r->oet_done)
		return STEP_NEXT;
	r->oet_done = true;
	r->wait = WAIT_TIME;
	loop_timer_set(r->loop, &r->timer, r->oet_ns, time_out);
	return STEP_WAIT;
}

/* --- the driver -------------------------------------------------------------------------------------------------- */

void steps_run(struct request *r)
{
	for (;; r->step++) {
		if (r->step == ARRAY_LEN(steps)) {
			head(r);
			answer(r);
			return;
		}
		switch (steps[r->step].run(r)) {
		case STEP_NEXT:
			break;
		case STEP_ANSWER:
			steps_refuse(r);
			return;
		case STEP_WAIT:
			REQUIRE(!r->tx && r->wait != WAIT_NONE);
			return;
		case STEP_DONE:
			head(r);
			answer(r);
			return;
		case STEP_AGAIN:
			REQUIRE(!r->tx);
			r->step = STEP_RESOLVE - 1;
			break;
		}
	}
}
