/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS contexts for all bindings: TLS 1.3 (1.2 only with ECDHE and AEAD), client certificate required, no 0-RTT, no
 * renegotiation, no post-handshake authentication; tickets by the rule of tls_ticket.h.  One OSSL_LIB_CTX and SSL_CTX per
 * loop; contexts are immutable, counted and swapped.
 */
#ifndef SECURITY_TLS_H
#define SECURITY_TLS_H

#include <openssl/ssl.h>

#include "security/ca.h"
#include "security/code.h"

struct tls;
struct enrol;
int tls_new(struct ca *ca, struct security *sec, unsigned n_loops, struct tls **out, struct why *why);
/* New certificates: makes new contexts; connections keep theirs.  Thread-safe. */
int tls_renew(struct tls *t, struct why *why);
void tls_free(struct tls *t);
/* A policy has changed: whoever comes back proves its key again.  Thread-safe. */
void tls_drop_tickets(struct tls *t);
/* Once a second, on any one thread.  Keys for tickets that came into use since the last call. */
unsigned tls_tick(struct tls *t);
/* Something that all connections rest on has ended (a constant text; NULL: no more): connections are to be closed, new ones are
 * refused.  Thread-safe. */
void tls_refuse_all(struct tls *t, const char *what);
const char *tls_refuses(const struct tls *t);
/* When the peer's certificate ends, in the time of clock_mono_ns; INT64_MAX: it showed none. */
int64_t tls_ends_ns(const struct tls *t, SSL *ssl);

/* A server-side SSL of loop i, without a descriptor yet; NULL when memory is short.  Loop i's thread only. */
SSL *tls_accept(struct tls *t, unsigned loop);
/* Told of a handshake that failed, before the error queue is cleared: records the event, returns the reason for the log
 * (a constant text without anything that the peer sent). */
const char *tls_refused(struct tls *t, SSL *ssl, const struct ipaddr *from);
/* After the handshake: the peer of this connection (security.h peer_of_certificate).  E_DENIED: close.  Who was accepted by the
 * server's side gets a ticket with the next bytes (tls_ticket.h). */
int tls_peer(struct tls *t, SSL *ssl, const struct ipaddr *from, struct peer **out);

/* Before service: who knows enrolment codes and generations. */
void tls_use_enrol(struct tls *t, struct enrol *e);
/* Did this session prove an enrolment code?  Then its handle. */
bool tls_code(SSL *ssl, char handle[CODE_HANDLE + 1]);

/* A client-side SSL of loop i that shows the CSE's own certificate and trusts what its server side trusts.  name: the
 * host's, for SNI; empty: none.  Who the peer is, the caller finds out by tls_peer or tls_names.  Loop i's thread only. */
SSL *tls_connect(struct tls *t, unsigned loop, struct str name);
/* Does the peer's verified certificate carry one of these: an AE-ID stem, a CSE-ID ("/mn1"), a host name or an address? */
bool tls_names(struct tls *t, SSL *ssl, const struct strs *names);
/* Was the peer's certificate issued for a credential of this CSE?  Then what that is now counts, too: tls_peer. */
bool tls_is_credentials(SSL *ssl);

/*
 * Client side, for our own tools, benches and the agent: trusts the certificates of ca_file only, shows cert_file (a chain)
 * with key_file.  Same versions, suites and verification as the server's side.  The caller sets the name that it expects
 * (SSL_set1_host) on each SSL and frees the context.
 */
int tls_client_new(const char *ca_file, const char *cert_file, const char *key_file, SSL_CTX **out, struct why *why);

/* SHA-256 of the certificate's public key info. */
int cert_fingerprint(const X509 *x, unsigned char out[32]);

#endif
