/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entity identifiers as they stand in From and in accessControlOriginators (TS-0001 7.2, TS-0003 7.1.3): what kind it
 * is, and its one absolute form "//sp/cse/Cstem", "//sp/Sstem" or "//sp/cse", so that comparing is comparing bytes.
 */
#ifndef SECURITY_WHO_H
#define SECURITY_WHO_H

#include "cse/model/addr.h"

enum { WHO_MAX_BYTES = 1024 };

enum who_kind {
	WHO_ENTITY,  /* an AE or a CSE ("//sp/S..." may be either: the identifier does not tell) */
	WHO_ALL,     /* "all" */
	WHO_DOMAIN,  /* "//sp" */
	WHO_GROUP,   /* any other resource: a group, if anything */
	WHO_ROLE,    /* "name@issuer" */
};

struct who {
	enum who_kind kind;
	bool star;       /* WHO_ENTITY with a wildcard: who_matches, not bytes */
	struct str abs;  /* WHO_ENTITY, WHO_DOMAIN: absolute form; else the text as given */
	struct str stem; /* the AE-ID stem when it is an AE of this CSE (or any S stem), else empty; part of abs */
};

/* stars: wildcards are allowed.  Absolute forms are made in the arena when s is not one.  0, E_SYNTAX or E_LIMIT. */
int who_parse(struct arena *a, struct str s, const struct addr_self *self, bool stars, struct who *out);
/* Unreserved characters only (RFC 3986 2.3), at least one. */
bool who_is_name(struct str s);
/* pattern in absolute form: `*` stands for any characters of one path element. */
bool who_matches(struct str pattern, struct str abs);
/* "//sp" against "//sp/..." */
bool who_in_domain(struct str domain, struct str abs);

#endif
