/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file `datakeys` of the state folder: every data key that ever sealed something, wrapped, in order of number.
 * The last record is the key in use.  It is not compacted: each start records an event, the event table loses no row, and the
 * row that says "started" is sealed with the key of that start, so that every key is needed; beside that row its 74 bytes weigh
 * little.  Only a key that never sealed anything is taken back, when a start ends before its first row.
 *
 *   head    8 bytes "trothdk\n", u32 version (1)
 *   record  u32 number (1, 2, 3 ..), u16 n, n bytes of wrapped key, u64 checksum over the record so far
 *
 * Numbers are little-endian.  The checksum tells a write that a crash cut off from damage; the wrapping alone protects.
 */
#ifndef SECURITY_DATAKEYS_H
#define SECURITY_DATAKEYS_H

#include "cse/base/buf.h"
#include "cse/model/rsc.h"

enum {
	DATAKEYS_HEAD = 12,
	DATAKEYS_WRAPPED_MAX = 512,         /* a wrapped key of any keystore */
	DATAKEYS_BYTES_MAX = 128 << 20,     /* more than a million starts */
};

/* The file as it was read, and where its records are. */
struct datakeys {
	struct buf image;  /* whole records only */
	uint32_t *at;      /* at[i]: offset of the record of key i + 1 */
	uint32_t n, cap;
	int fd;            /* locked against a second process; -1: in memory only */
	char *dir;         /* NULL: in memory only */
	bool failed;       /* an append failed half-way: no more of them */
};

/* In memory only. */
void datakeys_init(struct datakeys *d);
/* Opens or makes the file in `dir` (mode 0600), cuts off a record that a crash left unfinished.
 * E_CORRUPT, E_NEWER, E_LIMIT, E_IO; E_EXISTS: another process has it open. */
int datakeys_open(struct datakeys *d, const char *dir, struct why *why);
void datakeys_fini(struct datakeys *d);

/* Reads an image of n bytes: records into d->at.  An unfinished or damaged last record is left out and *whole says how many
 * bytes are good; damage before it is E_CORRUPT.  The fuzz target's entry. */
int datakeys_parse(struct datakeys *d, struct str image, size_t *whole, struct why *why);
/* The wrapped key `number`; empty when there is none.  Borrowed until the next append. */
struct str datakeys_get(const struct datakeys *d, uint32_t number);
/* Appends the next number and syncs file and folder: 0 and *number, or E_IO, E_FULL, E_LIMIT and nothing was added. */
int datakeys_append(struct datakeys *d, struct str wrapped, uint32_t *number, struct why *why);
/* Takes the last record back: its key has never sealed anything, and never will.  What fails leaves it there. */
void datakeys_drop(struct datakeys *d);

#endif
