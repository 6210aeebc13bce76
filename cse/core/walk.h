/* SPDX-License-Identifier: Apache-2.0 */
/* Children and descendants for rcn 4, 5, 6, 8 and discovery: collected in slices, each in a tx of its own. */
#ifndef CORE_WALK_H
#define CORE_WALK_H

#include "cse/core/gate_priv.h"

/* Does this request need descendants at all? */
bool walk_wanted(const struct request *r);
bool walk_is_discovery(const struct request *r);
bool walk_is_done(const struct request *r);
/* One slice from where the last one ended, in r->tx, which it ends.  STEP_NEXT: all is collected. */
enum step_result walk_slice(struct request *r);
/* For the next tx: while a walk goes on, memory that is gone after the slice. */
struct arena *walk_arena(struct request *r);
/* Something was left out for a limit: the offset to go on with, else 0. */
uint64_t walk_rest(const struct request *r);
void walk_free(struct request *r);

/* gather.c: what has been collected, put into the shown resource (nested children, or "ch"), or a discovery's list. */
void walk_into(struct request *r, struct obj *o);
struct val walk_list(struct request *r);

#endif
