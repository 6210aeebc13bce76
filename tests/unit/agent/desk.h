/* SPDX-License-Identifier: Apache-2.0 */
/* A whole agent between a CSE that answers as a test says and local clients that are the test itself; time stands still unless moved. */
#ifndef TESTS_UNIT_AGENT_DESK_H
#define TESTS_UNIT_AGENT_DESK_H

#include <errno.h>
#include <fcntl.h>
#include <sys/un.h>

#include "agent/book.h"
#include "agent/door_priv.h"
#include "agent/notice_priv.h"
#include "tests/unit/agent/rig.h"

#define US_PER_S INT64_C(1000000)
#define HOUR_US (INT64_C(3600) * US_PER_S)
enum { DESK_TURNS = 40, DESK_SETS = 8, DESK_TEXT = 1 << 17 };

struct desk {
	struct rig r;
	struct served cse;
	struct agent *a;
};

/* sets ends with NULL. */
static inline void desk_open(struct desk *d, served_fn *answer, const char *const *sets)
{
	static const char *const usual[] = { "agent.listen=", "agent.notify_listen=127.0.0.1:0" };
	const char *all[DESK_SETS + ARRAY_LEN(usual) + 1] = { usual[0], usual[1] };
	struct why why = { 0 };
	int64_t now;

	memset(d, 0, sizeof(*d));
	rig_init(&d->r);
	served_start(&d->cse, served_ctx(&d->r.p), answer, d);
	rig_enrol(&d->r, "CDev1", d->cse.port, 24 * HOUR_US);
	agent_free(d->r.agent);
	for (unsigned i = 0; sets && sets[i]; i++) {
		ck_assert_uint_lt(i, DESK_SETS);
		all[ARRAY_LEN(usual) + i] = sets[i];
	}
	rig_agent(&d->r, all);
	d->a = d->r.agent;
	loop_free(d->a->loop);
	now = clock_wall_us(d->a->clock);
	clock_free(d->a->clock);
	d->a->clock = clock_new_fake(now);
	d->a->loop = loop_new(d->a->clock, 0, d->a);
	ck_assert_msg(agent_open(d->a, &why) == 0, "%s", why.text);
	/* Its handshake takes real time, and must not be cut off by a clock that a test moves. */
	while (upstream_connections(d->a->upstream) == 0)
		loop_turn(d->a->loop, 1);
}

static inline void desk_close(struct desk *d)
{
	agent_free(d->a);
	d->r.agent = NULL;
	served_stop(&d->cse);
	state_fini(&d->r.st);
	pki_fini(&d->r.p);
}

/* What can happen without another thread happens. */
static inline void desk_turn(struct desk *d)
{
	for (int i = 0; i < DESK_TURNS; i++)
		loop_turn(d->a->loop, 0);
}

static inline void desk_later(struct desk *d, int64_t us)
{
	clock_advance_us(d->a->clock, us);
	desk_turn(d);
}

/* --- a client ---------------------------------------------------------------------------------------------------------- */

struct client {
	struct desk *d;
	int fd;
	SSL *ssl;        /* NULL: plain */
	char *text;      /* what has come */
	size_t n, at;    /* of it; where the present message begins */
	bool end;
	unsigned status; /* of the present message, which has been looked at as RFC 9112 says it is to be read */
	size_t head_n, body_n;
};

static inline struct client client_open(struct desk *d)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct client c = { .d = d, .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), .text = calloc(1, DESK_TEXT) };

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/door.sock", d->r.st.dir);
	ck_assert_int_eq(connect(c.fd, (struct sockaddr *)&un, sizeof(un)), 0);
	desk_turn(d);
	return c;
}

static inline void client_close(struct client *c)
{
	SSL_free(c->ssl);
	c->ssl = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	free(c->text);
	c->text = NULL;
	desk_turn(c->d);
}

/* As send(2), by TLS when there is some. */
static inline ssize_t client_send(struct client *c, const char *p, size_t n)
{
	size_t done;
	int e;

	if (!c->ssl)
		return send(c->fd, p, n, MSG_NOSIGNAL);
	ERR_clear_error();
	if (SSL_write_ex(c->ssl, p, n, &done) == 1)
		return (ssize_t)done;
	e = SSL_get_error(c->ssl, 0);
	errno = e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
	return -1;
}

static inline ssize_t client_recv(struct client *c, char *p, size_t n)
{
	size_t done;
	int e;

	if (!c->ssl)
		return recv(c->fd, p, n, 0);
	ERR_clear_error();
	if (SSL_read_ex(c->ssl, p, n, &done) == 1)
		return (ssize_t)done;
	e = SSL_get_error(c->ssl, 0);
	errno = e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
	return e == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

static inline void client_put(struct client *c, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = client_send(c, p, n);

		ck_assert(k > 0 || errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
		if (k < 0 && errno != EAGAIN)
			return;
		if (k > 0) {
			p += k;
			n -= (size_t)k;
		}
		loop_turn(c->d->a->loop, 0);
	}
	desk_turn(c->d);
}

static inline void client_say(struct client *c, const char *text)
{
	client_put(c, text, strlen(text));
}

static inline void client_hear(struct client *c)
{
	while (!c->end && c->n < DESK_TEXT - 1) {
		ssize_t k = client_recv(c, c->text + c->n, DESK_TEXT - 1 - c->n);

		if (k < 0 && errno == EAGAIN)
			return;
		if (k <= 0)
			c->end = true;
		else
			c->n += (size_t)k;
	}
}

/* Is the next message complete? */
static inline bool client_has(struct client *c)
{
	const char *head = c->text + c->at, *end, *length;

	client_hear(c);
	c->text[c->n] = 0;
	end = strstr(head, "\r\n\r\n");
	if (!end)
		return false;
	c->status = (unsigned)strtoul(head + sizeof("HTTP/1.1 ") - 1, NULL, 10);
	length = strcasestr(head, "\r\nContent-Length: ");
	c->head_n = (size_t)(end - head) + 4;
	c->body_n = length && length < end ? strtoul(length + sizeof("\r\nContent-Length: ") - 1, NULL, 10) : 0;
	return c->n - c->at >= c->head_n + c->body_n;
}

/* The next message, a request or an answer. */
static inline void client_next(struct client *c)
{
	c->at += c->head_n + c->body_n;
	c->head_n = c->body_n = 0;
	while (!client_has(c)) {
		ck_assert_msg(!c->end, "the connection ended: %s", c->text + c->at);
		loop_turn(c->d->a->loop, 5);
	}
}

/* The next answer; its status. */
static inline unsigned client_answer(struct client *c)
{
	client_next(c);
	ck_assert_int_eq(strncmp(c->text + c->at, "HTTP/1.1 ", 9), 0);
	return c->status;
}

/* In the head of the present message? */
static inline bool client_said(const struct client *c, const char *what)
{
	const char *at = strcasestr(c->text + c->at, what);

	return at && at < c->text + c->at + c->head_n;
}

/* In its content? */
static inline bool client_holds(const struct client *c, const char *what)
{
	const char *at = strstr(c->text + c->at + c->head_n, what);

	return at && at < c->text + c->at + c->head_n + c->body_n;
}

/* Nothing behind the present message. */
static inline bool client_is_quiet(struct client *c)
{
	desk_turn(c->d);
	client_hear(c);
	return !c->end && c->n == c->at + c->head_n + c->body_n;
}

/* No byte more, and the end. */
static inline void client_ends(struct client *c)
{
	while (!c->end) {
		client_hear(c);
		loop_turn(c->d->a->loop, 1);
	}
	ck_assert_msg(c->n == c->at + c->head_n + c->body_n, "more has come: %s", c->text + c->at + c->head_n + c->body_n);
}

static inline int desk_run(Suite *s)
{
	SRunner *r = srunner_create(s);
	int failed;

	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
