/* SPDX-License-Identifier: Apache-2.0 */
/* The hash table that grows bucket by bucket. */
#include "db/htab_priv.h"

#include <check.h>
#include <stdlib.h>

enum { N = 20000 };

struct item {
	struct hlink link;
	uint64_t key;
	unsigned seen;
};

static uint64_t hash_of(uint64_t key)
{
	return htab_mix(key / 3); /* three keys share each hash */
}

static struct item *find(struct htab *t, uint64_t key)
{
	for (struct hlink *l = htab_find(t, hash_of(key)); l; l = htab_next(l))
		if (((struct item *)(void *)l)->key == key)
			return (struct item *)(void *)l;
	return NULL;
}

START_TEST(test_all)
{
	struct item *it = calloc(N, sizeof(*it));
	struct htab t;

	htab_init(&t);
	for (unsigned i = 0; i < N; i++) {
		it[i].key = i;
		htab_add(&t, &it[i].link, hash_of(i));
	}
	ck_assert_uint_eq(t.n, N);
	for (unsigned i = 0; i < N; i++)
		ck_assert_ptr_eq(find(&t, i), &it[i]);
	ck_assert_ptr_null(find(&t, N));
	for (unsigned i = 0; i < N; i += 2)
		htab_del(&t, &it[i].link);
	for (unsigned i = 0; i < N; i++)
		ck_assert_ptr_eq(find(&t, i), i % 2 ? &it[i] : NULL);
	ck_assert_uint_eq(t.n, N / 2);
	htab_fini(&t);
	free(it);
}
END_TEST

/* A walk over buckets meets all that was there, though the table grows meanwhile. */
START_TEST(test_walk_while_growing)
{
	struct item *it = calloc(N, sizeof(*it));
	struct htab t;
	unsigned n = 500;

	htab_init(&t);
	for (unsigned i = 0; i < n; i++) {
		it[i].key = i;
		htab_add(&t, &it[i].link, hash_of(i));
	}
	for (uint64_t b = 0; b < htab_buckets(&t); b++) {
		for (struct hlink *l = htab_bucket(&t, b); l; l = l->next)
			((struct item *)(void *)l)->seen++;
		for (unsigned k = 0; k < 3 && n < N; k++, n++) {
			it[n].key = n;
			htab_add(&t, &it[n].link, hash_of(n));
		}
	}
	for (unsigned i = 0; i < 500; i++)
		ck_assert_uint_ge(it[i].seen, 1);
	htab_fini(&t);
	free(it);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("htab");
	TCase *t = tcase_create("htab");

	tcase_add_test(t, test_all);
	tcase_add_test(t, test_walk_while_growing);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
