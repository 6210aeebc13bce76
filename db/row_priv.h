/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows as they are sealed: a resource with its place in the tree, and a record.  What stands beside a row in clear (row
 * id, parent, type, sequence) is repeated inside, so that a row that was moved or relabelled does not verify.
 */
#ifndef DB_ROW_PRIV_H
#define DB_ROW_PRIV_H

#include "cse/base/buf.h"
#include "cse/model/res.h"

/* Table numbers of the seals. */
enum { SEAL_RES = 1, SEAL_BODY, SEAL_BATCH, SEAL_SNAP, SEAL_REC, SEAL_EVENT, SEAL_META };

/* The part of a row that never changes. */
struct row_head {
	uint16_t zone, rn_n, ri_n;
	char text[]; /* rn, given ri */
};

struct row {
	uint32_t rid, pid;
	uint16_t ty, zone;
	uint64_t seq, st;
	int64_t lt;
	struct str rn, ri; /* ri only when given */
	struct str packed; /* res_unpack */
};

void row_write(struct buf *b, const struct row *r, const struct row_head *h, const struct res *res);
/* Slices point into `in`.  E_CORRUPT, or E_NEWER for a format byte of a newer program. */
int row_read(struct str in, struct row *out);

void row_write_rec(struct buf *b, struct str key, struct str value);
int row_read_rec(struct str in, struct str *key, struct str *value);

enum { REC_KEY_MAX = 128, REC_VALUE_MAX = 4 << 20 };

/* Numbers in seven bits a byte, least first; signed ones zigzag. */
void vi_put(struct buf *b, uint64_t v);
void vi_put_i(struct buf *b, int64_t v);
/* false: cut short, or longer than 64 bits. */
bool vi_get(struct str *in, uint64_t *v);
bool vi_get_i(struct str *in, int64_t *v);
bool vi_get_str(struct str *in, struct str *s);

#endif
