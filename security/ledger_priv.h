/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file `ledger` of the state folder.  Numbers are little-endian.
 *
 *   head    8 bytes "trothlg\n", u32 version (1), u64 place, u16 n, n bytes of wrapped key, tag
 *   record  u8 kind, u64 number, u64 value, u8 n, n bytes of key, tag
 *
 * The place is made of the inode number and the time at which the file system made the file: a copy has another one.  A tag is
 * the first 16 bytes of HMAC-SHA-256 over the tag before it and the bytes since; so no record can be taken out of the middle.  What a crash tore off the end was never acknowledged.
 */
#ifndef SECURITY_LEDGER_PRIV_H
#define SECURITY_LEDGER_PRIV_H

#include <sys/types.h>

#include "cse/base/buf.h"
#include "security/ledger.h"

enum {
	LEDGER_TAG = 16,
	LEDGER_SECRET = 32,
	LEDGER_WRAPPED_MAX = 512,
	LEDGER_BYTES_MAX = 256 << 20,
	LEDGER_ROOM = 64 << 10,     /* kept free on the disk behind the end: a revocation must find room on a full one */
	LEDGER_RECORD_MAX = 18 + LEDGER_KEY_MAX + LEDGER_TAG,
};

/* A record, its text borrowed from the image. */
struct ledger_fact {
	enum ledger_kind kind;
	uint64_t seq, value;
	struct str key;
};

/* The head: its wrapped key and place, and where records begin.  E_CORRUPT, E_NEWER. */
int ledger_head_read(struct str image, struct str *wrapped, uint64_t *place, size_t *at, struct why *why);
void ledger_head_pack(struct buf *out, uint64_t place, struct str wrapped, const unsigned char key[LEDGER_SECRET],
                      unsigned char tag[LEDGER_TAG]);
/* Is the tag that ends the head right?  Then it is copied out. */
bool ledger_head_check(struct str image, size_t at, const unsigned char key[LEDGER_SECRET], unsigned char tag[LEDGER_TAG]);
/* A record without its tag. */
void ledger_fact_lay(struct buf *out, const struct ledger_fact *f);
/* Copies the first of such records and tags it; tag: of what is before, then its own.  How long it was. */
size_t ledger_fact_tag(struct buf *out, struct str laid, const unsigned char key[LEDGER_SECRET], unsigned char tag[LEDGER_TAG]);
/* The record that `rest` begins with: its length, 0 when it is none or does not verify behind `tag`. */
size_t ledger_fact_read(struct str rest, const unsigned char key[LEDGER_SECRET], unsigned char tag[LEDGER_TAG],
                        struct ledger_fact *out);
/* Where a file is, so that a copy shows. */
int ledger_place(int fd, uint64_t *out);

#endif
