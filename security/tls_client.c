/* SPDX-License-Identifier: Apache-2.0 */
/* Client contexts for our own programs. */
#include <openssl/err.h>

#include "cse/base/err.h"
#include "security/tls.h"
#include "security/tls_priv.h"

static int refuse(struct why *why, const char *what, const char *file)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s %s: %s", what, file, reason ? reason : "not as expected");
	ERR_clear_error();
	return E_CONF;
}

static int load(SSL_CTX *ctx, const char *ca_file, const char *cert_file, const char *key_file, struct why *why)
{
	/* Every certificate of ca_file is an anchor: an imported issuing CA may come without its root. */
	if (!tls_harden(ctx, 1))
		return refuse(why, "TLS cannot be set up with", "this OpenSSL");
	if (SSL_CTX_load_verify_file(ctx, ca_file) != 1)
		return refuse(why, "cannot read the trusted certificates of", ca_file);
	if (cert_file && SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1)
		return refuse(why, "cannot read the certificate chain of", cert_file);
	if (key_file && SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1)
		return refuse(why, "cannot read, or this is not the certificate's, the key of", key_file);
	return 0;
}

int tls_client_new(const char *ca_file, const char *cert_file, const char *key_file, SSL_CTX **out, struct why *why)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx)
		return E_NOMEM;
	int err = load(ctx, ca_file, cert_file, key_file, why);
	if (err) {
		SSL_CTX_free(ctx);
		return err;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	*out = ctx;
	return 0;
}
