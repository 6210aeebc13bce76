/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries on the content of instances (contentFilterSyntax 1, TS-0004 7.3.3.17.13.2): the keywords of TS-0001 annex J.2 and a
 * subset of JSONPath (RFC 9535).  doc/content-queries.md states both.  A query is read once and then asked of many contents,
 * each of which is the text of one JSON value that was checked before.
 */
#ifndef CORE_JPATH_H
#define CORE_JPATH_H

#include "cse/base/arena.h"
#include "cse/model/rsc.h"

/* Bounds: bytes of a query, parts of it, brackets within brackets; bytes of one content that are passed over (a part that is
 * passed over twice counts twice), after which the content does not match. */
enum { JPATH_BYTES = 4096, JPATH_PARTS = 256, JPATH_DEPTH = 16, JPATH_WORK = 1 << 20 };

struct jpath;
/* In the arena, pointing into `text`.  BAD_REQUEST: why names the place. */
enum rsc jpath_parse(struct arena *a, struct str text, struct jpath **out, struct why *w);
/* raw: one JSON value without white space around it.  `a` is used for what must be unescaped. */
bool jpath_match(const struct jpath *q, struct arena *a, struct str raw);

#endif
