/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Migration as the next schema will do it: a copy first, all scripts in one transaction or none, and a start after a kill goes on.
 * This program has schemas of its own in the place of the built-in ones: the first as it was released, then another.
 */
#include "db/store.h"

#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "db/schema_priv.h"
#include "tests/unit/db/fixture.h"

#define SECOND "CREATE TABLE next(k INTEGER PRIMARY KEY, v TEXT) STRICT; INSERT INTO next VALUES (1, 'made');"

const char *const schema_scripts[] = {
	"CREATE TABLE meta(k INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT;"
	"CREATE TABLE res(rid INTEGER PRIMARY KEY, pid INTEGER NOT NULL, ty INTEGER NOT NULL, seq INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT;"
	"CREATE TABLE body(id INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT;"
	"CREATE TABLE batch(seq INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT;"
	"CREATE TABLE snap(seq INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT;"
	"CREATE TABLE rec(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT;"
	"CREATE TABLE event(seq INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT;",
	SECOND,
};
const int schema_newest = ARRAY_LEN(schema_scripts);

static struct fix f;

static void path_of(char out[256], const char *name)
{
	snprintf(out, 256, "%s/%s", f.dir, name);
}

/* The first number that SQL gives on a file of the closed store. */
static int ask(const char *file, const char *sql)
{
	char path[256];
	sqlite3 *db;
	sqlite3_stmt *st;

	path_of(path, file);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
	ck_assert_msg(rc == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	rc = sqlite3_step(st);
	int v = rc == SQLITE_ROW ? sqlite3_column_int(st, 0) : -1;
	sqlite3_finalize(st);
	sqlite3_close(db);
	return v;
}

/* A store with content as the program before left it: schema 1, closed. */
static void old_store(void)
{
	fix_init(&f, true);
	ck_assert_int_eq(fix_container(&f, "", "a"), 0);
	for (int i = 0; i < 20; i++)
		fix_append(&f, "a", "\"x\"", 0);
	store_close(f.s);
	ask("store.db", "DROP TABLE next");
	ask("store.db", "PRAGMA user_version=1");
	ck_assert_int_eq(ask("store.db", "PRAGMA user_version"), 1);
}

START_TEST(a_copy_first)
{
	struct why why = { 0 };

	old_store();
	fix_open(&f);
	ck_assert_uint_eq(fix_counters(&f, "a").cni, 20);
	ck_assert_int_eq(store_check(f.s, NULL, &why), 0);
	store_close(f.s);
	ck_assert_int_eq(ask("store.db", "PRAGMA user_version"), 2);
	ck_assert_int_eq(ask("store.db", "SELECT k FROM next"), 1);
	/* The copy is the store that was: put back, it is migrated anew. */
	char from[256], to[256];
	path_of(from, "store.db.schema-1.backup");
	path_of(to, "store.db");
	ck_assert_int_eq(ask("store.db.schema-1.backup", "PRAGMA user_version"), 1);
	ck_assert_int_eq(ask("store.db.schema-1.backup", "SELECT count(*) FROM body"), 20);
	ck_assert_int_eq(rename(from, to), 0);
	fix_open(&f);
	ck_assert_uint_eq(fix_counters(&f, "a").cni, 20);
	fix_fini(&f);
}
END_TEST

/* What a start before left half-made is no reason not to start. */
START_TEST(an_unfinished_copy)
{
	char path[256];

	old_store();
	path_of(path, "store.db.schema-1.backup");
	FILE *h = fopen(path, "w");
	ck_assert_ptr_nonnull(h);
	fputs("half", h);
	fclose(h);
	fix_open(&f);
	ck_assert_uint_eq(fix_counters(&f, "a").cni, 20);
	store_close(f.s);
	ck_assert_int_eq(ask("store.db.schema-1.backup", "SELECT count(*) FROM body"), 20);
	fix_open(&f);
	fix_fini(&f);
}
END_TEST

START_TEST(kills)
{
	for (int i = 0; i < 12; i++) {
		old_store();
		pid_t pid = fork();
		if (pid == 0) {
			fix_open(&f);
			_exit(0);
		}
		for (int k = 0; k < i * 500; k++)
			sched_yield();
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		int version = ask("store.db", "PRAGMA user_version");
		ck_assert(version == 1 || version == 2);
		ck_assert_int_eq(ask("store.db", "SELECT count(*) FROM sqlite_master WHERE name = 'next'"), version - 1);
		fix_open(&f);
		ck_assert_uint_eq(fix_counters(&f, "a").cni, 20);
		fix_fini(&f);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("migrate");
	TCase *t = tcase_create("migrate");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_copy_first);
	tcase_add_test(t, an_unfinished_copy);
	tcase_add_test(t, kills);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
