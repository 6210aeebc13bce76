/* SPDX-License-Identifier: Apache-2.0 */
/* The hash table of the registries against a plain array. */
#include "security/strmap.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "cse/base/rand.h"

enum { KEYS = 300, STEPS = 200000 };

static char text[KEYS][16];
static int present[KEYS];

START_TEST(same_as_an_array)
{
	const uint64_t seed[2] = { 1, 2 };
	struct rnd *r = rnd_new_seeded(3);
	struct strmap m;
	size_t n = 0, at, seen, k, i;

	for (k = 0; k < KEYS; k++)
		snprintf(text[k], sizeof(text[k]), "k%zu", k);
	strmap_init(&m, seed);
	ck_assert(strmap_get(&m, STR("x")) == NULL);
	strmap_del(&m, STR("x"));
	for (i = 0; i < STEPS; i++) {
		k = rnd_below(r, KEYS);
		if (rnd_below(r, 2)) {
			n += present[k] == 0;
			present[k] = 1 + (int)rnd_below(r, 2);
			strmap_put(&m, str_of(text[k]), &present[present[k]]);
		} else {
			n -= present[k] != 0;
			present[k] = 0;
			strmap_del(&m, str_of(text[k]));
		}
		k = rnd_below(r, KEYS);
		ck_assert(strmap_get(&m, str_of(text[k])) == (present[k] ? &present[present[k]] : NULL));
		ck_assert_uint_eq(m.n, n);
		if (i % 5000)
			continue;
		for (at = seen = 0; strmap_next(&m, &at) != NULL; seen++)
			;
		ck_assert_uint_eq(seen, n);
		/* Removed entries do not fill the table for ever. */
		ck_assert_uint_le(m.cap, 4 * KEYS);
	}
	strmap_fini(&m);
	rnd_free(r);
}
END_TEST

/* Keys are bytes: a zero byte and an empty key count. */
START_TEST(odd_keys)
{
	const uint64_t seed[2] = { 0 };
	struct strmap m;
	int a, b, c;

	strmap_init(&m, seed);
	strmap_put(&m, STR("a"), &a);
	strmap_put(&m, STR("a\0b"), &b);
	strmap_put(&m, STR(""), &c);
	ck_assert(strmap_get(&m, STR("a")) == &a && strmap_get(&m, STR("a\0b")) == &b && strmap_get(&m, STR("")) == &c);
	strmap_del(&m, STR(""));
	ck_assert(strmap_get(&m, STR("")) == NULL && strmap_get(&m, STR("a")) == &a);
	strmap_fini(&m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("strmap");
	TCase *t = tcase_create("strmap");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, same_as_an_array);
	tcase_add_test(t, odd_keys);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
