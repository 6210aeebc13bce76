/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a connection: taken, handshake, open, finishing, closed. */
#include "bindings/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bindings/conn_priv.h"
#include "cse/base/log.h"
#include "security/tls.h"

#define NS_PER_MS 1000000
enum {
	HANDSHAKE_STEPS = 4,          /* per turn: each costs as much as 40 requests, which must not wait for many */
	LINGER_MS = 2000,
	LINGER_BYTES = 16 << 20,      /* a client that still uploads must get to read why it should not */
	WATCH_MS = 250,               /* four slices look at all connections in a second */
	WATCH_ENDS_MS = 30000,        /* where nobody is revoked, only certificates end: an idle device sleeps */
	WATCH_LEAST = 64,
	TELL_MS = 1000,               /* refused handshakes are logged once a second at most */
};

static void on_io(struct loop *l, struct loop_io *io, unsigned events);
static void on_timer(struct loop *l, struct loop_timer *t);

/* --- lists ------------------------------------------------------------------------------------------------------- */

void conn_list_init(struct conn_link *l)
{
	l->prev = l->next = l;
}

void conn_list_add(struct conn_link *l, struct conn_link *x)
{
	x->prev = l->prev;
	x->next = l;
	l->prev->next = x;
	l->prev = x;
}

void conn_list_del(struct conn_link *x)
{
	if (x->next == NULL)
		return;
	x->prev->next = x->next;
	x->next->prev = x->prev;
	x->prev = x->next = NULL;
}

/* --- lanes ------------------------------------------------------------------------------------------------------- */

void conn_lane_init(struct conn_lane *lane, BIO_METHOD *bio)
{
	lane->bio = bio;
	lane->cipher = malloc(CONN_CIPHER);
	lane->plain = malloc(CONN_RECORD);
	REQUIRE(lane->cipher != NULL && lane->plain != NULL);
	conn_list_init(&lane->all);
	conn_list_init(&lane->handshakes);
	lane->cursor = &lane->all;
	buf_init(&lane->wire, CONN_WIRE_MAX);
	atomic_init(&lane->n, 0);
}

void conn_lane_fini(struct conn_lane *lane)
{
	while (lane->all.next != &lane->all) {
		struct conn *c = CONTAINER_OF(lane->all.next, struct conn, all);

		if (c->state == CONN_OPEN && !conn_is_sending(c)) {
			SSL_shutdown(c->ssl);
			conn_flush(c);
		}
		conn_close(c);
	}
	ERR_clear_error();
	/* They are freed by deferred calls.  Nothing else begins meanwhile: what timers belong to may be gone. */
	loop_settle(lane->loop);
	loop_settle(lane->loop);
	loop_timer_cancel(lane->loop, &lane->watch);
	buf_fini(&lane->wire);
	free(lane->lives);
	free(lane->cipher);
	OPENSSL_cleanse(lane->plain, CONN_RECORD);
	free(lane->plain);
}

static void on_watch(struct loop *l, struct loop_timer *t);

static void watch_later(struct conn_lane *lane)
{
	int64_t ms = lane->security ? WATCH_MS : WATCH_ENDS_MS;

	loop_timer_set(lane->loop, &lane->watch, loop_now_ns(lane->loop) + ms * NS_PER_MS, on_watch);
}

/* A suspended or revoked credential must not wait for its next request: idle connections are looked at, too. */
static void on_watch(struct loop *l, struct loop_timer *t)
{
	struct conn_lane *lane = CONTAINER_OF(t, struct conn_lane, watch);
	unsigned n = atomic_load_explicit(&lane->n, memory_order_relaxed) / 4 + WATCH_LEAST;

	bool over = lane->tls && tls_refuses(lane->tls) != NULL;

	if (lane->all.next == &lane->all)
		return;
	while (n--) {
		struct conn *c;

		lane->cursor = lane->cursor->next;
		if (lane->cursor == &lane->all)
			break;
		c = CONTAINER_OF(lane->cursor, struct conn, all);
		if (c->state == CONN_OPEN && (over || loop_now_ns(l) >= c->ends_ns || (c->peer && !peer_is_live(lane->security, c->peer)))) {
			lane->cursor = lane->cursor->prev;
			conn_close(c);
		}
	}
	watch_later(lane);
}

/* --- taking ------------------------------------------------------------------------------------------------------ */

static void free_later(struct loop *l, struct loop_task *t)
{
	struct conn *c = CONTAINER_OF(t, struct conn, task);

	(void)l;
	c->magic = 0;
	free(c);
}

static void begin(struct loop *l, struct loop_task *t)
{
	struct conn *c = CONTAINER_OF(t, struct conn, task);
	struct conn_lane *lane = c->lane;
	int one = 1;

	CHECK(c, CONN);
	conn_list_add(&lane->all, &c->all);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (lane->tls && tls_refuses(lane->tls)) {
		conn_refuse(c, "no connection is accepted: what this CSE shows or seals with has ended and could not be renewed");
		return;
	}
	c->ssl = lane->tls ? tls_accept(lane->tls, loop_index(l)) : lane->user->accept(c);
	if (c->ssl == NULL || !conn_bio_attach(c) || loop_io_add(l, &c->io, c->fd, LOOP_READ, on_io) != 0) {
		log_write(lane->log, LOG_ACCEPT_FAILED, "no memory or descriptor for a connection");
		conn_close(c);
		return;
	}
	c->state = CONN_HANDSHAKE;
	conn_list_add(&lane->handshakes, &c->handshake);
	loop_timer_set(l, &c->timer, loop_now_ns(l) + lane->times->handshake_ns, on_timer);
	if (!lane->watch.pos)
		watch_later(lane);
	/* Half-open connections cost strangers nothing: the oldest makes room. */
	if (++lane->n_handshakes > lane->max_handshakes)
		conn_refuse(CONTAINER_OF(lane->handshakes.next, struct conn, handshake), "too many handshakes, the oldest makes room");
}

void conn_take(struct conn_lane *lane, int fd, const struct ipaddr *from)
{
	struct conn *c = calloc(1, lane->user->size);

	REQUIRE(c != NULL);
	c->magic = CONN_MAGIC;
	c->lane = lane;
	c->fd = fd;
	c->from = *from;
	c->io.fd = -1;
	buf_init(&c->pending, CONN_WIRE_MAX);
	atomic_fetch_add_explicit(&lane->n, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(lane->total, 1, memory_order_relaxed);
	c->task.fn = begin;
	loop_post(lane->loop, &c->task, begin);
}

/* --- making ------------------------------------------------------------------------------------------------------ */

struct conn *conn_dial(struct conn_lane *lane, const struct sockaddr *to, socklen_t n, SSL *ssl)
{
	struct conn *c = calloc(1, lane->user->size);
	int one = 1;

	REQUIRE(c != NULL && lane->user->prove);
	c->magic = CONN_MAGIC;
	c->lane = lane;
	c->client = true;
	c->io.fd = -1;
	c->ssl = ssl;
	c->fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0 || (connect(c->fd, to, n) < 0 && errno != EINPROGRESS) || !conn_bio_attach(c) ||
	    loop_io_add(lane->loop, &c->io, c->fd, LOOP_WRITE, on_io) != 0) {
		SSL_free(ssl);
		if (c->fd >= 0)
			close(c->fd);
		free(c);
		return NULL;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	buf_init(&c->pending, CONN_WIRE_MAX);
	conn_list_add(&lane->all, &c->all);
	atomic_fetch_add_explicit(&lane->n, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(lane->total, 1, memory_order_relaxed);
	loop_timer_set(lane->loop, &c->timer, loop_now_ns(lane->loop) + lane->times->handshake_ns, on_timer);
	if (!lane->watch.pos)
		watch_later(lane);
	return c;
}

/* --- closing ----------------------------------------------------------------------------------------------------- */

static void leave_user(struct conn *c)
{
	if (c->left)
		return;
	c->left = true;
	c->lane->user->gone(c);
}

static void leave_handshakes(struct conn *c)
{
	if (c->handshake.next == NULL)
		return;
	conn_list_del(&c->handshake);
	c->lane->n_handshakes--;
}

void conn_close(struct conn *c)
{
	struct conn_lane *lane = c->lane;

	CHECK(c, CONN);
	if (c->state == CONN_DEAD)
		return;
	c->state = CONN_DEAD;
	leave_user(c);
	leave_handshakes(c);
	if (lane->cursor == &c->all)
		lane->cursor = c->all.prev;
	conn_life_end(c);
	conn_list_del(&c->all);
	loop_timer_cancel(lane->loop, &c->timer);
	loop_io_del(lane->loop, &c->io);
	SSL_free(c->ssl);
	c->ssl = NULL;
	close(c->fd);
	buf_fini(&c->pending);
	c->out_n = 0;
	peer_unref(c->peer);
	c->peer = NULL;
	atomic_fetch_sub_explicit(&lane->n, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(lane->total, 1, memory_order_relaxed);
	stat_add(lane->stats, STAT_CONN_CLOSED, 1);
	loop_defer(lane->loop, &c->task, free_later);
}

void conn_refuse(struct conn *c, const char *reason)
{
	struct conn_lane *lane = c->lane;
	int64_t now = loop_now_ns(lane->loop);

	if (c->state == CONN_DEAD)
		return;
	stat_add(lane->stats, STAT_TLS_REFUSED, 1);
	lane->untold++;
	if (now - lane->told_ns >= (int64_t)TELL_MS * NS_PER_MS) {
		log_write(lane->log, LOG_TLS_FAILED, "%s (%u since the last such line)", reason, lane->untold);
		lane->told_ns = now;
		lane->untold = 0;
	}
	conn_close(c);
}

void conn_finish(struct conn *c)
{
	if (c->state != CONN_OPEN || c->cut) {
		conn_close(c);
		return;
	}
	leave_user(c);
	c->state = CONN_LINGER;
	SSL_shutdown(c->ssl);
	ERR_clear_error();
	conn_flush(c);
	if (c->state != CONN_LINGER)
		return;
	if (c->pending.n == 0)
		shutdown(c->fd, SHUT_WR);
	if (c->eof || c->pending.n > 0) {
		conn_close(c);
		return;
	}
	c->paused = false;
	loop_io_mod(c->lane->loop, &c->io, LOOP_READ);
	loop_timer_set(c->lane->loop, &c->timer, loop_now_ns(c->lane->loop) + (int64_t)LINGER_MS * NS_PER_MS, on_timer);
}

/* --- time -------------------------------------------------------------------------------------------------------- */

void conn_deadline(struct conn *c, int64_t at_ns)
{
	/* While something is sent, the deadline of sending counts. */
	if (c->state == CONN_OPEN && !conn_is_sending(c))
		loop_timer_set(c->lane->loop, &c->timer, at_ns, on_timer);
}

static void on_timer(struct loop *l, struct loop_timer *t)
{
	struct conn *c = CONTAINER_OF(t, struct conn, timer);

	(void)l;
	if (c->state == CONN_HANDSHAKE || c->state == CONN_NEW)
		conn_refuse(c, "it took too long");
	else if (c->state == CONN_OPEN && !conn_is_sending(c))
		c->lane->user->timeout(c);
	else
		conn_close(c);
}

void conn_send_deadline(struct conn *c)
{
	loop_timer_set(c->lane->loop, &c->timer, loop_now_ns(c->lane->loop) + c->lane->times->send_ns, on_timer);
}

/* --- events ------------------------------------------------------------------------------------------------------ */

static unsigned wanted(const struct conn *c)
{
	return (c->paused || c->eof ? 0 : LOOP_READ) | (c->pending.n > 0 ? LOOP_WRITE : 0);
}

void conn_update(struct conn *c)
{
	if (c->state != CONN_DEAD && !c->cut)
		loop_io_mod(c->lane->loop, &c->io, wanted(c));
}

/* The loop is told only when bytes come nevertheless: a client that waits for its answer sends none. */
void conn_pause(struct conn *c)
{
	c->paused = true;
}

void conn_resume(struct conn *c)
{
	c->paused = false;
	conn_update(c);
}

static void drain(struct conn *c)
{
	ssize_t n = recv(c->fd, c->lane->cipher, CONN_CIPHER, 0);

	if (n > 0 && (c->drained += (size_t)n) < LINGER_BYTES)
		return;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	conn_close(c);
}

static void opened(struct conn *c)
{
	struct conn_lane *lane = c->lane;
	bool by_user = c->client || !lane->tls;

	leave_handshakes(c);
	if (by_user ? !lane->user->prove(c) : tls_peer(lane->tls, c->ssl, &c->from, &c->peer) != 0) {
		conn_refuse(c, by_user ? "the peer does not prove who it is" : "the certificate's credential is not one that may connect");
		return;
	}
	if (!by_user && !peer_count(lane->security, c->peer, lane->max_of_one)) {
		conn_refuse(c, "its credential has as many connections as one may (https.connections_per_credential)");
		return;
	}
	stat_add(lane->stats, STAT_TLS_HANDSHAKES, 1);
	/* A session by an enrolment code looks reused. */
	if (!c->client && SSL_session_reused(c->ssl) && !(c->peer && peer_is_limited(c->peer)))
		stat_add(lane->stats, STAT_TLS_RESUMED, 1);
	if (lane->tls)
		c->ends_ns = tls_ends_ns(lane->tls, c->ssl);
	else if (c->ends_ns == 0)
		c->ends_ns = INT64_MAX; /* the user's proof has said nothing */
	c->state = CONN_OPEN;
	if (!by_user)
		conn_life_begin(c);
	/* The user sets its own deadline, now with no bytes to look at. */
	lane->user->ready(c);
}

/* One step of the handshake with the bytes that have come. */
static void shake(struct conn *c)
{
	int r, e;

	/* Somebody looked whether the port is open. */
	if (!c->heard && !c->client) {
		conn_close(c);
		return;
	}
	ERR_clear_error();
	r = SSL_do_handshake(c->ssl);
	e = r == 1 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, r);
	if (r != 1 && (e != SSL_ERROR_WANT_READ || c->eof)) {
		const char *reason = c->client || !c->lane->tls ? "the peer refused, or its certificate is none of ours"
		                                                : tls_refused(c->lane->tls, c->ssl, &c->from);

		ERR_clear_error();
		conn_flush(c);
		conn_refuse(c, reason);
		return;
	}
	conn_flush(c);
	if (r == 1 && c->state == CONN_HANDSHAKE)
		opened(c);
}

static void on_turn_end(struct loop *l, struct loop_task *t)
{
	(void)l;
	(void)t;
}

static bool may_shake(struct conn_lane *lane)
{
	if (!lane->turn.queued) {
		loop_defer(lane->loop, &lane->turn, on_turn_end);
		lane->handshakes_left = HANDSHAKE_STEPS;
	}
	if (lane->handshakes_left == 0)
		return false;
	lane->handshakes_left--;
	return true;
}

static void readable(struct conn *c)
{
	struct conn_lane *lane = c->lane;

	/* Level-triggered: who has to wait is told again in the next turn. */
	if (c->state == CONN_HANDSHAKE && !may_shake(lane))
		return;
	if (c->state == CONN_OPEN && loop_now_ns(lane->loop) >= c->ends_ns) {
		conn_close(c);
		return;
	}
	if (c->state == CONN_OPEN && !lane->user->wants(c)) {
		conn_update(c);
		return;
	}
	if (!conn_receive(c))
		return;
	if (c->state == CONN_HANDSHAKE)
		shake(c);
	if (c->state == CONN_OPEN && conn_has_bytes(c) && conn_decrypt(c))
		lane->user->ready(c);
	/* What is decrypted is with the user; what is not, is of a connection that is closed. */
	REQUIRE(lane->feed == lane->fed || c->state >= CONN_LINGER);
	lane->feeding = NULL;
	if (c->state != CONN_DEAD && c->eof)
		conn_update(c);
}

/* The kernel has connected, or not. */
static void connected(struct conn *c)
{
	int e = 0;
	socklen_t n = sizeof(e);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &n) < 0 || e != 0) {
		conn_close(c);
		return;
	}
	c->state = CONN_HANDSHAKE;
	shake(c);
	conn_update(c);
}

static void on_io(struct loop *l, struct loop_io *io, unsigned events)
{
	struct conn *c = CONTAINER_OF(io, struct conn, io);

	(void)l;
	CHECK(c, CONN);
	if (c->state == CONN_NEW) {
		connected(c);
		return;
	}
	if (c->state == CONN_LINGER) {
		drain(c);
		return;
	}
	if (events & LOOP_WRITE) {
		conn_flush(c);
		if (c->state == CONN_OPEN && c->pending.n == 0)
			conn_push(c);
	}
	if (c->state == CONN_DEAD || c->state == CONN_LINGER)
		return;
	if (events & LOOP_READ && !c->paused && !c->eof)
		readable(c);
	else if (events & LOOP_HUP && !(events & LOOP_WRITE))
		conn_close(c);
	else
		conn_update(c);
}
