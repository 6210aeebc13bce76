/* SPDX-License-Identifier: Apache-2.0 */
/* The administrator's requests: the first byte chooses a body, a duration, a number or a text of a query.  What is accepted holds its bounds. */
/* The administrator's requests: the first byte chooses a body, a duration, a query, limits or a level.  What is accepted holds its bounds. */
#include "admin/ask.h"

#include "cse/base/err.h"

static void question(struct str s)
{
	struct authz_question q;
	struct why why = { 0 };
	struct arena a;

	arena_init(&a, 1024);
	if (ask_read_why(&a, s, &q, &why) == RSC_NONE)
		REQUIRE(q.originator.n && q.to.n && q.acop && (q.acop == ACOP_C) == (q.create_ty != 0));
	else
		REQUIRE(why.text[0]);
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void body(struct str s)
{
	struct arena a;
	struct ask_issue q;
	struct why why = { 0 };

	arena_init(&a, 4096);
	if (ask_read_issue(&a, s, &q, &why) == RSC_NONE) {
		REQUIRE(q.names.n >= 1 && q.names.n <= ASK_NAMES && q.csr.n <= ASK_BODY_BYTES);
		REQUIRE(q.zone >= 1 && q.max_ae >= 1 && q.life_us >= 0);
		for (size_t i = 0; i < q.names.n; i++)
			REQUIRE(q.names.v[i].n >= 1 && q.names.v[i].n <= ASK_NAME_BYTES);
		REQUIRE(q.country.n == 0 || q.country.n == 2);
	} else {
		REQUIRE(why.rsc == RSC_BAD_REQUEST && why.text[0] != 0);
	}
	arena_fini(&a);
}

static void limits(struct str s)
{
	struct cse_option v[CONF_COUNT];
	struct why why = { 0 };
	struct arena a;
	size_t n;

	arena_init(&a, 4096);
	if (ask_read_limits(&a, s, v, &n, &why) == RSC_NONE) {
		REQUIRE(n >= 1 && n <= CONF_COUNT);
		for (size_t i = 0; i < n; i++)
			REQUIRE(ask_is_limit(v[i].id) && (!v[i].assignment || strlen(v[i].assignment) < ASK_VALUE_BYTES + 100));
	} else {
		REQUIRE(why.text[0]);
	}
	arena_fini(&a);
}

static void level(struct str s)
{
	enum log_level l = LOG_DEBUG;
	struct why why = { 0 };

	if (ask_read_level(s, &l, &why) != RSC_NONE)
		REQUIRE(l == LOG_DEBUG && why.text[0]);
}

static void duration(struct str s)
{
	int64_t us = -1;
	if (ask_duration(s, &us) == 0)
		REQUIRE(us >= 0 && us % 1000000 == 0);
	else
		REQUIRE(us == -1);
}

static void rotation(struct str s)
{
	struct why why = { 0 };
	bool at_once;
	enum rsc rsc = ask_read_rotate(s, &at_once, &why);
	REQUIRE((rsc == RSC_NONE) == (why.text[0] == 0));
	if (s.n == 0)
		REQUIRE(rsc == RSC_NONE && !at_once);
}

static void query(struct str s)
{
	uint64_t v = 1;
	if (ask_query(s, "from", 7, &v) != 0)
		REQUIRE(v == 1);
}

static void text(struct str s)
{
	struct str out = STR("x");
	struct arena a;

	arena_init(&a, 256);
	if (ask_query_text(&a, s, "from", &out) == 0) {
		REQUIRE(out.n <= ASK_TEXT_BYTES && str_is_utf8(out));
		for (size_t i = 0; i < out.n; i++)
			REQUIRE((unsigned char)out.p[i] >= 0x20);
	} else {
		REQUIRE(str_eqz(out, "x"));
	}
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n == 0)
		return 0;
	struct str s = str_make((const char *)data + 1, n - 1);
	if (data[0] == 'd')
		duration(s);
	else if (data[0] == 'q')
		query(s);
	else if (data[0] == 't')
		text(s);
	else if (data[0] == 'r')
		rotation(s);
	else if (data[0] == 'w')
		question(s);
	else if (data[0] == 'l')
		limits(s);
	else if (data[0] == 'v')
		level(s);
	else
		body(s);
	return 0;
}
