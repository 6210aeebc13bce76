/* SPDX-License-Identifier: Apache-2.0 */
/* trothctl zone, conduit, acp: who reaches what, and why. */
#include <stdio.h>

#include "tools/ctl.h"

int ctl_zone_make(struct ctl *c, const struct ctl_args *a)
{
	char path[64];

	snprintf(path, sizeof(path), "/v1/zones/%s", a->v[0]);
	return ctl_order(c, "POST", path, NULL);
}

int ctl_conduit(struct ctl *c, const struct ctl_args *a)
{
	char path[64];

	if (strcmp(a->v[0], a->v[1]) == 0)
		return ctl_fail(CTL_USAGE, "conduit %s takes two different zones: from which, to which", a->word);
	snprintf(path, sizeof(path), "/v1/conduits/%s-%s/%s", a->v[0], a->v[1], a->word);
	return ctl_order(c, "POST", path, NULL);
}

int ctl_zone_list(struct ctl *c, const struct ctl_args *a)
{
	json_t *list = NULL, *z, *to;
	size_t i, k;

	(void)a;
	int code = ctl_ask(c, "GET", "/v1/zones", NULL, &list);
	json_array_foreach(list, i, z) {
		const json_t *reaches = json_object_get(z, "reaches");
		printf("zone %lld%s", (long long)json_integer_value(json_object_get(z, "zone")),
		       json_array_size(reaches) ? " reaches" : "");
		json_array_foreach((json_t *)(uintptr_t)reaches, k, to)
			printf(" %lld", (long long)json_integer_value(to));
		putchar('\n');
	}
	json_decref(list);
	return code;
}

int ctl_acp_why(struct ctl *c, const struct ctl_args *a)
{
	json_t *j = NULL;

	if ((strcmp(a->v[1], "create") == 0) != (a->n == 4))
		return ctl_fail(CTL_USAGE, "a type belongs to create, and to nothing else: acp why CDev1 create cse-in/app1 cnt");
	json_t *body = json_pack("{s:s, s:s, s:s, s:s*}", "originator", a->v[0], "operation", a->v[1], "to", a->v[2], "type",
	                         a->n == 4 ? a->v[3] : NULL);
	REQUIRE(body);
	int code = ctl_ask(c, "POST", "/v1/acp/why", body, &j);
	if (j)
		printf("%s\n", ctl_text(j, "why"));
	json_decref(j);
	return code;
}
