/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a resource meet the filter criteria of a request?  TS-0004 7.3.3.17.
 *
 * The answer reveals nothing that the originator may not know.  A parent or a child counts only when the originator may discover
 * it (retrieve it, when the request is no discovery).  Conditions on values, on content and on places (atr, catr, patr, cfq,
 * geom) count only where the originator may retrieve what they look at, for a wildcard would read it letter by letter; names,
 * identifiers and the creator are excepted, and so is what discovery is made for: type, times, state tag, size, labels, media type.
 *
 * What needs the content of instances, or takes long, is looked at outside of the lock: MATCH_THINK.
 */
#ifndef CORE_MATCH_H
#define CORE_MATCH_H

#include "cse/core/gate_priv.h"

enum match {
	MATCH_NO, MATCH_YES,
	MATCH_AGAIN, /* enough for one hold of the lock: ask again in the next one */
	MATCH_THINK, /* end the tx, call match_think, ask again */
	MATCH_MISS   /* a body is not in memory: request_fetch r->fetch.id, ask again */
};

/* In r->tx.  *left: resources that may still be looked at in this hold. */
enum match match_node(struct request *r, const struct node *n, unsigned *left);
/* alone: those that follow it in the container are not going to be asked for. */
enum match match_inst(struct request *r, const struct node *cnt, const struct inst *inst, bool alone);
/* Outside of the tx. */
void match_think(struct request *r);
void match_free(struct request *r);

/* May the originator do this to a resource (or to the instances of a container)?  No event when not. */
bool match_allowed(struct request *r, const struct node *n, bool on_instance, unsigned acop);
/* May the originator see instances of the container at all: they are open, and it has the right? */
bool match_instances(struct request *r, const struct node *cnt, unsigned acop);
/* The right that makes a resource visible to this request: DISCOVERY, or RETRIEVE. */
unsigned match_acop(const struct request *r);

#endif
