/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the HTTPS listener carries beside primitives: paths that another room answers (administration, health, enrolment).
 * A message with X-M2M-RI is always a primitive, so no resource is hidden by such a path ("/-/live" may be one).
 */
#ifndef BINDINGS_ASIDE_H
#define BINDINGS_ASIDE_H

#include <openssl/ssl.h>

#include "bindings/http1.h"
#include "cse/base/loop.h"
#include "security/security.h"

struct http_conn;

/* One question.  Its texts are copies and stay until it is answered, whatever becomes of the connection. */
struct aside_ask {
	enum http1_method method;
	struct str path, query, content_type, body;
	bool from_page;          /* a browser's page made it: Origin, or Sec-Fetch-Site other than none */
	struct peer *peer;       /* a reference; NULL where the channel proves none */
	struct ipaddr from;
	struct loop *loop;       /* where it is to be answered */
	SSL *ssl;                /* of the connection, while `ask` runs only */
	struct loop_task task;   /* for who answers: ways to another loop and back */
	void *user;              /* for who answers */
	struct http_conn *conn;  /* the binding's; NULL once it is gone */
	size_t size;
};

/* Paths and who answers them; a list. */
struct aside {
	const struct aside *next;
	bool limited;             /* sessions that may enrol only (peer_is_limited) may ask it */
	const char *const *paths; /* ends with NULL; one that ends with '/' stands for all that begin with it */
	/* Called on the connection's loop; aside_answer is due, at once or later. */
	void (*ask)(void *arg, struct aside_ask *q);
	void *arg;
};

/* On q->loop, exactly once; q is gone.  type: of the content; fields: further header lines, each with its CRLF, may be empty. */
void aside_answer(struct aside_ask *q, unsigned status, struct str type, struct str fields, struct str body);

/* --- for bindings/http.c ------------------------------------------------------------------------------------------- */

/* The message of hc->x is complete: true when somebody of its lane's list answers it; the phase is HTTP_JUDGED then. */
bool aside_take(struct http_conn *hc);
/* Is it a question that a limited session may ask? */
bool aside_may(const struct http_conn *hc);
/* The connection is gone; the answer will be thrown away. */
void aside_lost(struct http_conn *hc);

#endif
