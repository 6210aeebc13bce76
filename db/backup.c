/* SPDX-License-Identifier: Apache-2.0 */
/* A consistent copy into a new file, in one read transaction; rows stay sealed. */
#include "db/sqlite_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cse/base/err.h"

static int room_for(struct sqlite *q, int fd, struct why *why)
{
	struct stat st;
	struct statvfs v;

	if (stat(q->path, &st) || fstatvfs(fd, &v)) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the backup's folder cannot be read (%s)", strerror(errno));
		return E_IO;
	}
	uint64_t need = (uint64_t)st.st_size + (uint64_t)st.st_size / 16 + (1 << 20);
	uint64_t have = (uint64_t)v.f_bavail * v.f_frsize;
	if (have < need) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "a backup needs %llu MB, %llu MB are free; choose another folder",
		        (unsigned long long)(need >> 20), (unsigned long long)(have >> 20));
		return E_FULL;
	}
	return 0;
}

static int copy_pages(struct sqlite *q, const char *file, struct why *why)
{
	sqlite3 *from = NULL, *to = NULL;
	sqlite3_backup *b = NULL;
	int rc = sqlite3_open_v2(q->path, &from, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL), err = 0;

	if (rc == SQLITE_OK)
		rc = sqlite3_open_v2(file, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK && (b = sqlite3_backup_init(to, "main", from, "main"))) {
		sqlite3_backup_step(b, -1);
		rc = sqlite3_backup_finish(b);
	}
	if (rc != SQLITE_OK || !b) {
		int sys = to ? sqlite3_system_errno(to) : 0;
		err = rc == SQLITE_FULL || sys == ENOSPC ? E_FULL : E_IO;
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the backup failed: %s", sqlite3_errstr(rc));
	}
	sqlite3_close(to);
	sqlite3_close(from);
	return err;
}

int sqlite_copy(struct sqlite *q, const char *file, struct why *why)
{
	int fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), err;

	if (fd < 0) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the backup's file cannot be made (%s); name a new one", strerror(errno));
		return E_IO;
	}
	err = room_for(q, fd, why);
	if (!err)
		err = copy_pages(q, file, why);
	if (!err && fsync(fd)) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the backup cannot be synced (%s)", strerror(errno));
		err = E_IO;
	}
	close(fd);
	if (err)
		unlink(file);
	return err;
}

int sqlite_backup(struct disk *d, const char *file, struct why *why)
{
	return sqlite_copy(sqlite_of(d), file, why);
}
