/* SPDX-License-Identifier: Apache-2.0 */
/* One row of the event table: SHA-256 over the hash before it and what follows, then a format byte and the fields. */
#ifndef SECURITY_AUDIT_ROW_H
#define SECURITY_AUDIT_ROW_H

#include "cse/base/buf.h"

enum { AUDIT_HASH = 32, AUDIT_ROW_MAX = 1024, AUDIT_DETAIL_MAX = 160, AUDIT_NAME_MAX = 40, AUDIT_ID_MAX = 64 };

struct audit_row {
	int64_t time_us;      /* wall clock */
	uint32_t n;           /* how many such events the row stands for */
	struct str event;     /* "EV_DENIED" */
	struct str cred;      /* credential id, may be empty */
	struct str detail;
	bool has_who, has_source;
	uint64_t who, source; /* pseudonyms of originator and of source prefix */
};

/* The row behind the hash `prev`, which then becomes the row's own hash. */
void audit_row_pack(const struct audit_row *r, unsigned char prev[AUDIT_HASH], struct buf *out);
/* 0, or E_CORRUPT: not a row, or not the one behind `prev`; then prev is untouched.  E_NEWER: format of a newer program. */
int audit_row_unpack(struct str in, unsigned char prev[AUDIT_HASH], bool check, struct audit_row *out);
/* A JSON object without line end; who: the originator's name when it is revealed, else empty. */
void audit_row_json(const struct audit_row *r, uint64_t seq, struct str who, struct buf *out);
/* First 8 bytes of HMAC-SHA-256. */
uint64_t audit_pseudonym(const unsigned char key[AUDIT_HASH], struct str text);

#endif
