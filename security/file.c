/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and replacing the small files of the state folder. */
#include "security/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cse/base/err.h"

static int path_of(const char *dir, const char *name, const char *suffix, char out[PATH_MAX], struct why *why)
{
	int n = snprintf(out, PATH_MAX, "%s/%s%s", dir, name, suffix);
	if (n > 0 && n < PATH_MAX)
		return 0;
	why_set(why, RSC_INTERNAL_SERVER_ERROR, "the path of %s in the state folder is too long", name);
	return E_LIMIT;
}

static int sys_error(struct why *why, const char *what, const char *name)
{
	int e = errno;
	why_set(why, RSC_INTERNAL_SERVER_ERROR, "cannot %s %s: %s", what, name, strerror(e));
	return e == ENOENT ? E_ABSENT : e == ENOSPC || e == EDQUOT ? E_FULL : E_IO;
}

static int check_private(int fd, const char *name, struct why *why)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return sys_error(why, "look at", name);
	if (!S_ISREG(st.st_mode)) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s is no regular file", name);
		return E_DENIED;
	}
	if (st.st_mode & 077) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s has mode %04o: others could reach a secret; set it to 0600 (chmod 600)", name,
		        (unsigned)(st.st_mode & 07777));
		return E_DENIED;
	}
	if (st.st_uid != geteuid()) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s belongs to user %u, not to the one that runs this program (%u)", name,
		        (unsigned)st.st_uid, (unsigned)geteuid());
		return E_DENIED;
	}
	return 0;
}

int file_open_at(const char *dir, const char *name, int flags, int *fd, struct why *why)
{
	char path[PATH_MAX];
	int err = path_of(dir, name, "", path, why);
	if (err)
		return err;
	int f = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (f < 0)
		return sys_error(why, "open", name);
	err = check_private(f, name, why);
	if (err) {
		close(f);
		return err;
	}
	*fd = f;
	return 0;
}

int file_read(int fd, const char *name, struct buf *b, struct why *why)
{
	for (;;) {
		/* At the bound one byte more tells a file that just fits from a longer one. */
		char beyond[1];
		size_t room = b->max - b->n < 4096 ? b->max - b->n : 4096;
		char *p = room ? buf_room(b, room) : beyond;
		ssize_t k = read(fd, p, room ? room : sizeof(beyond));
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return sys_error(why, "read", name);
		if (k == 0)
			return 0;
		if (room == 0) {
			why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s is larger than %zu bytes", name, b->max);
			return E_LIMIT;
		}
		buf_added(b, (size_t)k);
	}
}

int file_load(const char *dir, const char *name, bool wide, struct buf *b, struct why *why)
{
	char path[PATH_MAX];
	int fd, err;

	if (wide) {
		err = path_of(dir, name, "", path, why);
		if (err)
			return err;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		err = fd < 0 ? sys_error(why, "open", name) : 0;
	} else {
		err = file_open_at(dir, name, O_RDONLY, &fd, why);
	}
	if (err)
		return err;
	err = file_read(fd, name, b, why);
	close(fd);
	return err;
}

int file_sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int r = fsync(fd);
	int e = errno;
	close(fd);
	errno = e;
	return r;
}

int file_write_sync(int fd, const char *dir, const void *p, size_t n, off_t off)
{
	const char *c = p;
	while (n > 0) {
		ssize_t k = pwrite(fd, c, n, off);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return errno == ENOSPC || errno == EDQUOT ? E_FULL : E_IO;
		c += k;
		n -= (size_t)k;
		off += k;
	}
	if (fsync(fd) != 0 || file_sync_dir(dir) != 0)
		return errno == ENOSPC || errno == EDQUOT ? E_FULL : E_IO;
	return 0;
}

int file_replace(const char *dir, const char *name, mode_t mode, struct str bytes, struct why *why)
{
	char path[PATH_MAX], temp[PATH_MAX];
	int err = path_of(dir, name, "", path, why);
	if (err == 0)
		err = path_of(dir, name, ".new", temp, why);
	if (err)
		return err;
	if (unlink(temp) != 0 && errno != ENOENT)
		return sys_error(why, "remove an old copy of", name);
	int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return sys_error(why, "write", name);
	if (file_write_sync(fd, dir, bytes.p, bytes.n, 0) != 0 || rename(temp, path) != 0 || file_sync_dir(dir) != 0) {
		err = sys_error(why, "write", name);
		unlink(temp);
	}
	close(fd);
	return err;
}

int file_make_dir(const char *dir, const char *name, struct why *why)
{
	char path[PATH_MAX];
	int err = path_of(dir, name, "", path, why);
	if (err)
		return err;
	if (mkdir(path, 0700) == 0)
		return file_sync_dir(dir) == 0 ? 0 : sys_error(why, "sync the folder of", name);
	return errno == EEXIST ? 0 : sys_error(why, "make the folder", name);
}

bool file_exists(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct why w = { 0 };
	return path_of(dir, name, "", path, &w) == 0 && access(path, F_OK) == 0;
}
