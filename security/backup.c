/* SPDX-License-Identifier: Apache-2.0 */
/* Making a backup: a copy of the store, then everything into one sealed file. */
#include "security/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "db/store.h"
#include "security/archive.h"
#include "security/ca.h"
#include "security/file.h"

struct making {
	const struct backup_opts *o;
	struct archive *a;
	struct why *why;
	char part[PATH_MAX], copy[PATH_MAX], folder[PATH_MAX];
};

static int failed(struct making *m, int err, const char *what)
{
	int e = errno;

	why_set(m->why, RSC_INTERNAL_SERVER_ERROR, "the backup cannot be made: %s: %s", what, err == E_FULL ? "no space is left" : strerror(e));
	return err;
}

static int sys_failed(struct making *m, const char *what)
{
	return failed(m, errno == ENOSPC || errno == EDQUOT ? E_FULL : E_IO, what);
}

/* A file as it is at this moment; what is appended meanwhile is left out. */
static int add_file(struct making *m, const char *path, struct str name)
{
	char piece[16384];
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), err = 0;

	if (fd < 0)
		return sys_failed(m, "a file of the state folder cannot be read");
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return failed(m, E_IO, "a file of the state folder is none");
	}
	uint64_t left = (uint64_t)st.st_size;
	err = archive_entry(m->a, name, left);
	while (left > 0 && !err) {
		ssize_t k = read(fd, piece, left < sizeof(piece) ? (size_t)left : sizeof(piece));
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0) {
			close(fd);
			return sys_failed(m, "a file of the state folder became shorter");
		}
		err = archive_put(m->a, piece, (size_t)k);
		left -= (uint64_t)k;
	}
	close(fd);
	return err ? sys_failed(m, "writing") : 0;
}

static int add_state_file(struct making *m, const char *name)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", m->o->dir, name);

	if (n < 0 || n >= (int)sizeof(path))
		return failed(m, E_LIMIT, "a path is too long");
	return add_file(m, path, str_of(name));
}

/* Certificates, and keys, which are sealed. */
static int add_folder(struct making *m, const char *folder)
{
	char path[PATH_MAX], name[ARCHIVE_NAME + 1];
	const struct dirent *e;
	int n = snprintf(path, sizeof(path), "%s/%s", m->o->dir, folder), err = 0;
	DIR *d = n > 0 && n < (int)sizeof(path) ? opendir(path) : NULL;

	if (d == NULL)
		return errno == ENOENT ? 0 : sys_failed(m, "a folder cannot be read");
	while (!err && (e = readdir(d)) != NULL) {
		n = snprintf(name, sizeof(name), "%s/%s", folder, e->d_name);
		/* "x.new" is a file that is about to be replaced. */
		if (n < 0 || n >= (int)sizeof(name) || !archive_name_is_good(str_of(name)) || str_ends(str_of(name), STR(".new")))
			continue;
		err = add_state_file(m, name);
	}
	closedir(d);
	return err;
}

static int add_manifest(struct making *m)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "troth backup 1\ncse /%.*s\n", STR_ARG(m->o->self.cse));

	REQUIRE(n > 0 && n < (int)sizeof(text));
	int err = archive_entry(m->a, STR("manifest"), (uint64_t)n);
	if (!err)
		err = archive_put(m->a, text, (size_t)n);
	return err ? sys_failed(m, "writing") : 0;
}

/* The copy first: what seals its rows is in the data keys by then. */
static int fill(struct making *m)
{
	if (unlink(m->copy) != 0 && errno != ENOENT)
		return sys_failed(m, "an old copy of the store cannot be removed");
	int err = store_backup(m->o->store, m->copy, m->why);
	if (!err)
		err = add_manifest(m);
	if (!err)
		err = add_file(m, m->copy, STR("store.db"));
	unlink(m->copy);
	if (!err)
		err = add_state_file(m, "datakeys");
	/* Certificates and their keys as of one moment: a renewal between them would make pairs that do not match. */
	if (m->o->ca)
		ca_hold(m->o->ca);
	if (!err)
		err = add_folder(m, "ca");
	if (!err)
		err = add_folder(m, "keys");
	if (m->o->ca)
		ca_let_go(m->o->ca);
	if (!err && archive_end(m->a) != 0)
		err = sys_failed(m, "writing");
	return err;
}

static int write_part(struct making *m, int fd, uint64_t *bytes)
{
	int err = archive_new(fd, m->o->keystore, m->o->rnd, &m->a, m->why);

	if (err)
		return err;
	err = fill(m);
	*bytes = archive_bytes(m->a);
	archive_free(m->a);
	if (!err && fsync(fd) != 0)
		err = sys_failed(m, "syncing");
	return err;
}

static int open_part(struct making *m, int *fd)
{
	*fd = open(m->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0)
		return sys_failed(m, "the file cannot be written");
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0 && fchmod(*fd, 0600) == 0 && ftruncate(*fd, 0) == 0)
		return 0;
	int err = errno == EWOULDBLOCK ? E_EXISTS : E_IO;
	why_set(m->why, RSC_CONFLICT, err == E_EXISTS ? "another backup is being written to that file" : "the file cannot be written");
	close(*fd);
	return err;
}

static int name_files(struct making *m, const char *file)
{
	size_t n = strlen(file);

	if (n == 0 || file[0] != '/' || file[n - 1] == '/' || n + 9 >= PATH_MAX) {
		why_set(m->why, RSC_BAD_REQUEST, "file: must be an absolute path, as trothd sees it");
		return E_SYNTAX;
	}
	snprintf(m->part, sizeof(m->part), "%s.part", file);
	/* It is removed before and after: nobody else has a file of that name, as "store.db" beside "store". */
	snprintf(m->copy, sizeof(m->copy), "%s.part.db", file);
	snprintf(m->folder, sizeof(m->folder), "%s", file);
	*(strrchr(m->folder, '/') + (strrchr(m->folder, '/') == m->folder)) = 0;
	if (access(file, F_OK) == 0) {
		why_set(m->why, RSC_CONFLICT, "file: it is there already; name a new one");
		return E_EXISTS;
	}
	return 0;
}

int backup_make(const struct backup_opts *o, const char *file, uint64_t *bytes, struct why *why)
{
	struct making m = { .o = o, .why = why };
	uint64_t n = 0;
	int fd, err = name_files(&m, file);

	if (!err)
		err = open_part(&m, &fd);
	if (err)
		return err;
	err = write_part(&m, fd, &n);
	if (!err && renameat2(AT_FDCWD, m.part, AT_FDCWD, file, RENAME_NOREPLACE) != 0)
		err = sys_failed(&m, "naming it");
	if (err)
		unlink(m.part);
	if (!err && file_sync_dir(m.folder) != 0) {
		err = sys_failed(&m, "syncing its folder");
		unlink(file);
	}
	close(fd);
	if (!err)
		*bytes = n;
	return err;
}
