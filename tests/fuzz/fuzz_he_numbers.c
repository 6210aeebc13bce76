/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in CSV and JSON: what is read is finite, written and read again it is the same. */
#include <math.h>
#include <string.h>

#include "cse/base/check.h"
#include "he/numbers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const columns[] = { NULL, "1", "2", "value" };
	double v[64], again[64];
	struct he_why w;
	size_t n, m;

	for (size_t c = 0; c < ARRAY_LEN(columns); c++) {
		struct buf out;

		if (he_numbers_read(str_make((const char *)data, size), columns[c], v, ARRAY_LEN(v), &n, &w) != 0)
			continue;
		REQUIRE(n >= 1 && n <= ARRAY_LEN(v));
		buf_init(&out, 4096);
		buf_putc(&out, '[');
		for (size_t i = 0; i < n; i++) {
			REQUIRE(isfinite(v[i]));
			buf_printf(&out, i ? ", %.17g" : "%.17g", v[i]);
		}
		buf_putc(&out, ']');
		REQUIRE(he_numbers_read(buf_as_str(&out), NULL, again, ARRAY_LEN(again), &m, &w) == 0);
		REQUIRE(m == n && memcmp(v, again, n * sizeof(*v)) == 0);
		buf_fini(&out);
	}
	return 0;
}
