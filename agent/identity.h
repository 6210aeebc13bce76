/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who this device is: its key (through the keystore), its certificate chain, whom it trusts, and the renewal that goes on by
 * itself.  State folder of mode 0700: key (sealed), certificates, CA, generation, what the CSE is called.
 */
#ifndef AGENT_IDENTITY_H
#define AGENT_IDENTITY_H

#include <openssl/ssl.h>

#include "agent/agent.h"

/* E_ABSENT: not enrolled yet. */
int identity_open(struct agent *a, struct identity **out, struct why *why);
void identity_close(struct identity *id);
/* A client-side SSL that shows the device's certificate and will trust the CSE only; NULL when memory is short.  The contexts
 * change with a renewal; connections keep theirs. */
SSL *identity_connect(struct identity *id);
/* A server-side SSL for notifications: shows the device's certificate, requires one. */
SSL *identity_accept(struct identity *id);
/* After the handshake: is the peer the CSE that we enrolled at (its CSE-ID in its certificate)? */
bool identity_is_cse(struct identity *id, SSL *ssl);
/* AE-ID stems of the certificate. */
const struct strs *identity_names(const struct identity *id);
const struct addr_self *identity_cse(const struct identity *id);
/* µs: begin and end of the certificate in use. */
void identity_life(const struct identity *id, int64_t *from, int64_t *until);

#endif
