/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sealed file of a backup: named entries behind one another, in chunks of AES-256-GCM under a key of the archive's own
 * that is wrapped by the keystore.  Who has no keystore reads nothing of it but its length.
 *
 *   head    8 bytes "trothbk\n", u32 version (1), u16 n, n bytes of wrapped key
 *   chunk   u32 n (the highest bit: it is the last), n bytes sealed, 16 bytes tag; nonce: its number, from 0; n and head are
 *           authenticated with it
 *   inside  u16 n, n bytes of name, u64 size, the bytes; a name of no length ends it
 *
 * Numbers are little-endian.
 */
#ifndef SECURITY_ARCHIVE_H
#define SECURITY_ARCHIVE_H

#include "cse/base/buf.h"
#include "cse/model/rsc.h"

struct keystore;
struct rnd;

enum { ARCHIVE_CHUNK = 64 << 10, ARCHIVE_NAME = 64, ARCHIVE_HEAD_MAX = 8 + 4 + 2 + 512 };

/* --- writing ------------------------------------------------------------------------------------------------------- */

struct archive;
/* Into fd, from its beginning; what it is called in sentences.  The descriptor stays the caller's. */
int archive_new(int fd, struct keystore *ks, struct rnd *rnd, struct archive **out, struct why *why);
/* An entry of exactly `size` bytes, which follow by archive_put. */
int archive_entry(struct archive *a, struct str name, uint64_t size);
int archive_put(struct archive *a, const void *p, size_t n);
/* The last chunk; not synced.  E_FULL, E_IO of any write so far. */
int archive_end(struct archive *a);
uint64_t archive_bytes(const struct archive *a);
void archive_free(struct archive *a);

/* --- reading ------------------------------------------------------------------------------------------------------- */

/* Told of what is in it, in order; anything but 0 ends the reading.  Names are as archive_name_is_good says. */
struct archive_reader {
	int (*entry)(void *arg, struct str name, uint64_t size);
	int (*bytes)(void *arg, struct str piece);
	void *arg;
};
/* 0: read to its end and whole.  E_CORRUPT: it is damaged, cut off or was sealed by another keystore; E_NEWER; E_IO. */
int archive_read(int fd, struct keystore *ks, const struct archive_reader *r, struct why *why);
/* Small letters, digits, dots, hyphens, and one slash at most; not beginning with a dot on either side of it. */
bool archive_name_is_good(struct str name);

/* What is inside, in pieces of any length: the fuzz target's entry. */
struct archive_inside {
	const struct archive_reader *r;
	unsigned state, have;
	unsigned char head[2 + ARCHIVE_NAME + 8];
	uint64_t left;  /* of the entry */
};
int archive_inside(struct archive_inside *in, struct str piece);
bool archive_inside_is_whole(const struct archive_inside *in);

#endif
