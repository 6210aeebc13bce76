/* SPDX-License-Identifier: Apache-2.0 */
/* trothctl: backup, restore, check of the store. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/ctl.h"

/* As trothd sees it: its working folder is another one. */
static int absolute(const char *file, char out[PATH_MAX])
{
	char here[PATH_MAX];
	int n;

	if (file[0] == '/')
		n = snprintf(out, PATH_MAX, "%s", file);
	else if (getcwd(here, sizeof(here)) == NULL)
		return ctl_fail(CTL_FILE, "the current folder is not there: give an absolute path");
	else
		n = snprintf(out, PATH_MAX, "%s/%s", here, file);
	return n > 0 && n < PATH_MAX ? CTL_OK : ctl_fail(CTL_USAGE, "the path is too long");
}

int ctl_backup(struct ctl *c, const struct ctl_args *a)
{
	char path[PATH_MAX], part[PATH_MAX + 16], db[PATH_MAX + 16];
	json_t *j = NULL;
	int code = absolute(a->v[0], path);

	if (code)
		return code;
	snprintf(part, sizeof(part), "%s.part/backup", path);
	snprintf(db, sizeof(db), "%s.part/store.db", path);
	c->doing = "backup";
	c->growing[0] = part;
	c->growing[1] = db;
	code = ctl_ask(c, "POST", "/v1/backup", json_pack("{s:s}", "file", path), &j);
	memset(c->growing, 0, sizeof(c->growing));
	if (j)
		printf("%s: %lld bytes\n", ctl_text(j, "file"), (long long)json_integer_value(json_object_get(j, "bytes")));
	json_decref(j);
	return code;
}

int ctl_store_check(struct ctl *c, const struct ctl_args *a)
{
	json_t *j = NULL;

	(void)a;
	c->doing = "checking the store";
	int code = ctl_ask(c, "POST", "/v1/store/check", NULL, &j);
	if (j)
		printf("%lld rows verify and agree with memory\n", (long long)json_integer_value(json_object_get(j, "rows")));
	json_decref(j);
	return code;
}

/* --- restore --------------------------------------------------------------------------------------------------------- */

/* trothd holds a lock on its data keys as long as it runs. */
static int check_stopped(int dir)
{
	int fd = openat(dir, "datakeys", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? CTL_OK : ctl_fail(CTL_FILE, "the state folder cannot be read: %s", strerror(errno));
	int busy = flock(fd, LOCK_EX | LOCK_NB);
	close(fd);
	return busy == 0 ? CTL_OK : ctl_fail(CTL_REFUSED, "trothd runs with that state folder: stop it first");
}

static int copy(int from, int to)
{
	char piece[65536];

	for (;;) {
		ssize_t n = read(from, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		for (ssize_t at = 0; at < n;) {
			ssize_t k = write(to, piece + at, (size_t)(n - at));
			if (k < 0 && errno == EINTR)
				continue;
			if (k <= 0)
				return -1;
			at += k;
		}
	}
}

/* The copy belongs to whom the folder belongs to: trothd reads no file of others. */
static int lay_ready(int dir, int from)
{
	struct stat st;
	bool ok = unlinkat(dir, "restore.pending.new", 0) == 0 || errno == ENOENT;
	int fd = ok ? openat(dir, "restore.pending.new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;

	ok = fd >= 0 && fstat(dir, &st) == 0 && (st.st_uid == geteuid() || fchown(fd, st.st_uid, st.st_gid) == 0) &&
	     fchmod(fd, 0600) == 0 && copy(from, fd) == 0 && fsync(fd) == 0 &&
	     renameat(dir, "restore.pending.new", dir, "restore.pending") == 0 && fsync(dir) == 0;
	int e = errno;
	if (fd >= 0)
		close(fd);
	if (ok)
		return CTL_OK;
	(void)unlinkat(dir, "restore.pending.new", 0);
	return ctl_fail(CTL_FILE, "the backup cannot be copied into the state folder: %s", strerror(e));
}

static int stage(const struct ctl *c, const char *file)
{
	char head[8];
	int from = open(file, O_RDONLY | O_CLOEXEC), dir;

	if (from < 0)
		return ctl_fail(CTL_FILE, "cannot open %s: %s", file, strerror(errno));
	if (read(from, head, sizeof(head)) != (ssize_t)sizeof(head) || memcmp(head, "trothbk\n", sizeof(head)) != 0 ||
	    lseek(from, 0, SEEK_SET) != 0) {
		close(from);
		return ctl_fail(CTL_FILE, "%s is no backup of trothctl backup", file);
	}
	dir = open(c->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		close(from);
		return ctl_fail(CTL_FILE, "cannot open the state folder %s: %s", c->state, strerror(errno));
	}
	int code = check_stopped(dir);
	if (code == CTL_OK)
		code = lay_ready(dir, from);
	close(dir);
	close(from);
	return code;
}

int ctl_restore(struct ctl *c, const struct ctl_args *a)
{
	bool accept = ctl_option(a, "accept-rollback") != NULL;

	if (accept == (a->n == 1))
		return ctl_fail(CTL_USAGE, "either the FILE of a backup, or --accept-rollback");
	if (accept)
		return ctl_order(c, "POST", "/v1/restore/accept", NULL);
	int code = stage(c, a->v[0]);
	if (code == CTL_OK && c->json)
		puts("{\"restore\":\"ready\"}");
	else if (code == CTL_OK && !c->quiet)
		puts("Start trothd now: it verifies the backup and takes it over before it serves.\n"
		     "All devices are suspended then until: trothctl restore --accept-rollback");
	return code;
}
