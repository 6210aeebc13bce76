/* SPDX-License-Identifier: Apache-2.0 */
/* m2m:scheduleEntries: the seconds that a <schedule> lets pass.  TS-0004 7.4.9.1, 6.3.5.11. */
#ifndef MODEL_SCHEDULE_H
#define MODEL_SCHEDULE_H

#include "cse/model/rsc.h"
#include "cse/model/value.h"

enum { SCHEDULE_ENTRIES = 64 };

/* scheduleElement (se) as it is written: at least one entry and at most 64, each of seven fields (or six, for test
 * laboratories).  RSC_NONE or BAD_REQUEST; the entry is named by its place. */
enum rsc schedule_check(struct arena *a, const struct val *se, bool six, struct why *w);
/* The first moment (µs since 1970) not before us that an entry holds: us when the schedule lets pass now; INT64_MAX: never
 * again.  An entry that cannot be read holds nothing. */
int64_t schedule_next(struct arena *a, const struct val *se, int64_t us);
/* The schedule lets pass at us: it does so at least until then; INT64_MAX: for ever. */
int64_t schedule_until(struct arena *a, const struct val *se, int64_t us);

#endif
