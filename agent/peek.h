/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at single members of JSON content without reading the rest: the agent knows oneM2M only as far as its policy asks. */
#ifndef AGENT_PEEK_H
#define AGENT_PEEK_H

#include "cse/base/str.h"

/* The raw text of the member that the names lead to, from the outside in ("*": the first member whatever its name); false: there is none,
 * or the text is no JSON up to there.  names ends with NULL. */
bool peek_member(struct str json, const char *const *names, struct str *raw);
/* The same for a string without escapes: what is between its quotes. */
bool peek_string(struct str json, const char *const *names, struct str *inner);
/* Name of the first member of the object that the names lead to. */
bool peek_root(struct str json, const char *const *names, struct str *name);

#endif
