/* SPDX-License-Identifier: Apache-2.0 */
/* An agent without its program, an authority, and a server with TLS on threads of its own that answers as a test says. */
#ifndef TESTS_UNIT_AGENT_RIG_H
#define TESTS_UNIT_AGENT_RIG_H

#include <netinet/in.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "agent/agent.h"
#include "agent/conf.h"
#include "agent/identity_priv.h"
#include "security/tls_device.h"
#include "tests/unit/security/pki.h"

struct rig {
	struct pki p;          /* the CSE's authority, on the machine's clock */
	struct state st;       /* the agent's state folder */
	struct agent *agent;
};

static inline void rig_agent(struct rig *r, const char *const *sets)
{
	struct conf *c = conf_defaults_of(&conf_agent);
	struct conf_why cw = { "" };
	struct why why = { 0 };
	char text[128];

	snprintf(text, sizeof(text), "agent.state=%s", r->st.dir);
	ck_assert_int_eq(conf_set(c, text, &cw), 0);
	ck_assert_int_eq(conf_set(c, "log.level=error", &cw), 0);
	for (; sets && *sets; sets++)
		ck_assert_msg(conf_set(c, *sets, &cw) == 0, "%s", cw.text);
	ck_assert_msg(agent_new(c, &r->agent, &why) == 0, "%s", why.text);
}

static inline void rig_init(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	signal(SIGPIPE, SIG_IGN); /* of the server that has OpenSSL write */
	pki_init(&r->p, 0);
	pki_open(&r->p);
	state_init(&r->st);
	rig_agent(r, NULL);
}

static inline void rig_fini(struct rig *r)
{
	agent_free(r->agent);
	state_fini(&r->st);
	pki_fini(&r->p);
}

/* Turns the loop until *flag; a test's time-out is the bound. */
static inline void rig_turn(struct rig *r, const bool *flag)
{
	while (!*flag)
		loop_turn(r->agent->loop, 20);
}

static inline STACK_OF(X509) *rig_certs(const struct buf *pem)
{
	BIO *b = BIO_new_mem_buf(pem->p, (int)pem->n);
	STACK_OF(X509) *out = sk_X509_new_null();
	X509 *x;

	while ((x = PEM_read_bio_X509(b, NULL, NULL, NULL)))
		sk_X509_push(out, x);
	BIO_free(b);
	ERR_clear_error();
	return out;
}

/* What enrolment leaves in the folder: a certificate for that name. */
static inline void rig_enrol(struct rig *r, const char *name, unsigned port, int64_t life_us)
{
	struct keystore *ks;
	struct why why = { 0 };
	struct facts f = { .port = port, .generation = 1, .since_us = clock_wall_us(r->p.clock) };
	struct str n = str_of(name);
	struct buf csr, pem, ca;
	EVP_PKEY *key;
	unsigned char fp[32];
	int64_t end;

	ck_assert_int_eq(keystore_open("file", r->st.dir, r->agent->rnd, &ks, &why), 0);
	ck_assert_int_eq(state_pending_key(ks, &key, &why), 0);
	buf_init(&csr, 8192);
	buf_init(&pem, 65536);
	buf_init(&ca, 65536);
	pki_request(key, key, &csr);
	struct ca_ask q = { .csr_der = buf_as_str(&csr), .kind = CRED_DEVICE, .names = { &n, 1 }, .life_us = life_us };
	ck_assert_msg(ca_issue(r->p.ca, &q, &pem, fp, &end, &why) == 0, "%s", why.text);
	ca_chain(r->p.ca, &ca);
	snprintf(f.host, sizeof(f.host), "127.0.0.1");
	snprintf(f.cse_id, sizeof(f.cse_id), "/id-in");
	f.leaf = pki_first(&pem);
	f.ca = rig_certs(&ca);
	ck_assert_int_eq(facts_sp(f.ca, f.leaf, f.sp), 0);
	ck_assert_msg(state_commit(r->st.dir, ks, &f, key, &why) == 0, "%s", why.text);
	facts_fini(&f);
	EVP_PKEY_free(key);
	buf_fini(&csr);
	buf_fini(&pem);
	buf_fini(&ca);
	keystore_close(ks);
}

/* --- the server ---------------------------------------------------------------------------------------------------------- */

enum { SERVED_MAX = 64, REQUEST_MAX = 65536 };
struct served;
/* Answer of request number n (from 0) on connection number c; NULL: close without one; "": stay silent. */
typedef const char *served_fn(struct served *s, unsigned c, unsigned n, const char *request);

struct served {
	SSL_CTX *ctx;
	served_fn *answer;
	void *arg;
	int fd;
	unsigned port;
	pthread_t listener, threads[SERVED_MAX];
	int fds[SERVED_MAX];
	_Atomic unsigned conns, handshakes, resumed, requests;
	_Atomic bool over;
};

struct served_call {
	struct served *s;
	int fd;
	unsigned c;
};

/* The session of the answer that is being made. */
static _Thread_local SSL *served_ssl;

/* A whole request, or false at the end. */
static inline bool served_read(SSL *ssl, char *p, size_t *n)
{
	for (;;) {
		char *end;
		size_t got, want;

		p[*n] = 0;
		end = strstr(p, "\r\n\r\n");
		if (end) {
			const char *length = strcasestr(p, "\r\ncontent-length:");
			want = (size_t)(end - p) + 4 + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
			if (*n >= want)
				return true;
		}
		if (SSL_read_ex(ssl, p + *n, REQUEST_MAX - 1 - *n, &got) != 1)
			return false;
		*n += got;
	}
}

/* The contexts may write a record at a time. */
static inline bool served_write(SSL *ssl, const char *text)
{
	size_t n = strlen(text), sent;

	for (size_t at = 0; at < n; at += sent)
		if (SSL_write_ex(ssl, text + at, n - at, &sent) != 1)
			return false;
	return true;
}

static inline void *served_talk(void *arg)
{
	struct served_call *call = arg;
	struct served *s = call->s;
	SSL *ssl = SSL_new(s->ctx);
	char *p = malloc(REQUEST_MAX);

	served_ssl = ssl;
	SSL_set_fd(ssl, call->fd);
	if (SSL_accept(ssl) == 1) {
		s->handshakes++;
		s->resumed += SSL_session_reused(ssl) == 1;
		for (unsigned n = 0;; n++) {
			size_t got = 0;
			const char *text;

			if (!served_read(ssl, p, &got))
				break;
			s->requests++;
			text = s->answer(s, call->c, n, p);
			if (!text || !served_write(ssl, text))
				break;
		}
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	shutdown(call->fd, SHUT_RDWR);
	free(p);
	free(call);
	return NULL;
}

static inline void *served_listen(void *arg)
{
	struct served *s = arg;

	for (;;) {
		int fd = accept(s->fd, NULL, NULL);
		struct served_call *call;

		if (fd < 0 || s->over || s->conns == SERVED_MAX) {
			if (fd >= 0)
				close(fd);
			return NULL;
		}
		call = malloc(sizeof(*call));
		*call = (struct served_call){ s, fd, s->conns };
		s->fds[s->conns] = fd;
		pthread_create(&s->threads[s->conns], NULL, served_talk, call);
		s->conns++;
	}
}

static inline void served_start(struct served *s, SSL_CTX *ctx, served_fn *answer, void *arg)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in);

	memset(s, 0, sizeof(*s));
	s->ctx = ctx;
	s->answer = answer;
	s->arg = arg;
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(s->fd, (struct sockaddr *)&in, n), 0);
	ck_assert_int_eq(getsockname(s->fd, (struct sockaddr *)&in, &n), 0);
	s->port = ntohs(in.sin_port);
	ck_assert_int_eq(listen(s->fd, 64), 0);
	ck_assert_int_eq(pthread_create(&s->listener, NULL, served_listen, s), 0);
}

static inline void served_stop(struct served *s)
{
	s->over = true;
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->listener, NULL);
	close(s->fd);
	for (unsigned i = 0; i < s->conns; i++) {
		shutdown(s->fds[i], SHUT_RDWR);
		pthread_join(s->threads[i], NULL);
		close(s->fds[i]);
	}
	SSL_CTX_free(s->ctx);
}

/* Shows the CSE's certificate, takes those of its authority. */
static inline SSL_CTX *served_ctx(struct pki *p)
{
	struct tls_device d = { .leaf = NULL };
	struct why why = { 0 };
	SSL_CTX *ctx;

	ck_assert_int_eq(ca_server(p->ca, &d.leaf, &d.chain, &d.key), 0);
	ck_assert_int_eq(ca_anchors(p->ca, &d.anchors), 0);
	ck_assert_msg(tls_device_server(&d, &ctx, &why) == 0, "%s", why.text);
	X509_free(d.leaf);
	sk_X509_pop_free(d.chain, X509_free);
	sk_X509_pop_free(d.anchors, X509_free);
	EVP_PKEY_free(d.key);
	return ctx;
}

#endif
