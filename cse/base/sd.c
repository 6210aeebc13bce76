/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams to the service manager. */
#include "cse/base/sd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cse/base/str.h"

enum { MESSAGE_BYTES = 512 };

bool sd_redial(int fd, const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t n = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || n < 2 || n >= sizeof(un.sun_path))
		return false;
	memcpy(un.sun_path, path, n);
	if (path[0] == '@')
		un.sun_path[0] = '\0';
	return connect(fd, (struct sockaddr *)&un, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) == 0;
}

int sd_dial(const char *path)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && !sd_redial(fd, path)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int64_t watchdog_of(const char *usec, const char *pid)
{
	uint64_t us, whose;

	if (!usec || str_u64(str_of(usec), &us) != 0 || us > INT64_MAX / 1000)
		return 0;
	if (pid && (str_u64(str_of(pid), &whose) != 0 || whose != (uint64_t)getpid()))
		return 0;
	return (int64_t)us * 1000;
}

void sd_init(struct sd *s)
{
	const char *path = getenv("NOTIFY_SOCKET");

	s->fd = path ? sd_dial(path) : -1;
	s->watchdog_ns = s->fd >= 0 ? watchdog_of(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID")) : 0;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void sd_fini(struct sd *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* A manager that does not read loses the message: service goes on. */
static void tell(const struct sd *s, const char *text)
{
	if (s->fd >= 0)
		(void)!send(s->fd, text, strlen(text), MSG_NOSIGNAL);
}

void sd_ready(const struct sd *s, const char *status)
{
	char text[MESSAGE_BYTES];

	snprintf(text, sizeof(text), "READY=1\nSTATUS=%s\n", status);
	tell(s, text);
}

void sd_reloading(const struct sd *s, int64_t mono_ns)
{
	char text[MESSAGE_BYTES];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=reloading\n", mono_ns / 1000);
	tell(s, text);
}

void sd_stopping(const struct sd *s)
{
	tell(s, "STOPPING=1\nSTATUS=stopping\n");
}

void sd_alive(const struct sd *s)
{
	tell(s, "WATCHDOG=1\n");
}
