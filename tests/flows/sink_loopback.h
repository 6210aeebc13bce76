/* SPDX-License-Identifier: Apache-2.0 */
/* Notification targets without a network: a carrier inside the test keeps requests as JSON primitives. */
#ifndef FLOWS_SINK_LOOPBACK_H
#define FLOWS_SINK_LOOPBACK_H

#include "cse/core/out.h"
#include "tests/flows/world.h"

/* Its ctx is the world. */
extern const struct carrier_kind carrier_sinks;
int sink_loopback_open(struct world *w, struct sink *s, struct fail *f);
void sink_loopback_close(struct world *w, struct sink *s);
int sink_loopback_set(struct world *w, struct sink *s, struct fail *f);
json_t *sink_loopback_next(struct world *w, struct sink *s, bool wanted, struct fail *f);

#endif
