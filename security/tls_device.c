/* SPDX-License-Identifier: Apache-2.0 */
/* TLS contexts of the device's end. */
#include "security/tls_device.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "cse/base/err.h"
#include "security/secret.h"
#include "security/tls_priv.h"

static const unsigned char alpn[] = "\x08http/1.1";

static int refuse(struct why *why, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s: %s", what, reason ? reason : "not as expected");
	ERR_clear_error();
	return E_CRYPTO;
}

/* --- with a certificate ------------------------------------------------------------------------------------------------ */

static bool show(SSL_CTX *ctx, const struct tls_device *d)
{
	if (SSL_CTX_use_certificate(ctx, d->leaf) != 1 || SSL_CTX_use_PrivateKey(ctx, d->key) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1)
		return false;
	for (int i = 0; i < sk_X509_num(d->chain); i++)
		if (SSL_CTX_add1_chain_cert(ctx, sk_X509_value(d->chain, i)) != 1)
			return false;
	return true;
}

static bool trust(SSL_CTX *ctx, const struct tls_device *d)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);

	for (int i = 0; i < sk_X509_num(d->anchors); i++)
		if (X509_STORE_add_cert(store, sk_X509_value(d->anchors, i)) != 1)
			return false;
	return sk_X509_num(d->anchors) > 0;
}

static int make(const struct tls_device *d, const SSL_METHOD *side, int verify, SSL_CTX **out, struct why *why)
{
	SSL_CTX *ctx = SSL_CTX_new(side);

	/* Anchors may be issuing CAs without a root (an imported one). */
	if (!ctx || !tls_harden(ctx, 1) || !show(ctx, d) || !trust(ctx, d)) {
		SSL_CTX_free(ctx);
		return refuse(why, "the device's certificate, its key or whom it trusts cannot be used");
	}
	SSL_CTX_set_verify(ctx, verify, NULL);
	*out = ctx;
	return 0;
}

int tls_device_client(const struct tls_device *d, SSL_CTX **out, struct why *why)
{
	int err = make(d, TLS_client_method(), SSL_VERIFY_PEER, out, why);

	if (err)
		return err;
	SSL_CTX_set_alpn_protos(*out, alpn, sizeof(alpn) - 1);
	/* A session of ours is only offered to the CSE that gave it; what it may still do, the CSE looks up (security-model 3.1). */
	SSL_CTX_clear_options(*out, SSL_OP_NO_TICKET);
	SSL_CTX_set_session_cache_mode(*out, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	return 0;
}

int tls_device_server(const struct tls_device *d, SSL_CTX **out, struct why *why)
{
	return make(d, TLS_server_method(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, out, why);
}

/* --- with a code --------------------------------------------------------------------------------------------------------- */

#define TLS_CODE_MAGIC 0x746c7363u
struct tls_code {
	uint32_t magic;
	SSL_CTX *ctx;
	unsigned char *psk; /* a secret page */
	char handle[CODE_HANDLE + 1];
};

static const unsigned char suite_id[] = { 0x13, 0x02 };

/* OpenSSL asks once before the first message (md is NULL) and again when the server wants another group. */
static int use_code(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *n, SSL_SESSION **out)
{
	struct tls_code *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	const SSL_CIPHER *suite = SSL_CIPHER_find(ssl, suite_id);
	SSL_SESSION *s;

	*out = NULL;
	*id = NULL;
	*n = 0;
	if (md && EVP_MD_get_type(md) != NID_sha384)
		return 1;
	if (!suite)
		return 0;
	s = SSL_SESSION_new();
	if (!s || SSL_SESSION_set1_master_key(s, c->psk, CODE_PSK) != 1 || SSL_SESSION_set_cipher(s, suite) != 1 ||
	    SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION) != 1) {
		SSL_SESSION_free(s);
		return 0;
	}
	*out = s;
	*id = (const unsigned char *)c->handle;
	*n = CODE_HANDLE;
	return 1;
}

int tls_code_new(const struct code *code, struct str cse_id, struct tls_code **out, struct why *why)
{
	struct tls_code *c = calloc(1, sizeof(*c));

	if (!c)
		return E_NOMEM;
	c->magic = TLS_CODE_MAGIC;
	c->psk = secret_new(CODE_PSK);
	c->ctx = SSL_CTX_new(TLS_client_method());
	/* No anchor: a server that answers with a certificate instead is refused by the handshake itself. */
	if (!c->psk || !c->ctx || code_handle(code, c->handle) || code_psk(code, STR("est"), cse_id, c->psk) ||
	    !tls_harden(c->ctx, 1) || SSL_CTX_set_min_proto_version(c->ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(c->ctx, "TLS_AES_256_GCM_SHA384") != 1) {
		tls_code_free(c);
		return refuse(why, "TLS cannot be set up with this code");
	}
	SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_alpn_protos(c->ctx, alpn, sizeof(alpn) - 1);
	SSL_CTX_set_app_data(c->ctx, c);
	SSL_CTX_set_psk_use_session_callback(c->ctx, use_code);
	*out = c;
	return 0;
}

void tls_code_free(struct tls_code *c)
{
	if (!c)
		return;
	CHECK(c, TLS_CODE);
	SSL_CTX_free(c->ctx);
	secret_free(c->psk);
	c->magic = 0;
	free(c);
}

SSL *tls_code_connect(struct tls_code *c)
{
	CHECK(c, TLS_CODE);
	SSL *ssl = SSL_new(c->ctx);

	if (!ssl)
		ERR_clear_error();
	else
		SSL_set_connect_state(ssl);
	return ssl;
}

bool tls_code_proved(SSL *ssl)
{
	return SSL_is_init_finished(ssl) && SSL_session_reused(ssl) && !SSL_get0_peer_certificate(ssl) &&
	       SSL_version(ssl) == TLS1_3_VERSION;
}

/* --- both ------------------------------------------------------------------------------------------------------------------ */

int tls_binding(SSL *ssl, char out[TLS_BINDING + 1])
{
	static const char label[] = "EXPORTER-Channel-Binding";
	unsigned char b[32];

	if (SSL_export_keying_material(ssl, b, sizeof(b), label, sizeof(label) - 1, NULL, 0, 0) != 1) {
		ERR_clear_error();
		return E_CRYPTO;
	}
	EVP_EncodeBlock((unsigned char *)out, b, sizeof(b));
	OPENSSL_cleanse(b, sizeof(b));
	return 0;
}
