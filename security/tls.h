/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS contexts for all bindings: TLS 1.3 (1.2 only with ECDHE and AEAD), client certificate required, no 0-RTT, no
 * renegotiation, no post-handshake authentication.  One OSSL_LIB_CTX and SSL_CTX per loop; contexts are immutable,
 * counted and swapped.
 */
#ifndef SECURITY_TLS_H
#define SECURITY_TLS_H

#include <openssl/ssl.h>

#include "security/ca.h"

struct tls;
int tls_new(struct ca *ca, struct security *sec, unsigned n_loops, struct tls **out, struct why *why);
/* New certificates: makes new contexts; connections keep theirs. */
int tls_renew(struct tls *t, struct why *why);
void tls_free(struct tls *t);

/* A server-side SSL of loop i, without a descriptor yet; NULL when memory or the kernel refuses. */
SSL *tls_accept(struct tls *t, unsigned loop);
/* After the handshake: the peer of this connection (security.h peer_of_certificate).  E_DENIED: close. */
int tls_peer(struct tls *t, SSL *ssl, const struct ipaddr *from, struct peer **out);

/* SHA-256 of the certificate's public key info. */
int cert_fingerprint(const X509 *x, unsigned char out[32]);

#endif
