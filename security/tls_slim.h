/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets without the peer's certificate.  OpenSSL writes it into each ticket and decodes it, with its key, each time a ticket comes
 * back and again when the next one is made: half of what a resumption costs.  The stamp that stands beside it (tls_ticket.c) says all
 * that is asked later.  OpenSSL lets a server choose the cipher that seals its tickets, so the one here leaves the certificate out
 * before it seals with AES-256-CBC; what is opened again is AES-256-CBC as ever.
 */
#ifndef SECURITY_TLS_SLIM_H
#define SECURITY_TLS_SLIM_H

#include <openssl/provider.h>
#include <stdbool.h>
#include <stddef.h>

/* The session in DER, of n bytes, without the certificate, into out of as many bytes.  Bytes written; 0: this is no session. */
size_t tls_slim_session(const unsigned char *der, size_t n, unsigned char *out);

/* The cipher, of a library context that keeps its providers in p. */
struct tls_slim {
	OSSL_PROVIDER *standard, *own;
	EVP_CIPHER *cipher; /* for sealing only */
};
bool tls_slim_init(struct tls_slim *p, OSSL_LIB_CTX *lib);
/* Before the library context is freed. */
void tls_slim_fini(struct tls_slim *p);

#endif
