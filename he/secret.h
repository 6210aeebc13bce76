/* SPDX-License-Identifier: Apache-2.0 */
/* What only the owner of a secret key holds.  No file of the server includes this. */
#ifndef HE_SECRET_H
#define HE_SECRET_H

#include "he/he.h"
#include "he/seed.h"

struct he_sk {
	const struct he_ctx *ctx;
	uint64_t *w; /* ternary secret, NTT form, key level: k * n words */
};

#endif
