/* SPDX-License-Identifier: Apache-2.0 */
/* Files come to their places whole or not at all: written and synced beside them, then linked or renamed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/crypt.h"

static bool write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

/* Who presses ^C while files are written gets all of them or none, a moment later. */
static void hold_signals(int how)
{
	static const int all[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		sigaddset(&set, all[i]);
	sigprocmask(how, &set, NULL);
}

/* That of the file which is replaced; else what open would give. */
static mode_t mode_of(const char *path, bool is_secret)
{
	mode_t mask = umask(077);
	struct stat st;

	umask(mask);
	if (is_secret)
		return 0600;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? st.st_mode & 0777 : 0644 & ~mask;
}

int crypt_stage(struct crypt_staged *s, const char *path, const struct buf *b, bool is_secret)
{
	struct stat st;
	int fd, n = snprintf(s->path, sizeof(s->path), "%s", path);
	bool ok;

	s->temp[0] = '\0';
	/* What a link names is replaced, not the link; but a secret goes nowhere that another may have named. */
	if (!is_secret && lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && realpath(path, s->path) == NULL)
		return crypt_fail(CRYPT_NOFILE, "%s is a link that leads nowhere", path);
	n = n < 0 || n >= (int)sizeof(s->path) ? n : snprintf(s->temp, sizeof(s->temp), "%s.XXXXXX", s->path);
	if (n < 0 || n >= (int)sizeof(s->path)) {
		s->temp[0] = '\0';
		return crypt_fail(CRYPT_NOFILE, "%.60s...: the path is too long", path);
	}
	hold_signals(SIG_BLOCK);
	if ((fd = mkostemp(s->temp, O_CLOEXEC)) < 0) {
		s->temp[0] = '\0';
		return crypt_fail(CRYPT_NOFILE, "%s cannot be written: %s", path, strerror(errno));
	}
	ok = write_all(fd, b->p, b->n) && fchmod(fd, mode_of(s->path, is_secret)) == 0 && fsync(fd) == 0;
	n = errno;
	if (close(fd) != 0 && ok) {
		ok = false;
		n = errno;
	}
	return ok ? CRYPT_OK : crypt_fail(CRYPT_NOFILE, "%s cannot be written: %s", path, strerror(n));
}

static int place(const struct crypt_staged *s, bool force)
{
	/* link refuses what rename would replace; some file systems have no links. */
	if (!force && link(s->temp, s->path) == 0)
		return CRYPT_OK;
	if (!force && errno == EEXIST)
		return crypt_fail(CRYPT_NOFILE, "%s is there already; --force overwrites it", s->path);
	if ((force || errno == EPERM || errno == EOPNOTSUPP) && rename(s->temp, s->path) == 0)
		return CRYPT_OK;
	return crypt_fail(CRYPT_NOFILE, "%s cannot be written: %s", s->path, strerror(errno));
}

int crypt_settle(struct crypt_staged *s, size_t n, bool force, int code)
{
	size_t placed = 0;

	while (code == 0 && placed < n)
		if ((code = place(&s[placed], force)) == 0)
			placed++;
	for (size_t i = 0; i < n; i++) {
		if (s[i].temp[0])
			(void)unlink(s[i].temp);
		/* Without force there was nothing in its place. */
		if (code && !force && i < placed)
			(void)unlink(s[i].path);
	}
	hold_signals(SIG_UNBLOCK);
	return code;
}

/* Devices and pipes are written to, not replaced. */
static bool is_plain(const char *path)
{
	struct stat st;

	return stat(path, &st) != 0 || S_ISREG(st.st_mode);
}

int crypt_may_write(const struct crypt_options *o)
{
	struct stat st;

	if (strcmp(o->out, "-") == 0)
		return isatty(STDOUT_FILENO) ? crypt_fail(CRYPT_USAGE, "--out -: the result is no text for a terminal; name a file or a pipe")
		                             : CRYPT_OK;
	if (stat(o->out, &st) == 0 && S_ISDIR(st.st_mode))
		return crypt_fail(CRYPT_NOFILE, "%s is a folder; --out takes a file", o->out);
	if (!o->force && lstat(o->out, &st) == 0 && is_plain(o->out))
		return crypt_fail(CRYPT_NOFILE, "%s is there already; --force overwrites it", o->out);
	return CRYPT_OK;
}

int crypt_write(const struct crypt_options *o, const struct buf *b)
{
	bool is_stdout = strcmp(o->out, "-") == 0, ok;
	struct crypt_staged s = { "", "" };
	int fd, n;

	if (!is_stdout && is_plain(o->out)) {
		n = crypt_stage(&s, o->out, b, false);
		return crypt_settle(&s, 1, o->force, n);
	}
	fd = is_stdout ? STDOUT_FILENO : open(o->out, O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && write_all(fd, b->p, b->n);
	n = errno;
	if (fd >= 0 && !is_stdout && close(fd) != 0 && ok) {
		ok = false;
		n = errno;
	}
	return ok ? CRYPT_OK : crypt_fail(CRYPT_NOFILE, "%s: %s", is_stdout ? "standard output" : o->out, strerror(n));
}
