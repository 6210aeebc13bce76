/* SPDX-License-Identifier: Apache-2.0 */
/* Room kept for a full disk: a file that is given free so that deletions and revocations can still be written. */
#include "db/sqlite_priv.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cse/base/log.h"

enum { FULL_BELOW = 1 << 20, MARGIN_MAX = 8 << 20 };

size_t ballast_size(const struct store_opts *o)
{
	struct statvfs v;
	uint64_t eighth = statvfs(o->dir, &v) ? UINT64_MAX : (uint64_t)v.f_blocks * v.f_frsize / 8;

	return o->ballast_bytes < eighth ? o->ballast_bytes : (size_t)eighth;
}

/* Room beside the ballast with which the store writes again: twice the WAL (engine.md 2.5), less where the disk is small. */
static uint64_t margin_of(const struct sqlite *q)
{
	uint64_t quarter = q->ballast_bytes / 4;

	return quarter < MARGIN_MAX ? quarter : MARGIN_MAX;
}

/* true: the file is there in its full size. */
static bool make(struct sqlite *q)
{
	int fd = open(q->ballast, O_RDWR | O_CREAT | O_CLOEXEC, 0600), err;

	if (fd < 0)
		return false;
	err = posix_fallocate(fd, 0, (off_t)q->ballast_bytes);
	close(fd);
	if (err)
		unlink(q->ballast);
	return !err;
}

void ballast_make(struct sqlite *q)
{
	struct stat st;

	if (!q->ballast_bytes || q->relieved || (stat(q->ballast, &st) == 0 && (size_t)st.st_blocks * 512 >= q->ballast_bytes))
		return;
	q->relieved = !make(q);
	if (q->relieved)
		log_write(q->log, LOG_STORE_FAILED, "no room for the ballast; free some space");
}

void ballast_relieve(struct disk *d)
{
	struct sqlite *q = sqlite_of(d);

	if (!q->ballast_bytes)
		return;
	unlink(q->ballast);
	q->relieved = true;
}

static uint64_t free_inside(struct sqlite *q)
{
	sqlite3_stmt *st = NULL;
	uint64_t n = 0;

	if (sqlite3_prepare_v2(q->db, "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size", -1, &st,
	                       NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
		n = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

static uint64_t free_outside(const struct sqlite *q)
{
	struct statvfs v;

	return statvfs(q->dir, &v) ? 0 : (uint64_t)v.f_bavail * v.f_frsize;
}

bool ballast_frees_disk(struct sqlite *q)
{
	if (free_outside(q) >= FULL_BELOW || unlink(q->ballast))
		return false;
	q->relieved = true;
	log_write(q->log, LOG_STORE_FAILED, "the disk is full; the ballast is given free");
	return true;
}

bool ballast_restock(struct disk *d)
{
	struct sqlite *q = sqlite_of(d);

	if (!q->ballast_bytes || !q->relieved)
		return true;
	if (free_outside(q) < q->ballast_bytes + margin_of(q) || !make(q))
		return false;
	q->relieved = false;
	log_write(q->log, LOG_STORE_RECOVERED, "the ballast is there again");
	return true;
}

bool ballast_restore(struct sqlite *q)
{
	uint64_t margin = margin_of(q);

	if (make(q)) {
		if (free_outside(q) >= margin) {
			q->relieved = false;
			return true;
		}
		/* It took the room that deletions need. */
		unlink(q->ballast);
	}
	/* A file never shrinks: what was deleted inside of it is room as well, as long as the WAL can grow a little. */
	return free_inside(q) >= margin && free_outside(q) >= margin;
}
