/* SPDX-License-Identifier: Apache-2.0 */
/* Options that say who a credential is, as members of a request: the same for trothctl ca issue and device add. */
#include <stdlib.h>

#include "tools/ctl.h"

/* Members whose option has the same form. */
static const struct {
	const char *option, *member;
	enum { AS_TEXT, AS_NUMBER, AS_TRUE } as;
} plain[] = {
	{ "kind", "kind", AS_TEXT },
	{ "zone", "zone", AS_NUMBER },
	{ "life", "life", AS_TEXT },
	{ "code-life", "codeLife", AS_TEXT },
	{ "max-ae", "maxAe", AS_NUMBER },
	{ "random-stems", "randomStems", AS_TRUE },
	{ "single-session", "singleSession", AS_TRUE },
	{ "replace", "replace", AS_TRUE },
};

static json_t *value_as(const char *text, int as)
{
	uint64_t v = 0;

	if (as == AS_TEXT)
		return json_string(text);
	if (as == AS_TRUE)
		return json_true();
	(void)str_u64(str_of(text), &v);
	return json_integer((json_int_t)v);
}

void ctl_body_names(json_t *body, const char *member, const struct ctl_args *a, const char *option)
{
	json_t *list = json_object_get(body, member);
	const char *value;

	for (size_t at = 0; (value = ctl_option_next(a, option, &at));) {
		if (!list) {
			list = json_array();
			json_object_set_new(body, member, list);
		}
		json_array_append_new(list, json_string(value));
	}
}

static int set_location(json_t *body, const char *text, const char *country)
{
	json_t *l = json_object();
	double lat, lon = 0;
	char *end;

	json_object_set_new(body, "location", l);
	if (country)
		json_object_set_new(l, "country", json_string(country));
	if (!text)
		return CTL_OK;
	lat = strtod(text, &end);
	bool ok = end != text && *end == ',';
	if (ok) {
		const char *second = end + 1;
		lon = strtod(second, &end);
		ok = end != second && *end == 0;
	}
	json_t *y = ok ? json_real(lat) : NULL, *x = ok ? json_real(lon) : NULL;
	if (!y || !x) {
		json_decref(y);
		json_decref(x);
		return ctl_fail(CTL_USAGE, "--location takes two numbers in degrees: 37.53,127.02");
	}
	json_object_set_new(l, "lat", y);
	json_object_set_new(l, "lon", x);
	return CTL_OK;
}

int ctl_body_options(json_t *body, const struct ctl_args *a)
{
	const char *value, *location = ctl_option(a, "location"), *country = ctl_option(a, "country");

	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if ((value = ctl_option(a, plain[i].option)))
			json_object_set_new(body, plain[i].member, value_as(value, plain[i].as));
	return location || country ? set_location(body, location, country) : CTL_OK;
}
