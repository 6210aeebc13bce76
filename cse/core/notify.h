/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From facts to notifications: for each subscription its policies (batch, rate, schedule, latest, pending, priority,
 * expiration counter, statistics) and its targets.  TS-0004 7.5.1.2, TS-0001 10.2.10.  A subscription belongs to the
 * loop rid % loops; everything about it happens there.
 */
#ifndef CORE_NOTIFY_H
#define CORE_NOTIFY_H

#include "cse/core/fact.h"

struct notify;

int notify_new(struct gate *g, struct notify **out, struct why *why);
/* What is pending and to be kept was stored when it became pending. */
void notify_free(struct notify *n);
/* At start, before service: pending notifications that were stored. */
int notify_restore(struct notify *n, struct why *why);

static inline struct loop *notify_loop(const struct gate *g, uint32_t sub) { return g->o.loops[sub % g->o.n_loops]; }
/* A durable fact; on the subscription's loop, in the order of commits.  Takes the fact. */
void notify_take(struct notify *n, struct fact *f);

/* A subscription's life, called on its loop once the change is durable.  Content is counted (res_ref) where it is kept. */
void notify_created(struct notify *n, uint32_t sub, const struct res *r);
void notify_updated(struct notify *n, uint32_t sub, const struct res *before, const struct res *after);
/* ri: its identifier, for the last notices (sud) to su and to associated resources; TS-0004 7.5.1.2.4. */
void notify_deleted(struct notify *n, uint32_t sub, struct str ri, const struct res *r);
/* A credential was suspended or revoked: queued notifications of and to it go, its subscriptions stop and are marked.
 * On any thread. */
void notify_credential(struct notify *n, struct str cred);

#endif
