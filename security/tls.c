/* SPDX-License-Identifier: Apache-2.0 */
/* Server contexts, one library context and one SSL_CTX for each loop, so that loops share no lock inside OpenSSL. */
#include "security/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "security/ca_priv.h"
#include "security/cert.h"
#include "security/enrol.h"
#include "security/tls_priv.h"

/* --- copies into a library context --------------------------------------------------------------------------------- */

static X509 *copy_cert(OSSL_LIB_CTX *lib, X509 *x)
{
	unsigned char *der = NULL;
	const unsigned char *p;
	int n = i2d_X509(x, &der);
	X509 *copy = n > 0 ? X509_new_ex(lib, NULL) : NULL;

	p = der;
	if (copy && !d2i_X509(&copy, &p, n)) /* frees and clears copy when it fails */
		copy = NULL;
	OPENSSL_free(der);
	return copy;
}

/* A key that cannot leave its hardware is used as it is: its private operations go their own way. */
static EVP_PKEY *copy_key(OSSL_LIB_CTX *lib, EVP_PKEY *key)
{
	PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(key);
	EVP_PKEY *copy = p8 ? EVP_PKCS82PKEY_ex(p8, lib, NULL) : NULL;

	PKCS8_PRIV_KEY_INFO_free(p8);
	if (!copy && EVP_PKEY_up_ref(key) == 1)
		copy = key;
	return copy;
}

/* --- contexts -------------------------------------------------------------------------------------------------------- */

static int alpn_http1(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in, unsigned inlen,
                      void *arg)
{
	(void)ssl, (void)arg;
	for (unsigned i = 0; i < inlen && in[i] < inlen - i; i += 1u + in[i]) {
		if (in[i] == 8 && memcmp(in + i + 1, "http/1.1", 8) == 0) {
			*out = in + i + 1;
			*outlen = 8;
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool use_identity(SSL_CTX *ctx, OSSL_LIB_CTX *lib, X509 *leaf, STACK_OF(X509) *chain, EVP_PKEY *key)
{
	X509 *x = copy_cert(lib, leaf);
	EVP_PKEY *k = copy_key(lib, key);
	bool ok = x && k && SSL_CTX_use_certificate(ctx, x) == 1 && SSL_CTX_use_PrivateKey(ctx, k) == 1 &&
	          SSL_CTX_check_private_key(ctx) == 1;

	X509_free(x);
	EVP_PKEY_free(k);
	for (int i = 0; ok && i < sk_X509_num(chain); i++) {
		x = copy_cert(lib, sk_X509_value(chain, i));
		ok = x && SSL_CTX_add0_chain_cert(ctx, x) == 1;
		if (!ok)
			X509_free(x);
	}
	return ok;
}

/* Peers' chains end in an issuing CA that counts at present, and in nothing else: the root would stand for one that was let
 * go, too.  Clients are told the root's name as well, for what they were given may name it. */
static bool use_anchors(SSL_CTX *ctx, OSSL_LIB_CTX *lib, STACK_OF(X509) *anchors, X509 *root)
{
	X509_STORE *store = X509_STORE_new();
	bool ok = store != NULL;

	for (int i = 0; ok && i < sk_X509_num(anchors); i++) {
		X509 *x = copy_cert(lib, sk_X509_value(anchors, i));
		ok = x && X509_STORE_add_cert(store, x) == 1 && SSL_CTX_add_client_CA(ctx, x) == 1;
		X509_free(x);
	}
	if (ok && root)
		ok = SSL_CTX_add_client_CA(ctx, root) == 1;
	if (ok)
		SSL_CTX_set_cert_store(ctx, store);
	else
		X509_STORE_free(store);
	return ok;
}

/* What all contexts of a renewal are made of. */
struct tls_parts {
	X509 *root, *leaf;
	STACK_OF(X509) *anchors, *chain;
	EVP_PKEY *key;
};

static SSL_CTX *make_ctx(struct tls_loop *l, const struct tls_parts *p, bool client)
{
	SSL_CTX *ctx = SSL_CTX_new_ex(l->lib, NULL, client ? TLS_client_method() : TLS_server_method());
	if (!ctx)
		return NULL;
	SSL_CTX_set_app_data(ctx, l);
	if (!tls_harden(ctx, 1) || !use_identity(ctx, l->lib, p->leaf, p->chain, p->key) || !use_anchors(ctx, l->lib, p->anchors, p->root) ||
	    (!client && !tls_ticket_use(ctx, &l->tickets))) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	if (client) {
		SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)"\x08http/1.1", 9);
	} else {
		SSL_CTX_set_alpn_select_cb(ctx, alpn_http1, NULL);
		tls_psk_use(ctx);
	}
	return ctx;
}

static void swap_ctx(struct tls_loop *l, SSL_CTX *ctx, SSL_CTX *client)
{
	pthread_mutex_lock(&l->lock);
	SSL_CTX *old = l->ctx, *old_client = l->client;
	l->ctx = ctx;
	l->client = client;
	pthread_mutex_unlock(&l->lock);
	SSL_CTX_free(old);
	SSL_CTX_free(old_client);
}

static int renew(struct tls *t, struct why *why)
{
	CHECK(t, TLS);
	struct tls_parts p = { .root = ca_root(t->ca) };

	/* All of them, or none: loops must not show different certificates until the next try.  Two for each loop: server, client. */
	SSL_CTX **made = calloc(2 * t->n, sizeof(*made));
	int err = made ? ca_server(t->ca, &p.leaf, &p.chain, &p.key) : E_NOMEM;
	if (err == 0)
		err = ca_anchors(t->ca, &p.anchors);
	for (unsigned i = 0; err == 0 && i < 2 * t->n; i++) {
		made[i] = make_ctx(&t->loop[i / 2], &p, i % 2 == 1);
		if (!made[i])
			err = E_CRYPTO;
	}
	for (unsigned i = 0; made && i < t->n; i++) {
		if (err == 0) {
			swap_ctx(&t->loop[i], made[2 * i], made[2 * i + 1]);
		} else {
			SSL_CTX_free(made[2 * i]);
			SSL_CTX_free(made[2 * i + 1]);
		}
	}
	free(made);
	/* What was proved under another authority is proved again. */
	if (err == 0)
		tls_ticket_drop(t->tickets);
	if (err)
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "a TLS context could not be made: %s", err_text(err));
	X509_free(p.root);
	X509_free(p.leaf);
	sk_X509_pop_free(p.chain, X509_free);
	sk_X509_pop_free(p.anchors, X509_free);
	EVP_PKEY_free(p.key);
	ERR_clear_error();
	return err;
}

int tls_renew(struct tls *t, struct why *why)
{
	CHECK(t, TLS);
	pthread_mutex_lock(&t->renewing);
	int err = renew(t, why);
	pthread_mutex_unlock(&t->renewing);
	return err;
}

int tls_new(struct ca *ca, struct security *sec, unsigned n_loops, struct tls **out, struct why *why)
{
	REQUIRE(ca && n_loops > 0);
	struct tls *t = calloc(1, sizeof(*t) + n_loops * sizeof(t->loop[0]));
	if (!t)
		return E_NOMEM;
	t->magic = TLS_MAGIC;
	t->ca = ca;
	t->sec = sec;
	t->n = n_loops;
	pthread_mutex_init(&t->renewing, NULL);
	t->tickets = tls_ticket_new(ca->o.clock, ca->o.rnd, sec);
	int err = 0;
	for (unsigned i = 0; i < n_loops; i++) {
		struct tls_loop *l = &t->loop[i];

		pthread_mutex_init(&l->lock, NULL);
		l->tls = t;
		l->lib = OSSL_LIB_CTX_new();
		l->tickets.tickets = t->tickets;
		bool slim = l->lib && tls_slim_init(&l->tickets.slim, l->lib);
		l->tickets.aes = slim ? EVP_CIPHER_fetch(l->lib, "AES-256-CBC", NULL) : NULL;
		if (!l->tickets.aes)
			err = E_NOMEM;
	}
	if (err == 0)
		err = tls_renew(t, why);
	if (err) {
		tls_free(t);
		return err;
	}
	*out = t;
	return 0;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	CHECK(t, TLS);
	for (unsigned i = 0; i < t->n; i++) {
		SSL_CTX_free(t->loop[i].ctx);
		SSL_CTX_free(t->loop[i].client);
		EVP_CIPHER_free(t->loop[i].tickets.aes);
		tls_slim_fini(&t->loop[i].tickets.slim);
		OSSL_LIB_CTX_free(t->loop[i].lib);
		pthread_mutex_destroy(&t->loop[i].lock);
	}
	tls_ticket_free(t->tickets);
	pthread_mutex_destroy(&t->renewing);
	t->magic = 0;
	free(t);
}

void tls_drop_tickets(struct tls *t)
{
	CHECK(t, TLS);
	tls_ticket_drop(t->tickets);
}

unsigned tls_tick(struct tls *t)
{
	CHECK(t, TLS);
	return tls_ticket_tick(t->tickets);
}

void tls_refuse_all(struct tls *t, const char *what)
{
	CHECK(t, TLS);
	atomic_store_explicit(&t->refusing, what, memory_order_release);
	if (what)
		tls_ticket_drop(t->tickets);
}

const char *tls_refuses(const struct tls *t)
{
	CHECK(t, TLS);
	return atomic_load_explicit(&t->refusing, memory_order_acquire);
}

int64_t tls_ends_ns(const struct tls *t, SSL *ssl)
{
	CHECK(t, TLS);
	X509 *x = SSL_get0_peer_certificate(ssl);
	unsigned char fp[32];
	int64_t end_us;

	/* One that has ended already may renew itself, in a session of half a minute. */
	if (x && !tls_is_ended(ssl))
		end_us = cert_time_us(X509_get0_notAfter(x));
	else if (x || !tls_ticket_of(ssl, fp, &end_us))
		return INT64_MAX;
	int64_t left_us = end_us - (t->sec ? clockguard_least_us(t->sec) : clock_wall_us(t->ca->o.clock));
	int64_t now = clock_mono_ns(t->ca->o.clock);
	return left_us > (INT64_MAX - now) / 1000 ? INT64_MAX : now + left_us * 1000;
}

/* --- connections ----------------------------------------------------------------------------------------------------- */

static SSL *new_ssl(struct tls *t, unsigned loop, bool client)
{
	CHECK(t, TLS);
	REQUIRE(loop < t->n);
	struct tls_loop *l = &t->loop[loop];

	pthread_mutex_lock(&l->lock);
	SSL *ssl = SSL_new(client ? l->client : l->ctx);
	pthread_mutex_unlock(&l->lock);
	if (!ssl) {
		ERR_clear_error();
		return NULL;
	}
	X509_VERIFY_PARAM_set_time(SSL_get0_param(ssl), (time_t)(clock_wall_us(t->ca->o.clock) / 1000000));
	return ssl;
}

SSL *tls_accept(struct tls *t, unsigned loop)
{
	SSL *ssl = new_ssl(t, loop, false);

	if (ssl)
		SSL_set_accept_state(ssl);
	return ssl;
}

SSL *tls_connect(struct tls *t, unsigned loop, struct str name)
{
	SSL *ssl = new_ssl(t, loop, true);
	char host[CERT_DNS_BYTES + 1];

	if (!ssl)
		return NULL;
	SSL_set_connect_state(ssl);
	if (name.n > 0 && name.n < sizeof(host)) {
		memcpy(host, name.p, name.n);
		host[name.n] = 0;
		SSL_set_tlsext_host_name(ssl, host);
	}
	return ssl;
}

/* AE-IDs and CSE-IDs by our own reading of the certificate, hosts and addresses by OpenSSL's. */
static bool carries(struct tls *t, struct arena *a, X509 *x, const struct cert_names *has, struct str name)
{
	const struct addr_self *self = &t->ca->o.self;
	struct why ignored = { 0 };
	struct str abs;
	char text[CERT_DNS_BYTES + 1];

	if (addr_entity(a, name, self, &abs, &ignored) == RSC_NONE)
		for (size_t i = 0; i < has->n; i++)
			if ((has->v[i].kind == CERT_AE || has->v[i].kind == CERT_CSE) && str_eq(has->v[i].text, abs))
				return true;
	if (name.n == 0 || name.n >= sizeof(text))
		return false;
	memcpy(text, name.p, name.n);
	text[name.n] = 0;
	return X509_check_ip_asc(x, text, 0) == 1 ||
	       X509_check_host(x, text, name.n, X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
}

bool tls_names(struct tls *t, SSL *ssl, const struct strs *names)
{
	CHECK(t, TLS);
	X509 *x = SSL_get0_peer_certificate(ssl);
	struct cert_names has;
	struct arena a;
	bool yes = false;

	if (!SSL_is_init_finished(ssl) || SSL_get_verify_result(ssl) != X509_V_OK || !x)
		return false;
	arena_init(&a, 1024);
	if (cert_names(&a, x, t->ca->o.self.sp, &has) == 0)
		for (size_t i = 0; i < names->n && !yes; i++)
			yes = carries(t, &a, x, &has, names->v[i]);
	arena_fini(&a);
	ERR_clear_error();
	return yes;
}

bool tls_is_credentials(SSL *ssl)
{
	X509 *x = SSL_get0_peer_certificate(ssl);
	struct str id;
	uint32_t generation;
	struct arena a;
	bool yes;

	arena_init(&a, 256);
	yes = x && cert_subject(&a, x, &id, &generation);
	arena_fini(&a);
	return yes;
}

const char *tls_refused(struct tls *t, SSL *ssl, const struct ipaddr *from)
{
	CHECK(t, TLS);
	long verdict = SSL_get_verify_result(ssl);
	const char *reason = verdict == X509_V_OK ? ERR_reason_error_string(ERR_peek_error()) : X509_verify_cert_error_string(verdict);

	if (t->sec)
		audit_stranger(t->sec, EV_NO_CREDENTIAL, from);
	return reason ? reason : "the peer ended the handshake";
}

/* Whose generation is it?  A ticket is of the one in use, as was told when it was given. */
static int use_generation(struct tls *t, X509 *x, struct str fingerprint, const struct ipaddr *from)
{
	struct str id = STR_NONE;
	uint32_t generation = 0;
	struct arena a;
	int err;

	if (t->enrol == NULL || x == NULL)
		return 0;
	arena_init(&a, 256);
	(void)cert_subject(&a, x, &id, &generation);
	err = enrol_used(t->enrol, fingerprint, id, generation, from);
	arena_fini(&a);
	return err;
}

int tls_peer(struct tls *t, SSL *ssl, const struct ipaddr *from, struct peer **out)
{
	CHECK(t, TLS);
	char handle[CODE_HANDLE + 1];
	unsigned char raw[32];
	struct str fp = str_make((const char *)raw, sizeof(raw));
	X509 *x = SSL_get0_peer_certificate(ssl);
	bool server = SSL_is_server(ssl), ended = server && tls_is_ended(ssl);
	int64_t end_us;

	if (!SSL_is_init_finished(ssl))
		return E_DENIED;
	if (server && t->enrol && tls_code(ssl, handle)) {
		*out = peer_limited(t->sec, from, str_of(handle));
		return 0;
	}
	if (!ended && SSL_get_verify_result(ssl) != X509_V_OK)
		return E_DENIED;
	if (!x && !tls_ticket_of(ssl, raw, &end_us))
		return E_DENIED;
	int err = x ? cert_fingerprint(x, raw) : 0;
	int used = err == 0 && server ? use_generation(t, x, fp, from) : 0;
	if (err == 0 && used == 0 && ended) {
		*out = peer_limited(t->sec, from, fp);
		return 0;
	}
	/* A key that is over is one that nobody knows. */
	if (err == 0)
		err = peer_of_certificate(t->sec, fp, from, out);
	if (err == 0 && server)
		tls_ticket_offer(t->tickets, ssl, fp);
	return err;
}
