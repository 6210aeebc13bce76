/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a backup grows: a folder FILE.part (mode 0700) beside the file that it becomes, with a marked file in it that whoever makes the
 * backup holds locked.  Such a folder that nobody holds was left by a process that was killed; nothing else is ever touched.
 */
#ifndef SECURITY_BACKUP_PART_H
#define SECURITY_BACKUP_PART_H

#include <limits.h>

#include "cse/model/rsc.h"

struct backup_part {
	int dir, mark;
	char path[PATH_MAX];                 /* of the folder */
	char file[PATH_MAX], copy[PATH_MAX]; /* in it: what becomes the backup, the copy of the store */
};
/* For `file`, an absolute path; its folder is cleared of what killed backups left.  0, E_EXISTS, E_FULL, E_IO, E_LIMIT; the sentence
 * names what is in the way. */
int backup_part_open(const char *file, struct backup_part *out, struct why *why);
/* With all that is in it. */
void backup_part_close(struct backup_part *p);
/* The end of a path, as long as a sentence has room for. */
const char *backup_tail(const char *path);

#endif
