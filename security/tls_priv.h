/* SPDX-License-Identifier: Apache-2.0 */
/* What server and client contexts have in common. */
#ifndef SECURITY_TLS_PRIV_H
#define SECURITY_TLS_PRIV_H

#include <openssl/ssl.h>

/* Versions, suites, curves, options, bounds, verification: security-model 3.1.  `partial`: the anchor is no root.
 * false: this OpenSSL refuses one of them. */
int tls_harden(SSL_CTX *ctx, int partial);
/* Flags and depth under which chains are verified, here and at the CA's start. */
int tls_verify_param(X509_VERIFY_PARAM *param, int partial);

#endif
