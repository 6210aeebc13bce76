/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of Enrolment over Secure Transport (RFC 7030 as clarified by RFC 8951): base64 of PKCS#10 in, base64 of a PKCS#7 that
 * holds certificates only out.  Free of sockets, credentials and keys.
 */
#ifndef SECURITY_EST_H
#define SECURITY_EST_H

#include "cse/base/buf.h"
#include "security/cert.h"

enum { EST_BODY_MAX = 16384, EST_CHALLENGE_MAX = 64, EST_CERTS = 32 };

/* What a request says, its proof of possession checked. */
struct est_request {
	struct str der;
	EVP_PKEY *key;           /* the caller's to free */
	unsigned char fingerprint[32];
	struct str challenge;    /* challengePassword; empty: none */
	struct cert_names names; /* subjectAltName that it asks for */
};
/* Texts in the arena.  E_SYNTAX, E_LIMIT, E_DENIED (not signed with its own key): why says what is wrong. */
int est_read_request(struct arena *a, struct str body, struct str sp, struct est_request *out, struct why *why);

/* Appends base64, in lines of 64 characters, of a certs-only PKCS#7 with the certificates of a PEM text. */
int est_put_certs(struct buf *out, struct str pem);
/* The answer to csrattrs: a P-256 key, ecdsa-with-SHA256, and challengePassword for the binding (RFC 7030 3.5, 4.5). */
int est_put_csrattrs(struct buf *out);
#endif
