/* SPDX-License-Identifier: Apache-2.0 */
/* applyRelativePath: what lies at a path from each resource that matches takes its place.  TS-0004 7.3.3.17.17. */
#ifndef CORE_ARP_H
#define CORE_ARP_H

#include "cse/core/walk_priv.h"

/* inst: NULL, or an instance of the container n.  What is not there, or may not be seen, drops out; nothing comes twice. */
enum visit arp_take(struct request *r, struct walk *w, const struct node *n, const struct inst *inst);
/* Where the path leads from the target of a conditional request: false when nowhere. */
bool arp_move(struct request *r, struct target *t);

#endif
