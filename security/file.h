/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the state folder that hold secrets or certificates: refused when others may reach them, replaced atomically,
 * synced with their folder. */
#ifndef SECURITY_FILE_H
#define SECURITY_FILE_H

#include <sys/types.h>

#include "cse/base/buf.h"
#include "cse/model/rsc.h"

/* Opens dir/name (0600 when made) without following links.  Refuses with a sentence what is no regular file, belongs to
 * somebody else, or may be read or written by others.  flags: O_RDONLY, or O_RDWR | O_CREAT.  E_ABSENT, E_DENIED, E_IO. */
int file_open_at(const char *dir, const char *name, int flags, int *fd, struct why *why);
/* The whole file behind fd into b (up to its bound: E_LIMIT). */
int file_read(int fd, const char *name, struct buf *b, struct why *why);
/* Both in one.  `wide`: mode and owner are not looked at (certificates). */
int file_load(const char *dir, const char *name, bool wide, struct buf *b, struct why *why);
/* Writes all at an offset, syncs the file and its folder; errno is kept on failure.  E_FULL or E_IO. */
int file_write_sync(int fd, const char *dir, const void *p, size_t n, off_t off);
/* Replaces dir/name as a whole: new file, sync, rename, sync of the folder. */
int file_replace(const char *dir, const char *name, mode_t mode, struct str bytes, struct why *why);
/* Makes dir/name (mode 0700) when absent. */
int file_make_dir(const char *dir, const char *name, struct why *why);
/* What was renamed or made in it stays so; -1 and errno on failure. */
int file_sync_dir(const char *dir);
bool file_exists(const char *dir, const char *name);

#endif
