/* SPDX-License-Identifier: Apache-2.0 */
/* Date and time: m2m:timestamp (YYYYMMDDThhmmss with an optional comma and up to six digits, UTC) and
 * m2m:absRelTimestamp (a timestamp, or milliseconds from now, possibly negative). TS-0004 6.3.3. */
#ifndef MODEL_STAMP_H
#define MODEL_STAMP_H

#include "cse/base/str.h"

enum { STAMP_MAX = 24 };

/* µs since 1970; E_SYNTAX, or E_RANGE for a day or an hour that does not exist.  Years 1970..9999; second 60 refused. */
int stamp_parse(struct str s, int64_t *us);
/* Writes "20261120T101539" and ",123456" when µs are not zero; returns the length (no NUL).  A time before 1970 or after
 * 9999 is written as the nearest that can be. */
size_t stamp_format(int64_t us, char out[STAMP_MAX]);
/* Absolute as it stands; relative is added to now_us.  Overflow: E_RANGE. */
int stamp_absrel(struct str s, int64_t now_us, int64_t *us);
/* xs:duration "PnYnMnDTnHnMnS", also "-P..."; a year counts 365 days, a month 30.  E_SYNTAX or E_RANGE. */
int stamp_duration(struct str s, int64_t *us);

#endif
