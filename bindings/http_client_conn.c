/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to a target: proof of who it is, one request at a time, its answer, and then the next. */
#include <openssl/err.h>
#include <stdlib.h>

#include "bindings/http_client_priv.h"
#include "cse/base/err.h"
#include "security/tls.h"

enum { MAX_INTERIM = 4, OUT_MAX = 64 << 20 };

static struct client_conn *cc_of(struct conn *c)
{
	return (struct client_conn *)(void *)c;
}

bool client_connect(struct endpoint *e, const struct sockaddr *to, socklen_t n)
{
	struct client_lane *lane = e->lane;
	struct client_conn *cc;
	SSL *ssl = tls_connect(lane->lane.tls, loop_index(lane->lane.loop), e->ip6 ? STR_NONE : e->host);

	if (!ssl)
		return false;
	cc = (struct client_conn *)(void *)conn_dial(&lane->lane, to, n, ssl);
	if (!cc)
		return false;
	cc->at = e;
	e->n_conns++;
	buf_init(&cc->in, lane->client->limits.head + lane->client->limits.body + CLIENT_HEAD);
	buf_init(&cc->out, OUT_MAX);
	return true;
}

/* --- sending ------------------------------------------------------------------------------------------------------- */

void client_carry(struct client_conn *cc, struct errand *x)
{
	struct client_lane *lane = client_lane_of(cc);
	const struct prim *p = x->carry->prim;
	struct buf *body = &lane->body;

	conn_list_del(&cc->idle);
	cc->errand = x;
	x->conn = cc;
	buf_reset(body);
	if (p->pc.kind == PC_ROOT)
		codec_json.encode_content(body, p->pc.root, &p->pc.v);
	else if (p->pc.kind == PC_RES)
		codec_json.encode_content(body, p->pc.res->type->root, &(struct val){ .kind = K_OBJ, .o = &p->pc.res->o });
	buf_reset(&cc->out);
	http_client_head(&cc->out, p, &x->carry->at, body->n);
	buf_str(&cc->out, buf_as_str(body));
	if (cc->out.over || body->over) {
		conn_close(&cc->conn);
		return;
	}
	buf_shrink(body, CLIENT_KEEP);
	if (!cc->fields)
		cc->fields = calloc(lane->client->limits.fields, sizeof(*cc->fields));
	REQUIRE(cc->fields != NULL);
	http1_init(&cc->h, HTTP1_RESPONSE, &lane->client->limits, cc->fields);
	cc->interim = 0;
	cc->heard = false;
	conn_send(&cc->conn, cc->out.p, cc->out.n);
	/* The core ends the attempt in time; this is for a core that does not. */
	if (cc->conn.state == CONN_OPEN)
		conn_deadline(&cc->conn, loop_now_ns(lane->lane.loop) + 2 * lane->client->times.send_ns);
}

/* --- receiving ----------------------------------------------------------------------------------------------------- */

/* Free for the next errand, or to wait for one. */
static void rest(struct client_conn *cc)
{
	struct client_lane *lane = client_lane_of(cc);

	cc->errand = NULL;
	cc->used = true;
	buf_reset(&cc->in);
	buf_shrink(&cc->in, CLIENT_KEEP);
	buf_reset(&cc->out);
	buf_shrink(&cc->out, CLIENT_KEEP);
	conn_list_add(&cc->at->idle, &cc->idle);
	conn_deadline(&cc->conn, loop_now_ns(lane->lane.loop) + lane->client->idle_ns);
}

static void answered(struct client_conn *cc)
{
	struct client_lane *lane = client_lane_of(cc);
	struct errand *x = cc->errand;
	struct endpoint *e = cc->at;
	bool keep = cc->h.keep_alive && !cc->conn.eof && cc->in.n == cc->h.head_n + cc->h.body_n;
	struct out_result r;
	struct content pc;

	http_client_answer(&lane->answer, &cc->h, cc->in.p, x->carry->prim->rqi, lane->client->o.limits, &r, &pc);
	cc->errand = NULL;
	x->conn = NULL;
	/* Its answer lies in our buffer: first the core is told. */
	e->pins++;
	client_finish(x, &r);
	arena_reset(&lane->answer);
	/* Who answers before he has read it all leaves a part of it unsent, which lies in our buffer. */
	if (keep && r.err == 0 && cc->conn.state == CONN_OPEN && !conn_is_sending(&cc->conn))
		rest(cc);
	else
		conn_close(&cc->conn);
	e->pins--;
	client_next(e);
}

static void read_answer(struct client_conn *cc)
{
	for (;;) {
		enum http1_result r = http1_parse(&cc->h, cc->in.p, &cc->in.n);

		if (r == HTTP1_HEAD_DONE)
			continue;
		if (r == HTTP1_MORE && cc->conn.eof)
			r = http1_eof(&cc->h);
		if (r == HTTP1_MORE && !cc->conn.eof)
			return;
		/* RFC 9110 15.2: interim answers come before the one that counts. */
		if (r == HTTP1_DONE && cc->h.status < 200 && cc->h.status != 101 && cc->interim++ < MAX_INTERIM) {
			buf_drop(&cc->in, cc->h.head_n);
			http1_init(&cc->h, HTTP1_RESPONSE, &client_lane_of(cc)->client->limits, cc->fields);
			if (cc->in.n)
				continue;
			return;
		}
		if (r == HTTP1_DONE && cc->h.status >= 200)
			answered(cc);
		else
			conn_close(&cc->conn);
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
	struct client_conn *cc = cc_of(c);
	struct endpoint *e = cc->at;
	struct tls *tls = client_lane_of(cc)->lane.tls;

	if (!e->by_names)
		return tls_peer(tls, c->ssl, &c->from, &c->peer) == 0 && peer_is_credential(c->peer, e->proof);
	struct str rest = e->proof, v[8];
	struct strs names = { v, 0 };
	bool more = true;

	while (more && names.n < 8)
		v[names.n++] = str_cut(&rest, ' ', &more);
	/* A name in a certificate outlives the credential that it was issued for. */
	return tls_names(tls, c->ssl, &names) && (!tls_is_credentials(c->ssl) || tls_peer(tls, c->ssl, &c->from, &c->peer) == 0);
}

static struct buf *on_input(struct conn *c)
{
	cc_of(c)->heard = true;
	return &cc_of(c)->in;
}

static void on_ready(struct conn *c)
{
	struct client_conn *cc = cc_of(c);
	struct endpoint *e = cc->at;

	if (!cc->open) {
		cc->open = true;
		e->dialing = false;
		if (c->eof) {
			conn_close(c);
			return;
		}
		rest(cc);
		cc->used = false;
		client_next(e);
	} else if (cc->errand) {
		read_answer(cc);
	} else if (cc->in.n > 0 || c->eof) {
		/* Nothing was asked. */
		conn_close(c);
	}
}

static void on_sent(struct conn *c)
{
	struct client_lane *lane = client_lane_of(cc_of(c));

	conn_deadline(c, loop_now_ns(lane->lane.loop) + 2 * lane->client->times.send_ns);
}

static void on_timeout(struct conn *c)
{
	conn_close(c);
}

static void on_gone(struct conn *c)
{
	struct client_conn *cc = cc_of(c);
	struct endpoint *e = cc->at;
	struct errand *x = cc->errand;

	conn_list_del(&cc->idle);
	cc->errand = NULL;
	buf_fini(&cc->in);
	buf_fini(&cc->out);
	free(cc->fields);
	cc->fields = NULL;
	if (!e)
		return;
	cc->at = NULL;
	e->n_conns--;
	if (x) {
		x->conn = NULL;
		/* A kept connection may end just as we speak: once more on a new one. */
		if (cc->used && !cc->heard && !x->again) {
			x->again = true;
			client_wait(x, true);
		} else {
			e->pins++;
			client_finish(x, &(struct out_result){ .err = E_CLOSED });
			e->pins--;
		}
	}
	if (!cc->open)
		client_unreachable(e);
	else
		client_next(e);
}

const struct conn_user client_user = { .size = sizeof(struct client_conn), .wants = on_wants, .prove = on_prove, .input = on_input,
	                               .ready = on_ready, .sent = on_sent, .timeout = on_timeout, .gone = on_gone };
