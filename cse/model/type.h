/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors: what an attribute, a structured type, an enumeration and a resource type are.  Decoding and encoding in
 * every serialization, checks at CREATE and UPDATE, announcement and documentation are walks over these tables.
 * The tables of all types of the specification are generated (model/gen); a type is *supported* only when
 * cse/types/types.def names it.
 */
#ifndef MODEL_TYPE_H
#define MODEL_TYPE_H

#include "cse/model/value.h"

/* Optionality of an attribute in a request (TS-0004 7.4.x) and announcement (TS-0001 9.6.26). */
enum opt { NP, M, O };
enum annc { NA, MA, OA };

enum attr_flag {
	AF_LIST = 1,     /* a list of `kind` */
	AF_ONE = 2,      /* multiplicity 1 in the resource: null is refused */
	AF_RESERVED = 4, /* in the tables, not supported yet: presence in a request is 5001 NOT_IMPLEMENTED */
	AF_NODE = 8,     /* kept by the tree (ty ri pi rn lt st cni cbs): never stored with the resource */
	AF_NONEMPTY = 16, /* a list with at least one element */
	AF_HIDDEN = 32,  /* stored, never decoded from outside and never encoded */
	AF_RESOURCE = 64  /* K_OBJ whose `of` is a struct type: a root element, or children of a type in an answer */
};

struct enumeration {
	const char *name; /* "m2m:operation" */
	const int32_t *values; /* ascending */
	size_t n;
	int32_t lo, hi; /* lo..hi belong to it too, unless hi is 0 */
};

struct attr_index; /* finds a short name in one step (index_priv.h) */

struct attr {
	const char *sn, *ln;
	uint8_t kind;   /* enum kind, never K_LIST */
	uint8_t create, update, annc;
	uint16_t flags;
	int64_t min, max; /* of numbers, or of the length of text; both 0 = the kind's own bounds */
	const void *of;   /* K_ENUM: struct enumeration; K_OBJ: struct complex, or struct type with AF_RESOURCE */
};

/* A structured attribute type (TS-0004 6.3.5): members as attributes; create = M or O says mandatory or not. */
struct complex {
	const char *name; /* "m2m:setOfAcrs" */
	const struct attr *attrs; /* ends with sn == NULL */
	uint16_t n;
	bool rooted; /* one root element may be a member: primitive content, representation of a notification, m2m:rce */
	const struct attr_index *index;
};

/* Universal and common attributes come in sets so that the type's own table holds only its own. */
enum attr_set {
	SET_UNIVERSAL = 1, /* rn ty ri pi ct lt */
	SET_ET = 2,        /* et */
	SET_LBL = 4,
	SET_ACPI = 8,
	SET_ANNC = 16,     /* at aa ast */
	SET_ST = 32,
	SET_CR = 64,
	SET_DACI = 128,
	SET_CSTN = 256,
	SET_LOC = 512,
	SET_REGULAR = SET_ET | SET_LBL | SET_ACPI | SET_DACI
};

enum virtual_child { V_NONE, V_LA, V_OL, V_FOPT, V_PCU, V_NTSR, V_SMV, V_MSP, V_SFOP };

enum { TYPE_IN_CSE_ONLY = 1, TYPE_INSTANCE = 2 /* instances live in the container's list, not in the tree */ };

/* A resource type.  Tables of all types stand in tab_*.c, made by model/gen. */
struct type {
	uint16_t ty;
	uint16_t flags;
	const char *sn; /* root element: "m2m:cnt" */
	const char *ln; /* "container" */
	const char *prefix; /* of generated resourceIDs and names: "cnt" */
	unsigned sets;
	const struct attr *attrs;      /* own attributes; ends with sn == NULL */
	const uint16_t *children;      /* type numbers; ends with 0 */
	const uint8_t *virtuals;       /* enum virtual_child; ends with 0; may be NULL */
	const char *clause;            /* of TS-0004 */
	const struct attr *const *all; /* sets and own: universal, common, own */
	uint16_t n_all;                /* at most 63 */
	const struct attr_index *index;
	const struct attr *root;       /* one representation: `root` of struct resp */
	const struct attr *member;     /* the list of children of this type in an answer */
};

/* The numbers of all types of the specification: TY_CNT ... (generated). */
#include "cse/model/ty.h"

/* Every type of the specification, supported or not; NULL for an unknown number or root element.  Specializations of
 * mgmtObj ("m2m:fwr") are types of number 13 that are found by root element only. */
const struct type *type_by_ty(unsigned ty);
const struct type *type_by_root(struct str root);
/* All of them, ascending; *n their number. */
const struct type *const *type_all(size_t *n);
/* Attribute of a type (own and sets) by short name; NULL if there is none.  Constant time. */
const struct attr *type_attr(const struct type *t, struct str sn);
/* Iterates: i = 0, 1, ...; NULL at the end.  Order: universal, common, own. */
const struct attr *type_attr_at(const struct type *t, size_t i);
/* Place of an attribute in that order, for sets of attributes as bits; -1 if there is none. */
int type_attr_pos(const struct type *t, struct str sn);
bool type_may_have_child(const struct type *parent, unsigned ty);
bool type_has_virtual(const struct type *t, enum virtual_child v);
/* The attribute that stands for "children of this type" in answers (its sn is the root element): list of objects. */
const struct attr *type_as_member(const struct type *t);
/* Any root element: of a resource type (AF_RESOURCE) or another (m2m:sgn, m2m:rce, m2m:uril, ...); NULL if unknown. */
const struct attr *type_root_attr(struct str root);

bool enum_has(const struct enumeration *e, int64_t v);
const struct attr *complex_attr(const struct complex *c, struct str sn);
/* Place of a member in c->attrs; -1 if there is none. */
int complex_attr_pos(const struct complex *c, struct str sn);

/* Attributes of the sets, for code that needs one by name: attr_ct, attr_et, ... */
#define COMMON(name) extern const struct attr attr_##name;
COMMON(rn) COMMON(ty) COMMON(ri) COMMON(pi) COMMON(ct) COMMON(lt) COMMON(et) COMMON(lbl) COMMON(acpi) COMMON(at)
COMMON(aa) COMMON(ast) COMMON(st) COMMON(cr) COMMON(daci) COMMON(cstn) COMMON(loc)
/* "_owner" (K_ID, AF_HIDDEN, in no type's table): who made the resource, in addr_entity's absolute form.  Kept for every
 * resource that may have acpi, whether its creator asked for cr or not: without acpi it alone decides. */
COMMON(owner)
COMMON(ch) /* references to children, in answers only (rcn 5, 6); of no type */
#undef COMMON

#endif
