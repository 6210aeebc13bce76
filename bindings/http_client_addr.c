/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a host to an address that may be connected to: looked up once, judged (security/target.h), and connected as it was
 * judged, so that a name cannot mean another address the second time (security-model 3.4).
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "bindings/http_client_priv.h"
#include "bindings/peer.h"
#include "security/target.h"

/* An address of this machine: the kernel would speak to it from itself.  Nothing is sent. */
static bool is_own(const struct sockaddr_storage *to, socklen_t n, const struct ipaddr *ip)
{
	struct sockaddr_storage me = { .ss_family = AF_UNSPEC };
	socklen_t k = sizeof(me);
	int fd = socket(to->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool known = fd >= 0 && connect(fd, (const struct sockaddr *)to, n) == 0 && getsockname(fd, (struct sockaddr *)&me, &k) == 0;
	struct ipaddr mine;

	if (fd >= 0)
		close(fd);
	peer_address(&me, &mine);
	return known && mine.family == ip->family && memcmp(mine.b, ip->b, sizeof(mine.b)) == 0;
}

static bool may_connect(const struct endpoint *e, const struct sockaddr_storage *to, socklen_t n)
{
	struct ipaddr ip;

	peer_address(to, &ip);
	return target_address_allowed(e->lane->lane.security, e->zone, &ip, is_own(to, n, &ip));
}

/* The first that may be connected to, and that one only. */
static void choose(struct endpoint *e, const struct sockaddr_storage *v, const socklen_t *len, unsigned n)
{
	/* Nobody waits for it any more. */
	if (e->n_waiting == 0) {
		e->dialing = false;
		client_next(e);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		if (!may_connect(e, &v[i], len[i]))
			continue;
		if (!client_connect(e, (const struct sockaddr *)&v[i], len[i]))
			client_unreachable(e);
		return;
	}
	client_unreachable(e);
}

/* --- names --------------------------------------------------------------------------------------------------------- */

static void look_up(struct work *w)
{
	struct lookup *l = CONTAINER_OF(w, struct lookup, work);
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG }, *all = NULL;

	if (getaddrinfo(l->host, NULL, &hints, &all) != 0)
		return;
	for (struct addrinfo *a = all; a && l->n < CLIENT_ADDRESSES; a = a->ai_next) {
		if ((a->ai_family != AF_INET && a->ai_family != AF_INET6) || a->ai_addrlen > sizeof(l->found[0]))
			continue;
		memcpy(&l->found[l->n], a->ai_addr, a->ai_addrlen);
		if (a->ai_family == AF_INET)
			((struct sockaddr_in *)(void *)&l->found[l->n])->sin_port = htons(l->port);
		else
			((struct sockaddr_in6 *)(void *)&l->found[l->n])->sin6_port = htons(l->port);
		l->found_n[l->n++] = a->ai_addrlen;
	}
	freeaddrinfo(all);
}

void client_lookup_end(struct lookup *l)
{
	*l->all_prev = l->all_next;
	if (l->all_next)
		l->all_next->all_prev = l->all_prev;
	if (l->at)
		l->at->lookup = NULL;
	free(l);
}

static void looked_up(struct work *w)
{
	struct lookup *l = CONTAINER_OF(w, struct lookup, work);
	struct endpoint *e = l->at;

	l->at = NULL;
	if (e)
		e->lookup = NULL;
	if (e)
		choose(e, l->found, l->found_n, l->n);
	client_lookup_end(l);
}

static void begin_lookup(struct endpoint *e, const char *host)
{
	struct client_lane *lane = e->lane;
	struct lookup *l = calloc(1, sizeof(*l));

	REQUIRE(l != NULL);
	memcpy(l->host, host, e->host.n);
	l->lane = lane;
	l->at = e;
	l->port = e->port;
	l->all_next = lane->lookups;
	l->all_prev = &lane->lookups;
	if (l->all_next)
		l->all_next->all_prev = &l->all_next;
	lane->lookups = l;
	e->lookup = l;
	l->work = (struct work){ .run = look_up, .done = looked_up, .loop = lane->lane.loop };
	workers_submit(lane->client->o.workers, &l->work);
}

void client_find(struct endpoint *e)
{
	struct sockaddr_storage to = { .ss_family = AF_UNSPEC };
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&to;
	socklen_t n = e->ip6 ? sizeof(*v6) : sizeof(*v4);
	char host[256];

	REQUIRE(e->host.n < sizeof(host));
	memcpy(host, e->host.p, e->host.n);
	host[e->host.n] = 0;
	if (e->ip6 ? inet_pton(AF_INET6, host, &v6->sin6_addr) == 1 : inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		to.ss_family = e->ip6 ? AF_INET6 : AF_INET;
		if (e->ip6)
			v6->sin6_port = htons(e->port);
		else
			v4->sin_port = htons(e->port);
		choose(e, &to, &n, 1);
	} else if (e->ip6 || e->lane->client->o.workers == NULL) {
		client_unreachable(e);
	} else {
		begin_lookup(e, host);
	}
}
