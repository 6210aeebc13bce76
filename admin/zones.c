/* SPDX-License-Identifier: Apache-2.0 */
/* Zones and conduits: shown, and changed by one store transaction each, answered when it is durable.  security-model 4.3. */
#include "admin/admin_priv.h"
#include "cse/base/err.h"
#include "cse/base/log.h"

static bool zone_of(struct str s, uint16_t *out)
{
	uint64_t v;

	if (str_u64(s, &v) != 0 || v <= ZONE_COMMON || v > UINT16_MAX)
		return false;
	*out = (uint16_t)v;
	return true;
}

/* --- changing ---------------------------------------------------------------------------------------------------------- */

static void changed(struct commit *commit, int err)
{
	struct admin_call *c = CONTAINER_OF(commit, struct admin_call, commit);
	struct cse *cse = c->admin->cse;
	const char *state = c->open ? "open" : "closed";

	if (err) {
		admin_refuse(c, admin_status(err), "the %s could not be stored: %s", c->to ? "conduit" : "zone", err_text(err));
		return;
	}
	if (c->to) {
		zone_apply_conduit(cse->security, c->zone, c->to, c->open);
		audit(cse->security, EV_ZONE_CHANGED, c->peer, STR_NONE, "conduit %u %u %s", c->zone, c->to, state);
		log_write(cse->log, LOG_ADMIN, "conduit %u %u %s", c->zone, c->to, state);
		buf_printf(&c->reply, "{\"from\":%u,\"to\":%u,\"state\":\"%s\"}", c->zone, c->to, state);
	} else {
		zone_apply(cse->security, c->zone);
		audit(cse->security, EV_ZONE_CHANGED, c->peer, STR_NONE, "zone %u made", c->zone);
		log_write(cse->log, LOG_ADMIN, "zone %u made", c->zone);
		buf_printf(&c->reply, "{\"zone\":%u}", c->zone);
	}
	admin_answer(c, 200);
}

static void change(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;
	struct tx *tx = store_begin(cse->store, &c->arena, TX_WRITE);
	int err = c->to ? zone_put_conduit(cse->security, tx, c->zone, c->to, c->open) : zone_put(cse->security, tx, c->zone);

	if (err) {
		store_end(tx);
		if (err == E_ABSENT)
			admin_refuse(c, 404, "there is no zone %u or no zone %u: make it first", c->zone, c->to);
		else
			admin_refuse(c, admin_status(err), "that cannot be: %s", err_text(err));
		return;
	}
	c->commit = (struct commit){ .magic = COMMIT_MAGIC, .loop = c->admin->loop, .done = changed };
	admin_wait(c);
	if (store_commit(tx, &c->commit))
		store_ready(cse->store, &c->commit);
	else
		changed(&c->commit, 0);
}

void admin_zone(struct admin_call *c)
{
	c->to = 0;
	if (zone_of(c->id, &c->zone))
		change(c);
	else
		admin_refuse(c, 400, "zone must be a number from 1 to 65535");
}

static void conduit(struct admin_call *c, bool open)
{
	struct str rest = c->id;
	bool more;
	struct str from = str_cut(&rest, '-', &more);

	c->open = open;
	if (zone_of(from, &c->zone) && more && zone_of(rest, &c->to) && c->zone != c->to)
		change(c);
	else
		admin_refuse(c, 400, "a conduit is two different zones, from 1 to 65535 each: 1-7");
}

void admin_conduit_open(struct admin_call *c)
{
	conduit(c, true);
}

void admin_conduit_close(struct admin_call *c)
{
	conduit(c, false);
}

/* --- showing ----------------------------------------------------------------------------------------------------------- */

struct listing {
	json_t *list;
	size_t at;
};

/* Zones come first, then conduits in the order of the zone that they begin in. */
static void add(void *arg, uint16_t from, uint16_t to)
{
	struct listing *l = arg;

	if (!to) {
		json_array_append_new(l->list, json_pack("{s:i, s:[]}", "zone", (int)from, "reaches"));
		return;
	}
	for (; l->at < json_array_size(l->list); l->at++) {
		json_t *z = json_array_get(l->list, l->at);
		if (json_integer_value(json_object_get(z, "zone")) == from) {
			json_array_append_new(json_object_get(z, "reaches"), json_integer(to));
			return;
		}
	}
}

void admin_zones(struct admin_call *c)
{
	struct listing l = { .list = json_array() };

	REQUIRE(l.list);
	zone_each(c->admin->cse->security, add, &l);
	admin_answer_json(c, 200, l.list);
}
