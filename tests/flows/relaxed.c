/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the values of the flow language: JSON without compulsory quotes, variables and times. */
#include "tests/flows/relaxed.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/flows/text.h"

enum { MAX_DEPTH = 64 };

int fail_set(struct fail *f, const char *fmt, ...)
{
	if (f->text[0])
		return -1;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return -1;
}

json_t *scope_get(const struct scope *sc, const char *name, size_t n, struct fail *f)
{
	json_t *v = json_object_getn(sc->vars, name, n);
	if (!v)
		fail_set(f, "no variable $%.*s", (int)n, name);
	return v;
}

/* --- time --------------------------------------------------------------------------------------------------------- */

int relaxed_duration(const char *s, size_t n, int64_t *us)
{
	static const struct {
		const char *unit;
		int64_t us;
	} units[] = { { "ms", 1000 }, { "s", 1000000 }, { "m", 60000000 }, { "h", 3600000000 }, { "d", 86400000000 } };
	size_t i = 0;
	int sign = 1;
	if (i < n && (s[i] == '+' || s[i] == '-'))
		sign = s[i++] == '-' ? -1 : 1;
	size_t digits = i;
	int64_t v = 0;
	while (i < n && isdigit((unsigned char)s[i]) && i - digits < 12)
		v = v * 10 + (s[i++] - '0');
	if (i == digits)
		return -1;
	for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++)
		if (strlen(units[u].unit) == n - i && memcmp(s + i, units[u].unit, n - i) == 0) {
			*us = sign * v * units[u].us;
			return 0;
		}
	return -1;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, and back (era arithmetic on years that begin in March). */
static int64_t days_of(int64_t y, int m, int d)
{
	y -= m <= 2;
	int64_t era = y / 400, yoe = y - era * 400, doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void relaxed_stamp(int64_t us, char out[24])
{
	int64_t sec = us / 1000000, frac = us % 1000000, day = sec / 86400, rest = sec % 86400;
	int64_t z = day + 719468, era = z / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153, d = doy - (153 * mp + 2) / 5 + 1, m = mp < 10 ? mp + 3 : mp - 9;
	int n = snprintf(out, 24, "%04d%02d%02dT%02d%02d%02d", (int)(yoe + era * 400 + (m <= 2)) % 10000, (int)m % 100,
	                 (int)d % 100, (int)(rest / 3600) % 100, (int)(rest / 60 % 60), (int)(rest % 60));
	if (frac)
		snprintf(out + n, (size_t)(24 - n), ",%06d", (int)frac);
}

int relaxed_stamp_parse(const char *s, int64_t *us)
{
	int y, mo, d, h, mi, se, used = 0;
	if (strlen(s) < 15 || sscanf(s, "%4d%2d%2dT%2d%2d%2d%n", &y, &mo, &d, &h, &mi, &se, &used) != 6 || used != 15)
		return -1;
	int64_t frac = 0;
	if (s[15] == ',') {
		int64_t scale = 100000;
		const char *p = s + 16;
		for (; isdigit((unsigned char)*p) && scale; p++, scale /= 10)
			frac += (*p - '0') * scale;
		if (*p)
			return -1;
	} else if (s[15]) {
		return -1;
	}
	*us = ((days_of(y, mo, d) * 24 + h) * 60 + mi) * 60000000 + se * INT64_C(1000000) + frac;
	return 0;
}

/* "now", "+10s", "now-1d", "20261120T101500+10s" (what follows the '@'). */
static char *time_text(const char *s, const struct scope *sc, struct fail *f)
{
	int64_t base = sc->now_us, off = 0;
	size_t n = strcspn(s, "+-");
	char head[32];
	if (n >= sizeof(head)) {
		fail_set(f, "not a time: @%s", s);
		return NULL;
	}
	memcpy(head, s, n);
	head[n] = 0;
	if ((n && strcmp(head, "now") != 0 && relaxed_stamp_parse(head, &base) < 0) ||
	    (s[n] && relaxed_duration(s + n, strlen(s + n), &off) < 0)) {
		fail_set(f, "not a time: @%s", s);
		return NULL;
	}
	char out[24];
	relaxed_stamp(base + off, out);
	return strdup(out);
}

char *relaxed_wire(const json_t *v, const json_t *request)
{
	const char *rqi = json_string_value(json_object_get(request, "rqi"));
	bool odd = rqi && *rqi && rqi[strlen(rqi) - 1] % 2;
	return json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | (odd ? JSON_ENSURE_ASCII : 0));
}

/* --- text with variables ------------------------------------------------------------------------------------------ */

static size_t name_length(const char *s, size_t n)
{
	size_t i = 0;
	while (i < n && (isalnum((unsigned char)s[i]) || s[i] == '_'))
		i++;
	return i;
}

/* Appends the variable behind a '$' at s[0]; returns how much was used, 0 on failure. */
static size_t text_variable(struct text *t, const char *s, size_t n, const struct scope *sc, struct fail *f)
{
	if (n > 1 && s[1] == '$') {
		text_put(t, "$", 1);
		return 2;
	}
	bool braced = n > 1 && s[1] == '{';
	size_t at = braced ? 2 : 1, len = name_length(s + at, n - at);
	if (!len && !braced) {
		text_put(t, "$", 1);
		return 1;
	}
	if (!len || (braced && (at + len >= n || s[at + len] != '}'))) {
		fail_set(f, "a variable's name is missing behind $");
		return 0;
	}
	const json_t *v = scope_get(sc, s + at, len, f);
	if (!v)
		return 0;
	text_put_json(t, v);
	return at + len + braced;
}

char *relaxed_text(const char *s, size_t n, const struct scope *sc, struct fail *f)
{
	struct text t = { 0 };
	text_put(&t, "", 0);
	for (size_t i = 0; i < n;) {
		size_t used = 1;
		if (s[i] == '$')
			used = text_variable(&t, s + i, n - i, sc, f);
		else
			text_put(&t, s + i, 1);
		if (!used) {
			free(t.p);
			return NULL;
		}
		i += used;
	}
	if (t.p[0] != '@')
		return t.p;
	char *time = time_text(t.p + 1, sc, f);
	free(t.p);
	return time;
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static json_t *parse_at(const char **p, int depth, const struct scope *sc, struct fail *f);

static void blanks(const char **p)
{
	while (isspace((unsigned char)**p))
		(*p)++;
}

/* The length of a quoted string at s with its quotes; 0 when it does not end. */
static size_t quoted_length(const char *s)
{
	for (size_t i = 1; s[i]; i++) {
		if (s[i] == '\\' && s[i + 1])
			i++;
		else if (s[i] == '"')
			return i + 1;
	}
	return 0;
}

static json_t *parse_quoted(const char **p, const struct scope *sc, struct fail *f)
{
	size_t n = quoted_length(*p);
	json_t *raw = n ? json_loadb(*p, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
	if (!raw) {
		fail_set(f, "not a string: %.40s", *p);
		return NULL;
	}
	*p += n;
	if (!memchr(json_string_value(raw), '$', json_string_length(raw)))
		return raw;
	char *s = relaxed_text(json_string_value(raw), json_string_length(raw), sc, f);
	json_decref(raw);
	json_t *v = s ? json_string(s) : NULL;
	free(s);
	return v;
}

/* $name alone keeps its type; $name+1 and $name-1 count. */
static json_t *parse_variable(const char *s, size_t n, const struct scope *sc, struct fail *f)
{
	size_t len = name_length(s + 1, n - 1);
	if (!len || (1 + len < n && s[1 + len] != '+' && s[1 + len] != '-'))
		return NULL;
	json_t *v = scope_get(sc, s + 1, len, f);
	if (!v)
		return NULL;
	if (1 + len == n)
		return json_deep_copy(v);
	if (!json_is_integer(v))
		return NULL;
	char *end;
	long long add = strtoll(s + 1 + len, &end, 10);
	return end == s + n ? json_integer(json_integer_value(v) + add) : NULL;
}

/* A bare word ends at a blank, a comma, a bracket or a quote; the braces of ${name} belong to it. */
static size_t word_length(const char *s)
{
	size_t n = 0;
	for (;;) {
		n += strcspn(s + n, ",{}[]\" \t\r\n");
		if (s[n] != '{' || n == 0 || s[n - 1] != '$')
			return n;
		n += strcspn(s + n, "} \t\r\n");
		n += s[n] == '}';
	}
}

static json_t *parse_word(const char **p, const struct scope *sc, struct fail *f)
{
	size_t n = word_length(*p);
	const char *s = *p;
	if (!n) {
		fail_set(f, "a value is missing at: %.40s", *p);
		return NULL;
	}
	*p += n;
	json_t *v = NULL;
	if (s[0] == '$') {
		v = parse_variable(s, n, sc, f);
		if (f->text[0])
			return NULL;
	} else {
		v = json_loadb(s, n, JSON_DECODE_ANY, NULL);
	}
	if (v)
		return v;
	char *t = relaxed_text(s, n, sc, f);
	v = t ? json_string(t) : NULL;
	free(t);
	return v;
}

/* A member's name up to and with its ':'; names may hold colons themselves (m2m:cnt:). Caller frees. */
static char *parse_name(const char **p, const struct scope *sc, struct fail *f)
{
	if (**p == '"') {
		json_t *v = parse_quoted(p, sc, f);
		char *s = v ? strdup(json_string_value(v)) : NULL;
		json_decref(v);
		blanks(p);
		if (s && **p != ':') {
			fail_set(f, "':' is missing behind \"%s\"", s);
			free(s);
			return NULL;
		}
		if (s)
			(*p)++;
		return s;
	}
	size_t n = word_length(*p);
	if (n < 2 || (*p)[n - 1] != ':') {
		fail_set(f, "a member needs a name and ':' at: %.40s", *p);
		return NULL;
	}
	char *s = relaxed_text(*p, n - 1, sc, f);
	*p += n;
	return s;
}

/* {a: 1, $more}: the text of $more is members. */
static bool parse_splice(const char **p, json_t *into, const struct scope *sc, struct fail *f)
{
	size_t n = word_length(*p);
	if (**p != '$' || n < 2 || (*p)[n - 1] == ':')
		return false;
	char *text = relaxed_text(*p, n, sc, f), *object = NULL;
	if (text && asprintf(&object, "{%s}", text) > 0) {
		json_t *o = relaxed_value(object, sc, f);
		json_object_update(into, o);
		json_decref(o);
	}
	free(text);
	free(object);
	*p += n;
	return true;
}

static json_t *parse_object(const char **p, int depth, const struct scope *sc, struct fail *f)
{
	json_t *o = json_object();
	(*p)++;
	for (blanks(p); **p != '}'; blanks(p)) {
		bool spliced = parse_splice(p, o, sc, f);
		char *name = spliced ? NULL : parse_name(p, sc, f);
		json_t *v = name ? parse_at(p, depth + 1, sc, f) : NULL;
		bool ok = spliced ? !f->text[0] : v != NULL;
		if (v)
			json_object_set_new(o, name, v);
		free(name);
		blanks(p);
		if (ok && **p == ',')
			(*p)++;
		else if (!ok || **p != '}') {
			fail_set(f, "',' or '}' is missing at: %.40s", *p);
			json_decref(o);
			return NULL;
		}
	}
	(*p)++;
	return o;
}

static json_t *parse_array(const char **p, int depth, const struct scope *sc, struct fail *f)
{
	json_t *a = json_array();
	(*p)++;
	for (blanks(p); **p != ']'; blanks(p)) {
		json_t *v = parse_at(p, depth + 1, sc, f);
		if (v)
			json_array_append_new(a, v);
		blanks(p);
		if (v && **p == ',')
			(*p)++;
		else if (!v || **p != ']') {
			fail_set(f, "',' or ']' is missing at: %.40s", *p);
			json_decref(a);
			return NULL;
		}
	}
	(*p)++;
	return a;
}

static json_t *parse_at(const char **p, int depth, const struct scope *sc, struct fail *f)
{
	blanks(p);
	if (depth > MAX_DEPTH) {
		fail_set(f, "nested too deep");
		return NULL;
	}
	switch (**p) {
	case '{': return parse_object(p, depth, sc, f);
	case '[': return parse_array(p, depth, sc, f);
	case '"': return parse_quoted(p, sc, f);
	default: return parse_word(p, sc, f);
	}
}

json_t *relaxed_parse(const char **p, const struct scope *sc, struct fail *f)
{
	return parse_at(p, 0, sc, f);
}

json_t *relaxed_value(const char *text, const struct scope *sc, struct fail *f)
{
	const char *p = text;
	json_t *v = parse_at(&p, 0, sc, f);
	blanks(&p);
	if (v && *p) {
		fail_set(f, "something is left over: %.40s", p);
		json_decref(v);
		return NULL;
	}
	return v;
}
