/* SPDX-License-Identifier: Apache-2.0 */
/* Listens on loopback addresses and a UNIX socket, and lets in who is a process of this user. */
#include "agent/door.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/conf.h"
#include "agent/door_priv.h"
#include "agent/notice.h"
#include "cse/base/err.h"
#include "cse/base/log.h"
#include "cse/base/rand.h"

#define NS_PER_MS 1000000
enum { BACKLOG = 128, ACCEPTS = 32, RETRY_MS = 100, ARENA_BYTES = 8192, NOBODY = 65534 /* overflowuid */ };

/* --- who comes --------------------------------------------------------------------------------------------------------- */

/* Zero is what the kernel says of sockets whose owner it does not know, and nobody (in a user namespace) of those whom it cannot name. */
static bool may_be_told(uid_t uid)
{
	return uid != 0 && uid != NOBODY;
}

/* Before the first byte is read: whose socket is the other end?  NULL: ours. */
static const char *check_peer(struct door *d, int fd, bool is_unix)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);
	uid_t uid;

	if (is_unix) {
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0)
			return "the kernel does not tell whose connection it is";
		return cred.uid == d->uid ? NULL : "a process of another user";
	}
	if (sockdiag_peer(&d->diag, fd, &uid) != 0)
		return "a connection of nobody that is known here (closed already, or of another network namespace)";
	return may_be_told(uid) && uid == d->uid ? NULL : "a process of another user";
}

static void on_retry(struct loop *l, struct loop_timer *t)
{
	loop_io_mod(l, &CONTAINER_OF(t, struct door_listener, retry)->io, LOOP_READ);
}

static void on_accept(struct loop *l, struct loop_io *io, unsigned events)
{
	struct door_listener *ls = CONTAINER_OF(io, struct door_listener, io);
	struct door *d = ls->door;

	(void)events;
	for (unsigned i = 0; i < ACCEPTS; i++) {
		int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		const char *why;

		if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
			return;
		if (fd < 0) {
			/* Out of descriptors or memory: asking again at once would only burn time. */
			log_write(d->agent->log, LOG_ACCEPT_FAILED, "%s; trying again in %d ms", strerror(errno), RETRY_MS);
			loop_io_mod(l, io, 0);
			loop_timer_set(l, &ls->retry, loop_now_ns(l) + (int64_t)RETRY_MS * NS_PER_MS, on_retry);
			return;
		}
		why = check_peer(d, fd, ls->is_unix);
		if (why == NULL && d->n_conns >= d->max_conns)
			why = "as many connections as there may be (agent.connections)";
		if (why == NULL) {
			door_conn_take(d, fd, ls->is_unix);
			continue;
		}
		close(fd);
		door_refused(d, why);
	}
}

/* --- listening --------------------------------------------------------------------------------------------------------- */

struct place {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un un;
	} a;
	socklen_t n;
};

/* "127.0.0.1:8080" or "[::1]:8080": nothing that another machine could reach. */
static bool read_place(struct str s, struct place *out)
{
	size_t colon = s.n;
	uint64_t port;
	struct str host;

	while (colon > 0 && s.p[colon - 1] != ':')
		colon--;
	if (colon < 2 || str_u64(str_from(s, colon), &port) != 0 || port > 65535)
		return false;
	host = str_first(s, colon - 1);
	*out = (struct place){ .n = 0 };
	if (str_eq(host, STR("127.0.0.1")) || str_eq_nocase(host, STR("localhost"))) {
		out->a.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		out->n = sizeof(out->a.v4);
		return true;
	}
	if (!str_eq(host, STR("[::1]")))
		return false;
	out->a.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	out->n = sizeof(out->a.v6);
	return true;
}

static int add_listener(struct door *d, struct place *at, const char *text, struct why *why)
{
	struct door_listener *ls = &d->listeners[d->n_listeners];
	int one = 1, fd = socket(at->a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool is_unix = at->a.any.sa_family == AF_UNIX, is6 = at->a.any.sa_family == AF_INET6;

	/* On Linux the file of an AF_UNIX socket gets the mode that the socket has before bind. */
	if (fd >= 0 && (is_unix ? fchmod(fd, 0600) == 0 : setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0) &&
	    (!is6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0) && bind(fd, &at->a.any, at->n) == 0 &&
	    listen(fd, BACKLOG) == 0 && getsockname(fd, &at->a.any, &at->n) == 0) {
		ls->door = d;
		ls->is_unix = is_unix;
		if (loop_io_add(d->agent->loop, &ls->io, fd, LOOP_READ, on_accept) == 0) {
			d->n_listeners++;
			return 0;
		}
	}
	if (fd >= 0 && is6 && (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT)) {
		close(fd);
		return E_ABSENT;
	}
	why_set(why, RSC_INTERNAL_SERVER_ERROR, "cannot listen on %s: %s", text, strerror(errno));
	if (fd >= 0)
		close(fd);
	return E_SYS;
}

static int check_place(const char *text, struct place *at, struct why *why)
{
	if (read_place(str_of(text), at))
		return 0;
	why_set(why, RSC_INTERNAL_SERVER_ERROR, "agent.listen: \"%.60s\" is no loopback address and port; write 127.0.0.1:8080 or [::1]:8080", text);
	return E_CONF;
}

int door_check(const struct conf *c, struct why *why)
{
	const char *text;
	struct place at;
	int r = 0;

	for (unsigned i = 0; r == 0 && (text = conf_item(c, AGENT_LISTEN, i)) != NULL; i++)
		r = check_place(text, &at, why);
	if (r == 0 && strchr(conf_str(c, AGENT_SOCKET), '/')) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "agent.socket must be a file name in agent.state, without a slash");
		r = E_CONF;
	}
	return r;
}

static int listen_tcp(struct door *d, const char *text, struct why *why)
{
	struct place at;
	int r = check_place(text, &at, why);

	if (r)
		return r;
	/* The same port on both families, when the kernel chooses. */
	if (at.a.any.sa_family == AF_INET6 && at.a.v6.sin6_port == 0)
		at.a.v6.sin6_port = htons((uint16_t)d->port);
	r = add_listener(d, &at, text, why);
	if (r == E_ABSENT) {
		log_write(d->agent->log, LOG_LISTEN_FAILED, "%s: this machine has no such IPv6 address; going on without", text);
		return 0;
	}
	if (r != 0)
		return r;
	uint16_t port = ntohs(at.a.any.sa_family == AF_INET6 ? at.a.v6.sin6_port : at.a.v4.sin_port);
	if (d->port == 0)
		d->port = port;
	d->own_ports[d->rewrite.n_own_ports++] = port;
	log_write(d->agent->log, LOG_LISTEN, "%s, port %u, for processes of user %u", text, port, (unsigned)d->uid);
	return 0;
}

static int listen_unix(struct door *d, const char *dir, const char *name, struct why *why)
{
	struct place at = { .n = sizeof(at.a.un) };
	int n = snprintf(d->socket_path, sizeof(d->socket_path), "%s/%s", dir, name), r;

	if (strchr(name, '/') || n < 0 || (size_t)n >= sizeof(at.a.un.sun_path)) {
		d->socket_path[0] = 0;
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "agent.socket must be a file name in agent.state, both together shorter than %zu bytes",
		        sizeof(at.a.un.sun_path));
		return E_CONF;
	}
	at.a.un.sun_family = AF_UNIX;
	memcpy(at.a.un.sun_path, d->socket_path, (size_t)n + 1);
	/* What is left of an earlier run. */
	if (unlink(d->socket_path) != 0 && errno != ENOENT) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "cannot remove the old agent.socket: %s", strerror(errno));
		d->socket_path[0] = 0;
		return E_SYS;
	}
	r = add_listener(d, &at, d->socket_path, why);
	if (r == 0)
		log_write(d->agent->log, LOG_LISTEN, "%s, for processes of user %u", name, (unsigned)d->uid);
	return r;
}

/* --- life -------------------------------------------------------------------------------------------------------------- */

static int listen_all(struct door *d, struct why *why)
{
	const struct conf *c = d->agent->conf;
	const char *text;
	int r = 0;

	if (!may_be_told(d->uid) && conf_item(c, AGENT_LISTEN, 0))
		log_write(d->agent->log, LOG_LISTEN_FAILED,
		          "agent.listen: the loopback port is for processes of the agent's own user, which must be neither root nor nobody; run troth-agent as "
		          "a user of its own");
	for (unsigned i = 0; r == 0 && may_be_told(d->uid) && (text = conf_item(c, AGENT_LISTEN, i)) != NULL; i++)
		r = listen_tcp(d, text, why);
	if (r == 0 && conf_str(c, AGENT_SOCKET)[0])
		r = listen_unix(d, conf_str(c, AGENT_STATE), conf_str(c, AGENT_SOCKET), why);
	if (r == 0 && d->n_listeners == 0) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "no local client could reach the agent: agent.listen and agent.socket are empty, or it runs as root or nobody without an agent.socket");
		r = E_CONF;
	}
	return r;
}

int door_open(struct agent *a, struct door **out, struct why *why)
{
	struct door *d = calloc(1, sizeof(*d));
	int r;

	REQUIRE(d != NULL);
	d->magic = DOOR_MAGIC;
	d->agent = a;
	d->uid = geteuid();
	d->diag.fd = -1;
	d->max_conns = (unsigned)conf_num(a->conf, AGENT_MAX_CONNS);
	d->limits = (struct http1_limits){ .line = DOOR_LINE, .head = DOOR_HEAD, .fields = DOOR_FIELDS,
		                               .body = (size_t)conf_num(a->conf, AGENT_MAX_BODY) };
	d->rewrite = (struct rewrite){ .book = a->book, .authority = notice_authority(a->notice), .own_ports = d->own_ports };
	conn_list_init(&d->all);
	arena_init(&d->arena, ARENA_BYTES);
	rnd_bytes(a->rnd, d->key, sizeof(d->key));
	d->begin_ns = loop_now_ns(a->loop);
	if (a->notice)
		d->own_ports[d->rewrite.n_own_ports++] = (uint16_t)notice_port(a->notice);
	r = conf_item(a->conf, AGENT_LISTEN, 0) ? sockdiag_open(&d->diag, why) : 0;
	if (r == 0)
		r = listen_all(d, why);
	if (r != 0) {
		door_close(d);
		return r;
	}
	*out = d;
	return 0;
}

void door_reload(struct door *d)
{
	CHECK(d, DOOR);
	d->max_conns = (unsigned)conf_num(d->agent->conf, AGENT_MAX_CONNS);
}

static void close_listeners(struct door *d)
{
	for (unsigned i = 0; i < d->n_listeners; i++) {
		int fd = d->listeners[i].io.fd;

		loop_timer_cancel(d->agent->loop, &d->listeners[i].retry);
		loop_io_del(d->agent->loop, &d->listeners[i].io);
		close(fd);
	}
	d->n_listeners = 0;
}

bool door_end(struct door *d)
{
	CHECK(d, DOOR);
	bool busy = false;

	close_listeners(d);
	for (struct conn_link *l = d->all.next; l != &d->all; l = l->next) {
		struct door_conn *dc = CONTAINER_OF(l, struct door_conn, all);

		if (dc->phase == DOOR_CARRIED || dc->phase == DOOR_SENDING)
			busy = dc->closing = true;
		else
			plain_close(&dc->plain);
	}
	return busy;
}

void door_close(struct door *d)
{
	if (d == NULL)
		return;
	CHECK(d, DOOR);
	close_listeners(d);
	if (d->socket_path[0])
		unlink(d->socket_path);
	for (struct conn_link *l = d->all.next; l != &d->all; l = l->next)
		plain_close(&CONTAINER_OF(l, struct door_conn, all)->plain);
	/* They are freed by deferred calls. */
	loop_settle(d->agent->loop);
	if (d->diag.fd >= 0)
		sockdiag_close(&d->diag);
	arena_fini(&d->arena);
	d->magic = 0;
	free(d);
}

unsigned door_port(const struct door *d)
{
	CHECK(d, DOOR);
	return d->port;
}

struct rewrite *door_rewrite(struct door *d)
{
	CHECK(d, DOOR);
	return &d->rewrite;
}

void door_ask_later(struct door *d, struct str rqi)
{
	d->asked[d->n_asked++ % DOOR_ASKED] = str_hash(rqi, d->key);
}

bool door_asked(const struct door *d, struct str rqi)
{
	uint64_t hash = str_hash(rqi, d->key);

	CHECK(d, DOOR);
	for (unsigned i = 0; i < DOOR_ASKED && i < d->n_asked; i++)
		if (d->asked[i] == hash)
			return true;
	return false;
}
