/* SPDX-License-Identifier: Apache-2.0 */
/* A flow file as a list of statements; what the words behind a verb mean is play.c's matter. */
#ifndef FLOWS_SCRIPT_H
#define FLOWS_SCRIPT_H

#include <stddef.h>

#include "tests/flows/relaxed.h"

enum verb {
#define VERB(id, word, help) V_##id,
#include "tests/flows/verbs.def"
#undef VERB
	V_COUNT
};

struct stmt {
	enum verb verb;
	int line;       /* of the file, 1 = first */
	char *rest;     /* what follows the verb, trimmed */
	size_t partner; /* repeat, each: its end; end: its beginning */
};

struct script {
	char *path;
	struct stmt *s;
	size_t n;
};

/* Reads and splits; a sentence "path:line: ..." in f when it is no flow.  0, or -1. */
int script_load(const char *path, struct script *out, struct fail *f);
/* The same of a text in memory. */
int script_parse(const char *path, const char *text, struct script *out, struct fail *f);
void script_free(struct script *s);
const char *verb_word(enum verb v);

/* Cuts the next blank-separated token off *p (quotes and brackets keep it together); NULL at the end. Caller frees. */
char *script_token(const char **p);
/* Cuts the next part up to a ',' outside of quotes and brackets; NULL at the end.  Trimmed; caller frees. */
char *script_part(const char **p);

#endif
