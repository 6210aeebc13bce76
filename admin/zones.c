/* SPDX-License-Identifier: Apache-2.0 */
/* Making zones: one store transaction, answered when it is durable.  security-model 4.3. */
#include "admin/admin_priv.h"
#include "cse/base/err.h"
#include "cse/base/log.h"

static bool zone_of(const struct admin_call *c, uint64_t *out)
{
	return str_u64(c->id, out) == 0 && *out > ZONE_COMMON && *out <= UINT16_MAX;
}

static void made(struct commit *commit, int err)
{
	struct admin_call *c = CONTAINER_OF(commit, struct admin_call, commit);
	struct cse *cse = c->admin->cse;
	uint64_t zone;

	if (err || !zone_of(c, &zone)) {
		admin_refuse(c, admin_status(err), "the zone could not be stored: %s", err_text(err));
		return;
	}
	zone_apply(cse->security, (uint16_t)zone);
	log_write(cse->log, LOG_ADMIN, "zone %u made", (unsigned)zone);
	buf_printf(&c->reply, "{\"zone\":%u}", (unsigned)zone);
	admin_answer(c, 200);
}

void admin_zone(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;
	struct tx *tx;
	uint64_t zone;
	int err;

	if (!zone_of(c, &zone)) {
		admin_refuse(c, 400, "zone must be a number from 1 to 65535");
		return;
	}
	tx = store_begin(cse->store, &c->arena, TX_WRITE);
	err = zone_put(cse->security, tx, (uint16_t)zone);
	if (err) {
		store_end(tx);
		admin_refuse(c, admin_status(err), "the zone cannot be made: %s", err_text(err));
		return;
	}
	c->commit = (struct commit){ .magic = COMMIT_MAGIC, .loop = c->admin->loop, .done = made };
	admin_wait(c);
	if (store_commit(tx, &c->commit))
		store_ready(cse->store, &c->commit);
	else
		made(&c->commit, 0);
}
