/* SPDX-License-Identifier: Apache-2.0 */
/* troth-agent: options, commands, signals. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "config.h"
#include "agent/agent.h"
#include "agent/conf.h"
#include "cse/base/err.h"

extern char **environ;

enum { MAX_SETS = 64, EXIT_CONF = 2 };
static const char conf_file[] = SYSCONFDIR "/troth/troth-agent.conf";

struct options {
	const char *conf;
	const char *sets[MAX_SETS];
	size_t n_sets;
	bool check;
};

/* --- commands ------------------------------------------------------------------------------------------------------ */

static int fail(const struct why *why)
{
	fprintf(stderr, "troth-agent: %s\n", why->text[0] ? why->text : "cannot start");
	return 1;
}

struct signals {
	struct loop_io io; /* first */
	struct agent *agent;
};

static void on_signal(struct loop *l, struct loop_io *io, unsigned events)
{
	struct signals *s = (struct signals *)io;
	struct signalfd_siginfo si;

	(void)events;
	while (read(io->fd, &si, sizeof si) == (ssize_t)sizeof si) {
		log_write(s->agent->log, LOG_STOP, "signal %u", si.ssi_signo);
		loop_stop(l);
	}
}

static int serve(struct agent *a, struct why *why)
{
	struct signals sig = { .agent = a };
	sigset_t set;
	int fd, err;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0 || loop_io_add(a->loop, &sig.io, fd, LOOP_READ, on_signal)) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "cannot watch signals");
		return E_SYS;
	}
	err = agent_open(a, why);
	if (err == 0) {
		log_write(a->log, LOG_READY, "%s", "");
		agent_run(a);
	}
	loop_io_del(a->loop, &sig.io);
	close(fd);
	return err;
}

static int command_run(struct agent *a, const char *arg)
{
	struct why why = { RSC_NONE, "" };

	(void)arg;
	return serve(a, &why) ? fail(&why) : 0;
}

static const struct command {
	const char *name, *arg, *help;
	int (*fn)(struct agent *a, const char *arg);
} commands[] = {
	{ "run", NULL, "serves local clients, renews the certificate, until a signal ends it", command_run },
};

/* --- options ------------------------------------------------------------------------------------------------------- */

static void usage(FILE *f)
{
	fprintf(f,
	        "usage: troth-agent [-c FILE] [-s SECTION.OPTION=VALUE]... COMMAND\n"
	        "  -c, --config FILE   configuration (default: %s when it is there)\n"
	        "  -s, --set S.O=V     sets one option; wins over file and environment\n"
	        "      --check-config  reads and checks the configuration, says what is wrong, and ends\n"
	        "  -V, --version       the version\n"
	        "commands:\n",
	        conf_file);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		char text[40];

		snprintf(text, sizeof(text), "%s%s%s", commands[i].name, commands[i].arg ? " " : "", commands[i].arg ? commands[i].arg : "");
		fprintf(f, "  %-19s %s\n", text, commands[i].help);
	}
	fputs("exit status: 0 done or ended on request, 1 failed, 2 options or configuration are wrong\n", f);
}

/* -1: go on; otherwise the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = { { "config", required_argument, NULL, 'c' },
		{ "set", required_argument, NULL, 's' }, { "check-config", no_argument, NULL, 'C' },
		{ "version", no_argument, NULL, 'V' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int ch;

	while ((ch = getopt_long(argc, argv, "+c:s:Vh", longs, NULL)) != -1) {
		switch (ch) {
		case 'c':
			o->conf = optarg;
			break;
		case 's':
			if (o->n_sets == MAX_SETS) {
				fprintf(stderr, "troth-agent: at most %d times --set; use a configuration file\n", MAX_SETS);
				return EXIT_CONF;
			}
			o->sets[o->n_sets++] = optarg;
			break;
		case 'C':
			o->check = true;
			break;
		case 'V':
			printf("troth-agent %s\n", PACKAGE_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return EXIT_CONF;
		}
	}
	if (!o->conf && access(conf_file, R_OK) == 0)
		o->conf = conf_file;
	return -1;
}

static int read_config(const struct options *o, struct conf **out)
{
	struct conf_why why = { "" };
	int r = conf_read_of(&conf_agent, o->conf, environ, out, &why);

	for (size_t i = 0; r == 0 && i < o->n_sets; i++) {
		r = conf_set(*out, o->sets[i], &why);
		if (r)
			conf_unref(*out);
	}
	if (r)
		fprintf(stderr, "troth-agent: %s\n", why.text);
	return r;
}

/* NULL: there is none of that name and form. */
static const struct command *find_command(int argc, char **argv)
{
	for (size_t i = 0; argc > 0 && i < ARRAY_LEN(commands); i++)
		if (strcmp(argv[0], commands[i].name) == 0 && argc == (commands[i].arg ? 2 : 1))
			return &commands[i];
	return NULL;
}

/* No core file and no other process of this user may show what is in memory. */
static void prepare_process(void)
{
	const struct rlimit none = { 0, 0 };
	sigset_t set;

	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	const struct command *command = NULL;
	struct why why = { RSC_NONE, "" };
	struct conf *conf;
	struct agent *a;
	int r = parse_options(argc, argv, &o);

	if (r >= 0)
		return r;
	if (!o.check) {
		command = find_command(argc - optind, argv + optind);
		if (!command) {
			usage(stderr);
			return EXIT_CONF;
		}
	}
	if (read_config(&o, &conf))
		return EXIT_CONF;
	if (o.check) {
		conf_unref(conf);
		printf("configuration is good\n");
		return 0;
	}
	prepare_process();
	if (agent_new(conf, &a, &why))
		return fail(&why);
	r = command->fn(a, optind + 1 < argc ? argv[optind + 1] : NULL);
	agent_free(a);
	return r;
}
