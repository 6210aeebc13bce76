/* SPDX-License-Identifier: Apache-2.0 */
/* A condition on an attribute, as match.c asks it of resources. */
#ifndef CORE_MATCH_PRIV_H
#define CORE_MATCH_PRIV_H

#include "cse/core/match.h"

/* A resource whose attributes are looked at.  ri, rn and pi may be missing when no condition names them. */
struct source {
	const struct typeinfo *ti;
	const struct res *res;
	struct str ri, rn, pi;
	const struct counters *k;  /* of a node, or */
	const struct inst *inst;   /* of an instance */
};

/* Is the value of the attribute one that the condition names?  wild: an asterisk stands for any characters.  Hidden attributes
 * and structured ones never match.  `a` for what must be unescaped. */
bool match_pair(struct arena *a, const struct source *s, const struct filter_pair *p, bool wild);
/* Names that the address shows anyway, and the creator: conditions on them need no right to retrieve. */
bool match_is_open(struct str name);
/* 0 or more characters for each asterisk. */
bool match_wild(struct str pattern, struct str text);

#endif
