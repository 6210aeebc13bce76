/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers: growth to the bound and not beyond, numbers as printf writes them. */
#include "cse/base/buf.h"

#include <check.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/freed.h"

static struct buf b;

static void setup(void)
{
	buf_init(&b, 1000);
}

static void teardown(void)
{
	ck_assert_uint_le(b.n, b.cap);
	ck_assert_uint_le(b.cap, b.max);
	buf_fini(&b);
	ck_assert_ptr_null(b.p);
}

START_TEST(collects)
{
	ck_assert_ptr_null(b.p);
	buf_put(&b, NULL, 0);
	BUF_LIT(&b, "abc");
	buf_putc(&b, 'd');
	buf_str(&b, STR("ef"));
	buf_str(&b, STR_NONE);
	buf_z(&b, "gh");
	buf_printf(&b, "%d%s", 12, "x");
	ck_assert(str_eqz(buf_as_str(&b), "abcdefgh12x"));
	buf_drop(&b, 3);
	ck_assert(str_eqz(buf_as_str(&b), "defgh12x"));
	buf_drop(&b, 8);
	ck_assert_uint_eq(b.n, 0);
	ck_assert(!b.over);
}
END_TEST

START_TEST(takes_exactly_the_bound)
{
	for (int i = 0; i < 1000; i++)
		buf_putc(&b, (char)i);
	ck_assert(!b.over);
	ck_assert_uint_eq(b.n, 1000);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(b.p[i], (char)i);
	buf_putc(&b, 'x');
	ck_assert(b.over);
	ck_assert_uint_eq(b.n, 1000);
	buf_reset(&b);
	ck_assert(!b.over);
	buf_printf(&b, "%01000d", 5);
	ck_assert(!b.over);
	ck_assert_uint_eq(b.n, 1000);
	buf_reset(&b);
	buf_printf(&b, "%01001d", 5);
	ck_assert(b.over);
	ck_assert_uint_eq(b.n, 0);
}
END_TEST

START_TEST(drops_what_does_not_fit)
{
	char big[1001] = { 0 };

	BUF_LIT(&b, "abc");
	buf_put(&b, big, 998);
	ck_assert(b.over);
	ck_assert(str_eqz(buf_as_str(&b), "abc"));
	ck_assert_ptr_null(buf_room(&b, SIZE_MAX));
	buf_reset(&b);
	ck_assert_ptr_nonnull(buf_room(&b, 1000));
	ck_assert_ptr_null(buf_room(&b, 1001));
}
END_TEST

START_TEST(keeps_small_bounds)
{
	struct buf small;

	buf_init(&small, 3);
	BUF_LIT(&small, "abcd");
	ck_assert(small.over);
	buf_reset(&small);
	BUF_LIT(&small, "abc");
	ck_assert(!small.over);
	ck_assert_uint_le(small.cap, 3);
	buf_fini(&small);
	buf_init(&small, 0);
	buf_putc(&small, 'x');
	ck_assert(small.over);
	buf_fini_secret(&small);
}
END_TEST

/* Set: what is freed, and is long enough to have held the secret, must be wiped. */
static size_t freed, wiped;
void __real_free(void *p);
void __wrap_free(void *p);

void __wrap_free(void *p)
{
	if (p && malloc_usable_size(p) >= 256) {
		freed++;
		FREED_READ(p, 256);
		wiped += memchr(p, 'k', 256) == NULL;
	}
	__real_free(p);
}

START_TEST(secrets_leave_nothing)
{
	struct buf s;
	char text[64];

	buf_init_secret(&s, 1 << 20);
	memset(text, 'k', sizeof(text));
	freed = wiped = 0;
	while (s.n < 20000)
		buf_put(&s, text, sizeof(text));
	for (size_t i = 0; i < s.n; i++)
		ck_assert_int_eq(s.p[i], 'k');
	/* From 256 bytes to 32 kB it has moved seven times. */
	ck_assert_uint_eq(freed, 7);
	ck_assert_uint_eq(wiped, 7);
	buf_reset(&s);
	buf_shrink(&s, 256);
	ck_assert_uint_eq(wiped, 8);
	buf_put(&s, text, sizeof(text));
	buf_fini_secret(&s);
	ck_assert_uint_eq(wiped, 9);
	ck_assert(s.wipes && s.n == 0);
}
END_TEST

START_TEST(gives_memory_back)
{
	char *at = buf_room(&b, 900);

	memset(at, 'x', 900);
	buf_added(&b, 900);
	buf_shrink(&b, 100);
	ck_assert_uint_eq(b.n, 900);
	buf_drop(&b, 900);
	buf_shrink(&b, 1000);
	ck_assert_ptr_nonnull(b.p);
	buf_shrink(&b, 100);
	ck_assert_ptr_null(b.p);
	ck_assert_uint_eq(b.cap, 0);
	BUF_LIT(&b, "again");
	ck_assert(str_eqz(buf_as_str(&b), "again"));
}
END_TEST

START_TEST(writes_numbers)
{
	static const int64_t edges[] = { 0, 1, -1, 9, 10, -10, 99, 100, INT64_MAX, INT64_MIN, 1234567890123456789 };
	char expect[32];

	for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
		buf_reset(&b);
		buf_i64(&b, edges[i]);
		snprintf(expect, sizeof(expect), "%" PRId64, edges[i]);
		ck_assert(str_eqz(buf_as_str(&b), expect));
		buf_reset(&b);
		buf_u64(&b, (uint64_t)edges[i]);
		snprintf(expect, sizeof(expect), "%" PRIu64, (uint64_t)edges[i]);
		ck_assert(str_eqz(buf_as_str(&b), expect));
	}
}
END_TEST

START_TEST(adding_what_has_no_room_ends_the_process)
{
	buf_added(&b, 1);
}
END_TEST

START_TEST(dropping_what_is_not_there_ends_the_process)
{
	buf_drop(&b, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/buf");
	TCase *t = tcase_create("buf");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, collects);
	tcase_add_test(t, takes_exactly_the_bound);
	tcase_add_test(t, drops_what_does_not_fit);
	tcase_add_test(t, keeps_small_bounds);
	tcase_add_test(t, gives_memory_back);
	tcase_add_test(t, secrets_leave_nothing);
	tcase_add_test(t, writes_numbers);
	tcase_add_test_raise_signal(t, adding_what_has_no_room_ends_the_process, SIGABRT);
	tcase_add_test_raise_signal(t, dropping_what_is_not_there_ends_the_process, SIGABRT);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
