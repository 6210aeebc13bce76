/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's own socket. */
#include "agent/control.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "agent/conf.h"
#include "agent/identity.h"
#include "agent/upstream.h"
#include "cse/base/buf.h"
#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/model/prim.h"

enum { CALLS = 8, LINE_BYTES = 64, ANSWER_BYTES = 8192, CALL_S = 60 };
#define NS_PER_S INT64_C(1000000000)
static const char socket_name[] = "control.sock", good_mark[] = "good\n", bad_mark[] = "bad\n";

struct call {
	struct loop_io io; /* first */
	struct loop_timer timer;
	struct control *control;
	char line[LINE_BYTES];
	size_t n;
	bool waits; /* for a renewal */
};

struct control {
	struct loop_io io; /* first */
	struct agent *agent;
	struct call calls[CALLS];
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* --- what is said ---------------------------------------------------------------------------------------------------------- */

static void put_time(struct buf *b, int64_t us)
{
	time_t s = (time_t)(us / 1000000);
	struct tm tm;
	char text[40];

	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_z(b, text);
}

bool control_status(const struct agent *a, struct buf *b)
{
	const struct identity *id = a->identity;
	const struct addr_self *self = identity_cse(id);
	const struct strs *names = identity_names(id);
	int64_t from, until, next, now = clock_wall_us(a->clock);
	const char *fault = identity_fault(id, &next), *lost = a->upstream ? upstream_fault(a->upstream) : "";

	identity_life(id, &from, &until);
	buf_printf(b, "cse          /%.*s of %.*s, %.*s port %u\n", STR_ARG(self->cse), STR_ARG(self->sp), STR_ARG(identity_host(id)),
	           identity_port(id));
	buf_z(b, "names       ");
	for (size_t i = 0; i < names->n; i++)
		buf_printf(b, " %.*s", STR_ARG(names->v[i]));
	buf_printf(b, "%s\ncertificate  generation %llu, ", names->n ? "" : " (given by the CSE)",
	           (unsigned long long)identity_generation(id));
	buf_z(b, now < until ? "ends " : "has ended ");
	put_time(b, until);
	buf_printf(b, ", %lld %% of its life have passed\nrenewal      ", (long long)((now - from) * 100 / (until - from)));
	if (fault[0])
		buf_printf(b, "failed: %s; next attempt ", fault);
	else
		buf_z(b, "due ");
	put_time(b, next);
	buf_putc(b, '\n');
	if (a->upstream)
		buf_printf(b, "connections  %u to the CSE, %llu requests answered\n", upstream_connections(a->upstream),
		           (unsigned long long)upstream_answered(a->upstream));
	if (lost[0])
		buf_printf(b, "fault        %s\n", lost);
	return now < until && !fault[0] && !lost[0];
}

/* --- answering --------------------------------------------------------------------------------------------------------------- */

static void end(struct call *c)
{
	struct loop *l = c->control->agent->loop;
	int fd = c->io.fd;

	if (!c->io.on)
		return;
	loop_timer_cancel(l, &c->timer);
	loop_io_del(l, &c->io);
	close(fd);
	c->waits = false;
}

/* A local reader takes some kilobytes at once; one that does not has itself to blame. */
static void answer(struct call *c, bool good, struct str text)
{
	const char *mark = good ? good_mark : bad_mark;

	if (write(c->io.fd, mark, strlen(mark)) == (ssize_t)strlen(mark))
		(void)!write(c->io.fd, text.p, text.n);
	end(c);
}

static void on_renewed(void *arg, const char *fault)
{
	struct control *k = arg;
	struct buf b;

	buf_init(&b, ANSWER_BYTES);
	if (fault)
		buf_printf(&b, "not renewed: %s\n", fault);
	else
		buf_printf(&b, "renewed: generation %llu\n", (unsigned long long)identity_generation(k->agent->identity));
	for (size_t i = 0; i < CALLS; i++)
		if (k->calls[i].waits)
			answer(&k->calls[i], fault == NULL, buf_as_str(&b));
	buf_fini(&b);
}

static bool somebody_waits(const struct control *k)
{
	for (size_t i = 0; i < CALLS; i++)
		if (k->calls[i].waits)
			return true;
	return false;
}

static void obey(struct call *c, struct str line)
{
	struct control *k = c->control;
	struct buf b;

	if (str_eqz(line, "renew")) {
		/* Those who wait already and those who come are told the same. */
		if (!somebody_waits(k))
			identity_renew(k->agent->identity, on_renewed, k);
		c->waits = true;
		return;
	}
	buf_init(&b, ANSWER_BYTES);
	if (str_eqz(line, "status")) {
		bool good = control_status(k->agent, &b);
		answer(c, good, buf_as_str(&b));
	} else {
		answer(c, false, STR("say status or renew\n"));
	}
	buf_fini(&b);
}

static void on_call(struct loop *l, struct loop_io *io, unsigned events)
{
	struct call *c = (struct call *)(void *)io;
	ssize_t n = read(io->fd, c->line + c->n, sizeof(c->line) - c->n);
	char *stop;

	(void)l, (void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || c->waits) {
		end(c);
		return;
	}
	c->n += (size_t)n;
	stop = memchr(c->line, '\n', c->n);
	if (stop)
		obey(c, str_make(c->line, (size_t)(stop - c->line)));
	else if (c->n == sizeof(c->line))
		end(c);
}

static void on_late(struct loop *l, struct loop_timer *t)
{
	(void)l;
	end(CONTAINER_OF(t, struct call, timer));
}

static bool may_call(int fd)
{
	struct ucred who;
	socklen_t n = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && n == sizeof(who) && (who.uid == geteuid() || who.uid == 0);
}

static void on_caller(struct loop *l, struct loop_io *io, unsigned events)
{
	struct control *k = (struct control *)(void *)io;
	int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct call *c = NULL;

	(void)events;
	for (size_t i = 0; i < CALLS && !c; i++)
		if (!k->calls[i].io.on)
			c = &k->calls[i];
	if (fd < 0)
		return;
	if (!c || !may_call(fd) || loop_io_add(l, &c->io, fd, LOOP_READ, on_call) != 0) {
		close(fd);
		return;
	}
	c->control = k;
	c->n = 0;
	loop_timer_set(l, &c->timer, loop_now_ns(l) + CALL_S * NS_PER_S, on_late);
}

/* --- life ---------------------------------------------------------------------------------------------------------------------- */

static int address_of(const char *dir, struct sockaddr_un *un, struct why *why)
{
	int n;

	*un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(un->sun_path, sizeof(un->sun_path), "%s/%s", dir, socket_name);
	if (n > 0 && (size_t)n < sizeof(un->sun_path))
		return 0;
	why_set(why, RSC_INTERNAL_SERVER_ERROR, "agent.state is too long for a socket in it: use a path of at most %zu bytes",
	        sizeof(un->sun_path) - sizeof(socket_name) - 1);
	return E_CONF;
}

int control_open(struct agent *a, struct control **out, struct why *why)
{
	struct sockaddr_un un;
	struct control *k;
	int err = address_of(conf_str(a->conf, AGENT_STATE), &un, why), fd;

	if (err)
		return err;
	/* The folder's lock is ours: a socket that is there is left over. */
	unlink(un.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	k = calloc(1, sizeof(*k));
	REQUIRE(k != NULL);
	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) || chmod(un.sun_path, 0600) || listen(fd, CALLS) ||
	    loop_io_add(a->loop, &k->io, fd, LOOP_READ, on_caller)) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "cannot listen on %.100s: %s", un.sun_path, strerror(errno));
		if (fd >= 0)
			close(fd);
		free(k);
		return E_SYS;
	}
	k->agent = a;
	memcpy(k->path, un.sun_path, sizeof(k->path));
	*out = k;
	return 0;
}

void control_close(struct control *k)
{
	int fd;

	if (!k)
		return;
	identity_leave(k->agent->identity, k);
	for (size_t i = 0; i < CALLS; i++)
		if (k->calls[i].io.on)
			end(&k->calls[i]);
	fd = k->io.fd;
	loop_io_del(k->agent->loop, &k->io);
	close(fd);
	unlink(k->path);
	free(k);
}

/* --- asking ---------------------------------------------------------------------------------------------------------------------- */

int control_ask(const char *dir, const char *line, FILE *out, bool *good, struct why *why)
{
	struct sockaddr_un un;
	char text[ANSWER_BYTES + 16];
	size_t n = 0, skip;
	ssize_t k = 1;
	int err = address_of(dir, &un, why), fd;

	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0) {
		if (fd >= 0)
			close(fd);
		return E_ABSENT;
	}
	if (write(fd, line, strlen(line)) == (ssize_t)strlen(line) && write(fd, "\n", 1) == 1)
		while (k > 0 && n + 1 < sizeof(text)) {
			k = read(fd, text + n, sizeof(text) - 1 - n);
			n += k > 0 ? (size_t)k : 0;
		}
	close(fd);
	text[n] = 0;
	*good = str_starts(str_make(text, n), STR(good_mark));
	skip = strlen(*good ? good_mark : bad_mark);
	if (n <= skip) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the agent that runs does not answer");
		return E_IO;
	}
	fputs(text + skip, out);
	return 0;
}
