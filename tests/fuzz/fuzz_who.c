/* SPDX-License-Identifier: Apache-2.0 */
/* Entity identifiers: the absolute form is one, stands for itself, and nothing but letters of names is in it. */
#include "cse/base/arena.h"
#include "security/who.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_absolute(struct arena *a, const struct addr_self *self, const struct who *w)
{
	struct who again;

	REQUIRE(str_starts(w->abs, STR("//")));
	for (size_t i = 0; i < w->abs.n; i++)
		REQUIRE(w->abs.p[i] > ' ' && w->abs.p[i] < 0x7f);
	REQUIRE(w->stem.n == 0 || str_ends(w->abs, w->stem));
	REQUIRE(who_matches(w->abs, w->abs));
	/* What was just short enough without our domain before it is too long with it. */
	if (w->abs.n > WHO_MAX_BYTES)
		return;
	REQUIRE(who_parse(a, w->abs, self, true, &again) == 0);
	REQUIRE(again.kind == w->kind && again.star == w->star && str_eq(again.abs, w->abs) && str_eq(again.stem, w->stem));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct addr_self self = { .sp = STR("sp.example"), .cse = STR("id-in"), .base = STR("cse-in") };
	struct str s = str_make((const char *)data, size);
	struct who stars, plain;
	struct arena a;
	int err_stars, err_plain;

	arena_init(&a, 1024);
	err_stars = who_parse(&a, s, &self, true, &stars);
	err_plain = who_parse(&a, s, &self, false, &plain);
	/* Without wildcards less is taken, and what is taken is the same. */
	if (err_plain == 0) {
		REQUIRE(err_stars == 0 && !plain.star && plain.kind == stars.kind && str_eq(plain.abs, stars.abs));
		REQUIRE(str_eq(plain.stem, stars.stem));
	}
	if (err_stars == 0) {
		REQUIRE(size > 0 && size <= WHO_MAX_BYTES);
		if (stars.kind == WHO_ENTITY || stars.kind == WHO_DOMAIN)
			check_absolute(&a, &self, &stars);
	}
	arena_fini(&a);
	return 0;
}
