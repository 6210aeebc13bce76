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
struct grant;

/* Attributes that procedures and hooks use by name, looked up once. */
enum known_attr {
#define KNOWN(id, ty, sn) id,
#include "cse/core/known.def"
#undef KNOWN
	KNOWN_COUNT
};
struct known {
	const struct attr *at[KNOWN_COUNT];
};
void known_init(struct known *k);

/* What memberIDs of a <group> turned out to be (core/members.c), for the hooks of that type.  TS-0004 7.4.13.2.1. */
enum member_fit { MEMBER_FITS, MEMBER_OTHER /* not of the memberType */, MEMBER_UNREACHABLE /* on another CSE */ };
struct members {
	struct val mid;              /* without duplicates */
	uint8_t *fit;                /* enum member_fit of each */
	size_t n_other, n_unreachable;
};

/* One change that a procedure carries out; the hooks' view of a request. */
struct change {
	struct tx *tx;
	struct arena *arena;
	struct prim *prim;
	const struct origin *origin;
	const struct conf *conf;
	struct security *security;
	const struct addr_self *self;
	const struct known *known;
	const struct node *parent;   /* CREATE: the target; UPDATE, DELETE: the node's parent */
	const struct node *node;     /* UPDATE, DELETE: the resource; CREATE: the new one once it exists */
	const struct res *old;       /* UPDATE: content before */
	struct res *res;             /* CREATE, UPDATE: content to be stored, attr_owner in it; the hook may edit it */
	const struct obj *asked;     /* CREATE, UPDATE: what the request carried */
	struct str rn, ri;           /* CREATE: asked name (empty: make one), given resourceID (AE) */
	int64_t now;                 /* tx_now */
	uint16_t zone;               /* CREATE: of the new subtree; 0: the parent's */
	struct append *append;       /* CREATE of an instance; `size` is the hook's to set */
	const struct members *members; /* a <group> that is given memberIDs: CREATE, some UPDATEs; else NULL */
	const struct grant *grant;   /* CREATE: a hook that registers an originator sets it; else the authorize step did */
	struct why *why;
};

/* Behaviour of a supported type.  Each hook may be NULL.  Already checked when one is called: origin, zone, existence,
 * authorization, and the representation against the type's table. A hook returns RSC_NONE or why_set(...). */
struct behaviour {
	uint16_t refuses; /* ACOP_ bits of operations that this type never allows: 4005 */
	enum rsc (*create)(struct change *c);         /* before the resource exists: checks, defaults, c->rn, c->ri */
	enum rsc (*update)(struct change *c);         /* c->res is the merged content, not stored yet */
	void (*updated)(struct change *c);            /* c->res is stored */
	/* Of the parent's type, for a new direct child (an instance, or a node). c->parent is the parent. */
	void (*child_added)(struct change *c);
	/* RETRIEVE of the resource, outside the tx: may add or hide attributes in c->res (a shallow copy). */
	void (*show)(struct change *c);
	/* May instances, la and ol be read or deleted (disableRetrieval)? */
	enum rsc (*instances_open)(const struct known *k, const struct res *r, struct why *why);
	/* How long instances may live, in µs; INT64_MAX: no bound (maxInstanceAge). */
	int64_t (*instance_age)(const struct known *k, const struct res *r);
};

/* The resourceID of the pollingChannel of an AE (polling.c): there is at most one (TS-0001 table 9.6.5-1), found at once. */
struct str polling_ri(struct arena *a, struct str stem);

/* Supported types (cse/types/types.def): NULL when the type is not supported. */
const struct behaviour *behaviour_of(unsigned ty);
/* Their numbers, ascending, for supportedResourceType. */
const uint16_t *behaviour_types(size_t *n);

#endif
