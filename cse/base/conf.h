/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration: the options of conf.def, read from an ini file, conf.d/<name>.conf in order of name, and the
 * environment (TROTH_<SECTION>_<NAME>).  Reading never changes the running set: a new set is made, checked as a whole
 * and then used or thrown away.
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include "cse/base/check.h"
#include "cse/base/str.h"

enum conf_type { CONF_T_STR, CONF_T_INT, CONF_T_BOOL, CONF_T_SIZE, CONF_T_DURATION, CONF_T_LIST, CONF_T_PATH };

enum conf_id {
#define CONF(id, section, name, type, def, min, max, reload, help) id,
#include "cse/base/conf.def"
#undef CONF
	CONF_COUNT
};

struct conf; /* immutable once read; counted */

struct conf_why {
	char text[512]; /* "file:line: section.option: reason; what to do" */
};

/* All defaults, no file. */
struct conf *conf_defaults(void);
/* 0 and *out; or E_CONF with the first reason.  path may be NULL (defaults and environment only).
 * Unknown sections and options, bad values and duplicates are refused. envp like environ; NULL: no environment. */
int conf_read(const char *path, char *const *envp, struct conf **out, struct conf_why *why);
/* Sets one option as the command line does ("section.name=value"). Only before the set is shared. */
int conf_set(struct conf *c, const char *assignment, struct conf_why *why);
struct conf *conf_ref(struct conf *c);
void conf_unref(struct conf *c);

/* Values; the type must be the option's own (a contract).  INT, SIZE (bytes) and DURATION (milliseconds) are numbers. */
const char *conf_str(const struct conf *c, enum conf_id id);
int64_t conf_num(const struct conf *c, enum conf_id id);
bool conf_bool(const struct conf *c, enum conf_id id);
/* Element i of a comma-separated list, or NULL. */
const char *conf_item(const struct conf *c, enum conf_id id, unsigned i);
/* Where the value came from: "default", "file:line" or "environment". */
const char *conf_origin(const struct conf *c, enum conf_id id);

struct conf_row {
	const char *section, *name, *def, *help;
	enum conf_type type;
	int64_t min, max;
	bool reload;
};
const struct conf_row *conf_row(enum conf_id id);

#endif
