/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's connections to its CSE: kept open, proved before the first byte, HTTP/1.1 with pipelines of one. */
#ifndef AGENT_UPSTREAM_H
#define AGENT_UPSTREAM_H

#include "agent/agent.h"
#include "bindings/http1.h"

int upstream_open(struct agent *a, struct upstream **out, struct why *why);
/* Carriages that still wait are done with E_CLOSED. */
void upstream_close(struct upstream *u);
/* a->conf has changed: numbers and times of connections; those that there are go on. */
void upstream_reload(struct upstream *u);

/* A request to carry: the bytes of head and body as they shall be sent (Host, Content-Length and Connection are the upstream's).
 * They must live until `done`.  err 0: `answer` is complete, its spans lie at `base` (http1_field(answer, base, ..),
 * http1_body(answer, base)), both borrowed until done comes back.  E_...: it could not be carried; text is a sentence for the
 * client, and answer and base are NULL.  done is called once, never from within upstream_send. */
struct carriage {
	struct str method, target, fields, body; /* fields: lines with CRLF */
	int64_t deadline_ns;                     /* monotonic; 0: cse.timeout from now */
	bool poll;                               /* the CSE holds it back until there is something: such take a share of the connections only */
	void (*done)(struct carriage *c, int err, const struct http1 *answer, const char *base, const char *text);
	void *arg;
	void *own;                               /* the upstream's */
};
void upstream_send(struct upstream *u, struct carriage *c);
/* The client has gone: done is not called any more. */
void upstream_drop(struct upstream *u, struct carriage *c);

/* The device's certificate was renewed, or has ended: connections that show the one before end with their answer. */
void upstream_renew(struct upstream *u);
/* Why the CSE cannot be reached, a sentence; "": it can, as far as is known. */
const char *upstream_fault(const struct upstream *u);
unsigned upstream_connections(const struct upstream *u);
/* Requests that were answered since the start. */
uint64_t upstream_answered(const struct upstream *u);

#endif
