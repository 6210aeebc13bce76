/* SPDX-License-Identifier: Apache-2.0 */
/* trothctl: the administrator's command.  Speaks admin/admin.h over the UNIX socket of the state folder. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config.h"
#include "cse/base/conf.h"
#include "tools/ctl.h"

int ctl_fail(int code, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* What was typed or answered may be quoted in it: one line, and nothing that a terminal obeys. */
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	fprintf(stderr, "trothctl: %s\n", text);
	return code;
}

/* As trothd would find it: environment, configuration, default. */
static const char *find_state(struct conf **conf)
{
	static const char file[] = SYSCONFDIR "/troth/troth.conf";
	const char *state = getenv("TROTH_CSE_STATE");
	struct conf_why why;

	*conf = NULL;
	if (state && *state)
		return state;
	/* One that trothd would not take, or that is not for this user's eyes, says nothing here. */
	if (access(file, R_OK) == 0 && conf_read(file, NULL, conf, &why) == 0)
		return conf_str(*conf, CONF_CSE_STATE);
	return conf_row(CONF_CSE_STATE)->def;
}

static int run(struct ctl *c, const struct ctl_row *command, const struct ctl_args *a)
{
	char path[4096];

	if (c->server && c->socket)
		return ctl_fail(CTL_USAGE, "--server and --socket are two ways: choose one");
	if (!c->socket && !c->server) {
		int n = snprintf(path, sizeof(path), "%s/admin.sock", c->state);
		if (n < 0 || n >= (int)sizeof(path))
			return ctl_fail(CTL_USAGE, "the path of the state folder is too long");
		c->socket = path;
	}
	buf_init_secret(&c->in, 64 << 20);
	int code = command->run(c, a);
	ctl_close(c);
	buf_fini_secret(&c->in);
	/* What nobody could be told was not done as asked. */
	if (code == CTL_OK && (fflush(stdout) != 0 || ferror(stdout)))
		code = ctl_fail(CTL_FILE, "the output cannot be written");
	return code;
}

int main(int argc, char **argv)
{
	struct conf *conf;
	struct ctl c = { .fd = -1, .state = find_state(&conf) };
	struct ctl_args a = { .n = 0 };
	struct ctl_globals g = { false, false };
	const struct ctl_row *command;

	/* A peer that is gone is told by the call that writes.  Codes and keys pass through here: there is no core file. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	int code = ctl_read_args(argc, argv, &c, &g, &command, &a);
	if (code == CTL_OK && g.version)
		printf("trothctl %s\n", PACKAGE_VERSION);
	else if (code == CTL_OK && g.help)
		ctl_help(command);
	else if (code == CTL_OK)
		code = run(&c, command, &a);
	if (conf)
		conf_unref(conf);
	return code;
}
