/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration (trothd's, the agent's) that is taken has every value in its range and reads the same when it is written again. */
#include <stdlib.h>

#include "agent/conf.h"
#include "cse/base/buf.h"
#include "cse/base/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 1 << 20, LINE_MAX_BYTES = 190 };

static void check_range(const struct conf_table *t, const struct conf *c, unsigned id)
{
	const struct conf_row *row = &t->rows[id];
	unsigned items = 0;
	int64_t v;

	switch (row->type) {
	case CONF_T_LIST:
		while (conf_item(c, id, items))
			REQUIRE(strlen(conf_item(c, id, items++)) > 0);
		v = items;
		break;
	case CONF_T_STR:
	case CONF_T_PATH:
		REQUIRE(str_is_utf8(str_of(conf_str(c, id))));
		v = row->choices ? row->min : (int64_t)strlen(conf_str(c, id));
		break;
	case CONF_T_BOOL:
		return;
	default:
		v = conf_num(c, id);
		break;
	}
	REQUIRE(v >= row->min && v <= row->max);
}

/* Writes what can be read back; no blank before a value, since a semicolon behind a blank begins a comment. */
static void write_option(struct buf *b, const struct conf_table *t, const struct conf *c, unsigned id)
{
	const struct conf_row *row = &t->rows[id];
	const char *item;

	buf_printf(b, "[%s]\n%s =", row->section, row->name);
	switch (row->type) {
	case CONF_T_LIST:
		for (unsigned i = 0; (item = conf_item(c, id, i)); i++)
			buf_printf(b, "%s%s", i ? "," : "", item);
		break;
	case CONF_T_STR:
	case CONF_T_PATH:
		buf_z(b, conf_str(c, id));
		break;
	case CONF_T_BOOL:
		buf_z(b, conf_bool(c, id) ? "on" : "off");
		break;
	default:
		buf_i64(b, conf_num(c, id));
		if (row->type == CONF_T_DURATION)
			BUF_LIT(b, "ms");
		break;
	}
	BUF_LIT(b, "\n");
}

static void check_same(const struct conf_table *t, const struct conf *a, const struct conf *b, unsigned id)
{
	const char *item;

	switch (t->rows[id].type) {
	case CONF_T_LIST:
		for (unsigned i = 0; (item = conf_item(a, id, i)); i++)
			REQUIRE(conf_item(b, id, i) && strcmp(conf_item(b, id, i), item) == 0);
		break;
	case CONF_T_STR:
	case CONF_T_PATH:
		REQUIRE(conf_same(a, b, id));
		break;
	case CONF_T_BOOL:
		REQUIRE(conf_bool(a, id) == conf_bool(b, id));
		break;
	default:
		REQUIRE(conf_num(a, id) == conf_num(b, id));
		break;
	}
}

static void check_written(const struct conf_table *t, const struct conf *c)
{
	for (unsigned id = 0; id < t->n; id++) {
		struct conf *again;
		struct conf_why why;
		struct buf b;

		check_range(t, c, id);
		if (strcmp(conf_origin(c, id), "default") == 0)
			continue;
		buf_init(&b, TEXT_MAX);
		write_option(&b, t, c, id);
		if (b.n > LINE_MAX_BYTES) {
			buf_fini(&b);
			continue;
		}
		again = conf_defaults_of(t);
		REQUIRE(!b.over && conf_read_text(again, "again", buf_as_str(&b), &why) == 0);
		check_same(t, c, again, id);
		conf_unref(again);
		buf_fini(&b);
	}
}

static void try_table(const struct conf_table *t, const uint8_t *data, size_t size)
{
	struct conf *c = conf_defaults_of(t);
	struct conf_why why = { "" };
	char *line = strndup((const char *)data, size);

	if (conf_read_text(c, "fuzz", str_make((const char *)data, size), &why) == 0)
		check_written(t, c);
	else
		REQUIRE(strchr(why.text, ';') && strncmp(why.text, "fuzz:", 5) == 0);
	conf_unref(c);
	c = conf_defaults_of(t);
	if (conf_set(c, line, &why) == 0)
		for (unsigned id = 0; id < t->n; id++)
			check_range(t, c, id);
	conf_unref(c);
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_table(&conf_troth, data, size);
	try_table(&conf_agent, data, size);
	return 0;
}
