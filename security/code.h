/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-time enrolment codes (security-model 2.1): 130 random bits as 26 base32 characters with a checksum of two, and what
 * both ends derive from them for the TLS 1.3 handshake.  The text alone holds the secret; the handle that goes over the wire
 * is derived from it and tells nothing.
 */
#ifndef SECURITY_CODE_H
#define SECURITY_CODE_H

#include "cse/base/str.h"
#include "cse/model/rsc.h"

struct rnd;

enum {
	CODE_SECRET = 17,     /* bytes; of the last one two bits */
	CODE_CHARS = 28,      /* 26 and the checksum */
	CODE_TEXT = 28 + 6,   /* in groups of four, with hyphens */
	CODE_HANDLE = 32,     /* hexadecimal characters: the PSK identity */
	CODE_PSK = 48,        /* bytes, for TLS_AES_256_GCM_SHA384 */
	CODE_URL = 512,
};

struct code {
	unsigned char secret[CODE_SECRET];
};
void code_make(struct rnd *rnd, struct code *out);
void code_wipe(struct code *c);
/* Hyphens, blanks and case do not matter; 0, 1 and 8 are read as O, I and B.  E_SYNTAX: not a code, or mistyped (checksum). */
int code_parse(struct str text, struct code *out, struct why *why);
void code_format(const struct code *c, char out[CODE_TEXT + 1]);
/* PSK identity: HKDF(secret, "handle"), in hexadecimal. */
int code_handle(const struct code *c, char out[CODE_HANDLE + 1]);
/* HKDF(secret, role, CSE-ID, handle).  role: "est". */
int code_psk(const struct code *c, struct str role, struct str cse_id, unsigned char psk[CODE_PSK]);

/* What a device needs beside the code: troth-enrol://HOST:PORT/CSE-ID-WITHOUT-SLASH#CODE, the form of files and QR codes. */
struct code_offer {
	char host[256];
	unsigned port;
	char cse_id[65];      /* "/id-in" */
	struct code code;
};
/* An URL, or a code alone (then host, port and cse_id are left as they are: the caller's defaults). */
int code_offer_parse(struct str text, struct code_offer *io, struct why *why);
int code_offer_format(const struct code_offer *o, char out[CODE_URL]);

#endif
