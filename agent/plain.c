/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to and from a local process. */
#include "agent/plain.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#define NS_PER_MS 1000000
enum { READ_BYTES = 16384, KEEP_BYTES = 4096, LINGER_MS = 1000, LINGER_BYTES = 16 << 20 };

static void on_end(struct loop *l, struct loop_task *t)
{
	struct plain *p = CONTAINER_OF(t, struct plain, end);

	(void)l;
	CHECK(p, PLAIN);
	p->magic = 0;
	buf_fini(&p->in);
	p->user->gone(p);
}

void plain_close(struct plain *p)
{
	int fd;

	CHECK(p, PLAIN);
	if (p->closed)
		return;
	p->closed = true;
	fd = p->io.fd;
	loop_timer_cancel(p->loop, &p->timer);
	loop_io_del(p->loop, &p->io);
	close(fd);
	p->out_n = 0;
	loop_defer(p->loop, &p->end, on_end);
}

static void update(struct plain *p)
{
	if (!p->closed)
		loop_io_mod(p->loop, &p->io,
		            (p->paused || p->eof || p->connecting ? 0u : LOOP_READ) | (p->out_n > 0 || p->connecting ? LOOP_WRITE : 0u));
}

/* --- sending ----------------------------------------------------------------------------------------------------------- */

static void push(struct plain *p)
{
	while (p->out_n > 0) {
		ssize_t n = send(p->io.fd, p->out, p->out_n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			plain_close(p);
			return;
		}
		p->out += n;
		p->out_n -= (size_t)n;
	}
}

bool plain_send(struct plain *p, const char *bytes, size_t n)
{
	CHECK(p, PLAIN);
	REQUIRE(p->out_n == 0);
	if (p->closed)
		return true;
	p->out = bytes;
	p->out_n = n;
	push(p);
	if (p->closed || p->out_n == 0)
		return true;
	update(p);
	return false;
}

/* --- reading ----------------------------------------------------------------------------------------------------------- */

static void drain(struct plain *p)
{
	char bin[READ_BYTES];
	ssize_t n = recv(p->io.fd, bin, sizeof(bin), 0);

	if ((n > 0 && (p->drained += (size_t)n) < LINGER_BYTES) || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	plain_close(p);
}

static void take_bytes(struct plain *p)
{
	size_t want = p->in.max - p->in.n < READ_BYTES ? p->in.max - p->in.n : READ_BYTES;
	char *at;
	ssize_t n;

	/* Small messages need no large room. */
	if (want > KEEP_BYTES && p->in.cap - p->in.n < want)
		want = p->in.n < KEEP_BYTES / 2 ? KEEP_BYTES - p->in.n : want;
	at = want > 0 ? buf_room(&p->in, want) : NULL;
	if (at == NULL) {
		plain_close(p);
		return;
	}
	want = p->in.cap - p->in.n < p->in.max - p->in.n ? p->in.cap - p->in.n : p->in.max - p->in.n;
	do
		n = recv(p->io.fd, at, want, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0) {
		plain_close(p);
		return;
	}
	buf_added(&p->in, (size_t)n);
	p->eof = n == 0;
	if (p->eof)
		update(p);
	p->user->ready(p);
	if (!p->closed && p->in.n == 0)
		buf_shrink(&p->in, KEEP_BYTES);
}

static void finish_connect(struct plain *p)
{
	int e = 0;
	socklen_t n = sizeof(e);

	if (getsockopt(p->io.fd, SOL_SOCKET, SO_ERROR, &e, &n) < 0 || e != 0) {
		plain_close(p);
		return;
	}
	p->connecting = false;
	update(p);
	p->user->connected(p);
}

static void on_io(struct loop *l, struct loop_io *io, unsigned events)
{
	struct plain *p = CONTAINER_OF(io, struct plain, io);

	(void)l;
	CHECK(p, PLAIN);
	if (p->connecting) {
		finish_connect(p);
		return;
	}
	if (p->lingering) {
		drain(p);
		return;
	}
	if (events & LOOP_WRITE && p->out_n > 0) {
		push(p);
		if (!p->closed && p->out_n == 0) {
			update(p);
			p->user->sent(p);
		}
		if (p->closed)
			return;
	}
	if (events & LOOP_READ && !p->paused && !p->eof)
		take_bytes(p);
	else if (events & LOOP_HUP && !(events & LOOP_WRITE))
		plain_close(p);
	else
		update(p);
}

static void on_timer(struct loop *l, struct loop_timer *t)
{
	struct plain *p = CONTAINER_OF(t, struct plain, timer);

	(void)l;
	if (p->lingering || p->connecting)
		plain_close(p);
	else
		p->user->timeout(p);
}

/* --- life -------------------------------------------------------------------------------------------------------------- */

static void prepare(struct plain *p, struct loop *l, const struct plain_user *user, size_t in_max)
{
	*p = (struct plain){ .magic = PLAIN_MAGIC, .loop = l, .user = user, .io.fd = -1 };
	buf_init(&p->in, in_max);
}

bool plain_open(struct plain *p, struct loop *l, int fd, const struct plain_user *user, size_t in_max)
{
	int one = 1;

	prepare(p, l, user, in_max);
	/* An AF_UNIX socket has no such option, and needs none. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (loop_io_add(l, &p->io, fd, LOOP_READ, on_io) == 0)
		return true;
	close(fd);
	return false;
}

bool plain_connect(struct plain *p, struct loop *l, const struct sockaddr *to, socklen_t n, const struct plain_user *user, size_t in_max)
{
	int one = 1, fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	prepare(p, l, user, in_max);
	if (fd < 0)
		return false;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	p->connecting = true;
	if ((connect(fd, to, n) == 0 || errno == EINPROGRESS) && loop_io_add(l, &p->io, fd, LOOP_WRITE, on_io) == 0)
		return true;
	close(fd);
	return false;
}

int plain_fd(const struct plain *p)
{
	return p->io.fd;
}

/* The loop is told only when bytes come nevertheless: a client that waits for its answer sends none. */
void plain_pause(struct plain *p)
{
	p->paused = true;
}

void plain_resume(struct plain *p)
{
	p->paused = false;
	update(p);
}

void plain_deadline(struct plain *p, int64_t at_ns)
{
	if (!p->closed)
		loop_timer_set(p->loop, &p->timer, at_ns, on_timer);
}

void plain_finish(struct plain *p)
{
	if (p->closed)
		return;
	if (p->eof || p->out_n > 0) {
		plain_close(p);
		return;
	}
	p->lingering = true;
	p->paused = false;
	shutdown(p->io.fd, SHUT_WR);
	update(p);
	plain_deadline(p, loop_now_ns(p->loop) + (int64_t)LINGER_MS * NS_PER_MS);
}
