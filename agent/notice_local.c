/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notifications to a local client's own URL, in clear text on this machine.  The port must be one that a process of the agent's own
 * user listens on, before the connection is made and after it: nobody else shall be told.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/notice_priv.h"
#include "cse/base/err.h"
#include "cse/base/log.h"

#define NS_PER_S INT64_C(1000000000)
enum { CONNECT_S = 2, ANSWER_S = 20, IDLE_S = 30 };

union place {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct local {
	struct plain plain; /* first */
	struct notice *notice;
	struct notice_conn *for_conn; /* whose notification it carries; NULL: none */
	struct conn_link idle;
	union place at;
	socklen_t at_n;
	bool connected, used, heard;
	struct loop_task failed;      /* it could not even be begun */
	struct http1 h;
	struct http1_field fields[NOTICE_FIELDS];
};

static struct local *local_of(struct plain *p)
{
	return (struct local *)(void *)p;
}

static void address_of(const struct notice_conn *nc, union place *at, socklen_t *n)
{
	*at = (union place){ .v6 = { .sin6_family = AF_INET6 } };
	if (nc->place.ip6 || nc->other) {
		at->v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(nc->place.port), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
		*n = sizeof(at->v6);
		return;
	}
	at->v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(nc->place.port) };
	memcpy(&at->v4.sin_addr, nc->place.ip, 4);
	*n = sizeof(at->v4);
}

/* Does a process of this user listen there? */
static bool is_ours(struct notice *n, const union place *at)
{
	uid_t uid;
	int r = sockdiag_listener(&n->diag, &at->any, &uid);

	if (r == 0 && uid == geteuid())
		return true;
	if (r == 0)
		notice_refused(n, "a process of another user listens where a local client should; it is told nothing");
	return false;
}

static void leave_idle(struct local *l)
{
	if (l->idle.next == NULL)
		return;
	conn_list_del(&l->idle);
	l->notice->n_idle--;
}

/* --- the end of a notification ----------------------------------------------------------------------------------------- */

static void send_new(struct notice_conn *nc);

/* No answer; a kept connection that was closed under it, and the other address of "localhost", are tried. */
static void give_up(struct local *l)
{
	struct notice_conn *nc = l->for_conn;

	if (nc == NULL)
		return;
	l->for_conn = NULL;
	nc->local = NULL;
	if (l->used && !l->heard && !nc->again) {
		nc->again = true;
		send_new(nc);
	} else if (!l->connected && nc->place.by_name && !nc->other) {
		nc->other = true;
		send_new(nc);
	} else {
		notice_conn_done(nc, NULL, NULL);
	}
}

static void fail(struct local *l)
{
	leave_idle(l);
	plain_close(&l->plain);
}

static void succeed(struct local *l)
{
	struct notice_conn *nc = l->for_conn;
	/* Who answers before he has read it all leaves a part of it unsent. */
	bool keep = l->h.keep_alive && !l->plain.eof && l->plain.in.n == l->h.head_n + l->h.body_n && l->plain.out_n == 0;

	l->for_conn = NULL;
	notice_conn_done(nc, &l->h, l->plain.in.p);
	if (!keep || l->plain.closed) {
		fail(l);
		return;
	}
	buf_reset(&l->plain.in);
	buf_shrink(&l->plain.in, NOTICE_KEEP);
	l->used = true;
	if (l->notice->n_idle >= NOTICE_IDLE_LOCAL)
		fail(CONTAINER_OF(l->notice->idle.next, struct local, idle));
	conn_list_add(&l->notice->idle, &l->idle);
	l->notice->n_idle++;
	plain_deadline(&l->plain, loop_now_ns(l->plain.loop) + IDLE_S * NS_PER_S);
}

/* --- the connection's calls -------------------------------------------------------------------------------------------- */

static void begin(struct local *l)
{
	struct notice_conn *nc = l->for_conn;

	l->heard = false;
	http1_init(&l->h, HTTP1_RESPONSE, &l->notice->limits, l->fields);
	plain_deadline(&l->plain, loop_now_ns(l->plain.loop) + ANSWER_S * NS_PER_S);
	plain_send(&l->plain, nc->ask.p, nc->ask.n);
}

static void on_connected(struct plain *p)
{
	struct local *l = local_of(p);

	l->connected = true;
	if (l->for_conn == NULL || !is_ours(l->notice, &l->at))
		fail(l);
	else
		begin(l);
}

static void on_ready(struct plain *p)
{
	struct local *l = local_of(p);
	enum http1_result r;

	if (l->for_conn == NULL) {
		/* Closed, or something that nobody asked for. */
		fail(l);
		return;
	}
	l->heard |= p->in.n > 0;
	do {
		size_t have = p->in.n;

		r = http1_parse(&l->h, p->in.p, &have);
		p->in.n = have;
		if (r == HTTP1_DONE && l->h.status / 100 == 1) {
			buf_drop(&p->in, l->h.head_n);
			http1_init(&l->h, HTTP1_RESPONSE, &l->notice->limits, l->fields);
			r = p->in.n > 0 ? HTTP1_HEAD_DONE : HTTP1_MORE;
		}
	} while (r == HTTP1_HEAD_DONE);
	if (r == HTTP1_MORE && p->eof)
		r = http1_eof(&l->h);
	if (r == HTTP1_DONE)
		succeed(l);
	else if (r == HTTP1_BAD || p->eof)
		fail(l);
}

static void on_sent(struct plain *p)
{
	(void)p;
}

static void on_timeout(struct plain *p)
{
	fail(local_of(p));
}

static void on_gone(struct plain *p)
{
	struct local *l = local_of(p);

	leave_idle(l);
	give_up(l);
	free(l);
}

static const struct plain_user local_user = {
	.connected = on_connected, .ready = on_ready, .sent = on_sent, .timeout = on_timeout, .gone = on_gone,
};

/* --- sending ----------------------------------------------------------------------------------------------------------- */

static void on_failed(struct loop *loop, struct loop_task *t)
{
	struct local *l = CONTAINER_OF(t, struct local, failed);

	(void)loop;
	give_up(l);
	free(l);
}

static void send_new(struct notice_conn *nc)
{
	struct notice *n = notice_of(nc);
	struct local *l = calloc(1, sizeof(*l));

	REQUIRE(l != NULL);
	l->notice = n;
	l->for_conn = nc;
	nc->local = l;
	address_of(nc, &l->at, &l->at_n);
	if (is_ours(n, &l->at) && plain_connect(&l->plain, n->agent->loop, &l->at.any, l->at_n, &local_user, NOTICE_HEAD + n->limits.body + NOTICE_HEAD)) {
		plain_deadline(&l->plain, loop_now_ns(n->agent->loop) + CONNECT_S * NS_PER_S);
		return;
	}
	l->plain.closed = true;
	loop_defer(n->agent->loop, &l->failed, on_failed);
}

void notice_local_send(struct notice_conn *nc)
{
	struct notice *n = notice_of(nc);
	union place at;
	socklen_t at_n;

	address_of(nc, &at, &at_n);
	for (struct conn_link *k = n->idle.prev; k != &n->idle; k = k->prev) {
		struct local *l = CONTAINER_OF(k, struct local, idle);

		if (l->at_n != at_n || memcmp(&l->at, &at, at_n) != 0)
			continue;
		leave_idle(l);
		l->for_conn = nc;
		nc->local = l;
		begin(l);
		return;
	}
	send_new(nc);
}

void notice_local_cancel(struct notice_conn *nc)
{
	struct local *l = nc->local;

	nc->local = NULL;
	l->for_conn = NULL;
	if (!l->plain.closed)
		fail(l);
}

void notice_local_end(struct notice *n)
{
	while (n->idle.next != &n->idle)
		fail(CONTAINER_OF(n->idle.next, struct local, idle));
}
