/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backup and restore of a state folder.  A backup is a sealed archive (security/archive.h) of a consistent copy of the store and of what
 * opens it: data keys wrapped, private keys sealed; the key-encryption key and the ledger are not in it, so it holds no usable
 * key and takes no revocation back.  It is made while trothd serves.
 *
 * A restore is laid ready as restore.pending in the state folder of a stopped trothd, whose next start carries it out: unpacked and
 * verified in restore.new, which becomes restore.ready in one rename; from there on it is finished by whatever start comes
 * through.  A folder that has a CA keeps its keys and certificates, and the longer list of data keys is kept.  Then all devices are
 * suspended until the administrator accepts (security/rollback.h).
 */
#ifndef SECURITY_BACKUP_H
#define SECURITY_BACKUP_H

#include "cse/model/addr.h"
#include "cse/model/rsc.h"

struct ca;
struct keystore;
struct log;
struct rnd;
struct store;

struct backup_opts {
	const char *dir; /* state folder */
	struct keystore *keystore;
	struct rnd *rnd;
	struct store *store;  /* of backup_make */
	struct ca *ca;        /* of backup_make: renews nothing meanwhile; may be NULL */
	struct log *log;
	struct addr_self self;
};
/* Into a new file (absolute path, mode 0600); in the meantime it grows in the folder FILE.part (security/backup_part.h).  On a worker: it takes long.
 * E_EXISTS, E_FULL, E_IO, E_SYNTAX. */
int backup_make(const struct backup_opts *o, const char *file, uint64_t *bytes, struct why *why);
/* At start, behind the keystore and before anything else reads the folder: carries out what is laid ready.  An error means that the
 * folder is as it was, and the sentence says how to go on. */
int backup_restore(const struct backup_opts *o, struct why *why);

#endif
