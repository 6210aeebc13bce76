/* SPDX-License-Identifier: Apache-2.0 */
/* Which types are supported, from types.def. */
#include "cse/types/behaviour.h"

#include "cse/base/check.h"

static const struct behaviour *const behaviours[] = {
#define TYPE(name, number) &behaviour_##name,
#include "cse/types/types.def"
#undef TYPE
};

static const uint16_t numbers[] = {
#define TYPE(name, number) number,
#include "cse/types/types.def"
#undef TYPE
};

const struct behaviour *behaviour_of(unsigned ty)
{
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (numbers[i] == ty)
			return behaviours[i];
	return NULL;
}

const uint16_t *behaviour_types(size_t *n)
{
	*n = ARRAY_LEN(numbers);
	return numbers;
}
