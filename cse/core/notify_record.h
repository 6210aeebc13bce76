/* SPDX-License-Identifier: Apache-2.0 */
/* The stored form of a fact. */
#ifndef CORE_NOTIFY_RECORD_H
#define CORE_NOTIFY_RECORD_H

#include "cse/core/fact.h"

void notify_record_write(const struct fact *f, struct buf *out);
/* Every byte is checked.  A new fact without gate, sub and no; 0, E_NEWER or E_CORRUPT. */
int notify_record_read(struct arena *a, struct str row, struct fact **out);

#endif
