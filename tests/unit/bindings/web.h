/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CSE on a real socket with real TLS, all in the test's thread and on a clock that stands still, and clients made of
 * OpenSSL's own TLS client: the test turns the loop while a client reads.
 */
#ifndef TESTS_BINDINGS_WEB_H
#define TESTS_BINDINGS_WEB_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>

#include "bindings/aside.h"
#include "bindings/http1.h"
#include "bindings/https.h"
#include "security/cert.h"
#include "security/tls.h"
#include "tests/unit/core/rig.h"
#include "tests/unit/security/pki.h"

struct web {
	struct rig g;
	struct pki p;
	struct tls *tls;
	struct binding *b;
	struct str cred_id;  /* of the client's credential */
	EVP_PKEY *key;
	struct buf chain;
	SSL_CTX *ctx;        /* of clients with that credential */
};

static inline SSL_CTX *web_ctx(const struct buf *chain, EVP_PKEY *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	X509 *certs[4];
	unsigned n;

	ck_assert_ptr_nonnull(ctx);
	/* Whom the server is, is tested with tls.c; its certificate is of the year of the clock. */
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	if (chain == NULL)
		return ctx;
	ck_assert_int_eq(cert_read_pem(buf_as_str(chain), certs, 4, &n), 0);
	ck_assert_int_eq(SSL_CTX_use_certificate(ctx, certs[0]), 1);
	X509_free(certs[0]);
	for (unsigned i = 1; i < n; i++)
		ck_assert_int_eq(SSL_CTX_add0_chain_cert(ctx, certs[i]), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(ctx, key), 1);
	return ctx;
}

/* A credential with that key for the AE-ID, known to the security room. */
static inline struct str web_credential(struct web *w, EVP_PKEY *key, const char *name, struct buf *chain)
{
	struct commit commit = { .magic = COMMIT_MAGIC, .done = rig_stored };
	struct str names = str_of(name);
	unsigned char print[32];
	struct cred_info c = { .kind = CRED_DEVICE, .names = { &names, 1 }, .zone = ZONE_DEFAULT, .max_ae = 4, .generation = 1,
		                   .not_after = RIG_T0 + INT64_C(86400000000) * 10000 };
	struct why why = { .rsc = RSC_NONE };
	struct tx *tx;

	ck_assert_int_eq(pki_issue(&w->p, key, CRED_DEVICE, name, chain, &why), 0);
	ck_assert_int_eq(cert_key_fingerprint(key, print), 0);
	c.fingerprint = str_make((const char *)print, sizeof(print));
	tx = store_begin(w->g.store, &w->g.arena, TX_WRITE);
	c.id = cred_make_id(w->g.security, &w->g.arena);
	ck_assert_msg(cred_put(w->g.security, tx, &c, &why) == 0, "%s", why.text);
	if (store_commit(tx, &commit)) {
		store_ready(w->g.store, &commit);
		store_flush(w->g.store);
	}
	cred_apply(w->g.security, &c);
	return c.id;
}

/* sets: options besides those that the rig needs; ends with NULL. */
static inline void web_open_with(struct web *w, const char *const *sets, const struct aside *asides)
{
	struct why why = { .rsc = RSC_NONE };
	struct conf_why cw;
	struct binding_opts o = { .n_loops = 1 };

	memset(w, 0, sizeof(*w));
	signal(SIGPIPE, SIG_IGN);
	rig_open(&w->g, sets);
	ck_assert_int_eq(conf_set(w->g.conf, "https.listen=127.0.0.1:0", &cw), 0);
	pki_init(&w->p, RIG_T0);
	pki_open(&w->p);
	ck_assert_msg(tls_new(w->p.ca, w->g.security, 1, &w->tls, &why) == 0, "%s", why.text);
	o.conf = w->g.conf;
	o.clock = w->g.clock;
	o.stats = &w->g.stats;
	o.gate = w->g.gate;
	o.security = w->g.security;
	o.tls = w->tls;
	o.loops = &w->g.loop;
	o.self = rig_self();
	o.asides = asides;
	ck_assert_msg(binding_https.open(&o, &w->b, &why) == 0, "%s", why.text);
	w->key = pki_key();
	buf_init(&w->chain, 65536);
	w->cred_id = web_credential(w, w->key, "CAe", &w->chain);
	w->ctx = web_ctx(&w->chain, w->key);
}

static inline void web_open(struct web *w, const char *const *sets)
{
	web_open_with(w, sets, NULL);
}

static inline void web_close(struct web *w)
{
	binding_https.close(w->b);
	SSL_CTX_free(w->ctx);
	EVP_PKEY_free(w->key);
	buf_fini(&w->chain);
	tls_free(w->tls);
	rig_close(&w->g);
	pki_fini(&w->p);
}

static inline void web_turn(struct web *w)
{
	store_flush(w->g.store);
	loop_turn(w->g.loop, 0);
}

static inline uint64_t web_stat(struct web *w, enum stat_id id)
{
	return atomic_load(&w->g.stats->v[id]);
}

static inline void web_advance(struct web *w, int64_t ms)
{
	clock_advance_us(w->g.clock, ms * 1000);
	for (int i = 0; i < 4; i++)
		web_turn(w);
}

/* --- clients ------------------------------------------------------------------------------------------------------- */

struct client {
	struct web *w;
	int fd;
	SSL *ssl;
	struct buf in;
	bool eof;      /* the server has said goodbye or closed */
	bool clean;    /* it said goodbye */
	bool up;
};

/* rcvbuf: of its socket, 0: what the kernel gives. */
static inline void client_connect(struct client *c, struct web *w, int rcvbuf)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((in_port_t)https_port(w->b)) };

	memset(c, 0, sizeof(*c));
	c->w = w;
	buf_init(&c->in, 64 << 20);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(c->fd, 0);
	if (rcvbuf)
		ck_assert_int_eq(setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf)), 0);
	ck_assert_int_eq(connect(c->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
}

/* The handshake; false when the server refused. */
static inline bool client_shake(struct client *c, SSL_CTX *ctx)
{
	c->ssl = SSL_new(ctx);
	SSL_set_fd(c->ssl, c->fd);
	SSL_set_connect_state(c->ssl);
	for (int i = 0; i < 200; i++) {
		int r = SSL_do_handshake(c->ssl), e = SSL_get_error(c->ssl, r);

		if (r == 1) {
			c->up = true;
			for (int k = 0; k < 3; k++)
				web_turn(c->w);
			return true;
		}
		if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
			break;
		web_turn(c->w);
	}
	ERR_clear_error();
	return false;
}

static inline void client_open(struct client *c, struct web *w)
{
	client_connect(c, w, 0);
	ck_assert(client_shake(c, w->ctx));
}

static inline void client_close(struct client *c)
{
	SSL_free(c->ssl);
	close(c->fd);
	buf_fini(&c->in);
	ERR_clear_error();
}

/* What has come so far, into c->in. */
static inline void client_read(struct client *c)
{
	while (!c->eof) {
		size_t n;
		char *p = buf_room(&c->in, 16384);
		int r = SSL_read_ex(c->ssl, p, 16384, &n);

		if (r == 1) {
			buf_added(&c->in, n);
			continue;
		}
		switch (SSL_get_error(c->ssl, r)) {
		case SSL_ERROR_WANT_READ:
			return;
		case SSL_ERROR_ZERO_RETURN:
			c->clean = true;
			break;
		default:
			break;
		}
		ERR_clear_error();
		c->eof = true;
	}
}

static inline void client_turns(struct client *c, int n)
{
	for (int i = 0; i < n; i++) {
		web_turn(c->w);
		client_read(c);
	}
}

static inline void client_send_n(struct client *c, const char *p, size_t n)
{
	while (n > 0) {
		size_t k;
		int r = SSL_write_ex(c->ssl, p, n, &k);

		if (r == 1) {
			p += k;
			n -= k;
			continue;
		}
		ck_assert_int_eq(SSL_get_error(c->ssl, r), SSL_ERROR_WANT_WRITE);
		client_turns(c, 1);
	}
}

static inline void client_send(struct client *c, const char *text)
{
	client_send_n(c, text, strlen(text));
}

/* One answer, parsed; it is removed from c->in by the next call. */
struct answer {
	struct http1 h;
	struct http1_field fields[64];
	char *text;
	struct str body;
};

static inline bool client_answer(struct client *c, struct answer *a)
{
	static const struct http1_limits limits = { 65536, 65536, 64 << 20, 64 };

	free(a->text);
	a->text = NULL;
	for (int i = 0; i < 5000; i++) {
		size_t n = c->in.n;

		http1_init(&a->h, HTTP1_RESPONSE, &limits, a->fields);
		if (n > 0) {
			char *copy = malloc(n);
			enum http1_result r;

			memcpy(copy, c->in.p, n);
			while ((r = http1_parse(&a->h, copy, &n)) == HTTP1_HEAD_DONE)
				;
			ck_assert_msg(r != HTTP1_BAD, "%s: %.*s", a->h.why, (int)c->in.n, c->in.p);
			if (r == HTTP1_DONE) {
				a->text = copy;
				a->body = http1_body(&a->h, copy);
				buf_drop(&c->in, a->h.head_n + a->h.body_n);
				return true;
			}
			free(copy);
		}
		if (c->eof)
			return false;
		/* The writer's thread may need a moment. */
		loop_turn(c->w->g.loop, 1);
		client_turns(c, 1);
	}
	return false;
}

static inline void answer_free(struct answer *a)
{
	free(a->text);
	a->text = NULL;
}

static inline struct str answer_field(const struct answer *a, const char *name)
{
	return http1_field(&a->h, a->text, str_of(name), NULL);
}

/* Sends and expects that status; the answer stays in *a. */
static inline void client_ask(struct client *c, const char *text, unsigned status, struct answer *a)
{
	client_send(c, text);
	ck_assert_msg(client_answer(c, a), "no answer to: %s", text);
	ck_assert_msg(a->h.status == status, "%u instead of %u (%.*s) to: %s", a->h.status, status, STR_ARG(a->body), text);
}

#endif
