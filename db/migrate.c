/* SPDX-License-Identifier: Apache-2.0 */
/* Schema versions: numbered scripts (schema/NNN.sql), all that are missing in one transaction, after a copy was made. */
#include "db/sqlite_priv.h"

#include <stdio.h>
#include <unistd.h>

#include "cse/base/err.h"
#include "cse/base/log.h"
#include "db/mem_priv.h"
#include "db/schema_priv.h"

enum { APPLICATION = 0x54726f74 };

static int number(struct sqlite *q, const char *sql, int *out)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(q->db, sql, -1, &st, NULL), err = 0;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int(st, 0);
	else
		err = sqlite_error(q, q->db, rc);
	sqlite3_finalize(st);
	return err;
}

static int run_scripts(struct sqlite *q, int from)
{
	char set[96];
	int err = sqlite_exec(q, q->db, "BEGIN EXCLUSIVE");

	for (int i = from; i < schema_newest && !err; i++)
		err = sqlite_exec(q, q->db, schema_scripts[i]);
	snprintf(set, sizeof(set), "PRAGMA user_version=%d; PRAGMA application_id=%d; COMMIT", schema_newest, APPLICATION);
	if (!err)
		err = sqlite_exec(q, q->db, set);
	if (err && !sqlite3_get_autocommit(q->db))
		sqlite_exec(q, q->db, "ROLLBACK");
	return err;
}

static int keep_copy(struct sqlite *q, int version, struct why *why)
{
	size_t n = strlen(q->path) + 32;
	char *file = mem_get(n);

	snprintf(file, n, "%s.schema-%d.backup", q->path, version);
	/* One of a start that did not come through: the store is still what it was. */
	unlink(file);
	int err = sqlite_copy(q, file, why);
	mem_put(file);
	return err;
}

int sqlite_migrate(struct sqlite *q, struct why *why)
{
	int version = 0, application = 0, tables = 0, err;

	if ((err = number(q, "PRAGMA user_version", &version)) || (err = number(q, "PRAGMA application_id", &application)) ||
	    (err = number(q, "SELECT count(*) FROM sqlite_master", &tables))) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "store.db is no store, or is damaged");
		return err;
	}
	if (tables && application != APPLICATION) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "store.db belongs to another program; see cse.state");
		return E_CORRUPT;
	}
	if (version > schema_newest) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the store has schema %d, this program knows %d; use a newer trothd", version,
		        schema_newest);
		return E_NEWER;
	}
	if (version == schema_newest)
		return 0;
	if (version && (err = keep_copy(q, version, why)))
		return err;
	if ((err = run_scripts(q, version))) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "schema %d cannot be made from %d: %s", schema_newest, version, err_text(err));
		return err;
	}
	if (version)
		log_write(q->log, LOG_STORE_MIGRATED, "schema %d to %d", version, schema_newest);
	return 0;
}
