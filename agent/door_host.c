/* SPDX-License-Identifier: Apache-2.0 */
/* Who a message says it is for, and whether a web page is behind it (security-model 3.2): DNS rebinding and cross-site requests end here. */
#include "agent/door_priv.h"

bool door_host_is_local(struct str authority)
{
	size_t end = authority.n > 0 && authority.p[0] == '[' ? str_index(authority, ']') + 1 : str_index(authority, ':');
	struct str host = str_first(authority, end), port = str_from(authority, end);
	uint64_t number;

	if (port.n > 0 && (port.p[0] != ':' || port.n > 6 || str_u64(str_from(port, 1), &number) != 0 || number > 65535))
		return false;
	return str_eq(host, STR("127.0.0.1")) || str_eq(host, STR("[::1]")) || str_eq_nocase(host, STR("localhost"));
}

unsigned door_host_check(const struct http1 *h, const char *base, const struct policy *policy, struct str *origin, const char **why)
{
	bool has_origin, has_site, has_host;
	struct str from = http1_field(h, base, STR("origin"), &has_origin);
	struct str host = http1_field(h, base, STR("host"), &has_host);

	http1_field(h, base, STR("sec-fetch-site"), &has_site);
	*origin = STR_NONE;
	if (!has_host || !door_host_is_local(host) || (h->form == HTTP1_ABSOLUTE && !door_host_is_local(http1_str(base, h->authority)))) {
		*why = "this port is for 127.0.0.1, [::1] and localhost only; Host names another";
		return 421;
	}
	if (h->form != HTTP1_ORIGIN && h->form != HTTP1_ABSOLUTE) {
		*why = "this method is not a oneM2M operation";
		return 405;
	}
	if ((has_origin || has_site) && (!has_origin || !policy_origin(policy, from))) {
		*why = "web pages may not use this port; the operator may name an origin in agent.origins";
		return 403;
	}
	if (has_origin)
		*origin = from;
	return 0;
}
