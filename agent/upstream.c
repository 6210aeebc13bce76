/* SPDX-License-Identifier: Apache-2.0 */
/* The line to the CSE that the device enrolled at, with the device's certificate. */
#include "agent/upstream.h"

#include <stdlib.h>

#include "agent/conf.h"
#include "agent/identity.h"
#include "agent/line.h"
#include "cse/base/err.h"

#define NS_PER_MS INT64_C(1000000)
enum { BODY_MAX = 64 << 20 };

struct upstream {
	struct agent *agent;
	struct line *line;
};

static SSL *on_ssl(void *arg)
{
	struct upstream *u = arg;

	return identity_connect(u->agent->identity);
}

static const char *on_prove(void *arg, SSL *ssl)
{
	struct upstream *u = arg;
	struct identity *id = u->agent->identity;

	if (identity_is_cse(id, ssl))
		return NULL;
	/* Of our authority, but newer than our list: whoever rules it says so on /cacerts. */
	if (!identity_is_known(id, ssl)) {
		identity_refresh(id);
		return "the CSE's certificate is of an issuing CA that this device does not know yet: it asks for the list, try again";
	}
	return "the peer is not the CSE that this device enrolled at: nothing was sent";
}

/* How many connections, how long. */
static void put_numbers(struct line_opts *o, const struct conf *c)
{
	o->max_conns = (unsigned)conf_num(c, AGENT_CSE_CONNS);
	o->max_queue = (unsigned)conf_num(c, AGENT_CSE_QUEUE);
	o->timeout_ns = conf_num(c, AGENT_CSE_TIMEOUT) * NS_PER_MS;
	o->connect_ns = conf_num(c, AGENT_CSE_CONNECT) * NS_PER_MS;
	o->idle_ns = conf_num(c, AGENT_CSE_IDLE) * NS_PER_MS;
}

void upstream_reload(struct upstream *u)
{
	struct line_opts o = { .agent = u->agent };

	put_numbers(&o, u->agent->conf);
	line_set(u->line, &o);
}

int upstream_open(struct agent *a, struct upstream **out, struct why *why)
{
	struct upstream *u = calloc(1, sizeof(*u));

	REQUIRE(u != NULL);
	u->agent = a;
	struct line_opts o = {
		.agent = a, .host = identity_host(a->identity), .port = identity_port(a->identity),
		.max_body = BODY_MAX, .ssl = on_ssl, .prove = on_prove, .arg = u,
		.unable = "this device's certificate has ended and could not be renewed: see troth-agent status",
		.refused = "the CSE refuses the TLS handshake: this device's credential may be suspended, locked or revoked",
		.closed = "the CSE closes the connection: this device's credential may be suspended, locked, revoked, "
			  "or used by a copy of the state folder",
	};
	put_numbers(&o, a->conf);
	int err = line_new(&o, &u->line, why);
	if (err) {
		free(u);
		return err;
	}
	line_warm(u->line);
	*out = u;
	return 0;
}

void upstream_close(struct upstream *u)
{
	if (!u)
		return;
	line_free(u->line);
	free(u);
}

void upstream_send(struct upstream *u, struct carriage *c)
{
	line_send(u->line, c);
}

void upstream_drop(struct upstream *u, struct carriage *c)
{
	line_drop(u->line, c);
}

void upstream_renew(struct upstream *u)
{
	line_renew(u->line);
	line_warm(u->line);
}

const char *upstream_fault(const struct upstream *u)
{
	return line_fault(u->line);
}

unsigned upstream_connections(const struct upstream *u)
{
	return line_connections(u->line);
}

uint64_t upstream_answered(const struct upstream *u)
{
	return line_answered(u->line);
}
