/* SPDX-License-Identifier: Apache-2.0 */
/* trothctl ca rotate, key rotate, server rotate, rotation list: what renews itself, and renewing it now. */
#include <stdio.h>

#include "tools/ctl.h"

static int renew(struct ctl *c, const char *path, const char *doing, bool at_once)
{
	c->doing = doing;
	return ctl_order(c, "POST", path, at_once ? json_pack("{s:b}", "atOnce", 1) : NULL);
}

int ctl_ca_rotate(struct ctl *c, const struct ctl_args *a)
{
	return renew(c, "/v1/ca/rotate", "making the next issuing CA", ctl_option(a, "at-once"));
}

int ctl_key_rotate(struct ctl *c, const struct ctl_args *a)
{
	(void)a;
	return renew(c, "/v1/keys/rotate", "making the next data key", false);
}

int ctl_server_rotate(struct ctl *c, const struct ctl_args *a)
{
	(void)a;
	return renew(c, "/v1/server/rotate", "making the server's next certificate", false);
}

int ctl_rotation_list(struct ctl *c, const struct ctl_args *a)
{
	static const struct ctl_column columns[] = { { "name", "what" }, { "from", "since" }, { "due", "renewed at" }, { "until", "ends" },
		{ "renewed", "renewals" }, { "failed", "failures" }, { "stage", "stage" }, { "error", "why" } };
	(void)a;
	return ctl_show_table(c, "/v1/rotations", columns, ARRAY_LEN(columns));
}
