/* SPDX-License-Identifier: Apache-2.0 */
/* Reading numbers: every field is copied to a bounded text before strtod sees it. */
#include "he/numbers.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cse/base/check.h"
#include "cse/base/err.h"

enum { FIELD_MOST = 64 };

enum number { NUMBER_OK, NUMBER_NONE, NUMBER_LARGE };

static struct str trim(struct str s)
{
	while (s.n && isspace((unsigned char)s.p[0]))
		s = str_from(s, 1);
	while (s.n && isspace((unsigned char)s.p[s.n - 1]))
		s.n--;
	return s;
}

/* The whole field is one decimal number; no hexadecimal, no names of infinity. */
static enum number to_number(struct str s, double *v)
{
	char text[FIELD_MOST], *end;
	bool is_whole;

	if (s.n == 0 || s.n >= sizeof(text))
		return NUMBER_NONE;
	for (size_t i = 0; i < s.n; i++)
		if (!isdigit((unsigned char)s.p[i]) && (s.p[i] == '\0' || !strchr("+-.eE", s.p[i])))
			return NUMBER_NONE;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	*v = strtod(text, &end);
	is_whole = *end == '\0';
	explicit_bzero(text, sizeof(text));
	if (!is_whole)
		return NUMBER_NONE;
	return isfinite(*v) ? NUMBER_OK : NUMBER_LARGE;
}

/* What JSON allows of that: no plus, no bare point, no zeros in front (RFC 8259, 6). */
static bool is_json_number(struct str s)
{
	size_t i = s.n && s.p[0] == '-', from = i;

	while (i < s.n && isdigit((unsigned char)s.p[i]))
		i++;
	if (i == from || (s.p[from] == '0' && i > from + 1))
		return false;
	if (i < s.n && s.p[i] == '.') {
		for (from = ++i; i < s.n && isdigit((unsigned char)s.p[i]); i++)
			;
		if (i == from)
			return false;
	}
	return i == s.n || s.p[i] == 'e' || s.p[i] == 'E';
}

static int put(double *v, size_t most, size_t *n, double x, struct he_why *w)
{
	if (*n == most)
		return he_fail(w, E_LIMIT, "more than %zu numbers, which is all that fits; split the input", most);
	v[(*n)++] = x;
	return 0;
}

static int read_json(struct str in, double *v, size_t most, size_t *n, struct he_why *w)
{
	struct str rest = trim(in);
	bool more = true;
	int err;

	if (rest.n < 2 || rest.p[0] != '[' || rest.p[rest.n - 1] != ']')
		return he_fail(w, E_SYNTAX, "the JSON text is no array of numbers, as [1, 2.5]: it does not %s",
		               rest.p[0] == '[' ? "end with ]" : "begin with [");
	rest = trim(str_make(rest.p + 1, rest.n - 2));
	if (rest.n == 0)
		return 0;
	while (more) {
		struct str field = trim(str_cut(&rest, ',', &more));
		enum number is = is_json_number(field) ? NUMBER_OK : NUMBER_NONE;
		double x;

		if (is == NUMBER_OK)
			is = to_number(field, &x);
		if (is != NUMBER_OK)
			return he_fail(w, E_SYNTAX, "element %zu of the JSON array is %s", *n + 1,
			               is == NUMBER_LARGE ? "too large a number" : "no number");
		if ((err = put(v, most, n, x, w)) != 0)
			return err;
	}
	return 0;
}

/* --- CSV (RFC 4180, and what spreadsheets make of it) ----------------------------------------------------------------------- */

struct csv {
	struct str rest;
	char by;       /* 0: not known yet */
	size_t line;   /* of the record that was cut last */
	size_t lines;  /* that were begun */
	struct str field[HE_COLUMNS_MOST];
	unsigned n;
};

/* Semicolon or tab where the first record has one outside quotes: commas are then part of a field. */
static char separator_of(struct str in)
{
	bool is_quoted = false;
	char found = ',';

	for (size_t i = 0; i < in.n && (is_quoted || (in.p[i] != '\n' && in.p[i] != '\r')); i++) {
		is_quoted ^= in.p[i] == '"';
		if (!is_quoted && in.p[i] == ';')
			return ';';
		if (!is_quoted && in.p[i] == '\t')
			found = '\t';
	}
	return found;
}

/* One field off the rest, trimmed, without its quotes; *ended: it was the record's last.  E_SYNTAX: quotes that nothing closes. */
static int cut_field(struct csv *c, struct str *field, bool *ended)
{
	struct str s = c->rest;
	bool is_quoted = false;
	size_t i, j = 0;

	/* A quote opens only at the beginning: 5" is five inches. */
	while (j < s.n && s.p[j] == ' ')
		j++;
	for (i = 0; i < s.n; i++) {
		char ch = s.p[i];

		if (ch == '"' && (is_quoted || i == j))
			is_quoted = !is_quoted, j = is_quoted ? j : i + 1;
		if (!is_quoted && (ch == c->by || ch == '\n' || ch == '\r'))
			break;
		c->lines += ch == '\n';
	}
	if (is_quoted)
		return E_SYNTAX;
	*field = trim(str_first(s, i));
	if (field->n >= 2 && field->p[0] == '"' && field->p[field->n - 1] == '"')
		*field = trim(str_make(field->p + 1, field->n - 2));
	*ended = i == s.n || s.p[i] != c->by;
	if (*ended && i < s.n) {
		i += s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n';
		c->lines++;
	}
	c->rest = str_from(s, i + 1);
	return 0;
}

/* The next record that is not empty; n is 0 at the end. */
static int next_record(struct csv *c, struct he_why *w)
{
	bool ended = false;

	do {
		c->line = c->lines + 1;
		for (c->n = 0, ended = c->rest.n == 0; !ended; c->n++) {
			if (c->n == HE_COLUMNS_MOST)
				return he_fail(w, E_LIMIT, "line %zu has more than %d columns", c->line, HE_COLUMNS_MOST);
			if (cut_field(c, &c->field[c->n], &ended) != 0)
				return he_fail(w, E_SYNTAX, "line %zu: a quote that opens there is never closed", c->line);
		}
	} while (c->n == 1 && c->field[0].n == 0 && c->rest.n);
	if (c->n == 1 && c->field[0].n == 0)
		c->n = 0;
	return 0;
}

/* May stand above a column: what is empty, begins as a number does, or means "no number" is a reading that is wrong. */
static bool is_name(struct str s)
{
	static const char *const none[] = { "nan", "inf", "infinity", "na", "n/a", "null", "none" };

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		if (str_eq_nocase(s, str_of(none[i])))
			return false;
	return s.n && !isdigit((unsigned char)s.p[0]) && !strchr("+-.", s.p[0]);
}

/* Which column is meant (from 0), by the first record; *has_names: that one holds names. */
static int choose(const struct csv *c, const char *column, bool *has_names, unsigned *at, struct he_why *w)
{
	uint64_t number = 0;
	unsigned found = 0;

	if (column == NULL && c->n != 1)
		return he_fail(w, E_ABSENT, "there are %u columns; say which one with --column", c->n);
	if (column == NULL || (str_u64(str_of(column), &number) == 0 && number >= 1 && number <= c->n)) {
		*at = column ? (unsigned)number - 1 : 0;
		*has_names = is_name(c->field[*at]);
		return 0;
	}
	for (unsigned i = 0; i < c->n; i++)
		if (column[0] && str_eqz(c->field[i], column) && ++found == 1)
			*at = i;
	if (found > 1)
		return he_fail(w, E_ABSENT, "%u columns are called \"%.40s\"; say --column with a number, 1 is the first", found, column);
	*has_names = true;
	return found ? 0 : he_fail(w, E_ABSENT, "there is no column \"%.40s\" among %u", column, c->n);
}

static int no_number(const struct csv *c, unsigned at, enum number is, struct he_why *w)
{
	if (at >= c->n)
		return he_fail(w, E_SYNTAX, "line %zu has no number in column %u: it has %u columns", c->line, at + 1, c->n);
	if (c->field[at].n == 0)
		return he_fail(w, E_SYNTAX, "line %zu has no number in column %u: it is empty; fill it in, or leave the line out", c->line,
		               at + 1);
	if (is == NUMBER_LARGE)
		return he_fail(w, E_SYNTAX, "line %zu has too large a number in column %u", c->line, at + 1);
	return he_fail(w, E_SYNTAX, "line %zu has no number in column %u%s", c->line, at + 1,
	               memchr(c->field[at].p, ',', c->field[at].n) ? ": decimals are written with a point" : "");
}

static int read_csv(struct str in, const char *column, double *v, size_t most, size_t *n, struct he_why *w)
{
	struct csv c = { .rest = in, .by = separator_of(trim(in)) };
	bool is_first = true, has_names = false;
	unsigned at = 0;
	int err;

	while ((err = next_record(&c, w)) == 0 && c.n) {
		enum number is;
		double x;

		if (is_first && (err = choose(&c, column, &has_names, &at, w)) != 0)
			return err;
		if (is_first && has_names) {
			is_first = false;
			continue;
		}
		is_first = false;
		is = at < c.n ? to_number(c.field[at], &x) : NUMBER_NONE;
		if (is != NUMBER_OK)
			return no_number(&c, at, is, w);
		if ((err = put(v, most, n, x, w)) != 0)
			return err;
	}
	return err;
}

int he_numbers_read(struct str in, const char *column, double *v, size_t most, size_t *n, struct he_why *w)
{
	struct str text;
	size_t got = 0;
	int err;

	if (str_starts(in, STR("\xff\xfe")) || str_starts(in, STR("\xfe\xff")))
		return he_fail(w, E_SYNTAX, "the text is UTF-16; save it as UTF-8");
	/* Spreadsheets put a byte order mark in front of UTF-8, too. */
	if (str_starts(in, STR("\xef\xbb\xbf")))
		in = str_from(in, 3);
	text = trim(in);
	if (text.n && (text.p[0] == '[' || text.p[0] == '{'))
		err = column ? he_fail(w, E_ABSENT, "a JSON array has no columns; leave --column out")
		             : read_json(text, v, most, &got, w);
	else
		err = read_csv(in, column, v, most, &got, w);
	if (err == 0 && got == 0)
		err = he_fail(w, E_SYNTAX, "there is no number in the input");
	if (err == 0)
		*n = got;
	return err;
}
