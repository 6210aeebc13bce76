/* SPDX-License-Identifier: Apache-2.0 */
/* The sets of tests/unit/he/seal for fuzz targets: made once, a context never changes. */
#ifndef TESTS_FUZZ_HE_SETS_H
#define TESTS_FUZZ_HE_SETS_H

#include "cse/base/check.h"
#include "he/he.h"

enum { HE_SETS = 3 };

/* BFV, BGV and CKKS; n = 64, Create(40, 41, 42, 45). */
static const struct he_ctx *he_set(unsigned i)
{
	static const enum he_scheme scheme[HE_SETS] = { HE_BFV, HE_BGV, HE_CKKS };
	static const unsigned bits[] = { 40, 41, 42, 45 };
	static struct he_ctx *made[HE_SETS];

	if (!made[i]) {
		struct he_ctx_opts o = { .allow_weak = true };
		struct he_params p = { .scheme = scheme[i], .t = scheme[i] == HE_CKKS ? 0 : 257 };

		REQUIRE(he_params_create(&p, 6, bits, ARRAY_LEN(bits), NULL) == 0 && he_ctx_new(&p, &o, &made[i], NULL) == 0);
	}
	return made[i];
}

#endif
