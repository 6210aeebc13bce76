/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who this device is: its key (through the keystore), its certificate chain, whom it trusts, and the renewal that goes on by
 * itself.  State folder of mode 0700: key (sealed), certificates, CA, generation, what the CSE is called.
 */
#ifndef AGENT_IDENTITY_H
#define AGENT_IDENTITY_H

#include <openssl/ssl.h>

#include "agent/agent.h"

struct strs;

/* Are the options such that identity_open could use them?  E_CONF with a sentence. */
int identity_check(const struct conf *c, struct why *why);
/* Reads the state folder and keeps the certificate alive from then on.  E_ABSENT: not enrolled yet. */
int identity_open(struct agent *a, struct identity **out, struct why *why);
void identity_close(struct identity *id);
/* A client-side SSL that shows the device's certificate and will trust the CSE only; NULL when memory is short.  The contexts
 * change with a renewal; connections keep theirs.  NULL also when the certificate has ended. */
SSL *identity_connect(struct identity *id);
/* A server-side SSL for notifications: shows the device's certificate, requires one. */
SSL *identity_accept(struct identity *id);
/* After the handshake, on either side: is the peer the CSE that we enrolled at (its CSE-ID in its certificate), by an issuing CA
 * of the list that it gave us last? */
bool identity_is_cse(struct identity *id, SSL *ssl);
/* When a connection to that peer ends with its certificate (security-model 3.1), on the loop's clock; a code's session has none: INT64_MAX. */
int64_t identity_peer_ends_ns(const struct agent *a, SSL *ssl);
/* Is it of an issuing CA of that list? */
bool identity_is_known(struct identity *id, SSL *ssl);
/* Fetches the list anew, soon: what our anchor vouches for is taken over, what is not on it any more is trusted no more. */
void identity_refresh(struct identity *id);
/* AE-ID stems of the certificate. */
const struct strs *identity_names(const struct identity *id);
const struct addr_self *identity_cse(const struct identity *id);
/* µs: when the certificate in use came, and its end. */
void identity_life(const struct identity *id, int64_t *from, int64_t *until);
/* The certificate has ended: nothing may be carried. */
bool identity_has_ended(const struct identity *id);
uint64_t identity_generation(const struct identity *id);
/* Where the CSE is: of the configuration or of the enrolment. */
struct str identity_host(const struct identity *id);
unsigned identity_port(const struct identity *id);

/* Renews now, without waiting for half of its life.  done (may be NULL) hears how the running or next attempt ends: fault NULL is
 * success; one at a time, the one before hears that another asks. */
void identity_renew(struct identity *id, void (*done)(void *arg, const char *fault), void *arg);
/* Who asked for it with that arg hears nothing any more. */
void identity_leave(struct identity *id, const void *arg);
/* Shows the certificate to the CSE once, on a connection of its own: does it take it?  fault NULL: yes. */
void identity_try(struct identity *id, void (*done)(void *arg, const char *fault), void *arg);
/* Sentence why the last attempt to renew failed; "" when it did not.  *next_us: when the next one is due. */
const char *identity_fault(const struct identity *id, int64_t *next_us);

#endif
