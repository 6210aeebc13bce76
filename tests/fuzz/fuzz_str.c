/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers against strtoull and strtoll, UTF-8 against jansson's check, cutting against putting together again. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "cse/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DIGITS_MAX = 60 };

static bool is_number(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

static void check_numbers(struct str s)
{
	bool minus = s.n && s.p[0] == '-';
	char text[DIGITS_MAX + 1];
	uint64_t u = 1, expect_u;
	int64_t i = 1, expect_i;
	int err_u, err_i;

	s = str_first(s, DIGITS_MAX);
	if (s.n)
		memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	err_u = str_u64(s, &u);
	err_i = str_i64(s, &i);
	errno = 0;
	expect_u = strtoull(text, NULL, 10);
	if (!is_number(s))
		REQUIRE(err_u == E_SYNTAX && u == 1);
	else if (errno)
		REQUIRE(err_u == E_RANGE && u == 1);
	else
		REQUIRE(err_u == 0 && u == expect_u);
	errno = 0;
	expect_i = strtoll(text, NULL, 10);
	if (!is_number(minus ? str_from(s, 1) : s))
		REQUIRE(err_i == E_SYNTAX && i == 1);
	else if (errno)
		REQUIRE(err_i == E_RANGE && i == 1);
	else
		REQUIRE(err_i == 0 && i == expect_i);
}

static void check_cut(struct str s)
{
	struct str rest = s;
	size_t seen = 0;
	bool more;

	do {
		struct str part = str_cut(&rest, '/', &more);

		REQUIRE(str_index(part, '/') == part.n);
		REQUIRE(part.n == 0 || part.p == s.p + seen);
		seen += part.n + more;
	} while (more);
	REQUIRE(seen == s.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_make((const char *)data, size);
	struct str trimmed = str_trim(s);
	json_t *j = json_stringn(size ? s.p : "", size);

	REQUIRE(str_is_utf8(s) == (j != NULL));
	json_decref(j);
	check_numbers(s);
	check_cut(s);
	REQUIRE(str_eq(str_trim(trimmed), trimmed));
	return 0;
}
