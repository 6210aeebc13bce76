/* SPDX-License-Identifier: Apache-2.0 */
/* Deep copies of values into one block that the caller allocates: structs (multiples of 8 bytes) first, then text. */
#ifndef MODEL_KEEP_H
#define MODEL_KEEP_H

#include "cse/model/value.h"

/* How many bytes a copy takes; grows from zero with every call. */
struct keep_space {
	size_t structs, text;
};
void keep_measure(const struct val *v, struct keep_space *s);
/* Its members; not struct obj itself. */
void keep_measure_obj(const struct obj *o, struct keep_space *s);

/* Where the next struct and the next text go. */
struct keep_cursor {
	char *structs, *text;
};
void keep_fill(struct keep_cursor *c, struct val *to, const struct val *from);
void keep_fill_obj(struct keep_cursor *c, struct obj *to, const struct obj *from);

#endif
