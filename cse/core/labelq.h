/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries on labels of the form key:value (labelsQuery, TS-0004 7.3.3.17.16).
 *
 *     query      = expression { "," expression }             any of them suffices
 *     expression = key | key ":" value | "NT" key | key ("EQ" | "NE") value | key ("IN" | "NI") "(" value { "," value } ")"
 *
 * Words end at white space, a comma or a bracket; what holds one of these stands between double quotes, where \ takes the next
 * character as it is.  Operators are written in capitals; a key that looks like one is quoted.
 */
#ifndef CORE_LABELQ_H
#define CORE_LABELQ_H

#include "cse/model/prim.h"

/* Bounds: bytes of a query, expressions, values in all. */
enum { LABELQ_BYTES = 4096, LABELQ_EXPRESSIONS = 64, LABELQ_VALUES = 256 };

struct labelq;
/* In the arena, pointing into `text`.  BAD_REQUEST: why names the expression. */
enum rsc labelq_parse(struct arena *a, struct str text, struct labelq **out, struct why *w);
bool labelq_match(const struct labelq *q, const struct strs *labels);

#endif
