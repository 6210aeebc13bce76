/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTPS carrier: for each loop, endpoints with their connections and the errands that wait for one. */
#include "bindings/http_client.h"

#include <openssl/ssl.h>
#include <stdlib.h>

#include "bindings/http_client_priv.h"
#include "cse/base/conf.h"
#include "cse/base/err.h"

#define NS_PER_MS 1000000
enum { LINE = 64, IDLE_MS = 30000, PAUSE_MS = 1000, BODY_MAX = 64 << 20 };

/* --- endpoints ----------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, struct str s)
{
	/* Hosts come from credentialed devices, and a bucket holds few. */
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	return h;
}

static size_t names_length(const struct carry *c)
{
	size_t n = c->cred.n;

	for (size_t i = 0; c->cred.n == 0 && i < c->names.n; i++)
		n += c->names.v[i].n + 1;
	return n;
}

static struct str put_proof(char *p, const struct carry *c)
{
	size_t n = 0;

	if (c->cred.n) {
		memcpy(p, c->cred.p, c->cred.n);
		return str_make(p, c->cred.n);
	}
	for (size_t i = 0; i < c->names.n; i++) {
		if (i)
			p[n++] = ' ';
		memcpy(p + n, c->names.v[i].p, c->names.v[i].n);
		n += c->names.v[i].n;
	}
	return str_make(p, n);
}

static bool same_proof(const struct endpoint *e, const struct carry *c)
{
	struct str rest = e->proof;
	bool more = true;

	if (c->cred.n)
		return !e->by_names && str_eq(e->proof, c->cred);
	for (size_t i = 0; i < c->names.n; i++)
		if (!more || !str_eq(str_cut(&rest, ' ', &more), c->names.v[i]))
			return false;
	return e->by_names && !more;
}

static struct endpoint *endpoint_of(struct client_lane *lane, const struct carry *c)
{
	uint64_t h = mix(mix(UINT64_C(0xcbf29ce484222325) ^ c->at.port ^ (uint64_t)c->zone << 16, c->at.host), c->cred);
	struct endpoint **bucket = &lane->endpoints[(h ^ h >> 32) % CLIENT_BUCKETS], *e;
	char *text;

	for (e = *bucket; e; e = e->next)
		if (e->hash == h && e->port == c->at.port && e->zone == c->zone && e->ip6 == c->at.ip6 && str_eq(e->host, c->at.host) &&
		    same_proof(e, c))
			return e;
	e = calloc(1, sizeof(*e) + c->at.host.n + names_length(c));
	REQUIRE(e != NULL);
	text = (char *)(e + 1);
	memcpy(text, c->at.host.p, c->at.host.n);
	e->host = str_make(text, c->at.host.n);
	e->proof = put_proof(text + c->at.host.n, c);
	e->by_names = c->cred.n == 0;
	e->ip6 = c->at.ip6;
	e->port = c->at.port;
	e->zone = c->zone;
	e->hash = h;
	e->lane = lane;
	conn_list_init(&e->waiting);
	conn_list_init(&e->idle);
	e->next = *bucket;
	*bucket = e;
	return e;
}

/* Frees it when nobody connects there and nothing waits. */
static void tidy(struct endpoint *e)
{
	struct endpoint **at = &e->lane->endpoints[(e->hash ^ e->hash >> 32) % CLIENT_BUCKETS];

	if (e->n_conns || e->n_waiting || e->pins || e->dirty.next)
		return;
	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	if (e->lookup)
		e->lookup->at = NULL;
	free(e);
}

/* --- errands ------------------------------------------------------------------------------------------------------- */

static void give_back(struct client_lane *lane, struct errand *x)
{
	if (lane->n_errands >= CLIENT_POOL) {
		free(x);
		return;
	}
	x->next = lane->errands;
	lane->errands = x;
	lane->n_errands++;
}

void client_finish(struct errand *x, const struct out_result *r)
{
	struct carry *c = x->carry;

	c->state = NULL;
	give_back(x->at->lane, x);
	c->done(c, r);
}

void client_wait(struct errand *x, bool first)
{
	struct endpoint *e = x->at;

	conn_list_add(first ? e->waiting.next : &e->waiting, &x->link);
	e->n_waiting++;
}

static struct errand *first_waiting(struct endpoint *e)
{
	struct errand *x;

	if (e->waiting.next == &e->waiting)
		return NULL;
	x = CONTAINER_OF(e->waiting.next, struct errand, link);
	conn_list_del(&x->link);
	e->n_waiting--;
	return x;
}

static int64_t now_of(const struct endpoint *e)
{
	return loop_now_ns(e->lane->lane.loop);
}

void client_unreachable(struct endpoint *e)
{
	/* Who is open already still serves them; otherwise all that wait now have failed. */
	unsigned n = e->n_conns ? 0 : e->n_waiting;
	struct errand *x;

	e->dialing = false;
	e->not_before_ns = now_of(e) + (int64_t)PAUSE_MS * NS_PER_MS;
	e->pins++;
	while (n-- && (x = first_waiting(e)))
		client_finish(x, &(struct out_result){ .err = E_CLOSED });
	e->pins--;
	client_next(e);
}

/* An idle connection that may still be used; those that may not are closed. */
static struct client_conn *idle_conn(struct endpoint *e)
{
	while (e->idle.next != &e->idle) {
		/* The one used last is the least likely to have been closed. */
		struct client_conn *cc = CONTAINER_OF(e->idle.prev, struct client_conn, idle);

		if (!cc->conn.peer || peer_is_live(e->lane->lane.security, cc->conn.peer))
			return cc;
		conn_close(&cc->conn);
	}
	return NULL;
}

void client_next(struct endpoint *e)
{
	unsigned most = CLIENT_CONNS / e->lane->client->o.n_loops;
	struct client_conn *cc;

	e->pins++;
	while (e->waiting.next != &e->waiting && (cc = idle_conn(e)) != NULL)
		client_carry(cc, first_waiting(e));
	/* One more connection for what still waits; another when that one is open. */
	if (e->n_waiting > 0 && !e->dialing && e->n_conns < (most ? most : 1) && now_of(e) >= e->not_before_ns) {
		e->dialing = true;
		client_find(e);
	}
	e->pins--;
	/* Too early to try again, and nobody is left to serve them. */
	if (e->n_waiting > 0 && !e->dialing && e->n_conns == 0 && e->pins == 0)
		client_unreachable(e);
	else
		tidy(e);
}

/* --- the carrier --------------------------------------------------------------------------------------------------- */

static void on_task(struct loop *l, struct loop_task *t)
{
	struct client_lane *lane = CONTAINER_OF(t, struct client_lane, task);

	(void)l;
	while (lane->dirty.next != &lane->dirty) {
		struct endpoint *e = CONTAINER_OF(lane->dirty.next, struct endpoint, dirty);

		conn_list_del(&e->dirty);
		client_next(e);
	}
}

/* At the end of the turn, as the core must not be told in the midst of its calls. */
static void look_after(struct endpoint *e)
{
	struct client_lane *lane = e->lane;

	if (!e->dirty.next)
		conn_list_add(&lane->dirty, &e->dirty);
	loop_defer(lane->lane.loop, &lane->task, on_task);
}

static void client_send(void *ctx, struct loop *l, struct carry *c)
{
	struct http_client *hc = ctx;
	struct client_lane *lane = hc->lanes[loop_index(l)];
	struct errand *x = lane->errands;

	CHECK(hc, HTTP_CLIENT);
	CHECK(c, CARRY);
	if (x) {
		lane->errands = x->next;
		lane->n_errands--;
	} else {
		x = malloc(sizeof(*x));
		REQUIRE(x != NULL);
	}
	*x = (struct errand){ .carry = c, .at = endpoint_of(lane, c) };
	c->state = x;
	client_wait(x, false);
	look_after(x->at);
}

static void client_cancel(void *ctx, struct carry *c)
{
	struct errand *x = c->state;
	struct client_conn *cc;
	struct endpoint *e;

	(void)ctx;
	if (!x)
		return;
	e = x->at;
	cc = x->conn;
	c->state = NULL;
	if (!cc) {
		conn_list_del(&x->link);
		e->n_waiting--;
	}
	give_back(e->lane, x);
	look_after(e);
	if (cc) {
		/* Its answer may still come: the connection is of no use any more. */
		cc->errand = NULL;
		conn_close(&cc->conn);
	}
}

static void lane_init(struct http_client *hc, unsigned i)
{
	struct client_lane *lane = aligned_alloc(LINE, (sizeof(*lane) + LINE - 1) / LINE * LINE);

	REQUIRE(lane != NULL);
	*lane = (struct client_lane){
		.lane.loop = hc->o.loops[i],
		.lane.stats = hc->o.stats ? hc->o.stats[i] : NULL,
		.lane.log = hc->o.log,
		.lane.security = hc->o.security,
		.lane.tls = hc->o.tls,
		.lane.user = &client_user,
		.lane.times = &hc->times,
		.lane.max_handshakes = UINT32_MAX,
		.client = hc,
	};
	lane->lane.total = &lane->total;
	conn_list_init(&lane->dirty);
	buf_init(&lane->body, BODY_MAX);
	arena_init(&lane->answer, 1024);
	conn_lane_init(&lane->lane, hc->bio);
	hc->lanes[i] = lane;
}

static int client_open(const struct carrier_opts *o, void **ctx, struct why *why)
{
	struct http_client *hc = calloc(1, sizeof(*hc));
	int64_t timeout = conf_num(o->conf, CONF_NOTIFY_TIMEOUT) * NS_PER_MS;

	REQUIRE(hc != NULL && o->n_loops > 0 && o->tls && o->limits);
	hc->magic = HTTP_CLIENT_MAGIC;
	hc->o = *o;
	hc->bio = conn_bio_new();
	if (!hc->bio) {
		free(hc);
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "no memory for connections to targets");
		return E_NOMEM;
	}
	hc->times = (struct conn_times){ .handshake_ns = timeout, .send_ns = timeout };
	hc->idle_ns = (int64_t)IDLE_MS * NS_PER_MS;
	hc->limits = (struct http1_limits){ .line = CLIENT_LINE, .head = CLIENT_HEAD, .fields = CLIENT_FIELDS,
		                            .body = (size_t)conf_num(o->conf, CONF_HTTP_BODY) };
	hc->lanes = calloc(o->n_loops, sizeof(*hc->lanes));
	REQUIRE(hc->lanes != NULL);
	for (unsigned i = 0; i < o->n_loops; i++)
		lane_init(hc, i);
	*ctx = hc;
	return 0;
}

static void lane_fini(struct client_lane *lane)
{
	conn_lane_fini(&lane->lane);
	loop_defer_cancel(lane->lane.loop, &lane->task);
	while (lane->lookups)
		client_lookup_end(lane->lookups);
	for (unsigned i = 0; i < CLIENT_BUCKETS; i++) {
		for (struct endpoint *e, *next = lane->endpoints[i]; (e = next);) {
			next = e->next;
			free(e);
		}
	}
	for (struct errand *x; (x = lane->errands); free(x))
		lane->errands = x->next;
	buf_fini(&lane->body);
	arena_fini(&lane->answer);
	free(lane);
}

/* The core has let go of all attempts, the workers have ended. */
static void client_close(void *ctx)
{
	struct http_client *hc = ctx;

	CHECK(hc, HTTP_CLIENT);
	for (unsigned i = 0; i < hc->o.n_loops; i++)
		lane_fini(hc->lanes[i]);
	free(hc->lanes);
	BIO_meth_free(hc->bio);
	hc->magic = 0;
	free(hc);
}

const struct carrier_kind carrier_https = { "https", client_open, client_send, client_cancel, client_close };
