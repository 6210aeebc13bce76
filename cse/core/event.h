/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts for subscriptions (TS-0004 7.5.1.2.2 step 1, 7.4.8): noted under the lock where something happens, judged and made
 * outside of it, handed to each subscription's loop when durable.  Where nobody is subscribed all of it is one comparison.
 */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include "cse/core/gate_priv.h"

/* --- requests: in r->tx ------------------------------------------------------------------------------------------------ */

/* The operation reaches the target, authorized or not: operationMonitor.  Once per request. */
void event_access(struct request *r);
/* r->shown is a new direct child of the target. */
void event_child_made(struct request *r);
/* The target has been changed and is shown; r->before is what it was. */
void event_updated(struct request *r);
/* Before the target (a node, or an instance with r->body) is removed; it is shown. */
void event_removing(struct request *r);
/* RETRIEVE of a container without instances with rcn 4 or 8. */
void event_childless(struct request *r);
/* After the tx: what was noted is told when the commit is durable, or now when there is nothing to wait for. */
void event_tell(struct request *r, bool refused);
void event_drop(struct events *es);

/* --- the CSE's own work ------------------------------------------------------------------------------------------------- */

/* Before `n` is removed, whose parent is subscribed. */
void event_note_removal(struct events *es, struct gate *g, struct tx *tx, const struct node *n);
/* `n` has been changed; before, counters: what it was. */
void event_note_update(struct events *es, struct gate *g, struct tx *tx, const struct node *n, const struct res *before,
                       const struct counters *counters);
/* Before an instance is removed. */
void event_note_inst(struct events *es, struct gate *g, struct tx *tx, const struct node *cnt, const struct inst *i,
                     int64_t end, struct body *body);
/* Between store_commit (of that tx) and store_ready. */
void event_tell_commit(struct events *es, struct gate *g, struct arena *a, struct commit *c);

/* --- life ----------------------------------------------------------------------------------------------------------------- */

/* Once, before service: subscriptions that there are become known to notify, and the store tells of those that go. */
void event_start(struct gate *g);
/* Before the store and notify end. */
void event_stop(struct gate *g);

/* --- for core/block.c ------------------------------------------------------------------------------------------------------ */

/* The subscription (pending) that blocks this UPDATE of the target, or NULL: TS-0004 7.5.1.2.19. */
const struct sub *event_blocking(const struct request *r);

/* --- rights of who is not connected --------------------------------------------------------------------------------- */

/* May that entity (absolute) RETRIEVE, UPDATE or NOTIFY the resource, in this tx?  Rules on addresses and places do not match. */
bool event_may(struct gate *g, struct arena *a, struct tx *tx, struct str entity, enum op op, const struct node *n);
static inline bool event_may_read(struct gate *g, struct arena *a, struct tx *tx, struct str entity, const struct node *n)
{
	return event_may(g, a, tx, entity, OP_RETRIEVE, n);
}

#endif
