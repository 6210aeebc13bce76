/* SPDX-License-Identifier: Apache-2.0 */
/* Splits a flow into statements: logical lines, verbs, blocks. */
#include "tests/flows/script.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 256 * 1024, MAX_NEST = 8 };

static const char *const words[] = {
#define VERB(id, word, help) word,
#include "tests/flows/verbs.def"
#undef VERB
};

const char *verb_word(enum verb v)
{
	return words[v];
}

static int verb_of(const char *s, size_t n)
{
	for (int v = 0; v < V_COUNT; v++)
		if (strlen(words[v]) == n && memcmp(words[v], s, n) == 0)
			return v;
	return -1;
}

/* How a line leaves the state: open brackets and whether it ends inside of quotes. A '#' that stands alone outside of
 * quotes begins a comment. */
struct scan {
	int depth;
	bool quoted;
	size_t end; /* without comment and blanks */
};

static void scan_line(const char *s, size_t n, struct scan *sc)
{
	sc->end = 0;
	for (size_t i = 0; i < n; i++) {
		char c = s[i];
		if (sc->quoted) {
			if (c == '\\' && i + 1 < n)
				sc->end = ++i + 1;
			else if (c == '"')
				sc->quoted = false;
		} else if (c == '"') {
			sc->quoted = true;
		} else if (c == '#' && (i == 0 || isspace((unsigned char)s[i - 1]))) {
			return;
		} else if (c == '{' || c == '[') {
			sc->depth++;
		} else if (c == '}' || c == ']') {
			sc->depth--;
		}
		if (!isspace((unsigned char)c))
			sc->end = i + 1;
	}
}

/* One logical line from *p on: joined while brackets are open or a line ends with ','. Caller frees. */
static char *logical_line(const char **p, int *line)
{
	char *out = calloc(1, 1);
	size_t len = 0;
	struct scan sc = { 0 };
	while (**p) {
		const char *nl = strchr(*p, '\n');
		size_t n = nl ? (size_t)(nl - *p) : strlen(*p);
		sc.quoted = false;
		scan_line(*p, n, &sc);
		out = realloc(out, len + sc.end + 2);
		if (!out)
			abort();
		if (len)
			out[len++] = ' ';
		memcpy(out + len, *p, sc.end);
		len += sc.end;
		out[len] = 0;
		*p += n + (nl != NULL);
		(*line)++;
		if (sc.depth <= 0 && (len == 0 || out[len - 1] != ','))
			break;
	}
	return out;
}

static int add_statement(struct script *sc, char *text, int line, struct fail *f)
{
	char *s = text;
	while (isspace((unsigned char)*s))
		s++;
	if (!*s)
		return 0;
	size_t n = strcspn(s, " \t");
	int v = verb_of(s, n);
	if (v < 0)
		return fail_set(f, "%s:%d: no such verb: %.*s (see tests/flows/README)", sc->path, line, (int)n, s);
	sc->s = realloc(sc->s, (sc->n + 1) * sizeof(*sc->s));
	if (!sc->s)
		abort();
	s += n;
	while (isspace((unsigned char)*s))
		s++;
	sc->s[sc->n++] = (struct stmt){ .verb = (enum verb)v, .line = line, .rest = strdup(s) };
	return 0;
}

static int match_blocks(struct script *sc, struct fail *f)
{
	size_t open[MAX_NEST], n = 0;
	for (size_t i = 0; i < sc->n; i++) {
		struct stmt *st = &sc->s[i];
		if (st->verb == V_REPEAT || st->verb == V_EACH) {
			if (n == MAX_NEST)
				return fail_set(f, "%s:%d: blocks are nested too deep", sc->path, st->line);
			open[n++] = i;
		} else if (st->verb == V_END) {
			if (!n)
				return fail_set(f, "%s:%d: end without repeat or each", sc->path, st->line);
			st->partner = open[--n];
			sc->s[st->partner].partner = i;
		}
	}
	if (n)
		return fail_set(f, "%s:%d: %s without end", sc->path, sc->s[open[n - 1]].line, words[sc->s[open[n - 1]].verb]);
	return 0;
}

int script_parse(const char *path, const char *text, struct script *out, struct fail *f)
{
	struct script sc = { .path = strdup(path) };
	int line = 1, rc = 0;
	for (const char *p = text; *p && rc == 0;) {
		int at = line;
		char *l = logical_line(&p, &line);
		rc = add_statement(&sc, l, at, f);
		free(l);
	}
	if (rc == 0)
		rc = match_blocks(&sc, f);
	if (rc < 0) {
		script_free(&sc);
		return -1;
	}
	*out = sc;
	return 0;
}

int script_load(const char *path, struct script *out, struct fail *f)
{
	FILE *fp = fopen(path, "rb");
	char *text = calloc(1, MAX_FILE + 1);
	if (!text)
		abort();
	size_t n = fp ? fread(text, 1, MAX_FILE, fp) : 0;
	int rc = -1;
	if (!fp)
		fail_set(f, "%s: cannot be opened", path);
	else if (n == MAX_FILE)
		fail_set(f, "%s: too long for a flow", path);
	else if (memchr(text, 0, n))
		fail_set(f, "%s: not a text", path);
	else
		rc = script_parse(path, text, out, f);
	if (fp)
		fclose(fp);
	free(text);
	return rc;
}

void script_free(struct script *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->s[i].rest);
	free(s->s);
	free(s->path);
	*s = (struct script){ 0 };
}

/* Where the piece at s ends: at a character of `stop` outside of quotes and brackets, or at the end. */
static size_t piece_length(const char *s, const char *stop)
{
	int depth = 0;
	bool quoted = false;
	size_t i = 0;
	for (; s[i]; i++) {
		if (quoted) {
			if (s[i] == '\\' && s[i + 1])
				i++;
			else if (s[i] == '"')
				quoted = false;
			continue;
		}
		if (s[i] == '"')
			quoted = true;
		else if (s[i] == '{' || s[i] == '[')
			depth++;
		else if (s[i] == '}' || s[i] == ']')
			depth--;
		else if (depth == 0 && strchr(stop, s[i]))
			break;
	}
	return i;
}

char *script_token(const char **p)
{
	while (isspace((unsigned char)**p))
		(*p)++;
	if (!**p)
		return NULL;
	size_t n = piece_length(*p, " \t");
	char *t = strndup(*p, n);
	*p += n;
	return t;
}

char *script_part(const char **p)
{
	while (isspace((unsigned char)**p) || **p == ',')
		(*p)++;
	if (!**p)
		return NULL;
	size_t n = piece_length(*p, ","), keep = n;
	while (keep && isspace((unsigned char)(*p)[keep - 1]))
		keep--;
	char *t = strndup(*p, keep);
	*p += n;
	return t;
}
