/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the administrator's interface. */
#include "admin/admin_priv.h"

static const struct admin_route routes[] = {
	{ HTTP1_POST, "/v1/credentials", admin_issue },
	{ HTTP1_GET, "/v1/credentials", admin_list },
	{ HTTP1_POST, "/v1/credentials/*/suspend", admin_suspend },
	{ HTTP1_POST, "/v1/credentials/*/resume", admin_resume },
	{ HTTP1_POST, "/v1/credentials/*/revoke", admin_revoke },
	{ HTTP1_GET, "/v1/zones", admin_zones },
	{ HTTP1_POST, "/v1/zones/*", admin_zone },
	{ HTTP1_POST, "/v1/conduits/*/open", admin_conduit_open },
	{ HTTP1_POST, "/v1/conduits/*/close", admin_conduit_close },
	{ HTTP1_POST, "/v1/acp/why", admin_acp_why },
	{ HTTP1_GET, "/v1/ca", admin_ca },
	{ HTTP1_GET, "/v1/status", admin_show_status },
	{ HTTP1_GET, "/v1/events", admin_events },
	{ HTTP1_POST, "/v1/events/verify", admin_verify_events },
	{ HTTP1_POST, "/v1/clock/accept", admin_accept_clock },
};

static bool matches(struct str pattern, struct str path, struct str *id)
{
	bool more_a = true, more_b = true;

	while (more_a && more_b) {
		struct str a = str_cut(&pattern, '/', &more_a), b = str_cut(&path, '/', &more_b);
		if (str_eqz(a, "*") && b.n > 0)
			*id = b;
		else if (!str_eq(a, b))
			return false;
	}
	return more_a == more_b;
}

unsigned admin_find(enum http1_method method, struct str path, admin_fn **fn, struct str *id)
{
	unsigned status = 404;

	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		struct str found = STR_NONE;
		if (!matches(str_of(routes[i].path), path, &found))
			continue;
		if (routes[i].method == method) {
			*fn = routes[i].fn;
			*id = found;
			return 0;
		}
		status = 405;
	}
	return status;
}
