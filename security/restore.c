/* SPDX-License-Identifier: Apache-2.0 */
/* Carrying out a restore at start, so that a kill at any moment leaves the old state or the new one. */
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
#include "cse/base/log.h"
#include "security/archive.h"
#include "security/datakeys.h"
#include "security/file.h"
#include "security/ledger.h"

static const char pending[] = "restore.pending", fresh[] = "restore.new", ready[] = "restore.ready", kept[] = "store.db.before-restore";
static const char mend[] = "remove restore.pending from the state folder to go on with the store that is there";

enum { MANIFEST_MAX = 256 };

struct restoring {
	const struct backup_opts *o;
	struct why *why;
	int fd;             /* of the entry */
	uint64_t left;
	bool manifest, has_store, has_keys;
	char text[MANIFEST_MAX];
	size_t n_text;
};

static int refuse(struct restoring *r, int err, const char *what)
{
	why_set(r->why, RSC_INTERNAL_SERVER_ERROR, "the restore was not carried out: %s; %s", what, mend);
	return err;
}

static int sys_refuse(struct restoring *r, const char *what)
{
	int e = errno, err = e == ENOSPC || e == EDQUOT ? E_FULL : E_IO;

	why_set(r->why, RSC_INTERNAL_SERVER_ERROR, "the restore was not carried out: %s: %s; %s", what, strerror(e), mend);
	return err;
}

static void path_in(const struct restoring *r, const char *folder, struct str name, char out[PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s%s%s/%.*s", r->o->dir, *folder ? "/" : "", folder, STR_ARG(name));

	REQUIRE(n > 0 && n < PATH_MAX);
}

/* --- folders -------------------------------------------------------------------------------------------------------- */

/* Calls fn with every "name" and "folder/name" below restore.new or restore.ready. */
static int each_file(struct restoring *r, const char *folder, int (*fn)(struct restoring *r, const char *folder, struct str name))
{
	static const char *const parts[] = { "", "ca/", "keys/" };
	char path[PATH_MAX], name[ARCHIVE_NAME + 1];
	const struct dirent *e;
	int err = 0;

	for (size_t i = 0; i < ARRAY_LEN(parts) && !err; i++) {
		path_in(r, folder, str_of(parts[i]), path);
		DIR *d = opendir(path);
		while (d && !err && (e = readdir(d)) != NULL) {
			int n = snprintf(name, sizeof(name), "%s%s", parts[i], e->d_name);
			if (n > 0 && n < (int)sizeof(name) && archive_name_is_good(str_of(name)) && e->d_type != DT_DIR)
				err = fn(r, folder, str_of(name));
		}
		if (d)
			closedir(d);
	}
	return err;
}

static int remove_file(struct restoring *r, const char *folder, struct str name)
{
	char path[PATH_MAX];

	path_in(r, folder, name, path);
	return unlink(path) == 0 ? 0 : sys_refuse(r, "an old file cannot be removed");
}

static int remove_folder(struct restoring *r, const char *folder)
{
	static const char *const parts[] = { "ca", "keys", "" };
	char path[PATH_MAX];
	int err = each_file(r, folder, remove_file);

	for (size_t i = 0; i < ARRAY_LEN(parts) && !err; i++) {
		path_in(r, folder, str_of(parts[i]), path);
		if (rmdir(path) != 0 && errno != ENOENT)
			err = sys_refuse(r, "an old folder cannot be removed");
	}
	return err;
}

/* --- unpacking ------------------------------------------------------------------------------------------------------ */

static int end_entry(struct restoring *r)
{
	int err = 0;

	if (r->fd < 0 || r->left)
		return 0;
	if (fsync(r->fd) != 0)
		err = sys_refuse(r, "writing");
	close(r->fd);
	r->fd = -1;
	return err;
}

static int on_entry(void *arg, struct str name, uint64_t size)
{
	struct restoring *r = arg;
	char path[PATH_MAX];

	if (str_eqz(name, "manifest")) {
		if (r->manifest || size > MANIFEST_MAX)
			return E_CORRUPT;
		r->manifest = true;
		r->left = size;
		return 0;
	}
	if (str_eqz(name, "store.db"))
		r->has_store = true;
	else if (str_eqz(name, "datakeys"))
		r->has_keys = true;
	else if (!str_starts(name, STR("ca/")) && !str_starts(name, STR("keys/")))
		return E_CORRUPT;
	path_in(r, fresh, name, path);
	r->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, str_starts(name, STR("ca/")) ? 0644 : 0600);
	if (r->fd < 0)
		return errno == EEXIST ? E_CORRUPT : sys_refuse(r, "writing");
	r->left = size;
	return end_entry(r);
}

static int on_bytes(void *arg, struct str piece)
{
	struct restoring *r = arg;

	r->left -= piece.n;
	if (r->fd < 0) {
		memcpy(r->text + r->n_text, piece.p, piece.n);
		r->n_text += piece.n;
		return 0;
	}
	while (piece.n > 0) {
		ssize_t k = write(r->fd, piece.p, piece.n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return sys_refuse(r, "writing");
		piece = str_from(piece, (size_t)k);
	}
	return end_entry(r);
}

static int make_folders(struct restoring *r)
{
	static const char *const parts[] = { "", "ca", "keys" };
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		path_in(r, fresh, str_of(parts[i]), path);
		if (mkdir(path, 0700) != 0)
			return sys_refuse(r, "a folder cannot be made");
	}
	return 0;
}

static int unpack_archive(struct restoring *r)
{
	struct archive_reader reader = { on_entry, on_bytes, r };
	struct why why = { 0 };
	int fd, err = file_open_at(r->o->dir, pending, O_RDONLY, &fd, &why);

	if (err)
		return refuse(r, err, why.text);
	err = archive_read(fd, r->o->keystore, &reader, &why);
	close(fd);
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	if (err && r->why->text[0] == 0)
		refuse(r, err, why.text);
	return err;
}

/* --- judging -------------------------------------------------------------------------------------------------------- */

static int check_manifest(struct restoring *r)
{
	char mine[MANIFEST_MAX];
	int n = snprintf(mine, sizeof(mine), "troth backup 1\ncse /%.*s\n", STR_ARG(r->o->self.cse));

	if (!r->manifest || !r->has_store || !r->has_keys)
		return refuse(r, E_CORRUPT, "the backup is not complete");
	if (n < 0 || !str_eq(str_make(r->text, r->n_text), str_make(mine, (size_t)n)))
		return refuse(r, E_CORRUPT, "the backup is that of another CSE-ID (see cse.id)");
	return 0;
}

/* Data keys are only ever appended: one of both files must begin with the other, and the longer one is the one to have. */
static int judge_datakeys(struct restoring *r)
{
	char path[PATH_MAX];
	struct buf have, come;
	struct why why = { 0 };
	int err = 0;

	if (!file_exists(r->o->dir, "datakeys"))
		return 0;
	buf_init(&have, DATAKEYS_BYTES_MAX);
	buf_init(&come, DATAKEYS_BYTES_MAX);
	path_in(r, fresh, STR_NONE, path);
	if (file_load(r->o->dir, "datakeys", false, &have, &why) || file_load(path, "datakeys", false, &come, &why))
		err = refuse(r, E_IO, why.text);
	else if (str_starts(buf_as_str(&have), buf_as_str(&come)))
		err = remove_file(r, fresh, STR("datakeys"));
	else if (!str_starts(buf_as_str(&come), buf_as_str(&have)))
		err = refuse(r, E_EXISTS, "the folder belongs to another server (its data keys differ); restore into an empty folder "
		                          "that holds the kek alone");
	buf_fini(&have);
	buf_fini(&come);
	return err;
}

/* For a folder that has a CA: not even what is absent there comes back, for it may have been given up. */
static int drop_older(struct restoring *r, const char *folder, struct str name)
{
	return str_starts(name, STR("ca/")) || str_starts(name, STR("keys/")) ? remove_file(r, folder, name) : 0;
}

static int prepare(struct restoring *r)
{
	char from[PATH_MAX], to[PATH_MAX];
	int err = remove_folder(r, fresh);

	if (!err)
		err = make_folders(r);
	if (!err)
		err = unpack_archive(r);
	if (!err)
		err = check_manifest(r);
	if (!err)
		err = judge_datakeys(r);
	if (!err && file_exists(r->o->dir, "ca/issuing.pem"))
		err = each_file(r, fresh, drop_older);
	path_in(r, fresh, STR_NONE, from);
	path_in(r, ready, STR_NONE, to);
	from[strlen(from) - 1] = to[strlen(to) - 1] = 0;
	if (!err && (file_sync_dir(from) != 0 || rename(from, to) != 0 || file_sync_dir(r->o->dir) != 0))
		err = sys_refuse(r, "renaming");
	if (err) {
		struct why *why = r->why, ignored = { 0 };
		r->why = &ignored;
		remove_folder(r, fresh);
		r->why = why;
	}
	return err;
}

/* --- taking it over -------------------------------------------------------------------------------------------------- */

/* Devices are held from the first start with it on. */
static int note_in_ledger(struct restoring *r)
{
	struct ledger *l;
	int err = ledger_open(r->o->dir, r->o->keystore, r->o->rnd, &l, r->why);

	if (err)
		return err;
	if (!ledger_hold_is_blind(ledger_pending(l)))
		ledger_note(l, LEDGER_HELD, STR_NONE, ledger_found(l) == LEDGER_NEW ? HOLD_MISSING : HOLD_RESTORED);
	err = ledger_sync(l);
	ledger_close(l);
	return err ? refuse(r, err, "the ledger cannot be written") : 0;
}

static int move(struct restoring *r, const char *from_folder, const char *from, const char *to_name)
{
	char a[PATH_MAX], b[PATH_MAX];

	path_in(r, from_folder, str_of(from), a);
	path_in(r, "", str_of(to_name), b);
	if (rename(a, b) != 0 && errno != ENOENT)
		return sys_refuse(r, "renaming");
	return file_sync_dir(r->o->dir) == 0 ? 0 : sys_refuse(r, "syncing");
}

/* As long as the new store is not in its place, what lies there is the old one: kept with its log, for it may not be
 * merged. */
static int swap_store(struct restoring *r)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[PATH_MAX], name[64], to[64];
	int err = 0;

	path_in(r, ready, STR("store.db"), path);
	if (access(path, F_OK) != 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(ends) && !err; i++) {
		snprintf(name, sizeof(name), "store.db%s", ends[i]);
		snprintf(to, sizeof(to), "%s%s", kept, ends[i]);
		err = move(r, "", name, to);
	}
	return err ? err : move(r, ready, "store.db", "store.db");
}

static int take_file(struct restoring *r, const char *folder, struct str name)
{
	char text[ARCHIVE_NAME + 1];

	REQUIRE(name.n < sizeof(text));
	memcpy(text, name.p, name.n);
	text[name.n] = 0;
	return str_eqz(name, "store.db") ? 0 : move(r, folder, text, text);
}

static int take_over(struct restoring *r)
{
	int err = file_make_dir(r->o->dir, "keys", r->why);

	if (!err)
		err = file_make_dir(r->o->dir, "ca", r->why);
	if (!err)
		err = note_in_ledger(r);
	/* Keys first: the store is of no use without them. */
	if (!err)
		err = each_file(r, ready, take_file);
	if (!err)
		err = swap_store(r);
	/* Were it there when restore.ready is gone, it would be restored once more. */
	if (!err && file_exists(r->o->dir, pending))
		err = remove_file(r, "", str_of(pending));
	if (!err && file_sync_dir(r->o->dir) != 0)
		err = sys_refuse(r, "syncing");
	if (!err)
		err = remove_folder(r, ready);
	return err;
}

int backup_restore(const struct backup_opts *o, struct why *why)
{
	struct restoring r = { .o = o, .why = why, .fd = -1 };
	int err = 0;

	if (strlen(o->dir) + ARCHIVE_NAME + 32 >= PATH_MAX)
		return 0; /* then there is no such file either */
	if (!file_exists(o->dir, ready)) {
		if (!file_exists(o->dir, pending))
			return 0;
		err = prepare(&r);
	}
	if (!err)
		err = take_over(&r);
	if (!err)
		log_write(o->log, LOG_RESTORED, "the store before it is kept as %s: remove it when it is not needed", kept);
	return err;
}
