/* SPDX-License-Identifier: Apache-2.0 */
/* Label queries: before the first line feed a query, then labels.  Memory is bounded by what came in. */
#include "cse/core/labelq.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct why w = { .rsc = RSC_NONE };
	struct strs labels = { NULL, 0 };
	struct labelq *q = NULL;
	struct arena a;
	struct str rest;
	bool more = true;
	char *p;
	enum rsc rsc;

	if (size > 8192)
		return 0;
	p = malloc(size ? size : 1);
	memcpy(p, data, size);
	arena_init(&a, 1024);
	rest = str_make(p, size);
	rsc = labelq_parse(&a, str_cut(&rest, '\n', &more), &q, &w);
	REQUIRE((rsc == RSC_NONE) == (q != NULL) && (rsc == RSC_NONE || (w.rsc == rsc && w.text[0])));
	while (q && more)
		strs_add(&a, &labels, str_cut(&rest, '\n', &more));
	if (q)
		labelq_match(q, &labels);
	REQUIRE(a.used < (1 << 16) + 64 * size);
	arena_fini(&a);
	free(p);
	return 0;
}
