/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite backing: one connection for the writer's thread, a few that only read. */
#ifndef DB_SQLITE_PRIV_H
#define DB_SQLITE_PRIV_H

#include <pthread.h>
#include <sqlite3.h>

#include "cse/base/buf.h"
#include "db/disk.h"
#include "db/htab_priv.h"

enum sql_statement {
#define SQL(name, text) name,
#include "db/sqlite.def"
#undef SQL
	SQL_COUNT
};

enum { READERS = 8, WAL_FRAMES = 500 };

struct reader {
	sqlite3 *db;
	sqlite3_stmt *body;
	bool busy;
};

/* Which row a record has; keys are sealed on disk. */
struct rec_row {
	struct hlink link;
	struct rec_row *next; /* in the list of what the running transaction changed */
	int64_t id;
	bool in, was_in;      /* now, and before the transaction */
	bool touched;
	uint8_t table;
	uint16_t n;
	char key[];
};

struct sqlite {
	struct disk disk; /* first */
	struct seal *seal;
	struct log *log;
	char *dir, *path, *ballast;
	size_t ballast_bytes;
	int lock_fd;
	bool relieved;           /* the ballast is given free */

	sqlite3 *db;             /* the writer's */
	sqlite3_stmt *st[SQL_COUNT];
	struct buf sealed;       /* the writer's */
	int frames;              /* of the WAL, after the newest commit */
	uint64_t meta[META_COUNT];
	uint64_t hkey[2];
	struct htab recs;
	struct rec_row *changed;
	int64_t next_rec;

	pthread_mutex_t lock;    /* guards `busy` of the readers */
	pthread_cond_t idle;
	struct reader reader[READERS];
};

static inline struct sqlite *sqlite_of(struct disk *d)
{
	return (struct sqlite *)(void *)d;
}

/* What went wrong on a connection, in our words; ends the process when a sync failed. */
int sqlite_error(struct sqlite *q, sqlite3 *db, int rc);
int sqlite_exec(struct sqlite *q, sqlite3 *db, const char *sql);
/* 0, or what is wrong with it: E_CORRUPT. `out` holds the plain bytes afterwards. */
int sqlite_unseal(struct sqlite *q, uint32_t table, uint64_t row, const void *p, int n, struct buf *out);

/* --- migrate.c --- */
int sqlite_migrate(struct sqlite *q, struct why *why);

/* --- backup.c --- */
int sqlite_copy(struct sqlite *q, const char *file, struct why *why);
int sqlite_backup(struct disk *d, const char *file, struct why *why);

/* --- sqlite_read.c --- */
int sqlite_meta(struct disk *d, uint64_t out[META_COUNT]);
int sqlite_each_res(struct disk *d, int (*fn)(void *arg, const struct disk_res *r), void *arg);
int sqlite_each_log(struct disk *d, enum disk_log l, uint64_t from, uint64_t to,
                    int (*fn)(void *arg, uint64_t seq, struct str plain), void *arg);
uint64_t sqlite_log_last(struct disk *d);
int sqlite_each_rec(struct disk *d, enum rec_table t, int (*fn)(void *arg, struct str key, struct str value), void *arg);
int sqlite_each_event(struct disk *d, uint64_t from, int (*fn)(void *arg, uint64_t seq, struct str row), void *arg);
uint64_t sqlite_event_bytes(struct disk *d, uint64_t *last);
int sqlite_read_body(struct disk *d, uint64_t id, struct body **out);
void sqlite_close_readers(struct sqlite *q);

/* --- sqlite_rec.c --- */
int rec_load(struct sqlite *q);
void rec_fini(struct sqlite *q);
int rec_put(struct disk *d, enum rec_table t, struct str key, struct str value, struct str sealed);
void rec_committed(struct sqlite *q);
void rec_rolled_back(struct sqlite *q);

/* --- ballast.c --- */
/* As configured, but no more than an eighth of the disk. */
size_t ballast_size(const struct store_opts *o);
void ballast_make(struct sqlite *q);
bool ballast_restock(struct disk *d);
void ballast_relieve(struct disk *d);
/* At start: when the disk is full and the ballast is there it is given free. */
bool ballast_frees_disk(struct sqlite *q);
/* Is there room again: for the ballast, or inside of the file? */
bool ballast_restore(struct sqlite *q);

#endif
