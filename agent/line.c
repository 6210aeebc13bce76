/* SPDX-License-Identifier: Apache-2.0 */
/* A line: what waits, when connections are opened, and what is said when none can be. */
#include "agent/line.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/line_priv.h"
#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"

#define NS_PER_MS INT64_C(1000000)
enum { AT_ONCE = 16, PATIENCE_MS = 20, PROBE_MS = 50, PAUSE_FIRST_MS = 200, PAUSE_MAX_MS = 5000, DRAIN_MS = 2000, LATE_MS = 9000 };

/* --- errands ------------------------------------------------------------------------------------------------------- */

static void unqueue(struct errand *x)
{
	if (x->link.next && x->err == 0)
		x->line->n_waiting--;
	conn_list_del(&x->link);
}

/* What the CSE holds back must not take all connections: a quarter of them is for the other requests. */
static unsigned most_polls(const struct line *l)
{
	unsigned kept = l->o.max_conns / 4;

	return l->o.max_conns <= 1 ? 1 : l->o.max_conns - (kept ? kept : 1);
}

static void end_poll(struct errand *x)
{
	x->line->n_polls -= x->poll;
	x->poll = false;
}

static void detach(struct errand *x)
{
	unqueue(x);
	loop_timer_cancel(x->line->lane.loop, &x->timer);
	if (x->conn) {
		x->conn->orphan = true;
		x->conn->errand = NULL;
		line_conn_deadline(x->conn);
		x->conn = NULL;
	}
}

void line_errand_free(struct errand *x)
{
	unqueue(x);
	end_poll(x);
	loop_timer_cancel(x->line->lane.loop, &x->timer);
	x->carriage->own = NULL;
	free(x);
}

static void tell_over(struct line *l)
{
	while (l->over.next != &l->over) {
		struct errand *x = CONTAINER_OF(l->over.next, struct errand, link);
		struct carriage *c = x->carriage;
		const char *text = x->text;
		int err = x->err;

		line_errand_free(x);
		c->done(c, err, NULL, NULL, text);
	}
}

static void on_over(struct loop *loop, struct loop_task *t)
{
	(void)loop;
	tell_over(CONTAINER_OF(t, struct line, end_over));
}

void line_fail(struct errand *x, int err, const char *text)
{
	struct line *l = x->line;

	detach(x);
	end_poll(x);
	x->err = err;
	x->text = text;
	conn_list_add(&l->over, &x->link);
	loop_defer(l->lane.loop, &l->end_over, on_over);
}

void line_wait(struct errand *x, bool first)
{
	struct line *l = x->line;

	l->n_waiting++;
	x->since_ns = loop_now_ns(l->lane.loop);
	/* At the front is at the end of the list that begins one further. */
	conn_list_add(first ? l->waiting.next : &l->waiting, &x->link);
}

static void end_conn(struct line_conn *lc)
{
	lc->ours = true;
	conn_finish(&lc->conn);
}

static void on_deadline(struct loop *loop, struct loop_timer *t)
{
	struct errand *x = CONTAINER_OF(t, struct errand, timer);

	(void)loop;
	line_fail(x, E_TIMEOUT, x->conn ? "the CSE did not answer in time" : "there was no connection to the CSE in time");
}

void line_send(struct line *l, struct carriage *c)
{
	CHECK(l, LINE);
	struct errand *x = calloc(1, sizeof(*x));
	int64_t at = c->deadline_ns ? c->deadline_ns : loop_now_ns(l->lane.loop) + l->o.timeout_ns;

	REQUIRE(x != NULL);
	x->line = l;
	x->carriage = c;
	c->own = x;
	if (l->n_waiting >= l->o.max_queue) {
		line_fail(x, E_LIMIT, "too many requests wait for the CSE already: try again later");
		return;
	}
	if (c->poll && l->n_polls >= most_polls(l)) {
		line_fail(x, E_LIMIT, "as many polls wait at the CSE as it may hold back (three quarters of cse.connections): end one of them first");
		return;
	}
	x->poll = c->poll;
	l->n_polls += x->poll;
	x->until_ns = at;
	loop_timer_set(l->lane.loop, &x->timer, at, on_deadline);
	line_wait(x, false);
	line_pump(l);
}

void line_drop(struct line *l, struct carriage *c)
{
	CHECK(l, LINE);
	struct errand *x = c->own;

	struct line_conn *held;

	if (!x)
		return;
	held = x->conn && x->conn->poll ? x->conn : NULL;
	if (x->conn || x->link.next)
		detach(x);
	line_errand_free(x);
	/* What the CSE would answer to a poll that nobody waits for would be lost. */
	if (held)
		end_conn(held);
}

/* --- connections --------------------------------------------------------------------------------------------------- */

static void fail_waiting(struct line *l)
{
	while (l->waiting.next != &l->waiting)
		line_fail(CONTAINER_OF(l->waiting.next, struct errand, link), E_CLOSED, l->fault);
}

static void on_pump(struct loop *loop, struct loop_task *t)
{
	(void)loop;
	line_pump(CONTAINER_OF(t, struct line, pump));
}

void line_pump_soon(struct line *l)
{
	loop_defer(l->lane.loop, &l->pump, on_pump);
}

static void on_patience(struct loop *loop, struct loop_timer *t)
{
	(void)loop;
	line_pump(CONTAINER_OF(t, struct line, patience));
}

/* Those that are on their way out are none of them. */
static unsigned n_present(const struct line *l)
{
	return l->n_conns - l->n_late;
}

/* How many connections there may be now.  A burst goes through a few soon; what the CSE holds back (a polling channel) must not
 * keep others waiting. */
static unsigned may_have(struct line *l)
{
	int64_t patient_until;

	if (l->probing)
		return 1;
	if (l->n_waiting == 0 || l->o.max_conns <= AT_ONCE || n_present(l) < AT_ONCE)
		return l->o.max_conns < AT_ONCE ? l->o.max_conns : AT_ONCE;
	patient_until = CONTAINER_OF(l->waiting.next, struct errand, link)->since_ns + PATIENCE_MS * NS_PER_MS;
	if (loop_now_ns(l->lane.loop) >= patient_until)
		return l->o.max_conns;
	if (!l->patience.pos)
		loop_timer_set(l->lane.loop, &l->patience, patient_until, on_patience);
	return AT_ONCE;
}

void line_pump(struct line *l)
{
	unsigned want;

	if (l->closing)
		return;
	while (l->n_waiting && l->idle.next != &l->idle) {
		struct errand *x = CONTAINER_OF(l->waiting.next, struct errand, link);

		unqueue(x);
		line_carry(CONTAINER_OF(l->idle.next, struct line_conn, idle), x);
	}
	want = l->n_waiting ? l->n_waiting : l->warm && n_present(l) == 0;
	if (l->n_retired || l->n_dialing >= want)
		return;
	if (loop_now_ns(l->lane.loop) < l->pause_until_ns) {
		if (n_present(l) == 0)
			fail_waiting(l);
		return;
	}
	l->warm = false;
	if (l->n_addr == 0 && !line_resolve(l)) {
		l->warm = l->n_waiting == 0;
		return;
	}
	while (l->n_dialing < want && n_present(l) < may_have(l))
		if (!line_dial(l, &l->addr[l->at_addr]))
			return;
}

static void on_probed(struct loop *loop, struct loop_timer *t)
{
	struct line *l = CONTAINER_OF(t, struct line, probe);

	(void)loop;
	l->probing = false;
	line_pump(l);
}

void line_opened(struct line *l)
{
	if (l->probing)
		loop_timer_set(l->lane.loop, &l->probe, loop_now_ns(l->lane.loop) + PROBE_MS * NS_PER_MS, on_probed);
}

/* A handshake says little: a credential that was suspended gets that far. */
void line_heard(struct line *l, bool retired)
{
	if (l->lost && !l->o.quiet)
		log_write(l->o.agent->log, LOG_UPSTREAM, "%.100s port %u", l->host, l->o.port);
	l->lost = false;
	if (!retired)
		l->probing = false;
	l->tried = 0;
	l->pause_ns = 0;
	l->fault[0] = 0;
	l->answered++;
}

/* The next address of the name is tried at once; when all have failed, there is a pause. */
static void next_address(struct line *l, bool met, const char *fault)
{
	bool in_use = n_present(l) > l->n_dialing + l->n_retired;

	/* Of several addresses the fault is told of the first where somebody was met; where nobody was, of the first. */
	if (l->tried == 0 || !l->fault[0] || (met && !l->met)) {
		snprintf(l->fault, sizeof(l->fault), "%s", fault);
		l->met = met;
	}
	if (++l->tried < l->n_addr) {
		l->at_addr = (l->at_addr + 1) % l->n_addr;
		line_pump_soon(l);
		return;
	}
	l->tried = 0;
	l->n_addr = 0;
	l->pause_ns = l->pause_ns ? l->pause_ns * 2 : PAUSE_FIRST_MS * NS_PER_MS;
	if (l->pause_ns > PAUSE_MAX_MS * NS_PER_MS)
		l->pause_ns = PAUSE_MAX_MS * NS_PER_MS;
	l->pause_until_ns = loop_now_ns(l->lane.loop) + l->pause_ns / 2 + (int64_t)rnd_below(l->o.agent->rnd, (uint64_t)l->pause_ns / 2);
	if (!l->lost && !l->o.quiet)
		log_write(l->o.agent->log, LOG_UPSTREAM_LOST, "%s", l->fault);
	l->lost = true;
	if (!in_use)
		fail_waiting(l);
}

void line_unreached(struct line *l, const char *fmt, ...)
{
	char text[sizeof(l->fault)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	next_address(l, true, text);
}

void line_nobody(struct line *l)
{
	char text[sizeof(l->fault)];

	snprintf(text, sizeof(text), "the CSE at %.100s port %u cannot be reached: is it running, is there a network?", l->host, l->o.port);
	next_address(l, false, text);
}

void line_hang_up(struct line *l)
{
	CHECK(l, LINE);
	while (l->idle.next != &l->idle)
		end_conn(CONTAINER_OF(l->idle.next, struct line_conn, idle));
}

/* Their peer takes too long: others need not wait for that.  What is in hand there is not asked for a second time while the CSE carries it
 * out, which lets connections of the certificate before go on for longer than this (CRED_DRAIN_S after the first use of the new one).  A
 * poll loses nothing by being asked again. */
static void on_drain(struct loop *loop, struct loop_timer *t)
{
	struct line *l = CONTAINER_OF(t, struct line, drain);
	struct conn_link *next;

	for (struct conn_link *i = l->lane.all.next; i != &l->lane.all; i = next) {
		struct line_conn *lc = (struct line_conn *)(void *)CONTAINER_OF(i, struct conn, all);

		next = i->next;
		if (!lc->retired || lc->conn.left)
			continue;
		if (lc->late || lc->poll || !lc->errand) {
			end_conn(lc);
		} else {
			lc->late = true;
			l->n_retired--;
			l->n_late++;
		}
	}
	if (l->n_late)
		loop_timer_set(loop, t, loop_now_ns(loop) + LATE_MS * NS_PER_MS, on_drain);
	line_pump_soon(l);
}

void line_renew(struct line *l)
{
	CHECK(l, LINE);
	struct conn_link *next;

	line_hang_up(l);
	for (struct conn_link *i = l->lane.all.next; i != &l->lane.all; i = next) {
		struct line_conn *lc = (struct line_conn *)(void *)CONTAINER_OF(i, struct conn, all);

		next = i->next;
		if (lc->conn.left)
			continue;
		if (!lc->open) {
			end_conn(lc);
		} else if (!lc->retired) {
			lc->retired = true;
			l->n_retired++;
		}
	}
	if (l->n_retired)
		loop_timer_set(l->lane.loop, &l->drain, loop_now_ns(l->lane.loop) + DRAIN_MS * NS_PER_MS, on_drain);
	l->pause_until_ns = 0;
	/* The CSE changes over with the first use of a new certificate: two at once would race there. */
	l->probing = true;
	line_pump_soon(l);
}

void line_warm(struct line *l)
{
	CHECK(l, LINE);
	l->warm = l->n_conns == 0;
	line_pump_soon(l);
}

const char *line_fault(const struct line *l)
{
	return l->n_conns > l->n_dialing ? "" : l->fault;
}

unsigned line_connections(const struct line *l)
{
	return l->n_conns - l->n_dialing;
}

uint64_t line_answered(const struct line *l)
{
	return l->answered;
}

/* --- life ------------------------------------------------------------------------------------------------------------ */

void line_set(struct line *l, const struct line_opts *o)
{
	CHECK(l, LINE);
	l->o.max_conns = o->max_conns;
	l->o.max_queue = o->max_queue;
	l->o.timeout_ns = o->timeout_ns;
	l->o.connect_ns = o->connect_ns;
	l->o.idle_ns = o->idle_ns;
	l->times = (struct conn_times){ o->connect_ns, o->timeout_ns };
	l->lane.max_handshakes = l->lane.max_of_one = o->max_conns;
}

int line_new(const struct line_opts *o, struct line **out, struct why *why)
{
	struct line *l = calloc(1, sizeof(*l));

	REQUIRE(l != NULL && o->ssl && o->prove && o->unable && o->refused && o->closed);
	if (o->host.n == 0 || o->host.n >= sizeof(l->host) || o->port == 0) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the CSE's host or port is missing: set cse.host and cse.port, or enrol again");
		free(l);
		return E_CONF;
	}
	l->magic = LINE_MAGIC;
	l->o = *o;
	memcpy(l->host, o->host.p, o->host.n);
	l->bio = conn_bio_new();
	REQUIRE(l->bio != NULL);
	l->limits = (struct http1_limits){ .line = LINE_HEAD / 2, .head = LINE_HEAD, .body = o->max_body, .fields = LINE_FIELDS };
	l->lane = (struct conn_lane){ .loop = o->agent->loop, .log = o->agent->log, .user = &line_user, .times = &l->times,
		                      .total = &l->total };
	line_set(l, o);
	conn_lane_init(&l->lane, l->bio);
	l->probing = true;
	conn_list_init(&l->waiting);
	conn_list_init(&l->over);
	conn_list_init(&l->idle);
	*out = l;
	return 0;
}

void line_free(struct line *l)
{
	if (!l)
		return;
	CHECK(l, LINE);
	l->closing = true;
	if (l->lookup)
		l->lookup->line = NULL;
	loop_timer_cancel(l->lane.loop, &l->drain);
	loop_timer_cancel(l->lane.loop, &l->probe);
	loop_timer_cancel(l->lane.loop, &l->patience);
	snprintf(l->fault, sizeof(l->fault), "the agent ends");
	conn_lane_fini(&l->lane);
	fail_waiting(l);
	tell_over(l);
	loop_defer_cancel(l->lane.loop, &l->end_over);
	loop_defer_cancel(l->lane.loop, &l->pump);
	BIO_meth_free(l->bio);
	l->magic = 0;
	free(l);
}
