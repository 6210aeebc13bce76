/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed values.  No file outside cse/codec sees a serialization; everything else works on these.
 * Values are trees in an arena (or in the one block of a kept resource) and never own memory singly.
 */
#ifndef MODEL_VALUE_H
#define MODEL_VALUE_H

#include "cse/base/arena.h"
#include "cse/base/str.h"

enum kind {
	K_NULL,     /* explicit null: "delete this attribute" in UPDATE, "fill in" for creator */
	K_BOOL,     /* b */
	K_INT,      /* i: xs:integer and its signed kin */
	K_UINT,     /* u: xs:nonNegativeInteger, positiveInteger, unsignedInt, ... */
	K_FLOAT,    /* f */
	K_STR,      /* s: xs:string and everything textual without rules */
	K_NCNAME,   /* s: XML NCName */
	K_TOKEN,    /* s: xs:token, labels */
	K_URI,      /* s: xs:anyURI, m2m:nhURI */
	K_ID,       /* s: m2m:ID and its kin */
	K_STAMP,    /* i: µs since 1970, UTC; m2m:timestamp */
	K_ABSREL,   /* s: absolute timestamp or relative milliseconds, checked, as text */
	K_DURATION, /* s: xs:duration, checked, as text */
	K_BASE64,   /* s: xs:base64Binary, checked, as text */
	K_ENUM,     /* i: member of attr->of (struct enumeration) */
	K_ANY,      /* s: one JSON value as raw, validated text (xs:anyType, xs:anySimpleType) */
	K_OBJ,      /* o: structured; attr->of (struct complex) or a resource type */
	K_LIST      /* list: elements all of one kind, or objects */
};

struct val {
	enum kind kind;
	union {
		bool b;
		int64_t i;
		uint64_t u;
		double f;
		struct str s;
		struct obj *o;
		struct {
			struct val *v;
			size_t n;
		} list;
	};
};

struct attr;
struct type;

/* One attribute with its value; attr gives the name. */
struct member {
	const struct attr *attr;
	struct val v;
};

/* A structured value.  Members in the order of arrival; names are unique. */
struct obj {
	uint32_t n, cap;
	struct member *m;
};

struct obj *obj_new(struct arena *a, uint32_t cap);
/* Appends without looking for duplicates; grows in the arena. */
struct val *obj_add(struct arena *a, struct obj *o, const struct attr *attr);
/* By attribute (pointer) or by short name; NULL when absent. */
const struct val *obj_get(const struct obj *o, const struct attr *attr);
const struct val *obj_find(const struct obj *o, const char *sn);
/* Replaces or appends. */
struct val *obj_put(struct arena *a, struct obj *o, const struct attr *attr);
bool obj_del(struct obj *o, const struct attr *attr);

static inline struct val val_null(void) { return (struct val){ .kind = K_NULL }; }
static inline struct val val_bool(bool b) { return (struct val){ .kind = K_BOOL, .b = b }; }
static inline struct val val_int(int64_t i) { return (struct val){ .kind = K_INT, .i = i }; }
static inline struct val val_uint(uint64_t u) { return (struct val){ .kind = K_UINT, .u = u }; }
static inline struct val val_str(enum kind k, struct str s) { return (struct val){ .kind = k, .s = s }; }
static inline struct val val_stamp(int64_t us) { return (struct val){ .kind = K_STAMP, .i = us }; }
static inline struct val val_obj(struct obj *o) { return (struct val){ .kind = K_OBJ, .o = o }; }
static inline struct val val_enum(int64_t i) { return (struct val){ .kind = K_ENUM, .i = i }; }
/* A list of n cleared values in the arena. */
struct val val_list(struct arena *a, size_t n);

/* Same kind and content; objects compare by members in any order, lists in order. */
bool val_eq(const struct val *a, const struct val *b);
/* Deep copy into the arena. */
struct val val_copy(struct arena *a, const struct val *v);
/* Does a list (of textual values) hold s? */
bool val_list_has(const struct val *list, struct str s);
/* K_STR ... K_BASE64, K_ANY: values in `s`. */
static inline bool val_is_text(enum kind k) { return k >= K_STR && k <= K_ANY && k != K_STAMP && k != K_ENUM; }
/* NULL when s is a value of that textual kind (K_ANY excepted), else what it must be: "an NCName". */
const char *val_text_fault(enum kind k, struct str s);

#endif
