/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses put together again are the text they came from; an identifier's absolute form is its own absolute form. */
#include "cse/base/buf.h"
#include "cse/model/addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct addr_self self = { { "troth.example", 13 }, { "id-in", 5 }, { "cse-in", 6 } };

static void check_segment(struct str s)
{
	REQUIRE(s.n && str_index(s, '/') == s.n && str_index(s, '#') == s.n);
	REQUIRE(!str_eqz(s, ".") && !str_eqz(s, ".."));
	for (size_t i = 0; i < s.n; i++)
		REQUIRE(s.p[i] > 0x20 && s.p[i] < 0x7f);
}

static void check_address(struct arena *a, struct str s)
{
	struct addr ad = { 0 };
	struct why w = { 0 };
	struct buf b;

	if (addr_parse(a, s, &ad, &w)) {
		REQUIRE(w.rsc == RSC_BAD_REQUEST && w.text[0] && ad.seg == NULL);
		return;
	}
	buf_init(&b, s.n);
	if (ad.scope == ADDR_ABS) {
		BUF_LIT(&b, "//");
		buf_str(&b, ad.sp);
	}
	if (ad.scope != ADDR_CSE) {
		buf_putc(&b, '/');
		buf_str(&b, ad.cse);
	}
	REQUIRE(ad.n <= ADDR_MAX_SEGMENTS && (ad.n || ad.scope != ADDR_CSE));
	for (size_t i = 0; i < ad.n; i++) {
		check_segment(ad.seg[i]);
		if (i || ad.scope != ADDR_CSE)
			buf_putc(&b, '/');
		buf_str(&b, ad.seg[i]);
	}
	if (ad.attr.n) {
		buf_putc(&b, '#');
		buf_str(&b, ad.attr);
	}
	REQUIRE(!b.over && str_eq(buf_as_str(&b), s));
	(void)addr_is_local(&ad, &self);
	buf_fini(&b);
}

static void check_entity(struct arena *a, struct str s)
{
	struct str once = STR_NONE, twice = STR_NONE, pattern = STR_NONE;
	struct why w = { 0 }, wp = { 0 };
	enum rsc rsc = addr_entity(a, s, &self, &once, &w), rp = addr_entity_pattern(a, s, &self, &pattern, &wp);

	if (rsc) {
		REQUIRE(once.n == 0 && w.text[0]);
		/* Only a '*' makes a pattern of what is no identifier. */
		REQUIRE(rp || str_index(s, '*') != s.n);
		return;
	}
	REQUIRE(!rp && str_eq(pattern, once));
	REQUIRE(str_starts(once, STR("//")) && str_index(once, '*') == once.n);
	REQUIRE(addr_entity(a, once, &self, &twice, &w) == RSC_NONE && str_eq(once, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_make((const char *)data, size);
	struct arena a;

	arena_init(&a, 1024);
	check_address(&a, s);
	check_entity(&a, s);
	if (addr_is_rn(s)) {
		struct addr ad;
		struct why w = { 0 };

		REQUIRE(addr_parse(&a, s, &ad, &w) == RSC_NONE && ad.n == 1);
	}
	arena_fini(&a);
	return 0;
}
