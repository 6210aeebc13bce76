/* SPDX-License-Identifier: Apache-2.0 */
/* trothctl: what its commands share. */
#ifndef TOOLS_CTL_H
#define TOOLS_CTL_H

#include <jansson.h>

#include "cse/base/buf.h"

/* Exit codes, as --help lists them. */
enum ctl_exit {
	CTL_OK = 0,
	CTL_REFUSED = 1,  /* trothd answered with an error */
	CTL_USAGE = 2,    /* the command line is wrong */
	CTL_NO_TROTHD = 3,/* trothd cannot be reached or does not answer as expected */
	CTL_FILE = 4      /* a file cannot be read or written, or is there already */
};

struct ctl {
	const char *socket;
	bool json;          /* answers as they come */
	int fd;             /* -1: not connected */
	struct buf in;
	struct str reply;   /* body of the last answer, in `in` */
};

struct ctl_command {
	const char *name;   /* "ca issue" */
	const char *args, *help;
	int (*run)(struct ctl *c, int argc, char **argv); /* argv[0] is the command's last word */
};

/* One request; body may be NULL (freed here).  CTL_OK: the answer was 2xx and is in c->reply.  Otherwise a sentence was
 * written to stderr. */
int ctl_call(struct ctl *c, const char *method, const char *path, json_t *body);
/* The same, and the reply as JSON (the caller's). */
int ctl_call_json(struct ctl *c, const char *method, const char *path, json_t *body, json_t **out);
void ctl_close(struct ctl *c);

/* "trothctl: sentence" on stderr; returns code. */
int ctl_fail(int code, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Writes a file whole: DIR/NAME with that mode; replaces only with `force`.  CTL_OK or CTL_FILE with a sentence. */
int ctl_write(const char *dir, const char *name, unsigned mode, const char *p, size_t n, bool force);
bool ctl_exists(const char *dir, const char *name);

/* tools/ctl_ca.c */
int ctl_ca_issue(struct ctl *c, int argc, char **argv);
int ctl_ca_show(struct ctl *c, int argc, char **argv);
/* tools/ctl_show.c */
int ctl_credential_list(struct ctl *c, int argc, char **argv);
int ctl_credential_change(struct ctl *c, int argc, char **argv);
int ctl_status(struct ctl *c, int argc, char **argv);
int ctl_events(struct ctl *c, int argc, char **argv);
int ctl_events_verify(struct ctl *c, int argc, char **argv);
int ctl_zone_list(struct ctl *c, int argc, char **argv);
int ctl_conduit(struct ctl *c, int argc, char **argv);
int ctl_acp_why(struct ctl *c, int argc, char **argv);
int ctl_zone_make(struct ctl *c, int argc, char **argv);
int ctl_clock_accept(struct ctl *c, int argc, char **argv);

#endif
