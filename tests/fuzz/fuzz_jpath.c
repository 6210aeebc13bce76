/* SPDX-License-Identifier: Apache-2.0 */
/* Content queries: before the first line feed a query, then a JSON value.  A value that is none is not asked; a query and its
 * negation never both hold. */
#include "cse/core/jpath.h"

#include <stdlib.h>

#include "cse/model/any.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool ask(struct arena *a, struct str query, struct str content, bool *parsed)
{
	struct why w = { .rsc = RSC_NONE };
	struct jpath *q = NULL;
	enum rsc rsc = jpath_parse(a, query, &q, &w);

	REQUIRE((rsc == RSC_NONE) == (q != NULL) && (rsc == RSC_NONE || (w.rsc == rsc && w.text[0])));
	*parsed = q != NULL;
	return q && any_is_value(content) && jpath_match(q, a, content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest, query;
	struct arena a;
	bool more, parsed, yes;
	char *p, *not;

	if (size > 8192)
		return 0;
	p = malloc(size ? size : 1);
	memcpy(p, data, size);
	arena_init(&a, 1024);
	rest = str_make(p, size);
	query = str_cut(&rest, '\n', &more);
	yes = ask(&a, query, rest, &parsed);
	if (parsed) {
		not = arena_alloc(&a, query.n + 3);
		not[0] = '!';
		not[1] = '(';
		memcpy(not + 2, query.p, query.n);
		not[query.n + 2] = ')';
		REQUIRE(!(ask(&a, str_make(not, query.n + 3), rest, &parsed) && yes));
	}
	arena_fini(&a);
	free(p);
	return 0;
}
