/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite backing: opening, and the writer's transactions.  WAL, synchronous=FULL, a checkpoint every 4 MB. */
#include "db/sqlite_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "cse/base/err.h"
#include "cse/base/log.h"
#include "cse/base/rand.h"
#include "db/mem_priv.h"
#include "db/row_priv.h"
#include "security/seal.h"

enum { EX_IOERR_ = 74, SEALED_MAX = 1 << 30 };

static const char *const texts[SQL_COUNT] = {
#define SQL(name, text) [name] = (text),
#include "db/sqlite.def"
#undef SQL
};

int sqlite_error(struct sqlite *q, sqlite3 *db, int rc)
{
	int ext = sqlite3_extended_errcode(db), sys = sqlite3_system_errno(db);

	if (ext == SQLITE_IOERR_FSYNC || ext == SQLITE_IOERR_DIR_FSYNC) {
		/* The kernel may have dropped what it could not write, and will not say so again. */
		log_write(q->log, LOG_STORE_FAILED, "a sync failed (errno %d); ending, the disk decides what is true", sys);
		_exit(EX_IOERR_);
	}
	if ((rc & 0xff) == SQLITE_FULL || sys == ENOSPC || sys == EDQUOT)
		return E_FULL;
	if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB) {
		log_write(q->log, LOG_STORE_CORRUPT, "%s", sqlite3_errstr(ext));
		return E_CORRUPT;
	}
	log_write(q->log, LOG_STORE_FAILED, "%s (errno %d)", sqlite3_errstr(ext), sys);
	return E_IO;
}

int sqlite_exec(struct sqlite *q, sqlite3 *db, const char *sql)
{
	int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : sqlite_error(q, db, rc);
}

int sqlite_unseal(struct sqlite *q, uint32_t table, uint64_t row, const void *p, int n, struct buf *out)
{
	char *to;

	buf_reset(out);
	if (n < SEAL_OVERHEAD || !(to = buf_room(out, (size_t)n - SEAL_OVERHEAD)))
		return E_CORRUPT;
	if (seal_unseal(q->seal, table, row, p, (size_t)n, to))
		return E_CORRUPT;
	buf_added(out, (size_t)n - SEAL_OVERHEAD);
	return 0;
}

/* --- statements --------------------------------------------------------------------------------------------------- */

/* Steps a statement that gives no rows, and makes it ready for the next time. */
static int run(struct sqlite *q, enum sql_statement i)
{
	int rc = sqlite3_step(q->st[i]), err = 0;

	if (rc != SQLITE_DONE)
		err = sqlite_error(q, q->db, rc);
	sqlite3_reset(q->st[i]);
	return err;
}

static void bind_id(struct sqlite *q, enum sql_statement i, int at, uint64_t v)
{
	REQUIRE(v <= INT64_MAX);
	REQUIRE(sqlite3_bind_int64(q->st[i], at, (int64_t)v) == SQLITE_OK);
}

static void bind_blob(struct sqlite *q, enum sql_statement i, int at, struct str s)
{
	REQUIRE(sqlite3_bind_blob64(q->st[i], at, s.p, s.n, SQLITE_STATIC) == SQLITE_OK);
}

static struct str sealed(struct sqlite *q, uint32_t table, uint64_t row, struct str plain)
{
	char *p;

	buf_reset(&q->sealed);
	p = buf_room(&q->sealed, plain.n + SEAL_OVERHEAD);
	REQUIRE(p != NULL);
	seal_bytes(q->seal, table, row, plain.p, plain.n, p);
	buf_added(&q->sealed, plain.n + SEAL_OVERHEAD);
	return buf_as_str(&q->sealed);
}

/* --- transactions ------------------------------------------------------------------------------------------------- */

static int begin(struct disk *d)
{
	return run(sqlite_of(d), SQL_BEGIN);
}

static int put_res(struct disk *d, const struct disk_res *r, struct str s)
{
	struct sqlite *q = sqlite_of(d);

	bind_id(q, SQL_PUT_RES, 1, r->rid);
	bind_id(q, SQL_PUT_RES, 2, r->pid);
	bind_id(q, SQL_PUT_RES, 3, r->ty);
	bind_id(q, SQL_PUT_RES, 4, r->seq);
	bind_blob(q, SQL_PUT_RES, 5, s);
	return run(q, SQL_PUT_RES);
}

static int del_res(struct disk *d, uint32_t rid)
{
	struct sqlite *q = sqlite_of(d);

	bind_id(q, SQL_DEL_RES, 1, rid);
	return run(q, SQL_DEL_RES);
}

static int put_body(struct disk *d, uint64_t id, struct str s)
{
	struct sqlite *q = sqlite_of(d);

	bind_id(q, SQL_PUT_BODY, 1, id);
	bind_blob(q, SQL_PUT_BODY, 2, s);
	return run(q, SQL_PUT_BODY);
}

static int del_bodies(struct disk *d, uint64_t from, uint64_t to)
{
	struct sqlite *q = sqlite_of(d);
	enum sql_statement i = from == to ? SQL_DEL_BODY : SQL_DEL_BODIES;

	bind_id(q, i, 1, from);
	if (from != to)
		bind_id(q, i, 2, to);
	return run(q, i);
}

static int put_event(struct disk *d, uint64_t seq, struct str row)
{
	struct sqlite *q = sqlite_of(d);

	bind_id(q, SQL_PUT_EVENT, 1, seq);
	bind_blob(q, SQL_PUT_EVENT, 2, sealed(q, SEAL_EVENT, seq, row));
	return run(q, SQL_PUT_EVENT);
}

static int put_log(struct disk *d, enum disk_log l, uint64_t seq, struct str plain)
{
	struct sqlite *q = sqlite_of(d);
	enum sql_statement i = l == DISK_SNAP ? SQL_PUT_SNAP : SQL_PUT_BATCH;

	bind_id(q, i, 1, seq);
	bind_blob(q, i, 2, sealed(q, l == DISK_SNAP ? SEAL_SNAP : SEAL_BATCH, seq, plain));
	return run(q, i);
}

static int del_log(struct disk *d, enum disk_log l, uint64_t from, uint64_t to, unsigned max)
{
	struct sqlite *q = sqlite_of(d);
	enum sql_statement i = l == DISK_SNAP ? SQL_DEL_SNAP : SQL_DEL_BATCH;
	int err;

	bind_id(q, i, 1, from);
	bind_id(q, i, 2, to);
	bind_id(q, i, 3, max);
	err = run(q, i);
	return err ? err : sqlite3_changes(q->db);
}

static int put_meta(struct disk *d, enum disk_meta m, uint64_t v)
{
	struct sqlite *q = sqlite_of(d);
	char p[8];

	for (unsigned i = 0; i < 8; i++)
		p[i] = (char)(v >> 8 * i);
	bind_id(q, SQL_PUT_META, 1, (uint64_t)m);
	bind_blob(q, SQL_PUT_META, 2, sealed(q, SEAL_META, (uint64_t)m, str_make(p, sizeof(p))));
	q->meta[m] = v;
	return run(q, SQL_PUT_META);
}

static int on_wal(void *arg, sqlite3 *db, const char *name, int frames)
{
	struct sqlite *q = arg;

	(void)db, (void)name;
	q->frames = frames;
	return SQLITE_OK;
}

/* What autocheckpoint would do, but for its silence about a failed sync.  Any other failure leaves the frames where
 * they are, and the next commit tries again. */
static void checkpoint(struct sqlite *q)
{
	if (q->frames < WAL_FRAMES)
		return;
	int rc = sqlite3_wal_checkpoint_v2(q->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (rc != SQLITE_OK && rc != SQLITE_BUSY)
		sqlite_error(q, q->db, rc);
}

static int commit(struct disk *d)
{
	struct sqlite *q = sqlite_of(d);
	int err = run(q, SQL_COMMIT);

	if (err)
		return err;
	rec_committed(q);
	checkpoint(q);
	return 0;
}

static void rollback(struct disk *d)
{
	struct sqlite *q = sqlite_of(d);

	/* Some errors end the transaction by themselves. */
	if (!sqlite3_get_autocommit(q->db))
		run(q, SQL_ROLLBACK);
	rec_rolled_back(q);
}

static int probe(struct disk *d)
{
	struct sqlite *q = sqlite_of(d);
	int err;

	if (q->relieved && !ballast_restore(q))
		return E_FULL;
	err = begin(d);
	if (!err)
		err = put_meta(d, META_IDS, q->meta[META_IDS]);
	if (!err)
		err = commit(d);
	if (err)
		rollback(d);
	if (err == E_FULL)
		ballast_relieve(d);
	return err;
}

/* --- opening and closing ------------------------------------------------------------------------------------------ */

static void close_(struct disk *d)
{
	struct sqlite *q = sqlite_of(d);

	sqlite_close_readers(q);
	for (unsigned i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(q->st[i]);
	if (q->db)
		sqlite3_close(q->db);
	rec_fini(q);
	buf_fini(&q->sealed);
	if (q->lock_fd >= 0)
		close(q->lock_fd);
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->idle);
	mem_put(q->dir);
	mem_put(q->path);
	mem_put(q->ballast);
	mem_put(q);
}

static const struct disk_ops sqlite_ops = {
	.meta = sqlite_meta, .each_res = sqlite_each_res, .each_log = sqlite_each_log, .log_last = sqlite_log_last,
	.each_rec = sqlite_each_rec, .each_event = sqlite_each_event, .event_bytes = sqlite_event_bytes, .begin = begin,
	.put_res = put_res, .del_res = del_res, .put_body = put_body, .del_bodies = del_bodies, .put_rec = rec_put,
	.put_event = put_event, .put_log = put_log, .del_log = del_log, .put_meta = put_meta, .commit = commit,
	.rollback = rollback, .relieve = ballast_relieve, .restock = ballast_restock, .probe = probe, .read_body = sqlite_read_body,
	.backup = sqlite_backup, .close = close_,
};

static char *join(const char *dir, const char *name)
{
	size_t n = strlen(dir) + strlen(name) + 2;
	char *p = mem_get(n);

	snprintf(p, n, "%s/%s", dir, name);
	return p;
}

/* One process at a time: two writers would give the same ids. */
static int take_folder(struct sqlite *q, struct why *why)
{
	char *file = join(q->dir, "store.lock");

	q->lock_fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	mem_put(file);
	if (q->lock_fd < 0) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the state folder cannot be written (%s); see cse.state", strerror(errno));
		return E_IO;
	}
	if (flock(q->lock_fd, LOCK_EX | LOCK_NB)) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "another process uses the state folder; stop it first");
		return E_IO;
	}
	return 0;
}

static int open_db(struct sqlite *q, struct why *why)
{
	/* Made by us so that nobody else may read it; SQLite gives its other files the same mode. */
	int fd = open(q->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), err;

	if (fd >= 0)
		close(fd);
	int rc = sqlite3_open_v2(q->path, &q->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (fd < 0 || rc != SQLITE_OK) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "store.db cannot be opened; see cse.state");
		return E_IO;
	}
	sqlite3_extended_result_codes(q->db, 1);
	/* Rows are sealed, so what is deleted need not be wiped. */
	if ((err = sqlite_exec(q, q->db, "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
	                                 "PRAGMA wal_autocheckpoint=0;"
	                                 "PRAGMA secure_delete=OFF; PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY;"
	                                 "PRAGMA journal_size_limit=16777216"))) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "store.db is no store, or is damaged");
		return err;
	}
	return sqlite_migrate(q, why);
}

static int prepare(struct sqlite *q, struct why *why)
{
	for (unsigned i = 0; i < SQL_COUNT; i++) {
		int rc = sqlite3_prepare_v3(q->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &q->st[i], NULL);
		if (rc != SQLITE_OK) {
			why_set(why, RSC_INTERNAL_SERVER_ERROR, "the tables of store.db are not those of this program");
			return sqlite_error(q, q->db, rc);
		}
	}
	sqlite3_wal_hook(q->db, on_wal, q);
	return 0;
}

int disk_sqlite_open(const struct store_opts *o, struct disk **out, struct why *why)
{
	struct sqlite *q = mem_zget(sizeof(*q));
	int err;

	REQUIRE(o->seal != NULL);
	q->disk.ops = &sqlite_ops;
	q->seal = o->seal;
	q->log = o->log;
	q->dir = join(o->dir, "");
	q->path = join(o->dir, "store.db");
	q->ballast = join(o->dir, "ballast");
	q->ballast_bytes = ballast_size(o);
	q->lock_fd = -1;
	q->hkey[0] = rnd_u64(o->rnd);
	q->hkey[1] = rnd_u64(o->rnd);
	htab_init(&q->recs);
	buf_init(&q->sealed, SEALED_MAX);
	REQUIRE(pthread_mutex_init(&q->lock, NULL) == 0 && pthread_cond_init(&q->idle, NULL) == 0);

	err = take_folder(q, why);
	if (!err)
		err = open_db(q, why);
	if (err && ballast_frees_disk(q)) {
		/* Not one page was left to open it with. */
		sqlite3_close(q->db);
		q->db = NULL;
		*why = (struct why){ .rsc = RSC_NONE };
		err = open_db(q, why);
	}
	if (!err)
		err = prepare(q, why);
	if (!err && (err = rec_load(q)))
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "table rec does not verify");
	if (err) {
		close_(&q->disk);
		return err;
	}
	ballast_make(q);
	*out = &q->disk;
	return 0;
}
