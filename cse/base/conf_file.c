/* SPDX-License-Identifier: Apache-2.0 */
/* Where options come from: an ini file, the folder beside it, the environment. */
#include "cse/base/conf.h"

#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cse/base/buf.h"
#include "cse/base/conf_priv.h"
#include "cse/base/err.h"

enum {
	FILE_MAX = 1024 * 1024,
	FILES_MAX = 256,
	LINE_MAX_BYTES = 190, /* inih cuts at 200, silently */
	PLACE_MAX = 4096 + 16,
};

struct reader {
	struct conf *conf;
	const struct conf_table *table;
	struct conf_why *why;
	const char *file;
	struct str rest;
	unsigned line;              /* of the text now in inih's hands */
	bool continued;             /* it begins with white space */
	bool failed;                /* why is set */
	unsigned failed_line;
	unsigned last;              /* option of the line before */
	unsigned *seen;             /* line where this file set it, by option */
};

static const char *place(const struct reader *r, unsigned line, char *text, size_t size)
{
	snprintf(text, size, "%s:%u", r->file, line);
	return text;
}

static int fail(struct reader *r, unsigned id, const char *fmt, ...) PRINTF_LIKE(3, 4);

static int fail(struct reader *r, unsigned id, const char *fmt, ...)
{
	char at[PLACE_MAX], reason[sizeof(r->why->text)];
	va_list ap;

	if (r->failed)
		return E_CONF;
	r->failed = true;
	r->failed_line = r->line;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	return conf_why_set(r->table, r->why, place(r, r->line, at, sizeof(at)), id, "%s", reason);
}

static bool is_comment(struct str text)
{
	return str_starts(text, STR("#")) || str_starts(text, STR(";"));
}

static int check_section(struct reader *r, struct str line)
{
	size_t end = str_index(line, ']');
	struct str section = str_first(str_from(line, 1), end - 1), behind = str_trim(str_from(line, end + 1));

	r->last = CONF_NONE;
	if (end == line.n)
		return fail(r, CONF_NONE, "a section without ]; write [section]");
	if (behind.n && !is_comment(behind))
		return fail(r, CONF_NONE, "something stands behind the section; begin a new line");
	if (conf_has_section(r->table, section))
		return 0;
	return fail(r, CONF_NONE, "there is no section [%.*s]; see %s for those that there are",
	            (int)str_first(section, 40).n, section.p, r->table->file);
}

/* What inih would cut, skip or misread is refused before it sees the line. */
static int check_line(struct reader *r, struct str line)
{
	struct str text = str_trim(line);

	if (is_comment(text))
		return 0;
	if (line.n > LINE_MAX_BYTES)
		return fail(r, CONF_NONE, "longer than 190 bytes; let a list go on in the next line, behind a space");
	if (str_index(line, '\0') < line.n)
		return fail(r, CONF_NONE, "holds a zero byte; this is no text file");
	if (!str_is_utf8(line))
		return fail(r, CONF_NONE, "is not UTF-8; save the file in UTF-8");
	/* Behind an option an indented [ begins an element of a list: [::1]:8443. */
	if (str_starts(line, STR("[")) || (str_starts(text, STR("[")) && r->last == CONF_NONE))
		return check_section(r, text);
	return 0;
}

/* For inih, in place of fgets. */
static char *next_line(char *out, int size, void *arg)
{
	struct reader *r = arg;
	struct str line;
	bool more;

	if (r->failed || r->rest.n == 0)
		return NULL;
	line = str_cut(&r->rest, '\n', &more);
	r->line++;
	if (r->line == 1 && str_starts(line, STR("\xef\xbb\xbf")))
		line = str_from(line, 3);
	if (str_ends(line, STR("\r")))
		line.n--;
	if (check_line(r, line))
		return NULL;
	if (is_comment(str_trim(line)))
		line = STR_NONE;
	REQUIRE(line.n < (size_t)size);
	r->continued = line.n && (line.p[0] == ' ' || line.p[0] == '\t');
	if (line.n)
		memcpy(out, line.p, line.n);
	out[line.n] = '\0';
	return out;
}

/* Older inih leaves the comment in a line that goes on. */
static struct str without_comment(struct str s)
{
	for (size_t i = 1; i < s.n; i++)
		if (s.p[i] == ';' && (s.p[i - 1] == ' ' || s.p[i - 1] == '\t'))
			return str_trim(str_first(s, i));
	return s;
}

/* Adds a further line to a list. */
static int go_on(struct reader *r, unsigned id, struct str value, const char *origin)
{
	struct str before = str_of(conf_text(r->conf, id));
	struct buf b;
	int err;

	if (r->table->rows[id].type != CONF_T_LIST)
		return fail(r, id, "goes on in a second line; only lists may");
	buf_init(&b, FILE_MAX);
	buf_str(&b, before);
	if (before.n && !str_ends(before, STR(",")))
		buf_putc(&b, ',');
	buf_str(&b, without_comment(value));
	err = conf_put(r->conf, id, buf_as_str(&b), origin, r->why);
	buf_fini(&b);
	return err;
}

static int take_option(struct reader *r, const char *section, const char *name, const char *value)
{
	unsigned id = conf_find(r->table, str_of(section), str_of(name));
	char origin[PLACE_MAX];
	int err;

	place(r, r->line, origin, sizeof(origin));
	if (section[0] == '\0')
		return fail(r, CONF_NONE, "an option outside of a section; write [section] before it");
	if (id == CONF_NONE)
		return fail(r, CONF_NONE, "%.40s.%.60s: there is no such option; see %s for those that there are", section,
		            name, r->table->file);
	if (r->continued && r->last == id) {
		err = go_on(r, id, str_of(value), origin);
	} else if (r->seen[id]) {
		return fail(r, id, "was set in line %u already; remove one of the two", r->seen[id]);
	} else {
		err = conf_put(r->conf, id, str_of(value), origin, r->why);
		r->seen[id] = r->line;
		r->last = id;
	}
	if (err && !r->failed) {
		r->failed = true;
		r->failed_line = r->line;
	}
	return err;
}

/* For inih: 0 is failure. */
static int on_option(void *arg, const char *section, const char *name, const char *value)
{
	return take_option(arg, section, name, value) == 0;
}

static int finish(struct reader *r, int line)
{
	if (line < 0)
		return conf_why_set(r->table, r->why, r->file, CONF_NONE, "out of memory; give the process more");
	/* inih goes on behind a line that it does not understand and gives the first one's number at the end. */
	if (line > 0 && (!r->failed || (unsigned)line < r->failed_line)) {
		r->failed = false;
		r->line = (unsigned)line;
		return fail(r, CONF_NONE, "is neither [section] nor option = value; write one of them, or # before a comment");
	}
	return r->failed ? E_CONF : 0;
}

int conf_read_text(struct conf *c, const char *file, struct str text, struct conf_why *why)
{
	const struct conf_table *t = conf_table_of(c);
	struct reader r = { .conf = c, .table = t, .why = why, .file = file, .rest = text, .last = CONF_NONE };
	int err;

	r.seen = calloc(t->n, sizeof(r.seen[0]));
	REQUIRE(r.seen != NULL);
	err = finish(&r, ini_parse_stream(next_line, &r, on_option, &r));
	free(r.seen);
	return err;
}

static int read_file(struct conf *c, const char *path, struct conf_why *why)
{
	FILE *f = fopen(path, "rbe");
	struct buf b;
	int err;

	if (f == NULL)
		return conf_why_set(conf_table_of(c), why, path, CONF_NONE, "cannot be opened: %s; mend that or name another file", strerror(errno));
	buf_init(&b, FILE_MAX + 1);
	errno = 0;
	buf_added(&b, fread(buf_room(&b, FILE_MAX + 1), 1, FILE_MAX + 1, f));
	if (ferror(f))
		err = conf_why_set(conf_table_of(c), why, path, CONF_NONE, "cannot be read: %s; mend that or name another file", strerror(errno));
	else if (b.n > FILE_MAX)
		err = conf_why_set(conf_table_of(c), why, path, CONF_NONE, "is larger than 1 MB; this is no configuration");
	else
		err = conf_read_text(c, path, buf_as_str(&b), why);
	buf_fini(&b);
	fclose(f);
	return err;
}

static int is_conf(const struct dirent *d)
{
	return d->d_name[0] != '.' && str_ends(str_of(d->d_name), STR(".conf"));
}

/* Order of bytes, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_folder(struct conf *c, const char *path, struct conf_why *why)
{
	const char *slash = strrchr(path, '/');
	int dir_len = slash ? (int)(slash - path) + 1 : 0;
	struct dirent **entries = NULL;
	char name[PLACE_MAX];
	int n, err = 0;

	snprintf(name, sizeof(name), "%.*sconf.d", dir_len, path);
	n = scandir(name, &entries, is_conf, by_name);
	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0)
		return conf_why_set(conf_table_of(c), why, name, CONF_NONE, "cannot be read: %s; mend that or remove it", strerror(errno));
	if (n > FILES_MAX)
		err = conf_why_set(conf_table_of(c), why, name, CONF_NONE, "holds %d files; at most %d are read", n, FILES_MAX);
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%.*sconf.d/%s", dir_len, path, entries[i]->d_name);
		if (err == 0)
			err = read_file(c, name, why);
		free(entries[i]);
	}
	free(entries);
	return err;
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* The rest behind `word` in upper case and an underscore, or false. */
static bool cut_word(struct str *s, const char *word, char end)
{
	size_t n = strlen(word);

	if (s->n <= n || s->p[n] != end)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s->p[i] != upper(word[i]))
			return false;
	*s = str_from(*s, n + 1);
	return true;
}

/* entry: what follows the prefix.  Variables that name no section are others' (orchestrators make TROTH_SERVICE_HOST for a
 * service of that name); a section with an unknown option is a slip of the pen. */
static int take_variable(struct conf *c, struct str entry, struct conf_why *why)
{
	const struct conf_table *t = conf_table_of(c);
	bool ours = false;
	struct str name = str_first(entry, str_index(entry, '='));

	for (unsigned id = 0; id < t->n; id++) {
		const struct conf_row *row = &t->rows[id];
		struct str s = entry;

		if (!cut_word(&s, row->section, '_'))
			continue;
		ours = true;
		if (cut_word(&s, row->name, '='))
			return conf_put(c, id, s, "environment", why);
	}
	if (!ours)
		return 0;
	return conf_why_set(t, why, "environment", CONF_NONE, "%s%.*s names no option; unset it or write %sSECTION_OPTION in capitals",
	                    t->prefix, (int)str_first(name, 80).n, name.p, t->prefix);
}

static int read_environment(struct conf *c, char *const *envp, struct conf_why *why)
{
	struct str prefix = str_of(conf_table_of(c)->prefix);
	int err = 0;

	for (; envp && *envp && err == 0; envp++) {
		struct str entry = str_of(*envp);

		if (str_starts(entry, prefix))
			err = take_variable(c, str_from(entry, prefix.n), why);
	}
	return err;
}

int conf_read_of(const struct conf_table *t, const char *path, char *const *envp, struct conf **out, struct conf_why *why)
{
	struct conf *c = conf_defaults_of(t);
	int err = 0;

	if (path && strlen(path) >= PLACE_MAX / 2)
		err = conf_why_set(conf_table_of(c), why, "configuration", CONF_NONE, "the path is too long; move the file");
	else if (path)
		err = read_file(c, path, why);
	if (path && err == 0)
		err = read_folder(c, path, why);
	if (err == 0)
		err = read_environment(c, envp, why);
	if (err) {
		conf_unref(c);
		return err;
	}
	*out = c;
	return 0;
}

int conf_read(const char *path, char *const *envp, struct conf **out, struct conf_why *why)
{
	return conf_read_of(&conf_troth, path, envp, out, why);
}
