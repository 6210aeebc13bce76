/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the administrator's interface: one row for each route. */
#include "admin/admin_priv.h"

static const struct admin_route routes[] = {
	{ HTTP1_POST, "/v1/credentials", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_issue },
	{ HTTP1_GET, "/v1/credentials", ADMIN_LONG, ADMIN_NEEDS_ADMIN, admin_list },
	{ HTTP1_POST, "/v1/credentials/*/suspend", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_suspend },
	{ HTTP1_POST, "/v1/credentials/*/resume", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_resume },
	{ HTTP1_POST, "/v1/credentials/*/revoke", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_revoke },
	{ HTTP1_POST, "/v1/credentials/*/release", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_release },
	{ HTTP1_GET, "/v1/locks", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_locks },
	{ HTTP1_POST, "/v1/devices", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_device_add },
	{ HTTP1_GET, "/v1/devices", ADMIN_LONG, ADMIN_NEEDS_ADMIN, admin_devices },
	{ HTTP1_GET, "/v1/devices/*", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_device },
	{ HTTP1_POST, "/v1/devices/*/code", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_device_code },
	{ HTTP1_POST, "/v1/devices/*/suspend", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_device_suspend },
	{ HTTP1_POST, "/v1/devices/*/resume", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_device_resume },
	{ HTTP1_POST, "/v1/devices/*/release", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_device_release },
	{ HTTP1_POST, "/v1/devices/*/revoke", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_device_revoke },
	{ HTTP1_GET, "/v1/zones", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_zones },
	{ HTTP1_POST, "/v1/zones/*", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_zone },
	{ HTTP1_POST, "/v1/conduits/*/open", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_conduit_open },
	{ HTTP1_POST, "/v1/conduits/*/close", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_conduit_close },
	{ HTTP1_POST, "/v1/acp/why", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_acp_why },
	{ HTTP1_GET, "/v1/ca", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_ca },
	{ HTTP1_POST, "/v1/ca/rotate", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_rotate_ca },
	{ HTTP1_POST, "/v1/keys/rotate", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_rotate_data },
	{ HTTP1_POST, "/v1/server/rotate", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_rotate_server },
	{ HTTP1_GET, "/v1/rotations", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_rotations },
	{ HTTP1_GET, "/v1/status", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_show_status },
	{ HTTP1_GET, "/v1/events", ADMIN_LONG, ADMIN_NEEDS_ADMIN, admin_events },
	{ HTTP1_POST, "/v1/events/verify", ADMIN_LONG, ADMIN_NEEDS_ADMIN, admin_verify_events },
	{ HTTP1_GET, "/v1/config", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_config },
	{ HTTP1_GET, "/v1/limits", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_limits },
	{ HTTP1_POST, "/v1/limits", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_set_limits },
	{ HTTP1_GET, "/v1/log/level", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_log_level },
	{ HTTP1_POST, "/v1/log/level", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_set_log_level },
	{ HTTP1_POST, "/v1/reload", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_reload },
	{ HTTP1_GET, "/-/live", ADMIN_SHORT, ADMIN_NEEDS_NONE, admin_live },
	{ HTTP1_GET, "/-/ready", ADMIN_SHORT, ADMIN_NEEDS_NONE, admin_ready },
	{ HTTP1_GET, "/metrics", ADMIN_SHORT, ADMIN_NEEDS_READER, admin_metrics },
	{ HTTP1_GET, "/v1/tree", ADMIN_LONG, ADMIN_NEEDS_ADMIN, admin_tree },
	{ HTTP1_GET, "/v1/resource", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_resource },
	{ HTTP1_POST, "/v1/backup", ADMIN_LONG, ADMIN_NEEDS_ADMIN, admin_backup },
	{ HTTP1_POST, "/v1/restore/accept", ADMIN_LONG, ADMIN_NEEDS_ADMIN, admin_accept_rollback },
	{ HTTP1_POST, "/v1/store/check", ADMIN_LONG, ADMIN_NEEDS_ADMIN, admin_store_check },
	{ HTTP1_POST, "/v1/clock/accept", ADMIN_SHORT, ADMIN_NEEDS_ADMIN, admin_accept_clock },
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

unsigned admin_find(enum http1_method method, struct str path, const struct admin_route **route, struct str *id)
{
	unsigned status = 404;

	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		struct str found = STR_NONE;
		if (!matches(str_of(routes[i].path), path, &found))
			continue;
		if (routes[i].method == method) {
			*route = &routes[i];
			*id = found;
			return 0;
		}
		status = 405;
	}
	return status;
}
