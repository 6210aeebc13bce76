/* SPDX-License-Identifier: Apache-2.0 */
/* Response status codes and why a request failed. */
#include "cse/model/rsc.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

struct row {
	const char *text;
	unsigned short num, http, coap;
};
/* Ascending by number. */
static const struct row rows[] = {
#define RSC(num, name, http, coap, text) { text, num, http, coap },
#include "cse/model/rsc.def"
#undef RSC
};

static const struct row *find(enum rsc rsc)
{
	size_t lo = 0, hi = ARRAY_LEN(rows);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (rows[mid].num == (unsigned)rsc)
			return &rows[mid];
		if (rows[mid].num < (unsigned)rsc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

unsigned rsc_place(enum rsc rsc)
{
	const struct row *row = find(rsc);

	return row ? (unsigned)(row - rows) : (unsigned)ARRAY_LEN(rows);
}

enum rsc rsc_at(unsigned place)
{
	return place < ARRAY_LEN(rows) ? (enum rsc)rows[place].num : RSC_NONE;
}

unsigned rsc_http(enum rsc rsc)
{
	const struct row *r = find(rsc);

	return r ? r->http : 500;
}

unsigned rsc_coap(enum rsc rsc)
{
	const struct row *r = find(rsc);

	return r ? r->coap : 500;
}

const char *rsc_text(enum rsc rsc)
{
	const struct row *r = find(rsc);

	return r ? r->text : "unknown status";
}

enum rsc why_set(struct why *w, enum rsc rsc, const char *fmt, ...)
{
	va_list ap;

	if (w->rsc != RSC_NONE)
		return w->rsc;
	w->rsc = rsc;
	va_start(ap, fmt);
	vsnprintf(w->text, sizeof w->text, fmt, ap);
	va_end(ap);
	return rsc;
}
