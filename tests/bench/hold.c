/* SPDX-License-Identifier: Apache-2.0 */
/* Holds live TLS sessions of many credentials and tells when the server ended each: bench-hold PORT CA FOLDER NAME:COUNT...
 * Prints "ready N", then a line "NAME NANOSECONDS" (CLOCK_MONOTONIC) for each session that ended. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cse/base/check.h"
#include "cse/base/clock.h"

enum { AT_ONCE = 32, EVENTS = 4096 };

struct holder {
	SSL_CTX *ctx;
	const char *name;
	unsigned n;
};
struct session {
	struct holder *h;
	SSL *ssl;
	int fd;
	bool open;
};

static int die(const char *what)
{
	fprintf(stderr, "bench-hold: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void load(struct holder *h, const char *ca, const char *folder, char *word)
{
	char crt[512], key[512], *colon = strchr(word, ':');

	if (!colon)
		die("NAME:COUNT");
	*colon = 0;
	h->name = word;
	h->n = (unsigned)strtoul(colon + 1, NULL, 10);
	snprintf(crt, sizeof(crt), "%s/%s.crt", folder, word);
	snprintf(key, sizeof(key), "%s/%s.key", folder, word);
	h->ctx = SSL_CTX_new(TLS_client_method());
	REQUIRE(h->ctx);
	SSL_CTX_set_mode(h->ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(h->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(h->ctx, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_load_verify_locations(h->ctx, ca, NULL) != 1 || SSL_CTX_use_certificate_chain_file(h->ctx, crt) != 1 ||
	    SSL_CTX_use_PrivateKey_file(h->ctx, key, SSL_FILETYPE_PEM) != 1)
		die(crt);
}

static void dial(struct session *s, int ep, unsigned port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT, .data.ptr = s };

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&to, sizeof(to)) < 0 || fcntl(s->fd, F_SETFL, O_NONBLOCK) < 0)
		die("connect");
	s->ssl = SSL_new(s->h->ctx);
	REQUIRE(s->ssl && SSL_set_fd(s->ssl, s->fd) == 1);
	SSL_set_connect_state(s->ssl);
	if (epoll_ctl(ep, EPOLL_CTL_ADD, s->fd, &e) < 0)
		die("epoll_ctl");
}

static void opened(struct session *s, int ep)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = s };

	s->open = true;
	epoll_ctl(ep, EPOLL_CTL_MOD, s->fd, &e);
}

/* What it holds goes with the process: freeing it would take the processor from what is measured. */
static void ended(struct session *s, int ep, int64_t now_ns)
{
	printf("%s %lld\n", s->h->name, (long long)now_ns);
	epoll_ctl(ep, EPOLL_CTL_DEL, s->fd, NULL);
}

/* A handshake goes on, or the server has said something: a ticket.  True when it has just opened. */
static bool step(struct session *s, int ep)
{
	char c[256];
	int r;

	if (s->open) {
		SSL_read(s->ssl, c, sizeof(c));
		return false;
	}
	r = SSL_do_handshake(s->ssl);
	if (r == 1) {
		opened(s, ep);
		return true;
	}
	r = SSL_get_error(s->ssl, r);
	if (r != SSL_ERROR_WANT_READ && r != SSL_ERROR_WANT_WRITE)
		die("handshake");
	return false;
}

int main(int argc, char **argv)
{
	struct rlimit files = { 65536, 65536 };
	struct clock *clock = clock_new();
	struct epoll_event *events = calloc(EVENTS, sizeof(*events));
	struct holder *h;
	struct session *all;
	unsigned n = 0, dialled = 0, open = 0, port;
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (argc < 5)
		die("PORT CA FOLDER NAME:COUNT...");
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	port = (unsigned)strtoul(argv[1], NULL, 10);
	h = calloc((size_t)argc, sizeof(*h));
	REQUIRE(h && events);
	for (int i = 4; i < argc; i++) {
		load(&h[i], argv[2], argv[3], argv[i]);
		n += h[i].n;
	}
	all = calloc(n, sizeof(*all));
	REQUIRE(all);
	n = 0;
	for (int i = 4; i < argc; i++)
		for (unsigned k = 0; k < h[i].n; k++)
			all[n++].h = &h[i];
	for (;;) {
		bool whole = open == n;

		while (dialled < n && dialled - open < AT_ONCE)
			dial(&all[dialled++], ep, port);
		int got = epoll_wait(ep, events, EVENTS, -1);
		int64_t now_ns = clock_mono_ns(clock);
		for (int i = 0; i < got; i++) {
			struct session *s = events[i].data.ptr;

			if (s->open && events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
				ended(s, ep, now_ns);
			else
				open += step(s, ep);
		}
		if (open == n && !whole)
			printf("ready %u\n", n);
		fflush(stdout);
	}
}
