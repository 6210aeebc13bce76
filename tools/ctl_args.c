/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of trothctl read by the rows of ctl.def, and the help that comes from them. */
#include <stdio.h>

#include "tools/ctl.h"

static const struct ctl_row rows[] = {
#define EXIT(exit, no, txt) { .kind = CTL_ROW_EXIT, .name = #exit, .number = no, .text = txt },
#define VALUE(word, fn, words, txt) { .kind = CTL_ROW_VALUE, .name = word, .fits = fn, .value = words, .text = txt },
#define GLOBAL(option, val, txt) { .kind = CTL_ROW_GLOBAL, .name = option, .value = val, .text = txt },
#define COMMAND(words, fn, args, txt) { .kind = CTL_ROW_COMMAND, .name = words, .run = fn, .value = args, .text = txt },
#define OPTION(option, val, rep, txt) { .kind = CTL_ROW_OPTION, .name = option, .value = val, .repeats = rep, .text = txt },
#define NOTE(txt) { .kind = CTL_ROW_NOTE, .text = txt },
#define EXAMPLE(txt) { .kind = CTL_ROW_EXAMPLE, .text = txt },
#include "tools/ctl.def"
	{ .kind = CTL_ROW_END },
};

const struct ctl_row *ctl_rows(void)
{
	return rows;
}

/* --- values -------------------------------------------------------------------------------------------------------------- */

bool ctl_fits_text(const char *text, const char *words)
{
	(void)words;
	return *text && str_is_utf8(str_of(text));
}

/* One of the words. */
bool ctl_fits_words(const char *text, const char *words)
{
	struct str rest = str_of(words);
	bool more = true;

	while (more)
		if (str_eqz(str_cut(&rest, ' ', &more), text))
			return true;
	return false;
}

static bool is_between(const char *text, uint64_t min, uint64_t max)
{
	uint64_t v;
	return str_u64(str_of(text), &v) == 0 && v >= min && v <= max;
}

bool ctl_fits_number(const char *text, const char *words)
{
	(void)words;
	return is_between(text, 0, INT64_MAX);
}

bool ctl_fits_count(const char *text, const char *words)
{
	(void)words;
	return is_between(text, 1, 1000000);
}

bool ctl_fits_zone(const char *text, const char *words)
{
	(void)words;
	return is_between(text, 1, UINT16_MAX);
}

bool ctl_fits_duration(const char *text, const char *words)
{
	size_t n = strspn(text, "0123456789");
	(void)words;
	return n > 0 && n <= 9 && text[n] && strchr("smhd", text[n]) && !text[n + 1];
}

/* Ids are made by trothd: letters and digits. */
bool ctl_fits_id(const char *text, const char *words)
{
	size_t n = strlen(text);
	(void)words;
	return n > 0 && n <= 64 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") == n &&
	       text[0] != '.' && text[0] != '-';
}

bool ctl_fits_name(const char *text, const char *words)
{
	return ctl_fits_id(text, words);
}

bool ctl_fits_stem(const char *text, const char *words)
{
	return ctl_fits_text(text, words) && text[0] != '.' && !strchr(text, '/') && strlen(text) <= 200;
}

bool ctl_fits_ae(const char *text, const char *words)
{
	return ctl_fits_text(text, words) && strchr("CS*", text[0]);
}

bool ctl_fits_app(const char *text, const char *words)
{
	return ctl_fits_text(text, words) && strchr("NRr", text[0]);
}

bool ctl_fits_cse(const char *text, const char *words)
{
	return ctl_fits_text(text, words) && text[0] == '/';
}

static const struct ctl_row *value_of(struct str word)
{
	for (const struct ctl_row *r = rows; r->kind != CTL_ROW_END; r++)
		if (r->kind == CTL_ROW_VALUE && str_eqz(word, r->name))
			return r;
	UNREACHABLE();
}

/* What ctl.def says of the word, and the choices. */
static int check_value(const char *what, struct str word, const char *text)
{
	const struct ctl_row *v = value_of(word);

	if (v->fits(text, v->value))
		return CTL_OK;
	bool choices = *v->value && *v->value != '@';
	return ctl_fail(CTL_USAGE, "%s takes %s%s%s, not \"%s\"", what, v->text, choices ? ": " : "", choices ? v->value : "", text);
}

/* --- reading ------------------------------------------------------------------------------------------------------------- */

const char *ctl_option_next(const struct ctl_args *a, const char *name, size_t *at)
{
	while (*at < a->n_options) {
		const struct ctl_given *g = &a->options[(*at)++];
		if (strcmp(g->name, name) == 0)
			return g->value;
	}
	return NULL;
}

const char *ctl_option(const struct ctl_args *a, const char *name)
{
	size_t at = 0;
	return ctl_option_next(a, name, &at);
}

/* The row of the command that the words name: the one with most words. */
static const struct ctl_row *find_command(const char *const *words, size_t n, size_t *used)
{
	const struct ctl_row *best = NULL;

	*used = 0;
	for (const struct ctl_row *r = rows; r->kind != CTL_ROW_END; r++) {
		if (r->kind != CTL_ROW_COMMAND)
			continue;
		struct str rest = str_of(r->name);
		bool more = true, same = true;
		size_t k = 0;
		for (; same && more; k++)
			same = k < n && str_eqz(str_cut(&rest, ' ', &more), words[k]);
		if (same && k > *used) {
			best = r;
			*used = k;
		}
	}
	return best;
}

static const struct ctl_row *find_option(const struct ctl_row *command, struct str name)
{
	for (const struct ctl_row *r = rows; r->kind != CTL_ROW_END; r++)
		if (r->kind == CTL_ROW_GLOBAL && str_eqz(name, r->name))
			return r;
	for (const struct ctl_row *r = command ? command + 1 : NULL; r && r->kind > CTL_ROW_COMMAND && r->kind < CTL_ROW_END; r++)
		if (r->kind == CTL_ROW_OPTION && str_eqz(name, r->name))
			return r;
	return NULL;
}

struct reader {
	struct ctl *c;
	struct ctl_globals *globals;
	const struct ctl_row *command;
	struct ctl_args *a;
	const char *words[CTL_ARGS + 4];
	size_t n_words;
};

/* "15m": the form is checked already. */
static uint64_t seconds_of(const char *text)
{
	static const struct {
		char unit;
		unsigned seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	size_t n = strlen(text);
	uint64_t v = 0;

	(void)str_u64(str_make(text, n - 1), &v);
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (text[n - 1] == units[i].unit)
			return v * units[i].seconds;
	UNREACHABLE();
}

static void take_global(struct reader *r, const char *name, const char *value)
{
	const struct {
		const char *name;
		const char **text;
		bool *flag;
	} globals[] = {
		{ "state", &r->c->state, NULL },        { "socket", &r->c->socket, NULL },   { "json", NULL, &r->c->json },
		{ "server", &r->c->server, NULL },      { "credential", &r->c->credential, NULL },
		{ "quiet", NULL, &r->c->quiet },        { "help", NULL, &r->globals->help }, { "version", NULL, &r->globals->version },
	};

	for (size_t i = 0; i < ARRAY_LEN(globals); i++) {
		if (strcmp(name, globals[i].name) != 0)
			continue;
		if (globals[i].flag)
			*globals[i].flag = true;
		if (globals[i].text)
			*globals[i].text = value;
		return;
	}
	r->c->wait_s = seconds_of(value);
}

static int take_option(struct reader *r, const struct ctl_row *row, const char *value)
{
	if (row->kind == CTL_ROW_GLOBAL) {
		take_global(r, row->name, value);
		return CTL_OK;
	}
	if (!row->repeats && ctl_option(r->a, row->name))
		return ctl_fail(CTL_USAGE, "--%s is there twice", row->name);
	if (r->a->n_options == CTL_OPTIONS)
		return ctl_fail(CTL_USAGE, "more than %d options", CTL_OPTIONS);
	r->a->options[r->a->n_options++] = (struct ctl_given){ row->name, value };
	return CTL_OK;
}

/* argv[*i] begins with two hyphens.  Where the command is not known yet, all of `argv` says whose option it is. */
static int read_option(struct reader *r, int argc, char **argv, int *i)
{
	struct str rest = str_of(argv[*i] + 2);
	bool has_value;
	struct str name = str_cut(&rest, '=', &has_value);
	const struct ctl_row *row = find_option(r->command, name);
	char what[80];

	if (!row && r->command)
		return ctl_fail(CTL_USAGE, "%s has no option --%.*s; trothctl help %s", r->command->name, STR_ARG(name), r->command->name);
	if (!row)
		return ctl_fail(CTL_USAGE, "there is no option --%.*s before the command; trothctl --help", STR_ARG(name));
	if (!*row->value)
		return has_value ? ctl_fail(CTL_USAGE, "--%s takes no value", row->name) : take_option(r, row, "");
	const char *value = rest.p;
	if (!has_value) {
		if (*i + 1 >= argc)
			return ctl_fail(CTL_USAGE, "--%s needs a value: %s", row->name, value_of(str_of(row->value))->text);
		value = argv[++*i];
	}
	snprintf(what, sizeof(what), "--%s", row->name);
	int code = check_value(what, str_of(row->value), value);
	return code ? code : take_option(r, row, value);
}

static int read_all(struct reader *r, int argc, char **argv)
{
	bool plain = false;

	for (int i = 1; i < argc; i++) {
		int code = CTL_OK;
		if (!plain && strcmp(argv[i], "--") == 0)
			plain = true;
		else if (!plain && strcmp(argv[i], "-h") == 0)
			r->globals->help = true;
		else if (!plain && strncmp(argv[i], "--", 2) == 0)
			code = read_option(r, argc, argv, &i);
		else if (!plain && argv[i][0] == '-' && argv[i][1])
			code = ctl_fail(CTL_USAGE, "there is no option %s: options are written out, as trothctl --help shows", argv[i]);
		else if (r->n_words == ARRAY_LEN(r->words))
			code = ctl_fail(CTL_USAGE, "too many arguments");
		else {
			size_t used;
			r->words[r->n_words++] = argv[i];
			/* Options that follow may be the command's own. */
			const struct ctl_row *found = find_command(r->words, r->n_words, &used);
			r->command = found ? found : r->command;
		}
		if (code)
			return code;
	}
	return CTL_OK;
}

/* The words behind the command, as its row wants them. */
static int read_operands(struct reader *r, size_t used)
{
	struct ctl_args *a = r->a;
	struct str rest = str_of(r->command->value);
	bool more = rest.n > 0, many = false;
	char what[80];

	a->n = 0;
	while (more) {
		struct str word = str_cut(&rest, ' ', &more);
		bool optional = word.p[0] == '[';
		if (optional)
			word = str_make(word.p + 1, word.n - 2);
		many = str_ends(word, STR("..."));
		if (many)
			word.n -= 3;
		if (used == r->n_words && !optional)
			return ctl_fail(CTL_USAGE, "%s needs %.*s: %s; trothctl help %s", r->command->name, STR_ARG(word),
			                value_of(word)->text, r->command->name);
		for (bool first = true; used < r->n_words && (first || many); first = false) {
			snprintf(what, sizeof(what), "%.*s of %s", STR_ARG(word), r->command->name);
			int code = a->n == CTL_ARGS ? ctl_fail(CTL_USAGE, "too many arguments") : check_value(what, word, r->words[used]);
			if (code)
				return code;
			a->v[a->n++] = r->words[used++];
		}
	}
	if (used < r->n_words)
		return ctl_fail(CTL_USAGE, "what is %s? %s takes %s; trothctl help %s", r->words[used], r->command->name,
		                *r->command->value ? r->command->value : "no argument", r->command->name);
	return CTL_OK;
}

static bool is_first_word(const char *word)
{
	for (const struct ctl_row *r = rows; r->kind != CTL_ROW_END; r++)
		if (r->kind == CTL_ROW_COMMAND && strncmp(r->name, word, strlen(word)) == 0 && r->name[strlen(word)] == ' ')
			return true;
	return false;
}

int ctl_read_args(int argc, char **argv, struct ctl *c, struct ctl_globals *g, const struct ctl_row **command, struct ctl_args *a)
{
	struct reader r = { .c = c, .globals = g, .a = a };
	size_t used = 0;

	int code = read_all(&r, argc, argv);
	*command = NULL;
	if (code || g->version)
		return code;
	size_t skip = r.n_words > 0 && strcmp(r.words[0], "help") == 0 ? 1 : 0;
	g->help |= skip > 0;
	const struct ctl_row *found = find_command(r.words + skip, r.n_words - skip, &used);
	if (!found && r.n_words > skip && !(g->help && is_first_word(r.words[skip])))
		return ctl_fail(CTL_USAGE, "no such command: %s%s%s; trothctl --help lists them", r.words[skip],
		                r.n_words > skip + 1 ? " " : "", r.n_words > skip + 1 ? r.words[skip + 1] : "");
	*command = found;
	if (g->help)
		return CTL_OK;
	if (!found)
		return ctl_fail(CTL_USAGE, "which command? trothctl --help lists them");
	r.command = found;
	const char *blank = strrchr(found->name, ' ');
	a->word = blank ? blank + 1 : found->name;
	return read_operands(&r, used);
}

/* --- help ---------------------------------------------------------------------------------------------------------------- */

static void show_options(const struct ctl_row *r, enum ctl_row_kind kind)
{
	for (; r->kind != CTL_ROW_END && (kind != CTL_ROW_OPTION || r->kind > CTL_ROW_COMMAND); r++) {
		char left[80];
		if (r->kind != kind)
			continue;
		snprintf(left, sizeof(left), "--%s%s%s%s", r->name, *r->value ? " " : "", r->value, r->repeats ? " ..." : "");
		printf("  %-22s %s\n", left, r->text);
	}
}

static void help_of_one(const struct ctl_row *command)
{
	const struct ctl_row *r;

	printf("usage: trothctl %s%s%s", command->name, *command->value ? " " : "", command->value);
	printf("%s\n\n%s.\n", command[1].kind > CTL_ROW_COMMAND ? " [OPTIONS]" : "", command->text);
	for (r = command + 1; r->kind > CTL_ROW_COMMAND && r->kind < CTL_ROW_END; r++)
		if (r->kind == CTL_ROW_NOTE)
			printf("%s\n", r->text);
	putchar('\n');
	show_options(command + 1, CTL_ROW_OPTION);
	for (r = command + 1; r->kind > CTL_ROW_COMMAND && r->kind < CTL_ROW_END; r++)
		if (r->kind == CTL_ROW_EXAMPLE)
			printf("example: %s\n", r->text);
}

void ctl_help(const struct ctl_row *command)
{
	const struct ctl_row *r;

	if (command) {
		help_of_one(command);
		return;
	}
	printf("usage: trothctl [OPTIONS] COMMAND [ARGUMENTS]\n\noptions:\n");
	show_options(rows, CTL_ROW_GLOBAL);
	printf("\ncommands (trothctl help COMMAND says more):\n");
	for (r = rows; r->kind != CTL_ROW_END; r++)
		if (r->kind == CTL_ROW_COMMAND)
			printf("  %s%s%s\n      %s\n", r->name, *r->value ? " " : "", r->value, r->text);
	printf("\nexit codes:\n");
	for (r = rows; r->kind != CTL_ROW_END; r++)
		if (r->kind == CTL_ROW_EXIT)
			printf("  %d  %s\n", r->number, r->text);
}
