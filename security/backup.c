/* SPDX-License-Identifier: Apache-2.0 */
/* Making a backup: a copy of the store, then everything into one sealed file. */
#include "security/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "db/store.h"
#include "security/archive.h"
#include "security/backup_part.h"
#include "security/ca.h"
#include "security/file.h"

struct making {
	const struct backup_opts *o;
	struct archive *a;
	struct why *why;
	struct backup_part part;
	const char *file;
	char folder[PATH_MAX];
};

static int failed(struct making *m, int err, const char *what)
{
	int e = errno;

	why_set(m->why, RSC_INTERNAL_SERVER_ERROR, "%s cannot be made: %s: %s", backup_tail(m->file), what, err == E_FULL ? "no space is left" : strerror(e));
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
	int err = store_backup(m->o->store, m->part.copy, m->why);
	if (!err)
		err = add_manifest(m);
	if (!err)
		err = add_file(m, m->part.copy, STR("store.db"));
	unlink(m->part.copy);
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

/* Names in the state folder that mean something: "restore.pending" is carried out at the next start.  Others are free there, since a
 * service may write nowhere else. */
static bool is_reserved(const struct making *m)
{
	char state[PATH_MAX], folder[PATH_MAX];
	struct str name = str_of(strrchr(m->file, '/') + 1);
	size_t n;

	if (realpath(m->o->dir, state) == NULL || realpath(m->folder, folder) == NULL)
		return false;
	n = strlen(state);
	if (strncmp(folder, state, n) != 0 || (folder[n] != 0 && folder[n] != '/'))
		return false;
	return folder[n] || str_starts(name, STR("restore.")) || str_starts(name, STR("store.db")) || str_ends(name, STR(".new"));
}

static int check_name(struct making *m, const char *file)
{
	size_t n = strlen(file);
	struct stat st;

	if (n == 0 || file[0] != '/' || file[n - 1] == '/' || n >= PATH_MAX) {
		why_set(m->why, RSC_BAD_REQUEST, "file: must be an absolute path, as trothd sees it");
		return E_SYNTAX;
	}
	m->file = file;
	snprintf(m->folder, sizeof(m->folder), "%s", file);
	*(strrchr(m->folder, '/') + (strrchr(m->folder, '/') == m->folder)) = 0;
	if (is_reserved(m)) {
		why_set(m->why, RSC_BAD_REQUEST, "file: %s is a name that has a meaning in the state folder; choose another", backup_tail(file));
		return E_SYNTAX;
	}
	if (lstat(file, &st) == 0) {
		why_set(m->why, RSC_CONFLICT, "file: %s is there already; name a new one", backup_tail(file));
		return E_EXISTS;
	}
	return 0;
}

/* The name is taken only when all is in it, and from nobody. */
static int put_in_place(struct making *m, uint64_t *bytes)
{
	int fd = open(m->part.file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600), err;

	if (fd < 0)
		return sys_failed(m, "a file in its folder cannot be made");
	err = write_part(m, fd, bytes);
	close(fd);
	if (!err && renameat2(AT_FDCWD, m->part.file, AT_FDCWD, m->file, RENAME_NOREPLACE) != 0)
		err = sys_failed(m, "naming it");
	if (!err && file_sync_dir(m->folder) != 0) {
		err = sys_failed(m, "syncing its folder");
		unlink(m->file);
	}
	return err;
}

int backup_make(const struct backup_opts *o, const char *file, uint64_t *bytes, struct why *why)
{
	struct making m = { .o = o, .why = why };
	uint64_t n = 0;
	int err = check_name(&m, file);

	if (!err)
		err = backup_part_open(file, &m.part, why);
	if (err)
		return err;
	err = put_in_place(&m, &n);
	backup_part_close(&m.part);
	if (!err)
		*bytes = n;
	return err;
}
