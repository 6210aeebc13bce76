/* SPDX-License-Identifier: Apache-2.0 */
/* From the CSE's host name to addresses, by a worker: a look-up may take seconds. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>

#include "agent/line_priv.h"

static void set_port(struct line_address *a, unsigned port)
{
	if (a->at.ss_family == AF_INET)
		((struct sockaddr_in *)(void *)&a->at)->sin_port = htons((uint16_t)port);
	else
		((struct sockaddr_in6 *)(void *)&a->at)->sin6_port = htons((uint16_t)port);
}

static void look_up(struct work *w)
{
	struct lookup *q = (struct lookup *)(void *)w;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all = NULL;

	if (getaddrinfo(q->host, NULL, &hints, &all) != 0)
		return;
	for (struct addrinfo *a = all; a && q->n < LINE_ADDRESSES; a = a->ai_next) {
		struct line_address *to = &q->found[q->n];

		if ((a->ai_family != AF_INET && a->ai_family != AF_INET6) || a->ai_addrlen > sizeof(to->at))
			continue;
		memcpy(&to->at, a->ai_addr, a->ai_addrlen);
		to->n = a->ai_addrlen;
		set_port(to, q->port);
		q->n++;
	}
	freeaddrinfo(all);
}

static void looked_up(struct work *w)
{
	struct lookup *q = (struct lookup *)(void *)w;
	struct line *l = q->line;

	if (l) {
		l->lookup = NULL;
		l->n_addr = q->n;
		l->at_addr = l->tried = 0;
		memcpy(l->addr, q->found, sizeof(l->addr));
		if (q->n == 0)
			line_unreached(l, "the name %.120s is not found: check the name and this host's DNS", l->host);
		else
			line_pump(l);
	}
	free(q);
}

/* The agent ends. */
static void dropped(struct work *w)
{
	struct lookup *q = CONTAINER_OF(w, struct lookup, work);

	if (q->line)
		q->line->lookup = NULL;
	free(q);
}

static bool is_address(struct line *l)
{
	struct line_address *a = &l->addr[0];
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&a->at;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&a->at;

	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, l->host, &v4->sin_addr) == 1) {
		a->at.ss_family = AF_INET;
		a->n = sizeof(*v4);
	} else if (inet_pton(AF_INET6, l->host, &v6->sin6_addr) == 1) {
		a->at.ss_family = AF_INET6;
		a->n = sizeof(*v6);
	} else {
		return false;
	}
	set_port(a, l->o.port);
	l->n_addr = 1;
	l->at_addr = l->tried = 0;
	return true;
}

bool line_resolve(struct line *l)
{
	struct lookup *q;

	if (l->lookup)
		return false;
	if (is_address(l))
		return true;
	q = calloc(1, sizeof(*q));
	REQUIRE(q != NULL);
	q->line = l;
	q->port = l->o.port;
	memcpy(q->host, l->host, sizeof(q->host));
	q->work = (struct work){ .run = look_up, .done = looked_up, .drop = dropped, .loop = l->o.agent->loop };
	l->lookup = q;
	workers_submit(l->o.agent->workers, &q->work);
	return false;
}
