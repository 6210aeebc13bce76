/* SPDX-License-Identifier: Apache-2.0 */
/* The set of options: one value and its origin per row of conf.def. */
#include "cse/base/conf.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "cse/base/conf_priv.h"
#include "cse/base/err.h"

#define CONF_MAGIC 0xc04f1650u

struct conf {
	uint32_t magic;
	_Atomic unsigned refs;
	const struct conf_table *table;
	struct conf_option {
		struct conf_value value;
		char *origin;
	} options[];
};

static const struct conf_row rows[] = {
#define CONF(id, section, name, type, def, min, max, reload, help) \
	[id] = { section, name, def, help, NULL, type, min, max, reload },
#define CONF_CHOICE(id, section, name, def, choices, reload, help) \
	[id] = { section, name, def, help, choices, CONF_T_STR, 0, 0, reload },
#include "cse/base/conf.def"
#undef CONF
};

const struct conf_table conf_troth = { rows, CONF_COUNT, "trothd", "troth.conf", "TROTH_" };

const struct conf_row *conf_row(enum conf_id id)
{
	REQUIRE((unsigned)id < CONF_COUNT);
	return &rows[id];
}

const struct conf_table *conf_table_of(const struct conf *c)
{
	return c->table;
}

unsigned conf_find(const struct conf_table *t, struct str section, struct str name)
{
	for (unsigned id = 0; id < t->n; id++)
		if (str_eqz(section, t->rows[id].section) && str_eqz(name, t->rows[id].name))
			return id;
	return CONF_NONE;
}

bool conf_has_section(const struct conf_table *t, struct str section)
{
	for (unsigned id = 0; id < t->n; id++)
		if (str_eqz(section, t->rows[id].section))
			return true;
	return false;
}

int conf_why_set(const struct conf_table *t, struct conf_why *why, const char *place, unsigned id, const char *fmt, ...)
{
	char reason[sizeof(why->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	if (id == CONF_NONE)
		snprintf(why->text, sizeof(why->text), "%.200s: %.300s", place, reason);
	else
		snprintf(why->text, sizeof(why->text), "%.200s: %s.%s: %.250s", place, t->rows[id].section, t->rows[id].name, reason);
	return E_CONF;
}

int conf_put(struct conf *c, unsigned id, struct str text, const char *origin, struct conf_why *why)
{
	struct conf_value v;
	struct conf_why reason;
	int err = conf_value_parse(&c->table->rows[id], text, &v, &reason);

	if (err)
		return conf_why_set(c->table, why, origin, id, "%s", reason.text);
	conf_value_fini(&c->options[id].value);
	free(c->options[id].origin);
	c->options[id].value = v;
	c->options[id].origin = strdup(origin);
	REQUIRE(c->options[id].origin != NULL);
	return 0;
}

const char *conf_text(const struct conf *c, unsigned id)
{
	return c->options[id].value.text;
}

struct conf *conf_defaults_of(const struct conf_table *t)
{
	struct conf *c = calloc(1, sizeof(*c) + t->n * sizeof(c->options[0]));
	struct conf_why why;

	REQUIRE(c != NULL);
	c->magic = CONF_MAGIC;
	c->table = t;
	atomic_init(&c->refs, 1);
	for (unsigned id = 0; id < t->n; id++)
		REQUIRE(conf_put(c, id, str_of(t->rows[id].def), "default", &why) == 0);
	return c;
}

struct conf *conf_defaults(void)
{
	return conf_defaults_of(&conf_troth);
}

struct conf *conf_ref(struct conf *c)
{
	CHECK(c, CONF);
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void conf_unref(struct conf *c)
{
	if (c == NULL)
		return;
	CHECK(c, CONF);
	if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (unsigned id = 0; id < c->table->n; id++) {
		conf_value_fini(&c->options[id].value);
		free(c->options[id].origin);
	}
	c->magic = 0;
	free(c);
}

int conf_set_from(struct conf *c, const char *assignment, const char *origin, struct conf_why *why)
{
	struct str name = str_of(assignment), section, option;
	bool has_value, has_section;
	unsigned id;

	CHECK(c, CONF);
	option = str_cut(&name, '=', &has_value);
	section = str_cut(&option, '.', &has_section);
	id = conf_find(c->table, str_trim(section), str_trim(option));
	if (!has_value || !has_section || id == CONF_NONE)
		return conf_why_set(c->table, why, origin, CONF_NONE,
		                    "\"%.80s\" sets no option; write section.option=value with an option of %s", assignment,
		                    c->table->file);
	return conf_put(c, id, name, origin, why);
}

int conf_set(struct conf *c, const char *assignment, struct conf_why *why)
{
	return conf_set_from(c, assignment, "command line", why);
}

static enum conf_type type_of(const struct conf *c, unsigned id)
{
	return c->table->rows[id].type;
}

static const struct conf_value *value_of(const struct conf *c, unsigned id)
{
	CHECK(c, CONF);
	REQUIRE(id < c->table->n);
	return &c->options[id].value;
}

const char *conf_str(const struct conf *c, unsigned id)
{
	const struct conf_value *v = value_of(c, id);

	REQUIRE(type_of(c, id) == CONF_T_STR || type_of(c, id) == CONF_T_PATH);
	return v->text;
}

int64_t conf_num(const struct conf *c, unsigned id)
{
	const struct conf_value *v = value_of(c, id);

	REQUIRE(type_of(c, id) == CONF_T_INT || type_of(c, id) == CONF_T_SIZE || type_of(c, id) == CONF_T_DURATION);
	return v->num;
}

bool conf_bool(const struct conf *c, unsigned id)
{
	const struct conf_value *v = value_of(c, id);

	REQUIRE(type_of(c, id) == CONF_T_BOOL);
	return v->num != 0;
}

const char *conf_item(const struct conf *c, unsigned id, unsigned i)
{
	const struct conf_value *v = value_of(c, id);

	REQUIRE(type_of(c, id) == CONF_T_LIST);
	return i < v->n_items ? v->items[i] : NULL;
}

const char *conf_origin(const struct conf *c, unsigned id)
{
	value_of(c, id);
	return c->options[id].origin;
}

bool conf_same(const struct conf *a, const struct conf *b, unsigned id)
{
	return strcmp(value_of(a, id)->text, value_of(b, id)->text) == 0;
}

void conf_refuse(const struct conf *c, unsigned id, char *out, size_t size, const char *fmt, ...)
{
	struct conf_why why;
	char reason[sizeof(why.text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	conf_why_set(c->table, &why, conf_origin(c, id), id, "%s", reason);
	snprintf(out, size, "%s", why.text);
}

static const char *type_text(const struct conf_row *row, char *text, size_t size)
{
	char least[32], most[32];

	conf_format(row->type, row->min, least, sizeof(least));
	conf_format(row->type, row->max, most, sizeof(most));
	if (row->choices) {
		snprintf(text, size, "One of: %s", row->choices);
		return text;
	}
	switch (row->type) {
	case CONF_T_INT:
		snprintf(text, size, "A number, %s to %s", least, most);
		break;
	case CONF_T_BOOL:
		snprintf(text, size, "true or false");
		break;
	case CONF_T_SIZE:
		snprintf(text, size, "A size in bytes or with k, M, G, T: %s to %s", least, most);
		break;
	case CONF_T_DURATION:
		snprintf(text, size, "A time with ms, s, m, h, d: %s to %s", least, most);
		break;
	case CONF_T_LIST:
		snprintf(text, size, "A list, separated by commas, of %s to %s elements", least, most);
		break;
	case CONF_T_STR:
		snprintf(text, size, "Text of %s to %s bytes", least, most);
		break;
	case CONF_T_PATH:
		snprintf(text, size, "A path of at most %s bytes", most);
		break;
	}
	return text;
}

void conf_print_of(const struct conf_table *t, FILE *f)
{
	const char *section = "";
	char text[256];

	fprintf(f, "# Configuration of %s.  Every option is here with its default, which holds while the line is a comment.\n"
	        "# Files conf.d/*.conf beside this one are read after it, in order of name; the environment\n"
	        "# (%sSECTION_OPTION) comes last.  A value may go on in lines that begin with a space where it is a list;\n"
	        "# no other line may be longer than 190 bytes.  %s --check-config reads all and says what is wrong.\n",
	        t->program, t->prefix, t->program);
	for (unsigned id = 0; id < t->n; id++) {
		const struct conf_row *row = &t->rows[id];

		if (strcmp(row->section, section) != 0)
			fprintf(f, "\n[%s]\n", row->section);
		section = row->section;
		fprintf(f, "\n# %s\n# %s; %s.\n", row->help, type_text(row, text, sizeof(text)),
		        row->reload ? "taken over by a reload" : "taken over at a start only");
		fprintf(f, "#%s =%s%s\n", row->name, row->def[0] ? " " : "", row->def);
	}
}

void conf_print(FILE *f)
{
	conf_print_of(&conf_troth, f);
}
