/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as people have them: one column of a CSV text, or a JSON array. */
#ifndef HE_NUMBERS_H
#define HE_NUMBERS_H

#include "he/he.h"

enum { HE_NUMBERS_MOST = 32768, HE_COLUMNS_MOST = 256 };

/*
 * A text that begins with [ is a JSON array of numbers, anything else is CSV: comma, semicolon or tab, quoted fields, any ends of
 * lines, one line of names or none.  A UTF-8 byte order mark is passed over.
 * column: a name or a number from 1 on; NULL when there is only one, and for JSON.  At most `most` finite numbers go to v; how many in *n.
 * E_SYNTAX, E_LIMIT, E_ABSENT (no such column) with a sentence that names the line.
 */
int he_numbers_read(struct str in, const char *column, double *v, size_t most, size_t *n, struct he_why *w);

#endif
