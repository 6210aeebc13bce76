/* SPDX-License-Identifier: Apache-2.0 */
/* Accepting connections and choosing the loop that carries them. */
#include "bindings/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bindings/peer.h"
#include "cse/base/err.h"
#include "cse/base/log.h"

#define NS_PER_MS 1000000
enum {
	BACKLOG = 4096,
	ACCEPTS = 64,    /* per event: then the others get their turn */
	RETRY_MS = 100,  /* after the kernel had no descriptor or memory left */
};

static void on_accept(struct loop *l, struct loop_io *io, unsigned events);

/* --- addresses --------------------------------------------------------------------------------------------------- */

struct bound {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a;
	socklen_t n;
};

static bool parse_port(struct str s, in_port_t *out)
{
	uint64_t v;

	if (str_u64(s, &v) != 0 || v > 65535)
		return false;
	*out = htons((in_port_t)v);
	return true;
}

static bool parse_address(const char *text, struct bound *out)
{
	struct str s = str_of(text), host;
	char name[INET6_ADDRSTRLEN];
	size_t colon = s.n;

	*out = (struct bound){ .n = 0 };
	while (colon > 0 && s.p[colon - 1] != ':')
		colon--;
	if (colon < 2)
		return false;
	host = str_first(s, colon - 1);
	if (host.p[0] == '[') {
		if (host.n < 3 || host.p[host.n - 1] != ']' || host.n - 2 >= sizeof(name))
			return false;
		memcpy(name, host.p + 1, host.n - 2);
		name[host.n - 2] = 0;
		out->a.v6.sin6_family = AF_INET6;
		out->n = sizeof(out->a.v6);
		return inet_pton(AF_INET6, name, &out->a.v6.sin6_addr) == 1 &&
		       parse_port(str_from(s, colon), &out->a.v6.sin6_port);
	}
	if (host.n >= sizeof(name))
		return false;
	memcpy(name, host.p, host.n);
	name[host.n] = 0;
	out->a.v4.sin_family = AF_INET;
	out->n = sizeof(out->a.v4);
	return inet_pton(AF_INET, name, &out->a.v4.sin_addr) == 1 && parse_port(str_from(s, colon), &out->a.v4.sin_port);
}

bool listen_is_address(const char *text)
{
	struct bound b;

	return parse_address(text, &b);
}

static unsigned port_of(const struct bound *b)
{
	return ntohs(b->a.any.sa_family == AF_INET6 ? b->a.v6.sin6_port : b->a.v4.sin_port);
}

/* shared: a listening descriptor, one of several; otherwise one that only shows that nobody else has the address.
 * -1 with errno.  The port that was chosen is written back. */
static int bind_one(struct bound *b, bool shared)
{
	int one = 1, fd = socket(b->a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), saved;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	    (!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) == 0) &&
	    (b->a.any.sa_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0) &&
	    bind(fd, &b->a.any, b->n) == 0 && (!shared || listen(fd, BACKLOG) == 0) &&
	    getsockname(fd, &b->a.any, &b->n) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* --- opening and closing ----------------------------------------------------------------------------------------- */

static int no_listener(const struct listen_set *set, const char *text, struct why *why)
{
	why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s: cannot listen on %s: %s", set->option, text, strerror(errno));
	return E_SYS;
}

static int open_address(struct listen_set *set, const char *text, bool may_miss, struct why *why)
{
	struct bound b;
	int alone;

	if (!parse_address(text, &b)) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s: \"%s\" is not an address and port; write 127.0.0.1:8443 or [::1]:8443",
		        set->option, text);
		return E_CONF;
	}
	/* SO_REUSEPORT alone would share the address with another trothd of this user, too. */
	alone = bind_one(&b, false);
	if (alone < 0 && may_miss && (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT) && b.a.any.sa_family == AF_INET6) {
		log_write(set->log, LOG_LISTEN_FAILED, "%s: this machine has no such IPv6 address; going on without", text);
		return 0;
	}
	if (alone < 0)
		return no_listener(set, text, why);
	close(alone);
	for (unsigned i = 0; i < set->n_lanes; i++) {
		int fd = bind_one(&b, true);

		if (fd < 0)
			return no_listener(set, text, why);
		set->listeners[set->n++] = (struct listener){ .set = set, .lane = i, .fd = fd, .io.fd = -1 };
	}
	if (set->port == 0)
		set->port = port_of(&b);
	log_write(set->log, LOG_LISTEN, "%s, port %u", text, port_of(&b));
	return 0;
}

int listen_open(struct listen_set *set, const char *const *addresses, unsigned n_addresses, struct why *why)
{
	int r = 0;

	set->listeners = calloc((size_t)n_addresses * set->n_lanes + 1, sizeof(*set->listeners));
	REQUIRE(set->listeners != NULL);
	set->n = 0;
	set->port = 0;
	for (unsigned i = 0; i < n_addresses && r == 0; i++)
		r = open_address(set, addresses[i], n_addresses > 1, why);
	if (r == 0 && set->n == 0) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s names no address that this machine has", set->option);
		r = E_CONF;
	}
	if (r != 0)
		listen_close(set);
	return r;
}

int listen_start(struct listen_set *set, struct why *why)
{
	for (unsigned i = 0; i < set->n; i++) {
		struct listener *ls = &set->listeners[i];

		if (loop_io_add(set->lanes[ls->lane]->loop, &ls->io, ls->fd, LOOP_READ, on_accept) != 0) {
			why_set(why, RSC_INTERNAL_SERVER_ERROR, "cannot watch a listening socket: %s", strerror(errno));
			return E_SYS;
		}
	}
	return 0;
}

void listen_close(struct listen_set *set)
{
	for (unsigned i = 0; i < set->n; i++) {
		struct listener *ls = &set->listeners[i];

		loop_timer_cancel(set->lanes[ls->lane]->loop, &ls->retry);
		loop_io_del(set->lanes[ls->lane]->loop, &ls->io);
		close(ls->fd);
	}
	free(set->listeners);
	set->listeners = NULL;
	set->n = 0;
}

/* --- accepting --------------------------------------------------------------------------------------------------- */

/* The kernel spreads few connections unevenly.  With this one, does the lane hold more than 1.25 x the mean? */
static struct conn_lane *choose_lane(struct listen_set *set, unsigned own)
{
	struct conn_lane *best = set->lanes[own];
	unsigned sum = 0, least = atomic_load_explicit(&best->n, memory_order_relaxed), mine = least;

	for (unsigned i = 0; i < set->n_lanes; i++) {
		unsigned n = atomic_load_explicit(&set->lanes[i]->n, memory_order_relaxed);

		sum += n;
		if (n < least) {
			least = n;
			best = set->lanes[i];
		}
	}
	return (uint64_t)(mine + 1) * set->n_lanes * 4 > (uint64_t)(sum + 1) * 5 ? best : set->lanes[own];
}

static void on_retry(struct loop *l, struct loop_timer *t)
{
	struct listener *ls = CONTAINER_OF(t, struct listener, retry);

	loop_io_mod(l, &ls->io, LOOP_READ);
}

static void accept_failed(struct loop *l, struct listener *ls, int error)
{
	if (error == EAGAIN || error == EINTR || error == ECONNABORTED)
		return;
	/* Out of descriptors or memory: asking again at once would only burn time. */
	log_write(ls->set->log, LOG_ACCEPT_FAILED, "%s; trying again in %d ms", strerror(error), RETRY_MS);
	loop_io_mod(l, &ls->io, 0);
	loop_timer_set(l, &ls->retry, loop_now_ns(l) + (int64_t)RETRY_MS * NS_PER_MS, on_retry);
}

static void on_accept(struct loop *l, struct loop_io *io, unsigned events)
{
	struct listener *ls = CONTAINER_OF(io, struct listener, io);
	struct listen_set *set = ls->set;

	(void)events;
	for (unsigned i = 0; i < ACCEPTS; i++) {
		struct sockaddr_storage from;
		socklen_t n = sizeof(from);
		struct ipaddr ip;
		int fd = accept4(ls->fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			accept_failed(l, ls, errno);
			return;
		}
		stat_add(set->lanes[ls->lane]->stats, STAT_CONN_ACCEPTED, 1);
		/* Nobody has proved anything yet: at these bounds the newcomer is the one to go. */
		if (atomic_load_explicit(&set->total, memory_order_relaxed) >=
		        atomic_load_explicit(&set->max, memory_order_relaxed) ||
		    (set->security && audit_is_full(set->security))) {
			stat_add(set->lanes[ls->lane]->stats, STAT_CONN_CLOSED, 1);
			close(fd);
			continue;
		}
		peer_address(&from, &ip);
		conn_take(choose_lane(set, ls->lane), fd, &ip);
	}
}
