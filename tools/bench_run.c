/* SPDX-License-Identifier: Apache-2.0 */
/* The engine of the load generator: connections, answers, times. */
#include "tools/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <dirent.h>

enum { IN_MAX = 65536, EVENTS = 256 };

struct client {
	SSL *ssl;
	int fd;
	bool up, second, busy;
	struct bench_text *text;
	uint64_t serial;
	unsigned cnt;
	int64_t sent_ns;
	size_t have, want; /* answer bytes: in `in`, and in all when the head is known */
	unsigned status;
	char in[IN_MAX];
};

struct bench {
	const struct bench_opts *o;
	struct bench_result *r;
	SSL_CTX *ctx;
	struct addrinfo *ai, *to; /* all addresses of the host, the one in use */
	struct client **clients;
	struct bench_text texts[2];
	int ep;
	uint64_t serial;
	unsigned next_cnt;
	int64_t begin_ns, warm_ns, end_ns;
	uint64_t started, answered;
	bool over, failed;
};

static int64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int fail(const char *what, const char *more)
{
	fprintf(stderr, "troth-bench: %s%s%s\n", what, *more ? ": " : "", more);
	return -1;
}

/* On-CPU nanoseconds of all threads of a process. */
static double cpu_ns(int pid)
{
	char path[64];
	double sum = 0;
	snprintf(path, sizeof path, "/proc/%d/task", pid);
	DIR *d = opendir(path);
	if (!d)
		return -1;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		char file[400];
		unsigned long long ns;
		if (e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof file, "/proc/%d/task/%s/schedstat", pid, e->d_name);
		FILE *f = fopen(file, "re");
		if (!f)
			continue;
		if (fscanf(f, "%llu", &ns) == 1)
			sum += (double)ns;
		fclose(f);
	}
	closedir(d);
	return sum;
}

static int open_tls(struct bench *b)
{
	const struct bench_opts *o = b->o;
	b->ctx = SSL_CTX_new(TLS_client_method());
	if (!b->ctx)
		return fail("no TLS context", "");
	SSL_CTX_set_min_proto_version(b->ctx, TLS1_3_VERSION);
	SSL_CTX_set_mode(b->ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(b->ctx, 1);
	SSL_CTX_set_verify(b->ctx, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_load_verify_locations(b->ctx, o->ca, NULL) != 1)
		return fail("cannot read the CA certificates", o->ca);
	if (SSL_CTX_use_certificate_chain_file(b->ctx, o->cert) != 1)
		return fail("cannot read the certificate", o->cert);
	if (SSL_CTX_use_PrivateKey_file(b->ctx, o->key, SSL_FILETYPE_PEM) != 1)
		return fail("cannot read the key", o->key);
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	if (getaddrinfo(o->host, o->port, &hints, &b->ai))
		return fail("no such host", o->host);
	b->to = b->ai;
	return 0;
}

/* The first address of the host that takes connections is kept for all: localhost may be ::1 where only 127.0.0.1 is listened on. */
static int dial(struct bench *b)
{
	for (;; b->to = b->to->ai_next) {
		int fd = socket(b->to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, b->to->ai_addr, b->to->ai_addrlen) == 0)
			return fd;
		int error = errno;
		if (fd >= 0)
			close(fd);
		errno = error;
		if (!b->to->ai_next)
			return -1;
	}
}

/* Blocking connect and handshake: the load begins when all are up. */
static int client_connect(struct bench *b, struct client *c)
{
	int one = 1;
	c->fd = dial(b);
	if (c->fd < 0)
		return fail("cannot connect", strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	c->ssl = SSL_new(b->ctx);
	if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1)
		return fail("no TLS connection", "");
	SSL_set_tlsext_host_name(c->ssl, b->o->host);
	if (SSL_connect(c->ssl) != 1) {
		char text[200];
		ERR_error_string_n(ERR_get_error(), text, sizeof text);
		return fail("TLS handshake refused", text);
	}
	int flags = fcntl(c->fd, F_GETFL);
	fcntl(c->fd, F_SETFL, flags | O_NONBLOCK);
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };
	if (epoll_ctl(b->ep, EPOLL_CTL_ADD, c->fd, &ev))
		return fail("epoll", strerror(errno));
	c->up = true;
	return 0;
}

static void client_drop(struct bench *b, struct client *c)
{
	if (!c->up)
		return;
	c->up = false;
	b->r->lost += c->busy;
	SSL_free(c->ssl);
	close(c->fd);
	if (!b->over && !b->o->journal_stop && b->o->op != BENCH_IDLE) {
		fail("the server closed a connection", "");
		b->failed = true;
	}
}

static void client_send(struct bench *b, struct client *c)
{
	if (b->o->count && b->started >= b->o->count)
		return;
	c->cnt = b->o->first + b->next_cnt;
	b->next_cnt = (b->next_cnt + 1) % b->o->containers;
	c->serial = b->serial++;
	b->started++;
	bench_text_fill(c->text, c->serial, c->cnt);
	c->sent_ns = now_ns();
	c->busy = true;
	c->have = c->want = 0;
	/* A request is far smaller than the socket's buffer: it goes out whole, or the server is gone. */
	int n = SSL_write(c->ssl, c->text->text, (int)c->text->n);
	if (n != (int)c->text->n)
		client_drop(b, c);
}

/* Finds the end of the head, the status and the length. */
static bool head_parse(struct client *c)
{
	char *end = memmem(c->in, c->have, "\r\n\r\n", 4);
	if (!end)
		return false;
	size_t head = (size_t)(end - c->in) + 4, length = 0;
	c->status = c->have > 12 ? (unsigned)(c->in[9] - '0') * 100 + (unsigned)(c->in[10] - '0') * 10 + (unsigned)(c->in[11] - '0') : 0;
	char *cl = memmem(c->in, head, "Content-Length: ", 16);
	if (!cl)
		cl = memmem(c->in, head, "content-length: ", 16);
	for (char *p = cl ? cl + 16 : NULL; p && *p >= '0' && *p <= '9'; p++)
		length = length * 10 + (size_t)(*p - '0');
	c->want = head + length;
	return true;
}

static void client_answered(struct bench *b, struct client *c)
{
	int64_t t = now_ns();
	c->busy = false;
	b->answered++;
	if (c->status < 200 || c->status > 299) {
		if (b->r->refused++ == 0)
			fprintf(stderr, "troth-bench: refused: %.*s\n", (int)(c->have < 600 ? c->have : 600), c->in);
	} else if (b->o->journal && !c->second) {
		fprintf(b->o->journal, "%u %llu\n", c->cnt, (unsigned long long)c->serial);
	}
	if (t >= b->warm_ns) {
		hist_add(c->second ? &b->r->second : &b->r->first, t - c->sent_ns);
		*(c->second ? &b->r->done_second : &b->r->done_first) += 1;
	}
	if (t >= b->end_ns || (b->o->count && b->answered >= b->o->count))
		b->over = true;
	else
		client_send(b, c);
}

static void client_read(struct bench *b, struct client *c)
{
	for (;;) {
		/* Bytes of a body beyond the buffer are counted and dropped. */
		size_t keep = c->have < IN_MAX ? c->have : IN_MAX / 2;
		int n = SSL_read(c->ssl, c->in + keep, (int)(IN_MAX - keep));
		if (n <= 0) {
			int e = SSL_get_error(c->ssl, n);
			if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
				client_drop(b, c);
			return;
		}
		c->have += (size_t)n;
		if (c->busy && (c->want || head_parse(c)) && c->have >= c->want)
			client_answered(b, c);
		if (!c->up || b->over)
			return;
	}
}

static int clients_open(struct bench *b)
{
	int64_t t = now_ns();
	b->clients = calloc(b->o->connections, sizeof *b->clients);
	if (!b->clients)
		return fail("out of memory", "");
	for (unsigned i = 0; i < b->o->connections; i++) {
		struct client *c = b->clients[i] = calloc(1, sizeof *c);
		if (!c)
			return fail("out of memory", "");
		c->second = i < (unsigned)(b->o->share * b->o->connections + 0.5);
		c->text = &b->texts[c->second];
		if (client_connect(b, c))
			return -1;
		b->r->connected++;
	}
	b->r->connect_seconds = (double)(now_ns() - t) / 1e9;
	return 0;
}

static void run(struct bench *b)
{
	struct epoll_event ev[EVENTS];
	bool warm = false;
	double cpu0 = -1;
	int64_t t = now_ns(), counted_from = t;
	b->warm_ns = t + (int64_t)(b->o->warm * 1e9);
	b->end_ns = b->o->seconds > 0 ? b->warm_ns + (int64_t)(b->o->seconds * 1e9) : INT64_MAX;
	for (unsigned i = 0; i < b->o->connections && b->o->op != BENCH_IDLE; i++)
		client_send(b, b->clients[i]);
	while (!b->over && !b->failed) {
		if (!warm && (t = now_ns()) >= b->warm_ns) {
			warm = true;
			counted_from = t;
			cpu0 = b->o->pid ? cpu_ns(b->o->pid) : -1;
		}
		int n = epoll_wait(b->ep, ev, EVENTS, 100);
		for (int i = 0; i < n && !b->over; i++) {
			struct client *c = ev[i].data.ptr;
			if (c->up)
				client_read(b, c);
		}
		unsigned up = 0;
		for (unsigned i = 0; n <= 0 && i < b->o->connections; i++)
			up += b->clients[i]->up;
		if (now_ns() >= b->end_ns || (n <= 0 && up == 0))
			b->over = true;
	}
	b->r->seconds = (double)(now_ns() - counted_from) / 1e9;
	uint64_t done = b->r->done_first + b->r->done_second;
	double cpu1 = b->o->pid ? cpu_ns(b->o->pid) : -1;
	b->r->cpu_us = cpu0 >= 0 && cpu1 >= cpu0 && done ? (cpu1 - cpu0) / 1e3 / (double)done : -1;
}

int bench_run(const struct bench_opts *o, struct bench_result *out)
{
	struct bench b = { .o = o, .r = out, .serial = o->serial };
	int r = -1;
	memset(out, 0, sizeof *out);
	b.ep = epoll_create1(EPOLL_CLOEXEC);
	if (b.ep < 0 || open_tls(&b))
		goto out;
	if (bench_text_make(&b.texts[0], o, o->op) || bench_text_make(&b.texts[1], o, o->second))
		goto out;
	if (clients_open(&b))
		goto out;
	run(&b);
	r = b.failed ? -1 : 0;
out:
	b.over = true;
	for (unsigned i = 0; b.clients && i < o->connections && b.clients[i]; i++) {
		if (b.clients[i]->up)
			client_drop(&b, b.clients[i]);
		free(b.clients[i]);
	}
	free(b.clients);
	bench_text_free(&b.texts[0]);
	bench_text_free(&b.texts[1]);
	if (b.ai)
		freeaddrinfo(b.ai);
	SSL_CTX_free(b.ctx);
	if (b.ep >= 0)
		close(b.ep);
	return r;
}
