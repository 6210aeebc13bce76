/* SPDX-License-Identifier: Apache-2.0 */
/* The words of send and launch become a request primitive. */
#ifndef FLOWS_ASK_H
#define FLOWS_ASK_H

#include "tests/flows/script.h"

struct ask {
	char *actor;
	bool has_from;  /* `as` was said */
	char *from;     /* NULL: no From */
	json_t *prim;   /* without fr and rqi when the words did not give them */
	bool no_rqi;
};

/* "ACTOR [as WHO|nobody] OP TARGET [content] [parameter=value ...]".  0 and *out, or -1. */
int ask_read(const char *words, const struct scope *sc, struct ask *out, struct fail *f);
void ask_fini(struct ask *a);

#endif
