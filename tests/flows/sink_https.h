/* SPDX-License-Identifier: Apache-2.0 */
/* A notification target over the network: an HTTPS server of the test's own in a thread of its own, which proves by
 * mutual TLS 1.3 whose it is and reads TS-0009 from the server's side. */
#ifndef FLOWS_SINK_HTTPS_H
#define FLOWS_SINK_HTTPS_H

#include <openssl/ssl.h>

#include "cse/base/clock.h"
#include "tests/flows/ts0009.h"
#include "tests/flows/way.h"

struct sink_https;

/* Listens on a port of its own on 127.0.0.1.  ctx shows the owner's certificate and trusts the CSE's CA; it is taken.
 * cse_name: dNSName that a caller's certificate must have.  NULL and a sentence. */
struct sink_https *sink_https_new(SSL_CTX *ctx, struct clock *clock, const char *cse_name, struct fail *f);
void sink_https_free(struct sink_https *s);
unsigned sink_https_port(const struct sink_https *s);
int sink_https_set(struct sink_https *s, enum sink_mood mood, long rsc, struct fail *f);
/* The oldest request that has come (new reference), waiting at most so long; NULL: none.  A sentence in f when it violates
 * the protocol. */
json_t *sink_https_take(struct sink_https *s, int wait_ms, struct fail *f);
/* Requests that it leaves without an answer at present. */
unsigned sink_https_hanging(struct sink_https *s);

#endif
