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
/* At start, before service: every subscription, and pending notifications that were stored. */
int notify_restore(struct notify *n, struct why *why);
/*
 * Between store_commit (that returned 1) and store_ready of the change that the fact tells of, before it is emitted: gives it its
 * place among the others of its subscription and, when that keeps what is pending, stores it with the commit, so that a
 * crash loses both or none.  index: of the facts of this commit, from 0.
 */
void notify_keep(struct notify *n, struct commit *c, unsigned index, struct fact *f);

static inline struct loop *notify_loop(const struct gate *g, uint32_t sub) { return g->o.loops[sub % g->o.n_loops]; }
/* A durable fact; on the subscription's loop, in the order of commits.  Takes the fact. */
void notify_take(struct notify *n, struct fact *f);

/* A kept fact that is not to be told: its record goes, too.  On the subscription's loop.  Takes the fact. */
void notify_discard(struct notify *n, struct fact *f);

/* A subscription's life, called on its loop once the change is durable.  Content is counted (res_ref) where it is kept. */
void notify_created(struct notify *n, uint32_t sub, const struct res *r);
void notify_updated(struct notify *n, uint32_t sub, const struct res *before, const struct res *after);
/* For the last notices (sud) to su and to associated resources; TS-0004 7.5.1.2.4.  `kept`: there is a record of it (NOTIFY_END), and
 * the subscription may be known no more; `quiet`: the notice has a message of its own. */
struct notify_end {
	struct str ri, path;
	bool kept, quiet;
};
void notify_deleted(struct notify *n, uint32_t sub, const struct res *r, const struct notify_end *e);
/* Numbers of the records (REC_PENDING) of a subscription that is gone: its last fact, its last notice.  Above all others. */
#define NOTIFY_LAST (UINT64_C(1) << 63)
#define NOTIFY_END (NOTIFY_LAST + 1)
enum { NOTIFY_KEY = 12 };
void notify_key(char key[NOTIFY_KEY], uint32_t sub, uint64_t no);
/* A <schedule> of the subscription came, went or changed.  On its loop, once that is durable. */
void notify_scheduled(struct notify *n, uint32_t sub);
/* A credential changed its state (cred_apply was called): when it is suspended or revoked, queued notifications of and to it
 * go, its subscriptions are silent and counted as that (status, EV_SUBSCRIPTION) until it is active again. On any thread. */
void notify_credential(struct notify *n, struct str cred);

/* Thread-safe. */
void notify_usage(const struct notify *n, struct notify_usage *out);

#endif
