/* SPDX-License-Identifier: Apache-2.0 */
/* Backup, the check of the store, and saying that a restored store is to go on. */
#include "security/backup.h"

#include <stdlib.h>

#include "admin/admin_priv.h"
#include "cse/base/err.h"
#include "cse/base/log.h"
#include "security/ledger.h"
#include "security/rollback.h"

/* {"file": absolute path}: the path, which ends with a zero byte. */
static const char *read_file(struct admin_call *c)
{
	json_t *j = c->body.n > ASK_BODY_BYTES ? NULL : json_loadb(c->body.n ? c->body.p : "", c->body.n, JSON_REJECT_DUPLICATES, NULL);
	const json_t *v = json_object_get(j, "file");
	const char *path = NULL;

	if (json_is_string(v) && json_object_size(j) == 1)
		path = arena_strz(&c->arena, str_of(json_string_value(v)));
	json_decref(j);
	if (path == NULL)
		admin_refuse(c, 400, "the body must be JSON with the text file: an absolute path");
	return path;
}

void admin_backup(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;
	struct backup_opts o = { .dir = conf_str(cse->first_conf, CONF_CSE_STATE), .keystore = cse->keystore, .ca = cse->ca, .rnd = cse->rnd,
		.store = cse->store, .log = cse->log, .self = cse->self };
	const char *file = read_file(c);
	struct why why = { 0 };
	uint64_t bytes;

	if (file == NULL)
		return;
	int err = backup_make(&o, file, &bytes, &why);
	if (err) {
		admin_refuse(c, admin_status(err), "%s", why.text[0] ? why.text : err_text(err));
		return;
	}
	/* Behind the copy: what is restored from it lacks this event. */
	audit(cse->security, EV_BACKUP, c->peer, STR_NONE, "%s", "");
	log_write(cse->log, LOG_ADMIN, "backup");
	admin_answer_json(c, 200, json_pack("{s:s, s:I, s:I}", "file", file, "bytes", (json_int_t)bytes, "epoch",
	                                    (json_int_t)ledger_epoch(security_ledger(cse->security))));
}

void admin_store_check(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;
	struct why why = { 0 };
	uint64_t rows;
	int err = store_check(cse->store, &rows, &why);

	if (err) {
		audit(cse->security, EV_STORE_DAMAGED, NULL, STR_NONE, "store check");
		admin_refuse(c, 500, "%s", why.text[0] ? why.text : err_text(err));
		return;
	}
	log_write(cse->log, LOG_ADMIN, "store check");
	admin_answer_json(c, 200, json_pack("{s:I}", "rows", (json_int_t)rows));
}

void admin_accept_rollback(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;
	struct why why = { 0 };
	int err = rollback_accept(cse->security, &why);

	if (err) {
		admin_refuse(c, err == E_ABSENT ? 409 : admin_status(err), "%s", why.text);
		return;
	}
	log_write(cse->log, LOG_ADMIN, "rollback accepted");
	admin_answer_json(c, 200, json_pack("{s:s}", "rollback", "accepted"));
}
