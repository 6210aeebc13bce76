/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTPS port of notifications: its addresses, its name, who may connect. */
#include "agent/notice.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/conf.h"
#include "agent/identity.h"
#include "agent/notice_priv.h"
#include "cse/base/err.h"
#include "cse/base/log.h"

#define NS_PER_S INT64_C(1000000000)
enum { HANDSHAKES = 16, HANDSHAKE_S = 10, SEND_S = 30, TELL_S = 1 };

void notice_refused(struct notice *n, const char *why)
{
	int64_t now = loop_now_ns(n->agent->loop);

	n->untold++;
	if (n->told_ns != 0 && now - n->told_ns < TELL_S * NS_PER_S)
		return;
	log_write(n->agent->log, LOG_HTTP_REFUSED, "notification: %s (%u since the last such line)", why, n->untold);
	n->told_ns = now;
	n->untold = 0;
}

/* agent.notify_host, or the first address; the port is known once it listens. */
static int make_authority(struct notice *n, struct why *why)
{
	struct str listens = str_of(conf_item(n->agent->conf, AGENT_NOTIFY, 0)), host = str_of(conf_str(n->agent->conf, AGENT_NOTIFY_HOST));
	bool is6;

	if (host.n == 0) {
		size_t colon = listens.n;

		while (colon > 0 && listens.p[colon - 1] != ':')
			colon--;
		host = str_first(listens, colon - 1);
		if (str_eqz(host, "0.0.0.0") || str_eqz(host, "[::]")) {
			why_set(why, RSC_INTERNAL_SERVER_ERROR,
			        "agent.notify_host must say under which name or address the CSE reaches this device, since agent.notify_listen is %.*s", STR_ARG(host));
			return E_CONF;
		}
	}
	is6 = str_index(host, ':') < host.n && host.p[0] != '[';
	snprintf(n->authority, sizeof(n->authority), is6 ? "[%.*s]:%u" : "%.*s:%u", STR_ARG(host), n->listen.port);
	return 0;
}

static void init(struct notice *n)
{
	struct agent *a = n->agent;

	n->times = (struct conn_times){ .handshake_ns = HANDSHAKE_S * NS_PER_S, .send_ns = SEND_S * NS_PER_S };
	n->limits = (struct http1_limits){ .line = NOTICE_LINE, .head = NOTICE_HEAD, .fields = NOTICE_FIELDS,
		                               .body = (size_t)conf_num(a->conf, AGENT_MAX_BODY) };
	n->bio = conn_bio_new();
	REQUIRE(n->bio != NULL);
	n->lane.loop = a->loop;
	n->lane.log = a->log;
	n->lane.user = &notice_user;
	n->lane.times = &n->times;
	n->lane.max_handshakes = HANDSHAKES;
	n->lane.max_of_one = NOTICE_CONNS;
	n->lane.total = &n->listen.total;
	n->lanes[0] = &n->lane;
	conn_lane_init(&n->lane, n->bio);
	conn_list_init(&n->idle);
	n->listen.lanes = n->lanes;
	n->listen.n_lanes = 1;
	n->listen.log = a->log;
	n->listen.option = "agent.notify_listen";
	atomic_init(&n->listen.total, 0);
	atomic_init(&n->listen.max, NOTICE_CONNS);
}

int notice_open(struct agent *a, struct notice **out, struct why *why)
{
	const char *addresses[NOTICE_ADDRESSES];
	struct notice *n;
	unsigned k = 0;
	int r;

	while (k < NOTICE_ADDRESSES && (addresses[k] = conf_item(a->conf, AGENT_NOTIFY, k)) != NULL)
		k++;
	*out = NULL;
	if (k == 0)
		return 0;
	n = calloc(1, sizeof(*n));
	REQUIRE(n != NULL);
	n->magic = NOTICE_MAGIC;
	n->agent = a;
	n->diag.fd = -1;
	init(n);
	r = sockdiag_open(&n->diag, why);
	if (r == 0)
		r = listen_open(&n->listen, addresses, k, why);
	if (r == 0)
		r = make_authority(n, why);
	if (r == 0)
		r = listen_start(&n->listen, why);
	if (r != 0) {
		notice_close(n);
		return r;
	}
	*out = n;
	return 0;
}

void notice_close(struct notice *n)
{
	if (n == NULL)
		return;
	CHECK(n, NOTICE);
	if (n->listen.n > 0)
		listen_close(&n->listen);
	conn_lane_fini(&n->lane);
	notice_local_end(n);
	loop_settle(n->agent->loop);
	BIO_meth_free(n->bio);
	if (n->diag.fd >= 0)
		sockdiag_close(&n->diag);
	n->magic = 0;
	free(n);
}

void notice_renew(struct notice *n)
{
	CHECK(n, NOTICE);
	struct conn_link *next;

	for (struct conn_link *i = n->lane.all.next; i != &n->lane.all; i = next) {
		struct conn *c = CONTAINER_OF(i, struct conn, all);

		next = i->next;
		if (c->state == CONN_OPEN && !identity_is_cse(n->agent->identity, c->ssl))
			conn_close(c);
	}
}

struct str notice_authority(const struct notice *n)
{
	return n ? str_of(n->authority) : STR_NONE;
}

unsigned notice_port(const struct notice *n)
{
	CHECK(n, NOTICE);
	return n->listen.port;
}
