/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of kind K_ANY (xs:anyType: content of an instance, an attribute's value in a condition): one JSON value
 * (RFC 8259) kept as the text that arrived, so that answering is a copy.  This file knows how such text is formed; the
 * JSON codec stands on it.  Names of an object are unique, U+0000 is refused, numbers may have any size.
 */
#ifndef MODEL_ANY_H
#define MODEL_ANY_H

#include "cse/base/arena.h"
#include "cse/base/str.h"

/* A place in a text and what may still be used. */
struct any {
	const char *p, *end;
	struct arena *a;   /* for comparing names; NULL: unique names were checked before */
	size_t depth;      /* levels that may still be opened */
	size_t values;     /* values that may still come */
	const char *fault; /* after a failure: what is wrong at p, a few words */
};

/* White space. */
static inline void any_blank(struct any *x)
{
	while (x->p < x->end && (*x->p == ' ' || *x->p == '\n' || *x->p == '\r' || *x->p == '\t'))
		x->p++;
}
/* Passes over the value that begins at p (no white space first).  E_SYNTAX or E_LIMIT: p is the place of the fault. */
int any_value(struct any *x);
/* Passes over a string; p is behind the opening quote.  *inner is what is between the quotes. */
int any_string(struct any *x, struct str *inner, bool *escaped);
/* Passes over a number; *integer: neither fraction nor exponent. */
int any_number(struct any *x, struct str *text, bool *integer);
/* `inner` without its escapes, in the arena.  It was passed over before. */
struct str any_unescape(struct arena *a, struct str inner);

/* Is the whole text one value, without white space around it? */
bool any_is_value(struct str raw);
/* The text of a string value; for other values the raw text.  In the arena when escapes had to go. */
struct str any_text(struct arena *a, struct str raw);
/* contentSize (TS-0001 9.6.7): bytes of a string's text, of another value's raw text. */
uint64_t any_size(struct str raw);

#endif
