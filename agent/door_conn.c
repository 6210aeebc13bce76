/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 with local clients: from bytes to a carriage and back, one request at a time on each connection. */
#include <stdlib.h>

#include "agent/door_priv.h"
#include "cse/base/err.h"
#include "cse/base/log.h"

#define NS_PER_S 1000000000
enum { HEAD_S = 10, BODY_S = 30, IDLE_S = 300, TELL_S = 1 };

static void run(struct door_conn *dc);

static int64_t after(const struct door_conn *dc, int seconds)
{
	return loop_now_ns(dc->plain.loop) + (int64_t)seconds * NS_PER_S;
}

void door_refused(struct door *d, const char *why)
{
	int64_t now = loop_now_ns(d->agent->loop);

	d->untold++;
	if (d->told_ns != 0 && now - d->told_ns < (int64_t)TELL_S * NS_PER_S)
		return;
	log_write(d->agent->log, LOG_HTTP_REFUSED, "local port: %s (%u since the last such line)", why, d->untold);
	d->told_ns = now;
	d->untold = 0;
}

/* --- answers ----------------------------------------------------------------------------------------------------------- */

static void answered(struct door_conn *dc)
{
	dc->used += dc->h.head_n + dc->h.body_n;
	buf_reset(&dc->out);
	buf_shrink(&dc->out, DOOR_KEEP);
	buf_reset(&dc->ask);
	buf_shrink(&dc->ask, DOOR_KEEP);
	dc->phase = DOOR_IDLE;
	if (dc->closing)
		plain_finish(&dc->plain);
	else
		plain_resume(&dc->plain);
}

void door_conn_answer(struct door_conn *dc)
{
	dc->phase = DOOR_SENDING;
	plain_pause(&dc->plain);
	plain_deadline(&dc->plain, after(dc, BODY_S));
	if (dc->out.over) {
		plain_close(&dc->plain);
		return;
	}
	if (plain_send(&dc->plain, dc->out.p, dc->out.n) && !dc->plain.closed)
		answered(dc);
}

/* Not HTTP that could be carried: said once, then the connection ends. */
static void refuse(struct door_conn *dc, unsigned status, const char *why)
{
	door_refused(dc->door, why);
	dc->closing = true;
	door_answer_plain(dc, status, why);
	door_conn_answer(dc);
}

static void on_done(struct carriage *c, int err, const struct http1 *answer, const char *base, const char *text)
{
	struct door_conn *dc = c->arg;

	CHECK(&dc->plain, PLAIN);
	door_once_done(dc, err != 0);
	if (err == 0) {
		door_answer_learn(dc, answer, base);
		door_answer_put(dc, answer, base);
	} else {
		door_answer_refuse(dc, err == E_TIMEOUT ? RSC_REQUEST_TIMEOUT : RSC_TARGET_NOT_REACHABLE, text);
	}
	door_conn_answer(dc);
	run(dc);
}

/* --- requests ---------------------------------------------------------------------------------------------------------- */

static void judge(struct door_conn *dc)
{
	struct why why = { 0 };
	enum rsc rsc;

	dc->closing = !dc->h.keep_alive;
	if (dc->h.method == HTTP1_OPTIONS && dc->origin.n > 0) {
		door_answer_preflight(dc);
		door_conn_answer(dc);
		return;
	}
	if (dc->h.method != HTTP1_GET && dc->h.method != HTTP1_POST && dc->h.method != HTTP1_PUT && dc->h.method != HTTP1_DELETE) {
		door_answer_plain(dc, 405, "this method is not a oneM2M operation");
		door_conn_answer(dc);
		return;
	}
	rsc = door_ask(dc, &why);
	arena_reset(&dc->door->arena);
	if (rsc != RSC_NONE) {
		door_answer_refuse(dc, rsc, why.text);
		door_conn_answer(dc);
		return;
	}
	dc->phase = DOOR_CARRIED;
	plain_pause(&dc->plain);
	loop_timer_cancel(dc->plain.loop, &dc->plain.timer);
	dc->carriage.done = on_done;
	dc->carriage.arg = dc;
	door_once_sent(dc);
	upstream_send(dc->door->agent->upstream, &dc->carriage);
}

/* The head is complete: nothing of the content is waited for when it will not be heard. */
static void on_head(struct door_conn *dc)
{
	static const char go_on[] = "HTTP/1.1 100 \r\n\r\n";
	const char *why;
	unsigned status = door_host_check(&dc->h, door_message(dc), dc->door->agent->policy, &dc->origin, &why);

	dc->in_body = true;
	if (status != 0) {
		refuse(dc, status, why);
	} else if (dc->h.expect_other) {
		refuse(dc, 417, "the only expectation that is met is 100-continue");
	} else if (dc->h.expect_continue && dc->plain.in.n - dc->used == dc->h.head_n) {
		dc->interim = true;
		dc->phase = DOOR_SENDING;
		if (plain_send(&dc->plain, go_on, sizeof(go_on) - 1)) {
			dc->interim = false;
			dc->phase = DOOR_READING;
		}
	}
}

static void on_message(struct door_conn *dc)
{
	const char *why;
	unsigned status = door_host_check(&dc->h, door_message(dc), dc->door->agent->policy, &dc->origin, &why);

	if (status != 0)
		refuse(dc, status, why);
	else
		judge(dc);
}

/* Looks at what has come; true when the next message may be looked at. */
static bool read_message(struct door_conn *dc)
{
	enum http1_result r;
	size_t have = dc->plain.in.n - dc->used;

	if (have == 0)
		return false;
	if (dc->phase == DOOR_IDLE) {
		http1_init(&dc->h, HTTP1_REQUEST, &dc->door->limits, dc->fields);
		dc->phase = DOOR_READING;
		dc->in_body = false;
		plain_deadline(&dc->plain, after(dc, HEAD_S));
	}
	do {
		have = dc->plain.in.n - dc->used;
		r = http1_parse(&dc->h, dc->plain.in.p + dc->used, &have);
		dc->plain.in.n = dc->used + have;
		if (r == HTTP1_HEAD_DONE) {
			plain_deadline(&dc->plain, after(dc, BODY_S));
			on_head(dc);
		}
	} while (r == HTTP1_HEAD_DONE && !dc->plain.closed && dc->phase == DOOR_READING);
	if (dc->plain.closed || dc->phase != DOOR_READING)
		return false;
	if (r == HTTP1_BAD)
		refuse(dc, dc->h.status, dc->h.why);
	else if (r == HTTP1_DONE)
		on_message(dc);
	return !dc->plain.closed && dc->phase == DOOR_IDLE && !dc->plain.lingering;
}

static void run(struct door_conn *dc)
{
	if (dc->running || dc->plain.closed || dc->plain.lingering)
		return;
	dc->running = true;
	while ((dc->phase == DOOR_IDLE || dc->phase == DOOR_READING) && read_message(dc))
		;
	dc->running = false;
	if (dc->plain.closed || dc->plain.lingering || (dc->phase != DOOR_IDLE && dc->phase != DOOR_READING))
		return;
	buf_drop(&dc->plain.in, dc->used);
	dc->used = 0;
	if (dc->plain.eof)
		plain_finish(&dc->plain);
	else if (dc->phase == DOOR_IDLE)
		plain_deadline(&dc->plain, after(dc, IDLE_S));
}

/* --- the connection's calls -------------------------------------------------------------------------------------------- */

static void on_ready(struct plain *p)
{
	run(door_conn_of(p));
}

static void on_sent(struct plain *p)
{
	struct door_conn *dc = door_conn_of(p);

	if (dc->interim) {
		dc->interim = false;
		dc->phase = DOOR_READING;
	} else {
		answered(dc);
	}
	run(dc);
}

static void on_timeout(struct plain *p)
{
	struct door_conn *dc = door_conn_of(p);

	if (dc->phase == DOOR_READING)
		refuse(dc, 408, "the message did not arrive in time");
	else
		plain_close(p);
}

static void on_gone(struct plain *p)
{
	struct door_conn *dc = door_conn_of(p);

	door_once_done(dc, true);
	if (dc->phase == DOOR_CARRIED)
		upstream_drop(dc->door->agent->upstream, &dc->carriage);
	conn_list_del(&dc->all);
	dc->door->n_conns--;
	buf_fini(&dc->ask);
	buf_fini(&dc->out);
	free(dc);
}

static const struct plain_user door_user = {
	.ready = on_ready,
	.sent = on_sent,
	.timeout = on_timeout,
	.gone = on_gone,
};

void door_conn_take(struct door *d, int fd, bool is_unix)
{
	struct door_conn *dc = calloc(1, sizeof(*dc));

	REQUIRE(dc != NULL);
	if (!plain_open(&dc->plain, d->agent->loop, fd, &door_user, 2 * DOOR_HEAD + d->limits.body + DOOR_HEAD)) {
		free(dc);
		return;
	}
	dc->door = d;
	dc->is_unix = is_unix;
	buf_init(&dc->ask, DOOR_OUT);
	buf_init(&dc->out, DOOR_OUT);
	conn_list_add(&d->all, &dc->all);
	d->n_conns++;
	plain_deadline(&dc->plain, after(dc, HEAD_S));
}
