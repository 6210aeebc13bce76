/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk over descriptors that all serializations share (walk.c), and what a serialization gives it: a source of
 * tokens.  A source checks syntax, unique names in values of kind K_ANY, and the limits; the walk checks everything that
 * a descriptor says.
 */
#ifndef CODEC_WALK_PRIV_H
#define CODEC_WALK_PRIV_H

#include "cse/codec/codec.h"

enum tok { TOK_NONE, TOK_NULL, TOK_BOOL, TOK_NUM, TOK_TEXT, TOK_OBJ, TOK_LIST };

/* A number: exact when it is an integer of 64 bits, with a sign of its own; else a double (never of a K_ANY value). */
struct num {
	bool integer, negative;
	uint64_t mag;
	double f;
};

/* A place to come back to. */
struct mark {
	const char *p;
	size_t depth, values;
};

struct src;
/* Each function that fails has set src->w.  Where a kind of token is read, peek has said that it comes. */
struct src_ops {
	enum tok (*peek)(struct src *s); /* TOK_NONE: no value begins here */
	bool (*null)(struct src *s);
	bool (*boolean)(struct src *s, bool *out);
	bool (*number)(struct src *s, struct num *out);
	bool (*text)(struct src *s, struct str *out);
	bool (*any)(struct src *s, struct str *raw); /* a whole value, as JSON text */
	/* Into an object or list; then member or element until it is 0 (the end was passed over), -1: failed. */
	bool (*open)(struct src *s);
	int (*member)(struct src *s, bool first, struct str *name);
	int (*element)(struct src *s, bool first);
	void (*mark)(const struct src *s, struct mark *m);
	void (*back)(struct src *s, const struct mark *m);
	/* A sentence for "no value begins here". */
	enum rsc (*fault)(struct src *s);
};
struct src {
	const struct src_ops *ops;
	struct arena *a;
	struct why *w;
};

/* An object with one root element. */
enum rsc walk_content(struct src *s, struct content *out);
/* The members of a request primitive. s->w must be &p->why. */
enum rsc walk_request(struct src *s, struct prim *p);

#endif
