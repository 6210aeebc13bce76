/* SPDX-License-Identifier: Apache-2.0 */
/* What lies in the store's record tables: credentials, bindings of stems, zones.  One format byte, numbers little-endian,
 * texts with their length; every bound is checked when reading. */
#ifndef SECURITY_RECORD_H
#define SECURITY_RECORD_H

#include "cse/base/buf.h"
#include "security/security.h"

enum {
	CRED_MAX_ID = 64,
	CRED_MAX_NAMES = 256,
	CRED_MAX_NAME = 200,
	CRED_MAX_STEM = 128, /* a record's key */
	CRED_FINGERPRINT = 32,
	RECORD_MAX = 65536,
};

/* c->id is the record's key and not in it. */
void record_pack_cred(const struct cred_info *c, struct buf *out);
/* Texts point into `in`.  0, E_CORRUPT, or E_NEWER for a format of a newer program.  Judges the form only. */
int record_unpack_cred(struct arena *a, struct str id, struct str in, struct cred_info *out);

/* Binding of a stem: the credential's id. */
void record_pack_stem(struct str cred_id, struct buf *out);
int record_unpack_stem(struct str in, struct str *cred_id);

/* Zones: key "zone N", or "conduit N M" (in decimal); the value is the format byte. */
void record_zone_key(uint16_t zone, struct buf *out);
void record_conduit_key(uint16_t from, uint16_t to, struct buf *out);
/* *conduit says which; *to is 0 for a zone. */
int record_read_zone(struct str key, struct str value, bool *conduit, uint16_t *from, uint16_t *to);
void record_pack_zone(struct buf *out);

#endif
