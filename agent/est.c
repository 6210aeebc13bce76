/* SPDX-License-Identifier: Apache-2.0 */
/* Two requests in a row on one session. */
#include "agent/est.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/est_body.h"
#include "cse/base/err.h"
#include "security/tls_device.h"

#define NS_PER_S INT64_C(1000000000)
enum { CONNECT_S = 10, ANSWER_S = 15, IDLE_S = 5 };

struct est {
	struct est_opts o;
	struct line *line;
	EVP_PKEY *key;               /* busy: to be certified */
	X509 *old;
	est_fn *done;
	STACK_OF(X509) *ca;
	struct carriage carriage;
	struct buf body;
	char binding[TLS_BINDING + 1]; /* of the session that is open */
	char text[200];
};

static SSL *on_ssl(void *arg)
{
	struct est *e = arg;

	return e->o.ssl(e->o.arg);
}

static const char *on_prove(void *arg, SSL *ssl)
{
	struct est *e = arg;
	const char *wrong = e->o.prove(e->o.arg, ssl);

	/* The request carries the binding of the session before: on this one it would look like somebody else's. */
	if (e->body.n)
		return "the CSE ended the session before the certificate was asked for";
	if (!wrong && tls_binding(ssl, e->binding))
		wrong = "OpenSSL gives no binding of the TLS session";
	return wrong;
}

int est_new(const struct est_opts *o, struct est **out, struct why *why)
{
	struct est *e = calloc(1, sizeof(*e));

	REQUIRE(e != NULL);
	e->o = *o;
	buf_init(&e->body, EST_ANSWER_MAX);
	const struct line_opts lo = {
		.agent = o->agent, .host = o->host, .port = o->port, .max_conns = 1, .max_queue = 1, .timeout_ns = ANSWER_S * NS_PER_S,
		.connect_ns = CONNECT_S * NS_PER_S, .idle_ns = IDLE_S * NS_PER_S, .max_body = EST_ANSWER_MAX, .ssl = on_ssl,
		.prove = on_prove, .arg = e, .unable = o->unable, .refused = o->refused, .closed = o->closed,
		.quiet = true, .once = true,
	};
	int err = line_new(&lo, &e->line, why);
	if (err) {
		free(e);
		return err;
	}
	*out = e;
	return 0;
}

static void forget(struct est *e)
{
	EVP_PKEY_free(e->key);
	X509_free(e->old);
	sk_X509_pop_free(e->ca, X509_free);
	e->key = NULL;
	e->old = NULL;
	e->ca = NULL;
	e->done = NULL;
	buf_reset(&e->body);
}

void est_free(struct est *e)
{
	if (!e)
		return;
	line_drop(e->line, &e->carriage);
	line_free(e->line);
	forget(e);
	buf_fini(&e->body);
	free(e);
}

bool est_busy(const struct est *e)
{
	return e->done != NULL;
}

static void finish(struct est *e, struct est_result *r)
{
	est_fn *done = e->done;

	if (r->err == 0) {
		r->ca = e->ca;
		e->ca = NULL;
	}
	forget(e);
	/* Each run has a session of its own, with the certificate of its time. */
	line_renew(e->line);
	done(e->o.arg, r);
}

static void fail(struct est *e, int err, unsigned status, const char *text)
{
	struct est_result r = { .err = err, .status = status, .text = text };

	finish(e, &r);
}

/* The reason that the CSE gives, if it is one line of plain text. */
static const char *reason_of(struct est *e, const struct http1 *h, const char *base)
{
	struct str body = str_first(str_trim(http1_body(h, base)), 150);
	bool plain = body.n > 0;

	for (size_t i = 0; plain && i < body.n; i++)
		plain = body.p[i] >= ' ' && body.p[i] <= '~';
	if (plain)
		snprintf(e->text, sizeof(e->text), "the CSE answers %u: %.*s", h->status, STR_ARG(body));
	else
		snprintf(e->text, sizeof(e->text), "the CSE answers %u", h->status);
	return e->text;
}

/* False: it has been told. */
static bool take(struct est *e, int err, const struct http1 *h, const char *base, const char *text, STACK_OF(X509) **out)
{
	struct why why = { RSC_NONE, "" };

	if (err) {
		fail(e, err, 0, text);
		return false;
	}
	if (h->status != 200) {
		/* 5xx and 202 (RFC 7030 4.2.3) may be another answer later; what is 4xx stays a no. */
		fail(e, h->status >= 400 && h->status < 500 ? E_DENIED : E_AGAIN, h->status, reason_of(e, h, base));
		return false;
	}
	err = est_certs(http1_body(h, base), out, &why);
	if (err) {
		snprintf(e->text, sizeof(e->text), "%s", why.text);
		fail(e, err, 0, e->text);
		return false;
	}
	return true;
}

/* The one of the key that was asked for: others may come along. */
static X509 *pick(STACK_OF(X509) *certs, EVP_PKEY *key)
{
	for (int i = 0; i < sk_X509_num(certs); i++) {
		X509 *x = sk_X509_value(certs, i);

		if (X509_check_private_key(x, key) == 1) {
			X509_up_ref(x);
			return x;
		}
		ERR_clear_error();
	}
	return NULL;
}

static void on_certificate(struct carriage *c, int err, const struct http1 *h, const char *base, const char *text)
{
	struct est *e = c->arg;
	struct est_result r = { 0 };
	STACK_OF(X509) *certs = NULL;

	if (!take(e, err, h, base, text, &certs))
		return;
	r.leaf = pick(certs, e->key);
	sk_X509_pop_free(certs, X509_free);
	if (r.leaf)
		finish(e, &r);
	else
		fail(e, E_SYNTAX, 0, "the CSE's certificate is not for the key of this device");
}

static void on_cacerts(struct carriage *c, int err, const struct http1 *h, const char *base, const char *text)
{
	struct est *e = c->arg;

	if (!take(e, err, h, base, text, &e->ca))
		return;
	if (!e->key) {
		struct est_result r = { 0 };

		finish(e, &r);
		return;
	}
	if (est_request(e->key, e->old ? X509_get_subject_name(e->old) : NULL, e->binding, &e->body)) {
		fail(e, E_CRYPTO, 0, "OpenSSL makes no certificate request with the device's key");
		return;
	}
	e->carriage = (struct carriage){ .method = STR("POST"),
		.target = e->old ? STR("/.well-known/est/simplereenroll") : STR("/.well-known/est/simpleenroll"),
		.fields = STR("Content-Type: application/pkcs10\r\nContent-Transfer-Encoding: base64\r\n"),
		.body = buf_as_str(&e->body), .done = on_certificate, .arg = e };
	line_send(e->line, &e->carriage);
}

void est_begin(struct est *e, EVP_PKEY *key, const X509 *old, est_fn *done)
{
	REQUIRE(!e->done && done);
	e->done = done;
	if (key) {
		EVP_PKEY_up_ref(key);
		e->key = key;
	}
	e->old = old ? X509_dup(old) : NULL;
	e->carriage = (struct carriage){ .method = STR("GET"), .target = STR("/.well-known/est/cacerts"), .done = on_cacerts, .arg = e };
	line_send(e->line, &e->carriage);
}
