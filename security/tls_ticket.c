/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets: what they are sealed with, what they are bound to, who may come back with one.  OpenSSL writes the session into the
 * ticket and calls here for keys; beside the session stands a stamp of ours, which is compared with the credential as it is now.
 */
#include "security/tls_ticket.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#include "cse/base/check.h"
#include "cse/base/clock.h"
#include "cse/base/rand.h"
#include "security/secret.h"
#include "security/tls_priv.h"

#define NS_PER_S INT64_C(1000000000)
enum { USE_S = 3600, LIFE_S = 3600, KEYS = 2, NAME_BYTES = 16, AES_BYTES = 32, MAC_BYTES = 32, IV_BYTES = 16 };

struct ticket_key {
	bool there;
	int64_t made_ns;
	unsigned char name[NAME_BYTES], aes[AES_BYTES], mac[MAC_BYTES];
};

#define TICKETS_MAGIC 0x7469636bu
struct tls_tickets {
	uint32_t magic;
	struct clock *clock;
	struct rnd *rnd;
	struct security *sec;
	pthread_mutex_t lock;     /* guards the keys */
	struct ticket_key *key;   /* a secret page: the one in use, the one before */
	unsigned made;            /* since the last tick */
};

/* Beside the session in a ticket: in one process only, so bytes as they are. */
struct stamp {
	struct cred_stamp cred;
	int64_t proved_us; /* when the certificate's key was last proved */
	unsigned char fingerprint[32];
};

/* --- keys ------------------------------------------------------------------------------------------------------------ */

struct tls_tickets *tls_ticket_new(struct clock *clock, struct rnd *rnd, struct security *sec)
{
	struct tls_tickets *t = calloc(1, sizeof(*t));

	REQUIRE(t != NULL);
	t->magic = TICKETS_MAGIC;
	t->clock = clock;
	t->rnd = rnd;
	t->sec = sec;
	t->key = secret_new(KEYS * sizeof(*t->key));
	REQUIRE(t->key != NULL);
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void tls_ticket_free(struct tls_tickets *t)
{
	if (t == NULL)
		return;
	CHECK(t, TICKETS);
	secret_free(t->key);
	pthread_mutex_destroy(&t->lock);
	t->magic = 0;
	free(t);
}

void tls_ticket_drop(struct tls_tickets *t)
{
	CHECK(t, TICKETS);
	pthread_mutex_lock(&t->lock);
	OPENSSL_cleanse(t->key, KEYS * sizeof(*t->key));
	pthread_mutex_unlock(&t->lock);
}

/* A key gives tickets for an hour and takes them for one more, the life of the last of them. */
static void wipe_old(struct tls_tickets *t, int64_t now)
{
	for (unsigned i = 0; i < KEYS; i++)
		if (t->key[i].there && now - t->key[i].made_ns >= (USE_S + LIFE_S) * NS_PER_S)
			OPENSSL_cleanse(&t->key[i], sizeof(t->key[i]));
}

unsigned tls_ticket_tick(struct tls_tickets *t)
{
	CHECK(t, TICKETS);
	pthread_mutex_lock(&t->lock);
	wipe_old(t, clock_mono_ns(t->clock));
	unsigned made = t->made;
	t->made = 0;
	pthread_mutex_unlock(&t->lock);
	return made;
}

static void key_for_giving(struct tls_tickets *t, struct ticket_key *out)
{
	int64_t now = clock_mono_ns(t->clock);

	pthread_mutex_lock(&t->lock);
	wipe_old(t, now);
	struct ticket_key *k = &t->key[0];
	if (!k->there || now - k->made_ns >= USE_S * NS_PER_S) {
		t->key[1] = *k;
		t->made++;
		k->there = true;
		k->made_ns = now;
		rnd_bytes(t->rnd, k->name, sizeof(k->name));
		rnd_bytes(t->rnd, k->aes, sizeof(k->aes));
		rnd_bytes(t->rnd, k->mac, sizeof(k->mac));
	}
	*out = *k;
	pthread_mutex_unlock(&t->lock);
}

static bool key_for_taking(struct tls_tickets *t, const unsigned char name[NAME_BYTES], struct ticket_key *out)
{
	bool found = false;

	pthread_mutex_lock(&t->lock);
	wipe_old(t, clock_mono_ns(t->clock));
	for (unsigned i = 0; i < KEYS && !found; i++) {
		found = t->key[i].there && memcmp(t->key[i].name, name, NAME_BYTES) == 0;
		if (found)
			*out = t->key[i];
	}
	pthread_mutex_unlock(&t->lock);
	return found;
}

static bool set_mac(EVP_MAC_CTX *mac, struct ticket_key *k)
{
	char digest[] = "SHA256";
	OSSL_PARAM p[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k->mac, sizeof(k->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	return EVP_MAC_CTX_set_params(mac, p) == 1;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 go on, 0 no such ticket, -1 the handshake ends. */
static int on_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int enc)
{
	struct tls_loop *l = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct tls_tickets *t = l->tickets.tickets;
	struct ticket_key k;
	bool ok;

	/* A resumption in TLS 1.2 has no fresh key exchange. */
	if (SSL_version(ssl) < TLS1_3_VERSION)
		return 0;
	if (enc) {
		key_for_giving(t, &k);
		memcpy(name, k.name, NAME_BYTES);
		rnd_bytes(t->rnd, iv, IV_BYTES);
	} else if (!key_for_taking(t, name, &k)) {
		return 0;
	}
	ok = EVP_CipherInit_ex2(cipher, enc ? l->tickets.slim.cipher : l->tickets.aes, k.aes, iv, enc, NULL) == 1 && set_mac(mac, &k);
	OPENSSL_cleanse(&k, sizeof(k));
	return ok ? 1 : -1;
}

/* --- who comes back -------------------------------------------------------------------------------------------------- */

/* The end of a ticket that was made of this proof: an hour after it, or with the certificate. */
static int64_t end_of(const struct stamp *s)
{
	int64_t hour = s->proved_us + LIFE_S * INT64_C(1000000);
	return hour < s->cred.not_after ? hour : s->cred.not_after;
}

static bool read_stamp(SSL_SESSION *session, struct stamp *out)
{
	void *p = NULL;
	size_t n = 0;

	if (SSL_SESSION_get0_ticket_appdata(session, &p, &n) != 1 || n != sizeof(*out))
		return false;
	memcpy(out, p, n);
	return true;
}

bool tls_ticket_of(SSL *ssl, unsigned char fingerprint[32], int64_t *not_after_us)
{
	SSL_SESSION *session = SSL_is_init_finished(ssl) && SSL_is_server(ssl) && SSL_session_reused(ssl) ? SSL_get_session(ssl) : NULL;
	struct stamp s;

	if (session == NULL || !read_stamp(session, &s))
		return false;
	memcpy(fingerprint, s.fingerprint, sizeof(s.fingerprint));
	*not_after_us = s.cred.not_after;
	return true;
}

static bool may_resume(struct tls_tickets *t, SSL_SESSION *session)
{
	struct cred_stamp now;
	struct stamp s;
	int64_t us = clock_wall_us(t->clock);

	return t->sec && read_stamp(session, &s) && s.proved_us <= us && us < end_of(&s) &&
	       cred_stamp_of_key(t->sec, str_make((const char *)s.fingerprint, sizeof(s.fingerprint)), &now) &&
	       memcmp(&now, &s.cred, sizeof(now)) == 0;
}

/* Refused tickets lead to a full handshake. */
static SSL_TICKET_RETURN on_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_n, SSL_TICKET_STATUS status,
                                   void *arg)
{
	(void)ssl, (void)name, (void)name_n;
	if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
		return SSL_TICKET_RETURN_IGNORE;
	return may_resume(arg, session) ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_IGNORE;
}

bool tls_ticket_use(SSL_CTX *ctx, struct tls_ticket_lane *lane)
{
	static const unsigned char context[] = "troth";

	if (lane->tickets->sec == NULL)
		return true;
	/* Without it OpenSSL would look for sessions in a cache by a number. */
	SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_timeout(ctx, LIFE_S);
	return SSL_CTX_set_session_id_context(ctx, context, sizeof(context) - 1) == 1 &&
	       SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_key) == 1 &&
	       SSL_CTX_set_session_ticket_cb(ctx, NULL, on_ticket, lane->tickets) == 1;
}

void tls_ticket_offer(struct tls_tickets *t, SSL *ssl, struct str fingerprint)
{
	SSL_SESSION *session = SSL_get_session(ssl);
	struct stamp s, before;
	int64_t now = clock_wall_us(t->clock);

	if (t->sec == NULL || SSL_version(ssl) < TLS1_3_VERSION || session == NULL || fingerprint.n != sizeof(s.fingerprint))
		return;
	memset(&s, 0, sizeof(s));
	if (!cred_stamp_of_key(t->sec, fingerprint, &s.cred))
		return;
	/* Who came with a ticket has not proved the key again: the hour goes on. */
	s.proved_us = SSL_session_reused(ssl) && read_stamp(session, &before) ? before.proved_us : now;
	memcpy(s.fingerprint, fingerprint.p, sizeof(s.fingerprint));
	int64_t left = (end_of(&s) - now) / 1000000;
	if (left <= 0 || SSL_SESSION_set1_ticket_appdata(session, &s, sizeof(s)) != 1)
		return;
	SSL_SESSION_set_timeout(session, (long)left);
	(void)SSL_new_session_ticket(ssl);
}
