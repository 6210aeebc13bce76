/* SPDX-License-Identifier: Apache-2.0 */
/* The way over the network: a real server on 127.0.0.1 with mutual TLS, and a client per actor. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/https.h"
#include "cse/base/err.h"
#include "tests/flows/http_line.h"
#include "tests/flows/sink_https.h"
#include "tests/flows/world.h"

enum { ARENA_BLOCK = 2048, PEM_MAX = 65536, WANTED_MS = 3000 };
#define CERTIFICATE_LIFE_US (INT64_C(90) * 86400 * 1000000)

/* What an actor holds. */
struct line {
	struct http_line http;
	EVP_PKEY *key;
	struct buf chain;       /* PEM */
	json_t *asked;
	char *text;             /* of the request, to be sent again on a new connection */
	size_t text_n;
	bool closed;
};

static bool is_quiet(struct world *w);

static int https_open(const struct way_setup *s, struct world **out, struct fail *f)
{
	if (world_open(s, true, true, out, f) < 0)
		return -1;
	(*out)->is_quiet = is_quiet;
	return 0;
}

/* --- certificates ------------------------------------------------------------------------------------------------- */

static int make_request(EVP_PKEY *key, struct buf *out)
{
	X509_REQ *req = X509_REQ_new();
	unsigned char *der = NULL;
	int n = 0;
	if (req && X509_REQ_set_pubkey(req, key) == 1 && X509_REQ_sign(req, key, EVP_sha256()) > 0)
		n = i2d_X509_REQ(req, &der);
	if (n > 0)
		buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	X509_REQ_free(req);
	return n > 0 ? 0 : -1;
}

static int issue(struct world *w, struct actor *a, struct line *l, struct fail *f)
{
	struct why why = { 0 };
	struct arena mem;
	struct buf der;
	unsigned char fingerprint[32];
	int64_t not_after;
	arena_init(&mem, ARENA_BLOCK);
	buf_init(&der, PEM_MAX);
	int err = make_request(l->key, &der);
	struct ca_ask ask = { .csr_der = buf_as_str(&der), .kind = world_kind(a), .names = world_names(&mem, a),
		              .life_us = CERTIFICATE_LIFE_US };
	if (!err)
		err = ca_issue(w->ca, &ask, &l->chain, fingerprint, &not_after, &why);
	buf_fini(&der);
	arena_fini(&mem);
	if (err)
		return fail_set(f, "no certificate for %s: %s", a->name, why.text);
	return world_issue(w, a, str_make((char *)fingerprint, sizeof(fingerprint)), f);
}

/* A certificate of somebody else: self-signed, with a name of ours. */
static int forge(struct line *l, struct world *w)
{
	X509 *x = X509_new();
	BIO *b = BIO_new(BIO_s_mem());
	char *p;
	time_t now = (time_t)(world_now(w) / 1000000);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_time_adj_ex(X509_getm_notBefore(x), 0, -60, &now);
	X509_time_adj_ex(X509_getm_notAfter(x), 1, 0, &now);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"CAdmin", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, l->key);
	int ok = X509_sign(x, l->key, EVP_sha256()) > 0 && PEM_write_bio_X509(b, x) == 1;
	long n = BIO_get_mem_data(b, &p);
	if (ok)
		buf_put(&l->chain, p, (size_t)n);
	BIO_free(b);
	X509_free(x);
	return ok ? 0 : -1;
}

/* Every certificate of a PEM text: the first is ours, or all are trusted. */
static int use_certificates(SSL_CTX *ctx, struct str pem, bool trust)
{
	BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
	int n = 0, ok = 1;
	for (X509 *x; (x = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL; X509_free(x), n++) {
		if (trust)
			ok &= X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), x);
		else
			ok &= n == 0 ? SSL_CTX_use_certificate(ctx, x) : SSL_CTX_add1_chain_cert(ctx, x) == 1;
	}
	BIO_free(b);
	ERR_clear_error();
	return ok && n > 0 ? 0 : -1;
}

/* What the actor shows and trusts, as a client or as a server. */
static SSL_CTX *make_context(struct world *w, const struct line *l, const SSL_METHOD *method, struct fail *f)
{
	struct buf roots;
	buf_init(&roots, PEM_MAX);
	ca_chain(w->ca, &roots);
	SSL_CTX *ctx = SSL_CTX_new(method);
	if (!ctx)
		abort();
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	if (use_certificates(ctx, buf_as_str(&roots), true) < 0 || use_certificates(ctx, buf_as_str(&l->chain), false) < 0 ||
	    SSL_CTX_use_PrivateKey(ctx, l->key) != 1)
		fail_set(f, "the actor's context cannot be made: %s", ERR_reason_error_string(ERR_peek_error()));
	buf_fini(&roots);
	if (!f->text[0])
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

static void use_server(struct world *w, struct line *l)
{
	l->http.port = https_port(w->https);
	snprintf(l->http.host, sizeof(l->http.host), "127.0.0.1:%u", l->http.port);
}

static int https_enroll(struct world *w, struct actor *a, struct fail *f)
{
	struct line *l = calloc(1, sizeof(*l));
	REQUIRE(l != NULL && w->n_actors < WORLD_ACTORS);
	a->line = l;
	w->actors[w->n_actors++] = a;
	l->http.fd = -1;
	l->key = EVP_EC_gen("P-256");
	buf_init(&l->chain, PEM_MAX);
	snprintf(l->http.from, sizeof(l->http.from), "%s", a->address);
	use_server(w, l);
	if (a->kind == ACTOR_STRANGER ? forge(l, w) < 0 : issue(w, a, l, f) < 0)
		return fail_set(f, "no certificate for %s", a->name);
	l->http.ctx = make_context(w, l, TLS_client_method(), f);
	return l->http.ctx ? 0 : -1;
}

static void https_leave(struct world *w, struct actor *a)
{
	struct line *l = a->line;
	(void)w;
	if (!l)
		return;
	http_line_close(&l->http);
	SSL_CTX_free(l->http.ctx);
	EVP_PKEY_free(l->key);
	buf_fini(&l->chain);
	json_decref(l->asked);
	free(l->text);
	free(l);
	a->line = NULL;
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static int transmit(struct world *w, struct line *l)
{
	if (l->http.fd < 0) {
		l->http.now_us = world_now(w);
		if (http_line_open(&l->http) < 0)
			return -1;
	}
	return http_line_write(&l->http, l->text, l->text_n);
}

static int https_post(struct world *w, struct actor *a, const json_t *request, struct fail *f)
{
	struct line *l = a->line;
	/* Requests to a target share no connection: what was answered is told before something else is asked. */
	if (w->n_sinks)
		world_calm(w);
	free(l->text);
	json_decref(l->asked);
	l->asked = json_deep_copy(request);
	l->closed = false;
	l->text = ts0009_request(request, l->http.host, &l->text_n, f);
	if (!l->text)
		return -1;
	bool used = l->http.used;
	int rc = transmit(w, l);
	if (rc < 0 && used) {
		/* The server has closed an idle connection. */
		http_line_close(&l->http);
		rc = transmit(w, l);
	}
	l->closed = rc < 0;
	return 0;
}

static bool https_arrived(struct world *w, struct actor *a)
{
	struct line *l = a->line;
	world_settle(w);
	return l->closed || http_line_ready(&l->http);
}

static int https_take(struct world *w, struct actor *a, struct answer *out, struct fail *f)
{
	struct line *l = a->line;
	struct ts0009_answer h = { 0 };
	struct fail why = { 0 };
	int rc = 0;
	if (!l->closed) {
		bool used = l->http.used;
		rc = http_line_read(&l->http, &h, f);
		if (rc == 0 && used) {
			http_line_close(&l->http);
			rc = transmit(w, l) < 0 ? 0 : http_line_read(&l->http, &h, f);
		}
	}
	if (rc == 0)
		http_line_close(&l->http);
	if (rc == 1) {
		out->prim = ts0009_response(&h, l->asked, &why);
		snprintf(out->complaint, sizeof(out->complaint), "%.590s", why.text);
		rc = out->prim ? 0 : fail_set(f, "%s", why.text);
	}
	ts0009_answer_fini(&h);
	return rc;
}

static int https_restart(struct world *w, struct fail *f)
{
	for (size_t i = 0; i < w->n_actors; i++)
		http_line_close(&((struct line *)w->actors[i]->line)->http);
	if (world_reopen(w, f) < 0)
		return -1;
	for (size_t i = 0; i < w->n_actors; i++)
		use_server(w, w->actors[i]->line);
	return 0;
}

/* --- notification targets ----------------------------------------------------------------------------------------- */

static int https_sink_open(struct world *w, struct sink *s, struct fail *f)
{
	SSL_CTX *ctx = make_context(w, s->owner->line, TLS_server_method(), f);
	char cse[128];
	REQUIRE(w->n_sinks < WORLD_SINKS);
	snprintf(cse, sizeof(cse), "%.*s.%.*s", STR_ARG(w->self.cse), STR_ARG(w->self.sp));
	s->line = ctx ? sink_https_new(ctx, w->clock, cse, f) : NULL;
	if (!s->line)
		return -1;
	snprintf(s->url, sizeof(s->url), "https://127.0.0.1:%u/%s", sink_https_port(s->line), s->name);
	w->sinks[w->n_sinks++] = s;
	return sink_https_set(s->line, s->mood, s->rsc, f);
}

static void https_sink_close(struct world *w, struct sink *s)
{
	for (size_t i = 0; i < w->n_sinks; i++)
		if (w->sinks[i] == s)
			w->sinks[i] = w->sinks[--w->n_sinks];
	sink_https_free(s->line);
	s->line = NULL;
}

static int https_sink_set(struct world *w, struct sink *s, struct fail *f)
{
	(void)w;
	return sink_https_set(s->line, s->mood, s->rsc, f);
}

/* Nothing is on its way but what hangs. */
static bool is_quiet(struct world *w)
{
	unsigned hanging = 0;
	unsigned busy = world_sending(w);
	for (size_t i = 0; i < w->n_sinks; i++)
		hanging += sink_https_hanging(w->sinks[i]->line);
	return busy <= hanging;
}

static json_t *https_sink_next(struct world *w, struct sink *s, bool wanted, struct fail *f)
{
	json_t *n = wanted ? sink_https_take(s->line, WANTED_MS, f) : NULL;
	/* Also so that the CSE knows the answer to what has come. */
	world_calm(w);
	return wanted ? n : sink_https_take(s->line, 0, f);
}

const struct way way_https = { "https", true, https_open, world_close, https_enroll, https_leave, https_post, https_arrived,
	                       https_take, https_restart, https_sink_open, https_sink_close, https_sink_set, https_sink_next };
