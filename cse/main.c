/* SPDX-License-Identifier: Apache-2.0 */
/* trothd: options, start, signals, end. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "config.h"
#include "cse/base/err.h"
#include "cse/base/log.h"
#include "cse/base/sd.h"
#include "cse/cse.h"
#include "cse/cse_check.h"

extern char **environ;

enum { MAX_SETS = 64, EXIT_CONF = 2 };

static const char usage[] =
    "usage: trothd [-c FILE] [-s SECTION.OPTION=VALUE]... [--check-config]\n"
    "  -c, --config FILE   configuration (default: " SYSCONFDIR "/troth/troth.conf when it is there)\n"
    "  -s, --set S.O=V     sets one option; wins over file and environment\n"
    "      --check-config  reads and checks the configuration, says what is wrong, and ends\n"
    "  -V, --version       the version\n"
    "SIGHUP reads the configuration again (as a whole, or not at all); SIGTERM and SIGINT end trothd.\n"
    "exit status: 0 ended on request, 1 could not start or run, 2 options or configuration are wrong\n";

struct options {
	const char *conf;
	const char *sets[MAX_SETS];
	size_t n_sets;
	bool check;
};

/* -1: go on; otherwise the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = { { "config", required_argument, NULL, 'c' },
		{ "set", required_argument, NULL, 's' }, { "check-config", no_argument, NULL, 'C' },
		{ "version", no_argument, NULL, 'V' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int ch;
	while ((ch = getopt_long(argc, argv, "c:s:Vh", longs, NULL)) != -1) {
		switch (ch) {
		case 'c':
			o->conf = optarg;
			break;
		case 's':
			if (o->n_sets == MAX_SETS) {
				fprintf(stderr, "trothd: at most %d times --set; use a configuration file\n", MAX_SETS);
				return EXIT_CONF;
			}
			o->sets[o->n_sets++] = optarg;
			break;
		case 'C':
			o->check = true;
			break;
		case 'V':
			printf("trothd %s\n", PACKAGE_VERSION);
			return 0;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return EXIT_CONF;
		}
	}
	if (optind != argc) {
		fprintf(stderr, "trothd: unexpected argument %s\n%s", argv[optind], usage);
		return EXIT_CONF;
	}
	if (!o->conf && access(SYSCONFDIR "/troth/troth.conf", R_OK) == 0)
		o->conf = SYSCONFDIR "/troth/troth.conf";
	return -1;
}

static int check_config(const struct options *o)
{
	struct conf *c;
	struct conf_why why = { "" };
	int r = conf_read(o->conf, environ, &c, &why);
	for (size_t i = 0; r == 0 && i < o->n_sets; i++)
		r = conf_set(c, o->sets[i], &why);
	if (r == 0)
		r = cse_check_conf(c, &why);
	if (r) {
		fprintf(stderr, "%s\n", why.text);
		return EXIT_CONF;
	}
	conf_unref(c);
	printf("configuration is good\n");
	return 0;
}

/* No core file and no other process of this user may show what is in memory; as many descriptors as allowed. */
static void prepare_process(void)
{
	struct rlimit rl;
	prctl(PR_SET_DUMPABLE, 0);
	rl.rlim_cur = rl.rlim_max = 0;
	setrlimit(RLIMIT_CORE, &rl);
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
	signal(SIGPIPE, SIG_IGN);
}

struct signals {
	struct loop_io io; /* first */
	struct cse *cse;
};

static void reload(struct cse *c)
{
	struct why why = { RSC_NONE, "" };
	if (cse_reload(c, &why)) {
		log_write(c->log, LOG_CONF, "nothing changed: %s", why.text);
		return;
	}
	log_write(c->log, LOG_RELOAD, "new requests and connections follow it");
	audit(c->security, EV_SETTINGS, NULL, STR_NONE, "reload");
}

static void on_signal(struct loop *l, struct loop_io *io, unsigned events)
{
	struct signals *s = (struct signals *)io;
	struct signalfd_siginfo si;
	(void)l;
	(void)events;
	while (read(io->fd, &si, sizeof si) == (ssize_t)sizeof si) {
		if (si.ssi_signo == SIGHUP) {
			reload(s->cse);
			continue;
		}
		log_write(s->cse->log, LOG_STOP, "signal %u", si.ssi_signo);
		if (s->cse->sd)
			sd_stopping(s->cse->sd);
		cse_stop(s->cse);
	}
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	int r = parse_options(argc, argv, &o);
	if (r >= 0)
		return r;
	if (o.check)
		return check_config(&o);
	prepare_process();

	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);

	struct sd sd;
	sd_init(&sd);
	struct cse *cse;
	struct why why = { RSC_NONE, "" };
	r = cse_open(o.conf, environ, o.sets, o.n_sets, &cse, &why);
	if (r) {
		fprintf(stderr, "trothd: %s\n", why.text[0] ? why.text : "cannot start");
		return r == E_CONF ? EXIT_CONF : 1;
	}
	struct signals sig = { .cse = cse };
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0 || loop_io_add(cse->loops[0], &sig.io, fd, LOOP_READ, on_signal)) {
		fprintf(stderr, "trothd: cannot watch signals\n");
		return 1;
	}
	cse->sd = &sd;
	sd_ready(&sd, "serving");
	log_write(cse->log, LOG_READY, "%u loops", cse->n_loops);
	cse_run(cse);
	loop_io_del(cse->loops[0], &sig.io);
	close(fd);
	cse_close(cse);
	sd_fini(&sd);
	return 0;
}
