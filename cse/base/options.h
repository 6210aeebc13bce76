/* SPDX-License-Identifier: Apache-2.0 */
/* The command line that our servers share: a configuration's file, options set over it, a check, help and version. */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include "cse/base/conf.h"

enum { OPTIONS_SETS = 64, OPTIONS_WRONG = 2 /* exit status: options or configuration are wrong */ };

struct options {
	const char *conf;                /* the file; NULL: none */
	const char *sets[OPTIONS_SETS];  /* "section.option=value", in order */
	size_t n_sets;
	bool check;                      /* read and check only */
};

struct options_program {
	const struct conf_table *table;
	const char *file;                /* read when it is there and no other is named */
	bool commands;                   /* words that are no options may follow; without, they are refused */
	void (*usage)(FILE *f);
};

/* -1: go on, *o is complete and optind at the first word that is no option; otherwise the exit status, and all has been said.
 * The texts of *o are those of argv and of p->file. */
int options_parse(struct options *o, const struct options_program *p, int argc, char **argv);
/* The file, the environment and the options set, as one.  0 and *out; or E_CONF with the reason. */
int options_read(const struct options *o, const struct conf_table *t, char *const *envp, struct conf **out, struct conf_why *why);

#endif
