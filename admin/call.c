/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a call, whichever way it came: found in the table, allowed, carried out on loop 0 or a worker, answered. */
#include "admin/admin_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cse/base/err.h"

/* --- answers ------------------------------------------------------------------------------------------------------------ */

unsigned admin_status(int err)
{
	switch (err) {
	case E_SYNTAX:
	case E_RANGE:
	case E_LIMIT:
	case E_DENIED:
		return 400;
	case E_ABSENT:
		return 404;
	case E_EXISTS:
		return 409;
	case E_FULL:
	case E_READONLY:
	case E_AGAIN:
		return 503;
	default:
		return 500;
	}
}

static void end(struct admin_call *c, unsigned status)
{
	bool waited = c->waits;

	if (waited) {
		c->waits = false;
		c->admin->waiting--;
	}
	c->end(c, status, waited);
}

static void told(struct audit_wait *w)
{
	struct admin_call *c = CONTAINER_OF(w, struct admin_call, told);

	end(c, c->status);
}

void admin_answer(struct admin_call *c, unsigned status)
{
	if (c->fn) {
		c->status = status;
		return;
	}
	if (!c->changes) {
		end(c, status);
		return;
	}
	c->changes = false;
	c->status = status;
	if (!c->waits)
		admin_wait(c);
	audit_after(c->admin->cse->security, &c->told, c->admin->loop, told);
}

void admin_answer_json(struct admin_call *c, unsigned status, json_t *j)
{
	REQUIRE(j);
	char *text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	REQUIRE(text);
	buf_z(&c->reply, text);
	free(text);
	if (c->reply.over) {
		buf_reset(&c->reply);
		admin_refuse(c, 500, "the answer would be too large");
		return;
	}
	admin_answer(c, status);
}

void admin_refuse(struct admin_call *c, unsigned status, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	/* An answer that was made before its commit failed. */
	buf_reset(&c->reply);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* What a client sent may be quoted in it and need not be text. */
	json_t *j = json_pack("{s:s}", "error", text);
	admin_answer_json(c, status, j ? j : json_pack("{s:s}", "error", "the request is not well formed"));
}

void admin_wait(struct admin_call *c)
{
	c->waits = true;
	c->admin->waiting++;
}

/* --- carrying out ------------------------------------------------------------------------------------------------------- */

static void run_long(struct work *w)
{
	struct admin_call *c = CONTAINER_OF(w, struct admin_call, work);
	c->status = 0;
	c->fn(c);
	REQUIRE(c->status != 0);
}

static void long_done(struct work *w)
{
	struct admin_call *c = CONTAINER_OF(w, struct admin_call, work);
	c->fn = NULL;
	admin_answer(c, c->status);
}

static bool is_reader(const struct admin_call *c)
{
	const struct conf *conf = c->admin->cse->conf;
	const char *name;

	for (unsigned i = 0; (name = conf_item(conf, CONF_ADMIN_READERS, i)) != NULL; i++)
		if (peer_has_name(c->peer, str_of(name)))
			return true;
	return false;
}

bool admin_is_admin(const struct admin_call *c)
{
	return c->peer == NULL || peer_is_kind(c->peer, CRED_ADMIN);
}

static bool may(const struct admin_call *c, enum admin_need need)
{
	return need == ADMIN_NEEDS_NONE || admin_is_admin(c) || (need == ADMIN_NEEDS_READER && is_reader(c));
}

void admin_begin(struct admin_call *c, enum http1_method method, struct str path)
{
	const struct admin_route *route;
	struct cse *cse = c->admin->cse;

	c->type = "application/json";
	c->lines = 0;
	/* A connection's next call: what the one before was about, its code above all, is not this one's. */
	c->cred = (struct cred_info){ .generation = 0 };
	c->code = (struct enrol_code){ .id = STR_NONE };
	c->zone = c->to = 0;
	c->open = c->replaces = false;
	c->changes = method != HTTP1_GET;
	unsigned status = admin_find(method, path, &route, &c->id);
	/* Who is no administrator does not learn which paths there are. */
	if (!may(c, status ? ADMIN_NEEDS_ADMIN : route->need)) {
		audit(cse->security, EV_DENIED, c->peer, STR_NONE, "administration");
		admin_refuse(c, 403, "this credential is no administrator's");
		return;
	}
	if (status) {
		admin_refuse(c, status, status == 405 ? "this path has another method" : "there is no such path: see doc/admin-api.yaml");
		return;
	}
	if (route->work == ADMIN_SHORT) {
		route->fn(c);
		return;
	}
	c->fn = route->fn;
	c->work = (struct work){ .run = run_long, .done = long_done, .loop = c->admin->loop };
	admin_wait(c);
	workers_submit(cse->workers, &c->work);
}
