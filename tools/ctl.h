/* SPDX-License-Identifier: Apache-2.0 */
/* trothctl: what its commands share. */
#ifndef TOOLS_CTL_H
#define TOOLS_CTL_H

#include <jansson.h>

#include "cse/base/buf.h"

enum ctl_exit {
#define EXIT(name, number, text) name = number,
#include "tools/ctl.def"
	CTL_EXIT_END
};

enum { CTL_ARGS = 16, CTL_OPTIONS = 64, CTL_ANSWER_S = 60, CTL_LONG_S = 24 * 3600 };

struct ctl {
	const char *state;  /* state folder of trothd, for commands that read files themselves */
	const char *socket;
	const char *server, *credential; /* over HTTPS; NULL: over the socket */
	bool json;          /* answers as they come */
	bool quiet;         /* no progress */
	uint64_t wait_s;    /* how long trothd is waited for */
	const char *doing;  /* long work: what is said while an answer is waited for, up to CTL_LONG_S; NULL: CTL_ANSWER_S */
	const char *growing[2]; /* files that grow meanwhile, the later one first: the size of one that is there is said, too */
	int fd;             /* -1: not connected */
	struct ssl_st *ssl; /* on it, with server */
	struct buf in;
	struct str reply;   /* body of the last answer, in `in` */
};

/* The command line as its row allows it: number and form of arguments and values of options are checked already. */
struct ctl_args {
	const char *word;           /* the command's last word: one function may serve several rows */
	size_t n;
	const char *v[CTL_ARGS];
	size_t n_options;
	struct ctl_given {
		const char *name, *value;
	} options[CTL_OPTIONS];
};
typedef int ctl_fn(struct ctl *c, const struct ctl_args *a); /* an exit code */

/* Value of the option ("" when it takes none); NULL: not given. */
const char *ctl_option(const struct ctl_args *a, const char *name);
/* The same for one that may be repeated: *at begins with 0. */
const char *ctl_option_next(const struct ctl_args *a, const char *name, size_t *at);

#define COMMAND(words, function, args, text) ctl_fn function;
#include "tools/ctl.def"

typedef bool ctl_fits_fn(const char *text, const char *words);
#define VALUE(word, fits, words, text) ctl_fits_fn fits;
#include "tools/ctl.def"

enum ctl_row_kind { CTL_ROW_EXIT, CTL_ROW_VALUE, CTL_ROW_GLOBAL, CTL_ROW_COMMAND, CTL_ROW_OPTION, CTL_ROW_NOTE, CTL_ROW_EXAMPLE,
	            CTL_ROW_END };
/* A row of ctl.def. */
struct ctl_row {
	enum ctl_row_kind kind;
	const char *name;  /* words of a command, name of an option, WORD of a value */
	const char *value; /* args of a command, value of an option, words of a value */
	const char *text;
	bool repeats;
	int number;
	ctl_fn *run;
	ctl_fits_fn *fits;
};
/* All rows in order; the last one is CTL_ROW_END. */
const struct ctl_row *ctl_rows(void);
/* Reads argv[1..]: globals into *c, the rest into *a, *command is the row (NULL: none was named, which is right with --help and
 * --version only).  CTL_OK, or CTL_USAGE with a sentence on stderr. */
struct ctl_globals {
	bool help, version;
};
int ctl_read_args(int argc, char **argv, struct ctl *c, struct ctl_globals *g, const struct ctl_row **command, struct ctl_args *a);
void ctl_help(const struct ctl_row *command);

/* One request; body may be NULL (freed here).  CTL_OK: the answer was 2xx and is in c->reply.  Otherwise a sentence was
 * written to stderr. */
int ctl_call(struct ctl *c, const char *method, const char *path, json_t *body);
/* The same, and the reply as JSON (the caller's). */
int ctl_call_json(struct ctl *c, const char *method, const char *path, json_t *body, json_t **out);
void ctl_close(struct ctl *c);
/* The same for a command that shows the answer: with --json it is printed as it came, and *out is NULL as on failure. */
int ctl_ask(struct ctl *c, const char *method, const char *path, json_t *body, json_t **out);
/* The connection of --server, in place of the socket's.  0 bytes: it ended. */
int ctl_tls_open(struct ctl *c);
void ctl_tls_close(struct ctl *c);
bool ctl_tls_waits(const struct ctl *c); /* bytes are there that poll does not see */
ssize_t ctl_tls_send(struct ctl *c, const char *p, size_t n);
ssize_t ctl_tls_recv(struct ctl *c, char *p, size_t n);
/* --json: prints the last answer as it came. */
void ctl_print_reply(struct ctl *c);
/* One request whose answer nobody needs to see but with --json. */
int ctl_order(struct ctl *c, const char *method, const char *path, json_t *body);
/* Appends a segment of a path or a value of a query, percent-encoded. */
void ctl_put_escaped(struct buf *b, const char *text);

/* Members of `body` from options: the values of one that may be repeated, as a list; those that say what a credential may
 * (kind, zone, life ..).  CTL_USAGE with a sentence. */
void ctl_body_names(json_t *body, const char *member, const struct ctl_args *a, const char *option);
int ctl_body_options(json_t *body, const struct ctl_args *a);

/* "trothctl: sentence" on stderr; returns code. */
int ctl_fail(int code, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Writes a file whole: DIR/NAME with that mode; replaces only with `force`.  CTL_OK or CTL_FILE with a sentence. */
int ctl_write(const char *dir, const char *name, unsigned mode, const char *p, size_t n, bool force);
bool ctl_exists(const char *dir, const char *name);

/* --- what people read --------------------------------------------------------------------------------------------------- */

/* Text of a member; "" when it is absent or no text. */
const char *ctl_text(const json_t *j, const char *member);
/* A text as people read it: times in UTC as 2026-11-20 17:13:23, nothing that a terminal would obey. */
void ctl_put_plain(struct buf *b, const char *text);
/* JSON and a line's end; control characters in its texts are escaped. */
void ctl_print_json(struct str text);
/* Columns of a list of objects, as wide as they must be, with a line of titles; a list of texts is joined by blanks. */
struct ctl_column {
	const char *member, *title;
};
void ctl_table(const json_t *list, const struct ctl_column *columns, size_t n);
/* The list that `path` answers, as it came or as a table. */
int ctl_show_table(struct ctl *c, const char *path, const struct ctl_column *columns, size_t n);
/* The same of a list that comes in pages. */
int ctl_show_pages(struct ctl *c, const char *path, const struct ctl_column *columns, size_t n);
/* The object that `path` answers, as it came or line by line. */
int ctl_show_members(struct ctl *c, const char *method, const char *path, json_t *body);
/* Members of an object line by line, those of objects in it below their title. */
void ctl_members(const json_t *object);

#endif
