/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The administrator's REST interface on a UNIX socket in the state folder (admin.sock, mode 0600; only the uid of trothd
 * and root) and, below /-/admin, on the HTTPS listener for credentials of kind admin.  A table of handlers; JSON by jansson.
 * `trothctl` speaks it; doc/admin-api.yaml describes it.
 *
 *   POST /v1/credentials   {"csr": PEM, "kind": "device|gateway|admin|cse", "names": [..], "zone": n, "life": "24h",
 *                           "maxAe": n, "randomStems": b, "location": {"lat": x, "lon": y, "country": "KR"}, "replace": b}
 *                          -> 201 {"id", "certificate" (PEM chain), "ca" (PEM), "notAfter"}
 *                          all but csr and names may be left out; replace: a new key for a credential that there is
 *   GET  /v1/credentials   -> 200 [ {"id", "kind", "state", "names", "zone", "generation", "notAfter", ..} ]
 *   POST /v1/credentials/<id>/suspend | resume | revoke -> 200 {"id", "state"}
 *   POST /v1/devices       {"name", "aeIds": [..], "appIds": [..], "cseIds": [..], "kind": "device|gateway|cse", "zone", "maxAe",
 *                           "randomStems", "singleSession", "codeLife": "24h", "life": "24h", "location"}; all but name may be left out
 *                          -> 201 {"id", "name", "state", "code", "url", "codeEnds"}; the code is told this once
 *   GET  /v1/devices | /v1/devices/<id or name> -> 200 as a credential, with "name", "notBefore", "codeEnds", "renewing", ..
 *   POST /v1/devices/<id or name>/code {"codeLife", "life"} or nothing -> 200 as for POST /v1/devices
 *   POST /v1/devices/<id or name>/suspend | resume | release | revoke -> 200
 *   GET  /v1/ca            -> 200 {"ca": PEM (root and issuing)}
 *   GET  /v1/status        -> 200 {"cse", "version", "store": {..}, "counters": {..}, "clock": ..}; "held": why all
 *                          devices are suspended, if they are
 *   GET  /v1/events?from=n&reveal=0|1 -> 200 JSON lines, at most 256; ask again from the last "seq" + 1
 *   POST /v1/events/verify -> 200 {"events": how many, "chain": "whole"}, or 500 with the first that does not follow
 *   GET  /v1/zones         -> 200 [ {"zone": n, "reaches": [..]} ]
 *   POST /v1/zones/<n>     -> 200 {"zone": n}; makes it
 *   POST /v1/conduits/<from>-<to>/open | close -> 200 {"from", "to", "state"}
 *   POST /v1/acp/why       {"originator": AE-ID, "operation": "retrieve", "to": address, "type": "cnt"}
 *                          -> 200 {"why": lines, the last of which says permitted or denied}; type: with create only
 *   GET  /v1/tree?from=ADDRESS&depth=n&limit=n -> 200 {"nodes": [ {"depth", "type", "ty", "longName", "ri", "rn", "ct", "lt", "zone",
 *                          "instances", "bytes"} ], "more"}; rn only where a policy gives it to the administrator
 *   GET  /v1/resource?address=A -> 200 {"m2m:cnt": {..}}, as the administrator would get it
 *   GET  /v1/config        -> 200 [ {"name", "value", "default", "origin", "reload", "meaning"} ]; every option
 *   GET  /v1/limits        -> 200 the same, with "least" and "most", of the numbers that may change while trothd runs
 *   POST /v1/limits        {"json_depth": 40, "https.max_body": "2M", "https.max_head": null} -> 200 those options; all or nothing;
 *                          until trothd ends, or null takes them back
 *   GET  /v1/log/level     -> 200 {"level"};  POST {"level": "error|warn|info|debug"}, until the next reload
 *   POST /v1/reload        -> 200 {"reload": "done"}, or 409 with the reason: nothing changed
 *   GET  /metrics          -> 200 text of Prometheus
 *   POST /v1/backup        {"file": absolute path} -> 200 {"file", "bytes", "epoch"}; long
 *   POST /v1/restore/accept -> 200 {"rollback": "accepted"}, or 409: nothing is held back
 *   POST /v1/store/check   -> 200 {"rows": n}, or 500; long
 *   POST /v1/clock/accept  -> 200 {"clock": "accepted"}
 *   GET  /-/live, /-/ready -> 200, or 503 when no work should be given
 *   anything else, and what is refused -> 4xx or 5xx {"error": one sentence}
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "cse/cse.h"

struct admin;
/* path: of the UNIX socket. Runs on loop 0. */
int admin_open(struct cse *cse, const char *path, struct admin **out, struct why *why);
/* On loop 0's thread after loop_run, before store_close; turns the loop until commands that wait for the disk are done. */
void admin_close(struct admin *a);
struct aside;
/* The same interface for the HTTPS listener: /-/admin/v1/.., /-/live, /-/ready, /metrics.  Answers 503 while cse->admin is NULL. */
void admin_aside(struct cse *cse, struct aside *out);

#endif
