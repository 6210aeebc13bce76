/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups with a member that could not be reached (memberTypeValidated is false) are judged again once in a while, with the rights
 * of whoever owns them, and dealt with by their consistencyStrategy.  TS-0004 7.4.13.2.1.
 */
#ifndef CORE_REGROUP_H
#define CORE_REGROUP_H

#include "cse/core/gate_priv.h"

struct regroup;
/* On loop 0. */
struct regroup *regroup_new(struct gate *g);
/* Its loop has stopped. */
void regroup_free(struct regroup *w);

#endif
