/* SPDX-License-Identifier: Apache-2.0 */
/* trothctl tree, get: resources as the administrator may see them. */
#include <stdio.h>
#include <stdlib.h>

#include "tools/ctl.h"

static void show_node(const json_t *j)
{
	int depth = (int)json_integer_value(json_object_get(j, "depth"));
	const char *rn = ctl_text(j, "rn");
	const json_t *n = json_object_get(j, "instances");
	char name[300];
	struct buf time;

	/* Who may not read it does not learn what it is called. */
	snprintf(name, sizeof(name), "%*s%s", depth < 64 ? depth * 2 : 128, "", *rn ? rn : "(no policy shows it)");
	buf_init(&time, 64);
	ctl_put_plain(&time, ctl_text(j, "lt"));
	printf("%-40s %-6s %-20s %.*s", name, ctl_text(j, "type"), ctl_text(j, "ri"), STR_ARG(buf_as_str(&time)));
	buf_fini(&time);
	if (n)
		printf("  %lld instances, %lld bytes", (long long)json_integer_value(n),
		       (long long)json_integer_value(json_object_get(j, "bytes")));
	putchar('\n');
}

static void put_query(struct buf *b, char *sep, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(b, "%c%s=", *sep, name);
	ctl_put_escaped(b, value);
	*sep = '&';
}

int ctl_tree(struct ctl *c, const struct ctl_args *a)
{
	json_t *j = NULL, *node;
	struct buf path;
	char sep = '?';
	size_t i;

	buf_init(&path, 65536);
	BUF_LIT(&path, "/v1/tree");
	put_query(&path, &sep, "from", a->n ? a->v[0] : NULL);
	put_query(&path, &sep, "depth", ctl_option(a, "depth"));
	put_query(&path, &sep, "limit", ctl_option(a, "limit"));
	buf_putc(&path, 0);
	int code = ctl_ask(c, "GET", path.p, NULL, &j);
	json_array_foreach(json_object_get(j, "nodes"), i, node)
		show_node(node);
	if (json_is_true(json_object_get(j, "more")))
		printf("there is more: --limit, or begin further below\n");
	json_decref(j);
	buf_fini(&path);
	return code;
}

int ctl_get(struct ctl *c, const struct ctl_args *a)
{
	json_t *j = NULL;
	struct buf path;
	char sep = '?';

	buf_init(&path, 65536);
	BUF_LIT(&path, "/v1/resource");
	put_query(&path, &sep, "address", a->v[0]);
	buf_putc(&path, 0);
	int code = ctl_ask(c, "GET", path.p, NULL, &j);
	char *text = j ? json_dumps(j, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;
	if (text)
		ctl_print_json(str_of(text));
	free(text);
	json_decref(j);
	buf_fini(&path);
	return code;
}
