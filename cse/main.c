/* SPDX-License-Identifier: Apache-2.0 */
/* trothd: start, signals, end. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cse/base/err.h"
#include "cse/base/log.h"
#include "cse/base/options.h"
#include "cse/base/sd.h"
#include "cse/cse.h"
#include "cse/cse_check.h"

extern char **environ;

static const char conf_file[] = SYSCONFDIR "/troth/troth.conf";

static void usage(FILE *f)
{
	fprintf(f,
	        "usage: trothd [-c FILE] [-s SECTION.OPTION=VALUE]... [--check-config]\n"
	        "  -c, --config FILE   configuration (default: %s when it is there)\n"
	        "  -s, --set S.O=V     sets one option; wins over file and environment\n"
	        "      --check-config  reads and checks the configuration, says what is wrong, and ends\n"
	        "  -V, --version       the version\n"
	        "SIGHUP reads the configuration again (as a whole, or not at all); SIGTERM and SIGINT end trothd.\n"
	        "exit status: 0 ended on request, 1 could not start or run, 2 options or configuration are wrong\n",
	        conf_file);
}

static int check_config(const struct options *o)
{
	struct conf *c = NULL;
	struct conf_why why = { "" };
	int r = options_read(o, &conf_troth, environ, &c, &why);

	if (r == 0)
		r = cse_check_conf(c, &why);
	conf_unref(c);
	if (r) {
		fprintf(stderr, "%s\n", why.text);
		return OPTIONS_WRONG;
	}
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
	const struct options_program program = { .table = &conf_troth, .file = conf_file, .usage = usage };
	struct options o;
	int r = options_parse(&o, &program, argc, argv);
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
		return r == E_CONF ? OPTIONS_WRONG : 1;
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
