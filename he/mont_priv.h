/* SPDX-License-Identifier: Apache-2.0 */
/* The product with 52-bit multiply-add. */
#ifndef HE_MONT_PRIV_H
#define HE_MONT_PRIV_H

#include "he/mont.h"

#if defined(__x86_64__)
/* Sums that are not carried yet; words is 8, 16 ... 120. */
void mont_mul_ifma(const struct mont *m, uint64_t *r, const uint64_t *a, const uint64_t *b);
#endif

#endif
