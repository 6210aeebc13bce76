/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Onboarding as a state machine (security-model 2): added -> code out -> enrolled -> active; suspended, locked, revoked,
 * expired.  Codes, generations, renewal, clone detection.  Certificates are made by ca.h, states are kept by security.h
 * (cred_put, cred_apply); this file knows the rules between them.
 *
 * A device is a credential with a name for people.  It begins without a key (added, code out); enrolment gives it its first
 * key and generation 1, its first accepted use makes it active.  A renewal makes the next generation, which waits beside the
 * present one until it is used; then the present one is over.
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
	struct stats *stats; /* may be NULL */
	struct addr_self self;
};
/* After security_attach. */
int enrol_new(const struct enrol_opts *o, struct enrol **out, struct why *why);
/* Takes over enrol.* and security.certificate_life.  Thread-safe. */
void enrol_reload(struct enrol *e, struct conf *c);
/* After the loops have stopped and the store is flushed. */
void enrol_free(struct enrol *e);
/* Once a second: codes end, lives are looked at. */
void enrol_tick(struct enrol *e);

/* --- codes: for the administrator's side --------------------------------------------------------------------------- */

/* A device is put (cred_put) and a code of it (enrol_code_put) in one TX_WRITE; enrol_code_apply once it is durable. */
struct enrol_code {
	struct str id;            /* of the credential; must live until it is applied */
	int64_t ends;             /* µs */
	int64_t life_us;          /* of the device's certificates; 0: security.certificate_life */
	struct code code;
};
/* Makes the code; life 0: enrol.code_life. */
void enrol_code_make(struct enrol *e, struct str id, int64_t code_life_us, int64_t cert_life_us, struct enrol_code *out);
/* E_AGAIN: a request of the device is under way.  Otherwise enrol_code_apply or enrol_code_drop is due. */
int enrol_code_put(struct enrol *e, struct tx *tx, const struct enrol_code *c);
/* The code before, if there was one, is good no more. */
void enrol_code_apply(struct enrol *e, const struct enrol_code *c);
/* Nothing of it happened. */
void enrol_code_drop(struct enrol *e, const struct enrol_code *c);
/* The code of a credential that gets another key opens nothing any more.  1: with that TX_WRITE, enrol_code_ended or enrol_code_drop
 * (its id is enough) is due; 0: there is none; E_AGAIN as above. */
int enrol_code_end(struct enrol *e, struct tx *tx, struct str id);
void enrol_code_ended(struct enrol *e, struct str id);
/* What a new code makes of a device: one that could speak goes on until the code is used, any other waits for it without a key. */
void enrol_code_state(struct cred_info *c, int64_t now_us);
/* When the unused code of a credential ends (µs), 0: none is out. */
int64_t enrol_code_ends(struct enrol *e, struct str id);
/* A renewed certificate waits to be used. */
bool enrol_is_renewing(struct enrol *e, struct str id);

/* --- the TLS side ----------------------------------------------------------------------------------------------------- */

/* The PSK of a handle (an unknown one gets a key from HMAC(secret, handle), so that it fails as a wrong key does).
 * Thread-safe.  *known says whether a code is behind it: one that may be used, or whose answer may be asked for again. */
void enrol_psk(struct enrol *e, struct str handle, unsigned char psk[CODE_PSK], bool *known);

/* A handshake with the key of a generation was accepted: the first of a new generation ends the one before; one of a superseded
 * generation is a clone event.  subject_id and generation: what the certificate says (cert_subject), may be empty.  0, or
 * E_DENIED.  Any loop. */
int enrol_used(struct enrol *e, struct str fingerprint, struct str subject_id, uint32_t generation, const struct ipaddr *from);
/* May a certificate that has ended since not_after ask for the next one (an active credential, enrol.grace)?  Thread-safe. */
bool enrol_in_grace(struct enrol *e, struct str fingerprint, int64_t not_after_us);

/* --- EST ----------------------------------------------------------------------------------------------------------- */

/* EST requests (RFC 7030), from a code's session or from a device's certificate.  `exporter`: base64 of 32 bytes of the
 * session's "EXPORTER-Channel-Binding" (RFC 9266), which the request's challengePassword must carry.  Answers on the caller's
 * loop, when all is durable: done(arg, status, content type, body).  The body of 200 is base64; else one sentence. */
struct est_ask {
	enum est_op { EST_CACERTS, EST_CSRATTRS, EST_ENROL, EST_REENROLL } op;
	struct str handle;            /* of the code's session; empty: a certificate was proved */
	struct str fingerprint;       /* of the certificate's key; also of an expired one in its grace time */
	struct ipaddr from;
	char exporter[64];
	struct str body;              /* as it came: base64 of PKCS#10 */
	struct loop *loop;
	void (*done)(void *arg, unsigned status, const char *content_type, struct str body);
	void *arg;
};
/* What q holds is copied. */
void enrol_est(struct enrol *e, const struct est_ask *q);

#endif
