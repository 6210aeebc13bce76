/* SPDX-License-Identifier: Apache-2.0 */
/* Requests at the agent's door, and a CSE that answers each with what it was. */
#ifndef TESTS_UNIT_AGENT_CALLS_H
#define TESTS_UNIT_AGENT_CALLS_H

#include "tests/unit/agent/desk.h"

#define HEAD(method, target, ri) method " " target " HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nX-M2M-Origin: CDev1\r\nX-M2M-RVI: 3\r\nX-M2M-RI: " ri "\r\n"
#define GET(ri) HEAD("GET", "/cse-in", ri) "\r\n"

/* The request itself as the content of the answer. */
static inline const char *echo(struct served *s, unsigned c, unsigned n, const char *request)
{
	static _Thread_local char text[REQUEST_MAX + 1024];
	char ri[64] = "";
	const char *at = strcasestr(request, "\r\nX-M2M-RI: ");

	(void)s, (void)c, (void)n;
	if (at)
		sscanf(at + 12, "%63[^\r]", ri);
	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nServer: any\r\nSet-Cookie: a=b\r\nX-M2M-RSC: 2000\r\nX-M2M-RI: %s\r\nContent-Length: %zu\r\n\r\n%s", ri,
	         strlen(request), request);
	return text;
}

static inline unsigned connections(const struct desk *d)
{
	return d->a->door->n_conns;
}

/* A request is answered as usual: nothing of what was before is left. */
static inline void goes_on(struct desk *d)
{
	struct client c = client_open(d);

	client_say(&c, GET("after"));
	ck_assert_uint_eq(client_answer(&c), 200);
	ck_assert(client_said(&c, "X-M2M-RI: after\r\n"));
	client_close(&c);
	ck_assert_uint_eq(connections(d), 0);
}

#endif
