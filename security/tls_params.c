/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place where TLS is set: TLS 1.3, and 1.2 with ECDHE and AEAD only; P-256 certificates; nothing of what weakens a
 * connection after its handshake.  The CBC and PSK suites of TS-0003 10.2 are refused: a documented deviation.
 */
#include "security/tls_priv.h"

enum { CHAIN_DEPTH = 1, CHAIN_BYTES = 16384 };

static const char suites_13[] = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
static const char suites_12[] = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256";

int tls_verify_param(X509_VERIFY_PARAM *param, int partial)
{
	/* Intermediate certificates: the issuing CA and no other. */
	X509_VERIFY_PARAM_set_depth(param, CHAIN_DEPTH);
	return X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT | (partial ? X509_V_FLAG_PARTIAL_CHAIN : 0)) == 1;
}

int tls_harden(SSL_CTX *ctx, int partial)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
	                             SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_clear_options(ctx, SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION | SSL_OP_LEGACY_SERVER_CONNECT);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	/* No resumption but by the rule of tls_ticket.h. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_cert_list(ctx, CHAIN_BYTES);
	SSL_CTX_set_security_level(ctx, 2);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_post_handshake_auth(ctx, 0);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	       SSL_CTX_set_ciphersuites(ctx, suites_13) == 1 && SSL_CTX_set_cipher_list(ctx, suites_12) == 1 &&
	       SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1 && SSL_CTX_set1_sigalgs_list(ctx, "ECDSA+SHA256") == 1 &&
	       tls_verify_param(SSL_CTX_get0_param(ctx), partial);
}
