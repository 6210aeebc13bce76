/* SPDX-License-Identifier: Apache-2.0 */
/* What trothd runs with, and changing it while it runs: configuration, limits, level of the log, reload. */
#include "admin/admin_priv.h"
#include "cse/base/err.h"
#include "cse/base/log.h"

static json_t *describe(const struct conf *conf, enum conf_id id)
{
	const struct conf_row *row = conf_row(id);
	char name[100];

	snprintf(name, sizeof(name), "%s.%s", row->section, row->name);
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "name", name, "value", conf_text(conf, id), "default", row->def, "origin",
	                 conf_origin(conf, id), "reload", (int)row->reload, "meaning", row->help);
}

void admin_config(struct admin_call *c)
{
	json_t *list = json_array();

	for (int i = 0; i < CONF_COUNT; i++)
		json_array_append_new(list, describe(c->admin->cse->conf, (enum conf_id)i));
	admin_answer_json(c, 200, list);
}

void admin_limits(struct admin_call *c)
{
	json_t *list = json_array();

	for (int i = 0; i < CONF_COUNT; i++) {
		enum conf_id id = (enum conf_id)i;
		const struct conf_row *row = conf_row(id);
		char least[32], most[32];
		if (!ask_is_limit(id))
			continue;
		conf_format(row->type, row->min, least, sizeof(least));
		conf_format(row->type, row->max, most, sizeof(most));
		json_t *j = describe(c->admin->cse->conf, id);
		json_object_set_new(j, "least", json_string(least));
		json_object_set_new(j, "most", json_string(most));
		json_array_append_new(list, j);
	}
	admin_answer_json(c, 200, list);
}

void admin_reload(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;
	struct why why = { 0 };

	if (cse_reload(cse, &why)) {
		log_write(cse->log, LOG_CONF, "nothing changed: %s", why.text);
		admin_refuse(c, 409, "nothing changed: %s", why.text);
		return;
	}
	log_write(cse->log, LOG_RELOAD, "asked for by the administrator");
	audit(cse->security, EV_SETTINGS, c->peer, STR_NONE, "reload");
	buf_z(&c->reply, "{\"reload\":\"done\"}");
	admin_answer(c, 200);
}

/* They hold until trothd ends or null takes them back; what shall stay belongs into the file. */
void admin_set_limits(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;
	struct cse_option v[CONF_COUNT];
	struct why why = { 0 };
	size_t n;

	if (ask_read_limits(&c->arena, c->body, v, &n, &why)) {
		admin_refuse(c, 400, "%s", why.text);
		return;
	}
	if (cse_set_options(cse, v, n, &why)) {
		admin_refuse(c, 400, "nothing changed: %s", why.text);
		return;
	}
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		const struct conf_row *row = conf_row(v[i].id);
		log_write(cse->log, LOG_ADMIN, "%s.%s is now %s", row->section, row->name, conf_text(cse->conf, v[i].id));
		audit(cse->security, EV_SETTINGS, c->peer, STR_NONE, "%s.%s", row->section, row->name);
		json_array_append_new(list, describe(cse->conf, v[i].id));
	}
	admin_answer_json(c, 200, list);
}

static void answer_level(struct admin_call *c)
{
	buf_printf(&c->reply, "{\"level\":\"%s\"}", log_level_name(log_level(c->admin->cse->log)));
	admin_answer(c, 200);
}

void admin_log_level(struct admin_call *c)
{
	answer_level(c);
}

/* Until the next reload, or another level. */
void admin_set_log_level(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;
	struct why why = { 0 };
	enum log_level level;

	if (ask_read_level(c->body, &level, &why)) {
		admin_refuse(c, 400, "%s", why.text);
		return;
	}
	log_set_level(cse->log, level);
	log_write(cse->log, LOG_ADMIN, "the level of the log is now %s", log_level_name(level));
	audit(cse->security, EV_SETTINGS, c->peer, STR_NONE, "log level");
	answer_level(c);
}
