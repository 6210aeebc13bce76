/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a store into memory at start. */
#ifndef DB_LOAD_PRIV_H
#define DB_LOAD_PRIV_H

#include "db/tree_priv.h"

struct journal;

/* Resources, then the log; leaves pending and durable state equal and the journal ready to go on. */
int load_store(struct store *s, struct journal *j, struct why *why);

#endif
