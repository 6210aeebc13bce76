/* SPDX-License-Identifier: Apache-2.0 */
/* What HTTP connections of a loop share: options, the pool of exchanges. */
#include "bindings/http.h"

#include <stdlib.h>

#include "cse/base/conf.h"

#define NS_PER_MS 1000000
enum {
	POOL = 128,
	IN_SLACK = 65536,  /* framing and the beginning of the next message */
	OUT_SLACK = 1 << 20,
	HEAD_MAX = 1 << 16,
	HELD = 4,          /* largest requests and answers that a lane holds for slow peers */
};

/* --- exchanges --------------------------------------------------------------------------------------------------- */

static void exchange_free(struct http_exchange *x)
{
	buf_fini(&x->in);
	buf_fini(&x->out);
	free(x);
}

static struct http_exchange *exchange_new(const struct http_set *set)
{
	struct http_exchange *x = malloc(sizeof(*x) + set->limits.fields * sizeof(x->fields[0]));

	REQUIRE(x != NULL);
	x->next = NULL;
	x->set = set;
	x->used = 0;
	x->n_fields = set->limits.fields;
	buf_init(&x->in, set->limits.head + set->limits.body + IN_SLACK);
	buf_init(&x->out, (size_t)conf_num(set->conf, CONF_LIM_REPLY_B) + OUT_SLACK);
	return x;
}

void http_exchange_take(struct http_conn *hc)
{
	struct http_lane *hl = http_lane_of(hc);

	while ((hc->x = hl->pool) != NULL) {
		hl->pool = hc->x->next;
		hl->n_pool--;
		if (hc->x->set == hl->set)
			return;
		/* Of limits before a reload. */
		exchange_free(hc->x);
	}
	hc->x = exchange_new(hl->set);
}

void http_exchange_give(struct http_conn *hc)
{
	struct http_lane *hl = http_lane_of(hc);
	struct http_exchange *x = hc->x;

	if (x == NULL)
		return;
	hc->x = NULL;
	if (hl->n_pool >= POOL) {
		exchange_free(x);
		return;
	}
	x->used = 0;
	buf_reset(&x->in);
	buf_shrink(&x->in, HTTP_KEEP);
	buf_reset(&x->out);
	buf_shrink(&x->out, HTTP_KEEP);
	x->next = hl->pool;
	hl->pool = x;
	hl->n_pool++;
}

/* --- memory held by slow peers ----------------------------------------------------------------------------------- */

void http_hold(struct http_conn *hc)
{
	struct http_lane *hl = http_lane_of(hc);
	size_t bytes = hc->x->in.cap + hc->x->out.cap;

	if (hc->held_bytes == 0)
		conn_list_add(&hl->held, &hc->held);
	hl->held_bytes += bytes - hc->held_bytes;
	hc->held_bytes = bytes;
	while (hl->held_bytes > hl->set->held_max && hl->held.next != &hl->held)
		conn_close(&CONTAINER_OF(hl->held.next, struct http_conn, held)->conn);
}

void http_release(struct http_conn *hc)
{
	if (hc->held_bytes == 0)
		return;
	conn_list_del(&hc->held);
	http_lane_of(hc)->held_bytes -= hc->held_bytes;
	hc->held_bytes = 0;
}

/* --- lanes ------------------------------------------------------------------------------------------------------- */

struct http_set *http_set_new(struct conf *c, unsigned n_lanes)
{
	struct http_set *s = calloc(1, sizeof(*s));

	REQUIRE(s != NULL && n_lanes > 0);
	s->conf = conf_ref(c);
	s->limits.line = (size_t)conf_num(c, CONF_HTTP_LINE);
	s->limits.head = (size_t)conf_num(c, CONF_HTTP_HEAD);
	s->limits.fields = (unsigned)conf_num(c, CONF_HTTP_FIELDS);
	s->limits.body = (size_t)conf_num(c, CONF_HTTP_BODY);
	s->head_ns = conf_num(c, CONF_HTTP_T_HEAD) * NS_PER_MS;
	s->body_ns = conf_num(c, CONF_HTTP_T_BODY) * NS_PER_MS;
	s->idle_ns = conf_num(c, CONF_HTTP_T_IDLE) * NS_PER_MS;
	s->times.handshake_ns = conf_num(c, CONF_HTTP_T_TLS) * NS_PER_MS;
	s->times.send_ns = conf_num(c, CONF_HTTP_T_SEND) * NS_PER_MS;
	s->held_max = HELD * (s->limits.body + (size_t)conf_num(c, CONF_LIM_REPLY_B));
	s->max_of_one = (unsigned)conf_num(c, CONF_HTTP_ONE);
	s->max_handshakes = ((unsigned)conf_num(c, CONF_HTTP_HALF) + n_lanes - 1) / n_lanes;
	return s;
}

void http_set_free(struct http_set *s)
{
	conf_unref(s->conf);
	free(s);
}

void http_lane_init(struct http_lane *hl, struct gate *gate, const struct http_set *set)
{
	hl->gate = gate;
	hl->set = set;
	hl->lane.user = &http_user;
	hl->lane.times = &set->times;
	hl->lane.max_handshakes = set->max_handshakes;
	hl->lane.max_of_one = set->max_of_one;
	buf_init(&hl->head, HEAD_MAX);
	conn_list_init(&hl->waiting);
	conn_list_init(&hl->held);
}

void http_lane_fini(struct http_lane *hl)
{
	loop_timer_cancel(hl->lane.loop, &hl->retry);
	for (struct http_exchange *x = hl->pool, *next; x != NULL; x = next) {
		next = x->next;
		exchange_free(x);
	}
	buf_fini(&hl->head);
}

void http_lane_end(struct http_lane *hl)
{
	struct conn_link *next;

	hl->ending = true;
	for (struct conn_link *l = hl->lane.all.next; l != &hl->lane.all; l = next) {
		struct conn *c = CONTAINER_OF(l, struct conn, all);

		next = l->next;
		if (c->state != CONN_OPEN || http_conn_of(c)->phase == HTTP_IDLE)
			conn_finish(c);
	}
}

unsigned http_lane_busy(const struct http_lane *hl)
{
	unsigned n = 0;

	for (struct conn_link *l = hl->lane.all.next; l != &hl->lane.all; l = l->next) {
		const struct http_conn *hc = http_conn_of(CONTAINER_OF(l, struct conn, all));

		n += hc->phase == HTTP_JUDGED || hc->phase == HTTP_WAITING || hc->phase == HTTP_SENDING;
	}
	return n;
}
