/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger: what was noted is there after a restart, whatever tears its end; a copy shows; nothing can be taken out. */
#include "security/ledger.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "security/keystore.h"
#include "tests/unit/security/state.h"

struct book {
	struct state st;
	struct keystore *ks;
	struct ledger *l;
};

static void book_open(struct book *b)
{
	struct why why = { 0 };

	ck_assert_msg(keystore_open("file", b->st.dir, b->st.rnd, &b->ks, &why) == 0, "%s", why.text);
	ck_assert_msg(ledger_open(b->st.dir, b->ks, b->st.rnd, &b->l, &why) == 0, "%s", why.text);
}

static void book_close(struct book *b)
{
	ledger_close(b->l);
	keystore_close(b->ks);
}

static void book_init(struct book *b)
{
	state_init(&b->st);
	book_open(b);
}

static void book_fini(struct book *b)
{
	book_close(b);
	state_fini(&b->st);
}

static void again(struct book *b)
{
	book_close(b);
	book_open(b);
}

static uint64_t said(const struct book *b, enum ledger_kind kind, const char *key)
{
	uint64_t v = UINT64_MAX;

	ck_assert_msg(ledger_says(b->l, kind, str_of(key), &v), "%d %s", kind, key);
	return v;
}

static bool says(const struct book *b, enum ledger_kind kind, const char *key)
{
	uint64_t v;

	return ledger_says(b->l, kind, str_of(key), &v);
}

START_TEST(facts_live_on)
{
	struct book b;
	unsigned char hash[32], got[32];

	memset(hash, 0xa5, sizeof(hash));
	book_init(&b);
	ck_assert_int_eq(ledger_found(b.l), LEDGER_NEW);
	ledger_note(b.l, LEDGER_REVOKED, STR("cabc"), 7);
	ledger_note(b.l, LEDGER_GENERATION, STR("cabc"), 1);
	ledger_note(b.l, LEDGER_GENERATION, STR("cabc"), 2);
	ledger_note(b.l, LEDGER_SUSPENDED, STR("cdef"), 0);
	ledger_note(b.l, LEDGER_RESUMED, STR("cdef"), 0);
	ledger_note(b.l, LEDGER_EPOCH, STR_NONE, 3);
	ledger_note(b.l, LEDGER_HEAD, str_make((char *)hash, 32), 99);
	ck_assert_int_eq(ledger_sync(b.l), 0);
	ck_assert_uint_eq(ledger_seq(b.l), 7);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(said(&b, LEDGER_REVOKED, "cabc"), 7);
		ck_assert_uint_eq(said(&b, LEDGER_GENERATION, "cabc"), 2);
		ck_assert(!says(&b, LEDGER_REVOKED, "cdef"));
		ck_assert(!says(&b, LEDGER_CODE_USED, "cabc"));
		ck_assert_uint_gt(ledger_when(b.l, LEDGER_RESUMED, STR("cdef")), ledger_when(b.l, LEDGER_SUSPENDED, STR("cdef")));
		ck_assert_uint_eq(ledger_when(b.l, LEDGER_LOCKED, STR("cdef")), 0);
		ck_assert_uint_eq(ledger_epoch(b.l), 3);
		ck_assert_uint_eq(ledger_head(b.l, got), 99);
		ck_assert_mem_eq(got, hash, 32);
		ck_assert_uint_eq(ledger_seq(b.l), 7);
		again(&b);
		ck_assert_int_eq(ledger_found(b.l), LEDGER_SAME);
	}
	book_fini(&b);
}
END_TEST

static void count(void *arg, struct str key, uint64_t value)
{
	ck_assert_uint_eq(key.n, 4);
	*(uint64_t *)arg += value;
}

START_TEST(every_key_of_a_kind)
{
	struct book b;
	uint64_t sum = 0;

	book_init(&b);
	ledger_note(b.l, LEDGER_LOCKED, STR("caaa"), 1);
	ledger_note(b.l, LEDGER_LOCKED, STR("cbbb"), 20);
	ledger_note(b.l, LEDGER_LOCKED, STR("caaa"), 300);
	ledger_note(b.l, LEDGER_RELEASED, STR("caaa"), 4000);
	ledger_each(b.l, LEDGER_LOCKED, count, &sum);
	ck_assert_uint_eq(sum, 320);
	book_fini(&b);
}
END_TEST

/* A crash leaves any part of the last record. */
START_TEST(torn_end)
{
	struct book b;
	unsigned char file[4096];
	size_t whole, n;

	book_init(&b);
	ledger_note(b.l, LEDGER_REVOKED, STR("cone"), 1);
	ck_assert_int_eq(ledger_sync(b.l), 0);
	whole = state_read(&b.st, "ledger", file, sizeof(file));
	ledger_note(b.l, LEDGER_REVOKED, STR("ctwo"), 2);
	book_close(&b);
	n = state_read(&b.st, "ledger", file, sizeof(file));
	ck_assert_uint_gt(n, whole);
	for (size_t k = whole; k < n; k++) {
		char path[256];

		ck_assert_int_eq(truncate(state_path(&b.st, "ledger", path), (off_t)k), 0);
		book_open(&b);
		ck_assert_uint_eq(said(&b, LEDGER_REVOKED, "cone"), 1);
		ck_assert(!says(&b, LEDGER_REVOKED, "ctwo"));
		ck_assert_uint_eq(ledger_seq(b.l), 1);
		/* What comes now is read behind it. */
		ledger_note(b.l, LEDGER_REVOKED, STR("ctwo"), 2);
		again(&b);
		ck_assert_uint_eq(said(&b, LEDGER_REVOKED, "ctwo"), 2);
		book_close(&b);
	}
	book_open(&b);
	book_fini(&b);
}
END_TEST

/* Bytes that somebody changes end the reading; those of the head end the start. */
START_TEST(no_byte_can_change)
{
	struct book b;
	unsigned char file[4096];
	size_t head, n, refused = 0;

	book_init(&b);
	head = state_read(&b.st, "ledger", file, sizeof(file));
	ledger_note(b.l, LEDGER_REVOKED, STR("cone"), 1);
	ledger_note(b.l, LEDGER_SUSPENDED, STR("ctwo"), 0);
	book_close(&b);
	n = state_read(&b.st, "ledger", file, sizeof(file));
	for (size_t i = 0; i < n; i++) {
		struct why why = { 0 };
		char path[256];
		int fd = open(state_path(&b.st, "ledger", path), O_WRONLY);

		file[i] ^= 1;
		ck_assert_int_eq(pwrite(fd, file, n, 0), (ssize_t)n);
		file[i] ^= 1;
		close(fd);
		ck_assert_int_eq(keystore_open("file", b.st.dir, b.st.rnd, &b.ks, &why), 0);
		int err = ledger_open(b.st.dir, b.ks, b.st.rnd, &b.l, &why);
		if (i < head) {
			ck_assert_msg(err == E_CORRUPT || err == E_NEWER, "byte %zu: %d", i, err);
			ck_assert(why.text[0] != 0);
			refused++;
			keystore_close(b.ks);
			continue;
		}
		ck_assert_msg(err == 0, "byte %zu: %s", i, why.text);
		ck_assert_msg(ledger_seq(b.l) < 2, "byte %zu of %zu, head %zu", i, n, head);
		book_close(&b);
	}
	ck_assert_uint_eq(refused, head);
	state_fini(&b.st);
}
END_TEST

START_TEST(a_copy_shows)
{
	struct book b;
	unsigned char file[4096];
	char path[256], copy[256];
	size_t n;

	book_init(&b);
	ledger_note(b.l, LEDGER_REVOKED, STR("cone"), 1);
	book_close(&b);
	n = state_read(&b.st, "ledger", file, sizeof(file));
	state_write(&b.st, "copy", file, n);
	ck_assert_int_eq(chmod(state_path(&b.st, "copy", copy), 0600), 0);
	ck_assert_int_eq(rename(copy, state_path(&b.st, "ledger", path)), 0);
	book_open(&b);
	ck_assert_int_eq(ledger_found(b.l), LEDGER_COPIED);
	ck_assert_uint_eq(said(&b, LEDGER_REVOKED, "cone"), 1);
	again(&b);
	ck_assert_int_eq(ledger_found(b.l), LEDGER_SAME);
	ck_assert_uint_eq(said(&b, LEDGER_REVOKED, "cone"), 1);
	book_fini(&b);
}
END_TEST

START_TEST(another_keystore_refuses)
{
	struct book b;
	struct why why = { 0 };
	char path[256];

	book_init(&b);
	book_close(&b);
	ck_assert_int_eq(unlink(state_path(&b.st, "kek", path)), 0);
	ck_assert_int_eq(rmdir(state_path(&b.st, "keys", path)), 0);
	ck_assert_msg(keystore_open("file", b.st.dir, b.st.rnd, &b.ks, &why) == 0, "%s", why.text);
	ck_assert_int_eq(ledger_open(b.st.dir, b.ks, b.st.rnd, &b.l, &why), E_CORRUPT);
	ck_assert_ptr_nonnull(strstr(why.text, "kek"));
	keystore_close(b.ks);
	state_fini(&b.st);
}
END_TEST

/* The file stays small however often the same things are noted. */
START_TEST(written_anew)
{
	struct book b;
	struct stat s;
	char path[256], key[32];

	book_init(&b);
	for (unsigned i = 0; i < 40000; i++) {
		snprintf(key, sizeof(key), "c%u", i % 100);
		ledger_note(b.l, LEDGER_GENERATION, str_of(key), i);
		if (i % 50 == 0)
			ck_assert_int_eq(ledger_sync(b.l), 0);
	}
	ck_assert_int_eq(ledger_sync(b.l), 0);
	ck_assert_int_eq(stat(state_path(&b.st, "ledger", path), &s), 0);
	ck_assert_int_lt(s.st_size, 1200000);
	again(&b);
	ck_assert_int_eq(ledger_found(b.l), LEDGER_SAME);
	ck_assert_uint_eq(said(&b, LEDGER_GENERATION, "c7"), 39907);
	ck_assert_uint_eq(ledger_seq(b.l), 40000);
	book_fini(&b);
}
END_TEST

/* As on a full disk: writing fails, later it does not. */
START_TEST(tried_again)
{
	struct book b;
	struct stat s;
	char path[256];
	struct rlimit had, none;

	book_init(&b);
	ck_assert_int_eq(stat(state_path(&b.st, "ledger", path), &s), 0);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &had), 0);
	none = had;
	none.rlim_cur = (rlim_t)s.st_size;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	ledger_note(b.l, LEDGER_REVOKED, STR("cone"), 1);
	ck_assert_int_ne(ledger_sync(b.l), 0);
	ck_assert_int_ne(ledger_error(b.l), 0);
	/* It is known all the same. */
	ck_assert_uint_eq(said(&b, LEDGER_REVOKED, "cone"), 1);
	ck_assert_uint_eq(ledger_seq(b.l), 0);
	ledger_note(b.l, LEDGER_REVOKED, STR("ctwo"), 2);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &had), 0);
	ledger_tick(b.l);
	ck_assert_int_eq(ledger_sync(b.l), 0);
	ck_assert_int_eq(ledger_error(b.l), 0);
	again(&b);
	ck_assert_uint_eq(said(&b, LEDGER_REVOKED, "cone"), 1);
	ck_assert_uint_eq(said(&b, LEDGER_REVOKED, "ctwo"), 2);
	book_fini(&b);
}
END_TEST

static void ended(struct ledger_wait *w)
{
	loop_stop(w->loop);
}

START_TEST(a_loop_is_told)
{
	struct book b;
	struct clock *clock = clock_new();
	struct loop *loop = loop_new(clock, 0, NULL);
	struct ledger_wait w;

	book_init(&b);
	ledger_note(b.l, LEDGER_CODE_USED, STR("h"), 5);
	ledger_after(b.l, &w, loop, ended);
	loop_run(loop);
	ck_assert_int_eq(w.err, 0);
	ck_assert_uint_eq(ledger_seq(b.l), 1);
	/* Nothing is to be waited for: at once. */
	ledger_after(b.l, &w, loop, ended);
	loop_run(loop);
	book_fini(&b);
	loop_free(loop);
	clock_free(clock);
}
END_TEST

/* What was said to be on disk is there after a kill. */
START_TEST(kills)
{
	struct book b;

	state_init(&b.st);
	for (int round = 0; round < 20; round++) {
		int pipes[2];
		unsigned char last = 0, byte;

		ck_assert_int_eq(pipe(pipes), 0);
		pid_t pid = fork();
		if (pid == 0) {
			book_open(&b);
			for (unsigned char i = 1;; i++) {
				char key[32];

				snprintf(key, sizeof(key), "c%d-%u", round, i);
				ledger_note(b.l, LEDGER_REVOKED, str_of(key), i);
				if (ledger_sync(b.l) != 0 || write(pipes[1], &i, 1) != 1 || i == 200)
					_exit(1);
			}
		}
		close(pipes[1]);
		for (int i = 0; i < 3 + round && read(pipes[0], &byte, 1) == 1; i++)
			last = byte;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		while (read(pipes[0], &byte, 1) == 1)
			last = byte;
		close(pipes[0]);
		book_open(&b);
		for (unsigned i = 1; i <= last; i++) {
			char key[32];

			snprintf(key, sizeof(key), "c%d-%u", round, i);
			ck_assert_uint_eq(said(&b, LEDGER_REVOKED, key), i);
		}
		book_close(&b);
	}
	state_fini(&b.st);
}
END_TEST

enum { THREADS = 4, EACH = 2000 };
struct noter {
	pthread_t thread;
	struct book *b;
	unsigned number;
};

static void *note_many(void *arg)
{
	struct noter *n = arg;
	uint64_t v;
	char key[32];

	for (unsigned i = 0; i < EACH; i++) {
		snprintf(key, sizeof(key), "c%u-%u", n->number, i / 2);
		ledger_note(n->b->l, LEDGER_GENERATION, str_of(key), i);
		if (!ledger_says(n->b->l, LEDGER_GENERATION, str_of(key), &v) || v != i)
			return n;
		if (i % 100 == 0 && ledger_sync(n->b->l) != 0)
			return n;
		ledger_tick(n->b->l);
	}
	return NULL;
}

START_TEST(threads)
{
	struct book b;
	struct noter n[THREADS];
	void *wrong;
	char key[32];

	book_init(&b);
	for (unsigned i = 0; i < THREADS; i++) {
		n[i] = (struct noter){ .b = &b, .number = i };
		ck_assert_int_eq(pthread_create(&n[i].thread, NULL, note_many, &n[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(n[i].thread, &wrong);
		ck_assert_ptr_null(wrong);
	}
	again(&b);
	ck_assert_uint_eq(ledger_seq(b.l), THREADS * EACH);
	for (unsigned i = 0; i < THREADS; i++) {
		for (unsigned k = 0; k < EACH / 2; k++) {
			snprintf(key, sizeof(key), "c%u-%u", i, k);
			ck_assert_uint_eq(said(&b, LEDGER_GENERATION, key), 2 * k + 1);
		}
	}
	book_fini(&b);
}
END_TEST

START_TEST(in_memory)
{
	struct rnd *rnd = rnd_new_seeded(1);
	struct ledger *l;
	struct why why = { 0 };
	uint64_t v;

	ck_assert_int_eq(ledger_open(NULL, NULL, rnd, &l, &why), 0);
	ledger_note(l, LEDGER_LOCKED, STR("c"), 4);
	ck_assert(ledger_says(l, LEDGER_LOCKED, STR("c"), &v));
	ck_assert_uint_eq(v, 4);
	ck_assert_int_eq(ledger_sync(l), 0);
	ck_assert_uint_eq(ledger_seq(l), 1);
	ledger_close(l);
	ledger_close(NULL);
	rnd_free(rnd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ledger");
	TCase *t = tcase_create("ledger");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, facts_live_on);
	tcase_add_test(t, every_key_of_a_kind);
	tcase_add_test(t, torn_end);
	tcase_add_test(t, no_byte_can_change);
	tcase_add_test(t, a_copy_shows);
	tcase_add_test(t, another_keystore_refuses);
	tcase_add_test(t, written_anew);
	tcase_add_test(t, tried_again);
	tcase_add_test(t, a_loop_is_told);
	tcase_add_test(t, kills);
	tcase_add_test(t, threads);
	tcase_add_test(t, in_memory);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
