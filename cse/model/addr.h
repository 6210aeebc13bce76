/* SPDX-License-Identifier: Apache-2.0 */
/* The six address forms (TS-0001 7.2, TS-0004 6.2): unstructured or structured, CSE-relative, SP-relative, absolute. */
#ifndef MODEL_ADDR_H
#define MODEL_ADDR_H

#include "cse/base/arena.h"
#include "cse/model/rsc.h"

enum addr_scope { ADDR_CSE, ADDR_SP, ADDR_ABS };

enum { ADDR_MAX_SEGMENTS = 64, ADDR_MAX_BYTES = 4096 };

struct addr {
	enum addr_scope scope;
	struct str sp;      /* FQDN without the slashes, when ADDR_ABS */
	struct str cse;     /* CSE-ID without the slash, when not ADDR_CSE */
	struct str *seg;    /* what follows, split at '/': one unstructured ri, or CSEBase name (or "-") and names */
	size_t n;           /* 0: the CSE itself is addressed ("/id-in") */
	struct str attr;    /* one attribute name behind '#', or empty */
};

/* RSC_NONE or BAD_REQUEST: empty, too long, empty segments, trailing slash, a character that is not unreserved, "." and
 * ".." as segments.  Slices point into s. */
enum rsc addr_parse(struct arena *a, struct str s, struct addr *out, struct why *w);
/* Is a name fit for rn: 1..200 bytes of unreserved characters (RFC 3986) and not a virtual child's name, "-", "." or ".."? */
bool addr_is_rn(struct str s);
/* The M2M-SP-ID, CSE-ID and resource name of this CSE: what `addr_is_local` compares with. */
struct addr_self {
	struct str sp;   /* "troth.example" */
	struct str cse;  /* "id-in" */
	struct str base; /* "cse-in" */
};
bool addr_is_local(const struct addr *ad, const struct addr_self *self);

/*
 * Entity identifiers (From, creator, acor) in one absolute form "//sp/cse/stem", "//sp/Sstem" or "//sp/cse" so that
 * comparing is a comparison of bytes.  `stem_home` is the CSE-ID at which a bare stem is registered: ours.
 * S-stems are SP-wide: "//sp/Sxyz".  Anything that is no identifier: BAD_REQUEST.
 */
enum rsc addr_entity(struct arena *a, struct str id, const struct addr_self *self, struct str *out, struct why *w);
/* The same for acor, where '*' may stand inside a path element (as in "C*"; a bare one is refused); it stays in *out. */
enum rsc addr_entity_pattern(struct arena *a, struct str id, const struct addr_self *self, struct str *out, struct why *w);

#endif
