/* SPDX-License-Identifier: Apache-2.0 */
/* Who is locked, and letting him in again. */
#include "admin/admin_priv.h"
#include "cse/base/err.h"
#include "cse/base/log.h"
#include "cse/model/stamp.h"
#include "security/lockout.h"

static json_t *text_of(struct str s)
{
	return json_stringn(s.p ? s.p : "", s.n);
}

static json_t *stamp_of(int64_t us)
{
	char t[STAMP_MAX];

	return json_stringn(t, stamp_format(us, t));
}

static void add(void *arg, const struct lock_info *l)
{
	json_t *j = json_pack("{s:o, s:s, s:s, s:i, s:o}", "id", text_of(l->cred_id), "strike", strike_name(l->why), "why",
	                      strike_text(l->why), "strikes", (int)l->strikes, "since", stamp_of(l->since_us));

	REQUIRE(j);
	if (l->originator.n)
		json_object_set_new(j, "originator", text_of(l->originator));
	if (l->until_us)
		json_object_set_new(j, "until", stamp_of(l->until_us));
	json_array_append_new(arg, j);
}

void admin_locks(struct admin_call *c)
{
	json_t *list = json_array();

	REQUIRE(list);
	lockout_each(c->admin->cse->security, &c->arena, add, list);
	admin_answer_json(c, 200, list);
}

/* Before it is in the ledger, too, a restart would lock it again. */
static void release_noted(struct ledger_wait *w)
{
	struct admin_call *c = CONTAINER_OF(w, struct admin_call, noted);

	buf_printf(&c->reply, "{\"id\":\"%.*s\"}", STR_ARG(c->cred.id));
	admin_answer(c, 200);
}

static void released(struct commit *commit, int err)
{
	struct admin_call *c = CONTAINER_OF(commit, struct admin_call, commit);
	struct cse *cse = c->admin->cse;

	if (err) {
		admin_refuse(c, admin_status(err), "the release could not be stored: %s", err_text(err));
		return;
	}
	lockout_apply_release(cse->security, c->cred.id);
	log_write(cse->log, LOG_ADMIN, "released %s", c->cred.id.p);
	ledger_after(security_ledger(cse->security), &c->noted, c->admin->loop, release_noted);
}

void admin_release(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;
	struct why why = { 0 };
	struct tx *tx;
	int err;

	if (!cred_named(cse->security, &c->arena, c->id, &c->cred)) {
		admin_refuse(c, 404, "there is no such credential");
		return;
	}
	c->cred.id = str_of(arena_strz(&c->arena, c->cred.id));
	tx = store_begin(cse->store, &c->arena, TX_WRITE);
	err = lockout_release(cse->security, tx, c->cred.id, &why);
	if (err) {
		store_end(tx);
		admin_refuse(c, 409, "%s", why.text);
		return;
	}
	c->commit = (struct commit){ .magic = COMMIT_MAGIC, .loop = c->admin->loop, .done = released };
	admin_wait(c);
	if (store_commit(tx, &c->commit))
		store_ready(cse->store, &c->commit);
	else
		released(&c->commit, 0);
}
