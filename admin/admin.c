/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The administrator's socket: connections, HTTP framing, and the life of a call.  Who may connect is decided by the kernel
 * (mode 0600 in a folder of mode 0700) and once more by SO_PEERCRED.
 */
#include "admin/admin.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/admin_priv.h"
#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/base/log.h"

enum { HEAD_BYTES = 8192, IDLE_S = 60 };
static const struct http1_limits limits = { .line = 2048, .head = HEAD_BYTES, .body = ASK_BODY_BYTES, .fields = ADMIN_FIELDS };

struct admin_conn {
	struct admin *admin;
	struct admin_conn *next;
	struct loop_io io;
	struct loop_timer timer;
	struct buf in, out;
	struct http1 http;
	struct http1_field fields[ADMIN_FIELDS];
	struct admin_call call;
	bool gone;   /* the peer left while a call waits */
	bool close;  /* after what is in `out` */
};

static void conn_free(struct admin_conn *k)
{
	struct admin *a = k->admin;
	struct admin_conn **at = &a->conns;

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	a->n_conns--;
	int fd = k->io.fd;
	loop_timer_cancel(a->loop, &k->timer);
	loop_io_del(a->loop, &k->io);
	if (fd >= 0)
		close(fd);
	arena_fini(&k->call.arena);
	buf_fini_secret(&k->in);
	buf_fini_secret(&k->out);
	buf_fini_secret(&k->call.reply);
	free(k);
}

/* A call that waits is let come to its end; its answer is thrown away. */
static void conn_drop(struct admin_conn *k)
{
	if (!k->call.waits) {
		conn_free(k);
		return;
	}
	int fd = k->io.fd;
	k->gone = true;
	loop_timer_cancel(k->admin->loop, &k->timer);
	loop_io_del(k->admin->loop, &k->io);
	if (fd >= 0)
		close(fd);
	k->io.fd = -1;
}

static void on_timeout(struct loop *l, struct loop_timer *t);

static void conn_timer(struct admin_conn *k)
{
	loop_timer_set(k->admin->loop, &k->timer, loop_now_ns(k->admin->loop) + (int64_t)IDLE_S * 1000000000, on_timeout);
}

/* Who waits for long work is not idle: a backup may take hours. */
static void on_timeout(struct loop *l, struct loop_timer *t)
{
	struct admin_conn *k = CONTAINER_OF(t, struct admin_conn, timer);

	(void)l;
	if (k->call.waits)
		conn_timer(k);
	else
		conn_drop(k);
}

static void on_io(struct loop *l, struct loop_io *io, unsigned events);

/* --- answers ------------------------------------------------------------------------------------------------------------ */

/* false: the connection is gone. */
static bool conn_send(struct admin_conn *k)
{
	while (k->out.n > 0) {
		ssize_t n = send(k->io.fd, k->out.p, k->out.n, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			conn_drop(k);
			return false;
		}
		buf_drop(&k->out, (size_t)n);
	}
	if (k->out.n == 0 && k->close) {
		conn_drop(k);
		return false;
	}
	loop_io_mod(k->admin->loop, &k->io, k->out.n > 0 ? LOOP_WRITE : k->call.waits ? 0 : LOOP_READ);
	conn_timer(k);
	return true;
}

static void put_head(struct admin_conn *k, unsigned status)
{
	struct admin_call *c = &k->call;
	http1_put_status(&k->out, status);
	http1_put_field(&k->out, STR("Content-Type"), str_of(c->type));
	http1_put_field(&k->out, STR("Cache-Control"), STR("no-store"));
	if (k->close)
		http1_put_field(&k->out, STR("Connection"), STR("close"));
	http1_put_length(&k->out, c->reply.n);
	BUF_LIT(&k->out, "\r\n");
}

static void conn_read(struct admin_conn *k);

static void conn_end(struct admin_call *c, unsigned status, bool waited)
{
	struct admin_conn *k = CONTAINER_OF(c, struct admin_conn, call);

	if (k->gone) {
		conn_free(k);
		return;
	}
	k->close |= !k->http.keep_alive || k->admin->io.fd < 0;
	put_head(k, status);
	buf_str(&k->out, buf_as_str(&c->reply));
	buf_reset(&c->reply);
	arena_reset(&c->arena);
	/* Bodies hold requests for certificates: nothing of them stays. */
	size_t done = k->http.head_n + k->http.body_n;
	buf_drop(&k->in, done < k->in.n ? done : k->in.n);
	http1_init(&k->http, HTTP1_REQUEST, &limits, k->fields);
	if (conn_send(k) && waited && k->in.n > 0)
		conn_read(k);
}

/* --- requests ----------------------------------------------------------------------------------------------------------- */

static void dispatch(struct admin_conn *k)
{
	struct admin_call *c = &k->call;

	c->admin = k->admin;
	c->end = conn_end;
	c->query = http1_str(k->in.p, k->http.query);
	c->body = http1_body(&k->http, k->in.p);
	admin_begin(c, k->http.method, http1_str(k->in.p, k->http.path));
}

/* Every complete request in `in`, one after the other.  A handler may end the connection. */
static void conn_read(struct admin_conn *k)
{
	struct admin *a = k->admin;

	for (;;) {
		switch (http1_parse(&k->http, k->in.p, &k->in.n)) {
		case HTTP1_MORE:
			return;
		case HTTP1_HEAD_DONE:
			if (k->http.expect_continue)
				BUF_LIT(&k->out, "HTTP/1.1 100 \r\n\r\n");
			if (!conn_send(k))
				return;
			continue;
		case HTTP1_BAD:
			k->close = true;
			k->call.admin = a;
			k->call.end = conn_end;
			k->call.type = "application/json";
			k->call.changes = false;
			k->http.head_n = k->in.n;
			k->http.body_n = 0;
			admin_refuse(&k->call, k->http.status, "%s", k->http.why);
			return;
		case HTTP1_DONE:
			break;
		}
		unsigned before = a->n_conns;
		dispatch(k);
		/* Gone, waiting, or with an answer that is not yet sent: the rest is read later. */
		if (a->n_conns != before || k->call.waits || k->out.n > 0 || k->in.n == 0)
			return;
	}
}

static void on_io(struct loop *l, struct loop_io *io, unsigned events)
{
	struct admin_conn *k = CONTAINER_OF(io, struct admin_conn, io);
	(void)l;

	if (events & LOOP_WRITE && k->out.n > 0) {
		if (!conn_send(k))
			return;
		if (k->out.n == 0 && k->in.n > 0 && !k->call.waits)
			conn_read(k);
		return;
	}
	if (k->call.waits) {
		if (events & LOOP_HUP)
			conn_drop(k);
		return;
	}
	char *p = buf_room(&k->in, 4096);
	ssize_t n = p ? recv(io->fd, p, 4096, 0) : 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_drop(k);
		return;
	}
	buf_added(&k->in, (size_t)n);
	conn_timer(k);
	conn_read(k);
}

/* --- the socket ---------------------------------------------------------------------------------------------------------- */

static bool may_connect(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && n == sizeof(peer) &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

static void on_connect(struct loop *l, struct loop_io *io, unsigned events)
{
	struct admin *a = CONTAINER_OF(io, struct admin, io);
	(void)events;

	int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	struct admin_conn *k = may_connect(fd) && a->n_conns < ADMIN_CONNS ? calloc(1, sizeof(*k)) : NULL;
	if (!k || loop_io_add(l, &k->io, fd, LOOP_READ, on_io) != 0) {
		free(k);
		close(fd);
		return;
	}
	k->admin = a;
	k->next = a->conns;
	a->conns = k;
	a->n_conns++;
	buf_init_secret(&k->in, HEAD_BYTES + ASK_BODY_BYTES + 8192);
	buf_init_secret(&k->out, ADMIN_REPLY_BYTES + 4096);
	buf_init_secret(&k->call.reply, ADMIN_REPLY_BYTES);
	arena_init(&k->call.arena, 4096);
	http1_init(&k->http, HTTP1_REQUEST, &limits, k->fields);
	conn_timer(k);
}

static int listen_at(const char *path, int *out, struct why *why)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t n = strlen(path);

	if (n >= sizeof(un.sun_path)) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the path of admin.sock is longer than %zu bytes: choose a shorter cse.state",
		        sizeof(un.sun_path) - 1);
		return E_CONF;
	}
	memcpy(un.sun_path, path, n);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* What is left of an earlier run; the state folder's lock says that it does not run any more. */
	if (fd >= 0 && (unlink(path) == 0 || errno == ENOENT)) {
		/* On Linux the file gets the mode that the socket has before bind. */
		if (fchmod(fd, 0600) == 0 && bind(fd, (struct sockaddr *)&un, sizeof(un)) == 0 && listen(fd, ADMIN_CONNS) == 0) {
			*out = fd;
			return 0;
		}
	}
	why_set(why, RSC_INTERNAL_SERVER_ERROR, "cannot listen at %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return E_SYS;
}

int admin_open(struct cse *cse, const char *path, struct admin **out, struct why *why)
{
	int fd;
	struct admin *a = calloc(1, sizeof(*a));
	if (!a)
		return E_NOMEM;
	a->cse = cse;
	a->start_us = clock_wall_us(cse->clock);
	a->loop = cse->loops[0];
	a->path = strdup(path);
	int err = a->path ? listen_at(path, &fd, why) : E_NOMEM;
	if (err == 0) {
		err = loop_io_add(a->loop, &a->io, fd, LOOP_READ, on_connect);
		if (err)
			close(fd);
	}
	if (err) {
		free(a->path);
		free(a);
		return err;
	}
	*out = a;
	return 0;
}

void admin_close(struct admin *a)
{
	if (!a)
		return;
	int fd = a->io.fd;
	loop_io_del(a->loop, &a->io);
	close(fd);
	unlink(a->path);
	struct admin_conn *next;
	for (struct admin_conn *k = a->conns; k; k = next) {
		next = k->next;
		conn_drop(k);
	}
	while (a->waiting > 0 || atomic_load(&a->posted) > 0)
		loop_turn(a->loop, 10);
	free(a->path);
	free(a);
}
