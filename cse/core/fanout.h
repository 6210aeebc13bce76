/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request to a group's fanOutPoint becomes one request for each member, on the same loop, with the same peer and From: each
 * passes the gate again and is authorized for the originator.  Their answers come back as one.  TS-0004 7.4.14.
 */
#ifndef CORE_FANOUT_H
#define CORE_FANOUT_H

#include "cse/core/gate_priv.h"

struct fan;

/* The procedure of a request whose target is V_FOPT, granted. */
enum step_result fanout_run(struct request *r);
/* m2m:agr of what came back. */
void fanout_result(struct request *r);
/* Whatever r->fan holds outside the arena; requests to members that are under way are forgotten. */
void fanout_free(struct request *r);
/* May the originator of r send such a request to this group's fanOutPoint?  TS-0004 7.4.14.3: macp, else acpi. */
const struct grant *fanout_ask(struct request *r, const struct node *group, bool quiet);

#endif
