/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of sockets as addresses of rules. */
#include "bindings/peer.h"

#include <netinet/in.h>

void peer_address(const struct sockaddr_storage *from, struct ipaddr *out)
{
	struct ipaddr a = { .family = 0 };
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (from->ss_family == AF_INET) {
		memcpy(&v4, from, sizeof(v4));
		a.family = 4;
		memcpy(a.b, &v4.sin_addr, 4);
	} else if (from->ss_family == AF_INET6) {
		memcpy(&v6, from, sizeof(v6));
		if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
			a.family = 4;
			memcpy(a.b, v6.sin6_addr.s6_addr + 12, 4);
		} else {
			a.family = 6;
			memcpy(a.b, &v6.sin6_addr, 16);
		}
	}
	*out = a;
}
