/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a resource type may add to the common procedures (TS-0004 7.3.3).  A hook gets the transaction and the resources;
 * it can neither authorize nor send nor wait.
 */
#ifndef CORE_HOOK_H
#define CORE_HOOK_H

#include "cse/model/prim.h"
#include "db/store.h"

struct conf;
struct security;
struct origin;

/* One change that a procedure carries out; the hooks' view of a request. */
struct change {
	struct tx *tx;
	struct arena *arena;
	const struct prim *prim;
	const struct origin *origin;
	const struct conf *conf;
	struct security *security;
	const struct addr_self *self;
	const struct node *parent;   /* CREATE: the target; UPDATE, DELETE: the node's parent */
	const struct node *node;     /* UPDATE, DELETE, RETRIEVE: the resource; CREATE: the new one once it exists */
	const struct res *old;       /* UPDATE: content before */
	struct res *res;             /* CREATE, UPDATE: content to be stored, attr_owner in it; the hook may edit it */
	const struct obj *asked;     /* CREATE, UPDATE: what the request carried */
	struct str rn, ri;           /* CREATE: asked name (empty: make one), given resourceID (AE) */
	uint16_t zone;
	struct append *append;       /* CREATE of an instance */
	struct why *why;
};

/* Behaviour of a supported type.  Each hook may be NULL.  Already checked when one is called: origin, zone, existence,
 * authorization, and the representation against the type's table. A hook returns RSC_NONE or why_set(...). */
struct behaviour {
	const struct type *type;     /* from the generated tables */
	enum rsc (*create)(struct change *c);         /* before the node exists: checks, defaults, c->rn, c->ri */
	enum rsc (*created)(struct change *c);        /* c->node exists */
	enum rsc (*update)(struct change *c);         /* c->res is the merged content */
	enum rsc (*updated)(struct change *c);
	enum rsc (*remove)(struct change *c);
	enum rsc (*child_added)(struct change *c, const struct node *self_node);   /* of the parent's type */
	enum rsc (*child_removed)(struct change *c, const struct node *self_node);
	/* RETRIEVE of the resource: may add or hide attributes in c->res (a shallow copy). */
	void (*show)(struct change *c);
	/* May instances, la and ol be read or deleted (disableRetrieval)? */
	enum rsc (*instances_open)(const struct res *r, struct why *why);
};

/* Supported types (cse/types/types.def): NULL when the type is not supported. */
const struct behaviour *behaviour_of(unsigned ty);
/* Their numbers, ascending, for supportedResourceType. */
const uint16_t *behaviour_types(size_t *n);

#endif
