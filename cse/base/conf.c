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
	struct {
		struct conf_value value;
		char *origin;
	} options[CONF_COUNT];
};

static const struct conf_row rows[] = {
#define CONF(id, section, name, type, def, min, max, reload, help) \
	[id] = { section, name, def, help, NULL, type, min, max, reload },
#define CONF_CHOICE(id, section, name, def, choices, reload, help) \
	[id] = { section, name, def, help, choices, CONF_T_STR, 0, 0, reload },
#include "cse/base/conf.def"
#undef CONF
};

const struct conf_row *conf_row(enum conf_id id)
{
	REQUIRE((unsigned)id < CONF_COUNT);
	return &rows[id];
}

enum conf_id conf_find(struct str section, struct str name)
{
	unsigned id = 0;

	while (id < CONF_COUNT && !(str_eqz(section, rows[id].section) && str_eqz(name, rows[id].name)))
		id++;
	return (enum conf_id)id;
}

bool conf_has_section(struct str section)
{
	for (unsigned id = 0; id < CONF_COUNT; id++)
		if (str_eqz(section, rows[id].section))
			return true;
	return false;
}

int conf_why_set(struct conf_why *why, const char *place, enum conf_id id, const char *fmt, ...)
{
	char reason[sizeof(why->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	if (id == CONF_COUNT)
		snprintf(why->text, sizeof(why->text), "%.200s: %.300s", place, reason);
	else
		snprintf(why->text, sizeof(why->text), "%.200s: %s.%s: %.250s", place, rows[id].section, rows[id].name, reason);
	return E_CONF;
}

int conf_put(struct conf *c, enum conf_id id, struct str text, const char *origin, struct conf_why *why)
{
	struct conf_value v;
	struct conf_why reason;
	int err = conf_value_parse(id, text, &v, &reason);

	if (err)
		return conf_why_set(why, origin, id, "%s", reason.text);
	conf_value_fini(&c->options[id].value);
	free(c->options[id].origin);
	c->options[id].value = v;
	c->options[id].origin = strdup(origin);
	REQUIRE(c->options[id].origin != NULL);
	return 0;
}

const char *conf_text(const struct conf *c, enum conf_id id)
{
	return c->options[id].value.text;
}

struct conf *conf_defaults(void)
{
	struct conf *c = calloc(1, sizeof(*c));
	struct conf_why why;

	REQUIRE(c != NULL);
	c->magic = CONF_MAGIC;
	atomic_init(&c->refs, 1);
	for (unsigned id = 0; id < CONF_COUNT; id++)
		REQUIRE(conf_put(c, (enum conf_id)id, str_of(rows[id].def), "default", &why) == 0);
	return c;
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
	for (unsigned id = 0; id < CONF_COUNT; id++) {
		conf_value_fini(&c->options[id].value);
		free(c->options[id].origin);
	}
	c->magic = 0;
	free(c);
}

int conf_set(struct conf *c, const char *assignment, struct conf_why *why)
{
	struct str name = str_of(assignment), section, option;
	bool has_value, has_section;
	enum conf_id id;

	CHECK(c, CONF);
	option = str_cut(&name, '=', &has_value);
	section = str_cut(&option, '.', &has_section);
	id = conf_find(str_trim(section), str_trim(option));
	if (!has_value || !has_section || id == CONF_COUNT)
		return conf_why_set(why, "command line", CONF_COUNT,
		                    "\"%.80s\" sets no option; write section.option=value with an option of troth.conf", assignment);
	return conf_put(c, id, name, "command line", why);
}

static const struct conf_value *value_of(const struct conf *c, enum conf_id id)
{
	CHECK(c, CONF);
	REQUIRE((unsigned)id < CONF_COUNT);
	return &c->options[id].value;
}

const char *conf_str(const struct conf *c, enum conf_id id)
{
	const struct conf_value *v = value_of(c, id);

	REQUIRE(rows[id].type == CONF_T_STR || rows[id].type == CONF_T_PATH);
	return v->text;
}

int64_t conf_num(const struct conf *c, enum conf_id id)
{
	const struct conf_value *v = value_of(c, id);

	REQUIRE(rows[id].type == CONF_T_INT || rows[id].type == CONF_T_SIZE || rows[id].type == CONF_T_DURATION);
	return v->num;
}

bool conf_bool(const struct conf *c, enum conf_id id)
{
	const struct conf_value *v = value_of(c, id);

	REQUIRE(rows[id].type == CONF_T_BOOL);
	return v->num != 0;
}

const char *conf_item(const struct conf *c, enum conf_id id, unsigned i)
{
	const struct conf_value *v = value_of(c, id);

	REQUIRE(rows[id].type == CONF_T_LIST);
	return i < v->n_items ? v->items[i] : NULL;
}

const char *conf_origin(const struct conf *c, enum conf_id id)
{
	value_of(c, id);
	return c->options[id].origin;
}

bool conf_same(const struct conf *a, const struct conf *b, enum conf_id id)
{
	return strcmp(value_of(a, id)->text, value_of(b, id)->text) == 0;
}

void conf_refuse(const struct conf *c, enum conf_id id, char *out, size_t size, const char *fmt, ...)
{
	struct conf_why why;
	char reason[sizeof(why.text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	conf_why_set(&why, conf_origin(c, id), id, "%s", reason);
	snprintf(out, size, "%s", why.text);
}

static const char *type_text(const struct conf_row *row, char *text, size_t size)
{
	char least[32], most[32];

	conf_value_format(row->type, row->min, least, sizeof(least));
	conf_value_format(row->type, row->max, most, sizeof(most));
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

void conf_print(FILE *f)
{
	const char *section = "";
	char text[256];

	fputs("# Configuration of trothd.  Every option is here with its default, which holds while the line is a comment.\n"
	      "# Files conf.d/*.conf beside this one are read after it, in order of name; the environment\n"
	      "# (TROTH_SECTION_OPTION) comes last.  A value may go on in lines that begin with a space where it is a list;\n"
	      "# no other line may be longer than 190 bytes.  trothd --check-config reads all and says what is wrong.\n",
	      f);
	for (unsigned id = 0; id < CONF_COUNT; id++) {
		const struct conf_row *row = &rows[id];

		if (strcmp(row->section, section) != 0)
			fprintf(f, "\n[%s]\n", row->section);
		section = row->section;
		fprintf(f, "\n# %s\n# %s; %s.\n", row->help, type_text(row, text, sizeof(text)),
		        row->reload ? "taken over by a reload" : "taken over at a start only");
		fprintf(f, "#%s =%s%s\n", row->name, row->def[0] ? " " : "", row->def);
	}
}
