/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS contexts of the device's end: what a device shows, whom it trusts, and the session that an enrolment code opens.  Same versions,
 * suites and verification as the CSE's side (tls_params.c); no file is read, the key may live elsewhere.
 */
#ifndef SECURITY_TLS_DEVICE_H
#define SECURITY_TLS_DEVICE_H

#include <openssl/ssl.h>

#include "cse/model/rsc.h"
#include "security/code.h"

struct tls_device {
	X509 *leaf;
	STACK_OF(X509) *chain;   /* issuing certificates that are shown with it; may be NULL */
	EVP_PKEY *key;
	STACK_OF(X509) *anchors; /* whom it trusts: a peer's chain ends in one of these */
};
/* Client side, with resumption (sessions are kept by the caller: SSL_CTX_sess_set_new_cb); the caller frees it. */
int tls_device_client(const struct tls_device *d, SSL_CTX **out, struct why *why);
/* Server side: requires a certificate. */
int tls_device_server(const struct tls_device *d, SSL_CTX **out, struct why *why);

/* Client side of an enrolment (security-model 2.1): TLS 1.3 with the code's PSK and a key exchange, no certificate taken. */
struct tls_code;
int tls_code_new(const struct code *code, struct str cse_id, struct tls_code **out, struct why *why);
void tls_code_free(struct tls_code *c);
/* NULL when memory is short.  c lives as long as the SSL. */
SSL *tls_code_connect(struct tls_code *c);
/* After the handshake: did the other end know the code? */
bool tls_code_proved(SSL *ssl);

/* Base64 of the session's 32 bytes of "EXPORTER-Channel-Binding" (RFC 9266): binds a request to this session.  E_CRYPTO. */
enum { TLS_BINDING = 44 };
int tls_binding(SSL *ssl, char out[TLS_BINDING + 1]);

#endif
