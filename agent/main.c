/* SPDX-License-Identifier: Apache-2.0 */
/* troth-agent: options, commands, signals. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/conf.h"
#include "agent/control.h"
#include "agent/door.h"
#include "agent/identity.h"
#include "agent/onboard.h"
#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/base/options.h"
#include "cse/base/sd.h"

extern char **environ;

enum { END_LOOKS = 100, END_LOOK_NS = 20000000 };
static const char conf_file[] = SYSCONFDIR "/troth/troth-agent.conf";

static int fail(const struct why *why)
{
	fprintf(stderr, "troth-agent: %s\n", why->text[0] ? why->text : "cannot start");
	return 1;
}

struct signals {
	struct loop_io io; /* first */
	struct loop_timer end;
	struct agent *agent;
	const struct options *options;
	unsigned looks;    /* at what is under way, since the end was asked for */
};

/* As a whole, or not at all. */
static void reload(const struct signals *s)
{
	struct agent *a = s->agent;
	struct conf_why bad = { "" };
	struct why why = { RSC_NONE, "" };
	struct conf *fresh;
	int err;

	sd_reloading(a->sd, clock_mono_ns(a->clock));
	err = options_read(s->options, &conf_agent, environ, &fresh, &bad);
	if (err == 0) {
		err = agent_reload(a, fresh, &why);
		conf_unref(fresh);
	}
	if (err)
		log_write(a->log, LOG_CONF, "nothing changed: %s", bad.text[0] ? bad.text : why.text);
	else
		log_write(a->log, LOG_RELOAD, "%s", "");
	sd_ready(a->sd, err ? "local clients are served; the last reload was refused, see the log" : "local clients are served");
}

/* Who has asked gets an answer, if the CSE gives it soon. */
static void look_for_end(struct loop *l, struct loop_timer *t)
{
	struct signals *s = CONTAINER_OF(t, struct signals, end);

	if (door_end(s->agent->door) && s->looks++ < END_LOOKS)
		loop_timer_set(l, t, loop_now_ns(l) + END_LOOK_NS, look_for_end);
	else
		loop_stop(l);
}

static void on_signal(struct loop *l, struct loop_io *io, unsigned events)
{
	struct signals *s = (struct signals *)io;
	struct signalfd_siginfo si;

	(void)events;
	while (read(io->fd, &si, sizeof si) == (ssize_t)sizeof si) {
		if (si.ssi_signo == SIGHUP) {
			reload(s);
			continue;
		}
		log_write(s->agent->log, LOG_STOP, "signal %u", si.ssi_signo);
		/* A second one does not wait. */
		if (s->end.pos)
			loop_stop(l);
		else
			look_for_end(l, &s->end);
	}
}

static void take_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

static int watch_signals(struct agent *a, struct signals *sig, struct why *why)
{
	sigset_t set;
	int fd;

	sig->agent = a;
	take_signals(&set);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd >= 0 && loop_io_add(a->loop, &sig->io, fd, LOOP_READ, on_signal) == 0)
		return 0;
	why_set(why, RSC_INTERNAL_SERVER_ERROR, "cannot watch signals");
	return E_SYS;
}

static void unwatch_signals(struct agent *a, struct signals *sig)
{
	int fd = sig->io.fd;

	loop_timer_cancel(a->loop, &sig->end);
	loop_io_del(a->loop, &sig->io);
	close(fd);
}

/* --- commands ------------------------------------------------------------------------------------------------------ */

static int command_enrol(struct agent *a, const struct options *o, char *arg)
{
	struct why why = { RSC_NONE, "" };

	(void)o;
	return onboard(a, arg, &why) ? fail(&why) : 0;
}

/* systemd wants a sign of life: while the loop turns, there is one. */
struct life {
	struct loop_timer timer; /* first */
	struct sd *sd;
};

static void on_life(struct loop *l, struct loop_timer *t)
{
	struct life *life = (struct life *)(void *)t;

	sd_alive(life->sd);
	loop_timer_set(l, t, loop_now_ns(l) + life->sd->watchdog_ns / 2, on_life);
}

static void serve(struct agent *a, struct life *life)
{
	log_write(a->log, LOG_READY, "generation %llu", (unsigned long long)identity_generation(a->identity));
	sd_ready(life->sd, "local clients are served");
	if (life->sd->watchdog_ns)
		on_life(a->loop, &life->timer);
	agent_run(a);
	sd_stopping(life->sd);
	loop_timer_cancel(a->loop, &life->timer);
}

static int command_run(struct agent *a, const struct options *o, char *arg)
{
	struct why why = { RSC_NONE, "" };
	struct signals sig = { .options = o };
	struct life life = { .sd = a->sd };
	int err = watch_signals(a, &sig, &why);

	(void)arg;
	if (err)
		return fail(&why);
	err = agent_open(a, &why);
	if (err == 0)
		serve(a, &life);
	unwatch_signals(a, &sig);
	return err ? fail(&why) : 0;
}

/* -1: no agent runs on the state folder. */
static int ask_running(struct agent *a, const char *line)
{
	struct why why = { RSC_NONE, "" };
	bool good = false;
	int err = control_ask(conf_str(a->conf, AGENT_STATE), line, stdout, &good, &why);

	if (err == E_ABSENT)
		return -1;
	return err ? fail(&why) : !good;
}

static int command_status(struct agent *a, const struct options *o, char *arg)
{
	struct why why = { RSC_NONE, "" };
	struct buf b;
	int r = ask_running(a, "status");

	(void)o, (void)arg;
	if (r >= 0)
		return r;
	if (identity_open(a, &a->identity, &why))
		return fail(&why);
	buf_init(&b, 8192);
	r = !control_status(a, &b);
	printf("%.*sno agent runs: nothing is carried or renewed\n", (int)b.n, b.p);
	buf_fini(&b);
	return r;
}

struct renewed {
	struct loop *loop;
	const char *fault;
	char text[200];
};

static void on_renewed(void *arg, const char *fault)
{
	struct renewed *r = arg;

	if (fault)
		snprintf(r->text, sizeof(r->text), "%s", fault);
	r->fault = fault ? r->text : NULL;
	loop_stop(r->loop);
}

static int command_renew(struct agent *a, const struct options *o, char *arg)
{
	struct why why = { RSC_NONE, "" };
	struct renewed done = { .loop = a->loop };
	int r = ask_running(a, "renew");

	(void)o, (void)arg;
	if (r >= 0)
		return r;
	if (identity_open(a, &a->identity, &why))
		return fail(&why);
	identity_renew(a->identity, on_renewed, &done);
	agent_run(a);
	if (done.fault) {
		fprintf(stderr, "troth-agent: not renewed: %s\n", done.fault);
		return 1;
	}
	printf("renewed: generation %llu\n", (unsigned long long)identity_generation(a->identity));
	return 0;
}

static const struct command {
	const char *name, *arg, *help;
	int (*fn)(struct agent *a, const struct options *o, char *arg);
} commands[] = {
	{ "enrol", "CODE", "takes a code of the CSE (or - for standard input, or @FILE), makes the key, gets the certificate",
	  command_enrol },
	{ "run", NULL, "serves local clients, renews the certificate, until a signal ends it", command_run },
	{ "status", NULL, "who this device is, how long its certificate lives, whether the CSE is reached", command_status },
	{ "renew", NULL, "renews the certificate now", command_renew },
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
	take_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(int argc, char **argv)
{
	const struct options_program program = { .table = &conf_agent, .file = conf_file, .commands = true, .usage = usage };
	struct options o;
	const struct command *command = NULL;
	struct why why = { RSC_NONE, "" };
	struct conf_why bad = { "" };
	struct conf *conf;
	struct agent *a;
	struct sd sd;
	int r = options_parse(&o, &program, argc, argv);

	if (r >= 0)
		return r;
	if (!o.check) {
		command = find_command(argc - optind, argv + optind);
		if (!command) {
			usage(stderr);
			return OPTIONS_WRONG;
		}
	}
	if (options_read(&o, &conf_agent, environ, &conf, &bad)) {
		fprintf(stderr, "troth-agent: %s\n", bad.text);
		return OPTIONS_WRONG;
	}
	prepare_process();
	sd_init(&sd);
	if (agent_new(conf, &a, &why))
		return fail(&why);
	a->sd = &sd;
	/* A person reads what the other commands say: sentences, not lines of a log. */
	if (command && command->fn != command_run)
		log_set_level(a->log, LOG_WARN);
	if (agent_check(a, &why)) {
		fail(&why);
		agent_free(a);
		return OPTIONS_WRONG;
	}
	if (o.check) {
		printf("configuration is good\n");
		agent_free(a);
		return 0;
	}
	r = command->fn(a, &o, optind + 1 < argc ? argv[optind + 1] : NULL);
	agent_free(a);
	sd_fini(&sd);
	return r;
}
