/* SPDX-License-Identifier: Apache-2.0 */
/* The heap of moments. */
#include "db/heap_priv.h"

#include <check.h>
#include <stdlib.h>

#include "cse/base/rand.h"

enum { N = 5000 };

static int count(void *arg, struct heap_item *it)
{
	int64_t *sum = arg;

	sum[0]++;
	sum[1] += it->key;
	return sum[0] < sum[2];
}

START_TEST(test_order)
{
	struct heap_item *it = calloc(N, sizeof(*it));
	struct rnd *rnd = rnd_new_seeded(5);
	struct heap h;
	int64_t last = -1;
	unsigned n = 0;

	heap_init(&h);
	for (unsigned i = 0; i < N; i++)
		heap_add(&h, &it[i], (int64_t)rnd_below(rnd, 1000));
	for (unsigned i = 0; i < N; i += 3) {
		heap_del(&h, &it[i]);
		heap_del(&h, &it[i]); /* harmless */
		n++;
	}
	ck_assert_uint_eq(h.n, N - n);
	for (struct heap_item *m; (m = heap_min(&h)); n++) {
		ck_assert_int_ge(m->key, last);
		last = m->key;
		heap_del(&h, m);
	}
	ck_assert_uint_eq(n, N);
	heap_fini(&h);
	rnd_free(rnd);
	free(it);
}
END_TEST

START_TEST(test_each_upto)
{
	struct heap_item *it = calloc(N, sizeof(*it));
	struct heap h;
	int64_t sum[3] = { 0, 0, INT64_MAX };

	heap_init(&h);
	for (unsigned i = 0; i < N; i++)
		heap_add(&h, &it[i], (i * 7919) % N);
	heap_each_upto(&h, 99, UINT32_MAX, count, sum);
	ck_assert_int_eq(sum[0], 100);
	ck_assert_int_eq(sum[1], 99 * 100 / 2);
	sum[0] = 0;
	sum[2] = 7;
	heap_each_upto(&h, 99, UINT32_MAX, count, sum);
	ck_assert_int_eq(sum[0], 7);
	sum[0] = 0;
	sum[2] = INT64_MAX;
	heap_each_upto(&h, N, 50, count, sum);
	ck_assert_int_eq(sum[0], 50);
	heap_fini(&h);
	free(it);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("heap");
	TCase *t = tcase_create("heap");

	tcase_add_test(t, test_order);
	tcase_add_test(t, test_each_upto);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
