/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The administrator's REST interface on a UNIX socket in the state folder (admin.sock, mode 0600; only the uid of trothd
 * and root).  A table of handlers; JSON by jansson.  `trothctl` speaks it.
 *
 *   POST /v1/credentials   {"csr": PEM, "kind": "device|gateway|admin|cse", "names": [..], "zone": n, "life": "24h"}
 *                          -> 201 {"id", "certificate" (PEM chain), "ca" (PEM), "notAfter"}
 *   GET  /v1/credentials   -> 200 [ {"id", "kind", "state", "names", "zone", "generation", "notAfter"} ]
 *   POST /v1/credentials/<id>/suspend | resume | revoke -> 200
 *   GET  /v1/status        -> 200 {"cse", "version", "store": {..}, "counters": {..}, "clock": ..}
 *   GET  /v1/events?from=n&reveal=0|1 -> 200 JSON lines
 *   POST /v1/clock/accept  -> 200
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "cse/cse.h"

struct admin;
/* path: of the UNIX socket. Runs on loop 0. */
int admin_open(struct cse *cse, const char *path, struct admin **out, struct why *why);
void admin_close(struct admin *a);

#endif
