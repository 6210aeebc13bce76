/* SPDX-License-Identifier: Apache-2.0 */
/* Local clients of an agent: requests in plain HTTP over keep-alive connections to its loopback port, one under way on each. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cse/base/check.h"
#include "cse/base/clock.h"
#include "tools/bench.h"

enum { MAX_CONNS = 1024, SAMPLES = 4 << 20, ANSWER = 65536 };
#define NS_PER_S 1e9

struct client {
	int fd;
	size_t have;
	int64_t sent_ns;
	char in[ANSWER];
};

struct load {
	struct clock *clock;
	struct bench_text text;
	struct client *clients;
	unsigned n;
	int64_t *ns;       /* of the answers that count */
	size_t n_ns;
	int64_t from_ns, until_ns;
	uint64_t serial, refused;
};

static int die(const char *what)
{
	fprintf(stderr, "plain_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void ask(struct load *l, struct client *c)
{
	bench_text_fill(&l->text, ++l->serial, 0);
	c->have = 0;
	c->sent_ns = clock_mono_ns(l->clock);
	if (send(c->fd, l->text.text, l->text.n, MSG_NOSIGNAL) != (ssize_t)l->text.n)
		die("send");
}

/* Is the answer complete?  Its length is told by Content-Length. */
static bool complete(const struct client *c)
{
	const char *end = memmem(c->in, c->have, "\r\n\r\n", 4), *length = memmem(c->in, c->have, "Content-Length: ", 16);

	return end && length && c->have >= (size_t)(end + 4 - c->in) + strtoul(length + 16, NULL, 10);
}

static void hear(struct load *l, struct client *c)
{
	ssize_t n = recv(c->fd, c->in + c->have, sizeof(c->in) - 1 - c->have, 0);
	int64_t now;

	if (n <= 0)
		die("the agent has closed");
	c->have += (size_t)n;
	c->in[c->have] = 0;
	if (!complete(c))
		return;
	now = clock_mono_ns(l->clock);
	if (memcmp(c->in, "HTTP/1.1 20", 11) != 0)
		l->refused++;
	if (now >= l->from_ns && now < l->until_ns && l->n_ns < SAMPLES)
		l->ns[l->n_ns++] = now - c->sent_ns;
	ask(l, c);
}

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void open_client(struct client *c, unsigned port, int epoll)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&at, sizeof(at)) != 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e) != 0)
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void run(struct load *l, unsigned port)
{
	struct epoll_event events[64];
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	for (unsigned i = 0; i < l->n; i++) {
		open_client(&l->clients[i], port, epoll);
		ask(l, &l->clients[i]);
	}
	while (clock_mono_ns(l->clock) < l->until_ns) {
		int n = epoll_wait(epoll, events, 64, 100);

		for (int i = 0; i < n; i++)
			hear(l, events[i].data.ptr);
	}
	close(epoll);
}

/* plain_load PORT create|retrieve CONNECTIONS SECONDS BASE ORIGINATOR SERIAL */
int main(int argc, char **argv)
{
	struct load l = { .clock = clock_new() };
	double seconds = argc == 8 ? strtod(argv[4], NULL) : 0;
	struct bench_opts o = { .host = "127.0.0.1", .size = 200 };
	int64_t now = clock_mono_ns(l.clock);

	if (argc != 8)
		return die("PORT create|retrieve CONNECTIONS SECONDS BASE ORIGINATOR SERIAL");
	o.port = argv[1];
	o.base = argv[5];
	o.originator = argv[6];
	l.serial = strtoull(argv[7], NULL, 10);
	l.n = (unsigned)strtoul(argv[3], NULL, 10);
	l.clients = calloc(l.n, sizeof(*l.clients));
	l.ns = malloc(SAMPLES * sizeof(*l.ns));
	REQUIRE(l.n > 0 && l.n <= MAX_CONNS && l.clients && l.ns);
	if (bench_text_make(&l.text, &o, strcmp(argv[2], "create") == 0 ? BENCH_CREATE : BENCH_RETRIEVE) != 0)
		return die("text");
	l.from_ns = now + (int64_t)(0.3 * NS_PER_S);
	l.until_ns = l.from_ns + (int64_t)(seconds * NS_PER_S);
	run(&l, (unsigned)strtoul(argv[1], NULL, 10));
	qsort(l.ns, l.n_ns, sizeof(*l.ns), by_time);
	printf("{\"per_s\":%.1f,\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"refused\":%llu}\n", (double)l.n_ns / seconds,
	       l.n_ns ? (double)l.ns[l.n_ns / 2] / 1e6 : 0, l.n_ns ? (double)l.ns[l.n_ns * 99 / 100] / 1e6 : 0, (unsigned long long)l.refused);
	bench_text_free(&l.text);
	free(l.clients);
	free(l.ns);
	clock_free(l.clock);
	return 0;
}
