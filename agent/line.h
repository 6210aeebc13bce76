/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to one host and port: opened when requests wait, proved before the first byte of a request leaves, HTTP/1.1 with one
 * request at a time on each, kept for what comes next.  Upstream and onboarding speak through lines.
 */
#ifndef AGENT_LINE_H
#define AGENT_LINE_H

#include <openssl/ssl.h>

#include "agent/agent.h"
#include "agent/upstream.h"

struct line;
struct line_opts {
	struct agent *agent;      /* loop, workers, log, rnd */
	struct str host;          /* name or address; copied */
	unsigned port;
	unsigned max_conns, max_queue;
	int64_t timeout_ns;       /* of a request that names no deadline */
	int64_t connect_ns, idle_ns;
	size_t max_body;          /* of an answer */
	SSL *(*ssl)(void *arg);   /* a client-side one; NULL: none can be made now */
	/* After the handshake, before anything is sent: is it the one?  NULL, or the sentence why not. */
	const char *(*prove)(void *arg, SSL *ssl);
	void *arg;
	/* Sentences (constant) for clients: no SSL can be made; the handshake failed though no certificate was refused; the peer
	 * closes a fresh connection without an answer. */
	const char *unable, *refused, *closed;
	bool quiet;               /* do not log that it is lost and found again */
	bool once;                /* a request is of one session: it is never sent again on another */
};
int line_new(const struct line_opts *o, struct line **out, struct why *why);
/* Not from within a callback of the loop.  Carriages that still wait are done with E_CLOSED. */
void line_free(struct line *l);

/* Takes over max_conns, max_queue and the times; what is open or waits goes on. */
void line_set(struct line *l, const struct line_opts *o);
/* Like upstream_send and upstream_drop. */
void line_send(struct line *l, struct carriage *c);
void line_drop(struct line *l, struct carriage *c);

/* From now on only connections that are new: idle ones are closed, others end with their answer, and none is opened before
 * that (at most for two seconds).  For a change of certificate. */
void line_renew(struct line *l);
/* Closes connections that carry nothing. */
void line_hang_up(struct line *l);
/* Opens one if there is none: so that a fault shows before the first request. */
void line_warm(struct line *l);
/* Sentence why the last attempt to connect failed; "" when one is open or none was made. */
const char *line_fault(const struct line *l);
unsigned line_connections(const struct line *l);
/* Requests that have been answered. */
uint64_t line_answered(const struct line *l);

#endif
