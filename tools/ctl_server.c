/* SPDX-License-Identifier: Apache-2.0 */
/* trothctl limits, config, log, reload: how the server runs. */
#include <stdio.h>

#include "tools/ctl.h"

int ctl_limits(struct ctl *c, const struct ctl_args *a)
{
	static const struct ctl_column columns[] = { { "name", "limit" }, { "value", "value" }, { "least", "least" }, { "most", "most" },
		{ "origin", "from" } };
	(void)a;
	return ctl_show_table(c, "/v1/limits", columns, ARRAY_LEN(columns));
}

/* limits set: a value; limits reset: what the configuration says. */
int ctl_limits_set(struct ctl *c, const struct ctl_args *a)
{
	json_t *body = json_pack("{s:s?}", a->v[0], a->n > 1 ? a->v[1] : NULL);

	REQUIRE(body);
	return ctl_order(c, "POST", "/v1/limits", body);
}

int ctl_config(struct ctl *c, const struct ctl_args *a)
{
	static const struct ctl_column columns[] = { { "name", "option" }, { "value", "value" }, { "origin", "from" } };
	json_t *list = NULL, *row, *shown = json_array();
	size_t i;

	int code = ctl_call_json(c, "GET", "/v1/config", NULL, &list);
	json_array_foreach(list, i, row)
		if (!ctl_option(a, "changed") || strcmp(ctl_text(row, "origin"), "default") != 0)
			json_array_append(shown, row);
	if (code == CTL_OK && c->json) {
		json_dumpf(shown, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		ctl_table(shown, columns, ARRAY_LEN(columns));
	}
	json_decref(shown);
	json_decref(list);
	return code;
}

int ctl_log_level(struct ctl *c, const struct ctl_args *a)
{
	json_t *j = NULL;

	if (a->n)
		return ctl_order(c, "POST", "/v1/log/level", json_pack("{s:s}", "level", a->v[0]));
	int code = ctl_ask(c, "GET", "/v1/log/level", NULL, &j);
	if (j)
		printf("%s\n", ctl_text(j, "level"));
	json_decref(j);
	return code;
}

int ctl_reload(struct ctl *c, const struct ctl_args *a)
{
	(void)a;
	return ctl_order(c, "POST", "/v1/reload", NULL);
}
