/* SPDX-License-Identifier: Apache-2.0 */
/* Between conf.c (the set), conf_value.c (texts to values) and conf_file.c (files, environment). */
#ifndef BASE_CONF_PRIV_H
#define BASE_CONF_PRIV_H

#include <limits.h>

#include "cse/base/conf.h"

struct conf_value {
	char *text;      /* as it was written, trimmed */
	int64_t num;     /* INT, SIZE, DURATION; BOOL: 0 or 1 */
	char **items;    /* LIST; ended by NULL */
	unsigned n_items;
};

/* 0 and *out, or E_CONF and a reason with the mend ("must be ...; ..."). */
int conf_value_parse(const struct conf_row *row, struct str text, struct conf_value *out, struct conf_why *reason);
void conf_value_fini(struct conf_value *v);

#define CONF_NONE UINT_MAX /* no option */

const struct conf_table *conf_table_of(const struct conf *c);
/* The option, or CONF_NONE. */
unsigned conf_find(const struct conf_table *t, struct str section, struct str name);
bool conf_has_section(const struct conf_table *t, struct str section);
/* Sets a value; origin is copied. */
int conf_put(struct conf *c, unsigned id, struct str text, const char *origin, struct conf_why *why);

/* why = "place: section.option: reason"; always E_CONF. */
int conf_why_set(const struct conf_table *t, struct conf_why *why, const char *place, unsigned id, const char *fmt, ...)
    PRINTF_LIKE(5, 6);

#endif
