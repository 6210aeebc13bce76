/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of an HTTPS notification target: it polls its connections and answers each request as its mood is. */
#include "tests/flows/sink_https.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNS = 64, CHUNK = 16384, MAX_MESSAGE = 64 << 20 };

struct guest {
	int fd;
	SSL *ssl;
	char *in;
	size_t n, cap;
	bool open, hangs;
};

struct sink_https {
	pthread_t thread;
	pthread_mutex_t lock; /* guards all below up to `guests` */
	pthread_cond_t cond;
	json_t *queue;
	struct fail complaint;
	enum sink_mood mood;
	long rsc;
	bool stop;
	unsigned hanging;
	struct guest guests[MAX_CONNS]; /* the thread's */
	size_t n_guests;
	int listener, wake[2];
	unsigned port;
	SSL_CTX *ctx;
	struct clock *clock;
	char cse_name[128];
};

/* Bound; listening too when it takes connections. */
static int open_listener(unsigned *port, bool listening)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)*port) };
	socklen_t n = sizeof(at);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, n) < 0 || (listening && listen(fd, 64) < 0) ||
	    getsockname(fd, (struct sockaddr *)&at, &n) < 0) {
		close(fd);
		return -1;
	}
	*port = ntohs(at.sin_port);
	return fd;
}

/* --- guests ------------------------------------------------------------------------------------------------------- */

static void guest_leaves(struct sink_https *s, size_t i)
{
	struct guest *g = &s->guests[i];
	pthread_mutex_lock(&s->lock);
	s->hanging -= g->hangs;
	pthread_mutex_unlock(&s->lock);
	SSL_free(g->ssl);
	ERR_clear_error();
	close(g->fd);
	free(g->in);
	s->guests[i] = s->guests[--s->n_guests];
}

static void guest_comes(struct sink_https *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (s->n_guests == MAX_CONNS) {
		close(fd);
		return;
	}
	struct guest *g = &s->guests[s->n_guests++];
	*g = (struct guest){ .fd = fd, .ssl = SSL_new(s->ctx) };
	if (!g->ssl)
		abort();
	X509_VERIFY_PARAM_set_time(SSL_get0_param(g->ssl), (time_t)(clock_wall_us(s->clock) / 1000000));
	SSL_set_fd(g->ssl, fd);
	SSL_set_accept_state(g->ssl);
}

static void complain(struct sink_https *s, const struct fail *f)
{
	pthread_mutex_lock(&s->lock);
	if (!s->complaint.text[0])
		s->complaint = *f;
	pthread_cond_broadcast(&s->cond);
	pthread_mutex_unlock(&s->lock);
}

/* Who calls must be the CSE: its name in its certificate. */
static bool is_cse(struct sink_https *s, struct guest *g)
{
	X509 *x = SSL_get0_peer_certificate(g->ssl);
	struct fail f = { 0 };
	if (x && SSL_get_verify_result(g->ssl) == X509_V_OK && X509_check_host(x, s->cse_name, 0, 0, NULL) == 1)
		return true;
	fail_set(&f, "who calls does not prove to be %s", s->cse_name);
	complain(s, &f);
	return false;
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

/* Small answers fit into what the kernel takes. */
static bool say(struct guest *g, const char *p, size_t n)
{
	size_t done;
	return SSL_write_ex(g->ssl, p, n, &done) == 1 && done == n;
}

/* Takes the request, then answers as the mood is; false: the connection ends. */
static bool reply(struct sink_https *s, struct guest *g, json_t *request)
{
	static const char garbage[] = "SSH-2.0-nonsense\r\n\x01\x02\x03\r\n\r\n";
	size_t n;
	pthread_mutex_lock(&s->lock);
	enum sink_mood mood = s->mood;
	char *text = ts0009_answer(s->rsc, request, &n);
	if (mood == SINK_HANGS)
		s->hanging += !g->hangs, g->hangs = true;
	json_array_append_new(s->queue, request);
	pthread_cond_broadcast(&s->cond);
	pthread_mutex_unlock(&s->lock);
	bool stays = mood == SINK_HANGS;
	if (mood == SINK_ANSWERS)
		stays = say(g, text, n);
	else if (mood == SINK_CLOSES)
		say(g, text, n / 2);
	else if (mood == SINK_GARBAGE)
		stays = say(g, garbage, sizeof(garbage) - 1);
	free(text);
	return stays;
}

/* The first complete request, if there is one; false: the connection ends. */
static bool serve(struct sink_https *s, struct guest *g, bool *again)
{
	const char *end = g->n ? memmem(g->in, g->n, "\r\n\r\n", 4) : NULL;
	*again = false;
	if (!end)
		return g->n < MAX_MESSAGE;
	size_t head = (size_t)(end - g->in) + 4;
	const char *field = memmem(g->in, head, "\r\nContent-Length: ", 18);
	size_t body = field ? strtoul(field + 18, NULL, 10) : 0;
	if (g->n < head + body)
		return head + body < MAX_MESSAGE;
	struct fail f = { 0 };
	json_t *request = ts0009_asked(g->in, head, g->in + head, body, &f);
	memmove(g->in, g->in + head + body, g->n - head - body);
	g->n -= head + body;
	if (!request) {
		complain(s, &f);
		return false;
	}
	bool stays = reply(s, g, request);
	*again = stays && !g->hangs;
	return stays;
}

/* false: the connection ends. */
static bool guest_speaks(struct sink_https *s, struct guest *g)
{
	if (!g->open) {
		int r = SSL_do_handshake(g->ssl);
		int e = r == 1 ? SSL_ERROR_NONE : SSL_get_error(g->ssl, r);
		ERR_clear_error();
		if (r != 1)
			return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE;
		g->open = true;
		if (!is_cse(s, g))
			return false;
	}
	for (;;) {
		size_t k;
		if (g->cap - g->n < CHUNK) {
			g->cap = (g->n + CHUNK) * 2;
			g->in = realloc(g->in, g->cap);
			if (!g->in)
				abort();
		}
		if (SSL_read_ex(g->ssl, g->in + g->n, CHUNK, &k) != 1) {
			bool more = SSL_get_error(g->ssl, 0) == SSL_ERROR_WANT_READ;
			ERR_clear_error();
			return more;
		}
		g->n += k;
		for (bool again = !g->hangs; again;)
			if (!serve(s, g, &again))
				return false;
	}
}

static void change_door(struct sink_https *s)
{
	char b[16];
	while (read(s->wake[0], b, sizeof(b)) > 0)
		;
	pthread_mutex_lock(&s->lock);
	bool shut = s->mood == SINK_REFUSES;
	pthread_mutex_unlock(&s->lock);
	while (shut && s->n_guests)
		guest_leaves(s, 0);
	close(s->listener);
	/* The port stays; others read it meanwhile. */
	unsigned port = s->port;
	s->listener = open_listener(&port, !shut);
}

static bool stopped(struct sink_https *s)
{
	pthread_mutex_lock(&s->lock);
	bool stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	return stop;
}

static void *run(void *arg)
{
	struct sink_https *s = arg;
	while (!stopped(s)) {
		struct pollfd p[MAX_CONNS + 2] = { { .fd = s->wake[0], .events = POLLIN }, { .fd = s->listener, .events = POLLIN } };
		size_t n = s->n_guests;
		for (size_t i = 0; i < n; i++)
			p[i + 2] = (struct pollfd){ .fd = s->guests[i].fd, .events = POLLIN };
		poll(p, n + 2, -1);
		/* From the end, as who leaves is replaced by the last. */
		for (size_t i = n; i-- > 0;)
			if (p[i + 2].revents && !guest_speaks(s, &s->guests[i]))
				guest_leaves(s, i);
		if (p[1].revents & POLLIN)
			guest_comes(s);
		if (p[0].revents)
			change_door(s);
	}
	while (s->n_guests)
		guest_leaves(s, 0);
	return NULL;
}

/* --- the test's side ---------------------------------------------------------------------------------------------- */

struct sink_https *sink_https_new(SSL_CTX *ctx, struct clock *clock, const char *cse_name, struct fail *f)
{
	struct sink_https *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->ctx = ctx;
	s->clock = clock;
	s->queue = json_array();
	s->rsc = 2000;
	snprintf(s->cse_name, sizeof(s->cse_name), "%s", cse_name);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->cond, NULL);
	s->listener = open_listener(&s->port, true);
	if (s->listener < 0 || pipe2(s->wake, O_NONBLOCK | O_CLOEXEC) < 0 || pthread_create(&s->thread, NULL, run, s) != 0) {
		fail_set(f, "no port, pipe or thread for a target");
		SSL_CTX_free(ctx);
		free(s);
		return NULL;
	}
	return s;
}

static void wake(struct sink_https *s)
{
	if (write(s->wake[1], "", 1) < 0)
		abort();
}

void sink_https_free(struct sink_https *s)
{
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_mutex_unlock(&s->lock);
	wake(s);
	pthread_join(s->thread, NULL);
	close(s->listener);
	close(s->wake[0]);
	close(s->wake[1]);
	json_decref(s->queue);
	SSL_CTX_free(s->ctx);
	pthread_cond_destroy(&s->cond);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

unsigned sink_https_port(const struct sink_https *s)
{
	return s->port;
}

int sink_https_set(struct sink_https *s, enum sink_mood mood, long rsc, struct fail *f)
{
	pthread_mutex_lock(&s->lock);
	bool door = (mood == SINK_REFUSES) != (s->mood == SINK_REFUSES);
	s->mood = mood;
	s->rsc = rsc;
	pthread_mutex_unlock(&s->lock);
	if (door)
		wake(s);
	/* Until a look at the door says so. */
	for (int i = 0; door && i < 2000; i++) {
		struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)s->port) };
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
		bool open = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
		close(fd);
		if (open == (mood != SINK_REFUSES))
			return 0;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	return door ? fail_set(f, "the target's door does not move") : 0;
}

json_t *sink_https_take(struct sink_https *s, int wait_ms, struct fail *f)
{
	struct timespec end;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_nsec += (long)(wait_ms % 1000) * 1000000;
	end.tv_sec += wait_ms / 1000 + end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	pthread_mutex_lock(&s->lock);
	while (wait_ms && !json_array_size(s->queue) && !s->complaint.text[0])
		if (pthread_cond_timedwait(&s->cond, &s->lock, &end) != 0)
			break;
	json_t *first = json_incref(json_array_get(s->queue, 0));
	json_array_remove(s->queue, 0);
	if (s->complaint.text[0])
		fail_set(f, "%s", s->complaint.text);
	pthread_mutex_unlock(&s->lock);
	return first;
}

unsigned sink_https_hanging(struct sink_https *s)
{
	pthread_mutex_lock(&s->lock);
	unsigned n = s->hanging;
	pthread_mutex_unlock(&s->lock);
	return n;
}
