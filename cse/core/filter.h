/* SPDX-License-Identifier: Apache-2.0 */
/* Filter criteria (TS-0004 7.3.3.17): which may stand in a request, how their kinds are joined, and those that need no tree. */
#ifndef CORE_FILTER_H
#define CORE_FILTER_H

#include "cse/model/prim.h"

/* Kinds of conditions: one suffices of several of a kind, and filterOperation joins the kinds (7.3.3.17.0).  The two ends of an
 * interval are one kind (7.3.3.17.1).  In the order in which they are asked: what costs more comes later. */
enum filter_kind {
	KD_TY, KD_CT, KD_LT, KD_ET, KD_ST, KD_SIZE, KD_LBL, KD_LBQ,          /* of the resource, in memory */
	KD_PTY, KD_PALB, KD_PATR,                                            /* of its parent */
	KD_ATR, KD_CTY, KD_CFQ, KD_GEO,                                      /* of the resource, with its content */
	KD_CHTY, KD_CLBL, KD_CATR,                                           /* of its children */
	KD_COUNT
};
#define KIND(k) (1u << (k))
enum {
	KINDS_PARENT = KIND(KD_PTY) | KIND(KD_PALB) | KIND(KD_PATR),
	KINDS_CONTENT = KIND(KD_ATR) | KIND(KD_CTY) | KIND(KD_CFQ) | KIND(KD_GEO),
	KINDS_CHILD = KIND(KD_CHTY) | KIND(KD_CLBL) | KIND(KD_CATR)
};

/* What conditions in memory look at. */
struct filter_subject {
	unsigned ty;
	int64_t ct, lt, et;    /* et INT64_MAX: does not end */
	bool has_st, has_size; /* stateTag; contentSize */
	uint64_t st, size;
	struct strs lbl;
};

/* Elements of all conditions together. */
enum { FILTER_ELEMENTS = 256, FILTER_PATH = 1024 };

/* BAD_REQUEST for criteria that contradict each other or do not belong to the operation, NOT_IMPLEMENTED.  Reads the queries
 * among them. */
enum rsc filter_check(struct prim *p);
/* The kinds that are asked for, as bits; 0: no conditions on resources, only limit, level, offset, usage ... */
unsigned filter_kinds(const struct filter *f);
bool filter_selects(const struct filter *f);
/* One of the kinds in memory (KD_TY to KD_LBQ). */
bool filter_kind(const struct filter *f, enum filter_kind k, const struct filter_subject *s);
/* Is one of the labels among those of a resource; one of the types the resource's? */
bool filter_labelled(const struct strs *want, const struct strs *have);
bool filter_typed(const uint64_t *want, size_t n, unsigned ty);
/* The kinds asked for, joined by filterOperation fo: is the whole met, when those in `known` have been looked at and those in
 * `met` are met?  1, 0, or -1: the rest decides. */
int filter_decided(uint64_t fo, unsigned asked, unsigned known, unsigned met);
/* All kinds in memory at once; others count as met by nobody. */
bool filter_match(const struct filter *f, const struct filter_subject *s);
static inline bool filter_has(const struct filter *f, enum fc id) { return f && (f->has >> id & 1); }

#endif
