/* SPDX-License-Identifier: Apache-2.0 */
/* Making and clearing the folder in which a backup grows. */
#include "security/backup_part.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "cse/base/str.h"

static const char mark_name[] = "mark", mark_text[] = "troth: a backup grows here\n";
/* What may be in it beside the mark; SQLite has files of its own beside the copy. */
static const char *const names[] = { "backup", "store.db", "store.db-journal", "store.db-wal", "store.db-shm" };
enum { LOOKS = 65536, TAIL = 100 };

const char *backup_tail(const char *path)
{
	size_t n = strlen(path);

	return n > TAIL ? path + n - TAIL : path;
}

static int sys_error(struct why *why, const char *what, const char *path)
{
	int e = errno;

	why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s cannot be %s: %s", backup_tail(path), what, strerror(e));
	return e == ENOSPC || e == EDQUOT ? E_FULL : E_IO;
}

static bool is_ours(const struct stat *st)
{
	return st->st_uid == geteuid();
}

/* Entries beside the mark: 0, 1 (known names only), -1. */
static int content(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), found = 0;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (found >= 0 && (e = readdir(d))) {
		bool known = false;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || !strcmp(e->d_name, mark_name))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			known |= !strcmp(e->d_name, names[i]);
		found = known ? 1 : -1;
	}
	closedir(d);
	return found;
}

enum found { FOREIGN, HELD, LEFT, EMPTY };

/* Whose folder it is.  LEFT: *mark is locked and the caller's.  A mark without its text is one that was never written: nothing else is
 * there then. */
static enum found look(int dir, int *mark)
{
	char text[sizeof(mark_text)];
	struct stat st;
	int fd = openat(dir, mark_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), c = content(dir);

	if (fd < 0)
		return errno == ENOENT && c == 0 ? EMPTY : FOREIGN;
	if (c >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && is_ours(&st) &&
	    ((st.st_size == 0 && c == 0) || (pread(fd, text, sizeof(text), 0) == sizeof(mark_text) - 1 &&
	                                     memcmp(text, mark_text, sizeof(mark_text) - 1) == 0))) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			*mark = fd;
			return LEFT;
		}
		close(fd);
		return HELD;
	}
	close(fd);
	return FOREIGN;
}

static void clear(int dir)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		(void)unlinkat(dir, names[i], 0);
}

static int open_ours(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) != 0 || !is_ours(&st))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* What killed backups left for other files of this folder. */
static void clear_others(int folder)
{
	int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	const struct dirent *e;

	if (!d) {
		if (again >= 0)
			close(again);
		return;
	}
	for (unsigned i = 0; i < LOOKS && (e = readdir(d)); i++) {
		int dir, mark;

		if (!str_ends(str_of(e->d_name), STR(".part")) || (dir = open_ours(folder, e->d_name)) < 0)
			continue;
		if (look(dir, &mark) == LEFT) {
			clear(dir);
			(void)unlinkat(dir, mark_name, 0);
			(void)unlinkat(folder, e->d_name, AT_REMOVEDIR);
			close(mark);
		}
		close(dir);
	}
	closedir(d);
}

static int take(struct backup_part *p, struct why *why)
{
	enum found f = p->dir < 0 ? FOREIGN : look(p->dir, &p->mark);

	if (f == HELD) {
		why_set(why, RSC_CONFLICT, "%s: another backup grows there; wait for its end or name another file", backup_tail(p->path));
		return E_EXISTS;
	}
	if (f == FOREIGN) {
		why_set(why, RSC_CONFLICT, "%s is in the way and is none of ours: move it away, or name another file", backup_tail(p->path));
		return E_EXISTS;
	}
	if (f == LEFT)
		clear(p->dir);
	else if ((p->mark = openat(p->dir, mark_name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
		return sys_error(why, "written in", p->path);
	if (flock(p->mark, LOCK_EX | LOCK_NB) != 0) {
		close(p->mark);
		p->mark = -1;
		return sys_error(why, "held", p->path);
	}
	if (fchmod(p->dir, 0700) != 0 ||
	    pwrite(p->mark, mark_text, sizeof(mark_text) - 1, 0) != sizeof(mark_text) - 1)
		return sys_error(why, "marked", p->path);
	return 0;
}

/* There is room: the path was looked at. */
static void inside(char out[PATH_MAX], const char *path, const char *name)
{
	size_t n = strlen(path), k = strlen(name);

	memcpy(out, path, n);
	out[n] = '/';
	memcpy(out + n + 1, name, k + 1);
}

int backup_part_open(const char *file, struct backup_part *out, struct why *why)
{
	struct backup_part *p = out;
	char folder[PATH_MAX];
	bool made;
	int at, err;

	if (snprintf(p->path, sizeof(p->path), "%s.part", file) >= (int)sizeof(p->path) - 16) {
		why_set(why, RSC_BAD_REQUEST, "file: the path is too long");
		return E_LIMIT;
	}
	snprintf(folder, sizeof(folder), "%s", file);
	*(strrchr(folder, '/') + (strrchr(folder, '/') == folder)) = 0;
	at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return sys_error(why, "opened", folder);
	p->dir = p->mark = -1;
	clear_others(at);
	made = mkdirat(at, p->path, 0700) == 0;
	if (!made && errno != EEXIST) {
		err = sys_error(why, "made", p->path);
		close(at);
		return err;
	}
	p->dir = open_ours(at, p->path);
	close(at);
	err = take(p, why);
	if (err && p->mark >= 0) {
		backup_part_close(p);
	} else if (err) {
		if (p->dir >= 0)
			close(p->dir);
		if (made)
			(void)rmdir(p->path);
	}
	if (err)
		return err;
	inside(p->file, p->path, names[0]);
	inside(p->copy, p->path, names[1]);
	return 0;
}

void backup_part_close(struct backup_part *p)
{
	clear(p->dir);
	(void)unlinkat(p->dir, mark_name, 0);
	(void)rmdir(p->path);
	close(p->mark);
	close(p->dir);
	p->dir = p->mark = -1;
}
