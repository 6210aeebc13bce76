/* SPDX-License-Identifier: Apache-2.0 */
/* The behaviours that types.def names. */
#ifndef TYPES_BEHAVIOUR_H
#define TYPES_BEHAVIOUR_H

#include "cse/core/hook.h"

#define TYPE(name, number) extern const struct behaviour behaviour_##name;
#include "cse/types/types.def"
#undef TYPE

/* A number of a resource, or the default. */
static inline uint64_t behaviour_uint(const struct res *r, const struct attr *at, uint64_t absent)
{
	const struct val *v = res_get(r, at);

	return v && v->kind == K_UINT ? v->u : absent;
}

static inline bool behaviour_bool(const struct res *r, const struct attr *at)
{
	const struct val *v = res_get(r, at);

	return v && v->kind == K_BOOL && v->b;
}

#endif
