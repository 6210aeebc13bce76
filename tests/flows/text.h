/* SPDX-License-Identifier: Apache-2.0 */
/* Text that grows, for the flows' language and their HTTP: ended with a zero, freed by whoever holds it. */
#ifndef FLOWS_TEXT_H
#define FLOWS_TEXT_H

#include <jansson.h>
#include <stddef.h>

struct text { /* begins as zero bytes */
	char *p;
	size_t n, cap;
};
void text_put(struct text *t, const char *s, size_t n);
void text_putz(struct text *t, const char *s);
/* A JSON value as a person writes it: a string without its quotes, all else as JSON. */
void text_put_json(struct text *t, const json_t *v);

#endif
