/* SPDX-License-Identifier: Apache-2.0 */
/* A CSE that notifies, and a local client's little server that is told. */
#ifndef TESTS_UNIT_AGENT_TOLD_H
#define TESTS_UNIT_AGENT_TOLD_H

#include <netinet/tcp.h>

#include "agent/identity.h"
#include "agent/notice.h"
#include "tests/unit/agent/calls.h"

#define SGN "{\"m2m:sgn\":{\"sur\":\"/id-in/sub1\",\"nev\":{\"rep\":{\"m2m:cin\":{\"con\":\"x\"}}}}}"

struct test {
	struct desk d;
	SSL_CTX *cse;
	int ear;          /* the local client listens */
	unsigned port;
	char token[BOOK_TOKEN + 1];
};

/* A context with the CSE's own certificate, or a device's. */
static inline SSL_CTX *context(struct desk *d, const char *device)
{
	struct tls_device t = { .leaf = NULL };
	struct pki *p = &d->r.p;
	struct why why = { 0 };
	struct buf pem;
	SSL_CTX *ctx;

	if (device) {
		buf_init(&pem, 65536);
		t.key = pki_key();
		ck_assert_int_eq(pki_issue(p, t.key, CRED_DEVICE, device, &pem, &why), 0);
		t.chain = rig_certs(&pem);
		t.leaf = sk_X509_shift(t.chain);
		buf_fini(&pem);
	} else {
		ck_assert_int_eq(ca_server(p->ca, &t.leaf, &t.chain, &t.key), 0);
	}
	ck_assert_int_eq(ca_anchors(p->ca, &t.anchors), 0);
	ck_assert_msg(tls_device_client(&t, &ctx, &why) == 0, "%s", why.text);
	X509_free(t.leaf);
	sk_X509_pop_free(t.chain, X509_free);
	sk_X509_pop_free(t.anchors, X509_free);
	EVP_PKEY_free(t.key);
	return ctx;
}

static inline int listen_at(const struct sockaddr *at, socklen_t n, unsigned *port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} has;
	socklen_t k = sizeof(has);
	int fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, at, n) != 0 || listen(fd, 8) != 0 || getsockname(fd, &has.any, &k) != 0) {
		close(fd);
		return -1;
	}
	*port = ntohs(at->sa_family == AF_INET ? has.v4.sin_port : has.v6.sin6_port);
	return fd;
}

static inline int listen_v4(unsigned *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	return listen_at((struct sockaddr *)&in, sizeof(in), port);
}

/* The token of a URL of the local client. */
static inline void know(struct test *t, enum book_kind kind, const char *host)
{
	char url[64];
	struct str token;

	snprintf(url, sizeof(url), "http://%s:%u/in?x=1", host, t->port);
	ck_assert_int_eq(book_token(t->d.a->book, kind, str_of(url), &token), 0);
	memcpy(t->token, token.p, BOOK_TOKEN);
	t->token[BOOK_TOKEN] = 0;
}

static inline void begin(struct test *t, const char *const *sets)
{
	memset(t, 0, sizeof(*t));
	desk_open(&t->d, echo, sets);
	t->cse = context(&t->d, NULL);
	t->ear = listen_v4(&t->port);
	ck_assert_int_ge(t->ear, 0);
	know(t, BOOK_SUB, "127.0.0.1");
}

static inline void finish(struct test *t)
{
	SSL_CTX_free(t->cse);
	if (t->ear >= 0)
		close(t->ear);
	desk_close(&t->d);
}

/* What is said is there at once: the clock does not wait for it. */
static inline void no_delay(int fd)
{
	int one = 1;

	ck_assert_int_eq(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), 0);
}

/* At the HTTPS port; c.end: the handshake failed. */
static inline struct client call_with(struct test *t, SSL_CTX *ctx)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)notice_port(t->d.a->notice)) };
	struct client c = { .d = &t->d, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .text = calloc(1, DESK_TEXT), .ssl = SSL_new(ctx) };
	int r;

	ck_assert_int_eq(connect(c.fd, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(fcntl(c.fd, F_SETFL, O_NONBLOCK), 0);
	no_delay(c.fd);
	SSL_set_fd(c.ssl, c.fd);
	while ((r = SSL_connect(c.ssl)) != 1 && SSL_get_error(c.ssl, r) == SSL_ERROR_WANT_READ)
		loop_turn(t->d.a->loop, 1);
	c.end = r != 1;
	desk_turn(&t->d);
	return c;
}

static inline struct client call(struct test *t)
{
	struct client c = call_with(t, t->cse);

	ck_assert(!c.end);
	return c;
}

/* As TS-0009 has a NOTIFY. */
static inline void notify(struct client *c, const char *token, const char *ri, const char *more, const char *body)
{
	char text[4096];

	snprintf(text, sizeof(text),
	         "POST /%s HTTP/1.1\r\nHost: 127.0.0.1\r\nX-M2M-Origin: /id-in\r\nX-M2M-RI: %s\r\nX-M2M-RVI: 3\r\nAuthorization: secret\r\n"
	         "Content-Type: application/vnd.onem2m-ntfy+json\r\n%sContent-Length: %zu\r\n\r\n%s", token, ri, more, strlen(body), body);
	client_say(c, text);
}

/* The agent's connection to the local client, or fd -1 when none is there yet. */
static inline struct client take(struct test *t)
{
	struct client c = { .d = &t->d, .fd = accept4(t->ear, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), .text = calloc(1, DESK_TEXT) };

	if (c.fd >= 0)
		no_delay(c.fd);
	return c;
}

static inline struct client listen_in(struct test *t)
{
	struct client c;

	while ((c = take(t)).fd < 0) {
		free(c.text);
		loop_turn(t->d.a->loop, 1);
	}
	client_next(&c);
	return c;
}

static inline bool nobody_is_told(struct test *t)
{
	struct client c;

	desk_turn(&t->d);
	c = take(t);
	free(c.text);
	if (c.fd >= 0)
		close(c.fd);
	return c.fd < 0;
}

/* A notification arrives as usual: nothing of what was before is left. */
static inline void tells(struct test *t)
{
	struct client cse = call(t), local;

	notify(&cse, t->token, "after", "", SGN);
	local = listen_in(t);
	ck_assert(client_said(&local, "X-M2M-RI: after\r\n"));
	client_say(&local, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
	ck_assert_uint_eq(client_answer(&cse), 200);
	client_close(&local);
	client_close(&cse);
}

#endif
