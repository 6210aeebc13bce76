/* SPDX-License-Identifier: Apache-2.0 */
/* The gate's own work on loop 0: expiration, the watch over the wall clock, the tree's size. */
#ifndef CORE_EXPIRE_H
#define CORE_EXPIRE_H

struct gate;
struct expire;

/* Arms its timer on loop 0. */
int expire_new(struct gate *g, struct expire **out);
void expire_free(struct expire *e);

#endif
