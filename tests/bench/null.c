/* SPDX-License-Identifier: Apache-2.0 */
/* bench-null: trothd whose gate answers a constant; what binding and TLS cost alone.  Never installed. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cse/cse.h"

extern char **environ;

static void on_signal(struct loop *l, struct loop_io *io, unsigned events)
{
	(void)io;
	(void)events;
	loop_stop(l);
}

int main(int argc, char **argv)
{
	const char *sets[32];
	size_t n = 0;
	for (int i = 1; i + 1 < argc && n < ARRAY_LEN(sets); i += 2)
		if (strcmp(argv[i], "-s") == 0)
			sets[n++] = argv[i + 1];
	struct rlimit rl;
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
	signal(SIGPIPE, SIG_IGN);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	struct cse *cse;
	struct why why = { RSC_NONE, "" };
	if (cse_open(NULL, environ, sets, n, &cse, &why)) {
		fprintf(stderr, "bench-null: %s\n", why.text);
		return 1;
	}
	gate_answer_constant(cse->gate);
	struct loop_io io = { 0 };
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0 || loop_io_add(cse->loops[0], &io, fd, LOOP_READ, on_signal))
		return 1;
	cse_run(cse);
	loop_io_del(cse->loops[0], &io);
	close(fd);
	cse_close(cse);
	return 0;
}
