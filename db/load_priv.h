/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a store into memory at start. */
#ifndef DB_LOAD_PRIV_H
#define DB_LOAD_PRIV_H

#include "db/tree_priv.h"

struct journal;

/* An empty store without a backing, and its end with all that it has by then. */
struct store *store_make(const struct store_opts *o);
void store_unmake(struct store *s);

/* Resources, then the log; leaves pending and durable state equal and the journal ready to go on. */
int load_store(struct store *s, struct journal *j, struct why *why);

#endif
