/* SPDX-License-Identifier: Apache-2.0 */
/* A resource as an answer shows it: universal attributes, counters and content as one object in the arena. */
#ifndef CORE_VIEW_H
#define CORE_VIEW_H

#include "cse/core/gate_priv.h"

/* Identifiers as answers show them, in the arena. */
struct view_names {
	struct str ri, pi, rn;
};

/* Values are shared with `res`, which must live until the answer is encoded. */
struct obj *view_node(struct request *r, const struct typeinfo *ti, const struct res *res, const struct counters *k,
                      const struct view_names *names);
/* end: when the container's rules let it expire. */
struct obj *view_inst(struct request *r, const struct typeinfo *ti, const struct res *res, const struct inst *inst,
                      int64_t end, const struct view_names *names);
/* The same for the CSE's own work, without a request. */
struct obj *view_own(const struct gate *g, struct arena *a, const struct typeinfo *ti, const struct res *res,
                     const struct counters *k, const struct view_names *names);
struct obj *view_own_inst(struct arena *a, const struct typeinfo *ti, const struct res *res, const struct inst *inst,
                          int64_t end, const struct view_names *names);
/* The attributes named; BAD_REQUEST for a name that the type does not have.  TS-0004 7.3.3.6. */
enum rsc view_part(struct request *r, const struct typeinfo *ti, const struct strs *names, struct obj **o);
/* Attributes that are not as the request gave them; those that are gone as null.  before: NULL for CREATE.
 * TS-0004 7.3.3.12. */
struct obj *view_modified(struct request *r, const struct obj *after, const struct obj *before, const struct obj *asked);
/* Type, size and times: no content and no name. */
struct obj *view_meta(struct request *r, const struct typeinfo *ti, const struct obj *after);
/* Attributes that the request gave. */
struct obj *view_asked(struct request *r, const struct obj *after, const struct obj *asked);

#endif
