/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners: one descriptor per loop and address; connections are spread evenly over the loops. */
#ifndef BINDINGS_LISTEN_H
#define BINDINGS_LISTEN_H

#include "bindings/conn.h"

struct listener {
	struct loop_io io;
	struct loop_timer retry;
	struct listen_set *set;
	unsigned lane; /* whose loop it is on */
	int fd;
};

struct listen_set {
	struct conn_lane *const *lanes;
	unsigned n_lanes;
	struct log *log;
	struct security *security;    /* NULL: none, on the agent's port */
	const char *option;           /* "https.listen": whose addresses they are, for reasons */
	_Atomic unsigned total, max;  /* connections of all lanes; max may be changed at any time */
	struct listener *listeners;
	unsigned n;
	unsigned port;                /* of the first address */
};

/* Binds each address ("127.0.0.1:8443", "[::1]:8443", "0.0.0.0:0") once per lane.  A port 0 is chosen once per address.
 * An IPv6 address that this machine does not have is passed over when another address could be bound.
 * E_CONF or E_SYS with a sentence in why, and nothing stays open. */
int listen_open(struct listen_set *set, const char *const *addresses, unsigned n_addresses, struct why *why);
/* Could listen_open read it? */
bool listen_is_address(const char *text);
/* Registers with the loops, which take over from here. */
int listen_start(struct listen_set *set, struct why *why);
/* Loops have stopped, or are this thread's. */
void listen_close(struct listen_set *set);

#endif
