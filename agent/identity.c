/* SPDX-License-Identifier: Apache-2.0 */
/* Who this device is, as the rest of the agent sees it: connections that prove it, names, life. */
#include "agent/identity.h"

#include <openssl/err.h>
#include <stdlib.h>

#include "agent/conf.h"
#include "agent/identity_priv.h"
#include "cse/base/err.h"
#include "security/cert.h"
#include "security/tls_device.h"

/* --- tickets: each is used once ------------------------------------------------------------------------------------------ */

static void forget_tickets(struct identity *id)
{
	while (id->n_tickets)
		SSL_SESSION_free(id->tickets[--id->n_tickets]);
}

static int on_ticket(SSL *ssl, SSL_SESSION *s)
{
	SSL_CTX *ctx = SSL_get_SSL_CTX(ssl);
	struct identity *id = SSL_CTX_get_app_data(ctx);

	/* Of a certificate that was renewed meanwhile. */
	if (ctx != id->client || !SSL_SESSION_is_resumable(s))
		return 0;
	if (id->n_tickets == IDENTITY_TICKETS) {
		SSL_SESSION_free(id->tickets[0]);
		memmove(&id->tickets[0], &id->tickets[1], (IDENTITY_TICKETS - 1) * sizeof(id->tickets[0]));
		id->n_tickets--;
	}
	id->tickets[id->n_tickets++] = s;
	return 1;
}

/* --- connections ----------------------------------------------------------------------------------------------------------- */

static SSL *new_ssl(struct identity *id, SSL_CTX *ctx)
{
	SSL *ssl = SSL_new(ctx);

	if (!ssl) {
		ERR_clear_error();
		return NULL;
	}
	X509_VERIFY_PARAM_set_time(SSL_get0_param(ssl), (time_t)(clock_wall_us(id->agent->clock) / 1000000));
	return ssl;
}

SSL *identity_connect_any(struct identity *id)
{
	CHECK(id, IDENTITY);
	SSL *ssl = new_ssl(id, id->client);

	if (!ssl)
		return NULL;
	SSL_set_connect_state(ssl);
	if (cert_is_dns(identity_host(id)) && strpbrk(identity_host(id).p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
		SSL_set_tlsext_host_name(ssl, identity_host(id).p);
	return ssl;
}

SSL *identity_connect(struct identity *id)
{
	CHECK(id, IDENTITY);
	SSL *ssl;

	if (identity_has_ended(id))
		return NULL;
	ssl = identity_connect_any(id);
	if (ssl && id->n_tickets) {
		SSL_SESSION *s = id->tickets[--id->n_tickets];

		SSL_set_session(ssl, s);
		SSL_SESSION_free(s);
	}
	return ssl;
}

SSL *identity_accept(struct identity *id)
{
	CHECK(id, IDENTITY);
	SSL *ssl = identity_has_ended(id) ? NULL : new_ssl(id, id->server);

	if (ssl)
		SSL_set_accept_state(ssl);
	return ssl;
}

/* A session that was taken up again shows the certificate of its first handshake: it may have ended since. */
static bool is_alive(struct identity *id, const X509 *x)
{
	return facts_time_us(X509_get0_notAfter(x)) > clock_wall_us(id->agent->clock);
}

int64_t identity_peer_ends_ns(const struct agent *a, SSL *ssl)
{
	const X509 *x = SSL_get0_peer_certificate(ssl);
	int64_t left_us = x ? facts_time_us(X509_get0_notAfter(x)) - clock_wall_us(a->clock) : INT64_MAX;
	int64_t now = loop_now_ns(a->loop);

	return left_us > (INT64_MAX - now) / 1000 ? INT64_MAX : now + left_us * 1000;
}

bool identity_is_known(struct identity *id, SSL *ssl)
{
	CHECK(id, IDENTITY);
	X509 *x = SSL_get0_peer_certificate(ssl);
	bool yes = false;

	for (int i = 0; x && !yes && i < sk_X509_num(id->facts.ca); i++) {
		X509 *ca = sk_X509_value(id->facts.ca, i);

		yes = X509_check_issued(ca, x) == X509_V_OK && X509_verify(x, X509_get0_pubkey(ca)) == 1;
	}
	ERR_clear_error();
	return yes;
}

bool identity_is_cse(struct identity *id, SSL *ssl)
{
	return identity_is_known(id, ssl) && identity_is_cse_by_anchor(id, ssl);
}

bool identity_is_cse_by_anchor(struct identity *id, SSL *ssl)
{
	CHECK(id, IDENTITY);
	X509 *x = SSL_get0_peer_certificate(ssl);
	struct cert_names names;
	struct arena a;
	bool yes = false;

	if (!SSL_is_init_finished(ssl) || SSL_get_verify_result(ssl) != X509_V_OK || !x || !is_alive(id, x))
		return false;
	arena_init(&a, 1024);
	if (cert_names(&a, x, id->self.sp, &names) == 0) {
		struct str cse = arena_printf(&a, "//%.*s/%.*s", STR_ARG(id->self.sp), STR_ARG(id->self.cse));

		for (size_t i = 0; i < names.n && !yes; i++)
			yes = names.v[i].kind == CERT_CSE && str_eq(names.v[i].text, cse);
	}
	arena_fini(&a);
	ERR_clear_error();
	return yes;
}

/* --- what is known --------------------------------------------------------------------------------------------------------- */

const struct strs *identity_names(const struct identity *id)
{
	return &id->names;
}

const struct addr_self *identity_cse(const struct identity *id)
{
	return &id->self;
}

void identity_life(const struct identity *id, int64_t *from, int64_t *until)
{
	*from = id->from_us;
	*until = id->until_us;
}

bool identity_has_ended(const struct identity *id)
{
	return clock_wall_us(id->agent->clock) >= id->until_us;
}

uint64_t identity_generation(const struct identity *id)
{
	return id->facts.generation;
}

struct str identity_host(const struct identity *id)
{
	const char *set = conf_str(id->agent->conf, AGENT_CSE_HOST);

	return str_of(set[0] ? set : id->facts.host);
}

unsigned identity_port(const struct identity *id)
{
	int64_t set = conf_num(id->agent->conf, AGENT_CSE_PORT);

	return set ? (unsigned)set : id->facts.port;
}

/* --- taking a certificate into use ------------------------------------------------------------------------------------------ */

static int read_names(struct identity *id, struct why *why)
{
	struct cert_names in;
	struct str *v;
	size_t n = 0;

	arena_reset(&id->names_arena);
	if (cert_names(&id->names_arena, id->facts.leaf, str_of(id->facts.sp), &in)) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the names in the device's certificate cannot be read");
		return E_CORRUPT;
	}
	v = arena_array(&id->names_arena, in.n + 1, sizeof(*v));
	for (size_t i = 0; i < in.n; i++) {
		struct str rest = in.v[i].text, part = STR_NONE;
		bool more = in.v[i].kind == CERT_AE;

		if (!more)
			continue;
		while (more)
			part = str_cut(&rest, '/', &more);
		v[n++] = part;
	}
	id->names = (struct strs){ v, n };
	return 0;
}

static int make_contexts(struct identity *id, SSL_CTX **client, SSL_CTX **server, struct why *why)
{
	STACK_OF(X509) *anchors = facts_anchors(id->facts.ca), *chain = sk_X509_new_null();
	struct tls_device d = { .leaf = id->facts.leaf, .chain = chain, .key = id->key, .anchors = anchors };
	int err;

	REQUIRE(chain != NULL);
	for (int i = 0; i < sk_X509_num(id->facts.ca); i++) {
		X509 *x = sk_X509_value(id->facts.ca, i);

		if (X509_check_issued(x, id->facts.leaf) == X509_V_OK && X509_check_issued(x, x) != X509_V_OK) {
			REQUIRE(sk_X509_push(chain, x) > 0);
			break;
		}
	}
	*client = *server = NULL;
	err = tls_device_client(&d, client, why);
	if (err == 0)
		err = tls_device_server(&d, server, why);
	if (err) {
		SSL_CTX_free(*client);
	} else {
		SSL_CTX_set_app_data(*client, id);
		SSL_CTX_sess_set_new_cb(*client, on_ticket);
	}
	sk_X509_free(chain);
	sk_X509_pop_free(anchors, X509_free);
	return err;
}

int identity_use(struct identity *id, struct why *why)
{
	const char *cse = conf_str(id->agent->first_conf, AGENT_CSE_ID);
	SSL_CTX *client, *server;
	int err = make_contexts(id, &client, &server, why);

	if (err == 0)
		err = read_names(id, why);
	if (err)
		return err;
	SSL_CTX_free(id->client);
	SSL_CTX_free(id->server);
	id->client = client;
	id->server = server;
	forget_tickets(id);
	id->self = (struct addr_self){ .sp = str_of(id->facts.sp), .cse = str_of((cse[0] ? cse : id->facts.cse_id) + 1),
		                       .base = str_of(conf_str(id->agent->first_conf, AGENT_CSE_NAME)) };
	id->until_us = facts_time_us(X509_get0_notAfter(id->facts.leaf));
	id->from_us = facts_time_us(X509_get0_notBefore(id->facts.leaf));
	if (id->facts.since_us > id->from_us && id->facts.since_us < id->until_us)
		id->from_us = id->facts.since_us;
	/* A life of nothing is over, but it is divided by. */
	if (id->from_us >= id->until_us)
		id->from_us = id->until_us - 1;
	return 0;
}

/* --- life -------------------------------------------------------------------------------------------------------------------- */

int identity_check(const struct conf *c, struct why *why)
{
	const char *cse = conf_str(c, AGENT_CSE_ID);
	char text[300];

	if (!cse[0] || (cse[0] == '/' && addr_is_rn(str_of(cse + 1))))
		return 0;
	conf_refuse(c, AGENT_CSE_ID, text, sizeof(text), "is no CSE-ID; write a slash and its name, as /id-in");
	why_set(why, RSC_INTERNAL_SERVER_ERROR, "%.190s", text);
	return E_CONF;
}

int identity_open(struct agent *a, struct identity **out, struct why *why)
{
	struct identity *id = calloc(1, sizeof(*id));
	int err = identity_check(a->conf, why);

	REQUIRE(id != NULL);
	id->magic = IDENTITY_MAGIC;
	id->agent = a;
	id->dir = conf_str(a->conf, AGENT_STATE);
	id->lock = -1;
	arena_init(&id->names_arena, 1024);
	if (err == 0)
		err = state_open(id->dir, false, &id->lock, why);
	if (err == 0)
		err = facts_load(id->dir, &id->facts, why);
	if (err == 0)
		err = keystore_open(conf_str(a->conf, AGENT_KEYSTORE), id->dir, a->rnd, &id->keystore, why);
	if (err == 0)
		err = state_key(id->keystore, &id->facts, &id->key, why);
	if (err == 0)
		err = identity_use(id, why);
	if (err == 0)
		err = identity_renewal_init(id, why);
	if (err) {
		identity_close(id);
		return err;
	}
	*out = id;
	return 0;
}

void identity_close(struct identity *id)
{
	if (!id)
		return;
	CHECK(id, IDENTITY);
	identity_renewal_fini(id);
	forget_tickets(id);
	SSL_CTX_free(id->client);
	SSL_CTX_free(id->server);
	EVP_PKEY_free(id->key);
	facts_fini(&id->facts);
	keystore_close(id->keystore);
	state_close(id->lock);
	arena_fini(&id->names_arena);
	id->magic = 0;
	free(id);
}
