/* SPDX-License-Identifier: Apache-2.0 */
/* The device's side of EST (RFC 7030): fetch whom to trust, ask for a certificate, on one session that both are bound to. */
#ifndef AGENT_EST_H
#define AGENT_EST_H

#include <openssl/ssl.h>

#include "agent/line.h"

struct est;
struct est_opts {
	struct agent *agent;
	struct str host;
	unsigned port;
	SSL *(*ssl)(void *arg);
	const char *(*prove)(void *arg, SSL *ssl);
	void *arg;
	const char *unable, *refused, *closed; /* as in line.h */
};
int est_new(const struct est_opts *o, struct est **out, struct why *why);
/* Not from within a callback of the loop. */
void est_free(struct est *e);

/* What came of it; the certificates are the receiver's. */
struct est_result {
	int err;                  /* E_DENIED: the CSE says no; E_CLOSED, E_TIMEOUT: try again later; E_SYNTAX ... */
	unsigned status;          /* of the answer that says no */
	const char *text;         /* a sentence, borrowed */
	STACK_OF(X509) *ca;       /* of /cacerts */
	X509 *leaf;               /* of /simpleenroll or /simplereenroll; NULL when only cacerts were asked for */
};
typedef void est_fn(void *arg, struct est_result *r);
/* cacerts, then the certificate for `key` (referenced); one at a time.  old: the certificate that is renewed (simplereenroll), NULL:
 * simpleenroll.  key NULL: cacerts only.  done is not called from within. */
void est_begin(struct est *e, EVP_PKEY *key, const X509 *old, est_fn *done);
bool est_busy(const struct est *e);

#endif
