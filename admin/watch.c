/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator sees: the CA, the state of the server, security events; and saying that the clock is right. */
#include <config.h>

#include "admin/admin_priv.h"
#include "cse/base/err.h"
#include "cse/base/log.h"
#include "cse/base/stat.h"
#include "security/ca.h"
#include "security/rollback.h"

void admin_ca(struct admin_call *c)
{
	struct buf pem;
	buf_init(&pem, 65536);
	ca_chain(c->admin->cse->ca, &pem);
	json_t *j = json_pack("{s:o}", "ca", json_stringn(pem.p, pem.n));
	buf_fini(&pem);
	admin_answer_json(c, 200, j);
}

/* --- status ------------------------------------------------------------------------------------------------------------- */

static json_t *counters_of(struct cse *cse)
{
	json_t *j = json_object();
	for (int id = 0; id < STAT_COUNT; id++)
		json_object_set_new(j, stat_name((enum stat_id)id), json_integer((json_int_t)admin_counter(cse, (enum stat_id)id)));
	return j;
}

static json_t *store_of(struct cse *cse)
{
	struct store_usage u;
	store_usage(cse->store, &u);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "nodes", (json_int_t)u.nodes, "instances",
	                 (json_int_t)u.instances, "treeBytes", (json_int_t)u.tree_bytes, "cacheBytes", (json_int_t)u.cache_bytes,
	                 "queue", (json_int_t)u.queue, "queueBytes", (json_int_t)u.queue_bytes, "unswept", (json_int_t)u.unswept,
	                 "readOnly", (int)store_is_readonly(cse->store));
}

static json_t *notifications_of(struct cse *cse)
{
	struct notify_usage u;
	gate_notify_usage(cse->gate, &u);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "subscriptions", (json_int_t)u.subscriptions, "silent", (json_int_t)u.silent,
	                 "held", (json_int_t)u.held, "stored", (json_int_t)u.stored, "dropped", (json_int_t)u.dropped,
	                 "waiting", (json_int_t)u.waiting, "sending", (json_int_t)u.sending);
}

void admin_show_status(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;
	const struct addr_self *self = &cse->self;
	const char *held = rollback_reason(cse->security);
	char id[300];

	snprintf(id, sizeof(id), "//%.*s/%.*s/%.*s", STR_ARG(self->sp), STR_ARG(self->cse), STR_ARG(self->base));
	json_t *j = json_pack("{s:s, s:s, s:s*, s:s, s:o, s:o, s:o}", "cse", id, "version", PACKAGE_VERSION, "held", held, "clock",
	                      clockguard_doubtful(cse->security) ? "doubtful" : "trusted", "store", store_of(cse), "notifications", notifications_of(cse), "counters",
	                      counters_of(cse));
	admin_answer_json(c, 200, j);
}

/* --- events ------------------------------------------------------------------------------------------------------------- */

static int add_line(void *arg, struct str line)
{
	struct admin_call *c = arg;
	if (c->lines == ADMIN_EVENTS)
		return 1;
	c->lines++;
	buf_str(&c->reply, line);
	buf_putc(&c->reply, '\n');
	return 0;
}

void admin_events(struct admin_call *c)
{
	struct security *sec = c->admin->cse->security;
	uint64_t from, reveal;
	int err;

	if (ask_query(c->query, "from", 0, &from) || ask_query(c->query, "reveal", 0, &reveal) || reveal > 1) {
		admin_refuse(c, 400, "from must be a number, reveal 0 or 1");
		return;
	}
	err = reveal ? audit_reveal(sec, c->peer, from, ADMIN_EVENTS, add_line, c) : audit_each(sec, from, add_line, c);
	if (err == E_FULL || err == E_READONLY) {
		admin_refuse(c, 503, "names are shown when that stands in the events, which could not be written (%s): without reveal they can be read",
		             err_text(err));
		return;
	}
	if (err < 0) {
		admin_refuse(c, 500, "the events could not be read: the table may be damaged");
		return;
	}
	c->type = "application/jsonl";
	admin_answer(c, 200);
}

void admin_verify_events(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;
	uint64_t bad;
	int err = audit_verify(cse->security, &bad);

	if (err == 0) {
		buf_printf(&c->reply, "{\"events\":%llu,\"chain\":\"whole\"}", (unsigned long long)store_event_next(cse->store) - 1);
		admin_answer(c, 200);
	} else if (err == E_CORRUPT) {
		audit(cse->security, EV_STORE_DAMAGED, c->peer, STR_NONE, "event %llu", (unsigned long long)bad);
		admin_refuse(c, 500, "event %llu does not follow from those before it: the table was changed or is damaged",
		             (unsigned long long)bad);
	} else {
		admin_refuse(c, 500, "the events could not be read");
	}
}

void admin_acp_why(struct admin_call *c)
{
	struct authz_question q;
	struct why why = { 0 };
	struct str text;
	enum rsc rsc = ask_read_why(&c->arena, c->body, &q, &why);

	if (!rsc)
		rsc = authz_why(c->admin->cse->security, &c->arena, &q, &text, &why);
	if (rsc) {
		admin_refuse(c, rsc == RSC_NOT_FOUND ? 404 : 400, "%s", why.text);
		return;
	}
	admin_answer_json(c, 200, json_pack("{s:o}", "why", json_stringn(text.p, text.n)));
}

void admin_accept_clock(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;
	clockguard_accept(cse->security);
	log_write(cse->log, LOG_ADMIN, "clock accepted");
	buf_z(&c->reply, "{\"clock\":\"accepted\"}");
	admin_answer(c, 200);
}
