/* SPDX-License-Identifier: Apache-2.0 */
/* EST (RFC 7030) on the HTTPS listener: /.well-known/est/cacerts, csrattrs, simpleenroll, simplereenroll. */
#ifndef BINDINGS_EST_H
#define BINDINGS_EST_H

#include "bindings/aside.h"
#include "security/enrol.h"

/* Makes *out answer for e, which outlives the listener. */
void est_aside(struct enrol *e, struct aside *out);

#endif
