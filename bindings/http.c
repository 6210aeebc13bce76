/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 on a connection.  Requests are carried out one after another, so that answers leave in their order; while one
 * is under way nothing is read, and its slices stay where they are.
 */
#include "bindings/http.h"

#include "cse/base/conf.h"
#include "cse/base/log.h"

#define NS_PER_MS 1000000
enum {
	GAP = 1024,        /* kept free before an answer's content for its head */
	IN_TURN = 16,      /* pipelined requests before the others get their turn */
	RETRY_MS = 2,
	TELL_MS = 1000,
	LIMITED_REQUESTS = 3, /* security-model 2.1 */
	LIMITED_MS = 30000,
};

static void run(struct http_conn *hc);
static void settle(struct http_conn *hc);

static int64_t now_of(const struct http_conn *hc)
{
	return loop_now_ns(hc->conn.lane->loop);
}

/* --- sending ----------------------------------------------------------------------------------------------------- */

/* The answer has left: the next message's turn. */
static void answered(struct http_conn *hc)
{
	struct http_exchange *x = hc->x;

	http_release(hc);
	if (hc->closing) {
		conn_finish(&hc->conn);
		return;
	}
	x->used += x->h.head_n + x->h.body_n;
	if (x->wish.secret)
		explicit_bzero(x->out.p, x->out.n);
	buf_reset(&x->out);
	buf_shrink(&x->out, HTTP_KEEP);
	hc->phase = HTTP_IDLE;
	conn_resume(&hc->conn);
}

static void send_answer(struct http_conn *hc)
{
	struct http_exchange *x = hc->x;

	hc->phase = HTTP_SENDING;
	conn_pause(&hc->conn);
	if (conn_send(&hc->conn, x->out.p + x->from, x->out.n - x->from))
		answered(hc);
	else if (hc->conn.state == CONN_OPEN)
		http_hold(hc);
}

static void send_plain(struct http_conn *hc, unsigned status, struct str text, struct str allow)
{
	struct http_exchange *x = hc->x;

	stat_add(hc->conn.lane->stats, STAT_HTTP_REFUSED, 1);
	x->wish.close = hc->closing;
	buf_reset(&x->out);
	http_map_plain(&x->out, status, text, allow, &x->wish, x->h.method == HTTP1_HEAD);
	x->from = 0;
	send_answer(hc);
}

/* The message cannot be understood or takes too long; where the next one would begin is not known. */
static void refuse(struct http_conn *hc, unsigned status, const char *why)
{
	struct http_lane *hl = http_lane_of(hc);
	int64_t now = now_of(hc);

	hl->untold++;
	if (now - hl->told_ns >= (int64_t)TELL_MS * NS_PER_MS) {
		log_write(hl->lane.log, LOG_HTTP_REFUSED, "%u: %s (%u since the last such line)", status, why, hl->untold);
		hl->told_ns = now;
		hl->untold = 0;
	}
	hc->closing = true;
	hc->x->wish = (struct http_wish){ .close = true };
	send_plain(hc, status, str_of(why), STR_NONE);
}

void http_send(struct http_conn *hc)
{
	send_answer(hc);
	run(hc);
}

/* --- the gate's answers ------------------------------------------------------------------------------------------ */

/* The content stands in the buffer behind the gap; puts the head before it. */
static void put_head(struct http_conn *hc, const struct resp *r)
{
	struct buf *head = &http_lane_of(hc)->head, *out = &hc->x->out;

	buf_reset(head);
	http_map_answer(head, r, &hc->x->wish, out->n - GAP);
	hc->x->from = 0;
	if (head->n <= GAP) {
		hc->x->from = GAP - head->n;
	} else if (buf_room(out, head->n - GAP)) {
		memmove(out->p + head->n, out->p + GAP, out->n - GAP);
		buf_added(out, head->n - GAP);
	}
	if (!out->over && !head->over)
		memcpy(out->p + hc->x->from, head->p, head->n);
}

static void prepare(void *arg, const struct resp *r)
{
	struct http_conn *hc = arg;
	struct buf *out = &hc->x->out;

	/* What it asked for has locked its own credential: it may still read why. */
	if (!peer_is_live(hc->conn.lane->security, hc->conn.peer))
		hc->closing = hc->x->wish.close = true;
	buf_reset(out);
	REQUIRE(buf_room(out, GAP) != NULL);
	buf_added(out, GAP);
	if (r->has_pc)
		hc->x->wish.codec->encode_content(out, r->root, &r->pc);
	put_head(hc, r);
	if (out->over || http_lane_of(hc)->head.over) {
		struct resp large = { .rsc = RSC_INTERNAL_SERVER_ERROR, .rqi = r->rqi, .rvi = r->rvi };

		out->n = GAP;
		out->over = false;
		put_head(hc, &large);
	}
}

static void release(void *arg)
{
	struct http_conn *hc = arg;

	CHECK(&hc->conn, CONN);
	hc->request = NULL;
	http_send(hc);
}

static const struct gate_reply reply = { prepare, release };

static void submit(struct http_conn *hc)
{
	struct http_lane *hl = http_lane_of(hc);
	struct http_exchange *x = hc->x;
	struct request *r = gate_open(hl->gate, hl->lane.loop);
	struct prim *p = request_prim(r);
	enum rsc rsc;

	hc->phase = HTTP_JUDGED;
	hc->request = r;
	conn_pause(&hc->conn);
	rsc = http_map_request(&x->h, x->in.p + x->used, gate_limits(hl->gate), p, &x->wish);
	if (rsc == RSC_NONE) {
		gate_submit(r, hc->conn.peer, &reply, hc);
		return;
	}
	prim_fail(p, rsc, "the request could not be read");
	gate_refuse(r, &reply, hc);
}

/* --- congestion -------------------------------------------------------------------------------------------------- */

static void on_retry(struct loop *l, struct loop_timer *t)
{
	struct http_lane *hl = CONTAINER_OF(t, struct http_lane, retry);

	while (hl->waiting.next != &hl->waiting && !gate_is_congested(hl->gate)) {
		struct http_conn *hc = CONTAINER_OF(hl->waiting.next, struct http_conn, waiting);

		conn_list_del(&hc->waiting);
		if (hc->phase == HTTP_WAITING) {
			submit(hc);
			run(hc);
		} else {
			/* The peer was not asked for bytes: its time begins anew. */
			if (hc->phase == HTTP_READING)
				hc->deadline_ns = now_of(hc) + (hc->in_body ? hl->set->body_ns : hl->set->head_ns);
			conn_resume(&hc->conn);
			settle(hc);
		}
	}
	if (hl->waiting.next != &hl->waiting)
		loop_timer_set(l, t, loop_now_ns(l) + (int64_t)RETRY_MS * NS_PER_MS, on_retry);
}

static void wait_for_store(struct http_conn *hc)
{
	struct http_lane *hl = http_lane_of(hc);

	conn_pause(&hc->conn);
	conn_list_add(&hl->waiting, &hc->waiting);
	if (!hl->retry.pos)
		loop_timer_set(hl->lane.loop, &hl->retry, now_of(hc) + (int64_t)RETRY_MS * NS_PER_MS, on_retry);
}

/* --- a complete message ------------------------------------------------------------------------------------------ */

/* The browser's origin if it is one of https.cors_origins. */
static struct str allowed_origin(const struct http_conn *hc)
{
	const struct http_exchange *x = hc->x;
	const char *item = conf_item(x->set->conf, CONF_HTTP_CORS, 0);
	struct str origin;

	if (item == NULL)
		return STR_NONE;
	origin = http1_field(&x->h, x->in.p + x->used, STR("origin"), NULL);
	for (unsigned i = 0; item != NULL && origin.n > 0; item = conf_item(x->set->conf, CONF_HTTP_CORS, ++i))
		if (str_eqz(origin, item))
			return origin;
	return STR_NONE;
}

static void answer_options(struct http_conn *hc)
{
	struct http_exchange *x = hc->x;
	bool preflight;

	http1_field(&x->h, x->in.p + x->used, STR("access-control-request-method"), &preflight);
	if (x->wish.origin.n == 0 || !preflight) {
		send_plain(hc, 405, STR("this method is not a oneM2M operation"), STR("GET, POST, PUT, DELETE"));
		return;
	}
	buf_reset(&x->out);
	http_map_preflight(&x->out, &x->wish);
	x->from = 0;
	send_answer(hc);
}

static void judge(struct http_conn *hc)
{
	struct http_lane *hl = http_lane_of(hc);
	struct http_exchange *x = hc->x;

	stat_add(hl->lane.stats, STAT_HTTP_REQUESTS, 1);
	if (!peer_is_live(hl->lane.security, hc->conn.peer)) {
		conn_close(&hc->conn);
		return;
	}
	http_release(hc);
	hc->closing = !x->h.keep_alive || hl->ending;
	x->wish = (struct http_wish){ .close = hc->closing, .origin = allowed_origin(hc) };
	if (peer_is_limited(hc->conn.peer) && (++hc->asked > LIMITED_REQUESTS || !aside_may(hc))) {
		hc->closing = true;
		send_plain(hc, 403, STR("this session may enrol by /.well-known/est/, with three requests, and nothing else"), STR_NONE);
		return;
	}
	if (aside_take(hc))
		return;
	switch (x->h.method) {
	case HTTP1_GET:
	case HTTP1_POST:
	case HTTP1_PUT:
	case HTTP1_DELETE:
		if (!gate_is_congested(hl->gate)) {
			submit(hc);
		} else {
			hc->phase = HTTP_WAITING;
			wait_for_store(hc);
		}
		break;
	case HTTP1_OPTIONS:
		answer_options(hc);
		break;
	default:
		send_plain(hc, 405, STR("this method is not a oneM2M operation"), STR("GET, POST, PUT, DELETE"));
		break;
	}
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

/* The head is complete, content is to come. */
static void on_head(struct http_conn *hc)
{
	static const char go_on[] = "HTTP/1.1 100 \r\n\r\n";
	struct http_exchange *x = hc->x;

	hc->deadline_ns = now_of(hc) + x->set->body_ns;
	hc->in_body = true;
	if (x->h.expect_other) {
		refuse(hc, 417, "the only expectation that is met is 100-continue");
	} else if (x->h.expect_continue && x->in.n - x->used == x->h.head_n) {
		hc->interim = true;
		hc->phase = HTTP_SENDING;
		if (conn_send(&hc->conn, go_on, sizeof(go_on) - 1)) {
			hc->interim = false;
			hc->phase = HTTP_READING;
		}
	}
}

/* Looks at what has come; true when the next message may be looked at. */
static bool read_message(struct http_conn *hc)
{
	struct http_exchange *x = hc->x;
	enum http1_result r;
	size_t have;

	if (x == NULL || x->in.n == x->used)
		return false;
	if (hc->phase == HTTP_IDLE) {
		http1_init(&x->h, HTTP1_REQUEST, &x->set->limits, x->fields);
		hc->phase = HTTP_READING;
		hc->in_body = false;
		hc->deadline_ns = now_of(hc) + x->set->head_ns;
	}
	do {
		have = x->in.n - x->used;
		r = http1_parse(&x->h, x->in.p + x->used, &have);
		x->in.n = x->used + have;
		if (r == HTTP1_HEAD_DONE)
			on_head(hc);
	} while (r == HTTP1_HEAD_DONE && hc->conn.state == CONN_OPEN && hc->phase == HTTP_READING);
	if (hc->conn.state != CONN_OPEN || hc->phase != HTTP_READING)
		return false;
	if (r == HTTP1_BAD)
		refuse(hc, x->h.status, x->h.why);
	else if (r == HTTP1_DONE)
		judge(hc);
	return hc->conn.state == CONN_OPEN && hc->phase == HTTP_IDLE;
}

/* A session that may enrol only ends at its time, whatever it waits for. */
static int64_t not_beyond(struct http_conn *hc, int64_t at_ns)
{
	if (!peer_is_limited(hc->conn.peer))
		return at_ns;
	if (hc->limit_ns == 0)
		hc->limit_ns = now_of(hc) + (int64_t)LIMITED_MS * NS_PER_MS;
	return at_ns < hc->limit_ns ? at_ns : hc->limit_ns;
}

/* Nothing more to do with what has come: what is waited for now? */
static void settle(struct http_conn *hc)
{
	if (hc->phase != HTTP_IDLE && hc->phase != HTTP_READING)
		return;
	if (hc->phase == HTTP_IDLE)
		http_exchange_give(hc);
	if (hc->conn.eof || (hc->phase == HTTP_IDLE && http_lane_of(hc)->ending)) {
		conn_finish(&hc->conn);
	} else if (hc->phase == HTTP_IDLE) {
		conn_deadline(&hc->conn, not_beyond(hc, now_of(hc) + http_lane_of(hc)->set->idle_ns));
	} else {
		conn_deadline(&hc->conn, not_beyond(hc, hc->deadline_ns));
		http_hold(hc);
	}
}

static void on_again(struct loop *l, struct loop_task *t)
{
	struct http_conn *hc = CONTAINER_OF(t, struct http_conn, again);

	(void)l;
	conn_resume(&hc->conn);
	run(hc);
}

static void run(struct http_conn *hc)
{
	unsigned left = IN_TURN;

	if (hc->running || hc->conn.state != CONN_OPEN)
		return;
	hc->running = true;
	while ((hc->phase == HTTP_IDLE || hc->phase == HTTP_READING) && left > 0 && read_message(hc))
		left--;
	hc->running = false;
	if (hc->conn.state != CONN_OPEN)
		return;
	if (left == 0) {
		/* Nothing is read meanwhile: there may be more to do than memory for it. */
		conn_pause(&hc->conn);
		loop_defer(hc->conn.lane->loop, &hc->again, on_again);
		return;
	}
	settle(hc);
}

/* --- the connection's calls -------------------------------------------------------------------------------------- */

/* Engine 4.2: while the store has more than it can take, sockets are not read. */
static bool on_wants(struct conn *c)
{
	struct http_conn *hc = http_conn_of(c);

	if (!gate_is_congested(http_lane_of(hc)->gate))
		return true;
	wait_for_store(hc);
	return false;
}

static struct buf *on_input(struct conn *c)
{
	struct http_conn *hc = http_conn_of(c);

	if (hc->x == NULL)
		http_exchange_take(hc);
	buf_drop(&hc->x->in, hc->x->used);
	hc->x->used = 0;
	return &hc->x->in;
}

static void on_ready(struct conn *c)
{
	run(http_conn_of(c));
}

static void on_sent(struct conn *c)
{
	struct http_conn *hc = http_conn_of(c);

	if (hc->interim) {
		hc->interim = false;
		hc->phase = HTTP_READING;
	} else {
		answered(hc);
	}
	run(hc);
}

static void on_timeout(struct conn *c)
{
	struct http_conn *hc = http_conn_of(c);

	if (hc->limit_ns && now_of(hc) >= hc->limit_ns)
		conn_finish(c);
	else if (hc->waiting.next)
		conn_deadline(c, now_of(hc) + http_lane_of(hc)->set->idle_ns);
	else if (hc->phase == HTTP_IDLE)
		conn_finish(c);
	else if (hc->phase == HTTP_READING)
		refuse(hc, 408, "the message did not arrive in time");
	else /* The gate has deadlines of its own. */
		conn_deadline(c, now_of(hc) + http_lane_of(hc)->set->idle_ns);
}

static void on_gone(struct conn *c)
{
	struct http_conn *hc = http_conn_of(c);

	if (hc->request)
		gate_abandon(hc->request);
	hc->request = NULL;
	aside_lost(hc);
	conn_list_del(&hc->waiting);
	http_release(hc);
	if (hc->again.queued)
		loop_defer_cancel(c->lane->loop, &hc->again);
	http_exchange_give(hc);
}

const struct conn_user http_user = {
	.size = sizeof(struct http_conn),
	.wants = on_wants,
	.input = on_input,
	.ready = on_ready,
	.sent = on_sent,
	.timeout = on_timeout,
	.gone = on_gone,
};
