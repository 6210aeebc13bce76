/* SPDX-License-Identifier: Apache-2.0 */
/* The stored form of a fact. */
#ifndef CORE_NOTIFY_RECORD_H
#define CORE_NOTIFY_RECORD_H

#include "cse/core/fact.h"

void notify_record_write(const struct fact *f, struct buf *out);
/* Every byte is checked.  A new fact without gate, sub and no; 0, E_NEWER or E_CORRUPT. */
int notify_record_read(struct arena *a, struct str row, struct fact **out);

/* What a subscription that is gone has still to say, with all that it is said by. */
struct notify_last {
	const struct res *sub, *watched; /* watched: with a fact only */
	struct str path, ri;             /* of the subscription */
	struct fact *fact;               /* NULL: the notice of its end */
};
void notify_record_write_last(const struct notify_last *w, struct buf *out);
/* false: it is a fact. */
bool notify_record_is_last(struct str row);
/* As notify_record_read; contents in the arena, texts in the row. */
int notify_record_read_last(struct arena *a, struct str row, struct notify_last *out);

#endif
