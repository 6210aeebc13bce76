/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted sets of numbers against a plain array of bits. */
#include "db/kset_priv.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { RANGE = 6000 };

struct model {
	struct kset k;
	bool in[RANGE];
	uint64_t base;
	uint32_t seed;
	ptrdiff_t bytes;
	size_t n;
};

static uint32_t next(struct model *m)
{
	m->seed = m->seed * 1664525u + 1013904223u;
	return m->seed >> 8;
}

static void add(struct model *m, unsigned i)
{
	m->bytes += kset_add(&m->k, m->base + i);
	m->n += !m->in[i];
	m->in[i] = true;
}

static void del(struct model *m, unsigned i)
{
	m->bytes += kset_del(&m->k, m->base + i);
	m->n -= m->in[i];
	m->in[i] = false;
}

static void same(struct model *m, size_t step)
{
	uint64_t out[64], after = m->base ? m->base - 1 : 0;
	unsigned i = m->base ? 0 : 1;
	size_t n;

	ck_assert_uint_eq(m->k.n, m->n);
	ck_assert(m->bytes >= 0);
	while ((n = kset_above(&m->k, after, out, step)) > 0) {
		for (size_t k = 0; k < n; k++) {
			while (i < RANGE && !m->in[i])
				i++;
			ck_assert_uint_lt(i, RANGE);
			ck_assert_uint_eq(out[k], m->base + i);
			i++;
		}
		after = out[n - 1];
	}
	while (i < RANGE)
		ck_assert(!m->in[i++]);
}

static void clear(struct model *m)
{
	for (unsigned i = 0; i < RANGE; i++)
		del(m, i);
	ck_assert_uint_eq(m->k.n, 0);
	ck_assert_int_eq(m->bytes, 0);
	kset_fini(&m->k);
}

static const uint64_t bases[] = { 0, 1, UINT32_MAX - 100, UINT64_C(1) << 40 };

START_TEST(random_changes)
{
	struct model m = { .base = bases[_i], .seed = 7 };

	for (unsigned round = 0; round < 40000; round++) {
		unsigned i = 1 + next(&m) % (RANGE - 1);

		if (next(&m) % 100 < (round / 10000 % 2 ? 35 : 65))
			add(&m, i);
		else
			del(&m, i);
		if (round % 1999 == 0)
			same(&m, 1 + round % 64);
	}
	same(&m, 64);
	clear(&m);
}
END_TEST

START_TEST(ascending_as_ids_are_given)
{
	struct model m = { .base = bases[_i], .seed = 3 };

	for (unsigned i = 1; i < RANGE; i++)
		add(&m, i);
	same(&m, 64);
	/* About four bytes each, and a directory. */
	ck_assert_int_lt(m.bytes, RANGE * 6);
	for (unsigned i = 1; i < RANGE; i++)
		add(&m, i);
	same(&m, 7);
	for (unsigned i = 1; i < RANGE - 1; i++)
		del(&m, i);
	same(&m, 3);
	ck_assert_uint_eq(m.k.n, 1);
	ck_assert_int_eq(m.bytes, 0);
	clear(&m);
}
END_TEST

START_TEST(descending)
{
	struct model m = { .base = bases[_i] };

	for (unsigned i = RANGE - 1; i > 0; i--)
		add(&m, i);
	same(&m, 64);
	clear(&m);
}
END_TEST

START_TEST(numbers_far_apart)
{
	static const uint64_t far[] = { 1, UINT32_MAX, UINT64_C(1) << 33, (UINT64_C(1) << 33) + 1, UINT64_C(1) << 50, UINT64_MAX - 1 };
	enum { N = sizeof(far) / sizeof(far[0]) };
	uint64_t out[N];
	struct kset k = { .n = 0 };
	ptrdiff_t bytes = 0;

	for (unsigned i = 0; i < N; i++)
		bytes += kset_add(&k, far[i * 5 % N]);
	ck_assert_uint_eq(kset_above(&k, 0, out, N), N);
	for (unsigned i = 0; i < N; i++)
		ck_assert_uint_eq(out[i], far[i]);
	ck_assert_uint_eq(kset_above(&k, UINT32_MAX, out, N), N - 2);
	ck_assert_uint_eq(kset_above(&k, UINT64_MAX - 1, out, N), 0);
	ck_assert_uint_eq(kset_above(&k, UINT64_MAX, out, N), 0);
	for (unsigned i = 0; i < N; i++)
		bytes += kset_del(&k, far[i]);
	ck_assert_int_eq(bytes, 0);
	ck_assert_uint_eq(k.n, 0);
	kset_fini(&k);
}
END_TEST

START_TEST(few)
{
	struct kset k = { .n = 0 };
	uint64_t out[4];

	ck_assert_uint_eq(kset_above(&k, 0, out, 4), 0);
	ck_assert_int_eq(kset_del(&k, 5), 0);
	ck_assert_int_eq(kset_add(&k, 5), 0);
	ck_assert_int_eq(kset_add(&k, 5), 0);
	ck_assert_uint_eq(k.n, 1);
	ck_assert_uint_eq(kset_above(&k, 4, out, 4), 1);
	ck_assert_uint_eq(kset_above(&k, 5, out, 4), 0);
	ck_assert_uint_eq(kset_above(&k, 0, out, 0), 0);
	kset_del(&k, 6);
	ck_assert_uint_eq(k.n, 1);
	kset_del(&k, 5);
	ck_assert_uint_eq(k.n, 0);
	kset_fini(&k);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kset");
	TCase *t = tcase_create("sets");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(t, random_changes, 0, 4);
	tcase_add_loop_test(t, ascending_as_ids_are_given, 0, 4);
	tcase_add_loop_test(t, descending, 0, 4);
	tcase_add_test(t, numbers_far_apart);
	tcase_add_test(t, few);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
