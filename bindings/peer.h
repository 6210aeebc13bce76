/* SPDX-License-Identifier: Apache-2.0 */
/* What a channel says about its peer's address, in the words of the security room. */
#ifndef BINDINGS_PEER_H
#define BINDINGS_PEER_H

#include <sys/socket.h>

#include "security/security.h"

/* An IPv4 address in IPv6 clothes is given as IPv4; anything but IPv4 and IPv6 as family 0. */
void peer_address(const struct sockaddr_storage *from, struct ipaddr *out);

#endif
