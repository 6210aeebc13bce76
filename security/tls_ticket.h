/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets of TLS 1.3 (security-model 3.1): one names credential and generation, is given after the credential was accepted and
 * looked up again when it comes back.  It is good for an hour after the certificate was proved, never past the certificate's
 * end; what it was made of is gone then: keys are shared by all loops, in memory only, an hour in use, and dropped when the CA or
 * a policy changes.  A ticket that is not taken leads to a full handshake, where the certificate decides.
 */
#ifndef SECURITY_TLS_TICKET_H
#define SECURITY_TLS_TICKET_H

#include <openssl/ssl.h>

#include "security/security.h"
#include "security/tls_slim.h"

struct tls_tickets;
/* sec NULL: none are given. */
struct tls_tickets *tls_ticket_new(struct clock *clock, struct rnd *rnd, struct security *sec);
void tls_ticket_free(struct tls_tickets *t);

/* Makes a server context give and take tickets.  lane outlives it; its fields are the caller's to fetch and free. */
struct tls_ticket_lane {
	struct tls_tickets *tickets;
	EVP_CIPHER *aes; /* AES-256-CBC of the loop's library context */
	struct tls_slim slim;
};
bool tls_ticket_use(SSL_CTX *ctx, struct tls_ticket_lane *lane);

/* After the handshake of a peer whose credential was accepted, on the server's side: a ticket leaves with the next bytes. */
void tls_ticket_offer(struct tls_tickets *t, SSL *ssl, struct str fingerprint);
/* Who came back with a ticket shows no certificate; what it was given for: the key's fingerprint, when its certificate ends.  false: the
 * peer did not come so. */
bool tls_ticket_of(SSL *ssl, unsigned char fingerprint[32], int64_t *not_after_us);
/* All tickets that were given are worth nothing from now on.  Thread-safe. */
void tls_ticket_drop(struct tls_tickets *t);
/* Once a second: keys whose time is over are wiped.  Keys that came into use since the last call. */
unsigned tls_ticket_tick(struct tls_tickets *t);

#endif
