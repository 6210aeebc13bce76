/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS room from the inside: what the loops have, what server and client contexts have in common. */
#ifndef SECURITY_TLS_PRIV_H
#define SECURITY_TLS_PRIV_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "security/tls.h"
#include "security/tls_ticket.h"

/* app_data of the server contexts of this loop. */
struct tls_loop {
	OSSL_LIB_CTX *lib;
	struct tls *tls;
	struct tls_ticket_lane tickets;
	pthread_mutex_t lock; /* a renewal swaps them while the loop takes a reference */
	SSL_CTX *ctx, *client; /* immutable */
};

#define TLS_MAGIC 0x746c7331u
struct tls {
	uint32_t magic;
	struct ca *ca;
	struct security *sec;
	struct tls_tickets *tickets;
	pthread_mutex_t renewing; /* one at a time: the later one must not be overwritten by the earlier */
	_Atomic(const char *) refusing; /* what has ended; NULL: nothing */
	struct enrol *enrol; /* NULL: no codes, no grace */
	unsigned n;
	struct tls_loop loop[];
};

/* Versions, suites, curves, options, bounds, verification: security-model 3.1.  `partial`: the anchor is no root.
 * false: this OpenSSL refuses one of them. */
int tls_harden(SSL_CTX *ctx, int partial);
/* tls_psk.c: the server's side takes enrolment codes, and certificates in their grace time. */
void tls_psk_use(SSL_CTX *ctx);
/* The certificate was let through although it has ended. */
bool tls_is_ended(const SSL *ssl);
/* Flags and depth under which chains are verified, here and at the CA's start. */
int tls_verify_param(X509_VERIFY_PARAM *param, int partial);

#endif
