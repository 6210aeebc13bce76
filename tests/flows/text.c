/* SPDX-License-Identifier: Apache-2.0 */
/* Text that grows. */
#include "tests/flows/text.h"

#include <stdlib.h>
#include <string.h>

void text_put(struct text *t, const char *s, size_t n)
{
	if (t->n + n + 1 > t->cap) {
		t->cap = (t->n + n + 1) * 2;
		t->p = realloc(t->p, t->cap);
		if (!t->p)
			abort();
	}
	memcpy(t->p + t->n, s, n);
	t->n += n;
	t->p[t->n] = 0;
}

void text_putz(struct text *t, const char *s)
{
	text_put(t, s, strlen(s));
}

void text_put_json(struct text *t, const json_t *v)
{
	if (json_is_string(v)) {
		text_put(t, json_string_value(v), json_string_length(v));
		return;
	}
	char *d = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
	text_putz(t, d);
	free(d);
}
