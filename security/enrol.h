/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Onboarding as a state machine (security-model 2): added -> code out -> enrolled -> active; suspended, locked, revoked,
 * expired.  Codes, generations, renewal, clone detection.  Certificates are made by ca.h, states are kept by security.h
 * (cred_put, cred_apply); this file knows the rules between them.
 *
 * A device is a credential with a name for people.  It begins without a key (added, code out); enrolment gives it its first
 * key and generation 1, its first accepted use makes it active.
 */
#ifndef SECURITY_ENROL_H
#define SECURITY_ENROL_H

#include "security/ca.h"
#include "security/code.h"
#include "security/security.h"

struct enrol;
struct enrol_opts {
	struct security *security;
	struct store *store;
	struct ca *ca;
	struct conf *conf;
	struct clock *clock;
	struct rnd *rnd;
	struct log *log;
	struct addr_self self;
};
int enrol_new(const struct enrol_opts *o, struct enrol **out, struct why *why);
void enrol_reload(struct enrol *e, struct conf *c);
void enrol_free(struct enrol *e);

/* The TLS side: the PSK of a handle (an unknown one gets a key from HMAC(secret, handle), so that it fails as a wrong key
 * does).  Thread-safe.  *known says whether a code is behind it. */
void enrol_psk(struct enrol *e, struct str handle, unsigned char psk[CODE_PSK], bool *known);

/* EST requests (RFC 7030), from a code's session or from a device's certificate.  `exporter`: base64 of 32 bytes of the
 * session's "EXPORTER-Channel-Binding" (RFC 9266), which the request's challengePassword must carry.  Answers on the caller's
 * loop, when all is durable: done(arg, status, content type, body). */
struct est_ask {
	enum est_op { EST_CACERTS, EST_CSRATTRS, EST_ENROL, EST_REENROL } op;
	struct str handle;            /* of the code's session; empty: a certificate was proved */
	const struct peer *peer;      /* of the certificate, else NULL */
	struct str fingerprint;       /* of the certificate's key; also of an expired one in its grace time */
	struct ipaddr from;
	char exporter[48];
	struct str body;              /* as it came: base64 of PKCS#10 */
	struct loop *loop;
	void (*done)(void *arg, unsigned status, const char *content_type, struct str body);
	void *arg;
};
void enrol_est(struct enrol *e, const struct est_ask *q);

/* A handshake with the key of a generation was accepted: the first of a new generation ends the one before; one of a superseded
 * generation is a clone event and E_DENIED. */
int enrol_used(struct enrol *e, struct str fingerprint, const struct ipaddr *from);

#endif
