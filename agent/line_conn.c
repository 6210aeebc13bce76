/* SPDX-License-Identifier: Apache-2.0 */
/* A connection of a line: proof of who the peer is, one request at a time, its answer, and then the next. */
#include <openssl/err.h>
#include <stdlib.h>

#include "agent/identity.h"
#include "agent/line_priv.h"
#include "cse/base/err.h"

enum { MAX_INTERIM = 4 };

static struct line_conn *lc_of(struct conn *c)
{
	return (struct line_conn *)(void *)c;
}

bool line_dial(struct line *l, const struct line_address *to)
{
	SSL *ssl = l->o.ssl(l->o.arg);
	struct line_conn *lc;

	if (!ssl) {
		line_unreached(l, "%s", l->o.unable);
		return false;
	}
	lc = (struct line_conn *)(void *)conn_dial(&l->lane, (const struct sockaddr *)&to->at, to->n, ssl);
	if (!lc) {
		line_nobody(l);
		return false;
	}
	lc->line = l;
	l->n_conns++;
	l->n_dialing++;
	buf_init(&lc->in, l->limits.head + l->limits.body + CONN_RECORD);
	buf_init(&lc->out, LINE_OUT);
	return true;
}

/* --- sending ------------------------------------------------------------------------------------------------------- */

static void put_request(struct buf *b, const struct line *l, const struct carriage *c)
{
	bool six = strchr(l->host, ':') != NULL;

	buf_str(b, c->method);
	buf_putc(b, ' ');
	buf_str(b, c->target);
	BUF_LIT(b, " HTTP/1.1\r\nHost: ");
	if (six)
		buf_putc(b, '[');
	buf_z(b, l->host);
	if (six)
		buf_putc(b, ']');
	buf_putc(b, ':');
	buf_u64(b, l->o.port);
	BUF_LIT(b, "\r\n");
	buf_str(b, c->fields);
	if (c->body.n || str_eqz(c->method, "POST") || str_eqz(c->method, "PUT"))
		http1_put_length(b, c->body.n);
	BUF_LIT(b, "\r\n");
	buf_str(b, c->body);
}

void line_conn_deadline(struct line_conn *lc)
{
	int64_t from = loop_now_ns(lc->line->lane.loop);

	/* What the CSE holds back, as it does with a polling channel, may take as long as the client said. */
	if (lc->errand && lc->errand->until_ns > from)
		from = lc->errand->until_ns;
	conn_deadline(&lc->conn, from + 2 * lc->line->o.timeout_ns);
}

void line_carry(struct line_conn *lc, struct errand *x)
{
	struct line *l = lc->line;

	conn_list_del(&lc->idle);
	l->n_busy++;
	lc->errand = x;
	x->conn = lc;
	/* Counted with the connection from here on: its client may go, the CSE holds it still. */
	lc->poll = x->poll;
	x->poll = false;
	buf_reset(&lc->out);
	put_request(&lc->out, l, x->carriage);
	if (lc->out.over) {
		line_fail(x, E_LIMIT, "the request is larger than the agent carries");
		conn_close(&lc->conn);
		return;
	}
	if (!lc->fields)
		lc->fields = calloc(l->limits.fields, sizeof(*lc->fields));
	REQUIRE(lc->fields != NULL);
	http1_init(&lc->h, HTTP1_RESPONSE, &l->limits, lc->fields);
	if (str_eqz(x->carriage->method, "HEAD"))
		http1_answers_head(&lc->h);
	lc->interim = 0;
	lc->heard = false;
	conn_send(&lc->conn, lc->out.p, lc->out.n);
	if (lc->conn.state == CONN_OPEN)
		line_conn_deadline(lc);
}

/* --- receiving ----------------------------------------------------------------------------------------------------- */

/* Free for the next errand, or to wait for one. */
static void rest(struct line_conn *lc)
{
	struct line *l = lc->line;

	buf_reset(&lc->in);
	buf_shrink(&lc->in, LINE_KEEP);
	buf_reset(&lc->out);
	buf_shrink(&lc->out, LINE_KEEP);
	conn_list_add(&l->idle, &lc->idle);
	conn_deadline(&lc->conn, loop_now_ns(l->lane.loop) + l->o.idle_ns);
}

static void leave(struct line_conn *lc)
{
	lc->line->n_busy--;
	lc->line->n_polls -= lc->poll;
	lc->errand = NULL;
	lc->orphan = lc->poll = false;
	lc->used = true;
}

static void answered(struct line_conn *lc)
{
	struct line *l = lc->line;
	struct errand *x = lc->errand;
	struct carriage *c = x ? x->carriage : NULL;
	bool keep = lc->h.keep_alive && !lc->conn.eof && !lc->retired && lc->in.n == lc->h.head_n + lc->h.body_n;

	leave(lc);
	if (x)
		line_errand_free(x);
	line_heard(l, lc->retired);
	/* The answer lies in our buffer, so the connection rests after its client has been told. */
	if (c)
		c->done(c, 0, &lc->h, lc->in.p, NULL);
	/* Who answers before he has read it all leaves a part of it unsent. */
	if (keep && lc->conn.state == CONN_OPEN && !lc->retired && !conn_is_sending(&lc->conn)) {
		rest(lc);
	} else if (!lc->conn.left) {
		lc->ours = true;
		conn_finish(&lc->conn);
	}
	line_pump(l);
}

static void read_answer(struct line_conn *lc)
{
	for (;;) {
		enum http1_result r = http1_parse(&lc->h, lc->in.p, &lc->in.n);

		if (r == HTTP1_HEAD_DONE)
			continue;
		if (r == HTTP1_MORE && lc->conn.eof)
			r = http1_eof(&lc->h);
		if (r == HTTP1_MORE && !lc->conn.eof)
			return;
		/* RFC 9110 15.2: interim answers come before the one that counts. */
		if (r == HTTP1_DONE && lc->h.status < 200 && lc->h.status != 101 && lc->interim++ < MAX_INTERIM) {
			buf_drop(&lc->in, lc->h.head_n);
			http1_init(&lc->h, HTTP1_RESPONSE, &lc->line->limits, lc->fields);
			if (lc->in.n)
				continue;
			return;
		}
		if (r == HTTP1_DONE && lc->h.status >= 200)
			answered(lc);
		else
			conn_close(&lc->conn);
		return;
	}
}

/* --- what conn.c tells --------------------------------------------------------------------------------------------- */

static bool on_wants(struct conn *c)
{
	(void)c;
	return true;
}

static bool on_prove(struct conn *c)
{
	struct line *l = lc_of(c)->line;

	c->ends_ns = identity_peer_ends_ns(l->o.agent, c->ssl);
	lc_of(c)->stranger = l->o.prove(l->o.arg, c->ssl);
	return !lc_of(c)->stranger;
}

static struct buf *on_input(struct conn *c)
{
	lc_of(c)->heard = true;
	return &lc_of(c)->in;
}

static void on_ready(struct conn *c)
{
	struct line_conn *lc = lc_of(c);

	if (!lc->open) {
		lc->open = true;
		lc->line->n_dialing--;
		if (c->eof) {
			conn_close(c);
			return;
		}
		line_opened(lc->line);
		rest(lc);
		line_pump(lc->line);
	} else if (lc->errand || lc->orphan) {
		read_answer(lc);
	} else if (lc->in.n > 0 || c->eof) {
		/* Nothing was asked. */
		conn_close(c);
	}
}

static void on_sent(struct conn *c)
{
	line_conn_deadline(lc_of(c));
}

static void on_timeout(struct conn *c)
{
	lc_of(c)->ours = true;
	conn_finish(c);
}

/* Why a connection never opened, as far as its SSL knows. */
static void tell_fault(struct line_conn *lc)
{
	struct line *l = lc->line;
	long verdict = SSL_get_verify_result(lc->conn.ssl);

	if (lc->stranger)
		line_unreached(l, "%s", lc->stranger);
	else if (SSL_get_state(lc->conn.ssl) == TLS_ST_BEFORE)
		line_nobody(l);
	else if (verdict != X509_V_OK)
		line_unreached(l, "the certificate that %.60s port %u shows is not trusted: %.80s", l->host, l->o.port,
		               X509_verify_cert_error_string(verdict));
	else
		line_unreached(l, "%s", l->o.refused);
}

/* May a request that got no answer be sent once more?  On a connection that was kept and then ended under it, when it asks for nothing
 * that twice would be more than once (RFC 9110 9.2.2), or when the CSE, which lives, said goodbye before it read it; what we end
 * ourselves for a change of certificate it finds among those that are pending.  After a crash of the CSE nobody knows. */
static bool may_repeat(const struct line_conn *lc, const struct errand *x)
{
	bool goodbye = lc->ours || (SSL_get_shutdown(lc->conn.ssl) & SSL_RECEIVED_SHUTDOWN);

	return lc->used && !lc->heard && !x->again && !lc->line->o.once && (goodbye || !str_eqz(x->carriage->method, "POST"));
}

static void on_gone(struct conn *c)
{
	struct line_conn *lc = lc_of(c);
	struct line *l = lc->line;
	struct errand *x = lc->errand;
	bool again = x && may_repeat(lc, x);
	bool busy = x || lc->orphan, unheard = lc->open && !lc->used && !lc->heard && !lc->ours;

	/* OpenSSL takes a session that ends without goodbye for a broken one and would not take it up again. */
	if (lc->heard && !lc->ours)
		SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	conn_list_del(&lc->idle);
	lc->errand = NULL;
	buf_fini(&lc->in);
	buf_fini(&lc->out);
	free(lc->fields);
	lc->fields = NULL;
	if (!l)
		return;
	l->n_conns--;
	l->n_busy -= busy;
	l->n_retired -= lc->retired && !lc->late;
	l->n_late -= lc->late;
	if (x) {
		x->conn = NULL;
		if (again) {
			x->again = true;
			x->poll = lc->poll;
			lc->poll = false;
			line_wait(x, true);
		} else {
			line_fail(x, E_CLOSED, unheard ? l->o.closed : "the CSE closed the connection before its answer was complete");
		}
	}
	if (!lc->open) {
		l->n_dialing--;
		if (!lc->ours && !l->closing)
			tell_fault(lc);
	} else if (unheard && !l->closing) {
		line_unreached(l, "%s", l->o.closed);
	}
	l->n_polls -= lc->poll;
	line_pump_soon(l);
}

const struct conn_user line_user = { .size = sizeof(struct line_conn), .wants = on_wants, .prove = on_prove, .input = on_input,
	                             .ready = on_ready, .sent = on_sent, .timeout = on_timeout, .gone = on_gone };
