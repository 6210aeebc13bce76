/* SPDX-License-Identifier: Apache-2.0 */
/* Places: a byte of types, then two texts of coordinates parted by a line feed.  Comparing them ends. */
#include "cse/core/geo.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *fault = NULL;
	struct geo *x, *y;
	struct arena a;
	struct str rest, first;
	bool more;
	char *p;

	if (size < 1 || size > 8192)
		return 0;
	p = malloc(size);
	memcpy(p, data, size);
	arena_init(&a, 1024);
	rest = str_make(p + 1, size - 1);
	first = str_cut(&rest, '\n', &more);
	x = geo_parse(&a, (enum geo_type)(data[0] & 7), first, GEO_POINTS_MAX, &fault);
	REQUIRE(x || fault);
	fault = NULL;
	y = geo_parse(&a, (enum geo_type)(data[0] >> 3 & 7), rest, GEO_QUERY_POINTS, &fault);
	REQUIRE(y || fault);
	if (x && y) {
		geo_match(GEO_CONTAINS, x, y);
		geo_match(GEO_INTERSECTS, x, y);
		geo_match(GEO_WITHIN, x, y);
	}
	if (x)
		geo_match(GEO_INTERSECTS, x, x);
	arena_fini(&a);
	free(p);
	return 0;
}
