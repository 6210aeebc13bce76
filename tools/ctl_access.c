/* SPDX-License-Identifier: Apache-2.0 */
/* trothctl zone, conduit, acp: who reaches what, and why. */
#include <stdio.h>

#include "tools/ctl.h"

static bool is_zone(const char *text, unsigned *out)
{
	uint64_t v;

	if (str_u64(str_of(text), &v) != 0 || v < 1 || v > 65535)
		return false;
	*out = (unsigned)v;
	return true;
}

/* Nothing is said of what was done as asked, but with --json. */
static int done(struct ctl *c, int code)
{
	if (code == CTL_OK && c->json)
		printf("%.*s\n", STR_ARG(c->reply));
	return code;
}

int ctl_zone_make(struct ctl *c, int argc, char **argv)
{
	char path[64];
	unsigned zone;

	if (argc != 2 || !is_zone(argv[1], &zone))
		return ctl_fail(CTL_USAGE, "zone make takes one number, 1 to 65535");
	snprintf(path, sizeof(path), "/v1/zones/%u", zone);
	return done(c, ctl_call(c, "POST", path, NULL));
}

int ctl_conduit(struct ctl *c, int argc, char **argv)
{
	char path[64];
	unsigned from, to;

	if (argc != 3 || !is_zone(argv[1], &from) || !is_zone(argv[2], &to) || from == to)
		return ctl_fail(CTL_USAGE, "conduit %s takes two different zones, 1 to 65535: from which, to which", argv[0]);
	snprintf(path, sizeof(path), "/v1/conduits/%u-%u/%s", from, to, argv[0]);
	return done(c, ctl_call(c, "POST", path, NULL));
}

int ctl_zone_list(struct ctl *c, int argc, char **argv)
{
	json_t *list = NULL, *z, *to;
	size_t i, k;

	if (argc > 1)
		return ctl_fail(CTL_USAGE, "zone list takes no %s", argv[1]);
	int code = ctl_call_json(c, "GET", "/v1/zones", NULL, &list);
	if (code)
		return code;
	if (c->json) {
		printf("%.*s\n", STR_ARG(c->reply));
	} else {
		json_array_foreach(list, i, z) {
			const json_t *reaches = json_object_get(z, "reaches");
			printf("zone %lld%s", (long long)json_integer_value(json_object_get(z, "zone")),
			       json_array_size(reaches) ? " reaches" : "");
			json_array_foreach((json_t *)(uintptr_t)reaches, k, to)
				printf(" %lld", (long long)json_integer_value(to));
			putchar('\n');
		}
	}
	json_decref(list);
	return CTL_OK;
}

int ctl_acp_why(struct ctl *c, int argc, char **argv)
{
	json_t *j = NULL, *body;

	if (argc != 4 && argc != 5)
		return ctl_fail(CTL_USAGE, "acp why takes an originator, an operation, a target, and with create a type: "
		                           "acp why CDev1 create cse-in/app1 cnt");
	body = json_pack("{s:s, s:s, s:s}", "originator", argv[1], "operation", argv[2], "to", argv[3]);
	if (!body || (argc == 5 && json_object_set_new(body, "type", json_string(argv[4])) != 0)) {
		json_decref(body);
		return ctl_fail(CTL_USAGE, "the arguments must be UTF-8");
	}
	int code = ctl_call_json(c, "POST", "/v1/acp/why", body, &j);
	if (code)
		return code;
	if (c->json)
		printf("%.*s\n", STR_ARG(c->reply));
	else
		printf("%s\n", json_string_value(json_object_get(j, "why")));
	json_decref(j);
	return CTL_OK;
}
