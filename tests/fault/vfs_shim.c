/* SPDX-License-Identifier: Apache-2.0 */
/* The failing disk: every file of the unix VFS is wrapped, its operations are counted. */
#include "tests/fault/vfs_shim.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>

struct shim_file {
	sqlite3_file file; /* first */
	sqlite3_file *real;
};

static struct {
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	atomic_uint count, fail_at;
	atomic_bool lasting;
	atomic_int error;
} shim;

static sqlite3_file *real(sqlite3_file *f)
{
	return ((struct shim_file *)(void *)f)->real;
}

/* The result that the unix VFS gives for the error, or SQLITE_OK. */
static int due(int io_error, bool full_is_full)
{
	unsigned n = atomic_fetch_add(&shim.count, 1) + 1, at = atomic_load(&shim.fail_at);

	if (!at || n < at || (n > at && !atomic_load(&shim.lasting)))
		return SQLITE_OK;
	return full_is_full && atomic_load(&shim.error) == SHIM_ENOSPC ? SQLITE_FULL : io_error;
}

static int shim_close(sqlite3_file *f)
{
	int rc = real(f)->pMethods ? real(f)->pMethods->xClose(real(f)) : SQLITE_OK;

	sqlite3_free(real(f));
	return rc;
}

static int shim_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return real(f)->pMethods->xRead(real(f), p, n, at);
}

static int shim_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	int rc = due(SQLITE_IOERR_WRITE, true);

	/* A failing write may have been carried out in part. */
	if (rc)
		real(f)->pMethods->xWrite(real(f), p, n / 2, at);
	return rc ? rc : real(f)->pMethods->xWrite(real(f), p, n, at);
}

static int shim_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	int rc = due(SQLITE_IOERR_TRUNCATE, false);

	return rc ? rc : real(f)->pMethods->xTruncate(real(f), n);
}

static int shim_sync(sqlite3_file *f, int flags)
{
	(void)f, (void)flags;
	return due(SQLITE_IOERR_FSYNC, false);
}

static int shim_size(sqlite3_file *f, sqlite3_int64 *n)
{
	return real(f)->pMethods->xFileSize(real(f), n);
}

static int shim_lock(sqlite3_file *f, int how)
{
	return real(f)->pMethods->xLock(real(f), how);
}

static int shim_unlock(sqlite3_file *f, int how)
{
	return real(f)->pMethods->xUnlock(real(f), how);
}

static int shim_reserved(sqlite3_file *f, int *out)
{
	return real(f)->pMethods->xCheckReservedLock(real(f), out);
}

static int shim_control(sqlite3_file *f, int op, void *arg)
{
	return real(f)->pMethods->xFileControl(real(f), op, arg);
}

static int shim_sector(sqlite3_file *f)
{
	return real(f)->pMethods->xSectorSize(real(f));
}

static int shim_traits(sqlite3_file *f)
{
	return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

static int shim_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
	return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
}

static int shim_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return real(f)->pMethods->xShmLock(real(f), at, n, flags);
}

static void shim_barrier(sqlite3_file *f)
{
	real(f)->pMethods->xShmBarrier(real(f));
}

static int shim_unmap(sqlite3_file *f, int remove)
{
	return real(f)->pMethods->xShmUnmap(real(f), remove);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2, .xClose = shim_close, .xRead = shim_read, .xWrite = shim_write, .xTruncate = shim_truncate,
	.xSync = shim_sync, .xFileSize = shim_size, .xLock = shim_lock, .xUnlock = shim_unlock,
	.xCheckReservedLock = shim_reserved, .xFileControl = shim_control, .xSectorSize = shim_sector,
	.xDeviceCharacteristics = shim_traits, .xShmMap = shim_map, .xShmLock = shim_shm_lock, .xShmBarrier = shim_barrier,
	.xShmUnmap = shim_unmap,
};

static int shim_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
	struct shim_file *s = (struct shim_file *)(void *)f;

	(void)v;
	memset(s, 0, sizeof(*s));
	s->real = sqlite3_malloc(shim.real->szOsFile);
	if (!s->real)
		return SQLITE_NOMEM;
	memset(s->real, 0, (size_t)shim.real->szOsFile);
	int rc = shim.real->xOpen(shim.real, name, s->real, flags, out);
	if (rc == SQLITE_OK) {
		s->file.pMethods = &methods;
	} else {
		sqlite3_free(s->real);
		s->real = NULL;
	}
	return rc;
}

static int shim_delete(sqlite3_vfs *v, const char *name, int sync)
{
	(void)v, (void)sync;
	return shim.real->xDelete(shim.real, name, 0);
}

void shim_install(void)
{
	if (shim.real)
		return;
	shim.real = sqlite3_vfs_find(NULL);
	shim.vfs = *shim.real;
	shim.vfs.pNext = NULL;
	shim.vfs.zName = "shim";
	shim.vfs.szOsFile = sizeof(struct shim_file);
	shim.vfs.xOpen = shim_open;
	shim.vfs.xDelete = shim_delete;
	sqlite3_vfs_register(&shim.vfs, 1);
}

void shim_fail(unsigned n, enum shim_error e, bool lasting)
{
	atomic_store(&shim.fail_at, 0);
	atomic_store(&shim.count, 0);
	atomic_store(&shim.error, e);
	atomic_store(&shim.lasting, lasting);
	atomic_store(&shim.fail_at, n);
}

unsigned shim_count(void)
{
	return atomic_load(&shim.count);
}
