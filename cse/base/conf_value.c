/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of the configuration to typed values and back. */
#include "cse/base/conf.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cse/base/conf_priv.h"
#include "cse/base/err.h"

struct unit {
	const char *name;
	int64_t factor;
};

/* Largest first: the form that is shown is the first that divides. */
static const struct unit size_units[] = {
	{ "T", 1099511627776 }, { "G", 1073741824 }, { "M", 1048576 }, { "k", 1024 }, { "", 1 },
};

static const struct unit duration_units[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};

static const struct unit no_units[] = { { "", 1 } };

static const struct {
	const char *name;
	bool value;
} bools[] = {
	{ "true", true },   { "yes", true }, { "on", true },   { "1", true },
	{ "false", false }, { "no", false }, { "off", false }, { "0", false },
};

static const struct unit *units_of(enum conf_type type, size_t *n)
{
	switch (type) {
	case CONF_T_SIZE:
		*n = ARRAY_LEN(size_units);
		return size_units;
	case CONF_T_DURATION:
		*n = ARRAY_LEN(duration_units);
		return duration_units;
	default:
		*n = ARRAY_LEN(no_units);
		return no_units;
	}
}

static int refuse(struct conf_why *reason, const char *fmt, ...) PRINTF_LIKE(2, 3);

static int refuse(struct conf_why *reason, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason->text, sizeof(reason->text), fmt, ap);
	va_end(ap);
	return E_CONF;
}

void conf_format(enum conf_type type, int64_t num, char *out, size_t size)
{
	size_t n;
	const struct unit *units = units_of(type, &n);

	for (size_t i = 0; i < n; i++) {
		if (num % units[i].factor || (num == 0 && i + 1 < n))
			continue;
		snprintf(out, size, "%" PRId64 "%s", num / units[i].factor, units[i].name);
		return;
	}
}

/* Digits, then a unit; a duration needs one unless it is 0. */
static int parse_number(enum conf_type type, struct str text, int64_t *out)
{
	size_t n, digits = text.n && text.p[0] == '-' ? 1 : 0;
	const struct unit *units = units_of(type, &n);
	struct str unit;
	int64_t v;
	int err;

	while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
		digits++;
	err = str_i64(str_first(text, digits), &v);
	if (err)
		return err;
	unit = str_trim(str_from(text, digits));
	if (v == 0 && unit.n == 0) {
		*out = 0;
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (!str_eqz(unit, units[i].name))
			continue;
		return __builtin_mul_overflow(v, units[i].factor, out) ? E_RANGE : 0;
	}
	return E_SYNTAX;
}

static const char *number_form(enum conf_type type)
{
	switch (type) {
	case CONF_T_SIZE:
		return "write a number of bytes, or one with k, M, G or T behind it";
	case CONF_T_DURATION:
		return "write a number with ms, s, m, h or d behind it";
	default:
		return "write a whole number";
	}
}

static int parse_ranged(const struct conf_row *row, struct str text, int64_t *out, struct conf_why *reason)
{
	char least[32], most[32];
	int64_t num = 0;
	int err = parse_number(row->type, text, &num);

	if (err == E_SYNTAX)
		return refuse(reason, "\"%.*s\" is not understood; %s", (int)str_first(text, 60).n, text.p, number_form(row->type));
	if (err || num < row->min || num > row->max) {
		conf_format(row->type, row->min, least, sizeof(least));
		conf_format(row->type, row->max, most, sizeof(most));
		return refuse(reason, "%.*s is out of range; give %s to %s", (int)str_first(text, 60).n, text.p, least, most);
	}
	*out = num;
	return 0;
}

static int parse_bool(struct str text, int64_t *out, struct conf_why *reason)
{
	for (size_t i = 0; i < ARRAY_LEN(bools); i++) {
		if (!str_eq_nocase(text, str_of(bools[i].name)))
			continue;
		*out = bools[i].value;
		return 0;
	}
	return refuse(reason, "\"%.*s\" is neither yes nor no; write true or false", (int)str_first(text, 60).n, text.p);
}

static int check_choice(const struct conf_row *row, struct str text, struct conf_why *reason)
{
	struct str rest = str_of(row->choices);
	bool more;

	do {
		if (str_eq(str_cut(&rest, '|', &more), text))
			return 0;
	} while (more);
	return refuse(reason, "\"%.*s\" is none of the choices; write one of %s", (int)str_first(text, 60).n, text.p, row->choices);
}

static int check_text(const struct conf_row *row, struct str text, struct conf_why *reason)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return refuse(reason, "holds a control character; write plain text");
	if (!str_is_utf8(text))
		return refuse(reason, "is not UTF-8; save the file in UTF-8");
	if (row->type == CONF_T_LIST)
		return 0;
	if (row->choices)
		return check_choice(row, text, reason);
	if (text.n < (size_t)row->min || text.n > (size_t)row->max)
		return refuse(reason, "has %zu bytes; give %" PRId64 " to %" PRId64, text.n, row->min, row->max);
	return 0;
}

static char *copy(struct str s)
{
	char *z = malloc(s.n + 1);

	REQUIRE(z != NULL);
	if (s.n)
		memcpy(z, s.p, s.n);
	z[s.n] = '\0';
	return z;
}

/* Elements between commas; one comma may end the list. */
static int parse_list(const struct conf_row *row, struct str text, struct conf_value *v, struct conf_why *reason)
{
	size_t bound = 1;
	bool more = text.n > 0;

	for (size_t i = 0; i < text.n; i++)
		bound += text.p[i] == ',';
	v->items = calloc(bound + 1, sizeof(v->items[0]));
	REQUIRE(v->items != NULL);
	while (more) {
		struct str item = str_trim(str_cut(&text, ',', &more));

		if (item.n == 0 && !more && v->n_items)
			break;
		if (item.n == 0)
			return refuse(reason, "has an empty element; remove the comma too many");
		v->items[v->n_items++] = copy(item);
	}
	if (v->n_items < (uint64_t)row->min || v->n_items > (uint64_t)row->max)
		return refuse(reason, "has %u elements; give %" PRId64 " to %" PRId64 ", separated by commas", v->n_items, row->min,
		              row->max);
	return 0;
}

static int parse(const struct conf_row *row, struct str text, struct conf_value *v, struct conf_why *reason)
{
	int err;

	switch (row->type) {
	case CONF_T_INT:
	case CONF_T_SIZE:
	case CONF_T_DURATION:
		return parse_ranged(row, text, &v->num, reason);
	case CONF_T_BOOL:
		return parse_bool(text, &v->num, reason);
	case CONF_T_STR:
	case CONF_T_PATH:
		return check_text(row, text, reason);
	case CONF_T_LIST:
		err = check_text(row, text, reason);
		return err ? err : parse_list(row, text, v, reason);
	}
	UNREACHABLE();
}

int conf_value_parse(const struct conf_row *row, struct str text, struct conf_value *out, struct conf_why *reason)
{
	struct conf_value v = { 0 };
	int err;

	text = str_trim(text);
	err = parse(row, text, &v, reason);
	if (err) {
		conf_value_fini(&v);
		return err;
	}
	v.text = copy(text);
	*out = v;
	return 0;
}

void conf_value_fini(struct conf_value *v)
{
	for (unsigned i = 0; i < v->n_items; i++)
		free(v->items[i]);
	free(v->items);
	free(v->text);
	*v = (struct conf_value){ 0 };
}
