/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A resource's own content: type and attributes, without what the tree keeps (AF_NODE: ty ri pi rn lt st cni cbs).
 * ct and et are in `o` as K_STAMP.  Immutable once kept; an UPDATE makes a new one.
 */
#ifndef MODEL_RES_H
#define MODEL_RES_H

#include <stdatomic.h>

#include "cse/base/buf.h"
#include "cse/model/type.h"

#define RES_MAGIC 0x7265730au
struct res {
	uint32_t magic;
	_Atomic uint32_t refs; /* 0: lives in an arena, is never freed singly */
	const struct type *type;
	struct obj o;
	size_t bytes; /* of the kept block, 0 in an arena */
};

struct res *res_new(struct arena *a, const struct type *t, uint32_t cap);
/* One heap block with a deep copy and one reference: outlives the request. */
struct res *res_keep(const struct res *r);
/* What it takes, in bytes. */
size_t res_room(const struct res *r);
/* The same in *block, which malloc gave and which has n bytes: it becomes the copy and *block NULL, unless it is too small or
 * more than twice what is needed; then as res_keep. */
struct res *res_keep_in(const struct res *r, void **block, size_t n);
/* Counted; no-ops on a resource in an arena.  Thread-safe. */
struct res *res_ref(const struct res *r);
void res_unref(const struct res *r);
/* Shallow copy in the arena that may be changed (values are shared). */
struct res *res_edit(struct arena *a, const struct res *r);

static inline const struct val *res_get(const struct res *r, const struct attr *at) { return obj_get(&r->o, at); }
static inline const struct val *res_find(const struct res *r, const char *sn) { return obj_find(&r->o, sn); }
/* Number or default. */
uint64_t res_uint(const struct res *r, const char *sn, uint64_t absent);
bool res_bool(const struct res *r, const char *sn, bool absent);
struct str res_str(const struct res *r, const char *sn);
int64_t res_stamp(const struct res *r, const struct attr *at, int64_t absent);

/*
 * The packed form, in which rows and bodies are stored (doc/design/packed.md): format byte, type number, members by
 * short name.  Independent of the order of tables, so that a newer program reads what an older one wrote.  A member
 * that this program does not know makes the row E_CORRUPT: nothing is dropped silently.
 */
void res_pack(const struct res *r, struct buf *out);
/* Every byte is checked: hard bounds on size, depth and count; E_CORRUPT, E_NEWER (format byte) or 0.
 * Text in the result points into `row` (which must live as long). */
int res_unpack(struct arena *a, struct str row, struct res **out);
/* The same for a value of any root element ("m2m:uri", "m2m:cin" with what the tree keeps), for records. */
void res_pack_root(const struct attr *root, const struct val *v, struct buf *out);
int res_unpack_root(struct arena *a, struct str row, const struct attr **root, struct val *v);

#endif
