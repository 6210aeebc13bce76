/* SPDX-License-Identifier: Apache-2.0 */
/* What lies in the state folder: sealed, whole or refused, never of two processes, copied, migrated, never too large. */
#include "db/store.h"

#include <fcntl.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "db/writer_priv.h"
#include "tests/unit/db/fixture.h"

static struct fix f;

static void setup(void)
{
	fix_init(&f, true);
}

static void teardown(void)
{
	fix_fini(&f);
}

static void path_of(char out[256], const char *name)
{
	snprintf(out, 256, "%s/%s", f.dir, name);
}

/* SQL on the closed store. */
static void change(const char *sql)
{
	char path[256];
	sqlite3 *db;

	path_of(path, "store.db");
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	ck_assert_msg(rc == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static int try_open(struct why *why)
{
	struct arena a;
	struct store *s;

	arena_init(&a, 4096);
	*why = (struct why){ 0 };
	int err = store_open(&f.o, fix_res(&a, TY_CB, 0), &s, why);
	if (!err)
		store_close(s);
	arena_fini(&a);
	return err;
}

static void fill(void)
{
	ck_assert_int_eq(fix_container(&f, "", "a"), 0);
	for (int i = 0; i < 20; i++)
		fix_append(&f, "a", "\"something\"", 0);
}

START_TEST(test_modes)
{
	const char *names[] = { "store.db", "store.db-wal", "store.db-shm", "store.lock" };
	struct stat st;
	char path[256];

	fill();
	for (unsigned i = 0; i < 4; i++) {
		path_of(path, names[i]);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_uint_eq(st.st_mode & 0777, 0600);
	}
}
END_TEST

START_TEST(test_newer_is_refused)
{
	struct why why;

	fill();
	store_close(f.s);
	change("PRAGMA user_version=7");
	ck_assert_int_eq(try_open(&why), E_NEWER);
	ck_assert_ptr_nonnull(strstr(why.text, "schema 7"));
	ck_assert_ptr_nonnull(strstr(why.text, "knows 1"));
	change("PRAGMA user_version=1; PRAGMA application_id=5");
	ck_assert_int_eq(try_open(&why), E_CORRUPT);
	change("PRAGMA application_id=1416785780");
	fix_open(&f);
	ck_assert_uint_eq(fix_counters(&f, "a").cni, 20);
}
END_TEST

START_TEST(test_one_process)
{
	struct why why;

	ck_assert_int_eq(try_open(&why), E_IO);
	ck_assert_ptr_nonnull(strstr(why.text, "another process"));
}
END_TEST

/* A row that was damaged, moved, relabelled or exchanged does not verify. */
START_TEST(test_damage)
{
	static const struct {
		const char *sql, *undo, *table;
	} damage[] = {
		{ "UPDATE res SET sealed = CAST(substr(sealed, 1, 40) || x'00' || substr(sealed, 42) AS BLOB) WHERE rid = 2", NULL, "res" },
		{ "UPDATE res SET ty = 2 WHERE rid = 2", "UPDATE res SET ty = 3 WHERE rid = 2", "res" },
		{ "UPDATE res SET pid = 0 WHERE rid = 2", "UPDATE res SET pid = 1 WHERE rid = 2", "res" },
		{ "UPDATE res SET seq = seq + 1 WHERE rid = 2", "UPDATE res SET seq = seq - 1 WHERE rid = 2", "res" },
		{ "UPDATE res SET rid = 3 WHERE rid = 2", "UPDATE res SET rid = 2 WHERE rid = 3", "res" },
		{ "UPDATE batch SET seq = seq + 1000", "UPDATE batch SET seq = seq - 1000", "log" },
		{ "UPDATE meta SET k = k + 1", NULL, "meta" },
	};
	struct why why;

	fill();
	store_close(f.s);
	for (unsigned i = ARRAY_LEN(damage); i-- > 0;) {
		if (!damage[i].undo)
			continue;
		change(damage[i].sql);
		ck_assert_msg(try_open(&why) == E_CORRUPT, "%s", damage[i].sql);
		ck_assert_ptr_nonnull(strstr(why.text, damage[i].table));
		change(damage[i].undo);
		ck_assert_msg(try_open(&why) == 0, "%s", why.text);
	}
	change(damage[0].sql);
	ck_assert_int_eq(try_open(&why), E_CORRUPT);

	/* Not even the owner of another key reads it. */
	struct seal *mine = f.seal;
	f.o.seal = seal_new_volatile(f.rnd);
	ck_assert_int_eq(try_open(&why), E_CORRUPT);
	seal_close(f.o.seal);
	f.o.seal = f.seal = mine;
	char path[256];
	path_of(path, "store.db");
	ck_assert_int_eq(unlink(path), 0);
	fix_open(&f);
}
END_TEST

START_TEST(test_check_finds_damage)
{
	struct why why = { 0 };

	fill();
	ck_assert_int_eq(store_check(f.s, NULL, &why), 0);
	store_close(f.s);
	change("DELETE FROM body WHERE id = (SELECT min(id) + 3 FROM body)");
	fix_open(&f);
	ck_assert_int_eq(store_check(f.s, NULL, &why), E_CORRUPT);
	ck_assert_ptr_nonnull(strstr(why.text, "missing"));
	store_close(f.s);
	change("UPDATE body SET sealed = zeroblob(60) WHERE id = (SELECT min(id) FROM body)");
	fix_open(&f);
	why = (struct why){ 0 };
	ck_assert_int_eq(store_check(f.s, NULL, &why), E_CORRUPT);
	ck_assert_ptr_nonnull(strstr(why.text, "verify"));
}
END_TEST

START_TEST(test_backup)
{
	struct why why = { 0 };
	struct stat st;
	char file[256], path[256];

	fill();
	path_of(file, "copy.db");
	ck_assert_msg(store_backup(f.s, file, &why) == 0, "%s", why.text);
	ck_assert_int_eq(stat(file, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(store_backup(f.s, file, &why), E_IO); /* never over something */
	for (int i = 0; i < 5; i++)
		fix_append(&f, "a", "\"later\"", 0);
	store_close(f.s);
	path_of(path, "store.db");
	ck_assert_int_eq(rename(file, path), 0);
	fix_open(&f);
	ck_assert_uint_eq(fix_counters(&f, "a").cni, 20);
	ck_assert_int_eq(store_check(f.s, NULL, &why), 0);
}
END_TEST

/* Ids are never given twice, whatever became of those that had them. */
START_TEST(test_ids_never_again)
{
	uint64_t last = 0;
	uint32_t last_rid = 0;

	ck_assert_int_eq(fix_container(&f, "", "a"), 0);
	for (int round = 0; round < 6; round++) {
		struct inst x = fix_append(&f, "a", "1", 1);
		ck_assert_uint_gt(x.id, last);
		last = x.id;
		ck_assert_int_eq(fix_container(&f, "a", "sub"), 0);
		fix_write(&f);
		const struct node *n = fix_at(&f, "a/sub");
		ck_assert_uint_gt(n->rid, last_rid);
		last_rid = n->rid;
		store_remove(f.tx, n);
		store_clear(f.tx, fix_at(&f, "a"));
		ck_assert_int_eq(fix_commit(&f), 0);
		if (round % 2) {
			fix_reopen(&f);
			continue;
		}
		/* As if it had been killed: nothing is written at the end. */
		store_close(f.s);
		pid_t pid = fork();
		if (pid == 0) {
			fix_open(&f);
			for (int i = 0; i < 10; i++)
				last = fix_append(&f, "a", "1", 1).id;
			_exit((int)(last % 100));
		}
		int status;
		waitpid(pid, &status, 0);
		ck_assert(WIFEXITED(status));
		last += 10;
		fix_open(&f);
	}
}
END_TEST

static bool holds(const char *name, const char *what)
{
	char path[256];
	bool found = false;

	path_of(path, name);
	FILE *file = fopen(path, "rb");
	ck_assert_ptr_nonnull(file);
	char *p = malloc(64 << 20);
	size_t n = fread(p, 1, 64 << 20, file);
	found = memmem(p, n, what, strlen(what)) != NULL;
	fclose(file);
	free(p);
	return found;
}

START_TEST(test_nothing_in_clear)
{
	const char *files[] = { "store.db", "store.db-wal" };
	const struct node *n;

	fix_write(&f);
	ck_assert_int_eq(store_create(f.tx, store_root(f.tx), fix_res(&f.a, TY_AE, FAR), STR("canaryname"), STR("Ccanarystem"), 0, &n), 0);
	store_rec_put(f.tx, REC_META, STR("canarykey"), STR("canaryvalue"));
	ck_assert_int_eq(fix_commit(&f), 0);
	ck_assert_int_eq(fix_container(&f, "canaryname", "c"), 0);
	fix_write(&f);
	struct res *r = fix_cin(&f.a, "\"canarycontent\"");
	struct val l = val_list(&f.a, 1);
	l.list.v[0] = val_str(K_TOKEN, STR("canarylabel"));
	*fix_add(&f.a, r, "lbl") = l;
	struct append ap = { .r = r, .size = 15, .rn = STR("canaryinstance"), .labelled = true };
	ck_assert_int_eq(store_append(f.tx, fix_at(&f, "canaryname/c"), &ap), 0);
	ck_assert_int_eq(fix_commit(&f), 0);
	ck_assert_int_eq(store_event_append(f.s, STR("canaryevent")), 0);
	store_flush(f.s);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_msg(!holds(files[i], "canary"), "%s", files[i]);
	store_close(f.s);
	ck_assert(!holds("store.db", "canary"));
	fix_open(&f);
	fix_read(&f);
	ck_assert_ptr_nonnull(fix_at(&f, "canaryname/c"));
	fix_end(&f);
}
END_TEST

static double file_mb(void)
{
	struct stat st;
	char path[256];

	path_of(path, "store.db");
	ck_assert_int_eq(stat(path, &st), 0);
	return (double)st.st_size / 1e6;
}

static void idle(void)
{
	struct store_usage u;

	do
		store_usage(f.s, &u);
	while (u.unswept);
}

/* The bar: the file is at most 2.5 times its live data under steady eviction.  Half of the containers hold few. */
START_TEST(test_file_is_reused)
{
	enum { CNT = 20, FEW = 10, MANY = 1000, ROUNDS = 5000 };
	char name[16], con[301];
	double live;

	memset(con, 'x', 300);
	con[0] = con[299] = '"';
	con[300] = 0;
	for (int i = 0; i < CNT; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		ck_assert_int_eq(fix_container(&f, "", name), 0);
	}
	f.s->writer->journal.snap.min_garbage = 1000;
	for (int r = 0; r < ROUNDS; r++) {
		fix_write(&f);
		for (int i = 0; i < CNT; i++) {
			snprintf(name, sizeof(name), "c%d", i);
			const struct node *n = fix_at(&f, name);
			struct append ap = { .r = fix_cin(&f.a, con), .size = 300 };
			ck_assert_int_eq(store_append(f.tx, n, &ap), 0);
			store_trim(f.tx, n, i % 2 ? FEW : MANY, UINT64_MAX, INT64_MIN);
		}
		ck_assert_int_eq(fix_commit(&f), 0);
	}
	idle();
	/* Rows are 300 bytes and what seal, attributes and B-tree add. */
	live = (FEW + MANY) * CNT / 2 * 370 / 1e6;
	ck_assert_msg(file_mb() < 2.5 * live, "%.2f MB for %.2f MB", file_mb(), live);
	fix_reopen(&f);
	ck_assert_uint_eq(fix_counters(&f, "c0").cni, MANY);
	ck_assert_uint_eq(fix_counters(&f, "c1").cni, FEW);
}
END_TEST

/* --- a file system that is really full ---------------------------------------------------------------------------- */

/* In a mount namespace of its own; false: this machine does not let us. */
static bool small_disk(void)
{
	char opts[32] = "size=12m";

	if (unshare(CLONE_NEWNS)) {
		unsigned uid = geteuid();
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
			return false;
		FILE *map = fopen("/proc/self/uid_map", "w");
		if (!map)
			return false;
		fprintf(map, "0 %u 1", uid);
		fclose(map);
	}
	mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	return mount("tmpfs", f.dir, "tmpfs", 0, opts) == 0;
}

static int append_big(void)
{
	static char con[20001];

	memset(con, 'y', 20000);
	con[0] = con[19999] = '"';
	fix_write(&f);
	struct append ap = { .r = fix_cin(&f.a, con), .size = 20000 };
	ck_assert_int_eq(store_append(f.tx, fix_at(&f, "a"), &ap), 0);
	return fix_commit(&f);
}

/* Every byte that is left. */
static void fill_up(const char *path)
{
	static const char page[4096];
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	while (write(fd, page, sizeof(page)) > 0)
		continue;
	close(fd);
}

/* Not even the WAL can be made: the ballast makes the start possible, what is there is read and can be deleted. */
static void start_on_full_disk(void)
{
	char path[256];
	uint64_t n;

	path_of(path, "filler");
	fix_open(&f);
	n = fix_counters(&f, "a").cni;
	store_close(f.s);
	fill_up(path);
	fix_open(&f);
	ck_assert_uint_eq(fix_counters(&f, "a").cni, n);
	fix_write(&f);
	store_clear(f.tx, fix_at(&f, "a"));
	ck_assert_int_eq(fix_commit(&f), 0);
	fix_reopen(&f);
	ck_assert_uint_eq(fix_counters(&f, "a").cni, 0);
	ck_assert_int_eq(unlink(path), 0);
	while (append_big())
		sched_yield();
	store_close(f.s);
}

static void on_full_disk(void)
{
	uint64_t kept = 0;
	int err;

	f.o.ballast_bytes = 2 << 20;
	fix_open(&f);
	ck_assert_int_eq(fix_container(&f, "", "a"), 0);
	ck_assert_int_eq(fix_container(&f, "", "b"), 0);
	while (!(err = append_big()))
		kept++;
	ck_assert_int_eq(err, E_FULL);
	ck_assert_uint_gt(kept, 100);
	ck_assert(store_is_readonly(f.s));
	ck_assert_uint_eq(fix_counters(&f, "a").cni, kept);
	ck_assert_uint_eq(fix_counters(&f, "a").st, kept);

	/* Creating is refused, deleting and revoking are not. */
	ck_assert_int_eq(append_big(), E_READONLY);
	fix_write(&f);
	store_rec_put(f.tx, REC_CREDENTIAL, STR("c1"), STR("revoked"));
	ck_assert_int_eq(fix_commit(&f), 0);
	ck_assert_int_eq(store_event_append(f.s, STR("told")), 0);
	fix_write(&f);
	store_remove(f.tx, fix_at(&f, "b"));
	ck_assert_int_eq(fix_commit(&f), 0);
	ck_assert_uint_eq(fix_counters(&f, "a").cni, kept);

	/* A restart on a full disk comes up, and what was acknowledged is there. */
	fix_reopen(&f);
	ck_assert_uint_eq(fix_counters(&f, "a").cni, kept);
	fix_write(&f);
	store_trim(f.tx, fix_at(&f, "a"), 10, UINT64_MAX, INT64_MIN);
	ck_assert_int_eq(fix_commit(&f), 0);
	/* Room inside of the file counts: it writes again by itself. */
	while (append_big())
		sched_yield();
	ck_assert_uint_eq(fix_counters(&f, "a").cni, 11);
	fix_reopen(&f);
	ck_assert_uint_eq(fix_counters(&f, "a").cni, 11);
	struct why why = { 0 };
	ck_assert_msg(store_check(f.s, NULL, &why) == 0, "%s", why.text);
	store_close(f.s);
}

START_TEST(test_full_disk)
{
	int status;

	store_close(f.s);
	pid_t pid = fork();
	if (pid == 0) {
		if (!small_disk())
			_exit(77);
		on_full_disk();
		start_on_full_disk();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ck_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		fputs("no mount namespace here: the full disk was not tried\n", stderr);
	else
		ck_assert_int_eq(WEXITSTATUS(status), 0);
	fix_open(&f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sqlite");
	TCase *t = tcase_create("sqlite");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 300);
	tcase_add_test(t, test_modes);
	tcase_add_test(t, test_newer_is_refused);
	tcase_add_test(t, test_one_process);
	tcase_add_test(t, test_damage);
	tcase_add_test(t, test_check_finds_damage);
	tcase_add_test(t, test_backup);
	tcase_add_test(t, test_ids_never_again);
	tcase_add_test(t, test_nothing_in_clear);
	tcase_add_test(t, test_file_is_reused);
	tcase_add_test(t, test_full_disk);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
