/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the administrator's requests. */
#include "admin/ask.h"

#include <jansson.h>

#include "admin/admin_priv.h"
#include "cse/base/err.h"

static const char *const kinds[] = {
	[CRED_DEVICE] = "device",
	[CRED_GATEWAY] = "gateway",
	[CRED_ADMIN] = "admin",
	[CRED_CSE] = "cse",
};

const char *admin_kind_name(enum cred_kind k)
{
	REQUIRE((size_t)k < ARRAY_LEN(kinds));
	return kinds[k];
}

bool ask_kind(struct str s, enum cred_kind *out)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (str_eqz(s, kinds[i])) {
			*out = (enum cred_kind)i;
			return true;
		}
	}
	return false;
}

int ask_duration(struct str s, int64_t *us)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	uint64_t v;

	if (s.n < 2 || s.n > 10 || str_u64(str_first(s, s.n - 1), &v) != 0)
		return E_SYNTAX;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (s.p[s.n - 1] == units[i].unit) {
			if (v > ASK_DAYS * UINT64_C(86400) / (uint64_t)units[i].seconds)
				return E_RANGE;
			*us = (int64_t)v * units[i].seconds * 1000000;
			return 0;
		}
	}
	return E_SYNTAX;
}

/* The value of a name; false when there is none. */
static bool find_value(struct str query, const char *name, struct str *out)
{
	bool more = query.n > 0;

	while (more) {
		struct str value = str_cut(&query, '&', &more);
		bool has_value;
		struct str key = str_cut(&value, '=', &has_value);
		if (!str_eqz(key, name))
			continue;
		*out = value;
		return true;
	}
	return false;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int ask_query_text(struct arena *a, struct str query, const char *name, struct str *out)
{
	struct str value;
	size_t n = 0;

	if (!find_value(query, name, &value))
		return E_ABSENT;
	if (value.n == 0 || value.n > 3 * ASK_TEXT_BYTES)
		return E_SYNTAX;
	char *p = arena_alloc(a, value.n);
	for (size_t i = 0; i < value.n; i++) {
		int c = (unsigned char)value.p[i];
		if (c == '%') {
			int high = i + 2 < value.n ? hex_digit(value.p[i + 1]) : -1, low = high < 0 ? -1 : hex_digit(value.p[i + 2]);
			if (low < 0)
				return E_SYNTAX;
			c = high * 16 + low;
			i += 2;
		}
		if (c < 0x20 || c == 0x7f)
			return E_SYNTAX;
		p[n++] = (char)c;
	}
	struct str s = str_make(p, n);
	if (n > ASK_TEXT_BYTES || !str_is_utf8(s))
		return E_SYNTAX;
	*out = s;
	return 0;
}

int ask_query(struct str query, const char *name, uint64_t fallback, uint64_t *out)
{
	struct str value;

	if (find_value(query, name, &value))
		return str_u64(value, out) == 0 ? 0 : E_SYNTAX;
	*out = fallback;
	return 0;
}

/* --- members ---------------------------------------------------------------------------------------------------------- */

struct reader {
	struct arena *a;
	struct ask_issue *out;
	struct why *why;
};

static enum rsc bad(struct reader *r, const char *member, const char *must)
{
	return why_set(r->why, RSC_BAD_REQUEST, "%s must be %s", member, must);
}

static struct str text_of(const json_t *v)
{
	return str_make(json_string_value(v), json_string_length(v));
}

static enum rsc read_csr(struct reader *r, const json_t *v)
{
	if (!json_is_string(v))
		return bad(r, "csr", "a PKCS#10 request in PEM");
	r->out->csr = arena_str(r->a, text_of(v));
	return RSC_NONE;
}

static enum rsc read_kind(struct reader *r, const json_t *v)
{
	if (!json_is_string(v) || !ask_kind(text_of(v), &r->out->kind))
		return bad(r, "kind", "device, gateway, admin or cse");
	return RSC_NONE;
}

/* Appends to the names; first: the letters one of which each begins with, empty: any. */
static enum rsc add_names(struct reader *r, const json_t *v, const char *member, const char *first, const char *must)
{
	struct strs *names = &r->out->names;

	if (!json_is_array(v) || json_array_size(v) == 0 || json_array_size(v) > ASK_NAMES)
		return bad(r, member, must);
	if (names->v == NULL)
		names->v = arena_array(r->a, ASK_NAMES, sizeof(*names->v));
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *e = json_array_get(v, i);
		struct str s = text_of(e);
		if (!json_is_string(e) || s.n == 0 || s.n > ASK_NAME_BYTES)
			return bad(r, member, "texts of 1 to 200 bytes");
		if (s.p[0] == 0 || (*first && !strchr(first, s.p[0])))
			return bad(r, member, must);
		if (names->n == ASK_NAMES)
			return bad(r, member, "64 names at most, all kinds together");
		for (size_t k = 0; k < names->n; k++)
			if (str_eq(names->v[k], s))
				return bad(r, member, "without repetition");
		names->v[names->n++] = arena_str(r->a, s);
	}
	return RSC_NONE;
}

static enum rsc read_names(struct reader *r, const json_t *v)
{
	return add_names(r, v, "names", "", "a list of 1 to 64 AE-IDs, CSE-IDs or App-IDs");
}

static enum rsc read_ae_ids(struct reader *r, const json_t *v)
{
	return add_names(r, v, "aeIds", "CS", "a list of AE-ID stems, which begin with C or S");
}

static enum rsc read_app_ids(struct reader *r, const json_t *v)
{
	return add_names(r, v, "appIds", "RrN", "a list of App-IDs, which begin with N or R");
}

static enum rsc read_cse_ids(struct reader *r, const json_t *v)
{
	return add_names(r, v, "cseIds", "/", "a list of CSE-IDs, which begin with a slash");
}

static enum rsc read_label(struct reader *r, const json_t *v)
{
	if (!json_is_string(v) || json_string_length(v) == 0 || json_string_length(v) > CRED_NAME_MAX)
		return bad(r, "name", "a text of 1 to 64 letters, digits and - . _ ~");
	r->out->name = arena_str(r->a, text_of(v));
	return RSC_NONE;
}

static enum rsc read_code_life(struct reader *r, const json_t *v)
{
	const int64_t most = INT64_C(30) * 86400 * 1000000;
	if (!json_is_string(v) || ask_duration(text_of(v), &r->out->code_life_us) != 0 || r->out->code_life_us < 60000000 ||
	    r->out->code_life_us > most)
		return bad(r, "codeLife", "a duration from 60s to 30d");
	return RSC_NONE;
}

static enum rsc read_zone(struct reader *r, const json_t *v)
{
	json_int_t i = json_integer_value(v);
	if (!json_is_integer(v) || i < 1 || i > UINT16_MAX)
		return bad(r, "zone", "a number from 1 to 65535");
	r->out->zone = (uint16_t)i;
	return RSC_NONE;
}

static enum rsc read_life(struct reader *r, const json_t *v)
{
	if (!json_is_string(v) || ask_duration(text_of(v), &r->out->life_us) != 0 || r->out->life_us == 0)
		return bad(r, "life", "a duration like 24h: a number and s, m, h or d");
	return RSC_NONE;
}

static enum rsc read_max_ae(struct reader *r, const json_t *v)
{
	json_int_t i = json_integer_value(v);
	if (!json_is_integer(v) || i < 1 || i > 1000000)
		return bad(r, "maxAe", "a number from 1 to 1000000");
	r->out->max_ae = (uint32_t)i;
	return RSC_NONE;
}

static enum rsc read_random(struct reader *r, const json_t *v)
{
	if (!json_is_boolean(v))
		return bad(r, "randomStems", "true or false");
	r->out->random_stems = json_is_true(v);
	return RSC_NONE;
}

static enum rsc read_single(struct reader *r, const json_t *v)
{
	if (!json_is_boolean(v))
		return bad(r, "singleSession", "true or false");
	r->out->single_session = json_is_true(v);
	return RSC_NONE;
}

static enum rsc read_replace(struct reader *r, const json_t *v)
{
	if (!json_is_boolean(v))
		return bad(r, "replace", "true or false");
	r->out->replace = json_is_true(v);
	return RSC_NONE;
}

static enum rsc read_location(struct reader *r, const json_t *v)
{
	const json_t *lat = json_object_get(v, "lat"), *lon = json_object_get(v, "lon"), *cc = json_object_get(v, "country");
	size_t known = (lat ? 1u : 0u) + (lon ? 1u : 0u) + (cc ? 1u : 0u);

	if (!json_is_object(v) || json_object_size(v) != known || known == 0 || !lat != !lon)
		return bad(r, "location", "an object with lat and lon, or country, or all three");
	if (lat) {
		if (!json_is_number(lat) || !json_is_number(lon))
			return bad(r, "location", "given in degrees: lat and lon are numbers");
		r->out->has_location = true;
		r->out->lat = json_number_value(lat);
		r->out->lon = json_number_value(lon);
	}
	if (cc) {
		if (!json_is_string(cc) || json_string_length(cc) != 2)
			return bad(r, "country", "two letters of ISO 3166-1");
		r->out->country = arena_str(r->a, text_of(cc));
	}
	return RSC_NONE;
}

struct ask_member {
	const char *name;
	enum rsc (*read)(struct reader *, const json_t *);
	bool needed;
};
static const struct ask_member members[] = {
	{ "csr", read_csr, true },         { "kind", read_kind, false },
	{ "names", read_names, true },     { "zone", read_zone, false },
	{ "life", read_life, false },      { "maxAe", read_max_ae, false },
	{ "randomStems", read_random, false }, { "location", read_location, false },
	{ "replace", read_replace, false },
};
static const struct ask_member device_members[] = {
	{ "name", read_label, true },          { "kind", read_kind, false },
	{ "aeIds", read_ae_ids, false },       { "appIds", read_app_ids, false },
	{ "cseIds", read_cse_ids, false },     { "zone", read_zone, false },
	{ "life", read_life, false },          { "codeLife", read_code_life, false },
	{ "maxAe", read_max_ae, false },       { "randomStems", read_random, false },
	{ "location", read_location, false },  { "singleSession", read_single, false },
};
static const struct ask_member code_members[] = {
	{ "life", read_life, false },
	{ "codeLife", read_code_life, false },
};

static enum rsc read_members(struct reader *r, const json_t *j, const struct ask_member *list, size_t n)
{
	size_t seen = 0;

	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_object_get(j, list[i].name);
		if (!v && list[i].needed)
			return why_set(r->why, RSC_BAD_REQUEST, "%s is missing", list[i].name);
		if (!v)
			continue;
		seen++;
		enum rsc rsc = list[i].read(r, v);
		if (rsc)
			return rsc;
	}
	if (seen != json_object_size(j))
		return why_set(r->why, RSC_BAD_REQUEST, "the body has a member that is not known here: see admin/README");
	return RSC_NONE;
}

static enum rsc read_object(struct arena *a, struct str body, const struct ask_member *list, size_t n, struct ask_issue *out,
                            struct why *why)
{
	struct ask_issue q = { .kind = CRED_DEVICE, .zone = ZONE_DEFAULT, .max_ae = 1 };
	struct reader r = { a, &q, why };

	if (body.n > ASK_BODY_BYTES)
		return why_set(why, RSC_BAD_REQUEST, "the body is larger than %d bytes", ASK_BODY_BYTES);
	json_t *j = json_loadb(body.n ? body.p : "", body.n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(j)) {
		json_decref(j);
		return why_set(why, RSC_BAD_REQUEST, "the body is no JSON object");
	}
	enum rsc rsc = read_members(&r, j, list, n);
	json_decref(j);
	if (rsc == RSC_NONE)
		*out = q;
	return rsc;
}

enum rsc ask_read_issue(struct arena *a, struct str body, struct ask_issue *out, struct why *why)
{
	return read_object(a, body, members, ARRAY_LEN(members), out, why);
}

enum rsc ask_read_device(struct arena *a, struct str body, struct ask_issue *out, struct why *why)
{
	return read_object(a, body, device_members, ARRAY_LEN(device_members), out, why);
}

enum rsc ask_read_code(struct arena *a, struct str body, struct ask_issue *out, struct why *why)
{
	return read_object(a, body.n ? body : STR("{}"), code_members, ARRAY_LEN(code_members), out, why);
}

/* --- acp why ------------------------------------------------------------------------------------------------------------ */

static bool read_operation(struct str s, unsigned *acop)
{
	static const struct {
		const char *name;
		unsigned acop;
	} ops[] = { { "create", ACOP_C }, { "retrieve", ACOP_R }, { "update", ACOP_U }, { "delete", ACOP_D },
		    { "notify", ACOP_N }, { "discover", ACOP_DISC } };

	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		if (str_eq_nocase(s, str_of(ops[i].name))) {
			*acop = ops[i].acop;
			return true;
		}
	}
	return false;
}

/* A short name ("cnt") or a number. */
static bool read_type(struct arena *a, struct str s, unsigned *ty)
{
	const struct type *t;
	uint64_t v;

	if (s.n == 0 || s.n > 20)
		return false;
	t = str_u64(s, &v) == 0 ? type_by_ty(v > UINT16_MAX ? 0 : (unsigned)v) : type_by_root(arena_printf(a, "m2m:%.*s", STR_ARG(s)));
	if (t)
		*ty = t->ty;
	return t != NULL;
}

enum rsc ask_read_why(struct arena *a, struct str body, struct authz_question *out, struct why *why)
{
	static const char *const names[] = { "originator", "operation", "to", "type" };
	struct str s[ARRAY_LEN(names)] = { { NULL, 0 } };
	json_t *j = body.n > ASK_BODY_BYTES ? NULL : json_loadb(body.n ? body.p : "", body.n, JSON_REJECT_DUPLICATES, NULL);
	enum rsc rsc = RSC_NONE;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const json_t *v = json_object_get(j, names[i]);
		if (json_is_string(v))
			s[i] = arena_str(a, text_of(v));
	}
	json_decref(j);
	*out = (struct authz_question){ .originator = s[0], .to = s[2] };
	if (s[0].n == 0 || s[2].n == 0)
		rsc = why_set(why, RSC_BAD_REQUEST, "the body must be JSON with the texts originator, operation and to");
	else if (!read_operation(s[1], &out->acop))
		rsc = why_set(why, RSC_BAD_REQUEST, "operation must be create, retrieve, update, delete, notify or discover");
	else if ((out->acop == ACOP_C) != (s[3].n > 0))
		rsc = why_set(why, RSC_BAD_REQUEST, "type says what create would make, like cnt; other operations have none");
	else if (s[3].n && !read_type(a, s[3], &out->create_ty))
		rsc = why_set(why, RSC_BAD_REQUEST, "type must be a resource type, like cnt or 3");
	return rsc;
}

enum rsc ask_read_rotate(struct str body, bool *at_once, struct why *why)
{
	json_t *j = body.n == 0 ? json_object() : body.n > ASK_BODY_BYTES ? NULL : json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, NULL);
	const json_t *v = json_object_get(j, "atOnce");
	bool good = json_is_object(j) && json_object_size(j) == (v ? 1 : 0) && (!v || json_is_boolean(v)), yes = json_is_true(v);

	json_decref(j);
	if (!good)
		return why_set(why, RSC_BAD_REQUEST, "the body is empty or {\"atOnce\": true or false}");
	*at_once = yes;
	return RSC_NONE;
}
