/* SPDX-License-Identifier: Apache-2.0 */
/* troth-bench --op sink: a notification target that is faster than what notifies it.  It says its port, answers every request
 * with 2000, and tells for each line that it reads how many have come and when the last one came. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tools/bench.h"

enum { IN_MAX = 65536, EVENTS = 64 };

struct guest {
	int fd;
	SSL *ssl;
	bool open;
	size_t n;
	char in[IN_MAX];
};

struct sink {
	SSL_CTX *ctx;
	int epoll, listener;
	uint64_t count;
	int64_t last_ns;
};

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int fail(const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());
	fprintf(stderr, "troth-bench: %s: %s\n", what, reason ? reason : strerror(errno));
	return -1;
}

static int open_sink(const struct bench_opts *o, struct sink *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	s->ctx = SSL_CTX_new(TLS_server_method());
	if (!s->ctx || SSL_CTX_set_min_proto_version(s->ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_load_verify_file(s->ctx, o->ca) != 1 || SSL_CTX_use_certificate_chain_file(s->ctx, o->cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(s->ctx, o->key, SSL_FILETYPE_PEM) != 1)
		return fail("the sink's certificate");
	SSL_CTX_set_verify(s->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_num_tickets(s->ctx, 0);
	SSL_CTX_set_read_ahead(s->ctx, 1);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->listener < 0 || s->epoll < 0 || bind(s->listener, (struct sockaddr *)&at, n) < 0 || listen(s->listener, 1024) < 0 ||
	    getsockname(s->listener, (struct sockaddr *)&at, &n) < 0)
		return fail("the sink's port");
	epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &(struct epoll_event){ .events = EPOLLIN, .data.ptr = s });
	epoll_ctl(s->epoll, EPOLL_CTL_ADD, 0, &(struct epoll_event){ .events = EPOLLIN, .data.ptr = NULL });
	printf("%u\n", ntohs(at.sin_port));
	fflush(stdout);
	return 0;
}

static void take(struct sink *s)
{
	int one = 1, fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	struct guest *g = calloc(1, sizeof(*g));
	if (!g) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	g->fd = fd;
	g->ssl = SSL_new(s->ctx);
	SSL_set_fd(g->ssl, fd);
	SSL_set_accept_state(g->ssl);
	epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){ .events = EPOLLIN, .data.ptr = g });
}

/* Answers every complete request; false: the connection is of no use. */
static bool answer(struct sink *s, struct guest *g)
{
	size_t at = 0;
	for (;;) {
		char *p = g->in + at, *end = memmem(p, g->n - at, "\r\n\r\n", 4), text[300];
		if (!end)
			break;
		size_t head = (size_t)(end - p) + 4, k, done;
		const char *length = memmem(p, head, "\r\nContent-Length: ", 18), *ri = memmem(p, head, "\r\nX-M2M-RI: ", 12);
		size_t body = length ? strtoul(length + 18, NULL, 10) : 0;
		if (!ri || body > IN_MAX || head + body > IN_MAX)
			return false;
		if (g->n - at < head + body)
			break;
		ri += 12;
		int n = snprintf(text, sizeof(text), "HTTP/1.1 200 \r\nX-M2M-RSC: 2000\r\nX-M2M-RI: %.*s\r\nContent-Length: 0\r\n\r\n",
		                 (int)strcspn(ri, "\r"), ri);
		k = (size_t)n;
		if (k >= sizeof(text))
			return false;
		if (SSL_write_ex(g->ssl, text, k, &done) != 1 || done != k)
			return false;
		s->count++;
		at += head + body;
	}
	memmove(g->in, g->in + at, g->n - at);
	g->n -= at;
	return g->n < IN_MAX;
}

static bool hear(struct sink *s, struct guest *g)
{
	if (!g->open) {
		int r = SSL_do_handshake(g->ssl);
		if (r != 1) {
			int e = SSL_get_error(g->ssl, r);
			return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE;
		}
		g->open = true;
	}
	for (;;) {
		size_t k;
		if (SSL_read_ex(g->ssl, g->in + g->n, IN_MAX - g->n, &k) != 1)
			return SSL_get_error(g->ssl, 0) == SSL_ERROR_WANT_READ;
		g->n += k;
		if (!answer(s, g))
			return false;
	}
}

/* A line asks for the figures; false: who asks is gone. */
static bool tell(const struct sink *s)
{
	char line[64];
	ssize_t n = read(0, line, sizeof(line));
	for (ssize_t i = 0; i < n; i++)
		if (line[i] == '\n')
			printf("{\"count\":%llu,\"last_s\":%.6f}\n", (unsigned long long)s->count, (double)s->last_ns / 1e9);
	fflush(stdout);
	return n > 0;
}

int bench_sink(const struct bench_opts *o)
{
	struct sink s = { .listener = -1 };
	struct epoll_event ev[EVENTS];
	if (open_sink(o, &s) < 0)
		return -1;
	for (bool on = true; on;) {
		int n = epoll_wait(s.epoll, ev, EVENTS, -1);
		uint64_t before = s.count;
		for (int i = 0; i < n; i++) {
			struct guest *g = ev[i].data.ptr;
			if (!g) {
				on = tell(&s);
			} else if ((void *)g == (void *)&s) {
				take(&s);
			} else if (!hear(&s, g)) {
				SSL_free(g->ssl);
				close(g->fd);
				free(g);
			}
			ERR_clear_error();
		}
		if (s.count != before)
			s.last_ns = now_ns();
	}
	SSL_CTX_free(s.ctx);
	return 0;
}
