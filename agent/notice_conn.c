/* SPDX-License-Identifier: Apache-2.0 */
/* The CSE's connections: proved to be the CSE's, HTTP/1.1, one notification at a time on each. */
#include <stdlib.h>

#include "agent/identity.h"
#include "agent/notice_priv.h"
#include "bindings/http_map.h"
#include "cse/base/err.h"
#include "cse/base/log.h"

#define NS_PER_S INT64_C(1000000000)
enum { IDLE_S = 300, MESSAGE_S = 30, LIFE_S = 3600, SLACK = 65536 };

static void run(struct notice_conn *nc);

static int64_t now_of(const struct notice_conn *nc)
{
	return loop_now_ns(nc->conn.lane->loop);
}

/* --- answers ----------------------------------------------------------------------------------------------------------- */

static void answered(struct notice_conn *nc)
{
	nc->used += nc->h.head_n + nc->h.body_n;
	buf_reset(&nc->out);
	buf_shrink(&nc->out, NOTICE_KEEP);
	buf_reset(&nc->ask);
	buf_shrink(&nc->ask, NOTICE_KEEP);
	nc->phase = NOTICE_IDLE;
	if (nc->closing)
		conn_finish(&nc->conn);
	else
		conn_resume(&nc->conn);
}

static void answer(struct notice_conn *nc)
{
	nc->phase = NOTICE_SENDING;
	conn_pause(&nc->conn);
	if (nc->out.over)
		conn_close(&nc->conn);
	else if (conn_send(&nc->conn, nc->out.p, nc->out.n))
		answered(nc);
}

static void refuse(struct notice_conn *nc, enum rsc rsc, const char *text)
{
	struct buf *out = &nc->out;
	struct str body = str_of(text);

	notice_refused(notice_of(nc), text);
	buf_reset(out);
	http1_put_status(out, rsc_http(rsc));
	BUF_LIT(out, "X-M2M-RSC: ");
	buf_u64(out, (uint64_t)rsc);
	BUF_LIT(out, "\r\n");
	if (nc->rqi.n > 0)
		http1_put_field(out, STR("X-M2M-RI"), nc->rqi);
	if (nc->closing)
		BUF_LIT(out, "Connection: close\r\n");
	/* {"m2m:dbg":"..."}: sentences of ours have no quotes here. */
	BUF_LIT(out, "Content-Type: application/json\r\n");
	http1_put_length(out, body.n + sizeof("{\"m2m:dbg\":\"\"}") - 1);
	BUF_LIT(out, "\r\n{\"m2m:dbg\":\"");
	buf_str(out, body);
	BUF_LIT(out, "\"}");
	answer(nc);
}

/* No oneM2M answer: the CSE keeps the notification and tries again. */
static void plain_answer(struct notice_conn *nc, unsigned status, const char *text)
{
	struct http_wish wish = { .close = nc->closing };

	buf_reset(&nc->out);
	http_map_plain(&nc->out, status, str_of(text), status == 405 ? STR("POST") : STR_NONE, &wish, nc->h.method == HTTP1_HEAD);
	answer(nc);
}

static void put_answer(struct notice_conn *nc, const struct http1 *h, const char *base)
{
	struct buf *out = &nc->out;
	struct str body = http1_body(h, base);
	bool has_rsc, has_ri;

	http1_field(h, base, STR("x-m2m-rsc"), &has_rsc);
	http1_field(h, base, STR("x-m2m-ri"), &has_ri);
	buf_reset(out);
	/* TS-0009 6.3.2: OK is 200; and a 204 has no Content-Length (RFC 9110 8.6). */
	http1_put_status(out, h->status / 100 == 2 && (!has_rsc || h->status == 204) ? 200 : h->status);
	for (unsigned i = 0; i < h->n_fields; i++) {
		struct str name = http1_str(base, h->fields[i].name);

		if (str_eq_nocase(str_first(name, 6), STR("x-m2m-")) || (body.n > 0 && has_rsc && str_eq_nocase(name, STR("content-type"))))
			http1_put_field(out, name, http1_str(base, h->fields[i].value));
	}
	/* Many a client's small server says 200 and no more: it has taken the notification. */
	if (!has_rsc && h->status / 100 == 2) {
		BUF_LIT(out, "X-M2M-RSC: 2000\r\n");
		if (!has_ri && nc->rqi.n > 0)
			http1_put_field(out, STR("X-M2M-RI"), nc->rqi);
	}
	if (!has_rsc)
		body = STR_NONE;
	if (nc->closing)
		BUF_LIT(out, "Connection: close\r\n");
	http1_put_length(out, body.n);
	BUF_LIT(out, "\r\n");
	buf_str(out, body);
}

void notice_conn_done(struct notice_conn *nc, const struct http1 *h, const char *base)
{
	nc->local = NULL;
	if (h == NULL) {
		plain_answer(nc, 503, "the local client is not there");
	} else {
		put_answer(nc, h, base);
		answer(nc);
	}
	run(nc);
}

/* --- messages ---------------------------------------------------------------------------------------------------------- */

static void judge(struct notice_conn *nc)
{
	struct why why = { 0 };
	enum rsc rsc;

	nc->closing = !nc->h.keep_alive || now_of(nc) - nc->born_ns > LIFE_S * NS_PER_S;
	nc->rqi = STR_NONE;
	if (nc->h.method != HTTP1_POST) {
		plain_answer(nc, 405, "only notifications come in here");
		return;
	}
	rsc = notice_ask(nc, &why);
	if (rsc != RSC_NONE) {
		refuse(nc, rsc, why.text);
		return;
	}
	nc->phase = NOTICE_CARRIED;
	nc->other = nc->again = false;
	conn_pause(&nc->conn);
	notice_local_send(nc);
}

static void bad(struct notice_conn *nc, unsigned status, const char *why)
{
	notice_refused(notice_of(nc), why);
	nc->closing = true;
	plain_answer(nc, status, why);
}

static bool read_message(struct notice_conn *nc)
{
	enum http1_result r;
	size_t have = nc->in.n - nc->used;

	if (have == 0)
		return false;
	if (nc->fields == NULL)
		nc->fields = malloc(NOTICE_FIELDS * sizeof(*nc->fields));
	REQUIRE(nc->fields != NULL);
	if (nc->phase == NOTICE_IDLE) {
		http1_init(&nc->h, HTTP1_REQUEST, &notice_of(nc)->limits, nc->fields);
		nc->phase = NOTICE_READING;
		conn_deadline(&nc->conn, now_of(nc) + MESSAGE_S * NS_PER_S);
	}
	do {
		have = nc->in.n - nc->used;
		r = http1_parse(&nc->h, nc->in.p + nc->used, &have);
		nc->in.n = nc->used + have;
		if (r == HTTP1_HEAD_DONE && (nc->h.expect_continue || nc->h.expect_other)) {
			bad(nc, 417, "no expectation is met here");
			return false;
		}
	} while (r == HTTP1_HEAD_DONE);
	if (r == HTTP1_BAD)
		bad(nc, nc->h.status, nc->h.why);
	else if (r == HTTP1_DONE)
		judge(nc);
	return nc->conn.state == CONN_OPEN && nc->phase == NOTICE_IDLE;
}

static void run(struct notice_conn *nc)
{
	while (nc->conn.state == CONN_OPEN && (nc->phase == NOTICE_IDLE || nc->phase == NOTICE_READING) && read_message(nc))
		;
	if (nc->conn.state != CONN_OPEN || (nc->phase != NOTICE_IDLE && nc->phase != NOTICE_READING))
		return;
	buf_drop(&nc->in, nc->used);
	nc->used = 0;
	if (nc->conn.eof) {
		conn_finish(&nc->conn);
	} else if (nc->phase == NOTICE_IDLE) {
		free(nc->fields);
		nc->fields = NULL;
		buf_shrink(&nc->in, 0);
		conn_deadline(&nc->conn, now_of(nc) + IDLE_S * NS_PER_S);
	}
}

/* --- the connection's calls -------------------------------------------------------------------------------------------- */

static SSL *on_accept(struct conn *c)
{
	return identity_accept(notice_of(notice_conn_of(c))->agent->identity);
}

/* Nobody but the CSE: another device's certificate is of the same CA. */
static bool on_prove(struct conn *c)
{
	struct notice_conn *nc = notice_conn_of(c);
	struct identity *id = notice_of(nc)->agent->identity;

	if (!identity_is_cse(id, c->ssl)) {
		/* Of our authority, but newer than our list: the CSE tries again, when we have asked it. */
		if (!identity_is_known(id, c->ssl))
			identity_refresh(id);
		return false;
	}
	c->ends_ns = identity_peer_ends_ns(notice_of(nc)->agent, c->ssl);
	buf_init(&nc->in, NOTICE_HEAD + notice_of(nc)->limits.body + SLACK);
	buf_init(&nc->out, NOTICE_OUT);
	buf_init(&nc->ask, NOTICE_OUT);
	nc->born_ns = now_of(nc);
	return true;
}

static bool on_wants(struct conn *c)
{
	return !c->paused;
}

static struct buf *on_input(struct conn *c)
{
	return &notice_conn_of(c)->in;
}

static void on_ready(struct conn *c)
{
	run(notice_conn_of(c));
}

static void on_sent(struct conn *c)
{
	answered(notice_conn_of(c));
	run(notice_conn_of(c));
}

static void on_timeout(struct conn *c)
{
	struct notice_conn *nc = notice_conn_of(c);

	if (nc->phase == NOTICE_READING)
		bad(nc, 408, "the message did not arrive in time");
	else if (nc->phase == NOTICE_IDLE)
		conn_finish(c);
	else
		conn_deadline(c, now_of(nc) + IDLE_S * NS_PER_S);
}

static void on_gone(struct conn *c)
{
	struct notice_conn *nc = notice_conn_of(c);

	if (nc->local)
		notice_local_cancel(nc);
	buf_fini(&nc->in);
	buf_fini(&nc->out);
	buf_fini(&nc->ask);
	free(nc->fields);
}

const struct conn_user notice_user = {
	.size = sizeof(struct notice_conn),
	.wants = on_wants,
	.accept = on_accept,
	.prove = on_prove,
	.input = on_input,
	.ready = on_ready,
	.sent = on_sent,
	.timeout = on_timeout,
	.gone = on_gone,
};
