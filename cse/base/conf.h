/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration: the options of a table (trothd's is conf.def), read from an ini file, conf.d/<name>.conf beside it in order of name,
 * and the environment (TROTH_<SECTION>_<NAME>), the later one over the earlier.  Reading never changes the running set: a new set is made, checked as a whole
 * and then used or thrown away.
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdio.h>

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

struct conf_row {
	const char *section, *name, *def, *help;
	const char *choices; /* "a|b|c", or NULL */
	enum conf_type type;
	int64_t min, max;
	bool reload;
};

/* The options of a program, at the place of their id. */
struct conf_table {
	const struct conf_row *rows;
	unsigned n;
	const char *program; /* "trothd" */
	const char *file;    /* "troth.conf": what reasons point at */
	const char *prefix;  /* "TROTH_": of the environment's variables */
};
extern const struct conf_table conf_troth; /* conf.def; below an id is one of its own table's */

struct conf_why {
	char text[512]; /* "file:line: section.option: reason; what to do" */
};

/* All defaults, no file. */
struct conf *conf_defaults(void);
struct conf *conf_defaults_of(const struct conf_table *t);
/* 0 and *out; or E_CONF with the first reason.  path may be NULL (defaults and environment only).
 * Unknown sections and options, bad values and duplicates in one file are refused, and variables that name a section but
 * no option of it; other TROTH_ variables are not ours.  envp like environ; NULL: no environment. */
int conf_read(const char *path, char *const *envp, struct conf **out, struct conf_why *why);
int conf_read_of(const struct conf_table *t, const char *path, char *const *envp, struct conf **out, struct conf_why *why);
/* One file's text over what is set; `file` is its name in reasons.  Only before the set is shared; after a failure the
 * set may be half changed. */
int conf_read_text(struct conf *c, const char *file, struct str text, struct conf_why *why);
/* Sets one option as the command line does ("section.name=value"). Only before the set is shared. */
int conf_set(struct conf *c, const char *assignment, struct conf_why *why);
/* The same with another origin, a constant text. */
int conf_set_from(struct conf *c, const char *assignment, const char *origin, struct conf_why *why);
struct conf *conf_ref(struct conf *c);
void conf_unref(struct conf *c);

/* Values; the type must be the option's own (a contract).  INT, SIZE (bytes) and DURATION (milliseconds) are numbers. */
const char *conf_str(const struct conf *c, unsigned id);
int64_t conf_num(const struct conf *c, unsigned id);
bool conf_bool(const struct conf *c, unsigned id);
/* Element i of a comma-separated list, or NULL. */
const char *conf_item(const struct conf *c, unsigned id, unsigned i);
/* The value as it was written. */
const char *conf_text(const struct conf *c, unsigned id);
/* Where the value came from: "default", "file:line", "environment", "command line" or what conf_set_from was told. */
const char *conf_origin(const struct conf *c, unsigned id);

/* Writes "origin: section.option: reason" for a value that its user cannot take (an address that is not one). */
void conf_refuse(const struct conf *c, unsigned id, char *out, size_t size, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* Is the option written alike in both?  For a reload. */
bool conf_same(const struct conf *a, const struct conf *b, unsigned id);

const struct conf_row *conf_row(enum conf_id id); /* of conf_troth */
/* A number as it would be written: "64k", "30s". */
void conf_format(enum conf_type type, int64_t num, char *out, size_t size);
/* All options with help, range and default, as comments: the text of etc/troth.conf. */
void conf_print(FILE *f);
void conf_print_of(const struct conf_table *t, FILE *f);

#endif
