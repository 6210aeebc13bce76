/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: alignment, growth, reset, and that what is gone may not be touched. */
#include "cse/base/arena.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define IS_POISONED(p) (__asan_address_is_poisoned(p) != 0)
#define HAS_POISON true
#else
#define IS_POISONED(p) false
#define HAS_POISON false
#endif

static struct arena a;

static void setup(void)
{
	arena_init(&a, 256);
}

static void teardown(void)
{
	arena_fini(&a);
	arena_fini(&a);
}

START_TEST(objects_are_aligned_and_apart)
{
	unsigned char *p[200];

	for (size_t i = 0; i < 200; i++) {
		p[i] = arena_alloc(&a, i);
		ck_assert_ptr_nonnull(p[i]);
		ck_assert_uint_eq((uintptr_t)p[i] % 16, 0);
		memset(p[i], (int)i, i);
	}
	for (size_t i = 0; i < 200; i++)
		for (size_t k = 0; k < i; k++)
			ck_assert_uint_eq(p[i][k], i);
	ck_assert_uint_eq(a.used, 199 * 200 / 2);
}
END_TEST

START_TEST(large_objects_have_room)
{
	size_t n = 3 * 1024 * 1024;
	char *p = arena_zalloc(&a, n);

	for (size_t i = 0; i < n; i += 4096)
		ck_assert_int_eq(p[i], 0);
	p[n - 1] = 1;
	ck_assert_ptr_nonnull(arena_alloc(&a, 1));
}
END_TEST

START_TEST(reset_begins_again)
{
	void *first = arena_alloc(&a, 100);
	char *big;

	memset(first, 0xff, 100);
	big = arena_alloc(&a, 100000);
	big[0] = 1;
	ck_assert(!IS_POISONED(first));
	arena_reset(&a);
	ck_assert_uint_eq(a.used, 0);
	ck_assert_int_eq(IS_POISONED(first), HAS_POISON);
	ck_assert_ptr_eq(arena_zalloc(&a, 100), first);
	ck_assert_int_eq(((char *)first)[99], 0);
	ck_assert_int_eq(IS_POISONED((char *)first + 100), HAS_POISON);
	ck_assert_int_eq(IS_POISONED((char *)first + 112), HAS_POISON);
}
END_TEST

START_TEST(copies_text)
{
	struct str s = arena_str(&a, STR("abc")), empty = arena_str(&a, STR_NONE);
	char *z = arena_strz(&a, str_make("abcdef", 3));
	struct str f;

	ck_assert(str_eqz(s, "abc"));
	ck_assert_uint_eq(empty.n, 0);
	ck_assert_str_eq(z, "abc");
	ck_assert_str_eq(arena_strz(&a, STR_NONE), "");
	f = arena_printf(&a, "%s-%d-%0500d", "x", 7, 1);
	ck_assert_uint_eq(f.n, 504);
	ck_assert(str_starts(f, STR("x-7-000")) && str_ends(f, STR("01")));
}
END_TEST

START_TEST(arrays_are_cleared)
{
	uint64_t *v;

	memset(arena_alloc(&a, 800), 0xff, 800);
	arena_reset(&a);
	v = arena_array(&a, 100, sizeof(*v));
	for (int i = 0; i < 100; i++)
		ck_assert_uint_eq(v[i], 0);
	ck_assert_ptr_nonnull(arena_array(&a, 0, 8));
}
END_TEST

START_TEST(an_array_beyond_memory_ends_the_process)
{
	arena_array(&a, SIZE_MAX / 4, 8);
}
END_TEST

START_TEST(an_object_beyond_memory_ends_the_process)
{
	arena_alloc(&a, SIZE_MAX - 8);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/arena");
	TCase *t = tcase_create("arena");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, objects_are_aligned_and_apart);
	tcase_add_test(t, large_objects_have_room);
	tcase_add_test(t, reset_begins_again);
	tcase_add_test(t, copies_text);
	tcase_add_test(t, arrays_are_cleared);
	tcase_add_test_raise_signal(t, an_array_beyond_memory_ends_the_process, SIGABRT);
	tcase_add_test_raise_signal(t, an_object_beyond_memory_ends_the_process, SIGABRT);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
