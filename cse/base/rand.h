/* SPDX-License-Identifier: Apache-2.0 */
/* The only source of randomness outside TLS.  A test may own it. */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

struct rnd;

/* getrandom(2), buffered per thread for small requests. */
struct rnd *rnd_new(void);
/* Deterministic, for tests and fuzz targets; never in a program that is installed. */
struct rnd *rnd_new_seeded(uint64_t seed);
void rnd_free(struct rnd *r);

/* Thread-safe.  Ends the process when the kernel gives none. */
void rnd_bytes(struct rnd *r, void *p, size_t n);
uint64_t rnd_u64(struct rnd *r);
/* Uniform in 0 .. bound-1; bound > 0. */
uint64_t rnd_below(struct rnd *r, uint64_t bound);

#endif
