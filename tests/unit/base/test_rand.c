/* SPDX-License-Identifier: Apache-2.0 */
/* Randomness: the seeded generator against published values; the kernel's never twice, not by threads, not by forks. */
#include "cse/base/rand.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cse/base/check.h"

/* SplitMix64 from the seed 1234567, as published with the reference implementation's ports. */
START_TEST(the_seeded_one_is_splitmix64)
{
	static const uint64_t expect[] = { 6457827717110365317u, 3203168211198807973u, 9817491932198370423u, 4593380528125082431u,
		                           16408922859458223821u };
	struct rnd *r = rnd_new_seeded(1234567);

	for (size_t i = 0; i < ARRAY_LEN(expect); i++)
		ck_assert_uint_eq(rnd_u64(r), expect[i]);
	rnd_free(r);
	rnd_free(NULL);
}
END_TEST

START_TEST(every_length_is_filled)
{
	struct rnd *r = rnd_new();
	unsigned char buf[2048];

	for (size_t n = 0; n < 1200; n += n < 40 ? 1 : 97) {
		unsigned char seen[1200] = { 0 };
		size_t zeros = 0;

		for (int round = 0; round < 8; round++) {
			memset(buf, 0, sizeof(buf));
			rnd_bytes(r, buf, n);
			ck_assert_int_eq(buf[n], 0);
			for (size_t i = 0; i < n; i++)
				seen[i] |= buf[i];
		}
		/* A byte that stays 0 in eight rounds: 2^-64. */
		for (size_t i = 0; i < n; i++)
			zeros += seen[i] == 0;
		ck_assert_uint_eq(zeros, 0);
	}
	rnd_free(r);
}
END_TEST

START_TEST(below_is_even)
{
	enum { SIDES = 6, THROWS = 60000 };
	struct rnd *r = rnd_new_seeded(1);
	unsigned counts[SIDES] = { 0 };
	double chi = 0;

	for (int i = 0; i < THROWS; i++)
		counts[rnd_below(r, SIDES)]++;
	for (int i = 0; i < SIDES; i++) {
		double d = (double)counts[i] - THROWS / (double)SIDES;

		chi += d * d / (THROWS / (double)SIDES);
	}
	/* 5 degrees of freedom: above 20.5 once in a thousand seeds. */
	ck_assert_double_lt(chi, 20.5);
	for (int i = 0; i < 100; i++) {
		ck_assert_uint_eq(rnd_below(r, 1), 0);
		ck_assert_uint_lt(rnd_below(r, (UINT64_C(1) << 63) + 1), (UINT64_C(1) << 63) + 1);
	}
	rnd_free(r);
}
END_TEST

struct drawer {
	struct rnd *r;
	uint64_t drawn[500];
};

static void *draw(void *arg)
{
	struct drawer *d = arg;

	for (size_t i = 0; i < ARRAY_LEN(d->drawn); i++)
		d->drawn[i] = rnd_u64(d->r);
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

START_TEST(threads_draw_different_bytes)
{
	enum { THREADS = 4 };
	struct rnd *r = rnd_new();
	struct drawer d[THREADS];
	pthread_t threads[THREADS];
	uint64_t all[THREADS * 500];

	for (int i = 0; i < THREADS; i++) {
		d[i].r = r;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, draw, &d[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		memcpy(all + i * 500, d[i].drawn, sizeof(d[i].drawn));
	}
	qsort(all, ARRAY_LEN(all), sizeof(all[0]), by_value);
	for (size_t i = 1; i < ARRAY_LEN(all); i++)
		ck_assert_uint_ne(all[i - 1], all[i]);
	rnd_free(r);
}
END_TEST

START_TEST(a_child_draws_different_bytes)
{
	struct rnd *r = rnd_new();
	uint64_t mine, childs = 0;
	int fds[2], status;
	pid_t pid;

	rnd_u64(r);
	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		childs = rnd_u64(r);
		_exit(write(fds[1], &childs, sizeof(childs)) == sizeof(childs) ? 0 : 1);
	}
	mine = rnd_u64(r);
	ck_assert_int_eq(read(fds[0], &childs, sizeof(childs)), sizeof(childs));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_uint_ne(mine, childs);
	close(fds[0]);
	close(fds[1]);
	rnd_free(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/rand");
	TCase *t = tcase_create("rand");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, the_seeded_one_is_splitmix64);
	tcase_add_test(t, every_length_is_filled);
	tcase_add_test(t, below_is_even);
	tcase_add_test(t, threads_draw_different_bytes);
	tcase_add_test(t, a_child_draws_different_bytes);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
