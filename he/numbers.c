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

static struct str trim(struct str s)
{
	while (s.n && isspace((unsigned char)s.p[0]))
		s = str_from(s, 1);
	while (s.n && isspace((unsigned char)s.p[s.n - 1]))
		s.n--;
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		s = str_make(s.p + 1, s.n - 2);
	return s;
}

/* The whole field is one decimal number; no hexadecimal, no names of infinity. */
static bool to_number(struct str s, double *v)
{
	char text[FIELD_MOST], *end;

	if (s.n == 0 || s.n >= sizeof(text))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!isdigit((unsigned char)s.p[i]) && (s.p[i] == '\0' || !strchr("+-.eE", s.p[i])))
			return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	*v = strtod(text, &end);
	return *end == '\0' && isfinite(*v);
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

	if (rest.n < 2 || rest.p[rest.n - 1] != ']')
		return he_fail(w, E_SYNTAX, "the JSON text is no array of numbers: it does not end with ]");
	rest = trim(str_make(rest.p + 1, rest.n - 2));
	if (rest.n == 0)
		return 0;
	while (more) {
		struct str field = trim(str_cut(&rest, ',', &more));
		double x;

		if (!to_number(field, &x))
			return he_fail(w, E_SYNTAX, "element %zu of the JSON array is no number", *n + 1);
		if ((err = put(v, most, n, x, w)) != 0)
			return err;
	}
	return 0;
}

static char separator_of(struct str line)
{
	static const char all[] = ";\t,";

	for (size_t i = 0; i + 1 < sizeof(all); i++)
		if (line.n && memchr(line.p, all[i], line.n))
			return all[i];
	return ',';
}

/* Fields of one line, trimmed; how many, 0 when there are too many. */
static unsigned split(struct str line, char by, struct str field[HE_COLUMNS_MOST])
{
	bool more = true;
	unsigned n = 0;

	while (more) {
		if (n == HE_COLUMNS_MOST)
			return 0;
		field[n++] = trim(str_cut(&line, by, &more));
	}
	return n;
}

/* Which column is meant (from 0), by the first line; has_names is set when that line holds no numbers. */
static int choose(const struct str *field, unsigned n, const char *column, bool *has_names, unsigned *at, struct he_why *w)
{
	char *end;
	double x;

	*has_names = true;
	for (unsigned i = 0; i < n; i++)
		*has_names &= !to_number(field[i], &x);
	if (column == NULL) {
		*at = 0;
		return n == 1 ? 0 : he_fail(w, E_ABSENT, "there are %u columns; say which one with --column", n);
	}
	for (unsigned i = 0; *has_names && i < n; i++)
		if (str_eqz(field[i], column)) {
			*at = i;
			return 0;
		}
	*at = (unsigned)strtoul(column, &end, 10) - 1;
	if (*end != '\0' || *at >= n)
		return he_fail(w, E_ABSENT, "there is no column \"%.40s\" among %u", column, n);
	return 0;
}

static int read_csv(struct str in, const char *column, double *v, size_t most, size_t *n, struct he_why *w)
{
	struct str field[HE_COLUMNS_MOST];
	unsigned at = 0, fields;
	bool more = true, is_first = true, has_names = false;
	size_t number = 0;
	char by = ',';
	int err;

	while (more) {
		struct str line = str_cut(&in, '\n', &more);
		double x;

		number++;
		if (trim(line).n == 0)
			continue;
		if (is_first)
			by = separator_of(line);
		if ((fields = split(line, by, field)) == 0)
			return he_fail(w, E_LIMIT, "line %zu has more than %d columns", number, HE_COLUMNS_MOST);
		if (is_first && (err = choose(field, fields, column, &has_names, &at, w)) != 0)
			return err;
		if (is_first && has_names) {
			is_first = false;
			continue;
		}
		is_first = false;
		if (at >= fields || !to_number(field[at], &x))
			return he_fail(w, E_SYNTAX, "line %zu has no number in column %u", number, at + 1);
		if ((err = put(v, most, n, x, w)) != 0)
			return err;
	}
	return 0;
}

int he_numbers_read(struct str in, const char *column, double *v, size_t most, size_t *n, struct he_why *w)
{
	struct str text = trim(in);
	size_t got = 0;
	int err;

	err = text.n && text.p[0] == '[' ? read_json(text, v, most, &got, w) : read_csv(in, column, v, most, &got, w);
	if (err == 0 && got == 0)
		err = he_fail(w, E_SYNTAX, "there is no number in the input");
	if (err == 0)
		*n = got;
	return err;
}
