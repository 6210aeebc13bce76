/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the words of a request: actor, operation, target, content, parameters (short names of TS-0004 8.2.2). */
#include "tests/flows/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How a parameter is serialized in JSON (TS-0004 6.4.1 with 8.4.2): numbers, booleans, structures; all others are strings. */
static bool is_typed(const char *name)
{
	static const char *const typed[] = { "op", "ty", "rcn", "ec", "drt", "da", "tqi", "asi", "auri", "sqi",
		                             "fc", "rt", "pc",  "rids", "tkns", "tids", "ltids", "grtm", "aus" };
	for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++)
		if (strcmp(typed[i], name) == 0)
			return true;
	return false;
}

static int operation(const char *word)
{
	static const char *const ops[] = { "", "CREATE", "RETRIEVE", "UPDATE", "DELETE", "NOTIFY" };
	for (int i = 1; i <= 5; i++)
		if (strcmp(ops[i], word) == 0)
			return i;
	return 0;
}

/* Resource types by short name (TS-0004 6.3.4.2.1), for CREATE. */
static int type_of(const char *s, size_t n)
{
	static const struct {
		const char *sn;
		int ty;
	} types[] = { { "acp", 1 }, { "ae", 2 }, { "cnt", 3 }, { "cin", 4 }, { "cb", 5 }, { "dlv", 6 }, { "grp", 9 },
		      { "lcp", 10 }, { "nod", 14 }, { "pch", 15 }, { "csr", 16 }, { "req", 17 }, { "sch", 18 }, { "sub", 23 },
		      { "fcnt", 28 }, { "ts", 29 }, { "tsi", 30 }, { "dac", 34 } };
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strlen(types[i].sn) == n && memcmp(types[i].sn, s, n) == 0)
			return types[i].ty;
	return 0;
}

/* cnt{rn: box} or atrl[rn, mni]: a root element and its value. */
static int read_content(const char *tok, const struct scope *sc, struct ask *a, struct fail *f)
{
	size_t n = strcspn(tok, "{[");
	char root[80];
	if (n == 0 || n > 60)
		return fail_set(f, "content needs a root element: %s", tok);
	json_t *v = relaxed_value(tok + n, sc, f);
	if (!v)
		return -1;
	snprintf(root, sizeof(root), "%s%.*s", memchr(tok, ':', n) ? "" : "m2m:", (int)n, tok);
	json_t *pc = json_object();
	json_object_set_new(pc, root, v);
	json_object_set_new(a->prim, "pc", pc);
	if (json_integer_value(json_object_get(a->prim, "op")) == 1 && type_of(tok, n))
		json_object_set_new(a->prim, "ty", json_integer(type_of(tok, n)));
	return 0;
}

static int read_parameter(const char *tok, size_t eq, const struct scope *sc, struct ask *a, struct fail *f)
{
	char name[16];
	if (eq == 0 || eq >= sizeof(name))
		return fail_set(f, "not a parameter: %s", tok);
	memcpy(name, tok, eq);
	name[eq] = 0;
	const char *text = tok + eq + 1;
	json_t *v;
	if (is_typed(name) || *text == '"') {
		v = relaxed_value(text, sc, f);
	} else {
		char *s = relaxed_text(text, strlen(text), sc, f);
		v = s ? json_string(s) : NULL;
		free(s);
	}
	if (!v)
		return -1;
	if (*text != '"' && json_is_string(v) && strcmp(json_string_value(v), "none") == 0) {
		json_object_del(a->prim, name);
		json_decref(v);
		a->no_rqi = a->no_rqi || strcmp(name, "rqi") == 0;
		return 0;
	}
	json_object_set_new(a->prim, name, v);
	return 0;
}

static int read_word(const char *tok, const struct scope *sc, struct ask *a, struct fail *f)
{
	size_t n = strcspn(tok, "={[");
	if (tok[n] == '=')
		return read_parameter(tok, n, sc, a, f);
	if (tok[n])
		return read_content(tok, sc, a, f);
	return fail_set(f, "neither a content nor a parameter: %s", tok);
}

static char *next_text(const char **p, const struct scope *sc, struct fail *f)
{
	char *tok = script_token(p);
	char *t = tok ? relaxed_text(tok, strlen(tok), sc, f) : NULL;
	free(tok);
	return t;
}

int ask_read(const char *words, const struct scope *sc, struct ask *out, struct fail *f)
{
	struct ask a = { .prim = json_object() };
	const char *p = words;
	char *op = NULL, *to = NULL, *tok;
	a.actor = next_text(&p, sc, f);
	op = next_text(&p, sc, f);
	if (op && strcmp(op, "as") == 0) {
		a.has_from = true;
		a.from = next_text(&p, sc, f);
		if (a.from && strcmp(a.from, "nobody") == 0) {
			free(a.from);
			a.from = NULL;
		}
		free(op);
		op = next_text(&p, sc, f);
	}
	to = op ? next_text(&p, sc, f) : NULL;
	if (!to || !operation(op))
		fail_set(f, "a request is: ACTOR [as WHO] CREATE|RETRIEVE|UPDATE|DELETE|NOTIFY TARGET ...");
	if (!f->text[0]) {
		json_object_set_new(a.prim, "op", json_integer(operation(op)));
		json_object_set_new(a.prim, "to", json_string(to));
		json_object_set_new(a.prim, "rvi", json_string("3"));
	}
	while (!f->text[0] && (tok = script_token(&p)) != NULL) {
		read_word(tok, sc, &a, f);
		free(tok);
	}
	free(op);
	free(to);
	if (f->text[0]) {
		ask_fini(&a);
		return -1;
	}
	*out = a;
	return 0;
}

void ask_fini(struct ask *a)
{
	free(a->actor);
	free(a->from);
	json_decref(a->prim);
	*a = (struct ask){ 0 };
}
