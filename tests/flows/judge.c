/* SPDX-License-Identifier: Apache-2.0 */
/* Judges answers by the conditions of a flow. */
#include "tests/flows/judge.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum judge_op { J_EQ, J_NE, J_LT, J_LE, J_GT, J_GE, J_ABSENT, J_PRESENT, J_MATCHES, J_HAS, J_LACKS, J_SAME,
	J_COUNT, J_KIND, J_NONE };

static const struct {
	const char *word;
	bool value; /* a value follows */
} ops[J_NONE] = {
	[J_EQ] = { "==", true },         [J_NE] = { "!=", true },           [J_LT] = { "<", true },
	[J_LE] = { "<=", true },         [J_GT] = { ">", true },            [J_GE] = { ">=", true },
	[J_ABSENT] = { "absent", false }, [J_PRESENT] = { "present", false }, [J_MATCHES] = { "matches", true },
	[J_HAS] = { "has", true },       [J_LACKS] = { "lacks", true },     [J_SAME] = { "same", true },
	[J_COUNT] = { "count", true },   [J_KIND] = { "kind", true },
};

static enum judge_op op_of(const char *s, size_t n)
{
	int o = 0;
	while (o < J_NONE && (strlen(ops[o].word) != n || memcmp(ops[o].word, s, n) != 0))
		o++;
	return (enum judge_op)o;
}

/* --- paths -------------------------------------------------------------------------------------------------------- */

static bool is_parameter(const char *s, size_t n)
{
	static const char *const names[] = { "pc", "rsc", "rqi", "rvi", "vsi", "to", "fr", "ot", "rset", "ec", "cnst", "cnot",
		                             "ati", "tqf", "op", "rqet", "oet" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == n && memcmp(names[i], s, n) == 0)
			return true;
	return false;
}

static json_t *select_by_member(json_t *list, const char *s, size_t n)
{
	const char *eq = memchr(s, '=', n);
	if (!eq)
		return NULL;
	size_t i;
	json_t *el;
	json_array_foreach(list, i, el) {
		const json_t *m = json_object_getn(el, s, (size_t)(eq - s));
		char *d = json_is_string(m) ? strdup(json_string_value(m)) : m ? json_dumps(m, JSON_ENCODE_ANY) : NULL;
		size_t vn = n - (size_t)(eq - s) - 1;
		bool hit = d && strlen(d) == vn && memcmp(d, eq + 1, vn) == 0;
		free(d);
		if (hit)
			return el;
	}
	return NULL;
}

static json_t *select_from(json_t *list, const char *s, size_t n)
{
	char num[24];
	if (n == 0 || n >= sizeof(num) || memchr(s, '=', n))
		return select_by_member(list, s, n);
	memcpy(num, s, n);
	num[n] = 0;
	long i = strtol(num, NULL, 10);
	if (i < 0)
		i += (long)json_array_size(list);
	return i < 0 ? NULL : json_array_get(list, (size_t)i);
}

json_t *judge_find(json_t *answer, const char *path, bool *bad)
{
	json_t *v = answer;
	bool first = true;
	*bad = !*path || *path == '.';
	for (const char *p = path; *p && !*bad;) {
		if (*p == '[') {
			const char *end = strchr(p, ']');
			*bad = !end || first;
			if (*bad)
				return NULL;
			v = select_from(v, p + 1, (size_t)(end - p - 1));
			p = end + 1;
			continue;
		}
		p += *p == '.';
		size_t n = strcspn(p, ".[");
		*bad = n == 0;
		if (first && !is_parameter(p, n)) {
			char name[80];
			snprintf(name, sizeof(name), "m2m:%.*s", (int)n, p);
			v = json_object_get(json_object_get(v, "pc"), memchr(p, ':', n) ? name + 4 : name);
		} else {
			v = json_object_getn(v, p, n);
		}
		first = false;
		p += n;
	}
	return v;
}

/* --- comparisons -------------------------------------------------------------------------------------------------- */

static bool equal_objects(const json_t *a, const json_t *b)
{
	if (json_object_size(a) != json_object_size(b))
		return false;
	const char *k;
	json_t *v;
	json_object_foreach((json_t *)(uintptr_t)a, k, v) {
		const json_t *w = json_object_get(b, k);
		if (!w || !judge_equal(v, w))
			return false;
	}
	return true;
}

bool judge_equal(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b) && (json_is_real(a) || json_is_real(b)))
		return !(json_number_value(a) < json_number_value(b)) && !(json_number_value(a) > json_number_value(b));
	if (json_is_object(a) && json_is_object(b))
		return equal_objects(a, b);
	if (json_is_array(a) && json_is_array(b)) {
		if (json_array_size(a) != json_array_size(b))
			return false;
		for (size_t i = 0; i < json_array_size(a); i++)
			if (!judge_equal(json_array_get(a, i), json_array_get(b, i)))
				return false;
		return true;
	}
	return json_equal(a, b);
}

static bool list_has(const json_t *list, const json_t *want)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (judge_equal(json_array_get(list, i), want))
			return true;
	return false;
}

/* The same elements in any order. */
static bool same_set(const json_t *a, const json_t *b)
{
	if (!json_is_array(a) || !json_is_array(b) || json_array_size(a) != json_array_size(b))
		return false;
	for (size_t i = 0; i < json_array_size(b); i++)
		if (!list_has(a, json_array_get(b, i)) || !list_has(b, json_array_get(a, i)))
			return false;
	return true;
}

/* -1, 0, 1; 2 when the two cannot be ordered. */
static int order(const json_t *a, const json_t *b)
{
	if (json_is_integer(a) && json_is_integer(b)) {
		json_int_t x = json_integer_value(a), y = json_integer_value(b);
		return (x > y) - (x < y);
	}
	if (json_is_number(a) && json_is_number(b)) {
		double x = json_number_value(a), y = json_number_value(b);
		return (x > y) - (x < y);
	}
	if (!json_is_string(a) || !json_is_string(b))
		return 2;
	int c = strcmp(json_string_value(a), json_string_value(b));
	return (c > 0) - (c < 0);
}

static bool ordered(const json_t *a, enum judge_op op, const json_t *b)
{
	int c = order(a, b);
	switch (op) {
	case J_LT: return c == -1;
	case J_LE: return c == -1 || c == 0;
	case J_GT: return c == 1;
	case J_GE: return c == 1 || c == 0;
	default: return false;
	}
}

static bool matches(const json_t *v, const json_t *want, struct fail *f)
{
	regex_t re;
	const char *pat = json_string_value(want);
	if (!pat || regcomp(&re, pat, REG_EXTENDED | REG_NOSUB) != 0) {
		fail_set(f, "not a regular expression");
		return false;
	}
	bool hit = json_is_string(v) && regexec(&re, json_string_value(v), 0, NULL, 0) == 0;
	regfree(&re);
	return hit;
}

static bool is_kind(const json_t *v, const json_t *want, struct fail *f)
{
	static const char *const kinds[] = { [JSON_OBJECT] = "object", [JSON_ARRAY] = "list",   [JSON_STRING] = "string",
		                             [JSON_INTEGER] = "number", [JSON_REAL] = "number", [JSON_TRUE] = "bool",
		                             [JSON_FALSE] = "bool",     [JSON_NULL] = "null" };
	/* The bare word null is a value, not a string. */
	const char *k = json_is_null(want) ? "null" : json_string_value(want);
	bool known = false;
	for (size_t i = 0; k && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		known = known || strcmp(kinds[i], k) == 0;
	if (!known) {
		fail_set(f, "kind is one of object, list, string, number, bool, null");
		return false;
	}
	return v && strcmp(kinds[json_typeof(v)], k) == 0;
}

static bool holds(const json_t *v, enum judge_op op, const json_t *want, struct fail *f)
{
	switch (op) {
	case J_ABSENT: return !v;
	case J_PRESENT: return v != NULL;
	case J_EQ: return v && judge_equal(v, want);
	case J_NE: return !v || !judge_equal(v, want);
	case J_MATCHES: return matches(v, want, f);
	case J_HAS: return list_has(v, want);
	case J_LACKS: return !list_has(v, want);
	case J_SAME: return same_set(v, want);
	case J_KIND: return is_kind(v, want, f);
	default: return v && ordered(v, op, want);
	}
}

/* --- conditions --------------------------------------------------------------------------------------------------- */

struct condition {
	char *left;
	enum judge_op op;    /* J_COUNT: `count_op` compares the number of elements */
	enum judge_op count_op;
	json_t *right;
};

static void condition_fini(struct condition *c)
{
	free(c->left);
	json_decref(c->right);
}

static const char *skip(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

/* The left side ends at a blank outside of brackets. */
static size_t left_length(const char *s)
{
	int depth = 0;
	size_t n = 0;
	for (; s[n] && (depth > 0 || !isspace((unsigned char)s[n])); n++)
		depth += (s[n] == '[' || s[n] == '{') - (s[n] == ']' || s[n] == '}');
	return n;
}

static int condition_read(const char *text, const struct scope *sc, struct condition *c, struct fail *f)
{
	memset(c, 0, sizeof(*c));
	const char *p = skip(text);
	size_t n = left_length(p);
	c->left = relaxed_text(p, n, sc, f);
	if (!c->left)
		return -1;
	p = skip(p + n);
	n = strcspn(p, " \t");
	c->op = op_of(p, n);
	if (c->op == J_NONE)
		return fail_set(f, "not a condition: %s", text);
	p = skip(p + n);
	c->count_op = J_EQ;
	if (c->op == J_COUNT) {
		n = strcspn(p, " \t");
		if (op_of(p, n) <= J_GE) {
			c->count_op = op_of(p, n);
			p = skip(p + n);
		}
	}
	if (!ops[c->op].value)
		return *p ? fail_set(f, "something is left over in: %s", text) : 0;
	if (c->op == J_MATCHES && *p != '"') {
		char *re = relaxed_text(p, strlen(p), sc, f);
		c->right = re ? json_string(re) : NULL;
		free(re);
	} else {
		c->right = relaxed_value(p, sc, f);
	}
	return c->right ? 0 : -1;
}

static void came(const json_t *v, char out[700])
{
	char *d = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	snprintf(out, 700, "%s", d ? d : "nothing");
	free(d);
}

static int judge_count(const struct condition *c, const json_t *v, struct fail *f)
{
	json_int_t n = v ? (json_int_t)(json_is_object(v) ? json_object_size(v) : json_array_size(v)) : 0;
	json_t *count = json_integer(n);
	bool ok = holds(count, c->count_op, c->right, f);
	json_decref(count);
	return ok ? 0 : fail_set(f, "it has %d elements", (int)n);
}

int judge_condition(json_t *answer, const char *cond, const struct scope *sc, struct fail *f)
{
	struct condition c;
	struct fail why = { 0 };
	bool bad;
	if (condition_read(cond, sc, &c, f) < 0) {
		condition_fini(&c);
		return -1;
	}
	json_t *v = judge_find(answer, c.left, &bad);
	bool ok = !bad && (c.op == J_COUNT ? judge_count(&c, v, &why) == 0 : holds(v, c.op, c.right, &why));
	if (!ok) {
		char is[700], want[700] = "";
		came(v, is);
		if (c.right)
			came(c.right, want);
		fail_set(f, "expected %s%s %s %s, came %s%s%s", c.left, bad ? " (not a path)" : "", ops[c.op].word, want, is,
		         why.text[0] ? ": " : "", why.text);
	}
	condition_fini(&c);
	return ok ? 0 : -1;
}

int judge_form(const char *cond, const struct scope *sc, struct fail *f)
{
	struct condition c;
	int rc = condition_read(cond, sc, &c, f);
	bool bad = false;
	if (rc == 0)
		judge_find(NULL, c.left, &bad);
	if (rc == 0 && bad)
		rc = fail_set(f, "not a path: %s", c.left);
	if (rc == 0 && (c.op == J_MATCHES || c.op == J_KIND))
		holds(NULL, c.op, c.right, f);
	condition_fini(&c);
	return f->text[0] ? -1 : rc;
}

int judge_values(const char *text, const struct scope *sc, struct fail *f)
{
	struct condition c = { 0 };
	const char *p = skip(text);
	json_t *left = relaxed_parse(&p, sc, f);
	if (!left)
		return -1;
	char *rest;
	if (asprintf(&rest, "x %s", skip(p)) < 0)
		abort();
	int rc = condition_read(rest, sc, &c, f);
	free(rest);
	if (rc == 0 && !(c.op == J_COUNT ? judge_count(&c, left, f) == 0 : holds(left, c.op, c.right, f))) {
		char is[700], want[700];
		came(left, is);
		came(c.right, want);
		rc = fail_set(f, "expected %s: %s is not %s %s", text, is, ops[c.op].word, want);
	}
	condition_fini(&c);
	json_decref(left);
	return rc;
}
