/* SPDX-License-Identifier: Apache-2.0 */
/* What the administrator's requests say about options: bodies of POST /v1/limits and /v1/log/level. */
#include <jansson.h>

#include "admin/ask.h"
#include "cse/base/err.h"

static json_t *read_object(struct str body)
{
	json_t *j = body.n > ASK_BODY_BYTES ? NULL : json_loadb(body.n ? body.p : "", body.n, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(j))
		return j;
	json_decref(j);
	return NULL;
}

bool ask_is_limit(enum conf_id id)
{
	const struct conf_row *row = conf_row(id);

	return row->reload && (row->type == CONF_T_INT || row->type == CONF_T_SIZE || row->type == CONF_T_DURATION);
}

/* "section.name", or a name of the section limits. */
static bool find(const char *name, enum conf_id *id)
{
	for (int i = 0; i < CONF_COUNT; i++) {
		const struct conf_row *row = conf_row((enum conf_id)i);
		size_t n = strlen(row->section);
		bool named = strncmp(name, row->section, n) == 0 && name[n] == '.' && strcmp(name + n + 1, row->name) == 0;

		if (!named && (strcmp(row->section, "limits") != 0 || strcmp(name, row->name) != 0))
			continue;
		*id = (enum conf_id)i;
		return ask_is_limit(*id);
	}
	return false;
}

/* Whether the value fits its option is judged with the whole configuration. */
static enum rsc read_one(struct arena *a, const char *name, const json_t *v, struct cse_option *out, struct why *why)
{
	const char *text = json_is_string(v) ? json_string_value(v) : NULL;

	if (!find(name, &out->id))
		return why_set(why, RSC_BAD_REQUEST,
		               "the body names something that is no limit: GET /v1/limits lists those that there are");
	const struct conf_row *row = conf_row(out->id);
	if (json_is_integer(v))
		text = arena_strz(a, arena_printf(a, "%lld", (long long)json_integer_value(v)));
	else if (!text && !json_is_null(v))
		return why_set(why, RSC_BAD_REQUEST, "%s.%s must be a number, a text like \"64k\" or \"30s\", or null", row->section,
		               row->name);
	if (text && strlen(text) > ASK_VALUE_BYTES)
		return why_set(why, RSC_BAD_REQUEST, "%s.%s is longer than %d bytes", row->section, row->name, ASK_VALUE_BYTES);
	out->assignment = text ? arena_strz(a, arena_printf(a, "%s.%s=%s", row->section, row->name, text)) : NULL;
	return RSC_NONE;
}

enum rsc ask_read_limits(struct arena *a, struct str body, struct cse_option out[CONF_COUNT], size_t *n, struct why *why)
{
	json_t *j = read_object(body), *v;
	enum rsc rsc = RSC_NONE;
	bool seen[CONF_COUNT] = { false };
	size_t have = 0;
	const char *name;

	if (!j || json_object_size(j) == 0)
		rsc = why_set(why, RSC_BAD_REQUEST, "the body must be a JSON object of limits and their values");
	json_object_foreach(j, name, v) {
		struct cse_option one;

		rsc = read_one(a, name, v, &one, why);
		if (rsc == RSC_NONE && seen[one.id])
			rsc = why_set(why, RSC_BAD_REQUEST, "a limit stands twice, by its short and its long name");
		if (rsc)
			break;
		seen[one.id] = true;
		out[have++] = one;
	}
	json_decref(j);
	if (rsc == RSC_NONE)
		*n = have;
	return rsc;
}

enum rsc ask_read_level(struct str body, enum log_level *out, struct why *why)
{
	json_t *j = read_object(body);
	const char *text = json_string_value(json_object_get(j, "level"));
	enum rsc rsc = RSC_BAD_REQUEST;

	for (int i = LOG_ERROR; text && i <= LOG_DEBUG; i++) {
		if (strcmp(text, log_level_name((enum log_level)i)) != 0)
			continue;
		*out = (enum log_level)i;
		rsc = RSC_NONE;
	}
	json_decref(j);
	return rsc ? why_set(why, rsc, "level must be error, warn, info or debug") : RSC_NONE;
}
