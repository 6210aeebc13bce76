/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service manager hears of a program: sd_notify(3)'s datagrams on the socket that $NOTIFY_SOCKET names, written
 * without its library.  Without that variable every call does nothing, so callers need not ask.
 */
#ifndef BASE_SD_H
#define BASE_SD_H

#include <stdbool.h>
#include <stdint.h>

#include "cse/base/check.h"

struct sd {
	int fd;              /* connected, or -1: nobody listens */
	int64_t watchdog_ns; /* a sign of life is wanted within that time; 0: none */
};

/* Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID and takes them out of the environment, so that no child speaks in
 * our name.  Before there are threads.  What cannot be used counts as absent. */
void sd_init(struct sd *s);
void sd_fini(struct sd *s);
/* A datagram socket connected to that path ('@' in front: an abstract name), or -1.  Sends and never waits. */
int sd_dial(const char *path);
/* The same socket to who is there now; false: nobody. */
bool sd_redial(int fd, const char *path);
/* Start-up is over; also after sd_reloading, when the reload is over, done or refused.  status: one line for `systemctl
 * status`. */
void sd_ready(const struct sd *s, const char *status);
/* A reload begins. mono_ns: clock_mono_ns. */
void sd_reloading(const struct sd *s, int64_t mono_ns);
void sd_stopping(const struct sd *s);
void sd_alive(const struct sd *s);

#endif
