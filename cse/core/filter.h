/* SPDX-License-Identifier: Apache-2.0 */
/* Filter criteria (TS-0004 7.3.3.17): which are supported, and whether a resource matches. */
#ifndef CORE_FILTER_H
#define CORE_FILTER_H

#include "cse/model/prim.h"

/* What conditions look at. */
struct filter_subject {
	unsigned ty;
	int64_t ct, lt, et;    /* et INT64_MAX: does not end */
	bool has_st, has_size; /* stateTag; contentSize */
	uint64_t st, size;
	struct strs lbl;
};

/* BAD_REQUEST for criteria that contradict each other or do not belong to the operation, NOT_IMPLEMENTED. */
enum rsc filter_check(struct prim *p);
/* Has it conditions on resources (others than limit, level, offset, usage)? */
bool filter_selects(const struct filter *f);
/* Does a condition look at what only the body of an instance tells (an et of its own)? */
bool filter_needs_body(const struct filter *f);
bool filter_needs_labels(const struct filter *f);
bool filter_match(const struct filter *f, const struct filter_subject *s);
static inline bool filter_has(const struct filter *f, enum fc id) { return f && (f->has >> id & 1); }

#endif
