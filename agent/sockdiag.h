/* SPDX-License-Identifier: Apache-2.0 */
/* Whose is the other end of a loopback connection: the kernel's answer by exact addresses and ports (sock_diag(7)), of this network
 * namespace only. */
#ifndef AGENT_SOCKDIAG_H
#define AGENT_SOCKDIAG_H

#include <linux/inet_diag.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "cse/model/rsc.h"

struct sockdiag {
	int fd;
	uint32_t seq;
};

int sockdiag_open(struct sockdiag *d, struct why *why);
void sockdiag_close(struct sockdiag *d);
/* User of the socket at the other end of an accepted TCP connection.  E_DENIED unless the kernel knows it here and calls it
 * established: a socket that is closed, or of another network namespace, has no user that could be told.  About 10 us. */
int sockdiag_peer(struct sockdiag *d, int fd, uid_t *uid);
/* User of the socket that listens at that loopback address; E_ABSENT: nobody does. */
int sockdiag_listener(struct sockdiag *d, const struct sockaddr *at, uid_t *uid);

/* --- parts, for the fuzz target ---------------------------------------------------------------------------------------- */

struct sockdiag_ask {
	uint8_t family; /* AF_INET or AF_INET6 */
	uint8_t state;  /* that the socket must have: TCP_ESTABLISHED or TCP_LISTEN */
	uint32_t seq;
	struct inet_diag_sockid id;
};
/* The kernel's answer: 0 and *uid; E_ABSENT: there is no such socket; E_DENIED: another socket, another state, or no answer of that form. */
int sockdiag_parse(const void *p, size_t n, const struct sockdiag_ask *ask, uid_t *uid);

#endif
