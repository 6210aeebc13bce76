/* SPDX-License-Identifier: Apache-2.0 */
/* Records beside the tree, over each backing. */
#include "db/store.h"

#include "tests/unit/db/fixture.h"

static struct fix f;

static void on_memory(void)
{
	fix_init(&f, false);
}

static void on_disk(void)
{
	fix_init(&f, true);
}

static void teardown(void)
{
	fix_fini(&f);
}

static int count_rec(void *arg, struct str key, struct str value)
{
	char *out = arg;

	snprintf(out + strlen(out), 200 - strlen(out), "%.*s=%.*s;", STR_ARG(key), STR_ARG(value));
	return 0;
}

START_TEST(test_records)
{
	char out[200] = "";

	fix_write(&f);
	store_rec_put(f.tx, REC_ZONE, STR("b"), STR("2"));
	store_rec_put(f.tx, REC_ZONE, STR("a"), STR("1"));
	store_rec_put(f.tx, REC_ZONE, STR("c"), STR("3"));
	store_rec_put(f.tx, REC_STEM, STR("a"), STR("other"));
	ck_assert_int_eq(fix_commit(&f), 0);
	fix_write(&f);
	store_rec_put(f.tx, REC_ZONE, STR("b"), STR("22"));
	store_rec_put(f.tx, REC_ZONE, STR("c"), STR_NONE);
	store_rec_put(f.tx, REC_ZONE, STR("never"), STR_NONE);
	ck_assert_int_eq(fix_commit(&f), 0);
	if (f.disk)
		fix_reopen(&f);
	ck_assert_int_eq(store_rec_each(f.s, REC_ZONE, count_rec, out), 0);
	ck_assert_str_eq(out, "a=1;b=22;");
	fix_write(&f);
	store_rec_put(f.tx, REC_ZONE, STR("a"), STR_NONE);
	ck_assert_int_eq(fix_commit(&f), 0);
	out[0] = 0;
	ck_assert_int_eq(store_rec_each(f.s, REC_ZONE, count_rec, out), 0);
	ck_assert_str_eq(out, "b=22;");
}
END_TEST

static int size_rec(void *arg, struct str key, struct str value)
{
	(void)key;
	*(size_t *)arg += value.n;
	return 0;
}

/* What joins a commit behind store_commit is durable with it; the places of commits grow. */
START_TEST(test_records_of_a_commit)
{
	size_t big = STORE_REC_MAX, all = 0;
	char *value = malloc(big);
	uint64_t seq;

	memset(value, 'x', big);
	fix_write(&f);
	store_rec_put(f.tx, REC_PENDING, STR("a"), STR("1"));
	f.c = (struct commit){ .done = fix_done };
	ck_assert_int_eq(store_commit(f.tx, &f.c), 1);
	seq = store_commit_seq(&f.c);
	for (char key = 'b'; key < 'h'; key++) /* more than a job has room for at first */
		store_rec_add(f.s, &f.c, REC_PENDING, str_make(&key, 1), STR("22"));
	store_rec_add(f.s, &f.c, REC_PENDING, STR("big"), str_make(value, big));
	store_ready(f.s, &f.c);
	store_flush(f.s);
	ck_assert_int_eq(f.c.err, 0);
	fix_write(&f);
	store_rec_put(f.tx, REC_PENDING, STR("b"), STR_NONE);
	f.c = (struct commit){ .done = fix_done };
	ck_assert_int_eq(store_commit(f.tx, &f.c), 1);
	ck_assert_uint_gt(store_commit_seq(&f.c), seq);
	store_rec_add(f.s, &f.c, REC_PENDING, STR("c"), STR_NONE);
	store_ready(f.s, &f.c);
	store_flush(f.s);
	if (f.disk)
		fix_reopen(&f);
	ck_assert_int_eq(store_rec_each(f.s, REC_PENDING, size_rec, &all), 0);
	ck_assert_uint_eq(all, 1 + 4 * 2 + big);
	free(value);
}
END_TEST

static void add(Suite *s, const char *name, void (*open)(void))
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, open, teardown);
	tcase_add_test(t, test_records);
	tcase_add_test(t, test_records_of_a_commit);
	suite_add_tcase(s, t);
}

int main(void)
{
	Suite *s = suite_create("records");
	SRunner *r;
	int failed;

	add(s, "memory", on_memory);
	add(s, "sqlite", on_disk);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
